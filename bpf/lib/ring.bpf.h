/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Records: header, reserve, submit, and the count of every loss. */
#ifndef TENSORWARDEN_LIB_RING_BPF_H
#define TENSORWARDEN_LIB_RING_BPF_H

#include "bpf/lib/task.bpf.h"

#define WAKE_BYTES (64 << 10) /* a reader that wakes for less spends its time waking */

enum lost_field { LOST_PRODUCED, LOST_RING_FULL, LOST_MAP_FULL, LOST_READ_FAILED };

/* A frame of its own: its key would be on the stack of every probe. Changes of socket state may run in a softirq, where
 * the current process is anybody; over a flood such strangers add up to little each. */
static __noinline int loser_add(__u32 kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct loser_key key = {.kind = kind};
	__u64 one = 1, *count;

	if (!task->tgid || !task_is_actor(task))
		return 0;
	key.process = process_key(task);
	count = bpf_map_lookup_elem(&losers, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&losers, &key, &one, BPF_NOEXIST);
	return 0;
}

/* Atomic though per CPU: a softirq may count between the load and the store of another program. */
static __always_inline void lost_add(__u32 kind, enum lost_field field)
{
	struct lost_count *count = bpf_map_lookup_elem(&lost, &kind);

	if (!count)
		return;
	if (field == LOST_PRODUCED)
		__sync_fetch_and_add(&count->produced, 1);
	else if (field == LOST_RING_FULL)
		__sync_fetch_and_add(&count->ring_full, 1);
	else if (field == LOST_MAP_FULL)
		__sync_fetch_and_add(&count->map_full, 1);
	else
		__sync_fetch_and_add(&count->read_failed, 1);
	if ((field == LOST_RING_FULL || field == LOST_MAP_FULL) && kind != EVENT_KIND_HTTP_SEGMENT)
		loser_add(kind); /* segments come in softirqs only */
}

/* For records whose actor is known otherwise, or not at all. */
static __always_inline void header_fill_for(struct event_header *hdr, __u32 kind, __u32 size,
					    const struct event_process_key *process)
{
	hdr->size = size;
	hdr->kind = kind;
	hdr->flags = 0;
	hdr->ktime_ns = bpf_ktime_get_boot_ns();
	hdr->cgroup_id = 0;
	hdr->tgid = process->tgid;
	hdr->tid = 0;
	hdr->start_ns = process->start_ns;
}

static __always_inline void header_fill(struct event_header *hdr, __u32 kind, __u32 size)
{
	struct task_struct *task = bpf_get_current_task_btf();

	hdr->size = size;
	hdr->kind = kind;
	hdr->flags = 0;
	hdr->ktime_ns = bpf_ktime_get_boot_ns();
	hdr->cgroup_id = bpf_get_current_cgroup_id();
	hdr->tgid = task->tgid;
	hdr->tid = task->pid;
	hdr->start_ns = task->group_leader->start_boottime;
}

/* `size` must be a constant. */
static __always_inline void *urgent_reserve(__u32 kind, __u32 size)
{
	void *record = bpf_ringbuf_reserve(&urgent, size, 0);

	if (!record) {
		lost_add(kind, LOST_RING_FULL);
		return NULL;
	}
	header_fill(record, kind, size);
	return record;
}

/* By itself the kernel wakes a reader only that has taken all before this record. */
static __always_inline void urgent_submit(void *record, __u32 kind)
{
	__u64 wakeup = 0;

	if (urgent_unannounced) {
		urgent_unannounced = 0; /* before the submit: what comes meanwhile sets it again */
		wakeup = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(record, wakeup);
	lost_add(kind, LOST_PRODUCED);
}

static __always_inline __u64 late_wakeup(void *ring)
{
	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >= WAKE_BYTES ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* A record that keeps its place before what follows it, but wakes nobody: the next urgent one does, or the reader's
 * timer. Told before it has its place as well: one that comes behind it and is ready first must wake the reader, who
 * then waits for this one. */
static __always_inline void *quiet_reserve(__u32 kind, __u32 size)
{
	urgent_unannounced = 1;
	return urgent_reserve(kind, size);
}

static __always_inline void quiet_submit(void *record, __u32 kind)
{
	bpf_ringbuf_submit(record, late_wakeup(&urgent));
	urgent_unannounced = 1;
	lost_add(kind, LOST_PRODUCED);
}

/* The header is left to the caller. */
static __always_inline void *bulk_reserve(__u32 kind, __u32 size)
{
	void *record = bpf_ringbuf_reserve(&bulk, size, 0);

	if (!record)
		lost_add(kind, LOST_RING_FULL);
	return record;
}

static __always_inline void bulk_submit(void *record, __u32 kind)
{
	bpf_ringbuf_submit(record, late_wakeup(&bulk));
	lost_add(kind, LOST_PRODUCED);
}

/* For records of varying length, built elsewhere. */
static __always_inline void bulk_output(void *record, __u32 kind, __u32 size)
{
	if (bpf_ringbuf_output(&bulk, record, size, late_wakeup(&bulk)))
		lost_add(kind, LOST_RING_FULL);
	else
		lost_add(kind, LOST_PRODUCED);
}

#endif
