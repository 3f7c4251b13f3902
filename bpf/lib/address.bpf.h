/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses of IPv4 and IPv6, as the access has them: where they lead to. */
#ifndef HOLDPOINT_ADDRESS_BPF_H
#define HOLDPOINT_ADDRESS_BPF_H

#include "maps.bpf.h"

struct sockaddr_inet {
  __u16 family;
  __u16 port;
  __u8 v4[4];
  __u8 v6[16];
};

#define LOOPBACK4 __builtin_bswap32(0x7f000001)
#define LOOPBACK6 __builtin_bswap32(1)

/* The last word of the address where the socket at ws->object sends what is for an unspecified one, 0.0.0.0 or ::. The kernel takes
 * the socket's own address, or that of its interface, where it has one; only those of the loopback are known here. 0: another one.
 * Global, see rules.bpf.h. */
__noinline __u32 unspecified_means(struct workspace* ws, __u32 v6) {
  if (!ws) return 0;
  struct sock* sk = (struct sock*)ws->object;
  if (BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if) || BPF_CORE_READ((struct inet_sock*)sk, uc_index))
    return 0;
  if (!v6) {
    __u32 source = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
    if (!source) return LOOPBACK4;
    return (source & __builtin_bswap32(0xff000000)) == __builtin_bswap32(0x7f000000) ? source : 0;
  }
  struct in6_addr source = {};
  BPF_CORE_READ_INTO(&source, sk, __sk_common.skc_v6_rcv_saddr);
  const __u32* words = source.in6_u.u6_addr32;
  /* Also of a socket bound to an IPv4 address: there :: means IPv4. */
  if (words[0] || words[1] || words[2] || (words[3] && words[3] != LOOPBACK6)) return 0;
  return LOOPBACK6;
}

enum { ADDRESS_KNOWN, ADDRESS_OTHER, ADDRESS_UNRESOLVED };

/* Reads an IPv4 or IPv6 address into the access; ADDRESS_OTHER when it is neither. The kernel has copied it already. `directed`: the
 * message says of itself by which interface and from which address it goes. */
static __always_inline int fill_address(struct workspace* ws, struct sock* sk, const void* address,
                                        int length, int directed) {
  struct hp_identity* who = &ws->event.access.identity;
  struct sockaddr_inet in = {};
  if (length < 8 || bpf_probe_read_kernel(&in, length < (int)sizeof(in) ? 8 : (int)sizeof(in), address))
    return ADDRESS_OTHER;
  __u32* words = (__u32*)who->address;
  who->port = __builtin_bswap16(in.port);
  if (in.family == AF_INET || in.family == 0) {
    __u32 v4;
    __builtin_memcpy(&v4, in.v4, 4);
    words[2] = __builtin_bswap32(0xffff);
    words[3] = v4;
  } else {
    if (in.family != AF_INET6 || length < 24) return ADDRESS_OTHER;
    __builtin_memcpy(who->address, in.v6, 16);
  }
  if (words[3] || words[1] || words[0] || (words[2] && words[2] != __builtin_bswap32(0xffff)))
    return ADDRESS_KNOWN;
  ws->object = (__u64)sk;
  words[3] = directed ? 0 : unspecified_means(ws, !words[2]);
  return words[3] ? ADDRESS_KNOWN : ADDRESS_UNRESOLVED;
}

#endif
