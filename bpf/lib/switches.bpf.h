/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an operator has switched: who is stopped, and until when the rules are disarmed. The daemon writes it, and it counts without
 * the daemon. */
#ifndef HOLDPOINT_SWITCHES_BPF_H
#define HOLDPOINT_SWITCHES_BPF_H

#include "refuse.bpf.h"

/* Whether the session of `tag` or its agent is stopped. Global, see rules.bpf.h. */
__noinline int locked_down(struct hp_tag* tag) {
  struct hp_config* c = configuration();
  if (!tag || !c || (c->locked_agents >> (tag->agent & (HP_MAX_AGENTS - 1)) & 1)) return 1;
  if (!c->locked_sessions) return 0;
  __u64 number = tag->session;
  return bpf_map_lookup_elem(&locked_sessions, &number) != 0;
}

/* What waits for a person waits no longer: its own call may be this one, and if it is another, that is refused as well. */
static __always_inline int refuse_locked_down(struct hp_tag* tag, struct workspace* ws) {
  hold_end(tag, HP_ENDED_LOCKED);
  count(HP_COUNT_LOCKED);
  return refuse(tag, ws, HP_CAUSE_LOCKDOWN);
}

/* The same where not every access is judged, and there is nothing yet to describe it by. 1: refused. Global, see rules.bpf.h. */
__noinline int stopped(struct hp_tag* tag, __u32 operations) {
  if (!tag) return 1;
  if (!locked_down(tag)) return 0;
  struct workspace* ws = workspace();
  if (!ws) {
    refuse_blind();
    return 1;
  }
  access_start(ws, tag, HP_OBJECT_FILE, operations);
  refuse_locked_down(tag, ws);
  return 1;
}

static __always_inline int disarmed(const struct hp_access* a) {
  struct hp_config* c = configuration();
  return c && a->since < c->disarmed_until;
}

/* Whether the access in `ws`, which a rule denies or asks about, passes since the rules are disarmed. Global, see rules.bpf.h. */
__noinline int passes_disarmed(struct workspace* ws) {
  if (!ws) return 0;
  struct hp_access* a = &ws->event.access;
  if (!disarmed(a)) return 0;
  a->cause = HP_CAUSE_DISARMED;
  count(HP_COUNT_DISARMED);
  emit(ws, HP_EVENT_DISARMED);
  return 1;
}

/* Whether a denial by `rule` can be disarmed: never what protects the guard itself, nor what a broken policy cannot judge. */
static __always_inline int disarmable(const struct hp_policy* policy, __u32 rule) {
  return rule >= policy->guards && rule < HP_MAX_RULES;
}

#endif
