# SPDX-License-Identifier: Apache-2.0
"""Who is an agent's: how a tag comes, that it stays, and how it goes. A file that only the tagged are refused tells them apart."""
import os
import pathlib
import signal
import subprocess

from harness import ACTOR, CGROUP, Daemon, HOLDPOINT, LIMIT, TMP, finish, main, wait_until

FORBIDDEN = TMP / "forbidden"
ASKED = TMP / "asked"
RULES = f"""
  - id: forbidden
    on: [read]
    path: ["{FORBIDDEN}"]
    verdict: deny
    reason: Not for agents
  - id: asked
    on: [read]
    path: ["{ASKED}"]
    verdict: ask
    reason: Ask first
    timeout: 10m
"""
LOOK = f"cat {FORBIDDEN} 2>&1"
REFUSED = "Operation not permitted"
NOT_ALLOWED = 4  # exit code: the caller may not do that
OUTSIDE = CGROUP / "outside"
USER, PERSON = 4711, 4712  # whom a process runs as; who logged in
DECLARED = {"kind": "declared", "id": "", "name": "Platform team"}
AGENTS = f"""    operator: Platform team
  helper:
    cgroups: ["/{CGROUP.relative_to('/sys/fs/cgroup')}/helper-*"]
    default: allow
"""


def enter(path):
    return lambda: (path / "cgroup.procs").write_text("0")


