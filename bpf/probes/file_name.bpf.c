/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names of watched files, and anything in watched directories: hints, upon which the agent looks.
 *
 *   tp_btf/ext4_mark_inode_dirty: a change of names dirties the directories and the inodes that get or lose a name,
 *     within the call that makes it and before their locks are released.
 *   lsm/inode_setxattr, inode_removexattr, else tp_btf/ext4_journal_start_inode (since 6.3): extended attributes, which
 *     no hook of file_change.bpf.c sees.
 *
 * fanotify tells the same with whole names, but a single mark lengthens each open and close on its whole file system:
 * it serves the other file systems. LSM hooks would tell names everywhere, but not second writes to a dirty page, for
 * which those need a mark anyway.
 */
#include "bpf/lib/change.bpf.h"

#define NOT_NAMING (~0u)
#define NAME_UNKNOWN 0
#define EXT4_HT_XATTR 10 /* fs/ext4/ext4_jbd2.h */

/* enum event_name_op for a system call; NAME_UNKNOWN where its number cannot be had: workers of io_uring. */
static __always_inline __u32 name_op_of_syscall(int number)
{
	switch (number) {
#if defined(__TARGET_ARCH_x86)
	case NR_rename:
#endif
	case NR_renameat:
	case NR_renameat2:
		return EVENT_NAME_RENAME;
#if defined(__TARGET_ARCH_x86)
	case NR_link:
#endif
	case NR_linkat:
		return EVENT_NAME_LINK;
#if defined(__TARGET_ARCH_x86)
	case NR_unlink:
	case NR_rmdir:
#endif
	case NR_unlinkat:
		return EVENT_NAME_UNLINK;
#if defined(__TARGET_ARCH_x86)
	case NR_open:
	case NR_creat:
	case NR_mkdir:
	case NR_mknod:
	case NR_symlink:
#endif
	case NR_openat:
	case NR_openat2:
	case NR_mkdirat:
	case NR_mknodat:
	case NR_symlinkat:
		return EVENT_NAME_CREATE;
	default:
		return number == -2 ? NAME_UNKNOWN : NOT_NAMING;
	}
}

static __always_inline _Bool is_directory(struct inode *inode)
{
	return (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFDIR;
}

static __noinline int name_hint(struct inode *inode, __u32 op)
{
	struct event_file_key key = inode_key(inode);
	struct object_state *object = bpf_map_lookup_elem(&objects, &key);
	struct name_hint_event *event;

	if (!object || !(object->flags & (OBJECT_F_WATCHED | OBJECT_F_DIRECTORY)))
		return 0;
	event = urgent_reserve(EVENT_KIND_NAME_HINT, sizeof(*event));
	if (!event)
		return 0;
	event->inode = key;
	event->directory = is_directory(inode);
	event->op = op;
	urgent_submit(event, EVENT_KIND_NAME_HINT);
	return 0;
}

SEC("tp_btf/ext4_mark_inode_dirty")
int BPF_PROG(name_change_ext4, struct inode *inode, unsigned long ip)
{
	struct task_struct *task;
	__u32 op;

	if (!inode_filter_test_btf(inode))
		return 0;
	task = bpf_get_current_task_btf();
	if (!task_is_actor(task))
		return 0;
	op = name_op_of_syscall(task_syscall(task));
	/* Making a file of its own is no change to a file. */
	if (op == NOT_NAMING || (op == EVENT_NAME_CREATE && !is_directory(inode)))
		return 0;
	return name_hint(inode, op);
}

SEC("tp_btf/ext4_journal_start_inode")
int BPF_PROG(xattr_change_ext4, struct inode *inode, int blocks, int rsv_blocks, int revoke_creds, int type,
	     unsigned long ip)
{
	if (type != EXT4_HT_XATTR || !inode || !inode_filter_test_btf(inode))
		return 0;
	return file_changed_slow(inode, 0, 0, EVENT_CHANGE_ATTRIBUTE);
}

static __always_inline int xattr_changes(struct dentry *dentry)
{
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);

	if (inode && inode_filter_test(inode))
		file_changed_slow(inode, 0, 0, EVENT_CHANGE_ATTRIBUTE);
	return 0;
}

/* The first argument was a user namespace before 6.3; only its place matters here. */
SEC("lsm/inode_setxattr")
int BPF_PROG(xattr_set_lsm, void *idmap, struct dentry *dentry)
{
	return xattr_changes(dentry);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(xattr_remove_lsm, void *idmap, struct dentry *dentry)
{
	return xattr_changes(dentry);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
