/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who acts: the tag of the current task, found or made now, and its executable. */
#ifndef HOLDPOINT_SUBJECT_BPF_H
#define HOLDPOINT_SUBJECT_BPF_H

#include "path.bpf.h"
#include "rules.bpf.h"
#include "storage.bpf.h"

enum subject_state {
  SUBJECT_NONE = 0, /* not an agent's: nothing to decide */
  SUBJECT_TAGGED = 1,
  SUBJECT_BROKEN = 2, /* in an agent's cgroup, but its tag can be neither read nor made: deny */
};

static __always_inline int tag_fill(struct hp_tag* tag, const struct hp_cgroup* cgroup) {
  tag->session = cgroup->session;
  tag->agent = cgroup->agent;
  tag->executable_set = NO_SET;
  count(HP_COUNT_TAGGED);
  return SUBJECT_TAGGED;
}

struct climb {
  __u64 node;  /* struct kernfs_node */
  __u64 found; /* id */
};

static long climb_step(__u32 index, void* context) {
  struct climb* c = context;
  __u64 above = 0, id = 0;
  struct kernfs_node* node = (struct kernfs_node*)c->node;
  above = (__u64)BPF_CORE_READ(node, parent);
  c->node = above;
  if (!above) return 1;
  id = BPF_CORE_READ((struct kernfs_node*)above, id);
  if (!bpf_map_lookup_elem(&cgroups, &id)) return 0;
  c->found = id;
  return 1;
}

#define CGROUP_TOO_DEEP (~0ULL)

/* The nearest known cgroup above one that `cgroups` may have had no room for: its id; 0 when there is none, and when all cgroups
 * found room, which is nearly always. Global, see rules.bpf.h. */
__noinline __u64 known_above(__u64 node) {
  __u32 zero = 0;
  struct cgroup_room* room = bpf_map_lookup_elem(&cgroup_rooms, &zero);
  if (!room || !room->without) return 0;
  struct climb climb = {.node = node};
  bpf_loop(HP_MAX_CGROUP_DEPTH, climb_step, &climb, 0);
  if (climb.found || !climb.node) return climb.found;
  return CGROUP_TOO_DEEP;
}

/* The agent's cgroup that `group` is, or is below of. */
static __always_inline struct hp_cgroup* cgroup_find(struct cgroup* group) {
  __u64 id = BPF_CORE_READ(group, kn, id);
  struct hp_cgroup* known = bpf_map_lookup_elem(&cgroups, &id);
  if (known) return known;
  id = known_above((__u64)BPF_CORE_READ(group, kn));
  return id ? bpf_map_lookup_elem(&cgroups, &id) : 0;
}

static __always_inline struct hp_tag* tag_of(struct task_struct* task) { return storage_get(&tags, task, 0); }

static __always_inline struct hp_tag* tag_of_current(void) { return tag_of(bpf_get_current_task_btf()); }

/* The agent's cgroup that this task is in. *state: what the task is where there is none. */
static __always_inline struct hp_cgroup* own_cgroup(int* state) {
  __u64 id = bpf_get_current_cgroup_id();
  struct hp_cgroup* cgroup = bpf_map_lookup_elem(&cgroups, &id);
  if (cgroup) return cgroup;
  id = known_above((__u64)BPF_CORE_READ(bpf_get_current_task_btf(), cgroups, dfl_cgrp, kn));
  *state = id ? SUBJECT_BROKEN : SUBJECT_NONE;
  return id ? bpf_map_lookup_elem(&cgroups, &id) : 0;
}

/* The slow half, kept out of the way of everybody else's calls. `turns`: storage_turns() before the look that found no tag. A
 * task without one inside an agent's cgroup is tagged here: it was moved in as a sibling thread or cloned straight into the
 * cgroup. Global, see rules.bpf.h. */
__noinline int subject_late(__u64 turns) {
  struct task_struct* task = bpf_get_current_task_btf();
  int state = SUBJECT_NONE;
  struct hp_tag* tag = storage_again(turns) ? bpf_task_storage_get(&tags, task, 0, 0) : 0;
  if (tag) return tag->session ? SUBJECT_TAGGED : SUBJECT_BROKEN;
  struct hp_cgroup* cgroup = own_cgroup(&state);
  if (!cgroup) return state;
  tag = storage_get(&tags, task, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!tag) {
    count(HP_COUNT_NO_STORAGE);
    return SUBJECT_BROKEN;
  }
  tag_fill(tag, cgroup);
  /* Moved in, and here before the tracepoint of that: controllers take their time in between. */
  tag->entering = 1;
  return cgroup->session ? SUBJECT_TAGGED : SUBJECT_BROKEN;
}

/* Number of the system call that the current task is in. */
static __always_inline __u32 current_call(void) {
  struct pt_regs___x86* regs = (void*)bpf_task_pt_regs(bpf_get_current_task_btf());
  return call_of(regs) & ~X32_CALL;
}

/* The same; *compat: in the table of 32-bit callers. */
static __always_inline __u32 call_number(int* compat) {
  struct task_struct* task = bpf_get_current_task_btf();
  *compat = (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT) != 0;
  return current_call();
}

/* Sets *tag when the answer is SUBJECT_TAGGED. */
static __always_inline int subject(struct hp_tag** tag) {
  struct task_struct* task = bpf_get_current_task_btf();
  __u64 turns = storage_turns();
  *tag = bpf_task_storage_get(&tags, task, 0, 0);
  if (!*tag) {
    if (subject_late(turns) == SUBJECT_NONE) return SUBJECT_NONE;
    *tag = bpf_task_storage_get(&tags, task, 0, 0);
  }
  /* Session 0: there was no room for it. */
  return *tag && (*tag)->session ? SUBJECT_TAGGED : SUBJECT_BROKEN;
}

/* The same for programs that may sleep, which make no tag: making storage could stall others on 6.1. */
static __always_inline int subject_sleepable(struct hp_tag** tag) {
  int state = SUBJECT_NONE;
  *tag = tag_of_current();
  if (*tag) return (*tag)->session ? SUBJECT_TAGGED : SUBJECT_BROKEN;
  return own_cgroup(&state) ? SUBJECT_BROKEN : state;
}

static __always_inline struct workspace* workspace(void) {
  struct workspace* ws = storage_get(&workspaces, bpf_get_current_task_btf(), BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!ws) count(HP_COUNT_NO_STORAGE);
  return ws;
}

/* Rule set of the executable that runs now. Cached in the tag until the next exec or policy. Global, see rules.bpf.h. */
__noinline __u32 executable_set(struct hp_tag* tag, struct workspace* ws, struct hp_policy* policy) {
  struct task_struct* task = bpf_get_current_task_btf();
  if (!tag || !ws || !policy) return NO_SET;
  __u32 exec_id = task->self_exec_id;
  if (tag->executable_generation == policy->generation && tag->executable_exec_id == exec_id &&
      tag->executable_set != NO_SET)
    return tag->executable_set;
  struct file* file = BPF_CORE_READ(task, mm, exe_file);
  if (!file) return NO_SET;
  __u32 position = BUILD_END;
  int result =
      path_build(ws, BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry), 0, &position);
  if (result == PATH_UNRESOLVED) return NO_SET;
  __u32 set = automaton_run(policy, HP_AUTOMATON_EXECUTABLE, ws, position, BUILD_END);
  tag->executable_set = set;
  tag->executable_generation = policy->generation;
  tag->executable_exec_id = exec_id;
  return set;
}

#endif
