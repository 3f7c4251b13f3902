# SPDX-License-Identifier: Apache-2.0
"""Where held threads wait: threaded leaves, shelters where those are refused, and cgroups that others change."""
import errno
import os
import pathlib
import subprocess
import time

from held import (ACTOR, CGROUP, Lines, OTHER, SECRET, finish, held, leaf_of, leaves, parked, process_state, run_cases, waiting,
                  wait_until)

VERDICT_LIFE = 10  # seconds, HP_VERDICT_LIFE_NS


def crowded(daemon, name):
    """A session whose cgroup has a child with a process in it: the kernel refuses threaded leaves there."""
    inner = daemon.session(name) / "inner"
    inner.mkdir()
    idle = daemon.spawn("sleep", "3600", session=name + "/inner")
    return idle, inner


def leave(idle, inner):
    idle.kill()
    idle.wait()
    wait_until("the inner cgroup is empty", lambda: "populated 0" in (inner / "cgroup.events").read_text())
    inner.rmdir()


def test_only_the_held_thread_is_frozen(daemon):
    process = daemon.spawn(ACTOR, "cat", SECRET)
    leaf = parked(waiting(held(daemon))[0])
    assert (leaf / "cgroup.type").read_text() == "threaded\n"
    daemon.approve(daemon.wait_request())
    assert finish(process)[0] == 0
    wait_until("the session's cgroup is an ordinary one again",
               lambda: (daemon.session() / "cgroup.type").read_text() == "domain\n")


def shelter_of(leaf):
    return leaf.parent if leaf.parent.name.startswith("holdpoint-hold-process-") else None


def test_beside_a_populated_cgroup_the_process_waits_in_a_shelter_and_only_the_thread_is_frozen(daemon):
    idle, inner = crowded(daemon, "crowded")
    process = daemon.spawn(ACTOR, "cat", SECRET, session="crowded")
    request = held(daemon)
    leaf = leaf_of(process.pid)
    assert (leaf / "cgroup.type").read_text() == "threaded\n" and shelter_of(leaf), leaf
    assert "frozen 0" in (shelter_of(leaf) / "cgroup.events").read_text()
    daemon.approve(request)
    assert finish(process) == (0, "cat ok 0\ncontent\n")
    leave(idle, inner)


def refusal_of_a_move(cgroup, process):
    try:
        (cgroup / "cgroup.procs").write_text(str(process.pid))
    except OSError as error:
        return error.errno
    return 0


def test_while_a_thread_waits_in_a_leaf_nobody_gets_into_another_cgroup_beside_it(daemon):
    """Who manages cgroups below a session (from outside: agents write to none) can make one, and fill it after the decision."""
    session = daemon.session("managed")
    early, late = session / "early", session / "late"
    early.mkdir()
    idle = daemon.spawn("sleep", "3600", session="managed")
    process = daemon.spawn(ACTOR, "cat", SECRET, session="managed")
    request = held(daemon)
    late.mkdir()
    for cgroup in (early, late):
        assert (cgroup / "cgroup.type").read_text() == "domain invalid\n"
        assert refusal_of_a_move(cgroup, idle) == errno.EOPNOTSUPP
        assert daemon.run(ACTOR, "into", cgroup, "/bin/true", session="managed") == (0, "clone EOPNOTSUPP\n")
    daemon.approve(request)
    assert finish(process) == (0, "cat ok 0\ncontent\n")
    wait_until("no leaf is left", lambda: not leaves())
    for cgroup in (early, late):
        assert (cgroup / "cgroup.type").read_text() == "domain\n"
        assert daemon.run(ACTOR, "into", cgroup, "/bin/true", session="managed") == (0, "clone ok 0\nchild ok 0\n")
    assert refusal_of_a_move(late, idle) == 0
    leave(idle, late)
    early.rmdir()


def test_threads_of_a_process_in_a_shelter_are_decided_one_after_the_other(daemon):
    idle, inner = crowded(daemon, "crowded-two")
    process = daemon.spawn(ACTOR, "two", SECRET, OTHER, session="crowded-two")
    requests = wait_until("both files are asked about", lambda: (r := daemon.requests("open")) and len(r) == 2 and r)
    leaves_now = [parked(waiting(request)[0]) for request in requests]
    assert len({shelter_of(leaf) for leaf in leaves_now}) == 1, leaves_now
    daemon.approve(requests[0])
    wait_until("the first has used its verdict", lambda: not waiting(daemon.request(requests[0])))
    assert process.poll() is None and waiting(daemon.request(requests[1]))
    daemon.deny(requests[1])
    status, output = finish(process)
    assert status == 0 and output.count(" ok 0") == 1 and output.count(" EPERM") == 1, (status, output)
    leave(idle, inner)


def test_a_child_forked_in_a_shelter_comes_home(daemon):
    idle, inner = crowded(daemon, "crowded-fork")
    process = daemon.spawn(ACTOR, "forking", SECRET, session="crowded-fork", stdin=subprocess.PIPE)
    request = held(daemon)
    shelter = shelter_of(leaf_of(waiting(request)[0]["thread"]))
    process.stdin.write(b"go\n")
    process.stdin.flush()
    child = wait_until("the child is born in the shelter",
                       lambda: [p for p in (shelter / "cgroup.procs").read_text().split() if int(p) != process.pid])
    daemon.approve(request)
    wait_until("the shelter is gone", lambda: not shelter.exists())
    home = pathlib.Path(f"/proc/{child[0]}/cgroup").read_text()
    assert home.strip().endswith("coder-crowded-fork"), home
    os.kill(int(child[0]), 9)
    assert finish(process)[0] == 0
    leave(idle, inner)


