/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Copies that share blocks: no byte is read or written, and yet the new file holds the old one's bytes.
 *
 *   fexit/vfs_clone_file_range: FICLONE and FICLONERANGE on every file system. lsm/file_ioctl sees them too, and taxes
 *     each ioctl of each process with 200 instructions.
 *   tp_btf/xfs_reflink_remap_range: xfs, whichever call asks for it (also copy_file_range), with what is really shared.
 *
 * btrfs has no such tracepoint. copy_file_range is also seen as what it is, a read and a write, by the system-call
 * hooks.
 */
#include "bpf/lib/access.bpf.h"
#include "bpf/lib/change.bpf.h"

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

SEC("fexit/vfs_clone_file_range")
int BPF_PROG(file_clone_fexit, struct file *in, loff_t offset, struct file *out, loff_t to_offset, loff_t length,
	     unsigned int flags, loff_t ret)
{
	return ret > 0 ? cloned(file_inode_real(in), offset, ret, file_inode_real(out), to_offset) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
