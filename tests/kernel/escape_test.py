# SPDX-License-Identifier: Apache-2.0
"""Ways to shed the tag, and ways to switch the guard off that are no signal and no socket. Agents here are root."""
import os
import pathlib
import shutil
import signal
import subprocess

from harness import HOLDPOINT
from held import ACTOR, CGROUP, LIMIT, Lines, SECRET, TMP, finish, held, leaves, process_state, run_cases, wait_until

FORBIDDEN = TMP / "forbidden"
FIXED = TMP / "fixed"
ASKED_TOOL = TMP / "asked-tool"
NO_TOOL = TMP / "busybox-forbidden"
OUTSIDE = CGROUP / "outside"
FTRACE = pathlib.Path("/proc/sys/kernel/ftrace_enabled")
RULES = f"""
  - {{id: forbidden, on: [read], path: ["{FORBIDDEN}"], verdict: deny, reason: A test}}
  - {{id: fixed, on: [write, attributes], path: ["{FIXED}"], verdict: deny, reason: A test}}
  - {{id: asked-tool, on: [exec], path: ["{ASKED_TOOL}"], verdict: ask, reason: A test}}
  - {{id: no-tool, on: [exec], path: ["{NO_TOOL}"], verdict: deny, reason: A test}}
"""

# An agent's program: runs each statement that it is given, says what came of it.
TRY = """
import ctypes, errno, os, sys
def write(path, text):
    file = os.open(path, os.O_WRONLY)
    os.write(file, text.encode())
def syscall(number, *words):
    if ctypes.CDLL(None, use_errno=True).syscall(number, *words) < 0:
        raise OSError(ctypes.get_errno(), '')
def bpf(command): syscall(321, command, ctypes.create_string_buffer(128), 128)
for statement in sys.argv[1:]:
    try:
        exec(statement)
        print('did it')
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
LOOK = f"open({str(FORBIDDEN)!r})"  # refused: still tagged


def attempts(daemon, *statements, **options):
    status, output = daemon.run("python3", "-ISc", TRY, *statements, **options)
    assert status == 0, output
    return output.splitlines()


def write(path, text):
    return f"write({str(path)!r}, {str(text)!r})"


def test_row_53_what_was_open_before_the_tag_is_read_on_and_not_opened_again(daemon):
    with open(FORBIDDEN, encoding="utf8") as file:
        assert daemon.run("cat", stdin=file) == (0, "never\n")
        status, output = daemon.run("cat", "/proc/self/fd/0", stdin=file)
        assert status == 1 and "Operation not permitted" in output, output


def test_row_90_no_agent_moves_itself_into_another_cgroup(daemon):
    statements = [write(OUTSIDE / name, "0") for name in ("cgroup.procs", "cgroup.threads")]
    statements += [f"write('{OUTSIDE}/cgroup.procs', str(os.getpid()))", write(f"/proc/self/root{OUTSIDE}/cgroup.procs", "0"), LOOK]
    assert attempts(daemon, *statements) == ["EPERM"] * 5


def test_row_90_no_agent_marks_its_cgroup_as_untagged(daemon):
    mark = f"os.setxattr({str(daemon.session())!r}, 'trusted.holdpoint.untagged', b'1')"
    assert attempts(daemon, mark) == ["EPERM"]
    assert "trusted.holdpoint.untagged" not in os.listxattr(daemon.session())


def test_row_90_whoever_was_moved_in_joins_its_own_cgroup_once_itself_and_not_after_an_exec(daemon):
    """As systemd and the process that it starts do, whichever comes first."""
    own = daemon.session("1") / "cgroup.procs"

    def late():
        words = ["python3", "-ISc", "input()\n" + TRY, write(OUTSIDE / "cgroup.procs", "0"), write(own, "0"), write(own, "0")]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        wait_until("python waits", lambda: process_state(process.pid) == "S" and "\0-ISc" in
                   pathlib.Path(f"/proc/{process.pid}/cmdline").read_text())
        own.write_text(str(process.pid))
        return process.communicate("\n", timeout=LIMIT)[0].split("\n")[:3]

    assert late() == ["EPERM", "did it", "EPERM"], "once"
    again = ["python3", "-ISc", "import os, sys; input(); os.execvp('python3', ['python3', '-ISc', *sys.argv[1:]])"]
    process = subprocess.Popen([*again, TRY, write(own, "0")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    own.write_text(str(process.pid))
    assert process.communicate("\n", timeout=LIMIT)[0] == "EPERM\n", "what it executes may not"


def test_row_90_moved_by_a_descriptor_that_was_handed_over_it_is_tagged_still(daemon):
    with open(OUTSIDE / "cgroup.procs", "w", encoding="utf8") as procs:
        own = "assert '/outside' in open('/proc/self/cgroup').read()"
        assert attempts(daemon, f"os.write({procs.fileno()}, b'0')", own, LOOK, pass_fds=[procs.fileno()]) \
            == ["did it", "did it", "EPERM"]


def test_row_92_every_thread_of_a_process_that_was_tagged_late_is_judged_when_it_executes(daemon):
    place = CGROUP / "late"
    place.mkdir()
    process = subprocess.Popen([ACTOR, "crowdexec", "32", NO_TOOL], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               preexec_fn=lambda: (place / "cgroup.procs").write_text("0"))
    assert process.stdout.readline() == b"ready ok 32\n"
    subprocess.run([HOLDPOINT, "tag", str(process.pid), "--agent", "coder", "--socket", daemon.runtime / "api.sock"], check=True,
                   stdout=subprocess.DEVNULL, timeout=LIMIT)
    output, _ = process.communicate(b"go\n", timeout=LIMIT)
    assert output == b"thread EPERM\n" * 32, output


def with_number(number, start):
    """The process that `start` starts, once it is the one with that number."""
    def there():
        pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
        process = start()
        if process.pid == number:
            return process
        process.communicate(timeout=LIMIT)
        return None
    return wait_until(f"somebody is {number}", there)


def test_row_93_a_process_number_that_was_an_agents_is_nobodys_and_the_other_way_round(daemon):
    def outside():
        return subprocess.Popen(["cat", FORBIDDEN], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    first = daemon.spawn("cat", FORBIDDEN)
    assert finish(first)[0] == 1
    second = with_number(first.pid, outside)
    assert finish(second) == (0, "never\n")
    third = with_number(first.pid, lambda: daemon.spawn("cat", FORBIDDEN))
    assert finish(third)[0] == 1


def test_row_93_an_approval_that_was_not_used_is_not_the_next_ones_of_the_same_number(daemon):
    process = daemon.spawn(ACTOR, "cat", SECRET)
    request = held(daemon)
    os.kill(process.pid, signal.SIGSTOP)
    daemon.approve(request)
    wait_until("it is stopped and has not used it", lambda: not leaves() and process_state(process.pid) == "T")
    process.kill()
    assert finish(process) == (-signal.SIGKILL, "")
    # One with another number ends at its gate.
    again = with_number(process.pid, lambda: daemon.spawn(ACTOR, "gate", "+", "cat", SECRET, stdin=subprocess.PIPE))
    again.stdin.write(b"x")
    again.stdin.flush()
    second = held(daemon)
    assert second["id"] != request["id"] and second["process"]["pid"] == process.pid, second
    daemon.deny(second)
    assert finish(again) == (0, "cat EPERM\n")


def as_nobody(*command):
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]


def test_row_48_no_user_namespace_unless_the_policy_says_so_or_the_agent_is_only_observed(daemon):
    """In one of its own, whoever it is may mount, and reads under another path what no rule lets it read."""
    place = TMP / "filesystem"
    place.mkdir(mode=0o755)
    shown = ["unshare", "-Urm", "sh", "-c", f"mount --bind {FORBIDDEN.parent} {place} && cat {place}/{FORBIDDEN.name}"]
    assert "never" in subprocess.run(as_nobody(*shown), check=True, capture_output=True, text=True).stdout, "anybody else may"
    for command in (shown, as_nobody(*shown), ["unshare", "-U", "true"]):
        status, output = daemon.run(*command)
        assert status == 1 and "never" not in output and "Operation not permitted" in output, (command, output)
    daemon.wait_record("denial", lambda record: record["cause"] == "guard" and "unshare" in record["access"]["executable"])
    policy = daemon.policies / "10-test.yaml"
    text = policy.read_text()
    for words in ("    user_namespaces: allow\n", "    mode: observe\n", ""):
        policy.write_text(text.replace("    default: allow\n", "    default: allow\n" + words))
        assert daemon.call("POST", "/v1/policy/reload", {})[0] == 200
        assert daemon.run(*as_nobody("unshare", "-U", "true"))[0] == (0 if words else 1), words
        if "observe" in words:
            from_before = daemon.spawn(*as_nobody("unshare", "-Urm", "sh", "-c", f"echo in; read go; {shown[-1]}"), stdin=subprocess.PIPE)
            assert from_before.stdout.readline() == b"in\n"
    output, _ = from_before.communicate(b"go\n", timeout=LIMIT)
    assert from_before.returncode and b"never" not in output and b"permi" in output, (from_before.returncode, output)


def test_row_48_no_user_namespace_of_others_is_entered(daemon):
    """Whose user it is may enter it, and has every capability there."""
    other = subprocess.Popen(as_nobody("unshare", "-Urm", "sleep", "1000"))
    enter = as_nobody("nsenter", "-U", "--preserve-credentials", "-t", str(other.pid), "true")
    try:
        wait_until("it has one", lambda: os.readlink(f"/proc/{other.pid}/ns/user") != os.readlink("/proc/self/ns/user"))
        subprocess.run(enter, check=True)
        for command in (enter, ["nsenter", "-U", "-t", str(other.pid), "true"], ["nsenter", "-m", "-t", str(other.pid), "true"]):
            status, output = daemon.run(*command)
            assert status == 1 and "Operation not permitted" in output, (command, output)
    finally:
        other.kill()
        other.wait()


WIDE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
words = lambda *each: (ctypes.c_char_p * (len(each) + 1))(*each, None)
def call(number, *given):
    result = libc.syscall(ctypes.c_long(number | 1 << 32), *given)
    print(number, "did it" if result == 0 else os.strerror(ctypes.get_errno()), flush=True)
fixed, tool = (os.fsencode(path) for path in sys.argv[1:])
call(76, fixed, ctypes.c_long(0))
call(188, fixed, b"user.x", b"1", ctypes.c_long(1), ctypes.c_long(0))
call(442, ctypes.c_long(-100), b"/", ctypes.c_long(0), (ctypes.c_uint64 * 4)(0, 0, 1 << 18, 0), ctypes.c_long(32))
call(59, tool, words(tool, b"what it gets"), words(b"A=what it does not"))
"""


