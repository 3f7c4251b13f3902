# SPDX-License-Identifier: Apache-2.0
"""Opens of files: told apart, created right, held, and exactly once."""
import contextlib
import ctypes
import os
import subprocess

from harness import ACTOR, Daemon, TMP, finish, main, wait_until
from matrix import Form, OUTCOMES, run_matrix

WORK = TMP / "files"
OLD = "old text"


def rule(name, on, path, verdict, more=""):
    return f'  - {{id: {name}, on: [{on}], path: ["{path}"], verdict: {verdict}, reason: A test{more}}}\n'


RULES = "".join([
    rule("refuse-open", "open", f"{WORK}/deny/**", "deny"),
    rule("ask-briefly", "open", f"{WORK}/expire/**", "ask", ", timeout: 2s"),
    rule("ask-open", "open", f"{WORK}/{{approve,refuse,cancel,handle}}/**", "ask"),
    rule("strict-read", "read", f"{WORK}/strict/*", "ask"),
    rule("strict-write", "write", f"{WORK}/strict/denied", "deny"),
    rule("tool-only", "read", f"{WORK}/tool/*", "deny", f', executable: ["{WORK}/bin/special"]'),
    rule("alias", "open", f"{WORK}/alias/real", "deny"),
    rule("overlay", "open", f"{WORK}/overlay/**", "ask"),
    rule("shown", "any", f"{WORK}/shown/{{lower,upper,ruled-*}}/**", "deny"),
    rule("cold-deny", "any", f"{WORK}/ext4/denied", "deny"),
    rule("no-pipes", "open", "pipe:*", "deny", ', executable: ["/usr/bin/tee"]'),
    rule("cold-create", "create", f"{WORK}/ext4/**", "ask"),
    rule("cold-write", "write", f"{WORK}/ext4/asked", "ask"),
])


def path_of(outcome, name):
    path = WORK / outcome / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def writing_form(name, operation, flags, new, old=OLD):
    """Writes NEW, which leaves `new` in a file that had `old` in it (None: there was none)."""
    if old is not None:
        for outcome in OUTCOMES:
            path_of(outcome, name).write_text(old)

    def effect(outcome):
        path = path_of(outcome, name)
        now = path.read_text() if path.exists() else None
        return {old: 0, new: 1}.get(now, 99)

    return Form(name, operation, lambda o: ["store", flags, path_of(o, name), "NEW"], lambda o: str(path_of(o, name)),
                effect, ("store ok 3",), ("store EPERM",))


def opening_form(name, operation, flags, effect=None, object_below=""):
    return Form(name, operation, lambda o: ["open", flags, path_of(o, name)],
                lambda o: str(path_of(o, name)) + object_below, effect, ("open ok 0",), ("open EPERM",))


def read_form():
    for outcome in OUTCOMES:
        path_of(outcome, "read").write_text(OLD + "\n")
    return Form("read", "read", lambda o: ["cat", path_of(o, "read")], lambda o: str(path_of(o, "read")), None,
                ("cat ok 0", OLD), ("cat EPERM",))


def read32_form():
    """From a 32-bit system call."""
    for outcome in OUTCOMES:
        path_of(outcome, "read32").write_text(OLD)
    return Form("read32", "read", lambda o: ["open32", path_of(o, "read32")], lambda o: str(path_of(o, "read32")), None,
                ("open ok 0",), ("open EPERM",))


def read_truncate_form():
    for outcome in OUTCOMES:
        path_of(outcome, "read-truncate").write_text(OLD)
    return opening_form("read-truncate", "read+write", "read,trunc",
                        lambda o: {len(OLD): 0, 0: 1}[path_of(o, "read-truncate").stat().st_size])


def neither_form():
    """Access mode 3 opens for ioctls only; it is taken as both."""
    for outcome in OUTCOMES:
        path_of(outcome, "neither").write_text(OLD)
    return opening_form("neither", "read+write", "neither")


def temporary_form():
    """A file without a name: what counts is the directory that it is made in."""
    for outcome in OUTCOMES:
        path_of(outcome, "temporary").mkdir(exist_ok=True)
    return opening_form("temporary", "create", "both,tmpfile", object_below="/#tmpfile")


