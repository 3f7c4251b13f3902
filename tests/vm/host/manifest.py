# SPDX-License-Identifier: Apache-2.0
"""The list of tests: one a line, NAME<TAB>TIMEOUT_SECONDS<TAB>SHELL COMMAND; '#' starts a comment line."""
import fnmatch
import re
from dataclasses import dataclass
from pathlib import Path

from host.errors import VmError

# A name becomes a file, a cgroup and a directory of the BPF file system, which refuses dots in names.
NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True)
class Test:
  name: str
  seconds: int
  command: str


def parse(path):
  """Tests of one manifest file in its order."""
  try:
    lines = path.read_text(encoding="utf-8").splitlines()
  except OSError as error:
    raise VmError(f"{path}: {error.strerror}; configure and build first, or name a manifest with --tests") from error
  tests = {}
  for number, line in enumerate(lines, 1):
    if not line.strip() or line.startswith("#"):
      continue
    fields = line.split("\t", 2)
    if len(fields) != 3 or not fields[2].strip():
      raise VmError(f"{path}:{number}: want NAME<TAB>SECONDS<TAB>COMMAND")
    name, seconds, command = fields
    if not NAME.fullmatch(name):
      raise VmError(f"{path}:{number}: test name {name!r} may have only letters, digits, _ and -, 100 at most")
    if not seconds.isdecimal() or int(seconds) == 0:
      raise VmError(f"{path}:{number}: time limit {seconds!r} is not a number of seconds above 0")
    if name in tests:
      raise VmError(f"{path}:{number}: a second test named {name!r}")
    tests[name] = Test(name, int(seconds), command)
  return list(tests.values())


def locate(tests, build, kernel, machine):
  """The manifest file for a kernel: a file as given, or that of the machine in a directory or build tree."""
  where = Path(tests) if tests else Path(build) / "tests/vm"
  return where / f"manifest-{kernel}-{machine}.tsv" if where.is_dir() or not tests else where


def choose(tests, patterns, path):
  """Tests whose name matches one of the patterns, all without a pattern. None at all is an error."""
  for pattern in patterns:
    if not any(fnmatch.fnmatchcase(test.name, pattern) for test in tests):
      known = ", ".join(test.name for test in tests[:20]) or "none"
      raise VmError(f"no test in {path} matches {pattern!r}; it has: {known}")
  chosen = [t for t in tests if not patterns or any(fnmatch.fnmatchcase(t.name, p) for p in patterns)]
  if not chosen:
    raise VmError(f"{path} lists no tests")
  return chosen
