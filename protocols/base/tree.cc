// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/tree.h"

#include <algorithm>
#include <charconv>

namespace peerscope {

PathStep first_step(std::string_view path) {
  PathStep step;
  std::size_t i = std::min(path.find_first_of(".["), path.size());
  step.name = path.substr(0, i);
  if (i < path.size() && path[i] == '[') {
    const std::size_t open = i;
    int brackets = 0;
    do {
      if (path[i] == '[') ++brackets;
      if (path[i] == ']') --brackets;
      ++i;
    } while (i < path.size() && brackets > 0);
    step.selector = path.substr(open + 1, i - open - 1 - (brackets == 0 ? 1 : 0));
    step.has_selector = true;
  }
  // A further selector belongs to the rest; a dot only stands between steps.
  if (i < path.size() && path[i] == '.') ++i;
  step.rest = path.substr(i);
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
