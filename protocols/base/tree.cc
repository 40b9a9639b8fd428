// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/tree.h"

#include <charconv>

namespace peerscope {

PathStep first_step(std::string_view path) {
  PathStep step;
  std::size_t i = 0;
  int brackets = 0;
  while (i < path.size() && (brackets > 0 || path[i] != '.')) {
    if (path[i] == '[') ++brackets;
    if (path[i] == ']') --brackets;
    ++i;
  }
  std::string_view head = path.substr(0, i);
  step.rest = i < path.size() ? path.substr(i + 1) : std::string_view{};
  const std::size_t open = head.find('[');
  step.name = head.substr(0, open);
  if (open != std::string_view::npos) {
    const std::size_t close = head.rfind(']');
    step.selector = head.substr(
        open + 1, close == std::string_view::npos || close <= open ? std::string_view::npos : close - open - 1);
    step.has_selector = true;
  }
  return step;
}

const Tree* Tree::find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name == key) return &value;
  }
  return nullptr;
}

Tree* Tree::find(std::string_view key) {
  return const_cast<Tree*>(static_cast<const Tree*>(this)->find(key));
}

Tree Tree::text(std::string value) {
  Tree tree;
  tree.kind = Kind::kScalar;
  tree.scalar = std::move(value);
  return tree;
}

Tree& Tree::at_path(std::string_view path) {
  Tree* at = this;
  while (!path.empty()) {
    const PathStep step = first_step(path);
    if (at->kind == Kind::kNull) at->kind = Kind::kMap;
    Tree* next = at->find(step.name);
    if (next == nullptr) next = &at->members.emplace_back(std::string(step.name), Tree{}).second;
    if (step.has_selector) {
      std::size_t index = 0;
      std::from_chars(step.selector.data(), step.selector.data() + step.selector.size(), index);
      if (next->kind == Kind::kNull) next->kind = Kind::kList;
      constexpr std::size_t kMostElements = 100000;  // a typing error must not eat the memory
      if (index < kMostElements && next->items.size() <= index) next->items.resize(index + 1);
      if (index < next->items.size()) next = &next->items[index];
    }
    at = next;
    path = step.rest;
  }
  return *at;
}

}  // namespace peerscope
