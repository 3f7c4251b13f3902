# SPDX-License-Identifier: Apache-2.0
"""What was approved is what runs: argv as the new program has it, and the files that an interpreter reads.

To reach into the time between release and open, bash is made to read a FIFO first (BASH_ENV): it waits there until the test
writes to it."""
import mmap
import os
import subprocess

from harness import ACTOR, LIMIT, TMP, Daemon, finish, main, wait_until
from held import parked, waiting

WORK = TMP / "work"
SCRIPTS = TMP / "scripts"  # no rule names these: only their interpreter is asked about
TOOL = TMP / "tool"
RULES = f"""
  - id: interpreters
    on: [exec]
    path: ["/usr/bin/bash", "/usr/bin/python3*", "{WORK}/**", "{TOOL}"]
    verdict: ask
    reason: Runs what its arguments name
    timeout: 10m
  - id: secrets
    on: [read]
    path: ["{WORK}/read-*/**"]
    verdict: ask
    reason: A secret of the test
    timeout: 10m
"""
GOOD = "echo good\n"
EVIL = "echo evil\n"
SCRIPT, EVIL_SCRIPT = "#!/bin/bash\n" + GOOD, "#!/bin/bash\n" + EVIL


class Case:
    """A directory with a script, a bash that is asked about, and the gate that it waits at after its release."""

    def __init__(self, name, command="bash x.sh", text=GOOD, evil=EVIL, where=WORK):
        self.directory = where / name
        self.directory.mkdir(parents=True)
        self.script = self.directory / "x.sh"
        self.evil = evil
        self.put(self.script, text)
        self.gate = self.directory / "gate"
        os.mkfifo(self.gate)
        self.name, self.command = name, command

    @staticmethod
    def put(path, content):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(0o755)

    def start(self, gated=True):
        environment = dict(os.environ, **({"BASH_ENV": str(self.gate)} if gated else {}))
        self.process = daemon.spawn("sh", "-c", "exec " + self.command, session=self.name, cwd=self.directory, env=environment)
        return self.asked()

    def start_as(self, program, name):
        """A script, under a name of the caller's choice."""
        self.process = daemon.spawn(ACTOR, "execas", program, name, session=self.name, cwd=self.directory)

    def asked(self):
        return wait_until("a request", lambda: [
            r for r in daemon.requests("open") if r["session_detail"]["cgroup"].endswith(f"/coder-{self.name}")])[0]

    def wait_until_it_runs(self):
        """Until then the kernel lets nobody write to a script that is being executed."""
        wait_until("the program has begun", lambda: open(f"/proc/{self.process.pid}/comm").read() != "sh\n")

    def open_gate(self):
        """Returns when the program has passed the gate."""
        with open(self.gate, "w") as out:
            out.write(":\n")

    def end(self):
        return finish(self.process)


def by_write(case):
    case.put(case.script, case.evil)


def by_rename(case):
    case.put(case.directory / "new", case.evil)
    (case.directory / "new").rename(case.script)


def by_link(case):
    case.put(case.directory / "evil", case.evil)
    link = case.directory / "link.new"
    link.symlink_to("evil")
    link.rename(case.directory / "link.sh")


def refused_because_changed(request):
    status, body = daemon.call("POST", f"/v1/requests/{request['id']}/decision", {"decision": "approve", "scope": "once"})
    assert status == 409 and "asked again" in str(body), (status, body)
    assert daemon.request(request)["state"] == "superseded", daemon.request(request)


def test_an_unchanged_script_runs_with_one_question_and_as_standard_input_it_is_said_not_to_be_bound():
    case = Case("input", "bash < x.sh")
    assert "its standard input is a file" in str(case.start(gated=False)["access"]["warnings"])
    case.process.kill()
    case = Case("same")
    request = case.start()
    assert [b["path"] for b in request["access"]["bound"]] == [str(case.script)] and GOOD.strip() in request["access"]["bound"][0]["first_lines"]
    daemon.approve(request)
    case.open_gate()
    assert case.end() == (0, "good\n")


def test_a_script_changed_during_the_hold_is_asked_about_again():
    for how, command in ((by_write, "bash x.sh"), (by_rename, "bash x.sh"), (by_link, "bash link.sh")):
        case = Case("held-" + how.__name__, command)
        (case.directory / "link.sh").symlink_to("x.sh")
        first = case.start(gated=False)
        how(case)
        refused_because_changed(first)
        assert case.process.poll() is None
        second = case.asked()
        assert second["id"] != first["id"]
        assert EVIL.strip() in second["access"]["bound"][0]["first_lines"], second["access"]["bound"]
        daemon.deny(second)
        status, output = case.end()
        assert status != 0 and "evil" not in output and "good" not in output, (status, output)


