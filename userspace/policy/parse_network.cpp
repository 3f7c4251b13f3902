// SPDX-License-Identifier: Apache-2.0
#include "policy/parse_network.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace holdpoint::policy {
namespace {

constexpr std::string_view kAddressKeys[] = {"cidr", "port", "protocol"};
constexpr Choice kProtocols[] = {{"tcp", static_cast<int>(Protocol::tcp)},
                                 {"udp", static_cast<int>(Protocol::udp)},
                                 {"any", static_cast<int>(Protocol::any)}};

// True if a bit after the prefix was set; clears them.
bool clear_host_bits(Cidr& cidr) {
  bool found = false;
  for (unsigned bit = cidr.prefix; bit < 128; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    found = found || (cidr.address[bit / 8] & mask) != 0;
    cidr.address[bit / 8] &= static_cast<std::uint8_t>(~mask);
  }
  return found;
}

std::string network_text(const Cidr& cidr, bool four) {
  char text[INET6_ADDRSTRLEN] = {};
  if (four) {
    ::inet_ntop(AF_INET, cidr.address.data() + 12, text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, cidr.address.data(), text, sizeof text);
  }
  return fmt::format("{}/{}", text, four ? cidr.prefix - 96 : cidr.prefix);
}

std::optional<Cidr> read_cidr(const Node& node, Diagnostics& out) {
  const std::string_view text = node.value;
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  Cidr cidr;
  in_addr four{};
  const bool is_four = ::inet_pton(AF_INET, address.c_str(), &four) == 1;
  if (is_four) {
    cidr.address[10] = cidr.address[11] = 0xff;
    std::memcpy(cidr.address.data() + 12, &four, sizeof four);
  }
  const bool is_six = !is_four && ::inet_pton(AF_INET6, address.c_str(), cidr.address.data()) == 1;
  const unsigned max = is_four ? 32 : 128;
  const auto bits =
      slash == std::string_view::npos ? std::optional(max) : read_number(text.substr(slash + 1), max);
  if (node.kind != Node::Kind::scalar || (!is_four && !is_six) || !bits ||
      address.find('\0') != std::string::npos) {
    if (node.kind != Node::Kind::refused) {
      out.error(node.place, "cidr: expected an address with or without prefix length",
                "such as 10.0.0.0/8, 192.0.2.7 or fd00::/8; names are not possible here");
    }
    return std::nullopt;
  }
  cidr.prefix = *bits + (is_four ? 96 : 0);
  if (clear_host_bits(cidr)) {
    out.error(node.place, fmt::format("cidr: {} has bits after the prefix", text),
              fmt::format("the network is {}", network_text(cidr, is_four)));
    return std::nullopt;
  }
  return cidr;
}

std::optional<PortRange> read_port(const Node& node, Diagnostics& out) {
  if (node.kind == Node::Kind::refused) return std::nullopt;
  const std::string_view text = node.value;
  const std::size_t dash = text.find('-');
  const auto first = read_number(text.substr(0, dash), 65535);
  const auto last = dash == std::string_view::npos ? first : read_number(text.substr(dash + 1), 65535);
  if (node.kind != Node::Kind::scalar || !first || !last || *first == 0) {
    out.error(node.place, "port: expected a port or a range",
              "5432, or 8000-8999, or a list of them; 1 to 65535");
    return std::nullopt;
  }
  if (*last < *first) {
    out.error(node.place, fmt::format("port: range {} is reversed", text),
              fmt::format("{}-{}", *last, *first));
    return std::nullopt;
  }
  return PortRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

Destination read_destination(const Node& node, Diagnostics& out) {
  Destination destination;
  destination.place = node.place;
  const Fields fields(node, "to", kAddressKeys, out);
  if (!fields.valid()) return destination;
  if (node.entries.empty())
    out.error(node.place, "to: the entry says nothing", "give cidr, port or protocol");
  if (const Node* cidr = fields.find("cidr")) {
    if (const auto value = read_cidr(*cidr, out)) {
      destination.cidr = *value;
      destination.text = cidr->value;
    }
  }
  if (const Node* port = fields.find("port")) {
    for (const Node* item : read_list(*port, "port", out)) {
      if (const auto range = read_port(*item, out)) destination.ports.push_back(*range);
    }
  }
  if (const Node* protocol = fields.find("protocol")) {
    if (const auto value = read_choice(*protocol, "protocol", kProtocols, out)) {
      destination.protocol = static_cast<Protocol>(*value);
    }
  }
  return destination;
}

}  // namespace

std::vector<Destination> read_destinations(const Node& node, Diagnostics& out) {
  std::vector<Destination> destinations;
  if (node.kind == Node::Kind::mapping) {
    destinations.push_back(read_destination(node, out));
  } else if (node.kind == Node::Kind::sequence) {
    if (node.items.empty()) out.error(node.place, "to: the list is empty", "remove the key instead");
    for (const Node& item : node.items) {
      if (out.full()) break;
      destinations.push_back(read_destination(item, out));
    }
  } else if (node.kind == Node::Kind::scalar) {
    out.error(node.place, "to: expected a list of destinations",
              "- {cidr: 10.0.0.0/8, port: 5432, protocol: tcp}");
  }
  return destinations;
}

}  // namespace holdpoint::policy
