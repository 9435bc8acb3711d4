/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sockets: addresses as records carry them. */
#ifndef TENSORWARDEN_LIB_SOCK_BPF_H
#define TENSORWARDEN_LIB_SOCK_BPF_H

#include "bpf/lib/compat.bpf.h"
#include "bpf/lib/filter.bpf.h"

/* Context id and port, of 32 bits each, in place of an address. The family may be a module's. */
static __always_inline void vsock_tuple_fill(struct event_sock_tuple *tuple, const struct sock *sk)
{
	const struct vsock_sock *vsk = (const struct vsock_sock *)sk;

	if (!bpf_core_type_exists(struct vsock_sock))
		return;
	((__u32 *)tuple->local)[0] = BPF_CORE_READ(vsk, local_addr.svm_cid);
	((__u32 *)tuple->local)[1] = BPF_CORE_READ(vsk, local_addr.svm_port);
	((__u32 *)tuple->peer)[0] = BPF_CORE_READ(vsk, remote_addr.svm_cid);
	((__u32 *)tuple->peer)[1] = BPF_CORE_READ(vsk, remote_addr.svm_port);
}

/* `tuple` must be zero. The direction is left unknown. */
static __always_inline void sock_tuple_fill(struct event_sock_tuple *tuple, const struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	tuple->family = family;
	tuple->protocol = BPF_CORE_READ(sk, sk_protocol);
	if (family != AF_INET && family != AF_INET6) {
		tuple->net_ns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		if (family == AF_VSOCK)
			vsock_tuple_fill(tuple, sk);
		return; /* packet and others: where it goes is not known */
	}
	tuple->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (!tuple->local_port) /* the port was given back: a close */
		tuple->local_port = bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
	tuple->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	tuple->net_ns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (family == AF_INET) {
		BPF_CORE_READ_INTO((__u32 *)tuple->local, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__u32 *)tuple->peer, sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO((struct in6_addr *)tuple->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)tuple->peer, sk, __sk_common.skc_v6_daddr);
	}
}

/* Who opened the connection. Sockets that are older than the probes have no note: theirs is told by the listeners. */
static __always_inline __u8 sock_direction(const struct event_sock_tuple *tuple, const struct socket_note *note)
{
	if (note && note->direction)
		return note->direction;
	if (tuple->protocol == IPPROTO_TCP && port_test(listen_ports, tuple->local_port))
		return EVENT_DIRECTION_IN;
	return EVENT_DIRECTION_OUT;
}

/* A datagram socket that is not connected: where it last sent to. */
static __always_inline void sock_tuple_peer(struct event_sock_tuple *tuple, const struct socket_note *note)
{
	if (tuple->peer_port || !note || !note->family)
		return;
	__builtin_memcpy(tuple->peer, note->peer, sizeof(tuple->peer));
	tuple->peer_port = note->peer_port;
}

/* The inode of a socket; NULL once its descriptor is closed. It keys labels of unix sockets. */
static __always_inline struct inode *sock_inode(const struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);
	struct file *file = socket ? BPF_CORE_READ(socket, file) : NULL;

	return file ? BPF_CORE_READ(file, f_inode) : NULL;
}

static __always_inline struct sock *unix_peer(const struct sock *sk)
{
	return BPF_CORE_READ((const struct unix_sock *)sk, peer);
}

/* The inode that receives what is sent to an open unix socket. NULL if others send there too, as to a log daemon. */
static __always_inline struct inode *unix_far_inode(const struct sock *sk)
{
	struct sock *peer = unix_peer(sk);

	return peer && unix_peer(peer) == sk ? sock_inode(peer) : NULL;
}

#endif