def test_the_upper_half_of_a_call_s_number_hides_nothing(daemon):
    """The kernel ignores it, and keeps it for whoever looks at the number."""
    FIXED.write_text("fixed\n")
    shutil.copy("/usr/bin/echo", ASKED_TOOL)
    process = daemon.spawn("python3", "-ISc", WIDE, FIXED, ASKED_TOOL)
    request = held(daemon)
    assert request["access"]["argv"] == [str(ASKED_TOOL), "what it gets"], request["access"]
    daemon.approve(request)
    refusals = "".join(f"{number} Operation not permitted\n" for number in (76, 188, 442))
    assert finish(process) == (0, refusals + "what it gets\n")
    assert FIXED.read_text() == "fixed\n" and not os.listxattr(FIXED)


def test_row_94_in_a_cgroup_namespace_it_is_judged_as_before(daemon):
    status, output = daemon.run("unshare", "-C", "sh", "-c", f"cat /proc/self/cgroup {FORBIDDEN}")
    assert status == 1 and "0::/\n" in output and "Operation not permitted" in output, output


# What names a program that the kernel starts as root, outside every session.
HELPERS = [pathlib.Path("/proc/sys/kernel", name) for name in ("core_pattern", "modprobe", "poweroff_cmd")]


def test_row_96_no_agent_says_what_the_kernel_starts_as_root(daemon):
    before = [helper.read_text() for helper in HELPERS]
    assert attempts(daemon, *(write(helper, "/tmp/evil") for helper in HELPERS)) == ["EPERM"] * len(HELPERS)
    assert before == [helper.read_text() for helper in HELPERS]
    place = TMP / "kernel-files"
    place.mkdir()
    subprocess.run(["modprobe", "binfmt_misc"], check=False)  # unless it is built in
    event_helper = ["kernel/uevent_helper"] if os.path.exists("/sys/kernel/uevent_helper") else []
    for kind, files in (("binfmt_misc", ["register", "status"]), ("sysfs", event_helper)):
        subprocess.run(["mount", "-t", kind, kind, place], check=True)
        try:
            assert attempts(daemon, *(write(place / file, "0") for file in files)) == ["EPERM"] * len(files), kind
        finally:
            subprocess.run(["umount", place], check=True)


