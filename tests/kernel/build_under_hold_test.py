# SPDX-License-Identifier: Apache-2.0
"""A project is fetched, configured, made and checked twice: without Holdpoint, and as an agent with every exec, every open of
its tree and of the system's headers, every change in the tree, and every connection asked and approved by a script. Both give the same.

Every exec and connection is approved once. An open is asked about once for each file, program, mode and directory, and its
approval holds for the session, since a compiler opens the same headers for each file. The project is small, since a question
takes a fifth of a second under emulation (project.py writes it); what builds it is what builds large ones.
"""
import contextlib
import functools
import hashlib
import http.server
import os
import re
import shutil
import subprocess
import threading
import time

from approver import Approver, nobody_left, nothing_lost
from harness import BUILD, TMP, Daemon, main

TREE = TMP / "tree"  # the same path both times: it is written into what is built
FREE_LIMIT, ASKED_LIMIT = 500, 1200  # seconds for a build; both fit into the time that the test is registered with
RULES = f"""
  - id: exec
    on: [exec]
    verdict: ask
    reason: Every program
    timeout: 60m
  - id: open
    on: [open]
    path: ["{TREE}", "{TREE}/**", "/usr/include/**", "/usr/lib/gcc/*/*/include/**"]
    verdict: ask
    reason: Every file of the tree and every header
    timeout: 60m
  - id: change
    on: [change]
    path: ["{TREE}", "{TREE}/**"]
    verdict: ask
    reason: Every other change in the tree
    timeout: 60m
  - id: network
    on: [network]
    verdict: ask
    reason: Every address
    timeout: 60m
"""
SCRIPT = """
set -e
curl -sSf http://127.0.0.1:{port}/words.tar -o words.tar
tar -xf words.tar
mkdir object
cd object
../words-1.0/configure --disable-dependency-tracking
make -j2
make -j2 check
"""
BUILT = ("object/libwords.a", "object/count", "object/sorted", "object/words_test", "object/config.h")


@contextlib.contextmanager
def served():
    """Port of an HTTP server for words.tar."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=BUILD / "tests/kernel")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def build(start, finish, port, limit):
    """Runs the script by `start` in a fresh tree, to its end by `finish`: (status, output, files, seconds)."""
    (TREE / "tmp").mkdir(parents=True)
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(TREE), "TMPDIR": str(TREE / "tmp"),
                   "CONFIG_SHELL": "/bin/sh"}
    begin = time.monotonic()
    process = start("sh", "-c", SCRIPT.format(port=port), cwd=TREE, env=environment, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = finish(process, limit)
    seconds = time.monotonic() - begin
    found = {str(path.relative_to(TREE)): content(path) for path in TREE.rglob("*")}
    shutil.rmtree(TREE)
    return process.returncode, output, found, seconds


def content(path):
    """Mode and content of a file; without the names in configure's log that differ between any two runs."""
    mode = oct(path.lstat().st_mode)
    if path.is_symlink():
        return mode, os.readlink(path)
    if not path.is_file():
        return mode, ""
    text = path.read_bytes()
    if path.name == "config.log":
        return mode, re.sub(rb"/cc\w{6}\.|\bconf\d+", b"", text).decode().splitlines()
    return mode, hashlib.sha256(text).hexdigest()


def difference(one, other):
    """Of two contents, what a person needs to see."""
    if isinstance(one[1], list) and isinstance(other[1], list):
        return [pair for pair in zip(one[1], other[1]) if pair[0] != pair[1]][:20] or (len(one[1]), len(other[1]))
    return one, other


def test_a_project_builds_as_without_holdpoint():
    with served() as port:
        free = build(lambda *words, **options: subprocess.Popen(words, **options),
                     lambda process, limit: process.communicate(timeout=limit)[0].decode(errors="replace"), port, FREE_LIMIT)
        print(f"     {free[3]:.0f} s without", flush=True)
        assert free[0] == 0 and all(name in free[2] for name in BUILT) and "# PASS:  2" in free[1], free[1]
        with Daemon(RULES) as daemon:
            with Approver(daemon, {"open": "session"}) as approver:
                asked = build(daemon.spawn, approver.finish, port, ASKED_LIMIT)
            nobody_left(daemon)
            grown = approver.grown()
    print(f"     {asked[3]:.0f} s with {approver.approved} requests approved, {approver.late} late, {grown['held']} holds; "
          f"{len(free[2])} files", flush=True)
    assert asked[0] == 0, asked[1][-3000:]
    # Two jobs of make may end in either order.
    assert sorted(asked[1].splitlines()) == sorted(free[1].splitlines()), (asked[1], free[1])
    assert asked[2].keys() == free[2].keys(), asked[2].keys() ^ free[2].keys()
    different = {name: difference(free[2][name], asked[2][name]) for name in free[2] if asked[2][name] != free[2][name]}
    assert not different, different
    assert approver.approved.keys() == {"exec", "open", "change", "network"}, approver.approved
    nothing_lost(grown)


main([test_a_project_builds_as_without_holdpoint])
