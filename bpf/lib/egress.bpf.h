/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A carrier sent bytes: charged to each of its labels, per process and socket, up to the carrier's volume. */
#ifndef TENSORWARDEN_LIB_EGRESS_BPF_H
#define TENSORWARDEN_LIB_EGRESS_BPF_H

#include "bpf/lib/label.bpf.h"
#include "bpf/lib/local.bpf.h"
#include "bpf/lib/stack.bpf.h"

struct charge {
	__u64 labels; /* still to be visited */
	__u64 bytes;
	const struct process_state *process;
	struct egress_key key;
	struct event_sock_tuple sock;
};

static __always_inline _Bool peer_same(const struct event_sock_tuple *a, const struct event_sock_tuple *b)
{
	const __u64 *x = (const __u64 *)a->peer, *y = (const __u64 *)b->peer;

	return x[0] == y[0] && x[1] == y[1] && a->peer_port == b->peer_port && a->leaves == b->leaves;
}

static __always_inline void egress_emit(struct egress_state *state, const struct charge *charge, __u64 volume)
{
	struct egress_event *event = urgent_reserve(EVENT_KIND_EGRESS, sizeof(*event));

	if (!event)
		return; /* the next record's delta has it */
	event->sock = charge->sock;
	event->cookie = charge->key.cookie;
	event->bytes = state->bytes;
	event->delta = event->bytes - state->reported;
	event->volume = volume;
	event->label = charge->key.label;
	event->serving = state->serving;
	stack_fill(&event->stack);
	state->reported = event->bytes;
	urgent_submit(event, EVENT_KIND_EGRESS);
}

static __always_inline struct egress_state *egress_add(const struct charge *charge)
{
	struct egress_state *state = bpf_map_lookup_elem(&egress, &charge->key);
	const union zero_value *empty = zero_get();

	if (state || !empty)
		return state;
	bpf_map_update_elem(&egress, &charge->key, &empty->egress, BPF_NOEXIST);
	state = bpf_map_lookup_elem(&egress, &charge->key);
	if (!state) {
		lost_add(EVENT_KIND_EGRESS, LOST_MAP_FULL);
		return NULL;
	}
	state->sock = charge->sock;
	state->cgroup_id = bpf_get_current_cgroup_id();
	state->serving =
	    charge->sock.direction == EVENT_DIRECTION_IN && port_test(serving_ports, charge->sock.local_port);
	return state;
}

static __always_inline __u64 label_step(__u32 bit)
{
	struct label_limits *limits = bpf_map_lookup_elem(&label_limits, &bit);

	return limits ? limits->step : 0;
}

static long charge_label(__u32 index, struct charge *charge)
{
	__u64 bit = lowest_bit(charge->labels) & (LABEL_COUNT - 1);
	struct egress_state *state;
	__u64 volume, delta;
	_Bool moved;

	if (!charge->labels)
		return 1;
	charge->labels &= charge->labels - 1;
	volume = charge->process->volume[bit];
	if (!volume)
		return 0;
	charge->key.label = bit;
	state = egress_add(charge);
	if (!state)
		return 0;
	delta = flow_step(charge->bytes, volume, state->bytes);
	__sync_fetch_and_add(&state->bytes, delta);
	moved = !peer_same(&state->sock, &charge->sock);
	if (moved)
		state->sock = charge->sock;
	if (moved || !state->reported || state->bytes - state->reported >= label_step(bit))
		egress_emit(state, charge, volume);
	return 0;
}

static __always_inline void egress_charge(struct task_struct *task, const struct process_state *process,
					  struct sock *sk, __u64 bytes)
{
	struct charge charge = {.labels = process->labels, .bytes = bytes, .process = process};
	struct socket_note *note = bpf_sk_storage_get(&socket_notes, sk, 0, 0);

	sock_tuple_fill(&charge.sock, sk);
	sock_tuple_peer(&charge.sock, note);
	charge.sock.direction = sock_direction(&charge.sock, note);
	charge.sock.leaves = sock_leaves(sk, &charge.sock);
	charge.key.cookie = bpf_get_socket_cookie(sk);
	charge.key.process = process_key(task);
	bpf_loop(LABEL_COUNT + 1, charge_label, &charge, 0);
}

#endif
