/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What differs between kernels and machines: flavours of kernel structs, system-call numbers, constants that BTF lacks.
 */
#ifndef TENSORWARDEN_LIB_COMPAT_BPF_H
#define TENSORWARDEN_LIB_COMPAT_BPF_H

#include "bpf/lib/maps.bpf.h"

#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD 0x00200000
#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_CREATED 0x100000
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000
#define S_IFBLK 0060000
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_KEY 15
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_ALG 38
#define AF_VSOCK 40
#define MSG_PEEK 2
#define IFF_LOOPBACK (1 << 3)
#define AF_XDP 44
#define ITER_SOURCE 1 /* iov_iter holds data to be written */
#define EXT4_SUPER_MAGIC 0xef53
#define TMPFS_MAGIC 0x01021994
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define FUSE_SUPER_MAGIC 0x65735546
#define HUGETLBFS_MAGIC 0x958458f6
#define PROC_SUPER_MAGIC 0x9fa0
#define ANON_INODE_FS_MAGIC 0x09041934
#define VM_SHARED 0x8
#define VM_MAYWRITE 0x20
#define PROT_WRITE 0x2
#define MAP_SHARED_TYPES 0x3 /* MAP_SHARED 1, MAP_SHARED_VALIDATE 3 */
#define MAP_ANONYMOUS 0x20
#define TS_COMPAT 0x0002

/* overlayfs keeps the real file of an open file in private_data; since 6.13 (18e48d0e2c7b "ovl: store upper real file
 * in ovl_file struct") within a struct. */
struct ovl_file___since_6_13 {
	struct file *realfile;
} __attribute__((preserve_access_index));

/* struct folio's own count of pages was renamed in 6.15 (4996fc547f5b "mm: let _folio_nr_pages overlay memcg_data"). */
struct folio___since_6_15 {
	unsigned int _nr_pages;
} __attribute__((preserve_access_index));

struct folio___before_6_15 {
	unsigned int _folio_nr_pages;
} __attribute__((preserve_access_index));

static __always_inline __u32 folio_pages(struct folio *folio)
{
	__u64 flags = 0;
	__u32 pages = 1;

	bpf_probe_read_kernel(&flags, sizeof(flags), folio); /* the first member, whatever its type */
	if (!(flags & (1ull << bpf_core_enum_value(enum pageflags, PG_head))))
		return 1;
	if (bpf_core_field_exists(((struct folio___since_6_15 *)folio)->_nr_pages))
		pages = BPF_CORE_READ((struct folio___since_6_15 *)folio, _nr_pages);
	else if (bpf_core_field_exists(((struct folio___before_6_15 *)folio)->_folio_nr_pages))
		pages = BPF_CORE_READ((struct folio___before_6_15 *)folio, _folio_nr_pages);
	return pages ? pages : 1;
}

/* Flags of an internet socket: bits of one word since 6.6 (c274af224269 "inet: introduce inet->inet_flags"). */
struct inet_sock___before_6_6 {
	__u8 freebind : 1;
	__u8 transparent : 1;
} __attribute__((preserve_access_index));

/* It may have bound an address that is not this host's. */
static __always_inline _Bool inet_binds_foreign(const struct inet_sock *inet)
{
	const struct inet_sock___before_6_6 *old = (const void *)inet;

	if (bpf_core_field_exists(inet->inet_flags))
		return BPF_CORE_READ(inet, inet_flags) & (1ul << INET_FLAGS_FREEBIND | 1ul << INET_FLAGS_TRANSPARENT);
	return BPF_CORE_READ_BITFIELD_PROBED(old, freebind) || BPF_CORE_READ_BITFIELD_PROBED(old, transparent);
}

/* The page cache of a block device: since 6.10 (a28d893eb327 "bdev: infrastructure for file-based block devices" and
 * what followed) its mapping is kept, before that its inode. */
