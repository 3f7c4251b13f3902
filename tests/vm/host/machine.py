# SPDX-License-Identifier: Apache-2.0
"""The virtual machine: its command line, and what its guest reads at start."""
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from host import kvm
from host.errors import VmError

VM = Path(__file__).resolve().parent.parent
SOURCE = VM.parent.parent
QEMU = "qemu-system-x86_64"
SYSTEMD = Path("/lib/systemd/systemd")


@dataclass(frozen=True)
class Options:
  """What the user may choose about a machine. mem is MiB; init is "" (ours) or "systemd"; prepare: a bash command before that."""

  init: str = ""
  prepare: str = ""
  smp: int = 2
  mem: int = 2048
  preempt: str = ""
  icount: bool = False
  parallel: bool = False
  append: str = ""


def kernel_directory(kernel):
  """Prepared kernel from the cache, fetched when it is not there."""
  done = subprocess.run([VM / "kernels", kernel], stdout=subprocess.PIPE, text=True, check=False)
  if done.returncode != 0:
    raise VmError(f"no kernel {kernel} (see above)")
  return Path(done.stdout.strip())


# The emulator makes a round through its main loop for each byte of a `rep movsb`, which a kernel uses where the processor is said to
# be quick at it, and goes through a table of its own for what it reads of user space under SMAP. Without both a start of the daemon
# took 13 s instead of 19 (means of three and of five, in turns, on 6.12).
EMULATED = "max,-erms,-smap,-smep"


def accelerator(options, home):
  if options.icount:
    # Guest time counts instructions, so a measurement repeats. It needs one processor and emulation.
    return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-cpu", "max"]
  if kvm.usable(QEMU, home):
    return ["-accel", "kvm", "-cpu", "host"]
  # single: the guest's processors take turns in one thread. In parallel threads 6.12 once died of an int3 oops while
  # it patched itself, probably on stale translated code (README.md). Every BPF attach patches code.
  return ["-accel", f"tcg,thread={'multi' if options.parallel else 'single'}", "-cpu", EMULATED]


# The host's own configuration is in /etc: its disks are not in the guest, and its first boot is long over. The limit is for
# emulation beside a busy host.
SYSTEMD_WORDS = ["systemd.unit=vm.target", "fstab=no", "luks=no", "systemd.gpt_auto=no", "systemd.firstboot=off",
                 "systemd.condition-needs-update=no", "systemd.default_timeout_start_sec=300",
                 "systemd.show_status=false"]


def kernel_words(kernel, options, shell):
  """Kernel command line. Security modules stay as Debian has them."""
  words = ["console=ttyS0", f"loglevel={4 if shell else 5}"]
  # An oops is a panic and a panic ends the machine at once, with the console kept.
  words += ["panic=-1", "oops=panic", "softlockup_panic=1"]
  words += [f"preempt={options.preempt}"] if options.preempt else []
  # The kernel counts timer interrupts at start; an emulator whose host is busy delivers too few, and the kernel panics
  # ("IO-APIC + timer doesn't work", seen once on 6.12 beside compilers).
  words += ["no_timer_check"]
  # The kernel tests its ciphers at boot and nothing here needs that. With --icount the guest's clock at the first
  # command fell from 5.5 to 2.0 s on 6.1 and from 4.1 to 2.2 s on 6.12 (one run each).
  words += ["cryptomgr.notests=1"]
  # Guards against processor bugs that an emulated processor has not.
  words += ["mitigations=off"]
  # `rep stosq` likewise; see EMULATED.
  words += [] if options.icount else ["clearcpuid=rep_good"]
  # The clock jumps over idle time, which looks like a stall.
  words += ["nowatchdog", "rcupdate.rcu_cpu_stall_suppress=1"] if options.icount else []
  words += SYSTEMD_WORDS if options.init == "systemd" else []
  words += [f"vm.guest={VM / 'guest'}"]
  return " ".join(words + ([options.append] if options.append else []))


def command_line(kernel, home, share, options, shell):
  """qemu's arguments. setpriv ends the machine with this process, however that one ends."""
  if not shutil.which(QEMU):
    raise VmError(f"{QEMU} is missing: apt-get install qemu-system-x86")
  if options.init == "systemd" and not SYSTEMD.exists():
    raise VmError(f"{SYSTEMD} is missing: apt-get install systemd dbus")
  command = ["setpriv", "--pdeathsig", "KILL", QEMU]
  command += ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "q35"]
  command += accelerator(options, home)
  command += ["-smp", str(1 if options.icount else options.smp), "-m", str(options.mem)]
  command += ["-kernel", home / "vmlinux", "-initrd", home / "initramfs.cpio"]
  command += ["-append", kernel_words(kernel, options, shell)]
  # readonly is enforced by qemu: nothing in the guest can change this machine. remap: / spans file systems.
  command += ["-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"]
  command += ["-device", "virtio-9p-pci,fsdev=root,mount_tag=hostroot"]
  command += ["-fsdev", f"local,id=results,path={share},security_model=none"]
  command += ["-device", "virtio-9p-pci,fsdev=results,mount_tag=results"]
  command += ["-serial", "mon:stdio" if shell else f"file:{share / 'console.log'}"]
  return command


def binds(paths):
  """Of the paths the guest needs, those below /tmp, where the guest has a file system of its own."""
  wanted = sorted({str(Path(path).resolve()) for path in paths if path})
  below = [path for path in wanted if path.startswith("/tmp/") and os.path.isdir(path)]
  return [path for path in below if not any(path.startswith(f"{other}/") for other in below)]


def write_setup(share, kernel, home, mode, shared, options):
  """The file 'setup' that the guest reads as shell, and the empty file for events."""
  size = shutil.get_terminal_size()
  values = {
    "vm_kernel": kernel,
    "vm_mode": mode,
    "vm_init": options.init,
    "vm_prepare": options.prepare,
    "vm_modules": home / "lib/modules",
    "vm_agent": VM / "guest/agent.py",
    "vm_directory": os.getcwd(),
    "vm_rows": size.lines,
    "vm_columns": size.columns,
  }
  lines = [f"{name}={shlex.quote(str(value))}" for name, value in values.items()]
  paths = binds([SOURCE, os.getcwd(), *shared])
  lines += ["vm_binds() {", "  :", *(f"  bind {shlex.quote(path)}" for path in paths), "}"]
  (share / "setup").write_text("\n".join(lines) + "\n", encoding="utf-8")
  (share / "events").touch()
