/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files.
 *   file_open     open of what exists, for reading, writing or both; not an execve's opens (exec.bpf.c asks about those),
 *                 not a file system's own, and never a file that this very call has just created. O_TMPFILE is a creation.
 *   path_mknod    notes entry and mount of a file about to be created. It decides nothing: it runs before the lookup and
 *                 before ordinary permissions, and its error is dropped when the file turns out to exist.
 *   inode_create  decides the creation, after permissions. */
#include "lib/change.bpf.h"
#include "lib/exec_workspace.bpf.h"
#include "lib/guard.bpf.h"

static __always_inline __u32 open_operations(struct file* file) {
  __u32 operations = 0;
  if (file->f_mode & FMODE_READ) operations |= 1U << HP_OP_READ;
  if ((file->f_mode & FMODE_WRITE) || (file->f_flags & O_TRUNC)) operations |= 1U << HP_OP_WRITE;
  /* Access mode 3 gives neither right but allows ioctls: taken as both. */
  return operations ? operations : (1U << HP_OP_READ) | (1U << HP_OP_WRITE);
}

static const char temporary_name[] = "/#tmpfile";
#define TEMPORARY_END (BUILD_END - (sizeof(temporary_name) - 1))

/* A file without a name (O_TMPFILE) is a new one in each try: what is asked about is its directory, as a creation of
 * DIRECTORY/#tmpfile. Adds that name to the directory's path. */
static __always_inline void put_temporary_name(struct workspace* ws, __u32* position) {
  if (*position == TEMPORARY_END - 1) *position = TEMPORARY_END; /* the root directory is a slash already */
  __builtin_memcpy(&ws->build[TEMPORARY_END], temporary_name, sizeof(temporary_name) - 1);
}

/* Whether this open of an execve is of the interpreter that its file names. bprm_check sees that of a script, and asks; of an ELF
 * file's nobody else hears. -EPERM: there is no room to know it. */
static __always_inline int is_interpreter(void) {
  struct exec_workspace* exec = exec_prepare();
  if (!exec) return refuse_blind();
  return exec->stage != 0;
}

/* A denial is given here, and an ask is remembered: if bprm_check does not come for it, the new program is killed before its first
 * instruction. One execve is one question: what was released covers an ask of the interpreter, and no denial. The default verdict is
 * not meant: a list of programs that are allowed does not name the dynamic loader. Global, see rules.bpf.h. */
__noinline int settle_interpreter(struct hp_tag* tag, struct workspace* ws, struct hp_policy* policy,
                                  const struct sets* in) {
  if (!tag || !ws || !policy || !in) return refuse_blind();
  struct hp_access* a = &ws->event.access;
  struct exec_workspace* exec = exec_workspace();
  struct outcome out;
  judge(policy, 1U << HP_OP_EXEC, in, &out);
  a->rule = out.rule;
  a->verdict = out.verdict;
  a->policy_generation = policy->generation;
  if (locked_down(tag)) return refuse_locked_down(tag, ws);
  if (out.rule + 1 >= policy->rule_count) return 0;
  if (out.verdict == HP_ALLOW) {
    if (out.flags & HP_RULE_OBSERVED) allowed_note(ws, out.flags);
    return 0;
  }
  if (disarmable(policy, out.rule) && passes_disarmed(ws)) return 0;
  if (out.verdict == HP_DENY || !exec) return refuse(tag, ws, HP_CAUSE_RULE);
  if (out.verdict == HP_ASK && !exec->approved) exec->interpreter = a->identity.inode;
  return 0;
}

/* Only then bprm_check comes for what is opened. The flag alone does not say so: some calls (mq_open, ioctls of terminals and XFS)
 * hand their caller's flags on as they are, and uselib sets it. Global, see rules.bpf.h. */
__noinline __u32 executes(void) {
  int compat;
  __u32 call = call_number(&compat);
  return compat ? call == 11 || call == 358 : call == 59 || call == 322 || call == 520 || call == 545;
}

#define MOOT_NOW (~0ULL) /* in this call; in the tag and not in a variable, for the verifier's sake */

