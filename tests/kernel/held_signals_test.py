# SPDX-License-Identifier: Apache-2.0
"""Signals to held programs: what ends them ends the hold, what they handle they handle, and nothing lets them go on."""
import os
import pathlib
import select
import signal
import subprocess
import time

from held import (ACTOR, CGROUP, LIMIT, Lines, OTHER, SECRET, Terminal, finish, held, leaves, parked, process_state, run_cases,
                  waiting, wait_until)

HANDLES_TERM = """
import signal, sys
def handler(number, frame):
    print("handler", flush=True)
signal.signal(signal.SIGTERM, handler)
try:
    open(sys.argv[1])
except PermissionError as error:
    print("errno", error.errno, flush=True)
"""


def cancelled(daemon, request):
    wait_until("the request is cancelled", lambda: daemon.request(request)["state"] == "cancelled")


def test_timeout_ends_its_command_in_time(daemon):
    start = time.monotonic()
    process = daemon.spawn("timeout", "2", "cat", SECRET)
    request = daemon.wait_request()
    assert finish(process) == (124, "")
    assert time.monotonic() - start < 4
    cancelled(daemon, request)
    assert "SIGTERM" in daemon.request(request)["outcome"]


def test_control_c_on_a_terminal(daemon):
    terminal = Terminal(daemon, "cat", SECRET)
    request = held(daemon)
    terminal.write("\x03")
    assert terminal.process.wait(LIMIT) == -signal.SIGINT
    terminal.close()
    cancelled(daemon, request)


def test_a_handler_of_sigterm_runs_and_the_call_fails(daemon):
    process = daemon.spawn("python3", "-c", HANDLES_TERM, SECRET)
    request = held(daemon)
    process.terminate()
    status, output = finish(process)
    assert status == 0 and sorted(output.splitlines()) == ["errno 1", "handler"], (status, output)
    cancelled(daemon, request)


def test_a_sigterm_that_the_thread_blocks_changes_nothing(daemon):
    process = daemon.spawn(ACTOR, "block", "TERM", "+", "cat", SECRET)
    request = held(daemon)
    process.terminate()
    wait_until("the signal pends", lambda: "ShdPnd:\t0000000000004000" in pathlib.Path(f"/proc/{process.pid}/status").read_text())
    daemon.approve(request)
    assert finish(process) == (0, "cat ok 0\ncontent\n")


def test_sigkill_leaves_nothing_behind(daemon):
    process = daemon.spawn("cat", SECRET, session="killed")
    request = held(daemon)
    process.kill()
    assert process.wait(LIMIT) == -signal.SIGKILL
    cancelled(daemon, request)
    wait_until("the leaf is gone", lambda: not leaves())
    (CGROUP / "coder-killed").rmdir()  # fails while anything is in it or below it


def test_every_thread_of_a_killed_process_leaves_its_leaf(daemon):
    process = daemon.spawn(ACTOR, "threads", 5, SECRET, session="killed-threads")
    request = held(daemon, 5)
    process.kill()
    assert process.wait(LIMIT) == -signal.SIGKILL
    cancelled(daemon, request)
    wait_until("the leaves are gone", lambda: not leaves())
    (CGROUP / "coder-killed-threads").rmdir()


def test_continuing_it_without_end_does_not_help(daemon):
    process = daemon.spawn(ACTOR, "gate", "+", "cat", SECRET, stdin=subprocess.PIPE)
    flood = daemon.spawn(ACTOR, "flood", process.pid)
    process.stdin.write(b"x")
    process.stdin.flush()
    request = held(daemon)
    assert [hold["state"] for hold in request["holds"]] == ["held"], request
    assert process.poll() is None and not select.select([process.stdout], [], [], 0)[0]  # nothing read, nothing said
    daemon.approve(request)
    assert finish(process) == (0, "cat ok 0\ncontent\n")
    assert len(daemon.request(request)["holds"]) == 1
    flood.kill()
    flood.wait(LIMIT)


def test_a_handled_signal_is_handled_and_the_call_is_held_again(daemon):
    process = daemon.spawn(ACTOR, "catch", "USR1", "+", "cat", SECRET)
    lines = Lines(process)
    request = held(daemon)
    again = daemon.counters()["held_again"]
    for count in (1, 2):
        os.kill(process.pid, signal.SIGUSR1)
        lines.wait(f"(caught ok 10\n){{{count}}}")
        wait_until("it is held again", lambda: daemon.counters()["held_again"] >= again + count)
        parked(waiting(request)[0])
    assert [r["id"] for r in daemon.requests("open")] == [request["id"]]
    assert len(daemon.request(request)["holds"]) == 1
    daemon.approve(request)
    assert lines.finish() == 0 and lines.text == "caught ok 10\ncaught ok 10\ncat ok 0\ncontent\n", lines.text


def test_a_timer_ticks_on_during_the_hold(daemon):
    process = daemon.spawn(ACTOR, "catch", "ALRM", "+", "tick", 100, "+", "open", "read", SECRET, "+", "tick", 0, "+", "say", "end")
    lines = Lines(process)
    request = daemon.wait_request()
    lines.wait("(caught ok 14\n){5}")
    daemon.approve(request)
    assert lines.finish() == 0 and "open ok 0\n" in lines.text and "open E" not in lines.text, lines.text
    assert len(daemon.request(request)["holds"]) == 1


