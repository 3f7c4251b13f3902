# SPDX-License-Identifier: Apache-2.0
"""Follows one running machine by the files it writes, so there is no connection that could break or fill up."""
import re
import subprocess
import time

from host.results import EXIT_OF, NOTRUN, PANIC, TIMEOUT, Result

POLL_SECONDS = 0.02
# Four seconds on an idle machine, fourteen with systemd; this is for one that is compiling on every core.
BOOT_SECONDS = 300
# The guest ends a test itself. This much later the guest is taken for dead.
GRACE_SECONDS = 30
# The kernel prints the trace after the first line; wait so that it is in the console log.
TRACE_SECONDS = 2
BROKEN = re.compile(rb"Kernel panic|BUG:|Oops:|soft lockup|hard LOCKUP|rcu[^\n]*stall|general protection fault")
WARNED = re.compile(rb"WARNING: [^\n]*")


class Follower:
  """New bytes of a growing file. The file may come later."""

  def __init__(self, path):
    self.path = path
    self.offset = 0

  def read(self):
    try:
      with open(self.path, "rb") as file:
        file.seek(self.offset)
        data = file.read()
    except FileNotFoundError:
      return b""
    self.offset += len(data)
    return data


class Run:
  """One boot with its tests. finished(result) is called for each test as it ends, output(bytes) for a live log."""

  def __init__(self, kernel, share, tests, limit, finished, output=None):
    self.kernel = kernel
    self.share = share
    self.pending = {test.name: test for test in tests}
    self.limit = limit
    self.finished = finished
    self.output = output
    self.console = Follower(share / "console.log")
    self.events = Follower(share / "events")
    self.console_text = b""
    self.partial_line = b""
    self.current = None
    self.log = None
    self.begin = time.monotonic()
    self.deadline = self.begin + BOOT_SECONDS
    self.first_test = None
    self.done = False

  def follow(self, command):
    """Run the machine to its end. Returns "" or the reason why it did not end well."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
      try:
        reason = self.loop(process)
      finally:
        process.kill()
    self.read_events()
    if reason:
      self.fail_rest(reason)
    return reason

  def loop(self, process):
    while True:
      ended = process.poll() is not None
      self.read_events()
      if self.done:
        return ""
      self.console_text += self.console.read()
      broken = BROKEN.search(self.console_text)
      if broken:
        if not ended:
          self.wait_for_trace(process)
        return f"the kernel broke: {broken.group().decode()}"
      if ended:
        return f"the machine stopped by itself (qemu exit status {process.returncode})"
      now = time.monotonic()
      if self.limit and now > self.begin + self.limit:
        return f"the whole run took more than {self.limit} s"
      if now > self.deadline:
        return f"{self.current} hangs the guest" if self.current else f"the guest gave no sign for {BOOT_SECONDS} s"
      time.sleep(POLL_SECONDS)

  def wait_for_trace(self, process):
    try:
      process.wait(TRACE_SECONDS)
    except subprocess.TimeoutExpired:
      pass
    self.console_text += self.console.read()

  def read_events(self):
    *lines, self.partial_line = (self.partial_line + self.events.read()).split(b"\n")
    for line in lines:
      self.take(line.decode().split(" "))
    if self.log and self.output:
      self.output(self.log.read())

  def take(self, words):
    kind = words[0]
    now = time.monotonic()
    if kind == "start":
      self.current = words[1]
      self.first_test = self.first_test or now - self.begin
      self.started = now
      self.deadline = now + self.pending[self.current].seconds + GRACE_SECONDS
      self.log = Follower(self.share / f"{self.current}.log")
    elif kind == "end":
      _, name, status, code, seconds = words
      self.flush_log()
      self.report(Result(self.kernel, name, status, int(code), float(seconds)))
      self.deadline = now + GRACE_SECONDS
    elif kind == "done":
      self.done = True

  def flush_log(self):
    if self.log and self.output:
      self.output(self.log.read())
    self.log = None

  def report(self, result):
    del self.pending[result.name]
    self.current = None
    self.finished(result)

  def fail_rest(self, reason):
    """Mark the test that was running, and those that never came to run."""
    self.flush_log()
    if self.current:
      status = PANIC if reason.startswith("the kernel broke") or "by itself" in reason else TIMEOUT
      seconds = round(time.monotonic() - self.started, 3)
      self.report(Result(self.kernel, self.current, status, EXIT_OF[status], seconds))
    for name in list(self.pending):
      self.report(Result(self.kernel, name, NOTRUN, EXIT_OF[NOTRUN], 0.0))

  def console_excerpt(self, lines):
    """What a reader needs of the console: where the kernel broke, its first words; else the last."""
    text = self.console_text.decode(errors="replace").replace("\r", "").rstrip("\n").splitlines()
    broken = [at for at, line in enumerate(text) if BROKEN.search(line.encode())]
    return "\n".join(text[broken[0]:][:lines] if broken else text[-lines:])

  def warnings(self):
    self.console_text += self.console.read()
    return [text.decode(errors="replace") for text in WARNED.findall(self.console_text)]
