# SPDX-License-Identifier: Apache-2.0
"""Whom a socket really reaches: what an unspecified address means to it, and peers that it sends to without naming them."""
import pathlib
import socket
import subprocess

from harness import ACTOR, Daemon, TMP, finish, main, wait_until

WORK = TMP / "peers"
OWN, LOOP = "10.77.0.5", "127.0.0.9"  # of this host, and not the address that 0.0.0.0 stands for without a source
OPEN, CLOSED, LOGGED, NO_SEND, ASK_SEND = 20001, 20002, 20003, 20004, 20005
DAEMON = None
RULES = f"""
  - {{id: loop, on: [network], to: [{{cidr: {LOOP}, port: {CLOSED}}}], verdict: deny, reason: A test}}
  - {{id: logged, on: [network], to: [{{port: {LOGGED}}}], verdict: allow, log: true}}
  - {{id: no-send, on: [send], to: [{{protocol: udp, port: {NO_SEND}}}], verdict: deny, reason: A test}}
  - {{id: ask-send, on: [send], to: [{{protocol: udp, port: {ASK_SEND}}}], verdict: ask, reason: A test}}
  - {{id: no-path, on: [network], socket: ["{WORK}/denied*"], verdict: deny, reason: A test}}
  - {{id: ask-path, on: [network], socket: ["{WORK}/asked*"], verdict: ask, reason: A test}}
  - {{id: ask-path-send, on: [send], socket: ["{WORK}/send-asked*", "@hp-send-asked*"], verdict: ask, reason: A test}}
"""

# An agent's program: runs each statement that it is given, says what came of it.
TRY = """
import errno, socket, struct, sys, threading
def sock(kind='tcp', to=0, v6=False):
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM if kind == 'tcp' else socket.SOCK_DGRAM)
    if to: s.bind((to, 0))
    return s
def option(s, level, name, value):
    s.setsockopt(level, name, value)
    return s
def unix(): return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def look(): open('/etc/hostname').close()
def thread(call):
    found = []
    def work():
        try: found.append(call())
        except OSError as error: found.append(error)
    t = threading.Thread(target=work); t.start(); t.join()
    if isinstance(found[0], OSError): raise found[0]
    return found[0]
def attempt(call):
    try: print(call(), flush=True)
    except OSError as error: print(errno.errorcode[error.errno], flush=True)
for statement in sys.argv[1:]:
    attempt(lambda: eval(statement) if '\\n' not in statement else exec(statement, globals()))
"""


def receiver(address, kind=socket.SOCK_DGRAM):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    found = socket.socket(family, kind)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(address)
    if kind == socket.SOCK_STREAM:
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 8)
        found.listen(8)
    found.setblocking(False)
    return found


def received(found):
    """How often something came."""
    count = 0
    try:
        while True:
            if found.type == socket.SOCK_STREAM:
                found.accept()
            else:
                found.recv(100)
            count += 1
    except BlockingIOError:
        return count


def spawn(*statements):
    return DAEMON.spawn("/usr/bin/python3", "-ISc", TRY, *statements)


def attempts(*statements):
    status, output = finish(spawn(*statements))
    assert status == 0, output
    return output.split("\n")[:-1]


def known():
    return {r["id"] for r in DAEMON.requests()}


def request(seen):
    """The one new request, once it is there."""
    found = wait_until("it is asked about", lambda: [r for r in DAEMON.requests() if r["id"] not in seen])
    assert len(found) == 1, found
    return found[0]


def ways(source, target, port=OPEN):
    """Each way to reach `target` with a socket made by `source`, an expression of the kind 'tcp' or 'udp'."""
    to = f"('{target}', {port})"
    tcp, udp = source.replace("KIND", "'tcp'"), source.replace("KIND", "'udp'")
    return [f"({tcp}).connect({to})", f"({udp}).connect({to})", f"({udp}).sendto(b'NEW', {to})",
            f"({tcp}).sendto(b'NEW', socket.MSG_FASTOPEN, {to})"]


PASSED = ["None", "None", "3", "3"]


