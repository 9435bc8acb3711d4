/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every map and global variable of the probes.
 *
 * Maps are __weak, so that the objects that include this merge them by name when they are linked. Variables are
 * extern here and defined once, in control.bpf.c: a weak definition would leave its bytes in the .bss of each object.
 */
#ifndef TENSORWARDEN_LIB_MAPS_BPF_H
#define TENSORWARDEN_LIB_MAPS_BPF_H

#define socket_state socket_state___typedef /* a typedef of the kernel; a program has the name here */
#include "vmlinux.h"
#undef socket_state
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf/abi/config.h"

/* Set by the agent before load. */
extern const volatile __u32 agent_tgid;	      /* its own reads and sends are nobody's business */
extern const volatile _Bool have_sock_length; /* socket_send, socket_recv or their fexit forms see unix sockets */
extern const volatile _Bool have_ext4_write;  /* file_write_ext4 runs: file_dirty leaves ext4 writes to it */
extern const volatile _Bool have_fuse_send;   /* fuse_send runs: system-call hooks leave FUSE to it */

/* Bit arrays, tested before any map (a hash lookup is what costs). The agent and the probes set bits. */
extern __u64 object_filter[OBJECT_FILTER_BITS / 64];   /* object_filter_bit(dev, ino) */
extern __u64 process_filter[PROCESS_FILTER_BITS / 64]; /* tgid: has an entry in `processes` */
extern __u32 local_streams;			       /* not 0: labels go between sockets of this host */
extern __u32 rings_shared;			       /* not 0: a process used a ring of io_uring of another one */
extern __u32 compat_calls;			       /* not 0: a 32-bit call moved what may be labelled */
extern __u32 listed_calls_stand;		       /* 1: syscall_exit leaves calls to syscall_exit_listed */
extern __u32 urgent_unannounced;		       /* 1: records that woke nobody may wait in `urgent` */
extern __u64 serving_ports[SERVING_PORT_WORDS];	       /* set by the agent */
extern __u64 listen_ports[SERVING_PORT_WORDS];	       /* TCP ports that listened: set by socket_state and the agent */

/* Records that must not be lost to a flood of the others. The agent sets both sizes before load. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} urgent __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} bulk __weak SEC(".maps");

/* Not preallocated: 65 536 entries of this size would pin 36 MiB on a host that has ten. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, OBJECT_MAX);
	__type(key, struct event_file_key);
	__type(value, struct object_state);
} objects __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PROCESS_MAX);
	__type(key, struct event_process_key);
	__type(value, struct process_state);
} processes __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, COVERAGE_MAX);
	__type(key, struct coverage_key);
	__type(value, struct coverage_state);
} coverage __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, EGRESS_MAX);
	__type(key, struct egress_key);
	__type(value, struct egress_state);
} egress __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LABEL_COUNT);
	__type(key, __u32);
	__type(value, struct label_limits);
} label_limits __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOST_CPU_KINDS);
	__type(key, __u32);
	__type(value, struct lost_count);
} lost __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LOSER_MAX);
	__type(key, struct loser_key);
	__type(value, __u64);
} losers __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sensor_config);
} settings __weak SEC(".maps");

/* Carriers that are gone. Programs close their output and end before the reader of a pipe has read the rest. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct event_process_key);
	__type(value, struct process_state);
} departed __weak SEC(".maps");

/* Bytes of a label that moved between a process and an object. An entry that was evicted lets them count again. */
enum credit_direction {
	CREDIT_READ,  /* object to process */
	CREDIT_WRITE, /* process to object */
};

struct credit_key {
	struct event_process_key process;
	struct event_file_key file;
	__u32 label;
	__u32 direction; /* enum credit_direction */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CREDIT_MAX);
	__type(key, struct credit_key);
	__type(value, __u64);
} credits __weak SEC(".maps");

/* What a socket's own state does not tell later: who opened the connection, and where the last datagram went. */
struct socket_note {
	__u32 direction; /* enum event_sock_direction */
	__u32 family;	 /* of `peer`; 0: none */
	__u8 peer[16];
	__u32 peer_port; /* host order */
	__u32 pad;
	__u64 answer;			/* bytes that a carrier sent since it last received something here */
	struct event_process_key owner; /* who connected or listened: later changes of state run in softirq */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE); /* an accepted socket starts with its listener's note */
	__type(key, int);
	__type(value, struct socket_note);
} socket_notes __weak SEC(".maps");

/* Structs over the 512 bytes of a BPF stack. A slot belongs to one program or to one that cannot interrupt its other
 * users: a softirq may come while a process's program fills its own. */
enum scratch_slot {
	SCRATCH_EXEC,
	SCRATCH_OPEN,
	SCRATCH_OPEN_SYSCALL,
	SCRATCH_MAX,
};

#define SCRATCH_PATH_BYTES 1024 /* a path is built from its end, so one component more than fits must have room */

struct path_scratch {
	char path[SCRATCH_PATH_BYTES];
	struct file_open_event open;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_MAX);
	__type(key, __u32);
	__type(value, struct path_scratch);
} scratch __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct http_segment_event);
} http_scratch __weak SEC(".maps");

/* All zero, never written: what a new entry starts from. */
union zero_value {
	struct object_state object;
	struct process_state process;
	struct coverage_state coverage;
	struct egress_state egress;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, union zero_value);
} zero __weak SEC(".maps");

static __always_inline const union zero_value *zero_get(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&zero, &key);
}

static __always_inline const struct sensor_config *config_get(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&settings, &key);
}

#endif
