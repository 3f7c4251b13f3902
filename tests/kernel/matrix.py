# SPDX-License-Identifier: Apache-2.0
"""One access in every way that it can end: allowed, denied by a rule, held and then approved, refused, expired, cancelled.

All accesses of a test are under way at the same time, so that the slow machine waits for all deadlines at once.
"""
import dataclasses
import typing

from harness import ACTOR, finish, wait_until

# "cancel" is a SIGTERM that ends the program, "handle" one for which it has a handler.
HELD = ("approve", "refuse", "expire", "cancel", "handle")
OUTCOMES = ("allow", "deny", *HELD)

# What the log must say about a request. The last of each is how its hold ended: "handle" goes on, so its verdict is used; a
# program that ends uses none, and its death by the signal that cancelled is no second record.
RECORDS = {
    "approve": ["hold", "request", "decision", "release"],
    "refuse": ["hold", "request", "decision", "release"],
    "expire": ["hold", "request", "expiry", "release"],
    "cancel": ["hold", "request", "cancellation"],
    "handle": ["hold", "request", "cancellation", "release"],
}
STATES = {"approve": "approved", "refuse": "denied", "expire": "expired", "cancel": "cancelled", "handle": "cancelled"}


@dataclasses.dataclass
class Form:
    name: str
    operation: str                          # as requests and records say it
    words: typing.Callable                  # outcome -> the actor's step
    object: typing.Callable                 # outcome -> text
    effect: typing.Callable | None          # outcome -> how often the world was changed; None: reading changes nothing
    passed: tuple                           # what the actor prints when it got through,
    refused: tuple                          # when it did not,
    cancelled: tuple = ()                   # and when SIGTERM ended the held process: then the actor's own exit status
    cancelled_status: int = -15
    outcomes: tuple = OUTCOMES


def expected(form, outcome):
    """Exit status and lines of the actor. The last step shows that the program goes on."""
    if outcome in ("allow", "approve"):
        return 0, (*form.passed, "on")
    if outcome == "cancel":
        return form.cancelled_status, form.cancelled
    if outcome == "handle":
        return 0, (*form.refused, "handled ok 15", "on")
    return 0, (*form.refused, "on")


def times(form, outcome):
    return form.effect(outcome) if form.effect else 0


def start(daemon, form, outcome):
    words = [ACTOR, *(("handle", "+") if outcome == "handle" else ()), *form.words(outcome)]
    if outcome == "handle":
        words += ["+", "handled"]
    return daemon.spawn(*words, "+", "say", "on")


def request_of(daemon, cases):
    """(form, outcome) -> its one request, once each has one."""
    def look():
        found = {(r["access"]["operation"], r["access"]["object"]): r for r in daemon.requests()}
        return all(key in found for key in cases.values()) and {case: found[key] for case, key in cases.items()}
    try:
        return wait_until("every access that needs asking has a request", look)
    except AssertionError as error:
        there = {(r["access"]["operation"], r["access"]["object"]) for r in daemon.requests()}
        raise AssertionError(f"without a request: {[k for k in cases.values() if k not in there]}; there are {there}") from error


def run_matrix(daemon, forms):
    """Runs all forms in all their outcomes and checks errno, effect, records, states and the kernel's counters."""
    forms = {form.name: form for form in forms}
    before = daemon.counters()
    cases = [(name, outcome) for name, form in forms.items() for outcome in form.outcomes]
    running = {(name, outcome): start(daemon, forms[name], outcome) for name, outcome in cases}
    held = {(n, o): (forms[n].operation, forms[n].object(o)) for n, o in cases if o in HELD}
    # A look at the counters costs less than one at all requests.
    wait_until("everything that needs asking is held", lambda: daemon.counters()["held"] - before["held"] >= len(held))
    requests = request_of(daemon, held)
    wrong = [f"{n} {o}: changed the world while held" for n, o in held if o != "expire" and times(forms[n], o)]
    decide(daemon, requests)
    ended = {case: finish(process) for case, process in running.items()}
    for name, outcome in cases:
        status, output = ended[name, outcome]
        got = status, tuple(output.splitlines())
        if got != expected(forms[name], outcome):
            wrong.append(f"{name} {outcome}: {got}, not {expected(forms[name], outcome)}")
        wanted = 1 if outcome in ("allow", "approve") else 0
        if forms[name].effect and times(forms[name], outcome) != wanted:
            wrong.append(f"{name} {outcome}: changed the world {times(forms[name], outcome)} times, not {wanted}")
    wrong += check_records(daemon, forms, cases, requests)
    wrong += check_counters(daemon, before, cases)
    assert not wrong, "\n  ".join(["", *wrong])


