/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Paths, built by walking dentries and mounts from the object up to the root of the mount namespace: the same way in every
 * hook, on every kernel, whatever the process's own root is. The process's chroot does not shorten it. What is reached in the
 * host's namespace from another one has the name that it has on the host.
 *
 * A walk that cannot be finished (too long, too deep, detached mount, a third namespace, renames that never stop) gives
 * PATH_UNRESOLVED, and the caller denies. */
#ifndef HOLDPOINT_PATH_BPF_H
#define HOLDPOINT_PATH_BPF_H

#include "maps.bpf.h"

enum path_result {
  PATH_OK = 0,
  PATH_UNRESOLVED = 1,
  PATH_ROOTLESS = 2 /* in no file system tree: memfd, pipe */
};

#define BUILD_END HP_PATH_MAX

static __always_inline struct mount* mount_of(struct vfsmount* mount) {
  return (struct mount*)((char*)mount - bpf_core_field_offset(struct mount, mnt));
}

/* A private clone, which no process can name: an overlay reaches its layers through one. The kernel's own mounts (memfd, pipes,
 * message queues) are in no namespace either, but are marked as internal. */
static __always_inline int is_layer(struct vfsmount* mount) {
  return (void*)BPF_CORE_READ(mount_of(mount), mnt_ns) == MNT_NS_INTERNAL_POINTER &&
         !(BPF_CORE_READ(mount, mnt_flags) & MNT_INTERNAL_FLAG);
}

/* Puts the name of the entry at that address in front of the path. 0, or 1 when it does not fit. Global, see rules.bpf.h. */
__noinline int put_name_of(struct workspace* ws, __u64 address) {
  struct dentry* dentry = (struct dentry*)address;
  if (!ws) return 1;
  __u32 length = BPF_CORE_READ(dentry, d_name.len);
  const unsigned char* name = BPF_CORE_READ(dentry, d_name.name);
  if (length == 0 || length > 255) return 1;
  if (ws->walk.position > BUILD_END || ws->walk.position < length + 1) return 1;
  __u32 at = ws->walk.position - length;
  if (bpf_probe_read_kernel(&ws->build[at & (HP_PATH_MAX - 1)], length & 255, name)) return 1;
  ws->walk.position = at;
  return 0;
}

static __always_inline int put_name(struct workspace* ws, struct dentry* dentry) {
  return put_name_of(ws, (__u64)dentry);
}

static __always_inline void put_slash(struct workspace* ws) {
  ws->walk.position -= 1;
  ws->build[ws->walk.position & (HP_PATH_MAX - 1)] = '/';
}

static __always_inline long walk_end(struct workspace* ws, __u32 result) {
  ws->walk.result = result;
  ws->walk.done = 1;
  return 1;
}

/* The host's names are good ones in every namespace: agents do not change its mounts. Whoever has just got a namespace of its own
 * still runs a program, holds files and talks to sockets that it has from the host. */
static __always_inline int is_hosts(struct mnt_namespace* owner) {
  struct hp_config* c = configuration();
  return c && c->host_mounts && BPF_CORE_READ(owner, ns.inum) == c->host_mounts;
}

/* At the root of a mount: go on below its mount point, or end at the root of the namespace. */
static __always_inline long leave_mount(struct workspace* ws) {
  struct mount* here = mount_of(ws->walk.mount);
  struct mount* parent = BPF_CORE_READ(here, mnt_parent);
  if (parent == here) {
    struct mnt_namespace* owner = BPF_CORE_READ(here, mnt_ns);
    /* A detached clone (open_tree), a mount of a third namespace or a lazily unmounted one ends here too, and its path
     * would be relative to the clone: that is no path. */
    if (owner != ws->walk.namespace && !is_hosts(owner)) return walk_end(ws, PATH_UNRESOLVED);
    if (ws->walk.position == ws->walk.end) put_slash(ws);
    return walk_end(ws, PATH_OK);
  }
  if (++ws->walk.mounts > HP_MAX_MOUNTS) return walk_end(ws, PATH_UNRESOLVED);
  ws->walk.dentry = BPF_CORE_READ(here, mnt_mountpoint);
  ws->walk.mount = (struct vfsmount*)((char*)parent + bpf_core_field_offset(struct mount, mnt));
  return 0;
}

static long walk_step(__u32 index, void* context) {
  struct workspace* ws = *(struct workspace**)context;
  struct dentry* here = ws->walk.dentry;
  struct vfsmount* mount = ws->walk.mount;
  if (here == BPF_CORE_READ(mount, mnt_root)) return leave_mount(ws);
  struct dentry* parent = BPF_CORE_READ(here, d_parent);
  if (parent == here) {
    /* A tree of its own: path_walk finds out whether the object has a name. */
    return walk_end(ws, ws->walk.position == ws->walk.end ? PATH_ROOTLESS : PATH_UNRESOLVED);
  }
  if (put_name(ws, here)) return walk_end(ws, PATH_UNRESOLVED);
  put_slash(ws);
  ws->walk.dentry = parent;
  return 0;
}

static __always_inline __u32 sequence(const void* lock) {
  __u32 value = 0;
  bpf_probe_read_kernel(&value, sizeof(value), lock);
  return value;
}

#define PATH_MOVED 3 /* of one attempt: a rename or a mount came between */

