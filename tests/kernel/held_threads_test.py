# SPDX-License-Identifier: Apache-2.0
"""Threads and children that are held: who waits, who runs on, and what they see."""
from held import ACTOR, INPUT, Lines, OTHER, PATIENT, SECRET, TOOL, finish, held, parked, run_cases, waiting, wait_until


def test_a_single_thread_is_unaware(daemon):
    process = daemon.spawn(ACTOR, "cat", SECRET)
    daemon.approve(held(daemon))
    assert finish(process) == (0, "cat ok 0\ncontent\n")


def test_threads_in_the_same_access_are_one_request_and_all_go_on(daemon):
    process = daemon.spawn(ACTOR, "threads", 4, SECRET)
    request = held(daemon, 4)
    assert len({hold["thread"] for hold in waiting(request)}) == 4, request
    daemon.approve(request)
    assert finish(process) == (0, "open ok 0\n" * 4)


def test_threads_in_the_same_access_are_all_refused_by_one_denial(daemon):
    process = daemon.spawn(ACTOR, "threads", 3, SECRET)
    daemon.deny(held(daemon, 3))
    assert finish(process) == (0, "open EPERM\n" * 3)


def test_two_threads_are_decided_separately(daemon):
    process = daemon.spawn(ACTOR, "two", SECRET, OTHER)
    lines = Lines(process)
    requests = {request["access"]["object"]: request for request in daemon.wait_request(2)}
    for request in requests.values():
        parked(waiting(request)[0])
    daemon.approve(requests[str(SECRET)])
    lines.wait("first ok")
    still = daemon.request(requests[str(OTHER)])
    assert still["state"] == "open" and process.poll() is None, still
    parked(waiting(still)[0])
    daemon.deny(still)
    assert lines.finish() == 0 and lines.text == "first ok 0\nsecond EPERM\n", lines.text


def test_siblings_that_wait_meanwhile_see_one_eintr_of_the_named_calls_and_nothing_else(daemon):
    process = daemon.spawn(ACTOR, "patient", SECRET)
    daemon.approve(held(daemon))
    assert finish(process) == (0, PATIENT)


def test_an_exec_from_a_thread_that_is_not_the_leader(daemon):
    process = daemon.spawn(ACTOR, "threadexec", TOOL, "echo", "ran")
    request = held(daemon)
    assert waiting(request)[0]["thread"] != process.pid, request
    daemon.approve(request)
    assert finish(process) == (0, "ran\n")


def test_a_vfork_child(daemon):
    process = daemon.spawn(ACTOR, "vfork", TOOL, "echo", "ran")
    daemon.approve(held(daemon))
    assert finish(process) == (0, "ran\nchild ok 0\n")


def test_a_vfork_child_that_is_denied_goes_on_in_its_error_path(daemon):
    process = daemon.spawn(ACTOR, "vfork", TOOL, "echo", "denied")
    daemon.deny(held(daemon))
    assert finish(process) == (0, "child ok 41\n")


def test_a_posix_spawn_child(daemon):
    process = daemon.spawn(ACTOR, "spawn", TOOL, "echo", "ran")
    daemon.approve(held(daemon))
    status, output = finish(process)
    assert status == 0 and sorted(output.splitlines()) == ["child ok 0", "ran"], (status, output)


def test_posix_spawn_reports_the_denial_as_its_own_error(daemon):
    process = daemon.spawn(ACTOR, "spawn", TOOL, "echo", "denied")
    daemon.deny(held(daemon))
    assert finish(process) == (0, "spawn EPERM\n")


def test_a_thread_under_seccomp_needs_no_call_but_its_own(daemon):
    process = daemon.spawn(ACTOR, "filter", "+", "cat", SECRET)
    daemon.approve(held(daemon))
    assert finish(process) == (0, "cat ok 0\ncontent\n")


def test_the_init_of_a_pid_namespace(daemon):
    process = daemon.spawn("unshare", "-pf", "--kill-child", ACTOR, "cat", SECRET)
    daemon.approve(held(daemon))
    assert finish(process) == (0, "cat ok 0\ncontent\n")


def test_under_strace(daemon):
    process = daemon.spawn("strace", "-f", "-o", "/dev/null", ACTOR, "vfork", ACTOR, "cat", SECRET)
    daemon.approve(held(daemon))
    assert finish(process) == (0, "cat ok 0\ncontent\nchild ok 0\n")


def test_what_is_not_asked_about_is_not_touched(daemon):
    before = daemon.counters()["held"]
    assert daemon.run(ACTOR, "cat", INPUT) == (0, "cat ok 0\ncontent\n")
    assert daemon.counters()["held"] == before


run_cases("threads", [
    test_a_single_thread_is_unaware,
    test_threads_in_the_same_access_are_one_request_and_all_go_on,
    test_threads_in_the_same_access_are_all_refused_by_one_denial,
    test_two_threads_are_decided_separately,
    test_siblings_that_wait_meanwhile_see_one_eintr_of_the_named_calls_and_nothing_else,
    test_an_exec_from_a_thread_that_is_not_the_leader,
    test_a_vfork_child,
    test_a_vfork_child_that_is_denied_goes_on_in_its_error_path,
    test_a_posix_spawn_child,
    test_posix_spawn_reports_the_denial_as_its_own_error,
    test_a_thread_under_seccomp_needs_no_call_but_its_own,
    test_the_init_of_a_pid_namespace,
    test_under_strace,
    test_what_is_not_asked_about_is_not_touched,
])
