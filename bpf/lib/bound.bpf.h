/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an approved program reads is what was shown with it: the files that its arguments name, and a script itself.
 *
 * An open counts as one of a bound file when the text that the program gave is a name under which it was bound (a symbolic link
 * that was turned round leads elsewhere by the same text), when the path that the open led to is (renamed over, or a directory
 * exchanged), or when it is the inode (written in place under any name). It has changed when inode, size or change time differ,
 * or while somebody has it open for writing: a shared mapping changes a file without a trace in its times. An entry with inode 0 is a
 * name that nothing had: what is opened by it has appeared since. */
#ifndef HOLDPOINT_BOUND_BPF_H
#define HOLDPOINT_BOUND_BPF_H

#include "identity.bpf.h"

static long hash_text(__u32 index, void* context) {
  struct hashing* h = context;
  siphash_word(&h->state, *(__u64*)&h->ws->build[(index * 8) & (HP_PATH_MAX - 8)]);
  return 0;
}

/* Hash of `length` bytes at the front of ws->build, left in ws->hash; 0 and 0 for none. Global, see rules.bpf.h. */
__noinline int text_hash(struct workspace* ws, __u32 length) {
  struct hp_config* c = configuration();
  struct hashing h = {.ws = ws};
  if (!ws) return 1;
  ws->hash[0] = ws->hash[1] = 0;
  if (!c || length == 0 || length > HP_PATH_MAX) return 1;
  siphash_start(&h.state, c->hash_key);
  bpf_loop((length + 7) / 8, hash_text, &h, 0);
  siphash_end(&h.state, length, ws->hash);
  return 0;
}

/* The same for a text of `length` bytes with its NUL, as the string helpers count. */
static __always_inline void name_hash(struct workspace* ws, long length, __u64 out[2]) {
  __u32 text = length > 0 && length <= HP_PATH_MAX ? length - 1 : 0;
  bounded(text);
  if (text <= HP_PATH_MAX)
    *(__u64*)&ws->build[text] = 0; /* the hash reads whole words; there is room behind */
  text_hash(ws, text);
  out[0] = ws->hash[0];
  out[1] = ws->hash[1];
}

/* The same of the path that path_keep left in the event. */
static __always_inline void path_hash(struct workspace* ws, __u64 out[2]) {
  __u32 length = ws->event.access.path_length;
  bounded(length);
  if (length > HP_PATH_MAX) length = 0;
  bpf_probe_read_kernel(ws->build, HP_PATH_MAX, ws->event.path);
  text_hash(ws, length);
  out[0] = ws->hash[0];
  out[1] = ws->hash[1];
}

/* User address of the name that this open was given; 0 when it came another way. The kernel has just read it, so it can be
 * read. Another thread may have changed it since: then the program itself is at odds with what it opens. */
static __always_inline __u64 open_name(void) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct pt_regs___x86* regs = (void*)bpf_task_pt_regs(task);
  __u32 call = call_of(regs);
  if (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT) {
    if (call == 5) return (__u32)BPF_CORE_READ(regs, bx);
    return call == 295 || call == 437 ? (__u32)BPF_CORE_READ(regs, cx) : 0;
  }
  call &= ~X32_CALL;
  if (call == 2) return BPF_CORE_READ(regs, di);
  return call == 257 || call == 437 ? BPF_CORE_READ(regs, si) : 0;
}

struct bound_search {
  struct hp_bound* set;
  __u64 name[2]; /* as given */
  __u64 path[2]; /* as it was reached */
  __u64 device, inode, size, ctime_ns;
  __u32 writing;
  __u32 writers;
  __u32 adopt; /* a person has released the changed file: from now on it is this one */
  __u32 changed;
};

static __always_inline int known_name(const struct hp_bound_file* file, const __u64 hash[2]) {
  if (!hash[0] && !hash[1]) return 0;
#pragma unroll
  for (int i = 0; i < HP_BOUND_NAMES; i++)
    if (file->names[i][0] == hash[0] && file->names[i][1] == hash[1]) return 1;
  return 0;
}

