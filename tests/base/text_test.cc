// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/text.h"

#include <gtest/gtest.h>

namespace peerscope {
namespace {

TEST(Shortened, ShortTextsStayAsTheyAre) {
  EXPECT_EQ(shortened("", 3), "");
  EXPECT_EQ(shortened("abc", 3), "abc");
}

TEST(Shortened, TellsHowMuchIsMissing) {
  EXPECT_EQ(shortened("abcd", 3), "abc... (1 more bytes)");
}

TEST(Shortened, CutsBetweenCharacters) {
  EXPECT_EQ(shortened("a\xe2\x82\xac"
                      "b",
                      3),
            "a... (4 more bytes)");
  EXPECT_EQ(shortened("a\xe2\x82\xac"
                      "b",
                      4),
            "a\xe2\x82\xac... (1 more bytes)");
}

TEST(Shortened, WhatIsNoUtf8IsCutAnyway) {
  EXPECT_EQ(shortened(std::string(10, '\x80'), 8).substr(0, 4), std::string(4, '\x80'));
}

}  // namespace
}  // namespace peerscope
