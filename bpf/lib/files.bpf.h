/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The descriptors of a process that became a carrier: what it holds open for writing is marked with its name. */
#ifndef TENSORWARDEN_LIB_FILES_BPF_H
#define TENSORWARDEN_LIB_FILES_BPF_H

#include "bpf/lib/label.bpf.h"

#define FILES_WALK_MAX 1024 /* descriptors looked at when a process gets a label; 92 us */

struct files_walk {
	struct file **table;
	__u32 count;
	__u32 pad;
	__u64 labels;
	struct event_process_key owner;
};

/* The object that a carrier's socket writes to; 0: it leaves the host, serves, or is of another kind. */
static __noinline int socket_walk(struct file *file, struct event_file_key *key)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	struct inode *inode;

	if (!sk || !key)
		return 0;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX) {
		inode = unix_far_inode(sk);
		if (inode)
			*key = inode_key(inode);
		return inode ? EVENT_OBJECT_UNIX : 0;
	}
	if (sock_serves(sk) || !local_target(sk, NULL, key))
		return 0;
	local_streams = 1;
	return EVENT_OBJECT_LOCAL;
}

static long files_walk_one(__u32 fd, struct files_walk *walk)
{
	struct event_file_key key = {};
	struct file *file = NULL;
	struct inode *inode;
	__u32 kind;

	if (fd >= walk->count)
		return 1;
	bpf_probe_read_kernel(&file, sizeof(file), walk->table + fd);
	if (!file || !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	kind = inode_object(inode);
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFSOCK)
		kind = socket_walk(file, &key);
	else if (kind == EVENT_OBJECT_PIPE || kind == EVENT_OBJECT_MEMORY)
		key = inode_key(inode);
	else if (!kind && inode_is_terminal(inode) && terminal_key(file, 1, &key))
		kind = EVENT_OBJECT_TERMINAL;
	else
		kind = 0;
	if (!kind)
		return 0;
	key_mark(&key, kind, walk->labels, &walk->owner);
	return 0;
}

static __always_inline void files_walk_run(struct task_struct *task, struct files_walk *walk)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);

	walk->table = BPF_CORE_READ(fdt, fd);
	walk->count = BPF_CORE_READ(fdt, max_fds);
	bpf_loop(FILES_WALK_MAX, files_walk_one, walk, 0);
}

/* Of a process, if it is a carrier. `task` need not be typed. Called when the function that labelled it has returned:
 * kernels before 6.18 have no stack for one within the other. */
static __noinline int files_mark(struct task_struct *task, const struct event_process_key *process)
{
	struct files_walk walk = {};
	struct process_state *state;

	if (!process || !process_filter_test(process->tgid))
		return 0;
	state = bpf_map_lookup_elem(&processes, process);
	if (!state || !state->labels)
		return 0;
	walk.labels = state->labels;
	walk.owner = *process;
	files_walk_run(task, &walk);
	return 0;
}

static __always_inline int files_mark_own(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event_process_key process = process_key(task);

	return files_mark(task, &process);
}

#endif
