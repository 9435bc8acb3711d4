/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The wire contract: every record that a probe puts into a ring.
 *
 * Plain C with fixed-width types, natural alignment, explicit padding. Included by the probes (after vmlinux.h)
 * and by the agent's decoder; nothing else reads these bytes. Ids are only ever appended: old captures replay.
 */
#ifndef TENSORWARDEN_ABI_EVENT_H
#define TENSORWARDEN_ABI_EVENT_H

#ifdef __cplusplus
#include <linux/types.h>
#define EVENT_ASSERT(cond) static_assert(cond, #cond)
#else
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif
#define EVENT_ASSERT(cond) _Static_assert(cond, #cond)
#endif

#define EVENT_PATH_MAX 512    /* bytes including NUL; a full buffer sets EVENT_F_PATH_TRUNC */
#define EVENT_ARGS_MAX 1024   /* bytes of argv, NUL-separated; longer sets EVENT_F_ARGS_TRUNC */
#define EVENT_COMM_MAX 16     /* TASK_COMM_LEN */
#define EVENT_HTTP_MAX 2048   /* bytes of TCP payload captured of one segment */
#define EVENT_DNS_MAX 512     /* bytes of a message to a name server; its question ends within 271 */
#define EVENT_GPU_MAX 96      /* bytes of the argument of an accelerator's ioctl */
#define EVENT_GPU_POINTED 128 /* bytes of what NVIDIA's RM_ALLOC and RM_CONTROL point to */
#define EVENT_STACK_MAX 32    /* return addresses of a user stack, innermost first; a deeper one is cut */
#define EVENT_PAGE_SIZE 4096  /* page indexes on the wire are in this unit */

enum event_kind {
	EVENT_KIND_PROCESS_FORK = 1,
	EVENT_KIND_PROCESS_EXEC = 2,
	EVENT_KIND_PROCESS_EXIT = 3,
	EVENT_KIND_FILE_READ = 4,
	EVENT_KIND_FILE_CHANGE = 5,
	EVENT_KIND_FILE_OPEN = 6,
	EVENT_KIND_LABEL = 7,
	EVENT_KIND_EGRESS = 8,
	EVENT_KIND_SOCKET = 9,
	EVENT_KIND_DEVICE_OPEN = 10,
	EVENT_KIND_HTTP_SEGMENT = 11,
	EVENT_KIND_FILE_CANDIDATE = 12,
	EVENT_KIND_NAME_HINT = 13,
	EVENT_KIND_HOST = 14,
	EVENT_KIND_DNS = 15,
	EVENT_KIND_GPU_CALL = 16,
	EVENT_KIND_MAX
};

enum event_flag {
	EVENT_F_PATH_TRUNC = 1 << 0, /* a path did not fit or had too many components */
	EVENT_F_PATH_FAULT = 1 << 1, /* a path could not be read: unknown, which is not the same as "" */
	EVENT_F_ARGS_TRUNC = 1 << 2,
	EVENT_F_ARGS_FAULT = 1 << 3,
	EVENT_F_USER_MEMORY = 1 << 4,  /* holds bytes read from user memory: the process could have changed them */
	EVENT_F_SYSCALL_TIER = 1 << 5, /* seen by a system-call hook */
	EVENT_F_OBJECT_TIER = 1 << 6,  /* seen by LSM or fentry; neither bit: the data path */
	EVENT_F_ENTER = 1 << 7,	       /* the call has begun; only in captures of other tools, ours report ends */
	EVENT_F_USER_MOUNTS = 1 << 8,  /* exec: the mount namespace is a user namespace's, whose owner chooses paths */
};

struct event_header {
	__u32 size;	 /* bytes, whole record including this header */
	__u16 kind;	 /* enum event_kind */
	__u16 flags;	 /* enum event_flag */
	__u64 ktime_ns;	 /* CLOCK_BOOTTIME, ns */
	__u64 cgroup_id; /* cgroup v2 id of the actor; 0 = unknown */
	__u32 tgid;	 /* the actor: user space's "pid", host pid namespace */
	__u32 tid;
	__u64 start_ns; /* group leader's start, BOOTTIME ns; (tgid, start_ns) is the process key */
};
EVENT_ASSERT(sizeof(struct event_header) == 40);

