# SPDX-License-Identifier: Apache-2.0
"""Policies into the kernel: one that it does not take leaves the former one in force, generations only rise, and what waits for a
person under a new one waits on, or is refused."""
import ctypes
import os
import shutil
import signal
import subprocess

from harness import ACTOR, LIMIT, PINS, TMP, Daemon, finish, main, wait_until

SECRET, FREE = TMP / "secret", TMP / "free"
ASKED = TMP / "asked"  # what a person is asked about, until another policy comes
READ, SECOND, BRIEF, TOOL = ASKED / "read", ASKED / "second", ASKED / "brief", ASKED / "tool"
RULES = f"""
  - id: secret
    on: read
    path: {SECRET}
    verdict: deny
    reason: A secret of the test
"""
# Would let the secret go, and not the other.
OTHER = RULES.replace("id: secret", "id: other").replace(str(SECRET), str(FREE))
ASKING = RULES + f"""
  - {{id: brief, on: read, path: "{BRIEF}", verdict: ask, reason: Ask first, timeout: 15s}}
  - {{id: asked, on: [read, exec], path: "{ASKED}/**", verdict: ask, reason: Ask first}}
"""
DENYING = RULES + f"""
  - {{id: shut, on: [read, exec], path: "{ASKED}/**", verdict: deny, reason: Not any more}}
"""
NOW_DENIED = "denied by the policy now in force"
MAPS = PINS + "/holdpoint/maps/"


# Gets a mount namespace, waits for a line, and opens both by a directory from before.
ELSEWHERE = """
import ctypes, errno, os, sys
secret, free = sys.argv[1:]
host = os.open(os.path.dirname(free), os.O_PATH)
if ctypes.CDLL(None).unshare(0x20000) != 0:
    raise OSError('unshare')
print('elsewhere', flush=True)
sys.stdin.readline()
for file in (secret, free):
    try:
        print(os.read(os.open(os.path.basename(file), os.O_RDONLY, dir_fd=host), 9).decode())
    except OSError as error:
        print('refused', errno.errorcode[error.errno])
"""


def freeze(name):
    """No write to this map succeeds any more, whoever tries: BPF_OBJ_GET, then BPF_MAP_FREEZE."""
    libc = ctypes.CDLL(None, use_errno=True)
    path = ctypes.create_string_buffer((MAPS + name).encode())
    map_ = libc.syscall(321, 7, (ctypes.c_uint64 * 3)(ctypes.addressof(path), 0, 0), 24)
    assert map_ >= 0, ctypes.get_errno()
    assert libc.syscall(321, 22, (ctypes.c_uint32 * 2)(map_, 0), 8) == 0, ctypes.get_errno()


def generation():
    return daemon.get("/v1/health")["policy"]["generation"]


def reload(rules):
    daemon.write_policy(rules)
    assert daemon.call("POST", "/v1/policy/reload", {})[0] == 200


def ask(*steps):
    """Waits for a person: the process, and its request."""
    known = {r["id"] for r in daemon.requests()}
    process = daemon.spawn(ACTOR, "catch", "USR1", "+", *steps)
    return process, wait_until("it is asked about", lambda: [r for r in daemon.requests("open") if r["id"] not in known])[0]


def of(request, kind):
    """The record of that kind about the request."""
    return daemon.wait_record(kind, lambda r: r.get("request") == request["id"])


def ends(process, output, request):
    """And nothing is left of its hold that would be held or renewed."""
    found = finish(process)
    assert found == (0, output), found
    wait_until("its hold is over", lambda: daemon.request(request)["holds"][0]["state"] == "ended")


def obeys_the_former_policy():
    status, output = daemon.run("cat", SECRET)
    assert status == 1 and "not permitted" in output, (status, output)
    assert daemon.run("cat", FREE) == (0, "free")


def test_generations_rise_over_a_restart_right_after_many_switches():
    for mode in ("observe", "enforce") * 30:  # more within a second than it has
        assert daemon.call("PUT", "/v1/modes", {"agent": "coder", "mode": mode, "reason": "test"})[0] == 200
    before = generation()
    daemon.stop()
    daemon.start()
    assert generation() > before
    obeys_the_former_policy()


