/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Room for one execve of one task. */
#ifndef HOLDPOINT_EXEC_WORKSPACE_BPF_H
#define HOLDPOINT_EXEC_WORKSPACE_BPF_H

#include "storage.bpf.h"

/* Opens that belong to an execve (file.bpf.c passes them here): room for argv is made where allocation may not sleep. */
static __always_inline struct exec_workspace* exec_prepare(void) {
  return storage_get(&exec_workspaces, bpf_get_current_task_btf(), BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline struct exec_workspace* exec_workspace(void) {
  return storage_get(&exec_workspaces, bpf_get_current_task_btf(), 0);
}

/* Keeps what is executed, which ws->event.access describes: its interpreter, should it have one, runs it, and who is asked about
 * that one is asked about both. Global, see rules.bpf.h. */
__noinline int script_keep(struct exec_workspace* exec, struct workspace* ws) {
  if (!exec || !ws) return 1;
  struct hp_access* a = &ws->event.access;
  exec->script_device = a->identity.device;
  exec->script_inode = a->identity.inode;
  exec->script_size = a->identity.size;
  exec->script_ctime_ns = a->identity.ctime_ns;
  exec->script_length = 0;
  __u32 length = a->path_length;
  bounded(length);
  if (length > HP_PATH_MAX) return 1;
  bpf_probe_read_kernel(exec->script, length, ws->event.path);
  exec->script_length = length;
  return 0;
}

/* Makes it part of the access to its interpreter: what a person sees, and what the digest covers. Without room for its path, nobody
 * can be shown what would run. Global. */
__noinline int script_show(struct exec_workspace* exec, struct workspace* ws) {
  if (!exec || !ws) return 1;
  struct hp_access* a = &ws->event.access;
  a->flags |= HP_ACCESS_SCRIPT_STAGE;
  a->identity.script_device = exec->script_device;
  a->identity.script_inode = exec->script_inode;
  a->identity.script_size = exec->script_size;
  a->identity.script_ctime_ns = exec->script_ctime_ns;
  __u32 length = exec->script_length, at = a->path_length + 1;
  bounded(length);
  bounded(at);
  if (length == 0 || length > HP_PATH_MAX || at > HP_PATH_MAX - 8 || at + length > HP_PATH_MAX - 8) {
    a->flags |= HP_ACCESS_ARGV_CUT;
    return 1;
  }
  /* The NUL between the two is there: path_keep writes it. */
  bpf_probe_read_kernel(&ws->event.path[at & (HP_PATH_MAX - 1)], length, exec->script);
  a->identity.second = at;
  at += length;
  bounded(at);
  if (at > HP_PATH_MAX - 8) return 1;
  *(__u64*)&ws->event.path[at] = 0; /* for the hash */
  a->path_length = at;
  return 0;
}

#endif
