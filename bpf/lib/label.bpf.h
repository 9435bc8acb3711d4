/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Labels: 64-bit sets with a volume per bit, on processes (`processes`) and on what they read and write (`objects`).
 *
 * One rule moves volume from a source to a target. A pair (process, object) has moved `before` bytes so far and
 * `after` bytes now; the source holds v of the label. The pair is credited min(after, v) - min(before, v): never more
 * than was moved, never more than the source holds, whatever the sizes of the single calls. `after` is
 *   for reads of an asset: distinct bytes, so that reading one part often is not reading the whole;
 *   for reads of anything else, and for writes: all bytes.
 *
 * Pipes, FIFOs and tmpfs files show their writes only to system-call hooks, which stand a moment after a process became
 * a carrier. So that first moment is bounded instead of counted: when a process gets a label, the pipes that it has
 * open for writing are marked with its name, and a reader of a marked pipe is credited as if the pipe held all that
 * the writer holds (or held when it ended). Unix sockets need no mark: the data path counts every send.
 */
#ifndef TENSORWARDEN_LIB_LABEL_BPF_H
#define TENSORWARDEN_LIB_LABEL_BPF_H

#include "bpf/lib/inode.bpf.h"
#include "bpf/lib/ring.bpf.h"

#define LABEL_EMIT_BYTES 65536 /* a volume below this is not worth a record of its own each time that it doubles */
#define FILES_WALK_MAX 1024    /* descriptors looked at when a process gets a label; 92 us. The agent sees the others */

