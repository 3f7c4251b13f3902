/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets.
 *   socket_connect       streams and unix sockets ask here. Another datagram socket only notes a peer that needs asking. What is no
 *                        stream sends to its peer without another question, so its connect is judged as a send, too.
 *   socket_sendmsg       sends that carry an address of their own (unconnected UDP, TCP fast open, unix datagrams), and the
 *                        first send to a noted peer.
 *   file_permission      where the kernel lets data into a socket without asking about a send (before 6.5: sendfile and splice): the
 *                        first write to a noted peer asks here, and the daemon's socket stays closed.
 *   socket_recvmsg       nothing that the daemon says.
 *   socket_create        families and protocols that reach addresses past these hooks are refused.
 *   unix_stream_connect, unix_may_send
 *                        see which socket file the name led to, the latter at every send. They run under a spinlock and never
 *                        hold: what needs asking must have been asked above under its real path, in this call or, for a datagram
 *                        socket's own peer, when it was connected. */
#include "lib/address.bpf.h"
#include "lib/hold.bpf.h"

static __always_inline int refuse_unresolved(struct hp_tag* tag, struct workspace* ws) {
  count(HP_COUNT_UNRESOLVED);
  return refuse(tag, ws, HP_CAUSE_UNRESOLVED);
}

/* A datagram socket gets the peer in ws, which is not simply allowed. 1: it has to be decided now, since it is not the first, or
 * somebody sends already. Each side first counts and then looks: either the send sees the peer, or this sees the send. */
static __always_inline int note_peer(struct workspace* ws, struct socket_mark* mark) {
  const struct hp_identity* who = &ws->event.access.identity;
  if (__sync_fetch_and_add(&mark->claims, 1) == 0) {
    __builtin_memcpy(mark->address, who->address, 16);
    mark->port = who->port;
    __sync_fetch_and_add(&mark->pending, 1);
    return mark->sends != 0;
  }
  const __u64* noted = (const __u64*)mark->address;
  const __u64* wanted = (const __u64*)who->address;
  return !mark->pending || noted[0] != wanted[0] || noted[1] != wanted[1] || mark->port != who->port;
}

/* Judges an access to an address; see policy_image.h for the bytes of a destination. */
static __always_inline int decide_address(struct hp_tag* tag, struct workspace* ws, struct socket_mark* mark,
                                          int only_note) {
  struct hp_identity* who = &ws->event.access.identity;
  struct hp_policy* policy = policy_of(tag->agent);
  if (!policy) return refuse(tag, ws, HP_CAUSE_NO_POLICY);
  struct sets in = {.executable = executable_set(tag, ws, policy)};
  __builtin_memcpy(ws->build, who->address, 16);
  ws->build[16] = who->port >> 8;
  ws->build[17] = who->port & 255;
  ws->build[18] = who->protocol;
  in.destination = automaton_run(policy, HP_AUTOMATON_DESTINATION, ws, 0, HP_DESTINATION_BYTES);
  in.object = set_of(policy, &policy->automata[HP_AUTOMATON_OBJECT], 0);
  struct outcome out;
  judge(policy, who->operations, &in, &out);
  /* Likewise what would have been asked about: it is told at the first send. A lockdown refuses at once. */
  int simple = out.verdict == HP_ALLOW && !((out.flags & HP_RULE_OBSERVED) && (out.flags & HP_RULE_LOG));
  if (only_note && !simple && !locked_down(tag) && !note_peer(ws, mark)) return 0;
  return settle(tag, ws, 0, mark, policy, out);
}

#define SUN_PATH_MAX 108

/* Puts the name of a unix socket, from the sockaddr at ws->object of `length` bytes, at the end of ws->build. Its first byte there,
 * or 0 when it has none or is unresolved. Global, see rules.bpf.h. */
