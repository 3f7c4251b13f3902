# SPDX-License-Identifier: Apache-2.0
"""Hazards of a hold that the other files do not meet on their way; README.md says which file meets which."""
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess

from harness import PINS
from held import ACTOR, LIMIT, Lines, OTHER, SECRET, TMP, TOOL, finish, held, parked, process_state, run_cases, waiting, wait_until
from programs import loaded_programs

FORBIDDEN, FREE = TMP / "forbidden", TMP / "free"
DUMPS = TMP / "dumps"
SHARED = pathlib.Path("/run/vm/hazards")  # on 9p, which creates a file with the open itself
PORT = 20049
ROUNDS = os.environ.get("HOLDPOINT_TEST_ROUNDS", "50")

RULES = f"""
  - {{id: forbidden, on: [read], path: ["{FORBIDDEN}"], verdict: deny, reason: A test}}
  - {{id: dumps, on: [create, write], path: ["{DUMPS}/*"], verdict: ask, reason: A test}}
  - {{id: shared, on: [create], path: ["{SHARED}/*"], verdict: ask, reason: A test}}
  - {{id: shared-write, on: [write], path: ["{SHARED}/asked"], verdict: ask, reason: A test}}
  - {{id: no-server, on: [network], to: [{{port: ["{PORT}"]}}], verdict: deny, reason: A test}}
"""


def tell(process):
    process.stdin.write(b"go\n")
    process.stdin.flush()


def a_hold_and_an_approval(daemon):
    process = daemon.spawn(ACTOR, "cat", SECRET)
    daemon.approve(held(daemon))
    assert finish(process) == (0, "cat ok 0\ncontent\n")


def test_a_tracer_that_changes_the_call_before_it_is_made_again_gets_no_use_of_the_approval(daemon):
    process = daemon.spawn(ACTOR, "rewrite", SECRET, OTHER, stdin=subprocess.PIPE)
    lines = Lines(process)
    request = daemon.wait_request()
    lines.wait("stop ok 19")
    daemon.approve(request)
    tell(process)
    second = daemon.wait_request()
    assert second["access"]["object"] == str(OTHER), second
    assert "open" not in lines.text
    daemon.deny(second)
    assert lines.finish() == 0 and lines.text == "stop ok 19\nopen EPERM\n", lines.text


def test_a_tracer_that_keeps_the_stop_from_the_child_does_not_help(daemon):
    process = daemon.spawn(ACTOR, "rewrite", SECRET, SECRET, stdin=subprocess.PIPE)
    lines = Lines(process)
    request = daemon.wait_request()
    lines.wait("stop ok 19")
    tell(process)
    parked(waiting(request)[0])
    assert "open" not in lines.text
    daemon.approve(request)
    assert lines.finish() == 0 and lines.text == "stop ok 19\nopen ok 0\n", lines.text


def test_arguments_that_are_swapped_out_are_shown_whole(daemon):
    image = TMP / "swap"
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["modprobe", "loop"], check=True)
    device = subprocess.run(["losetup", "--show", "-f", image], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["mkswap", device], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["swapon", device], check=True)
    try:
        text = "0123456789" * 300
        process = daemon.spawn(ACTOR, "away", "swapped", TOOL, "echo", text, stdin=subprocess.PIPE)
        lines = Lines(process)
        lines.wait("swapped ok")
        request = held(daemon)
        assert request["access"]["argv"] == [str(TOOL), "echo", text], request["access"]
        tell(process)
        lines.wait("back ok 1")  # somebody has read it meanwhile: the hook, since the kernel had done so before
        daemon.approve(request)
        assert lines.finish() == 0 and lines.text.endswith(f"{text}\nchild ok 0\n"), lines.text
    finally:
        subprocess.run(["swapoff", device], check=True)
        subprocess.run(["losetup", "-d", device], check=True)


def test_arguments_that_never_come_keep_nobody_else_waiting(daemon):
    process = daemon.spawn(ACTOR, "away", "stuck", TOOL, "echo", "never")
    lines = Lines(process)
    child = int(lines.wait(r"stuck ok (\d+)").group(1))  # it sleeps inside a program that is attached
    a_hold_and_an_approval(daemon)
    before = daemon.pinned_sets()
    daemon.stop()
    daemon.forget_build()
    daemon.start()
    assert not set(before) & set(daemon.pinned_sets()), "the programs were replaced"
    a_hold_and_an_approval(daemon)
    assert process_state(child) in ("S", "D") and not daemon.requests("open")
    os.kill(child, signal.SIGKILL)
    assert lines.finish() == 0 and lines.text.endswith("child ok 1009\n"), lines.text
    a_hold_and_an_approval(daemon)


def test_a_creation_on_a_file_system_that_creates_with_the_open(daemon):
    shutil.rmtree(SHARED, ignore_errors=True)
    SHARED.mkdir()
    try:
        for name, flags, decide, printed in (("one", "write,create", daemon.approve, "store ok 3\non\n"),
                                             ("two", "write,create,excl", daemon.approve, "store ok 3\non\n"),
                                             ("three", "write,create", daemon.deny, "store EPERM\non\n")):
            process = daemon.spawn(ACTOR, "store", flags, SHARED / name, "NEW", "+", "say", "on")
            request = held(daemon)
            assert request["access"]["operation"] == "create", request
            assert not (SHARED / name).exists()
            decide(request)
            assert finish(process) == (0, printed)
        assert sorted(os.listdir(SHARED)) == ["one", "two"] and (SHARED / "one").read_text() == "NEW"
    finally:
        shutil.rmtree(SHARED)


