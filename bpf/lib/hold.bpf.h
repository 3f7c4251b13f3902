/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From rule to answer: allow, refuse, or suspend the current task inside its system call.
 *
 * Suspending is SIGSTOP to oneself and the restart code: the task stops on its way out, and when it goes on the kernel runs
 * the same call again, which comes back here and looks for its verdict. The order is: write the hold, stop, ring. With the
 * bell first, a fast daemon's SIGCONT could come before the SIGSTOP, and the task would sleep for ever. */
#ifndef HOLDPOINT_HOLD_BPF_H
#define HOLDPOINT_HOLD_BPF_H

#include "exec_workspace.bpf.h"
#include "switches.bpf.h"

/* Stops the current process. Anything but 0 means: no stop is pending, so the restart code must not be returned. */
static __always_inline int stop_self(void) {
  /* To this thread, though it stops the whole process: a SIGSTOP to the process that a sibling has just sent itself is still
   * pending, the kernel then drops ours without marking this thread, and the restart code would reach the program. */
  if (bpf_send_signal_thread(SIGSTOP) == 0) return 0;
  count(HP_COUNT_SIGNAL_FAILED);
  return 1;
}

static __always_inline int same_digest(const __u64 a[2], const __u64 b[2]) {
  return a[0] == b[0] && a[1] == b[1];
}

/* The stored verdict of the hold of `tag` if it fits what is in ws: HP_ALLOW, HP_DENY, or HP_ASK when there is none. The delete
 * decides who used it: it succeeds once. Global, see rules.bpf.h. */
__noinline __u32 take_verdict(struct hp_tag* tag, struct workspace* ws) {
  if (!tag || !ws) return HP_DENY;
  __u64 id = tag->hold_id;
  struct hp_answer* answer = bpf_map_lookup_elem(&verdicts, &id);
  if (!answer || !same_digest(answer->digest, ws->event.access.digest) ||
      answer->not_after < ws->event.access.since)
    return HP_ASK;
  __u32 verdict = answer->verdict;
  if (bpf_map_delete_elem(&verdicts, &id)) return HP_ASK;
  return verdict == HP_ALLOW ? HP_ALLOW : HP_DENY;
}

static __always_inline int closing(void) {
  struct hp_config* c = configuration();
  return !c || c->closing;
}

/* The held call is here again. */
static __always_inline int hold_again(struct hp_tag* tag, struct workspace* ws, struct hp_hold* held,
                                      __u64 now) {
  __u64 id = tag->hold_id;
  ws->event.access.hold_id = id;
  __u32 verdict = take_verdict(tag, ws);
  if (verdict != HP_ASK) {
    hold_remove(tag);
    count(HP_COUNT_CONSUMED);
    ring(HP_BELL_CONSUMED, verdict, id);
    if (verdict == HP_DENY) return refuse(tag, ws, HP_CAUSE_DECISION);
    ws->event.access.verdict = HP_ALLOW;
    ws->event.access.cause = HP_CAUSE_DECISION;
    /* The open of a FIFO runs the hook again within the same call. */
    if ((ws->event.access.mode & S_IFMT) == S_IFIFO) {
      tag->reenter_digest[0] = ws->event.access.digest[0];
      tag->reenter_digest[1] = ws->event.access.digest[1];
      tag->reenter_until = now + HP_VERDICT_LIFE_NS;
    }
    return 0;
  }
  if (closing()) {
    hold_end(tag, HP_ENDED_REFUSED);
    return refuse(tag, ws, HP_CAUSE_CLOSING);
  }
  if (__sync_fetch_and_add(&held->access.attempts, 1) >= HP_MAX_REHOLDS) {
    hold_end(tag, HP_ENDED_REFUSED);
    return refuse(tag, ws, HP_CAUSE_REHOLDS);
  }
  if (stop_self()) {
    hold_end(tag, HP_ENDED_REFUSED);
    return refuse(tag, ws, HP_CAUSE_CANNOT_HOLD);
  }
  count(HP_COUNT_REHELD);
  ring(HP_BELL_HOLD, 1, id);
  return -ERESTARTNOINTR;
}

/* io_uring turns the restart code into an error of its own, and its workers have no call to restart. */
static __always_inline int can_stop(void) {
  struct task_struct* task = bpf_get_current_task_btf();
  if (task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER | PF_EXITING)) return 0;
  struct pt_regs___x86* regs = (void*)bpf_task_pt_regs(task);
  return call_of(regs) != 426;
}

