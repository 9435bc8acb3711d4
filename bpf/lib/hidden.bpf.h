/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reads and writes that no hook sees where the data moves: pipes, FIFOs, pseudo-terminals, tmpfs files. Whoever sees
 * the call tells of it here, when it has ended. */
#ifndef TENSORWARDEN_LIB_HIDDEN_BPF_H
#define TENSORWARDEN_LIB_HIDDEN_BPF_H

#include "bpf/lib/access.bpf.h"
#include "bpf/lib/place.bpf.h"
#include "bpf/lib/stream.bpf.h"

/* enum event_object of an inode whose bytes have no hook of their own; 0: it has one, or none of these. */
static __always_inline __u32 hidden_object(struct inode *inode)
{
	__u32 object = inode_object(inode);

	return object == EVENT_OBJECT_PIPE || object == EVENT_OBJECT_MEMORY ? object : 0;
}

/* Unix sockets, where no hook counts their bytes (data path before 6.12, no fexit), and where splice drains one. */
static __always_inline struct inode *socket_source(struct file *file, struct inode *inode, _Bool splice)
{
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFSOCK || (have_sock_length && !splice))
		return NULL;
	return inode;
}

/* No less than what a pipe still holds. */
static __always_inline __u64 pipe_queued(struct inode *inode)
{
	struct pipe_inode_info *pipe;

	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFIFO)
		return 0;
	pipe = BPF_CORE_READ(inode, i_pipe);
	return pipe ? (__u64)(__u32)(BPF_CORE_READ(pipe, head) - BPF_CORE_READ(pipe, tail)) << PAGE_SHIFT : 0;
}

/* Not on the stack: what follows needs nearly all of it before 6.18. These programs do not interrupt each other. */
struct hidden_scratch {
	struct access access;
	struct event_file_key key;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hidden_scratch);
} hidden __weak SEC(".maps");

static __always_inline struct hidden_scratch *hidden_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&hidden, &zero);
}

/* `end` is where the position in a tmpfs file stands after the call; 0: at the file's own. */
static __noinline int hidden_read(struct file *file, __u64 bytes, __u64 end, _Bool splice)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct hidden_scratch *at;
	struct inode *inode;
	_Bool is_terminal, is_raw;

	if (!file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	is_terminal = inode_is_terminal(inode);
	is_raw = (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFBLK && (BPF_CORE_READ(file, f_flags) & O_DIRECT);
	if (is_raw) /* past the page cache, whose hooks see all else */
		inode = BPF_CORE_READ(file, f_mapping, host);
	if (!is_terminal && !inode_filter_test(inode))
		return 0;
	at = hidden_get();
	if (!at || !task_is_actor(task) || !(BPF_CORE_READ(file, f_mode) & FMODE_READ))
		return 0; /* vmsplice goes either way */
	if (is_terminal) {
		if (!terminal_key(file, 0, &at->key) || !object_filter_test(at->key.dev, at->key.ino))
			return 0;
		return stream_read(task, &at->key, bytes, 0, 0);
	}
	if (is_raw || inode_object(inode) == EVENT_OBJECT_MEMORY) {
		end = end ? end : BPF_CORE_READ(file, f_pos);
		at->access.kind = is_raw ? EVENT_ACCESS_DIRECT : EVENT_ACCESS_READ;
		at->access.length = bytes;
		at->access.offset = end - min_u64(bytes, end);
		return access_watched(inode, &at->access);
	}
	if (!hidden_object(inode) && !socket_source(file, inode, splice))
		return 0;
	at->key = inode_key(inode);
	return stream_read(task, &at->key, bytes, pipe_queued(inode), 0);
}

/* The receiving end of a unix socket. */
static __always_inline struct inode *socket_target(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk), *peer;

	if (have_sock_length || !sk || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		return NULL;
	peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	socket = peer ? BPF_CORE_READ(peer, sk_socket) : NULL;
	file = socket ? BPF_CORE_READ(socket, file) : NULL;
	return file ? BPF_CORE_READ(file, f_inode) : NULL;
}

/* Bytes of a call that no page shows. */
static __noinline int place_written(struct file *file, struct inode *inode, __u64 bytes)
{
	__u32 place = inode_place(inode);
	_Bool direct = BPF_CORE_READ(file, f_flags) & O_DIRECT;

	if (place == EVENT_PLACE_UNCACHED || (place == EVENT_PLACE_FUSE && !have_fuse_send) ||
	    (place == EVENT_PLACE_NETWORK && direct))
		place_charge(BPF_CORE_READ(inode, i_sb, s_dev), place, bytes, 0);
	return 0;
}

static __noinline int hidden_write(struct file *file, __u64 bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state = process_get(task);
	struct hidden_scratch *at = hidden_get();
	struct inode *inode;
	__u32 object;

	if (!at || !file || !state || !state->labels || !task_is_actor(task) ||
	    !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	object = hidden_object(inode);
	if (!object && inode_is_regular(inode))
		return place_written(file, inode, bytes);
	if (!object && (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFSOCK) {
		inode = socket_target(file);
		object = EVENT_OBJECT_UNIX;
	}
	if (inode && object)
		at->key = inode_key(inode);
	else if (inode && inode_is_terminal(inode) && terminal_key(file, 1, &at->key))
		object = EVENT_OBJECT_TERMINAL;
	else
		return 0;
	stream_write(task, state, &at->key, object, bytes);
	return 0;
}

#endif
