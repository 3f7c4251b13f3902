/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SipHash-2-4 with 128-bit output (Aumasson, Bernstein: "SipHash: a fast short-input PRF"), over 8-byte words: the last one is
 * filled up with zeros, and the length in bytes goes into a word of its own. Keyed with a secret of this boot (hp_config), so
 * that nobody can search for two accesses with one digest, or for two names with one hash. */
#ifndef HOLDPOINT_SIPHASH_H
#define HOLDPOINT_SIPHASH_H

#include <linux/types.h>

#define HP_SIPHASH_INLINE static inline __attribute__((always_inline))

struct siphash {
  __u64 v0, v1, v2, v3;
};

HP_SIPHASH_INLINE __u64 rotate_left(__u64 value, int bits) {
  return (value << bits) | (value >> (64 - bits));
}

HP_SIPHASH_INLINE void siphash_round(struct siphash* s) {
  s->v0 += s->v1;
  s->v1 = rotate_left(s->v1, 13);
  s->v1 ^= s->v0;
  s->v0 = rotate_left(s->v0, 32);
  s->v2 += s->v3;
  s->v3 = rotate_left(s->v3, 16);
  s->v3 ^= s->v2;
  s->v0 += s->v3;
  s->v3 = rotate_left(s->v3, 21);
  s->v3 ^= s->v0;
  s->v2 += s->v1;
  s->v1 = rotate_left(s->v1, 17);
  s->v1 ^= s->v2;
  s->v2 = rotate_left(s->v2, 32);
}

HP_SIPHASH_INLINE void siphash_start(struct siphash* s, const __u64 key[2]) {
  s->v0 = 0x736f6d6570736575ULL ^ key[0];
  s->v1 = 0x646f72616e646f6dULL ^ key[1] ^ 0xee;
  s->v2 = 0x6c7967656e657261ULL ^ key[0];
  s->v3 = 0x7465646279746573ULL ^ key[1];
}

HP_SIPHASH_INLINE void siphash_word(struct siphash* s, __u64 word) {
  s->v3 ^= word;
  siphash_round(s);
  siphash_round(s);
  s->v0 ^= word;
}

HP_SIPHASH_INLINE void siphash_end(struct siphash* s, __u64 length, __u64 out[2]) {
  siphash_word(s, length << 56);
  s->v2 ^= 0xee;
  for (int i = 0; i < 4; i++) siphash_round(s);
  out[0] = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
  s->v1 ^= 0xdd;
  for (int i = 0; i < 4; i++) siphash_round(s);
  out[1] = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
