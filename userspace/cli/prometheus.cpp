// SPDX-License-Identifier: Apache-2.0
#include "cli/prometheus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/time_text.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

constexpr std::string_view kUp =
    "# HELP holdpoint_up Whether the daemon answered.\n# TYPE holdpoint_up gauge\n";

// Where a counter of the health belongs.
struct Family {
  std::string_view name;
  std::string_view label;
  std::string_view help;
  std::vector<std::string_view> counters;
};
const std::vector<Family>& families() {
  static const std::vector<Family> all{
      {"holdpoint_accesses_total",
       "outcome",
       "Accesses of agents by what became of them.",
       {"allowed", "denied", "held", "held_again", "released", "granted"}},
      {"holdpoint_tamper_total",
       "reason",
       "Programs that were killed since they were not what was approved.",
       {"tampered"}},
      {"holdpoint_lost_total",
       "reason",
       "Refusals and losses that no rule asked for.",
       {"lost_bells", "lost_events", "full_holds", "full_session_holds", "full_sessions", "no_storage",
        "unresolved", "rename_races", "signal_failed", "full_arguments", "store_failures",
        "records_not_written"}},
  };
  return all;
}

// A label's value: backslash, quote and line break are escaped.
std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += "\\n";
    else if (c == '\\' || c == '"') (out += '\\') += c;
    else out += c;
  }
  return out;
}

class Writer {
 public:
  void head(std::string_view name, std::string_view type, std::string_view help) {
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  void sample(std::string_view name, std::string_view label, std::string_view value, std::uint64_t number) {
    text_ += fmt::format("{}{{{}=\"{}\"}} {}\n", name, label, label_value(value), number);
  }
  void gauge(std::string_view name, std::string_view help, double number) {
    head(name, "gauge", help);
    text_ += fmt::format("{} {}\n", name, number);
  }
  std::string text_;
};

std::uint64_t count(const nlohmann::json& value) {
  return value.is_number_integer() ? value.get<std::uint64_t>() : 0;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void write_counters(Writer& out, const nlohmann::json& counters) {
  nlohmann::json left = counters;
  for (const Family& family : families()) {
    out.head(family.name, "counter", family.help);
    for (const std::string_view name : family.counters) {
      const auto found = left.find(name);
      if (found == left.end()) continue;
      out.sample(family.name, family.label, name, count(*found));
      left.erase(found);
    }
  }
  out.head("holdpoint_counter_total", "counter", "Everything else that the daemon counts.");
  for (const auto& [name, value] : left.items())
    out.sample("holdpoint_counter_total", "name", name, count(value));
}

void write_requests(Writer& out, const nlohmann::json& requests, WallTime now) {
  double oldest = 0;
  for (const auto& request : requests) {
    if (const auto created = api::parse_rfc3339(field(request, "created")))
      oldest = std::max(oldest, seconds(std::chrono::duration_cast<Duration>(now - *created)));
  }
  out.gauge("holdpoint_requests_open", "Requests that wait for a person.",
            static_cast<double>(requests.size()));
  out.gauge("holdpoint_oldest_request_seconds", "How long the oldest of them has waited.", oldest);
}

void write_sessions(Writer& out, const nlohmann::json& sessions) {
  std::map<std::string, std::uint64_t> alive;
  for (const auto& session : sessions)
    if (child(session, "ended").empty()) ++alive[field(session, "agent")];
  out.head("holdpoint_sessions", "gauge", "Sessions that are alive, by agent.");
  for (const auto& [agent, number] : alive) out.sample("holdpoint_sessions", "agent", agent, number);
}

}  // namespace

std::string prometheus_text(const nlohmann::json& health, const nlohmann::json& open,
                            const nlohmann::json& sessions, WallTime now) {
  Writer out;
  out.text_ = std::string(kUp) + "holdpoint_up 1\n";
  out.gauge("holdpoint_enforcing", "Whether the programs judge, and the rules are not disarmed.",
            health.value("enforcing", false) ? 1 : 0);
  out.gauge("holdpoint_lockdowns", "Lockdowns in force.",
            static_cast<double>(child(health, "lockdowns").size()));
  out.gauge("holdpoint_problems", "Problems that `holdpoint status` tells.",
            static_cast<double>(child(health, "problems").size()));
  out.head("holdpoint_info", "gauge", "Version of the daemon.");
  out.sample("holdpoint_info", "version", field(health, "version"), 1);
  if (const auto started = api::parse_rfc3339(field(health, "started")))
    out.gauge("holdpoint_uptime_seconds", "Since the daemon started.",
              seconds(std::chrono::duration_cast<Duration>(now - *started)));
  write_requests(out, child(open, "requests"), now);
  write_sessions(out, child(sessions, "sessions"));
  write_counters(out, child(health, "counters"));
  return out.text_;
}

std::string prometheus_down() { return std::string(kUp) + "holdpoint_up 0\n"; }

}  // namespace holdpoint::cli
