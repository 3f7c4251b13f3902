# SPDX-License-Identifier: Apache-2.0
"""Mounts for the guard's tests: what an agent's program says to the kernel, and what there is to be kept."""
import contextlib
import ctypes
import os
import pathlib
import subprocess
import tempfile

from harness import TMP

LIBC = """
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *words):
    got = libc.syscall(number, *words)
    if got < 0: raise OSError(ctypes.get_errno(), '')
    return got
def mount(source, place, kind, flags, data=None): return call(165, source, place, kind, ctypes.c_ulong(flags), data)
def umount(place, flags=0): return call(166, place, flags)
def unshare(): call(272, 0x20000)
BIND, MOVE, REC, REMOUNT, PRIVATE, SLAVE, SHARED = 4096, 8192, 1 << 14, 32, 1 << 18, 1 << 19, 1 << 20
def own():
    unshare()
    mount(None, b'/', None, REC | SLAVE)
"""


@contextlib.contextmanager
def shared_mounts():
    """As systemd leaves them; one for the tests, and an empty place."""
    kept, place = (pathlib.Path(tempfile.mkdtemp(dir=TMP)) for _ in range(2))
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", kept], check=True)
    subprocess.run(["mount", "--make-rshared", "/"], check=True)
    try:
        yield kept, place
    finally:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["umount", "-R", kept], check=True)


def namespace_of_its_own():
    """As the unit gives the daemon."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x20000) or libc.mount(None, b"/", None, (1 << 14) | (1 << 19), None):  # CLONE_NEWNS; MS_REC, MS_SLAVE
        raise OSError(ctypes.get_errno(), "a mount namespace")
