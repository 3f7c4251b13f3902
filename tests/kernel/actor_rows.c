/* SPDX-License-Identifier: Apache-2.0 */
/* Steps for hazards of a hold: siblings in every kind of wait, argv whose pages are away, many threads on one processor. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actor.h"

extern char** environ;

/* ---- siblings that wait while another thread is held */

static int empty_pipe[2], full_pipe[2], pair[2], timed_pair[2], full_pair[2], timed_listener, listener,
    semaphores, queue, connecting, timed_connecting, datagrams[2];
static struct sockaddr_un full_listener; /* takes no further connection */
static aio_context_t events;
static int futex_word;
static pid_t idle_child;
static const struct timespec long_time = {.tv_sec = 3600};

static int listening(const struct timeval* timeout) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (timeout) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, sizeof(*timeout));
  return listen(fd, 1) ? -1 : fd; /* to a port that the kernel chooses */
}

static int prepare_connects(const struct timeval* timeout) {
  socklen_t length = sizeof(full_listener);
  int taker = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
      first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  connecting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timed_connecting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(timed_connecting, SOL_SOCKET, SO_SNDTIMEO, timeout, sizeof(*timeout));
  full_listener.sun_family = AF_UNIX; /* under a name that the kernel chooses, of six bytes */
  if (bind(taker, (struct sockaddr*)&full_listener, sizeof(sa_family_t)) || listen(taker, 0) ||
      getsockname(taker, (struct sockaddr*)&full_listener, &length) || length != sizeof(sa_family_t) + 6)
    return -1;
  return connect(first, (struct sockaddr*)&full_listener, length);
}

static int prepare_waits(void) {
  const struct timeval hour = {.tv_sec = 3600};
  int* pairs[] = {pair, timed_pair, full_pair};
  if (pipe2(empty_pipe, O_CLOEXEC) || pipe2(full_pipe, O_CLOEXEC | O_NONBLOCK)) return -1;
  for (int i = 0; i < 3; i++)
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i])) return -1;
  setsockopt(timed_pair[0], SOL_SOCKET, SO_RCVTIMEO, &hour, sizeof(hour));
  setsockopt(full_pair[0], SOL_SOCKET, SO_SNDTIMEO, &hour, sizeof(hour));
  while (write(full_pipe[1], &hour, 1) == 1) {
  }
  fcntl(full_pipe[1], F_SETFL, 0);
  while (send(full_pair[0], &hour, 1, MSG_DONTWAIT) == 1) {
  }
  timed_listener = listening(&hour);
  listener = listening(NULL);
  if (prepare_connects(&hour) || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagrams)) return -1;
  if (syscall(SYS_io_setup, 1, &events)) return -1;
  semaphores = semget(IPC_PRIVATE, 1, 0600);
  queue = msgget(IPC_PRIVATE, 0600);
  idle_child = fork();
  if (idle_child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  return timed_listener < 0 || listener < 0 || semaphores < 0 || queue < 0 || idle_child < 0 ? -1 : 0;
}

static long wait_epoll(void) {
  struct epoll_event event = {.events = EPOLLIN};
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_ctl(epoll, EPOLL_CTL_ADD, empty_pipe[0], &event);
  long result = epoll_wait(epoll, &event, 1, -1);
  int kept = errno;
  close(epoll);
  errno = kept;
  return result;
}
static long wait_recv_timed(void) { return recv(timed_pair[0], &(char){0}, 1, 0); }
static long wait_send_timed(void) { return send(full_pair[0], "x", 1, 0); }
static long wait_accept_timed(void) { return accept(timed_listener, NULL, NULL); }
static long wait_connect(int fd) {
  return connect(fd, (struct sockaddr*)&full_listener, sizeof(sa_family_t) + 6);
}
static long wait_connect_timed(void) { return wait_connect(timed_connecting); }
static long wait_connect_untimed(void) { return wait_connect(connecting); }
static long wait_io_getevents(void) {
  struct io_event event;
  return syscall(SYS_io_getevents, events, 1, 1, &event, &long_time);
}
static long wait_recvmmsg(void) {
  struct mmsghdr message = {0};
  struct timespec timeout = long_time;
  return recvmmsg(datagrams[0], &message, 1, 0, &timeout);
}
static struct sembuf take = {.sem_op = -1};
static long wait_semop(void) { return semop(semaphores, &take, 1); }
static long wait_semtimedop(void) { return semtimedop(semaphores, &take, 1, &long_time); }
static long wait_sigtimedwait(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  return sigtimedwait(&set, NULL, &long_time);
}
static long wait_poll(void) { return poll(&(struct pollfd){.fd = empty_pipe[0], .events = POLLIN}, 1, -1); }
static long wait_select(void) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(empty_pipe[0], &set);
  return select(empty_pipe[0] + 1, &set, NULL, NULL, NULL);
}
static long wait_futex(void) {
  return syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, &long_time, NULL, 0);
}
static long wait_nanosleep(void) { return nanosleep(&long_time, NULL); }
static long wait_pause(void) { return pause(); }
static long wait_read(void) { return read(empty_pipe[0], &(char){0}, 1); }
static long wait_write(void) { return write(full_pipe[1], "x", 1); }
static long wait_recv(void) { return recv(pair[0], &(char){0}, 1, 0); }
static long wait_accept(void) { return accept(listener, NULL, NULL); }
static long wait_msgrcv(void) {
  return msgrcv(queue, &(struct {
                  long type;
                  char text;
                }){0, 0},
                1, 0, 0);
}
static long wait_waitpid(void) { return waitpid(idle_child, NULL, 0); }
static long wait_eventfd(void) { return read(eventfd(0, EFD_CLOEXEC), &(uint64_t){0}, sizeof(uint64_t)); }
static long wait_inotify(void) { return read(inotify_init1(IN_CLOEXEC), (char[512]){0}, 512); }

