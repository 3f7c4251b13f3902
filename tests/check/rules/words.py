# SPDX-License-Identifier: Apache-2.0
"""Nothing unfinished, no place of one machine, no package host in the sources."""
import re

# Put together from halves, so that this file passes its own rule.
WORDS = [
  (re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b"), "unfinished work: do it, or describe in a README what is not done"),
  (re.compile(r"(?<![\w.}*-])/(?:wo" r"rk|fa" r"rm)/"), "a path of one machine"),
  (re.compile(r"/tmp/(?:build-|br" r"ief)"), "a path of one machine"),
  (re.compile(r"\b(?:deb|security|snapshot)\.debian\.(?:org|net)|registry\.npm" r"js"), "a package host: the machine's settings know it"),
]


def check(sources):
  for path in sources:
    if path.startswith(("LICENSE", "bpf/LICENSE", "tests/fuzz/corpus/")):
      continue
    for number, line in sources.lines(path):
      for pattern, why in WORDS:
        if pattern.search(line):
          yield path, number, f"{pattern.search(line).group(0)}: {why}"


BAD = [
  {"a.cpp": "// TO" "DO: later\n"},
  {"a.md": "see /wo" "rk/main\n"},
  {"a.md": "see `/fa" "rm/a`\n"},
  {"a.sh": "cd /tmp/bui" "ld-me\n"},
  {"a.sh": "curl https://deb.deb" "ian.org/\n"},
]
GOOD = {"a.yaml": "path: /srv/wo" "rk/**\n", "a.md": "what is to do; mask/wo" "rk/x\n"}