def start_waiting(cgroup=None, command=LOOK):
    """A shell that waits for a line, then looks."""
    return subprocess.Popen(["sh", "-c", f"read line; {command}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, preexec_fn=enter(cgroup) if cgroup else None)


def log_in(person):
    """As a login does, for all that comes after it."""
    pathlib.Path("/proc/self/loginuid").write_text(str(person))


def start_in(cgroup, user=0, person=None):
    """A process that was at work in a cgroup before the daemon came."""
    def prepare():
        enter(cgroup)()
        if person:
            log_in(person)
        os.setuid(user)
    cgroup.mkdir(exist_ok=True)
    return subprocess.Popen(["sleep", "1000"], preexec_fn=prepare)


def owner_in(cgroup):
    return session_in(cgroup)[0]["owner"]


def owner_of_run(before, agent, person=None):
    """Who owns the session that `holdpoint run` opens, with `before` in front of it, for somebody who logged in, or for nobody."""
    known = {s["id"] for s in daemon.get("/v1/sessions")["sessions"]}
    command = [*before, HOLDPOINT, "run", "--socket", daemon.runtime / "api.sock", "--agent", agent, "--", "true"]
    done = subprocess.run([str(word) for word in command], capture_output=True, stdin=subprocess.DEVNULL, text=True,
                          timeout=LIMIT, preexec_fn=(lambda: log_in(person)) if person else None)
    assert done.returncode == 0, done
    new = [s for s in daemon.get("/v1/sessions")["sessions"] if s["id"] not in known and s["recognised_by"] == "run"]
    assert len(new) == 1 and new[0]["agent"] == agent, new
    return new[0]["owner"]


def go(process):
    output, _ = process.communicate(b"go\n", timeout=LIMIT)
    return output.decode()


def holdpoint(*words, **options):
    return subprocess.run([str(HOLDPOINT), *words, "--socket", str(daemon.runtime / "api.sock")], capture_output=True,
                          text=True, timeout=LIMIT, **options)


def session_in(path):
    name = "/" + str(path.relative_to("/sys/fs/cgroup"))
    return [s for s in daemon.get("/v1/sessions")["sessions"] if s["cgroup"] == name and not s["ended"]]


def test_an_untagged_process_is_left_alone():
    assert "content" in go(start_waiting())


def test_a_cgroup_that_was_there_at_start_is_a_session_with_everything_in_it():
    assert REFUSED in go(there_before)
    session = session_in(CGROUP / "coder-before")[0]
    assert session["recognised_by"] == "cgroup", session
    assert session["owner"] == DECLARED, session


def test_a_cgroup_that_runs_as_a_user_at_start_is_that_users():
    assert owner_in(CGROUP / "helper-user")["id"] == str(USER)
    assert owner_in(CGROUP / "helper-empty")["id"] == "0"
    assert owner_in(CGROUP / "coder-person")["id"] == str(PERSON), "a login counts before what the policy declares"


def test_run_belongs_to_the_person_who_logged_in_also_through_sudo():
    for agent in ("coder", "helper"):
        assert owner_of_run(["sudo", "-n"], agent, PERSON)["id"] == str(PERSON), agent


def test_run_without_a_login_belongs_to_the_declared_operator_or_else_to_its_user():
    assert owner_of_run([], "coder") == DECLARED
    assert owner_of_run([], "helper")["id"] == "0"


def test_a_new_cgroup_is_a_session_before_its_first_process_runs():
    assert REFUSED in daemon.run("sh", "-c", LOOK, session="new")[1]


def test_a_marked_cgroup_is_a_session_with_what_runs_in_it_already():
    marked = CGROUP / "marked"
    marked.mkdir()
    process = start_waiting(marked)
    os.setxattr(marked, "user.holdpoint.agent", b"coder")
    session = wait_until("the session", lambda: session_in(marked))[0]
    assert session["recognised_by"] == "xattr", session
    assert REFUSED in go(process)


def test_run_starts_a_session_with_its_claims_and_relays_the_exit_status():
    command = ["run", "--socket", str(daemon.runtime / "api.sock"), "--agent", "coder", "--for", "ada", "--purpose",
               "release 7", "--label", "env=production", "--", "sh", "-c", f"cat {ASKED} && exit 7"]
    process = subprocess.Popen([str(HOLDPOINT), *command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    request = daemon.wait_request()
    session = next(s for s in daemon.get("/v1/sessions")["sessions"] if s["id"] == request["session"])
    assert session["recognised_by"] == "run" and session["owner"] == DECLARED, session
    claims = session["claims"]
    assert claims["on_behalf_of"] == "ada" and claims["purpose"] == "release 7", session
    assert claims["labels"] == {"env": "production"}, session
    shown = holdpoint("show", request["id"])
    assert shown.returncode == 0 and "ada" in shown.stdout and str(ASKED) in shown.stdout, shown
    assert holdpoint("approve", request["id"]).returncode == 0
    assert finish(process) == (7, "asked\n")


def test_run_says_when_the_command_cannot_be_started():
    there = subprocess.run([str(HOLDPOINT), "run", "--socket", str(daemon.runtime / "api.sock"), "--agent", "coder", "--",
                            "/nowhere/at-all"], capture_output=True, timeout=LIMIT)
    assert there.returncode == 127, there
    nobody = subprocess.run([str(HOLDPOINT), "run", "--socket", str(daemon.runtime / "api.sock"), "--agent", "nobody", "--",
                             "true"], capture_output=True, timeout=LIMIT)
    assert nobody.returncode == 125, nobody


def test_tag_finds_every_thread_of_a_running_process():
    place = CGROUP / "threads"
    place.mkdir()
    process = subprocess.Popen([str(ACTOR), "crowd", "64", str(FORBIDDEN)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               preexec_fn=enter(place))
    assert process.stdout.readline() == b"ready ok 64\n"
    tagged = holdpoint("tag", str(process.pid), "--agent", "coder")
    assert tagged.returncode == 0, tagged
    output = go(process)
    assert output.count("thread EPERM") == 64, output


def test_untag_takes_the_tag_from_everybody_in_the_session():
    place = CGROUP / "tagged"
    place.mkdir()
    first, second = start_waiting(place, LOOK + "; read line; " + LOOK), start_waiting(place)
    tagged = holdpoint("tag", str(place), "--agent", "coder", "--json")
    assert tagged.returncode == 0, tagged
    session = session_in(place)[0]
    assert session["recognised_by"] == "tag", session
    first.stdin.write(b"go\n")
    first.stdin.flush()
    assert REFUSED.encode() in first.stdout.readline()
    untagged = holdpoint("untag", str(session["id"]))
    assert untagged.returncode == 0, untagged
    assert "content" in go(first) and "content" in go(second)
    assert not session_in(place)
    said = [r for r in daemon.records() if r.get("session") == session["id"] and r["kind"] in ("session", "session_ended")]
    assert [r["kind"] for r in said] == ["session", "session_ended"], said
    assert said[0]["recognised_by"] == "tag" and said[1]["how"] == "untagged by root", said
    assert said[0]["tagged_by"] == session["tagged_by"] == "root" and session["owner"] == DECLARED, (said, session)


def test_what_was_untagged_stays_so_whatever_pattern_it_matches_until_it_is_tagged_again():
    place, below = CGROUP / "coder-free", CGROUP / "coder-free" / "below"
    below.mkdir(parents=True)
    for mark in (place, below):
        os.setxattr(mark, "user.holdpoint.agent", b"coder")  # as a pattern, but it is looked at later
    assert holdpoint("untag", str(session_in(place)[0]["id"])).returncode == 0
    if left := session_in(below):
        assert holdpoint("untag", str(left[0]["id"])).returncode == 0
    generation = daemon.get("/v1/health")["policy"]["generation"]
    os.kill(daemon.process.pid, signal.SIGHUP)
    wait_until("the policy was read again", lambda: daemon.get("/v1/health")["policy"]["generation"] > generation)
    other = CGROUP / "another"
    other.mkdir()
    assert holdpoint("tag", str(other), "--agent", "coder").returncode == 0  # looks at all cgroups too
    for cgroup in (place, below):
        assert not session_in(cgroup) and "content" in go(start_waiting(cgroup))
    assert holdpoint("tag", str(place), "--agent", "coder").returncode == 0
    assert REFUSED in go(start_waiting(place))


def test_nobody_makes_a_cgroup_an_agents_that_he_is_in_himself():
    place = CGROUP / "login"
    place.mkdir()
    shell = start_waiting(place)
    inside = subprocess.run([str(HOLDPOINT), "tag", str(shell.pid), "--agent", "coder", "--socket", str(daemon.runtime / "api.sock")],
                            capture_output=True, text=True, timeout=LIMIT, preexec_fn=enter(place))
    assert inside.returncode != 0 and "you are in" in inside.stderr and "holdpoint run" in inside.stderr, inside
    assert not session_in(place) and "content" in go(shell)


def test_a_frozen_cgroup_is_still_frozen_when_it_is_tagged():
    place = CGROUP / "cold"
    place.mkdir()
    process = start_waiting(place)
    (place / "cgroup.freeze").write_text("1")
    tagged = holdpoint("tag", str(place), "--agent", "coder")
    assert tagged.returncode == 0, tagged
    assert (place / "cgroup.freeze").read_text() == "1\n"
    (place / "cgroup.freeze").write_text("0")
    assert REFUSED in go(process)


def test_more_cgroups_below_a_session_than_there_is_room_for_hide_nobody():
    """An agent that may make cgroups makes them without end. There is room for 4,096 of them on the host."""
    top = CGROUP / "coder-many"
    top.mkdir()
    before = daemon.counters()["full_sessions"]
    below = [top / f"c{number}" for number in range(4200)]
    for place in below:
        os.mkdir(place)
    assert daemon.counters()["full_sessions"] > before
    deeper = below[-1] / "deeper"
    deeper.mkdir()
    for place in (below[0], below[-1], deeper):
        assert REFUSED in go(start_waiting(place)), place
    assert "content" in go(start_waiting(OUTSIDE)) and "content" in go(start_waiting())
    assert REFUSED in go(start_waiting(CGROUP / "coder-before")), "other sessions are known as before"
    for place in [deeper, *below]:
        os.rmdir(place)
    before = daemon.counters()["full_sessions"]
    below[0].mkdir()
    assert daemon.counters()["full_sessions"] == before, "the places are free again"


def tag_and_untag(name):
    """The words to tag a cgroup that anybody might, and then, once that is done, to untag its session."""
    place = CGROUP / name
    place.mkdir()
    yield "tag", str(place), "--agent", "coder"
    yield "untag", str(session_in(place)[0]["id"])


def test_only_root_tags_and_untags():
    for words in tag_and_untag("nobodys"):
        refused = holdpoint(*words, user=65534, group=0, extra_groups=[])
        assert refused.returncode == NOT_ALLOWED, refused
        assert holdpoint(*words).returncode == 0, "it is root that lacks"


def test_a_tagged_process_can_neither_tag_nor_untag():
    for words in tag_and_untag("nobodys-other"):
        status, output = daemon.run(HOLDPOINT, *words, "--socket", daemon.runtime / "api.sock", session="tags")
        assert status == NOT_ALLOWED, (status, output)
        assert holdpoint(*words).returncode == 0, "it is who asks that is refused"


def test_the_host_cannot_be_tagged():
    assert holdpoint("tag", "/", "--agent", "coder").returncode != 0
    assert "content" in go(start_waiting())


def test_the_tag_stays_when_the_process_is_moved_out():
    process = start_waiting(daemon.session("moved"))
    (OUTSIDE / "cgroup.procs").write_text(str(process.pid))
    assert REFUSED in go(process)


def test_the_tag_stays_over_a_new_session_a_double_fork_and_a_setuid_program():
    away = TMP / "away"
    script = f"setsid sh -c '({{ {LOOK}; }} > {away}.tmp; mv {away}.tmp {away}) & exit 0' & exit 0"
    daemon.run("sh", "-c", script, session="fork")
    wait_until("the grandchild looked", away.exists)
    assert REFUSED in away.read_text()
    status, output = daemon.run("su", "root", "-s", "/bin/sh", "-c", LOOK, session="fork")
    assert REFUSED in output, (status, output)
    cat = TMP / "cat"
    cat.write_bytes(pathlib.Path("/bin/cat").read_bytes())
    cat.chmod(0o4755)
    status, output = daemon.run("setpriv", "--reuid", "65534", "--clear-groups", cat, FORBIDDEN, session="fork")
    assert REFUSED in output, (status, output)


def test_a_child_cloned_into_another_cgroup_keeps_the_tag():
    status, output = daemon.run(ACTOR, "into", OUTSIDE, "/bin/cat", FORBIDDEN, session="clone")
    assert "clone ok" in output and REFUSED in output, (status, output)


def test_a_child_cloned_into_the_agents_cgroup_is_tagged():
    inside = daemon.session("inside")
    output = subprocess.run([str(ACTOR), "into", str(inside), "/bin/cat", str(FORBIDDEN)], capture_output=True, text=True,
                            timeout=LIMIT)
    assert "clone ok" in output.stdout and REFUSED in output.stderr, output


def test_new_threads_are_tagged():
    process = daemon.spawn(ACTOR, "crowd", "8", FORBIDDEN, session="new-threads", stdin=subprocess.PIPE)
    assert go(process).count("thread EPERM") == 8


def test_a_cgroup_below_belongs_to_the_session():
    top = daemon.session("nested")
    below = top / "a" / "b"
    below.mkdir(parents=True)
    assert REFUSED in go(start_waiting(below))
    below.rmdir(), below.parent.rmdir()
    assert session_in(top), "the session lives as long as its top"


def test_a_session_ends_with_its_cgroup():
    path = daemon.session("short")
    assert daemon.run("true", session="short")[0] == 0
    wait_until("the session is known", lambda: session_in(path))
    wait_until("the cgroup can go", lambda: remove(path))
    wait_until("the session ended", lambda: not session_in(path))
    assert daemon.wait_record("session_ended")


def remove(path):
    try:
        path.rmdir()
    except OSError:
        return False
    return True


FORBIDDEN.write_text("content\n")
ASKED.write_text("asked\n")
FORBIDDEN.chmod(0o644)
TMP.chmod(0o755)
OUTSIDE.mkdir(exist_ok=True)
(CGROUP / "coder-before").mkdir(exist_ok=True)
(CGROUP / "helper-empty").mkdir(exist_ok=True)
there_before = start_waiting(CGROUP / "coder-before")
at_work = [start_in(CGROUP / "helper-user", user=USER), start_in(CGROUP / "coder-person", person=PERSON)]
with Daemon(RULES, name="tagging", extra=AGENTS) as daemon:
    main([
        test_an_untagged_process_is_left_alone,
        test_a_cgroup_that_was_there_at_start_is_a_session_with_everything_in_it,
        test_a_cgroup_that_runs_as_a_user_at_start_is_that_users,
        test_run_belongs_to_the_person_who_logged_in_also_through_sudo,
        test_run_without_a_login_belongs_to_the_declared_operator_or_else_to_its_user,
        test_a_new_cgroup_is_a_session_before_its_first_process_runs,
        test_a_marked_cgroup_is_a_session_with_what_runs_in_it_already,
        test_run_starts_a_session_with_its_claims_and_relays_the_exit_status,
        test_run_says_when_the_command_cannot_be_started,
        test_tag_finds_every_thread_of_a_running_process,
        test_untag_takes_the_tag_from_everybody_in_the_session,
        test_what_was_untagged_stays_so_whatever_pattern_it_matches_until_it_is_tagged_again,
        test_nobody_makes_a_cgroup_an_agents_that_he_is_in_himself,
        test_a_frozen_cgroup_is_still_frozen_when_it_is_tagged,
        test_only_root_tags_and_untags,
        test_a_tagged_process_can_neither_tag_nor_untag,
        test_the_host_cannot_be_tagged,
        test_the_tag_stays_when_the_process_is_moved_out,
        test_the_tag_stays_over_a_new_session_a_double_fork_and_a_setuid_program,
        test_a_child_cloned_into_another_cgroup_keeps_the_tag,
        test_a_child_cloned_into_the_agents_cgroup_is_tagged,
        test_new_threads_are_tagged,
        test_a_cgroup_below_belongs_to_the_session,
        test_more_cgroups_below_a_session_than_there_is_room_for_hide_nobody,
        test_a_session_ends_with_its_cgroup,
    ])
