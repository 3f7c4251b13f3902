// SPDX-License-Identifier: Apache-2.0
#include "policy/yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>

#include <string_view>
#include <unordered_map>

#include "policy/text.hpp"

namespace holdpoint::policy {
namespace {

// Owner of one libyaml event.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&raw); }
  yaml_event_t raw{};
};

std::string_view view(const yaml_char_t* text) { return reinterpret_cast<const char*>(text); }

class Reader {
 public:
  Reader(const SourceText& source, std::uint32_t file, Diagnostics& out)
      : source_(source), file_(file), out_(out) {
    ready_ = yaml_parser_initialize(&parser_) != 0;
    if (!ready_) return;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const yaml_char_t*>(source.text.data()),
                                 source.text.size());
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (ready_) yaml_parser_delete(&parser_);
  }

  std::optional<Node> read();

 private:
  // False: syntax error, reported. Nothing more can be read then.
  bool next(Event& event);
  bool build(const Event& event, Node& node, unsigned depth);
  bool build_sequence(Node& node, unsigned depth);
  bool build_mapping(Node& node, unsigned depth);
  void build_scalar(const yaml_event_t& event, Node& node);
  void refuse_properties(const yaml_char_t* anchor, const yaml_char_t* tag, Place place);
  [[nodiscard]] Place place(const yaml_mark_t& mark) const {
    return {file_, static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
  }

  const SourceText& source_;
  std::uint32_t file_;
  Diagnostics& out_;
  yaml_parser_t parser_{};
  bool ready_ = false;
};

bool Reader::next(Event& event) {
  if (ready_ && yaml_parser_parse(&parser_, &event.raw) != 0) return true;
  const char* problem = ready_ && parser_.problem != nullptr ? parser_.problem : "out of memory";
  std::string message = fmt::format("not readable as YAML: {}", problem);
  if (ready_ && parser_.context != nullptr) message += fmt::format(" ({})", parser_.context);
  Place at = place(parser_.problem_mark);
  if (ready_ && parser_.error == YAML_READER_ERROR)
    at = {file_, 1, 1};  // the reader has no marks, only offsets
  out_.error(at, std::move(message), "check indentation, quotes and brackets before this place");
  return false;
}

void Reader::refuse_properties(const yaml_char_t* anchor, const yaml_char_t* tag, Place at) {
  if (anchor != nullptr) {
    out_.error(at, fmt::format("anchor '&{}' is not allowed", view(anchor)),
               "write the value out where it is used");
  }
  if (tag != nullptr) {
    out_.error(at, fmt::format("tag '{}' is not allowed", view(tag)),
               "remove it; the language needs no types");
  }
}

void Reader::build_scalar(const yaml_event_t& event, Node& node) {
  const auto& scalar = event.data.scalar;
  node.kind = Node::Kind::scalar;
  node.value.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
  node.quoted =
      scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE || scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
  // Marks count characters. If the scalar covers as many on one line as its value has, nothing was escaped or
  // folded.
  const std::size_t covered = event.end_mark.index - event.start_mark.index;
  node.exact = event.start_mark.line == event.end_mark.line && scalar.style != YAML_LITERAL_SCALAR_STYLE &&
               scalar.style != YAML_FOLDED_SCALAR_STYLE && scalar.tag == nullptr &&
               scalar.anchor == nullptr && covered == count_characters(node.value) + (node.quoted ? 2 : 0);
}

bool Reader::build_sequence(Node& node, unsigned depth) {
  node.kind = Node::Kind::sequence;
  while (true) {
    Event event;
    if (!next(event)) return false;
    if (event.raw.type == YAML_SEQUENCE_END_EVENT) return true;
    if (!build(event, node.items.emplace_back(), depth)) return false;
  }
}

bool Reader::build_mapping(Node& node, unsigned depth) {
  node.kind = Node::Kind::mapping;
  std::unordered_map<std::string, Place> seen;
  while (true) {
    Entry entry;
    {
      Event event;
      if (!next(event)) return false;
      if (event.raw.type == YAML_MAPPING_END_EVENT) return true;
      if (!build(event, entry.key, depth)) return false;
    }
    Event event;
    if (!next(event) || !build(event, entry.value, depth)) return false;
    if (entry.key.kind != Node::Kind::scalar) {
      if (entry.key.kind != Node::Kind::refused) out_.error(entry.key.place, "a key must be a plain word");
      continue;
    }
    const auto [first, fresh] = seen.emplace(entry.key.value, entry.key.place);
    if (!fresh) {
      out_.error(entry.key.place,
                 fmt::format("key '{}' is given twice; the first is at {}", entry.key.value,
                             out_.name(first->second)),
                 "keep one of the two");
      continue;
    }
    node.entries.push_back(std::move(entry));
  }
}

bool Reader::build(const Event& event, Node& node, unsigned depth) {
  node.place = place(event.raw.start_mark);
  if (depth > kMaxDepth) {
    out_.error(node.place, fmt::format("nested deeper than {} levels", kMaxDepth));
    return false;
  }
  switch (event.raw.type) {
    case YAML_SCALAR_EVENT:
      refuse_properties(event.raw.data.scalar.anchor, event.raw.data.scalar.tag, node.place);
      build_scalar(event.raw, node);
      return true;
    case YAML_SEQUENCE_START_EVENT:
      refuse_properties(event.raw.data.sequence_start.anchor, event.raw.data.sequence_start.tag, node.place);
      return build_sequence(node, depth + 1);
    case YAML_MAPPING_START_EVENT:
      refuse_properties(event.raw.data.mapping_start.anchor, event.raw.data.mapping_start.tag, node.place);
      return build_mapping(node, depth + 1);
    case YAML_ALIAS_EVENT:
      out_.error(node.place, fmt::format("alias '*{}' is not allowed", view(event.raw.data.alias.anchor)),
                 "a pattern that begins with '*' needs quotes; otherwise write the value out");
      return true;
    default: out_.error(node.place, "a value is missing here"); return false;
  }
}

std::optional<Node> Reader::read() {
  Node root;
  unsigned documents = 0;
  while (true) {
    Event event;
    if (!next(event)) return std::nullopt;
    if (event.raw.type == YAML_STREAM_END_EVENT) break;
    if (event.raw.type == YAML_STREAM_START_EVENT || event.raw.type == YAML_DOCUMENT_END_EVENT) continue;
    if (event.raw.type == YAML_DOCUMENT_START_EVENT) {
      if (++documents == 1) continue;
      out_.error(place(event.raw.start_mark), "a second document is not allowed",
                 "use one file for each document");
      return std::nullopt;
    }
    if (!build(event, root, 1)) return std::nullopt;
  }
  if (documents == 0) {
    out_.error({file_, 1, 1}, "the file is empty", "a policy file begins with 'version: 1'");
    return std::nullopt;
  }
  return root;
}

}  // namespace

