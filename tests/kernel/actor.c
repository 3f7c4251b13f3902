/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "actor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct actor_step* const tables[] = {
    actor_file, actor_exec,   actor_socket, actor_held,   actor_faults,
    actor_rows, actor_compat, actor_trace,  actor_change,
};

long actor_say(const char* what, long result) {
  int error = errno;
  const char* name = strerrorname_np(error);
  char line[256];
  int length;
  if (result >= 0) length = snprintf(line, sizeof(line), "%s ok %ld\n", what, result);
  else if (name) length = snprintf(line, sizeof(line), "%s %s\n", what, name);
  else length = snprintf(line, sizeof(line), "%s %d\n", what, error);
  if (write(STDOUT_FILENO, line, (size_t)length) != length) _exit(99);
  return result;
}

static const struct actor_step* find_step(const char* name) {
  for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
    for (const struct actor_step* step = tables[i]; step->name; step++)
      if (!strcmp(step->name, name)) return step;
  return NULL;
}

int main(int argc, char** argv) {
  for (int first = 1; first < argc;) {
    int end = first;
    while (end < argc && strcmp(argv[end], "+")) end++;
    argv[end] = NULL;
    const struct actor_step* step = first < end ? find_step(argv[first]) : NULL;
    if (!step) {
      fprintf(stderr, "actor: no step named '%s'\n", first < end ? argv[first] : "");
      return 98;
    }
    int status = step->run(end - first, argv + first);
    if (status) return status;
    first = end + 1;
  }
  return 0;
}
