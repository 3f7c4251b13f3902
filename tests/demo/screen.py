# SPDX-License-Identifier: Apache-2.0
"""What the demo prints: headings, explanations, commands with their output, and what was expected and came true."""
import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import textwrap
import time

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
WIDTH = 100  # columns; wider lines of prose are hard to read
READ_SECONDS = 2.5  # for the reader's eyes, where --fast is not given; nothing waits for it


class Screen:
  def __init__(self, colours, pace, columns):
    self.colours = colours
    self.pace = pace
    self.columns = max(60, min(columns, WIDTH))
    self.failures = []
    self.kept = 0

  def paint(self, colour, text):
    return f"\x1b[{CODES[colour]}m{text}\x1b[0m" if self.colours and text else text

  @staticmethod
  def write(text):
    sys.stdout.buffer.write(text.encode(errors="replace") + b"\n")
    sys.stdout.buffer.flush()

  def heading(self, text):
    self.pause()
    self.write("\n" + self.paint("bold", f"━━ {text} " + "━" * (self.columns - len(text) - 4)) + "\n")

  def say(self, text):
    self.write(textwrap.fill(" ".join(text.split()), self.columns))

  def pause(self):
    """Time to read."""
    if self.pace:
      time.sleep(READ_SECONDS)

  def expect(self, true, text, found=""):
    """A statement that the demo makes, checked."""
    if true:
      self.kept += 1
      mark = self.paint("green", "✔ ")
    else:
      self.failures.append(text)
      mark = self.paint("red", "✘ NOT SO: ")
      text += f" (found: {found})"
    self.write(mark + textwrap.fill(text, self.columns - 2, subsequent_indent="  "))
    return bool(true)

  def box(self, lines, colour="dim"):
    for line in lines:
      self.write("  " + self.paint(colour, "│ ") + line)

  def beside(self, label, colour, text, text_colour=None):
    """A text beside a label, below itself where it does not fit. Only what is known to hold no colours is folded."""
    room = self.columns - len(label)
    pieces = [text] if "\x1b" in text else textwrap.wrap(text, room, drop_whitespace=False) or [""]
    for number, piece in enumerate(pieces):
      shown = label if number == 0 or label.rstrip().endswith("│") else " " * len(label)
      self.write(self.paint(colour, shown) + (self.paint(text_colour, piece) if text_colour else piece))

  def agent_line(self, line):
    self.beside("  coder │ ", "cyan", line, "bold" if line.startswith("$ ") else None)

  def typed(self, line):
    self.beside("  you ▸ ", "yellow", line, "bold")

  def person(self, shown, command, status=0):
    """Runs a command as a person at a terminal does, and shows both. Its output as text."""
    self.typed(shown)
    found, output = on_terminal(command, self.columns - 4, self.colours)
    self.box(output.rstrip("\n").split("\n"), "yellow")
    if found != status:
      self.expect(False, f"{shown} ends with {status}", found)
    return output


def open_terminal(columns):
  """A pseudo-terminal of this width: (our end, the program's end)."""
  ours, theirs = pty.openpty()
  fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
  return ours, theirs


def take_terminal():
  """In a child whose standard input is a terminal: makes it the controlling one of a session of its own."""
  os.setsid()
  fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class TerminalReader:
  """Lines from our end of a terminal, until the last program has closed the other."""

  def __init__(self, descriptor):
    self.descriptor = descriptor
    self.buffer = b""
    self.open = True

  def line(self, seconds):
    """The next line without its end; None after the last. Error: TimeoutError."""
    end = time.monotonic() + seconds
    while b"\n" not in self.buffer and self.open:
      left = end - time.monotonic()
      if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
        raise TimeoutError(f"no line for {seconds:.0f} s")
      data = b""
      with contextlib.suppress(OSError):  # EIO is a terminal's end of file
        data = os.read(self.descriptor, 65536)
      self.open = data != b""
      self.buffer += data
    if not self.buffer:
      return None
    line, _, self.buffer = self.buffer.partition(b"\n")
    return line.decode(errors="replace").rstrip("\r")


def on_terminal(command, columns, colours, seconds=120):
  """Runs a command on a terminal of its own: (exit status, output)."""
  ours, theirs = open_terminal(columns)
  environment = dict(os.environ, TERM="xterm")
  environment.pop("NO_COLOR", None)
  if not colours:
    environment["NO_COLOR"] = "1"
  with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
                        start_new_session=True) as process:
    os.close(theirs)
    reader, lines = TerminalReader(ours), []
    while (line := reader.line(seconds)) is not None:
      lines.append(line)
    os.close(ours)
    return process.wait(), "\n".join(lines)
