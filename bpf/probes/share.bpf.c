/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Memory that a carrier shares with other processes: no hook fires when bytes pass through it.
 *
 *   iter/task_vma, over the carrier when the agent hears that it became one or holds more: each writable shared mapping
 *     of memory is marked with its name, and whoever else maps the same object is found from the object itself, which
 *     costs by the number of its mappings and not of the host's processes.
 *   iter/task: processes that share the carrier's whole address space (clone with CLONE_VM). The kernel has no list of
 *     those, so this one looks at every process; the agent runs it seldom.
 *
 * The agent runs one at a time, so what a walk needs to remember is in variables; the stack has no room for it.
 */
#include "bpf/lib/memory.bpf.h"
#include "bpf/lib/task.bpf.h"
#include "bpf/abi/state.h"

#define SHARE_MIN_BYTES (16u << 10)	     /* semaphores, locks and flags are no channel for a model */
#define RING_NAME_WORD 0x6e6972755f6f695bull /* "[io_urin" */
#define MAPPERS_STEPS_MAX 16384		     /* about three a mapping: 5 461 mappings of one object */

/* Where the walk over an object's mappings came from. */
enum mappers_from { FROM_ABOVE, FROM_LEFT, FROM_RIGHT };

static struct memory_move share;
static struct rb_node *mappers_node;
static __u64 mappers_from, mappers_size, mappers_count, shared_mm;

/* Nobody holds the object's lock for us: what went meanwhile reads as garbage, so owner and address space must agree.
 */
static __always_inline void mapper_join(struct vm_area_struct *vma)
{
	struct mm_struct *mm = BPF_CORE_READ(vma, vm_mm);
	struct task_struct *owner = BPF_CORE_READ(mm, owner);

	if (!owner || BPF_CORE_READ(owner, mm) != mm)
		return;
	share.target = process_key_read(owner);
	if (!share.target.tgid || share.target.tgid == share.source.tgid)
		return;
	mappers_count++;
	share.bytes = min_u64(BPF_CORE_READ(vma, vm_end) - BPF_CORE_READ(vma, vm_start), mappers_size);
	if (memory_flow(&share))
		files_mark(owner, &share.target);
}

static long mappers_step(__u32 index, void *unused)
{
	struct rb_node *node = mappers_node, *next;

	if (!node)
		return 1;
	if (mappers_from == FROM_ABOVE) {
		mappers_from = FROM_LEFT;
		next = BPF_CORE_READ(node, rb_left);
		if (next) {
			mappers_node = next;
			mappers_from = FROM_ABOVE;
			return 0;
		}
	}
	if (mappers_from == FROM_LEFT) {
		mapper_join((void *)node - bpf_core_field_offset(struct vm_area_struct, shared.rb));
		mappers_from = FROM_RIGHT;
		next = BPF_CORE_READ(node, rb_right);
		if (next) {
			mappers_node = next;
			mappers_from = FROM_ABOVE;
			return 0;
		}
	}
	next = (struct rb_node *)(BPF_CORE_READ(node, __rb_parent_color) & ~3ul);
	mappers_node = next;
	mappers_from = next && BPF_CORE_READ(next, rb_left) == node ? FROM_LEFT : FROM_RIGHT;
	return 0;
}

static __always_inline void object_share(struct inode *inode, __u64 size)
{
	mappers_node = BPF_CORE_READ(inode, i_mapping, i_mmap.rb_root.rb_node);
	mappers_from = FROM_ABOVE;
	mappers_size = size;
	mappers_count = 0;
	share.through = inode_key(inode);
	share.object = EVENT_OBJECT_MEMORY;
	share.kind = FLOW_SHARED;
	bpf_loop(MAPPERS_STEPS_MAX, mappers_step, NULL, 0);
}

static __always_inline struct inode *shared_inode(struct vm_area_struct *vma)
{
	__u64 flags = BPF_CORE_READ(vma, vm_flags);
	struct file *file = BPF_CORE_READ(vma, vm_file);
	struct inode *inode;

	if (!file || (flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
		return NULL;
	inode = BPF_CORE_READ(file, f_inode);
	return inode_object(inode) == EVENT_OBJECT_MEMORY && BPF_CORE_READ(inode, i_size) >= SHARE_MIN_BYTES ? inode
													     : NULL;
}

/* The pages of a ring of io_uring, which has an inode of its own: requests and completions hold what one puts there. */
static __always_inline struct inode *ring_inode(struct vm_area_struct *vma, __u64 size)
{
	struct file *file = BPF_CORE_READ(vma, vm_file);
	struct dentry *dentry;
	__u64 name = 0;

	if (!file || size < SHARE_MIN_BYTES || BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return NULL;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	return name == RING_NAME_WORD ? BPF_CORE_READ(file, f_inode) : NULL;
}

SEC("iter/task_vma")
int iter_shares(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct task_struct *task = ctx->task;
	struct share_record record = {};
	struct process_state *state;
	struct inode *inode, *ring;
	__u64 size;

	if (!task || !vma || task->pid != task->tgid)
		return 0;
	share.source = process_key(task);
	shared_mm = (__u64)BPF_CORE_READ(task, mm);
	size = BPF_CORE_READ(vma, vm_end) - BPF_CORE_READ(vma, vm_start);
	inode = shared_inode(vma);
	ring = inode ? NULL : ring_inode(vma, size);
	state = inode || ring ? process_get(task) : NULL;
	if (!state || !state->labels)
		return 0;
	if (inode) {
		object_mark(inode, EVENT_OBJECT_MEMORY, state->labels, &share.source);
		size = BPF_CORE_READ(inode, i_size);
	}
	object_share(inode ? inode : ring, size);
	if (ring && !mappers_count)
		return 0; /* nearly every ring is its maker's alone */
	record.file = share.through;
	record.size = mappers_size;
	record.others = mappers_count;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

/* After iter_shares, which left the address space and its process here. */
SEC("iter/task")
int iter_twins(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task || task->pid != task->tgid || !shared_mm || (__u64)BPF_CORE_READ(task, mm) != shared_mm ||
	    task->tgid == share.source.tgid)
		return 0;
	share.target = process_key(task);
	share.through.dev = MEMORY_DEV;
	share.through.ino = shared_mm;
	share.through.generation = 0;
	share.object = EVENT_OBJECT_PROCESS;
	share.kind = FLOW_SHARED;
	share.bytes = ~0ull;
	if (memory_flow(&share))
		files_mark(task, &share.target);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
