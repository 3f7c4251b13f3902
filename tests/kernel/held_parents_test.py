# SPDX-License-Identifier: Apache-2.0
"""Held children of programs that watch their children: shells, sudo, su, tmux, make, and parents that die."""
import os
import signal
import subprocess

from held import (ACTOR, LIMIT, Lines, SECRET, SHOWN, TMP, Terminal, finish, held, leaf_of, parked, process_state, run_cases,
                  waiting, wait_until)

STOPS_ITSELF = 'cat "$0" & read go; kill -STOP $$; echo goes on; wait $!; echo status $?'


def test_a_child_of_a_shell_without_job_control(daemon):
    process = daemon.spawn("bash", "-c", f"cat {SECRET}; echo status $?")
    daemon.approve(held(daemon))
    assert finish(process) == (0, "content\nstatus 0\n")


def test_a_shell_with_job_control_is_refused_once_and_its_retry_passes_without_a_second_question(daemon):
    shell = Terminal(daemon, "bash", "--norc", "-i")
    shell.write(f"cat {SECRET}; echo status $?\n")
    shell.wait("Operation not permitted")
    shell.wait("status 1")
    request = daemon.wait_request()
    assert [hold["state"] for hold in request["holds"]] == ["refused"], request
    daemon.approve(request)
    shell.write(f"cat {SECRET}; echo status $?\n")
    shell.wait("content")
    shell.wait("status 0")
    assert not daemon.requests("open")
    shell.write("exit\n")
    shell.process.wait(LIMIT)
    shell.close()


def test_a_grandchild_of_a_shell_with_job_control_is_held_and_the_shell_is_silent(daemon):
    shell = Terminal(daemon, "bash", "--norc", "-i")
    shell.write(f"sh -c 'cat {SECRET}; true'; echo status $?\n")
    daemon.approve(held(daemon))
    shell.wait("content")
    shell.wait("status 0")
    assert "Stopped" not in shell.text
    shell.write("exit\n")
    shell.process.wait(LIMIT)
    shell.close()


def test_with_hold_suspend_a_shell_with_job_control_takes_its_job_for_stopped(daemon):
    shell = Terminal(daemon, "bash", "--norc", "-i")
    shell.write(f"cat {SHOWN}; echo status $?\n")
    request = held(daemon)
    shell.wait("Stopped")
    shell.wait(f"status {128 + signal.SIGSTOP}")
    daemon.approve(request)
    shell.wait("content")  # it ends in the background
    shell.write("wait; exit\n")
    shell.process.wait(LIMIT)
    shell.close()


def test_a_tmux_pane_whose_server_continues_stopped_children(daemon):
    out = TMP / "pane"
    environment = {**os.environ, "TERM": "xterm", "HOME": str(TMP), "TMUX_TMPDIR": str(TMP)}
    daemon.run("tmux", "-f", "/dev/null", "new-session", "-d", f"cat {SECRET} > {out}; echo status $? >> {out}", env=environment,
               stdout=None, stderr=None)
    daemon.approve(held(daemon))
    wait_until("the pane is done", lambda: out.exists() and out.read_text() == "content\nstatus 0\n")


def test_sudo(daemon):
    process = daemon.spawn("sudo", "-n", "cat", SECRET, start_new_session=True)
    daemon.approve(held(daemon))
    assert finish(process) == (0, "content\n")


def test_sudo_on_a_terminal(daemon):
    for file in (SECRET, SHOWN):
        terminal = Terminal(daemon, "bash", "-c", f"sudo -n cat {file}; echo status $?")
        daemon.approve(held(daemon))
        terminal.wait("content")
        terminal.wait("status 0")
        terminal.process.wait(LIMIT)
        terminal.close()


def test_sudo_under_a_shell_with_job_control_is_refused_once(daemon):
    """sudo stops itself when its command stops, and that the shell would see."""
    terminal = Terminal(daemon, "bash", "--norc", "-i")
    terminal.wait(r"\$ ")
    terminal.write(f"sudo -n cat {SECRET}; echo sta''tus $?\n")
    terminal.wait("Operation not permitted")
    terminal.wait("status 1")
    daemon.approve(daemon.wait_request())
    terminal.write(f"sudo -n cat {SECRET}; echo sta''tus $?; jobs; exit\n")
    terminal.wait("content")
    assert "Stopped" not in terminal.wait(r"(?s)status 0(.*)exit").group(1), "no job is left"
    terminal.process.wait(LIMIT)
    terminal.close()


