// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/commands/commands.hpp"
#include "cli/prometheus.hpp"

namespace holdpoint::cli {
namespace {

struct Collected {
  std::string text;
  std::optional<Failure> failure;  // then the text says that the daemon is down
};

Collected collect(const Context& context) {
  const auto health = context.client.get("/v1/health");
  if (!health) return {prometheus_down(), health.error()};
  const auto open = context.client.get("/v1/requests?state=open");
  if (!open) return {prometheus_down(), open.error()};
  const auto sessions = context.client.get("/v1/sessions");
  if (!sessions) return {prometheus_down(), sessions.error()};
  return {prometheus_text(*health, *open, *sessions, context.now()), {}};
}

// Whole or not at all: a collector may read at any moment.
std::optional<Failure> write_file(const std::filesystem::path& file, const std::string& text) {
  const auto part = file.parent_path() / ("." + file.filename().string() + ".part");
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(part, file, error);
  if (out && !error) return {};
  const std::string why = error ? error.message() : std::strerror(errno);
  return Failure{Exit::refused, "cannot write " + file.string() + ": " + why,
                 "name a file in a directory that exists and that you may write to"};
}

}  // namespace

Exit run_metrics(const Context& context) {
  const Collected collected = collect(context);
  if (const auto file = context.arguments.value("write")) {
    if (const auto failure = write_file(*file, collected.text)) return fail(*failure);
  } else {
    print(collected.text);
  }
  return collected.failure ? fail(*collected.failure) : Exit::ok;
}

}  // namespace holdpoint::cli
