# SPDX-License-Identifier: Apache-2.0
"""stress-ng's file, exec and socket stressors, each with a bounded number of operations and --verify: without Holdpoint, and
as an agent whose every exec, open and change below its directory, connect and send is asked and approved by a script. Same results."""
import re
import shutil
import subprocess
import time

from approver import Approver, nobody_left, nothing_lost
from harness import TMP, Daemon, main

TREE = TMP / "tree"
LIMIT = 900  # seconds for one stressor
RULES = f"""
  - id: exec
    on: [exec]
    verdict: ask
    reason: Every program
    timeout: 60m
  - id: open
    on: [open]
    path: ["{TREE}", "{TREE}/**"]
    verdict: ask
    reason: Every file of the tree
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


def free_start(*words, **options):
    return subprocess.Popen(words, **options)


def free_finish(process, limit):
    return process.communicate(timeout=limit)[0].decode(errors="replace")


def stress(start, finish, stressor, operations, *more):
    """Exit status, what failed, and the operations that were counted; and the seconds."""
    TREE.mkdir()
    shutil.chown(TREE, 65534, 65534)
    # Not as root: the exec stressors refuse that. The same random numbers each time.
    command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "stress-ng", f"--{stressor}", "1",
               f"--{stressor}-ops", str(operations), *more, "--verify", "--no-rand-seed", "--metrics", "--timeout", "0", "--temp-path",
               str(TREE)]
    begin = time.monotonic()
    process = start(*command, cwd=TREE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = finish(process, LIMIT)
    seconds = time.monotonic() - begin
    left = sorted(str(path) for path in TREE.rglob("*"))
    shutil.rmtree(TREE)
    counted = re.search(rf"metrc: \[\d+\] {stressor} +(\d+) ", output)
    failed = re.findall(r"stress-ng: (?:fail|error|warn): .*", output)
    assert counted and not failed and not left, (left, output)
    return (process.returncode, int(counted.group(1))), seconds


# The stressor tries names that are too long for any file system, two in each operation. The kernel asks its modules about a
# creation before it looks the name up; such a name is no path, so it is refused, and then the look-up's own error is returned.
TOO_LONG = {"filename": 2}


def same(*stressors):
    """The stressors, each (name, operations, option...), give the same with and without."""
    free = {words[0]: stress(free_start, free_finish, *words) for words in stressors}
    assert [found for found, _ in free.values()] == [(0, words[1]) for words in stressors], free
    with Daemon(RULES, name=stressors[0][0]) as daemon:
        for name, operations, *more in stressors:
            with Approver(daemon) as approver:
                asked = stress(daemon.spawn, approver.finish, name, operations, *more)
            nobody_left(daemon)
            grown = approver.grown()
            print(f"     {name} {operations}: {free[name][1]:.1f} s without, {asked[1]:.1f} s with {approver.approved} approved, "
                  f"{approver.late} late, {grown['held']} holds", flush=True)
            assert asked[0] == free[name][0], (name, asked, free[name])
            too_long = TOO_LONG.get(name, 0) * operations
            nothing_lost(grown, {"denied": too_long, "unresolved": too_long} if too_long else {})


def test_file_stressors_count_and_verify_as_without_holdpoint():
    same(("open", 40), ("dentry", 20), ("filename", 3), ("rename", 20), ("hdd", 10))


def test_exec_stressors_count_and_verify_as_without_holdpoint():
    same(("exec", 20, "--exec-max", "4"), ("spawn", 10), ("fork", 20), ("vfork", 20))


def test_socket_stressors_count_and_verify_as_without_holdpoint():
    same(("sock", 3), ("udp", 5), ("sockfd", 5), ("sockmany", 2), ("sockabuse", 1))


main([
    test_file_stressors_count_and_verify_as_without_holdpoint,
    test_exec_stressors_count_and_verify_as_without_holdpoint,
    test_socket_stressors_count_and_verify_as_without_holdpoint,
])
