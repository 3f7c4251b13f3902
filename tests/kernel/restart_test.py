# SPDX-License-Identifier: Apache-2.0
"""The daemon dies, is replaced, or cannot write: nothing opens, nothing is lost."""
import contextlib
import http.client
import os
import pathlib
import subprocess

from harness import ACTOR, LIMIT, PINS, TMP, Daemon, finish, main, process_state, wait_until

SECRET = TMP / "secret"
OTHER = TMP / "other"
FORBIDDEN = TMP / "forbidden"
FREE = TMP / "free"
RULES = f"""
  - id: secret
    on: [read]
    path: ["{SECRET}", "{OTHER}"]
    verdict: ask
    reason: A secret of the test
    timeout: 30m
  - id: forbidden
    on: [read]
    path: ["{FORBIDDEN}"]
    verdict: deny
    reason: Never
"""

# Opens both files over and over; says when the first round is over, and every wrong answer. Ends when its input does.
LOAD = """
import errno, os, select, sys
rounds = 0
while True:
    try:
        os.close(os.open(sys.argv[1], os.O_RDONLY))
        print('opened what is denied', flush=True)
    except PermissionError:
        pass
    try:
        os.close(os.open(sys.argv[2], os.O_RDONLY))
    except OSError as error:
        print('refused what is allowed:', error, flush=True)
    rounds += 1
    if rounds == 1:
        print('running', flush=True)
    if select.select([0], [], [], 0.001)[0]:
        print('rounds', rounds, flush=True)
        break
"""


def hold_two(session):
    """A program of one thread and one of many, held; their requests by object and operation."""
    single = daemon.spawn("cat", SECRET, session=session)
    many = daemon.spawn(ACTOR, "crowd", "3", OTHER, session=session, stdin=subprocess.PIPE)
    many.stdin.write(b"go\n")
    many.stdin.flush()
    requests = wait_until("both are asked about, with all their threads", lambda: (
        r := {q["access"]["object"]: q for q in daemon.requests("open") if q["access"]["object"] in (str(SECRET), str(OTHER))})
        and len(r) == 2 and len(r[str(OTHER)]["holds"]) == 3 and r)
    return single, many, requests


def still_held(*processes):
    for process in processes:
        assert process.poll() is None, process.returncode
    # A SIGCONT is no verdict: each comes back to its hook and stops again.
    for process in processes:
        os.kill(process.pid, 18)
    assert all(process.poll() is None for process in processes)


def release_two(single, many, requests):
    assert {q["id"] for q in daemon.requests("open")} == {q["id"] for q in requests.values()}
    for request in requests.values():
        now = daemon.request(request)
        assert now["digest"] == request["digest"] and now["created"] == request["created"], (now, request)
        assert len(now["holds"]) == len(request["holds"]), now
        daemon.approve(request)
    assert finish(single) == (0, "content\n")
    status, output = finish(many)
    assert status == 0 and output.count("thread ok") == 3, (status, output)


def test_killed_while_processes_are_held_the_same_requests_come_back():
    single, many, requests = hold_two("kill")
    daemon.kill()
    still_held(single, many)
    daemon.start()
    release_two(single, many, requests)


def test_killed_between_a_decision_and_its_record_the_record_is_there_once():
    process = daemon.spawn("cat", SECRET, session="between")
    request = daemon.wait_request()
    log = sorted((daemon.state / "records").glob("*.records"))[-1]
    # The decision is stored; the write of its record into the log is where the daemon dies.
    killer = subprocess.Popen(["strace", "-qq", "-f", "-o", "/dev/null", "-p", str(daemon.process.pid), "-P", str(log),
                               "-e", "trace=write", "-e", "inject=write:signal=KILL:when=1"])
    wait_until("it is traced", lambda: "TracerPid:\t0\n" not in pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text())
    size = log.stat().st_size
    with contextlib.suppress(OSError, http.client.HTTPException):
        daemon.call("POST", f"/v1/requests/{request['id']}/decision", {"decision": "approve", "scope": "session"})
    assert daemon.process.wait(LIMIT) == -9 and log.stat().st_size == size
    killer.wait(LIMIT)
    assert process.poll() is None, "nothing took effect yet"
    daemon.start()
    assert finish(process) == (0, "content\n"), "it was decided"
    for _ in range(2):
        told = [(r["kind"], r["request"]) for r in daemon.records() if r.get("request") == request["id"]]
        assert told.count(("decision", request["id"])) == 1 and told.count(("grant", request["id"])) == 1, told
        daemon.kill()
        daemon.start()
    live = [g["id"] for g in daemon.get("/v1/grants")["grants"] if g["live"]]
    assert len(live) == 1 and daemon.call("DELETE", f"/v1/grants/{live[0]}")[0] == 204, live


