# SPDX-License-Identifier: Apache-2.0
"""The main job, once: held in its own system call, asked, released."""
from harness import Daemon, TMP, finish, main, process_state, wait_until

RULES = """
  - id: secret
    on: [read]
    path: ["{tmp}/secret"]
    verdict: ask
    reason: A secret of the test
    timeout: 10m
"""


def test_a_read_is_held_and_goes_through_when_approved():
    (TMP / "secret").write_text("content\n")
    with Daemon(RULES.format(tmp=TMP), name="approve") as daemon:
        process = daemon.spawn("cat", TMP / "secret")
        request = daemon.wait_request()
        assert request["rule"]["id"] == "secret", request
        assert process.poll() is None
        daemon.approve(request)
        assert finish(process) == (0, "content\n")
        wait_until("the verdict was consumed", lambda: daemon.counters()["released"] == 1)
        assert daemon.counters()["held"] == 1
        log = daemon.log_text()
        assert f"request {request['id']}: agent coder in session 1: read {TMP}/secret (rule secret)\n" in log, log
        assert f"request {request['id']}: {daemon.request(request)['outcome']}\n" in log, log


def test_a_read_is_held_and_fails_when_denied():
    (TMP / "secret").write_text("content\n")
    with Daemon(RULES.format(tmp=TMP), name="deny") as daemon:
        process = daemon.spawn("cat", TMP / "secret")
        daemon.deny(daemon.wait_request())
        status, output = finish(process)
        assert status == 1 and "Operation not permitted" in output, (status, output)


main([test_a_read_is_held_and_goes_through_when_approved, test_a_read_is_held_and_fails_when_denied])
