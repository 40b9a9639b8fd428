// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/verdict.h"

#include <gtest/gtest.h>

namespace peerscope::harness {
namespace {

TEST(Printable, ControlCharactersCannotDriveATerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable("line 1\nline 2"), "line 1\nline 2");
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

}  // namespace
}  // namespace peerscope::harness
