/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a path means. A mount puts files under names that no rule knows, unmounting takes the guard's pins or an agent's own
 * cgroup out of sight, and a second procfs or cgroup file system is a way round rules for the first: no tagged process does
 * any of it, in whatever namespace, whatever the policy says.
 *   sb_mount        mount(2): new ones, binds, moves, remounts, changes of propagation.
 *   move_mount      what fsmount(2) and open_tree(2) made gets a place. Without one its files have no path, and are refused.
 *   sb_umount, sb_pivotroot */
#include "lib/guard.bpf.h"

SEC("lsm/sb_mount")
int BPF_PROG(hp_mount, const char* device, const struct path* at, const char* type, unsigned long flags,
             void* data) {
  return forbid();
}

SEC("lsm/move_mount")
int BPF_PROG(hp_move_mount, const struct path* from, const struct path* to) { return forbid(); }

SEC("lsm/sb_umount")
int BPF_PROG(hp_umount, struct vfsmount* mount, int flags) { return forbid(); }

SEC("lsm/sb_pivotroot")
int BPF_PROG(hp_pivot_root, const struct path* former, const struct path* next) { return forbid(); }
