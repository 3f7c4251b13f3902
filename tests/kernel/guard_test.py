# SPDX-License-Identifier: Apache-2.0
"""No agent reaches what decides about it: the API socket, the daemon, the maps, the store, other sessions. All as root."""
import os
import pathlib
import signal
import socket
import subprocess

from harness import LIMIT, PINS, TMP, Daemon, finish, main, process_state, wait_until
from mounting import LIBC, namespace_of_its_own, shared_mounts

RULES = """
  - id: unused
    on: [read]
    path: ["/nowhere"]
    verdict: deny
    reason: Nothing is there
"""

# An agent's program: runs the statements that it is given, says what came of each.
TRY = """
import array, ctypes, errno, os, signal, socket, sys
def from_memory(to, data):
    memory = os.memfd_create('data')
    os.write(memory, data)
    os.sendfile(to, memory, 0, len(data))
def from_pipe(to, data):
    out, into = os.pipe()
    os.write(into, data)
    os.splice(out, to, len(data))
def name(error): return errno.errorcode.get(error.errno, str(error.errno))
for statement in sys.argv[1:]:
    try:
        exec(statement)
        print('did it', flush=True)
    except OSError as error:
        print('refused', name(error), flush=True)
"""


def attempts(statements, session="guard", **options):
    """What came of each, by one process of the session: a process takes longer than all that it tries."""
    status, output = daemon.run("python3", "-c", TRY, *statements, session=session, **options)
    said = output.splitlines()
    assert status == 0 and len(said) == len(statements), output
    return said


def attempt(statement, **options):
    return attempts([statement], **options)[0]


def refused(*statements, errors=("EPERM",), **options):
    for statement, said in zip(statements, attempts(statements, **options)):
        assert said in {f"refused {error}" for error in errors}, (statement, said)


def test_the_socket_refuses_whatever_name_leads_to_it():
    link = TMP / "link.sock"
    link.symlink_to(api)
    other = TMP / "hard.sock"
    os.link(api, other)
    connect = "socket.socket(socket.AF_UNIX).connect({!r})"
    refused(*(connect.format(str(path)) for path in (api, link, other, f"/proc/self/root{api}", "api.sock")), cwd=daemon.runtime)
    nobody = "os.setgid(0); os.setuid(65534)\n" + connect.format(str(api))
    refused(nobody, errors=("EPERM", "EACCES"))
    assert daemon.get("/v1/health")["enforcing"], "and the untagged still come in"


def connected():
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(api))
    return client


REQUEST = "b'GET /v1/requests HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'"


