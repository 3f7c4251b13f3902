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

/* Some turns of the scheduler, which looks every 4 ms. Longer only behind a thread of a lower class: a real-time one never
 * gives way to an ordinary one by waiting, and is then judged by its cgroup alone. */
#define STORAGE_PATIENCE_NS 20000000
#define STORAGE_POLLS (1 << 22) /* more than fit into that time */

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
  bpf_loop(STORAGE_POLLS, storage_poll, &until, 0);
  return !storage_is_busy();
}

/* After a look that found or made nothing: whether another one may say more. `turns`: storage_turns() before the look.
 * Global, see rules.bpf.h. */
__noinline int storage_again(__u64 turns) {
  if (!storage_may_be_busy()) return 0;
  return storage_is_busy() ? storage_wait() : storage_turns() != turns;
}

/* The second look fails only where this thread was interrupted in its few instructions too, by one that was interrupted in its
 * own look. */
#define storage_get(map, task, flags)                                                         \
  ({                                                                                          \
    __u64 turns_ = storage_turns();                                                           \
    void* found_ = bpf_task_storage_get(map, task, 0, flags);                                 \
    if (!found_ && storage_again(turns_)) found_ = bpf_task_storage_get(map, task, 0, flags); \
    found_;                                                                                   \
  })

#endif
