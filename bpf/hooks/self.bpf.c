/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What no tagged process does, whatever the policy says, and what the daemon must hear of.
 *   task_kill              no signals to the daemon, nor to other sessions. Within a session all are allowed: a held task
 *                          that is continued is held again.
 *   file_send_sigiotask    no signals to the daemon by way of a descriptor's owner either.
 *   task_setnice, _setioprio, _setscheduler, _movememory, _setrlimit
 *                          no priority, processors, memory nodes or limits of the daemon, nor of other sessions.
 *   ptrace_access_check    no tracing, no memory and no descriptors of processes outside the session: through one of those an
 *                          agent would reach the daemon and its API, nor of an approved program. Looking (/proc) is left to the
 *                          rules.
 *   path_notify            no events that wait for an answer: the daemon's next open would wait for it.
 *   locked_down            no ports, memory or tables of the hardware: those lead past every file.
 *   bpf                    no BPF at all: maps are verdicts.
 *   kernel_read_file, kernel_load_data
 *                          no kernel module and no other kernel: either could take the guard out.
 *   inode_init_security_anon  no io_uring: its workers cannot be held, and it turns the restart code into an error.
 *                          EPERM, softly: Node probes it at start.
 *   userns_create          no user namespace, unless the policy says so of the agent. To enter one: mount.bpf.c.
 *   signal_generate        tells the daemon of signals to processes of sessions that have holds.
 *   sched_process_exit     ends the hold of a task that dies. */
#include "lib/guard.bpf.h"
#include "lib/hold.bpf.h"

/* What a tagged task does to another process: never to the daemon, nor to another session's. */
static __always_inline int spare(struct task_struct* target) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (state != SUBJECT_TAGGED) return refuse_blind();
  if (is_daemon(target)) return refuse_guard(tag, 0);
  struct hp_tag* other = tag_of(target);
  return other && other->session != tag->session ? refuse_guard(tag, 0) : 0;
}

SEC("lsm/task_kill")
int BPF_PROG(hp_task_kill, struct task_struct* target, struct kernel_siginfo* info, int signal,
             const struct cred* cred) {
  return signal == 0 ? 0 : spare(target);
}

/* A descriptor can be made to send any signal to any process of the same user when something happens to it. Who did that is not
 * known here, and this may run in an interrupt; the daemon wants none from anybody. */
SEC("lsm/file_send_sigiotask")
int BPF_PROG(hp_sigio, struct task_struct* target, struct fown_struct* owner, int signal) {
  if (!armed() || !is_daemon(target)) return 0;
  count(HP_COUNT_DENIED);
  return -EPERM;
}

/* A guard without processor time answers nobody. */
SEC("lsm/task_setnice")
int BPF_PROG(hp_setnice, struct task_struct* target, int nice) { return spare(target); }

SEC("lsm/task_setioprio")
int BPF_PROG(hp_setioprio, struct task_struct* target, int priority) { return spare(target); }

SEC("lsm/task_setscheduler")
int BPF_PROG(hp_setscheduler, struct task_struct* target) { return spare(target); }

SEC("lsm/task_movememory")
int BPF_PROG(hp_movememory, struct task_struct* target) { return spare(target); }

/* A limit can end a process, blind it, or keep it from writing its log. */
SEC("lsm/task_setrlimit")
int BPF_PROG(hp_setrlimit, struct task_struct* target, unsigned int resource, struct rlimit* limit) {
  return spare(target);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(hp_ptrace, struct task_struct* target, unsigned int mode) {
  struct hp_tag* tag;
  if (!(mode & PTRACE_MODE_ATTACH)) return 0;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (state != SUBJECT_TAGGED) return refuse_blind();
  struct hp_tag* other = tag_of(target);
  if (!other || other->session != tag->session) return refuse_guard(tag, 0);
  /* An approved program is what a person saw: no other one of the session makes something else of it. */
  return other->approval && other->approval != tag->approval ? refuse_guard(tag, 0) : 0;
}

#define FAN_PERMISSION_EVENTS 0x70000

SEC("lsm/path_notify")
int BPF_PROG(hp_notify, const struct path* path, __u64 mask, unsigned int type) {
  return mask & FAN_PERMISSION_EVENTS ? forbid() : 0;
}

/* Of enum lockdown_reason, the same on all kernels here: memory, PCI, ports, model-specific registers, ACPI tables, serial ports. */
#define LEADS_TO_HARDWARE (1U << 2 | 1U << 6 | 1U << 7 | 1U << 8 | 1U << 9 | 1U << 12)

SEC("lsm/locked_down")
int BPF_PROG(hp_hardware, unsigned int what) {
  return what < 32 && (LEADS_TO_HARDWARE & 1U << what) ? forbid() : 0;
}

SEC("lsm/bpf")
int BPF_PROG(hp_bpf, int command, union bpf_attr* attributes, unsigned int size) { return forbid(); }

/* Of enum kernel_read_file_id, the same on all kernels here; LOADING_… has the same numbers. A firmware that a driver loads in the
 * caller's context is not meant. */
#define READING_MODULE 2
#define READING_KEXEC_IMAGE 3
#define READING_KEXEC_INITRAMFS 4

static __always_inline int keep_kernel(int what) {
  return what >= READING_MODULE && what <= READING_KEXEC_INITRAMFS ? forbid() : 0;
}

SEC("lsm/kernel_read_file")
int BPF_PROG(hp_read_kernel, struct file* file, int what, _Bool whole) { return keep_kernel(what); }

SEC("lsm/kernel_load_data")
int BPF_PROG(hp_load_kernel, int what, _Bool whole) { return keep_kernel(what); }

SEC("lsm/inode_init_security_anon")
int BPF_PROG(hp_anonymous_inode, struct inode* inode, const struct qstr* name, const struct inode* context) {
  struct hp_tag* tag;
  int state = subject(&tag);
  if (state == SUBJECT_NONE || !armed()) return 0;
  if (!NAMED(BPF_CORE_READ(name, name), "[io_uring]")) return 0;
  return state == SUBJECT_TAGGED ? refuse_guard(tag, 0) : refuse_blind();
}

SEC("lsm/userns_create")
int BPF_PROG(hp_userns, const struct cred* next) { return keep_out_of_user_namespaces(); }

SEC("tp_btf/signal_generate")
int BPF_PROG(hp_signal, int signal, struct kernel_siginfo* info, struct task_struct* task, int group,
             int result) {
  if (result != 0 && result != 2) return 0; /* ignored signals change nothing; 2: already pending */
  if (signal == SIGCONT) return 0;
  if (signal == SIGSTOP && (__u64)info == 1) return 0; /* our own */
  struct hp_tag* tag = tag_of(task);
  if (!tag) {
    /* A timer's signal interrupts whatever runs here, and that may be a look at task storage. The daemon then looks who waits. */
    if (storage_may_be_busy() && storage_is_busy()) count(HP_COUNT_LOST_BELL);
    return 0;
  }
  struct hp_session* session = bpf_map_lookup_elem(&sessions, &tag->session);
  if (!session || !session->holds) return 0;
  struct hp_tag* own = tag_of_current();
  __u64 sender = own && own->session == tag->session ? bpf_get_current_pid_tgid() >> 32 : 0;
  ring(HP_BELL_SIGNAL, signal, sender << 32 | (__u32)task->tgid);
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(hp_exit, struct task_struct* task) {
  struct hp_tag* tag = tag_of(task);
  if (!tag) return 0;
  hold_end(tag, HP_ENDED_EXIT);
  if (tag->exec_hold) bpf_map_delete_elem(&bound, &tag->exec_hold);
  bound_leave(tag);
  return 0;
}
