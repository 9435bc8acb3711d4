/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Opens with paths, only attached while a rule asks for them: the bulk of all records.
 *
 *   lsm/file_open: every open, io_uring's too; taxes nothing else. Never refuses. Runs before the file system's own
 *     open, which may still fail.
 *   tp_btf/sys_exit: where LSM programs do not load: successful calls of the open family, not those of io_uring or of
 *     32-bit programs.
 */
#include "bpf/lib/path.bpf.h"
#include "bpf/lib/ring.bpf.h"

static __always_inline int opened(struct file *file, __u32 slot, __u16 tier)
{
	struct path_scratch *tmp = bpf_map_lookup_elem(&scratch, &slot);
	struct file_open_event *event;
	struct inode *inode;
	__u32 size;

	if (!tmp)
		return 0;
	event = &tmp->open;
	inode = file_inode_real(file);
	header_fill(&event->hdr, EVENT_KIND_FILE_OPEN, sizeof(*event));
	event->hdr.flags = tier;
	event->file = inode_key(inode);
	event->mode = BPF_CORE_READ(inode, i_mode);
	event->open_flags = BPF_CORE_READ(file, f_flags);
	event->created = (BPF_CORE_READ(file, f_mode) & FMODE_CREATED) != 0;
	event->path_len = path_fill(&file->f_path, slot, event->path, &event->hdr.flags);
	size = offsetof(struct file_open_event, path) + (event->path_len & (EVENT_PATH_MAX - 1)) + 1;
	event->hdr.size = size;
	bulk_output(event, EVENT_KIND_FILE_OPEN, size);
	return 0;
}

SEC("lsm/file_open")
int BPF_PROG(file_open_lsm, struct file *file, int ret)
{
	if (task_is_actor(bpf_get_current_task_btf()))
		opened(file, SCRATCH_OPEN, EVENT_F_OBJECT_TIER);
	return ret;
}

static __always_inline _Bool opens(int number)
{
#if defined(__TARGET_ARCH_x86)
	if (number == NR_open || number == NR_creat)
		return 1;
#endif
	return number == NR_openat || number == NR_openat2 || number == NR_open_by_handle_at;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(file_open_syscall, struct pt_regs *regs, long ret)
{
	struct task_struct *task;
	struct file *file;

	if (!opens(syscall_number(regs)) || ret < 0)
		return 0;
	task = bpf_get_current_task_btf();
	if (syscall_is_compat(task) || !task_is_actor(task))
		return 0;
	file = task_file(task, ret);
	return file ? opened(file, SCRATCH_OPEN_SYSCALL, EVENT_F_SYSCALL_TIER) : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
