#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo itself, on a kernel that loads BPF LSM programs, as root. `run` finds one and calls this.

Everything that it says it also checks; exit status 1 when something was not so.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

from screen import Screen
from stage import HERE, KEY, Stage, wait_until

CLAIMS = ["--agent", "coder", "--for", "ada (ticket 4711)", "--purpose", "fix the login bug", "--label", "env=demo"]
SYSCALLS = {42: "connect", 59: "execve", 257: "openat"}  # x86-64


def shell_words(words):
  return " ".join(word if word.replace("-", "").replace("=", "").isalnum() else f"'{word}'" for word in words)


def lsm_programs():
  """How many BPF LSM programs the kernel holds."""
  found = subprocess.run(["bpftool", "prog", "show"], capture_output=True, text=True, check=True).stdout
  return found.count(": lsm ")


class Show:
  def __init__(self, screen, stage):
    self.screen = screen
    self.stage = stage
    self.next_line = None
    self.programs_before = lsm_programs()

  # -- acts

  def policy(self):
    screen, stage = self.screen, self.stage
    screen.heading("1  A policy, and the daemon that puts it into the kernel")
    text = (HERE / "policy.yaml").read_text().split("\n", 1)[1]
    screen.box(text.rstrip("\n").split("\n"))
    screen.pause()
    start = time.monotonic()
    stage.start_daemon()
    screen.write("")
    screen.expect(lsm_programs() > self.programs_before,
                  f"holdpointd enforces it since now: {lsm_programs() - self.programs_before} programs are in the kernel, after"
                  f" {time.monotonic() - start:.1f} s")

  def free(self):
    screen, stage = self.screen, self.stage
    screen.heading("2  An agent works, and nobody is asked")
    screen.say("The agent is a shell script. It calls git, curl, python3, sed and sqlite3, and has never heard of Holdpoint.")
    screen.write("")
    screen.typed(f"holdpoint run {shell_words(CLAIMS)} -- bash agent.sh")
    stage.start_agent(CLAIMS, screen.colours)
    self.follow("$ head")
    allowed = stage.counter("allowed")
    requests = stage.get("/v1/requests")["requests"]
    screen.expect(not requests and stage.counter("held") == 0 and allowed > 100,
                  f"The kernel let {allowed} accesses of this session pass by itself; nobody was asked.", requests)

  def private_key(self):
    screen, stage = self.screen, self.stage
    screen.heading("3  It reads a private key: approved")
    self.follow("$ head", inclusive=True)
    request = self.suspended("openat", f"read {stage.key}")
    screen.person(f"holdpoint approve {request['id']} --reason 'only the first line'",
                  ["holdpoint", "approve", request["id"], "--reason", "only the first line"])
    said = self.follow("$ make deploy")
    screen.expect(said == [KEY[0]], "The same call went on and gave the file: the program printed the key's first line, and does"
                  " not know that it waited.", said)

  def deploy(self):
    screen, stage = self.screen, self.stage
    screen.heading("4  It executes the tool that the policy asks about: denied")
    self.follow("deploy --to production", inclusive=True)
    request = self.suspended("execve", f"exec {stage.root}/bin/deploy")
    screen.person(f"holdpoint deny {request['id']} --reason 'not on a Friday'",
                  ["holdpoint", "deny", request["id"], "--reason", "not on a Friday"])
    said = self.follow("$ sqlite3")
    screen.expect("Operation not permitted" in "".join(said), "The call failed with EPERM, an ordinary error.", said)
    screen.expect(not stage.deployed.exists(), "Nothing was deployed: not one instruction of the tool ran.")

  def database(self):
    screen, stage = self.screen, self.stage
    screen.heading("5  It sends a dump to a database's port: nobody answers")
    self.follow("$ python3 send.py", inclusive=True)
    request = self.suspended("connect", "connect 127.0.0.1:5432/tcp")
    screen.say("Nobody decides now. The rule gives it ten seconds, and that is what it gets.")
    state = stage.get(f"/v1/requests/{request['id']}/wait?timeout=100s")["state"]
    said = self.follow("$ git status")
    screen.expect(state == "expired", "The deadline passed, and silence is no approval.", state)
    screen.expect("Operation not permitted" in "".join(said), "The call failed with EPERM.", said)
    size = (stage.workspace / "dump.sql").stat().st_size
    seen = (stage.database.connections, stage.database.bytes)
    screen.expect(size > 0 and seen == (0, 0), f"The port's listener saw no connection and no byte of the dump's {size}.", seen)
    screen.write("")
    screen.person("holdpoint requests --all", ["holdpoint", "requests", "--all"])

  def itself(self):
    screen, stage = self.screen, self.stage
    screen.heading("6  It asks Holdpoint itself, and goes home")
    self.follow("$ holdpoint requests", inclusive=True)
    said = self.follow(None)
    screen.expect("(exit status 4)" in said, "An agent does not reach the daemon, whatever its user: it cannot approve itself.", said)
    status = stage.agent.wait()
    screen.expect(status == 0, "The agent's session ended well.", status)
    wait_until("the session has ended", lambda: all(s["ended"] for s in stage.get("/v1/sessions")["sessions"]))

  def afterwards(self):
    screen, stage = self.screen, self.stage
    screen.heading("7  What the log says")
    log = screen.person("holdpoint log", ["holdpoint", "log"])
    words = ("approved", "refused", "expired", "released", "blocked", "ended")
    screen.expect(all(word in log for word in words), f"The log tells what was {', '.join(words[:-1])}, and when the session ended.",
                  log)
    screen.pause()
    screen.write("")
    screen.person("holdpoint status", ["holdpoint", "status"])

  def unload(self):
    screen, stage = self.screen, self.stage
    screen.heading("8  Everything is unloaded")
    stage.stop_daemon()
    screen.expect(lsm_programs() > self.programs_before, "The daemon is stopped, and the kernel still enforces: programs and"
                  " policy are pinned.")
    stage.unload()
    wait_until("the kernel has let the programs go", lambda: lsm_programs() <= self.programs_before)
    screen.expect(not pathlib.Path(stage.pins).exists(), "holdpointd --unload has taken all of it out of the kernel.",
                  os.listdir(pathlib.Path(stage.pins).parent))

  # -- pieces

  def follow(self, marker, inclusive=False):
    """Prints the agent's lines up to the one that begins with the marker (None: to its end), or with it. Those printed."""
    printed = []
    while True:
      line = self.next_line if self.next_line is not None else self.stage.agent_line()
      self.next_line = None
      if line is None:
        if marker is not None:
          raise RuntimeError(f"the agent ended before `{marker}`: {printed}")
        return printed
      found = marker is not None and line.startswith(marker)
      if found and not inclusive:
        self.next_line = line
        return printed
      self.screen.agent_line(line)
      printed.append(line)
      if found:
        return printed

  def suspended(self, call, what):
    """Waits for the request, shows that the process is suspended, and what a reviewer sees. The request."""
    screen, stage = self.screen, self.stage
    request = stage.open_request()
    task = pathlib.Path(f"/proc/{request['process']['pid']}")
    cgroup = wait_until("it is frozen", lambda: frozen_cgroup(task))
    state = (task / "stat").read_text().rsplit(")", 1)[1].split()[0]
    where = (task / "wchan").read_text()
    number = int((task / "syscall").read_text().split()[0])
    found = SYSCALLS.get(number, f"system call {number}")
    access = request["access"]
    screen.write("")
    screen.expect(found == call and state in "ST" and request["state"] == "open",
                  f"Suspended inside its own system call: process {task.name} ({request['process']['name']}), in {found}(), state"
                  f" {state}, waits in the kernel's {where}, in the cgroup {cgroup}.", (found, state))
    screen.expect(f"{access['operation']} {access['object']}" == what, f"Asked is exactly what it tries: {what}", access)
    screen.write("")
    screen.person(f"holdpoint show {request['id']}", ["holdpoint", "show", request["id"]])
    screen.pause()
    screen.write("")
    return request


