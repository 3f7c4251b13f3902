// SPDX-License-Identifier: Apache-2.0
#include "cli/request_view.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/time_text.hpp"
#include "cli/page.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

using nlohmann::json;

namespace {

WallTime time_of(const json& object, std::string_view key) {
  return api::parse_rfc3339(field(object, key)).value_or(WallTime{});
}

std::vector<std::string> words_of(const json& access) {
  std::vector<std::string> out;
  for (const json& argument : child(access, "argv")) {
    if (argument.is_string()) out.push_back(printable(argument.get<std::string>()));
  }
  return out;
}

std::string command_line(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + shell_word(word);
  return out;
}

// One line if it fits, else one argument per line with its number, so that nobody has to count quotes.
void add_command(Page& page, const json& access) {
  const auto words = words_of(access);
  if (words.empty()) return;
  const std::string line = command_line(words);
  if (display_width(line) <= page.room()) {
    page.add("Command", line);
    return;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    page.add(i == 0 ? "Command" : "", fmt::format("{:>2}  {}", i, shell_word(words[i])));
  }
}

// Only an exec has them: they are part of what is approved.
void add_environment(Page& page, const json& access) {
  bool first = true;
  for (const json& variable : child(access, "environment")) {
    if (!variable.is_string()) continue;
    page.add(first ? "Environment" : "", printable(variable.get<std::string>()));
    first = false;
  }
}

void add_process(Page& page, const json& request) {
  const json& access = child(request, "access");
  const json& process = child(request, "process");
  page.add("Program", printable(field(access, "executable")));
  page.add("Directory", printable(field(access, "directory")));
  page.add("Process", fmt::format("{} ({}), uid {}", printable(field(process, "name")), field(process, "pid"),
                                  field(process, "uid")));
  std::size_t indent = 0;
  for (const json& ancestor : child(access, "ancestors")) {
    page.add("",
             fmt::format("started by {} ({})", printable(field(ancestor, "command")), field(ancestor, "pid")),
             Colour::plain, indent);
    indent += 2;
  }
}

void add_bound(Page& page, const json& access) {
  for (const json& file : child(access, "bound")) {
    page.add("Reads", fmt::format("{}, {} bytes", printable(field(file, "path")), field(file, "size")));
    page.add("SHA-256", field(file, "sha256"));
    for (const auto& line : escaped_lines(field(file, "first_lines")))
      page.add("", "| " + printable(line), Colour::cyan);
  }
}

void add_session(Page& page, const json& request, WallTime now) {
  const json& session = child(request, "session_detail");
  page.add("Agent", printable(field(request, "agent")), Colour::bold);
  std::string line = field(request, "session");
  if (!session.empty()) {
    line += fmt::format(", started {} by {}", relative(time_of(session, "started"), now),
                        printable(person(child(session, "owner"))));
  }
  page.add("Session", line);
  const json& claims = child(session, "claims");
  const std::string who = field(claims, "on_behalf_of");
  const std::string why = field(claims, "purpose");
  if (!who.empty()) page.add("Claims", "to act for " + printable(who));
  if (!why.empty()) page.add(who.empty() ? "Claims" : "", "purpose: " + printable(why));
  std::string labels;
  for (const auto& [key, value] : child(claims, "labels").items()) {
    labels += (labels.empty() ? "" : " ") + printable(key) + "=" +
              (value.is_string() ? printable(value.get<std::string>()) : "");
  }
  if (!labels.empty()) page.add(who.empty() && why.empty() ? "Claims" : "", "labels: " + labels);
}

void add_rule(Page& page, const json& request) {
  const json& rule = child(request, "rule");
  page.add("Rule", fmt::format("{} (policy {})", printable(field(rule, "id")), field(rule, "generation")));
  page.add("", printable(field(rule, "reason")));
}

void add_times(Page& page, const json& request, WallTime now) {
  std::size_t held = 0;
  std::size_t refused = 0;
  for (const json& hold : child(request, "holds")) {
    held += field(hold, "state") == "held" ? 1 : 0;
    refused += field(hold, "state") == "refused" ? 1 : 0;
  }
  const WallTime created = time_of(request, "created");
  std::string line = fmt::format("{} ({})", relative(created, now), time_of_day(created, now, true));
  if (held > 0) line += fmt::format(", {} {} suspended", held, held == 1 ? "call" : "calls");
  if (refused > 0) line += fmt::format(", {} refused for now: an approval lets the retry through", refused);
  page.add("Asked", line);
}

std::string decided(const json& request, WallTime now) {
  const json& decision = child(request, "decision");
  if (decision.empty()) return {};
  const WallTime at = time_of(decision, "at");
  std::string scope = field(decision, "scope");
  if (scope == "session") scope = "for the session";
  if (scope == "duration") {
    const auto& lifetime = child(decision, "lifetime_seconds");
    const std::int64_t seconds = lifetime.is_number_integer() ? lifetime.get<std::int64_t>() : 0;
    scope = "for " + api::duration_text(std::chrono::seconds(seconds));
  }
  std::string text =
      fmt::format("{} by {} {} ({})", field(decision, "decision") == "approve" ? "approved" : "denied",
                  printable(person(child(decision, "by"))), relative(at, now), time_of_day(at, now));
  if (field(decision, "decision") == "approve") text += ", " + scope;
  const std::string reason = field(decision, "reason");
  if (!reason.empty()) text += ": " + printable(reason);
  return text;
}

void add_fate(Page& page, const json& request, WallTime now) {
  if (field(request, "state") == "open") {
    const WallTime deadline = time_of(request, "deadline");
    page.add("Deadline",
             fmt::format("if nobody answers: denied at {} ({})", time_of_day(deadline, now),
                         deadline > now ? relative(deadline, now) : "now"),
             Colour::yellow);
    return;
  }
  const std::string decision = decided(request, now);
  page.add("Outcome", decision.empty() ? printable(field(request, "outcome")) : decision,
           state_colour(field(request, "state")));
}

}  // namespace

