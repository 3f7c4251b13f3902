// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace holdpoint::cli {

// From the words of the command line to the exit code.
int dispatch(int count, char** words);

}  // namespace holdpoint::cli
