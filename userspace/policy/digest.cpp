// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "policy/check.hpp"

namespace holdpoint::policy {
namespace {

// Every field with its length in front, so that no two policies share a text.
class Canonical {
 public:
  void add(std::string_view text) { text_ += fmt::format("{}:{},", text.size(), text); }
  void add(std::uint64_t number) { add(std::to_string(number)); }
  void add(const std::vector<Pattern>& patterns) {
    add(patterns.size());
    for (const Pattern& pattern : patterns) add(pattern.text);
  }
  void add(const Destination& destination);
  void add(const Rule& rule);
  void add(const Agent& agent);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void Canonical::add(const Destination& destination) {
  add(std::string_view(reinterpret_cast<const char*>(destination.cidr.address.data()), 16));
  add(destination.cidr.prefix);
  add(destination.ports.size());
  for (const PortRange& range : destination.ports) add(fmt::format("{}-{}", range.first, range.last));
  add(static_cast<std::uint64_t>(destination.protocol));
}

void Canonical::add(const Rule& rule) {
  add(rule.id);
  add(rule.agents.size());
  for (const Name& agent : rule.agents) add(agent.text);
  add(rule.operations);
  add(rule.paths);
  add(rule.sockets);
  add(rule.destinations.size());
  for (const Destination& destination : rule.destinations) add(destination);
  add(rule.executables);
  add(static_cast<std::uint64_t>(rule.verdict));
  add(rule.reason);
  add(static_cast<std::uint64_t>(rule.timeout.count()));
  add(static_cast<std::uint64_t>(rule.hold));
  add(static_cast<std::uint64_t>(rule.log));
  add(rule.mode ? mode_word(*rule.mode) : std::string_view{});
}

void Canonical::add(const Agent& agent) {
  add(agent.name);
  add(agent.description);
  add(agent.operated_by);
  add(agent.cgroups);
  add(static_cast<std::uint64_t>(agent.default_verdict));
  add(agent.default_reason);
  add(mode_word(agent.mode));
  add(static_cast<std::uint64_t>(agent.user_namespaces));
}

}  // namespace

std::string digest_of(const Checked& policy) {
  Canonical canonical;
  canonical.add("holdpoint policy 1");
  canonical.add(policy.agents.size());
  for (const Agent& agent : policy.agents) canonical.add(agent);
  for (const auto* rules : {&policy.guards, &policy.rules}) {
    canonical.add(rules->size());
    for (const Rule& rule : *rules) canonical.add(rule);
  }
  canonical.add(policy.variables.size());
  for (const std::string& name : policy.variables) canonical.add(name);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  const std::string& text = canonical.text();
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &length, EVP_sha256(), nullptr) != 1) return {};
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex;
}

}  // namespace holdpoint::policy
