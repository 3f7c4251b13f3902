# SPDX-License-Identifier: Apache-2.0
"""Connections and sends over the loopback: every family and form, each asked about once, and nothing arrives before."""
import pathlib
import socket
import subprocess

from harness import ACTOR, Daemon, TMP, finish, main, wait_until
from matrix import Form, OUTCOMES, run_matrix

WORK = TMP / "net"
DAEMON = None
PORTS = {outcome: 20000 + 1000 * number for number, outcome in enumerate(OUTCOMES)}  # and one more for each form
FREE, ASKED, DENIED = PORTS["allow"] + 900, PORTS["approve"] + 900, PORTS["deny"] + 900  # for the tests below the matrix


def rule(name, outcomes, verdict, more=""):
    ports = ", ".join(f'"{PORTS[o]}-{PORTS[o] + 999}"' for o in outcomes)
    sockets = ", ".join(f'"{WORK}/{o}/*", "@hp-{o}-*"' for o in outcomes)
    return (f"  - {{id: {name}, on: [network], to: [{{port: [{ports}]}}], socket: [{sockets}], verdict: {verdict}, "
            f"reason: A test{more}}}\n")


LOGGED = 40000
NETWORKS = (("127.64.0.0/10", "127.64.0.1", "127.127.255.255", "127.63.255.255", "127.128.0.0"),
            ("127.9.8.7/32", "127.9.8.7", "127.9.8.7", "127.9.8.6", "127.9.8.8"),
            ("fd00:1234:5600::/41", "fd00:1234:5600::", "fd00:1234:567f:ffff::1", "fd00:1234:55ff:ffff::", "fd00:1234:5680::"),
            ("fd00::abcd/128", "fd00::abcd", "fd00::abcd", "fd00::abcc", "fd00::abce"))
RULES = "".join([
    *(f"  - {{id: network-{i}, on: [network], to: [{{cidr: \"{n[0]}\"}}], verdict: deny, reason: A test}}\n" for i, n in
      enumerate(NETWORKS)),
    f"  - {{id: logged, on: [network], to: [{{port: {LOGGED}}}], verdict: allow, log: true}}\n",
    rule("refuse-network", ["deny"], "deny"),
    rule("ask-briefly", ["expire"], "ask", ", timeout: 2s"),
    rule("ask-network", ["approve", "refuse", "cancel", "handle"], "ask"),
])


class Receiver:
    """A socket that counts what it was sent: one for each connection or datagram that carried NEW, 100 for another."""

    def __init__(self, family, kind, address):
        self.socket = socket.socket(family, kind)
        if kind == socket.SOCK_STREAM and family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 8)
        if isinstance(address, str) and address.startswith("/"):
            pathlib.Path(address).parent.mkdir(parents=True, exist_ok=True)
        self.socket.bind(address)
        self.stream = kind == socket.SOCK_STREAM
        if self.stream:
            self.socket.listen(8)
        self.socket.setblocking(False)
        self.count = 0

    def received(self):
        try:
            while True:
                if self.stream:
                    connection, _ = self.socket.accept()
                    connection.settimeout(10)
                    text = connection.recv(100)
                    connection.close()
                else:
                    text = self.socket.recv(100)
                self.count += 1 if text == b"NEW" else 100
        except BlockingIOError:
            return self.count


FORMS = []


def internet_form(name, operation, step, given, seen, kind, passed, refused, cancelled=()):
    """`given`: the address as the program says it; `seen`: as requests and the listener have it."""
    number = len(FORMS)
    family = socket.AF_INET6 if ":" in seen else socket.AF_INET
    receivers = {o: Receiver(family, kind, (seen, PORTS[o] + number)) for o in OUTCOMES}
    shown = f"[{seen}]" if ":" in seen else seen
    protocol = "tcp" if kind == socket.SOCK_STREAM else "udp"
    FORMS.append(Form(name, operation, lambda o: [*step, given, str(PORTS[o] + number), "NEW"],
                      lambda o: f"{shown}:{PORTS[o] + number}/{protocol}", lambda o: receivers[o].received(), passed, refused,
                      cancelled))


