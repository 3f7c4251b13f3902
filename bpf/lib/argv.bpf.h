/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* argv, and the variables of the environment that the policy names: read from the caller's memory to be shown and hashed, and read again from the new program's stack, where nobody can
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

/* The name of the variable at `address` into c->variable, padded with NUL; a longer one is cut and found in no map. 1: unreadable. */
static __always_inline int variable_name(struct exec_workspace* c, __u64 address) {
  __u32 length = piece(address, HP_VARIABLE_NAME);
  __builtin_memset(&c->variable, 0, sizeof(c->variable));
  if (length == 0 || length > HP_VARIABLE_NAME) return 1;
  if (bpf_copy_from_user(c->variable.name, length, (void*)address)) return 1;
  if (length < HP_VARIABLE_NAME) {
    /* Behind the page's end there may be nothing: then the string ended before. */
    __builtin_memset(c->more, 0, sizeof(c->more));
    bpf_copy_from_user(c->more, sizeof(c->more), (void*)(address + length));
    bpf_probe_read_kernel(&c->variable.name[length & (HP_VARIABLE_NAME - 1)],
                          (HP_VARIABLE_NAME - length) & (HP_VARIABLE_NAME - 1), c->more);
  }
  /* Without branches: a verifier would follow each of their combinations. (x - 1) >> 31 is 1 for x = 0 alone. */
  __u32 ended = 0;
#pragma unroll
  for (int i = 0; i < HP_VARIABLE_NAME; i++) {
    __u32 byte = (__u8)c->variable.name[i];
    ended |= (((byte ^ '=') - 1) | (byte - 1)) >> 31;
    c->variable.name[i] = byte & (ended - 1);
  }
  return 0;
}

/* Whether the policy names c->variable. Of names that are patterns, in which a caller chooses the rest (a function that bash imports,
 * git's settings), what the policy names is the beginning: c->variable is cut to that. */
static __always_inline int variable_wanted(struct exec_workspace* c) {
  if (bpf_map_lookup_elem(&variables, &c->variable)) return 1;
  __u32* word = (__u32*)c->variable.name; /* four bytes each, the first one lowest */
  __u32 rest = 0;
  if (word[0] == 0x48534142 && word[1] == 0x4e55465f) { /* "BASH" "_FUN" */
    if ((word[2] & 0xffff) != 0x5f43) return 0;         /* "C_" */
    rest = 0xffff;
  } else if (word[0] == 0x5f544947 && word[1] == 0x464e4f43) { /* "GIT_" "CONF" */
    if ((word[2] & 0xffffff) != 0x5f4749) return 0;            /* "IG_" */
    rest = 0xffffff;
  } else {
    return 0;
  }
  word[2] &= rest;
#pragma unroll
  for (int i = 3; i < HP_VARIABLE_NAME / 4; i++) word[i] = 0;
  return bpf_map_lookup_elem(&variables, &c->variable) != 0;
}

static long environment_step(__u32 step, void* context) {
  struct exec_workspace* c = *(struct exec_workspace**)context;
  if (!c->string) {
    if (next_argument(c)) return 1;
    if (variable_name(c, c->string)) {
      c->failed = 1;
      return 1;
    }
    if (!variable_wanted(c)) {
      c->string = 0;
      return 0;
    }
  }
  __u32 before = c->wanted.count;
  if (capture_step(step, context)) return 1;
  if (c->wanted.count != before) { /* the string is whole */
    c->wanted.count = before;
    c->wanted.environment_count++;
  }
  return 0;
}

static __always_inline void capture_start(struct exec_workspace* exec, __u64 vector) {
  exec->vector = vector;
  exec->string = 0;
  exec->done = exec->index = 0;
}

/* argv and environment of the execve under way into exec->wanted. Sets exec->failed (unreadable) or exec->cut (longer than
 * HP_ARGV_MAX). */
