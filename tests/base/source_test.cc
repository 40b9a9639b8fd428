// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/source.h"

#include <gtest/gtest.h>

namespace peerscope {
namespace {

TEST(Source, TakesTheDocumentThatTheRowNames) {
  Protocol protocol;
  protocol.document = "RFC 7285";
  Requirement row{};
  for (const auto& [section, text] : {std::pair{"11.3.2", "RFC 7285, section 11.3.2"},
                                      {"RFC 9569, 6.2", "RFC 9569, section 6.2"},
                                      {"RFC 9110", "RFC 9110"},
                                      {"", "RFC 7285"}}) {
    row.section = section;
    EXPECT_EQ(source_text(protocol, row), text);
  }
  row.section = nullptr;
  EXPECT_EQ(source_text(protocol, row), "RFC 7285");
}

TEST(Source, NoRowNamesTwoDocuments) {
  for (const Protocol* protocol : protocols()) {
    for (const Requirement& row : protocol->requirements) {
      const Source source = source_of(*protocol, row);
      EXPECT_EQ(source.document.find("RFC RFC"), std::string_view::npos) << row.id;
      EXPECT_EQ(source.section.find("RFC RFC"), std::string_view::npos) << row.id;
    }
  }
}

}  // namespace
}  // namespace peerscope
