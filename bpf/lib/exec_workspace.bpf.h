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

#endif
