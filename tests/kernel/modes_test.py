# SPDX-License-Identifier: Apache-2.0
"""Is what is only observed let pass and told, does a switch take effect at once and stay, and does the first day work?"""
import json
import os
import shutil
import subprocess

from harness import HOLDPOINT, LIMIT, TMP, Daemon, finish, main, process_state, wait_until

FILES = TMP / "files"
RULES = f"""
  - {{id: secrets, on: read, path: "{FILES}/secret*", verdict: deny, reason: No secrets}}
  - {{id: keys, on: read, path: "{FILES}/key", verdict: ask, reason: A key}}
  - {{id: first-name, on: delete, path: "{FILES}/first*", verdict: deny, reason: It stays}}
  - {{id: second-name, on: create, path: "{FILES}/second*", verdict: deny, reason: Not there, mode: enforce}}
  - {{id: inside, on: delete, path: "{FILES}/tree/sub/**", verdict: deny, reason: What is inside}}
  - {{id: tool, on: exec, path: "{FILES}/tool", verdict: deny, reason: A tool}}
  - {{id: loopback, on: network, to: [{{cidr: 127.0.0.1, port: 1}}], verdict: deny, reason: A port}}
  - {{id: socket, on: network, socket: "{FILES}/sock*", verdict: ask, reason: A socket}}
"""
# A policy file as `holdpoint setup` takes one.
POLICY = f"""version: 1
agents:
  original:
    cgroups: [/nowhere.slice/**]
    default: allow
rules:
  - id: letters
    agents: [original]
    on: read
    path: {FILES}/letter
    verdict: deny
    reason: Letters are private
  - id: parcels
    agents: [original]
    on: read
    path: {FILES}/parcel
    verdict: ask
    reason: Parcels are somebody's
"""
NAMELESS = ("import os; f = os.memfd_create('x'); os.write(f, open('/bin/true', 'rb').read()); "
            "os.execve(f, ['true'], {})")
CONNECTS = (f"import socket; print(socket.socket().connect_ex(('127.0.0.1', 1))); "
            f"print(socket.socket(socket.AF_UNIX).connect_ex('{FILES}/sock'))")

