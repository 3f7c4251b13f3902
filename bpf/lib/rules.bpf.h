/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The compiled policy, read: automata over bytes, sets of rules, the lowest common bit. See policy_image.h. */
#ifndef HOLDPOINT_RULES_BPF_H
#define HOLDPOINT_RULES_BPF_H

#include "maps.bpf.h"

#define NO_SET 0xffffffffU

/* Of bpf_loop: 6.1's verifier looks at a callback once, with the caller's stack as it is before the first round, and cuts out the
 * branches that are dead then. So what a callback branches on must not begin as a known number on the stack: it lives in a map, or
 * there is no callback. */

struct run {
  struct hp_policy* policy;
  const struct hp_automaton* automaton;
  struct workspace* ws;
  __u32 position; /* first byte in ws->build */
  __u32 state;
  __u32 broken; /* an index left its table: the image is not what the compiler made */
};

static long run_step(__u32 index, void* context) {
  struct run* r = context;
  __u8 byte = r->ws->build[(r->position + index) & (HP_PATH_MAX - 1)];
  __u32 at = r->automaton->next_base + r->state * r->automaton->classes + r->automaton->class_of[byte];
  if (at >= HP_MAX_TRANSITIONS) {
    r->broken = 1;
    return 1;
  }
  r->state = r->policy->next[at];
  return r->state == 0;
}

/* Rule set of `state`, or NO_SET. */
static __always_inline __u32 set_of(struct hp_policy* policy, const struct hp_automaton* automaton,
                                    __u32 state) {
  __u32 at = automaton->accept_base + state;
  if (at >= HP_MAX_STATES) return NO_SET;
  return policy->accept[at];
}

/* Runs automaton `which` over ws->build[position, end): its set, or NO_SET when the image is broken. Leaves its state in
 * ws->state. Global, as the others marked so: a verifier then looks at it once, and not once for each way that leads to it. It
 * knows no more of the arguments than their types. */
__noinline __u32 automaton_run(struct hp_policy* policy, __u32 which, struct workspace* ws, __u32 position,
                               __u32 end) {
  if (!policy || !ws || which >= HP_AUTOMATON_COUNT || position > end || end > HP_PATH_MAX) return NO_SET;
  const struct hp_automaton* automaton = &policy->automata[which];
  struct run r = {
      .policy = policy, .automaton = automaton, .ws = ws, .position = position, .state = automaton->start};
  if (r.state) bpf_loop(end - position, run_step, &r, 0);
  ws->state = r.state;
  if (r.broken) return NO_SET;
  return set_of(policy, automaton, r.state);
}

/* In which sets an access stands. */
struct sets {
  __u32 object;
  __u32 executable;
  __u32 destination;
};

/* Position of the lowest one, without branches: a verifier would follow each of their combinations. A lone bit times a de
 * Bruijn number has a different top six bits for each of the 64 bits. */
static const __u8 bit_position[64] = {
    0,  1,  48, 2,  57, 49, 28, 3,  61, 58, 50, 42, 38, 29, 17, 4,  62, 55, 59, 36, 53, 51,
    43, 22, 45, 39, 33, 30, 24, 18, 12, 5,  63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21,
    44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,  13, 8,  7,  6,
};

static __always_inline __u32 lowest_bit(__u64 word) {
  return bit_position[((word & -word) * 0x03f79d71b4cb0a89ULL) >> 58];
}

static __always_inline const struct hp_set* set_at(struct hp_policy* policy, __u32 index) {
  bounded(index);
  if (index >= HP_MAX_SETS) return 0;
  return &policy->sets[index];
}

/* First rule that holds for one operation; HP_MAX_RULES when there is none (a broken image: the caller denies). Global. */
__noinline __u32 first_rule(struct hp_policy* policy, __u32 operation, __u32 object_set, __u32 executable_set,
                            __u32 destination_set) {
  bounded(operation);
  if (!policy || operation >= HP_OP_COUNT) return HP_MAX_RULES;
  const struct hp_set* object = set_at(policy, object_set);
  const struct hp_set* executable = set_at(policy, executable_set);
  const struct hp_set* destination = set_at(policy, destination_set);
  if (!object || !executable || !destination) return HP_MAX_RULES;
#pragma unroll
  for (int w = 0; w < HP_SET_WORDS; w++) {
    __u64 word = policy->operations[operation].words[w] & object->words[w] & executable->words[w] &
                 destination->words[w];
    if (word) return w * 64 + lowest_bit(word);
  }
  return HP_MAX_RULES;
}

struct outcome {
  __u32 rule;
  __u32 verdict;
  __u32 hold_mode;
  __u32 flags;
};

/* Of the rules so far: rank + 1 above the rule counted from the end, so that the largest is the strictest, and of equals the
 * first; all their flags; 0 before the first. */
#define SO_FAR_RANK 16
#define SO_FAR_FLAGS 24
#define SO_FAR_BROKEN (1U << 31)

/* One rule more. Global, and the only thing that a verifier knows of its answer is that it is a number. */
__noinline __u32 rule_added(struct hp_policy* policy, __u32 so_far, __u32 rule) {
  bounded(rule);
  if (!policy || rule >= HP_MAX_RULES || (so_far & SO_FAR_BROKEN)) return SO_FAR_BROKEN;
  const struct hp_rule* found = &policy->rules[rule];
  __u32 this = ((found->rank & 7) + 1) << SO_FAR_RANK | (0xffff - rule);
  __u32 best = so_far & ((1U << SO_FAR_FLAGS) - 1);
  __u32 flags = (so_far >> SO_FAR_FLAGS | found->flags) & 15;
  return (this > best ? this : best) | flags << SO_FAR_FLAGS;
}

