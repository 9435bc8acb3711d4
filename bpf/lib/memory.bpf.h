/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Labels from one process to another through memory: no object of the file system takes part. */
#ifndef TENSORWARDEN_LIB_MEMORY_BPF_H
#define TENSORWARDEN_LIB_MEMORY_BPF_H

#include "bpf/lib/files.bpf.h"

#define MEMORY_DEV (~0ull) /* of the credit between two processes; no device has it */

struct memory_move {
	struct event_process_key source;
	struct event_process_key target;
	struct event_file_key through; /* what the credit is kept for: a shared object, or memory_key() */
	__u64 bytes;
	__u32 kind;   /* FLOW_READ: a call moved the bytes; FLOW_SHARED: a mapping that both have */
	__u32 object; /* enum event_object of `through`; EVENT_OBJECT_PROCESS: the memory of the source itself */
	__u32 flags;  /* enum event_flag */
	__u32 pad;
};

static __always_inline struct event_file_key memory_key(const struct event_process_key *owner)
{
	struct event_file_key key = {};

	key.dev = MEMORY_DEV;
	key.ino = owner->start_ns;
	key.generation = owner->tgid;
	return key;
}

static __always_inline void memory_emit(const struct memory_move *move, const struct flow *flow)
{
	struct label_event *event = urgent_reserve(EVENT_KIND_LABEL, sizeof(*event));

	if (!event)
		return;
	event->hdr.tgid = move->target.tgid;
	event->hdr.tid = move->target.tgid;
	event->hdr.start_ns = move->target.start_ns;
	event->hdr.flags = move->flags;
	__builtin_memset(&event->source, 0, sizeof(event->source));
	__builtin_memset(&event->target, 0, sizeof(event->target));
	if (move->object != EVENT_OBJECT_PROCESS)
		event->source = move->through;
	event->source_process = move->source;
	event->labels = flow->moved;
	event->volume = flow->moved_volume;
	event->source_object = move->object;
	event->target_object = EVENT_OBJECT_PROCESS;
	urgent_submit(event, EVENT_KIND_LABEL);
}

/* Credits the target with what the source holds. 1: it got a label or its volume doubled. */
static __noinline int memory_flow(struct memory_move *move)
{
	struct process_state *source, *target;
	struct flow flow = {};

	if (!move)
		return 0;
	source = bpf_map_lookup_elem(&processes, &move->source);
	if (!source || !source->labels || move->target.tgid == agent_tgid)
		return 0;
	target = process_add(&move->target);
	if (!target || target == source || (target->flags & PROCESS_F_IGNORE))
		return 0;
	flow.labels = source->labels;
	flow.bytes = move->bytes;
	flow.kind = move->kind;
	flow.pair.process = move->target;
	flow.pair.file = move->through;
	flow.writer = &move->source;
	flow.source_volume = source->volume;
	flow.target_volume = target->volume;
	flow.target_labels = &target->labels;
	flow_run(&flow);
	if (flow.moved)
		memory_emit(move, &flow);
	return flow.moved != 0;
}

#endif