def test_a_connection_that_was_inherited_is_useless():
    with connected() as client:
        sends = ("os.write({}, {})", "socket.socket(fileno=os.dup({})).send({})", "socket.socket(fileno=os.dup({})).sendmsg([{}])",
                 "from_memory({}, {})", "from_pipe({}, {})")
        refused(*(send.format(client.fileno(), REQUEST) for send in sends), pass_fds=[client.fileno()])
        client.send(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(1, socket.MSG_PEEK), "the answer is there"
        refused(*(read.format(client.fileno()) for read in ("os.read({}, 100)", "socket.socket(fileno=os.dup({})).recv(100)")),
                pass_fds=[client.fileno()])
        assert b"200" in client.recv(100), "its owner still talks"


def test_a_connection_that_was_passed_is_useless():
    receive = ("ours = socket.socket(fileno={})\n"
               "_, extra, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))\n"
               "passed = array.array('i'); passed.frombytes(extra[0][2][:4])\n"
               "os.write(passed[0], {})")
    ours, theirs = socket.socketpair()
    with ours, theirs, connected() as client:
        socket.send_fds(ours, [b"x"], [client.fileno()])
        refused(receive.format(theirs.fileno(), REQUEST), pass_fds=[theirs.fileno()])


def test_the_daemon_gets_no_signal():
    pid = daemon.process.pid
    numbers = (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGCONT, signal.SIGUSR1)
    refused(*(f"os.kill({pid}, {int(number)})" for number in numbers), f"signal.pidfd_send_signal(os.pidfd_open({pid}), 9)")
    assert daemon.process.poll() is None and process_state(pid) != "T"


def test_a_descriptor_sends_the_daemon_no_signal():
    """By F_SETOWN and F_SETSIG; the kernel sends it, in nobody's name."""
    plant = ("import fcntl\nours, theirs = socket.socketpair()\n"
             "fcntl.fcntl(ours, fcntl.F_SETOWN, {})\nfcntl.fcntl(ours, fcntl.F_SETSIG, 9)\n"
             "fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)\ntheirs.send(b'x')")
    outsider = subprocess.Popen(["sleep", "1000"])
    assert attempt(plant.format(outsider.pid)) == "did it"
    assert outsider.wait(LIMIT) == -signal.SIGKILL, "to others it is as ever"
    before = daemon.counters()["denied"]
    assert attempt(plant.format(daemon.process.pid)) == "did it"
    assert daemon.process.poll() is None and daemon.counters()["denied"] > before


def test_the_daemon_keeps_its_share_of_the_machine():
    pid = daemon.process.pid
    statements = (f"os.setpriority(os.PRIO_PROCESS, {pid}, 19)", f"os.sched_setaffinity({pid}, {{0}})",
                      f"os.sched_setscheduler({pid}, os.SCHED_IDLE, os.sched_param(0))",
                      f"import resource; resource.prlimit({pid}, resource.RLIMIT_NOFILE, (3, 3))",
                      f"libc = ctypes.CDLL(None, use_errno=True)\nif libc.syscall(251, 1, {pid}, 3 << 13) < 0: raise OSError(ctypes.get_errno(), '')")
    refused(*statements)
    own = attempts([statement.replace(str(pid), "os.getpid()") for statement in statements])
    assert set(own) == {"did it"}, f"one's own is free: {own}"


def test_nothing_in_proc_changes_the_daemon():
    """By the number of any of its threads, and through another procfs too."""
    main, *others = sorted(os.listdir(f"/proc/{daemon.process.pid}/task"), key=int)
    own = TMP / "proc"
    own.mkdir()
    subprocess.run(["mount", "-t", "proc", "proc", own], check=True)
    try:
        entries = (main, f"{main}/task/{main}", *others[:1], *(f"{main}/task/{other}" for other in others[:1]))
        files = [f"{root}/{entry}/oom_score_adj" for root in ("/proc", own) for entry in entries]
        refused(*(f"os.open('{file}', os.O_WRONLY)" for file in files))
        free = [f"os.open('{file}', os.O_RDONLY)" for file in files] + ["os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'1')"]
        assert set(attempts(free)) == {"did it"}, "looking, and one's own, are free"
    finally:
        subprocess.run(["umount", own], check=True)


def test_the_hosts_mounts_stay_as_they_are():
    """Whatever is mounted hides something, or is a second name for it."""
    place, kept = TMP / "place", TMP / "kept"
    for directory in (place, kept):
        directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", kept], check=True)
    libc = "libc = ctypes.CDLL(None, use_errno=True)\nif {} < 0:\n  raise OSError(ctypes.get_errno(), '')"
    fresh = ("libc = ctypes.CDLL(None, use_errno=True)\ncontext = libc.syscall(430, b'proc', 0)\nlibc.syscall(431, context, 6, 0, 0, 0)\n"
             "made = libc.syscall(432, context, 0, 0)\nassert made >= 0\n"
             "if libc.syscall(429, made, b'', -100, {!r}, 4) < 0:\n  raise OSError(ctypes.get_errno(), '')")
    try:
        calls = (f"libc.mount(b'proc', {bytes(place)!r}, b'proc', 0, None)",              # a new one
                     f"libc.mount({bytes(daemon.state)!r}, {bytes(place)!r}, None, 4096, None)",  # MS_BIND
                     f"libc.mount(b'x', {bytes(daemon.runtime)!r}, b'tmpfs', 0, None)",        # over the guard's own
                     f"libc.mount({bytes(kept)!r}, {bytes(place)!r}, None, 8192, None)",          # MS_MOVE
                 f"libc.mount(b'x', {bytes(kept)!r}, None, 33, None)",                        # MS_REMOUNT, read-only
                     f"libc.umount2({bytes(kept)!r}, 2)", "libc.umount2(b'/sys/fs/bpf', 2)", "libc.umount2(b'/sys/fs/cgroup', 2)",
                     f"libc.syscall(155, {bytes(kept)!r}, {bytes(kept)!r})")                    # pivot_root
        refused(*(libc.format(call) for call in calls), fresh.format(bytes(place)))
        own = libc.format("libc.unshare(0x20000)")                                                          # CLONE_NEWNS
        private, hidden = (libc.format(f"libc.mount(b'x', b'/', {kind}, None)") for kind in ("b'', (1 << 18) | (1 << 14)", "b'tmpfs', 0"))
        taken = libc.format(f"libc.umount2({bytes(kept)!r}, 2)")
        # What it shares with the host it does not change; what it has for itself it may, and another name is no way round.
        subprocess.run(["mount", "--make-rshared", "/"], check=True)
        bound = libc.format(f"libc.mount({bytes(daemon.state)!r}, {bytes(place)!r}, None, 4096 | (1 << 18), None)")  # MS_BIND, MS_PRIVATE
        host = os.open("/", os.O_PATH)
        foreign = libc.format(f"libc.mount(None, b'/proc/self/fd/{host}', None, (1 << 18) | (1 << 14), None)")
        refused("\n".join((own, hidden)), "\n".join((own, taken)), "\n".join((own, bound)), "\n".join((own, foreign)), pass_fds=[host])
        os.close(host)
        cgroups = libc.format(f"libc.mount(b'x', {bytes(place)!r}, b'cgroup2', 0, None)")
        kill = f"os.open('{place}/cgroup.procs', os.O_WRONLY)"
        proc = libc.format(f"libc.mount(b'x', {bytes(place)!r}, b'proc', 0, None)")
        silenced = [f"os.open('{place}/sys/kernel/{name}', os.O_WRONLY)" for name in ("ftrace_enabled", "core_pattern", "modprobe")]
        said = attempts([own, private, taken, cgroups, kill, f"os.mkdir('{place}/x')", proc, *silenced])
        assert said == ["did it"] * 4 + ["refused EPERM"] * 2 + ["did it"] + ["refused EPERM"] * len(silenced), said
        assert os.path.ismount(kept) and not os.path.ismount(place)
        assert (pathlib.Path(PINS) / "holdpoint").exists()
    finally:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["umount", kept], check=True)


