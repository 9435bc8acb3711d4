/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Processes.
 *
 *   tp_btf/sched_process_fork: the child exists and has not run yet, so nothing that it does precedes its labels.
 *   tp_btf/sched_process_exec: after the point of no return, so a failed execve() is never reported. The key stays the
 *     same over exec, from any thread: the kernel passes the leader's start time on.
 *   tp_btf/sched_process_exit: per thread; the last one of the group counts.
 *
 * Births and ends wake the agent when a label is concerned only: two wake-ups a process took 15 us from whoever forks.
 */
#include "bpf/lib/files.bpf.h"
#include "bpf/lib/path.bpf.h"

static __always_inline void fork_emit(const struct event_process_key *child)
{
	struct process_fork_event *event = quiet_reserve(EVENT_KIND_PROCESS_FORK, sizeof(*event));

	if (!event)
		return;
	event->child = *child;
	quiet_submit(event, EVENT_KIND_PROCESS_FORK);
}

/* The header's process is the child, as for every label that reaches a process. */
static __always_inline void fork_emit_label(const struct event_process_key *parent,
					    const struct event_process_key *child, const struct process_state *state)
{
	struct label_event *event = urgent_reserve(EVENT_KIND_LABEL, sizeof(*event));

	if (!event)
		return;
	event->hdr.tgid = child->tgid;
	event->hdr.tid = child->tgid;
	event->hdr.start_ns = child->start_ns;
	__builtin_memset(&event->source, 0, sizeof(event->source));
	__builtin_memset(&event->target, 0, sizeof(event->target));
	event->source_process = *parent;
	event->labels = state->labels;
	event->volume = state->volume[lowest_bit(state->labels) & (LABEL_COUNT - 1)];
	event->source_object = EVENT_OBJECT_PROCESS;
	event->target_object = EVENT_OBJECT_PROCESS;
	urgent_submit(event, EVENT_KIND_LABEL);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct event_process_key parent_key, child_key;
	struct process_state *state;

	if (child->tgid == parent->tgid || (child->flags & PF_KTHREAD))
		return 0; /* a thread */
	child_key = process_key(child);
	fork_emit(&child_key);
	state = process_get(parent);
	if (!state || !(state->labels || state->flags)) {
		process_filter_clear(child_key.tgid); /* a stale bit of an earlier process with this id */
		return 0;
	}
	process_filter_set(child_key.tgid);
	if (bpf_map_update_elem(&processes, &child_key, state, BPF_ANY)) {
		lost_add(EVENT_KIND_LABEL, LOST_MAP_FULL);
		return 0;
	}
	parent_key = process_key(parent);
	if (state->labels)
		fork_emit_label(&parent_key, &child_key, state);
	return 0;
}

/* The new stack has the arguments in place: they are read as the program will first see them. */
static __always_inline void exec_fill_args(struct process_exec_event *event, struct task_struct *task)
{
	unsigned long start = BPF_CORE_READ(task, mm, arg_start), end = BPF_CORE_READ(task, mm, arg_end);
	__u64 length = end - start;

	event->hdr.flags |= EVENT_F_USER_MEMORY;
	event->args_len = 0;
	if (length > EVENT_ARGS_MAX) {
		length = EVENT_ARGS_MAX;
		event->hdr.flags |= EVENT_F_ARGS_TRUNC;
	}
	if (length && bpf_probe_read_user(event->args, length, (void *)start)) {
		event->hdr.flags |= EVENT_F_ARGS_FAULT;
		lost_add(EVENT_KIND_PROCESS_EXEC, LOST_READ_FAILED);
		return;
	}
	event->args_len = length;
}

static __always_inline void exec_fill_identity(struct process_exec_event *event, struct task_struct *task)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};

	event->parent = process_key_read(parent);
	event->uid = BPF_CORE_READ(task, cred, euid.val);
	event->gid = BPF_CORE_READ(task, cred, egid.val);
	event->loginuid = BPF_CORE_READ(task, loginuid.val);
	event->mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	bpf_probe_read_kernel(&upid, sizeof(upid), &pid->numbers[level & 31]); /* the innermost namespace */
	event->pid_ns = upid.ns ? BPF_CORE_READ(upid.ns, ns.inum) : 0;
	event->pad = 0;
	BPF_CORE_READ_INTO(&event->comm, task, comm);
}

static __always_inline void exec_emit(struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct process_exec_event *event;

	event = urgent_reserve(EVENT_KIND_PROCESS_EXEC, sizeof(*event));
	if (!event)
		return;
	exec_fill_identity(event, task);
	if (task_mounts_are_users(task))
		event->hdr.flags |= EVENT_F_USER_MOUNTS;
	event->exe = inode_key(file_inode_real(exe));
	path_fill(&exe->f_path, SCRATCH_EXEC, event->path, &event->hdr.flags);
	path_fill(&fs->pwd, SCRATCH_EXEC, event->cwd, &event->hdr.flags);
	exec_fill_args(event, task);
	urgent_submit(event, EVENT_KIND_PROCESS_EXEC);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	exec_emit(task);
	/* A shell puts the pipes in place before it executes: those that its own label did not reach. */
	return files_mark_own();
}

static __always_inline __s32 exit_status(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;

	if (BPF_CORE_READ(signal, flags) & 4) /* SIGNAL_GROUP_EXIT */
		return BPF_CORE_READ(signal, group_exit_code);
	return BPF_CORE_READ(task, group_leader, exit_code);
}

static __always_inline void exit_emit(struct task_struct *task, _Bool quiet)
{
	struct process_exit_event *event = quiet_reserve(EVENT_KIND_PROCESS_EXIT, sizeof(*event));

	if (!event)
		return;
	event->exit_code = exit_status(task);
	event->pad = 0;
	if (quiet)
		quiet_submit(event, EVENT_KIND_PROCESS_EXIT);
	else
		urgent_submit(event, EVENT_KIND_PROCESS_EXIT);
}

/* What the process was is kept a while for readers of its pipes; its id may be given out again. */
static __always_inline void exit_forget(const struct process_state *state, const struct event_process_key *key)
{
	if (state && state->labels)
		bpf_map_update_elem(&departed, key, state, BPF_ANY);
	if (state)
		bpf_map_delete_elem(&processes, key);
	if (process_filter_test(key->tgid))
		process_filter_clear(key->tgid);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct event_process_key key;
	struct process_state *state;

	if (BPF_CORE_READ(task, signal, live.counter) || (task->flags & PF_KTHREAD))
		return 0;
	key = process_key(task);
	state = process_get(task);
	exit_emit(task, !state || !state->labels);
	exit_forget(state, &key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
