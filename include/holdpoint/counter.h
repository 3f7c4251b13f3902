/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Per-processor counters: what the kernel side did, and every loss by reason. Map `counters`, per-CPU array of __u64. */
#ifndef HOLDPOINT_COUNTER_H
#define HOLDPOINT_COUNTER_H

enum hp_counter {
  HP_COUNT_ALLOWED = 0,
  HP_COUNT_DENIED = 1,
  HP_COUNT_HELD = 2,     /* first time a call was suspended */
  HP_COUNT_REHELD = 3,   /* the same call met the hook again without a verdict */
  HP_COUNT_CONSUMED = 4, /* a verdict was used */
  HP_COUNT_GRANTED = 5,  /* an ask was answered by a live grant */
  HP_COUNT_TAGGED = 6,
  HP_COUNT_TAMPERED = 7,
  HP_COUNT_LOST_BELL = 8,  /* bell ring full: the daemon must scan */
  HP_COUNT_LOST_EVENT = 9, /* event ring full: a record is missing */
  HP_COUNT_FULL_HOLDS = 10,
  HP_COUNT_FULL_SESSION = 11,
  HP_COUNT_FULL_SESSIONS = 12,
  HP_COUNT_NO_STORAGE = 13,
  HP_COUNT_UNRESOLVED = 14,
  HP_COUNT_RENAME_RACE = 15, /* a walk was repeated because a rename or mount happened meanwhile */
  HP_COUNT_SIGNAL_FAILED = 16,
  HP_COUNT_FULL_ARGUMENTS = 17,
  HP_COUNT_LOCKED = 18,   /* refused by a lockdown; among the denied */
  HP_COUNT_DISARMED = 19, /* passed while disarmed, though the policy denies or asks */
  HP_COUNT_END = 20,
};

#endif