/* The inode that owns the page cache; pipes and sockets have one too (pipefs, sockfs). */
struct event_file_key {
	__u64 dev; /* s_dev as the kernel keeps it: major << 20 | minor */
	__u64 ino;
	__u32 generation;
	__u32 pad;
};
EVENT_ASSERT(sizeof(struct event_file_key) == 24);

struct event_process_key {
	__u64 start_ns;
	__u32 tgid;
	__u32 pad;
};
EVENT_ASSERT(sizeof(struct event_process_key) == 16);

/* User stack of the call that caused the record. The kernel follows frame pointers: of code without them only the
 * innermost address, the one of the system call itself, is sure. */
struct event_stack {
	__u32 count; /* addresses used; 0: none could be had (no user context, worker of io_uring) */
	__u32 pad;
	__u64 address[EVENT_STACK_MAX];
};
EVENT_ASSERT(sizeof(struct event_stack) == 8 + 8 * EVENT_STACK_MAX);

/* The header's process is the parent. Threads are not reported. */
struct process_fork_event {
	struct event_header hdr;
	struct event_process_key child;
};

/* After the point of no return: a failed execve() is never reported. */
struct process_exec_event {
	struct event_header hdr;
	struct event_process_key parent; /* real_parent's group leader */
	struct event_file_key exe;
	__u32 uid;
	__u32 gid;
	__u32 loginuid; /* 0xffffffff = unset */
	__u32 mnt_ns;	/* inode number of the mount namespace */
	__u32 pid_ns;
	__u16 args_len; /* bytes used of args */
	__u16 pad;
	char comm[EVENT_COMM_MAX];
	char path[EVENT_PATH_MAX]; /* the executable as resolved by the kernel (mm->exe_file) */
	char cwd[EVENT_PATH_MAX];
	char args[EVENT_ARGS_MAX]; /* argv[0] NUL argv[1] NUL ... */
};
EVENT_ASSERT(sizeof(struct process_exec_event) == 40 + 16 + 24 + 24 + 16 + 512 + 512 + 1024);

/* Sent once per process, when its group leader's last thread is gone. */
struct process_exit_event {
	struct event_header hdr;
	__s32 exit_code; /* as wait(2) encodes it */
	__u32 pad;
};

enum event_access {
	EVENT_ACCESS_READ = 1,	  /* page cache read: read, sendfile, splice, copy_file_range, io_uring */
	EVENT_ACCESS_MAP = 2,	  /* a mapping was made (escalated and object tiers) */
	EVENT_ACCESS_FAULT = 3,	  /* pages of a mapping were touched */
	EVENT_ACCESS_DIRECT = 4,  /* O_DIRECT */
	EVENT_ACCESS_FOREIGN = 5, /* through another process's memory */
};

/* A process read a watched or labelled file: on its first page, then each time its coverage passes 1 %, 10 %,
 * 50 % and 100 % of the file. Exact totals stay in the `coverage` map. */
struct file_read_event {
	struct event_header hdr;
	struct event_file_key file;
	__u64 labels;	  /* label set of the file */
	__u64 first_page; /* range of the access that caused this record, inclusive */
	__u64 last_page;
	__u64 bytes;	     /* bytes read by this process from this file so far, repeats counted */
	__u64 covered_bytes; /* distinct bytes, at the grain of 1/256 of the file */
	__u32 access;	     /* enum event_access */
	__u32 pad;
};

enum event_change {
	EVENT_CHANGE_WRITE = 1,
	EVENT_CHANGE_MAPPED_WRITE = 2,
	EVENT_CHANGE_TRUNCATE = 3,
	EVENT_CHANGE_ATTRIBUTE = 4, /* mode, owner, times */
	EVENT_CHANGE_DIRECT_WRITE = 5,
};

