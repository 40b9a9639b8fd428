// SPDX-License-Identifier: GPL-2.0-or-later
// Judging messages as they come, and what is kept of them.
#include "harness/check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "harness/capture/annotate.h"
#include "protocols/ppstp/protocol.h"
#include "protocols/ppstp/session.h"
#include "reference-impl/net/trace.h"

namespace peerscope::harness {
namespace {

constexpr const char* kPeer = "192.0.2.1:40000";
constexpr const char* kTracker = "192.0.2.80:80";

CapturedMessage captured(const std::string& body, bool response, const std::string& server = kTracker) {
  CapturedMessage out;
  out.protocol = &ppstp::protocol();
  out.message = std::make_shared<Message>();
  out.message->direction = response ? Direction::kResponse : Direction::kRequest;
  out.message->transport.has_http = true;
  out.message->transport.status = response ? 200 : 0;
  out.message->transport.content_type = ppstp::kMediaType;
  out.message->source = response ? server : kPeer;
  out.message->destination = response ? kPeer : server;
  out.protocol->decode(body, *out.message);
  return out;
}

std::string keep_alive(const std::string& peer, const std::string& transaction, int uploaded) {
  ppstp::Request request;
  request.version = 1;
  request.request_type = "STAT_REPORT";
  request.transaction_id = transaction;
  request.peer_id = peer;
  request.stat_report.emplace().stat.push_back({});
  request.stat_report->stat.front().swarm_id = "swarm";
  request.stat_report->stat.front().uploaded_bytes = uploaded;
  return ppstp::encode(request);
}

std::size_t hits(Checker& checker, const CapturedMessage& message, std::string_view rule) {
  std::size_t n = 0;
  for (const RuleHit& hit : checker.judge(message, nullptr)) n += hit.rule->id == rule;
  return n;
}

TEST(Checker, CountsRequestsResponsesAndThoseWithoutAnswer) {
  Checker checker;
  const CapturedMessage first = captured(keep_alive("p", "t-1", 1), false);
  checker.judge(first, nullptr);
  checker.judge(captured(keep_alive("p", "t-2", 1), false), nullptr);
  ppstp::Response answer;
  answer.version = 1;
  answer.response_type = 0;
  answer.error_code = 0;
  answer.transaction_id = "t-1";
  checker.judge(captured(ppstp::encode(answer), true), first.message.get());
  EXPECT_EQ(checker.requests(), 2U);
  EXPECT_EQ(checker.responses(), 1U);
  EXPECT_EQ(checker.unanswered(), 1U);
}

TEST(Checker, RemembersTheServerOfAMessage) {
  Checker checker;
  EXPECT_EQ(hits(checker, captured(keep_alive("p", "t-1", 100), false), "P-STAT-14"), 0U);
  EXPECT_EQ(hits(checker, captured(keep_alive("p", "t-2", 50), false, "192.0.2.81:80"), "P-STAT-14"), 0U)
      << "another tracker";
  EXPECT_EQ(hits(checker, captured(keep_alive("p", "t-3", 50), false), "P-STAT-14"), 1U);
}

TEST(Checker, ForgetsTheServerUsedLongestAgoAndInventsNothing) {
  Checker checker;
  const auto server = [](std::size_t i) { return fmt::format("10.0.{}.{}:80", i / 256, i % 256); };
  for (std::size_t i = 0; i <= Checker::kMostSessions; ++i) {
    hits(checker, captured(keep_alive("p", fmt::format("t-{}", i), 100), false, server(i)), "P-STAT-14");
    hits(checker, captured(keep_alive("p", fmt::format("u-{}", i), 100), false, server(1)), "P-STAT-14");
  }
  EXPECT_EQ(hits(checker, captured(keep_alive("p", "v-0", 50), false, server(0)), "P-STAT-14"), 0U) << "forgotten";
  EXPECT_EQ(hits(checker, captured(keep_alive("p", "v-1", 50), false, server(1)), "P-STAT-14"), 1U) << "used last";
}

TEST(PpstpSession, StartsOverWhenItRemembersTooMuch) {
  ppstp::SessionState state;
  const auto send = [&](const std::string& peer) {
    ppstp::track(state, *captured(keep_alive(peer, "t-1", 1), false).message, nullptr);
  };
  send("a");
  EXPECT_EQ(state.remembered, 3U) << "peer, transaction, counter";
  send("a");
  EXPECT_EQ(state.remembered, 3U) << "nothing new";
  state.remembered = ppstp::SessionState::kMostRemembered;
  send("b");
  EXPECT_EQ(state.find("a"), nullptr);
  EXPECT_NE(state.find("b"), nullptr);
  EXPECT_EQ(state.remembered, 3U);
}

TEST(FindingComments, StopAtTheLimitAndCountTheRest) {
  FindingComments comments(200);
  RuleHit hit;
  hit.rule = find_requirement("P-FIND-04");
  hit.detail = std::string(60, 'x');
  for (std::uint64_t frame = 1; frame <= 5; ++frame) {
    hit.frame = frame;
    comments.add(hit);
  }
  EXPECT_EQ(comments.by_frame().size() + comments.left_out(), 5U);
  EXPECT_GT(comments.left_out(), 0U);
  EXPECT_TRUE(comments.by_frame().contains(1));
  hit.verdict = Verdict::kInfo;
  const std::size_t before = comments.left_out();
  comments.add(hit);
  EXPECT_EQ(comments.left_out(), before) << "notes never are comments";
}

class Exported : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "peerscope-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/trace.pcapng";
    auto opened = net::TraceWriter::open(path_);
    ASSERT_TRUE(opened);
    writer_.emplace(std::move(*opened));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(bool from_peer, const std::string& bytes) {
    net::TracePdu pdu;
    pdu.source = from_peer ? net::Endpoint("192.0.2.1", 40000) : net::Endpoint("192.0.2.80", 80);
    pdu.destination = from_peer ? net::Endpoint("192.0.2.80", 80) : net::Endpoint("192.0.2.1", 40000);
    pdu.bytes = bytes;
    ASSERT_TRUE(writer_->write(pdu));
  }
  static std::string http(const std::string& start, const std::string& body,
                          const std::string& type = ppstp::kMediaType) {
    return fmt::format("{}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", start, type, body.size(), body);
  }

