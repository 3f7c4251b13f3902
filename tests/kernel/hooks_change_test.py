# SPDX-License-Identifier: Apache-2.0
"""Changes of names and attributes: each call in each outcome, other names of what is protected, plants, overlays."""
import fcntl
import os
import stat
import struct
import subprocess

from approver import Approver
from harness import ACTOR, Daemon, TMP, main
from matrix import OUTCOMES, Form, run_matrix

WORK = TMP / "changes"
TRUSTED = "trusted.holdpoint"
LIST = "system.posix_acl_access"
READABLE = struct.pack("<I" + 5 * "HHI", 2, 1, 6, 2**32 - 1, 2, 4, 1234, 4, 4, 2**32 - 1, 16, 4, 2**32 - 1, 32, 4, 2**32 - 1)


def rule(name, on, paths, verdict, more=""):
    listed = ", ".join(f'"{WORK}/{path}"' for path in paths.split())
    return f"  - {{id: {name}, on: {on}, path: [{listed}], verdict: {verdict}, reason: A test{more}}}\n"


RULES = "".join([
    rule("refuse-change", "change", "deny/**", "deny"),
    rule("ask-briefly", "change", "expire/**", "ask", ", timeout: 2s"),
    rule("ask-change", "change", "{approve,refuse,cancel,handle}/**", "ask"),
    rule("overlay", "change", "overlay/**", "ask"),
    rule("keys", "[read]", "home/*/.keys/**", "deny"),
    rule("plants", "change", "home/*/.rc home/*/.start/**", "deny"),
    '  - {id: hooks, on: change, path: "/**/.hooks/*", verdict: deny, reason: A test}\n',
    rule("watched", "[read]", "kept/file", "ask"),
    rule("kept", "[create, write]", "kept/file", "ask"),
    '  - {id: named, on: read, path: "/**/secret-*", verdict: deny, reason: A test}\n',
])


def path_of(outcome, name):
    path = WORK / outcome / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def other_of(outcome, name):
    return path_of(outcome, name + ".new")


FEWER = ("allow", "deny", "approve", "refuse")  # where a neighbour goes the same way in all of them

# Each form gets the same words for its rules and its effects: `make` prepares a path, `seen` says how often it was changed.

def form(step, operation, make, words, seen, object_of=None, name=None, outcomes=tuple(o for o in OUTCOMES if o != "handle")):
    name = name or step
    for outcome in outcomes:
        make(path_of(outcome, name))
    return Form(name, operation, lambda o: [step, *words(path_of(o, name), other_of(o, name))],
                lambda o: (object_of or (lambda p, q: str(p)))(path_of(o, name), other_of(o, name)),
                lambda o: int(seen(path_of(o, name), other_of(o, name))), (f"{step} ok 0",), (f"{step} EPERM",),
                outcomes=outcomes)


def nothing(path):
    pass


def file_at(path, text="content"):
    path.write_text(text)
    path.chmod(0o644)


def listed(path):
    file_at(path)
    os.setxattr(path, TRUSTED, b"x")


def with_access_list(path):
    file_at(path)
    os.setxattr(path, LIST, READABLE)


def pair(path):
    file_at(path, "one")
    file_at(path.with_name(path.name + ".new"), "two")


def both(path, other):
    return f"{path} -> {other}"


def new_names():
    yield form("mkdir", "mkdir", nothing, lambda p, q: [p], lambda p, q: p.is_dir())
    yield form("fifo", "mknod", nothing, lambda p, q: [p], lambda p, q: p.is_fifo())
    yield form("bind", "mknod", nothing, lambda p, q: [p], lambda p, q: p.is_socket())
    yield form("device", "mknod", nothing, lambda p, q: [p], lambda p, q: p.is_char_device(), outcomes=FEWER)
    yield form("symlink", "symlink", nothing, lambda p, q: ["/target", p], lambda p, q: p.is_symlink(),
               lambda p, q: f"{p} -> /target")


def moved(path, other):
    return {(True, False): 0, (False, True): 1}.get((path.exists(), other.exists()), 99)