/* A watched file changed. At most one record per process, file and kind of change each 100 ms; `bytes` is exact. */
struct file_change_event {
	struct event_header hdr;
	struct event_file_key file;
	__u64 labels;
	__u64 offset; /* bytes: start of the change that caused this record; page grain from the page cache */
	__u64 length;
	__u64 bytes;  /* bytes changed by this process in this file so far, at the grain of the hook */
	__u32 change; /* enum event_change */
	__u32 pad;
	struct event_stack stack;
};

struct file_open_event { /* bulk; only while a rule asks for opens */
	struct event_header hdr;
	struct event_file_key file;
	__u32 open_flags;	   /* f_flags */
	__u32 mode;		   /* i_mode */
	__u32 created;		   /* FMODE_CREATED */
	__u32 path_len;		   /* bytes used of path, without NUL */
	char path[EVENT_PATH_MAX]; /* the record ends at path_len + 1 */
};

enum event_object {
	EVENT_OBJECT_PROCESS = 1,
	EVENT_OBJECT_FILE = 2,
	EVENT_OBJECT_PIPE = 3,
	EVENT_OBJECT_UNIX = 4,
	EVENT_OBJECT_MEMORY = 5,   /* memfd, tmpfs, shared memory */
	EVENT_OBJECT_TERMINAL = 6, /* one direction of a pseudo-terminal */
	EVENT_OBJECT_LOCAL = 7,	   /* one direction of a TCP connection between processes of this host; a UDP port */
	EVENT_OBJECT_DEVICE = 8,   /* a node of an accelerator; only among what a process holds */
};

/* A label moved: `source` gave bits to `target`. For a process as target the header's process is it. Sent when a
 * bit is new to the target, then each time the volume has doubled. */
struct label_event {
	struct event_header hdr;
	struct event_file_key source;		 /* zero when the source is a process (fork) */
	struct event_file_key target;		 /* zero when the target is the header's process */
	struct event_process_key source_process; /* for fork */
	__u64 labels;				 /* bits that moved */
	__u64 volume;				 /* the target's volume of the lowest moved bit now, bytes */
	__u32 source_object;			 /* enum event_object */
	__u32 target_object;
};

struct event_sock_tuple {
	__u8 local[16]; /* IPv4 in the first four bytes */
	__u8 peer[16];
	__u16 local_port; /* host order */
	__u16 peer_port;
	__u8 family;	/* AF_INET, AF_INET6 */
	__u8 protocol;	/* IPPROTO_TCP, IPPROTO_UDP, ... */
	__u8 direction; /* enum event_sock_direction */
	__u8 leaves;	/* egress: 1 where bytes leave this host though the addresses are its own */
	__u32 net_ns;	/* inode number of the socket's network namespace */
	__u32 pad2;
};
EVENT_ASSERT(sizeof(struct event_sock_tuple) == 48);

/* A tuple that is no socket's: a carrier wrote to a file system that leads off the host. `protocol` is an enum
 * event_place; the cookie is EVENT_MOUNT_COOKIE | s_dev, which no socket has. */
#define EVENT_FAMILY_MOUNT 254
#define EVENT_MOUNT_COOKIE (1ull << 63)

enum event_place {
	EVENT_PLACE_FUSE = 1,	  /* a program of this host serves it */
	EVENT_PLACE_NETWORK = 2,  /* another host */
	EVENT_PLACE_UNCACHED = 3, /* another host, past the page cache */
	EVENT_PLACE_PORTABLE = 4, /* a removable or USB disk */
};

enum event_sock_direction {
	EVENT_DIRECTION_UNKNOWN = 0,
	EVENT_DIRECTION_OUT = 1, /* connected out, or a datagram socket that sends */
	EVENT_DIRECTION_IN = 2,	 /* accepted */
};