def mount_attempts(*statements, **options):
    """What came of the last of them."""
    *before, last = attempts([LIBC, *statements], **options)
    assert set(before) == {"did it"}, before
    return last


def test_in_a_namespace_of_ones_own_one_mounts():
    """As a service manager does for a unit: slaves of the host's, which are shared among themselves again."""
    with shared_mounts() as (kept, place):
        own = f"{bytes(place)!r}, b'tmpfs'"
        said = attempts([LIBC, "own()", "mount(None, b'/', None, REC | SHARED)", f"mount(b'x', {own}, 0)",
                         f"mount(b'x', {own}, REMOUNT, b'size=1m')", f"umount({bytes(place)!r})", f"umount({bytes(kept)!r}, 2)",
                         f"mount(b'/sys', {bytes(place)!r}, None, BIND | REC)", f"umount({bytes(place)!r}, 2)",
                         "call(442, -100, b'/', 0x8000, ctypes.create_string_buffer(32), 32)"])
        assert said == ["did it"] * 10, said
        assert mount_attempts("own()", "mount(b'x', b'/sys/fs/cgroup', b'cgroup2', REMOUNT)") == "refused EPERM", "the host has it too"
        assert os.path.ismount(kept) and os.path.ismount("/sys/fs/cgroup") and os.path.ismount("/sys/fs/bpf")


