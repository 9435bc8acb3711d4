/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A process changed bytes or attributes of a file: labels if it is a carrier, a record if the file is watched. */
#ifndef TENSORWARDEN_LIB_CHANGE_BPF_H
#define TENSORWARDEN_LIB_CHANGE_BPF_H

#include "bpf/lib/path.bpf.h"
#include "bpf/lib/place.bpf.h"
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

static __noinline int file_changed_here(struct inode *inode, __u64 offset, __u64 length, __u32 kind)
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

/* The walk over a disk's parents is done once per file. */
static __always_inline __u32 object_place(struct object_state *object, struct inode *inode)
{
	__u32 place;

	if ((object->flags & OBJECT_F_PLACED) && !(object->flags & OBJECT_F_AWAY))
		return 0;
	place = inode_place(inode);
	__sync_fetch_and_or(&object->flags, OBJECT_F_PLACED | (place ? OBJECT_F_AWAY : 0));
	return place;
}

/* Bytes that came into the page cache of a file. What FUSE writes through shows as a request. */
static __noinline int place_dirtied(struct inode *inode, __u64 bytes)
{
	struct event_file_key file = inode_key(inode);
	struct object_state *object = bpf_map_lookup_elem(&objects, &file);
	__u32 place;

	if (!object)
		return 0;
	place = object_place(object, inode);
	if (place)
		place_charge(file.dev, place, bytes, object->flags & OBJECT_F_WATCHED ? object->labels : 0);
	return 0;
}

/* One after the other, not one within the other: the stack would not hold both. */
static __always_inline int file_changed_slow(struct inode *inode, __u64 offset, __u64 length, __u32 kind)
{
	file_changed_here(inode, offset, length, kind);
	if (length && process_filter_test(bpf_get_current_pid_tgid() >> 32))
		place_dirtied(inode, length);
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