def test_threads_of_a_process_in_a_shelter_that_wait_for_the_same(daemon):
    idle, inner = crowded(daemon, "crowded-same")
    process = daemon.spawn(ACTOR, "threads", 3, SECRET, session="crowded-same")
    opened = 0
    while process.poll() is None:
        for request in daemon.requests("open"):
            daemon.approve(request)
            opened += 1
        assert opened <= 3
    assert finish(process) == (0, "open ok 0\n" * 3)
    leave(idle, inner)


def test_a_session_that_somebody_freezes_meanwhile_stays_frozen_and_goes_on_when_thawed(daemon):
    process = daemon.spawn(ACTOR, "cat", SECRET, session="frozen")
    request = held(daemon)
    session = daemon.session("frozen")
    (session / "cgroup.freeze").write_text("1")
    daemon.approve(request)
    wait_until("it is back in its cgroup", lambda: leaf_of(process.pid) is None)
    assert process.poll() is None
    wait_until("it is frozen", lambda: "frozen 1" in (session / "cgroup.events").read_text())
    (session / "cgroup.freeze").write_text("0")
    assert finish(process) == (0, "cat ok 0\ncontent\n")


def test_sessions_frozen_for_longer_than_a_verdict_lives_get_the_same_answers(daemon):
    """While the daemon runs it gives an answer that was not used again and again; so it is killed, and its verdicts die. One
    session is thawed before the next daemon is there, the other one afterwards."""
    sessions = [daemon.session(name) for name in ("thawed-early", "thawed-late")]
    running = {(session, path): daemon.spawn(ACTOR, "cat", path, session=session.name.removeprefix(daemon.agent + "-"))
               for session in sessions for path in (SECRET, OTHER)}
    requests = daemon.wait_request(4)
    for request in requests:
        parked(waiting(request)[0])
    for session in sessions:
        (session / "cgroup.freeze").write_text("1")
    for request in requests:
        (daemon.approve if request["access"]["object"] == str(SECRET) else daemon.deny)(request)
    wait_until("all are back in their cgroup", lambda: not leaves())
    wait_until("they are frozen", lambda: all("frozen 1" in (s / "cgroup.events").read_text() for s in sessions))
    daemon.kill()
    # The kernel's own clock and a bound that no test can set: this one has to wait.
    end = time.clock_gettime(time.CLOCK_BOOTTIME) + VERDICT_LIFE
    wait_until("the verdicts are dead", lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > end)
    (sessions[0] / "cgroup.freeze").write_text("0")
    early = [running[sessions[0], path] for path in (SECRET, OTHER)]
    wait_until("they are held again", lambda: all(process_state(process.pid) == "T" for process in early))
    daemon.start()
    (sessions[1] / "cgroup.freeze").write_text("0")
    for (_, path), process in running.items():
        assert finish(process) == (0, "cat ok 0\ncontent\n" if path == SECRET else "cat EPERM\n")
    assert [len(daemon.request(request)["holds"]) for request in requests] == [1] * 4


def test_where_no_leaf_can_be_had_the_stop_stays_and_no_continuation_helps(daemon):
    session = daemon.session("barren")
    (session / "cgroup.max.descendants").write_text("0")
    for decide, outcome in ((daemon.approve, "open ok 0"), (daemon.deny, "open EPERM")):
        process = daemon.spawn(ACTOR, "watch", SECRET, session="barren")
        lines = Lines(process)
        request = daemon.wait_request()
        child = waiting(request)[0]["process"]
        lines.wait("stopped ok 19")
        wait_until("it stays stopped", lambda: process_state(child) == "T")
        again = daemon.counters()["held_again"]
        flood = daemon.spawn(ACTOR, "flood", child, session="barren")
        wait_until("it was continued and held again", lambda: daemon.counters()["held_again"] >= again + 5)
        assert "open" not in lines.text and not leaves(), lines.text
        assert [hold["state"] for hold in daemon.request(request)["holds"]] == ["held"]
        decide(request)
        assert lines.finish() == 0
        assert [line for line in lines.text.splitlines() if line.startswith("open")] == [outcome], lines.text
        flood.kill()
        flood.wait()


def test_a_held_thread_that_somebody_moves_out_is_held_again(daemon):
    process = daemon.spawn(ACTOR, "cat", SECRET)
    lines = Lines(process)
    request = held(daemon)
    (daemon.session() / "cgroup.threads").write_text(str(process.pid))
    wait_until("it is in a leaf again", lambda: leaf_of(process.pid))
    parked(waiting(request)[0])
    assert daemon.requests("open")[0]["id"] == request["id"] and process_state(process.pid) not in ("T", "")
    daemon.approve(request)
    assert lines.finish() == 0 and lines.text == "cat ok 0\ncontent\n"


run_cases("cgroups", [
    test_only_the_held_thread_is_frozen,
    test_beside_a_populated_cgroup_the_process_waits_in_a_shelter_and_only_the_thread_is_frozen,
    test_while_a_thread_waits_in_a_leaf_nobody_gets_into_another_cgroup_beside_it,
    test_threads_of_a_process_in_a_shelter_are_decided_one_after_the_other,
    test_a_child_forked_in_a_shelter_comes_home,
    test_threads_of_a_process_in_a_shelter_that_wait_for_the_same,
    test_a_session_that_somebody_freezes_meanwhile_stays_frozen_and_goes_on_when_thawed,
    test_sessions_frozen_for_longer_than_a_verdict_lives_get_the_same_answers,
    test_where_no_leaf_can_be_had_the_stop_stays_and_no_continuation_helps,
    test_a_held_thread_that_somebody_moves_out_is_held_again,
])
