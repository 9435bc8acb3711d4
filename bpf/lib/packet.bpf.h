/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Packets as cgroup_skb programs see them: from the IP header on. */
#ifndef TENSORWARDEN_LIB_PACKET_BPF_H
#define TENSORWARDEN_LIB_PACKET_BPF_H

#include "bpf/lib/compat.bpf.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IP_FRAGMENT_OFFSET 0x1fff

/* Fills family, protocol and addresses; returns the bytes of the IP header, 0 if there is nothing to read behind it: no
 * IP, or not the first fragment. Of IPv6 behind extension headers, the protocol is the first one's. */
static __always_inline __u32 ip_fill(struct __sk_buff *skb, struct event_sock_tuple *sock, __u8 *source, __u8 *target)
{
	struct ipv6hdr ip6;
	struct iphdr ip;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
			return 0;
		sock->family = AF_INET;
		sock->protocol = ip.protocol;
		__builtin_memcpy(source, &ip.saddr, 4);
		__builtin_memcpy(target, &ip.daddr, 4);
		return ip.ihl * 4;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) || bpf_skb_load_bytes(skb, 0, &ip6, sizeof(ip6)))
		return 0;
	sock->family = AF_INET6;
	sock->protocol = ip6.nexthdr;
	__builtin_memcpy(source, &ip6.saddr, 16);
	__builtin_memcpy(target, &ip6.daddr, 16);
	return sizeof(ip6);
}

#endif
