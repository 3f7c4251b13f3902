# SPDX-License-Identifier: Apache-2.0


class VmError(Exception):
  """What went wrong and what to do next, for one line on stderr."""
