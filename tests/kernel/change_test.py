# SPDX-License-Identifier: Apache-2.0
"""Changes of names and attributes: each call allowed, denied, held and approved, held and denied; and directories that move."""
import os
import stat

from harness import TMP, Daemon, finish, main, wait_until

WORK = TMP / "change"
CHANGES = "[write, create, delete, link, attributes]"
RULES = f"""
  - id: asked
    on: {CHANGES}
    path: ["{WORK}/asked/**", "{WORK}/refused/**"]
    verdict: ask
    reason: A change of the test
    timeout: 60m
  - id: denied
    on: {CHANGES}
    path: ["{WORK}/denied/**"]
    verdict: deny
    reason: Never
  - id: secret
    on: [read]
    path: ["{WORK}/**/secret"]
    verdict: ask
    reason: A secret of the test
    timeout: 60m
  - id: hidden
    on: [read]
    path: ["{WORK}/**/hidden"]
    verdict: deny
    reason: Never read
"""
TRUSTED = "trusted.holdpoint"

# What an agent calls, with the path at hand as `p` and a free one beside it as `q`; and how it is seen that it happened.
CALLS = {
    "delete": ("os.unlink(p)", lambda p, q: not os.path.lexists(p)),
    "rmdir": ("os.rmdir(p)", lambda p, q: not os.path.lexists(p)),
    "mkdir": ("os.mkdir(q)", lambda p, q: os.path.isdir(q)),
    "mknod": ("os.mkfifo(q)", lambda p, q: os.path.lexists(q) and stat.S_ISFIFO(os.lstat(q).st_mode)),
    "symlink": ("os.symlink('/x', q)", lambda p, q: os.path.islink(q)),
    "link": ("os.link(p, q)", lambda p, q: os.path.lexists(q)),
    "rename": ("os.rename(p, q)", lambda p, q: os.path.lexists(q) and not os.path.lexists(p)),
    "truncate": ("os.truncate(p, 1)", lambda p, q: os.stat(p).st_size == 1),
    "chmod 0600": ("os.chmod(p, 0o600)", lambda p, q: stat.S_IMODE(os.stat(p).st_mode) == 0o600),
    "chown 1:2": ("os.chown(p, 1, 2)", lambda p, q: os.stat(p).st_uid == 1),
    "xattr": (f"os.setxattr(p, '{TRUSTED}', b'x')", lambda p, q: TRUSTED in os.listxattr(p)),
}
OUTCOMES = ("free", "denied", "asked", "refused")


def place(outcome, call):
    path = WORK / outcome / call.replace(" ", "-")
    return path, path.with_name(path.name + ".new")


def prepare():
    for outcome in OUTCOMES:
        (WORK / outcome).mkdir(parents=True)
        for call in CALLS:
            path, _ = place(outcome, call)
            if call == "rmdir":
                path.mkdir()
            else:
                path.write_text("content")
                path.chmod(0o644)


def spawn(call, outcome):
    path, other = place(outcome, call)
    program = f"import os\np, q = {str(path)!r}, {str(other)!r}\ntry:\n  {CALLS[call][0]}\n  print('ok')\n" \
              "except OSError as error:\n  print(error.errno)"
    return daemon.spawn("python3", "-I", "-S", "-c", program, session=outcome)


def done(call, outcome):
    return CALLS[call][1](*map(str, place(outcome, call)))


def test_each_call_in_each_outcome():
    running = {(call, outcome): spawn(call, outcome) for call in CALLS for outcome in OUTCOMES}
    requests = wait_until("all that needs asking is asked", lambda: (r := daemon.requests("open")) and len(r) == 2 * len(CALLS) and r)
    assert not [call for call in CALLS for outcome in ("asked", "refused") if done(call, outcome)], "nothing happens while it is held"
    assert sorted(r["access"]["operation"] for r in requests) == sorted(2 * list(CALLS)), requests
    for request in requests:
        (daemon.approve if "/asked/" in request["access"]["object"] else daemon.deny)(request)
    wanted = {"free": "ok\n", "asked": "ok\n", "denied": "1\n", "refused": "1\n"}
    wrong = []
    for (call, outcome), process in running.items():
        answer = finish(process)
        if answer != (0, wanted[outcome]) or done(call, outcome) != (wanted[outcome] == "ok\n"):
            wrong.append((call, outcome, answer, done(call, outcome)))
    assert not wrong, wrong
    denials = [r for r in daemon.records("denial") if "/denied/" in r["access"]["object"]]
    assert len(denials) == len(CALLS), denials


def run(program, session="more"):
    return daemon.run("python3", "-I", "-S", "-c", f"import os\ntry:\n  {program}\n  print('ok')\nexcept OSError as error:\n  print(error.errno)",
                      session=session)


def test_what_is_protected_below_a_directory_protects_the_directory_from_moving():
    for name in ("plain", "deep"):
        (WORK / "tree" / name / "inner").mkdir(parents=True)
    assert run(f"os.rename('{WORK}/free', '{WORK}/free2')")[1] == "1\n", "a secret could be in it, and something hidden"
    (TMP / "outside").mkdir()
    assert run(f"os.rename('{TMP}/outside', '{TMP}/outside2')") == (0, "ok\n"), "nothing of the policy is there"


def test_a_file_that_may_not_be_read_gets_no_other_name():
    (WORK / "free" / "hidden").write_text("x")
    for call in ("rename", "link"):
        assert run(f"os.{call}('{WORK}/free/hidden', '{WORK}/free/found')") == (0, "1\n")
    assert not (WORK / "free" / "found").exists()


def test_an_ftruncate_of_a_file_that_was_opened_for_writing_asks_nothing_more():
    before = len(daemon.requests())
    assert run(f"f = os.open('{WORK}/free/fresh', os.O_CREAT | os.O_RDWR | os.O_TRUNC); os.ftruncate(f, 3)") == (0, "ok\n")
    assert len(daemon.requests()) == before


def test_a_file_on_an_overlay_changes_with_one_question():
    layers = TMP / "layers"
    for name in ("lower", "upper", "work", "on"):
        (layers / name).mkdir(parents=True)
    (layers / "lower" / "file").write_text("x")
    on = WORK / "asked" / "overlay"
    on.mkdir()
    os.system(f"mount -t overlay overlay -o lowerdir={layers}/lower,upperdir={layers}/upper,workdir={layers}/work {on}")
    try:
        process = daemon.spawn("python3", "-I", "-S", "-c", f"import os; os.rename('{on}/file', '{on}/other'); print('ok')", session="overlay")
        daemon.approve(daemon.wait_request())
        ended = finish(process)
        assert ended == (0, "ok\n"), ended
        assert (on / "other").exists() and not daemon.requests("open")
    finally:
        os.system(f"umount {on}")


prepare()
with Daemon(RULES, name="changes") as daemon:
    main([
        test_each_call_in_each_outcome,
        test_what_is_protected_below_a_directory_protects_the_directory_from_moving,
        test_a_file_that_may_not_be_read_gets_no_other_name,
        test_an_ftruncate_of_a_file_that_was_opened_for_writing_asks_nothing_more,
        test_a_file_on_an_overlay_changes_with_one_question,
    ])
