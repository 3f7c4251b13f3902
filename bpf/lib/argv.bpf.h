/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* argv: read from the caller's memory to be shown and hashed, and read again from the new program's stack, where nobody can
 * change it any more, to be compared. Only for programs that may sleep: both readings may fault pages in.
 *
 * bpf_copy_from_user has no string form on 6.1, so strings are read in pieces of PIECE bytes that do not cross a page. */
#ifndef HOLDPOINT_ARGV_BPF_H
#define HOLDPOINT_ARGV_BPF_H

#include "maps.bpf.h"

/* Bytes to read at once from `address`, of at most `room`. */
static __always_inline __u32 piece(__u64 address, __u64 room) {
  __u64 page = 4096 - (address & 4095);
  __u64 length = page < PIECE ? page : PIECE;
  return length < room ? length : room;
}

static __always_inline int next_argument(struct exec_workspace* c) {
  __u64 address = 0;
  long error = c->pointer == 4 ? bpf_copy_from_user(&address, 4, (void*)(c->vector + 4ULL * c->index))
                               : bpf_copy_from_user(&address, 8, (void*)(c->vector + 8ULL * c->index));
  if (error) {
    c->failed = 1;
    return 1;
  }
  c->index++;
  c->string = address;
  c->done = address == 0;
  return c->done;
}

static long capture_step(__u32 step, void* context) {
  struct exec_workspace* c = *(struct exec_workspace**)context;
  if (!c->string && next_argument(c)) return 1;
  struct hp_argv* wanted = &c->wanted;
  __u32 at = wanted->length;
  if (at >= HP_ARGV_MAX) return 1; /* cut: done stays 0 */
  __u32 length = piece(c->string, HP_ARGV_MAX - at);
  if (length == 0 || length > PIECE) return 1;
  if (bpf_copy_from_user(&wanted->bytes[at & (HP_ARGV_MAX - 1)], length, (void*)c->string)) {
    c->failed = 1;
    return 1;
  }
  long found = bpf_probe_read_kernel_str(c->found, length, &wanted->bytes[at & (HP_ARGV_MAX - 1)]);
  if (found < 1 || found > PIECE) return 1;
  __u32 last = at + (__u32)found - 1;
  if (wanted->bytes[last & (HP_ARGV_MAX - 1)] == 0) {
    wanted->length = at + found;
    if (wanted->count++ == 0) c->first_length = wanted->length;
    c->string = 0;
  } else {
    wanted->length = at + length;
    c->string += length;
  }
  return 0;
}

/* argv of the execve under way into exec->wanted. Sets exec->failed (unreadable) or exec->cut (longer than HP_ARGV_MAX). */
static __always_inline void argv_capture(struct exec_workspace* exec) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct pt_regs___x86* regs = (void*)bpf_task_pt_regs(task);
  __u64 call = BPF_CORE_READ(regs, orig_ax);
  int compat = BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
  exec->pointer = compat || (call & 0x40000000) ? 4 : 8;
  call &= ~0x40000000ULL;
  exec->failed = exec->cut = exec->done = exec->index = 0;
  exec->string = 0;
  exec->wanted.length = exec->wanted.count = 0;
  if (compat)
    exec->vector =
        (__u32)(call == 11 ? BPF_CORE_READ(regs, cx) : BPF_CORE_READ(regs, dx)); /* execve, else execveat */
  else exec->vector = call == 59 || call == 520 ? BPF_CORE_READ(regs, si) : BPF_CORE_READ(regs, dx);
  if (exec->vector) bpf_loop(HP_ARGC_MAX * 2, capture_step, &exec, 0);
  exec->cut = exec->vector && !exec->done && !exec->failed;
  if (exec->wanted.count == 0 && !exec->failed && !exec->cut) {
    /* The kernel gives a program without arguments one empty string. */
    exec->wanted.count = exec->wanted.length = exec->first_length = 1;
    exec->wanted.bytes[0] = 0;
  }
  /* The hash reads whole words; behind `wanted` there is room for the rest of the last one. */
  __u32 end = exec->wanted.length;
  if (end > HP_ARGV_MAX) return;
  for (int i = 0; i < 8; i++) exec->wanted.bytes[end + i] = 0;
}

static long skip_step(__u32 step, void* context) {
  struct exec_workspace* c = *(struct exec_workspace**)context;
  if (c->skip == 0) return 1;
  __u32 length = piece(c->string, PIECE);
  if (length == 0 || length > PIECE || bpf_copy_from_user(c->found, length, (void*)c->string)) {
    c->differs = 1;
    return 1;
  }
  char* copy = c->found + PIECE;
  long found = bpf_probe_read_kernel_str(copy, length, c->found);
  if (found < 1 || found > PIECE) {
    c->differs = 1;
    return 1;
  }
  if (c->found[(found - 1) & (PIECE - 1)] == 0) {
    c->skip--;
    c->string += found;
  } else {
    c->string += length;
  }
  return 0;
}

static long compare_step(__u32 step, void* context) {
  struct exec_workspace* c = *(struct exec_workspace**)context;
  __u32 total = c->wanted.length;
  if (c->offset >= total || c->offset >= HP_ARGV_MAX) return 1;
  __u32 length = piece(c->string, total - c->offset);
  if (length == 0 || length > PIECE || bpf_copy_from_user(c->found, length, (void*)c->string)) {
    c->differs = 1;
    return 1;
  }
  for (__u32 i = 0; i < PIECE; i++) {
    if (i >= length) break;
    if (c->found[i] != c->wanted.bytes[(c->offset + i) & (HP_ARGV_MAX - 1)]) {
      c->differs = 1;
      return 1;
    }
  }
  c->offset += length;
  c->string += length;
  return 0;
}

/* Whether the new program got the argv in exec->wanted. `stages` > 1: a script; the kernel replaced argv[0] by interpreter,
 * its argument if any, and script, once for each stage; what follows must be the caller's argv[1..] to the byte. */
static __always_inline int argv_differs(struct exec_workspace* exec, struct linux_binprm* bprm) {
  exec->string = bprm->p;
  exec->offset = exec->skip = exec->differs = 0;
  __u32 wanted = exec->wanted.count, found = bprm->argc;
  if (exec->failed || exec->cut) return 1;
  if (exec->stage <= 1) {
    if (wanted != found) return 1;
  } else {
    if (found + 1 < wanted + 2 || found + 1 - wanted > 16) return 1;
    exec->skip = found + 1 - wanted;
    bpf_loop(256, skip_step, &exec, 0);
    if (exec->skip) return 1;
    exec->offset = exec->first_length;
  }
  bpf_loop(HP_ARGV_MAX / 16, compare_step, &exec, 0);
  return exec->differs || exec->offset < exec->wanted.length;
}

#endif
