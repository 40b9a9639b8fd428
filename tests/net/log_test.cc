// SPDX-License-Identifier: GPL-2.0-or-later
// Form of log lines.
#include "reference-impl/net/log.h"

#include <gtest/gtest.h>

namespace peerscope::net {
namespace {

TEST(Log, TextLinesStayOneLine) {
  EXPECT_EQ(format_log_line(LogFormat::kText, "T", LogLevel::kWarning, "tracker", "peer left\nerror forged",
                            {{"peer", "127.0.0.1:1"}, {"why", "gone \"now\""}, {"count", 3}, {"tls", true}}),
            "T warning tracker: peer left\\x0aerror forged peer=127.0.0.1:1 why=\"gone \\\"now\\\"\" count=3 tls=true");
}

TEST(Log, JsonLinesAreObjects) {
  EXPECT_EQ(
      format_log_line(LogFormat::kJson, "T", LogLevel::kInfo, "net", "a \"b\"\n\xff",
                      {{"n", 7}, {"ok", false}, {"s", "x"}}),
      R"({"time":"T","level":"info","component":"net","message":"a \"b\"\u000a\u00ff","n":7,"ok":false,"s":"x"})");
}

TEST(Log, NamesOfLevelsAndFormats) {
  EXPECT_EQ(*parse_log_level("warning"), LogLevel::kWarning);
  EXPECT_EQ(*parse_log_format("json"), LogFormat::kJson);
  EXPECT_NE(parse_log_level("loud").error().message.find("'loud'"), std::string::npos);
  EXPECT_FALSE(parse_log_format("xml"));
}

TEST(Log, WritesToStandardErrorFromTheLevelOn) {
  ::testing::internal::CaptureStderr();
  log_debug("net", "hidden");
  log_info("net", "shown");
  set_up_log(LogLevel::kError, LogFormat::kJson);
  log_info("net", "hidden");
  log_error("net", "also {shown}");
  set_up_log(LogLevel::kInfo, LogFormat::kText);
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_NE(text.find(" info net: shown\n"), std::string::npos);
  EXPECT_NE(text.find("\"message\":\"also {shown}\"}\n"), std::string::npos);
}

}  // namespace
}  // namespace peerscope::net