__noinline __u32 unix_name(struct workspace* ws, int length) {
  char name[SUN_PATH_MAX + 4] = {};
  if (!ws || length < 3) return 0;
  const void* address = (const void*)ws->object;
  __u32 size = length - 2;
  bounded(size);
  if (size > SUN_PATH_MAX) return 0;
  if (bpf_probe_read_kernel(name, size, (const char*)address + 2)) return 0;
  struct hp_access* a = &ws->event.access;
  if (name[0] == 0) {
    a->identity.kind = HP_OBJECT_UNIX_ABSTRACT;
    __u32 at = HP_PATH_MAX - size;
    bpf_probe_read_kernel(&ws->build[at & (HP_PATH_MAX - 1)], size, name);
    ws->build[at & (HP_PATH_MAX - 1)] = '@';
    return at;
  }
  a->identity.kind = HP_OBJECT_UNIX_PATH;
  __u32 text = bpf_probe_read_kernel_str(name, sizeof(name), (const char*)address + 2) - 1;
  if (text > size) text = size; /* a name that fills the structure has no NUL */
  bounded(text);
  if (text > SUN_PATH_MAX) return 0;
  __u32 at = HP_PATH_MAX - text;
  int result = PATH_OK;
  __u32 position = at;
  if (name[0] != '/') {
    struct task_struct* task = bpf_get_current_task_btf();
    result = path_build_to(ws, BPF_CORE_READ(task, fs, pwd.mnt), BPF_CORE_READ(task, fs, pwd.dentry), 0,
                           at - 1, &position);
    ws->build[(at - 1) & (HP_PATH_MAX - 1)] = '/';
    if (position == at - 2) position = at - 1; /* the root directory is a slash already */
  }
  bpf_probe_read_kernel(&ws->build[at & (HP_PATH_MAX - 1)], text, name);
  return result == PATH_OK ? position : 0;
}

static __always_inline int decide_path(struct hp_tag* tag, struct workspace* ws, __u32 position) {
  struct hp_policy* policy = policy_of(tag->agent);
  if (!policy) return refuse(tag, ws, HP_CAUSE_NO_POLICY);
  struct sets in = {};
  in.object = automaton_run(policy, HP_AUTOMATON_OBJECT, ws, position, BUILD_END);
  in.destination = set_of(policy, &policy->automata[HP_AUTOMATON_DESTINATION], 0);
  in.executable = executable_set(tag, ws, policy); /* last: it may overwrite ws->build */
  return decide(tag, ws, 0, policy, &in);
}

static __always_inline int decide_unix(struct hp_tag* tag, struct workspace* ws, struct sock* sk,
                                       const void* address, int length) {
  ws->socket = 0;
  if (length <= 2) return 0; /* no name: the peer that it has already */
  ws->object = (__u64)address;
  __u32 position = unix_name(ws, length);
  bounded(position);
  if (position == 0 || position > BUILD_END) return refuse_unresolved(tag, ws);
  path_keep(ws, position);
  int answer = decide_path(tag, ws, position);
  if (answer == 0) ws->socket = (__u64)sk;
  return answer;
}

/* The kernel's own socket (a network file system), in the caller's context. Some have a file (NFS), some none. */
static __always_inline int is_kernels(struct socket* sock, struct sock* sk) {
  return !sock->file || BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock);
}

static __always_inline __u16 protocol_of(struct sock* sk) {
  __u16 protocol = BPF_CORE_READ(sk, sk_protocol);
  return protocol == IPPROTO_MPTCP ? IPPROTO_TCP : protocol; /* multipath TCP is TCP to a policy */
}

#define CONNECT_AND_SEND (1U << HP_OP_CONNECT | 1U << HP_OP_SEND)

