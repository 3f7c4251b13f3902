#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`holdpoint run` as a foreground job of a shell with job control on a terminal, and tables on a terminal."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

PROGRAM, SERVER = sys.argv[1], sys.argv[2]
failures = []


def check(good, what, seen):
    print("ok  " if good else "FAIL", what)
    if not good:
        failures.append(what)
        print("     saw:", repr(seen))


class Shell:
    """An interactive bash on a pseudo terminal."""

    def __init__(self, sock, columns=100):
        environment = {**os.environ, "HOLDPOINT_SOCKET": sock, "PS1": "READY> ", "TERM": "xterm", "HISTFILE": "",
                       "HP": PROGRAM}
        environment.pop("NO_COLOR", None)
        environment.pop("PROMPT_COMMAND", None)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
        self.seen = ""
        self.expect("READY> ")

    def send(self, text):
        os.write(self.terminal, text.encode())

    def expect(self, pattern):
        """Reads until the pattern is there; what came with it is taken."""
        while True:
            match = re.search(pattern, self.seen)
            if match:
                taken, self.seen = self.seen[:match.end()], self.seen[match.end():]
                return taken
            ready, _, _ = select.select([self.terminal], [], [], 20)
            if not ready:
                return "TIMEOUT " + self.seen
            try:
                self.seen += os.read(self.terminal, 65536).decode(errors="replace")
            except OSError:
                return "CLOSED " + self.seen

    def command(self, text):
        self.send(text + "\n")
        self.expect(re.escape(text) + r"\r\n")
        return self.expect("READY> ")

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


# Waits in a read and never forks: a shell that is stopped in the middle of a vfork cannot stop, with or without us.
LOOP = "$HP run --agent coder -- sh -c 'trap \"echo contin\\\"\\\"ued\" CONT; echo be''gun; while :; do read line; done'"


def test_status(shell):
    seen = shell.command("$HP run --agent coder -- sh -c 'exit 7'; echo =$?=")
    check("=7=" in seen, "the shell sees the command's status", seen)


def test_interrupt(shell):
    shell.send(LOOP + "\n")
    shell.expect("begun\r\n")
    shell.send("\x03")
    shell.expect("READY> ")
    seen = shell.command("echo =$?=")
    check("=130=" in seen, "Ctrl-C ends the command", seen)


def test_stop_and_continue(shell):
    shell.send(LOOP + "\n")
    shell.expect("begun\r\n")
    shell.send("\x1a")
    seen = shell.expect("READY> ")
    check("Stopped" in seen, "Ctrl-Z stops the job and the shell has its terminal back", seen)
    seen = shell.command("jobs")
    check("Stopped" in seen, "the job is listed as stopped", seen)
    shell.send("fg\n")
    seen = shell.expect("continued\r\n")
    check("TIMEOUT" not in seen, "fg continues the command", seen)
    shell.send("\x03")
    shell.expect("READY> ")
    seen = shell.command("jobs; echo =end=")
    check("Stopped" not in seen and "=end=" in seen, "and Ctrl-C then ends it", seen)


def test_background(shell):
    shell.send("$HP run --agent coder -- sh -c 'read x; echo got=$x' &\n")
    shell.expect(r"\[1\] \d+")
    shell.expect("READY> ")
    seen = ""
    deadline = time.monotonic() + 20
    while "Stopped" not in seen and time.monotonic() < deadline:
        seen = shell.command("jobs")
    check("Stopped" in seen, "a background command that reads the terminal stops as a job", seen)
    shell.send("fg\n")
    shell.expect("fg\r\n")
    shell.send("hello\n")
    seen = shell.expect("READY> ")
    check("got=hello" in seen, "and reads it in the foreground", seen)


def test_hold_is_no_job_stop(shell):
    text = "$HP run --agent coder -- sh -c '(while ! grep -q ^State:.T /proc/$$/status; do :; done; kill -CONT $$) & kill -STOP $$; wait; exit 5'; echo =$?="
    seen = shell.command(text)
    check("=5=" in seen and "Stopped" not in seen, "a stop as a hold makes it is invisible to the shell", seen)


def test_pipeline(shell):
    seen = shell.command("echo through | $HP run --agent coder -- cat | tr a-z A-Z")
    check("THROUGH" in seen, "pipelines work on both sides", seen)


def test_table(sock):
    for columns in (80, 140):
        shell = Shell(sock, columns)
        seen = shell.command("$HP requests --all")
        plain = re.sub(r"\x1b\[[0-9;]*m", "", seen)
        widest = max(len(line.rstrip("\r")) for line in plain.split("\n"))
        check(widest <= columns, f"a table keeps to {columns} columns", plain)
        check("\x1b[" in seen, "colours on a terminal", seen)
        seen = shell.command("NO_COLOR=1 $HP requests")
        check("\x1b[3" not in seen and "r-3" in seen, "no colours with NO_COLOR", seen)
        shell.close()


def main():
    with tempfile.TemporaryDirectory() as directory:
        sock = directory + "/api.sock"
        with subprocess.Popen([SERVER, sock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            if server.stdout.readline() != "ready\n":
                return 1
            shell = Shell(sock)
            for test in (test_status, test_interrupt, test_stop_and_continue, test_background, test_hold_is_no_job_stop,
                         test_pipeline):
                test(shell)
            shell.close()
            test_table(sock)
            server.stdin.close()
    return 1 if failures else 0


sys.exit(main())