/* A process with a terminal whose parent is in the same session and another process group: a job of a shell with job control. */
static __always_inline int is_job(struct task_struct* task) {
  if (!BPF_CORE_READ(task, signal, tty)) return 0;
  struct signal_struct* own = BPF_CORE_READ(task, signal);
  struct signal_struct* parent = BPF_CORE_READ(task, real_parent, signal);
  return BPF_CORE_READ(parent, pids[PIDTYPE_SID]) == BPF_CORE_READ(own, pids[PIDTYPE_SID]) &&
         BPF_CORE_READ(parent, pids[PIDTYPE_PGID]) != BPF_CORE_READ(own, pids[PIDTYPE_PGID]);
}

/* Only the direct parent is told that a process stopped, and only a shell with job control makes something of it. A parent that
 * leads the session and handles SIGTSTP itself is no shell (they ignore it): it is the monitor that sudo puts between itself and
 * its command, and passes a stop on to sudo. */
static __always_inline int shell_would_see(void) {
  struct task_struct* task = bpf_get_current_task_btf();
  if (!is_job(task)) return 0;
  struct task_struct* parent = BPF_CORE_READ(task, real_parent);
  int leads =
      BPF_CORE_READ(parent, signal, pids[PIDTYPE_PGID]) == BPF_CORE_READ(parent, signal, pids[PIDTYPE_SID]);
  unsigned long handler = (unsigned long)BPF_CORE_READ(parent, sighand, action[SIGTSTP - 1].sa.sa_handler);
  if (!leads || handler <= SIG_IGN) return 1;
  return is_job(BPF_CORE_READ(parent, real_parent));
}

/* Whether this task can be suspended, and its rule's hold mode wants it. Global, see rules.bpf.h. */
__noinline int may_suspend(__u32 mode) {
  if (mode == HP_HOLD_REFUSE || !can_stop()) return 0;
  return mode != HP_HOLD_AUTO || !shell_would_see();
}

/* Whether a live grant covers the access. Puts the number of what an exec may read into ws->object. Global, see rules.bpf.h. */
__noinline int grant_covers(struct workspace* ws) {
  if (!ws) return 0;
  struct hp_access* a = &ws->event.access;
  struct hp_grant_key key = {.session = a->identity.session, .digest = {a->digest[0], a->digest[1]}};
  struct hp_grant* grant = bpf_map_lookup_elem(&grants, &key);
  if (!grant || grant->not_after < a->since) return 0;
  ws->object = grant->bound;
  if (grant->uses == ~0ULL) return 1;
  __s64 left = (__s64)__sync_fetch_and_add(&grant->uses, -1);
  if (left > 0) return 1;
  __sync_fetch_and_add(&grant->uses, 1);
  return 0;
}

/* Writes the hold and, for an exec, its argv. 0, or the cause of the refusal. The room is looked up once more: a map takes no
 * value from a global function's arguments on 6.1. */
static __always_inline int hold_write(struct hp_tag* tag, struct workspace* given, int with_arguments) {
  struct task_struct* task = bpf_get_current_task_btf();
  __u64 number = tag->session, id;
  struct hp_session* session = bpf_map_lookup_elem(&sessions, &number);
  struct hp_config* c = configuration();
  struct workspace* ws = storage_get(&workspaces, task, 0);
  struct exec_workspace* exec = with_arguments ? exec_workspace() : 0;
  if (!session || !c || !ws || (with_arguments && !exec)) return HP_CAUSE_NO_STORAGE;
  if (session->holds >= HP_MAX_SESSION_HOLDS) {
    count(HP_COUNT_FULL_SESSION);
    return HP_CAUSE_SESSION_HOLDS;
  }
  given->event.access.hold_id = id = __sync_fetch_and_add(&c->next_hold, 1);
  if (bpf_map_update_elem(&holds, &id, &ws->event.access, BPF_NOEXIST)) {
    count(HP_COUNT_FULL_HOLDS);
    return HP_CAUSE_HOLDS_FULL;
  }
  if (exec && bpf_map_update_elem(&arguments, &id, &exec->wanted, BPF_NOEXIST)) {
    bpf_map_delete_elem(&holds, &id);
    count(HP_COUNT_FULL_ARGUMENTS);
    return HP_CAUSE_HOLDS_FULL;
  }
  __sync_fetch_and_add(&session->holds, 1);
  __sync_fetch_and_add(&session->hold_count, 1);
  return 0;
}