SEC("lsm/socket_connect")
int BPF_PROG(hp_socket_connect, struct socket* sock, struct sockaddr* address, int length) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
  struct sock* sk = sock->sk;
  if (!ws || !sk) return refuse_blind();
  if (is_kernels(sock, sk)) return 0;
  __u16 family = sk->__sk_common.skc_family, given = 0;
  bpf_probe_read_kernel(&given, sizeof(given), address);
  if (family != AF_UNIX && ((family != AF_INET && family != AF_INET6) || given == 0))
    return 0; /* AF_UNSPEC takes the peer away */
  /* A unix SOCK_SEQPACKET is a stream in this. */
  int stream = family == AF_UNIX ? sock->type != SOCK_DGRAM : sock->type == SOCK_STREAM;
  struct hp_access* a =
      access_start(ws, tag, HP_OBJECT_INET, stream ? 1U << HP_OP_CONNECT : CONNECT_AND_SEND);
  if (family == AF_UNIX && stream) return decide_unix(tag, ws, sk, address, length);
  struct socket_mark* mark = bpf_sk_storage_get(&socket_marks, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!mark) return refuse(tag, ws, HP_CAUSE_NO_STORAGE);
  if (family == AF_UNIX) return decide_unix(tag, ws, sk, address, length);
  a->identity.protocol = protocol_of(sk);
  ws->object = (__u64)sk;
  ws->message = 0;
  int read = fill_address(ws, address, length);
  if (read == ADDRESS_OTHER) return 0; /* the protocol refuses it itself */
  if (read == ADDRESS_UNRESOLVED) return refuse_unresolved(tag, ws);
  return decide_address(tag, ws, mark, sock->type == SOCK_DGRAM);
}

/* A tagged process that holds a descriptor of the daemon's socket (inherited or passed) does not talk through it. */
static __always_inline int is_guarded(struct dentry* dentry) {
  if (!dentry) return 0;
  struct inode* inode = BPF_CORE_READ(dentry, d_inode);
  struct hp_file_id id = {.device = BPF_CORE_READ(inode, i_sb, s_dev), .inode = BPF_CORE_READ(inode, i_ino)};
  return bpf_map_lookup_elem(&guarded, &id) != 0;
}

SEC("lsm/socket_create")
int BPF_PROG(hp_socket_create, int family, int type, int protocol, int by_kernel) {
  struct hp_tag* tag;
  if (by_kernel || is_judged(family, type, protocol)) return 0;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
  if (!ws) return refuse_blind();
  struct hp_access* a = access_start(ws, tag, HP_OBJECT_INET, 1U << HP_OP_CONNECT);
  a->identity.protocol = protocol;
  return refuse(tag, ws, HP_CAUSE_GUARD);
}

/* The socket's own peer, noted at its connect, is judged now. */
static __always_inline int decide_noted(struct hp_tag* tag, struct workspace* ws, struct sock* sk,
                                        struct socket_mark* mark) {
  struct hp_access* a = access_start(ws, tag, HP_OBJECT_INET, CONNECT_AND_SEND);
  a->identity.protocol = protocol_of(sk);
  __builtin_memcpy(a->identity.address, mark->address, 16);
  a->identity.port = mark->port;
  return decide_address(tag, ws, mark, 0);
}

static __always_inline int talks_to_daemon(struct sock* sk) {
  struct unix_sock* peer = (struct unix_sock*)BPF_CORE_READ((struct unix_sock*)sk, peer);
  return peer && is_guarded(BPF_CORE_READ(peer, path.dentry));
}