static const struct {
  const char* name;
  long (*once)(void);
} waits[] = {
    {"epoll", wait_epoll},
    {"recv-timed", wait_recv_timed},
    {"send-timed", wait_send_timed},
    {"accept-timed", wait_accept_timed},
    {"connect-timed", wait_connect_timed},
    {"io_getevents", wait_io_getevents},
    {"semop", wait_semop},
    {"semtimedop", wait_semtimedop},
    {"sigtimedwait", wait_sigtimedwait},
    {"poll", wait_poll},
    {"select", wait_select},
    {"futex", wait_futex},
    {"nanosleep", wait_nanosleep},
    {"pause", wait_pause},
    {"read", wait_read},
    {"write", wait_write},
    {"recv", wait_recv},
    {"accept", wait_accept},
    {"connect", wait_connect_untimed},
    {"recvmmsg", wait_recvmmsg},
    {"msgrcv", wait_msgrcv},
    {"waitpid", wait_waitpid},
    {"eventfd", wait_eventfd},
    {"inotify", wait_inotify},
};
enum {
  WAITS = sizeof(waits) / sizeof(waits[0]),
  REFUSED = EXFULL /* by our filter: no call here fails with it */
};
static volatile int waiting_tids[WAITS], returned[WAITS];

/* From now on restart_syscall fails. */
static int refuse_restarts(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_restart_syscall, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | REFUSED),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void* wait_in_vain(void* argument) {
  long which = (long)argument;
  waiting_tids[which] = (int)syscall(SYS_gettid);
  while (waits[which].once() < 0 && (errno == EINTR || errno == REFUSED))
    __atomic_add_fetch(&returned[which], errno == EINTR ? 1 : 100, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&returned[which], 1000, __ATOMIC_SEQ_CST); /* nobody ends these waits */
  return NULL;
}

/* patient PATH [filtered]: opens the file while a sibling is in each of these waits; says how often each came back with EINTR,
 * plus 100 for each restart_syscall, which the filter refuses. */
static int step_patient(int count, char** words) {
  pthread_t thread;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  if (count < 2 || sigprocmask(SIG_BLOCK, &set, NULL) || prepare_waits()) return 97;
  if (count == 3 && refuse_restarts()) return 95;
  for (long i = 0; i < WAITS; i++)
    if (pthread_create(&thread, NULL, wait_in_vain, (void*)i)) return 96;
  for (int i = 0; i < WAITS; i++) {
    while (!waiting_tids[i]) sched_yield();
    actor_wait_asleep(waiting_tids[i]);
  }
  actor_say("open", open(words[1], O_RDONLY | O_CLOEXEC) < 0 ? -1 : 0);
  for (int i = 0; i < WAITS; i++) actor_wait_asleep(waiting_tids[i]);
  for (int i = 0; i < WAITS; i++) actor_say(waits[i].name, __atomic_load_n(&returned[i], __ATOMIC_SEQ_CST));
  semctl(semaphores, 0, IPC_RMID);
  msgctl(queue, IPC_RMID, NULL);
  kill(idle_child, SIGKILL);
  return 0; /* the threads end with the process */
}

/* ---- argv whose pages are away when the hook reads it, though the kernel itself has just read it */

enum { PAGE = 4096 };
static char* pages; /* argv[0], which answers to our faults only, and argv[2] */
static char* away_argv[4];

static int run_it(void* program) {
  execve(program, away_argv, environ);
  actor_say("exec", -1);
  _exit(0);
}

static uint64_t page_bits(const void* address) {
  uint64_t bits = 0;
  int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pread(fd, &bits, 8, (off_t)((uintptr_t)address / PAGE * 8)) != 8) bits = 0;
  close(fd);
  return bits;
}

static int read_fault(int faults, const char* wanted) {
  struct uffd_msg message;
  if (read(faults, &message, sizeof(message)) != sizeof(message)) return -1;
  return message.event == UFFD_EVENT_PAGEFAULT && message.arg.pagefault.address == (uintptr_t)wanted ? 0 : -1;
}

