/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What only system calls show: labels through pipes, FIFOs and tmpfs files, and the making of mappings.
 *
 *   tp_btf/sys_exit, attached by escalation: one hook for all calls, in place within 0.2 ms. It taxes every call, so
 *     a table of numbers comes first, and then the bit arrays.
 *   tp/syscalls/sys_exit_*, in its place some milliseconds later: the calls of the table alone. Other calls pay less
 *     (the kernel's slow path), but attaching takes a millisecond a call, and letting go tens of them.
 *
 * Descriptors are looked up at the end of the call: a thread that closes one meanwhile hides that one call. Calls of
 * 32-bit programs have other numbers and are left out, as are reads and writes that io_uring makes on pipes.
 */
#include "bpf/lib/access.bpf.h"
#include "bpf/lib/stream.bpf.h"

#define MAP_SHARED_TYPES 0x3 /* MAP_SHARED 1, MAP_SHARED_VALIDATE 3 */
#define MAP_ANONYMOUS 0x20
#define PROT_WRITE 0x2
#define ERROR_MAX 4095
#define SYSCALL_MAX 512

enum role {
	ROLE_NONE,
	ROLE_READ,     /* bytes = result, from descriptor in argument 1 */
	ROLE_WRITE,    /* to it */
	ROLE_VMSPLICE, /* to or from it, as it was opened */
	ROLE_SPLICE,   /* from argument 1 to argument 3 */
	ROLE_TEE,      /* from argument 1 to argument 2 */
	ROLE_SENDFILE, /* from argument 2 to argument 1 */
	ROLE_MMAP,
	ROLE_OPEN,
};

/* Which argument counts is told by the number; entries that are not named are ROLE_NONE. */
static const __u8 roles[SYSCALL_MAX] = {
    [NR_read] = ROLE_READ,
    [NR_readv] = ROLE_READ,
    [NR_pread64] = ROLE_READ,
    [NR_preadv] = ROLE_READ,
    [NR_preadv2] = ROLE_READ,
    [NR_recvfrom] = ROLE_READ,
    [NR_recvmsg] = ROLE_READ,
    [NR_write] = ROLE_WRITE,
    [NR_writev] = ROLE_WRITE,
    [NR_pwrite64] = ROLE_WRITE,
    [NR_pwritev] = ROLE_WRITE,
    [NR_pwritev2] = ROLE_WRITE,
    [NR_sendto] = ROLE_WRITE,
    [NR_sendmsg] = ROLE_WRITE,
    [NR_vmsplice] = ROLE_VMSPLICE,
    [NR_splice] = ROLE_SPLICE,
    [NR_copy_file_range] = ROLE_SPLICE,
    [NR_tee] = ROLE_TEE,
    [NR_sendfile] = ROLE_SENDFILE,
    [NR_mmap] = ROLE_MMAP,
#ifdef NR_open
    [NR_open] = ROLE_OPEN,
#endif
    [NR_openat] = ROLE_OPEN,
    [NR_openat2] = ROLE_OPEN,
};

/* enum event_object of what needs this hook; 0: it has one of its own, or none. */
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

/* `end` is where the position in a tmpfs file stands after the call. */
static __always_inline int hidden_read(struct file *file, __u64 bytes, __u64 end, _Bool splice)
{
	struct access access = {.kind = EVENT_ACCESS_READ, .length = bytes};
	struct task_struct *task = bpf_get_current_task_btf();
	struct event_file_key key;
	struct inode *inode;

	if (!file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	if (!inode_filter_test(inode) || !task_is_actor(task) || !(BPF_CORE_READ(file, f_mode) & FMODE_READ))
		return 0; /* vmsplice goes either way */
	if (inode_object(inode) == EVENT_OBJECT_MEMORY) {
		access.offset = (end ? end : BPF_CORE_READ(file, f_pos)) - bytes;
		return access_watched(inode, &access);
	}
	if (!hidden_object(inode) && !socket_source(file, inode, splice))
		return 0;
	key = inode_key(inode);
	stream_read(task, &key, bytes, pipe_queued(inode), 0);
	return 0;
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

static __noinline int hidden_write(struct file *file, __u64 bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state = process_get(task);
	struct event_file_key key;
	struct inode *inode;
	__u32 object;

	if (!file || !state || !state->labels || !task_is_actor(task) || !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	object = hidden_object(inode);
	if (!object && (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFSOCK) {
		inode = socket_target(file);
		object = EVENT_OBJECT_UNIX;
	}
	if (!inode || !object)
		return 0;
	key = inode_key(inode);
	stream_write(task, state, &key, object, bytes);
	return 0;
}

/* A mapping of a labelled file counts whole, since huge folios are mapped without a fault that shows. A carrier that
 * maps a tmpfs file to write to it may put all that it holds there. */
static __always_inline int mapped(struct task_struct *task, struct pt_regs *regs, long ret)
{
	struct access access = {.kind = EVENT_ACCESS_MAP, .offset = syscall_arg6(regs), .length = syscall_arg2(regs)};
	struct process_state *state;
	struct event_process_key key;
	struct inode *inode;
	struct file *file;

	if ((__u64)ret >= (__u64)-ERROR_MAX || (syscall_arg4(regs) & MAP_ANONYMOUS))
		return 0;
	file = task_file(task, syscall_arg5(regs));
	if (!file)
		return 0;
	inode = file_inode_real(file);
	if (inode_filter_test(inode))
		access_watched(inode, &access);
	if (!(syscall_arg3(regs) & PROT_WRITE) || !(syscall_arg4(regs) & MAP_SHARED_TYPES & 1))
		return 0;
	state = process_get(task);
	if (!state || !state->labels || inode_object(inode) != EVENT_OBJECT_MEMORY)
		return 0;
	key = process_key(task);
	object_mark(inode, EVENT_OBJECT_MEMORY, state->labels, &key);
	return 0;
}

/* A carrier opens a FIFO or a tmpfs file to write to it. */
static __always_inline int opened(struct task_struct *task, __u32 fd)
{
	struct process_state *state = process_get(task);
	struct event_process_key key;
	struct inode *inode;
	struct file *file;
	__u32 object;

	if (!state || !state->labels || !task_is_actor(task))
		return 0;
	file = task_file(task, fd);
	if (!file || !(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	object = hidden_object(inode);
	if (!object)
		return 0;
	key = process_key(task);
	object_mark(inode, object, state->labels, &key);
	return 0;
}

/* Where the call's explicit offset left off; 0: it used the file's own. preadv splits it over two arguments. */
static __always_inline __u64 read_end(struct pt_regs *regs, int number, long ret)
{
	if (number == NR_pread64 || number == NR_preadv || number == NR_preadv2)
		return syscall_arg4(regs) + ret;
	return 0;
}

static __always_inline int syscall_ended(struct pt_regs *regs, int number, long ret)
{
	struct task_struct *task;
	_Bool carrier, in, out;
	__u32 from, to;
	__u8 role;

	if (number < 0 || number >= SYSCALL_MAX)
		return 0;
	role = roles[number & (SYSCALL_MAX - 1)];
	if (role == ROLE_NONE || (ret == 0 && role != ROLE_READ)) /* the end of a pipe counts what was counted late */
		return 0;
	task = bpf_get_current_task_btf();
	if (syscall_is_compat(task))
		return 0;
	if (role == ROLE_MMAP)
		return mapped(task, regs, ret);
	if (ret < 0)
		return 0;
	if (role == ROLE_OPEN)
		return opened(task, ret);
	carrier = process_filter_test(task->tgid);
	in = role != ROLE_WRITE;
	out = carrier && role != ROLE_READ;
	from = role == ROLE_SENDFILE ? syscall_arg2(regs) : syscall_arg1(regs);
	to = role == ROLE_SPLICE ? syscall_arg3(regs) : role == ROLE_TEE ? syscall_arg2(regs) : syscall_arg1(regs);
	if (in)
		hidden_read(task_file(task, from), ret, read_end(regs, number, ret), role >= ROLE_SPLICE);
	if (out)
		hidden_write(task_file(task, to), ret);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_exit, struct pt_regs *regs, long ret)
{
	return listed_calls_stand ? 0 : syscall_ended(regs, syscall_number(regs), ret);
}

/* Attached to each call of the table. 32-bit calls never come here. */
SEC("tp/syscalls/sys_exit_read")
int syscall_exit_listed(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

	return listed_calls_stand ? syscall_ended(regs, ctx->id, ctx->ret) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
