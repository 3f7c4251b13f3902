# SPDX-License-Identifier: Apache-2.0
"""Each source names its licence in its first lines. What the kernel loads, and the contract with it, is dual."""
from pathlib import PurePosixPath

APACHE = "SPDX-License-Identifier: Apache-2.0"
DUAL = "SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
SUFFIXES = {".c", ".h", ".cpp", ".hpp", ".py", ".proto", ".sh", ".cmake", ".service", ".yaml"}
NAMES = {"CMakeLists.txt", "Makefile", ".clang-format", ".clang-tidy"}


def wanted(path):
  code = PurePosixPath(path).suffix in {".c", ".h"}
  return DUAL if code and path.startswith(("bpf/", "include/")) else APACHE


def check(sources):
  for path in sources:
    file, text = PurePosixPath(path), sources.text(path)
    if path.startswith("tests/fuzz/corpus/"):
      continue
    if file.suffix not in SUFFIXES and file.name not in NAMES and not text.startswith("#!"):
      continue
    if not any(line.rstrip(" */").endswith(wanted(path)) for line in text.splitlines()[:3]):
      yield path, 1, f"its first three lines lack {wanted(path)}"


BAD = [
  {"userspace/a.cpp": "int a;\n"},
  {"bpf/a.bpf.c": f"/* {APACHE} */\n"},
  {"tests/a": "#!/bin/sh\n"},
]
GOOD = {"userspace/a.cpp": f"// {APACHE}\n", "bpf/a.bpf.c": f"/* {DUAL} */\n", "tests/a": f"#!/bin/sh\n# {APACHE}\n"}
