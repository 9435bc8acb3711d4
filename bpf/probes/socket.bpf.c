/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sockets: labelled bytes that leave or cross a unix socket, and who connected to whom.
 *
 *   tp_btf/sock_send_length, sock_recv_length: every send and receive of every family, with its exact length, whichever
 *     call made it (6.12 and later). Not seen: a socket drained by splice, TCP_ZEROCOPY_RECEIVE, frames that AF_XDP
 * takes from shared memory, and sends of unix datagrams to an address (the peer is not known any more). fexit on the
 * families' own functions: the same before 6.12. tp_btf/inet_sock_set_state: direction, listeners, ends; may run in
 * softirq, so the owner is noted on the socket. cgroup/connect, sendmsg, post_bind: in the caller's context;
 * destinations of unconnected datagrams.
 */
#include "bpf/lib/egress.bpf.h"
#include "bpf/lib/stream.bpf.h"

/* --- bytes --- */

/* Each way to send is a function of its own: the stack holds one of them. */
static __noinline int unix_send(struct sock *sk, __u64 bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state = process_get(task);
	struct sock *peer = unix_peer(sk);
	struct inode *inode = peer ? sock_inode(peer) : NULL;
	struct event_file_key file;

	if (!inode || !state)
		return 0;
	file = inode_key(inode);
	stream_write(task, state, &file, EVENT_OBJECT_UNIX, bytes);
	return 0;
}

/* A long answer is no answer: a server that hands out its files sends them so. What came before it was one. */
#define ANSWER_MAX_BYTES (1 << 20)
#define ANSWER_MAX_SHIFT 6	    /* and 1/64 of the asset */
#define ANSWER_TOP_BYTES (32 << 20) /* however large the asset: no text is that long, a part of a file is */

static __always_inline _Bool is_answer(const struct process_state *state, const struct sock *sk,
				       struct socket_note *note, __u64 bytes)
{
	__u64 size = label_size(lowest_bit(state->labels) & (LABEL_COUNT - 1)) >> ANSWER_MAX_SHIFT;

	if (!note || note->direction != EVENT_DIRECTION_IN || !sock_serves(sk))
		return 0;
	size = min_u64(size, ANSWER_TOP_BYTES);
	return __sync_fetch_and_add(&note->answer, bytes) + bytes <=
	       (size > ANSWER_MAX_BYTES ? size : ANSWER_MAX_BYTES);
}

/* Bytes that stay on this host are charged as well: the agent knows the destination's class. */
static __noinline int local_send(struct sock *sk, __u64 bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct socket_note *note = bpf_sk_storage_get(&socket_notes, sk, 0, 0);
	struct process_state *state = process_get(task);
	struct event_file_key key = {};

	if (!state || !local_target(sk, note, &key))
		return 0;
	if (is_answer(state, sk, note, bytes))
		return 0;
	local_streams = 1;
	stream_write(task, state, &key, EVENT_OBJECT_LOCAL, bytes);
	return 0;
}

static __noinline int away_send(struct sock *sk, __u64 bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state = process_get(task);

	if (state)
		egress_charge(task, state, sk, bytes);
	return 0;
}

/* Families whose sockets lead to the kernel or to nobody else than processes of this host. */
static __always_inline _Bool stays_here(__u16 family)
{
	return family == AF_UNIX || family == AF_KEY || family == AF_NETLINK || family == AF_ALG;
}

/* An unlabelled process pays for the bit test. */
static __always_inline int sent(struct sock *sk, long bytes)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_state *state;
	__u16 family;

	if (bytes <= 0 || !process_filter_test(task->tgid))
		return 0;
	state = process_get(task);
	if (!state || !state->labels || !task_is_actor(task))
		return 0;
	family = sk->__sk_common.skc_family;
	if (family == AF_INET || family == AF_INET6)
		local_send(sk, bytes);
	if (family == AF_UNIX)
		unix_send(sk, bytes);
	else if (!stays_here(family))
		away_send(sk, bytes);
	return 0;
}

/* The process that made the other end, or listened for it; NULL when it has ended. */
static __always_inline struct task_struct *unix_peer_task(const struct sock *sk)
{
	struct pid *pid = BPF_CORE_READ(sk, sk_peer_pid);
	struct hlist_node *first;

	if (!pid || !process_filter_test(BPF_CORE_READ(pid, numbers[0].nr)))
		return NULL;
	first = BPF_CORE_READ(pid, tasks[PIDTYPE_TGID].first);
	if (!first)
		return NULL;
	return (struct task_struct *)((char *)first -
				      bpf_core_field_offset(struct task_struct, pid_links[PIDTYPE_TGID]));
}

