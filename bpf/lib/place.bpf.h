/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* File systems whose files leave the host by being written: those of other hosts, and disks that are carried away.
 *
 * Told by the super block, so whichever mount namespace it is mounted in, and without a list that could be late. */
#ifndef TENSORWARDEN_LIB_PLACE_BPF_H
#define TENSORWARDEN_LIB_PLACE_BPF_H

#include "bpf/lib/egress.bpf.h"

#define GENHD_FL_REMOVABLE 1
#define DISK_PARENTS 12	    /* disk, target, host, interface, hub ports: a stick behind three hubs has ten */
#define USB_NAME 0x00627375 /* "usb", as four bytes */

/* Its pages are written in the page cache first, whose hook sees them. */
static __always_inline _Bool magic_is_network(__u64 magic)
{
	switch (magic) {
	case 0x6969:	 /* NFS */
	case 0x517b:	 /* SMB */
	case 0xff534d42: /* CIFS */
	case 0xfe534d42: /* SMB2 */
	case 0x00c36400: /* Ceph */
	case 0x6b414653: /* AFS */
	case 0x5346414f: /* OpenAFS */
	case 0x73757245: /* Coda */
	case 0x7461636f: /* OCFS2 */
		return 1;
	default:
		return 0;
	}
}

/* These write past the page cache, or account for their pages themselves: only the call shows it. */
static __always_inline _Bool magic_is_uncached(__u64 magic)
{
	switch (magic) {
	case 0x01021997: /* 9P */
	case 0x0bd00bd0: /* Lustre */
	case 0x47504653: /* GPFS */
	case 0x19830326: /* BeeGFS */
	case 0x20030528: /* OrangeFS */
	case 0x786f4256: /* VirtualBox's shared folders */
		return 1;
	default:
		return 0;
	}
}

static __always_inline _Bool device_is_usb(struct device *device)
{
	const struct bus_type *bus = BPF_CORE_READ(device, bus);
	__u32 name = 0;

	return bus && !bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(bus, name)) && name == USB_NAME;
}

static long device_walk(__u32 index, struct device **device)
{
	if (!*device || device_is_usb(*device))
		return 1;
	*device = BPF_CORE_READ(*device, parent);
	return 0;
}

/* Sticks call themselves removable, disks in a case with a plug do not. */
static __always_inline _Bool disk_is_portable(struct gendisk *disk)
{
	struct block_device *whole = BPF_CORE_READ(disk, part0);
	struct device *device = &whole->bd_device;

	if (BPF_CORE_READ(disk, flags) & GENHD_FL_REMOVABLE)
		return 1;
	device = (struct device *)((char *)whole + bpf_core_field_offset(struct block_device, bd_device));
	if (!whole)
		return 0;
	bpf_loop(DISK_PARENTS, device_walk, &device, 0);
	return device && device_is_usb(device);
}

/* enum event_place; 0: this host's own. */
static __always_inline __u32 inode_place(struct inode *inode)
{
	__u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
	struct block_device *device;

	if (magic == FUSE_SUPER_MAGIC)
		return EVENT_PLACE_FUSE;
	if (magic_is_network(magic))
		return EVENT_PLACE_NETWORK;
	if (magic_is_uncached(magic))
		return EVENT_PLACE_UNCACHED;
	device = BPF_CORE_READ(inode, i_sb, s_bdev);
	return device && disk_is_portable(BPF_CORE_READ(device, bd_disk)) ? EVENT_PLACE_PORTABLE : 0;
}

/* A carrier wrote `bytes` there. An asset that lies there stays what it is. */
static __noinline int place_charge(__u64 dev, __u32 place, __u64 bytes, __u64 except)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state = process_get(task);
	struct charge charge = {.bytes = bytes};

	if (!bytes || !state || !task_is_actor(task))
		return 0;
	charge.process = state;
	charge.labels = state->labels & ~except;
	charge.sock.family = EVENT_FAMILY_MOUNT;
	charge.sock.protocol = place;
	charge.sock.direction = EVENT_DIRECTION_OUT;
	*(__u64 *)charge.sock.peer = dev;
	charge.key.cookie = EVENT_MOUNT_COOKIE | dev;
	charge.key.process = process_key(task);
	if (charge.labels)
		bpf_loop(LABEL_COUNT + 1, charge_label, &charge, 0);
	return 0;
}

#endif
