#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A kernel that panics in the middle of its tests: the runner says so at once, with the console, and which tests did not run.

  panic_test.py KERNEL
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT = 60
TESTS = {"lives": ("true", "pass"), "dies": ("echo c >/proc/sysrq-trigger; read -r never </dev/tty", "panic"), "after": ("true", "notrun")}


def main(kernel):
  with tempfile.TemporaryDirectory() as directory:
    manifest = Path(directory, "manifest.tsv")
    manifest.write_text("".join(f"{name}\t{LIMIT}\t{command}\n" for name, (command, _) in TESTS.items()), encoding="ascii")
    done = subprocess.run([Path(__file__).with_name("run"), "--kernel", kernel, "--tests", manifest, "--results", directory],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    results = {name: json.loads(Path(directory, kernel, f"{name}.json").read_text(encoding="utf-8"))["status"] for name in TESTS}
    console = Path(directory, kernel, "console.log").read_text(encoding="utf-8", errors="replace")
  print(done.stdout)
  assert results == {name: status for name, (_, status) in TESTS.items()}, results
  assert done.returncode == 1, done.returncode
  for text in (done.stdout, console):
    assert "Kernel panic - not syncing: sysrq triggered crash" in text, text


main(*sys.argv[1:])
