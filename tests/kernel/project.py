# SPDX-License-Identifier: Apache-2.0
"""Writes words.tar, a small project with a configure of its own as its author would publish it: a library, two programs and
their tests. Usage: project.py TAR. Runs on the host, when the tests are built: emulated, autoconf takes minutes."""
import pathlib
import subprocess
import sys
import tarfile
import tempfile

PROJECT = {
    "configure.ac": """
AC_INIT([words], [1.0])
AC_CONFIG_SRCDIR([words.c])
AC_CONFIG_HEADERS([config.h])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AC_PROG_RANLIB
AC_CHECK_HEADERS([locale.h sys/mman.h no_such_header.h], [], [], [[#include <stddef.h>]])
AC_CHECK_FUNCS([strnlen no_such_function])
AC_SEARCH_LIBS([sqrt], [m])
AC_CHECK_SIZEOF([long], [], [[#include <stddef.h>]])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
""",
    "Makefile.am": """
noinst_LIBRARIES = libwords.a
libwords_a_SOURCES = words.c order.c words.h
noinst_PROGRAMS = count sorted
count_SOURCES = count.c
count_LDADD = libwords.a
sorted_SOURCES = sorted.c
sorted_LDADD = libwords.a
check_PROGRAMS = words_test
words_test_SOURCES = words_test.c
words_test_LDADD = libwords.a
TESTS = words_test programs_test.sh
AM_TESTS_ENVIRONMENT = SOURCE='$(srcdir)'; export SOURCE;
EXTRA_DIST = programs_test.sh
""",
    "words.h": """
#include <stddef.h>
size_t split(char *text, char *words[], size_t most);
void order(char *words[], size_t count);
""",
    "words.c": """
#include "words.h"
#include <string.h>
size_t split(char *text, char *words[], size_t most) {
  size_t count = 0;
  for (char *word = strtok(text, " \\n"); word && count < most; word = strtok(NULL, " \\n")) words[count++] = word;
  return count;
}
""",
    "order.c": """
#include "words.h"
#include <stdlib.h>
#include <string.h>
static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
void order(char *words[], size_t count) { qsort(words, count, sizeof *words, compare); }
""",
    "count.c": """
#include "config.h"
#include "words.h"
#include <math.h>
#include <stdio.h>
int main(void) {
  char text[1000], *words[100];
  text[fread(text, 1, sizeof text - 1, stdin)] = 0;
  size_t count = split(text, words, 100);
  printf("%zu words, a square of %.0f, a long of %d bytes\\n", count, sqrt((double)count), SIZEOF_LONG);
}
""",
    "sorted.c": """
#include "words.h"
#include <stdio.h>
int main(void) {
  char text[1000], *words[100];
  text[fread(text, 1, sizeof text - 1, stdin)] = 0;
  size_t count = split(text, words, 100);
  order(words, count);
  for (size_t i = 0; i < count; i++) puts(words[i]);
}
""",
    "words_test.c": """
#include "words.h"
#include <string.h>
int main(void) {
  char text[] = "a tree\\nand a bird", *words[9];
  return split(text, words, 9) != 5 || (order(words, 5), strcmp(words[4], "tree") != 0);
}
""",
    "programs_test.sh": """
set -e
test "$(printf 'b\\na' | ./sorted | tr '\\n' ' ')" = "a b "
./count < $SOURCE/programs_test.sh
""",
}


def same_age(entry):
    """What was generated may not look older than what it was generated from: make would generate it again."""
    entry.mtime = 1700000000
    return None if "autom4te.cache" in entry.name else entry


def write(target):
    with tempfile.TemporaryDirectory() as directory:
        source = pathlib.Path(directory) / "words-1.0"
        source.mkdir()
        for name, text in PROJECT.items():
            (source / name).write_text(("#!/bin/sh" if name.endswith(".sh") else "") + text)
        (source / "programs_test.sh").chmod(0o755)
        made = subprocess.run(["autoreconf", "--install"], cwd=source, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if made.returncode != 0:
            sys.exit(f"project.py: autoreconf failed with status {made.returncode}:\n{made.stderr}")
        with tarfile.open(target, "w", dereference=True) as tar:
            tar.add(source, source.name, filter=same_age)


if __name__ == "__main__":
    write(sys.argv[1])
