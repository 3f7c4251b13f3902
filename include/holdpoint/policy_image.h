/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The compiled policy of one agent: one value of one array map, published by replacing the inner map.
 *
 * First match wins, decided with sets: for each dimension (operation, object, executable, destination) the kernel finds
 * the set of rules that this access satisfies, intersects them, and takes the lowest bit. Rules without a condition in a
 * dimension are in every set of that dimension. The default verdict is the last rule, and is in all sets.
 *
 * Objects (paths, unix socket names), executables and destinations each have a byte automaton. A destination is the
 * 19 bytes address[16] port[2, network order] protocol[1] (17 udp, 6 tcp, others as they are). State 0 is dead. */
#ifndef HOLDPOINT_POLICY_IMAGE_H
#define HOLDPOINT_POLICY_IMAGE_H

#include <linux/types.h>

#include "limits.h"
#include "verdict.h"

enum hp_automaton_id {
  HP_AUTOMATON_OBJECT = 0,
  HP_AUTOMATON_EXECUTABLE = 1,
  HP_AUTOMATON_DESTINATION = 2,
  HP_AUTOMATON_COUNT = 3,
};

#define HP_DESTINATION_BYTES 19

struct hp_automaton {
  __u32 start;       /* state number, local to the automaton; 0 = dead */
  __u32 classes;     /* byte classes, 1..256 */
  __u32 next_base;   /* next state = next[next_base + state * classes + class_of[byte]] */
  __u32 accept_base; /* rule set of a final state = accept[accept_base + state] */
  __u32 states;
  __u32 reserved;
  __u8 class_of[256];
};

struct hp_set {
  __u64 words[HP_SET_WORDS]; /* bit r % 64 of word r / 64 = rule r */
};

enum hp_rule_flags {
  HP_RULE_LOG = 1 << 0,      /* record also what is allowed */
  HP_RULE_DAEMON = 1 << 1,   /* an ask that the daemon may answer by itself (arguments) */
  HP_RULE_OBSERVED = 1 << 2, /* only observed: verdict is allow, whatever the rule says */
};

/* Where several rules speak about one access, the largest counts, and of equals the first rule. What is only observed gives way
 * to what is enforced, and comes before what is simply allowed, so that it is told. */
enum hp_rank {
  HP_RANK_ALLOW = 0,
  HP_RANK_WOULD_ASK = 1, /* observed */
  HP_RANK_WOULD_DENY = 2,
  HP_RANK_ASK = 3,
  HP_RANK_DENY = 4,
};

struct hp_rule {
  __u8 verdict;   /* hp_verdict */
  __u8 hold_mode; /* hp_hold_mode */
  __u8 flags;
  __u8 rank; /* hp_rank */
};

struct hp_policy {
  __u32 abi_version;
  __u32 generation; /* of the publication; never 0 */
  __u32 rule_count;
  __u32 set_count;
  struct hp_automaton automata[HP_AUTOMATON_COUNT];
  struct hp_set operations[HP_OP_COUNT];
  struct hp_rule rules[HP_MAX_RULES];
  struct hp_set sets[HP_MAX_SETS];
  __u16 accept[HP_MAX_STATES]; /* index into sets */
  /* Object automaton: index of the set of all rules that could decide about something below a directory whose path ends in this
   * state. Moving the directory is an access to all of that. */
  __u16 below[HP_MAX_STATES];
  struct hp_set asking;    /* rules whose verdict is ask */
  struct hp_set denying;   /* rules whose verdict is deny */
  struct hp_set observing; /* rules that are only observed and would ask or deny */
  /* Object automaton: state behind the slash of a directory so deep and so named that no rule means it in particular. What is
   * reached through a symbolic link in such a place is judged there as anywhere. */
  __u32 elsewhere;
  __u32
      guards; /* so many rules, from the first, protect the guard itself: no disarming lets pass what they deny */
  __u32 user_namespaces; /* the agent may make them */
  __u32 reserved;        /* no padding: images are compared as bytes */
  __u16 next[HP_MAX_TRANSITIONS];
};

/* Map `policies`: array of maps, agent id -> array map with one hp_policy.
 * Map `cgroup_policy`: array with one hp_policy of the same form: the object automaton reads a cgroup path, the rule
 * number of the lowest match is the agent id. */

#endif
