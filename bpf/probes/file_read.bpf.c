/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reads and maps of watched and labelled files.
 *
 *   tp_btf/mm_filemap_get_pages: every read through the page cache, whichever call made it (read, sendfile, splice,
 *     copy_file_range, io_uring), with its page range; fires on nothing else.
 *   tp_btf/mm_filemap_map_pages, mm_filemap_fault: pages of a mapping. Folios of 2 MiB may be mapped whole before these
 *     tracepoints, so silence does not mean that nothing was read: memory.bpf.c sees each mapping made.
 *   tp_btf/iomap_dio_rw_begin: O_DIRECT, reads and writes.
 *   fexit, fentry: the same functions where those tracepoints do not exist (before 6.12).
 */
#include "bpf/lib/access.bpf.h"
#include "bpf/lib/candidate.bpf.h"
#include "bpf/lib/change.bpf.h"

#define IOMAP_DIO_WRITE (1u << 30)

static __always_inline int pages_read(struct inode *inode, __u64 first, __u64 last, __u32 kind)
{
	struct access access = {.kind = kind};

	if (!inode_filter_test_btf(inode)) {
		if (process_filter_test(bpf_get_current_pid_tgid() >> 32))
			candidate_check(inode);
		return 0;
	}
	access.offset = first << PAGE_SHIFT;
	access.length = (last - first + 1) << PAGE_SHIFT;
	return access_watched(inode, &access);
}

SEC("tp_btf/mm_filemap_get_pages")
int BPF_PROG(file_read, struct address_space *mapping, unsigned long index, unsigned long last_index)
{
	return pages_read(mapping->host, index, last_index, EVENT_ACCESS_READ);
}

SEC("tp_btf/mm_filemap_map_pages")
int BPF_PROG(file_map_pages, struct address_space *mapping, unsigned long index, unsigned long last_index)
{
	return pages_read(mapping->host, index, last_index, EVENT_ACCESS_FAULT);
}

SEC("tp_btf/mm_filemap_fault")
int BPF_PROG(file_fault, struct address_space *mapping, unsigned long index)
{
	return pages_read(mapping->host, index, index, EVENT_ACCESS_FAULT);
}

static __always_inline int direct_io(struct kiocb *iocb, struct iov_iter *iter)
{
	struct inode *inode = iocb->ki_filp->f_mapping->host;
	struct access access = {.kind = EVENT_ACCESS_DIRECT};

	access.offset = iocb->ki_pos;
	access.length = BPF_CORE_READ(iter, count);
	if (BPF_CORE_READ(iter, data_source) == ITER_SOURCE)
		return file_changed(inode, access.offset, access.length, EVENT_CHANGE_DIRECT_WRITE);
	return inode_filter_test_btf(inode) ? access_watched(inode, &access) : 0;
}

SEC("tp_btf/iomap_dio_rw_begin")
int BPF_PROG(file_direct, struct kiocb *iocb, struct iov_iter *iter)
{
	return direct_io(iocb, iter);
}

/* The functions that begin it have more arguments than fentry takes. Asynchronous requests end in a kernel thread and
 * are not seen. */
SEC("fentry/iomap_dio_complete")
int BPF_PROG(file_direct_fentry, struct iomap_dio *dio)
{
	struct inode *inode = dio->iocb->ki_filp->f_mapping->host;
	struct access access = {.kind = EVENT_ACCESS_DIRECT, .offset = dio->iocb->ki_pos, .length = dio->size};

	if (dio->flags & IOMAP_DIO_WRITE)
		return file_changed(inode, access.offset, access.length, EVENT_CHANGE_DIRECT_WRITE);
	return inode_filter_test_btf(inode) ? access_watched(inode, &access) : 0;
}

/* Exact to the byte: at exit the position has moved past what was read. */
SEC("fexit/filemap_read")
int BPF_PROG(file_read_fexit, struct kiocb *iocb, struct iov_iter *iter, ssize_t already_read, ssize_t ret)
{
	struct inode *inode = iocb->ki_filp->f_mapping->host;
	struct access access = {.kind = EVENT_ACCESS_READ, .exact = 1};

	if (ret <= already_read)
		return 0;
	if (!inode_filter_test_btf(inode)) {
		if (process_filter_test(bpf_get_current_pid_tgid() >> 32))
			candidate_check(inode);
		return 0;
	}
	access.length = ret - already_read;
	access.offset = iocb->ki_pos - access.length;
	return access_watched(inode, &access);
}

SEC("fentry/filemap_map_pages")
int BPF_PROG(file_map_fentry, struct vm_fault *vmf, unsigned long start, unsigned long end)
{
	return pages_read(vmf->vma->vm_file->f_mapping->host, start, end, EVENT_ACCESS_FAULT);
}

SEC("fentry/filemap_fault")
int BPF_PROG(file_fault_fentry, struct vm_fault *vmf)
{
	return pages_read(vmf->vma->vm_file->f_mapping->host, vmf->pgoff, vmf->pgoff, EVENT_ACCESS_FAULT);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
