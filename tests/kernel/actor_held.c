/* SPDX-License-Identifier: Apache-2.0 */
/* Steps whose threads, signals and children meet a hold. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actor.h"

extern char** environ;

/* gate: waits for a byte on the standard input. */
static int step_gate(int count, char** words) {
  char byte;
  (void)words;
  return count == 1 && read(STDIN_FILENO, &byte, 1) == 1 ? 0 : 97;
}

/* clock: says the monotonic clock, in milliseconds. */
static int step_clock(int count, char** words) {
  struct timespec now;
  (void)words;
  if (count != 1 || clock_gettime(CLOCK_MONOTONIC, &now)) return 97;
  actor_say("clock", now.tv_sec * 1000 + now.tv_nsec / 1000000);
  return 0;
}

struct opening {
  const char* what;
  const char* path;
};

static void* open_and_say(void* argument) {
  const struct opening* one = argument;
  int fd = open(one->path, O_RDONLY | O_CLOEXEC);
  actor_say(one->what, fd < 0 ? -1 : 0);
  if (fd >= 0) close(fd);
  return NULL;
}

/* threads COUNT PATH: that many threads open the file at once. */
static int step_threads(int count, char** words) {
  int wanted = count == 3 ? atoi(words[1]) : 0;
  pthread_t threads[64];
  struct opening one = {"open", count == 3 ? words[2] : NULL};
  if (wanted < 1 || wanted > 64) return 97;
  for (int i = 0; i < wanted; i++)
    if (pthread_create(&threads[i], NULL, open_and_say, &one)) return 96;
  for (int i = 0; i < wanted; i++) pthread_join(threads[i], NULL);
  return 0;
}

/* two PATH PATH: a thread for each opens it: "first", "second". */
static int step_two(int count, char** words) {
  pthread_t threads[2];
  struct opening both[2] = {{"first", words[1]}, {"second", count == 3 ? words[2] : NULL}};
  if (count != 3) return 97;
  for (int i = 0; i < 2; i++)
    if (pthread_create(&threads[i], NULL, open_and_say, &both[i])) return 96;
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  return 0;
}

/* forking PATH: a thread opens the file; the first thread waits for a byte of the standard input and forks a child that waits for
 * its end. */
static int step_forking(int count, char** words) {
  pthread_t thread;
  char byte;
  struct opening one = {"open", count == 2 ? words[1] : NULL};
  if (count != 2 || pthread_create(&thread, NULL, open_and_say, &one)) return 97;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 96;
  pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  pthread_join(thread, NULL);
  return child > 0 && waitpid(child, NULL, 0) == child ? 0 : 95;
}

/* ---- threads */

void actor_wait_asleep(int tid) {
  char name[64], text[256];
  snprintf(name, sizeof(name), "/proc/self/task/%d/stat", tid);
  for (;;) {
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    const char* end = strrchr(text, ')');
    if (end && end[2] == 'S') return;
    sched_yield();
  }
}

static void* exec_words(void* argument) {
  char** words = argument;
  execve(words[0], words, environ);
  actor_say("exec", -1);
  return NULL;
}

/* threadexec PROGRAM [argument...]: execve from a thread that is not the leader. */
static int step_threadexec(int count, char** words) {
  pthread_t thread;
  if (count < 2 || pthread_create(&thread, NULL, exec_words, words + 1)) return 97;
  pthread_join(thread, NULL);
  return 0;
}

/* ---- signals */

static const struct {
  const char* name;
  int number;
} signal_words[] = {
    {"USR1", SIGUSR1}, {"ALRM", SIGALRM}, {"CHLD", SIGCHLD}, {"TERM", SIGTERM}, {"CONT", SIGCONT}};

static int signal_number(const char* name) {
  for (size_t i = 0; i < sizeof(signal_words) / sizeof(signal_words[0]); i++)
    if (!strcmp(signal_words[i].name, name)) return signal_words[i].number;
  return 0;
}

static void say_signal(int number) {
  int kept = errno;
  actor_say("caught", number);
  errno = kept;
}

