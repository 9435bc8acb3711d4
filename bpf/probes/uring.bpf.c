/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What io_uring moves where no hook sees the data: pipes, FIFOs, pseudo-terminals, tmpfs files.
 *
 *   tp_btf/io_uring_complete, attached by escalation: each request with its result, in the name of the ring's process
 *     (its polling thread and its workers are threads of it). Only the first two arguments are the same on every
 * kernel. tp_btf/io_uring_submit_req: requests that asked for no completion; they count by the length that they ask
 * for.
 */
#include "bpf/lib/hidden.bpf.h"

#define REQUEST_FIXED_FILE (1u << 0) /* the descriptor is an index of the ring's own table */
#define REQUEST_CQE_SKIP (1u << 6)   /* success is not told */

enum uring_opcode {
	URING_READV = 1,
	URING_WRITEV = 2,
	URING_READ_FIXED = 4,
	URING_WRITE_FIXED = 5,
	URING_READ = 22,
	URING_WRITE = 23,
	URING_SPLICE = 30,
	URING_TEE = 33,
	URING_READ_MULTISHOT = 49,
};

static __always_inline _Bool opcode_reads(__u32 opcode)
{
	return opcode == URING_READV || opcode == URING_READ_FIXED || opcode == URING_READ ||
	       opcode == URING_READ_MULTISHOT;
}

static __always_inline _Bool opcode_writes(__u32 opcode)
{
	return opcode == URING_WRITEV || opcode == URING_WRITE_FIXED || opcode == URING_WRITE;
}

static __always_inline int request_moved(struct io_kiocb *req, struct file *file, __u64 bytes, __u64 end)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 opcode = BPF_CORE_READ(req, opcode);

	if (opcode_reads(opcode))
		return hidden_read(file, bytes, end, 0);
	if (opcode == URING_SPLICE || opcode == URING_TEE) {
		end = BPF_CORE_READ((struct io_splice *)req, off_in);
		end = (long)end == -1 ? 0 : end + bytes;
		hidden_read(task_file(task, BPF_CORE_READ((struct io_splice *)req, splice_fd_in)), bytes, end, 1);
	} else if (!opcode_writes(opcode)) {
		return 0;
	}
	return process_filter_test(task->tgid) ? hidden_write(file, bytes) : 0;
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(uring_complete, void *ring, void *request)
{
	struct io_kiocb *req = request;
	int bytes;

	if (!req)
		return 0; /* a completion that stands for no request */
	bytes = BPF_CORE_READ(req, cqe.res);
	if (bytes < 0)
		return 0;
	return request_moved(req, BPF_CORE_READ(req, file), bytes, BPF_CORE_READ((struct io_rw *)req, kiocb.ki_pos));
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(uring_submit, void *request)
{
	struct io_kiocb *req = request;
	__u32 flags = BPF_CORE_READ(req, flags);
	__u64 bytes, position;

	if (!(flags & REQUEST_CQE_SKIP) || (flags & REQUEST_FIXED_FILE))
		return 0;
	bytes = BPF_CORE_READ((struct io_rw *)req, len);
	position = BPF_CORE_READ((struct io_rw *)req, kiocb.ki_pos);
	return request_moved(req, task_file(bpf_get_current_task_btf(), BPF_CORE_READ(req, cqe.fd)), bytes,
			     (long)position == -1 ? 0 : position + bytes);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