def fifo_form():
    """Opening a FIFO runs the hook again inside the same call when it waits for the other end."""
    for outcome in OUTCOMES:
        os.mkfifo(path_of(outcome, "fifo"))
    return opening_form("fifo", "read", "read,nonblock")


def test_every_kind_of_open_in_every_outcome():
    run_matrix(DAEMON, [
        read_form(),
        read32_form(),
        writing_form("write", "write", "write", "NEW text"),
        writing_form("both", "read+write", "both", "NEW text"),
        writing_form("append", "write", "write,append", OLD + "NEW"),
        writing_form("truncate", "write", "write,trunc", "NEW"),
        read_truncate_form(),
        neither_form(),
        writing_form("create", "create", "write,create", "NEW", old=None),
        writing_form("exclusive", "create", "write,create,excl", "NEW", old=None),
        writing_form("existing", "write", "write,create", "NEW text"),
        opening_form("create-to-read", "create", "read,create", lambda o: int(path_of(o, "create-to-read").exists())),
        temporary_form(),
        fifo_form(),
    ])


def new_requests(seen):
    return [r for r in DAEMON.requests() if r["id"] not in seen]


def known():
    return {r["id"] for r in DAEMON.requests()}


def test_an_open_for_both_takes_the_stricter_verdict():
    seen = known()
    path_of("strict", "denied").write_text(OLD)
    path_of("strict", "asked").write_text(OLD)
    assert DAEMON.run(ACTOR, "open", "both", WORK / "strict/denied") == (0, "open EPERM\n")
    assert not new_requests(seen)
    process = DAEMON.spawn(ACTOR, "open", "both", WORK / "strict/asked")
    request = DAEMON.wait_request()
    assert request["access"]["operation"] == "read+write" and request["rule"]["id"] == "strict-read", request
    DAEMON.approve(request)
    assert finish(process) == (0, "open ok 0\n")


def test_a_rule_for_one_executable_leaves_others_alone():
    special = path_of("bin", "special")
    special.write_bytes(ACTOR.read_bytes())
    special.chmod(0o755)
    path_of("tool", "file").write_text(OLD)
    assert DAEMON.run(ACTOR, "open", "read", WORK / "tool/file") == (0, "open ok 0\n")
    assert DAEMON.run(special, "open", "read", WORK / "tool/file", "+", "open", "read", ACTOR) == (0, "open EPERM\nopen ok 0\n")


def test_other_names_of_a_file_lead_to_the_same_rule():
    real = path_of("alias", "real")
    real.write_text(OLD)
    (WORK / "alias/link").symlink_to(real)
    (WORK / "alias/relative").symlink_to("real")
    names = [real, WORK / "alias/link", WORK / "alias/relative", f"{WORK}/alias/../alias//./real", f"/proc/self/root{real}",
             f"/proc/self/cwd{real}"]
    words = [word for name in names for word in ("open", "read", name, "+")]
    assert DAEMON.run(ACTOR, *words, "chdir", WORK / "alias", "+", "open", "read", "real", "+", "say", "on", cwd="/") \
        == (0, "open EPERM\n" * 7 + "on\n")


# An agent's program: the file argv[1] is its standard input. It says what came of opening each of the names that follow.
BY_NAMES = """
import errno, mmap, os, sys
real, *names = sys.argv[1:]
place, known = (os.open(path, os.O_PATH) for path in (os.path.dirname(real), real))
memory = mmap.mmap(0, 1, mmap.MAP_PRIVATE, mmap.PROT_READ)
mapped = '-'.join(f'{int(end, 16):x}' for line in open('/proc/self/maps') if real in line for end in line.split()[0].split('-'))
for name in names:
    try:
        os.close(os.open(name.format(**globals()), os.O_RDONLY))
        print('ok', name)
    except OSError as error:
        print(errno.errorcode[error.errno], name)
"""


