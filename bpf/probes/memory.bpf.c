/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Memory: mappings as they are made, and the memory of other processes.
 *
 *   tp_btf/mmap_lock_acquire_returned: every mapping call takes its own process's lock, MAP_FIXED too; who reaches into
 *     another process takes that one's. Page faults take it seldom. It also fires for munmap, brk and mprotect, so the
 *     number of the call comes first. docs/performance.md has what it costs, and the hooks that were tried beside it.
 *     Its arguments differ between kernels, except the first, so whether the lock is taken for writing is not asked.
 *
 * A mapping is seen before it is made: one that then fails counts as well. Growth by mremap shows in its faults only.
 */
#include "bpf/lib/access.bpf.h"
#include "bpf/lib/candidate.bpf.h"
#include "bpf/lib/host.bpf.h"
#include "bpf/lib/memory.bpf.h"

#define SHM_RDONLY 010000
#define IPC_SHM_IDS 2
#define IPC_INDEX_MASK 0x7fff /* of an identifier; the rest is a sequence number */
#define XARRAY_LEVELS 4	      /* 6 bits each */
#define IPC_CALL_SHMAT 21
#define PTRACE_PEEKTEXT 1
#define PTRACE_PEEKDATA 2
#define PTRACE_POKETEXT 4
#define PTRACE_POKEDATA 5
#define PTRACE_WORD 8
#define REMOTE_VECTORS_MAX 1024	      /* UIO_MAXIOV */
#define REMOTE_BATCH_BYTES (4u << 20) /* process_vm_readv takes the lock once per this much of a vector */

/* --- mappings --- */

struct mapping {
	struct inode *inode;
	struct access access;
	_Bool is_store; /* shared and writable: what its maker holds may go there */
};

/* Not on the stack: what follows needs nearly all of it before 6.18. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mapping);
} mappings SEC(".maps");

static __always_inline _Bool is_store(__u64 prot, __u64 flags)
{
	return (prot & PROT_WRITE) && (flags & MAP_SHARED_TYPES & 1);
}

static __always_inline _Bool file_mapped(struct mapping *mapping, struct task_struct *task, __u32 fd, __u64 offset,
					 __u64 length)
{
	struct file *file = task_file(task, fd);

	if (!file)
		return 0;
	mapping->inode = file_inode_real(file);
	mapping->access.offset = offset;
	mapping->access.length = length;
	return 1;
}

/* The file behind a System V segment: by its index in the namespace's table. */
static __always_inline struct file *segment_file(struct task_struct *task, __u32 id)
{
	struct ipc_namespace *ns = BPF_CORE_READ(task, nsproxy, ipc_ns);
	__u64 entry = (__u64)BPF_CORE_READ(ns, ids[IPC_SHM_IDS].ipcs_idr.idr_rt.xa_head);
	__u32 index = id & IPC_INDEX_MASK;
	struct shmid_kernel *segment;
	struct xa_node *node;
	int i;

	for (i = 0; i < XARRAY_LEVELS && (entry & 3) == 2; i++) { /* an inner node */
		node = (struct xa_node *)(entry - 2);
		bpf_probe_read_kernel(&entry, sizeof(entry),
				      &node->slots[(index >> (BPF_CORE_READ(node, shift) & 31)) & 63]);
	}
	segment = (struct shmid_kernel *)entry;
	return segment && !(entry & 3) ? BPF_CORE_READ(segment, shm_file) : NULL;
}

static __noinline int segment_attached(struct mapping *mapping, __u32 id, __u32 flags)
{
	struct file *file = segment_file(bpf_get_current_task_btf(), id);
	struct inode *inode;

	if (!file || !mapping)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	mapping->inode = inode;
	mapping->access.offset = 0;
	mapping->access.length = BPF_CORE_READ(inode, i_size);
	mapping->is_store = !(flags & SHM_RDONLY);
	return 1;
}

#if defined(__TARGET_ARCH_x86)
/* The first 32-bit call of this name has its arguments in memory. */
static __noinline int mapped_by_struct(struct mapping *mapping, __u32 address)
{
	struct {
		__u32 address, length, prot, flags, fd, offset;
	} args;

	if (bpf_probe_read_user(&args, sizeof(args), (void *)(unsigned long)address) || (args.flags & MAP_ANONYMOUS) ||
	    !mapping)
		return 0;
	mapping->is_store = is_store(args.prot, args.flags);
	return file_mapped(mapping, bpf_get_current_task_btf(), args.fd, args.offset, args.length);
}
#endif