def whitened(path, other):
    return {(False, False): 0, (True, True): 1}.get((path.is_char_device(), other.exists()), 99)


def old_names():
    yield form("unlink", "delete", file_at, lambda p, q: [p], lambda p, q: not p.exists(), outcomes=OUTCOMES)
    yield form("rmdir", "rmdir", os.mkdir, lambda p, q: [p], lambda p, q: not p.exists())
    yield form("move", "rename", file_at, lambda p, q: [p, q], moved, both, outcomes=OUTCOMES)
    yield form("move", "rename", pair, lambda p, q: [p, q], lambda p, q: not p.exists() and q.read_text() == "one", both, "over")
    yield form("exchange", "exchange", pair, lambda p, q: [p, q], lambda p, q: {"one": 0, "two": 1}[p.read_text()], both)
    yield form("whiteout", "rename", file_at, lambda p, q: [p, q], whitened, both,
               outcomes=FEWER)
    yield form("link", "link", file_at, lambda p, q: [p, q], lambda p, q: p.stat().st_nlink - 1, both)


def attributes():
    yield form("truncate", "truncate", file_at, lambda p, q: [p, 1], lambda p, q: {7: 0, 1: 1}[p.stat().st_size])
    yield form("chmod", "chmod 0600", file_at, lambda p, q: [p, "600"], lambda p, q: stat.S_IMODE(p.stat().st_mode) == 0o600)
    yield form("chown", "chown 1:2", file_at, lambda p, q: [p, 1, 2], lambda p, q: (p.stat().st_uid, p.stat().st_gid) == (1, 2))
    yield form("times", "times", file_at, lambda p, q: [p, 1000], lambda p, q: p.stat().st_mtime == 1000)
    yield form("setxattr", "xattr", file_at, lambda p, q: [p, TRUSTED], lambda p, q: TRUSTED in os.listxattr(p),
               lambda p, q: f"{p} {TRUSTED}")
    yield form("removexattr", "xattr", listed, lambda p, q: [p, TRUSTED], lambda p, q: TRUSTED not in os.listxattr(p),
               lambda p, q: f"{p} {TRUSTED}")
    yield form("acl", "xattr", file_at, lambda p, q: [p], lambda p, q: LIST in os.listxattr(p), lambda p, q: f"{p} {LIST}")
    yield form("chattr", "flags", file_at, lambda p, q: [p], lambda p, q: flags_of(p) != 0)


def attributes_by_other_calls():
    """By a descriptor, by other names of a call, and by 32-bit system calls, which have numbers of their own."""
    def extended(step):
        gone = "remove" in step
        return form(step, "xattr", listed if gone else file_at, lambda p, q: [p, TRUSTED],
                    lambda p, q: (TRUSTED in os.listxattr(p)) != gone, lambda p, q: f"{p} {TRUSTED}", outcomes=FEWER)

    for step in ("fsetxattr", "fremovexattr", "setxattr32", "removexattr32"):
        yield extended(step)
    for step in ("truncate32", "truncate64"):
        yield form(step, "truncate", file_at, lambda p, q: [p, 1], lambda p, q: {7: 0, 1: 1}[p.stat().st_size], outcomes=FEWER)
    yield form("removexattr", "xattr", with_access_list, lambda p, q: [p, LIST], lambda p, q: LIST not in os.listxattr(p),
               lambda p, q: f"{p} {LIST}", "remove-acl")
    for step in ("fsxattr", "chattr32"):
        yield form(step, "flags", file_at, lambda p, q: [p], lambda p, q: flags_of(p) != 0)


def flags_of(path):
    with open(path, "rb") as file:
        return struct.unpack("l", fcntl.ioctl(file, 0x80086601, bytes(8)))[0] & 0x40


def test_names_that_come_in_every_outcome():
    run_matrix(DAEMON, list(new_names()))


def test_names_that_go_or_move_in_every_outcome():
    run_matrix(DAEMON, list(old_names()))


def test_attributes_in_every_outcome():
    run_matrix(DAEMON, list(attributes()))


def test_attributes_by_descriptors_and_by_32_bit_calls_in_four_outcomes():
    run_matrix(DAEMON, list(attributes_by_other_calls()))