/* A carrier that connected, or made the pair, after it got its label is found by what it sends: its first call may
 * still run while all of it is received. */
static __noinline int unix_mark(struct sock *sk, struct inode *inode)
{
	struct task_struct *task = unix_peer_task(sk); /* tests a bit: most sockets end here */
	struct sock *peer = task ? unix_peer(sk) : NULL;
	struct event_process_key writer;
	struct process_state *state;

	if (!peer || unix_peer(peer) != sk)
		return 0;
	writer = process_key_read(task);
	if (writer.tgid == bpf_get_current_pid_tgid() >> 32)
		return 0;
	state = bpf_map_lookup_elem(&processes, &writer);
	if (state && state->labels)
		object_mark(inode, EVENT_OBJECT_UNIX, state->labels, &writer);
	return 0;
}

static __noinline int local_read(struct sock *sk, __u64 bytes, int flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;
	struct event_file_key key = {};
	__u64 queued = ~0ull >> 1; /* of datagrams: not known */

	if (!task_is_actor(task) || !local_source(sk, &key))
		return 0;
	if (sk->sk_protocol == IPPROTO_TCP)
		queued = BPF_CORE_READ(tcp, rcv_nxt) - BPF_CORE_READ(tcp, copied_seq);
	return stream_read(task, &key, bytes, queued, flags & MSG_PEEK);
}

/* A question to a carrier begins its next answer. Who receives elsewhere pays only while labels go between sockets. */
static __always_inline int local_receive(struct sock *sk, __u64 bytes, int flags)
{
	struct socket_note *note;

	if (process_filter_test(bpf_get_current_pid_tgid() >> 32)) {
		note = bpf_sk_storage_get(&socket_notes, sk, 0, 0);
		if (note && bytes)
			note->answer = 0;
	}
	return local_streams && local_filter_test(sk) ? local_read(sk, bytes, flags) : 0;
}