/* Loaded where it is needed only: every read and write of the host comes by. */
SEC("lsm/file_permission")
int BPF_PROG(hp_write_socket, struct file* file, int mask) {
  struct hp_tag* tag;
  if (!(mask & MAY_WRITE) || (file->f_inode->i_mode & S_IFMT) != S_IFSOCK) return 0;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  /* As at a send: what is connected already leads out, too. */
  if (state == SUBJECT_TAGGED && stopped(tag, 1U << HP_OP_SEND)) return -EPERM;
  struct socket* sock = bpf_sock_from_file(file);
  struct sock* sk = sock ? sock->sk : 0;
  struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
  if (!ws || !sk) return refuse_blind();
  __u16 family = sk->__sk_common.skc_family;
  if (family == AF_UNIX) {
    if (!talks_to_daemon(sk)) return 0;
    access_start(ws, tag, HP_OBJECT_UNIX_PATH, 1U << HP_OP_SEND);
    return refuse(tag, ws, HP_CAUSE_GUARD);
  }
  if (family != AF_INET && family != AF_INET6) return 0;
  struct socket_mark* mark = bpf_sk_storage_get(&socket_marks, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!mark) return refuse_blind();
  __sync_fetch_and_add(&mark->sends, 1);
  return mark->pending ? decide_noted(tag, ws, sk, mark) : 0;
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(hp_socket_sendmsg, struct socket* sock, struct msghdr* message, int size) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  struct sock* sk = sock->sk;
  if (!sk || is_kernels(sock, sk)) return 0;
  /* On what is connected already, too: it is judged no more, but it leads out. */
  if (state == SUBJECT_TAGGED && stopped(tag, 1U << HP_OP_SEND)) return -EPERM;
  __u16 family = sk->__sk_common.skc_family;
  void* address = message->msg_name;
  int length = message->msg_namelen;
  if (family == AF_UNIX) {
    int forbidden = talks_to_daemon(sk);
    if (sock->type == SOCK_STREAM && !address && !forbidden) return 0;
    struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
    if (!ws) return refuse_blind();
    ws->socket = 0;
    if (!address && !forbidden) return 0; /* the peer that it has already */
    access_start(ws, tag, HP_OBJECT_UNIX_PATH, 1U << HP_OP_SEND);
    if (forbidden) return refuse(tag, ws, HP_CAUSE_GUARD);
    if (sock->type == SOCK_STREAM) return 0; /* a stream has its peer; the address is ignored or refused */
    return decide_unix(tag, ws, sk, address, length);
  }
  if (family != AF_INET && family != AF_INET6) return 0;
  int fast_open = (message->msg_flags & MSG_FASTOPEN) && sock->type == SOCK_STREAM;
  /* TCP ignores an address, SCTP connects to it. */
  if (sock->type == SOCK_STREAM && !fast_open && (!address || protocol_of(sk) == IPPROTO_TCP)) return 0;
  struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
  if (!ws) return refuse_blind();
  struct socket_mark* mark = bpf_sk_storage_get(&socket_marks, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!mark) return refuse_blind();
  __sync_fetch_and_add(&mark->sends, 1);
  ws->object = (__u64)sk;
  ws->message = (__u64)message;
  __u32 to = destination_of(ws);
  if (to == TO_PEER && !mark->pending) return 0;
  struct hp_access* a = access_start(ws, tag, HP_OBJECT_INET, 1U << HP_OP_SEND);
  a->identity.protocol = protocol_of(sk);
  if (to == TO_UNKNOWN) return refuse_unresolved(tag, ws);
  if (to == TO_PEER) {
    a->identity.operations = CONNECT_AND_SEND;
    __builtin_memcpy(a->identity.address, mark->address, 16);
    a->identity.port = mark->port;
  } else {
    int read = fill_address(ws, address, length);
    if (read == ADDRESS_OTHER) return 0;
    if (read == ADDRESS_UNRESOLVED) return refuse_unresolved(tag, ws);
  }
  if (fast_open) {
    a->identity.operations |= 1U << HP_OP_CONNECT;
    a->flags |= HP_ACCESS_FAST_OPEN;
  }
  return decide_address(tag, ws, mark, 0);
}

/* What an untagged process asked through a descriptor that it shares is no answer for agents either. */
SEC("lsm/socket_recvmsg")
int BPF_PROG(hp_socket_recvmsg, struct socket* sock, struct msghdr* message, int size, int flags) {
  struct hp_tag* tag;
  struct sock* sk = sock->sk;
  if (!sk || sk->__sk_common.skc_family != AF_UNIX) return 0;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed() || !talks_to_daemon(sk)) return 0;
  struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
  if (!ws) return refuse_blind();
  access_start(ws, tag, HP_OBJECT_UNIX_PATH, 1U << HP_OP_CONNECT);
  return refuse(tag, ws, HP_CAUSE_GUARD);
}

struct path_match {
  struct workspace* ws;
  __u32 position;
  __u32 differs;
};

static long match_step(__u32 index, void* context) {
  struct path_match* m = context;
  if (m->ws->build[(m->position + index) & (HP_PATH_MAX - 1)] !=
      m->ws->event.path[index & (HP_PATH_MAX - 1)]) {
    m->differs = 1;
    return 1;
  }
  return 0;
}