def test_while_anything_propagates_to_the_host_nothing_is_mounted():
    """Nothing that is private already is a place to bind what is not, or to take it away with its tree."""
    with shared_mounts() as (kept, place):
        inner = kept / "inner"
        inner.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", inner], check=True)
        private = f"unshare(); mount(None, {bytes(kept)!r}, None, PRIVATE)"
        rest = f"mount(None, {bytes(inner)!r}, None, PRIVATE)"
        for statement in (f"mount(b'/sys', {bytes(kept)!r}, None, BIND | REC)", f"umount({bytes(kept)!r}, 2)",
                          f"mount({bytes(inner)!r}, {bytes(kept)!r}, None, MOVE)"):
            assert mount_attempts(private, statement) == "refused EPERM", statement
            assert mount_attempts(private, rest, statement) == "refused EPERM", statement
        assert os.path.ismount(inner) and os.path.ismount("/sys/fs/bpf")


def test_a_detached_tree_of_the_hosts_gets_no_place():
    """open_tree(OPEN_TREE_CLONE, AT_RECURSIVE) in the host's namespace, move_mount in one's own; also beneath another mount."""
    with shared_mounts() as (kept, place):
        clone = "tree = call(428, -100, {}, 0x8001)"
        move = f"call(429, tree, b'', -100, {bytes(place)!r}, {{}})"
        for flags in (0x4,) if os.uname().release.startswith("6.1.") else (0x4, 0x204):  # the kernel's from 6.5 on
            said = mount_attempts(clone.format(repr(bytes(kept))), "own()", move.format(flags))
            assert said == "refused EPERM", (flags, said)
        assert mount_attempts("own()", clone.format(repr(bytes(kept))), move.format(4)) == "did it", "one's own does"


def test_attributes_of_the_hosts_mounts_stay():
    with shared_mounts() as (kept, place):
        read_only = "call(442, -100, {!r}, 0, (ctypes.c_ulonglong * 4)(1, 0, 0, 0), 32)"
        assert mount_attempts(read_only.format(bytes(kept))) == "refused EPERM"
        (kept / "written").touch()
        assert mount_attempts("own()", read_only.format(bytes(kept))) == "did it"
        (kept / "written").touch()


def test_no_file_system_is_stopped():
    """The daemon's is the host's: whoever froze it would stop the daemon too."""
    for request in ("0xc0045877", "0xc0045878", "0x8004587d"):
        ask = f"import fcntl; fcntl.ioctl(os.open({str(TMP)!r}, os.O_RDONLY), {request}, b'\\0\\0\\0\\0')"
        assert attempt(ask) == "refused EPERM", request


def test_nothing_is_typed_into_a_terminal_and_no_snapshot_made():
    """What is typed for a person approves; a snapshot (of btrfs, bcachefs) is a second name for all that is below."""
    begin = "import fcntl, pty, termios\nfd = pty.openpty()[1]\nos.setsid()\nfcntl.ioctl(fd, termios.TIOCSCTTY)"
    typed = [f"fcntl.ioctl(fd, {call}, b'x')" for call in (0x5412, 0x541c)]  # TIOCSTI, TIOCLINUX
    numbers = [(0x94, number) for number in (1, 14, 15, 17, 19, 23, 24, 26, 37, 38, 63)] + [(0xbc, 16), (0xbc, 17)]
    trees = [f"fcntl.ioctl(os.open('/tmp', os.O_RDONLY), {1 << 30 | 4096 << 16 | kind << 8 | number}, bytearray(4096))"
             for kind, number in numbers]
    clone = "fcntl.ioctl(os.open('/tmp', os.O_RDONLY), 0x40049409, 1)"  # FICLONE, whose files are open
    tried = [begin, *typed, *trees, clone, "fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))"]
    free = subprocess.run(["python3", "-c", TRY, *tried], capture_output=True, text=True, check=True).stdout.splitlines()
    assert free[:2] == ["did it"] * 2 and "refused EPERM" not in free, free
    assert attempts(tried) == ["did it"] + ["refused EPERM"] * (2 + len(trees)) + [free[-2], "did it"], free


