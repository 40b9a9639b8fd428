// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/tree_writer.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

namespace peerscope {

void TreeWriter::fail(const Tree& tree, std::string_view name, std::string_view what) {
  if (!error_.empty()) return;
  const std::string place = tree.line > 0 ? fmt::format("line {}, column {}: ", tree.line, tree.column) : "";
  error_ = fmt::format("{}{}{}{}", place, name, name.empty() ? "" : ": ", what);
}

const Tree* TreeWriter::take(const Field& field) {
  known_.push_back(field.name);
  if (!error_.empty() || !at_->is_map()) return nullptr;
  return at_->find(field.name);
}

const Tree* TreeWriter::take_list(const Field& field) {
  const Tree* tree = take(field);
  if (tree == nullptr || tree->is_list()) return tree;
  fail(*tree, field.name, "expected a list");
  return nullptr;
}

void TreeWriter::refuse_unknown(std::size_t known_from, std::string_view name) {
  for (const auto& [key, value] : at_->members) {
    if (std::find(known_.begin() + static_cast<std::ptrdiff_t>(known_from), known_.end(), key) != known_.end())
      continue;
    std::string list;
    for (std::size_t i = known_from; i < known_.size(); ++i)
      list += (i == known_from ? "" : ", ") + std::string(known_[i]);
    return fail(value, name, fmt::format("no member '{}' is described here; known are {}", key, list));
  }
}

bool TreeWriter::read_number(const Tree& tree, const Field& field, std::uint64_t& value) {
  if (tree.is_scalar() && field.type == Type::kIpv4) {
    std::uint32_t address = 0;
    if (inet_pton(AF_INET, tree.scalar.c_str(), &address) == 1) {
      value = ntohl(address);
      return true;
    }
  }
  if (!tree.is_scalar() || !parse_number(field, tree.scalar, value)) {
    fail(tree, field.name, fmt::format("expected a whole number, found '{}'", tree.scalar));
    return false;
  }
  const std::size_t width = width_of(field.type);
  if (width < 8 && value >> (8 * width) != 0) {
    fail(tree, field.name, fmt::format("{} does not fit into {} bytes", tree.scalar, width));
    return false;
  }
  return true;
}

std::string TreeWriter::text_of(const Tree& tree, const Field& field) {
  std::string bytes;
  if (!tree.is_scalar() && tree.kind != Tree::Kind::kNull) {
    fail(tree, field.name, "expected a text");
  } else if (field.type == Type::kString) {
    bytes = tree.scalar;
  } else if (char address[16]; field.type == Type::kIpv6 && inet_pton(AF_INET6, tree.scalar.c_str(), address) == 1) {
    bytes.assign(address, sizeof address);
  } else if (!parse_hex(tree.scalar, bytes)) {
    fail(tree, field.name, fmt::format("expected bytes in hexadecimal, found '{}'", tree.scalar));
  }
  return bytes;
}

}  // namespace peerscope