def act(*steps, **options):
    """Runs the steps as an agent and gives what they printed, a word each."""
    words = [word for step in steps for word in (*step, "+")]
    status, output = DAEMON.run(ACTOR, *words, "say", "on", **options)
    assert status == 0 and output.endswith("on\n"), (status, output)
    return [line.split()[1] for line in output.splitlines()[:-1]]


def known():
    return {r["id"] for r in DAEMON.requests()}


def test_what_ordinary_permissions_refuse_asks_nobody():
    seen = known()
    file_at(path_of("refuse", "others"))
    there = WORK / "refuse/others"
    assert act(("become", 65534), ("unlink", there), ("mkdir", WORK / "refuse/more"), ("move", there, WORK / "refuse/more")) \
        == ["EACCES"] * 3
    assert act(("rmdir", WORK / "refuse/absent"), ("mkdir", there)) == ["ENOENT", "EEXIST"]
    assert known() == seen, "nobody was asked"


def test_row_44_a_file_that_was_opened_for_writing_is_cut_without_another_question():
    seen = known()
    path_of("free", "x")
    assert act(("ftruncate", WORK / "free/cut")) == ["ok"]
    assert known() == seen and (WORK / "free/cut").stat().st_size == 3


def home():
    """Two people's homes, one with keys in it, and a free place beside."""
    for name in ("home/u/.keys", "home/v", "free", "free/tree", "free/inner/.keys"):
        (WORK / name).mkdir(parents=True, exist_ok=True)
    for name in ("home/u/.keys/key", "home/u/plain", "free/plain", "free/secret-1", "free/script"):
        file_at(WORK / name)


def test_row_46_a_file_that_may_not_be_read_gets_no_other_name():
    home()
    key, free = WORK / "home/u/.keys/key", WORK / "free"
    assert act(("link", key, free / "k"), ("move", key, free / "k"), ("exchange", key, free / "plain"),
               ("link", free / "secret-1", free / "k")) == ["EPERM"] * 4
    assert not (free / "k").exists() and key.exists()
    assert act(("link", free / "secret-1", free / "secret-2"), ("unlink", free / "secret-2")) == ["ok"] * 2, \
        "the rules say the same about both names"


def test_row_46_a_directory_that_protected_files_are_below_does_not_move():
    home()
    assert act(("move", WORK / "home/u/.keys", WORK / "free/k"), ("move", WORK / "home/u", WORK / "free/k"),
               ("move", WORK / "home", WORK / "house"), ("move", WORK, TMP / "elsewhere"),
               ("exchange", WORK / "free/tree", WORK / "home/u")) == ["EPERM"] * 5
    assert act(("move", WORK / "free/tree", WORK / "free/tree2"), ("move", WORK / "free/tree2", WORK / "free/tree"),
               ("move", WORK / "home/v", WORK / "home/w"), ("move", WORK / "home/w", WORK / "home/v")) == ["ok"] * 4, \
        "the rules say the same about everything below both names"
    denial = DAEMON.wait_record("denial", lambda r: r["access"]["object"] == f"{WORK}/home -> {WORK}/house")
    assert denial["rule"] == "keys", denial


def test_row_50_a_descriptor_that_opened_nothing_does_not_help():
    file_at(path_of("deny", "handle"))
    assert act(("by-handle", WORK / "deny/handle", WORK / "deny/handle2")) == ["EPERM"] * 3
    assert stat.S_IMODE((WORK / "deny/handle").stat().st_mode) == 0o644
    file_at(path_of("home/u/.keys", "key"))
    assert act(("by-handle", WORK / "home/u/.keys/key", WORK / "free/k"))[1:] == ["EPERM"] * 2


def test_row_61_what_replaces_a_protected_file_is_protected_by_its_name():
    (WORK / "kept").mkdir()
    file_at(WORK / "kept/file")
    file_at(WORK / "kept/next", "next")
    for step in (("move", WORK / "kept/next", WORK / "kept/file"), ("cat", WORK / "kept/file")):
        process = DAEMON.spawn(ACTOR, *step)
        request = DAEMON.wait_request()
        DAEMON.approve(request)
        assert process.wait(60) == 0
    assert request["access"]["operation"] == "read" and request["rule"]["id"] == "watched"


