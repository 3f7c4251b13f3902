/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that trace others: change a held call before it is made again, and make process 1 open a file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actor.h"

static void open_traced(const char* path) {
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGUSR1);
  long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  actor_say("open", fd < 0 ? -1 : 0);
  _exit(0);
}

/* rewrite PATH OTHER: a child opens PATH. We see its stop before it does; after a line on standard input the call is about
 * OTHER, the stop is kept from the child, and nobody traces it any more. */
static int step_rewrite(int count, char** words) {
  struct user_regs_struct regs;
  char line[16];
  int status;
  pid_t child = count == 3 ? fork() : -1;
  if (child == 0) open_traced(words[1]);
  if (child < 0 || waitpid(child, &status, 0) != child || ptrace(PTRACE_CONT, child, 0, 0)) return 97;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return 96;
  actor_say("stop", WSTOPSIG(status));
  if (read(STDIN_FILENO, line, sizeof(line)) < 1 || ptrace(PTRACE_GETREGS, child, 0, &regs)) return 95;
  regs.rsi = (unsigned long)words[2]; /* the child has our memory's layout */
  if (ptrace(PTRACE_SETREGS, child, 0, &regs) || ptrace(PTRACE_DETACH, child, 0, 0)) return 94;
  return waitpid(child, &status, 0) == child ? 0 : 93;
}

/* lend PID PATH: makes that process, which sleeps in a system call, open PATH, and says what it got. */
static int step_lend(int count, char** words) {
  enum { ROOM = 256 };
  struct user_regs_struct kept, regs;
  long name[ROOM / sizeof(long)] = {0};
  int status;
  pid_t pid = count == 3 && strlen(words[2]) < ROOM ? atoi(words[1]) : 0;
  if (!pid || ptrace(PTRACE_ATTACH, pid, 0, 0) || waitpid(pid, &status, 0) != pid) return 97;
  if (ptrace(PTRACE_GETREGS, pid, 0, &kept)) return 96;
  strcpy((char*)name, words[2]);
  unsigned long at = (kept.rsp - 4096) & ~15UL;
  for (size_t i = 0; i < ROOM / sizeof(long); i++)
    if (ptrace(PTRACE_POKEDATA, pid, at + i * sizeof(long), name[i])) return 95;
  regs = kept;
  regs.rip -= 2; /* the syscall instruction that it sleeps in */
  regs.orig_rax = (unsigned long)-1;
  regs.rax = SYS_openat;
  regs.rdi = (unsigned long)AT_FDCWD;
  regs.rsi = at;
  regs.rdx = O_RDONLY | O_CLOEXEC;
  if (ptrace(PTRACE_SETREGS, pid, 0, &regs) || ptrace(PTRACE_SINGLESTEP, pid, 0, 0)) return 94;
  if (waitpid(pid, &status, 0) != pid || ptrace(PTRACE_GETREGS, pid, 0, &regs)) return 93;
  if (ptrace(PTRACE_SETREGS, pid, 0, &kept) || ptrace(PTRACE_DETACH, pid, 0, 0)) return 92;
  errno = (long)regs.rax < 0 ? (int)-(long)regs.rax : 0;
  actor_say("lent", errno ? -1 : 0);
  return 0;
}

const struct actor_step actor_trace[] = {{"rewrite", step_rewrite}, {"lend", step_lend}, {0, 0}};
