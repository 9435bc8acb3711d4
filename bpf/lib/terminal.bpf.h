/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pseudo-terminals: two streams, one each way. Their key is the terminal's inode on devpts, with the direction in place
 * of a generation, which inodes of devpts do not have. */
#ifndef TENSORWARDEN_LIB_TERMINAL_BPF_H
#define TENSORWARDEN_LIB_TERMINAL_BPF_H

#include "bpf/lib/inode.bpf.h"

#define S_IFCHR 0020000
#define TTYAUX_MAJOR 5	      /* /dev/tty, /dev/ptmx */
#define PTY_SLAVE_MAJOR 136   /* to 143 */
#define PTY_MASTER_DRIVER 128 /* major of the drivers; their type has other sizes on other kernels */
#define PTY_SLAVE_DRIVER 136

enum terminal_stream {
	TERMINAL_TO_MASTER, /* what programs print */
	TERMINAL_TO_SLAVE,  /* what is typed */
};

/* Cheap: by the numbers that the kernel gave out for terminals of any kind. */
static __always_inline _Bool inode_is_terminal(struct inode *inode)
{
	__u32 major;

	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFCHR)
		return 0;
	major = BPF_CORE_READ(inode, i_rdev) >> 20;
	return major == TTYAUX_MAJOR || (major >= PTY_SLAVE_MAJOR && major < PTY_SLAVE_MAJOR + 8);
}

/* 1: the file is an end of a pseudo-terminal; `key` is the stream that a write to it goes to, or a read takes from. */
static __always_inline int terminal_key(struct file *file, _Bool is_write, struct event_file_key *key)
{
	struct tty_file_private *private;
	struct tty_struct *tty;
	struct dentry *dentry;
	struct inode *inode;
	_Bool is_master;
	int major;

	private = BPF_CORE_READ(file, private_data);
	tty = BPF_CORE_READ(private, tty);
	major = tty ? BPF_CORE_READ(tty, driver, major) : 0;
	if (major != PTY_MASTER_DRIVER && major != PTY_SLAVE_DRIVER)
		return 0;
	is_master = major == PTY_MASTER_DRIVER;
	if (is_master)
		tty = BPF_CORE_READ(tty, link);
	dentry = BPF_CORE_READ(tty, driver_data);
	inode = dentry ? BPF_CORE_READ(dentry, d_inode) : NULL;
	if (!inode)
		return 0;
	key->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	key->ino = BPF_CORE_READ(inode, i_ino);
	key->generation = is_master == is_write ? TERMINAL_TO_SLAVE : TERMINAL_TO_MASTER;
	return 1;
}

#endif
