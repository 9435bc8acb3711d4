/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What only system calls show: labels through pipes, FIFOs and tmpfs files, and the making of mappings.
 *
 *   tp_btf/sys_exit, attached by escalation: one hook for all calls, in place within 0.2 ms. It taxes every call, so
 *     a table of numbers comes first, and then the bit arrays.
 *   tp/syscalls/sys_exit_*, in its place some milliseconds later: the calls of the table alone. Other calls pay less
 *     (the kernel's slow path), but attaching takes a millisecond a call, and letting go tens of them.
 *   tp_btf/sched_switch, hrtimer_expire_entry, attached by escalation: 32-bit calls have no hooks of their own, so
 * while the listed calls alone are hooked, whoever waits or is found by a timer in one that matters brings the first
 * hook back. Each fires a few thousand times a second at most, and ends with one test.
 *
 * Descriptors are looked up at the end of the call: a thread that closes one meanwhile hides that one call. Calls of
 * 32-bit programs have other numbers: on x86 they have a table of their own, on arm64 they are left out. What io_uring
 * does is in uring.bpf.c.
 */
#include "bpf/lib/hidden.bpf.h"

#define SYSCALL_MAX 512

enum role {
	ROLE_NONE,
	ROLE_READ,     /* bytes = result, from descriptor in argument 1 */
	ROLE_WRITE,    /* to it */
	ROLE_VMSPLICE, /* to or from it, as it was opened */
	ROLE_SPLICE,   /* from argument 1 to argument 3 */
	ROLE_TEE,      /* from argument 1 to argument 2 */
	ROLE_SENDFILE, /* from argument 2 to argument 1 */
	ROLE_OPEN,
};

#if defined(__TARGET_ARCH_x86)
enum compat_number {
	COMPAT_read = 3,
	COMPAT_write = 4,
	COMPAT_open = 5,
	COMPAT_readv = 145,
	COMPAT_writev = 146,
	COMPAT_pread64 = 180,
	COMPAT_pwrite64 = 181,
	COMPAT_sendfile = 187,
	COMPAT_sendfile64 = 239,
	COMPAT_openat = 295,
	COMPAT_splice = 313,
	COMPAT_tee = 315,
	COMPAT_vmsplice = 316,
	COMPAT_preadv = 333,
	COMPAT_pwritev = 334,
	COMPAT_sendto = 369,
	COMPAT_sendmsg = 370,
	COMPAT_recvfrom = 371,
	COMPAT_recvmsg = 372,
	COMPAT_copy_file_range = 377,
	COMPAT_preadv2 = 378,
	COMPAT_pwritev2 = 379,
};

/* The same roles by the numbers of 32-bit programs. Their socketcall is left out: its arguments are in memory. */
static const __u8 compat_roles[SYSCALL_MAX] = {
    [COMPAT_read] = ROLE_READ,
    [COMPAT_readv] = ROLE_READ,
    [COMPAT_pread64] = ROLE_READ,
    [COMPAT_preadv] = ROLE_READ,
    [COMPAT_preadv2] = ROLE_READ,
    [COMPAT_recvfrom] = ROLE_READ,
    [COMPAT_recvmsg] = ROLE_READ,
    [COMPAT_write] = ROLE_WRITE,
    [COMPAT_writev] = ROLE_WRITE,
    [COMPAT_pwrite64] = ROLE_WRITE,
    [COMPAT_pwritev] = ROLE_WRITE,
    [COMPAT_pwritev2] = ROLE_WRITE,
    [COMPAT_sendto] = ROLE_WRITE,
    [COMPAT_sendmsg] = ROLE_WRITE,
    [COMPAT_vmsplice] = ROLE_VMSPLICE,
    [COMPAT_splice] = ROLE_SPLICE,
    [COMPAT_copy_file_range] = ROLE_SPLICE,
    [COMPAT_tee] = ROLE_TEE,
    [COMPAT_sendfile] = ROLE_SENDFILE,
    [COMPAT_sendfile64] = ROLE_SENDFILE,
    [COMPAT_open] = ROLE_OPEN,
    [COMPAT_openat] = ROLE_OPEN,
    [NR_openat2] = ROLE_OPEN,
};
#endif

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
#ifdef NR_open
    [NR_open] = ROLE_OPEN,
#endif
    [NR_openat] = ROLE_OPEN,
    [NR_openat2] = ROLE_OPEN,
};

/* A carrier opens a FIFO, a tmpfs file or a terminal to write to it. */
static __noinline int opened(struct task_struct *task, __u32 fd)
{
	struct process_state *state = process_get(task);
	struct event_process_key process;
	struct event_file_key key = {};
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
	if (object)
		key = inode_key(inode);
	else if (inode_is_terminal(inode) && terminal_key(file, 1, &key))
		object = EVENT_OBJECT_TERMINAL;
	else
		return 0;
	process = process_key(task);
	key_mark(&key, object, state->labels, &process);
	return 0;
}

