// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/security/text.h"

#include <gtest/gtest.h>

namespace peerscope::reload::text {
namespace {

using namespace std::string_literals;

TEST(ReloadText, HexBothWays) {
  EXPECT_EQ(to_hex("\x00\xff\x1a"s), "00ff1a");
  EXPECT_EQ(from_hex("00fF1A"), "\x00\xff\x1a"s);
  EXPECT_EQ(from_hex(""), "");
  for (const char* bad : {"0", "0g", "0x", " 00", "00 "}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(ReloadText, Base64OfRfc4648) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(to_base64(plain), coded);
    EXPECT_EQ(from_base64(coded), plain);
  }
  EXPECT_EQ(from_base64("  Zm9v\n\tYg = = "), "foob") << "white space as in XML Schema";
}

TEST(ReloadText, DamagedBase64IsRefused) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=", "Zg==Zg==", "Zm9v=", "Zm-v", "Zm9v!", "===="})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

TEST(ReloadText, TimesOfRfc3339) {
  EXPECT_EQ(parse_time("2002-10-10T07:00:00Z")->seconds, 1034233200);
  EXPECT_TRUE(parse_time("2002-10-10T07:00:00Z")->utc);
  EXPECT_EQ(parse_time("2002-10-10T07:00:00.123456789z")->seconds, 1034233200);
  EXPECT_EQ(parse_time("2002-10-10T09:00:00+02:00")->seconds, 1034233200);
  EXPECT_FALSE(parse_time("2002-10-10T09:00:00+02:00")->utc);
  EXPECT_TRUE(parse_time("2002-10-10T09:00:00-00:00")->utc);
  EXPECT_TRUE(parse_time("1990-12-31T23:59:60Z")) << "a leap second";
  for (const char* bad :
       {"", "2002-10-10", "2002-10-10T07:00:00", "2002-13-10T07:00:00Z", "2002-02-30T07:00:00Z", "2002-10-10T24:00:00Z",
        "2002-10-10T07:60:00Z", "2002-10-10T07:00:00.Z", "2002-10-10T07:00:00Zx", "+002-10-10T07:00:00Z",
        "2002-10-10T07:00:00+24:00", "2002-10-10T07:00:61Z", "2002-1-1T07:00:00Z"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(ReloadText, TimesAreWrittenInUtc) {
  EXPECT_EQ(format_time(1034233200), "2002-10-10T07:00:00Z");
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(format_time(INT64_MAX), "9999-12-31T23:59:59Z");
  EXPECT_EQ(format_time(INT64_MIN), "0000-01-01T00:00:00Z");
  EXPECT_EQ(parse_time(format_time(1700000000))->seconds, 1700000000);
}

}  // namespace
}  // namespace peerscope::reload::text
