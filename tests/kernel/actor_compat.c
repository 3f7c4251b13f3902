/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that make 32-bit system calls (int 0x80) from a 64-bit program: what they point to lies below 4 GiB. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actor.h"

enum {
  I386_OPEN = 5,
  I386_EXECVE = 11,
  I386_IOCTL = 54,
  I386_TRUNCATE = 92,
  I386_SOCKETCALL = 102,
  I386_TRUNCATE64 = 193
};
enum { I386_SETXATTR = 226, I386_REMOVEXATTR = 235, I386_EXECVEAT = 358, SOCKETCALL_CONNECT = 3 };

static char* low; /* where the next thing goes */

static int prepare_low(void) {
  if (!low) low = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  return low == MAP_FAILED ? -1 : 0;
}

static uint32_t put(const void* what, size_t size) {
  char* at = memcpy(low, what, size);
  low += (size + 7) / 8 * 8;
  return (uint32_t)(uintptr_t)at;
}

static uint32_t put_text(const char* text) { return put(text, strlen(text) + 1); }

static long call32(long number, uint32_t one, uint32_t two, uint32_t three, uint32_t four, uint32_t five) {
  long result = number;
  __asm__ volatile("int $0x80"
                   : "+a"(result)
                   : "b"(one), "c"(two), "d"(three), "S"(four), "D"(five)
                   : "memory", "r8", "r9", "r10", "r11");
  result = (int32_t)result;
  if (result >= 0 || result < -4095) return result;
  errno = (int)-result;
  return -1;
}

/* open32 PATH */
static int step_open32(int count, char** words) {
  if (count != 2 || prepare_low()) return 97;
  long fd = call32(I386_OPEN, put_text(words[1]), O_RDONLY, 0, 0, 0);
  if (actor_say("open", fd < 0 ? -1 : 0) == 0) close((int)fd);
  return 0;
}

/* truncate32 PATH LENGTH, truncate64 PATH LENGTH */
static int step_truncate32(int count, char** words) {
  if (count != 3 || prepare_low()) return 97;
  long call = strcmp(words[0], "truncate64") ? I386_TRUNCATE : I386_TRUNCATE64;
  actor_say(words[0], call32(call, put_text(words[1]), (uint32_t)atoi(words[2]), 0, 0, 0));
  return 0;
}

/* setxattr32 PATH NAME, removexattr32 PATH NAME */
static int step_xattr32(int count, char** words) {
  if (count != 3 || prepare_low()) return 97;
  long call = words[0][0] == 's' ? I386_SETXATTR : I386_REMOVEXATTR;
  actor_say(words[0], call32(call, put_text(words[1]), put_text(words[2]), put_text("x"), 1, 0));
  return 0;
}

/* chattr32 PATH: sets the flag "no dump". */
static int step_chattr32(int count, char** words) {
  int flags = FS_NODUMP_FL, fd = count == 2 && !prepare_low() ? open(words[1], O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 97;
  actor_say(words[0], call32(I386_IOCTL, (uint32_t)fd, FS_IOC32_SETFLAGS, put(&flags, sizeof(flags)), 0, 0));
  return close(fd);
}

static int exec32(int count, char** words, int at) {
  uint32_t vector[16] = {0};
  if (count < 2 || count > 16 || prepare_low()) return 97;
  for (int i = 1; i < count; i++) vector[i - 1] = put(words[i], strlen(words[i]) + 1);
  uint32_t path = vector[0], argv = put(vector, sizeof(vector)), none = put(&vector[15], 4);
  pid_t child = fork();
  if (child == 0) {
    if (at) call32(I386_EXECVEAT, (uint32_t)AT_FDCWD, path, argv, none, 0);
    else call32(I386_EXECVE, path, argv, none, 0, 0);
    actor_say("exec", -1);
    _exit(0);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child) return 96;
  actor_say("child", WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status));
  return 0;
}

/* exec32 PROGRAM [argument...], execat32 PROGRAM [argument...]: without an environment. */
static int step_exec32(int count, char** words) { return exec32(count, words, 0); }
static int step_execat32(int count, char** words) { return exec32(count, words, 1); }

/* tcp32 ADDRESS PORT TEXT: connects as 32-bit programs do, by socketcall. */
static int step_tcp32(int count, char** words) {
  if (count != 4 || prepare_low()) return 97;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[2]))};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || inet_pton(AF_INET, words[1], &to.sin_addr) != 1) return 96;
  uint32_t arguments[3] = {(uint32_t)fd, put(&to, sizeof(to)), sizeof(to)};
  if (actor_say("connect",
                call32(I386_SOCKETCALL, SOCKETCALL_CONNECT, put(arguments, sizeof(arguments)), 0, 0, 0)) == 0)
    actor_say("write", write(fd, words[3], strlen(words[3])));
  close(fd);
  return 0;
}

const struct actor_step actor_compat[] = {{"open32", step_open32},         {"exec32", step_exec32},
                                          {"execat32", step_execat32},     {"tcp32", step_tcp32},
                                          {"truncate32", step_truncate32}, {"truncate64", step_truncate32},
                                          {"setxattr32", step_xattr32},    {"removexattr32", step_xattr32},
                                          {"chattr32", step_chattr32},     {0, 0}};
