/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ioctl(2) on the nodes of accelerators: nearly all that is asked of a GPU's driver.
 *
 *   fentry, fexit of the call's entry in the kernel: taxes ioctl(2) alone.
 *   tp/syscalls/sys_enter_ioctl, sys_exit_ioctl: where fentry does not load. Other calls pay for the kernel's slow
 *     path, so they stand only while a process that is not a confirmed workload has such a node open. 32-bit calls are
 *     not seen.
 *
 * Both ends count. The descriptor is looked up at the beginning: another thread may put another file in its place
 * meanwhile. What the driver wrote back is there at the end. The nodes are told by number, since a name can be made
 * anywhere, and the driver by the node, since numbers of requests collide.
 */
#include "bpf/lib/device.bpf.h"
#include "bpf/lib/label.bpf.h"
#include "bpf/lib/ring.bpf.h"

#define GPU_CALLS_MAX 4096 /* threads within a call; the longest there goes, and is not told */

/* Requests of NVIDIA's driver; https://github.com/NVIDIA/open-gpu-kernel-modules, nv-ioctl-numbers.h, nv_escape.h. */
#define NV_RM_CONTROL 0x2a
#define NV_RM_ALLOC 0x2b
#define NV_XFER 211	 /* {u32 number, u32 size, u64 argument}: another request, wrapped */
#define NV_POINTED_AT 16 /* of RM_ALLOC and RM_CONTROL: where the pointer is in the argument */

struct gpu_call {
	__u64 request;
	__u64 argument;
	__u32 major;
	__u32 minor;
	__u32 driver;
	__u32 number;
	__u32 size; /* of the argument, by the request; 0: not told */
	__u32 before_len;
	__u8 before[EVENT_GPU_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GPU_CALLS_MAX);
	__type(key, __u64); /* thread, as bpf_get_current_pid_tgid() has it */
	__type(value, struct gpu_call);
} gpu_calls SEC(".maps");

struct nv_xfer {
	__u32 number;
	__u32 size;
	__u64 argument;
};

/* Bytes read: a request that does not tell its size may end just before unmapped memory. */
static __always_inline __u32 argument_read(__u8 *to, const struct gpu_call *call)
{
	const void *from = (const void *)call->argument;
	__u32 size = call->size;

	if (!size || size > EVENT_GPU_MAX)
		size = EVENT_GPU_MAX;
	barrier_var(size);
	if (size > EVENT_GPU_MAX) /* says it of the register that is passed, which the verifier of 6.1 wants */
		return 0;
	if (!bpf_probe_read_user(to, size, from))
		return size;
	if (call->size)
		return 0;
	if (!bpf_probe_read_user(to, 40, from))
		return 40;
	return bpf_probe_read_user(to, 16, from) ? 0 : 16;
}

static __always_inline void request_fill(struct gpu_call *call)
{
	struct nv_xfer xfer;

	call->number = call->request & 0xff;
	call->size = call->request >> 16 & 0x3fff;
	if (call->driver == EVENT_GPU_UVM || call->driver == EVENT_GPU_GDRCOPY || call->driver == EVENT_GPU_STORAGE) {
		call->size = 0; /* the numbers say nothing of it, or the wrong thing */
		if (call->driver == EVENT_GPU_UVM)
			call->number = call->request;
	}
	if (call->driver != EVENT_GPU_NVIDIA || call->number != NV_XFER)
		return;
	if (bpf_probe_read_user(&xfer, sizeof(xfer), (const void *)call->argument))
		return;
	call->number = xfer.number;
	call->size = xfer.size;
	call->argument = xfer.argument;
}

static __always_inline int call_begins(__u32 fd, __u64 request, __u64 argument)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 thread = bpf_get_current_pid_tgid();
	struct process_state *state;
	struct gpu_call call = {.request = request & 0xffffffff, .argument = argument};
	struct file *file;
	__u32 device;

	if (!task_is_actor(task))
		return 0;
	file = task_file(task, fd);
	if (!file)
		return 0;
	device = inode_device(BPF_CORE_READ(file, f_inode));
	call.driver = device_driver(device);
	if (!call.driver)
		return 0;
	call.major = device >> DEVICE_MINOR_BITS;
	call.minor = device & ((1 << DEVICE_MINOR_BITS) - 1);
	state = process_get(task);
	if (state && (state->flags & PROCESS_F_CONFIRMED))
		return 0;
	request_fill(&call);
	call.before_len = argument_read(call.before, &call);
	bpf_map_update_elem(&gpu_calls, &thread, &call, BPF_ANY);
	return 0;
}

