/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Changes of watched files, and what carriers write.
 *
 *   tp_btf/ext4_da_write_begin, ext4_write_begin: each write on ext4, exact, whether the folio was dirty or not.
 *   tp_btf/writeback_dirty_folio: a folio became dirty, on any file system with write-back. Silent for a second write
 *     before write-back, and one large folio counts whole. On ext4 only stores through mappings are taken from it.
 *   tp_btf/writeback_dirty_inode_start: the inode changed: size, mode, owner, times. It is also what shows second
 *     writes elsewhere than on ext4, and stores into mapped pages that were dirty. Reads update the access time through
 *     the same hook, so the system call decides what it was.
 *   lsm/inode_rename, inode_link, inode_unlink: names of watched files, and anything in watched directories.
 *
 * Direct writes: file_read.bpf.c (iomap_dio_rw_begin has both ways).
 */
#include "bpf/lib/change.bpf.h"

#define I_DIRTY_DATASYNC 2

/* enum event_change for a system call; 0 for calls that do not change a file. */
static __always_inline __u32 change_of_syscall(int number)
{
	switch (number) {
	case -1:
		return EVENT_CHANGE_MAPPED_WRITE;
	case NR_truncate:
	case NR_ftruncate:
	case NR_fallocate:
	case NR_openat:
	case NR_openat2:
#if defined(__TARGET_ARCH_x86)
	case NR_open:
	case NR_creat:
#endif
		return EVENT_CHANGE_TRUNCATE;
#if defined(__TARGET_ARCH_x86)
	case NR_chmod:
	case NR_chown:
	case NR_lchown:
	case NR_utime:
	case NR_utimes:
	case NR_futimesat:
#endif
	case NR_fchmod:
	case NR_fchmodat:
	case NR_fchmodat2:
	case NR_fchown:
	case NR_fchownat:
	case NR_utimensat:
		return EVENT_CHANGE_ATTRIBUTE;
	case NR_write:
	case NR_writev:
	case NR_pwrite64:
	case NR_pwritev:
	case NR_pwritev2:
	case NR_copy_file_range:
		return EVENT_CHANGE_WRITE;
	default:
		return (number >= NR_setxattr && number <= NR_fsetxattr) ||
			       (number >= NR_removexattr && number <= NR_fremovexattr)
			   ? EVENT_CHANGE_ATTRIBUTE
			   : 0;
	}
}

static __always_inline _Bool on_counted_ext4(struct inode *inode)
{
	return have_ext4_write && BPF_CORE_READ(inode, i_sb, s_magic) == EXT4_SUPER_MAGIC;
}

SEC("tp_btf/ext4_da_write_begin")
int BPF_PROG(file_write_ext4, struct inode *inode, loff_t pos, unsigned int len)
{
	return file_changed(inode, pos, len, EVENT_CHANGE_WRITE);
}

SEC("tp_btf/ext4_write_begin")
int BPF_PROG(file_write_ext4_plain, struct inode *inode, loff_t pos, unsigned int len)
{
	return file_changed(inode, pos, len, EVENT_CHANGE_WRITE);
}

SEC("tp_btf/writeback_dirty_folio")
int BPF_PROG(file_dirty, struct folio *folio, struct address_space *mapping)
{
	__u64 offset, length;
	struct inode *inode;
	__u32 change;

	if (!mapping)
		return 0;
	inode = mapping->host;
	if (!inode_filter_test_btf(inode) && !process_filter_test(bpf_get_current_pid_tgid() >> 32))
		return 0;
	change = change_of_syscall(task_syscall(bpf_get_current_task_btf()));
	if (change != EVENT_CHANGE_MAPPED_WRITE && change != EVENT_CHANGE_TRUNCATE) {
		if (on_counted_ext4(inode))
			return 0;
		change = EVENT_CHANGE_WRITE;
	}
	offset = BPF_CORE_READ(folio, index) << 12;
	/* A truncate dirties the page that it cuts; nothing was moved into it. */
	length = change == EVENT_CHANGE_TRUNCATE ? 0 : (__u64)folio_pages(folio) << 12;
	return file_changed_slow(inode, offset, length, change);
}

SEC("tp_btf/writeback_dirty_inode_start")
int BPF_PROG(file_dirty_inode, struct inode *inode, int flags)
{
	__u32 change;

	if (!inode_filter_test_btf(inode))
		return 0; /* carriers' writes come with a length from the others */
	change = change_of_syscall(task_syscall(bpf_get_current_task_btf()));
	if (!change && (flags & I_DIRTY_DATASYNC))
		change = EVENT_CHANGE_TRUNCATE; /* its size; an access time never sets this */
	if (!change || (change == EVENT_CHANGE_WRITE && on_counted_ext4(inode)))
		return 0;
	return file_changed_slow(inode, 0, 0, change);
}

/* --- names --- */

static __always_inline void name_read(char *out, __u32 size, struct dentry *dentry)
{
	if (bpf_probe_read_kernel_str(out, size, BPF_CORE_READ(dentry, d_name.name)) < 0)
		out[0] = 0;
}

static __always_inline _Bool inode_known(struct inode *inode)
{
	return inode && inode_filter_test(inode);
}

/* `name` leads to the inode that moved, `replaced` to what had the new name, if anything. */
static __always_inline void name_emit(__u32 op, struct inode *inode, struct inode *replaced, struct inode *dir,
				      struct dentry *name, struct dentry *old_name)
{
	struct file_name_event *event;

	if (!task_is_actor(bpf_get_current_task_btf()))
		return;
	if (!inode_known(inode) && !inode_known(replaced) && !inode_known(dir))
		return;
	event = urgent_reserve(EVENT_KIND_FILE_NAME, sizeof(*event));
	if (!event)
		return;
	event->hdr.flags |= EVENT_F_OBJECT_TIER;
	event->file = inode_key(inode);
	__builtin_memset(&event->replaced, 0, sizeof(event->replaced));
	if (replaced)
		event->replaced = inode_key(replaced);
	event->dir = inode_key(dir);
	event->op = op;
	event->pad = 0;
	name_read(event->name, sizeof(event->name), name);
	name_read(event->old_name, sizeof(event->old_name), old_name);
	urgent_submit(event, EVENT_KIND_FILE_NAME);
}

SEC("lsm/inode_rename")
int BPF_PROG(name_rename_lsm, struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
	     struct dentry *new_dentry)
{
	name_emit(EVENT_NAME_RENAME, BPF_CORE_READ(old_dentry, d_inode), BPF_CORE_READ(new_dentry, d_inode), new_dir,
		  new_dentry, old_dentry);
	return 0;
}

SEC("lsm/inode_link")
int BPF_PROG(name_link_lsm, struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry)
{
	name_emit(EVENT_NAME_LINK, BPF_CORE_READ(old_dentry, d_inode), NULL, dir, new_dentry, old_dentry);
	return 0;
}

SEC("lsm/inode_unlink")
int BPF_PROG(name_unlink_lsm, struct inode *dir, struct dentry *dentry)
{
	name_emit(EVENT_NAME_UNLINK, BPF_CORE_READ(dentry, d_inode), NULL, dir, dentry, dentry);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
