// SPDX-License-Identifier: Apache-2.0
#include "kernel/libbpf_log.hpp"

#include <cstdio>

namespace holdpoint::kernel {
namespace {

constexpr std::size_t kKept = 2000;

// libbpf hands no context to its print function, so the text lives with the thread that loads.
std::string& collected() {
  thread_local std::string text;
  return text;
}

int collect(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[4096];
  const int length = std::vsnprintf(line, sizeof(line), format, arguments);
  auto& text = collected();
  text += line;
  if (text.size() > 2 * kKept) text.erase(0, text.size() - kKept);
  return length;
}

}  // namespace

LibbpfLog::LibbpfLog() : former_(::libbpf_set_print(collect)) { collected().clear(); }
LibbpfLog::~LibbpfLog() { ::libbpf_set_print(former_); }

std::string LibbpfLog::tail() const {
  const auto& text = collected();
  return text.size() > kKept ? text.substr(text.size() - kKept) : text;
}

}  // namespace holdpoint::kernel