/* Of RM_ALLOC and RM_CONTROL: what is made, or asked. */
static __always_inline __u32 pointed_read(struct gpu_call_event *event)
{
	__u64 from;

	if (event->driver != EVENT_GPU_NVIDIA || (event->number != NV_RM_ALLOC && event->number != NV_RM_CONTROL) ||
	    event->after_len < NV_POINTED_AT + sizeof(from))
		return 0;
	__builtin_memcpy(&from, event->after + NV_POINTED_AT, sizeof(from));
	if (!from)
		return 0;
	if (!bpf_probe_read_user(event->pointed, EVENT_GPU_POINTED, (const void *)from))
		return EVENT_GPU_POINTED;
	if (!bpf_probe_read_user(event->pointed, 32, (const void *)from))
		return 32;
	return bpf_probe_read_user(event->pointed, 8, (const void *)from) ? 0 : 8;
}

static __always_inline int call_ended(long result, __u16 tier)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct gpu_call *call = bpf_map_lookup_elem(&gpu_calls, &thread);
	struct gpu_call_event *event;

	if (!call)
		return 0;
	event = bulk_reserve(EVENT_KIND_GPU_CALL, sizeof(*event));
	if (event) {
		__builtin_memset(event, 0, sizeof(*event));
		header_fill(&event->hdr, EVENT_KIND_GPU_CALL, sizeof(*event));
		event->hdr.flags = tier | EVENT_F_USER_MEMORY;
		event->major = call->major;
		event->minor = call->minor;
		event->driver = call->driver;
		event->number = call->number;
		event->request = call->request;
		event->result = result;
		event->argument_size = call->size;
		event->before_len = call->before_len;
		__builtin_memcpy(event->before, call->before, sizeof(event->before));
		event->after_len = argument_read(event->after, call);
		event->pointed_len = pointed_read(event);
		if (!event->after_len)
			lost_add(EVENT_KIND_GPU_CALL, LOST_READ_FAILED);
		bulk_submit(event, EVENT_KIND_GPU_CALL);
	}
	bpf_map_delete_elem(&gpu_calls, &thread);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
#define IOCTL "__x64_sys_ioctl"
#define IOCTL_COMPAT "__ia32_compat_sys_ioctl"
#else
#define IOCTL "__arm64_sys_ioctl"
#define IOCTL_COMPAT "__arm64_compat_sys_ioctl"
#endif

SEC("fentry/" IOCTL)
int BPF_PROG(gpu_begin_fentry, struct pt_regs *regs)
{
	return call_begins(syscall_arg1(regs), syscall_arg2(regs), syscall_arg3(regs));
}

SEC("fexit/" IOCTL)
int BPF_PROG(gpu_call_fexit, struct pt_regs *regs, long ret)
{
	return call_ended(ret, EVENT_F_OBJECT_TIER);
}

SEC("fentry/" IOCTL_COMPAT)
int BPF_PROG(gpu_begin_compat_fentry, struct pt_regs *regs)
{
	return call_begins(compat_arg1(regs), compat_arg2(regs), compat_arg3(regs));
}

SEC("fexit/" IOCTL_COMPAT)
int BPF_PROG(gpu_call_compat_fexit, struct pt_regs *regs, long ret)
{
	return call_ended(ret, EVENT_F_OBJECT_TIER);
}

SEC("tp/syscalls/sys_enter_ioctl")
int gpu_begin_syscall(struct trace_event_raw_sys_enter *ctx)
{
	return call_begins(ctx->args[0], ctx->args[1], ctx->args[2]);
}

SEC("tp/syscalls/sys_exit_ioctl")
int gpu_call_syscall(struct trace_event_raw_sys_exit *ctx)
{
	return call_ended(ctx->ret, EVENT_F_SYSCALL_TIER);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