static __always_inline int hold_new(struct hp_tag* tag, struct workspace* ws, struct exec_workspace* exec,
                                    __u32 mode) {
  struct hp_access* a = &ws->event.access;
  int refused = !may_suspend(mode);
  hold_end(tag, HP_ENDED_OTHER);
  a->verdict = HP_ASK;
  a->attempts = 1;
  if (refused) a->flags |= HP_ACCESS_REFUSED;
  int cause = hold_write(tag, ws, exec != 0);
  if (cause) return refuse(tag, ws, cause);
  tag->hold_id = a->hold_id;
  if (refused) {
    /* It counts as one of the session's until the daemon has filed the request, which takes the entry out (hp_filed): a session
     * must not fill the map while no daemon runs. */
    tag->hold_id = 0;
    ring(HP_BELL_HOLD, 0, a->hold_id);
    return refuse(tag, ws, HP_CAUSE_REFUSED);
  }
  if (stop_self()) {
    hold_remove(tag);
    return refuse(tag, ws, HP_CAUSE_CANNOT_HOLD);
  }
  count(HP_COUNT_HELD);
  ring(HP_BELL_HOLD, 0, a->hold_id);
  return -ERESTARTNOINTR;
}

/* Remembers on the socket what was released for it. */
static __always_inline void mark_released(struct socket_mark* mark, const struct hp_access* a) {
  if (!mark) return;
  mark->digest[0] = a->digest[0];
  mark->digest[1] = a->digest[1];
}

/* Whether this thread was refused the same object a moment ago. */
static __always_inline int is_echo(const struct hp_tag* tag, const struct hp_access* a) {
  return tag->echo_until >= a->since && tag->echo_inode == a->identity.inode &&
         tag->echo_device == a->identity.device && a->identity.inode &&
         !(a->identity.operations & (1U << HP_OP_CREATE));
}

/* Global, see rules.bpf.h. `exec` and `mark` may be 0. */
__noinline int ask_somebody(struct hp_tag* tag, struct workspace* ws, struct exec_workspace* exec,
                            struct socket_mark* mark, __u32 mode) {
  if (!tag || !ws) return -EPERM;
  struct hp_access* a = &ws->event.access;
  __u64 now = a->since;
  if (digest(ws, exec)) return refuse(tag, ws, HP_CAUSE_NO_STORAGE);
  /* A file system that keeps no names asks about the creation each time. This error is dropped again, as the question was, and
   * the hold of the open stays. If the file is gone by now, nobody was asked about a creation: it is refused. */
  if (tag->hold_id && tag->moot_hold == tag->hold_id && same_digest(tag->moot_digest, a->digest))
    return -EPERM;
  if (tag->reenter_until >= now && same_digest(tag->reenter_digest, a->digest)) return 0;
  if (mark && same_digest(mark->digest, a->digest)) return 0;
  if (tag->hold_id) {
    __u64 id = tag->hold_id;
    struct hp_hold* held = bpf_map_lookup_elem(&holds, &id);
    if (held && same_digest(held->access.digest, a->digest)) {
      int answer = hold_again(tag, ws, held, now);
      if (answer == 0) mark_released(mark, a);
      return answer;
    }
  }
  /* Behind what waits for a person already: that stays asked, and gets the person's answer. */
  if (passes_disarmed(ws)) return 0;
  int echo = is_echo(tag, a);
  if (grant_covers(ws)) {
    /* A retry that was approved since: what it opens of itself is no echo either. */
    if (echo) tag->echo_until = 0;
    count(HP_COUNT_GRANTED);
    a->verdict = HP_ALLOW;
    a->cause = HP_CAUSE_DECISION;
    emit(ws, HP_EVENT_GRANTED);
    a->hold_id = ws->object; /* hp_exec_check takes it from here, as of a hold */
    mark_released(mark, a);
    return 0;
  }
  if (echo) return refuse(tag, ws, HP_CAUSE_ECHO);
  if (closing()) return refuse(tag, ws, HP_CAUSE_CLOSING);
  return hold_new(tag, ws, exec, mode);
}

static __always_inline int ask(struct hp_tag* tag, struct workspace* ws, struct exec_workspace* exec,
                               struct socket_mark* mark, __u32 mode) {
  int answer = ask_somebody(tag, ws, exec, mark, mode);
  if (answer == -ERESTARTNOINTR)
    return -ERESTARTNOINTR; /* each by name: the verifier knows no more than int */
  return answer == 0 ? 0 : -EPERM;
}

