# SPDX-License-Identifier: Apache-2.0
"""A daemon of its own for one kernel test, its API, and agents' processes. Runs as root inside the virtual machine.

Every wait is for a state (a request opens, a process ends), with one generous limit: a test that runs into it fails.
"""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

LIMIT = float(os.environ.get("HOLDPOINT_TEST_LIMIT", "60"))  # seconds; emulation beside a busy host is slow
BUILD = pathlib.Path(os.environ["HOLDPOINT_BUILD"])
TMP = pathlib.Path(os.environ["HOLDPOINT_TEST_TMP"])
PINS = os.environ["HOLDPOINT_TEST_PIN"]
KEPT = pathlib.Path("/sys/fs/bpf/keep-programs")  # take_over() says why
CGROUP = pathlib.Path(os.environ["HOLDPOINT_TEST_CGROUP"])  # below /sys/fs/cgroup
HOLDPOINTD = BUILD / "userspace/daemon/holdpointd"
HOLDPOINT = BUILD / "userspace/cli/holdpoint"
ACTOR = BUILD / "tests/kernel/actor"
EMPTY_MAPS = BUILD / "tests/kernel/empty_maps"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=LIMIT):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def wait_until(what, condition, limit=None):
    """Value of `condition` once it is true. Polls every few milliseconds, and where a look is expensive, half of the time:
    on an emulated processor it would take the time of what it waits for."""
    end = time.monotonic() + (limit or LIMIT)
    while True:
        begin = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        assert now < end, f"still not true after {limit or LIMIT:.0f} s: {what}"
        time.sleep(max(0.005, now - begin))


