# SPDX-License-Identifier: Apache-2.0
"""No file over 400 lines, no function over 80: what does not fit a head gets no careful reader.

Functions are found by their shape after clang-format: they begin at a column and end with a brace at the same one.
clang-tidy counts them exactly (`make lint`); this finds them without compiling.
"""
import ast
import re
from pathlib import Path, PurePosixPath

FILE_LIMIT = 400
FUNCTION_LIMIT = 80
ALLOWED = Path(__file__).resolve().parent.parent / "long-files"
TEXT = {".c", ".h", ".cpp", ".hpp", ".py", ".proto", ".sh", ".yaml", ".cmake", ".md", ".txt", ""}
NOT_FUNCTION = re.compile(r"^\s*(namespace|struct|class|enum|union|using|extern|typedef|static_assert|#|//|/\*|\*|})")
BEGIN = re.compile(r"^( {0,2})[A-Za-z_].*\)[^;]*\{$")

HEAD = re.compile(r"^( {0,2})[A-Za-z_][^;{]*\([^;{]*[(,]$")
END_OF_HEAD = re.compile(r"^ {4,}.*\)[^;]*\{$")


def allowed(text):
  """Paths of the allow list; a line is `path reason`."""
  return {line.split()[0] for line in text.splitlines() if len(line.split()) > 1 and not line.startswith("#")}


def functions(lines):
  """(first line, length) of C and C++ functions at the two outer columns. `lines` are (number, text)."""
  start = head = None
  for number, line in lines:
    if start is None:
      if BEGIN.match(line) and not NOT_FUNCTION.match(line):
        start, indent = number, BEGIN.match(line).group(1)
      elif line.startswith("    ") and END_OF_HEAD.match(line) and head:
        start, indent = head
      # A head of several lines: where it began.
      if HEAD.match(line) and not NOT_FUNCTION.match(line):
        head = number, HEAD.match(line).group(1)
      elif not line.startswith("    "):
        head = None
    elif line == indent + "}" or line.startswith((indent + "} ", indent + "};")):
      yield start, number - start + 1
      start = None


def python_functions(text):
  for node in ast.walk(ast.parse(text)):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
      yield node.lineno, node.end_lineno - node.lineno + 1


def check(sources):
  long_files = allowed(ALLOWED.read_text())
  for path in sources:
    suffix = PurePosixPath(path).suffix
    if suffix not in TEXT or path.startswith(("LICENSE", "bpf/LICENSE", "tests/fuzz/corpus/")):
      continue
    length = sources.text(path).count("\n")
    if length > FILE_LIMIT and path not in long_files:
      yield path, 1, f"{length} lines, at most {FILE_LIMIT}; split it, or give its reason in tests/check/long-files"
    found = []
    if suffix in (".c", ".h", ".cpp", ".hpp"):
      found = functions(sources.lines(path))
    elif suffix == ".py" or sources.text(path).startswith("#!/usr/bin/python3"):
      found = python_functions(sources.text(path))
    for number, lines in found:
      if lines > FUNCTION_LIMIT:
        yield path, number, f"function of {lines} lines, at most {FUNCTION_LIMIT}"


BAD = [
  {"userspace/base/a.cpp": "int a;\n" * 401},
  {"userspace/base/a.cpp": "int f() {\n" + "  a();\n" * 80 + "}\n"},
  {"bpf/a.bpf.c": "int f(int a,\n      int b) {\n" + "  a();\n" * 80 + "}\n"},
  {"userspace/base/a.hpp": "class A {\n  int f() const {\n" + "    a();\n" * 80 + "  }\n};\n"},
  {"tests/a.py": "def f():\n" + "  a()\n" * 80},
]
GOOD = {
  "userspace/base/a.cpp": "int f() {\n" + "  a();\n" * 78 + "}\n" + "int g() {\n" + "  a();\n" * 78 + "}\n",
  "userspace/base/b.hpp": "struct A {\n" + "  int a;\n" * 90 + "};\n",
}