def unix_form(name, operation, step, directory, kind, passed, refused):
    """Below `directory` by path; abstract when it is None; relative to it when it is ''."""
    def absolute(outcome):
        return f"@hp-{outcome}-{name}" if directory is None else f"{WORK}/{outcome}/{name}"

    def address(outcome):
        return "\0" + absolute(outcome)[1:] if directory is None else absolute(outcome)

    def words(outcome):
        if directory == "":
            return ["chdir", str(WORK), "+", *step, f"{outcome}/{name}", "NEW"]
        return [*step, absolute(outcome), "NEW"]

    receivers = {o: Receiver(socket.AF_UNIX, kind, address(o)) for o in OUTCOMES}
    FORMS.append(Form(name, operation, words, absolute, lambda o: receivers[o].received(), passed, refused))


def test_every_kind_of_connection_and_send_in_every_outcome():
    connected, sent, stream, datagram = ("connect ok 0", "write ok 3"), ("send ok 3",), socket.SOCK_STREAM, socket.SOCK_DGRAM
    for name, given, seen in (("tcp4", "127.0.0.1", "127.0.0.1"), ("tcp6", "::1", "::1"), ("tcp-any4", "0.0.0.0", "127.0.0.1"),
                              ("tcp-any6", "::", "::1"), ("tcp-mapped", "::ffff:127.0.0.1", "127.0.0.1")):
        internet_form(name, "connect", ["tcp"], given, seen, stream, connected, ("connect EPERM",))
    internet_form("nonblock", "connect", ["nonblock"], "127.0.0.1", "127.0.0.1", stream, connected, ("connect EPERM",))
    internet_form("tcp32", "connect", ["tcp32"], "127.0.0.1", "127.0.0.1", stream, connected, ("connect EPERM",))
    for name, given, seen in (("4", "127.0.0.1", "127.0.0.1"), ("6", "::1", "::1"), ("-mapped", "::ffff:127.0.0.1", "127.0.0.1")):
        internet_form("fastopen" + name, "connect+send", ["fastopen"], given, seen, stream, sent, ("send EPERM",))
        internet_form("fastconnect" + name, "connect", ["fastconnect"], given, seen, stream, connected, ("connect EPERM",))
    for name, given, seen in (("udp4", "127.0.0.1", "127.0.0.1"), ("udp6", "::1", "::1"), ("udp-any4", "0.0.0.0", "127.0.0.1"),
                              ("udp-any6", "::", "::1"), ("udp-mapped", "::ffff:127.0.0.1", "127.0.0.1")):
        internet_form(name, "send", ["udp"], given, seen, datagram, sent, ("send EPERM",))
    internet_form("message", "send", ["message"], "127.0.0.1", "127.0.0.1", datagram, sent, ("send EPERM",))
    internet_form("other", "send", ["other", "127.0.0.1", str(FREE)], "127.0.0.1", "127.0.0.1", datagram, sent, ("send EPERM",))
    internet_form("listed", "send", ["listed"], "127.0.0.1", "127.0.0.1", datagram, ("sendmmsg ok 1",), ("sendmmsg EPERM",))
    for name, address in (("spliced4", "127.0.0.1"), ("spliced6", "::1")):
        internet_form(name, "connect+send", ["spliced"], address, address, datagram, ("splice ok 3",), ("splice EPERM",))
    for name, address in (("peer4", "127.0.0.1"), ("peer6", "::1")):
        internet_form(name, "connect+send", ["peer"], address, address, datagram, ("connect ok 0", *sent),
                      ("connect ok 0", "send EPERM"), ("connect ok 0",))
    for name, directory in (("by-path", WORK), ("relative", ""), ("abstract", None)):
        unix_form(name, "connect", ["unix"], directory, stream, connected, ("connect EPERM",))
    for name, directory in (("datagram", WORK), ("abstract-datagram", None)):
        unix_form(name, "send", ["unix-datagram"], directory, datagram, sent, ("send EPERM",))
    run_matrix(DAEMON, FORMS)


def known():
    return {r["id"] for r in DAEMON.requests()}


def new_requests(seen):
    return [r for r in DAEMON.requests() if r["id"] not in seen]