def test_the_links_of_proc_lead_to_the_same_rule_also_those_of_processes_outside():
    real = path_of("alias", "real")
    real.write_text(OLD)
    path_of("alias", "free").write_text(OLD)
    # Names of the first process are the host's. Those of the second lead into a mount namespace that is neither the host's nor one's own.
    outsiders = [subprocess.Popen([*words, "sleep", "1000"], cwd=real.parent) for words in ([], ["unshare", "-m"])]
    own = ["/proc/self/fd/{known}", "/dev/fd/{known}", "/proc/self/fd/{place}/real", "/dev/stdin", "/proc/self/map_files/{mapped}",
           "/proc/thread-self/fd/{known}", "/proc/thread-self/root{real}", "/proc/thread-self/cwd/real"]
    others = [name.replace("PID", str(process.pid)) for process in outsiders
              for name in ("/proc/PID/cwd/real", "/proc/PID/root{real}", "/proc/PID/task/PID/root{real}")]
    others += [f"/proc/{os.getpid()}/root{{real}}", f"/proc/{outsiders[1].pid}/cwd/free"]
    open_ones = [f"/proc/{outsiders[0].pid}/cwd/free", "/proc/self/fd/{place}/free"]
    try:
        wait_until("it has mounts of its own", lambda: os.readlink(f"/proc/{outsiders[1].pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt"))
        with open(real, encoding="utf8") as file:
            status, output = DAEMON.run("python3", "-ISc", BY_NAMES, real, *own, *others, *open_ones, stdin=file, cwd=real.parent)
        assert (status, output.splitlines()) == (0, [f"EPERM {name}" for name in own + others] + [f"ok {name}" for name in open_ones])
    finally:
        for process in outsiders:
            process.kill()
            process.wait()


# An agent's program: takes a file by its handle, which names it by a number that its file system knows.
BY_HANDLE = """
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
path, handle = sys.argv[1], ctypes.create_string_buffer(bytes.fromhex(sys.argv[2]), 136)
place = os.open(os.path.dirname(path), os.O_RDONLY)
def call(number, *words):
    got = libc.syscall(number, *words)
    if got < 0: raise OSError(ctypes.get_errno(), '')
    return got
def by_handle(flags): return call(304, place, handle, flags)
known = f'/proc/self/fd/{by_handle(os.O_PATH)}'
for attempt in (lambda: by_handle(os.O_RDONLY), lambda: by_handle(os.O_WRONLY), lambda: open(known), lambda: os.truncate(known, 0),
                lambda: os.chmod(known, 0), lambda: os.utime(known), lambda: os.setxattr(known, 'trusted.x', b'1'),
                lambda: call(322, int(known[14:]), b'', None, None, 0x1000)):
    try:
        attempt()
        print('did it')
    except OSError as error:
        print(errno.errorcode[error.errno])
"""


def handle_of(path):
    """What name_to_handle_at says, in hexadecimal digits."""
    libc, handle = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(136)
    handle[0] = 128
    if libc.syscall(303, -100, os.fsencode(path), handle, ctypes.byref(ctypes.c_int()), 0):
        raise OSError(ctypes.get_errno(), "name_to_handle_at", path)
    return handle.raw[:8 + handle.raw[0]].hex()


def test_a_file_that_is_opened_by_its_handle_is_under_its_rule_or_refused():
    with ext4() as (mount, mounted):
        denied = mounted / "denied"
        denied.write_text(OLD)
        denied.chmod(0o755)
        handle, unresolved = handle_of(denied), DAEMON.counters()["unresolved"]
        assert DAEMON.run("python3", "-ISc", BY_HANDLE, denied, handle) == (0, "EPERM\n" * 8)
        assert DAEMON.counters()["unresolved"] == unresolved, "its name is known, and so it is its rule that refused"
        cold(mount, mounted)
        assert DAEMON.run("python3", "-ISc", BY_HANDLE, denied, handle) == (0, "EPERM\n" * 8)
        assert DAEMON.counters()["unresolved"] == unresolved + 8, "nobody has looked its directory up: it has no name"
        assert denied.read_text() == OLD and denied.stat().st_mode & 0o777 == 0o755 and not os.listxattr(denied)


