/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Processes: their key, and who counts as an actor. */
#ifndef TENSORWARDEN_LIB_TASK_BPF_H
#define TENSORWARDEN_LIB_TASK_BPF_H

#include "bpf/lib/compat.bpf.h"

/* `task` must be known to the verifier by type. Plain loads also spare the stack, of which nested calls have little. */
static __always_inline struct event_process_key process_key(struct task_struct *task)
{
	struct event_process_key key = {.tgid = task->tgid, .start_ns = task->group_leader->start_boottime};

	return key;
}

static __always_inline struct event_process_key process_key_read(struct task_struct *task)
{
	struct event_process_key key = {};

	key.tgid = BPF_CORE_READ(task, tgid);
	key.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	return key;
}

/* Write-back, loop devices and the like move pages for others; the agent reads assets to know them. */
static __always_inline _Bool task_is_actor(struct task_struct *task)
{
	return !(task->flags & PF_KTHREAD) && task->tgid != agent_tgid;
}

/* Number of the system call that the current task is in; -1 in a page fault or another exception, -2 where no number
 * can be had (workers of io_uring, calls of 32-bit programs). */
static __always_inline int task_syscall(struct task_struct *task)
{
	struct pt_regs *regs;

	if ((task->flags & (PF_KTHREAD | PF_IO_WORKER)) || syscall_is_compat(task))
		return -2;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	return syscall_number(regs);
}

/* The open file behind a descriptor of the current task; NULL if there is none. */
/* Whoever made a user namespace may mount in its mount namespaces: any file at any path. */
static __always_inline _Bool task_mounts_are_users(struct task_struct *task)
{
	return BPF_CORE_READ(task, nsproxy, mnt_ns, user_ns, level) > 0;
}

static __always_inline struct file *task_file(struct task_struct *task, __u32 fd)
{
	struct file **table, *file = NULL;
	struct fdtable *fdt;

	fdt = task->files->fdt; /* plain loads: this runs in every escalated read */
	if (fd >= fdt->max_fds)
		return NULL;
	table = fdt->fd;
	bpf_probe_read_kernel(&file, sizeof(file), table + fd);
	return file;
}

#endif
