// SPDX-License-Identifier: Apache-2.0
// The only way from raw values to something that may be stored, shown, logged or sent. Channel, export, audit, API and log
// code take MaskedText or the structures below and nothing else, so that forgetting does not compile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/loggable.hpp"
#include "event/access.hpp"

namespace holdpoint::event {

class Masker;

// Text in which secrets are replaced and control characters, invalid UTF-8, invisible and bidirectional characters are
// escaped: valid UTF-8 on one line that can stand on a terminal. Whoever writes HTML or JSON still quotes it as those need.
// Made by mask() only.
class MaskedText {
 public:
  MaskedText() = default;
  [[nodiscard]] const std::string& text() const { return text_; }
  // Bytes of secrets that were replaced; 0 = shown whole.
  [[nodiscard]] unsigned hidden() const { return hidden_; }
  friend bool operator==(const MaskedText&, const MaskedText&) = default;

 private:
  friend class Masker;  // mask.cpp
  friend MaskedText restore_masked(std::string stored, unsigned hidden);
  MaskedText(std::string text, unsigned hidden) : text_(std::move(text)), hidden_(hidden) {}
  std::string text_;
  unsigned hidden_ = 0;
};

// Replaces known secret shapes (cloud keys, tokens of the usual services, private keys, passwords in URLs and flags) by
// "‹secret›" and escapes what a terminal would act on. Arguments of one command may be handed in with NUL between them.
// Time is linear in the text.
[[nodiscard]] MaskedText mask(std::string_view raw);
// For the store and the wire only: text that was masked before it was written.
[[nodiscard]] MaskedText restore_masked(std::string stored, unsigned hidden);

struct MaskedBoundFile {
  MaskedText path;
  std::string sha256;
  std::uint64_t size = 0;
  MaskedText first_lines;
};

// Everything of an access that people, records and channels may see.
struct MaskedAccess {
  std::string operation;  // operation_text
  MaskedText object;      // object_text
  std::vector<MaskedText>
      argv;  // masked as a whole line first: a secret may be split over arguments (--password X)
  std::vector<MaskedText> environment;  // variables that change what the program does
  MaskedText executable;                // the subject's
  MaskedText directory;
  std::vector<std::pair<int, MaskedText>> ancestors;
  std::vector<MaskedBoundFile> bound;
  std::vector<std::string> warnings;  // "content not bound", "argv cut", "file has no name", …: fixed texts
};
[[nodiscard]] MaskedAccess mask(const Access& access, const Process& process,
                                const std::vector<BoundFile>& bound, std::vector<std::string> warnings);

}  // namespace holdpoint::event

// Masked text may stand in the daemon's own log.
template <>
struct holdpoint::LogText<holdpoint::event::MaskedText> {
  static std::string_view text(const holdpoint::event::MaskedText& masked) { return masked.text(); }
};
