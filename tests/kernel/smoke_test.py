# SPDX-License-Identifier: Apache-2.0
"""The main job, once: held in its own system call, asked, released."""
from harness import Daemon, TMP, finish, main, wait_until

SECRET = TMP / "secret"
RULES = f"""
  - id: secret
    on: [read]
    path: ["{SECRET}"]
    verdict: ask
    reason: A secret of the test
    timeout: 10m
"""


def test_each_reading_of_the_policy_is_recorded_with_what_was_read():
    assert daemon.call("POST", "/v1/policy/reload", {})[0] == 200
    records = daemon.records("policy_loaded")
    assert [record["origin"] for record in records] == ["start", "reload"], records
    for record in records:
        assert record["files"] == [str(daemon.policies / "10-test.yaml")] and len(record["digest"]) == 64, record


def test_a_read_is_held_and_goes_through_when_approved():
    process = daemon.spawn("cat", SECRET)
    request = daemon.wait_request()
    assert request["rule"]["id"] == "secret", request
    assert process.poll() is None
    daemon.approve(request)
    assert finish(process) == (0, "content\n")
    wait_until("the verdict was consumed", lambda: daemon.counters()["released"] == 1)
    assert daemon.counters()["held"] == 1
    log = daemon.log_text()
    assert f"request {request['id']}: agent coder in session 1: read {SECRET} (rule secret)\n" in log, log
    assert f"request {request['id']}: {daemon.request(request)['outcome']}\n" in log, log


def test_a_read_is_held_and_fails_when_denied():
    process = daemon.spawn("cat", SECRET)
    daemon.deny(daemon.wait_request())
    status, output = finish(process)
    assert status == 1 and "Operation not permitted" in output, (status, output)


SECRET.write_text("content\n")
with Daemon(RULES, name="smoke") as daemon:
    main([
        test_each_reading_of_the_policy_is_recorded_with_what_was_read,
        test_a_read_is_held_and_goes_through_when_approved,
        test_a_read_is_held_and_fails_when_denied,
    ])
