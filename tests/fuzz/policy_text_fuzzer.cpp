// SPDX-License-Identifier: Apache-2.0
// Any bytes as a policy file: never a crash, never more than bounded work; and what is accepted gives the
// same answer by reference and by tables for some accesses made from the input itself.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "policy/compile.hpp"
#include "policy/evaluate.hpp"

namespace {

using namespace holdpoint::policy;

constexpr std::uint32_t kFile = operation_bit(HP_OP_READ) | operation_bit(HP_OP_WRITE);
constexpr std::uint32_t kNetwork = operation_bit(HP_OP_CONNECT) | operation_bit(HP_OP_SEND);

void compare(const AgentPolicy& policy, const hp_policy& image, const Query& query) {
  const Outcome reference = evaluate(policy, query);
  const ImageOutcome tables = evaluate_image(image, query);
  if (reference.rule != tables.rule || reference.verdict != tables.verdict) std::abort();
}

void compare_all(const AgentPolicy& policy, const hp_policy& image) {
  std::size_t left = 20;
  for (const Rule& rule : policy.rules) {
    for (const auto* patterns : {&rule.paths, &rule.sockets, &rule.executables}) {
      for (const Pattern& pattern : *patterns) {
        if (left-- == 0) return;
        std::string text = pattern.text.substr(0, 200);
        for (char& c : text) c = c == '*' ? 'x' : c;
        compare(policy, image, {kFile, HP_OBJECT_FILE, text, {}, 0, 0, text});
        compare(policy, image, {kNetwork, HP_OBJECT_UNIX_PATH, text, {}, 0, 0, text});
      }
    }
    for (const Destination& to : rule.destinations) {
      if (left-- == 0) return;
      const std::uint16_t port = to.ports.empty() ? 1 : to.ports[0].last;
      compare(policy, image, {kNetwork, HP_OBJECT_INET, {}, to.cidr.address, port, 6, "/x"});
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<SourceText> sources = {
      {"f.yaml", std::string(reinterpret_cast<const char*>(data), size)}};
  const CheckResult result = check(sources, GuardPaths{});
  (void)render(result.diagnostics, sources);
  if (!result.policy) {
    if (result.diagnostics.empty()) std::abort();  // a refusal without a reason
    return 0;
  }
  (void)compile_cgroups(*result.policy, 1);
  if (result.policy->agents.empty()) return 0;
  const AgentPolicy policy = agent_policy(*result.policy, 0);
  const auto image = compile(policy, result.policy->files, 1);
  if (image) compare_all(policy, **image);
  return 0;
}
