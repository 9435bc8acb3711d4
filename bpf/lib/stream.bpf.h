/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Labels through what has no pages of its own on disk: pipes, FIFOs, unix sockets; and what is written to tmpfs. */
#ifndef TENSORWARDEN_LIB_STREAM_BPF_H
#define TENSORWARDEN_LIB_STREAM_BPF_H

#include "bpf/lib/files.bpf.h"

/* Bytes that this call adds for the reader: what was peeked at was counted then. */
static __always_inline __u64 stream_news(struct coverage_state *pair, __u64 bytes, _Bool peek)
{
	__u64 peeked = pair->last_first, again = min_u64(bytes, peeked);

	pair->last_first = peek ? peeked + bytes - again : peeked - again;
	return bytes - again;
}

/* The writer that a stream is marked with has ended. What it left behind is read soon, and then the mark goes: later
 * bytes are of others. `queued` bounds what is still in the stream after this read. */
static __always_inline void stream_writer_check(struct object_state *object, __u64 bytes, __u64 queued)
{
	struct event_process_key key = object->writer;

	if (!key.tgid || bpf_map_lookup_elem(&processes, &key))
		return;
	if (object->remains == REMAINS_UNKNOWN)
		object->remains = bytes + queued;
	if (object->remains)
		object->remains -= min_u64(bytes, object->remains);
	else
		object->writer.tgid = 0;
}

/* 1: the files of the process are to be marked. */
static __noinline int stream_take(struct task_struct *task, const struct event_file_key *file, __u64 bytes,
				  __u64 queued, _Bool peek)
{
	struct event_process_key process = process_key(task);
	struct object_state *object = bpf_map_lookup_elem(&objects, file);
	struct coverage_state *pair;
	__u64 total;

	if (!object || !object->labels)
		return 0;
	pair = coverage_add(&process, file);
	if (!pair)
		return 0;
	bytes = stream_news(pair, bytes, peek);
	stream_writer_check(object, bytes, queued);
	total = __sync_fetch_and_add(&pair->bytes, bytes) + bytes;
	return label_from_object(&process, file, object, bytes, total, pair->changed != 0);
}

/* The current process took `bytes` from a stream. */
static __always_inline int stream_read(struct task_struct *task, const struct event_file_key *file, __u64 bytes,
				       __u64 queued, _Bool peek)
{
	return stream_take(task, file, bytes, queued, peek) ? files_mark_own() : 0;
}

/* `state` is the current process's. */
static __always_inline void stream_write(struct task_struct *task, const struct process_state *state,
					 const struct event_file_key *file, __u32 kind, __u64 bytes)
{
	struct event_process_key process = process_key(task);
	struct object_state *object = object_add(file, kind);
	struct coverage_state *pair = coverage_add(&process, file);

	if (!object || !pair)
		return;
	__sync_fetch_and_add(&pair->changed, bytes);
	label_to_object(state, &process, file, object, bytes);
}

#endif
