# SPDX-License-Identifier: Apache-2.0
"""The command line against a real daemon, and that a secret is shown and kept nowhere."""
import datetime
import json
import os
import pathlib
import re
import subprocess
import time

from harness import HOLDPOINT, LIMIT, TMP, Daemon, finish, main, wait_until

SECRET = TMP / "secret"
TOOL = TMP / "tool"
# Reasons of holdpoint_lost_total. One whose name nothing counts is missing there; what the daemon counts is then elsewhere.
LOSSES = {"lost_bells", "lost_events", "full_holds", "full_session_holds", "full_sessions", "no_storage", "unresolved",
          "rename_races", "signal_failed", "full_arguments", "store_failures", "records_not_written"}
CANARY = "ghp_" + "Zq7Lm2Xw9" * 4
RULES = f"""
  - id: secret
    on: [read]
    path: ["{SECRET}", "{TMP}/ghp_*"]
    verdict: ask
    reason: A secret of the test
    timeout: 10m
  - id: tool
    on: [exec]
    path: ["{TOOL}"]
    verdict: ask
    reason: The tool asks
    timeout: 10m
"""


def holdpoint(*words, code=0, **options):
    done = subprocess.run([str(HOLDPOINT), *map(str, words), "--socket", str(daemon.runtime / "api.sock")],
                          capture_output=True, text=True, timeout=LIMIT, **options)
    assert done.returncode == code, (words, done)
    return done.stdout


def held(session):
    process = daemon.spawn("cat", SECRET, session=session)
    return process, daemon.wait_request()


def test_lists_and_show_say_what_is_asked():
    process, request = held("list")
    assert request["id"] in holdpoint("requests")
    listed = json.loads(holdpoint("requests", "--json"))
    assert request["id"] in str(listed)
    shown = holdpoint("show", request["id"])
    for part in (request["id"], "coder", str(SECRET), "A secret of the test", "secret", "cat"):
        assert part in shown, (part, shown)
    assert json.loads(holdpoint("show", request["id"], "--json"))["digest"] == request["digest"]
    assert "coder" in holdpoint("sessions") and json.loads(holdpoint("sessions", "--json"))
    assert json.loads(holdpoint("status", "--json"))["enforcing"] is True
    holdpoint("deny", request["id"], "--reason", "not now")
    status, output = finish(process)
    assert status == 1 and "not permitted" in output, (status, output)