def test_stopped_while_processes_are_held_the_same_requests_come_back():
    single, many, requests = hold_two("stop")
    daemon.stop()
    still_held(single, many)
    daemon.start()
    release_two(single, many, requests)


def test_what_is_asked_while_nobody_listens_is_held_and_becomes_a_request_at_start():
    daemon.kill()
    process = daemon.spawn("cat", SECRET, session="alone")
    wait_until("it is stopped", lambda: process_state(process.pid) == "T")
    status, output = daemon.run("cat", FORBIDDEN, session="alone")
    assert status == 1 and "not permitted" in output, "deny rules go on without a daemon"
    assert daemon.run("cat", FREE, session="alone") == (0, "free\n")
    assert process.poll() is None
    daemon.start()
    daemon.approve(daemon.wait_request())
    assert finish(process) == (0, "content\n")


def test_grants_survive():
    for scope in ({"scope": "session"}, {"scope": "duration", "lifetime": "1h"}):
        session = scope["scope"]
        process = daemon.spawn("cat", SECRET, session=session)
        daemon.approve(daemon.wait_request(), **scope)
        assert finish(process) == (0, "content\n")
    daemon.kill()
    assert daemon.run("cat", SECRET, session="session") == (0, "content\n"), "the kernel knows the grant by itself"
    daemon.start()
    for session in ("session", "duration"):
        assert daemon.run("cat", SECRET, session=session) == (0, "content\n")
    live = [g["scope"] for g in daemon.get("/v1/grants")["grants"] if g["live"]]
    assert sorted(live) == ["duration", "session"], live


def test_a_grant_of_a_former_daemon_can_be_revoked():
    process = daemon.spawn("cat", SECRET, session="revoked")
    daemon.approve(daemon.wait_request(), scope="session")
    assert finish(process) == (0, "content\n")
    daemon.kill()
    daemon.start()
    grant = [g["id"] for g in daemon.get("/v1/grants")["grants"] if g["live"]][-1]
    assert daemon.run("cat", SECRET, session="revoked") == (0, "content\n")
    assert daemon.call("DELETE", f"/v1/grants/{grant}")[0] == 204
    process = daemon.spawn("cat", SECRET, session="revoked")
    daemon.deny(daemon.wait_request())
    assert finish(process)[0] == 1


def test_replaced_under_load_nothing_is_allowed_that_is_denied():
    load = daemon.spawn("python3", "-c", LOAD, FORBIDDEN, FREE, session="load", stdin=subprocess.PIPE)
    assert load.stdout.readline() == b"running\n"
    before = daemon.pinned_sets()
    daemon.stop()
    daemon.forget_build()
    daemon.start()
    assert len(daemon.pinned_sets()) == 1 and daemon.pinned_sets() != before, "another build puts its own set in the place of the other"
    replaced = daemon.pinned_sets()
    daemon.kill()
    daemon.start()
    assert daemon.pinned_sets() == replaced, "the same build goes on with the set that is there"
    output, _ = load.communicate(b"end\n", timeout=LIMIT)
    lines = output.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("rounds "), lines


