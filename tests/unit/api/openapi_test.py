#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that openapi.yaml and the running server agree: every path and method is called, every answer is checked against
its schema, the server has no route that the document lacks and the document none that the server lacks."""
import http.client
import json
import re
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from openapi_document import errors_of, errors_of_answer, load  # noqa: E402

SERVER, DOCUMENT = sys.argv[1:3]
METHODS = ("get", "post", "delete", "put", "patch")
failures = []


def check(good, text):
    if not good:
        failures.append(text)


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("holdpoint", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def call(path, method, target, body=None, headers=None):
    connection = Connection(path)
    text = None if body is None else json.dumps(body)
    connection.request(method.upper(), target, text, headers or {})
    response = connection.getresponse()
    kind = (response.getheader("Content-Type") or "").split(";")[0]
    # A stream has no end: its first event is enough.
    data = first_event(response) if kind == "text/event-stream" else response.read().decode()
    connection.close()
    return response.status, kind, data


def first_event(response):
    while True:
        line = response.readline().decode()
        if line.startswith("data: "):
            return line[6:]


def check_answer(document, operation, answer, where, wanted=None):
    check(wanted is None or answer[0] == wanted, f"{where}: status {answer[0]} instead of {wanted}: {answer[2]}")
    for error in errors_of_answer(document, operation, answer):
        check(False, f"{where}: {error}")


# One good call for each operation, in an order in which each finds what it needs. {open}, {session} and {grant} are filled.
GOOD = {
    "listRequests": [("?state=all", None, 200), ("?state=open&session=1&agent=coder&limit=1", None, 200)],
    "showRequest": [("", None, 200)],
    "waitForRequest": [("?timeout=1ms", None, 200)],
    "decideRequest": [("", {"decision": "approve", "reason": "the disk is full"}, 503),
                      ("", {"decision": "approve", "scope": "duration", "lifetime": "30m", "reason": "fine"}, 200)],
    "listSessions": [("", None, 200)],
    "startSession": [("", {"agent": "coder", "pid": 77, "purpose": "x", "labels": {"env": "test"}}, 201)],
    "addTag": [("", {"agent": "coder", "unit": "ci.service"}, 201)],
    "removeTag": [("", None, 204)],
    "listGrants": [("", None, 200)],
    "revokeGrant": [("", None, 204)],
    "listRecords": [("?after=1&limit=1000", None, 200)],
    "streamEvents": [("?after=1", None, 200)],
    "lockDown": [("", {"scope": "session", "session": 1, "reason": "stop"}, 200), ("", {"scope": "all"}, 200)],
    "releaseLockdown": [("?scope=session&session=1", None, 204), ("?scope=all", None, 204)],
    "disarm": [("", {"for": "15m", "reason": "restore"}, 200)],
    "arm": [("", None, 204)],
    "listModes": [("", None, 200), ("?agent=coder", None, 200), ("?agent=nobody", None, 404)],
    "setMode": [("", {"agent": "coder", "rule": "keys", "mode": "observe", "reason": "first day"}, 200),
                ("", {"agent": "coder", "mode": "policy"}, 200)],
    "checkPolicy": [("", {"file": "60-new.yaml", "text": "version: 1"}, 200), ("", {"file": "60-new.yaml", "text": ""}, 422)],
    "reloadPolicy": [("", None, 200)],
    "showHealth": [("", None, 200)],
}
LAST = ["decideRequest", "revokeGrant", "removeTag"]


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def check_routes(document):
    listed = subprocess.run([SERVER, "--routes"], check=True, capture_output=True, text=True).stdout
    served = set(tuple(line.split()) for line in listed.splitlines())
    described = {(method.upper(), path) for path, method, _ in operations(document)}
    check(bool(served), "the server lists no routes")
    for route in served - described:
        check(False, f"openapi.yaml lacks {route}")
    for route in described - served:
        check(False, f"the server lacks {route}")


def fill(path, values):
    return re.sub(r"{(\w+)}", lambda match: str(values[(path, match[1])]), path)


def check_calls(document, sock):
    _, _, data = call(sock, "GET", "/v1/requests?state=open")
    opened = json.loads(data)["requests"][0]["id"]
    grant = json.loads(call(sock, "GET", "/v1/grants")[2])["grants"][0]["id"]
    values = {("/v1/tags/{session}", "session"): 2, ("/v1/grants/{id}", "id"): grant}
    for path in document["paths"]:
        values.setdefault((path, "id"), opened)
    order = sorted(operations(document), key=lambda entry: LAST.index(entry[2]["operationId"])
                   if entry[2]["operationId"] in LAST else -1)
    for path, method, operation in order:
        name = operation["operationId"]
        for query, body, wanted in GOOD.get(name, []):
            if body is not None:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                for error in errors_of(document, schema, body):
                    check(False, f"{name}: the test's own body: {error}")
            check_answer(document, operation, call(sock, method, fill(path, values) + query, body), name, wanted)
        check(name in GOOD, f"{name}: this test has no call for it")
        check_errors(document, operation, sock, method, fill(path, values), path)


def check_errors(document, operation, sock, method, target, path):
    name = operation["operationId"]
    if method == "get":
        check_answer(document, operation, call(sock, method, target + "?nonsense=1"), name + " (unknown query)", 400)
    if "requestBody" in operation:
        for body in ({}, {"nonsense": 1}, []):
            check_answer(document, operation, call(sock, method, target, body), name + f" (body {body})", 422)
    if "{" in path:
        missing = re.sub(r"{\w+}", "r-999999", path)
        body = {"decision": "approve"} if method == "post" else None
        check_answer(document, operation, call(sock, method, missing, body), name + " (unknown)", 404)


def main():
    document = load(DOCUMENT)
    check_routes(document)
    with tempfile.TemporaryDirectory() as directory:
        sock = directory + "/api.sock"
        with subprocess.Popen([SERVER, sock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            check(server.stdout.readline() == "ready\n", "the server did not start")
            check_calls(document, sock)
            server.stdin.close()
    for failure in failures:
        print("FAIL", failure)
    print(f"{sum(1 for _ in operations(document))} operations, {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