def frozen_cgroup(task):
  """Path of the task's cgroup once that is one made for a hold and is frozen, else None."""
  path = (task / "cgroup").read_text().strip().split("::", 1)[1]
  if "/holdpoint-hold-" not in path:
    return None
  events = pathlib.Path("/sys/fs/cgroup" + path, "cgroup.events").read_text()
  return path if "frozen 1" in events else None


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--build", type=pathlib.Path, required=True, help="build tree with the programs")
  parser.add_argument("--columns", type=int, default=100)
  parser.add_argument("--colours", action="store_true")
  parser.add_argument("--pace", action="store_true", help="stop now and then for the reader")
  arguments = parser.parse_args()
  screen = Screen(arguments.colours, arguments.pace, arguments.columns)
  start = time.monotonic()
  try:
    with Stage(arguments.build) as stage:
      show = Show(screen, stage)
      for act in (show.policy, show.free, show.private_key, show.deploy, show.database, show.itself, show.afterwards, show.unload):
        act()
  except (TimeoutError, RuntimeError, OSError, subprocess.SubprocessError) as error:
    screen.expect(False, "the demo runs to its end", error)
  screen.write("")
  if screen.failures:
    screen.write(screen.paint("red", f"{len(screen.failures)} of what the demo says was NOT so:"))
    for text in screen.failures:
      screen.write(f"  {text}")
    return 1
  screen.write(screen.paint("green", f"All {screen.kept} statements came true, in {time.monotonic() - start:.0f} s."))
  return 0


if __name__ == "__main__":
  sys.exit(main())