def test_row_65_nothing_is_planted_by_a_move_a_link_or_a_directory():
    home()
    script, user, free = WORK / "free/script", WORK / "home/u", WORK / "free"
    (free / "start/inner").mkdir(parents=True)
    assert act(("symlink", "/tmp", free / "to"), ("symlink", script, user / "link")) == ["ok"] * 2
    planted = [("move", script, user / ".rc"), ("link", script, user / ".rc"), ("symlink", script, user / ".rc"),
               ("exchange", script, user / ".rc"), ("mkdir", user / ".rc"), ("fifo", user / ".rc"),
               ("move", free / "start", user / ".start"), ("move", free / "start", free / ".hooks"),
               ("symlink", free / "start", user / ".start"), ("symlink", free / "start", free / ".hooks"),
               ("move", free / "to", user / ".start"), ("link", free / "to", user / ".start")]
    printed = act(*planted)
    assert printed == ["EPERM", "EPERM", "EPERM", "ENOENT", *["EPERM"] * 8], printed
    assert not (user / ".rc").exists() and not (user / ".start").exists() and not (free / ".hooks").exists()
    assert act(("mkdir", user / ".start"), ("rmdir", user / ".start"), ("move", free / "start", free / "begin")) == ["ok"] * 3


def test_changes_on_an_overlay_are_asked_once_each():
    top = WORK / "overlay"
    for name in ("lower", "upper", "work", "merged"):
        (top / name).mkdir(parents=True)
    names = ["moved", "cut", "mode", "owner", "time", "extended", "listed", "gone", "flagged", "linked"]
    for name in names:
        file_at(top / "lower" / name)
    options = f"lowerdir={top}/lower,upperdir={top}/upper,workdir={top}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, top / "merged"], check=True)
    on = top / "merged"
    steps = [("move", on / "moved", on / "there"), ("truncate", on / "cut", 1), ("chmod", on / "mode", 600),
             ("chown", on / "owner", 1, 2), ("times", on / "time", 1000), ("setxattr", on / "extended", TRUSTED),
             ("acl", on / "listed"), ("unlink", on / "gone"), ("link", on / "linked", on / "second"), ("mkdir", on / "directory"),
             ("symlink", "/x", on / "symbolic"), ("fifo", on / "fifo"), ("rmdir", on / "directory"), ("chattr", on / "flagged")]
    seen = known()
    try:
        with Approver(DAEMON):
            printed = act(*steps, session="overlay")
        assert printed == ["ok"] * len(steps), printed
        asked = [r for r in DAEMON.requests() if r["id"] not in seen]
        assert len(asked) == len(steps), [(r["access"]["operation"], r["access"]["object"]) for r in asked]
        assert all(str(top / "merged") in r["access"]["object"] for r in asked)
        assert (on / "there").exists() and (on / "time").stat().st_mtime == 1000 and not (on / "gone").exists()
    finally:
        subprocess.run(["umount", top / "merged"], check=True)


with Daemon(RULES, name="changes") as DAEMON:
    main([
        test_names_that_come_in_every_outcome,
        test_names_that_go_or_move_in_every_outcome,
        test_attributes_in_every_outcome,
        test_attributes_by_descriptors_and_by_32_bit_calls_in_four_outcomes,
        test_what_ordinary_permissions_refuse_asks_nobody,
        test_row_44_a_file_that_was_opened_for_writing_is_cut_without_another_question,
        test_row_46_a_file_that_may_not_be_read_gets_no_other_name,
        test_row_46_a_directory_that_protected_files_are_below_does_not_move,
        test_row_50_a_descriptor_that_opened_nothing_does_not_help,
        test_row_61_what_replaces_a_protected_file_is_protected_by_its_name,
        test_row_65_nothing_is_planted_by_a_move_a_link_or_a_directory,
        test_changes_on_an_overlay_are_asked_once_each,
    ])