/* Whether `other` is the peer that the datagram socket `sk` has, and that it was let connect to. */
static __always_inline int is_released_peer(struct sock* sk, struct sock* other) {
  struct socket_mark* mark = bpf_sk_storage_get(&socket_marks, sk, 0, 0);
  return mark && mark->released_peer == (__u64)other && BPF_CORE_READ((struct unix_sock*)sk, peer) == other;
}

/* `sk` may send to `other` now; if it is being connected to it, it may later. */
static __always_inline int let_send(struct workspace* ws, struct sock* sk, struct sock* other) {
  if (ws->socket != (__u64)sk || !(ws->event.access.identity.operations & 1U << HP_OP_CONNECT)) return 0;
  struct socket_mark* mark = bpf_sk_storage_get(&socket_marks, sk, 0, 0);
  if (mark) mark->released_peer = (__u64)other;
  return 0;
}

/* The name led to the socket `other`. Its own path is judged again; an ask passes only if it is the path that was asked. */
static __always_inline int check_peer(struct sock* sk, struct sock* other, __u32 operation) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (state == SUBJECT_TAGGED && stopped(tag, 1U << operation)) return -EPERM;
  struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
  if (!ws) return refuse_blind();
  struct unix_sock* peer = (struct unix_sock*)other;
  struct dentry* dentry = BPF_CORE_READ(peer, path.dentry);
  if (!dentry) return 0; /* abstract or unnamed: judged by name already */
  if (is_guarded(dentry)) {
    access_start(ws, tag, HP_OBJECT_UNIX_PATH, 1U << operation);
    return refuse(tag, ws, HP_CAUSE_GUARD);
  }
  struct hp_policy* policy = policy_of(tag->agent);
  if (!policy) return refuse_blind();
  struct sets in = {.executable = executable_set(tag, ws, policy)};
  __u32 position = BUILD_END;
  struct outcome out;
  int path = path_build(ws, BPF_CORE_READ(peer, path.mnt), dentry, 0, &position);
  in.object = automaton_run(policy, HP_AUTOMATON_OBJECT, ws, position, BUILD_END);
  in.destination = set_of(policy, &policy->automata[HP_AUTOMATON_DESTINATION], 0);
  judge(policy, 1U << operation, &in, &out);
  int told = out.verdict == HP_ALLOW && (out.flags & HP_RULE_OBSERVED) && (out.flags & HP_RULE_LOG);
  int datagram = operation == HP_OP_SEND;
  if (path == PATH_OK && out.verdict == HP_ALLOW && !told) return datagram ? let_send(ws, sk, other) : 0;
  if (path == PATH_OK && out.verdict != HP_DENY) {
    if (datagram && is_released_peer(sk, other)) return 0;
    __u32 length = BUILD_END - position;
    struct path_match m = {.ws = ws, .position = position};
    if (ws->socket == (__u64)sk && (ws->event.access.identity.operations & 1U << operation) &&
        length <= HP_PATH_MAX && ws->event.access.path_length == length) {
      bpf_loop(length, match_step, &m, 0);
      if (!m.differs) return datagram ? let_send(ws, sk, other) : 0;
    }
  }
  struct hp_access* a = access_start(ws, tag, HP_OBJECT_UNIX_PATH, 1U << operation);
  a->rule = out.rule;
  a->policy_generation = policy->generation;
  path_keep(ws, position);
  a->verdict = out.verdict;
  if (path != PATH_OK) return refuse(tag, ws, HP_CAUSE_UNRESOLVED);
  if (told) {
    allowed_note(ws, out.flags);
    return 0;
  }
  if (disarmable(policy, out.rule) && passes_disarmed(ws)) return 0;
  return refuse(tag, ws, out.verdict == HP_DENY ? HP_CAUSE_RULE : HP_CAUSE_SOCKET_PATH);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(hp_unix_stream_connect, struct sock* sock, struct sock* other, struct sock* fresh) {
  return check_peer(sock, other, HP_OP_CONNECT);
}

SEC("lsm/unix_may_send")
int BPF_PROG(hp_unix_may_send, struct socket* sock, struct socket* other) {
  struct sock *sk = sock->sk, *peer = other->sk;
  return sk && peer ? check_peer(sk, peer, HP_OP_SEND) : 0;
}
