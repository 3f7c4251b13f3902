#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A test that did not run and a suite over its budget are found; a good run has no fault."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from report import Report, suite_of  # noqa: E402

PASSED = '<testcase name="unit.base.A" time="2.5" status="run"/>'
FAILED = '<testcase name="unit.base.A" time="0.5" status="fail"><failure message=""/></testcase>'
SKIPPED = '<testcase name="unit.base.A" time="0" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION"/></testcase>'
DISABLED = '<testcase name="unit.base.A" time="0" status="disabled"><skipped message="Disabled"/></testcase>'
NOT_RUN = '<testcase name="unit.base.A" time="0" status="notrun"/>'


class ReportTest(unittest.TestCase):
  def setUp(self):
    self.directory = tempfile.TemporaryDirectory()
    self.addCleanup(self.directory.cleanup)

  def faults(self, budget, *cases):
    file = Path(self.directory.name) / "budget"
    file.write_text("".join(f"{suite} {seconds} reason\n" for suite, seconds in budget.items()))
    junit = Path(self.directory.name) / "ctest.xml"
    junit.write_text(f"<testsuite>{''.join(cases)}</testsuite>")
    report = Report(file)
    report.read(junit)
    report.table()
    return report.faults()

  def test_a_run_within_its_budget_has_no_fault(self):
    self.assertEqual(self.faults({"unit": 3}, PASSED), [])

  def test_a_failed_test_is_left_to_ctest(self):
    self.assertEqual(self.faults({"unit": 3}, FAILED), [])

  def test_what_did_not_run_is_a_fault(self):
    for case in (SKIPPED, DISABLED, NOT_RUN):
      self.assertEqual(len(self.faults({"unit": 3}, case)), 1, case)

  def test_a_suite_over_its_budget_is_a_fault(self):
    self.assertEqual(len(self.faults({"unit": 2}, PASSED)), 1)
    self.assertEqual(len(self.faults({"unit": 3}, PASSED, PASSED)), 1)

  def test_a_suite_without_a_budget_is_a_fault(self):
    self.assertEqual(len(self.faults({}, PASSED)), 1)

  def test_a_suite_that_did_not_run_is_a_fault(self):
    self.assertEqual(len(self.faults({"unit": 3, "kernel-6.1": 3}, PASSED)), 1)

  def test_a_budget_without_a_reason_is_refused(self):
    file = Path(self.directory.name) / "budget"
    file.write_text("unit 3\n")
    with self.assertRaises(ValueError):
      Report(file)

  def test_the_boot_and_the_tests_of_a_kernel_are_one_suite(self):
    self.assertEqual(suite_of("vm.6.1.default"), "kernel-6.1")
    self.assertEqual(suite_of("kernel.6.1.smp1.exec"), "kernel-6.1")
    self.assertEqual(suite_of("kernel.6.12.open"), "kernel-6.12")
    self.assertEqual(suite_of("sanitizer.base"), "sanitizer")


if __name__ == "__main__":
  unittest.main()