def test_a_set_that_lacks_a_program_is_replaced_at_start():
    before = daemon.pinned_sets()
    daemon.stop()
    lost = pathlib.Path(PINS, "holdpoint") / before[0] / "hp_file_open"
    lost.unlink()
    daemon.start()
    [now] = daemon.pinned_sets()
    assert [now] != before and (lost.parent.parent / now / lost.name).exists()
    status, output = daemon.run("cat", FORBIDDEN, session="lacks")
    assert status == 1 and "not permitted" in output, (status, output)


def test_a_broken_policy_at_start_changes_nothing_in_the_kernel():
    good = (daemon.policies / "10-test.yaml").read_text()
    daemon.stop()
    before = {path: path.stat().st_ino for path in pathlib.Path(PINS + "/holdpoint").rglob("*")}
    (daemon.policies / "10-test.yaml").write_text(good + "  - id: [broken\n")
    tried = subprocess.run(daemon.arguments(), capture_output=True, text=True, timeout=LIMIT)
    assert tried.returncode == 3 and "10-test.yaml:" in tried.stderr, tried
    assert before == {path: path.stat().st_ino for path in pathlib.Path(PINS + "/holdpoint").rglob("*")}
    status, output = daemon.run("cat", FORBIDDEN, session="policy")
    assert status == 1 and "not permitted" in output, (status, output)
    (daemon.policies / "10-test.yaml").write_text(good)
    daemon.start()


def test_a_decision_that_cannot_be_stored_releases_nobody():
    process = daemon.spawn("cat", SECRET, session="full")
    request = daemon.wait_request()
    filler = daemon.state / "filler"
    with open(filler, "wb", buffering=0) as out:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                pass
    status, body = daemon.call("POST", f"/v1/requests/{request['id']}/decision", {"decision": "approve", "scope": "session"})
    assert status == 503 and body["code"] == "not-stored" and "could not be stored" in body["detail"] and body["hint"], (status, body)
    assert process.poll() is None and daemon.request(request)["state"] == "open"
    assert not [g for g in daemon.get("/v1/grants")["grants"] if g["live"] and g["request"] == request["id"]]
    assert daemon.get("/v1/health")["problems"], "health says so"
    filler.unlink()
    daemon.approve(request)
    assert finish(process) == (0, "content\n")


def test_pins_of_another_layout_are_left_alone_and_go_on_enforcing():
    pins = pathlib.Path(PINS + "/holdpoint")
    process = daemon.spawn("cat", SECRET, session="layout")
    request = daemon.wait_request()
    daemon.stop()
    [own] = pins.glob("layout-*")
    own.rmdir()
    for other in ("layout-9999", ""):
        if other:
            (pins / other).mkdir()
        before = {path: path.stat().st_ino for path in pins.rglob("*")}
        for words in ([], ["--unload"]):
            tried = subprocess.run(daemon.arguments(*words), capture_output=True, text=True, timeout=LIMIT)
            assert tried.returncode == 5 and (other or "a layout without a number") in tried.stderr, tried
            assert "another version of Holdpoint" in tried.stderr and "--unload" in tried.stderr, tried.stderr
        assert before == {path: path.stat().st_ino for path in pins.rglob("*")}
        status, output = daemon.run("cat", FORBIDDEN, session="layout")
        assert status == 1 and "not permitted" in output, (status, output)
        if other:
            (pins / other).rmdir()
    own.mkdir()
    daemon.start()
    assert process.poll() is None and [r["id"] for r in daemon.requests("open")] == [request["id"]]
    daemon.approve(request)
    assert finish(process) == (0, "content\n")


def test_what_is_taken_away_from_below_is_told_until_it_is_back():
    mark, switch = pathlib.Path(PINS + "/holdpoint/armed"), pathlib.Path("/proc/sys/kernel/ftrace_enabled")
    for take, give, words in ((mark.rmdir, mark.mkdir, "armed was removed"),
                              (lambda: switch.write_text("0"), lambda: switch.write_text("1"), "kernel.ftrace_enabled is 0")):
        take()
        try:
            health = wait_until(words, lambda: not (now := daemon.get("/v1/health"))["enforcing"] and now)
            assert any(words in problem for problem in health["problems"]), health["problems"]
        finally:
            give()
        wait_until("it stands again", lambda: daemon.get("/v1/health")["enforcing"])
    status, output = daemon.run("cat", FORBIDDEN, session="again")
    assert status == 1 and "not permitted" in output, (status, output)


