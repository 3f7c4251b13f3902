# SPDX-License-Identifier: Apache-2.0
"""What an approved program reads under names that had no file when it was asked about, through descriptors, and from variables whose
names are patterns; and what becomes of an approval that the kernel cannot take.

As in content_test.py bash waits at a FIFO (BASH_ENV) between its release and the opening of its script."""
import ctypes
import os

from harness import PINS, TMP, Daemon, finish, main, wait_until
from held import parked, waiting

WORK = TMP / "work"
TOOL = WORK / "tool"  # touch
RULES = f"""
  - id: interpreters
    on: [exec]
    path: ["/usr/bin/bash", "{TOOL}"]
    verdict: ask
    reason: Runs what its arguments name
    timeout: 10m
"""
EVIL = "echo evil\n"
PLAIN = {"PATH": "/usr/bin:/bin", "HOME": "/"}


class Case:
    """A directory of its own, and a session. `env` starts the program, since sh hands on no function."""

    def __init__(self, name):
        self.name, self.directory = name, WORK / name
        self.directory.mkdir()
        self.script = self.directory / "x.sh"

    def start(self, *command, more=None, **options):
        self.process = daemon.spawn("env", *command, session=self.name, cwd=self.directory, env={**PLAIN, **(more or {})}, **options)
        return self.asked()

    def asked(self):
        return wait_until("a request", lambda: [
            r for r in daemon.requests("open") if r["session_detail"]["cgroup"].endswith(f"/coder-{self.name}")])[0]

    def questions(self):
        return len([r for r in daemon.requests() if r["session_detail"]["cgroup"].endswith(f"/coder-{self.name}")])

    def end(self):
        return finish(self.process)

    def refuse(self, request):
        daemon.deny(request)
        status, output = self.end()
        assert status != 0 and "evil" not in output, (status, output)


def absent(case):
    assert not case.script.exists()


def dangling(case):
    case.script.symlink_to("nothing")


def directory(case):
    case.script.mkdir()


def pipe(case):
    os.mkfifo(case.script)


def put(case):
    """The script is there now, whatever was there."""
    new = case.directory / "new"
    new.write_text(EVIL)
    if case.script.is_dir():
        case.script.rmdir()
    new.rename(case.script)


def test_a_script_that_appears_during_the_hold_is_asked_about_again():
    for before in (absent, dangling, directory, pipe):
        case = Case(f"held-{before.__name__}")
        before(case)
        first = case.start("bash", "x.sh")
        assert not first["access"]["bound"], first["access"]
        assert any("not bound" in warning for warning in first["access"]["warnings"]) == (before is pipe), first["access"]
        put(case)
        status, body = daemon.call("POST", f"/v1/requests/{first['id']}/decision", {"decision": "approve", "scope": "session"})
        assert status == 409 and "asked again" in str(body), (status, body)
        second = case.asked()
        assert second["id"] != first["id"] and EVIL.strip() in second["access"]["bound"][0]["first_lines"], second
        case.refuse(second)


def test_a_script_that_appears_after_the_release_is_asked_about_when_it_is_read():
    case = Case("released")
    gate = case.directory / "gate"
    os.mkfifo(gate)
    request = case.start("bash", "x.sh", more={"BASH_ENV": str(gate)})
    daemon.approve(request)
    wait_until("bash has begun", lambda: open(f"/proc/{case.process.pid}/comm").read() == "bash\n")
    put(case)
    with open(gate, "w") as out:
        out.write(":\n")
    second = case.asked()
    assert second["access"]["operation"] == "read" and second["access"]["object"] == str(case.script), second
    assert any("content changed" in warning for warning in second["access"]["warnings"]), second
    case.refuse(second)


def test_an_approval_for_the_session_does_not_cover_a_script_that_was_not_there():
    case = Case("session")
    daemon.approve(case.start("bash", "x.sh"), scope="session")
    assert case.end()[0] == 127
    assert daemon.run("env", "bash", "x.sh", session="session", cwd=case.directory, env=PLAIN)[0] == 127  # and nobody is asked
    assert case.questions() == 1
    put(case)
    second = case.start("bash", "x.sh")
    assert EVIL.strip() in second["access"]["bound"][0]["first_lines"], second["access"]
    case.refuse(second)


def test_words_that_are_no_files_of_an_ordinary_program_stay_the_kernels_to_answer():
    case = Case("plain")
    daemon.approve(case.start(TOOL, "made", "too"), scope="session")
    assert case.end()[0] == 0 and (case.directory / "made").exists()
    for name in ("made", "too"):
        (case.directory / name).unlink()
    status, output = daemon.run("env", TOOL, "made", "too", session="plain", cwd=case.directory, env=PLAIN)
    assert status == 0 and case.questions() == 1, output
    daemon.wait_record("granted", lambda record: record["access"]["object"] == str(TOOL))


