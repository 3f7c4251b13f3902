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

/* In a user namespace of its own anybody may mount, and a mount is another path to a file. */
static __always_inline int keep_out_of_user_namespaces(void) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (state != SUBJECT_TAGGED) return refuse_blind();
  struct hp_policy* policy = policy_of(tag->agent);
  return policy && policy->user_namespaces ? 0 : refuse_guard(tag, 0);
}

/* It made that one while it was only observed, or had it before it was tagged. */
static __always_inline int in_user_namespace_it_may_not_have(const struct hp_tag* tag) {
  if (BPF_CORE_READ(bpf_get_current_task_btf(), cred, user_ns, level) == 0) return 0;
  struct hp_policy* policy = policy_of(tag->agent);
  return !policy || !policy->user_namespaces;
}

/* At most 15 letters. Compared as two words: a way out after each letter is a way that the verifier follows. */
union short_name {
  char text[16];
  __u64 words[2];
};

static __always_inline union short_name read_name(const unsigned char* name) {
  union short_name found = {};
  bpf_probe_read_kernel_str(found.text, sizeof(found.text), name);
  return found;
}

static __always_inline int same_name(const union short_name found, const union short_name wanted) {
  return found.words[0] == wanted.words[0] && found.words[1] == wanted.words[1];
}

#define IS(found, wanted) same_name(found, (union short_name){.text = wanted})
#define NAMED(name, wanted) IS(read_name(name), wanted)

/* In any procfs: what silences or stops the kernel, what names a program that the kernel itself starts, as root and outside every
 * session, and every file of the daemon's or of one of its threads. */
static __always_inline int is_protected_in_proc(struct dentry* entry) {
  const union short_name name = read_name(BPF_CORE_READ(entry, d_name.name));
  if (IS(name, "ftrace_enabled") || IS(name, "sysrq-trigger") || IS(name, "core_pattern") ||
      IS(name, "modprobe") || IS(name, "hotplug") || IS(name, "poweroff_cmd") || IS(name, "hb_ctl_path"))
    return 1;
  struct hp_config* c = configuration();
  struct inode* inode = BPF_CORE_READ(entry, d_inode);
  if (!inode || !c || !c->daemon_tgid) return 0;
  struct proc_inode* proc = (void*)((char*)inode - bpf_core_field_offset(struct proc_inode, vfs_inode));
  struct hlist_node* first = BPF_CORE_READ(proc, pid, tasks[0].first);
  if (!first) return 0;
  struct task_struct* task = (void*)((char*)first - bpf_core_field_offset(struct task_struct, pid_links));
  return (__u32)BPF_CORE_READ(task, tgid) == c->daemon_tgid;
}

/* In any sysfs: programs that the kernel or one of its modules starts. */
static __always_inline int is_helper_of_kernel(const union short_name name) {
  return IS(name, "uevent_helper") || IS(name, "cltrack_prog") || IS(name, "usermode_helper");
}

/* Whether no tagged process changes this entry, under whatever path it is mounted: pins, cgroups, and what the above says. A number,
 * since a global function takes no pointer into the kernel on 6.1. Global, see rules.bpf.h. */
__noinline int is_protected(__u64 address) {
  struct dentry* entry = (struct dentry*)address;
  unsigned long magic = BPF_CORE_READ(entry, d_sb, s_magic);
  if (magic == PROC_SUPER_MAGIC) return is_protected_in_proc(entry);
  if (magic == SYSFS_MAGIC) return is_helper_of_kernel(read_name(BPF_CORE_READ(entry, d_name.name)));
  if (magic == BINFMTFS_MAGIC) return 1; /* interpreters for every program of the host */
  if (magic == TRACEFS_MAGIC) return 1;  /* probes in every program's code */
  return magic == BPF_FS_MAGIC || magic == CGROUP2_SUPER_MAGIC || magic == CGROUP_SUPER_MAGIC;
}

/* A name that comes or goes without a hook of paths before: a file system acts for itself (overlay's layers). But message queues are
 * made and removed by calls of their own, which have none. */
static __always_inline int unnoted(struct hp_tag* tag, struct dentry* entry) {
  return BPF_CORE_READ(entry, d_sb, s_magic) == MQUEUE_MAGIC ? refuse_guard(tag, 0) : 0;
}

#define OPEN_REFUSED 1
#define OPEN_PASSES 2

/* systemd moves a unit's process into its cgroup, and the process does the same itself before it executes the program: whichever
 * comes second. Once, and only where it is already. */
static __always_inline int joins_own_cgroup(struct hp_tag* tag, struct dentry* entry) {
  if (!tag->entering || !NAMED(BPF_CORE_READ(entry, d_name.name), "cgroup.procs")) return 0;
  struct task_struct* task = bpf_get_current_task_btf();
  __u64 own = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
  if (BPF_CORE_READ(entry, d_sb, s_magic) != CGROUP2_SUPER_MAGIC ||
      BPF_CORE_READ(entry, d_parent, d_inode, i_ino) != own)
    return 0;
  tag->entering = 0;
  return 1;
}

/* What no rule decides of an open of what was walked to; 0: the rules do. Global, see rules.bpf.h. */
__noinline int open_settled(struct hp_tag* tag, struct workspace* ws, __u32 path) {
  if (!tag || !ws) return OPEN_REFUSED;
  if (path == PATH_UNRESOLVED) {
    count(HP_COUNT_UNRESOLVED);
    refusal_note(tag, ws, HP_CAUSE_UNRESOLVED);
    return OPEN_REFUSED;
  }
  if (!(ws->event.access.identity.operations & (1U << HP_OP_WRITE))) return 0;
  struct dentry* entry = ws->walk.from_dentry;
  if (!is_protected((__u64)entry)) return 0;
  if (joins_own_cgroup(tag, entry)) return OPEN_PASSES;
  refusal_note(tag, ws, HP_CAUSE_GUARD);
  return OPEN_REFUSED;
}

#endif
