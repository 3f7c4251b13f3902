# SPDX-License-Identifier: Apache-2.0
"""Every BPF program is accepted by this kernel's verifier, and cheaply: what it has to look at is bounded."""
import ctypes
import os
import struct

from harness import Daemon, main

BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD = 11, 13, 15
SYS_BPF = 321
VERIFIED_INSTRUCTIONS = 216  # offset in struct bpf_prog_info
MOST = 10_000
# More than that, with reason: addresses and socket names in one hook, each with all ways to hold and refuse; opens, that also
# compare what an approved program reads. A verifier follows the product of such branches. These are the numbers of today with
# some room: a change that lets them explode is found.
MORE = {"hp_socket_sendm": 15_000, "hp_socket_conne": 15_000, "hp_file_open": 20_000}
# Hooks that a policy, the tags or the hold protocol need on every kernel, by the first 15 letters of their programs.
WANTED = {
    "hp_exec_begin", "hp_exec_check", "hp_exec_committ", "hp_file_open", "hp_path_mknod", "hp_inode_create",
    "hp_socket_conne", "hp_socket_sendm", "hp_unix_stream_", "hp_unix_may_sen", "hp_task_alloc", "hp_fork", "hp_attach",
    "hp_cgroup_mkdir", "hp_cgroup_rmdir", "hp_mark_cgroup", "hp_sweep", "hp_untag", "hp_task_kill", "hp_bpf",
    "hp_anonymous_in", "hp_signal", "hp_exit",
}

LIBC = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    memory = ctypes.create_string_buffer(attributes, 128)
    return LIBC.syscall(SYS_BPF, command, memory, 128), memory.raw


def program_infos():
    number = 0
    while True:
        result, answer = bpf(BPF_PROG_GET_NEXT_ID, struct.pack("II", number, 0))
        if result < 0:
            return
        number = struct.unpack_from("I", answer, 4)[0]
        fd, _ = bpf(BPF_PROG_GET_FD_BY_ID, struct.pack("I", number))
        assert fd >= 0, os.strerror(ctypes.get_errno())
        info = ctypes.create_string_buffer(512)
        result, _ = bpf(BPF_OBJ_GET_INFO_BY_FD, struct.pack("IIQ", fd, len(info), ctypes.addressof(info)))
        os.close(fd)
        assert result == 0, os.strerror(ctypes.get_errno())
        yield info.raw


def test_every_program_is_loaded_and_within_its_bound():
    with Daemon("  []\n", name="programs"):
        counts = {}
        for info in program_infos():
            name = info[64:80].split(b"\0")[0].decode()
            if name.startswith("hp_"):
                counts[name] = struct.unpack_from("I", info, VERIFIED_INSTRUCTIONS)[0]
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"     {name:16} {count:6} verified instructions")
    assert counts.keys() >= WANTED, f"not loaded: {WANTED - counts.keys()}"
    assert all(count > 0 for count in counts.values())
    assert not (over := {name: count for name, count in counts.items() if count > MORE.get(name, MOST)}), over


main([test_every_program_is_loaded_and_within_its_bound])
