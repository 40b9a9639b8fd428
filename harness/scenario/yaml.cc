// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/scenario/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/emitter.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace peerscope::harness {
namespace {

constexpr std::size_t kDeepest = 50;

struct Refused {
  YAML::Mark mark;
  std::string why;
};

class Builder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    scalar(mark, "", anchor, "", Tree::Kind::kNull);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{mark, "aliases (*name) are not allowed: write the value out"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool plain_empty = tag == "?" && (value.empty() || value == "~");
    scalar(mark, tag, anchor, value, plain_empty ? Tree::Kind::kNull : Tree::Kind::kScalar);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Tree::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Tree::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

  Tree take() { return std::move(root_); }

 private:
  struct Level {
    Tree tree;
    std::string key;
    bool has_key = false;
  };

  static void refuse_extras(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) throw Refused{mark, "anchors (&name) are not allowed: write the value out"};
    if (!tag.empty() && tag != "?" && tag != "!") throw Refused{mark, fmt::format("tags ({}) are not allowed", tag)};
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Tree::Kind kind) {
    refuse_extras(mark, tag, anchor);
    if (levels_.size() >= kDeepest) throw Refused{mark, "nested too deep"};
    if (!levels_.empty() && levels_.back().tree.is_map() && !levels_.back().has_key)
      throw Refused{mark, "a key must be a plain text"};
    Level level;
    level.tree.kind = kind;
    level.tree.line = mark.line + 1;
    level.tree.column = mark.column + 1;
    levels_.push_back(std::move(level));
  }

  void close() {
    Tree tree = std::move(levels_.back().tree);
    levels_.pop_back();
    put(std::move(tree));
  }

  void scalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value,
              Tree::Kind kind) {
    refuse_extras(mark, tag, anchor);
    if (!levels_.empty() && levels_.back().tree.is_map() && !levels_.back().has_key) {
      Level& level = levels_.back();
      if (level.tree.find(value) != nullptr) throw Refused{mark, fmt::format("key '{}' appears twice", value)};
      level.key = value;
      level.has_key = true;
      return;
    }
    Tree tree;
    tree.kind = kind;
    tree.scalar = value;
    tree.line = mark.line + 1;
    tree.column = mark.column + 1;
    put(std::move(tree));
  }

  void put(Tree tree) {
    if (levels_.empty()) {
      root_ = std::move(tree);
    } else if (levels_.back().tree.is_list()) {
      levels_.back().tree.items.push_back(std::move(tree));
    } else {
      levels_.back().tree.members.emplace_back(std::move(levels_.back().key), std::move(tree));
      levels_.back().has_key = false;
    }
  }

  std::vector<Level> levels_;
  Tree root_;
};

}  // namespace

YamlResult parse_yaml(std::string_view text, std::string_view name) {
  YamlResult result;
  const auto fail = [&](const YAML::Mark& mark, std::string_view why) {
    result.error = fmt::format("{}:{}:{}: {}", name, mark.line + 1, mark.column + 1, why);
    return result;
  };
  std::istringstream in{std::string(text)};
  try {
    YAML::Parser parser(in);
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return fail(YAML::Mark{}, "the file is empty");
    result.tree = builder.take();
    Builder second;
    if (parser.HandleNextDocument(second)) return fail(YAML::Mark{}, "more than one document in the file");
  } catch (const Refused& refused) {
    return fail(refused.mark, refused.why);
  } catch (const YAML::Exception& error) {
    return fail(error.mark, error.msg);
  }
  return result;
}

YamlResult load_yaml(const std::string& path) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) return {{}, fmt::format("{}: is a folder, not a file", path)};
  std::ifstream in(path, std::ios::binary);
  if (!in) return {{}, fmt::format("{}: cannot be read", path)};
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) return {{}, fmt::format("{}: cannot be read", path)};
  return parse_yaml(text.str(), path);
}

namespace {

bool is_flat(const Tree& tree) {
  constexpr std::size_t kMostInLine = 8;
  if (tree.items.size() + tree.members.size() > kMostInLine) return false;
  const auto scalar = [](const Tree& one) { return !one.is_map() && !one.is_list(); };
  return std::all_of(tree.items.begin(), tree.items.end(), scalar) &&
         std::all_of(tree.members.begin(), tree.members.end(),
                     [&](const TreeMember& one) { return scalar(one.second); });
}

void emit(YAML::Emitter& out, const Tree& tree) {
  if (tree.is_map()) {
    out << (is_flat(tree) ? YAML::Flow : YAML::Block) << YAML::BeginMap;
    for (const auto& [key, value] : tree.members) {
      out << YAML::Key << key << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (tree.is_list()) {
    out << (is_flat(tree) ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
    for (const Tree& item : tree.items) emit(out, item);
    out << YAML::EndSeq;
  } else if (tree.kind == Tree::Kind::kNull) {
    out << YAML::Null;
  } else {
    out << tree.scalar;
  }
}

}  // namespace

std::string yaml_text(const Tree& tree) {
  YAML::Emitter out;
  // The outermost map is a file: one key a line.
  out << YAML::Block << YAML::BeginMap;
  for (const auto& [key, value] : tree.members) {
    out << YAML::Key << key << YAML::Value;
    emit(out, value);
  }
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace peerscope::harness