static __always_inline int received(struct sock *sk, long bytes, int flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event_file_key file;
	struct inode *inode;
	__u64 queued;

	if (bytes < 0)
		return 0; /* the end counts: what came just before may have been counted late */
	if (sk->__sk_common.skc_family == AF_INET || sk->__sk_common.skc_family == AF_INET6)
		return local_receive(sk, bytes, flags);
	if (sk->__sk_common.skc_family != AF_UNIX)
		return 0;
	inode = sock_inode(sk);
	if (!inode || !task_is_actor(task))
		return 0;
	file = inode_key(inode);
	if (!object_filter_test(file.dev, file.ino) || !bpf_map_lookup_elem(&objects, &file))
		unix_mark(sk, inode);
	if (!object_filter_test(file.dev, file.ino))
		return 0;
	queued = BPF_CORE_READ(sk, sk_receive_queue.qlen) ? BPF_CORE_READ(sk, sk_rcvbuf) : 0;
	stream_read(task, &file, bytes, queued, flags & MSG_PEEK);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(socket_send, struct sock *sk, int ret, int flags)
{
	return sent(sk, ret);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(socket_recv, struct sock *sk, int ret, int flags)
{
	return received(sk, ret, flags);
}

SEC("fexit/inet_sendmsg")
int BPF_PROG(socket_send_inet_fexit, struct socket *sock, struct msghdr *msg, size_t size, int ret)
{
	return sent(sock->sk, ret);
}

SEC("fexit/inet6_sendmsg")
int BPF_PROG(socket_send_inet6_fexit, struct socket *sock, struct msghdr *msg, size_t size, int ret)
{
	return sent(sock->sk, ret);
}

SEC("fexit/inet_sendpage")
int BPF_PROG(socket_send_page_fexit, struct socket *sock, struct page *page, int offset, size_t size, int flags,
	     ssize_t ret)
{
	return sent(sock->sk, ret);
}

SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(socket_send_unix_fexit, struct socket *sock, struct msghdr *msg, size_t size, int ret)
{
	return sent(sock->sk, ret);
}

SEC("fexit/unix_stream_recvmsg")
int BPF_PROG(socket_recv_unix_fexit, struct socket *sock, struct msghdr *msg, size_t size, int flags, int ret)
{
	return received(sock->sk, ret, flags);
}

SEC("fexit/inet_recvmsg")
int BPF_PROG(socket_recv_inet_fexit, struct socket *sock, struct msghdr *msg, size_t size, int flags, int ret)
{
	return received(sock->sk, ret, flags);
}

SEC("fexit/inet6_recvmsg")
int BPF_PROG(socket_recv_inet6_fexit, struct socket *sock, struct msghdr *msg, size_t size, int flags, int ret)
{
	return received(sock->sk, ret, flags);
}

/* Datagrams and sequenced packets, which share these two functions. */
SEC("fexit/unix_dgram_sendmsg")
int BPF_PROG(socket_send_dgram_fexit, struct socket *sock, struct msghdr *msg, size_t size, int ret)
{
	return sent(sock->sk, ret);
}

SEC("fexit/__unix_dgram_recvmsg")
int BPF_PROG(socket_recv_dgram_fexit, struct sock *sk, struct msghdr *msg, size_t size, int flags, int ret)
{
	return received(sk, ret, flags);
}

/* --- states --- */

/* The process of a socket, from its note: state changes run in whoever's context. */
static __always_inline void socket_emit(const struct sock *sk, const struct socket_note *note, __u32 op, __u64 cookie)
{
	struct socket_event *event = bulk_reserve(EVENT_KIND_SOCKET, sizeof(*event));
	const struct tcp_sock *tcp;

	if (!event)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	header_fill_for(&event->hdr, EVENT_KIND_SOCKET, sizeof(*event), &note->owner);
	sock_tuple_fill(&event->sock, sk);
	event->sock.direction = note->direction;
	event->cookie = cookie;
	event->op = op;
	if (op == EVENT_SOCK_CLOSE) {
		tcp = (const struct tcp_sock *)sk;
		event->bytes_sent = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
		event->bytes_received = BPF_CORE_READ(tcp, bytes_received);
	}
	bulk_submit(event, EVENT_KIND_SOCKET);
}

/* What a change of state means; 0: nothing that a record tells. */
static __always_inline __u32 state_op(int old, int new)
{
	if (new == TCP_LISTEN)
		return EVENT_SOCK_LISTEN;
	if (new == TCP_CLOSE)
		return EVENT_SOCK_CLOSE;
	if (new != TCP_ESTABLISHED)
		return 0;
	return old == TCP_SYN_SENT ? EVENT_SOCK_CONNECT : EVENT_SOCK_ACCEPT;
}

/* An accepted socket starts with a copy of its listener's note, and so with its owner. */
static __always_inline void note_update(struct socket_note *note, const struct sock *sk, int old, int new)
{
	if (new == TCP_SYN_SENT || new == TCP_LISTEN)
		note->owner = process_key(bpf_get_current_task_btf());
	if (new == TCP_SYN_SENT)
		note->direction = EVENT_DIRECTION_OUT;
	else if (old == TCP_SYN_RECV && new == TCP_ESTABLISHED && !note->direction)
		note->direction = EVENT_DIRECTION_IN;
	else if (new == TCP_LISTEN)
		port_set(listen_ports, BPF_CORE_READ(sk, __sk_common.skc_num));
}

/* Listeners always, they say what serves; the rest when a rule asks or the owner carries a label. */
static __always_inline _Bool socket_wanted(const struct socket_note *note, __u32 op)
{
	return op == EVENT_SOCK_LISTEN || process_connections_wanted(&note->owner);
}

/* A carrier's first send may be all that it has, and be counted only when it ends: the stream is marked before. */
static __noinline int local_mark(struct sock *sk, struct socket_note *note, __u32 op)
{
	struct event_process_key owner;
	struct event_file_key key = {};
	struct process_state *state;

	if (!note || !process_filter_test(note->owner.tgid) || (op == EVENT_SOCK_ACCEPT && sock_serves(sk)))
		return 0;
	owner = note->owner;
	state = bpf_map_lookup_elem(&processes, &owner);
	if (!state || !state->labels || !local_target(sk, note, &key))
		return 0;
	local_streams = 1;
	key_mark(&key, EVENT_OBJECT_LOCAL, state->labels, &owner);
	return 0;
}

static __noinline int local_forget(struct sock *sk)
{
	struct event_file_key key = {};

	if (local_source(sk, &key) && object_filter_test(key.dev, key.ino))
		bpf_map_delete_elem(&objects, &key);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, struct sock *sk, int old, int new)
{
	struct socket_note *note;
	__u32 op;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	op = state_op(old, new);
	if (!op && new != TCP_SYN_SENT)
		return 0;
	note = bpf_sk_storage_get(&socket_notes, sk, 0, op == EVENT_SOCK_CLOSE ? 0 : BPF_SK_STORAGE_GET_F_CREATE);
	if (!note) {
		if (op != EVENT_SOCK_CLOSE)
			lost_add(EVENT_KIND_SOCKET, LOST_MAP_FULL);
		return 0;
	}
	note_update(note, sk, old, new);
	if (op == EVENT_SOCK_CONNECT || op == EVENT_SOCK_ACCEPT)
		local_mark(sk, note, op);
	else if (op == EVENT_SOCK_CLOSE && local_streams)
		local_forget(sk);
	if (op && socket_wanted(note, op))
		socket_emit(sk, note, op, bpf_get_socket_cookie(sk));
	return 0;
}

/* --- in the caller's context --- */

static __always_inline _Bool caller_wanted(void)
{
	struct event_process_key caller = process_key(bpf_get_current_task_btf());
	return process_connections_wanted(&caller);
}

static __always_inline void try_emit(struct bpf_sock_addr *ctx, __u32 family, const __u32 *peer, __u64 cookie)
{
	struct socket_event *event = bulk_reserve(EVENT_KIND_SOCKET, sizeof(*event));

	if (!event)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	header_fill(&event->hdr, EVENT_KIND_SOCKET, sizeof(*event));
	__builtin_memcpy(event->sock.peer, peer, sizeof(event->sock.peer));
	event->sock.peer_port = bpf_ntohs(ctx->user_port);
	event->sock.family = family;
	event->sock.protocol = ctx->protocol;
	event->sock.direction = EVENT_DIRECTION_OUT;
	event->cookie = cookie;
	event->op = EVENT_SOCK_CONNECT_TRY;
	bulk_submit(event, EVENT_KIND_SOCKET);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	__u32 peer[4] = {ctx->user_ip4};

	if (caller_wanted())
		try_emit(ctx, AF_INET, peer, bpf_get_socket_cookie(ctx));
	return 1;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	__u32 peer[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

	if (caller_wanted())
		try_emit(ctx, AF_INET6, peer, bpf_get_socket_cookie(ctx));
	return 1;
}

static __always_inline void note_destination(struct bpf_sock_addr *ctx, __u32 family, const __u32 *peer)
{
	struct bpf_sock *sk = ctx->sk;
	struct socket_note *note;

	if (!sk)
		return;
	note = bpf_sk_storage_get(&socket_notes, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!note)
		return;
	note->direction = EVENT_DIRECTION_OUT;
	note->family = family;
	note->peer_port = bpf_ntohs(ctx->user_port);
	__builtin_memcpy(note->peer, peer, sizeof(note->peer));
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	__u32 peer[4] = {ctx->user_ip4};

	if (process_filter_test(bpf_get_current_pid_tgid() >> 32))
		note_destination(ctx, AF_INET, peer);
	return 1;
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	__u32 peer[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

	if (process_filter_test(bpf_get_current_pid_tgid() >> 32))
		note_destination(ctx, AF_INET6, peer);
	return 1;
}

static __always_inline int bound(struct bpf_sock *ctx, __u32 family, const __u32 *local)
{
	struct socket_event *event;

	if (!caller_wanted())
		return 1;
	event = bulk_reserve(EVENT_KIND_SOCKET, sizeof(*event));
	if (!event)
		return 1;
	__builtin_memset(event, 0, sizeof(*event));
	header_fill(&event->hdr, EVENT_KIND_SOCKET, sizeof(*event));
	__builtin_memcpy(event->sock.local, local, sizeof(event->sock.local));
	event->sock.local_port = ctx->src_port;
	event->sock.family = family;
	event->sock.protocol = ctx->protocol;
	event->cookie = bpf_get_socket_cookie(ctx);
	event->op = EVENT_SOCK_BIND;
	bulk_submit(event, EVENT_KIND_SOCKET);
	return 1;
}

SEC("cgroup/post_bind4")
int post_bind4(struct bpf_sock *ctx)
{
	__u32 local[4] = {ctx->src_ip4};

	return bound(ctx, AF_INET, local);
}

SEC("cgroup/post_bind6")
int post_bind6(struct bpf_sock *ctx)
{
	__u32 local[4] = {ctx->src_ip6[0], ctx->src_ip6[1], ctx->src_ip6[2], ctx->src_ip6[3]};

	return bound(ctx, AF_INET6, local);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
