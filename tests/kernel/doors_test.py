# SPDX-License-Identifier: Apache-2.0
"""Doors of the kernel that lead past its files: what root may try outside every session is refused to an agent, though it is root."""
import pathlib
import subprocess

from harness import ACTOR, TMP, Daemon, finish, main, process_state, wait_until

LONG = 600  # seconds, and killed before
TOOL = TMP / "busybox-approved"  # its applet is argv[1]
RULES = f"""
  - {{id: tool, on: [exec], path: "{TOOL}", verdict: ask, reason: A tool of the test, timeout: 60m}}
  - {{id: queues, on: [any], path: "/dev/mqueue/**", verdict: deny, reason: Of others}}
"""

# Runs each statement that it is given and says what came of it.
TRY = """
import ctypes, errno, fcntl, os, stat, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    result = libc.syscall(*words)
    if result < 0: raise OSError(ctypes.get_errno(), '')
    return result
def perf(kind, config=0):
    text = ctypes.create_string_buffer(struct.pack('=IIQ', kind, 112, config), 112)
    os.close(call(298, text, 0, -1, -1, 0))
def notify(mask):
    fd = call(300, 4 if mask & 0x70000 else 0, 0)
    try: call(301, fd, 1, ctypes.c_uint64(mask), -100, b'/srv')
    finally: os.close(fd)
def map_ioctl(path, command, size):
    fd = os.open(path, os.O_RDONLY)
    try: fcntl.ioctl(fd, command, bytearray(size))
    finally: os.close(fd)
def unmade(path, mode, device=0):
    os.mknod(path, mode | 0o600, device)
    os.unlink(path)
for statement in sys.argv[1:]:
    try:
        exec(statement)
        print('did it', flush=True)
    except OSError as error:
        print(errno.errorcode.get(error.errno, error.errno), flush=True)
"""


def free(*statements):
    return subprocess.run(["python3", "-ISc", TRY, *statements], capture_output=True, text=True, check=True).stdout.splitlines()


def agents(*statements):
    status, output = daemon.run("python3", "-ISc", TRY, *statements)
    assert status == 0, output
    return output.splitlines()


def refused(*statements):
    """Only to an agent: to others the kernel says something else."""
    others, mine = free(*statements), agents(*statements)
    assert mine == ["EPERM"] * len(statements) and "EPERM" not in others, list(zip(statements, others, mine, strict=True))


def test_no_probe_is_put_into_a_program():
    """A uprobe writes into the code of the daemon, whoever may open its file. What every user may count, an agent may."""
    kind = pathlib.Path("/sys/bus/event_source/devices/uprobe/type").read_text().strip()
    level = pathlib.Path("/proc/sys/kernel/perf_event_paranoid")
    before = level.read_text()
    level.write_text("1")
    try:
        others, mine = (tried(f"perf({kind})", "perf(1, 1)") for tried in (free, agents))
    finally:
        level.write_text(before)
    assert mine == ["EACCES", "did it"] and others[0] != "EACCES" and others[1] == "did it", (others, mine)
    events = pathlib.Path("/sys/kernel/tracing/uprobe_events")
    assert agents(f"os.open('{events}', os.O_WRONLY)", f"os.open('{events}', os.O_RDONLY)") == ["EPERM", "did it"]


def test_no_event_waits_for_an_agents_answer():
    """The daemon's next open would, and so would everybody's."""
    refused("notify(0x10000)", "notify(0x20000)", "notify(0x40000)")
    assert agents("notify(0x20)") == ["did it"], "who only looks may"


def test_no_port_of_the_hardware_is_opened():
    refused("call(172, 3)", "call(173, 0x80, 1, 1)")  # iopl, ioperm


def test_a_process_does_not_name_its_own_executable():
    """PR_SET_MM_EXE_FILE: rules about executables would take it for that."""
    refused("call(157, 35, 13, os.open('/usr/bin/true', os.O_RDONLY), 0, 0)")


def test_no_device_gets_another_name():
    place = TMP / "node"
    refused(f"unmade('{place}', stat.S_IFBLK, os.makedev(7, 0))", f"unmade('{place}', stat.S_IFCHR, os.makedev(1, 1))",
            f"unmade('{place}', stat.S_IFCHR, os.makedev(10, 223))")
    said = agents(*(f"unmade('{place}', {kind})" for kind in ("stat.S_IFREG", "stat.S_IFIFO", "stat.S_IFSOCK",
                                                             "stat.S_IFCHR, os.makedev(1, 3)", "stat.S_IFCHR, 0")))
    assert said == ["did it"] * 5, said


