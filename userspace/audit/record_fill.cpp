// SPDX-License-Identifier: Apache-2.0
#include "audit/record_fill.hpp"

#include <algorithm>

namespace holdpoint::audit::fill {

void masked(v1::Masked& out, const event::MaskedText& text) {
  out.set_text(text.text());
  out.set_hidden(text.hidden());
}

void masked_cut(v1::Masked& out, const event::MaskedText& text, std::size_t limit) {
  masked(out, text);
  const auto& whole = text.text();
  if (whole.size() <= limit) return;
  // Back to the start of a character, so that what is left stays UTF-8.
  while (limit > 0 && (static_cast<unsigned char>(whole[limit]) & 0xc0) == 0x80) --limit;
  out.set_text(whole.substr(0, limit));
  out.set_cut(static_cast<std::uint32_t>(whole.size() - limit));
}

std::string word(std::string_view text) { return event::mask(text).text(); }

std::string hex(std::string_view text) {
  const bool good =
      std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return good && text.size() <= 128 ? std::string(text) : std::string();
}

void actor(v1::Record& record, const approval::Principal& who) {
  if (who.kind.empty()) return;
  auto& out = *record.mutable_actor();
  out.set_kind(word(who.kind));
  out.set_id(word(who.id));
  masked(*out.mutable_name(), event::mask(who.name));
}

void access(v1::Access& out, const event::MaskedAccess& access) {
  out.set_operation(word(access.operation));
  masked(*out.mutable_object(), access.object);
  for (const auto& argument : access.argv) masked(*out.add_argv(), argument);
  for (const auto& variable : access.environment) masked(*out.add_environment(), variable);
  masked(*out.mutable_executable(), access.executable);
  masked(*out.mutable_directory(), access.directory);
  for (const auto& [pid, command] : access.ancestors) {
    auto& ancestor = *out.add_ancestors();
    ancestor.set_pid(static_cast<std::uint32_t>(pid));
    masked_cut(*ancestor.mutable_command(), command, ancestor_command_max);
  }
  for (const auto& file : access.bound) {
    if (out.bound_size() == bound_files_max) break;
    auto& bound = *out.add_bound();
    masked(*bound.mutable_path(), file.path);
    bound.set_sha256(hex(file.sha256));
    bound.set_size(file.size);
  }
  out.set_bound_omitted(static_cast<std::uint32_t>(access.bound.size()) -
                        static_cast<std::uint32_t>(out.bound_size()));
  for (const auto& warning : access.warnings) masked(*out.add_warnings(), event::mask(warning));
}

void process(v1::Process& out, const approval::Request& request, const approval::Hold* hold) {
  out.set_pid(static_cast<std::uint32_t>(hold != nullptr ? hold->tgid : request.tgid));
  if (hold != nullptr) {
    out.set_tid(static_cast<std::uint32_t>(hold->tid));
    out.set_start_time_ns(hold->start_time);
  }
  masked(*out.mutable_comm(), request.comm);
  out.set_uid(request.uid);
}

void process(v1::Process& out, const hp_access& fixed, const event::MaskedText& comm) {
  out.set_pid(fixed.tgid);
  out.set_tid(fixed.tid);
  out.set_parent(fixed.parent);
  masked(*out.mutable_comm(), comm);
  out.set_uid(fixed.identity.uid);
  out.set_euid(fixed.identity.euid);
  out.set_start_time_ns(fixed.start_time);
}

void common(v1::Record& record, const approval::Request& request) {
  record.set_agent(word(request.agent));
  record.set_session(request.session);
  record.set_request(word(request.id));
  record.set_rule(word(request.rule.id));
  record.set_digest(hex(request.digest));
  record.set_policy_generation(request.rule.generation);
}

void common(v1::Record& record, const approval::Grant& grant) {
  record.set_agent(word(grant.agent));
  record.set_session(grant.session);
  record.set_request(word(grant.request));
  record.set_grant(word(grant.id));
  record.set_digest(hex(grant.digest));
}

}  // namespace holdpoint::audit::fill
