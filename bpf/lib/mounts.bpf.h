/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which mounts are a task's own: kept namespaces (the host's and the daemon's), whose mounts no tagged process changes, and whether what
 * happens elsewhere propagates into them.
 *
 * A mount propagates to its peers, so a namespace is one's own when none of its mounts has a peer in a kept one: then no call within it
 * reaches the guard, be it a mount, a bind of any source, a move beneath, or the removal of a tree. (Slaves of a kept mount are no peers.
 * A mount of the host that somebody on the host made the slave of an agent's is not looked for.)
 *
 * The lists are read without their lock. A mount that is taken out of one meanwhile leads to itself, or nowhere: the walk does not come
 * to its end, and the call is refused. Nothing comes in meanwhile: who makes peers of kept mounts in a namespace can do so only while
 * it has some, and then nothing but propagation is changed there, which takes peers away. Memory is given back only after this
 * program's end (RCU). */
#ifndef HOLDPOINT_MOUNTS_BPF_H
#define HOLDPOINT_MOUNTS_BPF_H

#include "guard.bpf.h"

/* A mount takes two, and one for each of its peers. */
#define MAX_MOUNT_STEPS 32768
#define MAX_INSTANCES 4096

enum mount_step {
  MOUNT_ENTERED = 0, /* here: look at it, then at what is on it */
  MOUNT_PEERS = 1,   /* here: in the middle of its ring */
  MOUNT_LEFT = 2,    /* here: nothing on it is left to look at */
};

#define mount_at(node, list) ((struct mount*)((char*)(node) - bpf_core_field_offset(struct mount, list)))
#define list_at(owner, list) ((struct list_head*)((char*)(owner) + bpf_core_field_offset(struct mount, list)))

/* As long as one of the two is not known, every namespace is. */
static __always_inline int is_kept(struct mnt_namespace* namespace) {
  struct hp_config* c = configuration();
  __u64 number = BPF_CORE_READ(namespace, ns.inum);
  return !c || !c->host_mounts || !c->daemon_mounts || number == c->host_mounts || number == c->daemon_mounts;
}

/* On to the first mount on this one. */
static __always_inline long mount_descend(struct mounts* m, struct mount* here) {
  struct list_head* child = BPF_CORE_READ(here, mnt_mounts.next);
  int none = child == list_at(here, mnt_mounts);
  m->step = none ? MOUNT_LEFT : MOUNT_ENTERED;
  if (!none) m->here = mount_at(child, mnt_child);
  return 0;
}

/* On to the next one on the same parent, or back to that. */
static __always_inline long mount_leave(struct mounts* m, struct mount* here) {
  if (here == m->top) {
    m->within = 1;
    return 1;
  }
  struct mount* parent = BPF_CORE_READ(here, mnt_parent);
  struct list_head* next = BPF_CORE_READ(here, mnt_child.next);
  int last = next == list_at(parent, mnt_mounts);
  m->step = last ? MOUNT_LEFT : MOUNT_ENTERED;
  m->here = last ? parent : mount_at(next, mnt_child);
  return 0;
}

static long mounts_step(__u32 index, void* context) {
  struct workspace* ws = *(struct workspace**)context;
  struct mounts* m = &ws->mounts;
  struct mount* here = m->here;
  if (m->step == MOUNT_LEFT) return mount_leave(m, here);
  if (m->step == MOUNT_ENTERED) {
    if (!(BPF_CORE_READ(here, mnt.mnt_flags) & MNT_SHARED_FLAG)) return mount_descend(m, here);
    m->step = MOUNT_PEERS;
    m->peer = here;
  }
  struct mount* peer = m->peer;
  if (is_kept(BPF_CORE_READ(peer, mnt_ns))) return 1;
  peer = mount_at(BPF_CORE_READ(peer, mnt_share.next), mnt_share);
  m->peer = peer;
  return peer == here ? mount_descend(m, here) : 0;
}

/* Whether neither ws->mounts.top nor a mount on it, however deep, has a peer in a kept namespace. Global, see rules.bpf.h. */
__noinline int stays_within(struct workspace* ws) {
  if (!ws) return 0;
  ws->mounts.here = ws->mounts.top;
  ws->mounts.step = MOUNT_ENTERED;
  ws->mounts.within = 0;
  if (ws->mounts.top) bpf_loop(MAX_MOUNT_STEPS, mounts_step, &ws, 0);
  return ws->mounts.within;
}

static long instances_step(__u32 index, void* context) {
  struct workspace* ws = *(struct workspace**)context;
  struct mounts* m = &ws->mounts;
  struct list_head* node = (struct list_head*)m->here;
  if (node == (struct list_head*)m->top) {
    m->within = 1;
    return 1;
  }
  if (BPF_CORE_READ(mount_at(node, mnt_instance), mnt_ns) != m->namespace) return 1;
  m->here = (struct mount*)BPF_CORE_READ(node, next);
  return 0;
}

/* Whether a file system is mounted nowhere but in ws->mounts.namespace; ws->object: its superblock. Global. */
__noinline int is_mounted_here_only(struct workspace* ws) {
  if (!ws) return 0;
  struct super_block* superblock = (struct super_block*)ws->object;
  char* head = (char*)superblock + bpf_core_field_offset(struct super_block, s_mounts);
  ws->mounts.top = (struct mount*)head;
  ws->mounts.here = (struct mount*)BPF_CORE_READ(superblock, s_mounts.next);
  ws->mounts.within = 0;
  bpf_loop(MAX_INSTANCES, instances_step, &ws, 0);
  return ws->mounts.within;
}

#endif
