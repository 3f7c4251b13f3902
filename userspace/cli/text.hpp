// SPDX-License-Identifier: Apache-2.0
// Texts for people: what a terminal would act on made visible, widths, wrapping, times. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace holdpoint::cli {

// Control characters (C0, DEL, C1), bidirectional controls and bytes that are no UTF-8 as \xNN or \u{NNNN}. The daemon has
// escaped its texts already; the command line does not rely on it.
[[nodiscard]] std::string printable(std::string_view text);
// Lines of a text of the daemon's, where a line break stands as \n and a backslash as two.
[[nodiscard]] std::vector<std::string> escaped_lines(std::string_view text);
// Columns on a terminal.
[[nodiscard]] std::size_t display_width(std::string_view text);
// Lines of at most `width` columns, broken at spaces or behind slashes where that wastes less than half a line. Nothing but
// spaces at a break is lost.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, std::size_t width);
// The same with another width for the first line.
[[nodiscard]] std::vector<std::string> hang(std::string_view text, std::size_t first_width,
                                            std::size_t width);

// "now", "2m ago", "in 1h 5m".
[[nodiscard]] std::string relative(WallTime time, WallTime now);
// Local time of day, "14:05"; with the date when it is another day than `now`.
[[nodiscard]] std::string time_of_day(WallTime time, WallTime now, bool seconds = false);

// One word of a shell command line, quoted if it must be.
[[nodiscard]] std::string shell_word(std::string_view word);

// The value below `key` as text: strings as they are, numbers in decimal, anything else or nothing as "".
[[nodiscard]] std::string field(const nlohmann::json& object, std::string_view key);
// The object below `key`, or an empty one.
[[nodiscard]] const nlohmann::json& child(const nlohmann::json& object, std::string_view key);
// The texts of a list, as "a, b".
[[nodiscard]] std::string joined(const nlohmann::json& list);
// "ada (uid 1000)" for a principal.
[[nodiscard]] std::string person(const nlohmann::json& principal);

}  // namespace holdpoint::cli
