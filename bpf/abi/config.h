/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Keys and values of the maps that the agent and the probes share, and their bounds. */
#ifndef TENSORWARDEN_ABI_CONFIG_H
#define TENSORWARDEN_ABI_CONFIG_H

#include "bpf/abi/event.h"

#define LABEL_COUNT 64		       /* bits of a label set */
#define OBJECT_MAX 65536	       /* watched and labelled inodes, pipes, sockets; full: counted, agent evicts */
#define PROCESS_MAX 65536	       /* carriers and flagged processes; full: counted */
#define COVERAGE_MAX 32768	       /* (process, file) pairs, least recently used goes */
#define CREDIT_MAX 32768	       /* (process, object, label, direction) tuples, least recently used goes */
#define EGRESS_MAX 65536	       /* (label, socket) pairs, least recently used goes */
#define COVERAGE_CHUNKS 256	       /* grain of coverage: file size / 256, at least one page */
#define OBJECT_FILTER_BITS (1u << 20)  /* 128 KiB: 64 bits per entry at 16 384 objects */
#define PROCESS_FILTER_BITS (1u << 22) /* one bit per pid up to pid_max 4 194 304 */
#define LOST_CPU_KINDS EVENT_KIND_MAX

enum object_flag {
	OBJECT_F_WATCHED = 1 << 0,   /* an asset: reads, maps and changes are reported */
	OBJECT_F_DERIVED = 1 << 1,   /* labelled because a carrier wrote to it */
	OBJECT_F_DIRECTORY = 1 << 2, /* changes of names in it, and of its own, are hinted at */
	OBJECT_F_RAW = 1 << 3,	     /* a block device: the file system on it holds assets */
	OBJECT_F_PLACED = 1 << 4,    /* it is known whether its file system leads off the host */
	OBJECT_F_AWAY = 1 << 5,	     /* it does */
};

/* Value of `objects`, key struct event_file_key. */
struct object_state {
	__u64 labels;
	__u64 size;		   /* bytes; for assets the file size at registration, for pipes 0 */
	__u32 flags;		   /* enum object_flag */
	__u32 kind;		   /* enum event_object */
	__u64 volume[LABEL_COUNT]; /* bytes of the label that this object holds; of an asset: its size */
	/* Pipes, FIFOs, unix sockets and tmpfs files: the carrier that last was seen to hold it open for writing. What
	 * it wrote may not be counted yet, so a reader is credited up to this process's volume. */
	struct event_process_key writer;
	__u64 remains; /* bytes in a stream that an ended writer may have left; all ones: not looked yet */
};

enum process_flag {
	PROCESS_F_CONFIRMED = 1 << 0, /* confirmed workload: does not cause escalation */
	PROCESS_F_DISCOVER = 1 << 1,  /* looks like an AI workload: report unknown big files it reads */
	PROCESS_F_IGNORE = 1 << 2,    /* the agent itself */
};

/* Value of `processes`, key struct event_process_key; inherited by fork, kept over exec, removed at exit. */
struct process_state {
	__u64 labels;
	__u32 flags; /* enum process_flag */
	__u32 pad;
	__u64 volume[LABEL_COUNT];
};

struct coverage_key {
	struct event_process_key process;
	struct event_file_key file;
};

struct coverage_state {
	__u64 bytes;	  /* read, repeats counted */
	__u64 covered;	  /* distinct bytes, at the grain of a chunk, never above `bytes` */
	__u64 changed;	  /* bytes written */
	__u64 last_first; /* last page range, so that the batches of one read are not counted twice; of a stream: bytes
			   * that were peeked at and counted, and not read yet */
	__u64 last_last;
	__u64 change_ns;   /* time of the last change record */
	__u32 rung;	   /* last rung of the read ladder that was reported */
	__u16 chunk_shift; /* log2 of a chunk's bytes: the smallest that 256 chunks cover the file with, at least a page
			    */
	__u16 change_kinds; /* bit per enum event_change reported since change_ns; + 8: without a place */
	__u64 chunks[COVERAGE_CHUNKS / 64];
};

struct egress_key {
	__u64 cookie;
	__u32 label;
	__u32 pad;
	struct event_process_key process;
};

struct egress_state {
	struct event_sock_tuple sock;
	__u64 bytes;	/* charged */
	__u64 reported; /* `bytes` at the last record */
	__u64 cgroup_id;
	__u32 serving;
	__u32 pad;
};

/* Value of array `label_limits`, one per bit. */
struct label_limits {
	__u64 size; /* bytes of the asset behind the label: caps a volume */
	__u64 step; /* an egress record each time this many bytes were charged */
};

/* Value of the per-CPU array `lost`, index enum event_kind. */
struct lost_count {
	__u64 produced;	   /* records submitted */
	__u64 ring_full;   /* reserve failed */
	__u64 map_full;	   /* a state map refused an entry */
	__u64 read_failed; /* a helper could not read what the record needs */
};

