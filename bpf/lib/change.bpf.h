/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A process changed bytes or attributes of a file: labels if it is a carrier, a record if the file is watched. */
#ifndef TENSORWARDEN_LIB_CHANGE_BPF_H
#define TENSORWARDEN_LIB_CHANGE_BPF_H

#include "bpf/lib/label.bpf.h"
#include "bpf/lib/path.bpf.h"
#include "bpf/lib/stack.bpf.h"

#define CHANGE_INTERVAL_NS 100000000ull /* per process, file and kind of change at most one record in this time */

/* 1: the record is due. A change that tells where it was is not hidden by one of its kind that does not: a store into
 * a mapping shows at the inode first and then at its page. */
static __always_inline _Bool change_due(struct coverage_state *pair, __u32 kind, _Bool placed)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u16 bit = 1 << (placed ? kind : kind + 8);

	if (now - pair->change_ns >= CHANGE_INTERVAL_NS) {
		pair->change_ns = now;
		pair->change_kinds = bit;
		return 1;
	}
	if (pair->change_kinds & bit)
		return 0;
	pair->change_kinds |= bit;
	return 1;
}

static __always_inline void change_emit(const struct coverage_state *pair, const struct event_file_key *file,
					__u64 labels, __u64 offset, __u64 length, __u32 kind)
{
	struct file_change_event *event = urgent_reserve(EVENT_KIND_FILE_CHANGE, sizeof(*event));

	if (!event)
		return;
	event->file = *file;
	event->labels = labels;
	event->offset = offset;
	event->length = length;
	event->bytes = pair->changed;
	event->change = kind;
	event->pad = 0;
	stack_fill(&event->stack);
	urgent_submit(event, EVENT_KIND_FILE_CHANGE);
}

static __noinline int file_changed_slow(struct inode *inode, __u64 offset, __u64 length, __u32 kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state = process_get(task);
	struct event_file_key file = inode_key(inode);
	struct event_process_key process;
	struct coverage_state *pair;
	struct object_state *object;

	if (!task_is_actor(task) || !inode_is_regular(inode))
		return 0;
	object = bpf_map_lookup_elem(&objects, &file);
	if (!object && state && state->labels && length)
		object = object_add(&file, inode_object(inode));
	if (!object)
		return 0;
	process = process_key(task);
	pair = coverage_add(&process, &file);
	if (!pair)
		return 0;
	__sync_fetch_and_add(&pair->changed, length);
	if (state && state->labels && length)
		label_to_object(state, &process, &file, object, length);
	if ((object->flags & OBJECT_F_WATCHED) && change_due(pair, kind, length != 0))
		change_emit(pair, &file, object->labels, offset, length, kind);
	return 0;
}

/* `inode` must be known to the verifier by type. */
static __always_inline int file_changed(struct inode *inode, __u64 offset, __u64 length, __u32 kind)
{
	if (!inode_filter_test_btf(inode) && !process_filter_test(bpf_get_current_pid_tgid() >> 32))
		return 0;
	return file_changed_slow(inode, offset, length, kind);
}

#endif