static __always_inline int compat_mapping(struct mapping *mapping, struct task_struct *task, struct pt_regs *regs,
					  int number)
{
	if (number == NR_compat_mmap2 && !(compat_arg4(regs) & MAP_ANONYMOUS)) {
		mapping->is_store = is_store(compat_arg3(regs), compat_arg4(regs));
		return file_mapped(mapping, task, compat_arg5(regs), (__u64)compat_arg6(regs) << PAGE_SHIFT,
				   compat_arg2(regs));
	}
	if (number == NR_compat_shmat)
		return segment_attached(mapping, compat_arg1(regs), compat_arg3(regs));
#if defined(__TARGET_ARCH_x86)
	if (number == NR_compat_ipc && (compat_arg1(regs) & 0xffff) == IPC_CALL_SHMAT)
		return segment_attached(mapping, compat_arg2(regs), compat_arg3(regs));
	if (number == NR_compat_mmap)
		return mapped_by_struct(mapping, compat_arg1(regs));
#endif
	return 0;
}

static __always_inline _Bool call_maps(int number, _Bool compat)
{
#if defined(__TARGET_ARCH_x86)
	if (compat && (number == NR_compat_mmap || number == NR_compat_ipc))
		return 1;
#endif
	return compat ? number == NR_compat_mmap2 || number == NR_compat_shmat
		      : number == NR_mmap || number == NR_shmat;
}

/* The mapping that the current call is about to make; NULL if it makes none of a file. */
static __always_inline struct mapping *mapping_of_call(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	_Bool compat = syscall_is_compat(task), made;
	int number = syscall_number(regs);
	struct mapping *mapping;
	__u32 zero = 0;

	if (!call_maps(number, compat) || (!compat && number == NR_mmap && (syscall_arg4(regs) & MAP_ANONYMOUS)))
		return NULL;
	mapping = bpf_map_lookup_elem(&mappings, &zero);
	if (!mapping)
		return NULL;
	mapping->access.kind = EVENT_ACCESS_MAP;
	if (compat) {
		made = compat_mapping(mapping, task, regs, number);
	} else if (number == NR_shmat) {
		made = segment_attached(mapping, syscall_arg1(regs), syscall_arg3(regs));
	} else {
		mapping->is_store = is_store(syscall_arg3(regs), syscall_arg4(regs));
		made = file_mapped(mapping, task, syscall_arg5(regs), syscall_arg6(regs), syscall_arg2(regs));
	}
	return made ? mapping : NULL;
}

/* A carrier may put all that it holds into a tmpfs file that it maps to write to. */
static __noinline int mapping_mark(struct inode *inode)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state = process_get(task);
	struct event_process_key key;

	if (!state || !state->labels || !task_is_actor(task) || inode_object(inode) != EVENT_OBJECT_MEMORY)
		return 0;
	key = process_key(task);
	object_mark(inode, EVENT_OBJECT_MEMORY, state->labels, &key);
	return 0;
}

static __always_inline int own_memory(struct task_struct *task)
{
	struct mapping *mapping = mapping_of_call(task);
	struct inode *inode;
	_Bool known;

	if (!mapping)
		return 0;
	known = process_filter_test(task->tgid);
	inode = mapping->inode;
	if (inode_filter_test(inode))
		access_watched(inode, &mapping->access);
	else if (known)
		candidate_check(inode);
	return known && mapping->is_store ? mapping_mark(inode) : 0;
}

/* --- the memory of others --- */

struct vectors {
	const struct iovec *user;
	__u64 count;
	__u64 longest;
};

static long vectors_one(__u32 index, struct vectors *vectors)
{
	struct iovec vector;

	if (index >= vectors->count || bpf_probe_read_user(&vector, sizeof(vector), vectors->user + index))
		return 1;
	if (vector.iov_len > vectors->longest)
		vectors->longest = vector.iov_len;
	return 0;
}

/* Of one batch: no more than the longest vector, since each vector has batches of its own. */
static __always_inline __u64 remote_bytes(__u64 user, __u64 count)
{
	struct vectors vectors = {.user = (const struct iovec *)user, .count = count};

	bpf_loop(REMOTE_VECTORS_MAX, vectors_one, &vectors, 0);
	return min_u64(vectors.longest, REMOTE_BATCH_BYTES);
}