static long bound_step(__u32 index, void* context) {
  struct bound_search* s = context;
  if (index >= HP_BOUND_FILES) return 1;
  struct hp_bound_file* file = &s->set->files[index];
  int same = file->inode == s->inode && file->device == s->device;
  if (file->own || (!same && !known_name(file, s->name) && !known_name(file, s->path))) return 0;
  if (s->adopt) {
    file->device = s->device;
    file->inode = s->inode;
    file->size = s->size;
    file->ctime_ns = s->ctime_ns;
  } else if (!same || file->size != s->size || file->ctime_ns != s->ctime_ns || (s->writers && !s->writing)) {
    s->changed = 1;
  } else if (s->writing) {
    file->own = 1;
  }
  return 0;
}

/* Looks the file of ws->event.access up among what this program was bound to. 1: it is not what was shown. Uses ws->build, and the
 * inode at ws->object. Global, see rules.bpf.h. */
__noinline int bound_compare(struct hp_tag* tag, struct workspace* ws, __u32 adopt) {
  if (!tag || !ws) return 1;
  struct inode* inode = (struct inode*)ws->object;
  struct hp_access* a = &ws->event.access;
  __u64 id = tag->bound; /* on the stack: a map takes no key from a global function's arguments on 6.1 */
  struct bound_search s = {.set = bpf_map_lookup_elem(&bound, &id), .adopt = adopt};
  if (!s.set || (a->mode & S_IFMT) != S_IFREG) return 0;
  __u64 given = open_name();
  if (given) name_hash(ws, bpf_probe_read_user_str(ws->build, HP_PATH_MAX, (void*)given), s.name);
  path_hash(ws, s.path);
  s.device = a->identity.device;
  s.inode = a->identity.inode;
  s.size = BPF_CORE_READ(inode, i_size);
  s.ctime_ns = change_time(inode);
  s.writing = a->identity.operations & (1U << HP_OP_WRITE);
  s.writers = BPF_CORE_READ(inode, i_writecount.counter) > 0;
  __u32 files = s.set->count;
  bpf_loop(files < HP_BOUND_FILES ? files : HP_BOUND_FILES, bound_step, &s, 0);
  if (!s.changed) return 0;
  a->flags |= HP_ACCESS_CHANGED;
  a->identity.size = s.size;
  a->identity.ctime_ns = s.ctime_ns;
  return 1;
}

static __always_inline int bound_check(struct hp_tag* tag, struct workspace* ws, struct inode* inode,
                                       __u32 adopt) {
  if (!tag->bound) return 0;
  ws->object = (__u64)inode;
  return bound_compare(tag, ws, adopt);
}

static __always_inline void bound_leave(struct hp_tag* tag) {
  __u64 id = tag->bound;
  if (!id) return;
  tag->bound = 0;
  struct hp_bound* set = bpf_map_lookup_elem(&bound, &id);
  if (set && __sync_fetch_and_add(&set->tasks, -1) <= 1) bpf_map_delete_elem(&bound, &id);
}

/* The approved program has begun. `filename`: what was executed, which for a script is what its interpreter opens. */
static __always_inline void bound_enter(struct hp_tag* tag, struct workspace* ws, const char* filename) {
  struct hp_bound* set = bpf_map_lookup_elem(&bound, &tag->exec_hold);
  if (!set) return;
  bound_leave(tag);
  tag->bound = tag->exec_hold;
  if (!set->files[0].script || !ws) return;
  __u64 hash[2];
  name_hash(ws, bpf_probe_read_kernel_str(ws->build, HP_PATH_MAX, filename), hash);
  set->files[0].names[0][0] = hash[0];
  set->files[0].names[0][1] = hash[1];
}

/* A child or thread of a bound program is bound as well. */
static __always_inline void bound_inherit(struct hp_tag* child, const struct hp_tag* parent) {
  __u64 id = parent->bound;
  struct hp_bound* set = id ? bpf_map_lookup_elem(&bound, &id) : 0;
  if (!set) return;
  __sync_fetch_and_add(&set->tasks, 1);
  child->bound = id;
}

#endif
