/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names and attributes: everything but opens that changes a file system.
 *   path_mkdir … path_rename     note entry and mount. They decide nothing: they run before ordinary permissions, and a person
 *                                must not be asked about what would fail anyway.
 *   inode_mkdir … inode_rename   their twins decide. Without a note it is a file system acting for itself (overlay's layers).
 *   path_truncate                truncate(2). An ftruncate and O_TRUNC were decided when the file was opened.
 *   path_chmod, path_chown       decide themselves: there is no check of permissions between them and the change.
 *   mnt_want_write, …_file       note the mount: attributes are set through hooks that know only the entry.
 *   inode_setxattr, inode_removexattr, inode_set_acl, inode_remove_acl
 *                                extended attributes and access lists.
 *
 * An object that gets another name can from then on be reached by that: so its old name is asked for everything that can be done
 * to a file, and for a directory for everything that could be done below it. */
#include "lib/hold.bpf.h"

#define OP(name) (1U << HP_OP_##name)
#define REACHED_BY_A_NEW_NAME (OP(EXEC) | OP(READ) | OP(WRITE))
#define RENAME_EXCHANGE_FLAG 2

/* Puts the path in ws->build from `position` behind what is in the event. 1: no room. */
static __always_inline int path_append(struct workspace* ws, __u32 position) {
  __u32 length = BUILD_END - position, at = ws->event.access.path_length;
  if (at) ws->event.access.identity.second = ++at; /* the NUL between is there: path_keep and this write it */
  bounded(length);
  bounded(at);
  if (length > HP_PATH_MAX || at > HP_PATH_MAX - 8 || at + length > HP_PATH_MAX - 8) return 1;
  bpf_probe_read_kernel(&ws->event.path[at & (HP_PATH_MAX - 1)], length,
                        &ws->build[position & (HP_PATH_MAX - 1)]);
  at += length;
  bounded(at);
  if (at > HP_PATH_MAX - 8) return 1;
  *(__u64*)&ws->event.path[at] = 0; /* for the hash, and the NUL before what follows */
  ws->event.access.path_length = at;
  return 0;
}

/* Walks from ws->walk.from_…, appends the path to the event and judges it: a packed outcome (rules.bpf.h), or NO_SET when the path
 * is unresolved. `below`: a directory moves, with everything in it. Global, see rules.bpf.h. */
__noinline __u32 name_judged(struct workspace* ws, struct hp_policy* policy, __u32 operations,
                             __u32 executable, __u32 below) {
  if (!ws || !policy) return NO_SET;
  int path = path_walk(ws, BUILD_END);
  __u32 position = ws->walk.position;
  if (path == PATH_UNRESOLVED || path_append(ws, position)) return NO_SET;
  __u32 object = automaton_run(policy, HP_AUTOMATON_OBJECT, ws, position, BUILD_END);
  __u32 destination = set_of(policy, &policy->automata[HP_AUTOMATON_DESTINATION], 0);
  struct outcome best, other;
  __u32 packed = judge_packed(policy, operations, object, executable, destination);
  if (!below) return packed;
  unpack(packed, &best);
  unpack(judge_below(policy, operations, ws->state, executable), &other);
  stricter(&best, &other);
  return (best.rule & 0xffff) | (best.verdict & 15) << PACK_VERDICT |
         (best.hold_mode & 15) << PACK_HOLD_MODE | best.flags << PACK_FLAGS;
}

struct change {
  struct hp_tag* tag;
  struct workspace* ws;
  struct hp_policy* policy;
  __u32 executable;
  struct outcome out;
};

/* The access, empty but for its call, and what is needed to judge it. Anything but 0 is the answer of the hook. */
static __always_inline int change_start(struct change* c, struct hp_tag* tag, __u32 call, __u32 operations) {
  c->tag = tag;
  c->ws = workspace();
  if (!c->ws) return refuse_blind();
  access_start(c->ws, tag, HP_OBJECT_FILE, operations);
  c->ws->event.access.identity.call = call;
  c->policy = policy_of(tag->agent);
  if (!c->policy) return refuse(tag, c->ws, HP_CAUSE_NO_POLICY);
  c->executable = executable_set(tag, c->ws, c->policy);
  c->out.rule = HP_MAX_RULES;
  c->out.verdict = HP_ALLOW;
  c->out.hold_mode = HP_HOLD_AUTO;
  c->out.flags = 0;
  return 0;
}

/* Judges `name` below `dentry` (or `dentry` itself when `name` is 0) for `operations`; the strictest of all calls stays. */
static __always_inline int change_judge(struct change* c, struct vfsmount* mount, struct dentry* dentry,
                                        struct dentry* name, __u32 operations, __u32 below) {
  struct outcome out;
  c->ws->walk.from_mount = mount;
  c->ws->walk.from_dentry = dentry;
  c->ws->walk.name = name;
  __u32 packed = name_judged(c->ws, c->policy, operations, c->executable, below);
  if (packed == NO_SET) {
    count(HP_COUNT_UNRESOLVED);
    return refuse(c->tag, c->ws, HP_CAUSE_UNRESOLVED);
  }
  unpack(packed, &out);
  if (c->out.rule == HP_MAX_RULES && c->out.verdict == HP_ALLOW) {
    __u32 flags = c->out.flags;
    c->out = out;
    c->out.flags |= flags;
  } else {
    stricter(&c->out, &out);
  }
  return 0;
}

static __always_inline int change_settle(struct change* c) {
  return settle(c->tag, c->ws, 0, 0, c->policy, c->out);
}

static __always_inline void note(struct dentry* entry, struct vfsmount* mount, __u32 flags) {
  struct hp_tag* tag;
  if (subject(&tag) != SUBJECT_TAGGED) return;
  tag->create_dentry = (__u64)entry;
  tag->create_mount = (__u64)mount;
  tag->note_flags = flags;
  tag->created_dentry = 0;
}

/* Takes the note of `entry`. 1: judge; 0: let it pass; negative: the answer. */
static __always_inline int noted(struct hp_tag** tag, struct dentry* entry) {
  int state = subject(tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (state != SUBJECT_TAGGED) return refuse_blind();
  if ((*tag)->create_dentry != (__u64)entry) return 0;
  (*tag)->create_dentry = 0;
  return 1;
}

/* One name that comes or goes. */
static __always_inline int change_name(struct dentry* entry, __u32 call, __u32 operations, __u16 mode,
                                       struct inode* object) {
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
  answer = change_judge(&c, mount, BPF_CORE_READ(entry, d_parent), entry, operations, 0);
  return answer ? answer : change_settle(&c);
}

SEC("lsm/path_mkdir")
int BPF_PROG(hp_path_mkdir, const struct path* directory, struct dentry* entry) {
  note(entry, directory->mnt, 0);
  return 0;
}

SEC("lsm/path_symlink")
int BPF_PROG(hp_path_symlink, const struct path* directory, struct dentry* entry) {
  note(entry, directory->mnt, 0);
  return 0;
}

SEC("lsm/path_unlink")
int BPF_PROG(hp_path_unlink, const struct path* directory, struct dentry* entry) {
  note(entry, directory->mnt, 0);
  return 0;
}

SEC("lsm/path_rmdir")
int BPF_PROG(hp_path_rmdir, const struct path* directory, struct dentry* entry) {
  note(entry, directory->mnt, 0);
  return 0;
}

SEC("lsm/path_link")
int BPF_PROG(hp_path_link, struct dentry* old, const struct path* directory, struct dentry* entry) {
  note(old, directory->mnt, 0);
  return 0;
}

SEC("lsm/path_rename")
int BPF_PROG(hp_path_rename, const struct path* from, struct dentry* old, const struct path* to,
             struct dentry* entry, unsigned int flags) {
  note(old, from->mnt, flags);
  return 0;
}

SEC("lsm/inode_mkdir")
int BPF_PROG(hp_inode_mkdir, struct inode* directory, struct dentry* entry, __u16 mode) {
  return change_name(entry, HP_CALL_MKDIR, OP(CREATE), S_IFDIR | (mode & 07777), directory);
}

SEC("lsm/inode_mknod")
int BPF_PROG(hp_inode_mknod, struct inode* directory, struct dentry* entry, __u16 mode) {
  return change_name(entry, HP_CALL_MKNOD, OP(CREATE), mode, directory);
}

SEC("lsm/inode_symlink")
int BPF_PROG(hp_inode_symlink, struct inode* directory, struct dentry* entry) {
  return change_name(entry, HP_CALL_SYMLINK, OP(CREATE), S_IFLNK | 0777, directory);
}

SEC("lsm/inode_unlink")
int BPF_PROG(hp_inode_unlink, struct inode* directory, struct dentry* entry) {
  return change_name(entry, HP_CALL_UNLINK, OP(DELETE), 0, BPF_CORE_READ(entry, d_inode));
}

SEC("lsm/inode_rmdir")
int BPF_PROG(hp_inode_rmdir, struct inode* directory, struct dentry* entry) {
  return change_name(entry, HP_CALL_RMDIR, OP(DELETE), 0, BPF_CORE_READ(entry, d_inode));
}

static __always_inline int is_directory(struct inode* inode) {
  return inode && (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFDIR;
}

SEC("lsm/inode_link")
int BPF_PROG(hp_inode_link, struct dentry* old, struct inode* directory, struct dentry* entry) {
  struct hp_tag* tag;
  struct change c;
  int found = noted(&tag, old);
  if (found <= 0) return found;
  int answer = change_start(&c, tag, HP_CALL_LINK, OP(LINK));
  if (answer) return answer;
  fill_inode(&c.ws->event.access, BPF_CORE_READ(old, d_inode));
  struct vfsmount* mount = (struct vfsmount*)tag->create_mount;
  answer = change_judge(&c, mount, BPF_CORE_READ(old, d_parent), old, OP(LINK) | REACHED_BY_A_NEW_NAME, 0);
  if (!answer) answer = change_judge(&c, mount, BPF_CORE_READ(entry, d_parent), entry, OP(CREATE), 0);
  return answer ? answer : change_settle(&c);
}

SEC("lsm/inode_rename")
int BPF_PROG(hp_inode_rename, struct inode* from, struct dentry* old, struct inode* to,
             struct dentry* entry) {
  struct hp_tag* tag;
  struct change c;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (state != SUBJECT_TAGGED) return refuse_blind();
  /* An exchange comes twice, the other way round first. */
  if (tag->create_dentry != (__u64)old && tag->create_dentry != (__u64)entry) return 0;
  if (tag->create_dentry == (__u64)entry) {
    struct dentry* other = old;
    old = entry;
    entry = other;
  }
  int exchange = (tag->note_flags & RENAME_EXCHANGE_FLAG) != 0;
  tag->create_dentry = 0;
  int answer = change_start(&c, tag, exchange ? HP_CALL_EXCHANGE : HP_CALL_RENAME, OP(DELETE) | OP(CREATE));
  if (answer) return answer;
  struct inode* moved = BPF_CORE_READ(old, d_inode);
  struct inode* replaced = BPF_CORE_READ(entry, d_inode);
  fill_inode(&c.ws->event.access, moved);
  if (replaced) c.ws->event.access.identity.detail = BPF_CORE_READ(replaced, i_ino);
  __u32 whole = OP(DELETE) | OP(CREATE) | REACHED_BY_A_NEW_NAME;
  __u32 at_old = exchange ? whole : OP(DELETE) | REACHED_BY_A_NEW_NAME;
  __u32 at_new = exchange ? whole : replaced ? OP(CREATE) | OP(WRITE) | OP(DELETE) : OP(CREATE);
  struct vfsmount* mount = (struct vfsmount*)tag->create_mount;
  answer = change_judge(&c, mount, BPF_CORE_READ(old, d_parent), old, at_old, is_directory(moved));
  if (!answer)
    answer = change_judge(&c, mount, BPF_CORE_READ(entry, d_parent), entry, at_new,
                          is_directory(moved) || is_directory(replaced));
  return answer ? answer : change_settle(&c);
}

/* A change of the object at `path`. */
static __always_inline int change_object(const struct path* path, __u32 call, __u32 operations,
                                         __u64 detail) {
  struct hp_tag* tag;
  struct change c;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (state != SUBJECT_TAGGED) return refuse_blind();
  struct dentry* dentry = BPF_CORE_READ(path, dentry);
  int answer = change_start(&c, tag, call, operations);
  if (answer) return answer;
  fill_inode(&c.ws->event.access, BPF_CORE_READ(dentry, d_inode));
  c.ws->event.access.identity.detail = detail;
  answer = change_judge(&c, BPF_CORE_READ(path, mnt), dentry, 0, operations, 0);
  return answer ? answer : change_settle(&c);
}

/* truncate, of 64 and 32 bit callers. */
static __always_inline int is_truncate(void) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct pt_regs___x86* regs = (void*)bpf_task_pt_regs(task);
  __u64 call = BPF_CORE_READ(regs, orig_ax);
  if (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT) return call == 92 || call == 193;
  return (call & ~0x40000000ULL) == 76;
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

SEC("fentry/mnt_want_write")
int BPF_PROG(hp_want_write, struct vfsmount* mount) {
  struct hp_tag* tag = tag_of_current();
  if (tag) tag->write_mount = (__u64)mount;
  return 0;
}

SEC("fentry/mnt_want_write_file")
int BPF_PROG(hp_want_write_file, struct file* file) {
  struct hp_tag* tag = tag_of_current();
  if (tag) tag->write_mount = (__u64)BPF_CORE_READ(file, f_path.mnt);
  return 0;
}

#define XATTR_NAME_MAX 256

/* The attribute's name behind the path, as the second part of what is attempted. */
static __always_inline int append_attribute(struct workspace* ws, const char* name) {
  long length = bpf_probe_read_kernel_str(ws->build, XATTR_NAME_MAX, name);
  __u32 at = ws->event.access.path_length + 1;
  bounded(at);
  if (length < 2 || length > XATTR_NAME_MAX || at > HP_PATH_MAX - XATTR_NAME_MAX - 8) return 1;
  bpf_probe_read_kernel(&ws->event.path[at & (HP_PATH_MAX - 1)], XATTR_NAME_MAX, ws->build);
  ws->event.access.identity.second = at;
  at += length - 1;
  bounded(at);
  if (at > HP_PATH_MAX - 8) return 1;
  *(__u64*)&ws->event.path[at] = 0;
  ws->event.access.path_length = at;
  return 0;
}

static __always_inline int change_attribute(struct dentry* dentry, const char* name) {
  struct hp_tag* tag;
  struct change c;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (state != SUBJECT_TAGGED) return refuse_blind();
  struct vfsmount* mount = (struct vfsmount*)tag->write_mount;
  /* Another file system than the one that was asked for is a layer below it. */
  if (!mount || BPF_CORE_READ(mount, mnt_sb) != BPF_CORE_READ(dentry, d_sb)) return 0;
  int answer = change_start(&c, tag, HP_CALL_XATTR, OP(ATTRIBUTES));
  if (answer) return answer;
  fill_inode(&c.ws->event.access, BPF_CORE_READ(dentry, d_inode));
  answer = change_judge(&c, mount, dentry, 0, OP(ATTRIBUTES), 0);
  if (answer) return answer;
  if (append_attribute(c.ws, name)) {
    count(HP_COUNT_UNRESOLVED);
    return refuse(tag, c.ws, HP_CAUSE_UNRESOLVED);
  }
  return change_settle(&c);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(hp_setxattr, void* map, struct dentry* dentry, const char* name) {
  return change_attribute(dentry, name);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(hp_removexattr, void* map, struct dentry* dentry, const char* name) {
  return change_attribute(dentry, name);
}

/* From 6.2 on access lists have hooks of their own; before, they are extended attributes. Loaded where they exist. */
SEC("?lsm/inode_set_acl")
int BPF_PROG(hp_set_acl, void* map, struct dentry* dentry, const char* name) {
  return change_attribute(dentry, name);
}

SEC("?lsm/inode_remove_acl")
int BPF_PROG(hp_remove_acl, void* map, struct dentry* dentry, const char* name) {
  return change_attribute(dentry, name);
}
