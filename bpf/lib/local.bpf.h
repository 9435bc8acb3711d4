/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sockets whose two ends are processes of this host: the stream between them carries labels as a pipe does.
 *
 * A stream has no inode that both ends know, so its object is keyed by the receiver's side of the connection. Both ends
 * can tell that from their own addresses. A datagram socket that listens is keyed by its port: senders know no more.
 */
#ifndef TENSORWARDEN_LIB_LOCAL_BPF_H
#define TENSORWARDEN_LIB_LOCAL_BPF_H

#include "bpf/lib/sock.bpf.h"

#define IPV4_LOOPBACK 0x7f /* first byte */

static __always_inline _Bool ipv6_is_mapped(const __u32 *address)
{
	return !address[0] && !address[1] && address[2] == bpf_htonl(0xffff);
}

/* A connected socket's route leads back through the loopback device, whatever addresses of this host it has. */
static __always_inline _Bool sock_loops(const struct sock *sk)
{
	struct dst_entry *route = BPF_CORE_READ(sk, sk_dst_cache);

	return route && (BPF_CORE_READ(route, dev, flags) & IFF_LOOPBACK);
}

/* Loopback, or the same address at both ends. */
static __always_inline _Bool addresses_are_local(const struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u32 local[4] = {}, peer[4] = {};

	if (family == AF_INET) {
		peer[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		local[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		return peer[3] && (peer[3] == local[3] || (peer[3] & 0xff) == IPV4_LOOPBACK);
	}
	if (family != AF_INET6)
		return 0;
	BPF_CORE_READ_INTO(&peer, sk, __sk_common.skc_v6_daddr);
	if (ipv6_is_mapped(peer) && (peer[3] & 0xff) == IPV4_LOOPBACK)
		return 1;
	if (!peer[0] && !peer[1] && !peer[2])
		return peer[3] == bpf_htonl(1); /* ::1; all zero: not connected */
	BPF_CORE_READ_INTO(&local, sk, __sk_common.skc_v6_rcv_saddr);
	return local[0] == peer[0] && local[1] == peer[1] && local[2] == peer[2] && local[3] == peer[3];
}

/* A connection to another network namespace has two addresses, and a route through another device. */
static __always_inline _Bool sock_is_local(const struct sock *sk)
{
	return addresses_are_local(sk) || sock_loops(sk);
}

/* The destination of the last datagram of a socket that is not connected. */
static __always_inline _Bool note_is_loopback(const struct socket_note *note)
{
	const __u32 *peer = (const __u32 *)note->peer;

	if (note->family == AF_INET)
		return note->peer[0] == IPV4_LOOPBACK;
	if (note->family != AF_INET6 || peer[0] || peer[1])
		return 0;
	return peer[2] ? ipv6_is_mapped(peer) && note->peer[12] == IPV4_LOOPBACK : peer[3] == bpf_htonl(1);
}

/* Source routes, and addresses that are bound though they are no address of this host. */
static __always_inline _Bool sock_is_steered(const struct sock *sk)
{
	const struct inet_sock *inet = (const struct inet_sock *)sk;

	if (inet_binds_foreign(inet) || BPF_CORE_READ(inet, inet_opt, opt.srr))
		return 1;
	return BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6 && BPF_CORE_READ(inet, pinet6, opt, srcrt);
}

static __always_inline _Bool tuple_is_local(const struct event_sock_tuple *tuple)
{
	const __u64 *local = (const __u64 *)tuple->local, *peer = (const __u64 *)tuple->peer;
	const __u32 *words = (const __u32 *)tuple->peer;

	if (local[0] == peer[0] && local[1] == peer[1])
		return 1;
	if (tuple->family == AF_INET)
		return tuple->peer[0] == IPV4_LOOPBACK;
	if (ipv6_is_mapped(words))
		return tuple->peer[12] == IPV4_LOOPBACK;
	return !peer[0] && !words[2] && words[3] == bpf_htonl(1);
}

/* Addresses alone do not keep bytes here: a route may lead them out, and options may. */
static __always_inline _Bool sock_leaves(const struct sock *sk, const struct event_sock_tuple *tuple)
{
	struct dst_entry *route;

	if ((tuple->family != AF_INET && tuple->family != AF_INET6) || !tuple_is_local(tuple))
		return 0;
	if (sock_is_steered(sk))
		return 1;
	route = BPF_CORE_READ(sk, sk_dst_cache);
	return route && !(BPF_CORE_READ(route, dev, flags) & IFF_LOOPBACK);
}

static __always_inline __u32 sock_net_ns(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* An IPv6 socket may talk to an IPv4 one: the ports tell streams of one namespace apart, addresses matter little. A
 * port pair that is in use twice, on two loopback addresses, shares an object. */
static __always_inline void local_stream_key(const struct sock *sk, _Bool as_sender, struct event_file_key *key)
{
	__u32 port = BPF_CORE_READ(sk, __sk_common.skc_num);
	__u32 peer = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));

	if (!port)
		port = bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
	key->dev = LOCAL_STREAM_DEV | IPPROTO_TCP;
	key->ino = local_stream_ino(sock_net_ns(sk), as_sender ? peer : port, as_sender ? port : peer);
	key->generation = 0;
	key->pad = 0;
}

/* `port`: of the receiver. */
static __always_inline void local_datagram_key(const struct sock *sk, __u16 port, struct event_file_key *key)
{
	key->dev = LOCAL_STREAM_DEV | IPPROTO_UDP;
	key->ino = local_stream_ino(sock_net_ns(sk), port, 0);
	key->generation = 0;
	key->pad = 0;
}

/* Of a sender: the object that its bytes go to; 0 when they leave the host, or nobody can tell. */
static __always_inline _Bool local_target(const struct sock *sk, const struct socket_note *note,
					  struct event_file_key *key)
{
	__u32 protocol = BPF_CORE_READ(sk, sk_protocol), port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));

	if (protocol == IPPROTO_UDP && !port && note && note_is_loopback(note)) {
		local_datagram_key(sk, note->peer_port, key);
		return 1;
	}
	if (!sock_is_local(sk))
		return 0;
	if (protocol == IPPROTO_TCP)
		local_stream_key(sk, 1, key);
	else
		local_datagram_key(sk, port, key);
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* Of a receiver. */
static __always_inline _Bool local_source(const struct sock *sk, struct event_file_key *key)
{
	__u32 protocol = BPF_CORE_READ(sk, sk_protocol);

	if (protocol == IPPROTO_UDP) {
		local_datagram_key(sk, BPF_CORE_READ(sk, __sk_common.skc_num), key);
		return 1;
	}
	if (protocol != IPPROTO_TCP || !sock_is_local(sk))
		return 0;
	local_stream_key(sk, 0, key);
	return 1;
}

/* The first test of a receiver, which nearly every one ends with: by its ports, whether local or not. `sk` must be
 * known to the verifier by type. */
static __always_inline _Bool local_filter_test(const struct sock *sk)
{
	__u16 protocol = sk->sk_protocol, peer = protocol == IPPROTO_UDP ? 0 : bpf_ntohs(sk->__sk_common.skc_dport);
	__u64 ino = local_stream_ino(sk->__sk_common.skc_net.net->ns.inum, sk->__sk_common.skc_num, peer);

	return object_filter_test(LOCAL_STREAM_DEV | protocol, ino);
}

/* What is asked of a server is answered by its port: docs/labels.md tells when that carries labels. */
static __always_inline _Bool sock_serves(const struct sock *sk)
{
	__u32 port = BPF_CORE_READ(sk, __sk_common.skc_num);

	return port_test(listen_ports, port) && port_test(serving_ports, port);
}

#endif