def test_row_97_the_first_process_of_a_pid_namespace_is_held_and_released(daemon):
    process = daemon.spawn("unshare", "-pf", "sh", "-c", f"echo $$; exec cat {SECRET}")
    daemon.approve(held(daemon))
    assert finish(process) == (0, "1\ncontent\n")


def test_row_98_no_agent_kills_or_freezes_by_a_cgroup(daemon):
    other = daemon.spawn("sleep", "1000", session="other")
    own = pathlib.Path(f"/proc/{daemon.process.pid}/cgroup").read_text().strip().removeprefix("0::")
    places = [pathlib.Path("/sys/fs/cgroup" + own), daemon.session("other")]
    found = attempts(daemon, *[write(place / name, "1") for place in places for name in ("cgroup.freeze", "cgroup.kill")])
    assert found == ["EPERM"] * 4, found
    assert [(place / "cgroup.freeze").read_text() for place in places] == ["0\n"] * 2
    assert daemon.get("/v1/health")["enforcing"] and other.poll() is None
    other.kill()
    finish(other)


def test_row_102_links_are_neither_updated_nor_detached_nor_maps_written(daemon):
    assert attempts(daemon, *[f"bpf({command})" for command in (2, 3, 28, 29, 34)]) == ["EPERM"] * 5