#define LOSER_MAX 2048 /* (process, kind) pairs, least recently used goes */

/* Key of `losers`: who made records that were lost, and so who floods. Value: how many, __u64. Nothing is counted, and
 * nothing paid, while nothing is lost. */
struct loser_key {
	struct event_process_key process;
	__u32 kind; /* enum event_kind */
	__u32 pad;
};
EVENT_ASSERT(sizeof(struct loser_key) == 24);

enum config_flag {
	CONFIG_F_OPENS = 1 << 0,	    /* a rule asks for opens */
	CONFIG_F_SOCKETS = 1 << 1,	    /* a rule asks for connects, accepts, closes of unlabelled processes */
	CONFIG_F_DNS = 1 << 2,		    /* a rule asks for DNS queries, likewise */
	CONFIG_F_HOST = 1 << 3,		    /* a rule asks for changes of the host */
	CONFIG_F_WORKLOAD_SOCKETS = 1 << 4, /* as CONFIG_F_SOCKETS, of what looks like an AI workload only */
};

/* The single entry of array `settings`; the agent may change it while probes run. */
struct sensor_config {
	__u32 flags; /* enum config_flag */
	__u32 agent_tgid;
	__u64 discover_min_bytes;
	__u64 raw_dev;		  /* s_dev of the file system that holds block devices' inodes; 0: none is known */
	__u32 device_majors[16];  /* GPU majors; 0 ends */
	__u32 device_drivers[16]; /* of each: enum event_gpu_driver; 0: its calls are not looked at */
};

/* 64-bit words of the bit arrays over ports, `serving_ports` and `listen_ports` (65 536 bits). */
#define SERVING_PORT_WORDS 1024

/* Bit of `object_filter` for an inode: word = bit / 64. Set before the entry goes into `objects`. Bits are shared by
 * objects, so none is ever cleared alone: clear the array and set it anew from the map. */
static inline __u32 object_filter_bit(__u64 dev, __u64 ino)
{
	return (__u32)(((ino ^ (dev << 40)) * 0x9e3779b97f4a7c15ull) >> 44);
}
EVENT_ASSERT(OBJECT_FILTER_BITS == 1u << (64 - 44));

/* Keys of EVENT_OBJECT_LOCAL: device LOCAL_STREAM_DEV | protocol, which no device has, and this in place of an inode.
 * A datagram socket's sender is 0: its port takes from all. */
#define LOCAL_STREAM_DEV (1ull << 62)
static inline __u64 local_stream_ino(__u32 net_ns, __u16 receiver_port, __u16 sender_port)
{
	return (__u64)net_ns << 32 | (__u32)receiver_port << 16 | sender_port;
}

/* Context of program `query_fd` (BPF_PROG_TEST_RUN): in: fd; out: the rest. */
struct query_fd_args {
	__s32 fd;		    /* of the calling process */
	__s32 error;		    /* 0, or -EBADF */
	struct event_file_key file; /* below overlayfs, of the inode that owns the page cache */
	__u64 size;
	__u32 mode;   /* i_mode */
	__u32 object; /* enum event_object; 0: none of them */
	/* The block device below the file's file system, and the disk that it is a part of; zero: none. */
	struct event_file_key device;
	struct event_file_key disk;
};

/* What iterator `iter_files` writes, per open regular file, pipe, socket and accelerator. */
struct holder_file_record {
	struct event_process_key process;
	struct event_file_key file;
	__u64 size;   /* of a TCP socket: bytes sent, without repeats; of a device its number, as dev_t */
	__u64 cookie; /* sockets; 0: none */
	struct event_sock_tuple
	    sock; /* sockets of AF_INET, AF_INET6, AF_XDP; direction is unknown unless seen before */
	__u32 fd;
	__u32 mode;	  /* i_mode */
	__u32 open_flags; /* f_flags */
	__u32 open_mode;  /* FMODE_READ 1, FMODE_WRITE 2 */
	__u32 sock_state; /* TCP_ESTABLISHED 1, TCP_CLOSE 7, TCP_LISTEN 10, ... */
	__u32 object;	  /* enum event_object; 0: an internet socket */
};
EVENT_ASSERT(sizeof(struct holder_file_record) == 16 + 24 + 16 + 48 + 24);

/* What iterator `iter_maps` writes, per mapping of a regular file. */
struct holder_map_record {
	struct event_process_key process;
	struct event_file_key file;
	__u64 size;	/* of the file */
	__u64 offset;	/* bytes, of the mapping's start in the file */
	__u64 length;	/* bytes */
	__u32 vm_flags; /* READ 1, WRITE 2, EXEC 4, SHARED 8 */
	__u32 mode;	/* i_mode */
};
EVENT_ASSERT(sizeof(struct holder_map_record) == 16 + 24 + 32);

#endif