def children(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def moment(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def test_show_tells_who_asks_from_where_started_by_whom_and_until_when():
    directory = TMP / "a directory of its own"
    directory.mkdir()
    inner = f"cat {SECRET}; true"
    outer = f"sh -c '{inner}'; true"
    before = time.time()
    process = daemon.spawn("sh", "-c", outer, session="tree", cwd=directory)
    request = daemon.wait_request()
    after = time.time()
    [shell] = children(process.pid)
    [reader] = children(shell)
    found = json.loads(holdpoint("show", request["id"], "--json"))
    access, session, rule = found["access"], found["session_detail"], found["rule"]
    assert (access["operation"], access["object"], access["directory"]) == ("read", str(SECRET), str(directory)), access
    assert (found["process"]["pid"], found["process"]["name"], found["process"]["uid"]) == (reader, "cat", 0), found["process"]
    assert access["executable"] == os.path.realpath("/usr/bin/cat"), access
    tree = [(one["pid"], one["command"]) for one in access["ancestors"]]
    assert [pid for pid, _ in tree[:3]] == [shell, process.pid, os.getpid()], tree
    for (_, command), words in zip(tree, (("sh", "-c", inner), ("sh", "-c", outer))):
        assert all(word in command for word in words), (command, words)
    assert (found["agent"], session["agent"], session["id"]) == ("coder", "coder", found["session"]), found
    assert session["cgroup"].endswith("/coder-tree") and (session["owner"]["kind"], session["owner"]["id"]) == ("unix", "0"), session
    assert before - 2 <= moment(session["started"]) <= moment(found["created"]) + 1 <= after + 2, (before, after, found)
    assert (rule["id"], rule["reason"], rule["timeout_seconds"]) == ("secret", "A secret of the test", 600), rule
    assert abs(moment(found["deadline"]) - moment(found["created"]) - 600) <= 2, found
    shown = [" ".join(line.split()) for line in holdpoint("show", request["id"]).splitlines()]
    until = time.strftime("%H:%M:%S", time.localtime(moment(found["deadline"])))
    for line in (f"What read {SECRET}", f"Directory {directory}", f"Process cat ({reader}), uid 0", "Agent coder"):
        assert line in shown, (line, shown)
    for begin, *parts in (("started by sh", f"({shell})"), ("started by sh", f"({process.pid})"),
                          (f"Session {found['session']}", "started", "(uid 0)"), ("Rule secret (policy",),
                          ("A secret of the test",), ("Asked", "1 call suspended"), ("Deadline", until[:5])):
        assert any(line.startswith(begin) and all(part in line for part in parts) for line in shown), (begin, parts, shown)
    holdpoint("deny", request["id"], "--reason", "seen")
    assert finish(process)[0] == 0


def told_who_may(done):
    """Refused, in the words that the README explains."""
    socket = daemon.runtime / "api.sock"
    return done.returncode == 4 and f"you may not use {socket}: only root and the group holdpoint may" in done.stderr \
        and "usermod -aG holdpoint" in done.stderr


def as_nobody(*words, groups):
    return subprocess.run([str(HOLDPOINT), *words, "--socket", str(daemon.runtime / "api.sock")], capture_output=True, text=True,
                          timeout=LIMIT, user=65534, group=65534, extra_groups=groups)


def test_a_user_in_the_group_decides_by_name_and_one_outside_is_refused():
    group = (daemon.runtime / "api.sock").stat().st_gid  # the daemon's --group
    process, request = held("group")
    outside = as_nobody("approve", request["id"], groups=[])
    assert told_who_may(outside), outside
    still = daemon.request(request)
    assert still["state"] == "open" and still["decision"] is None and process.poll() is None, still
    inside = as_nobody("approve", request["id"], groups=[group])
    assert inside.returncode == 0, inside
    assert finish(process) == (0, "content\n")
    by = daemon.request(request)["decision"]["by"]
    assert (by["kind"], by["id"]) == ("unix", "65534"), by
    record = daemon.wait_record("decision", lambda r: r["request"] == request["id"])
    assert (record["actor"]["kind"], record["actor"]["id"]) == ("unix", "65534"), record


def test_approve_releases_and_the_log_tells_it():
    process, request = held("approve")
    holdpoint("approve", request["id"], "--reason", "it is fine")
    assert finish(process) == (0, "content\n")
    log = wait_until("the log has the release", lambda: "release" in (text := holdpoint("log", "--json")) and text)
    for kind in ("hold", "request", "decision", "release"):
        assert f'"{kind}"' in log, (kind, log[-2000:])
    assert request["id"] in holdpoint("log")


def test_metrics_tell_each_loss_that_the_daemon_counts_by_its_reason():
    told = re.findall(r'^holdpoint_lost_total\{reason="(\w+)"\} \d+$', holdpoint("metrics"), re.MULTILINE)
    assert set(told) == LOSSES and len(told) == len(LOSSES), set(told) ^ LOSSES
    counted = json.loads(holdpoint("status", "--json"))["counters"]
    assert LOSSES <= counted.keys(), LOSSES - counted.keys()


def test_exit_codes_are_as_documented():
    process, request = held("codes")
    holdpoint("show", "r-999999", code=5)
    holdpoint("approve", "r-999999", code=5)
    holdpoint("approve", code=2)
    holdpoint("nonsense", code=2)
    holdpoint("deny", request["id"], "--reason", "no")
    holdpoint("approve", request["id"], code=6)
    finish(process)
    nobody = subprocess.run([str(HOLDPOINT), "status", "--socket", str(TMP / "none.sock")], capture_output=True)
    assert nobody.returncode == 3, nobody
    outside = as_nobody("requests", groups=[])
    assert told_who_may(outside), outside


def test_watch_shows_what_comes():
    seen = TMP / "watched"
    with open(seen, "wb") as out:
        watching = subprocess.Popen([str(HOLDPOINT), "watch", "--json", "--socket", str(daemon.runtime / "api.sock")],
                                    stdout=out, stderr=out)
    try:
        # What comes before it is connected it does not see: so until it has seen one.
        def one_more():
            process, request = held("watch")
            holdpoint("deny", request["id"], "--reason", "seen")
            finish(process)
            return request["id"] in seen.read_text()

        wait_until("watch shows a request", one_more)
        assert watching.poll() is None, seen.read_text()
    finally:
        watching.kill()
        watching.wait()


def test_a_secret_is_shown_and_kept_nowhere():
    named = TMP / CANARY
    named.write_text("content\n")
    process = daemon.spawn("sh", "-c", f"cat {named}; {TOOL} --password {CANARY} token={CANARY}", session="canary")
    answers = []
    for _ in range(2):
        request = daemon.wait_request()
        for path in ("/v1/requests", f"/v1/requests/{request['id']}", "/v1/sessions", "/v1/records?after=0&limit=500"):
            answers.append(json.dumps(daemon.get(path)))
        answers += [holdpoint("show", request["id"]), holdpoint("requests"), holdpoint("log")]
        daemon.approve(request, reason=f"the token is {CANARY}")
    finish(process)
    answers.append(json.dumps(daemon.get("/v1/records?after=0&limit=500")))
    assert all(CANARY not in answer for answer in answers), [a for a in answers if CANARY in a]
    assert any("secret" in answer for answer in answers), "it was masked, not left out"
    daemon.stop()
    canary = CANARY.encode()
    files = [file for file in daemon.directory.rglob("*") if file.is_file()]
    assert any(file.name == "holdpoint.db" for file in files) and any("records" in str(file) for file in files), files
    for file in files:
        assert canary not in file.read_bytes(), file
    daemon.start()


SECRET.write_text("content\n")
TOOL.write_bytes(open("/usr/bin/true", "rb").read())
os.chmod(TOOL, 0o755)
with Daemon(RULES, name="cli") as daemon:
    main([
        test_lists_and_show_say_what_is_asked,
        test_show_tells_who_asks_from_where_started_by_whom_and_until_when,
        test_a_user_in_the_group_decides_by_name_and_one_outside_is_refused,
        test_approve_releases_and_the_log_tells_it,
        test_metrics_tell_each_loss_that_the_daemon_counts_by_its_reason,
        test_exit_codes_are_as_documented,
        test_watch_shows_what_comes,
        test_a_secret_is_shown_and_kept_nowhere,
    ])
