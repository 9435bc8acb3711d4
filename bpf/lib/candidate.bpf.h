/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Files that may turn out to be models: read or mapped by programs that look like AI workloads. */
#ifndef TENSORWARDEN_LIB_CANDIDATE_BPF_H
#define TENSORWARDEN_LIB_CANDIDATE_BPF_H

#include "bpf/lib/label.bpf.h"
#include "bpf/lib/path.bpf.h"

/* A discovering process reads a big file that nobody watches: reported once per process and file. */
static __noinline int candidate_check(struct inode *inode)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct sensor_config *cfg = config_get();
	struct process_state *state = process_get(task);
	struct event_process_key process;
	struct file_candidate_event *event;
	struct coverage_state *pair;
	struct event_file_key file;
	__u64 size;

	if (!cfg || !state || !(state->flags & PROCESS_F_DISCOVER) || !inode_is_regular(inode))
		return 0;
	size = BPF_CORE_READ(inode, i_size);
	if (size < cfg->discover_min_bytes)
		return 0;
	process = process_key(task);
	file = inode_key(inode);
	pair = coverage_add(&process, &file);
	if (!pair || __sync_lock_test_and_set(&pair->rung, 1))
		return 0;
	event = urgent_reserve(EVENT_KIND_FILE_CANDIDATE, sizeof(*event));
	if (!event)
		return 0;
	event->file = file;
	event->size = size;
	inode_name(inode, event->name, sizeof(event->name));
	urgent_submit(event, EVENT_KIND_FILE_CANDIDATE);
	return 0;
}

#endif
