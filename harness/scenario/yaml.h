// SPDX-License-Identifier: GPL-2.0-or-later
// Strict YAML: one document; repeated keys, anchors, aliases and tags are refused; every scalar stays text (`no` and
// `00` mean themselves) until the field catalogue gives it a type.
#pragma once

#include <string>
#include <string_view>

#include "protocols/base/tree.h"

namespace peerscope::harness {

struct YamlResult {
  Tree tree;
  std::string error;  // "file.yaml:12:3: ..."; empty when well
};

// `name` is the file's name for messages.
YamlResult parse_yaml(std::string_view text, std::string_view name);
YamlResult load_yaml(const std::string& path);

// The text that parse_yaml reads back as this tree: maps and lists of maps in block form, the innermost ones in one
// line.
std::string yaml_text(const Tree& tree);

}  // namespace peerscope::harness
