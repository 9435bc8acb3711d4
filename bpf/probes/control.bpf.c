/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the agent asks the kernel, and the definitions of all shared variables.
 *
 *   query_fd: run by BPF_PROG_TEST_RUN in the agent's own context: the key of a file that it has opened. stat cannot
 *     tell it: on overlayfs it gives another device, and generations are not to be had on every file system.
 *   iter_files, iter_maps: what every process holds open or mapped at start.
 */
#include "bpf/lib/device.bpf.h"
#include "bpf/lib/inode.bpf.h"
#include "bpf/lib/sock.bpf.h"
#include "bpf/lib/task.bpf.h"
#include "bpf/lib/terminal.bpf.h"

const volatile __u32 agent_tgid = 0;
const volatile _Bool have_sock_length = 0;
const volatile _Bool have_ext4_write = 0;
const volatile _Bool have_fuse_send = 0;

__u64 object_filter[OBJECT_FILTER_BITS / 64];
__u64 process_filter[PROCESS_FILTER_BITS / 64];
__u32 local_streams;
__u32 rings_shared;
__u32 compat_calls;
__u32 listed_calls_stand;
__u32 urgent_unannounced;
__u64 serving_ports[SERVING_PORT_WORDS];
__u64 listen_ports[SERVING_PORT_WORDS];

/* Zero if there is none. */
static __always_inline struct event_file_key device_key(struct block_device *device)
{
	struct inode *inode = device_inode(device);
	struct event_file_key none = {};

	return inode ? inode_key(inode) : none;
}

SEC("syscall")
int query_fd(struct query_fd_args *args)
{
	struct file *file = task_file(bpf_get_current_task_btf(), args->fd);
	struct event_file_key part, disk;
	struct block_device *device;
	struct inode *inode;

	if (!file) {
		args->error = -9; /* -EBADF */
		return 0;
	}
	inode = file_inode_real(file);
	args->file = inode_key(inode);
	args->size = BPF_CORE_READ(inode, i_size);
	args->mode = BPF_CORE_READ(inode, i_mode);
	args->object = inode_object(inode);
	device = BPF_CORE_READ(inode, i_sb, s_bdev);
	part = device_key(device);
	disk = device_key(device ? BPF_CORE_READ(device, bd_disk, part0) : NULL);
	if (disk.ino == part.ino)
		disk.dev = 0; /* it is no part */
	args->device = part;  /* a context is written at constant offsets only */
	args->disk = disk;
	args->error = 0;
	return 0;
}

/* 0: not a socket that labels or egress know. */
static __always_inline _Bool holder_socket(struct holder_file_record *record, struct file *file)
{
	struct socket *socket = bpf_sock_from_file(file);
	const struct tcp_sock *tcp;
	struct sock *sk;
	__u32 family;

	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	record->sock_state = BPF_CORE_READ(sk, __sk_common.skc_state);
	record->cookie = bpf_get_socket_cookie(sk);
	if (family == AF_UNIX) {
		record->object = EVENT_OBJECT_UNIX;
		return 1;
	}
	if (family != AF_INET && family != AF_INET6 && family != AF_XDP)
		return 0;
	sock_tuple_fill(&record->sock, sk);
	tcp = (const struct tcp_sock *)sk;
	if (record->sock.protocol == IPPROTO_TCP && record->sock_state != TCP_LISTEN)
		record->size = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
	return 1;
}

/* Its key stands for both directions. */
static __always_inline int holder_terminal(struct bpf_iter__task_file *ctx, struct task_struct *task, struct file *file,
					   struct holder_file_record *record)
{
	if (!terminal_key(file, 1, &record->file))
		return 0;
	record->file.generation = 0;
	record->process = process_key(task);
	record->fd = ctx->fd;
	record->object = EVENT_OBJECT_TERMINAL;
	bpf_seq_write(ctx->meta->seq, record, sizeof(*record));
	return 0;
}

static __always_inline int holder_device(struct bpf_iter__task_file *ctx, struct task_struct *task, struct file *file,
					 __u32 device)
{
	struct holder_file_record record = {.object = EVENT_OBJECT_DEVICE, .size = device, .fd = ctx->fd};

	record.process = process_key(task);
	record.mode = S_IFCHR;
	record.open_mode = BPF_CORE_READ(file, f_mode) & (FMODE_READ | FMODE_WRITE);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

SEC("iter/task_file")
int iter_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct holder_file_record record = {};
	struct file *file = ctx->file;
	struct inode *inode;
	__u32 device;

	if (!task || !file)
		return 0;
	inode = file_inode_real(file);
	record.mode = BPF_CORE_READ(inode, i_mode);
	record.object = inode_object(inode);
	if (inode_is_terminal(inode))
		return holder_terminal(ctx, task, file, &record);
	device = inode_device(inode);
	if (device_driver(device))
		return holder_device(ctx, task, file, device);
	if ((record.mode & S_IFMT) == S_IFSOCK ? !holder_socket(&record, file) : !record.object)
		return 0;
	record.process = process_key(task);
	record.file = inode_key(inode);
	if ((record.mode & S_IFMT) != S_IFSOCK)
		record.size = BPF_CORE_READ(inode, i_size);
	record.fd = ctx->fd;
	record.open_flags = BPF_CORE_READ(file, f_flags);
	record.open_mode = BPF_CORE_READ(file, f_mode) & (FMODE_READ | FMODE_WRITE);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

SEC("iter/task_vma")
int iter_maps(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct task_struct *task = ctx->task;
	struct holder_map_record record = {};
	struct inode *inode;
	struct file *file;

	if (!task || !vma || task->pid != task->tgid) /* threads share their leader's mappings */
		return 0;
	file = BPF_CORE_READ(vma, vm_file);
	if (!file)
		return 0;
	inode = file_inode_real(file);
	record.mode = BPF_CORE_READ(inode, i_mode);
	if ((record.mode & S_IFMT) != S_IFREG)
		return 0;
	record.process = process_key(task);
	record.file = inode_key(inode);
	record.size = BPF_CORE_READ(inode, i_size);
	record.offset = BPF_CORE_READ(vma, vm_pgoff) << 12;
	record.length = BPF_CORE_READ(vma, vm_end) - BPF_CORE_READ(vma, vm_start);
	record.vm_flags = BPF_CORE_READ(vma, vm_flags) & 0xf;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