def swapped_during_the_hold(name, command, how, good, evil, where=WORK):
    """The case with its request, the thread out of its call (until then nobody may write to a program), after the swap."""
    case = Case(f"{name}-{how.__name__}", command.format("link.sh" if how is by_link else "x.sh"), good, evil, where)
    (case.directory / "link.sh").symlink_to("x.sh")
    request = case.start(gated=False)
    parked(waiting(request)[0])
    how(case)
    return case, request


def asked_again(case, first):
    second = case.asked()
    assert second["id"] != first["id"] and case.process.poll() is None, (first, second)
    daemon.deny(second)
    status, output = case.end()
    assert status != 0 and "evil" not in output and "good" not in output, (status, output)
    assert len([r for r in daemon.requests() if r["session"] == first["session"]]) == 2


def test_a_binary_swapped_during_the_hold_is_asked_about_again():
    good, evil = (open(f"/usr/bin/{name}", "rb").read() for name in ("basename", "dirname"))  # which print good, evil
    case = Case("during-nothing", "./x.sh evil/good", good, evil)
    daemon.approve(case.start(gated=False))
    assert case.end() == (0, "good\n")
    for how in (by_write, by_rename, by_link):
        case, first = swapped_during_the_hold("during-binary", "./{} evil/good", how, good, evil)
        daemon.approve(first)  # it counts for what was shown
        asked_again(case, first)


def test_a_script_executed_by_name_that_is_swapped_during_the_hold_is_asked_about_again():
    """Each time with what would run; nothing of it runs before. Also where a rule asks about the interpreter only."""
    for how, where in [(how, where) for how in (by_write, by_rename, by_link) for where in (WORK, SCRIPTS)]:
        case, first = swapped_during_the_hold(f"during-{where.name}", "./{}", how, SCRIPT, EVIL_SCRIPT, where)
        status, body = daemon.call("POST", f"/v1/requests/{first['id']}/decision", {"decision": "approve", "scope": "once"})
        if how is by_link:  # the file that was shown is what it was: the approval counts for it, and it is not what would run
            assert status == 200, body
        else:
            assert status == 409 and "asked again" in str(body), (status, body)
            wait_until("it is asked about anew", lambda first=first: daemon.request(first)["state"] == "cancelled")
        second = case.asked()
        assert second["id"] != first["id"] and case.process.poll() is None, (first, second)
        assert EVIL.strip() in second["access"]["bound"][0]["first_lines"], second["access"]["bound"]
        (daemon.approve if how is by_link else daemon.deny)(second)
        status, output = case.end()
        assert (status, output) == (0, "evil\n") if how is by_link else status != 0 and output.endswith("not permitted\n"), output
        assert len([r for r in daemon.requests() if r["session"] == first["session"]]) == 2


def test_a_secret_that_becomes_another_file_during_the_hold_is_asked_about_again():
    for how in (by_rename, by_link):
        case, first = swapped_during_the_hold("read", "cat {}", how, "good\n", "evil\n")
        daemon.approve(first)
        asked_again(case, first)


def test_an_approved_read_is_of_the_file_whatever_is_written_to_it_meanwhile():
    case, first = swapped_during_the_hold("read", "cat {}", by_write, "good\n", "evil\n")
    daemon.approve(first)
    assert case.end() == (0, "evil\n")


def changed_after_release(name, command, how, text=GOOD, where=WORK):
    case = Case(name, command, text, where=where)
    (case.directory / "link.sh").symlink_to("x.sh")
    daemon.approve(case.start())
    case.wait_until_it_runs()
    how(case)
    case.open_gate()
    second = case.asked()
    assert second["access"]["operation"] == "read", second
    assert any("content changed" in warning for warning in second["access"]["warnings"]), second
    return case, second


def test_a_script_changed_after_the_release_is_asked_about_when_it_is_opened():
    for how, command in ((by_write, "bash x.sh"), (by_rename, "bash x.sh"), (by_link, "bash link.sh"),
                         (by_rename, "bash ../{0}/x.sh"), (by_link, "env bash link.sh")):
        name = f"released-{how.__name__}-{len(command)}"
        if command.startswith("env"):
            # env is allowed, bash is asked about; what env was to read is nothing, so only bash's release binds.
            name = "released-env"
        case, second = changed_after_release(name, command.format(name), how)
        daemon.deny(second)
        status, output = case.end()
        assert status != 0 and "evil" not in output, (status, output)


