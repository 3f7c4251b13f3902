/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Size, mode, owner, times, flags, access lists and extended attributes of what has its name already.
 *   path_truncate                truncate(2). An ftruncate and O_TRUNC were decided when the file was opened.
 *   path_chmod, path_chown       decide themselves: there is no check of permissions between them and the change that a person
 *                                could be spared.
 *   file_ioctl                   the flags that chattr sets, which needs no file that is open for writing; and what stops a whole file
 *                                system, which would stop the daemon with it.
 *   mnt_want_write, …_file       note the mount: the rest is set through hooks that know only the entry.
 *   inode_setattr                times. Of its other uses each has a hook of its own above.
 *   inode_setxattr, inode_removexattr, inode_set_acl, inode_remove_acl
 *                                extended attributes and access lists. */
#include "lib/change.bpf.h"

/* A change of the object at `path`. */
static __always_inline int change_object(const struct path* path, __u32 call, __u32 operations,
                                         __u64 detail) {
  struct hp_tag* tag;
  struct change c;
  int found = judged(&tag);
  if (found <= 0) return found;
  struct vfsmount* mount = BPF_CORE_READ(path, mnt);
  if (is_layer(mount)) return 0; /* an overlay's own: the change of the overlay's file was judged */
  struct dentry* dentry = BPF_CORE_READ(path, dentry);
  int answer = change_start(&c, tag, call, operations);
  if (answer) return answer;
  fill_inode(&c.ws->event.access, BPF_CORE_READ(dentry, d_inode));
  c.ws->event.access.identity.detail = detail;
  if (change_place(&c, 0, mount, dentry, 0)) return change_unresolved(&c);
  place_judge(c.ws, c.policy, 0, operations, c.executable);
  return change_settle(&c);
}

static __always_inline int is_truncate(void) {
  int compat;
  __u32 call = call_number(&compat);
  return compat ? call == 92 || call == 193 : call == 76;
}

SEC("lsm/path_truncate")
int BPF_PROG(hp_path_truncate, const struct path* path) {
  return is_truncate() ? change_object(path, HP_CALL_TRUNCATE, OP(WRITE), 0) : 0;
}

SEC("lsm/path_chmod")
int BPF_PROG(hp_path_chmod, const struct path* path, __u16 mode) {
  return change_object(path, HP_CALL_CHMOD, OP(ATTRIBUTES), mode & 07777);
}

SEC("lsm/path_chown")
int BPF_PROG(hp_path_chown, const struct path* path, __u64 uid, __u64 gid) {
  return change_object(path, HP_CALL_CHOWN, OP(ATTRIBUTES), (uid & 0xffffffff) << 32 | (gid & 0xffffffff));
}

#define FS_IOC_SETFLAGS 0x40086602
#define FS_IOC32_SETFLAGS 0x40046602
#define FS_IOC_FSSETXATTR 0x401c5820
#define FIFREEZE 0xc0045877
#define FITHAW 0xc0045878
#define FS_IOC_SHUTDOWN 0x8004587d      /* of ext4, xfs and f2fs */
#define FS_IOC_ENABLE_VERITY 0x40806685 /* unwritable for ever */
#define FAT_IOCTL_SET_ATTRIBUTES 0x40047211
#define OCFS2_IOC_REFLINK 0x40186f04 /* a copy under another name */
/* By handles of XFS, past every path: opens a file; sets attributes of many. Of whatever size their arguments are. */
#define IS_XFS_BY_HANDLE(command) (((command) & 0xffff) == 0x586b || ((command) & 0xffff) == 0x587b)
/* Put words into a terminal as if somebody had typed them: the person's shell would carry out the agent's own approval. */
#define TIOCSTI 0x5412
#define TIOCLINUX 0x541c /* pastes, among other things of a console */

/* btrfs and bcachefs make and take away whole trees so, past the hooks of paths: a snapshot is a second name for everything below it.
 * btrfs also reads out small files and whole trees without opening one. Its type is that of FICLONE and its like, too, which need open
 * files. */
static __always_inline int is_tree_call(unsigned int command) {
  unsigned int type = command >> 8 & 255, number = command & 255;
  if (type == 0xbc) return number == 16 || number == 17; /* SUBVOLUME_CREATE, SUBVOLUME_DESTROY */
  if (type != 0x94) return 0;
  switch (number) {
    case 1:  /* SNAP_CREATE */
    case 14: /* SUBVOL_CREATE */
    case 15: /* SNAP_DESTROY */
    case 17: /* TREE_SEARCH, and its second version */
    case 19: /* DEFAULT_SUBVOL */
    case 23: /* SNAP_CREATE_V2 */
    case 24: /* SUBVOL_CREATE_V2 */
    case 26: /* SUBVOL_SETFLAGS */
    case 37: /* SET_RECEIVED_SUBVOL */
    case 38: /* SEND */
    case 63: /* SNAP_DESTROY_V2 */ return 1;
    default: return 0;
  }
}

/* The numbers are the same for 32-bit callers, but for one. */
static __always_inline int judge_ioctl(struct file* file, unsigned int command) {
  if (is_tree_call(command) || IS_XFS_BY_HANDLE(command)) return forbid();
  switch (command) {
    case FS_IOC_SETFLAGS:
    case FS_IOC32_SETFLAGS:
    case FS_IOC_ENABLE_VERITY:
    case FAT_IOCTL_SET_ATTRIBUTES:
    case FS_IOC_FSSETXATTR: return change_object(&file->f_path, HP_CALL_FLAGS, OP(ATTRIBUTES), 0);
    case FIFREEZE:
    case FITHAW:
    case FS_IOC_SHUTDOWN:
    case OCFS2_IOC_REFLINK:
    case TIOCSTI:
    case TIOCLINUX: return forbid();
    default: return 0;
  }
}