def test_an_open_that_might_have_created_goes_through_where_no_name_stays_known(daemon):
    """What exists is opened, but the kernel asks about its creation first, each time that the call is made."""
    shutil.rmtree(SHARED, ignore_errors=True)
    SHARED.mkdir()
    try:
        (SHARED / "asked").write_text("old text")
        process = daemon.spawn(ACTOR, "store", "write,create", SHARED / "asked", "NEW")
        request = wait_until("the write is asked about",
                             lambda: [r for r in daemon.requests("open") if r["access"]["operation"] == "write"])[0]
        assert (SHARED / "asked").read_text() == "old text"
        daemon.approve(request)
        assert finish(process) == (0, "store ok 3\n") and (SHARED / "asked").read_text() == "NEW text"
    finally:
        shutil.rmtree(SHARED)


def crash():
    return ["bash", "-c", "ulimit -c unlimited; kill -SEGV $$"]


def test_a_core_dump_is_refused_where_a_person_would_be_asked(daemon):
    """The process is past waiting for anybody."""
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern")
    kept = pattern.read_text()
    DUMPS.mkdir(exist_ok=True)
    try:
        pattern.write_text(f"{DUMPS}/core")
        assert subprocess.run(crash(), check=False).returncode == -signal.SIGSEGV
        assert list(DUMPS.iterdir()), "anybody else's core is written"
        for dump in DUMPS.iterdir():
            dump.unlink()
        process = daemon.spawn(*crash())
        assert process.wait(LIMIT) == -signal.SIGSEGV
        assert not list(DUMPS.iterdir())
    finally:
        pattern.write_text(kept)


def test_the_kernels_own_sockets_are_not_the_callers(daemon):
    """A file system that is made asks its server's mount service by a socket of the kernel's, in the caller's context."""
    subprocess.run(["modprobe", "-a", "nfs", "nfsv3"], check=True)
    tracing = pathlib.Path("/sys/kernel/tracing")
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", PORT))
    server.settimeout(LIMIT)
    assert daemon.run(ACTOR, "udp", "127.0.0.1", str(PORT), "own") == (0, "send EPERM\n")
    (tracing / "kprobe_events").write_text("p:hp/send security_socket_sendmsg")
    try:
        (tracing / "events/hp/send/enable").write_text("1")
        making = daemon.spawn(ACTOR, "filesystem", "nfs", "source=127.0.0.1:/x", "vers=3", "nolock", "proto=tcp", "addr=127.0.0.1",
                              "mountproto=udp", "mountvers=3", "mountaddr=127.0.0.1", f"mountport={PORT}")
        call, client = server.recvfrom(4096)
        number, kind, _, program = struct.unpack_from(">4I", call)
        assert (kind, program) == (0, 100005), call
        server.sendto(struct.pack(">6I", number, 1, 0, 0, 0, 1), client)  # a reply: there is no such program
        status, output = finish(making)
        assert status == 0 and output.startswith("filesystem E") and "EPERM" not in output, (status, output)
        sent = [line for line in (tracing / "trace").read_text().splitlines() if "send:" in line and f"-{making.pid} " in line]
        assert sent, "it was in the caller's context"
    finally:
        (tracing / "events/hp/send/enable").write_text("0")
        (tracing / "kprobe_events").write_text("")
        server.close()


def test_many_threads_on_one_processor_get_the_right_answers(daemon):
    FORBIDDEN.write_text("never\n")
    FREE.write_text("free\n")
    before = daemon.counters()
    process = daemon.spawn(ACTOR, "crush", 64, ROUNDS, FORBIDDEN, FREE)
    output = process.communicate(timeout=LIMIT * (1 + int(ROUNDS) // 500))[0].decode()
    status, lines = process.returncode, output.splitlines()
    grown = daemon.counters()["no_storage"] - before["no_storage"]
    print(f"     {lines}, without storage {grown} times", flush=True)
    assert status == 0 and lines[0] == "opened ok 0", output
    # Under full preemption 6.1 may find no storage once in a very long while (bpf/README.md, Not covered): then the answer is EPERM.
    assert lines[1] == "refused ok 0" and grown <= 64 * int(ROUNDS) * 2 // 100_000, (output, grown)


def test_prctl_works(daemon):
    assert daemon.run(ACTOR, "rename", "some name") == (0, "rename ok 0\nsome name\n")


def test_process_1_cannot_be_stopped_and_gets_an_ordinary_error(daemon):
    before = daemon.counters()["signal_failed"]
    (daemon.session("first") / "cgroup.procs").write_text("1")
    try:
        lent = subprocess.run([ACTOR, "lend", "1", SECRET], check=True, capture_output=True, text=True, timeout=LIMIT)
        assert lent.stdout == "lent EPERM\n", lent
    finally:
        pathlib.Path("/sys/fs/cgroup/cgroup.procs").write_text("1")
    assert daemon.counters()["signal_failed"] == before + 1
    assert not daemon.requests("open")


def test_no_program_was_ever_left_out(daemon):
    missed = {program.name: program.recursion_misses for program in loaded_programs() if program.recursion_misses}
    assert not missed, missed


run_cases("hazards", [
    test_a_tracer_that_changes_the_call_before_it_is_made_again_gets_no_use_of_the_approval,
    test_a_tracer_that_keeps_the_stop_from_the_child_does_not_help,
    test_arguments_that_are_swapped_out_are_shown_whole,
    test_arguments_that_never_come_keep_nobody_else_waiting,
    test_a_creation_on_a_file_system_that_creates_with_the_open,
    test_an_open_that_might_have_created_goes_through_where_no_name_stays_known,
    test_a_core_dump_is_refused_where_a_person_would_be_asked,
    test_the_kernels_own_sockets_are_not_the_callers,
    test_prctl_works,
    test_many_threads_on_one_processor_get_the_right_answers,
    test_process_1_cannot_be_stopped_and_gets_an_ordinary_error,
    test_no_program_was_ever_left_out,
], RULES)
