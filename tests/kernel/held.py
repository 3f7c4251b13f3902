# SPDX-License-Identifier: Apache-2.0
"""For tests of held programs: one daemon for all cases of a file, terminals, and what a parked thread looks like."""
import os
import pathlib
import pty
import re
import select
import shutil
import sys
import time

from harness import ACTOR, CGROUP, LIMIT, TMP, Daemon, finish, main, process_state, wait_until

SECRET = TMP / "secret"
OTHER = TMP / "secret-other"
SHOWN = TMP / "secret-suspend"  # its rule suspends also under a shell with job control
TOOL = TMP / "busybox-tool"  # a program that has to be asked for; the name tells busybox to take its applet from argv[1]
INPUT = TMP / "input"  # a file that may be read

# What the actor's step `patient` says when its process was stopped once: waits that the kernel does not make again by itself
# after a stop, and those that it does.
INTERRUPTED = ("epoll", "recv-timed", "send-timed", "accept-timed", "connect-timed", "io_getevents", "semop",
               "semtimedop", "sigtimedwait")
UNAWARE = ("poll", "select", "futex", "nanosleep", "pause", "read", "write", "recv", "accept", "connect", "recvmmsg", "msgrcv",
           "waitpid", "eventfd", "inotify")
PATIENT = "".join(["open ok 0\n", *(f"{name} ok 1\n" for name in INTERRUPTED), *(f"{name} ok 0\n" for name in UNAWARE)])
RESTARTED = ("poll", "futex", "nanosleep")  # of these, those that the kernel takes up again by restart_syscall

RULES = f"""
  - id: suspend
    on: [read]
    path: ["{SHOWN}"]
    verdict: ask
    hold: suspend
    reason: A secret that is always waited for
    timeout: 60m
  - id: secret
    on: [read]
    path: ["{TMP}/secret*"]
    verdict: ask
    reason: A secret of the test
    timeout: 60m
  - id: tool
    on: [exec]
    path: ["{TOOL}"]
    verdict: ask
    reason: A tool of the test
    timeout: 60m
"""


def run_cases(name, cases, more=""):
    """Runs the cases, each given the one daemon with RULES and `more`. A case leaves nothing behind: no open request, no leaf."""
    for path in (SECRET, OTHER, SHOWN, INPUT):
        path.write_text("content\n")
    shutil.copy("/bin/busybox", TOOL)
    status = 0
    with Daemon(RULES + more, name=name) as daemon:
        def wrapped(case):
            def run():
                try:
                    case(daemon)
                    settled(daemon)
                except BaseException:
                    show(daemon)
                    raise
            run.__name__ = case.__name__
            return run

        try:
            main([wrapped(case) for case in cases])
        except SystemExit as end:
            status = end.code
        if status:
            sys.stderr.write("---- daemon log\n" + daemon.log_text()[-3000:] + "\n")
    sys.exit(status)


def show(daemon):
    """What is left of a case that failed: its processes, requests and counters; then the processes are killed."""
    for procs in CGROUP.rglob("cgroup.threads"):
        for tid in procs.read_text().split():
            try:
                stat = pathlib.Path(f"/proc/{tid}/stat").read_text().split()
                status = [line for line in pathlib.Path(f"/proc/{tid}/status").read_text().splitlines() if "Pnd" in line]
                wait = pathlib.Path(f"/proc/{tid}/wchan").read_text()
            except OSError:
                continue
            sys.stderr.write(f"  {procs.parent.relative_to(CGROUP)} {stat[:5]} {wait} {status}\n")
    sys.stderr.write(f"  requests {[(r['id'], r['state'], r['outcome'], r['holds']) for r in daemon.requests()][-3:]}\n")
    sys.stderr.write(f"  counters {daemon.counters()}\n")
    for session in CGROUP.glob(daemon.agent + "-*"):
        (session / "cgroup.kill").write_text("1")


def leaves():
    return [str(path) for path in CGROUP.rglob("holdpoint-hold-*")]


def settled(daemon):
    wait_until("no request is open", lambda: not daemon.requests("open"))
    wait_until("no leaf is left", lambda: not leaves())


def leaf_of(thread):
    """cgroup of a held thread, when it is a leaf; else None."""
    try:
        text = pathlib.Path(f"/proc/{thread}/cgroup").read_text()
    except OSError:
        return None
    path = [line for line in text.splitlines() if line.startswith("0::")][0][3:]
    return pathlib.Path("/sys/fs/cgroup" + path) if "holdpoint-hold-" in path else None


def parked(hold):
    """Waits until the thread of a hold (as the API shows it) is frozen in a leaf and its process runs again."""
    def there():
        leaf = leaf_of(hold["thread"])
        if not leaf:
            return None
        events = (leaf / "cgroup.events").read_text()
        return "frozen 1" in events and process_state(hold["process"]) != "T" and leaf
    return wait_until(f"thread {hold['thread']} is parked", there)


def held(daemon, count=1):
    """The one open request, once it has `count` holds that are all parked."""
    def there():
        found = daemon.requests("open")
        return len(found) == 1 and len(waiting(found[0])) >= count and found[0]
    request = wait_until(f"a request with {count} hold(s)", there)
    for hold in waiting(request):
        parked(hold)
    return request


def waiting(request):
    return [hold for hold in request["holds"] if hold["state"] == "held"]


class Terminal:
    """A command of the agent on a terminal of its own, as leader of a session."""

    def __init__(self, daemon, *command, **options):
        self.master, slave = pty.openpty()
        options.setdefault("env", {**os.environ, "TERM": "dumb", "PS1": "$ ", "HOME": str(TMP)})
        self.process = daemon.spawn("setsid", "-c", "-w", *command, stdin=slave, stdout=slave, stderr=slave, **options)
        os.close(slave)
        self.text = ""

    def write(self, text):
        os.write(self.master, text.encode())

    def wait(self, pattern, limit=None):
        """Match of the regular expression in what was printed since the last match."""
        end = time.monotonic() + (limit or LIMIT)
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            assert time.monotonic() < end, f"no {pattern!r} in {self.text!r}"
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.master, 4096).decode(errors="replace")
                except OSError:  # the other side is closed
                    assert re.search(pattern, self.text), f"no {pattern!r} in {self.text!r}"

    def close(self):
        os.close(self.master)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LIMIT)


class Lines:
    """What a process prints, while it runs."""

    def __init__(self, process):
        self.process = process
        self.text = ""

    def wait(self, pattern):
        def there():
            if select.select([self.process.stdout], [], [], 0)[0]:
                self.text += os.read(self.process.stdout.fileno(), 4096).decode(errors="replace")
            return re.search(pattern, self.text)
        return wait_until(f"{pattern!r} is printed", there)

    def finish(self):
        output, _ = self.process.communicate(timeout=LIMIT)
        self.text += (output or b"").decode(errors="replace")
        return self.process.returncode


__all__ = ["ACTOR", "CGROUP", "INPUT", "LIMIT", "Lines", "OTHER", "PATIENT", "RESTARTED", "SECRET", "SHOWN", "TMP", "TOOL", "Terminal",
           "finish", "held", "leaf_of", "leaves", "parked", "process_state", "run_cases", "waiting", "wait_until"]
