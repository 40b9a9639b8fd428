// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "protocols/base/exported.h"

namespace peerscope::test {
namespace {

using Security = Transport::Security;

TEST(Exported, CarriageIsReadAsItWasWritten) {
  for (const int version : {11, 20}) {
    for (const Security security : {Security::kUnknown, Security::kClear, Security::kTls}) {
      for (const std::uint32_t stream : {0U, 1U, 4'000'000'000U}) {
        Transport transport;
        transport.http_version = version;
        transport.security = security;
        transport.stream = stream;
        transport.part = stream == 0 ? 0 : 4'294'967'295U;
        Transport read;
        read.http_version = 11;
        read_carriage(carriage_text(transport).data(), read);
        EXPECT_EQ(read.http_version, version);
        EXPECT_EQ(read.security, security);
        EXPECT_EQ(read.stream, transport.stream);
        EXPECT_EQ(read.part, transport.part);
      }
    }
  }
}

TEST(Exported, WhatIsNoCarriageSaysNothing) {
  for (const char* text : {"", "h", "tls", "; body", "; body x part 1", "; body 1 part", "; body 99999999999 part 1"}) {
    Transport read;
    read_carriage(text, read);
    EXPECT_EQ(read.stream, 0U) << text;
    EXPECT_EQ(read.security, Security::kUnknown) << text;
  }
}

TEST(Exported, PartsOfARecordAreReadAsTheyWereWritten) {
  const ExportedText text = record_part_text({"HTTPS", 2, 4'294'967'295U});
  EXPECT_STREQ(text.data(), "HTTPS part 2/4294967295");
  const auto part = read_record_part(text.data());
  ASSERT_TRUE(part);
  EXPECT_EQ(part->column, "HTTPS");
  EXPECT_EQ(part->number, 2U);
  EXPECT_EQ(part->count, 4'294'967'295U);
  EXPECT_FALSE(read_record_part("HTTPS"));
  EXPECT_EQ(read_record_part("HTTPS part x")->number, 0U);
}

}  // namespace
}  // namespace peerscope::test
