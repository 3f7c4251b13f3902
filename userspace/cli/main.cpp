// SPDX-License-Identifier: Apache-2.0
#include "cli/dispatch.hpp"

int main(int count, char** words) { return holdpoint::cli::dispatch(count, words); }