/* Labelled bytes left by a socket: sent at the first byte, then each time `bytes` grew by the label's step
 * (struct label_limits). Exact totals stay in the `egress` map. */
struct egress_event {
	struct event_header hdr;
	struct event_sock_tuple sock;
	__u64 cookie;
	__u64 bytes;   /* charged to this label and socket so far */
	__u64 delta;   /* since the last record */
	__u64 volume;  /* the carrier's volume of this label */
	__u32 label;   /* bit number */
	__u32 serving; /* 1: accepted on a serving port */
	struct event_stack stack;
};

enum event_sock_op {
	EVENT_SOCK_CONNECT = 1, /* SYN_SENT -> ESTABLISHED */
	EVENT_SOCK_ACCEPT = 2,	/* SYN_RECV -> ESTABLISHED */
	EVENT_SOCK_LISTEN = 3,
	EVENT_SOCK_CLOSE = 4,
	EVENT_SOCK_CONNECT_TRY = 5, /* cgroup/connect: the process is exact, the state is not known */
	EVENT_SOCK_BIND = 6,
};

/* TCP state changes may run in softirq. The header's process is then the one that connected, or that listened on the
 * accepted socket's port; tid and cgroup are 0. tgid 0: a socket older than the probes. */
struct socket_event {
	struct event_header hdr;
	struct event_sock_tuple sock;
	__u64 cookie;
	__u64 bytes_sent; /* on close: without repeats */
	__u64 bytes_received;
	__u32 op; /* enum event_sock_op */
	__u32 pad;
};

struct device_open_event {
	struct event_header hdr;
	__u32 major;
	__u32 minor;
	__u32 access; /* BPF_DEVCG_ACC_* */
	__u32 type;   /* BPF_DEVCG_DEV_* */
};

/* One inbound TCP segment of a serving port, before TCP has checked its sequence number. */
struct http_segment_event {
	struct event_header hdr;      /* tgid 0: softirq */
	struct event_sock_tuple sock; /* local = server */
	__u64 cookie;		      /* of the accepted socket; 0 when not yet known */
	__u32 seq;
	__u32 payload_len;	      /* bytes of payload in the segment */
	__u32 captured_len;	      /* bytes that follow */
	__u32 tcp_flags;	      /* byte 13 of the TCP header: FIN 1, SYN 2, RST 4 */
	__u8 payload[EVENT_HTTP_MAX]; /* the record ends at captured_len */
};

/* A process flagged PROCESS_F_DISCOVER read a file of at least discover_min_bytes that nobody watches: the agent
 * looks whether it is a model. Once per process and file. */
struct file_candidate_event {
	struct event_header hdr;
	struct event_file_key file;
	__u64 size;
	char name[64]; /* last path component */
};

enum event_name_op {
	EVENT_NAME_RENAME = 1,
	EVENT_NAME_LINK = 2,
	EVENT_NAME_UNLINK = 3, /* of directories too */
	EVENT_NAME_CREATE = 4, /* files, directories, symbolic links, nodes */
	EVENT_NAME_MOUNT = 5,  /* something was mounted over it, or over a directory above */
};

/* A name of a watched file, or in a watched directory, is about to change or has just changed: the agent looks at the
 * directory, whose lock the change still holds. Or (inode 0) something is about to be mounted. Names are not told: a
 * tracepoint on the inode has none. */
struct name_hint_event {
	struct event_header hdr;
	struct event_file_key inode; /* the file, or the directory */
	__u32 directory;	     /* 1: inode is one */
	__u32 op;		     /* enum event_name_op that the system call asks for; 0: not known */
};

