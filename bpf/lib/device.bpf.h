/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Nodes of accelerators, by number: a name can be made anywhere. */
#ifndef TENSORWARDEN_LIB_DEVICE_BPF_H
#define TENSORWARDEN_LIB_DEVICE_BPF_H

#include "bpf/lib/compat.bpf.h"

#define DEVICE_MAJORS 16 /* of struct sensor_config */
#define DEVICE_MINOR_BITS 20

/* Whose ioctls the node takes, enum event_gpu_driver; 0: it is no accelerator's. */
static __always_inline __u32 device_driver(__u32 device)
{
	const struct sensor_config *cfg = config_get();
	__u32 major = device >> DEVICE_MINOR_BITS;
	int i;

	if (!cfg || !major)
		return 0;
	for (i = 0; i < DEVICE_MAJORS; i++) {
		if (cfg->device_majors[i] == major)
			return cfg->device_drivers[i];
	}
	return 0;
}

/* Number of the character device behind an inode; 0: none. */
static __always_inline __u32 inode_device(struct inode *inode)
{
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFCHR)
		return 0;
	return BPF_CORE_READ(inode, i_rdev);
}

#endif