SEC("lsm/file_open")
int BPF_PROG(hp_file_open, struct file* file) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (file->f_mode & (FMODE_NOACCOUNT | FMODE_CREATED)) return 0;
  /* An overlay's own open of a directory, or of a file to copy up: the process's open of the overlay's file is judged. */
  if (is_layer(file->f_path.mnt)) return 0;
  if (state != SUBJECT_TAGGED) return refuse_blind();
  int interpreter = 0;
  if ((file->f_flags & FMODE_EXEC_FLAG) && executes()) {
    interpreter = is_interpreter();
    if (interpreter <= 0) return interpreter;
  }
  struct workspace* ws = workspace();
  if (!ws) return refuse_blind();
  /* The file was there after all, unknown to the dentry cache: the error of inode_create was dropped, its stop pends. */
  if (tag->created_dentry && tag->created_dentry == (__u64)file->f_path.dentry) {
    hold_end_running(tag);
    tag->moot_hold = MOOT_NOW;
  }
  tag->created_dentry = 0;
  int temporary = (file->f_flags & O_TMPFILE_FLAG) && BPF_CORE_READ(file, f_inode, i_nlink) == 0;
  struct dentry* named =
      BPF_CORE_READ(file, f_path.dentry); /* as a number: one kind of value for the verifier */
  if (temporary) named = BPF_CORE_READ(named, d_parent);
  __u32 operations = temporary ? 1U << HP_OP_CREATE : open_operations(file);
  struct hp_access* a = access_start(ws, tag, HP_OBJECT_FILE, interpreter ? 1U << HP_OP_EXEC : operations);
  a->identity.open_flags = file->f_flags;
  if (file->f_flags & O_TRUNC) a->flags |= HP_ACCESS_TRUNCATE;
  fill_inode(a, temporary ? BPF_CORE_READ(named, d_inode) : BPF_CORE_READ(file, f_inode));
  struct hp_policy* policy = policy_of(tag->agent);
  if (!policy) return refuse(tag, ws, HP_CAUSE_NO_POLICY);
  struct sets in = {.executable = executable_set(tag, ws, policy)};
  __u32 position = BUILD_END;
  int path = path_build_to(ws, file->f_path.mnt, named, 0, temporary ? TEMPORARY_END : BUILD_END, &position);
  if (temporary) put_temporary_name(ws, &position);
  path_keep(ws, position);
  int settled = open_settled(tag, ws, path);
  if (settled) return settled == OPEN_REFUSED ? -EPERM : 0;
  in.object = automaton_run(policy, HP_AUTOMATON_OBJECT, ws, position, BUILD_END);
  in.destination = set_of(policy, &policy->automata[HP_AUTOMATON_DESTINATION], 0);
  /* From memory, here and below: a verifier would follow each way through the whole function for the sake of one variable. */
  if (a->identity.operations == 1U << HP_OP_EXEC)
    return settle_interpreter(tag, ws, policy, &in) ? -EPERM : 0;
  bound_check(tag, ws, file->f_inode, 0);
  int answer = decide(tag, ws, 0, policy, &in);
  if ((a->flags & HP_ACCESS_CHANGED) && answer == 0 && a->cause == HP_CAUSE_DECISION)
    bound_check(tag, ws, file->f_inode, 1);
  if (tag->moot_hold == MOOT_NOW) tag->moot_hold = answer == -ERESTARTNOINTR ? tag->hold_id : 0;
  return answer;
}

SEC("lsm/path_mknod")
int BPF_PROG(hp_path_mknod, const struct path* directory, struct dentry* entry) {
  return note(entry, directory->mnt, 0);
}

SEC("lsm/inode_create")
int BPF_PROG(hp_inode_create, struct inode* directory, struct dentry* entry, __u16 mode) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  struct workspace* ws = state == SUBJECT_TAGGED ? workspace() : 0;
  if (!ws) return refuse_blind();
  if (tag->create_dentry != (__u64)entry) return unnoted(tag, entry);
  tag->create_dentry = 0;
  struct hp_access* a = access_start(ws, tag, HP_OBJECT_FILE, 1U << HP_OP_CREATE);
  a->mode = mode;
  a->identity.device = BPF_CORE_READ(directory, i_sb, s_dev);
  a->identity.inode = BPF_CORE_READ(directory, i_ino);
  struct hp_policy* policy = policy_of(tag->agent);
  if (!policy) return refuse(tag, ws, HP_CAUSE_NO_POLICY);
  struct sets in = {.executable = executable_set(tag, ws, policy)};
  __u32 position = BUILD_END;
  int path =
      path_build(ws, (struct vfsmount*)tag->create_mount, BPF_CORE_READ(entry, d_parent), entry, &position);
  path_keep(ws, position);
  if (path != PATH_OK) {
    count(HP_COUNT_UNRESOLVED);
    return refuse(tag, ws, HP_CAUSE_UNRESOLVED);
  }
  in.object = automaton_run(policy, HP_AUTOMATON_OBJECT, ws, position, BUILD_END);
  in.destination = set_of(policy, &policy->automata[HP_AUTOMATON_DESTINATION], 0);
  int answer = decide(tag, ws, 0, policy, &in);
  if (answer == -ERESTARTNOINTR) {
    tag->created_dentry = (__u64)entry;
    tag->moot_digest[0] = a->digest[0];
    tag->moot_digest[1] = a->digest[1];
  }
  return answer;
}
