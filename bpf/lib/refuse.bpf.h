/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What does not go on: told, counted, and its hold taken out of the maps. */
#ifndef HOLDPOINT_REFUSE_BPF_H
#define HOLDPOINT_REFUSE_BPF_H

#include "bound.bpf.h"

static __always_inline void emit(struct workspace* ws, __u32 kind) {
  __u32 length = ws->event.access.path_length;
  if (length > HP_PATH_MAX) length = HP_PATH_MAX;
  length += sizeof(struct hp_event) - HP_PATH_MAX;
  ws->event.kind = kind;
  ws->event.length = length;
  if (bpf_ringbuf_output(&events, &ws->event, length, 0)) count(HP_COUNT_LOST_EVENT);
}

/* Global, see rules.bpf.h. */
__noinline int refusal_note(struct hp_tag* tag, struct workspace* ws, __u32 cause) {
  if (!tag || !ws) return 1;
  struct hp_access* a = &ws->event.access;
  a->verdict = HP_DENY;
  a->cause = cause;
  count(HP_COUNT_DENIED);
  /* Not for a creation: its inode is the directory's, which other files share. */
  if ((cause == HP_CAUSE_DECISION || cause == HP_CAUSE_REFUSED) &&
      !(a->identity.operations & (1U << HP_OP_CREATE))) {
    tag->echo_device = a->identity.device;
    tag->echo_inode = a->identity.inode;
    tag->echo_until = bpf_ktime_get_boot_ns() + HP_DENIAL_ECHO_NS;
  }
  __u64 number = a->identity.session;
  struct hp_session* session = bpf_map_lookup_elem(&sessions, &number);
  if (session) __sync_fetch_and_add(&session->deny_count, 1);
  /* What the daemon decided or files it also records; the rest is told here. */
  if (cause != HP_CAUSE_DECISION && cause != HP_CAUSE_REFUSED) emit(ws, HP_EVENT_DENIED);
  return 0;
}

static __always_inline int refuse(struct hp_tag* tag, struct workspace* ws, __u32 cause) {
  refusal_note(tag, ws, cause);
  return -EPERM;
}

/* Global, see rules.bpf.h. */
__noinline int blind_note(void) {
  count(HP_COUNT_DENIED);
  count(HP_COUNT_NO_STORAGE);
  return 0;
}

/* For hooks that met SUBJECT_BROKEN, or have no workspace to describe the access in. */
static __always_inline int refuse_blind(void) {
  blind_note();
  return -EPERM;
}

/* Takes the hold of `tag` out of the maps. Global, see rules.bpf.h: a map takes no key from its arguments on 6.1. */
__noinline int hold_remove(struct hp_tag* tag) {
  if (!tag) return 1;
  __u64 id = tag->hold_id, number = tag->session;
  tag->hold_id = 0;
  if (bpf_map_delete_elem(&holds, &id)) return 1;
  bpf_map_delete_elem(&arguments, &id);
  struct hp_session* session = bpf_map_lookup_elem(&sessions, &number);
  if (session) __sync_fetch_and_add(&session->holds, -1);
  return 0;
}

/* Global, see rules.bpf.h. */
__noinline int hold_end(struct hp_tag* tag, __u32 how) {
  if (!tag || !tag->hold_id) return 1;
  __u64 id = tag->hold_id;
  hold_remove(tag);
  bpf_map_delete_elem(&verdicts, &id);
  ring(HP_BELL_ENDED, how, id);
  return 0;
}

/* The same for a hold whose task never left its system call: the answer of the hook was dropped. Its stop may still be
 * pending, and by the time the daemon hears of the hold there is nothing left that says whom to continue. SIGCONT to
 * oneself takes a pending SIGSTOP away. Global, see rules.bpf.h. */
__noinline int hold_end_running(struct hp_tag* tag) {
  if (!tag || !tag->hold_id) return 1;
  hold_end(tag, HP_ENDED_MOOT);
  if (bpf_send_signal(SIGCONT)) count(HP_COUNT_SIGNAL_FAILED);
  return 0;
}

#endif