def test_a_pipe_is_opened_again_by_who_has_it_and_by_nobody_else():
    through = "cat <(echo one); echo two >/dev/stderr; echo three | cat /dev/stdin; echo four >/proc/self/fd/1"
    assert DAEMON.run("bash", "-c", through) == (0, "one\ntwo\nthree\nfour\n")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as outsider:
        steps = [word for number, flag in ((0, "write"), (1, "read")) for word in ("open", flag, f"/proc/{outsider.pid}/fd/{number}", "+")]
        assert DAEMON.run(ACTOR, *steps, "say", "on") == (0, "open EPERM\nopen EPERM\non\n")
        assert outsider.communicate(b"its own", timeout=60)[0] == b"its own"
    assert DAEMON.run("tee", "/dev/stderr") == (1, "tee: /dev/stderr: Operation not permitted\n")
    DAEMON.wait_record("denial", lambda record: record.get("rule") == "no-pipes" and record["access"]["object"] == "pipe:")


def test_an_open_for_the_path_only_is_no_access():
    seen = known()
    path_of("refuse", "path-only").write_text(OLD)
    assert DAEMON.run(ACTOR, "open", "path", WORK / "refuse/path-only") == (0, "open ok 0\n")
    assert not new_requests(seen)


def test_a_path_that_is_too_long_to_know_is_denied():
    deep = WORK / "deep"
    deep.mkdir(parents=True)
    made = subprocess.run([ACTOR, "deep", deep, "there", "write,create"], check=True, capture_output=True, text=True)
    assert made.stdout == "open ok 0\n"
    unresolved = DAEMON.counters()["unresolved"]
    steps = ["deep", deep, "there", "read", "+", "deep", deep, "new", "write,create", "+", "say", "on"]
    assert DAEMON.run(ACTOR, *steps) == (0, "open EPERM\nopen EPERM\non\n")
    assert DAEMON.counters()["unresolved"] >= unresolved + 2
    DAEMON.wait_record("denial", lambda record: record["cause"] == "unresolved")
    # By relative names, as it was made: the runner cannot name what is inside.
    subprocess.run(["rm", "-rf", deep], check=True)


def test_a_file_on_an_overlay_is_asked_about_once():
    top = WORK / "overlay"
    for name in ("lower", "upper", "work", "merged"):
        (top / name).mkdir(parents=True)
    for name in ("read", "write"):
        (top / "lower" / name).write_text(OLD)
    options = f"lowerdir={top}/lower,upperdir={top}/upper,workdir={top}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, top / "merged"], check=True)
    try:
        for step, operation, printed in ((["cat", top / "merged/read"], "read", f"cat ok 0\n{OLD}"),
                                         (["store", "write,append", top / "merged/write", "NEW"], "write", "store ok 3\n"),
                                         (["store", "write,create", top / "merged/new", "NEW"], "create", "store ok 3\n")):
            seen = known()
            process = DAEMON.spawn(ACTOR, *step)
            request = DAEMON.wait_request()
            assert request["access"]["object"] == str(step[-2] if step[0] == "store" else step[-1]), request["access"]
            assert request["access"]["operation"] == operation, request["access"]
            assert not (top / "upper/new").exists()
            DAEMON.approve(request)
            assert finish(process) == (0, printed)
            assert len(new_requests(seen)) == 1, new_requests(seen)
        assert (top / "upper/write").read_text() == OLD + "NEW"
        assert (top / "upper/new").read_text() == "NEW"
    finally:
        subprocess.run(["umount", top / "merged"], check=True)


