// SPDX-License-Identifier: Apache-2.0
#include "event/mask.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "event/escape.hpp"
#include "event/secret_finder.hpp"

namespace holdpoint::event {

// Draws pieces of one text whose secrets are known. The only maker of MaskedText.
class Masker {
 public:
  explicit Masker(std::string_view text) : text_(text), secrets_(find_secrets(text)) {}

  [[nodiscard]] MaskedText draw(std::size_t begin, std::size_t end) const {
    std::string out;
    std::size_t hidden = 0;
    for (const auto& secret : secrets_) {
      const auto from = std::max(secret.begin, begin);
      const auto to = std::min(secret.end, end);
      if (from >= to) continue;
      append_escaped(out, text_.substr(begin, from - begin), Escaping::raw);
      out += secret_marker;
      hidden += to - from;
      begin = to;
    }
    append_escaped(out, text_.substr(begin, end - begin), Escaping::raw);
    return {std::move(out), static_cast<unsigned>(hidden)};
  }

  // One text for each NUL-terminated piece.
  [[nodiscard]] std::vector<MaskedText> draw_arguments() const {
    std::vector<MaskedText> out;
    for (std::size_t begin = 0; begin < text_.size();) {
      const auto end = std::min(text_.find('\0', begin), text_.size());
      out.push_back(draw(begin, end));
      begin = end + 1;
    }
    return out;
  }

  static MaskedText joined(const std::vector<MaskedText>& arguments) {
    MaskedText line;
    for (const auto& argument : arguments) {
      if (!line.text_.empty()) line.text_ += ' ';
      line.text_ += argument.text_;
      line.hidden_ += argument.hidden_;
    }
    return line;
  }

 private:
  std::string_view text_;
  std::vector<Span> secrets_;
};

MaskedText mask(std::string_view raw) { return Masker(raw).draw(0, raw.size()); }

MaskedText restore_masked(std::string stored, unsigned hidden) {
  // The store may have been written by somebody else: what a terminal acts on does not come back from it.
  std::string out;
  append_escaped(out, stored, Escaping::stored);
  return {std::move(out), hidden};
}

MaskedAccess mask(const Access& access, const Process& process, const std::vector<BoundFile>& bound,
                  std::vector<std::string> warnings) {
  MaskedAccess out;
  out.operation = operation_text(access.fixed.identity);
  out.object = mask(object_text(access));
  std::string line;
  for (const auto& argument : access.argv) line.append(argument).push_back('\0');
  out.argv = Masker(line).draw_arguments();
  for (const auto& variable : access.environment) out.environment.push_back(mask(variable));
  out.executable = mask(process.executable);
  out.directory = mask(process.directory);
  for (const auto& ancestor : process.ancestors)
    out.ancestors.emplace_back(ancestor.pid, Masker::joined(Masker(ancestor.command).draw_arguments()));
  for (const auto& file : bound)
    out.bound.push_back({mask(file.path), file.sha256, file.size, mask(file.first_lines)});
  out.warnings = std::move(warnings);
  return out;
}

}  // namespace holdpoint::event
