// SPDX-License-Identifier: Apache-2.0
// Which version of include/holdpoint the pinned maps were made by. It is the name of a directory among the pins, since a map of
// another version cannot be read for it: its values have other sizes and other fields, and reading one writes past what is meant for it.
#pragma once

#include <string>

#include "base/result.hpp"

namespace holdpoint::kernel {

// Ok: nothing is pinned below `pins`, or what is pinned has the layout of this program. Otherwise nothing of it may be touched.
[[nodiscard]] Result<> check_layout(const std::string& pins);

// Says that the maps to be pinned below `pins` have the layout of this program. Called after
// check_layout(), before the first of them is.
[[nodiscard]] Result<> mark_layout(const std::string& pins);

// Takes all pins away; the mark goes last, so that what is left by a crash can be removed again.
[[nodiscard]] Result<> remove_pins(const std::string& pins);

// Directory of a BPF file system: mkdir that says what is missing. One that is there is fine.
[[nodiscard]] Result<> make_pin_directory(const std::string& path);

}  // namespace holdpoint::kernel