Colour state_colour(std::string_view state) {
  if (state == "open") return Colour::yellow;
  if (state == "approved") return Colour::green;
  if (state == "denied" || state == "expired") return Colour::red;
  return Colour::dim;
}

std::string request_id(const std::string& typed) {
  const bool number = !typed.empty() && typed.find_first_not_of("0123456789") == std::string::npos;
  return number ? "r-" + typed : typed;
}

std::string attempt(const json& request) {
  const json& access = child(request, "access");
  std::string out = printable(field(access, "operation")) + " " + printable(field(access, "object"));
  auto words = words_of(access);
  if (words.size() > 1) {
    words.erase(words.begin());
    out += " " + command_line(words);
  }
  return out;
}

std::string draw_request(const json& request, WallTime now, const Terminal& terminal) {
  const json& access = child(request, "access");
  const std::string state = field(request, "state");
  Page page(terminal);
  page.heading(terminal.paint(Colour::bold, "Request " + printable(field(request, "id"))) + "  " +
               terminal.paint(state_colour(state), state));
  page.add("What", printable(field(access, "operation")) + " " + printable(field(access, "object")),
           Colour::bold);
  add_command(page, access);
  add_environment(page, access);
  for (const json& warning : child(access, "warnings")) {
    if (warning.is_string()) page.add("Warning", printable(warning.get<std::string>()), Colour::red);
  }
  const std::string hidden = field(access, "hidden_bytes");
  if (!hidden.empty() && hidden != "0")
    page.add("Hidden", hidden + " bytes that look like a secret are not shown", Colour::red);
  add_bound(page, access);
  page.gap();
  add_session(page, request, now);
  add_process(page, request);
  page.gap();
  add_rule(page, request);
  add_times(page, request, now);
  add_fate(page, request, now);
  page.add("Digest", field(request, "digest"), Colour::dim);
  if (state == "open") {
    page.gap();
    const std::string id = printable(field(request, "id"));
    page.line(fmt::format("  holdpoint approve {} [--scope session | --for 30m] [--reason TEXT]", id));
    page.line(fmt::format("  holdpoint deny {} --reason TEXT", id));
  }
  return page.text();
}

std::string draw_queue(const std::vector<json>& requests, WallTime now, const Terminal& terminal) {
  if (requests.empty()) return "Nothing waits for an answer.\n";
  Table table({"REQUEST", "ASKED", "EXPIRES", "AGENT", "SESSION", "WHAT"});
  for (const json& request : requests) {
    const WallTime deadline = time_of(request, "deadline");
    const bool soon = deadline - now < std::chrono::minutes(1);
    table.add({{printable(field(request, "id")), Colour::bold},
               {relative(time_of(request, "created"), now)},
               {deadline > now ? relative(deadline, now) : "now", soon ? Colour::red : Colour::yellow},
               {printable(field(request, "agent"))},
               {field(request, "session")},
               {attempt(request)}});
  }
  return table.draw(terminal);
}

std::string draw_history(const std::vector<json>& requests, WallTime now, const Terminal& terminal) {
  if (requests.empty()) return "There was no request yet.\n";
  Table table({"REQUEST", "ASKED", "STATE", "BY", "AGENT", "SESSION", "WHAT"});
  for (const json& request : requests) {
    const std::string state = field(request, "state");
    const json& by = child(child(request, "decision"), "by");
    table.add({{printable(field(request, "id")), Colour::bold},
               {relative(time_of(request, "created"), now)},
               {state, state_colour(state)},
               {by.empty() ? "-" : printable(field(by, "name").empty() ? person(by) : field(by, "name"))},
               {printable(field(request, "agent"))},
               {field(request, "session")},
               {attempt(request)}});
  }
  return table.draw(terminal);
}

}  // namespace holdpoint::cli
