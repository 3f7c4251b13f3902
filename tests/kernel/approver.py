# SPDX-License-Identifier: Apache-2.0
"""A script in a person's place: approves every request as soon as the event stream tells of it, through the API."""
import json
import pathlib
import socket
import subprocess
import threading
import time

from harness import CGROUP, UnixConnection, process_state, wait_until

# What may not grow while everything is approved: refusals and losses, whatever the reason.
LOSSES = ("denied", "tampered", "lost_bells", "lost_events", "full_holds", "full_session_holds", "full_sessions", "no_storage",
          "unresolved", "signal_failed", "full_arguments", "store_failures", "records_not_written")


class Approver:
    """Use as a context manager around what shall be approved. `scopes`: the decision's scope by rule; absent: once.

    Its thread reads the stream and owns the connection. Leaving waits until nothing is open."""

    def __init__(self, daemon, scopes=None):
        self.daemon = daemon
        self.scopes = scopes or {}
        self.approved = {}  # decisions by rule
        self.late = 0  # requests that had ended before the answer came
        self.error = None
        self.last = None
        self.ending = False
        self.thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self.before = self.daemon.counters()
        self._subscribe()
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                wait_until("no request is open", lambda: self.error or not self.daemon.requests("open"))
        finally:
            self.ending = True
            self.stream.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread, which waits for the next record
            self.thread.join()
        if self.error:
            raise self.error

    def finish(self, process, limit):
        """Waits for the process, unless approving has failed, which would leave it waiting for ever: its output."""
        begin = time.monotonic()
        told = begin
        while True:
            try:
                return process.communicate(timeout=1)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                if self.error:
                    raise self.error from None
                now = time.monotonic()
                if now - told > 30:  # when it hangs, the log shows since when
                    told = now
                    print(f"     after {now - begin:.0f} s: {self.approved} approved, {self.late} late", flush=True)
                assert now - begin < limit, f"not done after {limit} s: {self.left()}"

    def left(self):
        """Where each thread of the sessions is, what is open, and the counters: what tells a lost hold from a slow program."""
        threads = []
        for procs in CGROUP.glob(self.daemon.agent + "-*/**/cgroup.threads"):
            for task in _text(procs).split():
                folder = pathlib.Path("/proc") / task
                threads.append((task, *(_text(folder / name).strip() for name in ("comm", "wchan", "syscall", "stack")),
                                process_state(task), procs.parent.name))
        return json.dumps({"threads": threads, "open": self.daemon.requests("open"), "grown": self.grown()}, indent=1)

    def grown(self):
        """By how much each counter has grown since the beginning."""
        return {name: value - self.before[name] for name, value in self.daemon.counters().items()}

    def _subscribe(self):
        self.stream = UnixConnection(str(self.daemon.runtime / "api.sock"))
        self.stream.request("GET", "/v1/events" + ("" if self.last is None else f"?after={self.last}"))
        sock = self.stream.sock
        self.lines = self.stream.getresponse()
        self.stream.sock = sock  # http.client forgets it for an answer without end
        assert self.lines.status == 200, self.lines.status

    def _work(self):
        try:
            while not self.ending:
                while line := self.lines.readline():
                    if line.startswith(b"data:"):
                        self._take(json.loads(line[5:]))
                if not self.ending:  # a reader that lags too far behind is dropped, and goes on where it was
                    self._subscribe()
        except Exception as error:  # raised again where the test can see it
            if not self.ending:
                self.error = error

    def _take(self, record):
        self.last = record["sequence"]
        if record["kind"] != "request":
            return
        rule = record["rule"]
        body = {"decision": "approve", "scope": self.scopes.get(rule, "once"), "reason": "a script approves"}
        # A connection for each: the server closes one that asks nothing for a minute.
        status, answer = self.daemon.call("POST", f"/v1/requests/{record['request']}/decision", body)
        if status == 409:  # its process has died, or goes on with another access
            self.late += 1
            return
        assert status == 200, (record, status, answer)
        self.approved[rule] = self.approved.get(rule, 0) + 1


def nothing_lost(grown, expected=None):
    lost = {name: grown[name] for name in LOSSES if grown[name]}
    assert lost == (expected or {}), (lost, grown)


def nobody_left(daemon):
    """No open request, no leaf, no thread in a session: those that were held have gone on to their end."""
    wait_until("no request is open", lambda: not daemon.requests("open"))
    sessions = list(CGROUP.glob(daemon.agent + "-*"))
    wait_until("nobody is left in the sessions", lambda: not [
        procs for top in sessions for procs in top.rglob("cgroup.threads") if _text(procs)])
    wait_until("no leaf is left", lambda: not [leaf for top in sessions for leaf in top.rglob("holdpoint-hold-*")])


def _text(path):
    try:
        return path.read_text()
    except OSError:  # the leaf has just gone
        return ""
