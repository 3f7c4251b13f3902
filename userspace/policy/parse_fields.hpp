// SPDX-License-Identifier: Apache-2.0
// Reading of single fields: each function takes a node, reports what is wrong with it, and gives a value or
// nothing. Nodes of kind `refused` were reported before and are passed over in silence.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy.hpp"
#include "policy/yaml_tree.hpp"

namespace holdpoint::policy {

// Longest description or reason, bytes: it must fit a chat message and a table.
inline constexpr std::size_t kMaxTextBytes = 1000;

// The keys of one mapping. Unknown keys are reported when it is made.
class Fields {
 public:
  // `what` names the mapping in messages: "rule", "agent", …
  Fields(const Node& node, std::string_view what, std::span<const std::string_view> known, Diagnostics& out);

  [[nodiscard]] bool valid() const { return valid_; }  // false: not a mapping, reported
  [[nodiscard]] const Node* find(std::string_view key) const;
  [[nodiscard]] const Node* require(std::string_view key) const;
  [[nodiscard]] const Node* key(std::string_view key) const;  // the key itself, for its place

 private:
  const Node& node_;
  std::string_view what_;
  Diagnostics& out_;
  bool valid_ = false;
};

using Choice = std::pair<std::string_view, int>;

// What a rule or a default may say.
inline constexpr Choice kVerdicts[] = {{"allow", HP_ALLOW}, {"ask", HP_ASK}, {"deny", HP_DENY}};

inline constexpr Choice kModes[] = {{"enforce", static_cast<int>(Mode::enforce)},
                                    {"observe", static_cast<int>(Mode::observe)}};

[[nodiscard]] std::optional<Mode> read_mode(const Node& node, Diagnostics& out);
[[nodiscard]] std::optional<std::string> read_text(const Node& node, std::string_view what, Diagnostics& out);
// [a-z0-9-]{1,max}, beginning with a letter or digit.
[[nodiscard]] std::optional<Name> read_name(const Node& node, std::string_view what, std::size_t max,
                                            Diagnostics& out);
[[nodiscard]] std::optional<bool> read_bool(const Node& node, std::string_view what, Diagnostics& out);
[[nodiscard]] std::optional<unsigned> read_number(std::string_view text, unsigned max);
[[nodiscard]] std::optional<int> read_choice(const Node& node, std::string_view what,
                                             std::span<const Choice> choices, Diagnostics& out);
// "90s", "15m", "8h", "7d".
[[nodiscard]] std::optional<std::chrono::seconds> read_duration(const Node& node, std::string_view what,
                                                                Diagnostics& out);
// A scalar, or a list of at least one; gives the nodes.
[[nodiscard]] std::vector<const Node*> read_list(const Node& node, std::string_view what, Diagnostics& out);
// A pattern or a list of patterns.
[[nodiscard]] std::vector<Pattern> read_patterns(const Node& node, std::string_view what, GlobUse use,
                                                 Diagnostics& out);

}  // namespace holdpoint::policy
