# SPDX-License-Identifier: Apache-2.0
"""The Debian package from installation to purge, with agents that systemd starts and that are held meanwhile.

One machine's story: each case goes on where the one before it ended.
"""
import grp
import json
import os
import pathlib
import pwd
import re
import signal
import stat

from installed import (PINS, POLICIES, STATE, UNIT, Installed, apt_get, content_of_log, drop_in, journal, last_record, newer,
                       package, shell, show)
from harness import LIMIT, TMP, finish, main, process_state, wait_until

DEB = pathlib.Path(os.environ["HOLDPOINT_DEB"])
# Below /root: the service is forbidden homes and must find what a held program reads all the same.
HOME = pathlib.Path("/root/holdpoint-test")
SECRET, FORBIDDEN, TOOL = HOME / "secret", HOME / "forbidden", HOME / "tool"
PUBLIC = pathlib.Path("/srv/holdpoint-forbidden")  # everybody may read it, but for the policy
ENVIRONMENT = pathlib.Path("/etc/holdpoint/holdpointd.env")
TIMER = "holdpoint-metrics.timer"
ENABLED = pathlib.Path("/etc/systemd/system/timers.target.wants") / TIMER
METRICS = pathlib.Path("/var/lib/prometheus/node-exporter/holdpoint.prom")
WITHOUT_BPF = TMP / "lsm"  # a list of security modules
POLICY = f"""version: 1
agents:
  coder:
    cgroups: ["/agents.slice/coder-*.service"]
    default: allow
  helper:
    operator: Platform team
    cgroups: ["/agents.slice/helper-*.service"]
    default: allow
rules:
  - {{id: secret, on: read, path: "{SECRET}", verdict: ask, reason: A secret of the test, timeout: 1h}}
  - {{id: forbidden, on: read, path: ["{FORBIDDEN}", "{PUBLIC}"], verdict: deny, reason: Never}}
  - {{id: tool, on: exec, path: "{TOOL}", verdict: ask, reason: The tool asks, timeout: 1h}}
"""
holdpoint = Installed()


def refused(process):
    status, output = finish(process)
    assert status == 1 and "not permitted" in output, (status, output)


def test_installing_starts_the_service_and_changes_nothing():
    apt_get("install", "--no-install-recommends", DEB)
    assert show("ActiveState") == "active" and show("UnitFileState") == "enabled", journal()
    assert show("StatusText") == "Enforcing; agents declared: 0", show("StatusText")
    assert POLICIES.is_dir() and not list(POLICIES.iterdir())
    socket = os.stat("/run/holdpoint/api.sock")
    assert stat.S_IMODE(socket.st_mode) == 0o660 and grp.getgrgid(socket.st_gid).gr_name == "holdpoint", socket
    assert stat.S_IMODE(STATE.stat().st_mode) == 0o700
    shell("cat", SECRET, FORBIDDEN)
    assert finish(holdpoint.start_unit("coder-0", "cat", SECRET, FORBIDDEN)) == (0, "content\nnever\n")
    assert not holdpoint.get("/v1/sessions")["sessions"] and not holdpoint.requests()
    said = shell("systemd-analyze", "verify", "--man=no", UNIT, "agents.slice", "holdpoint-metrics.service",
                 "holdpoint-metrics.timer")
    assert not said, f"what systemd thinks of the units: {said}"