static __always_inline __u64 min_u64(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

static __always_inline __u32 popcount(__u64 x)
{
	x -= (x >> 1) & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (x * 0x0101010101010101ull) >> 56;
}

/* Index of the lowest set bit, 64 if there is none. Without branches: each doubles what the verifier has to walk. */
static __always_inline __u32 lowest_bit(__u64 x)
{
	return popcount((x & -x) - 1);
}

/* Functions over plain numbers and structs are global (weak, as several objects have them): the verifier then looks at
 * them once and not at every path through every caller. */
__weak __noinline __u64 flow_credit(__u64 before, __u64 after, __u64 volume)
{
	return min_u64(after, volume) - min_u64(before, volume);
}

/* What a source holds for this reader: the most of what is known of it, less what the reader itself put there. */
__weak __noinline __u64 flow_source(__u64 volume, __u64 writer, __u64 floor, __u64 own)
{
	if (writer > volume)
		volume = writer;
	if (floor > volume)
		volume = floor;
	return volume - min_u64(own, volume);
}

/* A step that does not lead beyond the asset's size. */
__weak __noinline __u64 flow_limit(__u64 held, __u64 delta, __u64 size)
{
	if (!size || held + delta <= size)
		return delta;
	return size - min_u64(held, size);
}

/* --- entries --- */

static __always_inline struct process_state *process_get(struct task_struct *task)
{
	struct event_process_key key;

	if (!process_filter_test(task->tgid))
		return NULL;
	key = process_key(task);
	return bpf_map_lookup_elem(&processes, &key);
}

/* Adds an empty entry if there is none. The filter bit comes first: nobody may miss the entry. */
static __always_inline struct process_state *process_add(const struct event_process_key *key)
{
	struct process_state *state = bpf_map_lookup_elem(&processes, key);
	const union zero_value *empty = zero_get();

	if (state || !empty)
		return state;
	process_filter_set(key->tgid);
	bpf_map_update_elem(&processes, key, &empty->process, BPF_NOEXIST);
	state = bpf_map_lookup_elem(&processes, key);
	if (!state)
		lost_add(EVENT_KIND_LABEL, LOST_MAP_FULL);
	return state;
}

static __always_inline struct object_state *object_add(const struct event_file_key *key, __u32 kind)
{
	struct object_state *state = bpf_map_lookup_elem(&objects, key);
	const union zero_value *empty = zero_get();

	if (state || !empty)
		return state;
	object_filter_set(key->dev, key->ino);
	bpf_map_update_elem(&objects, key, &empty->object, BPF_NOEXIST);
	state = bpf_map_lookup_elem(&objects, key);
	if (!state) {
		lost_add(EVENT_KIND_LABEL, LOST_MAP_FULL);
		return NULL;
	}
	state->kind = kind;
	return state;
}

static __always_inline struct coverage_state *coverage_add(const struct event_process_key *process,
							   const struct event_file_key *file)
{
	struct coverage_key key = {.process = *process, .file = *file};
	struct coverage_state *state = bpf_map_lookup_elem(&coverage, &key);
	const union zero_value *empty = zero_get();

	if (state || !empty)
		return state;
	bpf_map_update_elem(&coverage, &key, &empty->coverage, BPF_NOEXIST);
	state = bpf_map_lookup_elem(&coverage, &key);
	if (!state)
		lost_add(EVENT_KIND_FILE_READ, LOST_MAP_FULL);
	return state;
}

/* --- movement --- */

struct flow {
	__u64 labels; /* still to be visited */
	__u64 before, after;
	__u64 own;   /* bytes that the reader itself put into the source: they are no news to it */
	__u64 floor; /* the source holds at least this much of each label */
	const __u64 *source_volume;
	const __u64 *writer_volume; /* of a marked pipe's writer; else source_volume */
	__u64 *target_volume;
	__u64 *target_labels;
	/* out: */
	__u64 moved;	    /* bits that are new to the target or doubled */
	__u64 fresh;	    /* bits that are new to the target */
	__u64 moved_volume; /* of the lowest moved bit */
	__u64 seen;	    /* the most that the source holds of one label */
};

/* Bytes of the asset behind a label; 0: not known. */
static __always_inline __u64 label_size(__u32 bit)
{
	struct label_limits *limits = bpf_map_lookup_elem(&label_limits, &bit);

	return limits ? limits->size : 0;
}

static long flow_label(__u32 index, struct flow *flow)
{
	__u64 bit = lowest_bit(flow->labels) & (LABEL_COUNT - 1);
	__u64 mask = 1ull << bit, volume, delta, old, known;

	if (!flow->labels)
		return 1;
	flow->labels &= ~mask;
	volume = flow_source(flow->source_volume[bit], flow->writer_volume[bit], flow->floor, flow->own);
	delta = flow_credit(flow->before, flow->after, volume);
	delta = flow_limit(flow->target_volume[bit], delta, label_size(bit));
	old = __sync_fetch_and_add(&flow->target_volume[bit], delta);
	known = __sync_fetch_and_or(flow->target_labels, mask);
	if (volume > flow->seen)
		flow->seen = volume;
	/* It doubled if its highest bit is a new one. */
	if ((known & mask) && ((old ^ (old + delta)) <= old || old + delta < LABEL_EMIT_BYTES))
		return 0;
	if (!flow->moved)
		flow->moved_volume = old + delta;
	flow->moved |= mask;
	flow->fresh |= mask & ~known;
	return 0;
}

static __always_inline void flow_run(struct flow *flow)
{
	bpf_loop(LABEL_COUNT + 1, flow_label, flow, 0);
}

/* --- records --- */

/* An object gave labels to the current process. */
static __always_inline void label_emit_process(const struct flow *flow, const struct event_file_key *source, __u32 kind)
{
	struct label_event *event = urgent_reserve(EVENT_KIND_LABEL, sizeof(*event));

	if (!event)
		return;
	__builtin_memset(&event->target, 0, sizeof(event->target));
	__builtin_memset(&event->source_process, 0, sizeof(event->source_process));
	event->source = *source;
	event->labels = flow->moved;
	event->volume = flow->moved_volume;
	event->source_object = kind;
	event->target_object = EVENT_OBJECT_PROCESS;
	urgent_submit(event, EVENT_KIND_LABEL);
}

/* The current process gave labels to an object. */
static __always_inline void label_emit_object(__u64 labels, __u64 volume, const struct event_file_key *target,
					      __u32 kind)
{
	struct label_event *event = urgent_reserve(EVENT_KIND_LABEL, sizeof(*event));

	if (!event)
		return;
	__builtin_memset(&event->source, 0, sizeof(event->source));
	event->source_process.tgid = event->hdr.tgid;
	event->source_process.start_ns = event->hdr.start_ns;
	event->source_process.pad = 0;
	event->target = *target;
	event->labels = labels;
	event->volume = volume;
	event->source_object = EVENT_OBJECT_PROCESS;
	event->target_object = kind;
	urgent_submit(event, EVENT_KIND_LABEL);
}

/* --- marks on what a new carrier holds open for writing --- */

struct files_walk {
	struct file **table;
	__u32 count;
	__u32 pad;
	__u64 labels;
	struct event_process_key owner;
};

static __always_inline void object_mark(struct inode *inode, __u32 kind, __u64 labels,
					const struct event_process_key *writer)
{
	struct event_file_key key = inode_key(inode);
	struct object_state *object = object_add(&key, kind);
	__u64 fresh;

	if (!object)
		return;
	object->writer = *writer; /* of several writers the last: its labels are the news */
	__sync_fetch_and_or(&object->flags, OBJECT_F_DERIVED);
	fresh = labels & ~__sync_fetch_and_or(&object->labels, labels);
	if (fresh)
		label_emit_object(fresh, 0, &key, kind);
}

static long files_walk_one(__u32 fd, struct files_walk *walk)
{
	struct file *file = NULL;
	struct inode *inode;
	__u32 kind;

	if (fd >= walk->count)
		return 1;
	bpf_probe_read_kernel(&file, sizeof(file), walk->table + fd);
	if (!file || !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	kind = inode_object(inode);
	if (kind == EVENT_OBJECT_PIPE || kind == EVENT_OBJECT_MEMORY)
		object_mark(inode, kind, walk->labels, &walk->owner);
	return 0;
}

static __noinline int files_mark(struct task_struct *task, __u64 labels)
{
	struct files_walk walk = {.labels = labels};
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);

	walk.owner = process_key(task);
	walk.table = BPF_CORE_READ(fdt, fd);
	walk.count = BPF_CORE_READ(fdt, max_fds);
	bpf_loop(FILES_WALK_MAX, files_walk_one, &walk, 0);
	return 0;
}

/* --- the two directions --- */

/* The volumes of the carrier that may have written to a marked object uncounted; NULL if there is none. */
static __always_inline const __u64 *object_writer_volume(const struct object_state *object)
{
	struct event_process_key key = object->writer;
	struct process_state *writer;

	if (!key.tgid)
		return NULL;
	writer = bpf_map_lookup_elem(&processes, &key);
	if (!writer)
		writer = bpf_map_lookup_elem(&departed, &key);
	return writer ? writer->volume : NULL;
}

/* The current process read: `before` and `after` as above, `own` its writes to the same object. Returns the most that
 * the object holds of one label. */
static __always_inline __u64 label_from_object(struct task_struct *task, const struct event_process_key *process,
					       const struct event_file_key *file, struct object_state *object,
					       __u64 before, __u64 after, __u64 own)
{
	struct flow flow = {.labels = object->labels, .before = before, .after = after, .own = own};
	struct process_state *state;

	if (!flow.labels)
		return 0;
	state = process_add(process);
	if (!state || (state->flags & PROCESS_F_IGNORE))
		return 0;
	flow.source_volume = object->volume;
	flow.writer_volume = object_writer_volume(object);
	if (!flow.writer_volume)
		flow.writer_volume = object->volume;
	if (object->flags & OBJECT_F_WATCHED) {
		flow.floor = after; /* all that was read of an asset is the asset, whoever wrote it */
		flow.own = 0;
	}
	flow.target_volume = state->volume;
	flow.target_labels = &state->labels;
	flow_run(&flow);
	if (flow.moved)
		label_emit_process(&flow, file, object->kind);
	if (flow.fresh)
		files_mark(task, state->labels);
	return flow.seen;
}

/* The current process wrote. An asset keeps its own label: only what is new to it moves. */
static __always_inline void label_to_object(const struct process_state *state, const struct event_file_key *file,
					    struct object_state *object, __u64 before, __u64 after)
{
	struct flow flow = {.labels = state->labels, .before = before, .after = after};

	if (object->flags & OBJECT_F_WATCHED)
		flow.labels &= ~object->labels;
	if (!flow.labels)
		return;
	flow.source_volume = state->volume;
	flow.writer_volume = state->volume;
	flow.target_volume = object->volume;
	flow.target_labels = &object->labels;
	__sync_fetch_and_or(&object->flags, OBJECT_F_DERIVED);
	flow_run(&flow);
	if (flow.moved)
		label_emit_object(flow.moved, flow.moved_volume, file, object->kind);
}

#endif
