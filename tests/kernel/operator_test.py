# SPDX-License-Identifier: Apache-2.0
"""Stop means stop, and the operator keeps the keys: lockdown, disarm and arm, with and without a daemon, and not for agents."""
import os
import select
import shutil
import socket
import subprocess

from harness import CGROUP, HOLDPOINT, LIMIT, PINS, TMP, Daemon, finish, main, wait_until

SECRET, GRANTED, SHUT, FILE, TOOL = (TMP / name for name in ("secret", "secret-granted", "shut", "file", "tool"))
LISTENING = TMP / "listening"  # a socket
FREE = TMP / "free"  # a directory where everything is allowed
CLEANERS = f"""  cleaner:
    cgroups: ["/{CGROUP.relative_to('/sys/fs/cgroup')}/cleaner-*"]
    default: allow
  watched:
    cgroups: ["/{CGROUP.relative_to('/sys/fs/cgroup')}/watched-*"]
    default: deny
    mode: observe
"""
RULES = f"""
  - id: secret
    on: [read]
    path: ["{TMP}/secret*"]
    verdict: ask
    reason: A secret of the test
    timeout: 60m
  - id: shut
    on: [read, delete]
    path: ["{SHUT}"]
    verdict: deny
    reason: Shut
  - id: tool
    on: [exec]
    path: ["{TOOL}"]
    verdict: deny
    reason: No tools
"""

# An agent's program: makes each statement that it is sent, and says what came of it. What it needs is loaded beforehand.
DRIVEN = """
import ctypes, errno, os, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.connect(('127.0.0.1', int(sys.argv[1])))
left, right = socket.socketpair()
page = os.memfd_create('page')
os.write(page, b'x')
buffer = ctypes.create_string_buffer(128)
def bpf():
    if libc.syscall(321, 0, buffer, 128) < 0: raise OSError(ctypes.get_errno(), '')
print('ready', flush=True)
for line in sys.stdin:
    try:
        exec(line)
        print('did it', flush=True)
    except OSError as error:
        print('refused', errno.errorcode[error.errno], flush=True)
"""


class Driven:
    """One process of an agent in a session of its own, which does what it is told."""

    def __init__(self, name, agent="coder"):
        self.cgroup = CGROUP / f"{agent}-{name}"
        self.cgroup.mkdir(exist_ok=True)

        def enter():
            (self.cgroup / "cgroup.procs").write_text("0")

        self.process = subprocess.Popen(["python3", "-c", DRIVEN, str(datagrams.getsockname()[1])], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, preexec_fn=enter)
        assert self.answer() == "ready"

    def answer(self, patience=LIMIT):
        assert select.select([self.process.stdout], [], [], patience)[0], "no answer"
        return self.process.stdout.readline().decode().strip()

    def tell(self, statement):
        self.process.stdin.write((statement + "\n").encode())
        self.process.stdin.flush()

    def does(self, statement):
        self.tell(statement)
        return self.answer()

    def frozen(self):
        return "frozen 1" in (self.cgroup / "cgroup.events").read_text()

    def thaw(self):
        """As somebody else who is root might: what the kernel refuses does not depend on the freezer."""
        (self.cgroup / "cgroup.freeze").write_text("0")
        wait_until("it runs", lambda: not self.frozen())

    def session(self):
        return [s for s in daemon.get("/v1/sessions")["sessions"] if s["cgroup"].endswith("/" + self.cgroup.name)][0]

    def end(self):
        self.process.kill()
        self.thaw()
        self.process.communicate()


def reading(path):
    return f"os.close(os.open({str(path)!r}, os.O_RDONLY))"


def allowed_things():
    """One of each kind that the rules allow; each can be done again and again after prepare()."""
    return [
        reading(FILE),
        f"os.close(os.open('{FREE}/new', os.O_CREAT | os.O_EXCL | os.O_WRONLY))",
        f"os.unlink('{FREE}/gone')",
        f"os.mkdir('{FREE}/directory')",
        f"os.rename('{FREE}/from', '{FREE}/to')",
        f"os.link('{FREE}/kept', '{FREE}/linked')",
        f"os.chmod('{FREE}/kept', 0o600)",
        f"os.utime('{FREE}/kept')",
        f"os.setxattr('{FREE}/kept', 'trusted.a', b'b')",
        "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)",
        f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]})).close()",
        "udp.send(b'x')",
        "left.send(b'x')",
        "os.sendfile(left.fileno(), page, 0, 1)",
        f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', {datagrams.getsockname()[1]}))",
        f"socket.socket(socket.AF_UNIX).connect('{LISTENING}')",
    ]


def prepare():
    shutil.rmtree(FREE, ignore_errors=True)
    FREE.mkdir()
    for name in ("gone", "from", "kept"):
        (FREE / name).write_text("content\n")