def test_an_unspecified_address_is_the_loopback_only_where_the_kernel_has_no_other():
    """With a source, a device or an interface of its own the kernel goes to that address, which no rule was asked about."""
    kinds = socket.SOCK_STREAM, socket.SOCK_DGRAM
    others = [receiver((OWN, OPEN), kind) for kind in kinds]
    loops = [receiver((address, OPEN), kind) for kind in kinds for address in ("127.0.0.1", "::1", LOOP)]
    mapped, device = "::ffff:", "option(sock(KIND{}), 1, socket.SO_BINDTODEVICE, b'lo')"
    refused = [
        *ways(f"sock(KIND, '{OWN}')", "0.0.0.0"),
        *ways(f"sock(KIND, '{mapped}{OWN}', True)", mapped + "0.0.0.0"),
        *ways(device.format(""), "0.0.0.0"),
        *ways("option(sock(KIND), 0, 50, struct.pack('=I', socket.htonl(1)))", "0.0.0.0"),
        f"sock('udp').sendmsg([b'NEW'], [(0, 8, struct.pack('=I4s4s', 0, socket.inet_aton('{OWN}'), bytes(4)))], 0, ('0.0.0.0', {OPEN}))",
        # Its peer gave it a source.
        f"s = sock('udp'); s.connect(('{OWN}', 9))\ns.sendto(b'NEW', ('0.0.0.0', {OPEN}))",
    ]
    unresolved = DAEMON.counters()["unresolved"]
    found = attempts(*refused)
    # Of many messages the kernel asks about the first only, and any may have control data.
    assert DAEMON.run(ACTOR, "listed", "0.0.0.0", str(OPEN), "NEW", "+", "listed", "127.0.0.1", str(CLOSED), "NEW") == \
        (0, "sendmmsg EPERM\nsendmmsg ok 1\n")
    assert found == ["EPERM"] * len(refused), [pair for pair in zip(refused, found, strict=True) if pair[1] != "EPERM"]
    assert not any(map(received, others + loops))
    assert DAEMON.counters()["unresolved"] - unresolved == len(refused) + 1
    record = DAEMON.wait_record("denial", lambda r: r["cause"] == "unresolved")
    assert record["access"]["object"] == f"0.0.0.0:{OPEN}/tcp", record
    passed = [("sock(KIND)", "0.0.0.0"), ("sock(KIND, v6=True)", "::"), ("sock(KIND, v6=True)", mapped + "0.0.0.0"),
              ("sock(KIND, '::1', True)", "::"), (f"sock(KIND, '{LOOP}')", "0.0.0.0"),
              (device.format(", v6=True"), "::"), (f"sock(KIND, '{mapped}{OWN}', True)", "::")]
    assert attempts(*(way for pair in passed for way in ways(*pair))) == PASSED * len(passed)
    # Of each four: two connections and one datagram.
    assert [received(one) for one in loops] == [6, 6, 2, 3, 3, 1]
    assert not any(map(received, others))
    for one in others + loops:
        one.close()


def test_an_unspecified_address_is_judged_as_the_loopback_address_that_the_socket_has():
    assert attempts(f"sock('udp', '{LOOP}').sendto(b'NEW', ('0.0.0.0', {LOGGED}))") == ["3"]
    DAEMON.wait_record("logged", lambda r: r["access"]["object"] == f"{LOOP}:{LOGGED}/udp")
    # To connect a datagram socket is refused at its first send.
    assert attempts(*ways(f"sock(KIND, '{LOOP}')", "0.0.0.0", CLOSED)) == ["EPERM", "None", "EPERM", "EPERM"]


def test_a_rule_about_sends_holds_for_a_peer_as_for_an_address():
    """To connect a datagram socket asks nothing all the same."""
    denied, asked = (receiver(("127.0.0.1", port)) for port in (NO_SEND, ASK_SEND))
    seen = known()
    assert attempts(f"sock('udp').sendto(b'NEW', ('127.0.0.1', {NO_SEND}))",
                    f"s = sock('udp'); print(s.connect(('127.0.0.1', {NO_SEND})))\ns.send(b'NEW')",
                    f"sock('udp').connect(('127.0.0.1', {ASK_SEND}))") == ["EPERM", "None", "EPERM", "None"]
    assert known() == seen and not received(denied)
    DAEMON.wait_record("denial", lambda r: r["cause"] == "rule" and r["access"]["operation"] == "connect+send")
    process = spawn(f"s = sock('udp'); print(s.connect(('127.0.0.1', {ASK_SEND})))\nprint(s.send(b'NEW'), s.send(b'NEW'))")
    question = request(seen)
    assert question["access"]["operation"] == "connect+send" and not received(asked)
    DAEMON.approve(question)
    assert finish(process) == (0, "None\n3 3\nNone\n")
    assert received(asked) == 2 and len(known() - seen) == 1


