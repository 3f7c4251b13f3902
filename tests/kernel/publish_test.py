# SPDX-License-Identifier: Apache-2.0
"""Policies into the kernel: one that it does not take leaves the former one in force, and generations only rise."""
import ctypes
import subprocess

from harness import LIMIT, PINS, TMP, Daemon, main

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


def test_a_policy_that_the_kernel_does_not_take_is_told_and_the_former_one_stays():
    """The agents' rules are in the kernel by then: they go out again."""
    before = generation()
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
        test_who_has_mounts_of_its_own_is_judged_by_the_new_policy_too,
        test_a_policy_that_the_kernel_does_not_take_is_told_and_the_former_one_stays,
        test_nor_the_former_one_whole_is_told_too,
    ])
