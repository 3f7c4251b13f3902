/* SPDX-License-Identifier: Apache-2.0 */
/* Steps for tagging (many threads, clone3 into a cgroup) and for tampering with argv while an execve waits. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actor.h"

extern char** environ;

enum { MOST_THREADS = 128, PAGE = 4096 };

static const char* wanted_file;
static pthread_barrier_t all_there;
static int turn[2];

/* One byte of the pipe for each thread; it opens only then, so that nothing depends on timing. */
static void* open_when_told(void* nothing) {
  char byte;
  pthread_barrier_wait(&all_there);
  if (read(turn[0], &byte, 1) != 1) return nothing;
  int file = open(wanted_file, O_RDONLY | O_CLOEXEC);
  actor_say("thread", file < 0 ? -1 : 0);
  if (file >= 0) close(file);
  return nothing;
}

static void* exec_when_told(void* nothing) {
  char byte, name[] = "echo", text[] = "ran";
  char* argv[] = {name, text, NULL};
  pthread_barrier_wait(&all_there);
  if (read(turn[0], &byte, 1) != 1) return nothing;
  execve(wanted_file, argv, environ);
  actor_say("thread", -1);
  return nothing;
}

/* crowd N FILE, crowdexec N FILE: N threads that are all there say "ready"; after a line on standard input each opens FILE, or
 * executes it as "echo ran". */
static int step_threads(int count, char** words) {
  pthread_t threads[MOST_THREADS];
  char line[16];
  int n = count == 3 ? atoi(words[1]) : 0;
  void* (*what)(void*) = strcmp(words[0], "crowdexec") ? open_when_told : exec_when_told;
  if (n < 1 || n > MOST_THREADS || pipe(turn)) return 97;
  wanted_file = words[2];
  pthread_barrier_init(&all_there, NULL, (unsigned)n + 1);
  for (int i = 0; i < n; i++)
    if (pthread_create(&threads[i], NULL, what, NULL)) return 96;
  pthread_barrier_wait(&all_there);
  actor_say("ready", n);
  if (read(STDIN_FILENO, line, sizeof(line)) < 1) return 95;
  for (int i = 0; i < n; i++)
    if (write(turn[1], "x", 1) != 1) return 94;
  for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
  return 0;
}

/* into CGROUP PROGRAM [argument...]: a child that clone3 puts straight into CGROUP, by a descriptor that was not opened for
 * anything, executes PROGRAM. */
static int step_into(int count, char** words) {
  if (count < 3) return 97;
  int group = open(words[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct clone_args how = {
      .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (unsigned long)group};
  long child = group < 0 ? -1 : syscall(SYS_clone3, &how, sizeof(how));
  if (child == 0) {
    execve(words[2], words + 2, environ);
    actor_say("exec", -1);
    _exit(0);
  }
  if (actor_say("clone", child < 0 ? -1 : 0)) return 0;
  int status;
  if (waitpid((pid_t)child, &status, 0) != child) return 96;
  actor_say("child", WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
  return 0;
}

static char* tampered_argv[4];
static char* tampered_environment[2];
static char* slow_page; /* argv[1] lives here; reading it blocks until we say so */

static int execute(void* program) {
  execve(program, tampered_argv, tampered_environment);
  actor_say("exec", -1);
  _exit(0);
}

static int watch_page(void) {
  struct uffdio_api api = {.api = UFFD_API};
  struct uffdio_register range = {.range = {.start = (unsigned long)slow_page, .len = PAGE},
                                  .mode = UFFDIO_REGISTER_MODE_MISSING};
  int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  if (faults < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &range)) return -1;
  return faults;
}

/* tamper PROGRAM SHOWN RUN [environment]: a child that shares our memory executes PROGRAM with the argument (or the variable) SHOWN, and is asked.
 * After a line on standard input it is RUN, and argv[1] is not in memory: when the call starts again the kernel
 * copies the environment, then the arguments from the last to the first, so it has taken RUN when it stops at argv[1]. There SHOWN is put back, which is
 * what everybody who looks at our memory sees from then on. */
static int step_tamper(int count, char** words) {
  static char page[PAGE] __attribute__((aligned(4096))) = "first";
  static char stack[65536] __attribute__((aligned(16)));
  struct uffd_msg message;
  char line[16];
  if (count != 4 && count != 5) return 97;
  char** changed = count == 5 ? &tampered_environment[0] : &tampered_argv[2];
  slow_page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (slow_page == MAP_FAILED) return 96;
  strcpy(slow_page, page);
  tampered_argv[0] = words[1];
  tampered_argv[1] = slow_page;
  *changed = words[2];
  int faults = watch_page();
  if (actor_say("watching", faults < 0 ? -1 : 0)) return 0;
  pid_t child = clone(execute, stack + sizeof(stack), CLONE_VM | SIGCHLD, words[1]);
  if (child < 0 || read(STDIN_FILENO, line, sizeof(line)) < 1) return 95;
  *changed = words[3];
  if (madvise(slow_page, PAGE, MADV_DONTNEED)) return 94;
  actor_say("armed", 0);
  if (read(faults, &message, sizeof(message)) != sizeof(message)) return 93;
  *changed = words[2];
  struct uffdio_copy fill = {.dst = (unsigned long)slow_page, .src = (unsigned long)page, .len = PAGE};
  if (ioctl(faults, UFFDIO_COPY, &fill)) return 92;
  int status;
  if (waitpid(child, &status, 0) != child) return 91;
  actor_say("child", WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
  return 0;
}

const struct actor_step actor_faults[] = {
    {"crowd", step_threads},
    {"crowdexec", step_threads},
    {"into", step_into},
    {"tamper", step_tamper},
    {NULL, NULL},
};