def test_the_daemons_namespace_is_kept_like_the_hosts():
    """An agent of root's may enter it. Through a descriptor: it opens none by itself."""
    namespace = os.open(f"/proc/{daemon.process.pid}/ns/mnt", os.O_RDONLY)
    try:
        assert os.fstat(namespace).st_ino != os.stat("/proc/self/ns/mnt").st_ino
        enter = f"call(308, {namespace}, 0)"
        for statement in ("mount(b'x', b'/mnt', b'tmpfs', 0)", "umount(b'/sys/fs/bpf', 2)", "mount(None, b'/', None, REC | PRIVATE)",
                          "call(442, -100, b'/', 0x8000, ctypes.create_string_buffer(32), 32)"):
            assert mount_attempts(enter, statement, pass_fds=[namespace]) == "refused EPERM", statement
    finally:
        os.close(namespace)


def test_its_programs_and_units_are_not_changed():
    """What the next start would run, untagged. (The package is not installed here.)"""
    unit = pathlib.Path("/etc/systemd/system/holdpointd.service.d")
    unit.mkdir(parents=True, exist_ok=True)
    # For all services. Not below /run/systemd/system, by which programs tell that systemd runs here.
    others = pathlib.Path("/run/systemd/system.control/service.d")
    others.mkdir(parents=True, exist_ok=True)
    create = "os.open('{}', os.O_WRONLY | os.O_CREAT)".format
    refused(create(unit / "evil.conf"), create(others / "evil.conf"), create("/etc/ld.so.preload"), f"os.rmdir('{unit}')",
            f"os.symlink('/dev/null', '{unit.parent}/holdpointd.service')", create("/usr/sbin/holdpointd"))
    assert list(unit.iterdir()) == list(others.iterdir()) == [] and not os.path.exists("/etc/ld.so.preload")


def test_nobody_outside_the_session_is_traced():
    # A process of root's, as the daemon is: through either an agent would speak to the API.
    outsider = subprocess.Popen(["sleep", "1000"])
    try:
        pids = (daemon.process.pid, outsider.pid)
        calls = [call for pid in pids for call in (f"101, 0x4206, {pid}, 0, 0",          # ptrace(PTRACE_SEIZE)
                                                   f"438, os.pidfd_open({pid}), 0, 0",   # pidfd_getfd
                                                   f"310, {pid}, piece, 1, piece, 1, 0")]  # process_vm_readv
        refused(*("libc = ctypes.CDLL(None, use_errno=True)\nroom = ctypes.create_string_buffer(8)\n"
                  "piece = (ctypes.c_uint64 * 2)(ctypes.addressof(room), 8)\n"
                  f"if libc.syscall({call}) < 0:\n  raise OSError(ctypes.get_errno(), '')" for call in calls))
        refused(*(f"os.open('/proc/{pid}/mem', os.O_RDWR)" for pid in pids), errors=("EACCES", "EPERM"))
    finally:
        outsider.kill()
        outsider.wait()
    own = daemon.spawn("sleep", "1000", session="guard")
    assert attempt(f"os.open('/proc/{own.pid}/mem', os.O_RDWR)") == "did it", "its own session's may be"
    own.kill()
    own.communicate()


def test_there_is_no_bpf_for_agents():
    bpf = "libc = ctypes.CDLL(None, use_errno=True)\nif libc.syscall(321, {}, ctypes.create_string_buffer(128), 128) < 0:\n  raise OSError(ctypes.get_errno(), '')"
    refused(*(bpf.format(command) for command in (0, 1, 5, 7, 11, 12, 14, 28)))


def test_pins_store_and_policies_are_not_written():
    files = [pathlib.Path(PINS) / "holdpoint/maps/verdicts", daemon.state / "holdpoint.db", daemon.runtime / "api.sock",
             daemon.policies / "10-test.yaml", next((daemon.state / "records").iterdir())]
    before = [os.stat(file).st_size for file in files]
    refused(*(f"os.open({str(file)!r}, os.O_WRONLY{more})" for file in files for more in ("", " | os.O_TRUNC")),
            errors=("EPERM", "EACCES", "ENXIO"))
    assert all(os.stat(file).st_size >= size for file, size in zip(files, before)), "nothing is cut"
    made = [directory / "new" for directory in (daemon.state, daemon.runtime, daemon.policies)]
    refused(*(f"os.open({str(file)!r}, os.O_WRONLY | os.O_CREAT)" for file in made))
    assert not any(file.exists() for file in made)


