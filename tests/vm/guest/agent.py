# SPDX-License-Identifier: Apache-2.0
"""Runs the tests inside the guest, one after the other, each in a cgroup of its own.

Reads <share>/job (one test a line: name, seconds, shell command), writes <share>/<name>.log and one line per step
to <share>/events, which the host follows. Imports only modules that are built into Python: start-up counts.
"""
import os
import select
import signal
import sys
import time

CGROUPS = "/sys/fs/cgroup"
PINS = "/sys/fs/bpf"
PREFIX = "hp-test-"
# What a test pins under such a name stays for those after it.
KEPT = "keep-"
# A test that floods its log would fill the host's disk. Far above what anybody reads.
LOG_LIMIT = 64 << 20
# Killing a cgroup takes milliseconds; more means that something in it cannot die.
KILL_SECONDS = 10.0
POLL_SECONDS = 0.02


def write(path, text):
  with open(path, "w", encoding="ascii") as file:
    file.write(text)


def attempt(action, *arguments):
  """Run a clean-up step; None when it worked, the error otherwise, so that one failure hides no other."""
  try:
    action(*arguments)
    return None
  except OSError as error:
    return f"{action.__name__} {arguments[0]}: {error.strerror}"


def directories_below(top):
  """Every directory below top and top itself, deepest first."""
  return [path for path, _, _ in os.walk(top, topdown=False)]


def is_populated(cgroup):
  with open(f"{cgroup}/cgroup.events", encoding="ascii") as file:
    return "populated 1" in file.read()


def remove_cgroup(top):
  """Kill everything in a cgroup tree, frozen or stopped, and remove the tree. Returns what did not work."""
  # cgroup.kill reaches frozen processes and those in threaded cgroups below, and asks no security module.
  problems = [attempt(write, f"{top}/cgroup.kill", "1")]
  for path in directories_below(top):
    attempt(write, f"{path}/cgroup.freeze", "0")
  deadline = time.monotonic() + KILL_SECONDS
  while is_populated(top) and time.monotonic() < deadline:
    time.sleep(POLL_SECONDS)
  problems += [attempt(os.rmdir, path) for path in directories_below(top)]
  return [problem for problem in problems if problem]


def remove_tree(top):
  """Remove a directory tree, or a file. Works on the BPF file system, where that also detaches programs."""
  problems = []
  for path, directories, files in os.walk(top, topdown=False):
    for name in files + directories:
      full = os.path.join(path, name)
      is_directory = os.path.isdir(full) and not os.path.islink(full)
      problems.append(attempt(os.rmdir if is_directory else os.unlink, full))
  problems.append(attempt(os.rmdir if os.path.isdir(top) else os.unlink, top))
  return [problem for problem in problems if problem]


class Baseline:
  """What the machine had before the first test; clean() brings it back to that after each test."""

  def __init__(self, owns_machine):
    self.owns_machine = owns_machine
    self.cgroups = set(self.list_cgroups())
    self.pins = set(os.listdir(PINS))

  @staticmethod
  def list_cgroups():
    return [entry.name for entry in os.scandir(CGROUPS) if entry.is_dir()]

  def clean(self):
    """Pins first: a program that is still attached could refuse the signals that follow."""
    problems = []
    for name in sorted(set(os.listdir(PINS)) - self.pins):
      if name.startswith(KEPT):
        continue
      problems += remove_tree(f"{PINS}/{name}")
    for name in sorted(set(self.list_cgroups()) - self.cgroups):
      problems += remove_cgroup(f"{CGROUPS}/{name}")
    if self.owns_machine:
      # Whoever left for the root cgroup. Spares this process and process 1; no other test runs.
      attempt(os.kill, -1, signal.SIGKILL)
    return problems


def prepare(name):
  """Make the test's own places; returns its environment."""
  places = {
    "HOLDPOINT_TEST_CGROUP": f"{CGROUPS}/{PREFIX}{name}",
    "HOLDPOINT_TEST_PIN": f"{PINS}/{PREFIX}{name}",
    "HOLDPOINT_TEST_TMP": f"/tmp/{PREFIX}{name}",
  }
  for path in places.values():
    os.mkdir(path)
  return dict(os.environ, HOLDPOINT_TEST_NAME=name, **places)


def start(command, environment, log):
  """Fork the test into its cgroup and a session of its own; returns its process id."""
  child = os.fork()
  if child:
    return child
  try:
    os.setsid()
    # 0 stands for the writer. Done before exec, so that no instruction of the test runs outside.
    write(f"{environment['HOLDPOINT_TEST_CGROUP']}/cgroup.procs", "0")
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # Python ignores these, and ignoring is inherited through exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execve("/bin/bash", ["bash", "-c", command], environment)
  except OSError as error:
    os.write(2, f"vm: cannot start the test: {error}\n".encode())
  finally:
    os._exit(127)


def wait(child, log, seconds):
  """Wait for the test. Returns (status, exit code) with status pass, fail or timeout."""
  process = os.pidfd_open(child)
  deadline = time.monotonic() + seconds
  try:
    while not select.select([process], [], [], max(0.0, min(1.0, deadline - time.monotonic())))[0]:
      if time.monotonic() >= deadline:
        return "timeout", 124
      if os.fstat(log).st_size > LOG_LIMIT:
        os.write(log, f"\nvm: stopped, the log grew over {LOG_LIMIT} bytes\n".encode())
        return "fail", 125
  finally:
    os.close(process)
  _, status = os.waitpid(child, 0)
  code = os.waitstatus_to_exitcode(status)
  return ("pass" if code == 0 else "fail"), (code if code >= 0 else 128 - code)


def reap():
  """Collect killed children, whatever they were."""
  try:
    while os.waitpid(-1, os.WNOHANG)[0]:
      pass
  except ChildProcessError:
    pass


def run_test(name, seconds, command, share, baseline):
  log = os.open(f"{share}/{name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
  try:
    begin = time.monotonic()
    status, code = wait(start(command, prepare(name), log), log, seconds)
    took = time.monotonic() - begin
    problems = baseline.clean()
    reap()
    problems += remove_tree(f"/tmp/{PREFIX}{name}")
    for problem in problems:
      os.write(log, f"vm: clean-up failed: {problem}\n".encode())
    if problems and status == "pass":
      # The next test would start from a dirty machine.
      status, code = "fail", 125
    return status, code, took
  finally:
    os.close(log)


def main():
  share = sys.argv[1]
  events = os.open(f"{share}/events", os.O_WRONLY | os.O_APPEND)

  def tell(*words):
    os.write(events, (" ".join(map(str, words)) + "\n").encode())

  with open(f"{share}/job", encoding="utf-8") as file:
    tests = [line.rstrip("\n").split("\t", 2) for line in file]
  baseline = Baseline(owns_machine=os.environ.get("HOLDPOINT_VM_INIT") != "systemd")
  tell("ready", os.uname().release)
  for name, seconds, command in tests:
    tell("start", name)
    status, code, took = run_test(name, float(seconds), command, share, baseline)
    tell("end", name, status, code, f"{took:.3f}")
  tell("done")


main()