def test_doctor_recognises_a_host_that_can_and_names_the_parameter_where_it_cannot_and_says_when_it_cannot_tell():
    modules = pathlib.Path("/sys/kernel/security/lsm").read_text().strip()
    said = shell("holdpoint", "doctor").splitlines()
    assert said[0] == "This host can hold what its agents do.", said
    found = [" ".join(line.split()) for line in said]
    for line in (f"BPF LSM ✔ {modules}", "BTF ✔ /sys/kernel/btf/vmlinux", "cgroup v2 ✔ /sys/fs/cgroup"):
        assert line in found, (line, said)
    answer = json.loads(shell("holdpoint", "doctor", "--json"))
    kinds = {finding["subject"]: finding["kind"] for finding in answer["host"]}
    assert answer["able"] is True and set(kinds.values()) == {"good"} and "Daemon" in kinds, answer
    WITHOUT_BPF.write_text("lockdown,capability,yama")
    said = shell("unshare", "-m", "sh", "-c",
                 f"mount --bind {WITHOUT_BPF} /sys/kernel/security/lsm && exec holdpoint doctor", code=1)
    assert said.startswith("This host cannot hold what its agents do, as it is now.\n"), said
    assert "add lsm=lockdown,capability,yama,bpf to " in said, said
    said = shell("unshare", "-m", "sh", "-c", "mount -t tmpfs none /sys/kernel/security && exec holdpoint doctor", code=9)
    assert said.startswith("Cannot tell whether this host can") and "mount -t securityfs" in said, said
    for who in (["--reuid=nobody", "--clear-groups"], ["--bounding-set=-bpf"]):
        said = shell("setpriv", *who, "--", "holdpoint", "doctor", code=9)
        assert said.startswith("Cannot tell whether this host can"), (who, said)


def test_the_metrics_service_writes_the_file_that_node_exporter_reads():
    METRICS.parent.mkdir(parents=True)
    shell("systemctl", "start", "holdpoint-metrics.service")
    assert "\nholdpoint_up 1\n" in METRICS.read_text() and stat.S_IMODE(METRICS.stat().st_mode) == 0o644, METRICS.read_text()


def test_an_agent_of_the_slice_is_held_once_it_is_declared():
    (POLICIES / "10-test.yaml").write_text(POLICY)
    shell("holdpointd", "--check")
    shell("systemctl", "restart", UNIT)
    assert show("StatusText") == "Enforcing; agents declared: 2"
    tool = holdpoint.start_unit("coder-1", TOOL)
    request = holdpoint.wait_request()
    # systemd may have made the cgroup before, and taken it away again: that was a session too.
    session = [s for s in holdpoint.get("/v1/sessions")["sessions"] if s["id"] == request["session"]][0]
    assert session["cgroup"] == "/agents.slice/coder-1.service" and session["agent"] == "coder", session
    # The script's content was read and bound, from a home that the service itself cannot see.
    shown = shell("holdpoint", "show", request["id"], "--json")
    assert re.search(r'"sha256": ?"[0-9a-f]{64}"', shown), shown
    holdpoint.approve(request)
    assert finish(tool) == (0, "the tool ran\n")
    told = wait_until("the journal has its end", lambda: "approved" in (lines := journal("-g", f"{request['id']}:")) and lines)
    assert told.splitlines() == [
        f"request {request['id']}: agent coder in session {session['id']}: exec {TOOL} (rule tool)",
        f"request {request['id']}: approved by root (once)"], told
    refused(holdpoint.start_unit("coder-1", "cat", FORBIDDEN))
    shell("cat", SECRET, FORBIDDEN)


def test_units_with_a_user_or_file_systems_of_their_own_start_and_obey():
    """systemd sets up both when the process is in its cgroup already: what it does there is judged as the agent's."""
    owners = {"coder": {"kind": "unix", "id": "0"}, "helper": {"kind": "declared", "name": "Platform team"}}
    for world, settings in (("user", ["User=nobody"]), ("private", ["PrivateTmp=yes", "ProtectSystem=strict"])):
        for agent, owner in owners.items():
            unit = holdpoint.start_unit(f"{agent}-{world}", "sh", "-c", f"id -un; cat {PUBLIC}", settings=settings)
            status, output = finish(unit)
            assert status == 1 and "not permitted" in output, (agent, world, status, output)  # and not 219 or 226
            assert output.startswith("nobody" if world == "user" else "root"), output
            session = [s for s in holdpoint.get("/v1/sessions")["sessions"] if s["cgroup"] == f"/agents.slice/{agent}-{world}.service"]
            assert session and owner.items() <= max(session, key=lambda s: s["id"])["owner"].items(), session
    shell("cat", PUBLIC)


