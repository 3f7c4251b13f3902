# SPDX-License-Identifier: Apache-2.0
"""Who may include whom. The lists are in tests/check/layers; nothing may include what is not listed there."""
import fnmatch
import re
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]+>|"[^"]+")')
# Headers of the system, told from the standard library's by their name. The listed ones do no I/O.
PURE_C = {"arpa/inet.h", "wchar.h", "sys/types.h"}
TABLE = Path(__file__).resolve().parent.parent / "layers"
# Standard headers that wait, start threads or touch files and devices.
STD_IO = {"condition_variable", "filesystem", "fstream", "future", "iostream", "mutex", "random", "shared_mutex",
          "thread", "cstdio"}


def read_table(text):
  """{folder or file: (own folders, outside patterns, pure?)}"""
  rows = {}
  for line in text.splitlines():
    if not line.strip() or line.startswith("#"):
      continue
    name, own, outside = (part.strip() for part in line.split("|"))
    words = outside.split()
    rows[name] = (own.split(), [word for word in words if word != "pure"], "pure" in words)
  return rows


def row_of(rows, path):
  """The most special row: the file's own, else its folder's."""
  rest = path
  while rest:
    if rest in rows:
      return rows[rest]
    rest = rest.rpartition("/")[0]
  return None


def own_allowed(name, own):
  return any(fnmatch.fnmatchcase(name, word) or name.startswith(word + "/") for word in own)


def outside_allowed(name, outside, pure):
  if any(fnmatch.fnmatchcase(name, pattern) for pattern in outside):
    return True
  if "/" not in name and not name.endswith((".h", ".hpp")):
    return not (pure and name in STD_IO)
  return name in PURE_C


def check(sources):
  rows = read_table(TABLE.read_text())
  for path in sources.code():
    if path.startswith("tests/"):
      continue  # tests may look everywhere
    row = row_of(rows, path)
    if row is None:
      yield path, 1, "its folder has no line in tests/check/layers"
      continue
    own, outside, pure = row
    for number, line in sources.lines(path):
      match = INCLUDE.match(line)
      if not match:
        continue
      quoted, name = match.group(1)[0] == '"', match.group(1)[1:-1]
      if quoted and not own_allowed(name, own) or not quoted and not outside_allowed(name, outside, pure):
        yield path, number, f"may not include {match.group(1)} (tests/check/layers says what it may)"


BAD = [
  {"userspace/policy/a.cpp": '#include "daemon/app.hpp"\n'},
  {"userspace/policy/a.cpp": "#include <fstream>\n"},
  {"userspace/policy/a.cpp": "#include <unistd.h>\n"},
  {"userspace/api/a.cpp": "#include <bpf/libbpf.h>\n"},
  {"userspace/api/a.cpp": '#include "holdpoint.skel.h"\n'},
  {"userspace/event/a.cpp": '#include "policy/policy.hpp"\n'},
  {"bpf/hooks/a.bpf.c": '#include "event/access.hpp"\n'},
  {"userspace/unheard/a.cpp": "#include <vector>\n"},
]
GOOD = {
  "userspace/policy/a.cpp": '#include <vector>\n#include "base/result.hpp"\n',
  "userspace/kernel/a.cpp": '#include <bpf/libbpf.h>\n#include "holdpoint.skel.h"\n',
}
