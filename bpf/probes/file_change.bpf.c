/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Changes of watched files, and what carriers write.
 *
 *   tp_btf/ext4_da_write_begin, ext4_write_begin: each write on ext4, exact, whether the folio was dirty or not.
 *   tp_btf/writeback_dirty_folio: a folio became dirty, on any file system with write-back. Silent for a second write
 *     before write-back, and one large folio counts whole. On ext4 only stores through mappings are taken from it.
 *   tp_btf/writeback_dirty_inode_start: the inode changed: size, mode, owner, times. It is also what shows second
 *     writes elsewhere than on ext4, and stores into mapped pages that were dirty. Reads update the access time through
 *     the same hook, so the system call decides what it was.
 *
 * Direct writes: file_read.bpf.c (iomap_dio_rw_begin has both ways). Names and extended attributes: file_name.bpf.c.
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