static int watched_pages(const char* text) {
  pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED || madvise(pages, 2 * PAGE, MADV_NOHUGEPAGE) || strlen(text) >= PAGE) return -1;
  strcpy(pages + PAGE, text);
  struct uffdio_api api = {.api = UFFD_API};
  struct uffdio_register range = {.range = {.start = (uintptr_t)pages, .len = 2 * PAGE},
                                  .mode = UFFDIO_REGISTER_MODE_MISSING};
  int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  return faults < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &range) ? -1
                                                                                                 : faults;
}

/* away swapped|stuck PROGRAM WORD TEXT: a child that shares our memory executes PROGRAM. The kernel copies argv from the last
 * to the first; when it is at argv[0] it waits for us, and TEXT, which it has by now, is swapped out, or taken away without
 * ever being given back. So the next who reads it is the hook. */
static int step_away(int count, char** words) {
  static char stack[65536] __attribute__((aligned(16)));
  static char first[PAGE] __attribute__((aligned(4096)));
  char line[16];
  int faults = count == 5 ? watched_pages(words[4]) : -1;
  if (faults < 0) return 97;
  int stuck = !strcmp(words[1], "stuck");
  strcpy(first, words[2]);
  away_argv[0] = pages;
  away_argv[1] = words[3];
  away_argv[2] = pages + PAGE;
  pid_t child = clone(run_it, stack + sizeof(stack), CLONE_VM | SIGCHLD, words[2]);
  if (child < 0 || read_fault(faults, pages)) return 95;
  if (stuck && madvise(pages + PAGE, PAGE, MADV_DONTNEED)) return 94;
  while (!stuck &&
         !(page_bits(pages + PAGE) >> 62 & 1)) /* until it is in the swap: the kernel may be using it now */
    if (madvise(pages + PAGE, PAGE, MADV_PAGEOUT)) return 94;
  struct uffdio_copy fill = {.dst = (uintptr_t)pages, .src = (uintptr_t)first, .len = PAGE};
  if (ioctl(faults, UFFDIO_COPY, &fill)) return 93;
  if (stuck && read_fault(faults, pages + PAGE)) return 92;
  actor_say(words[1], child);
  if (!stuck) {
    if (read(STDIN_FILENO, line, sizeof(line)) < 1) return 91;
    actor_say("back", (long)(page_bits(pages + PAGE) >> 63));
  }
  int status;
  if (waitpid(child, &status, 0) != child) return 90;
  actor_say("child", WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
  return 0;
}

/* ---- others */

static const char* mixed_paths[2];
static long mixed_rounds, wrong[2];

static void* open_both(void* nothing) {
  for (long i = 0; i < mixed_rounds; i++)
    for (int which = 0; which < 2; which++) {
      int fd = open(mixed_paths[which], O_RDONLY | O_CLOEXEC);
      if ((fd < 0) == (which == 1)) __atomic_add_fetch(&wrong[which], 1, __ATOMIC_SEQ_CST);
      if (fd >= 0) close(fd);
    }
  return nothing;
}

/* crush THREADS ROUNDS DENIED FREE: that many threads, all on one processor, open both that often; says how often the first
 * was opened and the second refused. */
static int step_crush(int count, char** words) {
  pthread_t threads[64];
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  int n = count == 5 ? atoi(words[1]) : 0;
  if (n < 1 || n > 64 || sched_setaffinity(0, sizeof(one), &one)) return 97;
  mixed_rounds = atol(words[2]);
  mixed_paths[0] = words[3];
  mixed_paths[1] = words[4];
  for (int i = 0; i < n; i++)
    if (pthread_create(&threads[i], NULL, open_both, NULL)) return 96;
  for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
  actor_say("opened", wrong[0]);
  actor_say("refused", wrong[1]);
  return 0;
}

/* rename NAME: gives the thread that name, and says what it is called then. */
static int step_rename(int count, char** words) {
  char name[17] = {0};
  if (count != 2) return 97;
  if (actor_say("rename", prctl(PR_SET_NAME, words[1]))) return 0;
  return prctl(PR_GET_NAME, name) || puts(name) < 0 || fflush(stdout) ? 96 : 0;
}

/* filesystem TYPE KEY[=VALUE]...: makes a file system of it, and mounts it nowhere. */
static int step_filesystem(int count, char** words) {
  if (count < 2) return 97;
  long made = syscall(SYS_fsopen, words[1], 0);
  for (int i = 2; i < count && made >= 0; i++) {
    char* value = strchr(words[i], '=');
    if (value) *value++ = 0;
    if (syscall(SYS_fsconfig, made, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, words[i], value, 0))
      return 96;
  }
  actor_say("filesystem", made < 0 ? -1 : (int)syscall(SYS_fsconfig, made, FSCONFIG_CMD_CREATE, 0, 0, 0));
  return 0;
}

const struct actor_step actor_rows[] = {
    {"patient", step_patient},       {"away", step_away},
    {"crush", step_crush},           {"rename", step_rename},
    {"filesystem", step_filesystem}, {0, 0},
};
