/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What changes the host or reaches for another process's power. None of it is on a path that a workload takes often.
 *
 *   tp_btf/module_load, io_uring_create; signal_generate: signals to the agent alone.
 *   LSM: bpf(BPF_PROG_LOAD), ptrace and its like, changes of user and capabilities, user namespaces, sockets that reach
 *     below or beside IP, the clock.
 *   Where LSM programs do not load: raw IP sockets by cgroup/sock_create; BPF programs, mounts and the clock by the
 *     agent's own look (agent/sensor/host_watch.h); the rest is not seen.
 */
#include "bpf/lib/host.bpf.h"

#define BPF_PROG_LOAD_COMMAND 5 /* enum bpf_cmd */
#define PTRACE_ATTACH_MODE 2	/* PTRACE_MODE_ATTACH */
#define TYPE_RAW 3		/* SOCK_RAW */

SEC("tp_btf/module_load")
int BPF_PROG(module_load, struct module *mod)
{
	struct host_event *event = host_begin(EVENT_HOST_MODULE, BPF_CORE_READ(mod, taints));

	if (event)
		bpf_probe_read_kernel_str(event->name, sizeof(event->name), mod->name);
	return host_end(event);
}

SEC("tp_btf/io_uring_create")
int BPF_PROG(uring_create, int fd, void *ring, __u32 sq_entries, __u32 cq_entries, __u32 flags)
{
	return host_end(host_begin(EVENT_HOST_URING, flags));
}

SEC("tp_btf/signal_generate")
int BPF_PROG(agent_signal, int sig, struct kernel_siginfo *info, struct task_struct *task)
{
	struct host_event *event;

	if (task->tgid != agent_tgid)
		return 0;
	event = host_begin(EVENT_HOST_SIGNAL, sig);
	if (event)
		event->target = process_key(task);
	return host_end(event);
}

SEC("lsm/bpf")
int BPF_PROG(bpf_load_lsm, int cmd, union bpf_attr *attr)
{
	struct host_event *event;

	if (cmd != BPF_PROG_LOAD_COMMAND)
		return 0;
	event = host_begin(EVENT_HOST_BPF, attr->prog_type);
	if (event)
		bpf_probe_read_kernel_str(event->name, sizeof(attr->prog_name), attr->prog_name);
	return host_end(event);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(ptrace_lsm, struct task_struct *child, unsigned int mode)
{
	struct host_event *event;

	if (!(mode & PTRACE_ATTACH_MODE) || child->tgid == bpf_get_current_task_btf()->tgid)
		return 0;
	event = host_begin(EVENT_HOST_PTRACE, mode);
	if (event) {
		event->target = process_key(child);
		event->former = child->tgid == agent_tgid;
	}
	return host_end(event);
}

SEC("lsm/task_fix_setuid")
int BPF_PROG(set_uid_lsm, struct cred *now, const struct cred *old)
{
	__u32 uid = now->euid.val, former = old->euid.val;
	struct host_event *event;

	if (uid == former)
		return 0;
	event = host_begin(EVENT_HOST_SET_UID, uid);
	if (event)
		event->former = former;
	return host_end(event);
}

/* A set of capabilities was a pair of words before 6.3: as memory the two are alike. */
static __always_inline __u64 capabilities_of(const struct cred *cred)
{
	__u64 bits = 0;

	bpf_probe_read_kernel(&bits, sizeof(bits), &cred->cap_effective);
	return bits;
}

SEC("lsm/capset")
int BPF_PROG(set_caps_lsm, struct cred *now, const struct cred *old, const void *effective)
{
	__u64 former = capabilities_of(old), bits = 0;
	struct host_event *event;

	bpf_probe_read_kernel(&bits, sizeof(bits), effective);
	if (!(bits & ~former))
		return 0; /* they are given up */
	event = host_begin(EVENT_HOST_SET_CAPS, bits);
	if (event)
		event->former = former;
	return host_end(event);
}

SEC("lsm/userns_create")
int BPF_PROG(userns_lsm, const struct cred *cred)
{
	return host_end(host_begin(EVENT_HOST_USER_NAMESPACE, cred->euid.val));
}

static __always_inline int socket_made(__u32 family, __u32 type, __u32 protocol)
{
	_Bool inet = family == AF_INET || family == AF_INET6;

	if (!(inet && type == TYPE_RAW) && family != AF_PACKET && family != AF_ALG && family != AF_VSOCK &&
	    family != AF_XDP)
		return 0;
	return host_end(host_begin(EVENT_HOST_SOCKET, (__u64)family << 32 | type << 16 | (protocol & 0xffff)));
}

SEC("lsm/socket_post_create")
int BPF_PROG(socket_create_lsm, struct socket *sock, int family, int type, int protocol, int kern)
{
	return kern ? 0 : socket_made(family, type, protocol);
}

SEC("cgroup/sock_create")
int socket_create(struct bpf_sock *sock)
{
	socket_made(sock->family, sock->type, sock->protocol);
	return 1;
}

SEC("lsm/settime")
int BPF_PROG(clock_lsm, const struct timespec64 *time)
{
	return host_end(time ? host_begin(EVENT_HOST_CLOCK, BPF_CORE_READ(time, tv_sec)) : NULL);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
