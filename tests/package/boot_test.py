# SPDX-License-Identifier: Apache-2.0
"""A machine that was switched on with the package installed and two units of an agent enabled (boot_prepare): nobody started them by
hand, and not one of their accesses went past the guard."""
import pathlib

from installed import UNIT, Installed, journal, shell, show
from harness import main, wait_until

holdpoint = Installed()


def reached(unit):
    """When it was active or began to start, microseconds since the kernel started."""
    return int(show("ActiveEnterTimestampMonotonic", unit)), int(show("InactiveExitTimestampMonotonic", unit))


def test_the_guard_is_up_before_the_first_agents_unit():
    wait_until("the service is up", lambda: show("ActiveState") == "active")
    assert show("UnitFileState") == "enabled" and show("StatusText") == "Enforcing; agents declared: 1", journal()
    wait_until("the units have begun", lambda: all(reached(f"coder-{name}.service")[1] for name in ("secret", "forbidden")))
    guard, slice_, people = reached(UNIT)[0], reached("agents.slice")[0], reached("systemd-user-sessions.service")[1]
    assert 0 < guard <= slice_, (guard, slice_)
    for name in ("secret", "forbidden"):
        assert slice_ <= reached(f"coder-{name}.service")[1], (name, slice_)
    assert guard <= people, "nobody logs in before"


def test_what_a_unit_asks_for_at_boot_is_held_and_goes_on_when_a_person_has_approved():
    request = holdpoint.wait_request()
    assert request["rule"]["id"] == "secret" and request["access"]["object"] == "/srv/boot/secret", request
    session = [s for s in holdpoint.get("/v1/sessions")["sessions"] if s["id"] == request["session"]][0]
    assert session["cgroup"] == "/agents.slice/coder-secret.service", session
    assert show("ActiveState", "coder-secret.service") == "activating"
    holdpoint.approve(request)
    wait_until("the unit has ended", lambda: show("ActiveState", "coder-secret.service") == "active")
    assert pathlib.Path("/run/boot-secret").read_text() == "content\n"


def test_what_it_is_denied_at_boot_it_does_not_get():
    wait_until("the unit has failed", lambda: show("ActiveState", "coder-forbidden.service") == "failed")
    assert pathlib.Path("/run/boot-forbidden").read_text() == ""
    assert "Operation not permitted" in shell("journalctl", "-u", "coder-forbidden.service", "-o", "cat", "--no-pager")
    holdpoint.wait_record("denial", lambda r: r["access"]["object"] == "/srv/boot/forbidden" and r["cause"] == "rule")


print(pathlib.Path("/run/prepare.log").read_text(), flush=True)
main([
    test_the_guard_is_up_before_the_first_agents_unit,
    test_what_a_unit_asks_for_at_boot_is_held_and_goes_on_when_a_person_has_approved,
    test_what_it_is_denied_at_boot_it_does_not_get,
])
