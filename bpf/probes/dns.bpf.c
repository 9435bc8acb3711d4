/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is asked of name servers: datagrams to port 53, and how a TCP connection to it begins.
 *
 *   cgroup_skb/egress at the root: the packet itself, so that neither a library nor a call of its own hides the name.
 *     Every packet of every process pays for the look at its header: attached on demand only. Always lets pass.
 *
 * Not seen: other ports, DNS over TLS and HTTPS, frames of packet sockets, datagrams behind IPv6 extension headers, and
 * of datagrams that are cut by UDP_SEGMENT all but the first.
 */
#include "bpf/lib/ring.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/packet.bpf.h"

#define DNS_PORT 53
#define UDP_HEADER_BYTES 8
#define TCP_OFFSET_BYTE 12

/* Counted before the segment comes here; a repeat is counted anew. */
static __always_inline _Bool is_first_segment(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tcp;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	tcp = sk ? bpf_tcp_sock(sk) : NULL;
	return tcp && tcp->data_segs_out == skb->gso_segs;
}

/* Bytes before the message; 0 if there is none. `sock` must be zero. */
static __always_inline __u32 message_find(struct __sk_buff *skb, struct event_sock_tuple *sock)
{
	__u32 ip_bytes = ip_fill(skb, sock, sock->local, sock->peer);
	__be16 ports[2];
	__u8 offset;

	if (!ip_bytes || bpf_skb_load_bytes(skb, ip_bytes, ports, sizeof(ports)) || ports[1] != bpf_htons(DNS_PORT))
		return 0;
	sock->local_port = bpf_ntohs(ports[0]);
	sock->peer_port = DNS_PORT;
	sock->direction = EVENT_DIRECTION_OUT;
	if (sock->protocol == IPPROTO_UDP)
		return ip_bytes + UDP_HEADER_BYTES;
	if (sock->protocol != IPPROTO_TCP || bpf_skb_load_bytes(skb, ip_bytes + TCP_OFFSET_BYTE, &offset, 1) ||
	    !is_first_segment(skb))
		return 0;
	return ip_bytes + (offset >> 4) * 4;
}

struct packet {
	struct event_sock_tuple sock;
	struct event_process_key sender;
	__u32 before;	 /* bytes before the message */
	_Bool in_sender; /* the current task is the sender */
};

/* Datagrams leave in their sender's context, unless something (IPsec) held them up. Segments may leave in anybody's. */
static __always_inline void sender_find(struct __sk_buff *skb, struct packet *packet, _Bool softirq)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bpf_sock *sk = skb->sk;
	struct event_process_key owner;
	struct socket_note *note;

	if (packet->sock.protocol == IPPROTO_UDP) {
		packet->in_sender = !softirq && !(task->flags & PF_KTHREAD);
		if (packet->in_sender)
			packet->sender = process_key(task);
		return;
	}
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	note = sk ? bpf_sk_storage_get(&socket_notes, sk, 0, 0) : NULL;
	if (!note)
		return;
	owner = note->owner;
	barrier_var(owner.tgid); /* the verifier wants these loads and those from a task apart */
	barrier_var(owner.start_ns);
	packet->sender = owner;
}

static __always_inline _Bool sender_wanted(const struct event_process_key *sender)
{
	const struct sensor_config *cfg = config_get();

	if (sender->tgid && sender->tgid == agent_tgid)
		return 0;
	return (cfg && (cfg->flags & CONFIG_F_DNS)) || process_carries(sender);
}

/* Copies the message; 0 if that cannot be. */
static __always_inline __u32 message_fill(struct __sk_buff *skb, struct dns_event *event, __u32 before)
{
	__u32 last = skb->len - before - 1;

	/* By the last index, not the length: before 6.8 the verifier does not learn from "is not 0" that it is above.
	 */
	barrier_var(last);
	if (last > EVENT_DNS_MAX - 1)
		last = EVENT_DNS_MAX - 1;
	return bpf_skb_load_bytes(skb, before, event->payload, last + 1) ? 0 : last + 1;
}

static __always_inline int dns_emit(struct __sk_buff *skb, const struct packet *packet)
{
	struct dns_event *event = bulk_reserve(EVENT_KIND_DNS, sizeof(*event));
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 captured;

	if (!event)
		return 1;
	captured = message_fill(skb, event, packet->before);
	if (!captured) {
		bpf_ringbuf_discard(event, 0);
		lost_add(EVENT_KIND_DNS, LOST_READ_FAILED);
		return 1;
	}
	header_fill_for(&event->hdr, EVENT_KIND_DNS, offsetof(struct dns_event, payload) + captured, &packet->sender);
	event->hdr.flags = EVENT_F_USER_MEMORY;
	if (packet->in_sender) {
		event->hdr.tid = task->pid;
		event->hdr.cgroup_id = task->cgroups->dfl_cgrp->kn->id; /* cgroup_skb has no helper for it */
	}
	event->sock = packet->sock;
	event->cookie = bpf_get_socket_cookie(skb);
	event->captured_len = captured;
	event->pad = 0;
	bulk_submit(event, EVENT_KIND_DNS);
	return 1;
}

static __always_inline int packet_leaves(struct __sk_buff *skb, _Bool softirq)
{
	struct packet packet = {};

	packet.before = message_find(skb, &packet.sock);
	if (!packet.before || packet.before >= skb->len)
		return 1;
	sender_find(skb, &packet, softirq);
	return sender_wanted(&packet.sender) ? dns_emit(skb, &packet) : 1;
}

SEC("cgroup_skb/egress")
int dns_query(struct __sk_buff *skb)
{
	return packet_leaves(skb, in_softirq());
}

/* Where a softirq cannot be told from its victim. */
SEC("cgroup_skb/egress")
int dns_query_plain(struct __sk_buff *skb)
{
	return packet_leaves(skb, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
