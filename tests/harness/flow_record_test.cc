// SPDX-License-Identifier: GPL-2.0-or-later
// What a report keeps of a flow: enough to see what broke, and no more however long it was.
#include "harness/report/flow_record.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "protocols/base/protocol.h"

namespace peerscope::harness {
namespace {

CapturedMessage message(std::uint64_t frame, const std::string& source, const std::string& destination) {
  CapturedMessage out;
  out.protocol = find_protocol("ppstp");
  out.message = std::make_shared<Message>();
  out.protocol->decode(R"({"PPSPTrackerProtocol":{"version":2,"request_type":"FIND","transaction_id":"t"}})",
                       *out.message);
  out.message->frame = frame;
  out.message->time_ns = static_cast<std::int64_t>(frame) * 1'000'000;
  out.message->source = source;
  out.message->destination = destination;
  return out;
}

TEST(FlowCollector, KeepsTheBeginningAndWhatStandsBeforeAFinding) {
  constexpr std::uint64_t kAll = 10000;
  constexpr std::uint64_t kBroken = 9000;
  FlowCollector collector;
  for (std::uint64_t frame = 1; frame <= kAll; ++frame)
    collector.add(message(frame, "192.0.2.1:80", "192.0.2.2:7000"), nullptr, frame == kBroken);
  const FlowRecord flow = collector.finish();
  ASSERT_EQ(flow.messages.size(), 24U);
  EXPECT_EQ(flow.left_out, kAll - 24);
  EXPECT_EQ(flow.messages[19].frame, 20U);
  EXPECT_EQ(flow.messages[20].frame, kBroken - 3);
  EXPECT_EQ(flow.messages[23].frame, kBroken);
  EXPECT_DOUBLE_EQ(flow.messages[23].at, 8.999);
  EXPECT_EQ(flow.messages[0].from, "192.0.2.1");  // addresses tell them apart
  ASSERT_EQ(flow.shown.size(), 1U);
  EXPECT_EQ(flow.shown[0].frame, kBroken);
}

TEST(FlowCollector, HasALimitHoweverMuchIsBroken) {
  FlowCollector collector;
  for (std::uint64_t frame = 1; frame <= 5000; ++frame)
    collector.add(message(frame, "127.0.0.1:80", "127.0.0.1:7000"), nullptr, true);
  const FlowRecord flow = collector.finish();
  EXPECT_EQ(flow.messages.size(), FlowRecord::kMostMessages);
  EXPECT_EQ(flow.shown.size(), FlowRecord::kMostShown);
  EXPECT_EQ(flow.messages[0].from, "127.0.0.1:80");  // here only ports do
}

TEST(ShownMessage, HasEachFieldWithItsBytes) {
  const CapturedMessage captured = message(7, "a", "b");
  const ShownMessage shown = shown_message(*captured.protocol, *captured.message, nullptr);
  EXPECT_EQ(shown.bytes, captured.message->view());
  const auto version = std::find_if(shown.fields.begin(), shown.fields.end(),
                                    [](const ShownField& field) { return field.filter == "ppstp.version"; });
  ASSERT_NE(version, shown.fields.end());
  EXPECT_EQ(version->text, "version: 2");
  EXPECT_EQ(shown.bytes.substr(version->offset, version->length), "2");
}

TEST(FlowOfEvidence, SilenceIsAtTheLastFrameBeforeIt) {
  std::string pattern = (std::filesystem::temp_directory_path() / "peerscope-flow-XXXXXX").string();
  const std::string folder = mkdtemp(pattern.data());
  Evidence evidence(folder + "/e.pcapng");
  net::ConnectionInfo connection;
  connection.local = {"127.0.0.1", 7000};
  connection.remote = {"127.0.0.1", 80};
  evidence.name(connection.local, "leech");
  evidence.add("asks", connection, true, "");        // 1
  evidence.add("answers", connection, false, "");    // 2
  evidence.add("asks again", connection, true, "");  // 3: what was expected never came
  evidence.close();
  std::vector<RuleHit> hits(3);
  hits[0].frame = 2;
  hits[1].frame = 3;  // noted before the harness went on
  hits[2].frame = 4;  // noted at the end
  const FlowRecord flow = flow_of(evidence, hits);
  EXPECT_FALSE(hits[0].missing);
  EXPECT_EQ(hits[0].frame, 2U);
  EXPECT_TRUE(hits[1].missing);
  EXPECT_EQ(hits[1].frame, 2U);
  EXPECT_TRUE(hits[2].missing);
  EXPECT_EQ(hits[2].frame, 3U);
  ASSERT_EQ(flow.messages.size(), 3U);
  EXPECT_EQ(flow.messages[0].from, "leech");
  EXPECT_EQ(flow.messages[1].from, "iut");
  EXPECT_EQ(flow.messages[0].name, "4 bytes that are no HTTP message");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace peerscope::harness