def test_a_shell_with_job_control_sees_su_stop_with_its_command(daemon):
    """The held command is su's child, in su's own process group; su stops itself and is continued in the background."""
    terminal = Terminal(daemon, "bash", "--norc", "-i")
    terminal.wait(r"\$ ")
    terminal.write(f"su -c 'cat {SECRET}'; echo sta''tus $?\n")
    request = held(daemon)
    terminal.wait("Stopped")
    daemon.approve(request)
    terminal.wait("content")
    terminal.write("exit\n")
    terminal.process.wait(LIMIT)
    terminal.close()


def test_su(daemon):
    process = daemon.spawn("su", "-c", f"cat {SECRET}", start_new_session=True)
    daemon.approve(held(daemon))
    assert finish(process) == (0, "content\n")


def test_a_process_that_stops_itself_while_a_descendant_is_held_is_continued_and_nobody_else_is(daemon):
    """On purpose or as `sudo` does, the daemon cannot tell. By SIGSTOP, and by an ancestor's own hand only."""
    process = daemon.spawn("bash", "-c", STOPS_ITSELF, SECRET, stdin=subprocess.PIPE)
    lines = Lines(process)
    request = held(daemon)
    bystander = daemon.spawn("sh", "-c", "kill -STOP $$; echo goes on")
    wait_until("the bystander is stopped", lambda: process_state(bystander.pid) == "T")
    process.stdin.write(b"go\n")
    process.stdin.flush()
    lines.wait("goes on")
    assert len(waiting(daemon.request(request))) == 1, "its descendant is held as before"
    os.kill(process.pid, signal.SIGSTOP)  # by somebody else
    wait_until("it is stopped", lambda: process_state(process.pid) == "T")
    daemon.approve(request)
    # The use of the verdict is told behind all these stops.
    wait_until("the descendant goes on", lambda: not waiting(daemon.request(request)))
    assert process_state(process.pid) == process_state(bystander.pid) == "T"
    for stopped in (process, bystander):
        os.kill(stopped.pid, signal.SIGCONT)
    assert lines.finish() == 0 and lines.text == "goes on\ncontent\nstatus 0\n", lines.text
    assert finish(bystander) == (0, "goes on\n")


def test_a_parallel_make_is_one_request(daemon):
    directory = TMP / "make"
    directory.mkdir(exist_ok=True)
    (directory / "Makefile").write_text(f"all: 1 2 3 4 5 6 7 8\n1 2 3 4 5 6 7 8:\n\t@cat {SECRET} > out.$@\n")
    process = daemon.spawn("make", "-j8", "-C", directory, "--no-print-directory")
    daemon.approve(held(daemon, 8))
    assert finish(process) == (0, "")
    assert all((directory / f"out.{i}").read_text() == "content\n" for i in range(1, 9))


def test_a_parent_in_waitpid_sees_at_most_the_stop_before_the_parking(daemon):
    process = daemon.spawn(ACTOR, "watch", SECRET)
    lines = Lines(process)
    request = held(daemon)
    daemon.approve(request)
    assert lines.finish() == 0
    seen = [line.split()[0] for line in lines.text.splitlines()]
    assert seen[0] == "watch" and seen[-1] == "ended" and seen.count("open") == 1, lines.text
    # How far the parent gets between stop and continuation is a race of its own; each of them at most once.
    assert seen.count("stopped") <= 1 and seen.count("continued") <= 1, lines.text
    assert lines.text.count("open ok 0") == 1