def test_row_104_the_kernels_tracing_is_not_switched_off(daemon):
    statements = [write(FTRACE, "0"), write(f"/proc/self/root{FTRACE}", "0"), f"os.chdir({str(FTRACE.parent)!r})",
                  write(FTRACE.name, "0"), f"os.truncate({str(FTRACE)!r}, 0)", LOOK]
    assert FTRACE.read_text() == "1\n"
    try:
        assert attempts(daemon, *statements) == ["EPERM", "EPERM", "did it", "EPERM", "EPERM", "EPERM"]
        assert FTRACE.read_text() == "1\n"
    finally:
        FTRACE.write_text("1")


# What the kernel says of them to somebody who may.
KERNELS = {"syscall(175, b'x' * 4096, 4096, b'')": "ENOEXEC",                              # init_module
           "syscall(313, os.open('/bin/true', os.O_RDONLY), b'', 0)": "ENOEXEC",           # finit_module
           "syscall(320, os.open('/bin/true', os.O_RDONLY), -1, 0, None, 4)": "ENOEXEC"}   # kexec_file_load


def test_row_110_no_agent_loads_a_module_or_another_kernel(daemon):
    outside = subprocess.run(["python3", "-ISc", TRY, *KERNELS], capture_output=True, text=True, timeout=LIMIT, check=True)
    assert outside.stdout.splitlines() == list(KERNELS.values()), "the calls get as far as the kernel's look at the file"
    # kexec_load without a segment: to anybody else it removes a kernel that is not there.
    assert attempts(daemon, *KERNELS, "syscall(246, 0, 0, None, 0)") == ["EPERM"] * 4


