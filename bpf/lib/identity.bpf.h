/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fills what an access is: the part that people approve (hp_identity) and the rest. */
#ifndef HOLDPOINT_IDENTITY_BPF_H
#define HOLDPOINT_IDENTITY_BPF_H

#include "holdpoint/siphash.h"
#include "subject.bpf.h"

static __always_inline __u64 change_time(struct inode* inode) {
  if (bpf_core_field_exists(((struct inode___split*)0)->i_ctime_sec))
    return BPF_CORE_READ((struct inode___split*)inode, i_ctime_sec) * 1000000000ULL +
           BPF_CORE_READ((struct inode___split*)inode, i_ctime_nsec);
  if (bpf_core_field_exists(((struct inode___underscored*)0)->__i_ctime))
    return BPF_CORE_READ((struct inode___underscored*)inode, __i_ctime.tv_sec) * 1000000000ULL +
           BPF_CORE_READ((struct inode___underscored*)inode, __i_ctime.tv_nsec);
  return BPF_CORE_READ((struct inode___named*)inode, i_ctime.tv_sec) * 1000000000ULL +
         BPF_CORE_READ((struct inode___named*)inode, i_ctime.tv_nsec);
}

static __always_inline void fill_task(struct hp_access* a, struct hp_tag* tag) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct hp_identity* who = &a->identity;
  who->session = tag->session;
  who->agent = tag->agent;
  who->uid = BPF_CORE_READ(task, cred, uid.val);
  who->gid = BPF_CORE_READ(task, cred, gid.val);
  who->euid = BPF_CORE_READ(task, cred, euid.val);
  who->egid = BPF_CORE_READ(task, cred, egid.val);
  /* Two words in 6.1, one in later kernels: eight bytes in both. */
  bpf_probe_read_kernel(
      &who->capabilities, sizeof(who->capabilities),
      (const char*)BPF_CORE_READ(task, cred) + bpf_core_field_offset(struct cred, cap_effective));
  struct inode* directory = BPF_CORE_READ(task, fs, pwd.dentry, d_inode);
  who->cwd_inode = BPF_CORE_READ(directory, i_ino);
  who->cwd_device = BPF_CORE_READ(directory, i_sb, s_dev);
  who->mount_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
  who->net_ns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
  a->since = bpf_ktime_get_boot_ns();
  a->cgroup = bpf_get_current_cgroup_id();
  a->start_time = BPF_CORE_READ(task, group_leader, start_boottime);
  a->tid = task->pid;
  a->tgid = task->tgid;
  a->parent = BPF_CORE_READ(task, real_parent, tgid);
  bpf_get_current_comm(a->comm, sizeof(a->comm));
}

/* Makes ws->event.access empty but for kind, operations and the current task. Global, see rules.bpf.h. */
__noinline int access_clear(struct workspace* ws, struct hp_tag* tag, __u32 kind, __u32 operations) {
  if (!ws || !tag) return 1;
  struct hp_access* a = &ws->event.access;
  __builtin_memset(a, 0, sizeof(*a));
  a->identity.kind = kind;
  a->identity.operations = operations;
  fill_task(a, tag);
  return 0;
}

static __always_inline struct hp_access* access_start(struct workspace* ws, struct hp_tag* tag, __u32 kind,
                                                      __u32 operations) {
  access_clear(ws, tag, kind, operations);
  return &ws->event.access;
}

static __always_inline void fill_inode(struct hp_access* a, struct inode* inode) {
  if (!inode) return;
  a->identity.device = BPF_CORE_READ(inode, i_sb, s_dev);
  a->identity.inode = BPF_CORE_READ(inode, i_ino);
  a->mode = BPF_CORE_READ(inode, i_mode);
  if (BPF_CORE_READ(inode, i_nlink) == 0) a->flags |= HP_ACCESS_UNLINKED;
}

struct hashing {
  struct siphash state;
  struct workspace* ws;
  struct exec_workspace* exec;
};

static long hash_identity(__u32 index, void* context) {
  struct hashing* h = context;
  if (index >= sizeof(struct hp_identity) / 8) return 1;
  siphash_word(&h->state, ((const __u64*)&h->ws->event.access.identity)[index]);
  return 0;
}

static long hash_path(__u32 index, void* context) {
  struct hashing* h = context;
  siphash_word(&h->state, *(__u64*)&h->ws->event.path[(index * 8) & (HP_PATH_MAX - 8)]);
  return 0;
}

static long hash_argv(__u32 index, void* context) {
  struct hashing* h = context;
  if (!h->exec) return 1;
  siphash_word(&h->state, *(__u64*)&h->exec->wanted.bytes[(index * 8) & (HP_ARGV_MAX - 8)]);
  return 0;
}

/* The kernel's digest of the access in ws, and of the argv in `exec` (may be 0). Global, see rules.bpf.h. */
__noinline int digest(struct workspace* ws, struct exec_workspace* exec) {
  struct hp_config* c = configuration();
  if (!ws) return 1;
  struct hp_access* a = &ws->event.access;
  if (!c) return 1;
  struct hashing h = {.ws = ws, .exec = exec};
  siphash_start(&h.state, c->hash_key);
  bpf_loop(sizeof(a->identity) / 8, hash_identity, &h, 0);
  siphash_word(&h.state, ((__u64)a->path_length << 32) | a->argv_length);
  siphash_word(&h.state, a->environment_length);
  bpf_loop((a->path_length + 7) / 8, hash_path, &h, 0);
  __u32 words = exec ? (exec->wanted.length + 7) / 8 : 0;
  bpf_loop(words, hash_argv, &h, 0);
  siphash_end(&h.state, sizeof(a->identity) + a->path_length + a->argv_length + a->environment_length,
              a->digest);
  return 0;
}

#endif