def test_who_has_mounts_of_its_own_is_judged_by_the_new_policy_too():
    """Its program, and what it opened before, have names of the host's. The former answers for its program count no more."""
    process = daemon.spawn("python3", "-c", ELSEWHERE, SECRET, FREE, stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"elsewhere\n"
    assert daemon.call("POST", "/v1/policy/reload", {})[0] == 200
    output, _ = process.communicate(b"go\n", timeout=LIMIT)
    assert output == b"refused EPERM\nfree\n", output


def test_what_waits_stays_a_question_under_a_policy_that_allows_it():
    """Whatever wakes it: only the person lets it pass, and a denial and a deadline refuse it."""
    reload(ASKING)
    late = ask("cat", BRIEF)
    approved, denied, program = ask("cat", READ), ask("cat", SECOND), ask("exec", TOOL, "say", "ran")
    reload(RULES)
    assert daemon.request(late[1])["state"] == "open", "no deadline was over when the policy came"
    assert daemon.run("cat", READ) == (0, "content\n"), "the new policy is in force"
    again = daemon.counters()["held_again"]
    os.kill(approved[0].pid, signal.SIGUSR1)
    wait_until("it is held again", lambda: daemon.counters()["held_again"] > again)
    daemon.approve(approved[1])
    ends(approved[0], "caught ok 10\ncat ok 0\ncontent\n", approved[1])
    assert of(approved[1], "release")["allowed"]
    for (process, request), output in ((denied, "cat EPERM\n"), (program, "exec EPERM\nchild ok 0\n")):
        daemon.deny(request)
        ends(process, output, request)
        assert not of(request, "release")["allowed"]
    ends(late[0], "cat EPERM\n", late[1])
    assert of(late[1], "expiry") and not of(late[1], "release")["allowed"]


def test_what_waits_is_refused_by_a_policy_that_denies_it_whatever_wakes_it():
    reload(ASKING)
    woken, approved, denied = ask("cat", READ), ask("cat", SECOND), ask("exec", TOOL, "say", "ran")
    reload(DENYING)
    os.kill(woken[0].pid, signal.SIGUSR1)
    ends(woken[0], "caught ok 10\ncat EPERM\n", woken[1])
    request = daemon.request(woken[1])
    assert request["state"] == "cancelled" and NOW_DENIED in request["outcome"], request
    assert NOW_DENIED in of(woken[1], "cancellation")["how"]
    daemon.approve(approved[1])
    ends(approved[0], "cat EPERM\n", approved[1])
    assert NOW_DENIED in of(approved[1], "cancellation")["how"]
    daemon.deny(denied[1])
    ends(denied[0], "exec EPERM\nchild ok 0\n", denied[1])
    assert not daemon.requests("open")
    for file in (READ, SECOND, TOOL):
        daemon.wait_record("denial", lambda r, name=str(file): r.get("rule") == "shut" and r["access"]["object"] == name)


def test_what_waits_stays_a_question_while_the_rule_that_denies_it_now_is_disarmed():
    reload(ASKING)
    process, request = ask("cat", READ)
    reload(DENYING)
    assert daemon.call("POST", "/v1/disarm", {"for": "10m", "reason": "test"})[0] == 200
    assert daemon.run("cat", READ) == (0, "content\n")
    daemon.deny(request)
    ends(process, "cat EPERM\n", request)
    assert not of(request, "release")["allowed"]
    assert daemon.call("DELETE", "/v1/disarm")[0] == 204
    reload(RULES)


def test_a_policy_that_the_kernel_does_not_take_is_told_and_the_former_one_stays():
    """The agents' rules are in the kernel by then: they go out again."""
    before = generation()
    daemon.hands_on = False
    freeze("variables")
    daemon.write_policy(OTHER, extra="environment: [NEW]\n")
    status, problem = daemon.call("POST", "/v1/policy/reload", {})
    assert status == 409 and "cannot write a variable's name" in problem["detail"] and "in force again" in problem["hint"], problem
    obeys_the_former_policy()
    records = [r for r in daemon.records() if r["kind"].startswith("policy_")][-3:]
    assert [r["kind"] for r in records] == ["policy_loaded", "policy_loaded", "policy_refused"], records
    assert [r.get("origin") for r in records[:2]] == ["reload", "former"], records
    assert before < records[0]["policy_generation"] < records[1]["policy_generation"] == generation(), records
    denial = daemon.wait_record("denial", lambda r: r["policy_generation"] == generation())
    assert denial["rule"] == "secret", denial


def test_nor_the_former_one_whole_is_told_too():
    daemon.write_policy(OTHER)
    daemon.hands_on = False
    freeze("agent_names")
    status, problem = daemon.call("POST", "/v1/policy/reload", {})
    assert status == 500 and "nor the whole of the former one again" in problem["detail"], problem
    assert "restart holdpointd" in problem["hint"], problem
    obeys_the_former_policy()


SECRET.write_text("secret")
FREE.write_text("free")
ASKED.mkdir()
for asked in (READ, SECOND, BRIEF):
    asked.write_text("content\n")
shutil.copy(ACTOR, TOOL)
with Daemon(RULES, name="publish") as daemon:
    main([
        test_generations_rise_over_a_restart_right_after_many_switches,
        test_who_has_mounts_of_its_own_is_judged_by_the_new_policy_too,
        test_what_waits_stays_a_question_under_a_policy_that_allows_it,
        test_what_waits_is_refused_by_a_policy_that_denies_it_whatever_wakes_it,
        test_what_waits_stays_a_question_while_the_rule_that_denies_it_now_is_disarmed,
        test_a_policy_that_the_kernel_does_not_take_is_told_and_the_former_one_stays,
        test_nor_the_former_one_whole_is_told_too,
    ])
