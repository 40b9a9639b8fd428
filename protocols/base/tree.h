// SPDX-License-Identifier: GPL-2.0-or-later
// Tree: untyped text values in maps and lists, with the place they came from. Scenario files become Trees; the field
// catalogue gives the scalars their types when a message is built from one.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peerscope {

struct TreeMember;

struct Tree {
  enum class Kind { kNull, kScalar, kList, kMap } kind = Kind::kNull;
  std::string scalar;
  std::vector<Tree> items;          // kList
  std::vector<TreeMember> members;  // kMap, in the order of the file
  int line = 0;                     // 1-based; 0 when made by code
  int column = 0;

  bool is_map() const { return kind == Kind::kMap; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  const Tree* find(std::string_view key) const;
  Tree* find(std::string_view key);
  // Sets the scalar at "a.b[1].c", making maps and list elements on the way.
  Tree& at_path(std::string_view path);

  static Tree text(std::string value);
  static Tree map();
  static Tree list();
};

struct TreeMember {
  TreeMember(std::string name, Tree value) : first(std::move(name)), second(std::move(value)) {}
  std::string first;
  Tree second;
};

inline Tree Tree::map() {
  Tree tree;
  tree.kind = Kind::kMap;
  return tree;
}

inline Tree Tree::list() {
  Tree tree;
  tree.kind = Kind::kList;
  return tree;
}

// Splits "a.b[1]" into its first step and the rest; the step's selector (between the brackets) is returned apart. A
// second selector is a step of its own: "a[x][y]" is "a[x]" and "[y]".
struct PathStep {
  std::string_view name;
  std::string_view selector;
  bool has_selector = false;
  std::string_view rest;
};
PathStep first_step(std::string_view path);

}  // namespace peerscope
