/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What clients send to serving ports: TCP segments with the beginning of their payload.
 *
 *   cgroup_skb/ingress at the root: no system-call hook, the server untouched. It runs before TCP checks the sequence
 *     number, so the agent must: a record is what arrived, not what the server will read. Always lets pass.
 *
 * An IPv6 segment behind extension headers is not looked at.
 */
#include "bpf/lib/ring.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/packet.bpf.h"

#define TCP_HEADER_BYTES 20
#define TCP_FIN_SYN_RST 0x7

/* Bytes before the payload, 0 if the segment carries nothing that the meter needs. */
static __always_inline __u32 segment_fill(struct __sk_buff *skb, struct http_segment_event *event)
{
	__u32 ip_bytes = ip_fill(skb, &event->sock, event->sock.peer, event->sock.local), before;
	struct tcphdr tcp;

	if (!ip_bytes || event->sock.protocol != IPPROTO_TCP || bpf_skb_load_bytes(skb, ip_bytes, &tcp, sizeof(tcp)))
		return 0;
	before = ip_bytes + tcp.doff * 4;
	if (tcp.doff * 4 < TCP_HEADER_BYTES || before > skb->len)
		return 0;
	event->sock.direction = EVENT_DIRECTION_IN;
	event->sock.local_port = bpf_ntohs(tcp.dest);
	event->sock.peer_port = bpf_ntohs(tcp.source);
	event->seq = bpf_ntohl(tcp.seq);
	event->payload_len = skb->len - before;
	event->tcp_flags = ((__u8 *)&tcp)[13];
	if (!event->payload_len && !(event->tcp_flags & TCP_FIN_SYN_RST))
		return 0;
	return port_test(serving_ports, event->sock.local_port) ? before : 0;
}

static __always_inline void payload_fill(struct __sk_buff *skb, struct http_segment_event *event, __u32 before)
{
	__u32 last = event->payload_len - 1;

	event->captured_len = 0;
	if (!event->payload_len)
		return;
	/* By the last index, not the length: before 6.8 the verifier does not learn from "is not 0" that it is above.
	 */
	barrier_var(last);
	if (last > EVENT_HTTP_MAX - 1)
		last = EVENT_HTTP_MAX - 1;
	if (bpf_skb_load_bytes(skb, before, event->payload, last + 1))
		lost_add(EVENT_KIND_HTTP_SEGMENT, LOST_READ_FAILED);
	else
		event->captured_len = last + 1;
}

SEC("cgroup_skb/ingress")
int http_ingress(struct __sk_buff *skb)
{
	const struct event_process_key nobody = {};
	struct http_segment_event *event;
	__u32 slot = 0, before, captured, size;

	if (!port_test(serving_ports, skb->local_port))
		return 1;
	event = bpf_map_lookup_elem(&http_scratch, &slot);
	if (!event)
		return 1;
	__builtin_memset(&event->sock, 0, sizeof(event->sock));
	before = segment_fill(skb, event);
	if (!before)
		return 1;
	payload_fill(skb, event, before);
	captured = event->captured_len;
	barrier_var(captured); /* for the verifier: the bound must be on the register that is used */
	if (captured > EVENT_HTTP_MAX)
		return 1;
	size = offsetof(struct http_segment_event, payload) + captured;
	header_fill_for(&event->hdr, EVENT_KIND_HTTP_SEGMENT, size, &nobody);
	event->hdr.flags = EVENT_F_USER_MEMORY;
	event->cookie = bpf_get_socket_cookie(skb);
	bulk_output(event, EVENT_KIND_HTTP_SEGMENT, size);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