def test_a_restart_and_an_upgrade_keep_what_is_held():
    held = holdpoint.start_unit("coder-2", "cat", SECRET)
    request = holdpoint.wait_request()
    first = show("MainPID")
    shell("systemctl", "restart", UNIT)
    holdpoint.same_request(request, "a restart")
    second = show("MainPID")
    ENVIRONMENT.write_text(ENVIRONMENT.read_text() + "# ours\n")
    output = package("dpkg", "-i", newer(DEB, "99.1", layout="9999"), code=1)
    assert "another layout" in output and "--unload" in output, output
    holdpoint.same_request(request, "an upgrade that was refused")
    package("dpkg", "-i", newer(DEB, "99.0"))
    holdpoint.same_request(request, "an upgrade")
    assert len({first, second, show("MainPID")}) == 3, "a new daemon each time"
    assert len(list(PINS.glob("layout-*"))) == 1
    assert shell("dpkg-query", "-W", "-f", "${Version}", "holdpoint") == "99.0"
    assert ENVIRONMENT.read_text().endswith("# ours\n"), "an upgrade keeps the configuration"
    assert len(list(PINS.glob("links-*"))) == 1
    assert held.poll() is None
    holdpoint.approve(request)
    assert finish(held) == (0, "content\n")


def test_run_makes_a_scope_in_the_slice():
    process = holdpoint.popen("holdpoint", "run", "--agent", "coder", "--for", "ada", "--purpose", "a test", "--", "sh", "-c",
                              f"cat /proc/self/cgroup {SECRET}; exit 7")
    request = holdpoint.wait_request()
    session = [s for s in holdpoint.get("/v1/sessions")["sessions"] if s["id"] == request["session"]][0]
    assert session["cgroup"].startswith("/agents.slice/holdpoint-coder-"), session
    assert session["cgroup"].endswith(".scope") and session["recognised_by"] == "run", session
    assert session["claims"]["on_behalf_of"] == "ada", session
    assert "agent coder" in show("Description", session["cgroup"].rpartition("/")[2])
    holdpoint.approve(request)
    status, output = finish(process)
    assert status == 7 and output.endswith("content\n") and session["cgroup"] in output, (status, output)
    wait_until("its session ends with the scope", lambda: [
        s for s in holdpoint.get("/v1/sessions")["sessions"] if s["id"] == request["session"] and s["ended"]])


def test_the_first_day_with_the_shipped_policy_for_a_member_of_the_group():
    shell("useradd", "--create-home", "--groups", "holdpoint", "ada")
    key = pathlib.Path("/home/ada/.ssh/id_ed25519")
    reads = ("runuser", "-u", "ada", "--", "holdpoint", "run", "--agent", "novice", "--", "cat", key)
    shell("runuser", "-u", "ada", "--", "sh", "-c", f"mkdir {key.parent} && echo hers > {key}")
    done = json.loads(shell("holdpoint", "setup", "--yes", "--agent", "novice", "--run", "--json"))
    assert done["approved"] and done["passed"] and done["mode"] == "observe", done
    assert shell(*reads) == "hers\n", "observed"
    [told] = [g for g in json.loads(shell("holdpoint", "setup", "--report", "--agent", "novice", "--json"))["groups"]
              if str(key) in g["example"]]
    assert (told["verdict"], told["count"]) == ("ask", 1), told
    shell("holdpoint", "mode", "novice", "enforce", "--reason", "observed long enough")
    process = holdpoint.popen(*reads)
    request = holdpoint.wait_request()
    assert request["rule"]["id"] == told["rule"] and request["access"]["object"] == str(key), request
    session = [s for s in holdpoint.get("/v1/sessions")["sessions"] if s["id"] == request["session"]][0]
    assert session["owner"] == {"kind": "unix", "id": str(pwd.getpwnam("ada").pw_uid), "name": "ada"}, session
    holdpoint.approve(request)
    assert finish(process) == (0, "hers\n")