def test_a_datagram_socket_that_only_gets_a_peer_asks_nothing():
    """Resolver libraries connect to every candidate address to see which one the host would use."""
    seen = known()
    assert DAEMON.run(ACTOR, "peer", "127.0.0.1", str(ASKED), "+", "peer", "::1", str(ASKED), "+", "say", "on") \
        == (0, "connect ok 0\nconnect ok 0\non\n")
    assert DAEMON.run("getent", "ahosts", "localhost")[0] == 0
    assert not new_requests(seen)


def test_an_unspecified_address_does_not_hide_the_peer():
    """To an IPv6 socket an address of no family is none: the datagram goes to its peer."""
    receiver = Receiver(socket.AF_INET6, socket.SOCK_DGRAM, ("::1", DENIED + 1))
    send = (f"import ctypes, os, socket, struct\n"
            f"s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.connect(('::1', {DENIED + 1}))\n"
            f"allowed = struct.pack('=HH4s8x', 0, socket.htons({FREE}), socket.inet_aton('127.0.0.1'))\n"
            f"libc = ctypes.CDLL(None, use_errno=True)\n"
            f"for a in (allowed, bytes(2)): print(libc.sendto(s.fileno(), b'NEW', 3, 0, a, len(a)), ctypes.get_errno())\n")
    assert DAEMON.run("python3", "-c", send) == (0, "-1 1\n-1 1\n")
    assert receiver.received() == 0