def test_a_timer_of_a_millisecond_thaws_it_again_and_again_and_an_approval_completes_the_call_once(daemon):
    process = daemon.spawn(ACTOR, "catch", "ALRM", "+", "tick", 1, "+", "open", "read", SECRET, "+", "tick", 0, "+", "say", "end")
    lines = Lines(process)
    request = daemon.wait_request()
    before = daemon.counters()
    lines.wait("(caught ok 14\n){30}")
    wait_until("it was held again each time", lambda: daemon.counters()["held_again"] >= before["held_again"] + 30)
    assert "open" not in lines.text and [r["id"] for r in daemon.requests("open")] == [request["id"]], lines.text
    assert len(waiting(daemon.request(request))) == 1
    daemon.approve(request)
    assert lines.finish() == 0, lines.text
    assert lines.text.replace("caught ok 14\n", "") == "open ok 0\nend\n", lines.text
    assert daemon.counters()["released"] == before["released"] + 1
    assert len(daemon.request(request)["holds"]) == 1


def test_a_child_that_dies_meanwhile_is_told(daemon):
    process = daemon.spawn(ACTOR, "catch", "CHLD", "+", "offspring", "+", "cat", SECRET)
    lines = Lines(process)
    request = held(daemon)
    os.kill(int(lines.wait(r"offspring ok (\d+)").group(1)), signal.SIGKILL)
    lines.wait("caught ok 17")
    assert [r["id"] for r in daemon.requests("open")] == [request["id"]]
    daemon.approve(request)
    assert lines.finish() == 0 and lines.text.endswith("cat ok 0\ncontent\n"), lines.text


def test_a_handler_of_sigcont_sees_the_continuation(daemon):
    process = daemon.spawn(ACTOR, "catch", "CONT", "+", "cat", SECRET)
    daemon.approve(held(daemon))
    status, output = finish(process)
    # Continued when it is parked, which it hears of when it runs again, and once more when it is released: before the call's end and
    # after, or both as one.
    rest = output.replace("caught ok 18\n", "")
    assert status == 0 and rest == "cat ok 0\ncontent\n" and output.startswith("caught ok 18\n"), output
    assert output.count("caught ok 18\n") <= 2, output


def test_other_threads_see_both_continuations_of_each_stop_at_once(daemon):
    """In a handler, and in a signalfd that another thread reads. It is stopped a second time when it is held again."""
    for seen, steps, end in (("caught ok 18\n", ("catch", "CONT", "+", "catch", "USR1", "+", "threads", "1", SECRET), "open ok 0\n"),
                             ("signalfd ok 18\n", ("signalfd", "CONT", "+", "reader", "+", "catch", "USR1", "+", "cat", SECRET),
                              "cat ok 0\ncontent\n")):
        process = daemon.spawn(ACTOR, *steps)
        lines = Lines(process)
        request = held(daemon)
        lines.wait(seen)  # though the held thread has not run
        again = daemon.counters()["held_again"]
        os.kill(process.pid, signal.SIGUSR1)
        wait_until("it is held again", lambda before=again: daemon.counters()["held_again"] > before)
        parked(waiting(request)[0])
        daemon.approve(request)
        assert lines.finish() == 0 and lines.text.replace(seen, "") == "caught ok 10\n" + end, lines.text
        assert 2 <= lines.text.count(seen) <= 4, lines.text  # those that come close together are one


def test_a_signalfd_of_the_held_thread_has_one_sigcont_at_the_end(daemon):
    process = daemon.spawn(ACTOR, "signalfd", "CONT", "+", "cat", SECRET, "+", "signals")
    daemon.approve(held(daemon))
    assert finish(process) == (0, "cat ok 0\ncontent\nsignalfd ok 18\n")


def test_a_stop_signal_to_one_held_thread_stops_all_until_the_user_continues(daemon):
    process = daemon.spawn(ACTOR, "two", SECRET, OTHER, start_new_session=True)
    requests = daemon.wait_request(2)
    for request in requests:
        parked(waiting(request)[0])
    os.kill(process.pid, signal.SIGSTOP)
    for request in requests:
        daemon.approve(request)
    wait_until("the leaves are gone", lambda: not leaves())
    wait_until("it is stopped", lambda: process_state(process.pid) == "T")
    os.kill(process.pid, signal.SIGCONT)
    status, output = finish(process)
    assert status == 0 and sorted(output.splitlines()) == ["first ok 0", "second ok 0"], output


run_cases("signals", [
    test_timeout_ends_its_command_in_time,
    test_control_c_on_a_terminal,
    test_a_handler_of_sigterm_runs_and_the_call_fails,
    test_a_sigterm_that_the_thread_blocks_changes_nothing,
    test_sigkill_leaves_nothing_behind,
    test_every_thread_of_a_killed_process_leaves_its_leaf,
    test_continuing_it_without_end_does_not_help,
    test_a_handled_signal_is_handled_and_the_call_is_held_again,
    test_a_timer_ticks_on_during_the_hold,
    test_a_timer_of_a_millisecond_thaws_it_again_and_again_and_an_approval_completes_the_call_once,
    test_a_child_that_dies_meanwhile_is_told,
    test_a_handler_of_sigcont_sees_the_continuation,
    test_other_threads_see_both_continuations_of_each_stop_at_once,
    test_a_signalfd_of_the_held_thread_has_one_sigcont_at_the_end,
    test_a_stop_signal_to_one_held_thread_stops_all_until_the_user_continues,
])