def outcomes(driven):
    prepare()
    return {statement: driven.does(statement) for statement in allowed_things()}


def everything(driven, outcome):
    other = {statement: found for statement, found in outcomes(driven).items() if found != outcome}
    assert not other, other


def holdpoint(*words, code=0, **options):
    done = subprocess.run([str(HOLDPOINT), *map(str, words), "--socket", str(daemon.runtime / "api.sock")],
                          capture_output=True, text=True, timeout=LIMIT, **options)
    assert done.returncode == code, (words, done)
    return done.stdout


def api(method, path, body=None, status=200):
    found, answer = daemon.call(method, path, body)
    assert found == status, (method, path, found, answer)
    return answer


def enter_and_execute(session):
    """Exit status of a fresh process that enters a session and executes something there: 42 when that is refused."""
    pid = os.fork()
    if pid == 0:
        try:
            (session / "cgroup.procs").write_text("0")
            os.execv("/bin/true", ["true"])
        except PermissionError:
            os._exit(42)
        finally:
            os._exit(1)


    def ended():
        (session / "cgroup.freeze").write_text("0")  # the daemon freezes the session as soon as it hears of it
        found, status = os.waitpid(pid, os.WNOHANG)
        return [os.waitstatus_to_exitcode(status)] if found else None

    return wait_until("the process has ended", ended)[0]


def test_a_lockdown_of_an_agent_refuses_everything_and_freezes_and_spares_the_others():
    agent, other = Driven("stopped"), Driven("1", "cleaner")
    agent.tell(reading(GRANTED))
    daemon.approve(daemon.wait_request(), scope="session")
    assert agent.answer() == "did it"
    everything(agent, "did it")
    assert agent.does(reading(GRANTED)) == "did it", "a grant covers it"
    assert "Locked down agent coder" in holdpoint("lockdown", "--agent", "coder", "--reason", "it mails")
    wait_until("it is frozen", agent.frozen)
    agent.tell(reading(FILE))
    everything(other, "did it")
    assert not other.frozen()
    assert not select.select([agent.process.stdout], [], [], 0)[0], "frozen, and answers"
    assert "agent coder" in (status := holdpoint("status")) and "it mails" in status, status
    assert agent.session()["locked_down"] and not other.session()["locked_down"]
    assert "LOCKED DOWN" in holdpoint("sessions")
    agent.thaw()
    assert agent.answer() == "refused EPERM"
    everything(agent, "refused EPERM")
    assert agent.does(reading(GRANTED)) == "refused EPERM", "whatever was granted"
    denial = daemon.wait_record("denial", lambda r: r["cause"] == "lockdown" and "access" in r and r["access"]["object"] == str(FILE))
    assert denial["agent"] == "coder", denial
    switched = daemon.wait_record("operator", lambda r: r["action"] == "lockdown")
    assert (switched["scope"], switched["agent"], switched["reason"], switched["actor"]["id"]) == ("agent", "coder", "it mails", "0")
    fresh = daemon.session("fresh")
    assert enter_and_execute(fresh) == 42, "who comes into a new session of the agent is stopped as well"
    assert "Released" in holdpoint("lockdown", "--release", "--agent", "coder")
    everything(agent, "did it")
    assert agent.does(reading(GRANTED)) == "did it"
    assert daemon.wait_record("operator", lambda r: r["action"] == "release")["agent"] == "coder"
    number = agent.session()["id"]
    api("POST", "/v1/lockdown", {"scope": "session", "session": number})
    wait_until("its session is frozen", agent.frozen)
    agent.tell(reading(FILE))
    api("DELETE", f"/v1/lockdown?scope=session&session={number}", status=204)
    assert agent.answer() == "did it", "released, it goes on where it was"
    api("POST", "/v1/lockdown", {"scope": "session", "session": number})
    wait_until("its session is frozen again", agent.frozen)
    agent.thaw()
    everything(agent, "refused EPERM")
    assert enter_and_execute(fresh) == 0, "its other sessions go on"
    api("DELETE", f"/v1/lockdown?scope=session&session={number}", status=204)
    agent.end()
    other.end()


def test_a_lockdown_stops_what_is_only_observed():
    watched = Driven("1", "watched")
    everything(watched, "did it")
    api("POST", "/v1/lockdown", {"scope": "agent", "agent": "watched"})
    wait_until("it is frozen", watched.frozen)
    watched.thaw()
    everything(watched, "refused EPERM")
    api("DELETE", "/v1/lockdown?scope=agent&agent=watched", status=204)
    everything(watched, "did it")
    watched.end()


