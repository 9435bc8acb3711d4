/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Empty programs on the hooks that the agent has in steady state on the data path, and on sys_exit for scale: what the
 * kernel charges for being looked at, before a probe has done anything. attach_empty loads those that the kernel has.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define EMPTY(section, name, result)                                                                                   \
	SEC(section)                                                                                                   \
	int name(void *ctx)                                                                                            \
	{                                                                                                              \
		return result;                                                                                         \
	}

EMPTY("tp_btf/sched_process_fork", process_fork, 0)
EMPTY("tp_btf/sched_process_exec", process_exec, 0)
EMPTY("tp_btf/sched_process_exit", process_exit, 0)
EMPTY("tp_btf/mmap_lock_acquire_returned", memory_lock, 0)
EMPTY("tp_btf/mm_filemap_get_pages", file_read, 0)
EMPTY("tp_btf/mm_filemap_map_pages", file_map, 0)
EMPTY("tp_btf/mm_filemap_fault", file_fault, 0)
EMPTY("tp_btf/iomap_dio_rw_begin", file_direct, 0)
EMPTY("tp_btf/writeback_dirty_folio", file_dirty, 0)
EMPTY("tp_btf/writeback_dirty_inode_start", file_inode, 0)
EMPTY("tp_btf/ext4_da_write_begin", file_write_da, 0)
EMPTY("tp_btf/ext4_write_begin", file_write, 0)
EMPTY("tp_btf/sock_send_length", sock_send, 0)
EMPTY("tp_btf/sock_recv_length", sock_recv, 0)
EMPTY("tp_btf/inet_sock_set_state", sock_state, 0)
EMPTY("cgroup/connect4", sock_connect4, 1)
EMPTY("cgroup/connect6", sock_connect6, 1)
EMPTY("cgroup/sendmsg4", sock_sendmsg4, 1)
EMPTY("cgroup/sendmsg6", sock_sendmsg6, 1)
EMPTY("cgroup/post_bind4", sock_bind4, 1)
EMPTY("cgroup/post_bind6", sock_bind6, 1)
EMPTY("cgroup/dev", device_open, 1)
EMPTY("cgroup_skb/ingress", http_ingress, 1)
EMPTY("tp_btf/sys_exit", sys_exit, 0)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
