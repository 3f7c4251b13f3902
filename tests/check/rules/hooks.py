# SPDX-License-Identifier: Apache-2.0
"""bpf/README.md names every program that is attached, and no hook that has none."""
import re

SECTION = re.compile(r'SEC\("\??((?:lsm|lsm\.s|tp_btf|iter|fentry|fexit|raw_tp|fmod_ret)/(\w+))"\)')
NAMED = re.compile(r"`(?:lsm|lsm\.s|tp_btf|iter|fentry|fexit|raw_tp|fmod_ret)/(\w+)`")
README = "bpf/README.md"


def check(sources):
  readme = sources.text(README)
  hooks = set()
  for path in sources.below("bpf"):
    if not path.endswith((".c", ".h")):
      continue
    for number, line in sources.lines(path):
      match = SECTION.search(line)
      if not match:
        continue
      hooks.add(match.group(2))
      if not re.search(rf"\b{match.group(2)}\b", readme):
        yield path, number, f"{README} does not name {match.group(1)}"
  for number, line in enumerate(readme.splitlines(), 1):
    for name in NAMED.findall(line):
      if name not in hooks:
        yield README, number, f"names {name}, which no program attaches to"


BAD = [
  {"bpf/hooks/a.bpf.c": 'SEC("lsm/file_open")\n', README: "`lsm/file_open_other`\n"},
  {"bpf/hooks/a.bpf.c": "", README: "`lsm.s/gone`\n"},
]
GOOD = {"bpf/hooks/a.bpf.c": 'SEC("lsm/file_open")\nSEC("?lsm/bpf")\n', README: "| `lsm/file_open` | `lsm/bpf` |\n"}