def test_a_lockdown_follows_its_agent_when_a_policy_numbers_it_anew():
    late = f"  late:\n    cgroups: ['/{CGROUP.relative_to('/sys/fs/cgroup')}/late-*']\n    default: allow\n"
    file = daemon.policies / "20-more.yaml"
    file.write_text("version: 1\nagents:\n  spare: {default: allow}\n" + late)
    api("POST", "/v1/policy/reload", {})
    api("POST", "/v1/lockdown", {"scope": "agent", "agent": "late"})
    file.write_text("version: 1\nagents:\n" + late)
    api("POST", "/v1/policy/reload", {})
    session = CGROUP / "late-1"
    session.mkdir()
    assert enter_and_execute(session) == 42
    api("DELETE", "/v1/lockdown?scope=agent&agent=late", status=204)
    assert enter_and_execute(session) == 0


def test_a_lockdown_denies_what_waits():
    waiting = daemon.spawn("cat", SECRET, session="waiting")
    request = daemon.wait_request()
    holdpoint("lockdown", "--session", request["session"], "--reason", "enough")
    now = daemon.request(request)
    assert now["state"] == "denied" and now["decision"]["channel"] == "lockdown", now
    assert "enough" in now["decision"]["reason"], now
    api("DELETE", f"/v1/lockdown?scope=session&session={request['session']}", status=204)
    status, output = finish(waiting)
    assert status == 1 and "not permitted" in output, (status, output)
    assert not daemon.requests("open")


def test_without_a_daemon_a_lockdown_holds_and_disarmed_rules_arm_themselves():
    """One restart for both: it costs seconds."""
    agent, other = Driven("kept"), Driven("2", "cleaner")
    everything(agent, "did it")
    assert other.does(reading(SHUT)) == "refused EPERM"
    api("POST", "/v1/lockdown", {"scope": "agent", "agent": "coder", "reason": "over a restart"})
    api("POST", "/v1/disarm", {"for": "5s", "reason": "a moment"})
    assert other.does(reading(SHUT)) == "did it"
    daemon.kill()
    agent.thaw()
    everything(agent, "refused EPERM")
    assert enter_and_execute(daemon.session("late")) == 42
    wait_until("the rules are armed", lambda: other.does(reading(SHUT)) == "refused EPERM")
    everything(other, "did it")
    daemon.start()
    health = daemon.get("/v1/health")
    assert [(one["agent"], one["reason"]) for one in health["lockdowns"]] == [("coder", "over a restart")], health
    assert health["disarmed"] is None and health["enforcing"] is True, health
    assert daemon.wait_record("operator", lambda r: r["action"] == "arm" and r["actor"]["kind"] == "system")
    wait_until("it is frozen again", agent.frozen)
    status, answer = daemon.call("POST", "/v1/sessions", {"agent": "coder", "pid": os.getpid()})
    assert status == 409 and "lockdown" in answer["detail"], (status, answer)
    assert daemon.call("DELETE", f"/v1/tags/{agent.session()['id']}")[0] == 409, "who is stopped is not set free"
    holdpoint("lockdown", "--release", "--agent", "coder")
    everything(agent, "did it")
    api("POST", "/v1/disarm", {"for": "100ms", "reason": "a moment"})
    wait_until("a daemon tells it, too",
               lambda: len([r for r in daemon.records("operator") if r["action"] == "arm" and r["actor"]["kind"] == "system"]) == 2)
    assert agent.does(reading(SHUT)) == "refused EPERM"
    api("POST", "/v1/lockdown", {"scope": "all"})
    wait_until("both are frozen", lambda: agent.frozen() and other.frozen())
    holdpoint("lockdown", "--release")
    everything(other, "did it")
    agent.end()
    other.end()