struct block_device___since_6_10 {
	struct address_space *bd_mapping;
} __attribute__((preserve_access_index));

struct block_device___before_6_10 {
	struct inode *bd_inode;
} __attribute__((preserve_access_index));

static __always_inline struct inode *device_inode(struct block_device *device)
{
	if (!device)
		return NULL;
	if (bpf_core_field_exists(((struct block_device___since_6_10 *)device)->bd_mapping))
		return BPF_CORE_READ((struct block_device___since_6_10 *)device, bd_mapping, host);
	return BPF_CORE_READ((struct block_device___before_6_10 *)device, bd_inode);
}

#if defined(__TARGET_ARCH_x86)
#define O_DIRECT 040000
#else
#define O_DIRECT 0200000
#endif

#if defined(__TARGET_ARCH_x86)
#define NR_read 0
#define NR_write 1
#define NR_open 2
#define NR_mmap 9
#define NR_pread64 17
#define NR_pwrite64 18
#define NR_readv 19
#define NR_writev 20
#define NR_shmat 30
#define NR_sendfile 40
#define NR_sendto 44
#define NR_recvfrom 45
#define NR_sendmsg 46
#define NR_recvmsg 47
#define NR_truncate 76
#define NR_ftruncate 77
#define NR_rename 82
#define NR_mkdir 83
#define NR_rmdir 84
#define NR_creat 85
#define NR_link 86
#define NR_unlink 87
#define NR_symlink 88
#define NR_chmod 90
#define NR_fchmod 91
#define NR_chown 92
#define NR_fchown 93
#define NR_lchown 94
#define NR_ptrace 101
#define NR_utime 132
#define NR_mknod 133
#define NR_setxattr 188
#define NR_fsetxattr 190
#define NR_removexattr 197
#define NR_fremovexattr 199
#define NR_utimes 235
#define NR_openat 257
#define NR_mkdirat 258
#define NR_mknodat 259
#define NR_fchownat 260
#define NR_futimesat 261
#define NR_unlinkat 263
#define NR_renameat 264
#define NR_linkat 265
#define NR_symlinkat 266
#define NR_fchmodat 268
#define NR_splice 275
#define NR_tee 276
#define NR_vmsplice 278
#define NR_utimensat 280
#define NR_fallocate 285
#define NR_preadv 295
#define NR_pwritev 296
#define NR_recvmmsg 299
#define NR_open_by_handle_at 304
#define NR_sendmmsg 307
#define NR_process_vm_readv 310
#define NR_process_vm_writev 311
#define syscall_number(regs) ((int)(regs)->orig_ax)
#define syscall_arg1(regs) ((regs)->di)
#define syscall_arg2(regs) ((regs)->si)
#define syscall_arg3(regs) ((regs)->dx)
#define syscall_arg4(regs) ((regs)->r10)
#define syscall_arg5(regs) ((regs)->r8)
#define syscall_arg6(regs) ((regs)->r9)
#define syscall_is_compat(task) ((task)->thread_info.status & TS_COMPAT)
#elif defined(__TARGET_ARCH_arm64)
#define NR_setxattr 5
#define NR_fsetxattr 7
#define NR_removexattr 14
#define NR_fremovexattr 16
#define NR_mknodat 33
#define NR_mkdirat 34
#define NR_unlinkat 35
#define NR_symlinkat 36
#define NR_linkat 37
#define NR_renameat 38
#define NR_truncate 45
#define NR_ftruncate 46
#define NR_fallocate 47
#define NR_fchmod 52
#define NR_fchmodat 53
#define NR_fchownat 54
#define NR_fchown 55
#define NR_openat 56
#define NR_read 63
#define NR_write 64
#define NR_readv 65
#define NR_writev 66
#define NR_pread64 67
#define NR_pwrite64 68
#define NR_preadv 69
#define NR_pwritev 70
#define NR_sendfile 71
#define NR_vmsplice 75
#define NR_splice 76
#define NR_tee 77
#define NR_utimensat 88
#define NR_ptrace 117
#define NR_shmat 196
#define NR_sendto 206
#define NR_recvfrom 207
#define NR_sendmsg 211
#define NR_recvmsg 212
#define NR_mmap 222
#define NR_recvmmsg 243
#define NR_open_by_handle_at 265
#define NR_sendmmsg 269
#define NR_process_vm_readv 270
#define NR_process_vm_writev 271
#define syscall_number(regs) ((int)(regs)->syscallno)
#define syscall_arg1(regs) ((regs)->orig_x0)
#define syscall_arg2(regs) ((regs)->regs[1])
#define syscall_arg3(regs) ((regs)->regs[2])
#define syscall_arg4(regs) ((regs)->regs[3])
#define syscall_arg5(regs) ((regs)->regs[4])
#define syscall_arg6(regs) ((regs)->regs[5])
#define syscall_is_compat(task) ((task)->thread_info.flags & (1 << 22)) /* TIF_32BIT */
#endif

