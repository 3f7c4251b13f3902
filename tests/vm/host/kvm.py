# SPDX-License-Identifier: Apache-2.0
"""Whether this machine's KVM can run our guests.

/dev/kvm being there does not say so. A host that is a virtual machine itself, without the processor's second level of
page tables, emulates what a guest writes near its page tables: 6.12 died there of a cmpxchg16b, and 6.1 took a minute
for what emulation does in two seconds. So a guest is started once, and what came of it is kept until the host restarts.
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

DEVICE = "/dev/kvm"
# A good one needs two seconds to the initramfs; a machine that needs more than this is quicker emulated.
LIMIT = 15
# The initramfs finds no root file system here; that it says so is all we want to know.
SIGN = b"vm: "


def _boots(qemu, home):
  command = ["setpriv", "--pdeathsig", "KILL", qemu, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
             "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-smp", "2", "-m", "512", "-kernel", home / "vmlinux",
             "-initrd", home / "initramfs.cpio", "-append", "console=ttyS0 panic=-1 oops=panic cryptomgr.notests=1",
             "-serial", "stdio"]
  try:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          timeout=LIMIT, check=False)
  except subprocess.TimeoutExpired:
    return False
  return SIGN in done.stdout


def usable(qemu, home):
  """True when a guest of the kernel in `home` came up under KVM on this boot of the host; tried once, then remembered."""
  if not os.access(DEVICE, os.R_OK | os.W_OK):
    return False
  boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
  known = Path(home) / f"kvm-{boot}"
  if not known.exists():
    good = _boots(qemu, home)
    if not good:
      print(f"vm: {DEVICE} is there, but no guest came up with it in {LIMIT} s: emulating", file=sys.stderr, flush=True)
    with tempfile.NamedTemporaryFile("w", dir=home, delete=False) as file:
      file.write("yes" if good else "no")
    os.replace(file.name, known)
  return known.read_text(encoding="ascii") == "yes"
