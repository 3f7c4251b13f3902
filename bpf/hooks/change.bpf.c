/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names: what a file system has more, less or elsewhere afterwards.
 *   path_mkdir … path_rename     note entry and mount. They decide nothing: they run before ordinary permissions, and a person
 *                                must not be asked about what would fail anyway. path_mknod is in file.bpf.c.
 *   inode_mkdir … inode_rename   their twins decide. Without a note it is a file system acting for itself (overlay's layers).
 *
 * An object that gets another name can from then on be reached by that. So, unless the policy says the same about both names,
 * the old one is asked for everything that can be done to a file, and for a directory, or what leads to one, for everything that
 * could be done below it. */
#include "lib/change.bpf.h"

#define REACHED_BY_A_NEW_NAME (OP(EXEC) | OP(READ) | OP(WRITE))
#define RENAME_EXCHANGE_FLAG 2

SEC("lsm/path_mkdir")
int BPF_PROG(hp_path_mkdir, const struct path* directory, struct dentry* entry) {
  return note(entry, directory->mnt, 0);
}

SEC("lsm/path_symlink")
int BPF_PROG(hp_path_symlink, const struct path* directory, struct dentry* entry) {
  return note(entry, directory->mnt, 0);
}

SEC("lsm/path_unlink")
int BPF_PROG(hp_path_unlink, const struct path* directory, struct dentry* entry) {
  return note(entry, directory->mnt, 0);
}

SEC("lsm/path_rmdir")
int BPF_PROG(hp_path_rmdir, const struct path* directory, struct dentry* entry) {
  return note(entry, directory->mnt, 0);
}

SEC("lsm/path_link")
int BPF_PROG(hp_path_link, struct dentry* old, const struct path* directory, struct dentry* entry) {
  return note(old, directory->mnt, 0);
}

SEC("lsm/path_rename")
int BPF_PROG(hp_path_rename, const struct path* from, struct dentry* old, const struct path* to,
             struct dentry* entry, unsigned int flags) {
  return note(old, from->mnt, flags);
}

/* What is reached through a symbolic link is judged by its own name. But the link gives a name to what need not be there yet, and
 * a rule that protects a name protects it from becoming something else: all that the link could stand before. Where no rule means
 * the place in particular, every name below it is as good as one that needs no link. */
static __always_inline void judge_link_at(struct change* c, __u32 which) {
  if (state_inside(c->policy, c->ws->places[which].state) == c->policy->elsewhere) return;
  place_judge_below(c->ws, c->policy, which, OP(CREATE), c->executable);
}

/* One name that comes or goes. `leads_to`: what a symbolic link is to contain. */
static __always_inline int change_name(struct dentry* entry, __u32 call, __u32 operations, __u16 mode,
                                       struct inode* object, const char* leads_to) {
  struct hp_tag* tag;
  struct change c;
  int found = noted(&tag, entry);
  if (found <= 0) return found;
  int answer = change_start(&c, tag, call, operations);
  if (answer) return answer;
  struct hp_access* a = &c.ws->event.access;
  fill_inode(a, object);
  a->flags &= ~HP_ACCESS_UNLINKED;
  if (mode) a->mode = mode;
  if (operations == OP(CREATE)) a->identity.detail = mode;
  struct vfsmount* mount = (struct vfsmount*)tag->create_mount;
  if (change_place(&c, 0, mount, BPF_CORE_READ(entry, d_parent), entry)) return change_unresolved(&c);
  place_judge(c.ws, c.policy, 0, operations, c.executable);
  if (leads_to) {
    judge_link_at(&c, 0);
    c.ws->object = (__u64)leads_to;
    if (string_append(c.ws)) return change_unresolved(&c);
  }
  return change_settle(&c);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(hp_inode_mkdir, struct inode* directory, struct dentry* entry, __u16 mode) {
  return change_name(entry, HP_CALL_MKDIR, OP(CREATE), S_IFDIR | (mode & 07777), directory, 0);
}

#define DEVICE(major, minor) ((major) << 20 | (minor))

/* A device by another name is what rules about the device's own do not see: disks, the machine's memory, input. What everybody has, and
 * what an overlay marks with (0:0), is none. */
static __always_inline int leads_to_device(__u16 mode, __u32 device) {
  if ((mode & S_IFMT) == S_IFBLK) return 1;
  if ((mode & S_IFMT) != S_IFCHR) return 0;
  switch (device) {
    case 0:
    case DEVICE(1, 3): /* null */
    case DEVICE(1, 5): /* zero */
    case DEVICE(1, 7): /* full */
    case DEVICE(1, 8): /* random */
    case DEVICE(1, 9): /* urandom */
    case DEVICE(5, 0): /* tty */
    case DEVICE(5, 2): /* ptmx */ return 0;
    default: return 1;
  }
}

SEC("lsm/inode_mknod")
int BPF_PROG(hp_inode_mknod, struct inode* directory, struct dentry* entry, __u16 mode, __u32 device) {
  if (leads_to_device(mode, device)) return forbid();
  return change_name(entry, HP_CALL_MKNOD, OP(CREATE), mode, directory, 0);
}

SEC("lsm/inode_symlink")
int BPF_PROG(hp_inode_symlink, struct inode* directory, struct dentry* entry, const char* leads_to) {
  return change_name(entry, HP_CALL_SYMLINK, OP(CREATE), S_IFLNK | 0777, directory, leads_to);
}

SEC("lsm/inode_unlink")
int BPF_PROG(hp_inode_unlink, struct inode* directory, struct dentry* entry) {
  return change_name(entry, HP_CALL_UNLINK, OP(DELETE), 0, BPF_CORE_READ(entry, d_inode), 0);
}

SEC("lsm/inode_rmdir")
int BPF_PROG(hp_inode_rmdir, struct inode* directory, struct dentry* entry) {
  return change_name(entry, HP_CALL_RMDIR, OP(DELETE), 0, BPF_CORE_READ(entry, d_inode), 0);
}

static __always_inline __u16 type_of(struct inode* inode) {
  return inode ? BPF_CORE_READ(inode, i_mode) & S_IFMT : 0;
}

/* Judges what something of type `type` is reached by when it has name `to` and had name `from`. */
static __always_inline void judge_reach(struct change* c, __u32 from, __u32 to, __u16 type) {
  struct place* old = &c->ws->places[from];
  struct place* new = &c->ws->places[to];
  if (old->set != new->set) place_judge(c->ws, c->policy, from, REACHED_BY_A_NEW_NAME, c->executable);
  if (type == S_IFLNK) judge_link_at(c, to);
  if (type != S_IFDIR || state_inside(c->policy, old->state) == state_inside(c->policy, new->state)) return;
  place_judge_below(c->ws, c->policy, from, OP(DELETE) | REACHED_BY_A_NEW_NAME, c->executable);
  place_judge_below(c->ws, c->policy, to, OP(CREATE), c->executable);
}

/* Both names, and that the first may lose what it has and the second get it. Anything but 0: the answer. */
static __always_inline int change_both(struct change* c, struct dentry* old, struct dentry* entry,
                                       __u32 at_old, __u32 at_new) {
  struct vfsmount* mount = (struct vfsmount*)c->tag->create_mount;
  if (change_place(c, 0, mount, BPF_CORE_READ(old, d_parent), old) ||
      change_place(c, 1, mount, BPF_CORE_READ(entry, d_parent), entry))
    return change_unresolved(c);
  place_judge(c->ws, c->policy, 0, at_old, c->executable);
  place_judge(c->ws, c->policy, 1, at_new, c->executable);
  return 0;
}

SEC("lsm/inode_link")
int BPF_PROG(hp_inode_link, struct dentry* old, struct inode* directory, struct dentry* entry) {
  struct hp_tag* tag;
  struct change c;
  int found = noted(&tag, old);
  if (found <= 0) return found;
  int answer = change_start(&c, tag, HP_CALL_LINK, OP(LINK));
  if (answer) return answer;
  struct inode* object = BPF_CORE_READ(old, d_inode);
  fill_inode(&c.ws->event.access, object);
  answer = change_both(&c, old, entry, OP(LINK), OP(CREATE));
  if (answer) return answer;
  judge_reach(&c, 0, 1, type_of(object));
  return change_settle(&c);
}

SEC("lsm/inode_rename")
int BPF_PROG(hp_inode_rename, struct inode* from, struct dentry* old, struct inode* to,
             struct dentry* entry) {
  struct hp_tag* tag;
  struct change c;
  int found = judged(&tag);
  if (found <= 0) return found;
  /* An exchange comes twice, the other way round first. */
  if (tag->create_dentry != (__u64)old && tag->create_dentry != (__u64)entry) return 0;
  if (tag->create_dentry == (__u64)entry) {
    struct dentry* other = old;
    old = entry;
    entry = other;
  }
  tag->create_dentry = 0;
  int exchange = (tag->note_flags & RENAME_EXCHANGE_FLAG) != 0;
  int answer = change_start(&c, tag, exchange ? HP_CALL_EXCHANGE : HP_CALL_RENAME, OP(DELETE) | OP(CREATE));
  if (answer) return answer;
  struct inode* moved = BPF_CORE_READ(old, d_inode);
  struct inode* replaced = BPF_CORE_READ(entry, d_inode);
  fill_inode(&c.ws->event.access, moved);
  if (replaced) c.ws->event.access.identity.detail = BPF_CORE_READ(replaced, i_ino);
  __u32 both = OP(DELETE) | OP(CREATE) | OP(WRITE);
  answer = change_both(&c, old, entry, exchange ? both : OP(DELETE), replaced ? both : OP(CREATE));
  if (answer) return answer;
  judge_reach(&c, 0, 1, type_of(moved));
  if (exchange) judge_reach(&c, 1, 0, type_of(replaced));
  return change_settle(&c);
}
