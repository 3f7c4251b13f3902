# SPDX-License-Identifier: Apache-2.0
"""What an agent could do without end, and what bounds it: a file system that never answers, denials in a loop, asks that are
refused at once, more of them than there is room for, and more bells than the daemon hears."""
import ctypes
import os
import pathlib
import signal
import subprocess
import threading

from harness import ACTOR, HOLDPOINT, LIMIT, TMP, Daemon, finish, main, process_state, wait_until

SECRET = TMP / "secret"
FORBIDDEN = TMP / "forbidden"
REFUSED = [TMP / "refused-1", TMP / "refused-2"]
HOLDS, SESSION_HOLDS = 4096, 512  # HP_MAX_HOLDS, HP_MAX_SESSION_HOLDS
BELLS = 256 * 1024 // 24  # HP_BELL_RING, and a bell in it with its head
LIBC = ctypes.CDLL(None, use_errno=True)
RULES = f"""
  - id: interpreters
    on: [exec]
    path: ["/usr/bin/bash"]
    verdict: ask
    reason: Runs what its arguments name
    timeout: 30m
  - id: secret
    on: [read]
    path: ["{SECRET}"]
    verdict: ask
    reason: A secret of the test
    timeout: 30m
  - id: refused
    on: [read]
    path: ["{REFUSED[0]}", "{REFUSED[1]}"]
    verdict: ask
    hold: refuse
    reason: Nobody waits for this
    timeout: 30m
  - id: forbidden
    on: [read]
    path: ["{FORBIDDEN}"]
    verdict: deny
    reason: Never
"""
BASH = ("sh", "-c", 'exec bash "$0"')
# Opens its arguments in turn, as often as the first one says. Each has to be refused.
OPEN = """
import os, sys
for i in range(int(sys.argv[1])):
    try:
        os.open(sys.argv[2 + i % (len(sys.argv) - 2)], os.O_RDONLY)
        print('opened')
    except PermissionError:
        pass
"""


class SilentFileSystem:
    """A FUSE file system whose server never says anything. Whoever touches it waits until it is closed."""

    def __init__(self, place):
        subprocess.run(["modprobe", "fuse"], check=False)
        place.mkdir(exist_ok=True)
        self.place = place
        self.device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if LIBC.mount(b"silent", str(place).encode(), b"fuse", 0, options) != 0:
            raise OSError(ctypes.get_errno(), "mount fuse")

    def __enter__(self):
        return self.place

    def __exit__(self, *_):
        os.close(self.device)
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)


def asked(session):
    return wait_until(f"session {session} asks", lambda: [
        r for r in daemon.requests("open") if r["session_detail"]["cgroup"].endswith(f"/coder-{session}")])[0]


def others_are_served(name):
    process = daemon.spawn("cat", SECRET, session=name)
    daemon.approve(asked(name))
    assert finish(process) == (0, "content\n")
    status = subprocess.run([str(HOLDPOINT), "status", "--socket", str(daemon.runtime / "api.sock")], capture_output=True,
                            text=True, timeout=LIMIT)
    assert status.returncode in (0, 1) and "enforcing" in status.stdout, status


def test_a_file_system_that_never_answers_stops_nobody_else():
    with SilentFileSystem(TMP / "silent") as silent:
        process = daemon.spawn(*BASH, silent / "x.sh", session="stuck")
        wait_until("it is suspended", lambda: process_state(process.pid) == "T")
        others_are_served("beside")
        request = asked("stuck")
        assert any("content not bound" in warning for warning in request["access"]["warnings"]), request["access"]
        assert not request["access"].get("bound"), request["access"]
        counters = daemon.counters()
        assert counters["content_not_read"] == 1 and counters["content_readers_stuck"] == 1, counters
        assert any("does not answer" in problem for problem in daemon.get("/v1/health")["problems"])
        daemon.deny(request)
        assert finish(process)[0] == 126
    wait_until("its reader is free again", lambda: daemon.counters()["content_readers_stuck"] == 0)


def test_a_file_system_that_falls_silent_before_the_approval_stops_nobody_else():
    place = TMP / "falls-silent"
    place.mkdir()
    (place / "x.sh").write_text("echo good\n")
    process = daemon.spawn(*BASH, place / "x.sh", session="late")
    first = asked("late")
    assert first["access"]["bound"], first["access"]
    answers = []
    with SilentFileSystem(place):
        approval = threading.Thread(target=lambda: answers.append(
            daemon.call("POST", f"/v1/requests/{first['id']}/decision", {"decision": "approve", "scope": "once"})))
        approval.start()
        others_are_served("meanwhile")
        approval.join(LIMIT)
        assert answers and answers[0][0] == 409 and "asked again" in str(answers[0]), answers
        second = asked("late")
        assert second["id"] != first["id"] and not second["access"].get("bound"), second["access"]
        daemon.deny(second)
        assert finish(process)[0] == 126