std::optional<Node> read_yaml(const SourceText& source, std::uint32_t file, Diagnostics& out) {
  const std::string_view text = source.text;
  if (text.size() > kMaxFileBytes) {
    out.error({file, 1, 1},
              fmt::format("the file has {} bytes; at most {} are read", text.size(), kMaxFileBytes),
              "split it into numbered files");
    return std::nullopt;
  }
  if (text.starts_with("\xef\xbb\xbf")) {
    out.error({file, 1, 1}, "the file begins with a byte order mark", "save it as UTF-8 without one");
    return std::nullopt;
  }
  if (const auto bad = invalid_utf8(text)) {
    const std::string_view before = text.substr(0, *bad);
    const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    const auto line = 1 + static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n'));
    const auto column = 1 + static_cast<std::uint32_t>(count_characters(before.substr(line_start)));
    out.error({file, line, column},
              fmt::format("byte 0x{:02x} is not UTF-8", static_cast<unsigned char>(text[*bad])),
              "save the file as UTF-8");
    return std::nullopt;
  }
  return Reader(source, file, out).read();
}

Place place_inside(const Node& scalar, std::size_t offset) {
  Place place = scalar.place;
  if (scalar.exact) {
    const auto characters = count_characters(std::string_view(scalar.value).substr(0, offset));
    place.column += static_cast<std::uint32_t>(characters + (scalar.quoted ? 1 : 0));
  }
  return place;
}

}  // namespace holdpoint::policy
