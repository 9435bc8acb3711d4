/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bit arrays: the test that nearly every call ends with. */
#ifndef TENSORWARDEN_LIB_FILTER_BPF_H
#define TENSORWARDEN_LIB_FILTER_BPF_H

#include "bpf/lib/maps.bpf.h"

static __always_inline _Bool object_filter_test(__u64 dev, __u64 ino)
{
	__u32 bit = object_filter_bit(dev, ino);

	return object_filter[(bit / 64) & (OBJECT_FILTER_BITS / 64 - 1)] >> (bit % 64) & 1;
}

static __always_inline void object_filter_set(__u64 dev, __u64 ino)
{
	__u32 bit = object_filter_bit(dev, ino);

	__sync_fetch_and_or(&object_filter[(bit / 64) & (OBJECT_FILTER_BITS / 64 - 1)], 1ull << (bit % 64));
}

static __always_inline _Bool process_filter_test(__u32 tgid)
{
	return process_filter[(tgid / 64) & (PROCESS_FILTER_BITS / 64 - 1)] >> (tgid % 64) & 1;
}

static __always_inline void process_filter_set(__u32 tgid)
{
	__sync_fetch_and_or(&process_filter[(tgid / 64) & (PROCESS_FILTER_BITS / 64 - 1)], 1ull << (tgid % 64));
}

static __always_inline void process_filter_clear(__u32 tgid)
{
	__sync_fetch_and_and(&process_filter[(tgid / 64) & (PROCESS_FILTER_BITS / 64 - 1)], ~(1ull << (tgid % 64)));
}

/* Who has no entry pays the bit test only. */
static __always_inline struct process_state *process_find(const struct event_process_key *process)
{
	struct event_process_key key = *process;

	return key.tgid && process_filter_test(key.tgid) ? bpf_map_lookup_elem(&processes, &key) : NULL;
}

/* Whether a process holds a label: what else is known of it does not count here. A bit test for nearly all. */
static __always_inline _Bool process_carries(const struct event_process_key *process)
{
	struct process_state *state = process_find(process);

	return state && state->labels;
}

/* Connections and the like are told of everybody when a rule asks so, of what looks like an AI workload when one asks
 * for that, and of carriers always. */
static __always_inline _Bool process_connections_wanted(const struct event_process_key *process)
{
	const struct sensor_config *cfg = config_get();
	struct process_state *state;

	if (!cfg)
		return process_carries(process);
	if (cfg->flags & CONFIG_F_SOCKETS)
		return 1;
	state = process_find(process);
	if (!state)
		return 0;
	return state->labels || ((cfg->flags & CONFIG_F_WORKLOAD_SOCKETS) &&
				 (state->flags & (PROCESS_F_CONFIRMED | PROCESS_F_DISCOVER)));
}

static __always_inline _Bool port_test(const __u64 *ports, __u32 port)
{
	return ports[(port / 64) & (SERVING_PORT_WORDS - 1)] >> (port % 64) & 1;
}

static __always_inline void port_set(__u64 *ports, __u32 port)
{
	__sync_fetch_and_or(&ports[(port / 64) & (SERVING_PORT_WORDS - 1)], 1ull << (port % 64));
}

#endif