def test_pins_store_and_policies_are_not_taken_away():
    pins = pathlib.Path(PINS) / "holdpoint"
    links = next(path for path in pins.iterdir() if path.name.startswith("links-"))
    kept = [links / "hp_file_open", daemon.state / "holdpoint.db", daemon.policies / "10-test.yaml"]
    changes = ("os.unlink({!r})", "os.rename({!r}, {!r} + '2')", "os.link({!r}, {!r} + '2')", "os.chmod({!r}, 0o666)", "os.utime({!r})")
    refused(*(change.format(str(file), str(file)) for file in kept for change in changes))
    refused(*(f"os.truncate({str(file)!r}, 0)" for file in kept), errors=("EPERM", "EINVAL"))
    assert all(file.exists() for file in kept)
    directories = (pins, daemon.state, TMP)
    refused(*(f"os.rename({str(directory)!r}, {str(directory) + '2'!r})" for directory in directories), errors=("EPERM", "EBUSY"))
    assert all(directory.exists() for directory in directories)


def test_other_sessions_get_no_signal():
    other = daemon.spawn("sleep", "1000", session="other")
    own = daemon.spawn("sleep", "1000", session="guard")
    refused(*(f"os.kill({other.pid}, {int(number)})" for number in (signal.SIGKILL, signal.SIGCONT, signal.SIGTERM)))
    assert other.poll() is None
    assert attempt(f"os.kill({own.pid}, 15)").startswith("did"), "its own session's may be ended"
    assert own.wait(LIMIT) == -15
    other.kill()
    finish(other)


def test_what_was_tried_is_recorded():
    """With the rule and the file where a rule by path said no, with the cause where the kernel side itself did."""
    def missing():
        denials = [record for record in daemon.records() if record["kind"] == "denial"]
        by_rule = {(record.get("rule"), record["access"]["object"]) for record in denials}
        causes = {record.get("cause") for record in denials}
        wanted = {("guard:daemon-files", str(daemon.state / "holdpoint.db")), ("guard:daemon-sockets", str(api)),
                  ("guard:installed", "/usr/sbin/holdpointd")}
        return (wanted - by_rule) | ({"guard"} - causes)
    wait_until("records of it", lambda: not missing())


with Daemon(RULES, name="guard", prepare=namespace_of_its_own) as daemon:
    api = daemon.runtime / "api.sock"
    main([
        test_the_socket_refuses_whatever_name_leads_to_it,
        test_a_connection_that_was_inherited_is_useless,
        test_a_connection_that_was_passed_is_useless,
        test_the_daemon_gets_no_signal,
        test_a_descriptor_sends_the_daemon_no_signal,
        test_the_daemon_keeps_its_share_of_the_machine,
        test_nothing_in_proc_changes_the_daemon,
        test_the_hosts_mounts_stay_as_they_are,
        test_in_a_namespace_of_ones_own_one_mounts,
        test_while_anything_propagates_to_the_host_nothing_is_mounted,
        test_a_detached_tree_of_the_hosts_gets_no_place,
        test_attributes_of_the_hosts_mounts_stay,
        test_no_file_system_is_stopped,
        test_nothing_is_typed_into_a_terminal_and_no_snapshot_made,
        test_the_daemons_namespace_is_kept_like_the_hosts,
        test_its_programs_and_units_are_not_changed,
        test_nobody_outside_the_session_is_traced,
        test_there_is_no_bpf_for_agents,
        test_pins_store_and_policies_are_not_written,
        test_pins_store_and_policies_are_not_taken_away,
        test_other_sessions_get_no_signal,
        test_what_was_tried_is_recorded,
    ])