SEC("lsm/file_ioctl")
int BPF_PROG(hp_file_ioctl, struct file* file, unsigned int command) { return judge_ioctl(file, command); }

/* Of 32-bit callers; kernels without it call file_ioctl. Loaded where it exists. */
SEC("?lsm/file_ioctl_compat")
int BPF_PROG(hp_file_ioctl32, struct file* file, unsigned int command) { return judge_ioctl(file, command); }

/* A layer of an overlay is asked for inside of a call that has named the overlay's mount already. */
static __always_inline int note_write(struct vfsmount* mount) {
  struct hp_tag* tag = tag_of_current();
  if (tag && !is_layer(mount)) tag->write_mount = (__u64)mount;
  return 0;
}

SEC("fentry/mnt_want_write")
int BPF_PROG(hp_want_write, struct vfsmount* mount) { return note_write(mount); }

SEC("fentry/mnt_want_write_file")
int BPF_PROG(hp_want_write_file, struct file* file) { return note_write(BPF_CORE_READ(file, f_path.mnt)); }

/* Whether the process itself asks for a change of attributes: setxattr, removexattr and utime with all their relatives. Elsewhere
 * file systems set attributes for themselves (an overlay that copies a file up). io_uring has no call to tell by: it is taken for
 * one of them, and judged if a ring is there in spite of everything. */
static __always_inline int is_attribute_call(void) {
  int compat;
  __u32 call = call_number(&compat);
  if (call == 426 || call == 463 || call == 466) return 1;
  if (compat)
    return (call >= 226 && call <= 228) || (call >= 235 && call <= 237) || call == 30 || call == 271 ||
           call == 299 || call == 320 || call == 412;
  return (call >= 188 && call <= 190) || (call >= 197 && call <= 199) || call == 132 || call == 235 ||
         call == 261 || call == 280;
}

#define OVERLAYFS_MAGIC 0x794c7630
#define ECRYPTFS_MAGIC 0xf15f

/* Whether a file system on that mount passes calls on to another one. */
static __always_inline int is_stacked(struct vfsmount* mount) {
  unsigned long magic = BPF_CORE_READ(mount, mnt_sb, s_magic);
  return magic == OVERLAYFS_MAGIC || magic == ECRYPTFS_MAGIC;
}

static __always_inline int change_attribute(struct dentry* dentry, __u32 call, __u64 detail,
                                            const char* name) {
  struct hp_tag* tag;
  struct change c;
  int found = judged(&tag);
  if (found <= 0) return found;
  if (!is_attribute_call()) return 0;
  struct vfsmount* mount = (struct vfsmount*)tag->write_mount;
  if (!mount || BPF_CORE_READ(mount, mnt_sb) != BPF_CORE_READ(dentry, d_sb))
    return mount && is_stacked(mount) ? 0 : refuse_blind();
  int answer = change_start(&c, tag, call, OP(ATTRIBUTES));
  if (answer) return answer;
  fill_inode(&c.ws->event.access, BPF_CORE_READ(dentry, d_inode));
  c.ws->event.access.identity.detail = detail;
  if (change_place(&c, 0, mount, dentry, 0)) return change_unresolved(&c);
  c.ws->object = (__u64)name;
  if (name && string_append(c.ws)) return change_unresolved(&c);
  place_judge(c.ws, c.policy, 0, OP(ATTRIBUTES), c.executable);
  return change_settle(&c);
}

#define ATTR_MTIME_SET (1 << 8)
#define ATTR_TIMES_SET (1 << 16)
#define ATTR_TOUCH (1 << 17)

static __always_inline int change_times(struct dentry* dentry, struct iattr* attributes) {
  unsigned int valid = BPF_CORE_READ(attributes, ia_valid);
  if (!(valid & (ATTR_TIMES_SET | ATTR_TOUCH))) return 0;
  __u64 second = valid & ATTR_MTIME_SET ? BPF_CORE_READ(attributes, ia_mtime.tv_sec) : 0;
  return change_attribute(dentry, HP_CALL_TIMES, second, 0);
}

/* Up to 6.8 the hook has no map of owners before the entry. One of the two is loaded. */
SEC("?lsm/inode_setattr")
int BPF_PROG(hp_set_times, void* map, struct dentry* dentry, struct iattr* attributes) {
  return change_times(dentry, attributes);
}

SEC("?lsm/inode_setattr")
int BPF_PROG(hp_set_times_old, struct dentry* dentry, struct iattr* attributes) {
  return change_times(dentry, attributes);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(hp_setxattr, void* map, struct dentry* dentry, const char* name) {
  return change_attribute(dentry, HP_CALL_XATTR, 0, name);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(hp_removexattr, void* map, struct dentry* dentry, const char* name) {
  return change_attribute(dentry, HP_CALL_XATTR, 0, name);
}

/* From 6.2 on access lists have hooks of their own; before, they are extended attributes. Loaded where they exist. */
SEC("?lsm/inode_set_acl")
int BPF_PROG(hp_set_acl, void* map, struct dentry* dentry, const char* name) {
  return change_attribute(dentry, HP_CALL_XATTR, 0, name);
}

SEC("?lsm/inode_remove_acl")
int BPF_PROG(hp_remove_acl, void* map, struct dentry* dentry, const char* name) {
  return change_attribute(dentry, HP_CALL_XATTR, 0, name);
}
