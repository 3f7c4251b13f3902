# SPDX-License-Identifier: Apache-2.0
"""Each folder says what it is in a README.md, and a link in a document leads somewhere."""
import posixpath
import re

FOLDERS = ("bpf", "include", "policies", "systemd", "tests", "userspace")
PARENTS = ("userspace", "tests")
NO_README = ("tests/unit",)  # tests/README.md tells all there is
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def check(sources):
  folders = {folder for folder in FOLDERS if sources.below(folder)}
  for parent in PARENTS:
    folders |= {"/".join(path.split("/")[:2]) for path in sources.below(parent) if path.count("/") > 1}
  for folder in sorted(folders - set(NO_README)):
    if f"{folder}/README.md" not in sources:
      yield folder, 1, "has no README.md"
  known = {posixpath.dirname(path) for path in sources} | set(sources)
  known |= {path[:i] for path in sources for i, c in enumerate(path) if c == "/"}
  for path in sources:
    if not path.endswith(".md"):
      continue
    for number, line in sources.lines(path):
      for link in LINK.findall(line):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
        if "://" not in link and target not in known:
          yield path, number, f"links to {link}, which is not there"


BAD = [
  {"userspace/README.md": "", "userspace/new/a.cpp": ""},
  {"README.md": "[x](gone.md)\n"},
  {"a/README.md": "[x](../gone/README.md#part)\n"},
]
GOOD = {"userspace/README.md": "[base](base) [top](../README.md#part)\n", "userspace/base/README.md": "", "README.md": ""}