def test_denials_in_a_loop_become_one_record_with_their_number():
    tries = 3000
    before = daemon.counters()
    assert daemon.run("python3", "-c", OPEN, tries, FORBIDDEN, session="loop") == (0, "")
    wait_until("the daemon has heard of all", lambda: (now := daemon.counters()) and
               100 + now["denials_counted"] + now["lost_events"] - before["lost_events"] >= tries)
    daemon.session("loop").rmdir()  # ends the session, and with it the count
    records = wait_until("a record with their number", lambda: (
        found := [r for r in daemon.records("denial") if str(FORBIDDEN) in str(r)]) and any("times" in r for r in found) and found)
    counters = daemon.counters()
    alone = sum(1 for r in records if "times" not in r)
    lost = counters["lost_events"] - before["lost_events"]
    assert alone == 100, f"{alone} have a record of their own"
    assert alone + sum(r.get("times", 0) for r in records) + lost == tries, (alone, lost, records[-1])
    assert counters["denials_counted"] == tries - alone - lost, counters


def test_asks_that_are_refused_at_once_do_not_fill_the_map_while_no_daemon_runs():
    before = daemon.counters()["full_session_holds"]
    daemon.kill()
    assert daemon.run("python3", "-c", OPEN, 700, *REFUSED, session="refuse") == (0, "")
    process = daemon.spawn("cat", SECRET, session="room")
    wait_until("another session's ask is held", lambda: process_state(process.pid) == "T")
    daemon.start()
    # One of the two files is an echo of the last refusal from then on, for a while.
    full = daemon.counters()["full_session_holds"]
    assert full - before >= (700 - 512) // 2, full
    daemon.approve(asked("room"))
    assert finish(process) == (0, "content\n")
    objects = wait_until("both are filed", lambda: (
        found := {r["access"]["object"] for r in daemon.requests("open")}) >= {str(path) for path in REFUSED} and found)
    assert len(objects) == 2, objects
    assert daemon.run("python3", "-c", OPEN, 300, *REFUSED, session="refuse") == (0, "")
    assert daemon.counters()["full_session_holds"] == full, "their places were given back"
    approved = next(r for r in daemon.requests("open") if r["access"]["object"] == str(REFUSED[0]))
    daemon.approve(approved)
    assert daemon.run("cat", REFUSED[0], session="refuse") == (0, "refused\n")


def test_with_as_many_holds_as_there_is_room_for_an_ask_is_a_denial_and_all_is_well_afterwards():
    before = daemon.counters()
    fillers = [f"fill-{i}" for i in range(HOLDS // SESSION_HOLDS)]
    with daemon.stopped():
        for process in [daemon.spawn("python3", "-c", OPEN, SESSION_HOLDS, *REFUSED, session=name) for name in fillers]:
            assert finish(process) == (0, "")
        status, output = daemon.run("cat", SECRET, session="full")
        assert status == 1 and "Operation not permitted" in output, (status, output)
    # Records are taken from their ring when no bell is left in the other one: by then all are filed.
    daemon.wait_record("denial", lambda record: str(SECRET) in str(record))
    filed = [r for r in daemon.requests("open") if r["session_detail"]["cgroup"].rpartition("coder-")[2] in fillers]
    assert len(filed) == len(fillers) * len(REFUSED), filed
    after = daemon.counters()
    assert after["full_holds"] == before["full_holds"] + 1, after
    assert after["full_session_holds"] == before["full_session_holds"], after
    others_are_served("full")


def test_asks_whose_bells_are_lost_are_found_and_decided():
    before = daemon.counters()["lost_bells"]
    bell = daemon.spawn(ACTOR, "block", "USR1", "+", "gate", session="bells", stdin=subprocess.PIPE)
    wait_until("it blocks the signal", lambda: "SigBlk:\t0000000000000200" in pathlib.Path(f"/proc/{bell.pid}/status").read_text())
    with daemon.stopped():
        first = daemon.spawn("cat", SECRET, session="bells")  # a signal rings in a session where somebody is held
        wait_until("it is held", lambda: process_state(first.pid) == "T")
        for _ in range(BELLS):
            os.kill(bell.pid, signal.SIGUSR1)
        allowed, denied = (daemon.spawn("cat", SECRET, session=f"unheard-{i}") for i in (1, 2))
        for process in (allowed, denied):
            wait_until("it is held", lambda: process_state(process.pid) == "T")
        assert daemon.run("python3", "-c", OPEN, 1, REFUSED[0], session="unheard-3") == (0, "")
    assert asked("unheard-3")["holds"][0]["state"] == "refused"
    daemon.approve(asked("unheard-1"))
    daemon.deny(asked("unheard-2"))
    daemon.approve(asked("bells"))
    for process in (allowed, first):
        assert finish(process) == (0, "content\n")
    status, output = finish(denied)
    assert status == 1 and "Operation not permitted" in output, (status, output)
    # Those of the three, and one for the first's, which took a signal's place.
    assert daemon.counters()["lost_bells"] >= before + 4, daemon.counters()
    bell.communicate(b"x", LIMIT)


SECRET.write_text("content\n")
FORBIDDEN.write_text("never\n")
for path in REFUSED:
    path.write_text("refused\n")
with Daemon(RULES, name="bounds") as daemon:
    main([
        test_a_file_system_that_never_answers_stops_nobody_else,
        test_a_file_system_that_falls_silent_before_the_approval_stops_nobody_else,
        test_denials_in_a_loop_become_one_record_with_their_number,
        test_asks_that_are_refused_at_once_do_not_fill_the_map_while_no_daemon_runs,
        test_with_as_many_holds_as_there_is_room_for_an_ask_is_a_denial_and_all_is_well_afterwards,
        test_asks_whose_bells_are_lost_are_found_and_decided,
    ])
