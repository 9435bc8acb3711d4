/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Labels through what has no pages of its own on disk: pipes, FIFOs, unix sockets; and what is written to tmpfs. */
#ifndef TENSORWARDEN_LIB_STREAM_BPF_H
#define TENSORWARDEN_LIB_STREAM_BPF_H

#include "bpf/lib/label.bpf.h"

/* A writer's call is counted when it ends, and by then the reader may have taken all of it. So what a pair was credited
 * is kept in `covered`, and what was missed is made up at the next read. Who receives from a unix socket is taken to
 * receive all that was sent to it: the first bytes went by before the socket was known. */
static __noinline int stream_read(struct task_struct *task, const struct event_file_key *file, __u64 bytes)
{
	struct event_process_key process = process_key(task);
	struct object_state *object = bpf_map_lookup_elem(&objects, file);
	struct coverage_state *pair;
	__u64 total, seen;

	if (!object || !object->labels)
		return 0;
	pair = coverage_add(&process, file);
	if (!pair)
		return 0;
	total = __sync_fetch_and_add(&pair->bytes, bytes) + bytes;
	if (object->kind == EVENT_OBJECT_UNIX)
		total = ~0ull;
	seen = label_from_object(task, &process, file, object, pair->covered, total, pair->changed);
	total = min_u64(total, seen);
	if (total > pair->covered)
		pair->covered = total;
	return 0;
}

/* `state` is the current process's. */
static __always_inline void stream_write(struct task_struct *task, const struct process_state *state,
					 const struct event_file_key *file, __u32 kind, __u64 bytes)
{
	struct event_process_key process = process_key(task);
	struct object_state *object = object_add(file, kind);
	struct coverage_state *pair = coverage_add(&process, file);
	__u64 before;

	if (!object || !pair)
		return;
	before = __sync_fetch_and_add(&pair->changed, bytes);
	label_to_object(state, file, object, before, before + bytes);
}

#endif
