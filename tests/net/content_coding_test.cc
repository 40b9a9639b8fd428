// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/net/content_coding.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace peerscope::net {
namespace {

constexpr std::size_t kLimit = 1 << 20;

std::string zlib_form(std::string_view text) {
  std::string out(compressBound(text.size()), '\0');
  uLongf size = out.size();
  EXPECT_EQ(
      compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()), text.size()),
      Z_OK);
  out.resize(size);
  return out;
}

TEST(ContentCoding, GzipAndBothFormsOfDeflate) {
  const std::string text = "{\"PPSPTrackerProtocol\":{}}";
  const auto packed = gzip(text);
  ASSERT_TRUE(packed);
  EXPECT_EQ(*decode_content("gzip", *packed, kLimit), text);
  EXPECT_EQ(*decode_content("X-GZIP", *packed, kLimit), text);
  const std::string zlib = zlib_form(text);
  EXPECT_EQ(*decode_content("deflate", zlib, kLimit), text);
  constexpr std::size_t kHeader = 2;
  constexpr std::size_t kChecksum = 4;
  EXPECT_EQ(*decode_content("deflate", zlib.substr(kHeader, zlib.size() - kHeader - kChecksum), kLimit), text);
  EXPECT_EQ(*decode_content("identity", text, kLimit), text);
  EXPECT_EQ(*decode_content("", text, kLimit), text);
}

TEST(ContentCoding, SeveralAreTakenOffFromTheLast) {
  const auto packed = gzip(zlib_form("text"));
  ASSERT_TRUE(packed);
  EXPECT_EQ(*decode_content("deflate, gzip", *packed, kLimit), "text");
  EXPECT_FALSE(decode_content("gzip, deflate", *packed, kLimit));
  EXPECT_FALSE(decode_content("gzip,gzip,gzip,gzip,gzip", *packed, kLimit));
}

TEST(ContentCoding, AnUnknownOneIsNamed) {
  const auto out = decode_content("br", "x", kLimit);
  ASSERT_FALSE(out);
  EXPECT_NE(out.error().message.find("coding br"), std::string::npos);
}

TEST(ContentCoding, BrokenAndCutDataIsMalformed) {
  const auto packed = gzip(std::string(1000, 'x'));
  ASSERT_TRUE(packed);
  for (std::size_t size = 0; size < packed->size(); ++size) {
    const auto out = decode_content("gzip", std::string_view(*packed).substr(0, size), kLimit);
    ASSERT_FALSE(out) << size;
    EXPECT_EQ(out.error().kind, ErrorKind::kMalformed) << size;
  }
}

TEST(ContentCoding, ABombIsStoppedAtTheLimit) {
  const auto packed = gzip(std::string(50 << 20, '0'));
  ASSERT_TRUE(packed);
  const auto out = decode_content("gzip", *packed, kLimit);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().kind, ErrorKind::kTooLarge);
}

}  // namespace
}  // namespace peerscope::net
