#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is in the package, what lintian says of it, and how much the service may do: contents_test.py DEB SOURCE."""
import pathlib
import subprocess
import sys

DEB, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
# systemd's own measure, 0 (safest) to 10, in tenths. What is left is what loading BPF, moving cgroups, signalling and
# reading other processes needs (systemd/README.md).
EXPOSURE = 26  # tenths; 25 with RestrictSUIDSGID=, which would take openat2 away
FILES = """
/etc/holdpoint/holdpointd.env /etc/holdpoint/policies/
/usr/bin/holdpoint /usr/sbin/holdpointd
/usr/lib/systemd/system/holdpoint-metrics.service /usr/lib/systemd/system/holdpoint-metrics.timer
/usr/lib/systemd/system/agents.slice /usr/lib/systemd/system/holdpointd.service
/usr/lib/sysusers.d/holdpoint.conf /usr/lib/tmpfiles.d/holdpoint.conf
/usr/share/bash-completion/completions/holdpoint /usr/share/fish/vendor_completions.d/holdpoint.fish
/usr/share/zsh/vendor-completions/_holdpoint
/usr/share/holdpoint/policies/coding.yaml /usr/share/holdpoint/policies/schema.json
/usr/share/holdpoint/policies/examples/10-read-only.yaml
/usr/share/man/man1/holdpoint.1.gz /usr/share/man/man5/holdpoint-policy.5.gz /usr/share/man/man8/holdpointd.8.gz
""".split()


def output(*command):
  done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT, text=True, check=False)
  return done.returncode, done.stdout


def check_files():
  _, listed = output("dpkg-deb", "-c", DEB)
  rows = [line.split() for line in listed.splitlines()]
  names = {row[5].lstrip("."): row for row in rows}
  yield from (f"{name} is missing" for name in FILES if name not in names)
  yield from (f"{name} belongs to {row[1]}" for name, row in names.items() if row[1] != "root/root")
  # An agent that is declared by the package itself would change a machine on which nobody asked for it.
  yield from (f"{name} would be read as a policy" for name in names
              if name.startswith("/etc/holdpoint/policies/") and name != "/etc/holdpoint/policies/")


def check_conffiles():
  _, listed = output("dpkg-deb", "-I", DEB, "conffiles")
  _, contents = output("dpkg-deb", "-c", DEB)
  packed = sorted(line.split()[5].lstrip(".") for line in contents.splitlines()
                  if "./etc/" in line and not line.endswith("/"))
  if listed.split() != packed:
    yield f"conffiles are {listed.split()}, but below /etc there are {packed}"


def check_lintian():
  # Beside tags it may say that root is not the right user to run it.
  status, said = output("lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", DEB)
  if status != 0 or any(line[1:3] == ": " for line in said.splitlines()):
    yield f"lintian (status {status}) says:\n{said}"


def check_service():
  status, said = output("systemd-analyze", "security", "--no-pager", "--offline=yes", f"--threshold={EXPOSURE}",
                        SOURCE / "systemd/holdpointd.service")
  print(said.strip().splitlines()[-1])
  if status != 0:
    yield f"the service may do more than {EXPOSURE / 10} allows:\n{said}"


faults = [fault for check in (check_files, check_conffiles, check_lintian, check_service) for fault in check()]
print("\n".join(faults) or "ok")
sys.exit(1 if faults else 0)