def test_a_directory_exchanged_after_the_release_is_asked_about():
    def exchange(case):
        away = WORK / "exchange-away"
        (case.directory / "sub").rename(away)
        (case.directory / "sub").mkdir()
        (case.directory / "sub" / "x.sh").write_text(EVIL)

    case = Case("exchange", "bash sub/x.sh")
    (case.directory / "sub").mkdir()
    (case.directory / "sub" / "x.sh").write_text(GOOD)
    daemon.approve(case.start())
    exchange(case)
    case.open_gate()
    daemon.deny(case.asked())
    assert "evil" not in case.end()[1]


def test_a_script_that_somebody_can_write_while_it_is_opened_is_asked_about():
    case = Case("mapped")
    daemon.approve(case.start())
    with open(case.script, "r+b") as file, mmap.mmap(file.fileno(), 0) as shared:
        case.open_gate()
        daemon.deny(case.asked())
        case.process.wait(LIMIT)
        assert shared[:]  # mapped until here
    assert "evil" not in case.end()[1]


def test_a_changed_script_that_is_approved_runs():
    case, second = changed_after_release("approved", "bash x.sh", by_rename)
    daemon.approve(second)
    assert case.end() == (0, "evil\n")


def test_a_script_executed_by_name_is_bound_as_well():
    for how, command, where in ((by_write, "./x.sh", WORK), (by_rename, "./x.sh", WORK), (by_link, "./link.sh", WORK),
                                (by_rename, "./x.sh", SCRIPTS), (by_link, "./link.sh", SCRIPTS)):
        case, second = changed_after_release(f"{where.name}-{how.__name__}", command, how, SCRIPT, where)
        daemon.deny(second)
        assert "evil" not in case.end()[1]


def test_the_question_about_an_interpreter_shows_the_script_that_it_would_run():
    case = Case("evil-name", text=SCRIPT, where=SCRIPTS)
    evil = case.directory / "evil.sh"
    case.put(evil, EVIL_SCRIPT)
    case.start_as("./evil.sh", "./x.sh")
    request = case.asked()
    access, (bound,) = request["access"], request["access"]["bound"]
    assert access["object"] == f"/usr/bin/bash running {evil}" and access["argv"] == ["./x.sh"], access
    assert bound["path"] == str(evil) and EVIL.strip() in bound["first_lines"] and not access["warnings"], access
    daemon.deny(request)
    assert case.end() == (0, "exec EPERM\nchild ok 0\n")


def test_a_grant_for_an_interpreter_covers_neither_another_script_nor_a_rewritten_one():
    case = Case("granted", text=SCRIPT, evil=EVIL_SCRIPT, where=SCRIPTS)
    case.put(case.directory / "evil.sh", EVIL_SCRIPT)
    case.start_as("./x.sh", "argv0")
    daemon.approve(case.asked(), scope="session")
    assert case.end() == (0, "good\nchild ok 0\n")
    case.start_as("./x.sh", "argv0")  # no question
    assert case.end()[1] == "good\nchild ok 0\n"
    by_write(case)
    for program in ("./evil.sh", "./x.sh"):
        case.start_as(program, "argv0")
        other = case.asked()
        assert EVIL.strip() in other["access"]["bound"][0]["first_lines"], other
        daemon.deny(other)
        assert case.end() == (0, "exec EPERM\nchild ok 0\n")


def test_a_script_that_is_the_interpreter_of_another_is_bound_with_one_question():
    for number, change in enumerate((lambda case: None, by_rename)):
        case = Case(f"chain-{number}", "./first", SCRIPT, where=SCRIPTS)
        first = case.directory / "first"
        case.put(first, f"#!{case.script} with option\n")
        request = case.start()
        assert request["access"]["object"] == f"/usr/bin/bash running {first}", request
        assert [b["path"] for b in request["access"]["bound"]] == [str(first), str(case.script)], request
        daemon.approve(request)
        case.wait_until_it_runs()
        change(case)
        case.open_gate()
        if change is by_rename:
            daemon.deny(case.asked())
        status, output = case.end()
        assert "evil" not in output and (status != 0 if change is by_rename else output == "good\n"), (status, output)
        assert len([r for r in daemon.requests() if r["session"] == request["session"]]) == 1 + number


def test_a_program_may_change_its_own_arguments():
    case = Case("own", "bash x.sh data", "echo new > data; read line < data; echo $line\n")
    (case.directory / "data").write_text("old\n")
    daemon.approve(case.start(gated=False))
    assert case.end() == (0, "new\n")


def test_pythons_script_is_bound():
    case = Case("python", "python3 x.sh", "print('good')\n", "print('evil')\n")
    (case.directory / "sitecustomize.py").write_text(f"open({str(case.gate)!r}).read()\n")
    environment = dict(os.environ, PYTHONPATH=str(case.directory))
    case.process = daemon.spawn("sh", "-c", "exec python3 x.sh", session="python", cwd=case.directory, env=environment)
    daemon.approve(case.asked())
    by_rename(case)
    case.open_gate()
    daemon.deny(case.asked())
    assert "evil" not in case.end()[1]


