# SPDX-License-Identifier: Apache-2.0
"""Raw text becomes shown text in mask() alone. restore_masked() takes text that was masked before it was stored, so who
may call it is a list: a call anywhere else would be the way past the masking."""
import re

CALL = re.compile(r"\brestore_masked\b")
ALLOWED = re.compile(
  r"^userspace/(event/"            # defines it
  r"|approval/(?:fields|store)\.cpp$"        # the store reads what it wrote
  r"|audit/line\.cpp$"             # record lines: from records, which hold masked text only
  r"|api/wire\.cpp$|cli/)"         # the wire: the daemon sends masked text only
)


def check(sources):
  for path in sources.code():
    if not path.startswith("userspace/") or ALLOWED.match(path):
      continue
    for number, line in sources.lines(path):
      if CALL.search(line):
        yield path, number, "restore_masked() may be called by the store and the wire only (tests/check/rules/masking.py)"


BAD = [
  {"userspace/daemon/a.cpp": "auto t = event::restore_masked(raw, 0);\n"},
  {"userspace/audit/record.cpp": "auto t = event::restore_masked(raw, 0);\n"},
]
GOOD = {"userspace/approval/fields.cpp": "auto t = event::restore_masked(raw, 0);\n"}
