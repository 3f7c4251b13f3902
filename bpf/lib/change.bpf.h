/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the changes of names and attributes share: notes from one hook to the next, and verdicts over one or two names. */
#ifndef HOLDPOINT_CHANGE_BPF_H
#define HOLDPOINT_CHANGE_BPF_H

#include "guard.bpf.h"
#include "hold.bpf.h"

#define OP(name) (1U << HP_OP_##name)

/* From a path hook to its inode twin, which knows no mount: entry and mount. 0, or the answer where there is no room for the note:
 * without one the twin would take the change for a file system's own. */
static __always_inline int note(struct dentry* entry, struct vfsmount* mount, __u32 flags) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (state != SUBJECT_TAGGED) return refuse_blind();
  tag->create_dentry = (__u64)entry;
  tag->create_mount = (__u64)mount;
  tag->note_flags = flags;
  tag->created_dentry = 0;
  return 0;
}

/* Whether the current task is judged at all. 1: yes; else the answer. */
static __always_inline int judged(struct hp_tag** tag) {
  int state = subject(tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  return state == SUBJECT_TAGGED ? 1 : refuse_blind();
}

/* Takes the note of `entry`. 1: judge; 0: let it pass; negative: the answer. */
static __always_inline int noted(struct hp_tag** tag, struct dentry* entry) {
  int found = judged(tag);
  if (found <= 0) return found;
  if ((*tag)->create_dentry != (__u64)entry) return unnoted(*tag, entry);
  (*tag)->create_dentry = 0;
  return 1;
}

/* Puts ws->build[from, end) behind what is in the event, as its first text or its second. 1: no room. */
static __always_inline int text_append(struct workspace* ws, __u32 from, __u32 end) {
  __u32 length = end - from, at = ws->event.access.path_length;
  if (at) ws->event.access.identity.second = ++at; /* the NUL between is there: path_keep and this write it */
  bounded(length);
  bounded(at);
  if (length > HP_PATH_MAX || at > HP_PATH_MAX - 8 || at + length > HP_PATH_MAX - 8) return 1;
  bpf_probe_read_kernel(&ws->event.path[at & (HP_PATH_MAX - 1)], length,
                        &ws->build[from & (HP_PATH_MAX - 1)]);
  at += length;
  bounded(at);
  if (at > HP_PATH_MAX - 8) return 1;
  *(__u64*)&ws->event.path[at] = 0; /* for the hash, and the NUL before what follows */
  ws->event.access.path_length = at;
  return 0;
}

/* The same for a string of the kernel's. Global, see rules.bpf.h; the string is at ws->object. */
__noinline int string_append(struct workspace* ws) {
  if (!ws) return 1;
  long length = bpf_probe_read_kernel_str(ws->build, HP_PATH_MAX, (const void*)ws->object);
  if (length < 1 || length > HP_PATH_MAX) return 1;
  return text_append(ws, 0, length - 1);
}

/* Walks from ws->walk.from_…, appends the path to the event and puts it through the object automaton: ws->places[which]. 1: it is
 * unresolved. Global, see rules.bpf.h. */
__noinline int place_find(struct workspace* ws, struct hp_policy* policy, __u32 which) {
  if (!ws || !policy) return 1;
  if (is_protected((__u64)ws->walk.from_dentry)) ws->guarded = 1;
  int path = path_walk(ws, BUILD_END);
  __u32 position = ws->walk.position;
  if (path == PATH_UNRESOLVED || text_append(ws, position, BUILD_END)) return 1;
  struct place* place = &ws->places[which & 1];
  place->set = automaton_run(policy, HP_AUTOMATON_OBJECT, ws, position, BUILD_END);
  place->state = ws->state;
  return 0;
}

/* Keeps the stricter outcome, and of equals the rule that comes first. */
static __always_inline void keep_stricter(struct workspace* ws, __u32 packed) {
  struct outcome other;
  __u32 rank = packed >> PACK_RANK & 15;
  unpack(packed, &other);
  ws->rule_flags |= other.flags;
  if (rank < ws->rank || (rank == ws->rank && other.rule >= ws->rule)) return;
  ws->rule = other.rule;
  ws->rank = rank;
  ws->hold_mode = other.hold_mode;
}

/* Judges `operations` at ws->places[which]. Global, see rules.bpf.h. */
__noinline int place_judge(struct workspace* ws, struct hp_policy* policy, __u32 which, __u32 operations,
                           __u32 executable) {
  if (!ws || !policy) return 1;
  __u32 destination = set_of(policy, &policy->automata[HP_AUTOMATON_DESTINATION], 0);
  keep_stricter(ws, judge_packed(policy, operations, ws->places[which & 1].set, executable, destination));
  return 0;
}

/* Judges them at everything that could be below ws->places[which]. Global, see rules.bpf.h. */
__noinline int place_judge_below(struct workspace* ws, struct hp_policy* policy, __u32 which,
                                 __u32 operations, __u32 executable) {
  if (!ws || !policy) return 1;
  keep_stricter(ws, judge_below(policy, operations, ws->places[which & 1].state, executable));
  return 0;
}

struct change {
  struct hp_tag* tag;
  struct workspace* ws;
  struct hp_policy* policy;
  __u32 executable;
};

/* The access, empty but for its call, and what is needed to judge it. Anything but 0 is the answer of the hook. */
static __always_inline int change_start(struct change* c, struct hp_tag* tag, __u32 call, __u32 operations) {
  c->tag = tag;
  c->ws = workspace();
  if (!c->ws) return refuse_blind();
  access_start(c->ws, tag, HP_OBJECT_FILE, operations);
  c->ws->event.access.identity.call = call;
  c->policy = policy_of(tag->agent);
  if (!c->policy) return refuse(tag, c->ws, HP_CAUSE_NO_POLICY);
  c->executable = executable_set(tag, c->ws, c->policy);
  c->ws->rule = HP_MAX_RULES;
  c->ws->rank = HP_RANK_ALLOW;
  c->ws->hold_mode = HP_HOLD_AUTO;
  c->ws->rule_flags = 0;
  c->ws->guarded = 0;
  return 0;
}

static __always_inline int change_unresolved(struct change* c) {
  count(HP_COUNT_UNRESOLVED);
  return refuse(c->tag, c->ws, HP_CAUSE_UNRESOLVED);
}

/* `name` below `dentry`, or `dentry` itself when `name` is 0. Anything but 0: its path is not known. */
static __always_inline int change_place(struct change* c, __u32 which, struct vfsmount* mount,
                                        struct dentry* dentry, struct dentry* name) {
  c->ws->walk.from_mount = mount;
  c->ws->walk.from_dentry = dentry;
  c->ws->walk.name = name;
  return place_find(c->ws, c->policy, which);
}

static __always_inline int change_settle(struct change* c) {
  if (c->ws->guarded && verdict_of(c->ws->rank) != HP_DENY) return refuse(c->tag, c->ws, HP_CAUSE_GUARD);
  struct outcome out = {.rule = c->ws->rule,
                        .verdict = verdict_of(c->ws->rank),
                        .hold_mode = c->ws->hold_mode,
                        .flags = c->ws->rule_flags};
  return settle(c->tag, c->ws, 0, 0, c->policy, out);
}

#endif