def test_a_program_that_makes_the_file_which_its_argument_names_reads_it_unasked():
    text = "echo mine > {0}; read line < {0}; echo $line\n"
    for number, command in enumerate((("bash", "x.sh", "./made.txt"), ("bash", "-c", text.format("$0"), "./made.txt"))):
        case = Case(f"made-{number}")
        case.script.write_text(text.format("$1"))
        daemon.approve(case.start(*command))
        assert case.end() == (0, "mine\n") and case.questions() == 1


def test_a_script_that_only_the_process_can_open_is_said_not_to_be_shown():
    for number, path in enumerate(("/dev/fd/{}", "/proc/self/fd/{}", "/proc/thread-self/fd/{}", "link")):
        case = Case(f"descriptor-{number}")
        case.script.write_text("echo good\n")
        with open(case.script) as file:
            name = path.format(file.fileno())
            (case.directory / "link").symlink_to(f"/proc/self/fd/{file.fileno()}")
            request = case.start("bash", name, pass_fds=[file.fileno()])
        access = request["access"]
        assert not access["bound"], access
        assert path == "link" or any("could not be hashed" in warning for warning in access["warnings"]), access
        case.refuse(request)


def test_variables_whose_name_is_a_pattern_are_shown_and_part_of_what_is_approved():
    function = {"BASH_FUNC_cd%%": "() { echo evil; }"}
    settings = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.sshCommand", "GIT_CONFIG_VALUE_0": "evil"}
    long = {"BASH_FUNC_" + "x" * 100 + "%%": "() { echo evil; }"}
    case = Case("variables")
    case.script.write_text("echo good\n")
    daemon.approve(case.start("bash", "x.sh"), scope="session")
    assert case.end() == (0, "good\n")
    near = {"BASH_FUN": "1", "BASH_FUND": "1", "GIT_CONFIX": "1", "GIT_CONF": "1"}
    status, output = daemon.run("env", "bash", "x.sh", session="variables", cwd=case.directory, env={**PLAIN, **near})
    assert (status, output) == (0, "good\n") and case.questions() == 1
    for more in (function, settings, long):
        request = case.start("bash", "x.sh", more=more)
        shown = [variable for variable in request["access"]["environment"] if not variable.startswith("PATH=")]
        assert sorted(shown) == sorted(f"{name}={value}" for name, value in more.items()), shown
        case.refuse(request)
    daemon.approve(case.start("bash", "x.sh", more=function))
    assert case.end() == (0, "good\n"), "what was shown is what it got"


def test_an_approval_that_the_kernel_cannot_take_is_a_refusal_and_leaves_nobody_held():
    """As when the map is full: it takes nothing from the daemon any more (BPF_OBJ_GET, then BPF_MAP_FREEZE)."""
    libc = ctypes.CDLL(None, use_errno=True)
    path = ctypes.create_string_buffer(f"{PINS}/holdpoint/maps/bound".encode())
    found = libc.syscall(321, 7, (ctypes.c_uint64 * 3)(ctypes.addressof(path), 0, 0), 24)
    assert found >= 0 and libc.syscall(321, 22, (ctypes.c_uint32 * 2)(found, 0), 8) == 0, ctypes.get_errno()
    daemon.hands_on = False
    case = Case("full")
    case.script.write_text("echo evil\n")
    request = case.start("bash", "x.sh")
    parked(waiting(request)[0])
    daemon.approve(request)
    status, output = case.end()
    assert status != 0 and "evil" not in output, (status, output)
    record = daemon.wait_record("cancellation", lambda r: r.get("request") == request["id"])
    assert "the kernel cannot take" in str(record), record
    assert not daemon.wait_record("release", lambda r: r.get("request") == request["id"])["allowed"]


WORK.mkdir()
TOOL.write_bytes(open("/usr/bin/touch", "rb").read())
TOOL.chmod(0o755)
with Daemon(RULES, name="content-more") as daemon:
    main([
        test_a_script_that_appears_during_the_hold_is_asked_about_again,
        test_a_script_that_appears_after_the_release_is_asked_about_when_it_is_read,
        test_an_approval_for_the_session_does_not_cover_a_script_that_was_not_there,
        test_words_that_are_no_files_of_an_ordinary_program_stay_the_kernels_to_answer,
        test_a_program_that_makes_the_file_which_its_argument_names_reads_it_unasked,
        test_a_script_that_only_the_process_can_open_is_said_not_to_be_shown,
        test_variables_whose_name_is_a_pattern_are_shown_and_part_of_what_is_approved,
        test_an_approval_that_the_kernel_cannot_take_is_a_refusal_and_leaves_nobody_held,
    ])