/* catch SIGNAL: a handler that says "caught". */
static int step_catch(int count, char** words) {
  struct sigaction action = {.sa_handler = say_signal, .sa_flags = SA_RESTART};
  return count == 2 && sigaction(signal_number(words[1]), &action, NULL) == 0 ? 0 : 97;
}

static const char* inherited_file;

/* The child is there before the call that the signal interrupted is made again. */
static void fork_heir(int number) {
  (void)number;
  int kept = errno;
  struct opening one = {"heir", inherited_file};
  pid_t child = fork();
  if (child == 0) {
    open_and_say(&one);
    _exit(0);
  }
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
  }
  errno = kept;
}

/* heir PATH: opens it; a handler of SIGALRM forks a child that opens it too ("heir"), and waits for that one's end. */
static int step_heir(int count, char** words) {
  struct sigaction action = {.sa_handler = fork_heir, .sa_flags = SA_RESTART};
  struct opening one = {"open", inherited_file = words[1]};
  if (count != 2 || sigaction(SIGALRM, &action, NULL)) return 97;
  open_and_say(&one);
  return 0;
}

/* block SIGNAL */
static int step_block(int count, char** words) {
  sigset_t set;
  sigemptyset(&set);
  return count == 2 && !sigaddset(&set, signal_number(words[1])) && !sigprocmask(SIG_BLOCK, &set, NULL) ? 0
                                                                                                        : 97;
}

static int signals_here = -1;

/* signalfd SIGNAL: it is blocked, and read from a descriptor by the steps below. */
static int step_signalfd(int count, char** words) {
  sigset_t set;
  sigemptyset(&set);
  if (count != 2 || sigaddset(&set, signal_number(words[1])) || sigprocmask(SIG_BLOCK, &set, NULL)) return 97;
  signals_here = signalfd(-1, &set, SFD_CLOEXEC);
  return signals_here < 0 ? 96 : 0;
}

static void* read_signals(void* argument) {
  struct signalfd_siginfo one;
  while (read(signals_here, &one, sizeof(one)) == sizeof(one)) actor_say("signalfd", one.ssi_signo);
  return argument;
}

/* reader: a thread says each signal when it comes, and sleeps in read until then. */
static int step_reader(int count, char** words) {
  pthread_t thread;
  (void)words;
  return count == 1 && pthread_create(&thread, NULL, read_signals, NULL) == 0 ? 0 : 97;
}

/* signals: says each that waits to be read. */
static int step_signals(int count, char** words) {
  (void)words;
  if (count != 1 || fcntl(signals_here, F_SETFL, O_NONBLOCK)) return 97;
  read_signals(NULL);
  return 0;
}

/* tick MILLISECONDS: SIGALRM that often; 0 ends it. */
static int step_tick(int count, char** words) {
  int wanted = count == 2 ? atoi(words[1]) : -1;
  struct itimerval timer = {.it_interval = {.tv_usec = wanted * 1000L},
                            .it_value = {.tv_usec = wanted * 1000L}};
  return wanted >= 0 && setitimer(ITIMER_REAL, &timer, NULL) == 0 ? 0 : 97;
}

/* flood PID: SIGCONT to it without end. */
static int step_flood(int count, char** words) {
  if (count != 2) return 97;
  while (kill(atoi(words[1]), SIGCONT) == 0) {
  }
  return 0;
}

/* ---- children */

/* offspring: a child that waits to be killed. Says its pid. */
static int step_offspring(int count, char** words) {
  (void)words;
  pid_t child = count == 1 ? fork() : -1;
  if (child == 0)
    for (;;) pause();
  return child < 0 ? 97 : (int)(actor_say("offspring", child) * 0);
}