# Runs the statement that it is given, and says which error it met.
TRY = """
import ctypes, errno, os, sys
def fail(): raise OSError(ctypes.get_errno(), '')
try:
    exec(sys.argv[1])
    print('did it')
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def make_files():
    shutil.rmtree(FILES, ignore_errors=True)
    (FILES / "tree/sub").mkdir(parents=True)
    for name in ("secret", "secret2", "key", "first", "other", "letter", "parcel", "tree/sub/x"):
        (FILES / name).write_text(name)
    shutil.copy("/bin/true", FILES / "tool")


def holdpoint(daemon, *words, good=True, **options):
    done = subprocess.run([HOLDPOINT, words[0], "--socket", daemon.runtime / "api.sock", *words[1:]], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=LIMIT, check=False, **options)
    assert not good or done.returncode == 0, (words, done)
    return done


def observed(daemon, rule, count=1):
    """The records of what `rule` let pass, once there are `count`."""
    return wait_until(f"{count} observed by {rule}", lambda: len(
        found := [r for r in daemon.records("observed") if r.get("rule") == rule]) >= count and found)


def cat(daemon, name, **options):
    return daemon.run("/bin/cat", FILES / name, **options)


def passes(daemon, name):
    assert cat(daemon, name) == (0, name)


def refused(daemon, name):
    status, output = cat(daemon, name)
    assert status != 0 and "Operation not permitted" in output, (status, output)


def what_is_observed_passes_and_is_told(daemon):
    passes(daemon, "secret")
    record = observed(daemon, "secrets")[0]
    assert record["verdict"] == "deny" and record["reason"] == "No secrets" and record["agent"] == "coder", record
    assert record["access"]["object"] == str(FILES / "secret") and record["access"]["operation"] == "read", record
    passes(daemon, "key")
    assert observed(daemon, "keys")[0]["verdict"] == "ask"
    before = daemon.counters()["observed_counted"]
    for _ in range(3):
        passes(daemon, "secret")
    passes(daemon, "secret2")
    wait_until("another file is told by itself", lambda: any(
        r["access"]["object"].endswith("secret2") for r in observed(daemon, "secrets")))
    assert len(observed(daemon, "secrets")) == 2, "the same access is told once"
    assert daemon.counters()["observed_counted"] == before + 3
    assert not daemon.requests() and not daemon.records("denial")


def what_protects_holdpoint_is_enforced(daemon):
    """An agent that is only observed reaches neither the daemon nor its files, and gets no bpf."""
    before = sorted(os.listdir(daemon.state))
    for statement in (f"os.kill({daemon.process.pid}, 15)",
                      f"os.open('{daemon.state}/new', os.O_WRONLY | os.O_CREAT)",
                      "ctypes.CDLL(None, use_errno=True).syscall(321, 0, bytes(128), 128) < 0 and fail()"):
        status, output = daemon.run("/usr/bin/python3", "-c", TRY, statement)
        assert (status, output.strip()) == (0, "EPERM"), (statement, output)
    assert sorted(os.listdir(daemon.state)) == before and process_state(daemon.process.pid) not in ("", "Z")
    assert not [r for r in daemon.records("observed") if str(r.get("rule")).startswith("guard:")]


def programs_and_connections_that_are_observed_pass(daemon):
    assert daemon.run(FILES / "tool")[0] == 0
    assert observed(daemon, "tool")[0]["verdict"] == "deny"
    assert daemon.run("/usr/bin/python3", "-c", NAMELESS)[0] == 0
    record = observed(daemon, "default:coder")[0]
    assert record["verdict"] == "ask" and "memfd" in record["access"]["object"], record
    status, output = daemon.run("/usr/bin/python3", "-c", CONNECTS)
    assert (status, output.split()) == (0, ["111", "2"]), output  # ECONNREFUSED, ENOENT: and not EPERM
    assert observed(daemon, "loopback")[0]["verdict"] == "deny"
    assert observed(daemon, "socket")[0]["verdict"] == "ask"


def an_observed_name_does_not_hide_an_enforced_one(daemon):
    status, output = daemon.run("/bin/mv", FILES / "first", FILES / "second")
    assert status != 0 and "Operation not permitted" in output, output
    denied = daemon.wait_record("denial", lambda r: r.get("rule") == "second-name")
    assert denied["cause"] == "rule", denied
    assert daemon.run("/bin/mv", FILES / "other", FILES / "other2")[0] == 0
    assert daemon.run("/bin/mv", FILES / "first", FILES / "elsewhere")[0] == 0
    assert observed(daemon, "first-name")[0]["verdict"] == "deny"
    assert daemon.run("/bin/mv", FILES / "tree", FILES / "tree2")[0] == 0
    assert observed(daemon, "inside")[0]["verdict"] == "deny"


def a_switch_takes_effect_at_once_and_is_recorded(daemon):
    assert "enforced" in holdpoint(daemon, "mode", "coder", "enforce", "--reason", "long enough").stdout
    refused(daemon, "secret")
    record = daemon.wait_record("mode")
    assert (record["from"], record["to"], record["reason"]) == ("observe", "enforce", "long enough"), record
    assert record["agent"] == "coder" and "rule" not in record and record["actor"]["id"] == "0", record
    assert holdpoint(daemon, "mode", "coder", "observe", good=False).returncode == 2, "observe needs a reason"
    holdpoint(daemon, "mode", "coder", "observe", "--reason", "once more")
    passes(daemon, "secret")
    assert "coder" in holdpoint(daemon, "status").stdout
    assert "coder (observed)" in holdpoint(daemon, "sessions").stdout
    assert "Only observed" in holdpoint(daemon, "requests").stdout
    holdpoint(daemon, "mode", "coder", "secrets", "enforce", "--reason", "this one at least")
    record = daemon.wait_record("mode", lambda r: r.get("rule") == "secrets")
    assert (record["from"], record["to"], record["reason"]) == ("observe", "enforce", "this one at least"), record
    assert record["agent"] == "coder" and record["actor"]["id"] == "0", record
    refused(daemon, "secret")
    passes(daemon, "key")
    rows = {row["rule"]: row for row in json.loads(holdpoint(daemon, "mode", "--json").stdout)["modes"]}
    assert rows[None]["mode"] == "observe" and rows["secrets"]["mode"] == "enforce" and rows["second-name"]["since"] is None
    assert daemon.call("PUT", "/v1/modes", {"agent": "coder", "rule": "guard:kernel", "mode": "observe", "reason": "x"})[0] == 422
    assert daemon.call("PUT", "/v1/modes", {"agent": "nobody", "mode": "enforce"})[0] == 404


def what_was_asked_stays_a_question(daemon):
    holdpoint(daemon, "mode", "coder", "keys", "enforce")
    held = [daemon.spawn("/bin/cat", FILES / "key", session=name) for name in ("2", "3")]
    asked = daemon.wait_request(2)
    holdpoint(daemon, "mode", "coder", "keys", "observe", "--reason", "too many questions")
    passes(daemon, "key")
    assert {r["id"] for r in daemon.requests("open")} == {r["id"] for r in asked}
    assert all(process.poll() is None and process_state(process.pid) for process in held)
    for request, decision in zip(asked, ("deny", "approve")):
        daemon.decide(request, decision)
    results = sorted(finish(process)[0] for process in held)
    assert results[0] == 0 and results[1] != 0, results


def an_agent_cannot_switch(daemon):
    status, output = daemon.run(HOLDPOINT, "mode", "coder", "secrets", "observe", "--reason", "please",
                                "--socket", daemon.runtime / "api.sock")
    assert status != 0, output
    refused(daemon, "secret")


def only_root_loosens(daemon):
    """A member of the daemon's group answers questions and makes things stricter; less strict is root's, as disarming is."""
    member = {"user": 65534, "group": 0, "extra_groups": []}
    before = daemon.get("/v1/modes?agent=coder")
    for words in (("coder", "observe"), ("coder", "secrets", "observe"), ("coder", "policy"), ("coder", "secrets", "policy")):
        done = holdpoint(daemon, "mode", *words, "--reason", "please", good=False, **member)
        assert done.returncode == 4 and "only root" in done.stderr, done
    assert daemon.get("/v1/modes?agent=coder") == before
    refused(daemon, "secret")
    holdpoint(daemon, "mode", "coder", "secrets", "enforce", "--reason", "still", **member)
    record = daemon.wait_record("mode", lambda r: r.get("reason") == "still")
    assert record["actor"]["id"] == "65534" and record["to"] == "enforce", record


def modes_survive_a_restart(daemon):
    before = daemon.get("/v1/modes")
    daemon.stop()
    daemon.start()
    assert daemon.get("/v1/modes") == before
    refused(daemon, "secret")
    passes(daemon, "key")
    holdpoint(daemon, "mode", "coder", "secrets", "policy")
    passes(daemon, "secret")


def a_broken_file_changes_nothing(daemon):
    broken = daemon.policies / "20-broken.yaml"
    broken.write_text("version: 1\nagents:\n  x: {default: allow, mode: perhaps}\n")
    status, problem = daemon.call("POST", "/v1/policy/reload", {})
    assert status == 422 and "20-broken.yaml:3:29" in problem["detail"], problem
    daemon.wait_record("policy_refused")
    passes(daemon, "secret")
    broken.unlink()


def reported(daemon, *more):
    return json.loads(holdpoint(daemon, "setup", "--report", "--agent", "helper", "--json", *more).stdout)


def the_first_day_works_from_end_to_end(daemon):
    (TMP / "source.yaml").write_text(POLICY)
    words = ("setup", "--yes", "--agent", "helper", "--run", "--policy", TMP / "source.yaml", "--json")
    done = json.loads(holdpoint(daemon, *words).stdout)
    assert done["approved"] and done["passed"] and done["mode"] == "observe", done
    assert done["file"] == str(daemon.policies / "60-helper.yaml") and os.path.exists(done["file"])
    assert daemon.request({"id": done["request"]})["rule"]["id"] == "setup-test-helper"
    letter, parcel = (("run", "--agent", "helper", "--", "/bin/cat", FILES / name) for name in ("letter", "parcel"))
    for _ in range(2):  # a session each
        assert holdpoint(daemon, *letter).stdout == "letter"
    assert holdpoint(daemon, *parcel).stdout == "parcel"
    observed(daemon, "helper-letters", 2), observed(daemon, "helper-parcels")
    report = reported(daemon)
    assert [(g["rule"], g["verdict"], g["count"]) for g in report["groups"]] == [
        ("helper-letters", "deny", 2), ("helper-parcels", "ask", 1)], report
    assert str(FILES / "letter") in report["groups"][0]["example"]
    text = holdpoint(daemon, "setup", "--report", "--agent", "helper").stdout
    command = text.strip().splitlines()[-1].split()
    assert command[:4] == ["holdpoint", "mode", "helper", "enforce"], text
    holdpoint(daemon, "mode", "helper", "enforce", "--reason", "observed long enough")
    assert holdpoint(daemon, *letter, good=False).returncode == 1
    holdpoint(daemon, "mode", "helper", "observe", "--reason", "once more")
    assert not reported(daemon)["groups"], "it begins anew with the observing"
    assert holdpoint(daemon, *parcel).stdout == "parcel"
    observed(daemon, "helper-parcels", 2)
    assert [(g["rule"], g["count"]) for g in reported(daemon)["groups"]] == [("helper-parcels", 1)]
    assert len(reported(daemon, "--since", "1h")["groups"]) == 2
    again = holdpoint(daemon, *words, good=False)
    assert again.returncode == 1 and "declared twice" in again.stderr, again
    assert sorted(os.listdir(daemon.policies)) == ["10-test.yaml", "60-helper.yaml"]


def a_person_is_asked_on_a_terminal_and_may_deny_the_test(daemon):
    here, there = os.openpty()
    # Name, unit (none: `holdpoint run`), observe, write it; and no to the test itself.
    os.write(here, b"typed\n\n\n\nn\n")
    done = subprocess.run([HOLDPOINT, "setup", "--socket", daemon.runtime / "api.sock", "--policy", TMP / "source.yaml"],
                          stdin=there, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT, check=False)
    os.close(there)
    os.close(here)
    assert done.returncode == 0 and "Denied: the same call failed with EPERM" in done.stdout, done
    assert "61-typed.yaml" in done.stdout and "holdpoint run --agent typed" in done.stdout, done
    assert daemon.get("/v1/modes?agent=typed")["modes"][0]["mode"] == "observe"


def test_modes():
    make_files()
    with Daemon(RULES, name="modes", extra="    mode: observe\n") as daemon:
        for step in (what_is_observed_passes_and_is_told, what_protects_holdpoint_is_enforced,
                     programs_and_connections_that_are_observed_pass,
                     an_observed_name_does_not_hide_an_enforced_one, a_switch_takes_effect_at_once_and_is_recorded,
                     what_was_asked_stays_a_question, an_agent_cannot_switch, only_root_loosens, modes_survive_a_restart,
                     a_broken_file_changes_nothing, the_first_day_works_from_end_to_end,
                     a_person_is_asked_on_a_terminal_and_may_deny_the_test):
            print(f"     {step.__name__}", flush=True)
            step(daemon)


main([test_modes])