/* Calls of 32-bit programs that map memory, and their registers. arm64's has the same numbers for them. */
#define NR_compat_mmap2 192
#define NR_compat_shmat 397
#if defined(__TARGET_ARCH_x86)
#define NR_compat_mmap 90 /* its arguments are in memory */
#define NR_compat_ipc 117 /* shmat is one of its calls */
#define compat_arg1(regs) ((__u32)(regs)->bx)
#define compat_arg2(regs) ((__u32)(regs)->cx)
#define compat_arg3(regs) ((__u32)(regs)->dx)
#define compat_arg4(regs) ((__u32)(regs)->si)
#define compat_arg5(regs) ((__u32)(regs)->di)
#define compat_arg6(regs) ((__u32)(regs)->bp)
#elif defined(__TARGET_ARCH_arm64)
#define compat_arg1(regs) ((__u32)(regs)->orig_x0)
#define compat_arg2(regs) ((__u32)(regs)->regs[1])
#define compat_arg3(regs) ((__u32)(regs)->regs[2])
#define compat_arg4(regs) ((__u32)(regs)->regs[3])
#define compat_arg5(regs) ((__u32)(regs)->regs[4])
#define compat_arg6(regs) ((__u32)(regs)->regs[5])
#endif

/* The numbers that both machines took from the common table. */
#if defined(__TARGET_ARCH_x86)
#define NR_renameat2 316
#define NR_copy_file_range 326
#define NR_preadv2 327
#define NR_pwritev2 328
#else
#define NR_renameat2 276
#define NR_copy_file_range 285
#define NR_preadv2 286
#define NR_pwritev2 287
#endif
#define NR_io_uring_enter 426
#define NR_openat2 437
#define NR_fchmodat2 452

/* The preemption count of this CPU moved in 6.2 (64701838bf05 "x86/percpu: Move preempt_count next to current_task")
 * and back in 6.15 (46e8fff6d45f "x86/preempt: Move preempt count to percpu hot section"). A
 * kernel that does not list its variables (KALLSYMS_ALL) refuses programs that ask. */
struct pcpu_hot___since_6_2 {
	int preempt_count;
} __attribute__((preserve_access_index));

extern const struct pcpu_hot___since_6_2 pcpu_hot __ksym __weak;
extern const int __preempt_count __ksym __weak;

#define SOFTIRQ_SERVED 0x100

/* The current task is whoever was interrupted. */
static __always_inline _Bool in_softirq(void)
{
	if (&pcpu_hot)
		return ((const struct pcpu_hot___since_6_2 *)bpf_this_cpu_ptr(&pcpu_hot))->preempt_count &
		       SOFTIRQ_SERVED;
	if (&__preempt_count)
		return *(const int *)bpf_this_cpu_ptr(&__preempt_count) & SOFTIRQ_SERVED;
	return 0;
}

#endif
