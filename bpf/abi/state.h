/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the agent asks of the kernel beside maps: the programs that it runs itself, and their contexts and records. */
#ifndef TENSORWARDEN_ABI_STATE_H
#define TENSORWARDEN_ABI_STATE_H

#include "bpf/abi/config.h"

/* What iterator `iter_tasks` writes, per thread group. */
struct holder_task_record {
	struct event_process_key process;
	struct event_process_key parent; /* real_parent's group leader */
	struct event_file_key exe;
	__u64 cgroup_id;
	__u32 uid;
	__u32 gid;
	__u32 loginuid; /* 0xffffffff = unset */
	__u32 mnt_ns;
	__u32 pid_ns;
	__u16 kernel_thread;
	__u16 user_mounts; /* as EVENT_F_USER_MOUNTS */
	char comm[EVENT_COMM_MAX];
};
EVENT_ASSERT(sizeof(struct holder_task_record) == 16 + 16 + 24 + 8 + 24 + 16);

/* What iterator `iter_shares` writes, per writable shared mapping of memory of one carrier. */
struct share_record {
	struct event_file_key file;
	__u64 size;
	__u64 others; /* mappings that other processes have of it */
};
EVENT_ASSERT(sizeof(struct share_record) == 24 + 16);

/* Context of program `set_process`: what the agent gives to an entry of `processes` while probes add to it. An entry
 * that is not there is made; flags replace, labels and volumes only grow. */
struct set_process_args {
	struct event_process_key process;
	__s64 error; /* out: 0, or of the map update */
	struct process_state state;
	__u32 keep_flags; /* 1: leave the flags as they are */
	__u32 pad;
};

/* Context of program `set_object`, the same for an entry of `objects`; its size, kind and flags replace. */
struct set_object_args {
	struct event_file_key file;
	__s64 error;
	struct object_state state;
};

#endif