def test_a_running_unit_is_tagged_and_untagged_by_its_name():
    door = TMP / "door"
    os.mkfifo(door)
    process = holdpoint.popen("systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--unit=plain", "sh", "-c",
                              f"for i in 1 2 3; do read line < {door}; cat {SECRET}; done")
    door.write_text("go\n")
    assert process.stdout.readline() == b"content\n", "before it is tagged"
    shell("holdpoint", "tag", "plain.service", "--agent", "coder")
    door.write_text("go\n")
    request = holdpoint.wait_request()
    session = [s for s in holdpoint.get("/v1/sessions")["sessions"] if s["id"] == request["session"]][0]
    assert session["cgroup"] == "/system.slice/plain.service" and session["recognised_by"] == "tag", session
    holdpoint.approve(request)
    assert process.stdout.readline() == b"content\n"
    shell("holdpoint", "untag", session["id"])
    door.write_text("go\n")
    assert finish(process) == (0, "content\n"), "and after it is untagged"


def test_stopping_the_service_keeps_enforcing_and_says_so():
    shell("systemctl", "stop", UNIT)
    assert "the kernel goes on enforcing" in show("StatusText"), show("StatusText")
    assert "the kernel goes on enforcing" in journal()
    shell("systemctl", "start", "holdpoint-metrics.service")
    assert "\nholdpoint_up 0\n" in METRICS.read_text(), METRICS.read_text()
    refused(holdpoint.start_unit("coder-3", "cat", FORBIDDEN))
    asks = holdpoint.start_unit("coder-4", "cat", SECRET)
    pid = int(wait_until("it runs", lambda: (p := show("MainPID", "coder-4.service")) != "0" and p))
    wait_until("it is stopped", lambda: process_state(pid) == "T")
    shell("systemctl", "start", UNIT)
    holdpoint.approve(holdpoint.wait_request())
    assert finish(asks) == (0, "content\n")


def test_a_frozen_or_killed_daemon_is_started_again_by_systemd():
    assert show("WatchdogUSec") == "30s"
    drop_in("[Service]", "WatchdogSec=8")
    shell("systemctl", "restart", UNIT)
    held = holdpoint.start_unit("coder-5", "cat", SECRET)
    request = holdpoint.wait_request()
    fed = show("WatchdogTimestampMonotonic")
    wait_until("the watchdog is fed", lambda: show("WatchdogTimestampMonotonic") != fed)
    for sent in (signal.SIGSTOP, signal.SIGKILL):
        former = show("MainPID")
        os.kill(int(former), sent)
        wait_until("systemd starts another", lambda old=former: show("MainPID") not in (old, "0"))
        holdpoint.same_request(request, sent.name)
    assert "Watchdog timeout" in journal()
    assert held.poll() is None
    holdpoint.approve(request)
    assert finish(held) == (0, "content\n")
    drop_in()


def test_a_kernel_that_cannot_is_named_and_not_tried_again():
    drop_in("[Service]", f"BindReadOnlyPaths={WITHOUT_BPF}:/sys/kernel/security/lsm")
    shell("systemctl", "restart", UNIT, code=1)
    assert (show("ActiveState"), show("ExecMainStatus"), show("NRestarts")) == ("failed", "5", "0"), journal()
    for part in ("without BPF among its security modules", "lsm=lockdown,capability,yama,bpf"):
        assert part in journal(), journal()
    drop_in()


def test_nothing_starts_in_the_slice_without_the_guard():
    shell("systemctl", "stop", UNIT)
    shell("holdpointd", "--unload")
    assert not PINS.exists()
    shell("systemctl", "stop", "agents.slice")
    (POLICIES / "10-test.yaml").write_text(POLICY + "nonsense: true\n")
    said = shell("systemd-run", "--slice=agents.slice", "--unit=coder-6", "touch", HOME / "ran", code=1)
    assert "dependency job" in said and not (HOME / "ran").exists(), said
    assert show("AssertResult", "agents.slice") == "no"
    assert show("ExecMainStatus") == "3" and "10-test.yaml:" in journal(), journal()
    (POLICIES / "10-test.yaml").write_text(POLICY)
    # The slice starts the daemon, and waits for it.
    refused(holdpoint.start_unit("coder-6", "cat", FORBIDDEN))
    assert show("ActiveState") == "active"


