# SPDX-License-Identifier: Apache-2.0
"""The files that rules look at: what git tracks or would track, or files made up for a self-test."""
import subprocess
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = {".c", ".h", ".cpp", ".hpp"}


class Sources:
  """Text by path, relative to the root of the repository."""

  def __init__(self, texts):
    self.texts = dict(texts)

  @classmethod
  def of_repository(cls):
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            check=True, capture_output=True).stdout.decode()
    texts = {}
    for path in filter(None, listed.split("\0")):
      file = ROOT / path
      if not file.is_file() or file.is_symlink():
        continue
      try:
        texts[path] = file.read_text(encoding="utf-8")
      except UnicodeDecodeError:
        pass  # the fuzzers' corpus
    return cls(texts)

  def __iter__(self):
    return iter(sorted(self.texts))

  def __contains__(self, path):
    return path in self.texts

  def text(self, path):
    return self.texts.get(path, "")

  def lines(self, path):
    """(number, line), from 1."""
    return enumerate(self.texts[path].splitlines(), 1)

  def code(self):
    """Paths of C and C++ files."""
    return [path for path in self if PurePosixPath(path).suffix in CODE]

  def below(self, folder):
    return [path for path in self if path.startswith(folder + "/")]
