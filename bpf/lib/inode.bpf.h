/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Inodes: key, kind, and the real one below overlayfs. */
#ifndef TENSORWARDEN_LIB_INODE_BPF_H
#define TENSORWARDEN_LIB_INODE_BPF_H

#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/compat.bpf.h"

static __always_inline struct event_file_key inode_key(struct inode *inode)
{
	struct event_file_key key = {};

	key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	key.ino = BPF_CORE_READ(inode, i_ino);
	key.generation = BPF_CORE_READ(inode, i_generation);
	return key;
}

static __always_inline _Bool inode_filter_test(struct inode *inode)
{
	return object_filter_test(BPF_CORE_READ(inode, i_sb, s_dev), BPF_CORE_READ(inode, i_ino));
}

/* The same for pointers that the verifier knows by type: plain loads, for the programs that every read runs through. */
#define inode_filter_test_btf(inode) object_filter_test((inode)->i_sb->s_dev, (inode)->i_ino)

static __always_inline _Bool inode_is_regular(struct inode *inode)
{
	return (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFREG;
}

/* Files without a page cache of their own on a disk; their reads and writes have no tracepoint. */
static __always_inline _Bool inode_is_tmpfs(struct inode *inode)
{
	__u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);

	return magic == TMPFS_MAGIC || magic == HUGETLBFS_MAGIC;
}

/* enum event_object; 0 for what neither holds nor carries file bytes. */
static __always_inline __u32 inode_object(struct inode *inode)
{
	switch (BPF_CORE_READ(inode, i_mode) & S_IFMT) {
	case S_IFREG:
		return inode_is_tmpfs(inode) ? EVENT_OBJECT_MEMORY : EVENT_OBJECT_FILE;
	case S_IFIFO:
		return EVENT_OBJECT_PIPE;
	default:
		return 0;
	}
}

static __always_inline struct file *overlay_real_file(struct file *file)
{
	void *private = BPF_CORE_READ(file, private_data);

	if (bpf_core_type_exists(struct ovl_file___since_6_13))
		return BPF_CORE_READ((struct ovl_file___since_6_13 *)private, realfile);
	return private;
}

/* The inode that owns the page cache of an open file. */
static __always_inline struct inode *file_inode_real(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct file *real;

	if (BPF_CORE_READ(inode, i_sb, s_magic) != OVERLAYFS_SUPER_MAGIC || !inode_is_regular(inode))
		return inode;
	real = overlay_real_file(file);
	return real ? BPF_CORE_READ(real, f_inode) : inode;
}

#endif
