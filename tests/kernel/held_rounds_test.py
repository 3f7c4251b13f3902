# SPDX-License-Identifier: Apache-2.0
"""Hold and allow, again and again, on two processors: nobody is left behind. HOLDPOINT_TEST_ROUNDS: how many in all."""
import os
import time

from held import ACTOR, INPUT, TOOL, finish, leaves, run_cases
from programs import loaded_programs

ROUNDS = int(os.environ.get("HOLDPOINT_TEST_ROUNDS", "1000"))


def processor_time(pid):
    """Seconds in user and kernel mode of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:13]]


def test_nobody_is_left_behind(daemon):
    # An execve that is let through and then fails by its format: a round is a hold, an answer and a restart, and no more.
    # The input is bound to the request, so a grant is compared by the daemon at each hold and never by the kernel alone.
    TOOL.write_text("no program, in letters, so that the kernel looks for no module of its format\n")
    first = daemon.spawn(ACTOR, "storm", 1, TOOL, INPUT)
    daemon.approve(daemon.wait_request(), scope="session")
    assert finish(first) == (0, "storm ok 1\n")
    before = daemon.counters()
    start, cost = time.monotonic(), processor_time(daemon.process.pid)
    storms = [daemon.spawn(ACTOR, "storm", ROUNDS // 2, TOOL, INPUT) for _ in range(2)]
    limit = float(os.environ.get("HOLDPOINT_TEST_ROUNDS_LIMIT", "600"))
    for storm in storms:
        output, _ = storm.communicate(timeout=limit)
        assert (storm.returncode, output) == (0, f"storm ok {ROUNDS // 2}\n".encode()), output
    after = daemon.counters()
    wanted = ROUNDS // 2 * 2
    assert after["held"] - before["held"] == wanted, (before, after)
    assert after["released"] - before["released"] == wanted, (before, after)
    assert after["lost_bells"] == before["lost_bells"] and not leaves() and not daemon.requests("open")
    assert not [program.name for program in loaded_programs() if program.recursion_misses], "a program was left out"
    user, system = [(now - then) / wanted * 1000
                    for now, then in zip(processor_time(daemon.process.pid), cost, strict=True)]
    print(f"     {wanted} rounds, {(time.monotonic() - start) / wanted * 1000:.1f} ms each; of these the daemon took "
          f"{user:.1f} ms in user mode and {system:.1f} ms in the kernel", flush=True)


run_cases("rounds", [test_nobody_is_left_behind])
