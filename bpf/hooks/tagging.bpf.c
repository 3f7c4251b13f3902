/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is an agent's. A tag comes from an agent's cgroup or from the parent, and never goes away.
 *   task_alloc            a child has its parent's tag before it runs; without memory for it there is no child.
 *   sched_process_fork    a child cloned straight into an agent's cgroup.
 *   cgroup_attach_task    a process moved in. The tracepoint names its leader only: the daemon tags the other threads.
 *   cgroup_mkdir          a cgroup below an agent's, or one that a pattern names: a new session.
 *   cgroup_rmdir          forgets it.
 *   inode_post_setxattr   a cgroup marked with user.holdpoint.agent.
 *   untag                 iterator: takes the tags of one session away, when an operator asked for it.
 *   sweep                 iterator: tags every thread that is in an agent's cgroup already.
 *   know_cgroup, forget_cgroup
 *                         run by the daemon: a cgroup below an agent's that it found, and one of a session that is untagged.
 *   filed                 run by the daemon: an ask that was refused at once has its request now, and gives its place back.
 *   files                 iterator: what the kernel knows of the files that a process has open. */
#include "lib/bound.bpf.h"

static __always_inline void tag_task(struct task_struct* task, const struct hp_cgroup* cgroup) {
  if (tag_of(task)) return;
  struct hp_tag* tag = storage_get(&tags, task, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (tag) tag_fill(tag, cgroup);
  else count(HP_COUNT_NO_STORAGE); /* its first hook tries again, since it is in the cgroup */
}

static __always_inline struct hp_cgroup* cgroup_of(struct task_struct* task) {
  return cgroup_find(BPF_CORE_READ(task, cgroups, dfl_cgrp));
}

SEC("lsm/task_alloc")
int BPF_PROG(hp_task_alloc, struct task_struct* task, unsigned long clone_flags) {
  struct hp_tag* parent;
  int state = subject(
      &parent); /* not only by its tag: the first thing that it does here may be to clone into another cgroup */
  if (state == SUBJECT_NONE) return 0;
  if (state != SUBJECT_TAGGED) return -ENOMEM;
  struct hp_tag* tag = storage_get(&tags, task, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!tag) {
    count(HP_COUNT_NO_STORAGE);
    return -ENOMEM;
  }
  /* The tag only: never a hold, a release or an echo of the parent's. */
  tag->session = parent->session;
  tag->agent = parent->agent;
  tag->approval = parent->approval;
  tag->executable_set = NO_SET;
  bound_inherit(tag, parent);
  count(HP_COUNT_TAGGED);
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(hp_fork, struct task_struct* parent, struct task_struct* child) {
  struct hp_cgroup* cgroup = cgroup_of(child);
  if (cgroup) tag_task(child, cgroup);
  return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(hp_attach, struct cgroup* to, const char* path, struct task_struct* task, int threadgroup) {
  __u64 id = BPF_CORE_READ(to, kn, id);
  struct hp_cgroup* cgroup = cgroup_find(to);
  if (!cgroup) return 0;
  struct hp_tag* before = tag_of(task);
  tag_task(task, cgroup);
  struct hp_tag* tag = before ? 0 : tag_of(task);
  if (tag) tag->entering = 1;
  if (threadgroup) ring(HP_BELL_ATTACH, 0, id);
  return 0;
}

/* A new session of `agent` whose top is cgroup `id`. Without room: session 0, to which everything is denied. */
static __always_inline void session_open(__u32 agent, __u64 id) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct hp_config* c = configuration();
  if (!c) return;
  __u64 number = __sync_fetch_and_add(&c->next_session, 1);
  struct hp_session session = {.cgroup = id,
                               .started = bpf_ktime_get_boot_ns(),
                               .agent = agent,
                               .owner_uid = BPF_CORE_READ(task, cred, uid.val),
                               .login_uid = BPF_CORE_READ(task, loginuid.val)};
  struct hp_cgroup cgroup = {.session = number, .agent = agent};
  if (bpf_map_update_elem(&sessions, &number, &session, BPF_NOEXIST)) {
    count(HP_COUNT_FULL_SESSIONS);
    cgroup.session = 0;
  }
  if (bpf_map_update_elem(&cgroups, &id, &cgroup, BPF_ANY)) count(HP_COUNT_FULL_SESSIONS);
  if (cgroup.session) ring(HP_BELL_SESSION, agent, number);
}

/* Agent whose pattern a cgroup path matches; HP_MAX_AGENTS when none. */
static __always_inline __u32 agent_of_path(const char* path) {
  __u32 zero = 0, slot = HP_CGROUP_POLICY;
  struct workspace* ws = bpf_map_lookup_elem(&cgroup_workspace, &zero);
  struct hp_policy* policy = policy_of(slot);
  if (!ws || !policy) return HP_MAX_AGENTS;
  long length = bpf_probe_read_kernel_str(ws->build, HP_PATH_MAX, path) - 1;
  if (length <= 0 || length >= HP_PATH_MAX - 1) return HP_MAX_AGENTS;
  __u32 set = automaton_run(policy, HP_AUTOMATON_OBJECT, ws, 0, length);
  if (set >= HP_MAX_SETS) return HP_MAX_AGENTS;
  __u64 word = policy->sets[set].words[0]; /* HP_MAX_AGENTS = 64: one word */
  return word ? lowest_bit(word) : HP_MAX_AGENTS;
}

/* A cgroup below an agent's. Without room it is known by those above it, once it is counted. */
static __always_inline void cgroup_below(__u64 id, const struct hp_cgroup* above) {
  __u32 zero = 0;
  struct cgroup_room* room = bpf_map_lookup_elem(&cgroup_rooms, &zero);
  if (!room) return;
  struct hp_cgroup cgroup = {.session = above->session, .agent = above->agent, .below = 1};
  if (__sync_fetch_and_add(&room->below, 1) < HP_MAX_CGROUPS_BELOW &&
      !bpf_map_update_elem(&cgroups, &id, &cgroup, BPF_ANY))
    return;
  __sync_fetch_and_add(&room->below, -1);
  __sync_fetch_and_add(&room->without, 1);
  count(HP_COUNT_FULL_SESSIONS);
}

/* Takes a cgroup out, and gives its place back. */
static __always_inline void cgroup_forget(__u64 id) {
  __u32 zero = 0;
  struct hp_cgroup* cgroup = bpf_map_lookup_elem(&cgroups, &id);
  __u32 below = cgroup ? cgroup->below : 0;
  if (bpf_map_delete_elem(&cgroups, &id) || !below) return;
  struct cgroup_room* room = bpf_map_lookup_elem(&cgroup_rooms, &zero);
  if (room) __sync_fetch_and_add(&room->below, -1);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(hp_cgroup_mkdir, struct cgroup* made, const char* path) {
  __u64 id = BPF_CORE_READ(made, kn, id);
  struct hp_config* c = configuration();
  /* The daemon's own: leaves for held threads, below a session, and cgroups that it opens sessions for itself. */
  int by_daemon = c && c->daemon_tgid == bpf_get_current_pid_tgid() >> 32;
  __u32 agent = by_daemon ? HP_MAX_AGENTS : agent_of_path(path);
  if (agent < HP_MAX_AGENTS) {
    session_open(agent, id);
    return 0;
  }
  __u64 above = BPF_CORE_READ(made, kn, parent, id);
  struct hp_cgroup* parent = bpf_map_lookup_elem(&cgroups, &above);
  if (parent) cgroup_below(id, parent);
  return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(hp_cgroup_rmdir, struct cgroup* gone, const char* path) {
  __u64 id = BPF_CORE_READ(gone, kn, id);
  struct hp_cgroup* cgroup = bpf_map_lookup_elem(&cgroups, &id);
  if (!cgroup) return 0;
  struct hp_session* session = bpf_map_lookup_elem(&sessions, &cgroup->session);
  __u32 top = session && session->cgroup == id;
  cgroup_forget(id);
  ring(HP_BELL_CGROUP_GONE, top, id);
  return 0;
}

#define CGROUP2_MAGIC 0x63677270
static const char mark_name[] = "user.holdpoint.agent";

SEC("lsm/inode_post_setxattr")
int BPF_PROG(hp_mark_cgroup, struct dentry* dentry, const char* name) {
  __u64 value = 0, size = 0; /* by number: 6.1's verifier has no type for a pointer to const void */
  if (BPF_CORE_READ(dentry, d_sb, s_magic) != CGROUP2_MAGIC) return 0;
  char given[sizeof(mark_name)] = {};
  struct agent_name agent = {};
  bpf_probe_read_kernel_str(given, sizeof(given), name);
#pragma unroll
  for (int i = 0; i < (int)sizeof(mark_name); i++)
    if (given[i] != mark_name[i]) return 0;
  if (bpf_get_func_arg(ctx, 2, &value) || bpf_get_func_arg(ctx, 3, &size)) return 0;
  if (size == 0 || size >= HP_AGENT_NAME) return 0;
  if (bpf_probe_read_kernel(agent.text, size & (HP_AGENT_NAME - 1), (void*)value)) return 0;
  __u32* number = bpf_map_lookup_elem(&agent_names, &agent);
  __u64 id = BPF_CORE_READ(dentry, d_inode, i_ino);
  if (!number || bpf_map_lookup_elem(&cgroups, &id)) return 0;
  session_open(*number, id);
  ring(HP_BELL_ATTACH, 0, id); /* who is inside already */
  return 0;
}

struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
};

SEC("iter/task")
int hp_sweep(struct bpf_iter__task* context) {
  struct task_struct* task = context->task;
  if (!task) return 0;
  struct hp_config* c = configuration();
  if (c && task->pid == 1) c->host_mounts = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
  if (c && (__u32)task->pid == c->daemon_tgid)
    c->daemon_mounts = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
  struct hp_cgroup* cgroup = cgroup_of(task);
  if (cgroup) tag_task(task, cgroup);
  return 0;
}

SEC("iter/task")
int hp_untag(struct bpf_iter__task* context) {
  struct task_struct* task = context->task;
  struct hp_config* c = configuration();
  if (!task || !c) return 0;
  struct hp_tag* tag = tag_of(task);
  if (!tag || tag->session != c->untag_session) return 0;
  __u64 turns = storage_turns();
  if (bpf_task_storage_delete(&tags, task) && storage_again(turns)) bpf_task_storage_delete(&tags, task);
  return 0;
}

/* `given`: number of the hold. */
SEC("syscall")
int hp_filed(__u64* given) {
  __u64 id = *given;
  struct hp_hold* hold = bpf_map_lookup_elem(&holds, &id);
  if (!hold) return 0;
  __u64 number = hold->access.identity.session;
  if (bpf_map_delete_elem(&holds, &id)) return 0;
  bpf_map_delete_elem(&arguments, &id);
  struct hp_session* session = bpf_map_lookup_elem(&sessions, &number);
  if (session && session->holds) __sync_fetch_and_add(&session->holds, -1);
  return 0;
}

struct cgroup_pair {
  __u64 id;
  __u64 above;
};

SEC("syscall")
int hp_know_cgroup(struct cgroup_pair* given) {
  __u64 id = given->id, number = given->above;
  struct hp_cgroup* above = bpf_map_lookup_elem(&cgroups, &number);
  if (above) cgroup_below(id, above);
  return 0;
}

/* `given`: id of a cgroup whose session ended by an operator's hand. */
SEC("syscall")
int hp_forget_cgroup(__u64* given) {
  cgroup_forget(*given);
  return 0;
}

struct bpf_iter__task_file {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  __u32 fd;
  struct file* file;
};

SEC("iter/task_file")
int hp_files(struct bpf_iter__task_file* context) {
  struct file* file = context->file;
  if (!file) return 0;
  struct inode* inode = BPF_CORE_READ(file, f_inode);
  struct hp_file_state state = {.descriptor = context->fd,
                                .device = BPF_CORE_READ(inode, i_sb, s_dev),
                                .inode = BPF_CORE_READ(inode, i_ino),
                                .size = BPF_CORE_READ(inode, i_size),
                                .ctime_ns = change_time(inode),
                                .writers = BPF_CORE_READ(inode, i_writecount.counter) > 0};
  bpf_seq_write(context->meta->seq, &state, sizeof(state));
  return 0;
}
