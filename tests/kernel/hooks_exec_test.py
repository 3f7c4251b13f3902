# SPDX-License-Identifier: Apache-2.0
"""Execution of programs: binaries, scripts, descriptors, memory, from every kind of child; one question each, argv to the byte."""
import pathlib
import subprocess

from harness import ACTOR, Daemon, TMP, finish, main, wait_until
from matrix import Form, OUTCOMES, run_matrix

WORK = TMP / "exec"
DAEMON = None
# The caller of execve is the actor's child, and what its handler of SIGTERM sees the actor learns of vfork's only: they share memory.
ALL_BUT_HANDLE = tuple(o for o in OUTCOMES if o != "handle")


def rule(name, on, paths, verdict, more=""):
    listed = ", ".join(f'"{path}"' for path in paths)
    return f"  - {{id: {name}, on: [{on}], path: [{listed}], verdict: {verdict}, reason: A test{more}}}\n"


RULES = "".join([
    rule("refuse-exec", "exec", [f"{WORK}/deny/*", "memfd:deny-*"], "deny"),
    rule("ask-briefly", "exec", [f"{WORK}/expire/*", "memfd:expire-*"], "ask", ", timeout: 2s"),
    rule("ask-exec", "exec", [f"{WORK}/{{approve,refuse,cancel,handle}}/*", "memfd:{approve,refuse,cancel}-*"], "ask"),
    rule("ask-both", "exec, read", [f"{WORK}/echo/*"], "ask"),
    rule("ask-chain", "exec", [f"{WORK}/chain/*"], "ask"),
    rule("ask-later", "exec, read", [f"{WORK}/later/*"], "ask", ", hold: refuse"),
])


def path_of(outcome, name):
    path = WORK / outcome / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def program(path, content=None):
    path.write_bytes(ACTOR.read_bytes() if content is None else content.encode())
    path.chmod(0o755)
    return path


def effect_file(outcome, name):
    return path_of("effect", f"{outcome}-{name}")


def effect_of(name):
    def effect(outcome):
        path = effect_file(outcome, name)
        return path.read_text().count("NEW") if path.exists() else 0
    return effect


def running_form(name, refused, outcomes=ALL_BUT_HANDLE):
    """Executes a copy of the actor that leaves a trace."""
    for outcome in outcomes:
        program(path_of(outcome, name))

    def words(outcome):
        return [name, path_of(outcome, name), "store", "write,create,append", effect_file(outcome, name), "NEW"]

    return Form(name, "exec", words, lambda o: str(path_of(o, name)), effect_of(name), ("store ok 3", "child ok 0"), refused,
                ("child ok 1015", "on"), 0, outcomes)


def memory_form():
    """A program in memory is asked about even where the policy allows it, so it has no outcome `allow`."""
    def words(outcome):
        return ["memfd", f"{outcome}-copy", ACTOR, "store", "write,create,append", effect_file(outcome, "memfd"), "NEW"]

    return Form("memfd", "exec", words, lambda o: f"memfd:{o}-copy", effect_of("memfd"), ("store ok 3", "child ok 0"),
                ("exec EPERM", "child ok 0"), ("child ok 1015", "on"), 0, tuple(o for o in ALL_BUT_HANDLE if o != "allow"))


def script_form():
    for outcome in ALL_BUT_HANDLE:
        program(path_of(outcome, "script"),
                f"#!/bin/sh -e\nprintf NEW >> {effect_file(outcome, 'script')}\nprintf '%s|' \"$@\"\necho\n")
    return Form("script", "exec", lambda o: ["exec", path_of(o, "script"), "two words", "", "$x;`y`"],
                lambda o: str(path_of(o, "script")), effect_of("script"), ("two words||$x;`y`|", "child ok 0"),
                ("exec EPERM", "child ok 0"), ("child ok 1015", "on"), 0, ALL_BUT_HANDLE)


def test_every_kind_of_execution_in_every_outcome():
    run_matrix(DAEMON, [
        running_form("exec", ("exec EPERM", "child ok 0")),
        running_form("execat", ("exec EPERM", "child ok 0")),
        running_form("exec32", ("exec EPERM", "child ok 0")),
        running_form("execat32", ("exec EPERM", "child ok 0")),
        running_form("vfork", ("child ok 41",), OUTCOMES),
        running_form("spawn", ("spawn EPERM",)),
        memory_form(),
        script_form(),
    ])


def known():
    return {r["id"] for r in DAEMON.requests()}


