/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the host's mounts are. Unmounting takes the guard's pins away, and a mount hides the guard's files or is a second name for
 * others: no tagged process changes the mounts of the host or of the daemon's namespace. In a namespace of its own it may, as
 * service managers, container runtimes and sandboxes do before they start a program; that is its own once nothing in it propagates to
 * those (lib/mounts.bpf.h), but not where it may have no user namespace and is in one. Until then it may change the propagation, which all of them do first.
 *   sb_mount        mount(2): new ones, binds, moves, changes of propagation.
 *   move_mount      what fsmount(2) and open_tree(2) made gets a place. Without one its files have no path, and are refused.
 *   sb_umount
 *   sb_pivotroot
 *   sb_remount      a file system's own options are the same in all namespaces.
 *   capable         mount_setattr(2) has no hook of its own, but asks for CAP_SYS_ADMIN. Likewise perf_event_open(2), whose hook does
 *                   not say what for on all kernels, and PR_SET_MM. */
#include "lib/mounts.bpf.h"

enum mount_change {
  CHANGE_PLACES,      /* something gets a place, or loses it */
  CHANGE_PROPAGATION, /* or what else stays with the mounts of one namespace */
};

/* `on`: the mount on which something happens, or 0; `moved`: the one that gets a place there, or 0. */
static __always_inline int keep_mounts(struct vfsmount* on, struct vfsmount* moved,
                                       enum mount_change change) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
  if (!ws) return refuse_blind();
  struct task_struct* task = bpf_get_current_task_btf();
  struct mnt_namespace* mounts = BPF_CORE_READ(task, nsproxy, mnt_ns);
  if (is_kept(mounts) || in_user_namespace_it_may_not_have(tag)) return refuse_guard(tag, 0);
  /* A descriptor leads to mounts of other namespaces. */
  if (on && BPF_CORE_READ(mount_of(on), mnt_ns) != mounts) return refuse_guard(tag, 0);
  if (change == CHANGE_PROPAGATION) return 0;
  ws->mounts.top = BPF_CORE_READ(mounts, root);
  if (!stays_within(ws)) return refuse_guard(tag, 0);
  if (!moved) return 0;
  /* A detached tree comes from anywhere, the host's namespace too. */
  ws->mounts.top = mount_of(moved);
  return stays_within(ws) ? 0 : refuse_guard(tag, 0);
}

SEC("lsm/sb_mount")
int BPF_PROG(hp_mount, const char* device, const struct path* at, const char* type, unsigned long flags,
             void* data) {
  /* mount(2) looks at remount and bind before it looks at propagation. */
  int propagation = (flags & MS_PROPAGATION) && !(flags & (MS_REMOUNT | MS_BIND));
  return keep_mounts(at->mnt, 0, propagation ? CHANGE_PROPAGATION : CHANGE_PLACES);
}

/* Beneath `to` (MOVE_MOUNT_BENEATH) is in the same namespace. */
SEC("lsm/move_mount")
int BPF_PROG(hp_move_mount, const struct path* from, const struct path* to) {
  return keep_mounts(to->mnt, from->mnt, CHANGE_PLACES);
}

SEC("lsm/sb_umount")
int BPF_PROG(hp_umount, struct vfsmount* mount, int flags) { return keep_mounts(mount, 0, CHANGE_PLACES); }

SEC("lsm/sb_pivotroot")
int BPF_PROG(hp_pivot_root, const struct path* former, const struct path* next) {
  return keep_mounts(0, 0, CHANGE_PLACES);
}

SEC("lsm/sb_remount")
int BPF_PROG(hp_remount, struct super_block* superblock, void* options) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
  if (!ws) return refuse_blind();
  struct task_struct* task = bpf_get_current_task_btf();
  struct mnt_namespace* mounts = BPF_CORE_READ(task, nsproxy, mnt_ns);
  ws->mounts.namespace = mounts;
  ws->object = (__u64)superblock;
  return !is_kept(mounts) && is_mounted_here_only(ws) ? 0 : refuse_guard(tag, 0);
}

#define CALL_MOUNT_SETATTR 442 /* also of 32-bit callers */
#define CALL_SETNS 308
#define CALL_SETNS_32 346

/* Of namespaces that another user namespace owns: entering that one, or what belongs to it, is as good as making one. */
static __always_inline int enters_user_namespace(__u32 call, __u64 within) {
  return (call == CALL_SETNS || call == CALL_SETNS_32) &&
         within != (__u64)BPF_CORE_READ(bpf_get_current_task_btf(), cred, user_ns);
}

/* Calls for which no agent has a capability, whoever it is. perf_event_open: what everybody may count, it may; a probe writes into the
 * code of programs, the daemon's too, without opening their files. PR_SET_MM, of programs that restore others: it also says which file
 * the process was executed from, and rules trust that. */
static __always_inline int is_call_without_right(void) {
  int compat;
  __u32 call = call_number(&compat);
  if (call == (compat ? 336 : 298)) return 1;
  if (call != (compat ? 172 : 157)) return 0;
  struct pt_regs___x86* regs = (void*)bpf_task_pt_regs(bpf_get_current_task_btf());
  return (__u32)(compat ? BPF_CORE_READ(regs, bx) : BPF_CORE_READ(regs, di)) == 35;
}

/* Asked everywhere and of everybody, so the cheapest question comes first. Which mounts it will be is not known here: those of the
 * caller's namespace, as the kernel makes sure, or detached ones. Attributes stay with a mount, they do not propagate. */
SEC("lsm/capable")
int BPF_PROG(hp_capable, const struct cred* credentials, void* within, int capability) {
  if (capability != CAP_SYS_ADMIN && capability != CAP_SYS_RESOURCE && capability != CAP_CHECKPOINT_RESTORE &&
      capability != CAP_PERFMON)
    return 0;
  if (is_call_without_right()) return forbid();
  if (capability != CAP_SYS_ADMIN) return 0;
  __u32 call = current_call();
  if (call == CALL_MOUNT_SETATTR) return keep_mounts(0, 0, CHANGE_PROPAGATION);
  return enters_user_namespace(call, (__u64)within) ? keep_out_of_user_namespaces() : 0;
}