# connect, another access in between, a send, one from another thread, one past the peer and another one to it
PEER = ("s = unix(); print(s.connect({0!r}))\nlook(); print(s.send(b'NEW')); print(thread(lambda: s.send(b'NEW')))\n"
        "print(s.sendto(b'NEW', {1!r})); print(s.send(b'NEW'))")


def test_a_unix_datagram_socket_keeps_the_peer_that_it_was_let_have():
    """Whatever its threads do in between: the kernel asks about the peer at each send, where nobody can be asked."""
    names = {name: str(WORK / name) for name in ("free", "asked", "denied", "send-asked")}
    sockets = {name: receiver(path) for name, path in names.items()}
    free, seen = names["free"], known()
    assert attempts(PEER.format(free, free), PEER.format(names["denied"], free)) \
        == ["None", "3", "3", "3", "3", "None", "EPERM"]
    assert received(sockets["free"]) == 4 and known() == seen
    for name in ("asked", "send-asked"):
        for decide, wanted in ((DAEMON.approve, "None\n3\n3\n3\n3\nNone\n"), (DAEMON.deny, "EPERM\n")):
            seen = known()
            process = spawn(PEER.format(names[name], free))
            question = request(seen)
            assert (question["access"]["operation"], question["access"]["object"]) == ("connect+send", names[name])
            assert not received(sockets[name])
            decide(question)
            assert finish(process) == (0, wanted), name
            passed = wanted != "EPERM\n"
            assert (received(sockets[name]), received(sockets["free"])) == ((3, 1) if passed else (0, 0))
            assert len(known() - seen) == 1
    assert not received(sockets["denied"])


def test_a_send_to_an_abstract_peer_is_asked_about_when_it_is_connected():
    target = receiver("\0hp-send-asked")
    seen = known()
    process = spawn("s = unix(); print(s.connect('\\0hp-send-asked'))\nprint(s.send(b'NEW'))")
    question = request(seen)
    assert question["access"]["operation"] == "connect+send" and not received(target)
    DAEMON.approve(question)
    assert finish(process) == (0, "None\n3\nNone\n")
    assert received(target) == 1


def test_a_peer_that_was_let_through_is_no_way_to_another_one():
    asked, other, denied = (receiver(str(WORK / name)) for name in ("asked-first", "asked-other", "denied-other"))
    for name, target in (("to-other", "asked-other"), ("to-denied", "denied-other")):
        (WORK / name).symlink_to(WORK / target)
    seen = known()
    sends = "\n".join(f"attempt(lambda: s.{call}{str(WORK / name)!r}))" for name in ("to-other", "to-denied")
                      for call in ("connect(", "sendto(b'NEW', "))
    process = spawn(f"s = unix(); print(s.connect({str(WORK / 'asked-first')!r}))\n{sends}\nprint(s.send(b'NEW'))")
    DAEMON.approve(request(seen))
    assert finish(process) == (0, "None\n" + 4 * "EPERM\n" + "3\nNone\n")
    assert [received(one) for one in (asked, other, denied)] == [1, 0, 0]
    assert len(known() - seen) == 1
    DAEMON.wait_record("denial", lambda r: r["cause"] == "socket-path" and r["access"]["object"] == f"{WORK}/asked-other")
    DAEMON.wait_record("denial", lambda r: r["cause"] == "rule" and r["access"]["object"] == f"{WORK}/denied-other")


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["ip", "address", "add", f"{OWN}/32", "dev", "lo"], check=True)
pathlib.Path("/proc/sys/net/ipv4/tcp_fastopen").write_text("3")
WORK.mkdir()
with Daemon(RULES, name="peer-daemon") as DAEMON:
    main([
        test_an_unspecified_address_is_the_loopback_only_where_the_kernel_has_no_other,
        test_an_unspecified_address_is_judged_as_the_loopback_address_that_the_socket_has,
        test_a_rule_about_sends_holds_for_a_peer_as_for_an_address,
        test_a_unix_datagram_socket_keeps_the_peer_that_it_was_let_have,
        test_a_send_to_an_abstract_peer_is_asked_about_when_it_is_connected,
        test_a_peer_that_was_let_through_is_no_way_to_another_one,
    ])
