// SPDX-License-Identifier: GPL-2.0-or-later
// The stored captures, dissected in process.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/dissect/host/epan_host.h"

namespace peerscope::test {
namespace {

const std::filesystem::path kCaptures = std::filesystem::path(PEERSCOPE_SOURCE_DIR) / "captures";

// A capture without expectations is still a test.
TEST(Captures, AllDissectWithoutMalformedFrames) {
  int seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kCaptures)) {
    const auto extension = entry.path().extension();
    if (extension != ".pcapng" && extension != ".pcap") continue;
    // One of the RFCs' examples is no JSON at all; AltoCaptures says which.
    if (entry.path().parent_path().filename() == "rfc_defects") continue;
    ++seen;
    int frame_number = 0;
    for (const Dissected& frame : dissect_file(entry.path())) {
      ++frame_number;
      EXPECT_FALSE(frame.malformed()) << entry.path() << " frame " << frame_number;
      EXPECT_FALSE(frame.dissector_bug()) << entry.path() << " frame " << frame_number;
    }
  }
  EXPECT_GT(seen, 0);
}

TEST(Captures, PpstpOverHttp2AndTls) {
  std::vector<Export> exports;
  const auto out =
      dissect_file(kCaptures / "ppstp/http2_tls/flow.pcapng",
                   {.tree = true, .filter = {}, .two_passes = true, .preferences = {}, .exports = &exports});
  ASSERT_EQ(out.size(), 48u);
  const auto frame = [&](std::size_t number) -> const Dissected& { return out[number - 1]; };
  EXPECT_EQ(frame(16).info, "CONNECT JOIN sw-a LEECH, peer peer-0001, tid t-001");
  EXPECT_EQ(frame(16).value("ppstp.response_in"), "17");
  EXPECT_EQ(frame(23).value("ppstp.response_to"), "21");
  EXPECT_EQ(frame(29).info, "OK STAT_REPORT, tid t-003");
  EXPECT_EQ(frame(42).value("ppstp.response_to"), "41");
  EXPECT_EQ(frame(43).value("ppstp.retransmission_of"), "21");
  // Over TLS there is no note about clear text.
  for (const Dissected& each : out) EXPECT_EQ(each.expert("P-HTTP-08:"), nullptr);
  // The value's bytes are those of the decrypted body.
  EXPECT_EQ(frame(16).first("ppstp.peer_id")->source, "\"peer-0001\"");

  ASSERT_EQ(exports.size(), 10u);
  EXPECT_NE(exports[0].bytes.find("\r\nPeerscope-Transport: h2; tls\r\n"), std::string::npos);
  EXPECT_TRUE(exports[6].bytes.starts_with("POST /connect HTTP/1.1\r\n"));
  EXPECT_NE(exports[6].bytes.find("\r\nPeerscope-Transport: h1; tls\r\n"), std::string::npos);
  const auto again = dissect_upper(frames_of(exports));
  for (const Dissected& each : again) {
    EXPECT_TRUE(each.has("ppstp"));
    EXPECT_EQ(each.expert("P-HTTP-08:"), nullptr);
  }
  EXPECT_EQ(again[1].value("ppstp.response_to"), "1");
}

// `peerscope check` reads captures through a tap that spares the dissector its own work.
TEST(Captures, TheHarnessGetsTheSameMessages) {
  for (const char* name : {"ppstp/http2_tls/flow.pcapng", "ppstp/session/flow.pcapng"}) {
    const auto exported = [&](const char* tap) {
      export_through(tap);
      std::vector<Export> out;
      const auto frames = dissect_file(
          kCaptures / name, {.tree = false, .filter = {}, .two_passes = false, .preferences = {}, .exports = &out});
      export_through("Peerscope");
      // Nothing but the export has run for the harness.
      bool shown = false;
      for (const Dissected& frame : frames) shown = shown || frame.protocol.find("PPSTP") != std::string::npos;
      EXPECT_EQ(shown, std::string_view(tap) == "Peerscope") << name;
      return out;
    };
    const std::vector<Export> usual = exported("Peerscope");
    const std::vector<Export> harness = exported("Peerscope messages");
    ASSERT_FALSE(usual.empty());
    ASSERT_EQ(usual.size(), harness.size()) << name;
    for (std::size_t i = 0; i < usual.size(); ++i) {
      EXPECT_EQ(usual[i].bytes, harness[i].bytes) << name << " message " << i;
      EXPECT_EQ(usual[i].tags, harness[i].tags) << name << " message " << i;
    }
  }
}

}  // namespace
}  // namespace peerscope::test