def test_removing_by_apt_denies_what_is_held_only_adds_to_the_log_and_takes_the_counters_away():
    held = holdpoint.start_unit("coder-7", "cat", SECRET)
    holdpoint.wait_request()
    before = content_of_log()
    assert b"coder-7" in before[max(before)]
    shell("systemctl", "enable", "--now", TIMER)
    assert show("ActiveState", TIMER) == "active" and METRICS.exists()
    ENVIRONMENT.write_text("HOLDPOINTD_OPTIONS='--group holdpoint'\n")
    apt_get("remove", "holdpoint")
    refused(held)
    assert show("ActiveState", TIMER) == "inactive" and not METRICS.exists(), "nothing says that it enforces"
    assert not PINS.exists() and not pathlib.Path("/usr/sbin/holdpointd").exists()
    after = content_of_log()
    assert after.keys() == before.keys() and all(after[name].startswith(before[name]) for name in before)
    last = last_record(after)
    assert "daemon_stopped {" in last and 'text: "unload"' in last, last
    assert (POLICIES / "10-test.yaml").exists()
    assert finish(holdpoint.popen("systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--slice=agents.slice",
                                  "--unit=coder-8", "cat", SECRET, FORBIDDEN)) == (0, "content\nnever\n")


def test_purging_by_apt_removes_the_log_and_keeps_policies():
    apt_get("purge", "holdpoint")
    assert not STATE.exists() and not pathlib.Path("/run/holdpoint").exists()
    assert not ENVIRONMENT.exists()
    assert not ENABLED.is_symlink(), "the timer is disabled"
    assert (POLICIES / "10-test.yaml").read_text() == POLICY, "a file of the operator's own stays"


def story(tests):
    """The cases, each of which only runs when those before it passed: it begins where they ended."""
    failed = []

    def part(test):
        def step():
            assert not failed, f"not run, because {failed[0]} failed"
            failed.append(test.__name__)
            test()
            failed.clear()

        step.__name__ = test.__name__
        return step

    return [part(test) for test in tests]


def prepare():
    HOME.mkdir(mode=0o700)
    for file, text in ((SECRET, "content\n"), (FORBIDDEN, "never\n"), (PUBLIC, "never\n"), (TOOL, "#!/bin/sh\necho the tool ran\n")):
        file.write_text(text)
    TOOL.chmod(0o755)
    # What the images of containers put there against services that start, and an index of manuals: neither is looked at here.
    for path in ("/usr/sbin/policy-rc.d", "/var/lib/man-db/auto-update"):
        pathlib.Path(path).unlink(missing_ok=True)


prepare()
try:
    main(story([
        test_installing_starts_the_service_and_changes_nothing,
        test_doctor_recognises_a_host_that_can_and_names_the_parameter_where_it_cannot_and_says_when_it_cannot_tell,
        test_the_metrics_service_writes_the_file_that_node_exporter_reads,
        test_an_agent_of_the_slice_is_held_once_it_is_declared,
        test_units_with_a_user_or_file_systems_of_their_own_start_and_obey,
        test_a_restart_and_an_upgrade_keep_what_is_held,
        test_run_makes_a_scope_in_the_slice,
        test_the_first_day_with_the_shipped_policy_for_a_member_of_the_group,
        test_a_running_unit_is_tagged_and_untagged_by_its_name,
        test_stopping_the_service_keeps_enforcing_and_says_so,
        test_a_frozen_or_killed_daemon_is_started_again_by_systemd,
        test_a_kernel_that_cannot_is_named_and_not_tried_again,
        test_nothing_starts_in_the_slice_without_the_guard,
        test_removing_by_apt_denies_what_is_held_only_adds_to_the_log_and_takes_the_counters_away,
        test_purging_by_apt_removes_the_log_and_keeps_policies,
    ]))
except SystemExit as end:
    if end.code:
        print("---- journal of the service\n" + journal()[-6000:], flush=True)
    raise