static __always_inline void argv_capture(struct exec_workspace* exec) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct pt_regs___x86* regs = (void*)bpf_task_pt_regs(task);
  __u32 call = call_of(regs);
  __u64 environment;
  int compat = BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
  exec->pointer = compat || (call & X32_CALL) ? 4 : 8;
  call &= ~X32_CALL;
  exec->failed = exec->cut = 0;
  exec->wanted.length = exec->wanted.count = 0;
  exec->wanted.environment_length = exec->wanted.environment_count = 0;
  if (compat) { /* execve, else execveat */
    capture_start(exec, (__u32)(call == 11 ? BPF_CORE_READ(regs, cx) : BPF_CORE_READ(regs, dx)));
    environment = (__u32)(call == 11 ? BPF_CORE_READ(regs, dx) : BPF_CORE_READ(regs, si));
  } else {
    int plain = call == 59 || call == 520;
    capture_start(exec, plain ? BPF_CORE_READ(regs, si) : BPF_CORE_READ(regs, dx));
    environment = plain ? BPF_CORE_READ(regs, dx) : BPF_CORE_READ(regs, r10);
  }
  if (exec->vector) bpf_loop(HP_ARGC_MAX * 2, capture_step, &exec, 0);
  exec->cut = exec->vector && !exec->done && !exec->failed;
  if (exec->wanted.count == 0 && !exec->failed && !exec->cut) {
    /* The kernel gives a program without arguments one empty string. */
    exec->wanted.count = exec->wanted.length = exec->first_length = 1;
    exec->wanted.bytes[0] = 0;
  }
  __u32 arguments = exec->wanted.length;
  if (environment && !exec->cut && !exec->failed) {
    capture_start(exec, environment);
    bpf_loop(HP_ENVC_MAX * 2, environment_step, &exec, 0);
    exec->cut = !exec->done && !exec->failed;
    exec->wanted.environment_length = exec->wanted.length - arguments;
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

static long differ_step(__u32 index, void* context) {
  struct exec_workspace* c = *(struct exec_workspace**)context;
  c->differs = c->found[index & (PIECE - 1)] != c->wanted.bytes[(c->offset + index) & (HP_ARGV_MAX - 1)];
  return c->differs;
}

/* Whether the next `length` bytes in c->found are as they were captured. */
static __always_inline int piece_differs(struct exec_workspace* c, __u32 length) {
  bpf_loop(length, differ_step, &c, 0);
  return c->differs;
}

static long compare_step(__u32 step, void* context) {
  struct exec_workspace* c = *(struct exec_workspace**)context;
  __u32 total = c->total;
  if (c->offset >= total || c->offset >= HP_ARGV_MAX) return 1;
  __u32 length = piece(c->string, total - c->offset);
  if (length == 0 || length > PIECE || bpf_copy_from_user(c->found, length, (void*)c->string)) {
    c->differs = 1;
    return 1;
  }
  if (piece_differs(c, length)) return 1;
  c->offset += length;
  c->string += length;
  return 0;
}

enum { STRING_BEGINS, STRING_COMPARED, STRING_SKIPPED };

/* The next piece of a captured variable against the new program's. At the captured one's NUL the string is over. */
static __always_inline long compare_variable(struct exec_workspace* c) {
  __u32 total = c->total;
  if (c->offset >= total || c->offset >= HP_ARGV_MAX) {
    c->differs = 1; /* one more than was captured */
    return 1;
  }
  __u32 length = piece(c->string, total - c->offset);
  if (length == 0 || length > PIECE || bpf_copy_from_user(c->found, length, (void*)c->string)) {
    c->differs = 1;
    return 1;
  }
  long found = bpf_probe_read_kernel_str(c->found + PIECE, length, c->found);
  if (found < 1 || found > PIECE) {
    c->differs = 1;
    return 1;
  }
  __u32 ended = c->found[(found - 1) & (PIECE - 1)] == 0;
  if (ended) length = found;
  if (piece_differs(c, length)) return 1;
  if (ended) c->skip--;
  c->offset += length;
  c->string += length;
  return 0;
}

/* One string of the new program's environment, or a piece of one. */
static long compare_environment_step(__u32 step, void* context) {
  struct exec_workspace* c = *(struct exec_workspace**)context;
  if (c->skip == 0) return 1;
  if (c->comparing == STRING_BEGINS) {
    if (variable_name(c, c->string)) {
      c->differs = 1;
      return 1;
    }
    c->comparing = variable_wanted(c) ? STRING_COMPARED : STRING_SKIPPED;
  }
  __u32 before = c->skip;
  long end = c->comparing == STRING_COMPARED ? compare_variable(c) : skip_step(step, context);
  if (c->skip != before) c->comparing = STRING_BEGINS;
  return end;
}

/* Whether the new program got the argv and environment in exec->wanted. `stages` > 1: a script; the kernel replaced argv[0] by
 * interpreter, its argument if any, and script, once for each stage; what follows must be the caller's argv[1..] to the byte. */
static __always_inline int argv_differs(struct exec_workspace* exec, struct linux_binprm* bprm) {
  exec->string = bprm->p;
  exec->offset = exec->skip = exec->differs = exec->comparing = 0;
  __u32 wanted = exec->wanted.count, found = bprm->argc;
  if (exec->failed || exec->cut) return 1;
  exec->total = exec->wanted.length - exec->wanted.environment_length;
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
  if (exec->differs || exec->offset < exec->total) return 1;
  exec->total = exec->wanted.length;
  exec->skip = bprm->envc;
  bpf_loop(HP_ENVC_MAX * 2, compare_environment_step, &exec, 0);
  return exec->differs || exec->skip || exec->offset < exec->total;
}

#endif
