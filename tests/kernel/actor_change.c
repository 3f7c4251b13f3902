/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that change names and attributes of files. Each says how its call went, under its own name. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "actor.h"

static int said(const char* what, long result) { return actor_say(what, result), 0; }

/* mkdir PATH, rmdir PATH, unlink PATH, fifo PATH */
static int step_mkdir(int count, char** words) {
  return count == 2 ? said("mkdir", mkdir(words[1], 0755)) : 97;
}
static int step_rmdir(int count, char** words) { return count == 2 ? said("rmdir", rmdir(words[1])) : 97; }
static int step_unlink(int count, char** words) { return count == 2 ? said("unlink", unlink(words[1])) : 97; }
static int step_fifo(int count, char** words) {
  return count == 2 ? said("fifo", mkfifo(words[1], 0644)) : 97;
}

/* device PATH: a character device, the one that is always empty. */
static int step_device(int count, char** words) {
  return count == 2 ? said("device", mknod(words[1], S_IFCHR | 0600, makedev(1, 3))) : 97;
}

/* bind PATH: a unix socket with that name. */
static int step_bind(int count, char** words) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (count != 2 || strlen(words[1]) >= sizeof(address.sun_path)) return 97;
  strcpy(address.sun_path, words[1]);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 96;
  actor_say("bind", bind(fd, (struct sockaddr*)&address, sizeof(address)));
  return close(fd);
}

/* symlink CONTENT PATH, move OLD NEW, exchange ONE OTHER, link OLD NEW */
static int step_symlink(int count, char** words) {
  return count == 3 ? said("symlink", symlink(words[1], words[2])) : 97;
}
static int step_move(int count, char** words) {
  return count == 3 ? said("move", rename(words[1], words[2])) : 97;
}
static int step_exchange(int count, char** words) {
  if (count != 3) return 97;
  return said("exchange", renameat2(AT_FDCWD, words[1], AT_FDCWD, words[2], RENAME_EXCHANGE));
}
/* whiteout OLD NEW: moves, and leaves what says in an overlay that there is nothing. */
static int step_whiteout(int count, char** words) {
  if (count != 3) return 97;
  return said("whiteout", renameat2(AT_FDCWD, words[1], AT_FDCWD, words[2], RENAME_WHITEOUT));
}
static int step_link(int count, char** words) {
  return count == 3 ? said("link", link(words[1], words[2])) : 97;
}

/* truncate PATH LENGTH, chmod PATH OCTAL, chown PATH UID GID, times PATH SECONDS */
static int step_truncate(int count, char** words) {
  return count == 3 ? said("truncate", truncate(words[1], atol(words[2]))) : 97;
}
static int step_chmod(int count, char** words) {
  return count == 3 ? said("chmod", chmod(words[1], (mode_t)strtoul(words[2], NULL, 8))) : 97;
}
static int step_chown(int count, char** words) {
  if (count != 4) return 97;
  return said("chown", chown(words[1], (uid_t)atoi(words[2]), (gid_t)atoi(words[3])));
}
static int step_times(int count, char** words) {
  if (count != 3) return 97;
  struct timespec times[2] = {{.tv_sec = atol(words[2])}, {.tv_sec = atol(words[2])}};
  return said("times", utimensat(AT_FDCWD, words[1], times, 0));
}

/* setxattr PATH NAME, removexattr PATH NAME */
static int step_setxattr(int count, char** words) {
  return count == 3 ? said("setxattr", setxattr(words[1], words[2], "x", 1, 0)) : 97;
}
static int step_removexattr(int count, char** words) {
  return count == 3 ? said("removexattr", removexattr(words[1], words[2])) : 97;
}

