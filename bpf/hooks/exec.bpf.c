/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs.
 *   bprm_creds_for_exec   once for each execve: reads argv.
 *   bprm_check_security   once for the named file and once for each interpreter of a script: decides. Before the point of no
 *                         return, so a refusal is an honest error of execve.
 *   bprm_committed_creds  the new program exists but has not run: what was approved must be what it got. */
#include "lib/argv.bpf.h"
#include "lib/exec_workspace.bpf.h"
#include "lib/hold.bpf.h"

SEC("lsm.s/bprm_creds_for_exec")
int BPF_PROG(hp_exec_begin, struct linux_binprm* bprm) {
  struct hp_tag* tag;
  int state = subject_sleepable(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  struct exec_workspace* exec = state == SUBJECT_TAGGED ? exec_workspace() : 0;
  if (!exec) return refuse_blind();
  exec->stage = 0;
  exec->interpreter = 0;
  exec->approved = 0;
  if (tag->exec_hold)
    bpf_map_delete_elem(&bound, &tag->exec_hold); /* of an execve that was released and then failed */
  tag->exec_hold = 0;
  argv_capture(exec);
  /* The kernel has its copy by now: who changes the strings between that and this is refused, not compared. */
  if (!exec->cut && exec->wanted.count != (__u32)bprm->argc) exec->failed = 1;
  return 0;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(hp_exec_check, struct linux_binprm* bprm) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
  struct exec_workspace* exec = exec_workspace();
  if (!ws || !exec) return refuse_blind();
  struct file* file = bprm->file;
  struct inode* inode = file->f_inode;
  struct hp_access* a = access_start(ws, tag, HP_OBJECT_FILE, 1U << HP_OP_EXEC);
  fill_inode(a, inode);
  a->identity.size = BPF_CORE_READ(inode, i_size);
  a->identity.ctime_ns = change_time(inode);
  a->identity.argc = exec->wanted.count;
  a->environment_length = exec->wanted.environment_length;
  a->argv_length = exec->wanted.length - exec->wanted.environment_length;
  if (exec->cut) a->flags |= HP_ACCESS_ARGV_CUT;
  /* Whoever traces it can put another program in its place, so that is another access, and is shown. */
  a->identity.detail = (bprm->unsafe & LSM_UNSAFE_PTRACE) != 0;
  if (a->identity.detail) a->flags |= HP_ACCESS_TRACED;
  exec->interpreter = 0; /* of a script: it is asked about here */
  struct hp_policy* policy = policy_of(tag->agent);
  if (!policy) return refuse(tag, ws, HP_CAUSE_NO_POLICY);
  struct sets in = {.executable = executable_set(tag, ws, policy)};
  __u32 position = BUILD_END;
  int path = path_build(ws, file->f_path.mnt, file->f_path.dentry, 0, &position);
  path_keep(ws, position);
  if (path == PATH_UNRESOLVED) {
    count(HP_COUNT_UNRESOLVED);
    return refuse(tag, ws, HP_CAUSE_UNRESOLVED);
  }
  in.object = automaton_run(policy, HP_AUTOMATON_OBJECT, ws, position, BUILD_END);
  in.destination = set_of(policy, &policy->automata[HP_AUTOMATON_DESTINATION], 0);
  if (exec->stage++ == 0) script_keep(exec, ws);
  else script_show(exec, ws);
  int answer = decide(tag, ws, exec, policy, &in);
  if (answer) exec->stage = 0; /* the next open of an execve is of a file of its own */
  if (answer == 0 && a->cause == HP_CAUSE_DECISION) {
    exec->approved = 1;
    /* The open of an interpreter comes next, and is judged in the same room. */
    bpf_probe_read_kernel(&exec->released, sizeof(exec->released), &ws->event);
    tag->exec_hold = a->hold_id;
  }
  return answer;
}

SEC("lsm.s/bprm_committed_creds")
int BPF_PROG(hp_exec_committed, struct linux_binprm* bprm) {
  struct hp_tag* tag;
  int state = subject_sleepable(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  struct exec_workspace* exec = state == SUBJECT_TAGGED ? exec_workspace() : 0;
  if (!exec) {
    /* It was there when hp_exec_begin ran. Without it nobody knows what was approved, and it is too late to refuse. */
    bpf_send_signal(SIGKILL);
    count(HP_COUNT_NO_STORAGE);
    return 0;
  }
  tag->entering = 0;
  int differs = exec->approved && argv_differs(exec, bprm);
  if (exec->interpreter || differs) {
    bpf_send_signal(SIGKILL);
    count(HP_COUNT_TAMPERED);
    struct workspace* ws = storage_get(&workspaces, bpf_get_current_task_btf(), 0);
    if (ws) {
      if (differs) bpf_probe_read_kernel(&ws->event, sizeof(ws->event), &exec->released);
      ws->event.access.hold_id = tag->exec_hold;
      ws->event.access.cause = HP_CAUSE_TAMPERED;
      ws->event.access.verdict = HP_DENY;
      emit(ws, HP_EVENT_TAMPERED);
    }
  }
  int alone = exec->approved && !(bprm->unsafe & LSM_UNSAFE_PTRACE);
  tag->approval = !alone ? 0 : tag->exec_hold ? tag->exec_hold : bpf_get_current_pid_tgid() | 1ULL << 63;
  if (exec->approved && tag->exec_hold)
    bound_enter(tag, storage_get(&workspaces, bpf_get_current_task_btf(), 0), bprm->filename);
  exec->approved = 0;
  exec->stage = 0;
  tag->exec_hold = 0;
  return 0;
}