def new_requests(seen):
    return [r for r in DAEMON.requests() if r["id"] not in seen]


def test_the_request_shows_every_argument():
    tool = program(path_of("approve", "shown"))
    for step in ("exec", "execat", "exec32", "execat32"):
        process = DAEMON.spawn(ACTOR, step, tool, "say", "a b\nc")
        request = DAEMON.wait_request()
        assert request["access"]["argv"] == [str(tool), "say", "a b\\nc"], request["access"]
        DAEMON.approve(request)
        assert finish(process) == (0, "a b\nc\nchild ok 0\n"), step


def test_a_chain_of_scripts_is_one_question_and_gets_its_arguments():
    second = program(path_of("chain", "second"), "#!/bin/sh\nprintf '%s|' \"$0\" \"$@\"\necho\n")
    first = program(path_of("chain", "first"), f"#!{second} with option\n")
    seen = known()
    process = DAEMON.spawn(ACTOR, "exec", first, "x", "y z")
    DAEMON.approve(DAEMON.wait_request())
    assert finish(process) == (0, f"{second}|with option|{first}|x|y z|\nchild ok 0\n")
    assert [r["access"]["object"] for r in new_requests(seen)] == [str(first)]


def test_a_look_at_the_program_that_was_just_denied_is_no_second_question():
    """A shell opens the file that it could not execute, to see whether it is a script."""
    tool = program(path_of("echo", "tool"))
    seen = known()
    process = DAEMON.spawn("bash", "-c", f"{tool} say ran; echo status $?; true")
    DAEMON.deny(DAEMON.wait_request())
    status, output = finish(process)
    assert status == 0 and output.endswith("status 126\n") and "ran" not in output.split(), (status, output)
    assert len(new_requests(seen)) == 1, new_requests(seen)
    DAEMON.wait_record("denial", lambda r: r["cause"] == "echo" and r["access"]["object"] == str(tool))


def test_argv_that_is_too_long_to_be_verified_can_only_be_denied():
    tool = program(path_of("approve", "long"))
    process = DAEMON.spawn(ACTOR, "long", tool, "20000", "+", "say", "on")
    request = DAEMON.wait_request()
    assert any("16 KiB" in warning for warning in request["access"]["warnings"]), request["access"]["warnings"]
    status, body = DAEMON.call("POST", f"/v1/requests/{request['id']}/decision",
                               {"decision": "approve", "scope": "once", "reason": "test"})
    assert (status, body["code"]) == (422, "only-deniable"), (status, body)
    assert process.poll() is None
    DAEMON.deny(request)
    assert finish(process) == (0, "exec EPERM\nchild ok 0\non\n")


def test_argv_of_nearly_the_limit_is_approved_and_arrives_whole():
    tool = program(path_of("approve", "near"))
    text = "0123456789abcdef" * 1000
    process = DAEMON.spawn(ACTOR, "exec", tool, "say", text)
    DAEMON.approve(DAEMON.wait_request())
    assert finish(process) == (0, f"{text}\nchild ok 0\n")


def test_a_grant_covers_argv_to_its_last_byte():
    tool = program(path_of("approve", "granted"))
    text = "0123456789abcdef" * 1000
    process = DAEMON.spawn(ACTOR, "exec", tool, "say", text + "x")
    DAEMON.approve(DAEMON.wait_request(), scope="session")
    assert finish(process)[0] == 0
    seen = known()
    assert DAEMON.run(ACTOR, "exec", tool, "say", text + "x") == (0, f"{text}x\nchild ok 0\n")
    assert not new_requests(seen)
    process = DAEMON.spawn(ACTOR, "exec", tool, "say", text + "y")
    request = DAEMON.wait_request()
    assert request["id"] not in seen, request
    DAEMON.deny(request)
    assert finish(process) == (0, "exec EPERM\nchild ok 0\n")


def test_an_approved_retry_by_the_thread_that_was_just_refused_passes():
    """A refusal answers what the thread opens of the same object for a moment, but not what a person has approved since."""
    secret = path_of("later", "secret")
    secret.write_text("content\n")
    seen = known()
    look = ("cat", secret, "+")
    process = DAEMON.spawn(ACTOR, *look, *look, "gate", "+", *look, *look, "say", "on", stdin=subprocess.PIPE)
    assert [process.stdout.readline() for _ in range(2)] == [b"cat EPERM\n"] * 2
    first, = wait_until("a request", lambda: new_requests(seen))
    DAEMON.approve(first)
    process.stdin.write(b"x")
    process.stdin.flush()
    assert finish(process) == (0, "cat ok 0\ncontent\ncat EPERM\non\n")
    wait_until("the approval was for once", lambda: len(new_requests(seen)) == 2)
    DAEMON.deny(next(r for r in DAEMON.requests("open")))


