/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the agent asks of the kernel.
 *
 *   iter/task: processes with their exact start times (/proc gives them in clock ticks), for the start-up snapshot,
 *   and for one pid when an event names no more than that.
 *   syscall set_process, set_object: the agent's part of entries that probes change at the same time; a lookup and an
 *   update from user space would undo what a probe added in between.
 */
#include "bpf/lib/inode.bpf.h"
#include "bpf/lib/task.bpf.h"
#include "bpf/abi/state.h"

static __always_inline void exe_key(struct event_file_key *key, struct task_struct *task)
{
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);

	if (exe)
		*key = inode_key(file_inode_real(exe));
}

SEC("iter/task")
int iter_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct holder_task_record record = {};
	struct pid *pid;
	unsigned int level;

	if (!task || BPF_CORE_READ(task, group_leader) != task)
		return 0;
	record.process = process_key(task);
	record.parent = process_key_read(BPF_CORE_READ(task, real_parent));
	exe_key(&record.exe, task);
	record.cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	record.uid = BPF_CORE_READ(task, cred, uid.val);
	record.gid = BPF_CORE_READ(task, cred, gid.val);
	record.loginuid = BPF_CORE_READ(task, loginuid.val);
	record.mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	record.user_mounts = task_mounts_are_users(task);
	pid = BPF_CORE_READ(task, thread_pid);
	level = BPF_CORE_READ(pid, level);
	bpf_probe_read_kernel(&record.pid_ns, sizeof(record.pid_ns), &BPF_CORE_READ(pid, numbers[level].ns)->ns.inum);
	record.kernel_thread = !!(BPF_CORE_READ(task, flags) & PF_KTHREAD);
	BPF_CORE_READ_STR_INTO(&record.comm, task, comm);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

/* Unrolled: a context is read at constant offsets only. */
#define RAISE_VOLUMES(state, args)                                                                                     \
	do {                                                                                                           \
		_Pragma("unroll") for (int label = 0; label < LABEL_COUNT;                                             \
				       label++) if ((state)->volume[label] < (args)->state.volume[label])(state)       \
		    ->volume[label] = (args)->state.volume[label];                                                     \
	} while (0)

/* Neither flags nor labels, nor bytes remembered below the floor of a carrier. */
static __always_inline bool process_is_plain(const struct process_state *state)
{
	__u64 any = state->flags | state->labels;

	for (int label = 0; label < LABEL_COUNT; label++)
		any |= state->volume[label];
	return !any;
}

/* Who has no entry pays the bit test only. A read that labels it meanwhile is put back: the element outlives its
 * removal for as long as this program runs. */
static __always_inline void process_forget(struct event_process_key *key, struct process_state *state)
{
	process_filter_clear(key->tgid);
	bpf_map_delete_elem(&processes, key);
	if (process_is_plain(state))
		return;
	process_filter_set(key->tgid);
	bpf_map_update_elem(&processes, key, state, BPF_NOEXIST);
}

SEC("syscall")
int set_process(struct set_process_args *args)
{
	struct event_process_key key = args->process; /* a map takes no key from a context */
	const union zero_value *zeros = zero_get();
	struct process_state *state;

	if (!zeros)
		return 0;
	process_filter_set(key.tgid);
	bpf_map_update_elem(&processes, &key, &zeros->process, BPF_NOEXIST);
	state = bpf_map_lookup_elem(&processes, &key);
	args->error = state ? 0 : -7; /* E2BIG */
	if (!state)
		return 0;
	if (!args->keep_flags)
		state->flags = args->state.flags;
	__sync_fetch_and_or(&state->labels, args->state.labels);
	RAISE_VOLUMES(state, args);
	if (process_is_plain(state))
		process_forget(&key, state);
	return 0;
}

SEC("syscall")
int set_object(struct set_object_args *args)
{
	struct event_file_key key = args->file;
	const union zero_value *zeros = zero_get();
	struct object_state *state;

	if (!zeros)
		return 0;
	object_filter_set(key.dev, key.ino);
	bpf_map_update_elem(&objects, &key, &zeros->object, BPF_NOEXIST);
	state = bpf_map_lookup_elem(&objects, &key);
	args->error = state ? 0 : -7; /* E2BIG */
	if (!state)
		return 0;
	state->size = args->state.size;
	state->kind = args->state.kind;
	state->flags = args->state.flags;
	__sync_fetch_and_or(&state->labels, args->state.labels);
	RAISE_VOLUMES(state, args);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
