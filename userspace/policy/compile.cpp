// SPDX-License-Identifier: Apache-2.0
#include "policy/compile.hpp"

#include <fmt/format.h>

#include "policy/image_writer.hpp"
#include "policy/text.hpp"

namespace holdpoint::policy {
namespace {

// States of the nondeterministic automaton, all patterns together: bounds memory before any work is counted.
constexpr std::size_t kMaxNfaStates = 100'000;

struct Dimension {
  Nfa nfa;
  RuleSet always;
  Dominated dominated = Dominated(HP_MAX_RULES);
};

// Stops adding beyond the bound; add_dimension() then refuses the whole.
void add_patterns(Dimension& dimension, const std::vector<Pattern>& patterns, std::uint32_t rule) {
  for (const Pattern& pattern : patterns) {
    if (dimension.nfa.states.size() <= kMaxNfaStates) add_pattern(dimension.nfa, pattern, rule);
  }
}

std::string place_text(const std::vector<std::string>& files, Place place) {
  if (place.line == 0 || place.file >= files.size()) return "built-in";
  return fmt::format("{}:{}", files[place.file], place.line);
}

std::unexpected<Error> over_budget(const Overflow& overflow, std::string_view subject,
                                   std::string_view dimension, const std::vector<std::string>& files) {
  std::string message =
      fmt::format("{}: the {} patterns need more {} than one agent may have. Most of it comes from", subject,
                  dimension, overflow.what);
  for (std::size_t i = 0; i < overflow.patterns.size(); ++i) {
    const NfaPattern& pattern = overflow.patterns[i];
    const std::string text = pattern.text.size() > 100 ? pattern.text.substr(0, 100) + "…" : pattern.text;
    message +=
        fmt::format("{} '{}' ({})", i == 0 ? "" : ",", printable(text), place_text(files, pattern.place));
  }
  return fail(
      std::move(message),
      dimension == "destination"
          ? "use fewer and wider networks and port ranges, or give the agents separate rules"
          : "use fewer patterns with '**' or '*' before other text, begin them with a longer fixed path, or "
            "give the agents separate rules");
}

Result<void> add_dimension(ImageWriter& writer, hp_automaton_id id, const Dimension& dimension,
                           std::string_view subject, const std::vector<std::string>& files,
                           const RuleSet& certain) {
  constexpr std::string_view kNames[] = {"object", "executable", "destination"};
  const auto refuse = [&](const Overflow& overflow) {
    return over_budget(overflow, subject, kNames[id], files);
  };
  if (dimension.nfa.states.size() > kMaxNfaStates) {
    return refuse({"pattern bytes", {dimension.nfa.patterns.back()}});
  }
  const auto raw = determinize(dimension.nfa, dimension.dominated);
  if (!raw) return refuse(raw.error());
  const Dfa smallest = minimize(*raw);
  const auto added = writer.add_automaton(id, smallest, dimension.always, dimension.dominated);
  if (!added) return refuse(multiplying_patterns(dimension.nfa, dimension.dominated, added.error()));
  if (id != HP_AUTOMATON_OBJECT) return {};
  const auto below = writer.add_below(smallest, certain);
  if (!below) return refuse(multiplying_patterns(dimension.nfa, dimension.dominated, below.error()));
  return {};
}

// Where rule r matches an object and asks nothing else, a later rule whose operations are among r's is
// never chosen.
Dominated dominated_objects(const std::vector<Rule>& rules) {
  Dominated out(HP_MAX_RULES);
  for (std::size_t r = 0; r < rules.size(); ++r) {
    if (!rules[r].executables.empty() || !rules[r].destinations.empty()) continue;
    for (std::size_t later = r + 1; later + 1 < rules.size(); ++later) {  // the default stays in every set
      if ((rules[later].operations & ~rules[r].operations) == 0) out[r].set(later);
    }
  }
  return out;
}

std::unexpected<Error> too_many_rules(const AgentPolicy& policy, const std::vector<std::string>& files) {
  std::string message = fmt::format(
      "agent '{}' has {} rules with the built-in ones and its default, at most {} are "
      "possible. Beyond the limit:",
      policy.name, policy.rules.size(), HP_MAX_RULES);
  for (std::size_t i = HP_MAX_RULES - 1; i + 1 < policy.rules.size() && i < HP_MAX_RULES + 4; ++i) {
    message += fmt::format(" '{}' ({})", policy.rules[i].id, place_text(files, policy.rules[i].place));
  }
  return fail(std::move(message), "join rules of the same verdict: a rule takes a list of patterns");
}

}  // namespace

Result<std::unique_ptr<hp_policy>> compile(const AgentPolicy& policy, const std::vector<std::string>& files,
                                           std::uint32_t generation) {
  if (policy.rules.size() > HP_MAX_RULES) return too_many_rules(policy, files);
  ImageWriter writer(generation);
  writer.set_guards(policy.guards);
  writer.set_user_namespaces(policy.user_namespaces);
  Dimension object;
  Dimension executable;
  Dimension destination;
  object.dominated = dominated_objects(policy.rules);
  for (std::uint32_t i = 0; i < policy.rules.size(); ++i) {
    const Rule& rule = policy.rules[i];
    writer.add_rule(image_rule(rule), rule.operations);
    // An access of one kind meets the other kind's dead state, and there every rule that has a condition of
    // that kind is out: paths and sockets never match an address, destinations never a socket.
    object.always.set(i, rule.paths.empty() && rule.sockets.empty());
    destination.always.set(i, rule.destinations.empty());
    executable.always.set(i, rule.executables.empty());
    add_patterns(object, rule.paths, i);
    add_patterns(object, rule.sockets, i);
    add_patterns(executable, rule.executables, i);
    for (const Destination& one : rule.destinations) {
      if (destination.nfa.states.size() <= kMaxNfaStates) add_destination(destination.nfa, one, i);
    }
  }
  const std::string subject = fmt::format("agent '{}'", policy.name);
  for (const auto& [id, dimension] :
       {std::pair{HP_AUTOMATON_OBJECT, &object}, std::pair{HP_AUTOMATON_EXECUTABLE, &executable},
        std::pair{HP_AUTOMATON_DESTINATION, &destination}}) {
    if (auto added = add_dimension(writer, id, *dimension, subject, files, executable.always); !added) {
      return std::unexpected(std::move(added.error()));
    }
  }
  return writer.finish();
}

Result<std::unique_ptr<hp_policy>> compile(const Checked& policy, std::uint32_t agent,
                                           std::uint32_t generation) {
  return compile(agent_policy(policy, agent), policy.files, generation);
}

Result<std::unique_ptr<hp_policy>> compile_cgroups(const Checked& policy, std::uint32_t generation) {
  ImageWriter writer(generation);
  Dimension cgroups;
  Dimension nothing;
  for (std::uint32_t id = 0; id < policy.agents.size(); ++id) {
    writer.add_rule({HP_DENY, HP_HOLD_AUTO, 0, HP_RANK_DENY}, kFileOperations | kNetworkOperations);
    add_patterns(cgroups, policy.agents[id].cgroups, id);
    for (std::uint32_t later = id + 1; later < policy.agents.size(); ++later)
      cgroups.dominated[id].set(later);
  }
  for (const auto& [id, dimension] :
       {std::pair{HP_AUTOMATON_OBJECT, &cgroups}, std::pair{HP_AUTOMATON_EXECUTABLE, &nothing},
        std::pair{HP_AUTOMATON_DESTINATION, &nothing}}) {
    if (auto added = add_dimension(writer, id, *dimension, "cgroups of the agents", policy.files, {});
        !added) {
      return std::unexpected(std::move(added.error()));
    }
  }
  return writer.finish();
}

ImageSize size_of(const hp_policy& image) {
  ImageSize size{0, 0, image.set_count, image.rule_count};
  for (const hp_automaton& automaton : image.automata) {
    size.states += automaton.states;
    size.transitions += automaton.states * automaton.classes;
  }
  return size;
}

}  // namespace holdpoint::policy
