/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes that a carrier writes to a FUSE file system: its server may send them anywhere.
 *
 *   tp_btf/fuse_request_send: each request, in the writer's context unless it is written back later. Write-through is
 *     the default and dirties no page. What is written back was counted when its page became dirty (file_change.bpf.c),
 *     and the request then is a kernel thread's.
 *
 * Where it is missing (before 6.11, FUSE as a module), system-call hooks count it while they stand.
 */
#include "bpf/lib/place.bpf.h"

#define FUSE_WRITE 16
#define FUSE_WRITE_HEAD_BYTES 80 /* struct fuse_in_header and struct fuse_write_in, which `len` counts too */

SEC("tp_btf/fuse_request_send")
int BPF_PROG(fuse_send, const struct fuse_req *req)
{
	__u32 length;

	if (!process_filter_test(bpf_get_current_pid_tgid() >> 32) || req->in.h.opcode != FUSE_WRITE)
		return 0;
	length = req->in.h.len;
	if (length > FUSE_WRITE_HEAD_BYTES)
		place_charge(BPF_CORE_READ(req, fm, sb, s_dev), EVENT_PLACE_FUSE, length - FUSE_WRITE_HEAD_BYTES, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