def test_no_message_queue_is_made_or_taken_away():
    """Their calls name no path: rules about /dev/mqueue would not be asked."""
    made = "call(240, b'hp-queue', os.O_RDWR | os.O_CREAT, 0o600, 0)"
    opened = ["call(240, b'hp-queue', os.O_RDWR, 0, 0)", "call(240, b'hp-queue', os.O_RDWR | 0x20, 0, 0)"]
    assert free(made) == ["did it"]
    assert agents(*opened, "call(241, b'hp-queue')", "call(240, b'hp-other', os.O_RDWR | os.O_CREAT, 0o600, 0)") == ["EPERM"] * 4
    assert free(*opened, "call(241, b'hp-queue')", "call(241, b'hp-other')") == ["did it"] * 3 + ["ENOENT"]


def test_a_flag_that_only_execve_may_set_opens_nothing_else():
    """TIOCGPTPEER hands its caller's flags on: an open of a terminal is judged with it as without."""
    look = ("import fcntl, os\nm, s = os.openpty()\n"
            "for i in range(1000): os.close(fcntl.ioctl(m, 0x5441, os.O_RDWR | os.O_NOCTTY | 0x20))\nprint('opened')\n")
    before = daemon.counters()["allowed"]
    assert daemon.run("python3", "-ISc", look) == (0, "opened\n")
    assert daemon.counters()["allowed"] - before >= 1000, "each of them was judged"


def test_no_call_of_a_file_system_goes_past_the_hooks_of_files():
    where = TMP / "plain"
    where.write_text("content")
    refused(*(f"map_ioctl('{where}', {command}, 256)" for command in (0xc028586b, 0x4028587b, 0x40186f04)))


def test_an_approved_program_is_traced_by_nobody_else():
    """What was approved is what a person saw, and not what a tracer makes of it."""
    process = daemon.spawn("sh", "-c", f"exec {TOOL} sleep {LONG}")
    daemon.approve(daemon.wait_request())
    wait_until("it runs", lambda: pathlib.Path(f"/proc/{process.pid}/comm").read_text().strip() == TOOL.name[:15]
               and process_state(process.pid) == "S")
    attach = f"call(101, 16, {process.pid}, 0, 0)"  # PTRACE_ATTACH; and by way of its memory
    seize = "call(101, 0x4206, {}, 0, 0)"
    said = agents(attach, seize.format(process.pid), f"os.open('/proc/{process.pid}/mem', os.O_RDWR)")
    assert said == ["EPERM", "EPERM", "EACCES"] and process_state(process.pid) == "S", said
    process.kill()
    finish(process)
    other = daemon.spawn("sleep", "600")
    wait_until("it sleeps", lambda: process_state(other.pid) == "S")
    assert agents(seize.format(other.pid)) == ["did it"], "others of the session may be debugged"
    other.kill()
    finish(other)


def test_a_program_that_is_traced_when_it_starts_is_shown_as_traced():
    traced = (f"import ctypes, os, signal\npid = os.fork()\nif not pid:\n  ctypes.CDLL(None).ptrace(0, 0, 0, 0)\n"
              f"  os.execv('{TOOL}', ['{TOOL}', 'true'])\nlibc = ctypes.CDLL(None)\n"
              f"while True:\n  _, status = os.waitpid(pid, 0)\n  if not os.WIFSTOPPED(status): break\n"
              f"  number = os.WSTOPSIG(status)\n  libc.ptrace(7, pid, 0, 0 if number in (5, 19) else number)\n"
              f"print(os.waitstatus_to_exitcode(status))\n")
    process = daemon.spawn("python3", "-ISc", traced)
    request = daemon.wait_request()
    assert any("traces it" in warning for warning in request["access"]["warnings"]), request
    daemon.approve(request)
    assert finish(process) == (0, "0\n")
    plain = daemon.spawn("sh", "-c", f"exec {TOOL} true")
    request = daemon.wait_request()
    assert not any("traces it" in warning for warning in request["access"]["warnings"]), request
    daemon.approve(request)
    assert finish(plain) == (0, "")


TOOL.write_bytes(pathlib.Path("/bin/busybox").read_bytes())
TOOL.chmod(0o755)
pathlib.Path("/dev/mqueue").mkdir(exist_ok=True)
with Daemon(RULES, name="doors") as daemon:
    main([
        test_no_probe_is_put_into_a_program,
        test_no_event_waits_for_an_agents_answer,
        test_no_port_of_the_hardware_is_opened,
        test_a_process_does_not_name_its_own_executable,
        test_no_device_gets_another_name,
        test_no_message_queue_is_made_or_taken_away,
        test_a_flag_that_only_execve_may_set_opens_nothing_else,
        test_no_call_of_a_file_system_goes_past_the_hooks_of_files,
        test_an_approved_program_is_traced_by_nobody_else,
        test_a_program_that_is_traced_when_it_starts_is_shown_as_traced,
    ])
