# SPDX-License-Identifier: Apache-2.0
"""Hold and allow, again and again, on two processors: nobody is left behind. HOLDPOINT_TEST_ROUNDS: how many in all."""
import os
import shutil
import time

from held import ACTOR, INPUT, TOOL, finish, leaves, run_cases

ROUNDS = int(os.environ.get("HOLDPOINT_TEST_ROUNDS", "1000"))


def test_nobody_is_left_behind(daemon):
    shutil.copy(ACTOR, TOOL)  # small, for speed
    # The input is bound to the request, so a grant is compared by the daemon at each hold and never by the kernel alone.
    first = daemon.spawn(ACTOR, "exec", TOOL, "cat", INPUT)
    daemon.approve(daemon.wait_request(), scope="session")
    assert finish(first) == (0, "cat ok 0\ncontent\nchild ok 0\n")
    before = daemon.counters()
    start = time.monotonic()
    with open(os.devnull, "w") as nowhere:
        storms = [daemon.spawn(ACTOR, "storm", ROUNDS // 2, TOOL, "cat", INPUT, stdout=nowhere, stderr=None) for _ in range(2)]
    limit = float(os.environ.get("HOLDPOINT_TEST_ROUNDS_LIMIT", "600"))
    assert [storm.wait(limit) for storm in storms] == [0, 0]
    after = daemon.counters()
    wanted = ROUNDS // 2 * 2
    assert after["held"] - before["held"] == wanted, (before, after)
    assert after["released"] - before["released"] == wanted, (before, after)
    assert after["lost_bells"] == before["lost_bells"] and not leaves() and not daemon.requests("open")
    print(f"     {wanted} rounds, {(time.monotonic() - start) / wanted * 1000:.1f} ms each", flush=True)


run_cases("rounds", [test_nobody_is_left_behind])
