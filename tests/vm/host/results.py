# SPDX-License-Identifier: Apache-2.0
"""Results on disk: <results>/<kernel>/<name>.json and <name>.log beside the guest's console.log."""
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from host.errors import VmError

PASS, FAIL, TIMEOUT, PANIC, NOTRUN = "pass", "fail", "timeout", "panic", "notrun"
# Exit codes for what has none of its own.
EXIT_OF = {TIMEOUT: 124, PANIC: 125, NOTRUN: 126}


@dataclass(frozen=True)
class Result:
  kernel: str
  name: str
  status: str
  exit: int
  seconds: float


def store(directory, result):
  (directory / f"{result.name}.json").write_text(json.dumps(asdict(result)) + "\n", encoding="utf-8")


def load(results, kernel, name):
  path = Path(results) / kernel / f"{name}.json"
  try:
    return Result(**json.loads(path.read_text(encoding="utf-8")))
  except OSError as error:
    raise VmError(f"{path}: {error.strerror}; the virtual machine has not run this test") from error
  except (ValueError, TypeError) as error:
    raise VmError(f"{path}: not a result: {error}; run the virtual machine again") from error


def log_text(results, kernel, name):
  try:
    return (Path(results) / kernel / f"{name}.log").read_text(encoding="utf-8", errors="replace")
  except FileNotFoundError:
    return ""


def clear(directory):
  """Forget an earlier run, so that no old result can pass for a new one. Touches only what a run writes."""
  directory.mkdir(parents=True, exist_ok=True)
  for pattern in ("*.json", "*.log", "events", "job", "setup", "command", "broken"):
    for path in directory.glob(pattern):
      path.unlink()


def tail(text, lines):
  return "\n".join(text.rstrip("\n").splitlines()[-lines:])