def test_row_111_no_agent_speaks_to_the_kernel_by_sysrq(daemon):
    assert attempts(daemon, write("/proc/sysrq-trigger", "h")) == ["EPERM"]


def test_row_118_a_child_forked_between_approval_and_use_asks_for_itself(daemon):
    process = daemon.spawn(ACTOR, "heir", SECRET)
    lines = Lines(process)
    request = held(daemon)
    os.kill(process.pid, signal.SIGSTOP)
    daemon.approve(request)
    wait_until("it is stopped and has not used it", lambda: not leaves() and process_state(process.pid) == "T")
    os.kill(process.pid, signal.SIGALRM)
    os.kill(process.pid, signal.SIGCONT)
    second = held(daemon)
    assert second["id"] != request["id"] and second["process"]["pid"] != process.pid, second
    assert "ok" not in lines.text
    daemon.deny(second)
    assert lines.finish() == 0 and lines.text == "heir EPERM\nopen ok 0\n", lines.text


def test_row_122_names_exchanged_meanwhile_show_nothing_that_is_protected(daemon):
    free, link = TMP / "swap/free", TMP / "swap/link"
    free.parent.mkdir()
    free.write_text("free\n")
    link.symlink_to(FORBIDDEN)
    status, output = daemon.run(ACTOR, "race", free, link, 2000)
    seen = {line.split()[0]: int(line.split()[2]) for line in output.splitlines()}
    assert status == 0 and seen["other"] == 0 and seen["free"] > 0 and seen["refused"] > 0, (status, output)
    assert seen["failures"] == 0 and seen["free"] + seen["refused"] + seen["absent"] == 2000, seen


FORBIDDEN.write_text("never\n")
shutil.copy("/bin/busybox", NO_TOOL)
OUTSIDE.mkdir(exist_ok=True)
run_cases("escape", [
    test_row_53_what_was_open_before_the_tag_is_read_on_and_not_opened_again,
    test_row_90_no_agent_moves_itself_into_another_cgroup,
    test_row_90_no_agent_marks_its_cgroup_as_untagged,
    test_row_90_whoever_was_moved_in_joins_its_own_cgroup_once_itself_and_not_after_an_exec,
    test_row_90_moved_by_a_descriptor_that_was_handed_over_it_is_tagged_still,
    test_row_92_every_thread_of_a_process_that_was_tagged_late_is_judged_when_it_executes,
    test_row_93_a_process_number_that_was_an_agents_is_nobodys_and_the_other_way_round,
    test_row_93_an_approval_that_was_not_used_is_not_the_next_ones_of_the_same_number,
    test_row_48_no_user_namespace_unless_the_policy_says_so_or_the_agent_is_only_observed,
    test_row_48_no_user_namespace_of_others_is_entered,
    test_the_upper_half_of_a_call_s_number_hides_nothing,
    test_row_94_in_a_cgroup_namespace_it_is_judged_as_before,
    test_row_96_no_agent_says_what_the_kernel_starts_as_root,
    test_row_97_the_first_process_of_a_pid_namespace_is_held_and_released,
    test_row_98_no_agent_kills_or_freezes_by_a_cgroup,
    test_row_102_links_are_neither_updated_nor_detached_nor_maps_written,
    test_row_104_the_kernels_tracing_is_not_switched_off,
    test_row_110_no_agent_loads_a_module_or_another_kernel,
    test_row_111_no_agent_speaks_to_the_kernel_by_sysrq,
    test_row_118_a_child_forked_between_approval_and_use_asks_for_itself,
    test_row_122_names_exchanged_meanwhile_show_nothing_that_is_protected,
], RULES)
