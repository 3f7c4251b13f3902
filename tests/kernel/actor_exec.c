/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that execute programs in a child, and system calls that agents are refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actor.h"

extern char** environ;

/* In the child: says why execve came back. A program that runs says so itself. */
static void say_failure(void) {
  actor_say("exec", -1);
  _exit(0);
}

static int wait_child(pid_t child) {
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child) return 96;
  return (int)(actor_say("child", WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status)) * 0);
}

/* exec PROGRAM [argument...]: execve in a child made by fork. */
static int step_exec(int count, char** words) {
  if (count < 2) return 97;
  pid_t child = fork();
  if (child == 0) {
    execve(words[1], words + 1, environ);
    say_failure();
  }
  return wait_child(child);
}

/* execas PROGRAM ARGV0 [argument...]: the same under another name. */
static int step_execas(int count, char** words) {
  if (count < 3) return 97;
  pid_t child = fork();
  if (child == 0) {
    execve(words[1], words + 2, environ);
    say_failure();
  }
  return wait_child(child);
}

/* vfork PROGRAM [argument...]: the same from a child that shares our memory until then. */
static int step_vfork(int count, char** words) {
  if (count < 2) return 97;
  pid_t child = vfork();
  if (child == 0) {
    execve(words[1], words + 1, environ);
    _exit(errno == EPERM ? 41 : 42);
  }
  return wait_child(child);
}

/* spawn PROGRAM [argument...]: posix_spawn, which reports execve's error itself. The child writes meanwhile, so its success
 * is only told by its end. */
static int step_spawn(int count, char** words) {
  pid_t child = 0;
  if (count < 2) return 97;
  errno = posix_spawn(&child, words[1], NULL, NULL, words + 1, environ);
  if (errno) return actor_say("spawn", -1), 0;
  return wait_child(child);
}

static int exec_descriptor(int fd, char** words) {
  pid_t child = fork();
  if (child == 0) {
    syscall(SYS_execveat, fd, "", words, environ, AT_EMPTY_PATH);
    say_failure();
  }
  return wait_child(child);
}

/* execat PROGRAM [argument...]: execveat of a descriptor with AT_EMPTY_PATH. */
static int step_execat(int count, char** words) {
  int fd = count < 2 ? -1 : open(words[1], O_PATH | O_CLOEXEC);
  return fd < 0 ? 97 : exec_descriptor(fd, words + 1);
}

/* memfd NAME PROGRAM [argument...]: copies the program into memory under that name and executes the copy. */
static int step_memfd(int count, char** words) {
  int from = count < 3 ? -1 : open(words[2], O_RDONLY | O_CLOEXEC);
  int fd = from < 0 ? -1 : memfd_create(words[1], MFD_CLOEXEC);
  if (from < 0 || fd < 0) return 97;
  while (sendfile(fd, from, NULL, 1 << 20) > 0) {
  }
  close(from);
  return exec_descriptor(fd, words + 2);
}

/* long PROGRAM BYTES: execve with one argument of that many bytes. */
static int step_long(int count, char** words) {
  size_t size = count == 3 ? strtoul(words[2], NULL, 10) : 0;
  if (!size) return 97;
  char* text = malloc(size + 1);
  memset(text, 'a', size);
  text[size] = 0;
  char* next[] = {words[0], words[1], text, NULL};
  return step_exec(3, next);
}

/* rings: tries to make an io_uring. */
static int step_rings(int count, char** words) {
  char parameters[120] = {0};
  (void)words;
  if (count != 1) return 97;
  actor_say("rings", syscall(SYS_io_uring_setup, 4, parameters) < 0 ? -1 : 0);
  return 0;
}

/* say TEXT: prints it. */
static int step_say(int count, char** words) {
  return count == 2 && puts(words[1]) >= 0 && !fflush(stdout) ? 0 : 97;
}

static volatile sig_atomic_t handled;
static void note_signal(int signal) { handled = signal; }

/* handle: from now on SIGTERM only runs a handler. handled: says which signal it saw. */
static int step_handle(int count, char** words) {
  struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
  (void)words;
  return count == 1 && sigaction(SIGTERM, &action, NULL) == 0 ? 0 : 97;
}
static int step_handled(int count, char** words) {
  (void)words;
  return count == 1 && actor_say("handled", handled) >= 0 ? 0 : 97;
}

/* kill PID: sends SIGTERM. */
static int step_kill(int count, char** words) {
  if (count != 2) return 97;
  actor_say("kill", kill(atoi(words[1]), SIGTERM));
  return 0;
}

/* exit STATUS */
static int step_exit(int count, char** words) { exit(count == 2 ? atoi(words[1]) : 97); }

const struct actor_step actor_exec[] = {
    {"exec", step_exec},     {"execas", step_execas},
    {"vfork", step_vfork},   {"spawn", step_spawn},
    {"execat", step_execat}, {"memfd", step_memfd},
    {"long", step_long},     {"rings", step_rings},
    {"say", step_say},       {"exit", step_exit},
    {"handle", step_handle}, {"handled", step_handled},
    {"kill", step_kill},     {0, 0},
};
