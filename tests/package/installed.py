# SPDX-License-Identifier: Apache-2.0
"""The installed service, its package and agents that systemd starts. Runs as root where systemd is process 1."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "kernel"))
from harness import LIMIT, TMP, Daemon, wait_until  # noqa: E402

UNIT = "holdpointd.service"
POLICIES = pathlib.Path("/etc/holdpoint/policies")
PINS = pathlib.Path("/sys/fs/bpf/holdpoint")
STATE = pathlib.Path("/var/lib/holdpoint")
SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "include/holdpoint/record.proto"
DROP_IN = pathlib.Path(f"/run/systemd/system/{UNIT}.d/test.conf")
# Packages and their maintainer scripts are many small programs, and each start is slow under emulation.
SLOW = 3 * LIMIT


def shell(*words, code=0, **options):
    """Output of a command that must end with this status."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SLOW, check=False, **options)
    assert code is None or done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def package(*words, code=0):
    return shell(*words, code=code, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def apt_get(action, *words):
    # No lists: everything that it depends on is installed, and reading what a mirror has takes long here.
    empty = TMP / "lists"
    empty.mkdir(exist_ok=True)
    return package("apt-get", action, "-y", "-o", f"Dir::State::lists={empty}", "-o", "APT::Sandbox::User=root", *words)


def newer(deb, version, layout=""):
    """The same package with a higher version: what an upgrade installs. layout: of its maps, if it is to be another."""
    tree, built = TMP / "newer", TMP / f"holdpoint_{version}.deb"
    shutil.rmtree(tree, ignore_errors=True)
    shell("dpkg-deb", "-R", deb, tree)
    control = tree / "DEBIAN/control"
    lines = [f"Version: {version}" if line.startswith("Version:") else line for line in control.read_text().splitlines()]
    control.write_text("\n".join(lines) + "\n")
    preinst = tree / "DEBIAN/preinst"
    if layout:
        preinst.write_text(re.sub(r"layout-\d+", f"layout-{layout}", preinst.read_text()))
    shell("dpkg-deb", "-Znone", "-b", tree, built)
    return built


def show(name, unit=UNIT):
    return shell("systemctl", "show", "-P", name, unit).strip()


def journal(*words):
    return shell("journalctl", "-u", UNIT, "-o", "cat", "--no-pager", *words, code=None if words else 0)


def drop_in(*lines):
    """Settings of this boot for the unit; none: as installed."""
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.unlink(missing_ok=True)
    if lines:
        DROP_IN.write_text("\n".join(lines) + "\n")
    shell("systemctl", "daemon-reload")


def content_of_log():
    return {file.name: file.read_bytes() for file in (STATE / "records").iterdir()}


def last_record(log):
    """The last record of content_of_log(), as text; without the package's programs."""
    content = log[max(log)]
    begin, end = 0, 16  # after the head of the file; userspace/audit/README.md has the format
    while end < len(content):
        begin, end = end + 8, end + 8 + int.from_bytes(content[end:end + 4], "little")
    assert end == len(content), "the last frame is not whole"
    return subprocess.run(["protoc", "--decode=holdpoint.v1.Record", f"--proto_path={SCHEMA.parent}", SCHEMA],
                          input=content[begin:end], stdout=subprocess.PIPE, check=True, timeout=LIMIT).stdout.decode()


class Installed(Daemon):
    """The API of the service, in the words of the other kernel tests."""

    def __init__(self):  # not Daemon's: systemd starts and stops it
        self.runtime = pathlib.Path("/run/holdpoint")

    def start_unit(self, name, *command, settings=()):
        """A transient unit in agents.slice; its output and status are those of the process returned."""
        return self.popen("systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--slice=agents.slice",
                          f"--unit={name}", *(f"--property={setting}" for setting in settings), *command)

    @staticmethod
    def popen(*words):
        return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def same_request(self, request, what):
        """Once the daemon answers again: the very request is open, with as many holds."""
        wait_until(f"the API answers after {what}", self._answers_again)
        found = wait_until(f"its hold is there after {what}", lambda: (r := self.request(request))["holds"] and r)
        for field in ("id", "digest", "created", "state"):
            assert found[field] == request[field], (what, field, found, request)
        assert [r["id"] for r in self.requests("open")] == [request["id"]], what

    def _answers_again(self):
        try:
            return self.get("/v1/health")
        except OSError:
            return None
