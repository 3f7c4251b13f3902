# SPDX-License-Identifier: Apache-2.0
"""Where held threads wait: threaded leaves, process leaves where those are refused, and cgroups that others change."""
from held import ACTOR, CGROUP, Lines, SECRET, finish, held, leaf_of, parked, process_state, run_cases, waiting, wait_until


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


def test_beside_a_populated_cgroup_the_whole_process_waits_in_a_leaf(daemon):
    idle, inner = crowded(daemon, "crowded")
    process = daemon.spawn(ACTOR, "cat", SECRET, session="crowded")
    request = held(daemon)
    leaf = leaf_of(process.pid)
    assert (leaf / "cgroup.type").read_text() == "domain\n"
    daemon.approve(request)
    assert finish(process) == (0, "cat ok 0\ncontent\n")
    leave(idle, inner)


def test_threads_of_a_process_in_a_leaf_that_wait_for_the_same(daemon):
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
    test_beside_a_populated_cgroup_the_whole_process_waits_in_a_leaf,
    # Not reached: two threads of one process in a process leaf, decided one after the other. On 6.1 the first verdict was once not
    # used within a minute; bpf/README.md lists it as a known problem.
    test_threads_of_a_process_in_a_leaf_that_wait_for_the_same,
    test_a_session_that_somebody_freezes_meanwhile_stays_frozen_and_goes_on_when_thawed,
    test_a_held_thread_that_somebody_moves_out_is_held_again,
])