def test_a_peer_that_is_refused_counts_whatever_is_connected_to_afterwards():
    receiver = Receiver(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", DENIED + 2))
    failing = (f"import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('127.0.0.1', {DENIED + 2}))\n"
               f"try: s.connect(('255.255.255.255', {FREE}))\nexcept OSError: pass\n"
               f"try: print(s.send(b'NEW'))\nexcept PermissionError: print('refused')\n")
    assert DAEMON.run("python3", "-c", failing) == (0, "refused\n")
    racing = (f"import socket, threading\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
              f"def flip():\n  for i in range(2000):\n    for port in ({DENIED + 2}, {FREE}):\n"
              f"      try: s.connect(('127.0.0.1', port))\n      except OSError: pass\n"
              f"t = threading.Thread(target=flip); t.start()\n"
              f"while t.is_alive():\n  try: s.send(b'NEW')\n  except OSError: pass\nprint('over')\n")
    assert DAEMON.run("python3", "-c", racing) == (0, "over\n")
    assert receiver.received() == 0


def test_an_allowed_peer_is_recorded_where_the_rule_says_log():
    send = (f"import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('127.0.0.1', {LOGGED}))\n"
            "print(s.send(b'NEW'))\n")
    assert DAEMON.run("python3", "-c", send) == (0, "3\n")
    DAEMON.wait_record("logged", lambda r: r["access"]["object"] == f"127.0.0.1:{LOGGED}/udp")


def fast_opens():
    """How often data arrived with the first packet of a connection; and packets of that kind that were sent."""
    names, values = [line.split() for line in pathlib.Path("/proc/net/netstat").read_text().splitlines()
                     if line.startswith("TcpExt")][:2]
    found = dict(zip(names, values, strict=True))
    return int(found["TCPFastOpenPassive"]), int(found["TCPFastOpenActive"])


def test_a_fast_open_without_and_with_a_cookie():
    """The first connection to a peer gets a cookie; with it, the next one's data is there before the connection is."""
    for number, (family, address) in enumerate(((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))):
        for step, printed in (("fastopen", "send ok 3\n"), ("fastconnect", "connect ok 0\nwrite ok 3\n")):
            port = ASKED + 10 + 2 * number + (step == "fastopen")
            receiver = Receiver(family, socket.SOCK_STREAM, (address, port))
            subprocess.run(["ip", "tcp_metrics", "flush", "all"], check=True)
            for count, (decide, early, got) in enumerate(((DAEMON.approve, 0, printed), (DAEMON.approve, 1, printed),
                                                          (DAEMON.deny, 0, f"{printed.split()[0]} EPERM\n"))):
                before = fast_opens()
                process = DAEMON.spawn(ACTOR, step, address, str(port), "NEW")
                request = DAEMON.wait_request()
                assert fast_opens() == before and receiver.received() == min(count, 2)
                decide(request)
                assert finish(process) == (0, got), (step, address, count)
                wait_until("what was sent is there", lambda: receiver.received() == min(count + 1, 2))
                assert fast_opens()[0] == before[0] + early, (step, address, count)
            assert fast_opens() == before, "nothing was sent after the denial"


def messages(decide, port):
    free, asked = (Receiver(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", p)) for p in (port + FREE - ASKED, port))
    seen = known()
    process = DAEMON.spawn(ACTOR, "messages", "127.0.0.1", str(port + FREE - ASKED), str(port), "NEW", "+", "say", "on")
    request = DAEMON.wait_request()
    assert free.received() == 1 and asked.received() == 0
    decide(request)
    result = finish(process)
    assert len(new_requests(seen)) == 1
    return result, free.received(), asked.received()


def test_many_messages_in_one_call_stop_at_the_one_that_is_asked_about():
    assert messages(DAEMON.approve, ASKED + 1) == ((0, "sendmmsg ok 1\nsendmmsg ok 2\non\n"), 2, 1)
    assert messages(DAEMON.deny, ASKED + 2) == ((0, "sendmmsg ok 1\nsendmmsg EPERM\nsendmmsg ok 1\non\n"), 2, 0)


def test_a_socket_is_asked_about_once_and_another_one_again():
    receiver = Receiver(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", ASKED))
    step = ["tcp", "127.0.0.1", str(ASKED), "NEW"]
    process = DAEMON.spawn(ACTOR, *step, "+", *step)
    first = DAEMON.wait_request()
    DAEMON.approve(first)
    second = wait_until("the second socket asks", lambda: [r for r in DAEMON.requests("open") if r["id"] != first["id"]])[0]
    assert receiver.received() == 1
    DAEMON.deny(second)
    assert finish(process) == (0, "connect ok 0\nwrite ok 3\nconnect EPERM\n")
    assert receiver.received() == 1


def test_a_symbolic_link_to_a_socket_that_needs_asking_is_denied():
    """The name did not say where it leads, and where it is known the kernel cannot wait."""
    asked = Receiver(socket.AF_UNIX, socket.SOCK_STREAM, f"{WORK}/approve/linked")
    denied = Receiver(socket.AF_UNIX, socket.SOCK_DGRAM, f"{WORK}/deny/linked")
    free = Receiver(socket.AF_UNIX, socket.SOCK_STREAM, f"{WORK}/allow/linked")
    for name, target in (("to-asked", "approve"), ("to-denied", "deny"), ("to-free", "allow")):
        (WORK / name).symlink_to(WORK / target / "linked")
    seen = known()
    assert DAEMON.run(ACTOR, "unix", WORK / "to-asked", "NEW", "+", "unix-datagram", WORK / "to-denied", "NEW", "+",
                      "unix", WORK / "to-free", "NEW") == (0, "connect EPERM\nsend EPERM\nconnect ok 0\nwrite ok 3\n")
    DAEMON.wait_record("denial", lambda r: r["cause"] == "socket-path" and r["access"]["object"] == f"{WORK}/approve/linked")
    DAEMON.wait_record("denial", lambda r: r["cause"] == "rule" and r["access"]["object"] == f"{WORK}/deny/linked")
    assert not new_requests(seen)
    assert (asked.received(), denied.received(), free.received()) == (0, 0, 1)


def test_a_relative_socket_name_below_the_root_directory_is_one_path():
    receiver = Receiver(socket.AF_UNIX, socket.SOCK_STREAM, f"{WORK}/deny/from-root")
    name = f"{WORK}/deny/from-root"[1:]
    assert DAEMON.run(ACTOR, "chdir", "/", "+", "unix", name, "NEW") == (0, "connect EPERM\n")
    DAEMON.wait_record("denial", lambda r: r["cause"] == "rule" and r["access"]["object"] == f"/{name}")
    assert receiver.received() == 0


def test_a_send_past_the_peer_is_judged_by_its_own_address():
    receiver = Receiver(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", DENIED))
    assert DAEMON.run(ACTOR, "other", "127.0.0.1", str(FREE), "127.0.0.1", str(DENIED), "NEW") == (0, "send EPERM\n")
    assert receiver.received() == 0


def test_no_socket_of_a_family_that_no_rule_describes():
    """Among them AF_PACKET, AF_VSOCK and AF_SMC, which reaches IP addresses through sockets of the kernel's own; and SCTP."""
    look = ("import socket\nmade = set()\nfor family in range(46):\n  for kind in (1, 2, 3, 5):\n"
            "    try: socket.socket(family, kind).close(); made.add(family)\n    except OSError: pass\nprint(*sorted(made))\n")
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()  # to others it is one like any other
    assert DAEMON.run("python3", "-c", look) == (0, "1 2 10 16\n")
    other = "import socket\nfor f in 2, 10:\n  try: socket.socket(f, {}, {})\n  except OSError as error: print(error.errno)\n"
    for kind, protocol, said in ((1, 132, "1\n1\n"), (5, 0, "1\n1\n"), (1, 256, "1\n1\n"), (2, 115, "1\n1\n"), (2, 136, "")):
        assert DAEMON.run("python3", "-c", other.format(kind, protocol)) == (0, said), (kind, protocol)


def test_a_network_holds_from_its_first_to_its_last_address():
    """Each with its neighbours on both sides, and the IPv4 ones as IPv6 programs write them."""
    look = ("import errno, socket, sys\nfor address in sys.argv[1:]:\n"
            "    s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET)\n    s.settimeout(5)\n"
            "    print(errno.errorcode[s.connect_ex((address, 9))])\n")
    for network, first, last, before, after in NETWORKS:
        forms = [(first, last), (before, after)]
        if "." in network:
            forms = [(*pair, *("::ffff:" + address for address in pair)) for pair in forms]
        within, without = (DAEMON.run("/usr/bin/python3", "-c", look, *addresses) for addresses in forms)
        assert (within[0], set(within[1].split())) == (0, {"EPERM"}), (network, within)
        assert without[0] == 0 and set(without[1].split()) <= {"ECONNREFUSED", "ENETUNREACH"}, (network, without)


SPLICING = """
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", int(sys.argv[1])))
try:
    if sys.argv[2] == "sendfile":
        print(os.sendfile(s.fileno(), os.open(sys.argv[3], os.O_RDONLY), 0, 3))
    else:
        out, into = os.pipe()
        os.write(into, b"NEW")
        print(os.splice(out, s.fileno(), 3))
except PermissionError:
    print("refused")
"""


def test_what_is_spliced_into_a_datagram_socket_is_judged_as_a_send():
    """6.1 has a way of its own for it, past the hook of sends."""
    source = TMP / "spliced"
    source.write_text("NEW")
    program = TMP / "splicing.py"
    program.write_text(SPLICING)
    for way in ("sendfile", "splice"):
        for port, wanted in ((FREE, 1), (DENIED, 0), (ASKED, 1)):
            receiver = Receiver(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port + (3 if way == "splice" else 4)))
            seen = known()
            process = DAEMON.spawn("/usr/bin/python3", program, str(receiver.socket.getsockname()[1]), way, source)
            if port == ASKED:
                wait_until("it is asked about", lambda: new_requests(seen))
                assert receiver.received() == 0
                DAEMON.approve(new_requests(seen)[0])
            assert finish(process) == (0, "3\n" if wanted else "refused\n"), (way, port)
            assert receiver.received() == wanted, (way, port)
            receiver.socket.close()


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
pathlib.Path("/proc/sys/net/ipv4/tcp_fastopen").write_text("3")
with Daemon(RULES, name="sockets") as DAEMON:
    main([
        test_every_kind_of_connection_and_send_in_every_outcome,
        test_a_datagram_socket_that_only_gets_a_peer_asks_nothing,
        test_a_fast_open_without_and_with_a_cookie,
        test_many_messages_in_one_call_stop_at_the_one_that_is_asked_about,
        test_a_socket_is_asked_about_once_and_another_one_again,
        test_a_symbolic_link_to_a_socket_that_needs_asking_is_denied,
        test_a_relative_socket_name_below_the_root_directory_is_one_path,
        test_a_send_past_the_peer_is_judged_by_its_own_address,
        test_an_unspecified_address_does_not_hide_the_peer,
        test_a_peer_that_is_refused_counts_whatever_is_connected_to_afterwards,
        test_an_allowed_peer_is_recorded_where_the_rule_says_log,
        test_no_socket_of_a_family_that_no_rule_describes,
        test_a_network_holds_from_its_first_to_its_last_address,
        test_what_is_spliced_into_a_datagram_socket_is_judged_as_a_send,
    ])
