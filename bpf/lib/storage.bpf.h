/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Task storage, looked at until the answer is certain.
 * Before Linux 6.2 a look finds nothing, and makes nothing, while the thread that this one took the processor from is in the
 * middle of a look itself: what is there seems missing, and a tagged task nobody's. It happens where the kernel may be
 * interrupted anywhere (preempt=full). The kernel counts such looks for each processor, and a program stays on its
 * processor, so that it can be told; this thread then gives way to the other, by using up its time. */
#ifndef HOLDPOINT_STORAGE_BPF_H
#define HOLDPOINT_STORAGE_BPF_H

#include "maps.bpf.h"

/* Kernels that have this one are free of it. */
extern const void bpf_task_storage_get_recur_proto __ksym __weak;
extern const int bpf_task_storage_busy __ksym __weak;
extern const int __preempt_count __ksym __weak;

/* As long as 250 threads that wait for the same one use up their turns, of 4 ms each: whoever was interrupted comes behind them. A
 * real-time thread gives way to an ordinary one only when it has had its 950 ms of this second; with that bound lifted it is
 * judged by its cgroup alone. */
#define STORAGE_PATIENCE_NS 1000000000ULL
#define STORAGE_POLLS (1 << 23) /* as many as bpf_loop takes; some 250 ms */
#define STORAGE_LOOKS 2

static __always_inline int storage_may_be_busy(void) {
  return !&bpf_task_storage_get_recur_proto && &bpf_task_storage_busy && &__preempt_count;
}

static __always_inline int storage_is_busy(void) {
  return *(const int*)bpf_this_cpu_ptr(&bpf_task_storage_busy) > 0;
}

/* How often this thread had to give way so far. */
static __always_inline __u64 storage_turns(void) {
  return storage_may_be_busy() ? bpf_get_current_task_btf()->nivcsw : 0;
}

static long storage_poll(__u32 round, void* until) {
  return !storage_is_busy() || bpf_ktime_get_ns() > *(__u64*)until;
}

/* Waits until nobody is in the middle of a look on this processor; whether that is so now. Whoever must not be interrupted
 * cannot wait. */
static __always_inline int storage_wait(void) {
  if (*(const int*)bpf_this_cpu_ptr(&__preempt_count) & 0x7fffffff) return 0; /* the sign: no switch is due */
  __u64 until = bpf_ktime_get_ns() + STORAGE_PATIENCE_NS;
  for (int i = 0; i < 4 && storage_is_busy() && bpf_ktime_get_ns() < until; i++)
    bpf_loop(STORAGE_POLLS, storage_poll, &until, 0);
  return !storage_is_busy();
}

/* After a look that found or made nothing: whether another one may say more. `turns`: storage_turns() before the look.
 * Global, see rules.bpf.h. */
__noinline int storage_again(__u64 turns) {
  if (!storage_may_be_busy()) return 0;
  return storage_is_busy() ? storage_wait() : storage_turns() != turns;
}

/* The second look fails only where this thread was interrupted in its few instructions too, by one that was interrupted in its own. */
#define storage_get(map, task, flags)                     \
  ({                                                      \
    void* found_ = 0;                                     \
    for (int look_ = 0; look_ < STORAGE_LOOKS; look_++) { \
      __u64 turns_ = storage_turns();                     \
      found_ = bpf_task_storage_get(map, task, 0, flags); \
      if (found_ || !storage_again(turns_)) break;        \
    }                                                     \
    found_;                                               \
  })

#endif