/* One walk from ws->walk.from_… up, to ws->walk.position. Global, see rules.bpf.h. */
__noinline int path_attempt(struct workspace* ws, __u32 end) {
  struct task_struct* task = bpf_get_current_task_btf();
  if (!ws || end > BUILD_END) return PATH_UNRESOLVED;
  __u32 renames = sequence(&rename_lock), mounts = sequence(&mount_lock);
  ws->walk.dentry = ws->walk.from_dentry;
  ws->walk.mount = ws->walk.from_mount;
  ws->walk.namespace = BPF_CORE_READ(task, nsproxy, mnt_ns);
  ws->walk.position = ws->walk.end = end;
  ws->walk.mounts = 0;
  ws->walk.done = 0;
  ws->walk.result = PATH_UNRESOLVED;
  if (ws->walk.name) {
    if (put_name(ws, ws->walk.name)) return PATH_UNRESOLVED;
    put_slash(ws);
  }
  bpf_loop(HP_MAX_COMPONENTS + HP_MAX_MOUNTS, walk_step, &ws, 0);
  /* A rename under the walk can compose a path that never existed. */
  if ((renames & 1) || (mounts & 1) || renames != sequence(&rename_lock) || mounts != sequence(&mount_lock))
    return PATH_MOVED;
  return ws->walk.done ? (int)ws->walk.result : PATH_UNRESOLVED;
}

#define MOST_DESCRIPTORS 65536 /* of a process that are looked at; a table that has room for more is not */

struct descriptors {
  struct file** files;
  struct inode* wanted;
  int found;
};

static long descriptor_step(__u32 index, void* context) {
  struct descriptors* d = context;
  struct file* file = 0;
  bpf_probe_read_kernel(&file, sizeof(file), d->files + index);
  if (BPF_CORE_READ(file, f_inode) != d->wanted) return 0; /* of none, reading gives 0 */
  d->found = 1;
  return 1;
}

/* Whether the process has it open. */
static __always_inline int has_open(struct inode* inode) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct fdtable* table = task->files->fdt;
  struct descriptors d = {.files = table->fd, .wanted = inode};
  bpf_loop(table->max_fds & (2 * MOST_DESCRIPTORS - 1), descriptor_step, &d, 0); /* of a power of two */
  return d.found;
}

static const char pipe_name[] = "pipe:";

/* The name of what has no directory above it. Such objects are in mounts of the kernel's own (memfd, pipes, sockets): a file on a disk
 * that was opened by its handle, when nobody has looked up its directory, has none either, but is named "/".
 * A pipe is named only for who has it open already (/dev/stdout, a shell's `<(command)`): those of others, which /proc/PID/fd shows,
 * would lead out of the session, to whoever reads from them. Global. */
__noinline int name_rootless(struct workspace* ws, __u32 end) {
  const __u32 length = sizeof(pipe_name) - 1;
  if (!ws || end < length) return PATH_UNRESOLVED;
  struct dentry* dentry = ws->walk.from_dentry;
  struct vfsmount* mount = ws->walk.from_mount;
  struct inode* inode = BPF_CORE_READ(dentry, d_inode);
  if (!(BPF_CORE_READ(mount, mnt_flags) & MNT_INTERNAL_FLAG)) return PATH_UNRESOLVED;
  if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFIFO)
    return put_name(ws, dentry) ? PATH_UNRESOLVED : PATH_ROOTLESS;
  if (!has_open(inode)) return PATH_UNRESOLVED;
  ws->walk.position = end - length;
  __builtin_memcpy(&ws->build[(end - length) & (HP_PATH_MAX - 1)], pipe_name, length);
  return PATH_ROOTLESS;
}

/* The same, again when it was disturbed. Global. */
__noinline int path_walk(struct workspace* ws, __u32 end) {
  for (int attempt = 0; attempt < 3; attempt++) {
    int result = path_attempt(ws, end);
    if (result == PATH_ROOTLESS) return name_rootless(ws, end);
    if (result != PATH_MOVED) return result;
    count(HP_COUNT_RENAME_RACE);
  }
  return PATH_UNRESOLVED;
}

/* The path of `name` (may be 0) below `dentry`: for a file about to be created the name is the new dentry and `dentry` its
 * directory. Leaves the path in ws->build from *position to `end`. */
static __always_inline int path_build_to(struct workspace* ws, struct vfsmount* mount, struct dentry* dentry,
                                         struct dentry* name, __u32 end, __u32* position) {
  ws->walk.from_dentry = dentry;
  ws->walk.from_mount = mount;
  ws->walk.name = name;
  int result = path_walk(ws, end);
  if (result == PATH_OK || result == PATH_ROOTLESS) *position = ws->walk.position;
  return result;
}

static __always_inline int path_build(struct workspace* ws, struct vfsmount* mount, struct dentry* dentry,
                                      struct dentry* name, __u32* position) {
  return path_build_to(ws, mount, dentry, name, BUILD_END, position);
}

/* Moves the path into the event, where hold, record and hash want it; zeroes up to the next word for the hash. */
static __always_inline void path_keep(struct workspace* ws, __u32 position) {
  __u32 length = BUILD_END - position;
  ws->event.access.path_length = 0;
  bounded(length);
  if (length > HP_PATH_MAX) return;
  *(__u64*)&ws->event.path[HP_PATH_MAX - 8] = 0; /* for a path that ends in there */
  bpf_probe_read_kernel(ws->event.path, length, &ws->build[position & (HP_PATH_MAX - 1)]);
  ws->event.access.path_length = length;
  if (length <= HP_PATH_MAX - 8) *(__u64*)&ws->event.path[length] = 0;
}

#endif