/* A rule's outcome, packed. */
#define PACK_RANK 16
#define PACK_HOLD_MODE 20
#define PACK_FLAGS 24
__noinline __u32 outcome_packed(struct hp_policy* policy, __u32 so_far) {
  __u32 rule = 0xffff - (so_far & 0xffff);
  bounded(rule);
  if (!policy || !so_far || (so_far & SO_FAR_BROKEN) || rule >= HP_MAX_RULES)
    return HP_MAX_RULES | HP_RANK_DENY << PACK_RANK;
  return rule | ((so_far >> SO_FAR_RANK & 15) - 1) << PACK_RANK |
         (policy->rules[rule].hold_mode & 15) << PACK_HOLD_MODE | (so_far >> SO_FAR_FLAGS) << PACK_FLAGS;
}

/* The strictest verdict over all operations of the mask, and the first rule that gave it, packed. Global. What goes round is a number
 * that a verifier does not know, from the beginning: else it would follow each combination of operations. */
__noinline __u32 judge_packed(struct hp_policy* policy, __u32 operations, __u32 object_set,
                              __u32 executable_set, __u32 destination_set) {
  if (!policy) return HP_MAX_RULES | HP_RANK_DENY << PACK_RANK;
  __u32 so_far = policy->automata[HP_AUTOMATON_OBJECT].reserved; /* a zero */
  for (int operation = 0; operation < HP_OP_COUNT; operation++) {
    if (!(operations & (1U << operation))) continue;
    __u32 rule = first_rule(policy, operation, object_set, executable_set, destination_set);
    so_far = rule_added(policy, so_far, rule);
  }
  return outcome_packed(policy, so_far);
}

/* Lowest rule of `mask` that could decide about something below, or HP_MAX_RULES. */
static __always_inline __u32 lowest_below(struct hp_policy* policy, __u32 operations,
                                          const struct hp_set* below, const struct hp_set* executable,
                                          const struct hp_set* mask) {
  for (int w = 0; w < HP_SET_WORDS; w++) {
    __u64 word = 0;
#pragma unroll
    for (int operation = 0; operation < HP_OP_COUNT; operation++)
      word |= policy->operations[operation].words[w] & -(__u64)(operations >> operation & 1);
    word &= below->words[w] & executable->words[w] & mask->words[w];
    if (word) return w * 64 + lowest_bit(word);
  }
  return HP_MAX_RULES;
}

/* The strictest verdict that anything below a directory could get, packed as above; rule HP_MAX_RULES and allow when none
 * speaks. `state`: of the object automaton, at the directory's path. Global. */
__noinline __u32 judge_below(struct hp_policy* policy, __u32 operations, __u32 state, __u32 executable_set) {
  if (!policy) goto deny;
  __u32 at = policy->automata[HP_AUTOMATON_OBJECT].accept_base + state;
  if (at >= HP_MAX_STATES) goto deny;
  const struct hp_set* below = set_at(policy, policy->below[at]);
  const struct hp_set* executable = set_at(policy, executable_set);
  if (!below || !executable) goto deny;
  __u32 rule = lowest_below(policy, operations, below, executable, &policy->denying);
  if (rule < HP_MAX_RULES) return rule | HP_RANK_DENY << PACK_RANK;
  rule = lowest_below(policy, operations, below, executable, &policy->asking);
  bounded(rule);
  if (rule < HP_MAX_RULES)
    return rule | HP_RANK_ASK << PACK_RANK | (policy->rules[rule].hold_mode & 15) << PACK_HOLD_MODE;
  /* Any of them, the first: a verifier would look at all again for each kind. */
  rule = lowest_below(policy, operations, below, executable, &policy->observing);
  bounded(rule);
  if (rule >= HP_MAX_RULES) return HP_MAX_RULES | HP_RANK_ALLOW << PACK_RANK;
  return rule | (policy->rules[rule].rank & 7) << PACK_RANK | (HP_RULE_OBSERVED | HP_RULE_LOG) << PACK_FLAGS;
deny:
  return HP_MAX_RULES | HP_RANK_DENY << PACK_RANK;
}

/* State behind the slash of a directory whose path ends in `state`. Broken image: a state of its own. */
static __always_inline __u32 state_inside(struct hp_policy* policy, __u32 state) {
  const struct hp_automaton* automaton = &policy->automata[HP_AUTOMATON_OBJECT];
  __u32 at = automaton->next_base + state * automaton->classes + automaton->class_of['/'];
  bounded(at);
  return at < HP_MAX_TRANSITIONS ? policy->next[at] : NO_SET;
}

/* What the rank means for the access now. */
static __always_inline __u32 verdict_of(__u32 rank) {
  return rank < HP_RANK_ASK ? HP_ALLOW : rank == HP_RANK_ASK ? HP_ASK : HP_DENY;
}

static __always_inline void unpack(__u32 packed, struct outcome* out) {
  out->rule = packed & 0xffff;
  out->verdict = verdict_of(packed >> PACK_RANK & 15);
  out->hold_mode = packed >> PACK_HOLD_MODE & 15;
  out->flags = packed >> PACK_FLAGS;
}

static __always_inline void judge(struct hp_policy* policy, __u32 operations, const struct sets* in,
                                  struct outcome* out) {
  unpack(judge_packed(policy, operations, in->object, in->executable, in->destination), out);
}

static __always_inline struct hp_policy* policy_of(__u32 agent) {
  __u32 zero = 0;
  void* inner = bpf_map_lookup_elem(&policies, &agent);
  if (!inner) return 0;
  return bpf_map_lookup_elem(inner, &zero);
}

#endif
