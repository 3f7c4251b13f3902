# SPDX-License-Identifier: Apache-2.0
"""What the real daemon answers is what openapi.yaml says, and nothing more: every reading call and every kind of record."""
import json
import pathlib
import sys

from harness import TMP, Daemon, UnixConnection, finish, main, wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(SOURCE / "tests/unit/api"))
from openapi_document import errors_of, errors_of_answer, load  # noqa: E402

RULES = f"""
  - {{id: ask, on: read, path: "{TMP}/asked*", verdict: ask, reason: Try, timeout: 10m}}
  - {{id: brief, on: read, path: "{TMP}/brief", verdict: ask, reason: Try, timeout: 1s}}
  - {{id: deny, on: read, path: "{TMP}/denied", verdict: deny, reason: Try}}
  - {{id: log, on: read, path: "{TMP}/logged", verdict: allow, log: true}}
"""
# What this test makes happen; the rest of the kinds is of losses, tampering and the guard's end.
KINDS = {"daemon_started", "policy_loaded", "policy_refused", "session", "hold", "request", "decision", "expiry", "cancellation", "release",
         "denial", "logged", "granted", "observed", "grant", "grant_revoked", "mode", "operator"}


def send(method, path, body):
    status, answer = daemon.call(method, path, body)
    assert status == 200, (path, status, answer)


def read(name, **options):
    return finish(daemon.spawn("cat", TMP / name, **options))


def make_everything_happen():
    for name in ("asked", "asked2", "brief", "denied", "logged"):
        (TMP / name).write_text("x")
    waiting = daemon.spawn("cat", TMP / "asked")
    send("POST", f"/v1/requests/{daemon.wait_request()['id']}/decision", {"decision": "approve", "scope": "session", "reason": "fine"})
    finish(waiting)
    assert read("asked") == (0, "x") and read("logged") == (0, "x"), "by the grant"
    for name in ("denied", "brief"):
        assert read(name)[0] == 1
    cancelled = daemon.spawn("cat", TMP / "asked2")
    daemon.wait_request()
    cancelled.terminate()
    finish(cancelled)
    grant = daemon.get("/v1/grants")["grants"][0]["id"]
    assert daemon.call("DELETE", f"/v1/grants/{grant}")[0] == 204
    send("PUT", "/v1/modes", {"agent": "coder", "rule": "deny", "mode": "observe", "reason": "try"})
    assert read("denied") == (0, "x")
    send("POST", "/v1/lockdown", {"scope": "agent", "agent": "coder", "reason": "stop"})
    send("POST", "/v1/disarm", {"for": "1m", "reason": "restore"})
    policy = daemon.policies / "10-test.yaml"
    text = policy.read_text()
    policy.write_text("nonsense")
    assert daemon.call("POST", "/v1/policy/reload", {})[0] >= 400
    policy.write_text(text)


def test_every_reading_call_answers_as_described():
    make_everything_happen()
    opened = daemon.requests("approved")[0]["id"]
    for path, item in document["paths"].items():
        if "get" not in item or path == "/v1/events":
            continue
        target = path.replace("{id}", opened)
        connection = UnixConnection(str(daemon.runtime / "api.sock"))
        connection.request("GET", target)
        answer = connection.getresponse()
        kind = (answer.getheader("Content-Type") or "").split(";")[0]
        errors = errors_of_answer(document, item["get"], (answer.status, kind, answer.read().decode()))
        connection.close()
        assert answer.status == 200 and not errors, (target, answer.status, errors)


def test_every_kind_of_record_is_as_described():
    wait_until("all kinds", lambda: KINDS <= {entry["kind"] for entry in daemon.records()})
    records = daemon.records()
    record = document["components"]["schemas"]["Record"]
    wrong = {(entry["kind"], error) for entry in records for error in errors_of(document, record, entry)}
    assert not wrong, wrong


def test_an_event_of_the_stream_is_a_record():
    connection = UnixConnection(str(daemon.runtime / "api.sock"))
    connection.request("GET", "/v1/events?after=0")
    answer = connection.getresponse()
    line = next(line for line in iter(answer.readline, b"") if line.startswith(b"data: "))
    connection.close()
    assert errors_of(document, document["components"]["schemas"]["Record"], json.loads(line[6:])) == []


document = load(SOURCE / "userspace/api/openapi.yaml")
with Daemon(RULES, name="openapi") as daemon:
    main([test_every_reading_call_answers_as_described, test_every_kind_of_record_is_as_described,
          test_an_event_of_the_stream_is_a_record])
