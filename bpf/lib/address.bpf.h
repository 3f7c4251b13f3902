/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses of IPv4 and IPv6, as the access has them: where they lead to. */
#ifndef HOLDPOINT_ADDRESS_BPF_H
#define HOLDPOINT_ADDRESS_BPF_H

#include "subject.bpf.h"

struct sockaddr_inet {
  __u16 family;
  __u16 port;
  __u8 v4[4];
  __u8 v6[16];
};

/* Only unix and netlink sockets, and of IPv4 and IPv6 TCP, UDP, echo requests and raw ones. Others take addresses that no rule
 * describes, or reach IP addresses by ways that no hook sees: SMC by sockets of its own, SCTP by setsockopt, L2TP (which needs no
 * capability) by an address without a family; a packet socket writes whole frames. */
static __always_inline int is_judged(int family, int type, int protocol) {
  if (family == AF_UNIX || family == AF_NETLINK) return 1;
  if (family != AF_INET && family != AF_INET6) return 0;
  if ((__u32)protocol > IPPROTO_MPTCP) return 1; /* there is none: the kernel says so */
  switch (type) {
    case SOCK_STREAM: return protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
    case SOCK_DGRAM:
      return protocol == 0 || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
             protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
    default: return type == SOCK_RAW && protocol != IPPROTO_L2TP;
  }
}

#define LOOPBACK4 __builtin_bswap32(0x7f000001)
#define LOOPBACK6 __builtin_bswap32(1)
#define MAPPED __builtin_bswap32(0xffff) /* ::ffff:0:0/96, IPv4 in IPv6 */

/* Whom a message goes to. */
enum { TO_PEER, TO_ADDRESS, TO_UNKNOWN };

/* Of the message at ws->message by the IPv4 or IPv6 socket at ws->object. To IPv6's UDP an address without a family is none: the
 * datagram goes to the peer that the socket has, whatever the rest says. Other IPv6 sockets may read it as an address all the same.
 * Global, see rules.bpf.h. */
__noinline __u32 destination_of(struct workspace* ws) {
  if (!ws) return TO_UNKNOWN;
  struct sock* sk = (struct sock*)ws->object;
  struct msghdr* m = (struct msghdr*)ws->message;
  void* address = BPF_CORE_READ(m, msg_name);
  __u16 family = AF_INET;
  if (!address) return TO_PEER;
  if (BPF_CORE_READ(m, msg_namelen) >= 2) bpf_probe_read_kernel(&family, sizeof(family), address);
  if (family != AF_UNSPEC || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_INET6) return TO_ADDRESS;
  __u16 protocol = BPF_CORE_READ(sk, sk_protocol);
  int udp =
      BPF_CORE_READ(sk, sk_type) == SOCK_DGRAM && (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE);
  return udp ? TO_PEER : TO_UNKNOWN;
}

/* A message may say of itself from which address it goes. Of many in one call, the kernel asks about the first to each address only. */
static __always_inline int is_directed(struct msghdr* message) {
  int compat;
  __u32 call = call_number(&compat);
  if (BPF_CORE_READ(message, msg_controllen)) return 1;
  return compat ? call == 345 || call == 102 : call == 307 || call == 538;
}

/* Puts in who->address, the last word of which is 0, where the socket at ws->object sends what is for 0.0.0.0 or ::. To the former the
 * kernel takes the socket's own address, or that of its interface, where it has one; of those only the loopback's are known here. The
 * latter is always the loopback, of IPv4 to a socket that is bound to an IPv4 address. 0: it is not known.
 * Global, see rules.bpf.h. */
__noinline __u32 fill_unspecified(struct workspace* ws) {
  if (!ws) return 0;
  struct sock* sk = (struct sock*)ws->object;
  __u32* words = (__u32*)ws->event.access.identity.address;
  if (!words[2]) {
    struct in6_addr source = {};
    BPF_CORE_READ_INTO(&source, sk, __sk_common.skc_v6_rcv_saddr);
    const __u32* own = source.in6_u.u6_addr32;
    int mapped = own[2] == MAPPED && !own[1] && !own[0];
    words[2] = mapped ? MAPPED : 0;
    words[3] = mapped ? LOOPBACK4 : LOOPBACK6;
    return 1;
  }
  if (BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if) || BPF_CORE_READ((struct inet_sock*)sk, uc_index))
    return 0;
  if (ws->message && is_directed((struct msghdr*)ws->message)) return 0;
  __u32 source = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
  if (!source) source = LOOPBACK4;
  if ((source & __builtin_bswap32(0xff000000)) != __builtin_bswap32(0x7f000000)) return 0;
  words[3] = source;
  return 1;
}

enum { ADDRESS_KNOWN, ADDRESS_OTHER, ADDRESS_UNRESOLVED };

/* Reads an IPv4 or IPv6 address into the access; ADDRESS_OTHER when it is neither. The kernel has copied it already. ws->object is to be the
 * socket, and ws->message the message that it is of, or 0. */
static __always_inline int fill_address(struct workspace* ws, const void* address, int length) {
  struct hp_identity* who = &ws->event.access.identity;
  struct sockaddr_inet in = {};
  if (length < 8 || bpf_probe_read_kernel(&in, length < (int)sizeof(in) ? 8 : (int)sizeof(in), address))
    return ADDRESS_OTHER;
  __u32* words = (__u32*)who->address;
  who->port = __builtin_bswap16(in.port);
  if (in.family == AF_INET || in.family == 0) {
    __u32 v4;
    __builtin_memcpy(&v4, in.v4, 4);
    words[2] = MAPPED;
    words[3] = v4;
  } else {
    if (in.family != AF_INET6 || length < 24) return ADDRESS_OTHER;
    __builtin_memcpy(who->address, in.v6, 16);
  }
  if (words[3] || words[1] || words[0] || (words[2] && words[2] != MAPPED)) return ADDRESS_KNOWN;
  return fill_unspecified(ws) ? ADDRESS_KNOWN : ADDRESS_UNRESOLVED;
}

#endif
