# SPDX-License-Identifier: Apache-2.0
"""What the kernel says about the BPF programs that are loaded."""
import ctypes
import dataclasses
import os
import struct

BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD = 11, 13, 15
SYS_BPF = 321
NAME, RECURSION_MISSES, VERIFIED_INSTRUCTIONS = 64, 208, 216  # offsets in struct bpf_prog_info

LIBC = ctypes.CDLL(None, use_errno=True)


@dataclasses.dataclass
class Program:
    name: str
    recursion_misses: int  # how often it was left out because it was running already
    verified_instructions: int


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


def loaded_programs():
    """Holdpoint's programs."""
    for info in program_infos():
        name = info[NAME:NAME + 16].split(b"\0")[0].decode()
        if name.startswith("hp_"):
            yield Program(name, struct.unpack_from("Q", info, RECURSION_MISSES)[0],
                          struct.unpack_from("I", info, VERIFIED_INSTRUCTIONS)[0])
