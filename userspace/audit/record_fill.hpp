// SPDX-License-Identifier: Apache-2.0
// Puts masked values into the messages of record.proto. Used by the makers of entries only.
#pragma once

#include <string>

#include "audit/record.hpp"

namespace holdpoint::audit {

class EntryMaker {
 public:
  static Entry make(v1::Record record) { return Entry(std::move(record)); }
};

namespace fill {

// Commands of ancestors and single texts are cut here, and say so: an ancestor's command line may be 2 MiB of somebody
// else's text. Nothing that a decision covers (object, argv, warnings) is ever cut.
inline constexpr std::size_t ancestor_command_max = 4096;
inline constexpr int bound_files_max = 64;

void masked(v1::Masked& out, const event::MaskedText& text);
void masked_cut(v1::Masked& out, const event::MaskedText& text, std::size_t limit);
// A word of our own values (agent, rule id, scope): masked again, since policies may hold anything.
[[nodiscard]] std::string word(std::string_view text);
// Lower-case hex or nothing.
[[nodiscard]] std::string hex(std::string_view text);
void actor(v1::Record& record, const approval::Principal& who);
void access(v1::Access& out, const event::MaskedAccess& access);
void process(v1::Process& out, const approval::Request& request, const approval::Hold* hold);
void process(v1::Process& out, const hp_access& fixed, const event::MaskedText& comm);
// agent, session, request, rule, digest, generation.
void common(v1::Record& record, const approval::Request& request);
void common(v1::Record& record, const approval::Grant& grant);

}  // namespace fill
}  // namespace holdpoint::audit