/* fsetxattr PATH NAME, fremovexattr PATH NAME: by a file that is open for reading only. */
static int step_fxattr(int count, char** words) {
  int fd = count == 3 ? open(words[1], O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 97;
  actor_say(words[0], words[0][1] == 's' ? fsetxattr(fd, words[2], "x", 1, 0) : fremovexattr(fd, words[2]));
  return close(fd);
}

/* acl PATH: user 1234 may read it. */
static int step_acl(int count, char** words) {
  static const struct {
    uint32_t version;
    struct {
      uint16_t tag, permissions;
      uint32_t id;
    } entries[5];
  } list = {2, {{0x01, 6, ~0U}, {0x02, 4, 1234}, {0x04, 4, ~0U}, {0x10, 4, ~0U}, {0x20, 4, ~0U}}};
  if (count != 2) return 97;
  return said("acl", setxattr(words[1], "system.posix_acl_access", &list, sizeof(list), 0));
}

/* chattr PATH: sets the flag "no dump", by a file that is open for reading only. */
static int step_chattr(int count, char** words) {
  int flags = FS_NODUMP_FL, fd = count == 2 ? open(words[1], O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 97;
  actor_say("chattr", ioctl(fd, FS_IOC_SETFLAGS, &flags));
  return close(fd);
}

/* fsxattr PATH: the same flag by the other call. */
static int step_fsxattr(int count, char** words) {
  struct fsxattr flags = {.fsx_xflags = FS_XFLAG_NODUMP};
  int fd = count == 2 ? open(words[1], O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 97;
  actor_say("fsxattr", ioctl(fd, FS_IOC_FSSETXATTR, &flags));
  return close(fd);
}

/* by-handle PATH NEW: changes the mode of PATH, and links it as NEW, through a descriptor that opened nothing. */
static int step_handle(int count, char** words) {
  int fd = count == 3 ? open(words[1], O_PATH | O_CLOEXEC) : -1;
  if (fd < 0) return 97;
  char name[64];
  snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
  actor_say("chmod", chmod(name, 0600));
  actor_say("link", linkat(AT_FDCWD, name, AT_FDCWD, words[2], AT_SYMLINK_FOLLOW));
  actor_say("linkat", linkat(fd, "", AT_FDCWD, words[2], AT_EMPTY_PATH));
  return close(fd);
}

/* ftruncate PATH: makes or empties it, and cuts it through the descriptor. */
static int step_ftruncate(int count, char** words) {
  int fd = count == 2 ? open(words[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
  if (fd < 0) return 97;
  actor_say("ftruncate", ftruncate(fd, 3));
  return close(fd);
}

static volatile int enough;

static void* exchange_on(void* names) {
  char** both = names;
  long failures = 0;
  while (!enough) failures += renameat2(AT_FDCWD, both[0], AT_FDCWD, both[1], RENAME_EXCHANGE) != 0;
  return (void*)failures;
}

/* race ONE OTHER ROUNDS: a thread exchanges both names without end, and ONE is read that often: how often its content began with
 * the f of "free" or another letter, how often it was refused or not found, and how often an exchange failed. */
static int step_race(int count, char** words) {
  pthread_t thread;
  void* failures;
  long f = 0, other = 0, refused = 0, absent = 0, rounds = count == 4 ? atol(words[3]) : 0;
  if (!rounds || pthread_create(&thread, NULL, exchange_on, words + 1)) return 97;
  for (long i = 0; i < rounds; i++) {
    char letter = 0;
    int fd = open(words[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0) *(errno == EPERM ? &refused : &absent) += 1;
    else if (read(fd, &letter, 1) == 1) *(letter == 'f' ? &f : &other) += 1;
    if (fd >= 0) close(fd);
  }
  enough = 1;
  if (pthread_join(thread, &failures)) return 96;
  actor_say("free", f);
  actor_say("other", other);
  actor_say("refused", refused);
  actor_say("absent", absent);
  return said("failures", (long)failures);
}

/* become UID: real, effective and saved. */
static int step_become(int count, char** words) {
  uid_t user = count == 2 ? (uid_t)atoi(words[1]) : 0;
  return count == 2 && setresuid(user, user, user) == 0 ? 0 : 97;
}

const struct actor_step actor_change[] = {
    {"mkdir", step_mkdir},
    {"rmdir", step_rmdir},
    {"unlink", step_unlink},
    {"fifo", step_fifo},
    {"device", step_device},
    {"bind", step_bind},
    {"symlink", step_symlink},
    {"move", step_move},
    {"exchange", step_exchange},
    {"whiteout", step_whiteout},
    {"link", step_link},
    {"truncate", step_truncate},
    {"chmod", step_chmod},
    {"chown", step_chown},
    {"times", step_times},
    {"setxattr", step_setxattr},
    {"removexattr", step_removexattr},
    {"fsetxattr", step_fxattr},
    {"fremovexattr", step_fxattr},
    {"acl", step_acl},
    {"chattr", step_chattr},
    {"fsxattr", step_fsxattr},
    {"by-handle", step_handle},
    {"ftruncate", step_ftruncate},
    {"race", step_race},
    {"become", step_become},
    {0, 0},
};