/* Whether `ws` is what this thread is held for. Global, see rules.bpf.h. */
__noinline int is_held(struct hp_tag* tag, struct workspace* ws, struct exec_workspace* exec) {
  if (!tag || !ws || !tag->hold_id || digest(ws, exec)) return 0;
  __u64 id = tag->hold_id;
  struct hp_hold* held = bpf_map_lookup_elem(&holds, &id);
  return held && same_digest(held->access.digest, ws->event.access.digest);
}

/* What becomes of the access in `ws` when rules that may have changed meanwhile say `verdict`. What was asked stays a question while
 * the thread is held for it: the answer counts, and no rule of now that lets pass, because it allows or is disarmed. One that denies
 * ends the hold. `disarmable`: whether the rule may be. Global, see rules.bpf.h. */
__noinline __u32 verdict_while_held(struct hp_tag* tag, struct workspace* ws, struct exec_workspace* exec,
                                    __u32 verdict, __u32 disarmable) {
  if (!tag || !ws) return HP_DENY;
  if (!is_held(tag, ws, exec)) return verdict;
  if (verdict != HP_DENY || (disarmable && disarmed(&ws->event.access))) return HP_ASK;
  hold_end(tag, HP_ENDED_DENIED);
  return HP_DENY;
}

/* An access that goes on by rules that say `flags`. Global, see rules.bpf.h. */
__noinline int allowed_note(struct workspace* ws, __u32 flags) {
  if (!ws) return 1;
  count(HP_COUNT_ALLOWED);
  if (flags & HP_RULE_LOG) emit(ws, flags & HP_RULE_OBSERVED ? HP_EVENT_OBSERVED : HP_EVENT_LOGGED);
  return 0;
}

/* The answer for the access in `ws` when the rules say `out`: 0, -EPERM or -ERESTARTNOINTR. */
static __always_inline int settle(struct hp_tag* tag, struct workspace* ws, struct exec_workspace* exec,
                                  struct socket_mark* mark, struct hp_policy* policy, struct outcome out) {
  struct hp_access* a = &ws->event.access;
  a->rule = out.rule;
  a->verdict = out.verdict;
  a->policy_generation = policy->generation;
  if (locked_down(tag)) return refuse_locked_down(tag, ws);
  out.verdict = verdict_while_held(tag, ws, exec, out.verdict, disarmable(policy, out.rule));
  if (out.verdict == HP_DENY) {
    if (disarmable(policy, out.rule) && passes_disarmed(ws)) return 0;
    return refuse(tag, ws, out.rule == HP_MAX_RULES ? HP_CAUSE_NO_POLICY : HP_CAUSE_RULE);
  }
  int observed = (out.flags & HP_RULE_OBSERVED) && out.verdict == HP_ALLOW;
  /* A program that nobody can look at afterwards is never run without a person. */
  if (exec && (a->flags & HP_ACCESS_UNLINKED)) {
    if (observed) out.flags |= HP_RULE_LOG;
    else out.verdict = HP_ASK;
  }
  /* What an approved program reads is what was shown, whatever the rules say of the file. */
  if ((a->flags & HP_ACCESS_CHANGED) && out.verdict == HP_ALLOW) out.verdict = HP_ASK;
  /* One execve is one question: what was released covers the interpreters that its file names. */
  if (exec && exec->approved && out.verdict == HP_ASK) out.verdict = HP_ALLOW;
  a->verdict = out.verdict;
  if (exec && exec->failed && out.verdict == HP_ASK)
    return passes_disarmed(ws) ? 0 : refuse(tag, ws, HP_CAUSE_ARGV);
  if (out.verdict == HP_ASK) return ask(tag, ws, exec, mark, out.hold_mode);
  allowed_note(ws, out.flags);
  return 0;
}

static __always_inline int decide(struct hp_tag* tag, struct workspace* ws, struct exec_workspace* exec,
                                  struct hp_policy* policy, const struct sets* in) {
  struct outcome out;
  judge(policy, ws->event.access.identity.operations, in, &out);
  return settle(tag, ws, exec, 0, policy, out);
}

/* Which generation of the programs judges: the one whose epoch the daemon wrote into the configuration last. Old and new
 * programs are attached together during an upgrade, and half a guard (while attaching) must not judge. */
const volatile __u32 epoch = 1;

static __always_inline int armed(void) {
  struct hp_config* c = configuration();
  return c && c->armed == epoch;
}

#endif