def decide(daemon, requests):
    victims = []
    for (_, outcome), request in requests.items():
        if outcome == "approve":
            daemon.approve(request)
        elif outcome == "refuse":
            daemon.deny(request)
        elif outcome in ("cancel", "handle"):
            victims += ["kill", str(request["process"]["pid"]), "+"]
    if victims:
        status, output = daemon.run(ACTOR, *victims[:-1])
        assert status == 0 and set(output.split("\n")) == {"kill ok 0", ""}, (status, output)


def wrong_contents(record, request, outcome):
    """What a record of a request says of its rule, its access and of who decided."""
    found = []
    if record["rule"] != request["rule"]["id"]:
        found.append(f"rule {record['rule']}, not {request['rule']['id']}")
    if record["kind"] == "request" and (record["access"]["operation"], record["access"]["object"]) != (
            request["access"]["operation"], request["access"]["object"]):
        found.append(f"access {record['access']}")
    if record["kind"] == "decision":
        said = record["actor"]["name"], record["approve"], record["reason"], record["scope"]
        if said != ("root", outcome == "approve", "test", "once"):
            found.append(f"decision {said}")
    if record["kind"] == "release" and record["allowed"] != (outcome == "approve"):
        found.append(f"released as {record['allowed']}")
    return found


def check_records(daemon, forms, cases, requests):
    def missing():
        kinds, denied = {}, {}
        for record in daemon.records():
            if record.get("request"):
                kinds.setdefault(record["request"], []).append(record["kind"])
            if record["kind"] == "denial":
                key = record["access"]["operation"], record["access"]["object"]
                denied.setdefault(key, []).append(record["cause"])
        found = []
        for name, outcome in cases:
            if outcome in HELD:
                got = sorted(kinds.get(requests[name, outcome]["id"], []))
                if got != sorted(RECORDS[outcome]):
                    found.append(f"{name} {outcome}: records {got}, not {sorted(RECORDS[outcome])}")
            elif outcome == "deny":
                got = denied.get((forms[name].operation, forms[name].object(outcome)))
                if got != ["rule"]:
                    found.append(f"{name} deny: denials {got}, not one by rule")
        return found
    found = []
    try:
        wait_until("the records are complete", lambda: not found.clear() and not (found.extend(missing()) or found))
    except AssertionError:
        pass
    for (name, outcome), request in requests.items():
        state = daemon.request(request)["state"]
        holds = len(daemon.request(request)["holds"])
        if holds != 1:
            found.append(f"{name} {outcome}: {holds} holds, not one")
        if state != STATES[outcome]:
            found.append(f"{name} {outcome}: request is {state}, not {STATES[outcome]}")
    by_request = {request["id"]: (case, request) for case, request in requests.items()}
    for record in daemon.records():
        (name, outcome), request = by_request.get(record.get("request"), (("", ""), None))
        if request:
            found += [f"{name} {outcome}: {record['kind']}: {what}" for what in wrong_contents(record, request, outcome)]
    return found


def check_counters(daemon, before, cases):
    """The hook ran at least twice for what was held: it suspended once, and once more it used the verdict."""
    after = daemon.counters()
    grown = {name: after[name] - before[name] for name in after}
    held = sum(outcome in HELD for _, outcome in cases)
    used = sum(outcome in HELD and outcome != "cancel" for _, outcome in cases)
    found = []
    if grown["held"] != held:
        found.append(f"held {grown['held']} times, not {held}")
    if grown["released"] != used:
        found.append(f"released {grown['released']} times, not {used}")
    for name in ("held_again", "lost_bells", "lost_events", "no_storage", "signal_failed", "tampered"):
        if grown[name]:
            found.append(f"counter {name} grew by {grown[name]}")
    return found
