// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/source.h"

namespace peerscope {

Source source_of(const Protocol& protocol, const Requirement& row) {
  const std::string_view text = row.section != nullptr ? row.section : "";
  if (!text.starts_with("RFC ")) return {protocol.document, text};
  const std::size_t comma = text.find(", ");
  if (comma == std::string_view::npos) return {text, {}};
  return {text.substr(0, comma), text.substr(comma + 2)};
}

std::string source_text(const Protocol& protocol, const Requirement& row) {
  const Source source = source_of(protocol, row);
  std::string out(source.document);
  if (!source.section.empty()) out.append(", section ").append(source.section);
  return out;
}

std::string source_text_of(const Requirement& row) {
  const Protocol* protocol = nullptr;
  return find_requirement(row.id, &protocol) != nullptr ? source_text(*protocol, row) : std::string(row.section);
}

}  // namespace peerscope
