/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the host's mounts are. Unmounting takes the guard's pins away, and a mount hides the guard's files or is a second name for
 * others: no tagged process changes the mounts of the host, nor in a namespace of its own what is shared with them. In a namespace
 * of its own it may, as service managers, container runtimes and sandboxes do before they start a program.
 *   sb_mount        mount(2): new ones, binds, moves, changes of propagation.
 *   move_mount      what fsmount(2) and open_tree(2) made gets a place. Without one its files have no path, and are refused.
 *   sb_umount
 *   sb_pivotroot    which the kernel refuses for shared mounts itself.
 *   sb_remount      a file system's own options are the same in all namespaces. */
#include "lib/guard.bpf.h"

/* Where the mount on which something happens is `on`; 0 where only the namespace counts. */
static __always_inline int keep_mounts(struct vfsmount* on, int only_propagation) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (state != SUBJECT_TAGGED) return refuse_blind();
  struct hp_config* c = configuration();
  struct task_struct* task = bpf_get_current_task_btf();
  struct mnt_namespace* mounts = BPF_CORE_READ(task, nsproxy, mnt_ns);
  int own = c && c->host_mounts && BPF_CORE_READ(mounts, ns.inum) != c->host_mounts;
  /* A descriptor leads to mounts of other namespaces. */
  if (on && BPF_CORE_READ(mount_of(on), mnt_ns) != mounts) own = 0;
  int shared = on && BPF_CORE_READ(on, mnt_flags) & MNT_SHARED_FLAG;
  return own && (only_propagation || !shared) ? 0 : refuse_guard(tag, 0);
}

SEC("lsm/sb_mount")
int BPF_PROG(hp_mount, const char* device, const struct path* at, const char* type, unsigned long flags,
             void* data) {
  /* mount(2) looks at remount and bind before it looks at propagation. */
  return keep_mounts(at->mnt, (flags & MS_PROPAGATION) && !(flags & (MS_REMOUNT | MS_BIND)));
}

SEC("lsm/move_mount")
int BPF_PROG(hp_move_mount, const struct path* from, const struct path* to) {
  return keep_mounts(to->mnt, 0);
}

/* What leaves propagates as the mount below it is shared. */
SEC("lsm/sb_umount")
int BPF_PROG(hp_umount, struct vfsmount* mount, int flags) {
  struct mount* below = BPF_CORE_READ(mount_of(mount), mnt_parent);
  return keep_mounts((struct vfsmount*)((char*)below + bpf_core_field_offset(struct mount, mnt)), 0);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(hp_pivot_root, const struct path* former, const struct path* next) { return keep_mounts(0, 0); }

SEC("lsm/sb_remount")
int BPF_PROG(hp_remount, struct super_block* superblock, void* options) { return forbid(); }