def test_disarmed_rules_let_pass_and_record_it_and_the_guard_stays():
    agent = Driven("disarmed")
    waiting = daemon.spawn("cat", SECRET, session="waiting")
    request = daemon.wait_request()
    shut = [reading(SHUT), f"os.rename('{SHUT}', '{SHUT}-2')", f"os.waitpid(os.posix_spawn('{TOOL}', ['tool'], {{}}), 0)"]
    guarded = [reading(daemon.state / "holdpoint.db"), f"os.unlink('{PINS}/holdpoint/maps/config')",
               f"os.rename('{daemon.state}', '{daemon.state}-2')", f"os.kill({daemon.process.pid}, 9)", "bpf()",
               f"socket.socket(socket.AF_UNIX).connect('{daemon.runtime}/api.sock')"]
    for statement in (*shut, *guarded):
        assert agent.does(statement) == "refused EPERM", statement
    holdpoint("disarm", "--for", "10m", "--reason", "restore")
    for statement in shut:
        assert agent.does(statement) == "did it", statement
    assert agent.does(reading(TMP / "secret-other")) == "did it", "what asks passes, too"
    for statement in guarded:
        assert agent.does(statement) == "refused EPERM", statement
    (TMP / "shut-2").rename(SHUT)
    watched = Driven("2", "watched")
    assert watched.does(reading(SHUT)) == "did it"
    observed = daemon.wait_record("observed", lambda r: "access" in r and r["access"]["object"].startswith(str(SHUT)))
    assert (observed["agent"], observed["verdict"]) == ("watched", "deny"), observed
    assert not [r for r in daemon.records("logged") if r.get("agent") == "watched"], "observed, and not for the sake of the disarming"
    watched.end()
    health = daemon.get("/v1/health")
    assert health["enforcing"] is False and health["disarmed"]["reason"] == "restore", health
    assert "DISARMED" in holdpoint("status", code=1) and "DISARMED" in " ".join(health["problems"])
    for rule, verdict, path in (("shut", "deny", SHUT), ("tool", "deny", TOOL), ("secret", "ask", TMP / "secret-other")):
        passed = daemon.wait_record("logged", lambda r: r.get("rule") == rule and r["access"]["object"].startswith(str(path)))
        assert (passed["cause"], passed["verdict"]) == ("disarmed", verdict), passed
    assert [r["id"] for r in daemon.requests("open")] == [request["id"]], "what waits goes on waiting"
    daemon.deny(request)
    status, output = finish(waiting)
    assert status == 1 and "not permitted" in output, "a person has denied it"
    api("POST", "/v1/lockdown", {"scope": "agent", "agent": "coder"})
    wait_until("it is frozen", agent.frozen)
    agent.thaw()
    everything(agent, "refused EPERM")
    api("DELETE", "/v1/lockdown?scope=agent&agent=coder", status=204)
    holdpoint("arm")
    assert agent.does(reading(SHUT)) == "refused EPERM"
    assert daemon.get("/v1/health")["enforcing"] is True
    assert daemon.wait_record("operator", lambda r: r["action"] == "disarm" and r["reason"] == "restore")["until"]
    assert daemon.wait_record("operator", lambda r: r["action"] == "arm" and r["actor"]["id"] == "0")
    agent.end()


def test_only_root_switches_and_never_an_agent():
    commands = (("lockdown",), ("lockdown", "--release"), ("disarm", "--for", "1m", "--reason", "x"), ("arm",))
    for words in commands:
        holdpoint(*words, code=4, user=65534, group=0, extra_groups=[])  # a member of the daemon's group, and not root
        status, output = daemon.run(HOLDPOINT, *words, "--socket", daemon.runtime / "api.sock", session="sly")
        assert status == 4, (words, status, output)
    health = daemon.get("/v1/health")
    assert not health["lockdowns"] and health["disarmed"] is None, health
    assert daemon.call("POST", "/v1/disarm", {"for": "25h", "reason": "x"})[0] == 422
    assert daemon.call("POST", "/v1/disarm", {"for": "1m", "reason": ""})[0] == 422


def test_unloading_thaws_who_is_stopped_and_the_next_start_stops_them_again():
    agent = Driven("freed")
    api("POST", "/v1/lockdown", {"scope": "agent", "agent": "coder", "reason": "over an unload"})
    wait_until("it is frozen", agent.frozen)
    daemon.stop()
    daemon.unload()
    wait_until("it runs", lambda: not agent.frozen())
    everything(agent, "did it")
    daemon.start()
    assert "agent coder" in (status := holdpoint("status")) and "over an unload" in status, status
    wait_until("it is frozen again", agent.frozen)
    agent.thaw()
    assert agent.does(reading(FILE)) == "refused EPERM"
    agent.end()


server = socket.create_server(("127.0.0.1", 0), backlog=100)  # nobody accepts: that it connects is enough
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", 0))
LISTENING.unlink(missing_ok=True)
local = socket.socket(socket.AF_UNIX)
local.bind(str(LISTENING))
local.listen(100)
for file in (SECRET, GRANTED, SHUT, FILE, TMP / "secret-other"):
    file.write_text("content\n")
shutil.copy("/bin/true", TOOL)
with Daemon(RULES, name="operator", extra=CLEANERS) as daemon:
    main([
        test_a_lockdown_of_an_agent_refuses_everything_and_freezes_and_spares_the_others,
        test_a_lockdown_stops_what_is_only_observed,
        test_a_lockdown_follows_its_agent_when_a_policy_numbers_it_anew,
        test_a_lockdown_denies_what_waits,
        test_without_a_daemon_a_lockdown_holds_and_disarmed_rules_arm_themselves,
        test_disarmed_rules_let_pass_and_record_it_and_the_guard_stays,
        test_only_root_switches_and_never_an_agent,
        test_unloading_thaws_who_is_stopped_and_the_next_start_stops_them_again,
    ])