def test_a_handler_of_sigchld_is_told_of_each_stop_unless_it_does_not_want_stops(daemon):
    """Its child is stopped a second time when it is held again."""
    told = {}
    for wanted in ("all", "ends"):
        lines = Lines(daemon.spawn(ACTOR, "told", wanted, SECRET))
        request = held(daemon)
        again = daemon.counters()["held_again"]
        os.kill(waiting(request)[0]["process"], signal.SIGUSR1)
        wait_until("it is held again", lambda before=again: daemon.counters()["held_again"] > before)
        parked(waiting(request)[0])
        daemon.approve(request)
        assert lines.finish() == 0 and "open ok 0" in lines.text, lines.text
        told[wanted] = [int(line.split()[-1]) for line in lines.text.splitlines() if line.startswith("told")]
    assert told["ends"] == [os.CLD_EXITED], told
    assert told["all"].count(os.CLD_STOPPED) == 2 and told["all"][-1] == os.CLD_EXITED, told
    # A second signal of a kind that pends already is none: a continuation may be lost behind its stop.
    assert told["all"].count(os.CLD_CONTINUED) <= 2, told


def test_a_child_survives_its_parent(daemon):
    process = daemon.spawn(ACTOR, "apart", SECRET, start_new_session=True)
    request = held(daemon)
    process.kill()
    process.wait(LIMIT)
    hold = waiting(daemon.request(request))[0]
    parked(hold)
    daemon.approve(request)
    output = process.stdout.read().decode()  # until the child, who has the other end, is gone too
    assert "open ok 0" in output, output


def test_a_stop_of_the_user_outlasts_the_approval(daemon):
    process = daemon.spawn(ACTOR, "apart", SECRET, start_new_session=True)
    lines = Lines(process)
    request = held(daemon)
    child = waiting(request)[0]["process"]
    os.kill(child, signal.SIGTSTP)
    daemon.approve(request)
    wait_until("the child is stopped", lambda: process_state(child) == "T")
    wait_until("its leaf is gone", lambda: "holdpoint-hold" not in open(f"/proc/{child}/cgroup").read())
    assert process_state(child) == "T" and "open" not in lines.text
    os.kill(child, signal.SIGCONT)
    assert lines.finish() == 0 and "open ok 0" in lines.text, lines.text


def test_a_stop_of_the_user_before_the_daemon_has_heard_of_the_hold_outlasts_the_approval(daemon):
    with daemon.stopped():
        process = daemon.spawn(ACTOR, "apart", SECRET, start_new_session=True)
        lines = Lines(process)
        child = int(lines.wait(r"apart ok (\d+)").group(1))
        wait_until("the hold has stopped it", lambda: process_state(child) == "T")
        os.kill(child, signal.SIGTSTP)
    request = daemon.wait_request()
    wait_until("it is parked", lambda: leaf_of(child))
    daemon.approve(request)
    wait_until("its leaf is gone", lambda: not leaf_of(child))
    assert process_state(child) == "T" and "open" not in lines.text
    os.kill(child, signal.SIGCONT)
    assert lines.finish() == 0 and "open ok 0" in lines.text, lines.text


run_cases("parents", [
    test_a_child_of_a_shell_without_job_control,
    test_a_shell_with_job_control_is_refused_once_and_its_retry_passes_without_a_second_question,
    test_a_grandchild_of_a_shell_with_job_control_is_held_and_the_shell_is_silent,
    test_with_hold_suspend_a_shell_with_job_control_takes_its_job_for_stopped,
    test_a_tmux_pane_whose_server_continues_stopped_children,
    test_sudo,
    test_sudo_on_a_terminal,
    test_sudo_under_a_shell_with_job_control_is_refused_once,
    test_a_shell_with_job_control_sees_su_stop_with_its_command,
    test_su,
    test_a_process_that_stops_itself_while_a_descendant_is_held_is_continued_and_nobody_else_is,
    test_a_parallel_make_is_one_request,
    test_a_parent_in_waitpid_sees_at_most_the_stop_before_the_parking,
    test_a_handler_of_sigchld_is_told_of_each_stop_unless_it_does_not_want_stops,
    test_a_child_survives_its_parent,
    test_a_stop_of_the_user_outlasts_the_approval,
    test_a_stop_of_the_user_before_the_daemon_has_heard_of_the_hold_outlasts_the_approval,
])
