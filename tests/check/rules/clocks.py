# SPDX-License-Identifier: Apache-2.0
"""Time comes in as an argument. Only base reads the system's clocks; only a main() or a wiring object makes the clock. Nobody sleeps, no
test either: where it polls a state, it does so in one of the places named here."""
import re

READS = re.compile(r"\b(?:system_clock|steady_clock|high_resolution_clock)::now\b|\bclock_gettime\s*\(|\bgettimeofday\s*\(")
SLEEPS = re.compile(r"\b(?:sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<![\w.])sleep\s*\(")
# In scripts, also those that a program of another language runs: a function of that name, or the command.
SCRIPTS_SLEEP = re.compile(r"\bsleep\s*\(|\bsleep [0-9.]")
# Where nothing says that a state has changed, so that it must be looked at again.
MAY_SLEEP = {
  "userspace/cli/follow.cpp": "between attempts to reach a daemon that is gone",
  "userspace/kernel/content.cpp": "until the last change of a file is older than a tick of the kernel's clock",
  "userspace/kernel/unload.cpp": "until held threads have taken their denials; the daemon that would hear of it is gone",
  "tests/demo/screen.py": "so that a person who watches the demo can read it",
  "tests/demo/stage.py": "polls a state",
  "tests/kernel/actor_rows.c": "a call that a held program may be in",
  "tests/kernel/harness.py": "polls a state: wait_until",
  "tests/unit/cli/program_test.cpp": "a program that goes on until a signal ends it",
  "tests/vm/guest/agent.py": "polls a state",
  "tests/vm/guest/init": "until the power is off",
  "tests/vm/guest/initramfs-init": "until the power is off",
  "tests/vm/host/watch.py": "polls files of the guest",
}
PURE = ("userspace/event/", "userspace/policy/", "userspace/approval/", "userspace/decision/")


def check(sources):
  for path in sources.below("tests"):
    if path in MAY_SLEEP or path.startswith("tests/check/") or path.endswith(".md"):
      continue
    for number, line in sources.lines(path):
      if SLEEPS.search(line) or SCRIPTS_SLEEP.search(line):
        yield path, number, "sleeps: wait for a state instead (wait_until in tests/kernel/harness.py)"
  for path in sources.code():
    if not path.startswith("userspace/") or path.startswith("userspace/base/"):
      continue
    for number, line in sources.lines(path):
      if READS.search(line):
        yield path, number, "reads a clock: take Now as an argument, or a Clock (base/clock.hpp)"
      if SLEEPS.search(line) and path not in MAY_SLEEP:
        yield path, number, "sleeps: wait for a state instead"
      if path.startswith(PURE) and "SystemClock" in line:
        yield path, number, "makes a clock: take Now as an argument"


BAD = [
  {"userspace/api/a.cpp": "auto t = std::chrono::system_clock::now();\n"},
  {"userspace/daemon/a.cpp": "std::this_thread::sleep_for(1ms);\n"},
  {"userspace/policy/a.cpp": "SystemClock clock;\n"},
  {"tests/kernel/a_test.py": "time.sleep(1)\n"},
  {"tests/kernel/b_test.py": "asyncio.sleep(1)\n"},
  {"tests/package/c": "sleep 0.5\n"},
  {"tests/unit/daemon/a_test.cpp": "usleep(1000);\n"},
]
GOOD = {"userspace/base/clock.cpp": "std::chrono::system_clock::now();\n", "userspace/daemon/main.cpp": "const SystemClock clock;\n"}
