# SPDX-License-Identifier: Apache-2.0
"""One module for each rule: `check(sources)` yields (path, line, message); BAD and GOOD are samples that prove it.

A sample is {path: text}. Each of BAD must give a finding, GOOD none.
"""