  std::string folder_;
  std::string path_;
  std::optional<net::TraceWriter> writer_;
};

TEST_F(Exported, AMessageIsWhatItsBodySaysHoweverItTravelled) {
  write(false, http("HTTP/1.1 200 OK", keep_alive("p", "t-1", 1)));
  ASSERT_TRUE(writer_->close());
  const CaptureResult read = read_exported(path_);
  ASSERT_EQ(read.error, "");
  ASSERT_EQ(read.messages.size(), 1U);
  const CapturedMessage& message = read.messages.front();
  EXPECT_EQ(message.message->direction, Direction::kRequest);
  EXPECT_EQ(message.http_request.method, "POST");
  EXPECT_EQ(message.http_request.headers.get("Content-Type"), ppstp::kMediaType);
  EXPECT_NE(message.http_request.body.find("STAT_REPORT"), std::string::npos);
}

TEST_F(Exported, ForeignMessagesBetweenOursLeaveNoTrace) {
  ppstp::Response answer;
  answer.version = 1;
  answer.response_type = 0;
  answer.error_code = 0;
  answer.transaction_id = "t-1";
  write(true, http("POST / HTTP/1.1", keep_alive("p", "t-1", 1), "application/json"));
  write(true, http("POST / HTTP/1.1", "{\"a\":1}", "application/json"));
  write(true, "no HTTP at all");
  write(false, http("HTTP/1.1 200 OK", ppstp::encode(answer), "application/json"));
  ASSERT_TRUE(writer_->close());
  const CaptureResult read = read_exported(path_);
  ASSERT_EQ(read.messages.size(), 2U);
  EXPECT_EQ(read.messages[1].request, 0U);
  EXPECT_EQ(read.messages[1].message->frame, 4U);
}

TEST_F(Exported, AFileThatEndsInAPacketIsReadToThereAndSaysSo) {
  for (int i = 0; i < 3; ++i) write(true, http("POST / HTTP/1.1", keep_alive("p", fmt::format("t-{}", i), 1)));
  ASSERT_TRUE(writer_->close());
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 20);
  const CaptureResult read = read_exported(path_);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.messages.size(), 2U);
  EXPECT_NE(read.warning.find("trace.pcapng: read only in part"), std::string::npos) << read.warning;
}

}  // namespace
}  // namespace peerscope::harness