def process_state(pid):
    """Letter of /proc/PID/stat: R, S, T (stopped), Z … or '' when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return text[text.rindex(")") + 2]


def take_over():
    """The programs that an earlier test of this boot left, emptied, become this test's: a daemon of the same build goes on with them
    (userspace/kernel/pinned_set.hpp). Looking at them anew takes an emulated processor ten seconds for each test."""
    if not (KEPT / "holdpoint").exists():
        return
    os.rename(KEPT / "holdpoint", pathlib.Path(PINS, "holdpoint"))  # first: should this fail, it is this test's alone
    subprocess.run([EMPTY_MAPS, pathlib.Path(PINS, "holdpoint/maps")], check=True, timeout=LIMIT)


def hand_on():
    """For the next test, when all is there; the machine takes away what it does not find in KEPT."""
    if pathlib.Path(PINS, "holdpoint/armed").exists():
        KEPT.mkdir(exist_ok=True)
        os.rename(pathlib.Path(PINS, "holdpoint"), KEPT / "holdpoint")


class Daemon:
    """holdpointd with a policy of its own. Use as a context manager; leaving it hands its programs on, or unloads them when the test
    failed or they are of no use to others."""

    def __init__(self, rules, default="allow", agent="coder", name="daemon", extra="", pins=PINS, prepare=None):
        self.agent = agent
        self.pins = pins
        self.prepare = prepare  # called in the daemon's process before it is executed
        self.hands_on = pins == PINS  # a test that spoils its programs or maps for others says no
        self.directory = TMP / name
        self.policies = self.directory / "policies"
        self.runtime = self.directory / "run"
        self.state = self.directory / "state"
        self.policies.mkdir(parents=True)
        self.cgroup_path = "/" + str(CGROUP.relative_to("/sys/fs/cgroup"))
        self.write_policy(rules, default, extra)
        self.process = None

    def write_policy(self, rules, default="allow", extra=""):
        head = (
            f"version: 1\nagents:\n  {self.agent}:\n    cgroups: [\"{self.cgroup_path}/{self.agent}-*\"]\n"
            f"    default: {default}\n"
        )
        (self.policies / "10-test.yaml").write_text(head + extra + "rules:\n" + rules)

    def arguments(self, *more):
        return [str(HOLDPOINTD), "--policies", str(self.policies), "--config", str(self.directory / "config"), "--state",
                str(self.state), "--runtime", str(self.runtime), "--pins", self.pins + "/holdpoint", "--group", "root",
                "--sessions", self.cgroup_path + "/sessions", *more]

    def start(self):
        self.log = open(self.directory / "daemon.log", "ab")
        self.process = subprocess.Popen(self.arguments(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        preexec_fn=self.prepare)
        try:
            wait_until("the API answers", self._answers)
        except AssertionError:
            stack = pathlib.Path(f"/proc/{self.process.pid}/stack")
            sys.stderr.write(f"---- daemon log\n{self.log_text()[-4000:]}\n---- in the kernel\n"
                             f"{stack.read_text() if stack.exists() else 'it is gone'}\n")
            raise
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"holdpointd ended with {self.process.returncode}:\n{self.log_text()}")
        try:
            return self.get("/v1/health")
        except OSError:
            return None

    def log_text(self):
        return (self.directory / "daemon.log").read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT)

    def pinned_sets(self):
        """Names of the sets of programs that are pinned; one, but while a start replaces it."""
        return sorted(path.name for path in pathlib.Path(self.pins, "holdpoint").glob("links-*"))

    def forget_build(self):
        """As an upgrade finds it: the pinned programs are of another build, so the next start loads its own beside them."""
        [mark] = pathlib.Path(self.pins, "holdpoint").glob("links-*/build-*")
        mark.rename(mark.with_name("build-of-another-1"))

    @contextlib.contextmanager
    def stopped(self):
        """It hears nothing meanwhile; its programs judge as always."""
        os.kill(self.process.pid, signal.SIGSTOP)
        wait_until("the daemon is stopped", lambda: process_state(self.process.pid) == "T")
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def unload(self):
        subprocess.run(self.arguments("--unload"), check=True, timeout=LIMIT)

    def __enter__(self):
        if self.hands_on:
            take_over()
        return self.start()

    def __exit__(self, kind, value, trace):
        failed = kind is not None and not (kind is SystemExit and value.code == 0)
        if failed:
            sys.stderr.write("---- daemon log\n" + self.log_text()[-4000:] + "\n")
            with contextlib.suppress(Exception):
                sys.stderr.write("---- requests\n" + json.dumps(self.requests(), indent=1)[:6000] + "\n")
                sys.stderr.write("---- counters\n" + json.dumps(self.counters()) + "\n")
        if failed or not self.hands_on:
            with contextlib.suppress(Exception):
                self.stop()
            self.unload()
            return
        if self.process.poll() is None:
            self.stop()
            assert self.process.returncode == 0, f"holdpointd ended with {self.process.returncode}"
        hand_on()

    # -- API

    def call(self, method, path, body=None):
        connection = UnixConnection(str(self.runtime / "api.sock"))
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
            answer = connection.getresponse()
            raw = answer.read()
            return answer.status, json.loads(raw) if raw else None
        finally:
            connection.close()

    def get(self, path):
        status, body = self.call("GET", path)
        assert status == 200, (path, status, body)
        return body

    def requests(self, state=None):
        return self.get("/v1/requests" + (f"?state={state}" if state else ""))["requests"]

    def wait_request(self, count=1):
        """The open requests once there are at least `count`; the first of them when count is 1."""
        found = wait_until(f"{count} open request(s)", lambda: (r := self.requests("open")) and len(r) >= count and r)
        return found[0] if count == 1 else found

    def decide(self, request, decision, scope="once", reason="test", **more):
        status, body = self.call("POST", f"/v1/requests/{request['id']}/decision",
                                 {"decision": decision, "scope": scope, "reason": reason, **more})
        assert status == 200, (status, body)
        return body

    def approve(self, request, **more):
        return self.decide(request, "approve", **more)

    def deny(self, request, **more):
        return self.decide(request, "deny", **more)

    def request(self, request):
        return self.get(f"/v1/requests/{request['id']}")

    def counters(self):
        found = self.get("/v1/health")["counters"]
        return found if isinstance(found, dict) else {entry["name"]: entry["value"] for entry in found}

    def records(self, kind=None):
        found, after = [], 0
        while True:
            page = self.get(f"/v1/records?after={after}&limit=500")["records"]
            if not page:
                return [r for r in found if kind is None or r["kind"] == kind]
            found += page
            after = page[-1]["sequence"]

    def wait_record(self, kind, condition=lambda record: True):
        return wait_until(f"a record of kind {kind}", lambda: [r for r in self.records(kind) if condition(r)])[0]

    # -- agents

    def session(self, name="1"):
        """A cgroup that the policy's pattern names: a session of the agent."""
        path = CGROUP / f"{self.agent}-{name}"
        path.mkdir(exist_ok=True)
        return path

    def spawn(self, *command, session="1", **options):
        """Starts a command as the agent: it enters the session's cgroup before it is executed."""
        path = self.session(session)

        def enter():
            (path / "cgroup.procs").write_text("0")

        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.STDOUT)
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([str(part) for part in command], preexec_fn=enter, **options)

    def run(self, *command, **options):
        """Runs a command as the agent to its end: (exit status, output)."""
        process = self.spawn(*command, **options)
        output, _ = process.communicate(timeout=LIMIT)
        return process.returncode, (output or b"").decode(errors="replace")


def finish(process):
    output, _ = process.communicate(timeout=LIMIT)
    return process.returncode, (output or b"").decode(errors="replace")


def main(tests):
    """Runs the functions given, in order; each gets a fresh subtree of nothing: it makes its own Daemon. Prints a line each."""
    chosen = os.environ.get("HOLDPOINT_TEST_CASE")
    failed = ran = 0
    for test in tests:
        if chosen and chosen not in test.__name__:
            continue
        ran += 1
        start = time.monotonic()
        try:
            test()
        except BaseException as error:  # a failed case must not hide the others
            failed += 1
            import traceback
            traceback.print_exc()
            print(f"FAIL {test.__name__}: {error}", flush=True)
        else:
            print(f"ok   {test.__name__} {time.monotonic() - start:.1f} s", flush=True)
    if not ran:
        sys.exit(f"no case was run: HOLDPOINT_TEST_CASE is \"{chosen}\"" if chosen else "no case was run")
    sys.exit(1 if failed else 0)
