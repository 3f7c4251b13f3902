# SPDX-License-Identifier: Apache-2.0
"""Threads and children that are held: who waits, who runs on, and what they see."""
import re
import time

from held import (ACTOR, INPUT, Lines, OTHER, PATIENT, RESTARTED, SECRET, TMP, TOOL, finish, held, parked, run_cases, waiting,
                  wait_until)


def test_a_single_thread_is_unaware(daemon):
    process = daemon.spawn(ACTOR, "clock", "+", "cat", SECRET, "+", "clock")
    request = held(daemon)
    parked_at = time.monotonic() * 1000
    daemon.approve(request)
    status, output = finish(process)
    [(before, after)] = re.findall(r"\Aclock ok (\d+)\ncat ok 0\ncontent\nclock ok (\d+)\n\Z", output)
    assert status == 0 and int(before) < parked_at <= int(after) + 1, (parked_at, output)  # its only difference: the clock ran on


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


def test_a_filter_sees_restart_syscall_by_siblings_in_poll_nanosleep_and_timed_futex_only(daemon):
    process = daemon.spawn(ACTOR, "patient", SECRET, "filtered")
    daemon.approve(held(daemon))
    assert finish(process) == (0, re.sub(f"^({'|'.join(RESTARTED)}) ok 0$", r"\1 ok 100", PATIENT, flags=re.M))


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
    told = TMP / "strace"
    process = daemon.spawn("strace", "-f", "-o", told, ACTOR, "vfork", ACTOR, "cat", SECRET)
    request = held(daemon)
    daemon.approve(request)
    assert finish(process) == (0, "cat ok 0\ncontent\nchild ok 0\n")
    lines = [line.split(maxsplit=1) for line in told.read_text().splitlines()]
    mine = [text for thread, text in lines if int(thread) == waiting(request)[0]["thread"]]
    call = f'openat(AT_FDCWD, "{SECRET}", O_RDONLY|O_CLOEXEC)'
    first = [text.startswith(call) for text in mine].index(True)
    seen = [re.sub(r" \{.*\}| +(?== )", "", text) for text in mine[first:]]
    released = "--- SIGCONT ---"  # of the release: it may come before the call is made again, later, or after the end
    assert seen.count(released) <= 2 and "si_code=SI_KERNEL" in "".join(mine), mine
    once = [text for index, text in enumerate(seen) if text != released or released not in seen[:index]]
    assert once[:5] == [f"{call}= ? ERESTARTNOINTR (To be restarted)", "--- SIGSTOP ---", "--- stopped by SIGSTOP ---", released,
                        f"{call}= 3"], mine
    assert [text.split("(")[0] for text in once[5:-1]] == ["write", "read", "write", "close", "exit_group"], mine


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
    test_a_filter_sees_restart_syscall_by_siblings_in_poll_nanosleep_and_timed_futex_only,
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