def test_mounts_of_others_are_under_the_rules_of_their_own_path_and_not_of_what_they_show():
    """An overlay reads and writes its layers for itself, and a bind mount has no layers: only naming the mount helps."""
    top = WORK / "shown"
    for name in ("lower", "upper", "work", "overlay", "bound", "ruled-overlay", "ruled-bound"):
        (top / name).mkdir(parents=True)
    (top / "lower/key").write_text(OLD)
    lower = f"lowerdir={top}/lower"
    mounts = [["-t", "overlay", "-o", f"{lower},upperdir={top}/upper,workdir={top}/work", "overlay", top / "overlay"],
              ["-t", "overlay", "-o", f"{lower}:{top}/work", "overlay", top / "ruled-overlay"],
              ["--bind", top / "lower", top / "bound"], ["--bind", top / "lower", top / "ruled-bound"]]
    steps = {("cat", top / "lower/key"): "cat EPERM\n",
             ("store", "write,append", top / "lower/key", "NEW"): "store EPERM\n",
             ("cat", top / "overlay/key"): f"cat ok 0\n{OLD}",
             ("store", "write,append", top / "overlay/key", "NEW"): "store ok 3\n",
             ("store", "write,create", top / "overlay/planted", "NEW"): "store ok 3\n",
             ("cat", top / "upper/planted"): "cat EPERM\n",
             ("cat", top / "bound/key"): f"cat ok 0\n{OLD}",
             ("cat", top / "ruled-overlay/key"): "cat EPERM\n",
             ("cat", top / "ruled-bound/key"): "cat EPERM\n"}
    try:
        for mount in mounts:
            subprocess.run(["mount", *mount], check=True)
        printed = DAEMON.run(ACTOR, *[word for step in steps for word in (*step, "+")], "say", "on")
        assert printed == (0, "".join(steps.values()) + "on\n"), printed
        assert ((top / "lower/key").read_text(), (top / "upper/key").read_text()) == (OLD, OLD + "NEW")
        assert (top / "upper/planted").read_text() == "NEW"
    finally:
        for mount in mounts:
            subprocess.run(["umount", mount[-1]], check=True)


def test_a_creation_that_turns_out_to_be_an_open_does_not_keep_the_question():
    """The kernel asks about the creation before it looks whether the file exists, and then drops the answer."""
    with ext4() as (mount, mounted):
        for name in ("free", "asked"):
            (mounted / name).write_text(OLD)
        seen = known()
        cold(mount, mounted)
        process = DAEMON.spawn(ACTOR, "store", "write,create", mounted / "free", "NEW", "+", "say", "on")
        assert finish(process) == (0, "store ok 3\non\n")
        wait_until("the question is gone", lambda: not DAEMON.requests("open"))
        assert {r["state"] for r in new_requests(seen)} <= {"cancelled"}, new_requests(seen)
        cold(mount, mounted)
        process = DAEMON.spawn(ACTOR, "store", "write,create", mounted / "asked", "NEW", "+", "say", "on")
        request = wait_until("the write is asked about",
                             lambda: [r for r in DAEMON.requests("open") if r["access"]["operation"] == "write"])[0]
        assert (mounted / "asked").read_text() == OLD
        DAEMON.approve(request)
        assert finish(process) == (0, "store ok 3\non\n")
        assert (mounted / "free").read_text() == (mounted / "asked").read_text() == "NEW text"


@contextlib.contextmanager
def ext4():
    """A file system that forgets, mounted on a directory of the rules: (the command that mounted it, the directory)."""
    image, mounted = TMP / "ext4.image", WORK / "ext4"
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    mounted.mkdir(parents=True, exist_ok=True)
    subprocess.run(["modprobe", "-a", "loop", "ext4"], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    mount = ["mount", "-o", "loop", image, mounted]
    subprocess.run(mount, check=True)
    try:
        yield mount, mounted
    finally:
        subprocess.run(["umount", mounted], check=True)


def cold(mount, mounted):
    """Nothing of the file system is in the dentry cache any more."""
    subprocess.run(["umount", mounted], check=True)
    subprocess.run(mount, check=True)


with Daemon(RULES, name="files") as DAEMON:
    main([
        test_every_kind_of_open_in_every_outcome,
        test_an_open_for_both_takes_the_stricter_verdict,
        test_a_rule_for_one_executable_leaves_others_alone,
        test_other_names_of_a_file_lead_to_the_same_rule,
        test_the_links_of_proc_lead_to_the_same_rule_also_those_of_processes_outside,
        test_a_file_that_is_opened_by_its_handle_is_under_its_rule_or_refused,
        test_a_pipe_is_opened_again_by_who_has_it_and_by_nobody_else,
        test_an_open_for_the_path_only_is_no_access,
        test_a_path_that_is_too_long_to_know_is_denied,
        test_a_file_on_an_overlay_is_asked_about_once,
        test_mounts_of_others_are_under_the_rules_of_their_own_path_and_not_of_what_they_show,
        test_a_creation_that_turns_out_to_be_an_open_does_not_keep_the_question,
    ])
