/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Refusals that no policy decides: what tagged processes never do to the guard, or to others. */
#ifndef HOLDPOINT_GUARD_BPF_H
#define HOLDPOINT_GUARD_BPF_H

#include "refuse.bpf.h"

static __always_inline int refuse_guard(struct hp_tag* tag, __u32 operation) {
  struct workspace* ws = workspace();
  if (!ws) return refuse_blind();
  access_start(ws, tag, HP_OBJECT_FILE, operation);
  return refuse(tag, ws, HP_CAUSE_GUARD);
}

static __always_inline int is_daemon(struct task_struct* target) {
  struct hp_config* c = configuration();
  return c && c->daemon_tgid && (__u32)target->tgid == c->daemon_tgid;
}

/* What no tagged task does at all. */
static __always_inline int forbid(void) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  return state == SUBJECT_TAGGED ? refuse_guard(tag, 0) : refuse_blind();
}

/* Whether a file is one of the daemon's, or of one of its threads, in any procfs. `address`: its inode's; a number, since a
 * global function takes no pointer into the kernel on 6.1. Global, see rules.bpf.h. */
__noinline int is_of_daemon(__u64 address) {
  struct inode* inode = (struct inode*)address;
  struct hp_config* c = configuration();
  if (!c || !c->daemon_tgid || BPF_CORE_READ(inode, i_sb, s_magic) != PROC_SUPER_MAGIC) return 0;
  struct proc_inode* entry = (void*)((char*)inode - bpf_core_field_offset(struct proc_inode, vfs_inode));
  struct hlist_node* first = BPF_CORE_READ(entry, pid, tasks[0].first);
  if (!first) return 0;
  struct task_struct* task = (void*)((char*)first - bpf_core_field_offset(struct task_struct, pid_links));
  return (__u32)BPF_CORE_READ(task, tgid) == c->daemon_tgid;
}

#endif
