// SPDX-License-Identifier: GPL-2.0-or-later
// Frames on a byte stream: numbers, acknowledgements, time-outs, broken input.
#include "reference-impl/reload/framing.h"

#include <gtest/gtest.h>

#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

using std::chrono::milliseconds;

struct Side {
  Framing framing;
  std::string out;                    // acknowledgements
  std::vector<std::string> messages;  // received
  net::Result<void> take(std::string_view bytes, net::SteadyTime now) {
    Framing::Sink sink;
    sink.acknowledge = [this](std::string ack) { out += ack; };
    sink.message = [this](std::string_view message) {
      messages.emplace_back(message);
      return true;
    };
    return framing.receive(bytes, now, sink);
  }
};

TEST(Framing, MessagesArriveInPiecesOfAnySize) {
  for (std::size_t piece = 1; piece < 40; ++piece) {
    Side from;
    Side to;
    std::string stream;
    for (const char* text : {"one", "", "three"}) stream += from.framing.frame(text, {});
    for (std::size_t at = 0; at < stream.size(); at += piece)
      ASSERT_TRUE(to.take(std::string_view(stream).substr(at, piece), {}).ok());
    EXPECT_EQ(to.messages, (std::vector<std::string>{"one", "", "three"})) << piece;
  }
}

TEST(Framing, AcknowledgementsSettleWhatWasSent) {
  Side from;
  Side to;
  const net::SteadyTime start{};
  const std::string first = from.framing.frame("a", start);
  const std::string second = from.framing.frame("b", start + milliseconds(5));
  EXPECT_EQ(from.framing.waiting_since(), start);
  ASSERT_TRUE(to.take(first + second, start).ok());
  ASSERT_TRUE(from.take(to.out, start + milliseconds(40)).ok());
  EXPECT_FALSE(from.framing.waiting_since());
  EXPECT_LT(from.framing.timeout(), RoundTripTimer::kInitial);
}

TEST(Framing, ReceivedBitsAreThoseOfTheSheet) {
  // Having seen 4, 3 and 1, the acknowledgement of 5 has the bits 1, 2 and 4.
  ReceiveHistory history;
  for (const std::uint32_t sequence : {1U, 3U, 4U}) history.note(sequence);
  EXPECT_EQ(history.note(5), 0x16U);
}

TEST(Framing, HistoryForgetsWhatIsFarBehind) {
  ReceiveHistory history;
  history.note(0);
  EXPECT_EQ(history.note(31), 0x80000000U);
  EXPECT_EQ(history.note(33), 0x4U);
  EXPECT_EQ(history.note(500), 0U);
  EXPECT_EQ(history.note(499), 0U);
}

TEST(Framing, BytesThatBeginNoFrameEndTheLink) {
  Side side;
  const auto result = side.take("\x7f", {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, net::ErrorKind::kMalformed);
}

TEST(Framing, LengthBombIsRefusedBeforeItsBytesCome) {
  Side side;
  const auto result = side.take(std::string_view("\x80\0\0\0\0\xff\xff\xff", 8), {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, net::ErrorKind::kTooLarge);
}

TEST(Framing, EveryCutOfAStreamIsSafe) {
  Side from;
  const std::string stream = from.framing.frame("message", {}) + from.framing.frame("more", {});
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    Side to;
    EXPECT_TRUE(to.take(std::string_view(stream).substr(0, cut), {}).ok()) << cut;
    EXPECT_EQ(to.messages.size(), cut == stream.size() ? 2U : cut >= 15 ? 1U : 0U) << cut;
  }
}

}  // namespace
}  // namespace peerscope::reload
