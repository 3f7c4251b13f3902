# SPDX-License-Identifier: Apache-2.0
"""Policies into the kernel: one that it does not take leaves the former one in force, and generations only rise."""
import ctypes

from harness import PINS, TMP, Daemon, main

SECRET, FREE = TMP / "secret", TMP / "free"
RULES = f"""
  - id: secret
    on: read
    path: {SECRET}
    verdict: deny
    reason: A secret of the test
"""
# Would let the secret go, and not the other.
OTHER = RULES.replace("id: secret", "id: other").replace(str(SECRET), str(FREE))
MAPS = PINS + "/holdpoint/maps/"


def freeze(name):
    """No write to this map succeeds any more, whoever tries: BPF_OBJ_GET, then BPF_MAP_FREEZE."""
    libc = ctypes.CDLL(None, use_errno=True)
    path = ctypes.create_string_buffer((MAPS + name).encode())
    map_ = libc.syscall(321, 7, (ctypes.c_uint64 * 3)(ctypes.addressof(path), 0, 0), 24)
    assert map_ >= 0, ctypes.get_errno()
    assert libc.syscall(321, 22, (ctypes.c_uint32 * 2)(map_, 0), 8) == 0, ctypes.get_errno()


def generation():
    return daemon.get("/v1/health")["policy"]["generation"]


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


def test_a_policy_that_the_kernel_does_not_take_is_told_and_the_former_one_stays():
    """The agents' rules are in the kernel by then: they go out again."""
    before = generation()
    freeze("variables")
    daemon.write_policy(OTHER, extra="environment: [NEW]\n")
    status, problem = daemon.call("POST", "/v1/policy/reload", {})
    assert status == 500 and "cannot write a variable's name" in problem["detail"] and "in force again" in problem["hint"], problem
    obeys_the_former_policy()
    records = [r for r in daemon.records() if r["kind"].startswith("policy_")][-3:]
    assert [r["kind"] for r in records] == ["policy_loaded", "policy_loaded", "policy_refused"], records
    assert [r.get("origin") for r in records[:2]] == ["reload", "former"], records
    assert before < records[0]["policy_generation"] < records[1]["policy_generation"] == generation(), records
    denial = daemon.wait_record("denial", lambda r: r["policy_generation"] == generation())
    assert denial["rule"] == "secret", denial


def test_nor_the_former_one_whole_is_told_too():
    daemon.write_policy(OTHER)
    freeze("agent_names")
    status, problem = daemon.call("POST", "/v1/policy/reload", {})
    assert status == 500 and "nor the whole of the former one again" in problem["detail"], problem
    assert "restart holdpointd" in problem["hint"], problem
    obeys_the_former_policy()


SECRET.write_text("secret")
FREE.write_text("free")
with Daemon(RULES, name="publish") as daemon:
    main([
        test_generations_rise_over_a_restart_right_after_many_switches,
        test_a_policy_that_the_kernel_does_not_take_is_told_and_the_former_one_stays,
        test_nor_the_former_one_whole_is_told_too,
    ])
