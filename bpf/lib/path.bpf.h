/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Paths by walking dentries and mounts up to the root of the mount namespace: bpf_d_path is not for tracepoints.
 * A path is built from its end in a scratch buffer, then copied out. */
#ifndef TENSORWARDEN_LIB_PATH_BPF_H
#define TENSORWARDEN_LIB_PATH_BPF_H

#include "bpf/lib/inode.bpf.h"

#define PATH_COMPONENTS_MAX 256 /* names and mounts on the way; more sets EVENT_F_PATH_TRUNC */
#define NAME_BYTES_MAX 256	/* of one component, its slash included */

struct path_walk {
	struct dentry *dentry;
	struct mount *mount;
	char *buffer; /* SCRATCH_PATH_BYTES */
	__u32 start;  /* index of the path's first byte; it ends at EVENT_PATH_MAX - 1 with its NUL */
	_Bool done;
	_Bool overflow;
};

static long path_walk_step(__u32 index, struct path_walk *walk)
{
	struct dentry *dentry = walk->dentry, *parent;
	struct mount *mount = walk->mount, *above;
	struct qstr name;
	__u32 length, start;

	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		above = BPF_CORE_READ(mount, mnt_parent);
		if (above == mount)
			goto done;
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->mount = above;
		return 0;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry)
		goto done; /* a detached mount: the root of a pipe, socket or memfd */
	name = BPF_CORE_READ(dentry, d_name);
	length = name.len & (NAME_BYTES_MAX - 1);
	if (walk->start < length + 1) {
		walk->overflow = 1;
		return 1;
	}
	start = (walk->start - length - 1) & (EVENT_PATH_MAX - 1);
	walk->buffer[start] = '/';
	bpf_probe_read_kernel(&walk->buffer[start + 1], length, name.name);
	walk->start = start;
	walk->dentry = parent;
	return 0;
done:
	walk->done = 1;
	return 1;
}

/* Writes the path of (`mnt`, `dentry`) to `out` (EVENT_PATH_MAX bytes), returns its length without NUL. A path that
 * does not fit loses its beginning; `flags` tells. */
static __noinline int path_write(struct dentry *dentry, struct vfsmount *mnt, struct path_scratch *tmp, char *out)
{
	struct path_walk walk = {.dentry = dentry, .start = EVENT_PATH_MAX - 1};
	__u32 start, length;

	if (!tmp || !out)
		return -1;
	walk.mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	walk.buffer = tmp->path;
	bpf_loop(PATH_COMPONENTS_MAX, path_walk_step, &walk, 0);
	if (walk.start == EVENT_PATH_MAX - 1 && walk.done) {
		walk.start = EVENT_PATH_MAX - 2;
		tmp->path[EVENT_PATH_MAX - 2] = '/';
	}
	start = walk.start & (EVENT_PATH_MAX - 1);
	length = (EVENT_PATH_MAX - 1 - start) & (EVENT_PATH_MAX - 1);
	bpf_probe_read_kernel(out, length, &tmp->path[start]);
	out[length] = 0;
	return walk.done ? length : length | EVENT_PATH_MAX;
}

/* The path in `out`; sets PATH_TRUNC or PATH_FAULT in `flags`. Returns the length. */
static __always_inline __u32 path_fill(const struct path *path, __u32 slot, char *out, __u16 *flags)
{
	struct path_scratch *tmp = bpf_map_lookup_elem(&scratch, &slot);
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	struct vfsmount *mnt = BPF_CORE_READ(path, mnt);
	int length;

	if (!tmp || !dentry || !mnt) {
		out[0] = 0;
		*flags |= EVENT_F_PATH_FAULT;
		return 0;
	}
	length = path_write(dentry, mnt, tmp, out);
	if (length & EVENT_PATH_MAX)
		*flags |= EVENT_F_PATH_TRUNC;
	return length & (EVENT_PATH_MAX - 1);
}

/* Last component of one name of an inode; "" if it has none in the cache. */
static __always_inline void inode_name(struct inode *inode, char *out, __u32 size)
{
	struct hlist_node *first = BPF_CORE_READ(inode, i_dentry.first);
	struct dentry *dentry = (void *)first - bpf_core_field_offset(struct dentry, d_u.d_alias);

	out[0] = 0;
	if (first && bpf_probe_read_kernel_str(out, size, BPF_CORE_READ(dentry, d_name.name)) < 0)
		out[0] = 0;
}

#endif
