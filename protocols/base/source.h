// SPDX-License-Identifier: GPL-2.0-or-later
// Where a requirement stands, for people. Rows give a section of their protocol's first document, or name another one:
// "3.2.1", "RFC 8895, 5.3", "RFC 9110".
#pragma once

#include <string>
#include <string_view>

#include "protocols/base/protocol.h"

namespace peerscope {

struct Source {
  std::string_view document;
  std::string_view section;  // may be empty
};
Source source_of(const Protocol& protocol, const Requirement& row);
// "RFC 8895, section 5.3", or the document alone.
std::string source_text(const Protocol& protocol, const Requirement& row);
// Of a row of any protocol's table.
std::string source_text_of(const Requirement& row);

}  // namespace peerscope