/* /proc/PID/mem, which takes the lock once per page; /proc/PID/cmdline and the like show no more than ps does. */
static __always_inline __u64 mem_file_bytes(struct task_struct *task, __u32 fd, __u64 count)
{
	struct file *file = task_file(task, fd);
	struct dentry *dentry;
	char name[4] = {};

	if (!file || BPF_CORE_READ(file, f_inode, i_sb, s_magic) != PROC_SUPER_MAGIC)
		return 0;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	if (name[0] != 'm' || name[1] != 'e' || name[2] != 'm' || name[3])
		return 0;
	return min_u64(count, EVENT_PAGE_SIZE);
}

/* Bytes that the current call moves while it has the lock once; 0: it is none that moves any. `store`: into the other
 * process. */
static __always_inline __u64 remote_call(struct task_struct *task, _Bool *store)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	int number = task_syscall(task);
	__u32 request;

	switch (number) {
	case NR_process_vm_writev:
		*store = 1; /* fall through */
	case NR_process_vm_readv:
		return remote_bytes(syscall_arg4(regs), syscall_arg5(regs));
	case NR_ptrace:
		request = syscall_arg1(regs);
		*store = request == PTRACE_POKETEXT || request == PTRACE_POKEDATA;
		return *store || request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA ? PTRACE_WORD : 0;
	case NR_write:
	case NR_pwrite64:
		*store = 1; /* fall through */
	case NR_read:
	case NR_pread64:
		return mem_file_bytes(task, syscall_arg1(regs), syscall_arg3(regs));
	case NR_writev:
	case NR_pwritev:
	case NR_pwritev2:
		*store = 1; /* fall through */
	case NR_readv:
	case NR_preadv:
	case NR_preadv2:
		return mem_file_bytes(task, syscall_arg1(regs), EVENT_PAGE_SIZE);
	case NR_io_uring_enter:
	case -2: /* a worker of io_uring, a 32-bit call */
		return EVENT_PAGE_SIZE;
	}
	return 0;
}

/* Who wrote into whose memory has been told: a copy by pieces is one deed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct event_process_key[2]);
	__type(value, __u8);
} memory_writers SEC(".maps");

/* Into the memory of a process that carries labels or serves: what it computes with may be changed there. */
static __always_inline void memory_written(const struct memory_move *move)
{
	struct event_process_key pair[2] = {move->source, move->target};
	struct host_event *event;
	__u8 told = 1;

	if (!process_filter_test(move->target.tgid) || bpf_map_lookup_elem(&memory_writers, pair))
		return;
	event = host_begin(EVENT_HOST_MEMORY_WRITE, move->bytes);
	if (!event)
		return;
	event->target = move->target;
	host_end(event);
	bpf_map_update_elem(&memory_writers, pair, &told, BPF_ANY);
}

static __noinline int foreign_memory(struct task_struct *owner)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct memory_move move = {.kind = FLOW_READ, .object = EVENT_OBJECT_PROCESS};
	_Bool store = 0;

	move.bytes = remote_call(task, &store);
	if (!move.bytes || !task_is_actor(task))
		return 0;
	if (store) {
		move.source = process_key(task);
		move.target = process_key_read(owner);
		memory_written(&move);
	} else {
		move.source = process_key_read(owner);
		move.target = process_key(task);
	}
	move.through = memory_key(&move.source);
	move.flags = EVENT_F_USER_MEMORY; /* lengths may come from there */
	if (memory_flow(&move))
		files_mark(store ? owner : task, &move.target);
	return 0;
}

/* A new image while exec fills it, and a child while fork does, belong to who makes them, or hold nothing yet. */
static __always_inline int other_memory(struct task_struct *task, struct mm_struct *mm)
{
	struct task_struct *owner = BPF_CORE_READ(mm, owner);
	__u32 tgid;

	if (!owner)
		return 0;
	tgid = BPF_CORE_READ(owner, tgid);
	if (tgid == task->tgid || !(process_filter_test(tgid) || process_filter_test(task->tgid)))
		return 0;
	return foreign_memory(owner);
}

SEC("tp_btf/mmap_lock_acquire_returned")
int BPF_PROG(memory_lock, struct mm_struct *mm)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return mm == task->mm ? own_memory(task) : other_memory(task, mm);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
