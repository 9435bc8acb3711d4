/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Labels: 64-bit sets with a volume per bit, on processes (`processes`) and on what they read and write (`objects`).
 * docs/labels.md tells the rules; in short:
 *
 * A call that moves n bytes from a source that holds v of a label credits the target min(n, v - c), where c is what
 * this pair of process and object was credited before (`credits`): never more than was moved, never more than the
 * source holds. Reads of an asset credit the distinct bytes, so that reading one part often is not reading the whole.
 *
 * A write on a pipe or unix socket is counted when its call ends, and by then the reader may have taken all of it; and
 * pipes show their writes only to system-call hooks, which stand a moment after a process became a carrier. So the
 * pipes and sockets that a carrier holds open for writing are marked with its name, and a reader is credited as if the
 * object held what its writer holds and has not been counted yet.
 */
#ifndef TENSORWARDEN_LIB_LABEL_BPF_H
#define TENSORWARDEN_LIB_LABEL_BPF_H

#include "bpf/lib/inode.bpf.h"
#include "bpf/lib/ring.bpf.h"
#include "bpf/lib/local.bpf.h"
#include "bpf/lib/terminal.bpf.h"

#define LABEL_EMIT_BYTES 65536	 /* a volume below this is not worth a record of its own each time that it doubles */
#define CARRIER_FLOOR_BYTES 4096 /* less than this, and than 1/4096 of the asset, makes no carrier */
#define CARRIER_FLOOR_SHIFT 12
#define REMAINS_UNKNOWN (~0ull)

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
__weak __noinline __u64 flow_step(__u64 bytes, __u64 volume, __u64 credited)
{
	return min_u64(bytes, volume - min_u64(credited, volume));
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

enum flow_kind {
	FLOW_ASSET, /* all that was read of an asset is the asset, whoever wrote it */
	FLOW_READ,
	FLOW_WRITE,
	FLOW_SHARED, /* `bytes` is all that the source can ever hold, as a mapping: no call moves them */
};

struct flow {
	__u64 labels; /* still to be visited */
	__u64 bytes;  /* moved by this call */
	__u64 total;  /* read from a stream so far: what was counted late is credited late; else 0 */
	const __u64 *source_volume;
	const __u64 *writer_volume; /* of the carrier that a stream is marked with, or NULL */
	__u64 *target_volume;
	__u64 *target_labels;
	struct credit_key pair;
	const struct event_process_key
	    *writer; /* whose volumes those are: a pointer, since stacks of calls are short */
	__u32 kind;  /* enum flow_kind */
	_Bool own;   /* the reader also wrote to the source: that is no news to it */
	/* out: */
	__u64 moved;	    /* bits that are new to the target or doubled */
	__u64 moved_volume; /* of the lowest moved bit */
};

static __always_inline __u64 credit_get(struct credit_key *key, __u32 label, __u32 direction)
{
	__u64 *bytes;

	key->label = label;
	key->direction = direction;
	bytes = bpf_map_lookup_elem(&credits, key);
	return bytes ? *bytes : 0;
}

static __always_inline void credit_add(struct credit_key *key, __u32 label, __u32 direction, __u64 delta)
{
	__u64 *bytes;

	if (!delta)
		return;
	key->label = label;
	key->direction = direction;
	bytes = bpf_map_lookup_elem(&credits, key);
	if (bytes)
		__sync_fetch_and_add(bytes, delta);
	else if (bpf_map_update_elem(&credits, key, &delta, BPF_NOEXIST))
		lost_add(EVENT_KIND_LABEL, LOST_MAP_FULL);
}

/* What of the writer's bytes in the source was counted already. */
static __always_inline __u64 writer_credit(struct flow *flow, __u32 bit)
{
	struct event_process_key reader = flow->pair.process;
	__u64 bytes;

	flow->pair.process = *flow->writer;
	bytes = credit_get(&flow->pair, bit, CREDIT_WRITE);
	flow->pair.process = reader;
	return bytes;
}

static __always_inline __u64 flow_read(struct flow *flow, __u32 bit)
{
	__u64 credited = credit_get(&flow->pair, bit, CREDIT_READ), counted = flow->source_volume[bit];
	__u64 bytes = flow->bytes, step, uncounted;

	if (flow->own)
		counted -= min_u64(credit_get(&flow->pair, bit, CREDIT_WRITE), counted);
	if (flow->total > credited + bytes)
		bytes = flow->total - credited;
	step = flow_step(bytes, counted, credited);
	if (flow->writer_volume && flow->writer && step < flow->bytes) {
		uncounted = flow->writer_volume[bit];
		uncounted -= min_u64(writer_credit(flow, bit), uncounted);
		step += flow_step(flow->bytes - step, counted + uncounted, credited + step);
	}
	credit_add(&flow->pair, bit, CREDIT_READ, step);
	return step;
}

/* What was put there is kept as the most that any of the others was credited, not as their sum. */
static __always_inline void credit_raise(struct credit_key *key, __u32 label, __u64 bytes)
{
	__u64 known = credit_get(key, label, CREDIT_WRITE);

	if (bytes > known)
		credit_add(key, label, CREDIT_WRITE, bytes - known);
}

/* Both sides can read and write: what the target itself put there is no news to it. */
static __always_inline __u64 flow_shared(struct flow *flow, __u32 bit)
{
	__u64 credited = credit_get(&flow->pair, bit, CREDIT_READ), held = flow->source_volume[bit], step;
	struct event_process_key target = flow->pair.process;

	held -= min_u64(credit_get(&flow->pair, bit, CREDIT_WRITE), held);
	step = flow_step(flow->bytes - min_u64(credited, flow->bytes), held, credited);
	credit_add(&flow->pair, bit, CREDIT_READ, step);
	if (!flow->writer)
		return step;
	flow->pair.process = *flow->writer;
	credit_raise(&flow->pair, bit, credited + step);
	flow->pair.process = target;
	return step;
}

static __always_inline __u64 flow_write(struct flow *flow, __u32 bit)
{
	__u64 credited = credit_get(&flow->pair, bit, CREDIT_WRITE);
	__u64 step = flow_step(flow->bytes, flow->source_volume[bit], credited);

	credit_add(&flow->pair, bit, CREDIT_WRITE, step);
	return step;
}

/* Bytes of the asset behind a label; 0: not known. */
static __always_inline __u64 label_size(__u32 bit)
{
	struct label_limits *limits = bpf_map_lookup_elem(&label_limits, &bit);

	return limits ? limits->size : 0;
}

/* The least volume that makes a carrier: a shell that reads its jobs' status lines is none. */
static __always_inline __u64 carrier_floor(__u64 size)
{
	__u64 floor = min_u64(size >> CARRIER_FLOOR_SHIFT, CARRIER_FLOOR_BYTES);

	return floor ? floor : 1;
}

static long flow_label(__u32 index, struct flow *flow)
{
	__u64 bit = lowest_bit(flow->labels) & (LABEL_COUNT - 1);
	__u64 mask = 1ull << bit, delta = flow->bytes, old, known, size;

	if (!flow->labels)
		return 1;
	flow->labels &= ~mask;
	if (flow->kind == FLOW_READ)
		delta = flow_read(flow, bit);
	else if (flow->kind == FLOW_WRITE)
		delta = flow_write(flow, bit);
	else if (flow->kind == FLOW_SHARED)
		delta = flow_shared(flow, bit);
	size = label_size(bit);
	delta = flow_limit(flow->target_volume[bit], delta, size);
	old = __sync_fetch_and_add(&flow->target_volume[bit], delta);
	if (old + delta < (flow->kind == FLOW_WRITE ? 1 : carrier_floor(size)))
		return 0;
	known = __sync_fetch_and_or(flow->target_labels, mask);
	/* It doubled if its highest bit is a new one. */
	if ((known & mask) && ((old ^ (old + delta)) <= old || old + delta < LABEL_EMIT_BYTES))
		return 0;
	if (!flow->moved)
		flow->moved_volume = old + delta;
	flow->moved |= mask;
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

/* A process gave labels to an object: the current one, or the peer of the socket that it reads. */
static __always_inline void label_emit_object(__u64 labels, __u64 volume, const struct event_process_key *writer,
					      const struct event_file_key *target, __u32 kind)
{
	struct label_event *event = urgent_reserve(EVENT_KIND_LABEL, sizeof(*event));

	if (!event)
		return;
	event->hdr.tgid = writer->tgid;
	event->hdr.start_ns = writer->start_ns;
	__builtin_memset(&event->source, 0, sizeof(event->source));
	event->source_process = *writer;
	event->target = *target;
	event->labels = labels;
	event->volume = volume;
	event->source_object = EVENT_OBJECT_PROCESS;
	event->target_object = kind;
	urgent_submit(event, EVENT_KIND_LABEL);
}

/* --- marks on what a carrier holds open for writing --- */

static __always_inline void key_mark(const struct event_file_key *key, __u32 kind, __u64 labels,
				     const struct event_process_key *writer)
{
	struct object_state *object = object_add(key, kind);
	__u64 fresh;

	if (!object)
		return;
	object->writer = *writer; /* of several writers the last: its labels are the news */
	object->remains = REMAINS_UNKNOWN;
	__sync_fetch_and_or(&object->flags, OBJECT_F_DERIVED);
	fresh = labels & ~__sync_fetch_and_or(&object->labels, labels);
	if (fresh)
		label_emit_object(fresh, 0, writer, key, kind);
}

static __always_inline void object_mark(struct inode *inode, __u32 kind, __u64 labels,
					const struct event_process_key *writer)
{
	struct event_file_key key = inode_key(inode);

	key_mark(&key, kind, labels, writer);
}

/* --- the two directions --- */

/* The carrier that may have written to a marked object uncounted; NULL if there is none. */
static __always_inline struct process_state *object_writer(const struct object_state *object)
{
	struct event_process_key key = object->writer;
	struct process_state *writer;

	if (!key.tgid)
		return NULL;
	writer = bpf_map_lookup_elem(&processes, &key);
	return writer ? writer : bpf_map_lookup_elem(&departed, &key);
}

/* The current process read `bytes` of the object, `total` so far if it is a stream. 1: its files are to be marked. */
static __always_inline _Bool label_from_object(const struct event_process_key *process,
					       const struct event_file_key *file, struct object_state *object,
					       __u64 bytes, __u64 total, _Bool own)
{
	struct flow flow = {.labels = object->labels, .bytes = bytes, .total = total, .kind = FLOW_READ, .own = own};
	struct process_state *state, *writer;

	if (!flow.labels)
		return 0;
	state = process_add(process);
	if (!state || (state->flags & PROCESS_F_IGNORE))
		return 0;
	flow.pair.process = *process;
	flow.pair.file = *file;
	writer = object_writer(object);
	if (object->flags & OBJECT_F_WATCHED) {
		flow.kind = FLOW_ASSET;
	} else if (writer && writer != state) {
		flow.writer_volume = writer->volume;
		flow.writer = &object->writer;
		flow.labels |= writer->labels;
	}
	flow.source_volume = object->volume;
	flow.target_volume = state->volume;
	flow.target_labels = &state->labels;
	flow_run(&flow);
	if (flow.moved)
		label_emit_process(&flow, file, object->kind);
	return flow.moved != 0;
}

/* A process wrote. An asset keeps its own label: only what is new to it moves. */
static __always_inline void label_to_object(const struct process_state *state, const struct event_process_key *process,
					    const struct event_file_key *file, struct object_state *object, __u64 bytes)
{
	struct flow flow = {.labels = state->labels, .bytes = bytes, .kind = FLOW_WRITE};

	if (object->flags & OBJECT_F_WATCHED)
		flow.labels &= ~object->labels;
	if (!flow.labels)
		return;
	flow.pair.process = *process;
	flow.pair.file = *file;
	flow.source_volume = state->volume;
	flow.target_volume = object->volume;
	flow.target_labels = &object->labels;
	__sync_fetch_and_or(&object->flags, OBJECT_F_DERIVED);
	flow_run(&flow);
	if (flow.moved)
		label_emit_object(flow.moved, flow.moved_volume, process, file, object->kind);
}

#endif
