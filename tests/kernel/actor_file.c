/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that open files. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actor.h"

static const struct {
  const char* name;
  int flags;
} open_words[] = {
    {"read", O_RDONLY},         {"write", O_WRONLY},  {"both", O_RDWR},         {"neither", O_ACCMODE},
    {"trunc", O_TRUNC},         {"create", O_CREAT},  {"excl", O_EXCL},         {"tmpfile", O_TMPFILE},
    {"path", O_PATH},           {"append", O_APPEND}, {"nonblock", O_NONBLOCK}, {"nofollow", O_NOFOLLOW},
    {"directory", O_DIRECTORY},
};

static int open_flags(char* text) {
  int flags = O_CLOEXEC;
  for (char* word = strtok(text, ","); word; word = strtok(NULL, ",")) {
    size_t i = 0, count = sizeof(open_words) / sizeof(open_words[0]);
    while (i < count && strcmp(open_words[i].name, word)) i++;
    if (i == count) return -1;
    flags |= open_words[i].flags;
  }
  return flags;
}

/* open FLAG[,FLAG...] PATH: opens, says how that went, and closes again. */
static int step_open(int count, char** words) {
  int flags = count == 3 ? open_flags(words[1]) : -1;
  if (flags < 0) return 97;
  long fd = syscall(SYS_openat, AT_FDCWD, words[2], flags, 0644);
  if (actor_say("open", fd < 0 ? fd : 0) == 0) close((int)fd);
  return 0;
}

/* cat PATH: opens for reading and says what is in it. */
static int step_cat(int count, char** words) {
  if (count != 2) return 97;
  int fd = open(words[1], O_RDONLY | O_CLOEXEC);
  if (actor_say("cat", fd < 0 ? -1 : 0)) return 0;
  char text[512];
  ssize_t length = read(fd, text, sizeof(text));
  if (length < 0 || write(STDOUT_FILENO, text, (size_t)length) != length) return 96;
  close(fd);
  return 0;
}

/* store FLAG[,FLAG...] PATH TEXT: opens and writes the text, in one write. */
static int step_store(int count, char** words) {
  int flags = count == 4 ? open_flags(words[1]) : -1;
  if (flags < 0) return 97;
  int fd = open(words[2], flags, 0644);
  if (fd < 0) return actor_say("store", -1), 0;
  actor_say("store", write(fd, words[3], strlen(words[3])));
  close(fd);
  return 0;
}

/* deep DIRECTORY NAME FLAG[,FLAG...]: opens NAME where its path is longer than PATH_MAX, reached by relative names. */
static int step_deep(int count, char** words) {
  char name[201];
  memset(name, 'd', 200);
  name[200] = 0;
  int flags = count == 4 ? open_flags(words[3]) : -1;
  if (flags < 0 || chdir(words[1])) return 97;
  for (int i = 0; i < 21; i++)
    if ((mkdir(name, 0755) && errno != EEXIST) || chdir(name)) return 96;
  actor_say("open", openat(AT_FDCWD, words[2], flags, 0644) < 0 ? -1 : 0);
  return chdir("/") ? 96 : 0;
}

/* chdir PATH */
static int step_chdir(int count, char** words) { return count == 2 && chdir(words[1]) == 0 ? 0 : 97; }

const struct actor_step actor_file[] = {
    {"open", step_open}, {"cat", step_cat},     {"store", step_store},
    {"deep", step_deep}, {"chdir", step_chdir}, {0, 0},
};