def test_a_program_in_memory_is_asked_about_though_the_policy_allows_it():
    process = DAEMON.spawn(ACTOR, "memfd", "unlisted", ACTOR, "say", "ran")
    request = DAEMON.wait_request()
    assert request["access"]["object"] == "memfd:unlisted" and request["access"]["warnings"], request["access"]
    DAEMON.approve(request)
    assert finish(process) == (0, "ran\nchild ok 0\n")


def test_a_program_is_not_started_as_the_interpreter_that_another_names():
    """The kernel asks nobody about the interpreter of an ELF file (the dynamic loader, as a rule)."""
    loader = b"/lib64/ld-linux-x86-64.so.2\0"
    for outcome, answer in (("deny", "exec EPERM"), ("approve", "child ok 1009")):
        named = pathlib.Path("/tmp/named-" + outcome)  # as long as the loader's name at most
        named.unlink(missing_ok=True)
        named.symlink_to(program(path_of(outcome, "named"), None))
        named.resolve().write_bytes(pathlib.Path("/bin/busybox").read_bytes())
        other = path_of("free", "naming-" + outcome)
        other.write_bytes(ACTOR.read_bytes().replace(loader, str(named).encode().ljust(len(loader), b"\0"), 1))
        other.chmod(0o755)
        status, output = DAEMON.run(ACTOR, "exec", other, "true")
        assert status == 0 and answer in output, (outcome, status, output)
    assert not DAEMON.requests("open")


def test_an_approved_program_is_judged_by_its_interpreter_too_and_one_approval_covers_one_that_asks():
    loader = b"/lib64/ld-linux-x86-64.so.2\0"
    for outcome, answer in (("deny", "exec EPERM\nchild ok 0\n"), ("approve", "ran\nchild ok 0\n")):
        own = pathlib.Path("/tmp/own-" + outcome)  # as long as the loader's name at most
        own.unlink(missing_ok=True)
        own.symlink_to(program(path_of(outcome, "loader")))
        own.resolve().write_bytes(pathlib.Path(loader[:-1].decode()).read_bytes())
        other = program(path_of("approve", "naming-" + outcome))
        other.write_bytes(ACTOR.read_bytes().replace(loader, str(own).encode().ljust(len(loader), b"\0"), 1))
        seen = known()
        process = DAEMON.spawn(ACTOR, "exec", other, "say", "ran")
        DAEMON.approve(DAEMON.wait_request(), scope="session")
        found = finish(process)
        assert found == (0, answer), (outcome, found)
        found = DAEMON.run(ACTOR, "exec", other, "say", "ran")
        assert found == (0, answer), (outcome, "by the grant", found)
        assert [r["access"]["object"] for r in new_requests(seen)] == [str(other)]
    DAEMON.wait_record("denial", lambda r: r.get("rule") == "refuse-exec" and r["access"]["object"] == str(path_of("deny", "loader")))


def test_an_io_uring_is_refused_softly():
    seen = known()
    assert DAEMON.run(ACTOR, "rings", "+", "say", "on") == (0, "rings EPERM\non\n")
    DAEMON.wait_record("denial", lambda r: r["cause"] == "guard")
    assert not new_requests(seen)


with Daemon(RULES, name="exec") as DAEMON:
    main([
        test_every_kind_of_execution_in_every_outcome,
        test_the_request_shows_every_argument,
        test_a_chain_of_scripts_is_one_question_and_gets_its_arguments,
        test_a_look_at_the_program_that_was_just_denied_is_no_second_question,
        test_argv_that_is_too_long_to_be_verified_can_only_be_denied,
        test_argv_of_nearly_the_limit_is_approved_and_arrives_whole,
        test_a_grant_covers_argv_to_its_last_byte,
        test_an_approved_retry_by_the_thread_that_was_just_refused_passes,
        test_a_program_in_memory_is_asked_about_though_the_policy_allows_it,
        test_a_program_is_not_started_as_the_interpreter_that_another_names,
        test_an_approved_program_is_judged_by_its_interpreter_too_and_one_approval_covers_one_that_asks,
        test_an_io_uring_is_refused_softly,
    ])