/* What `value` is, and where it has one `former`, stands behind each. */
enum event_host_op {
	EVENT_HOST_MODULE = 1,	       /* a kernel module was loaded: its taint bits */
	EVENT_HOST_BPF = 2,	       /* a BPF program was loaded: enum bpf_prog_type */
	EVENT_HOST_URING = 3,	       /* a ring of io_uring was made: IORING_SETUP_* */
	EVENT_HOST_SIGNAL = 4,	       /* to the agent: its number */
	EVENT_HOST_PTRACE = 5,	       /* power over the target's memory: PTRACE_MODE_*; former 1: of the agent */
	EVENT_HOST_SET_UID = 6,	       /* effective user id now, and former */
	EVENT_HOST_SET_CAPS = 7,       /* capabilities were gained: effective bits now, and former */
	EVENT_HOST_USER_NAMESPACE = 8, /* one was made: effective user id of the maker */
	EVENT_HOST_SOCKET = 9,	       /* beside TCP and UDP: family << 32 | type << 16 | protocol */
	EVENT_HOST_CLOCK = 10,	       /* CLOCK_REALTIME was set: to these seconds since 1970 */
	EVENT_HOST_MOUNT = 11,	       /* from the agent's look at the table of mounts */
	EVENT_HOST_MEMORY_WRITE = 12,  /* into the target's memory: bytes of the first call, at most */
};

/* Something of the host changed, or a process reached for another's power. */
struct host_event {
	struct event_header hdr;
	struct event_process_key target; /* zero: none */
	__u32 op;			 /* enum event_host_op */
	__u32 pad;
	__u64 value;
	__u64 former;
	char name[64]; /* of the module or program; longer is cut */
};
EVENT_ASSERT(sizeof(struct host_event) == 40 + 16 + 24 + 64);

/* A datagram to port 53, or the first segment of a TCP connection there. The header's process is the one that sends; of
 * TCP the one that connected, with tid and cgroup 0. tgid 0: not known. */
struct dns_event {
	struct event_header hdr;
	struct event_sock_tuple sock;
	__u64 cookie;
	__u32 captured_len; /* bytes that follow */
	__u32 pad;
	__u8 payload[EVENT_DNS_MAX]; /* the record ends at captured_len; TCP begins with the message's length */
};
EVENT_ASSERT(sizeof(struct dns_event) == 40 + 48 + 16 + 512);

/* Whose ioctl numbers a device node takes. */
enum event_gpu_driver {
	EVENT_GPU_NVIDIA = 1,  /* /dev/nvidia0, nvidiactl */
	EVENT_GPU_UVM = 2,     /* /dev/nvidia-uvm, -tools */
	EVENT_GPU_CAPS = 3,    /* /dev/nvidia-caps: an open is all there is */
	EVENT_GPU_STORAGE = 4, /* /dev/nvidia-fs0: GPUDirect Storage */
	EVENT_GPU_GDRCOPY = 5,
	EVENT_GPU_KFD = 6,
	EVENT_GPU_DRM = 7, /* and accel, which speaks its language */
	EVENT_GPU_HABANA = 8,
	EVENT_GPU_VERBS = 9, /* RDMA */
};

/* An ioctl(2) on an accelerator's node, when it has ended. The argument as it was when the call began and as the driver
 * left it: another thread may write to it at any time. Of NV_ESC_IOCTL_XFER_CMD the call that is wrapped in it. */
struct gpu_call_event {
	struct event_header hdr;
	__u32 major;
	__u32 minor;
	__u32 driver;  /* enum event_gpu_driver */
	__u32 number;  /* of the request; NVIDIA's driver looks at it and the size alone */
	__u64 request; /* as given to ioctl(2) */
	__s64 result;
	__u32 argument_size; /* by the request; 0: not told */
	__u16 before_len;    /* bytes that could be read */
	__u16 after_len;
	__u16 pointed_len;
	__u16 pad;
	__u32 pad2;
	__u8 before[EVENT_GPU_MAX];
	__u8 after[EVENT_GPU_MAX];
	__u8 pointed[EVENT_GPU_POINTED]; /* when the call had ended */
};
EVENT_ASSERT(sizeof(struct gpu_call_event) == 40 + 16 + 16 + 16 + 96 + 96 + 128);

#endif