static __always_inline __u8 call_role(int number, _Bool compat)
{
	if (number < 0 || number >= SYSCALL_MAX)
		return ROLE_NONE;
#if defined(__TARGET_ARCH_x86)
	if (compat)
		return compat_roles[number & (SYSCALL_MAX - 1)];
#endif
	return compat ? ROLE_NONE : roles[number & (SYSCALL_MAX - 1)];
}

#define call_arg(regs, compat, n) ((compat) ? (__u64)compat_arg##n(regs) : (__u64)syscall_arg##n(regs))

/* Where a call that was given a place to keep the position in left it. */
static __always_inline __u64 position_at(__u64 user, _Bool is_short)
{
	__u64 position = 0;

	if (user)
		bpf_probe_read_user(&position, is_short ? 4 : 8, (void *)user);
	return position;
}

/* Where the call's explicit offset left off; 0: it used the file's own. */
static __always_inline __u64 read_end(struct pt_regs *regs, int number, long ret)
{
	switch (number) {
	case NR_preadv2:
		if ((long)syscall_arg4(regs) == -1)
			return 0; /* fall through */
	case NR_pread64:
	case NR_preadv:
		return syscall_arg4(regs) + ret;
	case NR_sendfile:
		return position_at(syscall_arg3(regs), 0);
	case NR_splice:
	case NR_copy_file_range:
		return position_at(syscall_arg2(regs), 0);
	}
	return 0;
}

#if defined(__TARGET_ARCH_x86)
/* A position takes two registers, the low half first. */
static __always_inline __u64 compat_end(struct pt_regs *regs, int number, long ret)
{
	__u64 position = compat_arg4(regs) | (__u64)compat_arg5(regs) << 32;

	switch (number) {
	case COMPAT_pread64:
	case COMPAT_preadv:
	case COMPAT_preadv2:
		return position == ~0ull ? 0 : position + ret;
	case COMPAT_sendfile:
		return position_at(compat_arg3(regs), 1);
	case COMPAT_sendfile64:
		return position_at(compat_arg3(regs), 0);
	case COMPAT_splice:
	case COMPAT_copy_file_range:
		return position_at(compat_arg2(regs), 0);
	}
	return 0;
}
#else
#define compat_end(regs, number, ret) 0
#endif

/* The descriptor that a call takes from, or its only one. */
static __always_inline __u32 call_from(struct pt_regs *regs, __u8 role, _Bool compat)
{
	return role == ROLE_SENDFILE ? call_arg(regs, compat, 2) : call_arg(regs, compat, 1);
}

/* A 32-bit call by a carrier, or on what is labelled. */
static __always_inline _Bool compat_matters(struct task_struct *task, struct pt_regs *regs, __u8 role)
{
	struct event_file_key key = {};
	struct inode *inode;
	struct file *file;

	if (process_filter_test(task->tgid))
		return 1;
	file = role == ROLE_OPEN ? NULL : task_file(task, call_from(regs, role, 1));
	if (!file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	if (inode_filter_test(inode))
		return 1;
	return inode_is_terminal(inode) && terminal_key(file, 0, &key) && object_filter_test(key.dev, key.ino);
}

static __always_inline int syscall_ended(struct pt_regs *regs, int number, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	_Bool compat = syscall_is_compat(task);
	__u8 role = call_role(number, compat);
	__u64 end;
	__u32 from, to;

	if (role == ROLE_NONE || ret < 0 || (ret == 0 && role != ROLE_READ && role != ROLE_OPEN))
		return 0; /* the end of a pipe counts what was counted late */
	if (compat && !compat_calls && compat_matters(task, regs, role))
		compat_calls = 1;
	if (role == ROLE_OPEN)
		return opened(task, ret);
	from = call_from(regs, role, compat);
	if (role != ROLE_WRITE) {
		end = compat ? compat_end(regs, number, ret) : read_end(regs, number, ret);
		hidden_read(task_file(task, from), ret, end, role >= ROLE_SPLICE);
	}
	if (role == ROLE_READ || !process_filter_test(task->tgid))
		return 0;
	to = role == ROLE_SPLICE ? call_arg(regs, compat, 3)
				 : (role == ROLE_TEE ? call_arg(regs, compat, 2) : call_arg(regs, compat, 1));
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

/* Between calls the mark of a 32-bit one is off. */
static __always_inline int compat_sample(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs;
	__u8 role;

	if (!syscall_is_compat(task) || !listed_calls_stand || compat_calls)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	role = call_role(syscall_number(regs), 1);
	if (role != ROLE_NONE && task_is_actor(task) && compat_matters(task, regs, role))
		compat_calls = 1;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(compat_wait)
{
	return compat_sample();
}

SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(compat_tick)
{
	return compat_sample();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