/* apart PATH: a child in a process group of its own opens the file; we wait to be killed, or for its end. */
static int step_apart(int count, char** words) {
  int status;
  pid_t child = count == 2 ? fork() : -1;
  if (child < 0) return 97;
  if (child == 0) {
    setpgid(0, 0);
    struct opening one = {"open", words[1]};
    open_and_say(&one);
    _exit(0);
  }
  setpgid(child, child);
  actor_say("apart", child);
  return waitpid(child, &status, 0) == child ? 0 : 96;
}

/* watch PATH: a child opens the file; says all that waitpid tells about it. */
static int step_watch(int count, char** words) {
  int status;
  pid_t child = count == 2 ? fork() : -1;
  if (child < 0) return 97;
  if (child == 0) {
    struct opening one = {"open", words[1]};
    open_and_say(&one);
    _exit(0);
  }
  actor_say("watch", child);
  while (waitpid(child, &status, WUNTRACED | WCONTINUED) == child) {
    if (WIFSTOPPED(status)) actor_say("stopped", WSTOPSIG(status));
    if (WIFCONTINUED(status)) actor_say("continued", 0);
    if (WIFEXITED(status) || WIFSIGNALED(status)) return (int)(actor_say("ended", status) * 0);
  }
  return 96;
}

static void say_child(int number, siginfo_t* told, void* context) {
  (void)number;
  (void)context;
  int kept = errno;
  actor_say("told", told->si_code);
  errno = kept;
}

/* told all|ends PATH: a child that handles SIGUSR1 opens the file. Says what a handler of SIGCHLD is told of it; `ends`: with
 * SA_NOCLDSTOP. Says the child first. */
static int step_told(int count, char** words) {
  if (count != 3) return 97;
  int flags = SA_SIGINFO | SA_RESTART | (strcmp(words[1], "ends") ? 0 : SA_NOCLDSTOP);
  struct sigaction action = {.sa_sigaction = say_child, .sa_flags = flags};
  if (sigaction(SIGCHLD, &action, NULL)) return 97;
  pid_t child = fork();
  if (child == 0) {
    struct sigaction catching = {.sa_handler = say_signal, .sa_flags = SA_RESTART};
    struct opening one = {"open", words[2]};
    sigaction(SIGUSR1, &catching, NULL);
    open_and_say(&one);
    _exit(0);
  }
  actor_say("child", child);
  return waitpid(child, NULL, 0) == child ? 0 : 96;
}

/* storm COUNT PROGRAM [argument...]: executes it that often; it must be a file that is no program, so that each execve comes
 * back with ENOEXEC after it was let through. */
static int step_storm(int count, char** words) {
  long rounds = count > 2 ? atol(words[1]) : 0;
  for (long i = 0; i < rounds; i++) {
    execve(words[2], words + 2, environ);
    if (errno != ENOEXEC) return actor_say("storm", -1), 95;
  }
  actor_say("storm", rounds);
  return rounds ? 0 : 97;
}

/* filter: from now on only openat, read, write, close and exit are allowed; anything else kills, also restart_syscall. */
static int step_filter(int count, char** words) {
  static const int allowed[] = {SYS_openat, SYS_read, SYS_write, SYS_close, SYS_exit_group};
  enum { calls = sizeof(allowed) / sizeof(allowed[0]) };
  struct sock_filter code[calls + 3];
  (void)words;
  code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < calls; i++)
    code[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i],
                                               (unsigned char)(calls - i), 0);
  code[calls + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  code[calls + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = calls + 3, .filter = code};
  if (count != 1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return 97;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? 97 : 0;
}

const struct actor_step actor_held[] = {
    {"gate", step_gate},           {"threads", step_threads},       {"two", step_two},
    {"catch", step_catch},         {"threadexec", step_threadexec}, {"block", step_block},
    {"signalfd", step_signalfd},   {"reader", step_reader},         {"signals", step_signals},
    {"tick", step_tick},           {"flood", step_flood},           {"apart", step_apart},
    {"offspring", step_offspring}, {"watch", step_watch},           {"told", step_told},
    {"storm", step_storm},         {"filter", step_filter},         {"forking", step_forking},
    {"heir", step_heir},           {"clock", step_clock},           {0, 0},
};