def tamper(session, shown, ran, *more):
    """A CLONE_VM sibling exchanges what was approved and puts it back once the kernel has copied it."""
    process = daemon.spawn(ACTOR, "tamper", TOOL, shown, ran, *more, session=session, stdin=subprocess.PIPE, cwd=TMP)
    assert process.stdout.readline() == b"watching ok 0\n"
    request = wait_until("a request", lambda: [r for r in daemon.requests("open") if r["access"]["object"] == str(TOOL)])[0]
    process.stdin.write(b"go\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"armed ok 0\n"
    daemon.approve(request)
    status, output = finish(process)
    assert "child ok 1009" in output, (status, output)
    assert not (TMP / "first").exists()
    record = daemon.wait_record("tampered", lambda r: f"coder-{session}" in str(r) or str(TOOL) in str(r))
    assert str(TOOL) in str(record), record
    return request


def test_argv_changed_between_approval_and_restart_is_killed_before_its_first_instruction():
    ran = TMP / "ran"
    request = tamper("tamper", "shown", ran)
    assert request["access"]["argv"][-1] == "shown", request
    assert not ran.exists()
    assert daemon.counters()["tampered"] == 1


def test_an_environment_changed_between_approval_and_restart_is_killed_before_its_first_instruction():
    request = tamper("tamper-environment", "BASH_ENV=/shown", "BASH_ENV=/other", "environment")
    assert request["access"]["environment"] == ["BASH_ENV=/shown"], request
    assert daemon.counters()["tampered"] == 2


def test_the_variables_that_change_a_program_are_shown_and_part_of_what_is_approved():
    plain = {"PATH": "/usr/bin:/bin", "HOME": "/", "LONG": "x" * 300 + "LD_PRELOAD=no"}
    library = {**plain, "LD_PRELOAD": "/tmp/none.so"}
    command = ("sh", "-c", f"cd {TMP} && exec {TOOL} made")
    process = daemon.spawn(*command, session="environment", env=library)
    request = daemon.wait_request()
    assert request["access"]["environment"] == ["PATH=/usr/bin:/bin", "LD_PRELOAD=/tmp/none.so"], request["access"]
    assert any("LD_PRELOAD" in warning for warning in request["access"]["warnings"]), request["access"]
    daemon.approve(request, scope="session")
    assert finish(process)[0] == 0 and (TMP / "made").exists()
    status, output = daemon.run(*command, session="environment", env=library)
    assert status == 0, output
    process = daemon.spawn(*command, session="environment", env=plain)
    other = daemon.wait_request()
    assert other["access"]["environment"] == ["PATH=/usr/bin:/bin"], other["access"]
    daemon.deny(other)
    assert finish(process)[0] != 0


TOOL.write_bytes(open("/usr/bin/touch", "rb").read())
TOOL.chmod(0o755)
with Daemon(RULES, name="content") as daemon:
    main([
        test_an_unchanged_script_runs_with_one_question_and_as_standard_input_it_is_said_not_to_be_bound,
        test_a_script_changed_during_the_hold_is_asked_about_again,
        test_a_binary_swapped_during_the_hold_is_asked_about_again,
        test_a_script_executed_by_name_that_is_swapped_during_the_hold_is_asked_about_again,
        test_a_secret_that_becomes_another_file_during_the_hold_is_asked_about_again,
        test_an_approved_read_is_of_the_file_whatever_is_written_to_it_meanwhile,
        test_a_script_changed_after_the_release_is_asked_about_when_it_is_opened,
        test_a_directory_exchanged_after_the_release_is_asked_about,
        test_a_script_that_somebody_can_write_while_it_is_opened_is_asked_about,
        test_a_changed_script_that_is_approved_runs,
        test_a_script_executed_by_name_is_bound_as_well,
        test_the_question_about_an_interpreter_shows_the_script_that_it_would_run,
        test_a_grant_for_an_interpreter_covers_neither_another_script_nor_a_rewritten_one,
        test_a_script_that_is_the_interpreter_of_another_is_bound_with_one_question,
        test_a_program_may_change_its_own_arguments,
        test_pythons_script_is_bound,
        test_argv_changed_between_approval_and_restart_is_killed_before_its_first_instruction,
        test_an_environment_changed_between_approval_and_restart_is_killed_before_its_first_instruction,
        test_the_variables_that_change_a_program_are_shown_and_part_of_what_is_approved,
    ])
