# SPDX-License-Identifier: Apache-2.0
"""A test that no build file names never runs, and a source that none names is not in the product."""
import re
from pathlib import PurePosixPath

COMMENT = re.compile(r"#.*")


def build_text(sources, folder):
  return "\n".join(COMMENT.sub("", line) for line in sources.text(f"{folder}/CMakeLists.txt").splitlines())


def named(text, name):
  return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text) is not None


def product(sources):
  """Every .cpp of userspace stands in the CMakeLists.txt of its folder, or that takes them all."""
  for path in sources.below("userspace"):
    if not path.endswith(".cpp"):
      continue
    folder = "/".join(path.split("/")[:2])
    text = build_text(sources, folder)
    if "*.cpp" not in text and not named(text, path[len(folder) + 1:]):
      yield path, 1, f"{folder}/CMakeLists.txt does not name it"


def unit(sources):
  """tests/unit/<folder>/*_test.cpp are taken by holdpoint_unit_test(<folder>); everything else is named."""
  for path in sources.below("tests/unit"):
    parts = path.split("/")
    if len(parts) != 4 or PurePosixPath(path).suffix not in (".cpp", ".py"):
      continue
    folder, name = parts[2], parts[3]
    text = build_text(sources, f"tests/unit/{folder}")
    if not named(build_text(sources, "tests/unit"), folder):
      yield path, 1, f"tests/unit/CMakeLists.txt does not name the folder {folder}"
    taken = name.endswith("_test.cpp") and f"holdpoint_unit_test({folder} " in text
    if not taken and not named(text, name):
      yield path, 1, f"tests/unit/{folder}/CMakeLists.txt does not run it"


def kernel(sources):
  text = build_text(sources, "tests/kernel")
  for path in sources.below("tests/kernel"):
    name = PurePosixPath(path).name
    if name.endswith(("_test.py", "_test.cpp")) and not named(text, name) and not named(text, PurePosixPath(name).stem) \
        and not named(text, name.rsplit("_test", 1)[0]):
      yield path, 1, "tests/kernel/CMakeLists.txt does not run it"


def check(sources):
  yield from product(sources)
  yield from unit(sources)
  yield from kernel(sources)


BAD = [
  {"userspace/base/a.cpp": "", "userspace/base/CMakeLists.txt": "add_library(hp_base STATIC b.cpp) # a.cpp\n"},
  {"tests/unit/base/a_test.cpp": "", "tests/unit/base/CMakeLists.txt": "holdpoint_unit_test(base LIBRARIES hp_base)\n"},
  {"tests/unit/base/a_test.py": "", "tests/unit/CMakeLists.txt": "foreach(folder base)\n",
   "tests/unit/base/CMakeLists.txt": "holdpoint_unit_test(base LIBRARIES hp_base)\n"},
  {"tests/kernel/a_test.py": "", "tests/kernel/CMakeLists.txt": "holdpoint_kernel_test(NAME b)\n"},
]
GOOD = {
  "userspace/base/a.cpp": "", "userspace/base/CMakeLists.txt": "add_library(hp_base STATIC a.cpp)\n",
  "tests/unit/base/a_test.cpp": "", "tests/unit/CMakeLists.txt": "foreach(folder base)\n",
  "tests/unit/base/CMakeLists.txt": "holdpoint_unit_test(base LIBRARIES hp_base)\n",
}
