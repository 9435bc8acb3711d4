/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rings of io_uring that several processes use. What one asks for may be done by another, and may land in the other's
 * registered buffers, so they hold what any of them holds.
 *
 *   tp_btf/io_uring_submit_req, io_uring_submit_sqe (its name before 6.3): a process that submits to a ring which
 *     another one made. Whoever submits to his own pays for one comparison.
 *   tp_btf/io_uring_register: a process that registers its buffers or files with a ring which another one made, and
 *     whose polling thread then does the work.
 *   iter/task, over a carrier when the agent hears that it became one or holds more: the others of its rings.
 *
 * Who only maps a ring gets what fits into its pages: share.bpf.c.
 */
#include "bpf/lib/memory.bpf.h"
#include "bpf/lib/task.bpf.h"
#include "bpf/abi/state.h"

#define RING_VISITS_MAX 1024 /* least recently used goes: the next request brings it back */
#define VISITED_RINGS_MAX 8  /* rings of others that one process uses; those beyond are joined when it first does */

struct ring_visit_key {
	__u64 ring;
	struct event_process_key visitor;
};

/* Addresses are given out again: an address space must still be that of the process that is named, and a ring is told
 * from a later one by its maker's. */
struct ring_visit {
	__u64 maker_mm;
	__u64 visitor_mm;
	struct event_process_key maker; /* 0: it had ended */
};

struct ring_id {
	__u64 ring;
	__u64 maker_mm;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RING_VISITS_MAX);
	__type(key, struct ring_visit_key);
	__type(value, struct ring_visit);
} ring_visits SEC(".maps");

/* Of the process whose rings are looked at. */
struct ring_walk {
	struct memory_move move;
	struct event_process_key self;
	struct task_struct *task;
	struct ring_id rings[VISITED_RINGS_MAX]; /* made by others; 0 ends */
	__u32 made;				 /* 1: those that it made count as well */
	__u32 others;
};

/* A slot belongs to one program, since they may interrupt each other. */
enum walk_slot {
	WALK_SUBMIT,
	WALK_REGISTER,
	WALK_AGENT,
	WALK_MAX,
};

/* Not on the stack, which is short before 6.18. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WALK_MAX);
	__type(key, __u32);
	__type(value, struct ring_walk);
} ring_walks SEC(".maps");

static __always_inline struct ring_walk *walk_begin(__u32 slot, struct task_struct *task)
{
	struct ring_walk *walk = bpf_map_lookup_elem(&ring_walks, &slot);
	int i;

	if (!walk)
		return NULL;
	__builtin_memset(&walk->move, 0, sizeof(walk->move));
	walk->move.object = EVENT_OBJECT_PROCESS;
	walk->move.kind = FLOW_SHARED;
	walk->move.bytes = ~0ull;
	walk->move.through.dev = MEMORY_DEV;
	walk->self = process_key(task);
	walk->task = task;
	for (i = 0; i < VISITED_RINGS_MAX; i++)
		walk->rings[i].ring = 0;
	walk->made = 0;
	walk->others = 0;
	return walk;
}

static __always_inline void ring_flow(struct ring_walk *walk, struct task_struct *task,
				      const struct event_process_key *from, const struct event_process_key *to)
{
	walk->move.source = *from;
	walk->move.target = *to;
	if (process_filter_test(from->tgid) && memory_flow(&walk->move))
		files_mark(task, to);
}

/* The process that has this address space; NULL: it is gone. */
static __always_inline struct task_struct *mm_task(__u64 mm)
{
	struct task_struct *owner = BPF_CORE_READ((struct mm_struct *)mm, owner);

	return owner && (__u64)BPF_CORE_READ(owner, mm) == mm ? owner : NULL;
}

static __always_inline _Bool same_process(const struct event_process_key *a, const struct event_process_key *b)
{
	return a->tgid == b->tgid && a->start_ns == b->start_ns;
}

/* Both ways with another process, if it lives. */
static __noinline int ring_join(struct ring_walk *walk, __u64 ring, const struct event_process_key *other, __u64 mm)
{
	struct event_process_key now, key;
	struct task_struct *task;

	if (!walk || !other || !other->tgid || other->tgid == walk->self.tgid)
		return 0;
	key = *other;
	task = mm_task(mm);
	if (!task)
		return 0;
	now = process_key_read(task);
	if (!same_process(&now, &key))
		return 0;
	walk->others++;
	walk->move.through.ino = ring;
	ring_flow(walk, walk->task, &key, &walk->self);
	ring_flow(walk, task, &walk->self, &key);
	return 0;
}

