# SPDX-License-Identifier: Apache-2.0
"""What cannot be understood is refused with its place and a code, and changes nothing."""
import os
import shutil
import sqlite3
import subprocess

from harness import HOLDPOINTD, LIMIT, TMP, Daemon, main

RULES = """
  - id: unused
    on: [read]
    path: ["/nowhere"]
    verdict: deny
    reason: Nothing is there
"""
HEAD = "version: 1\nagents:\n  coder:\n    cgroups: [\"/x/coder-*\"]\n    default: allow\nrules:\n"
RULE = "  - id: one\n    on: [read]\n    path: [\"/a\"]\n    verdict: deny\n    reason: r\n"

# What is wrong, and where: line and column.
BROKEN = {
    "not closed": (HEAD + "  - id: [one\n", None),
    "unknown key": (HEAD + RULE + "    verdikt: deny\n", (12, 5)),
    "duplicate key": (HEAD + RULE + "    verdict: allow\n", (12, 5)),
    "anchor": (HEAD + RULE.replace("[\"/a\"]", "&a [\"/a\"]"), (9, None)),
    "alias": (HEAD + RULE.replace("[\"/a\"]", "*a"), (9, None)),
    "second document": (HEAD + RULE + "---\nversion: 1\n", (12, 1)),
    "impossible glob": (HEAD + RULE.replace("/a", "/a[z-a]"), (9, None)),
    "unclosed class": (HEAD + RULE.replace("/a", "/a[b"), (9, None)),
    "relative path": (HEAD + RULE.replace("/a", "a"), (9, None)),
    "tab": (HEAD + "\t- id: one\n", (7, None)),
    "not UTF-8": ((HEAD + RULE).encode() + b"# \xff\n", None),
    "unknown verdict": (HEAD + RULE.replace("deny", "perhaps"), (10, None)),
    "unknown agent": (HEAD + RULE + "    agents: [nobody]\n", (12, None)),
    "no version": ("agents: {}\n", None),
}


def run(*arguments, **options):
    return subprocess.run([str(HOLDPOINTD), *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT, **options)


def test_a_broken_policy_is_refused_with_file_line_and_column():
    directory = TMP / "broken"
    directory.mkdir()
    file = directory / "10-broken.yaml"
    for what, (text, place) in BROKEN.items():
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        checked = run("--check", "--policies", directory)
        assert checked.returncode == 3, (what, checked)
        first = next(line for line in checked.stderr.splitlines() if "10-broken.yaml:" in line)
        numbers = first.split("10-broken.yaml:", 1)[1].split(":")
        assert numbers[0].isdigit() and numbers[1].isdigit(), (what, first)
        if place:
            assert int(numbers[0]) == place[0], (what, place, checked.stderr)
            assert place[1] is None or int(numbers[1]) == place[1], (what, place, checked.stderr)
    file.write_text(HEAD + RULE)
    assert run("--check", "--policies", directory).returncode == 0


def test_what_is_no_file_or_cannot_be_read_is_refused():
    directory = TMP / "unreadable"
    directory.mkdir()
    assert run("--check", "--policies", TMP / "missing").returncode == 3
    (directory / "10-dir.yaml").mkdir()
    checked = run("--check", "--policies", directory)
    assert checked.returncode == 3 and "10-dir.yaml" in checked.stderr, checked
    (directory / "10-dir.yaml").rmdir()
    closed = directory / "10-closed.yaml"
    closed.write_text(HEAD + RULE)
    closed.chmod(0)
    checked = run("--check", "--policies", directory, user=65534, group=65534, extra_groups=[])
    assert checked.returncode == 3 and "10-closed.yaml" in checked.stderr, checked


def test_a_kernel_without_bpf_and_a_broken_policy_stop_the_start():
    daemon.stop()
    modules = TMP / "lsm"
    modules.write_text("lockdown,capability,yama,apparmor")
    listed = "/sys/kernel/security/lsm"
    subprocess.run(["mount", "--bind", modules, listed], check=True)
    try:
        tried = run(*daemon.arguments()[1:])
        assert tried.returncode == 5 and "lsm=lockdown,capability,yama,apparmor,bpf" in tried.stderr, tried
    finally:
        subprocess.run(["umount", listed], check=True)
    os.rename(good, good.with_suffix(".off"))
    good.write_text(BROKEN["unknown key"][0])
    try:
        tried = run(*daemon.arguments()[1:])
        assert tried.returncode == 3 and "10-test.yaml:12:5" in tried.stderr, tried
    finally:
        os.rename(good.with_suffix(".off"), good)
        daemon.start()


def test_wrong_options_are_usage():
    for words in (["--nonsense"], ["--state"], ["--state", "relative"], ["extra"], ["--pins", ""]):
        tried = run(*words)
        assert tried.returncode == 2 and tried.stderr.startswith("holdpointd: "), (words, tried)
    assert run("--help").returncode == 0 and run("--version").stdout.startswith("holdpointd ")


def test_a_second_daemon_names_the_first():
    second = run(*daemon.arguments()[1:])
    assert second.returncode == 4 and f"pid {daemon.process.pid}" in second.stderr, second
    assert daemon.get("/v1/health")["enforcing"]


def start_with_store(prepare):
    """A start in a copy of everything but the store; the store is what `prepare` makes of it."""
    state = TMP / "foreign"
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    store = state / "holdpoint.db"
    prepare(store)
    before = store.read_bytes(), sorted(p.name for p in state.iterdir())
    words = daemon.arguments()[1:]
    words[words.index("--state") + 1] = str(state)
    tried = run(*words)
    assert tried.returncode == 1, tried
    assert store.read_bytes() == before[0]
    assert [n for n in sorted(p.name for p in state.iterdir()) if n not in ("lock", "records")] == before[1]
    return tried.stderr


def test_a_foreign_or_newer_store_is_refused_and_untouched():
    def foreign(store):
        with sqlite3.connect(store) as database:
            database.execute("CREATE TABLE other(x)")

    def newer(store):
        shutil.copy(daemon.state / "holdpoint.db", store)
        with sqlite3.connect(store) as database:
            database.execute("PRAGMA journal_mode=DELETE")
            database.execute("PRAGMA user_version=99")

    daemon.stop()
    assert "is not a Holdpoint store" in start_with_store(foreign)
    assert "is not a Holdpoint store" in start_with_store(lambda store: store.write_bytes(b"no database at all"))
    assert "version 99" in start_with_store(newer)
    daemon.start()


with Daemon(RULES, name="input") as daemon:
    good = daemon.policies / "10-test.yaml"
    main([
        test_a_broken_policy_is_refused_with_file_line_and_column,
        test_what_is_no_file_or_cannot_be_read_is_refused,
        test_wrong_options_are_usage,
        test_a_second_daemon_names_the_first,
        test_a_kernel_without_bpf_and_a_broken_policy_stop_the_start,
        test_a_foreign_or_newer_store_is_refused_and_untouched,
    ])
