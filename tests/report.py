# SPDX-License-Identifier: Apache-2.0
"""Time and faults of a test run, suite by suite, against a budget file."""
import math
import re
import xml.etree.ElementTree as ElementTree

# A boot and the tests that it ran are one suite: the boot's own time is the tests' time.
KERNEL = re.compile(r"^(?:kernel|vm)\.(\d+\.\d+)\.")


def suite_of(name):
  kernel = KERNEL.match(name)
  return f"kernel-{kernel.group(1)}" if kernel else name.partition(".")[0]


def read_budget(path):
  """{suite: seconds} in the order of the file; lines are `suite seconds reason`."""
  budget = {}
  for number, line in enumerate(path.read_text().splitlines(), 1):
    if not line.strip() or line.startswith("#"):
      continue
    words = line.split(maxsplit=2)
    if len(words) != 3 or not words[1].isdigit() or words[0] in budget:
      raise ValueError(f"{path}:{number}: not `suite seconds reason`, or a suite named twice")
    budget[words[0]] = int(words[1])
  return budget


class Report:
  def __init__(self, budget_file):
    self.file = budget_file
    self.budget = read_budget(budget_file)
    self.seconds = {}
    self.tests = {}
    self.found = []

  def add(self, suite, seconds, tests=0):
    self.seconds[suite] = self.seconds.get(suite, 0.0) + seconds
    self.tests[suite] = self.tests.get(suite, 0) + tests

  def fault(self, text):
    self.found.append(text)

  def read(self, junit):
    """Take times and states from ctest's JUnit file. Anything but a test that ran and passed or failed is a fault."""
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
      self.add(suite_of(case.get("name")), float(case.get("time")), 1)
      skipped = case.find("skipped")
      if skipped is not None or case.get("status") not in ("run", "fail"):
        why = skipped.get("message") if skipped is not None else None
        self.fault(f"{case.get('name')} did not run ({why or case.get('status')}): no test is skipped here")

  def faults(self):
    found = list(self.found)
    for suite, seconds in self.seconds.items():
      if suite not in self.budget:
        found.append(f"suite {suite} has no line in {self.file.name}")
      elif seconds > self.budget[suite]:
        found.append(f"suite {suite} took {seconds:.0f} s, its budget is {self.budget[suite]} s ({self.file.name})")
    for suite in self.budget:
      # `install` is not timed when tests/run is called by hand.
      if suite not in self.seconds and suite != "install":
        found.append(f"suite {suite} has a budget and did not run")
    return found

  def table(self):
    rows = [f"{'suite':<18}{'tests':>7}{'seconds':>10}{'budget':>9}"]
    order = [suite for suite in self.budget if suite in self.seconds]
    for suite in order + [suite for suite in self.seconds if suite not in self.budget]:
      seconds = self.seconds[suite]
      budget = self.budget.get(suite, math.inf)
      rows.append(f"{suite:<18}{self.tests[suite] or '':>7}{seconds:>10.1f}{budget:>9}" +
                  ("  over budget" if seconds > budget else ""))
    return "\n" + "\n".join(rows) + "\n"