/* --- a visit --- */

static __always_inline _Bool walk_has(const struct ring_walk *walk, __u64 ring, __u64 maker_mm)
{
	int i;

	for (i = 0; i < VISITED_RINGS_MAX; i++)
		if (walk->rings[i].ring == ring && walk->rings[i].maker_mm == maker_mm)
			return 1;
	return 0;
}

/* The others that visit one of the rings. */
static long visit_join(struct bpf_map *map, const struct ring_visit_key *key, const struct ring_visit *visit,
		       struct ring_walk **at)
{
	struct ring_walk *walk = *at;

	if (walk &&
	    ((walk->made && same_process(&visit->maker, &walk->self)) || walk_has(walk, key->ring, visit->maker_mm)))
		ring_join(walk, key->ring, &key->visitor, visit->visitor_mm);
	return 0;
}

static __noinline int visitor_join(struct task_struct *task, __u64 ring, const struct ring_visit *visit, __u32 slot)
{
	struct ring_walk *walk = walk_begin(slot, task);

	if (!walk || !visit)
		return 0;
	walk->rings[0].ring = ring;
	walk->rings[0].maker_mm = visit->maker_mm;
	ring_join(walk, ring, &visit->maker, visit->maker_mm);
	bpf_for_each_map_elem(&ring_visits, visit_join, &walk, 0);
	return 0;
}

static __always_inline int ring_visited(struct task_struct *task, __u64 ring, __u64 maker_mm, __u32 slot)
{
	struct ring_visit_key key = {.ring = ring, .visitor = process_key(task)};
	struct ring_visit visit = {.maker_mm = maker_mm, .visitor_mm = (__u64)task->mm}, *known;
	struct task_struct *maker;

	known = bpf_map_lookup_elem(&ring_visits, &key);
	if (known && known->maker_mm == visit.maker_mm && known->visitor_mm == visit.visitor_mm)
		return 0;
	maker = mm_task(maker_mm);
	if (maker)
		visit.maker = process_key_read(maker);
	if (bpf_map_update_elem(&ring_visits, &key, &visit, BPF_ANY))
		lost_add(EVENT_KIND_LABEL, LOST_MAP_FULL);
	rings_shared = 1;
	return visitor_join(task, ring, &visit, slot);
}

/* A process that is exiting has no memory. */
static __always_inline int submitted(const struct io_kiocb *req)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 maker_mm = (__u64)req->ctx->mm_account, mm = (__u64)task->mm;

	if (maker_mm == mm || !mm || !maker_mm)
		return 0;
	return ring_visited(task, (__u64)req->ctx, maker_mm, WALK_SUBMIT);
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(ring_submit, struct io_kiocb *req)
{
	return submitted(req);
}

SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(ring_submit_sqe, struct io_kiocb *req)
{
	return submitted(req);
}

SEC("tp_btf/io_uring_register")
int BPF_PROG(ring_register, struct io_ring_ctx *ring, unsigned int opcode, unsigned int files, unsigned int buffers,
	     long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 maker_mm = (__u64)BPF_CORE_READ(ring, mm_account), mm = (__u64)task->mm;

	if (ret < 0 || maker_mm == mm || !mm || !maker_mm)
		return 0;
	return ring_visited(task, (__u64)ring, maker_mm, WALK_REGISTER);
}

/* --- a carrier's rings --- */

/* Those that it visits; their makers are joined at once. */
static long visit_collect(struct bpf_map *map, const struct ring_visit_key *key, const struct ring_visit *visit,
			  struct ring_walk **at)
{
	struct ring_walk *walk = *at;
	int i;

	if (!walk || !same_process(&key->visitor, &walk->self))
		return 0;
	ring_join(walk, key->ring, &visit->maker, visit->maker_mm);
	for (i = 0; i < VISITED_RINGS_MAX; i++) {
		if (walk->rings[i].ring)
			continue;
		walk->rings[i].ring = key->ring;
		walk->rings[i].maker_mm = visit->maker_mm;
		break;
	}
	return 0;
}

SEC("iter/task")
int iter_rings(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct share_record record = {};
	struct ring_walk *walk;

	if (!task || task->pid != task->tgid)
		return 0;
	walk = walk_begin(WALK_AGENT, task);
	if (!walk)
		return 0;
	walk->made = 1;
	bpf_for_each_map_elem(&ring_visits, visit_collect, &walk, 0);
	bpf_for_each_map_elem(&ring_visits, visit_join, &walk, 0);
	record.others = walk->others;
	if (record.others)
		bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
