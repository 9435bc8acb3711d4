/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Copies that share blocks: no byte is read or written, and yet the new file holds the old one's bytes.
 *
 *   lsm/file_ioctl: FICLONE and FICLONERANGE on every file system, before the copy, which may still fail.
 *   tp_btf/xfs_reflink_remap_range: xfs, whichever call asks for it (also copy_file_range), with what is really shared.
 *
 * btrfs has no such tracepoint. copy_file_range is also seen as what it is, a read and a write, by the system-call
 * hooks.
 */
#include "bpf/lib/access.bpf.h"
#include "bpf/lib/change.bpf.h"

#define FICLONE_CMD 0x40049409	    /* linux/fs.h: _IOW(0x94, 9, int) */
#define FICLONERANGE_CMD 0x4020940d /* _IOW(0x94, 13, struct file_clone_range) */

/* Who clones holds what it cloned, as if it had read it, and puts that into the new file. */
static __always_inline int cloned(struct inode *from, __u64 offset, __u64 length, struct inode *to, __u64 to_offset)
{
	struct access access = {.kind = EVENT_ACCESS_READ, .offset = offset, .length = length};

	if (inode_filter_test(from))
		access_watched(from, &access);
	if (inode_filter_test(to) || process_filter_test(bpf_get_current_pid_tgid() >> 32))
		file_changed_slow(to, to_offset, length, EVENT_CHANGE_WRITE);
	return 0;
}

SEC("tp_btf/xfs_reflink_remap_range")
int BPF_PROG(file_clone_xfs, struct xfs_inode *src, xfs_off_t offset, xfs_off_t length, struct xfs_inode *dest,
	     xfs_off_t to_offset)
{
	return cloned(&src->i_vnode, offset, length, &dest->i_vnode, to_offset);
}

SEC("lsm/file_ioctl")
int BPF_PROG(file_clone_lsm, struct file *file, unsigned int cmd, unsigned long arg)
{
	struct file_clone_range range = {};
	struct inode *from;
	struct file *source;

	if (cmd != FICLONE_CMD && cmd != FICLONERANGE_CMD)
		return 0;
	range.src_fd = arg;
	if (cmd == FICLONERANGE_CMD && bpf_probe_read_user(&range, sizeof(range), (void *)arg))
		return 0;
	source = task_file(bpf_get_current_task_btf(), range.src_fd);
	if (!source)
		return 0;
	from = file_inode_real(source);
	if (!range.src_length)
		range.src_length = BPF_CORE_READ(from, i_size);
	return cloned(from, range.src_offset, range.src_length, file_inode_real(file), range.dest_offset);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