def test_a_running_daemon_is_not_unloaded_from_below():
    tried = subprocess.run(daemon.arguments("--unload"), capture_output=True, text=True, timeout=LIMIT)
    assert tried.returncode == 4 and "stop it first" in tried.stderr, tried
    status, output = daemon.run("cat", FORBIDDEN, session="running")
    assert status == 1 and "not permitted" in output, (status, output)


def test_unloading_denies_what_is_held_and_leaves_nothing():
    single, many, _ = hold_two("unload")
    daemon.stop()
    alone = daemon.spawn("cat", SECRET, session="unload")  # held while nobody listens: stopped, not frozen
    wait_until("it is stopped", lambda: process_state(alone.pid) == "T")
    daemon.unload()
    for process in (single, alone):
        status, output = finish(process)
        assert status == 1 and "not permitted" in output, (status, output)
    status, output = finish(many)
    assert status == 0 and output.count("thread EPERM") == 3, (status, output)
    assert not os.path.exists(PINS + "/holdpoint")
    again = subprocess.run(daemon.arguments("--unload"), capture_output=True, text=True, timeout=LIMIT)
    assert again.returncode == 0 and f"nothing is loaded at {PINS}/holdpoint" in again.stderr, again
    for file, text in ((SECRET, "content\n"), (FORBIDDEN, "never\n")):
        ended = daemon.run("cat", file, session="unload")
        assert ended == (0, text), ended
    leaves = [path for path in pathlib.Path("/sys/fs/cgroup").rglob("holdpoint-hold-*")]
    assert not leaves, leaves
    daemon.start()
    assert [r for r in daemon.records("daemon_stopped") if "unload" in str(r)], "the log says so"
    assert not daemon.requests("open")


def test_unloading_kills_whom_it_cannot_deny():
    process = daemon.spawn("cat", SECRET, session="frozen")
    daemon.wait_request()
    frozen = daemon.session("frozen") / "cgroup.freeze"
    frozen.write_text("1")
    daemon.stop()
    daemon.unload()
    assert finish(process) == (-9, "")
    frozen.write_text("0")


for file, text in ((SECRET, "content\n"), (OTHER, "content\n"), (FORBIDDEN, "never\n"), (FREE, "free\n")):
    file.write_text(text)
daemon = Daemon(RULES, name="restart")
daemon.state.mkdir()
# A store of its own that can be full: 4 MiB.
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(daemon.state)], check=True)
try:
    with daemon:
        main([
            test_killed_while_processes_are_held_the_same_requests_come_back,
            test_killed_between_a_decision_and_its_record_the_record_is_there_once,
            test_stopped_while_processes_are_held_the_same_requests_come_back,
            test_what_is_asked_while_nobody_listens_is_held_and_becomes_a_request_at_start,
            test_grants_survive,
            test_a_grant_of_a_former_daemon_can_be_revoked,
            test_replaced_under_load_nothing_is_allowed_that_is_denied,
            test_a_set_that_lacks_a_program_is_replaced_at_start,
            test_a_broken_policy_at_start_changes_nothing_in_the_kernel,
            test_a_decision_that_cannot_be_stored_releases_nobody,
            test_pins_of_another_layout_are_left_alone_and_go_on_enforcing,
            test_what_is_taken_away_from_below_is_told_until_it_is_back,
            test_a_running_daemon_is_not_unloaded_from_below,
            test_unloading_denies_what_is_held_and_leaves_nothing,
            test_unloading_kills_whom_it_cannot_deny,
        ])
finally:
    subprocess.run(["umount", "--lazy", str(daemon.state)], check=True)
