// SPDX-License-Identifier: GPL-2.0-or-later
// Stop-and-wait: one message at a time, when it is sent again, and what acknowledgements settle.
#include "reference-impl/reload/simple_reliability.h"

#include <gtest/gtest.h>

#include <random>

#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

using std::chrono::milliseconds;
using State = SimpleReliability::State;

std::uint32_t sequence_of(const std::string& frame) {
  FramedBytes in;
  EXPECT_TRUE(decode_part(frame, in));
  return in.frame.sequence;
}

struct Side {
  SimpleReliability reliability;
  std::vector<std::string> out;
  std::vector<std::string> messages;

  bool send(std::string message, net::SteadyTime now) { return reliability.send(std::move(message), now); }
  // Until nothing more is due now.
  void run(net::SteadyTime now) {
    reliability.run(now, [this](std::string frame) { out.push_back(std::move(frame)); });
  }
  net::Result<void> take(std::string_view bytes, net::SteadyTime now) {
    return reliability.receive(
        bytes, now, [this](std::string frame) { out.push_back(std::move(frame)); },
        [this](std::string_view message) {
          messages.emplace_back(message);
          return true;
        });
  }
  std::vector<std::string> taken() { return std::exchange(out, {}); }
};

constexpr net::SteadyTime kStart{};

TEST(SimpleReliability, TransmissionsAreAtTheTimesOfTheRfc) {
  Side side;
  ASSERT_TRUE(side.send("message", kStart));
  std::vector<long> times;
  for (long ms = 0; ms <= 16000; ++ms) {
    side.run(kStart + milliseconds(ms));
    if (!side.taken().empty()) times.push_back(ms);
  }
  EXPECT_EQ(times, (std::vector<long>{0, 500, 1500, 3500, 7500}));
  EXPECT_EQ(side.reliability.state(), State::kDead);
  EXPECT_FALSE(side.reliability.due());
  EXPECT_FALSE(side.send("another", kStart + milliseconds(16001)));
}

TEST(SimpleReliability, StalledAfterThreeMoreRetransmissionsAndGoodAgain) {
  Side side;
  ASSERT_TRUE(side.send("message", kStart));
  std::vector<std::string> frames;
  for (const long ms : {0, 500, 1500, 3500}) {
    side.run(kStart + milliseconds(ms));
    for (std::string& frame : side.taken()) frames.push_back(std::move(frame));
    EXPECT_EQ(side.reliability.state(), State::kGood) << ms;
  }
  side.run(kStart + milliseconds(7500));
  EXPECT_EQ(side.reliability.state(), State::kStalled);
  // An answer to the second transmission counts as much as one to the last.
  Side other;
  ASSERT_TRUE(other.take(frames.at(1), kStart).ok());
  ASSERT_TRUE(side.take(other.out.at(0), kStart + milliseconds(8000)).ok());
  EXPECT_EQ(side.reliability.state(), State::kGood);
}

TEST(SimpleReliability, RetransmissionsHaveNewNumbersAndTheSameMessage) {
  Side side;
  Side other;
  ASSERT_TRUE(side.send("message", kStart));
  for (const long ms : {0, 500, 1500}) side.run(kStart + milliseconds(ms));
  const auto frames = side.taken();
  ASSERT_EQ(frames.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sequence_of(frames[i]), i);
    ASSERT_TRUE(other.take(frames[i], kStart).ok());
  }
  EXPECT_EQ(other.messages, std::vector<std::string>(3, "message"));
  EXPECT_EQ(side.reliability.retransmissions(), 2U);
}

TEST(SimpleReliability, OneMessageAtATimeAndTenMillisecondsBetween) {
  Side side;
  Side other;
  ASSERT_TRUE(side.send("one", kStart));
  ASSERT_TRUE(side.send("two", kStart));
  for (int i = 0; i < 3; ++i) side.run(kStart);
  auto frames = side.taken();
  ASSERT_EQ(frames.size(), 1U);
  ASSERT_TRUE(other.take(frames[0], kStart).ok());
  const net::SteadyTime acknowledged = kStart + milliseconds(3);
  ASSERT_TRUE(side.take(other.taken().at(0), acknowledged).ok());
  side.run(acknowledged + milliseconds(9));
  EXPECT_TRUE(side.taken().empty());
  EXPECT_EQ(side.reliability.due(), acknowledged + milliseconds(10));
  side.run(acknowledged + milliseconds(10));
  frames = side.taken();
  ASSERT_EQ(frames.size(), 1U);
  ASSERT_TRUE(other.take(frames[0], kStart).ok());
  EXPECT_EQ(other.messages, (std::vector<std::string>{"one", "two"}));
}

TEST(SimpleReliability, TimeoutFollowsTheRoundTrip) {
  Side side;
  Side other;
  EXPECT_EQ(side.reliability.timeout(), milliseconds(500));
  ASSERT_TRUE(side.send("one", kStart));
  side.run(kStart);
  ASSERT_TRUE(other.take(side.taken().at(0), kStart).ok());
  ASSERT_TRUE(side.take(other.taken().at(0), kStart + milliseconds(400)).ok());
  // RFC 6298: SRTT + 4 * RTTVAR with RTTVAR = R / 2.
  EXPECT_EQ(side.reliability.timeout(), milliseconds(1200));
}

TEST(SimpleReliability, AcknowledgementOfWhatWasNeverSentSettlesNothing) {
  Side side;
  ASSERT_TRUE(side.send("one", kStart));
  side.run(kStart);
  Packet ack;
  ack.framed = true;
  ack.frame = {kAckFrame, 77, 0xffffffff};
  ASSERT_TRUE(side.take(encode(ack), kStart).ok());
  EXPECT_TRUE(side.reliability.due());
  side.taken();
  side.run(kStart + milliseconds(500));
  EXPECT_EQ(side.taken().size(), 1U);
}

TEST(SimpleReliability, QueueIsBoundedInBytesAndInTime) {
  Side side;
  std::size_t taken = 0;
  while (side.send(std::string(1000, 'x'), kStart) && taken < 100'000) ++taken;
  EXPECT_LE(taken, 1100U);
  side.run(kStart);
  // The first one is on its way; acknowledged late, the others are too old by then.
  Side other;
  ASSERT_TRUE(other.take(side.taken().at(0), kStart).ok());
  ASSERT_TRUE(side.take(other.taken().at(0), kStart + std::chrono::seconds(15)).ok());
  side.run(kStart + std::chrono::seconds(16));
  EXPECT_TRUE(side.taken().empty());
  EXPECT_EQ(side.reliability.waiting(), 0U);
  EXPECT_EQ(side.reliability.dropped(), taken);
}

TEST(SimpleReliability, GarbageInADatagramIsSaidAndHarmsNothing) {
  Side side;
  std::mt19937 random(7);
  for (std::size_t size = 1; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    bytes[0] = static_cast<char>(size % 3 == 0 ? 0x80 : size % 3 == 1 ? 0x81 : 0x12);
    const auto read = side.take(bytes, kStart);
    if (size % 3 == 2) {
      ASSERT_FALSE(read.ok());
      EXPECT_EQ(read.error().kind, net::ErrorKind::kMalformed);
    }
  }
  side.taken();
  Side other;
  ASSERT_TRUE(other.send("fine", kStart));
  other.run(kStart);
  ASSERT_TRUE(side.take(other.taken().at(0), kStart).ok());
  EXPECT_EQ(side.messages.back(), "fine");
}

// Two sides over a network that loses, doubles and reorders.
TEST(SimpleReliability, EverythingArrivesInOrderOverABadNetwork) {
  std::uint64_t again = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    Side sides[2];
    std::multimap<net::SteadyTime, std::pair<int, std::string>> flying;  // to whom, by arrival
    constexpr int kMessages = 20;
    for (int i = 0; i < kMessages; ++i) ASSERT_TRUE(sides[0].send(std::to_string(i), kStart));
    for (long ms = 0; ms < 14'000; ++ms) {
      const net::SteadyTime now = kStart + milliseconds(ms);
      while (!flying.empty() && flying.begin()->first <= now) {
        const auto [to, frame] = flying.begin()->second;
        flying.erase(flying.begin());
        ASSERT_TRUE(sides[to].take(frame, now).ok());
      }
      for (int side = 0; side < 2; ++side) {
        sides[side].run(now);
        for (const std::string& frame : sides[side].taken()) {
          const unsigned dice = random() % 10;
          const int copies = dice == 0 ? 0 : dice == 1 ? 2 : 1;
          for (int i = 0; i < copies; ++i)
            flying.emplace(now + milliseconds(1 + random() % 40), std::pair(1 - side, frame));
        }
      }
    }
    // A message whose acknowledgement was lost comes again; taken once each, they are in order.
    std::vector<std::string> once;
    for (const std::string& message : sides[1].messages) {
      if (std::find(once.begin(), once.end(), message) == once.end()) once.push_back(message);
    }
    ASSERT_EQ(once.size(), static_cast<std::size_t>(kMessages)) << seed;
    for (int i = 0; i < kMessages; ++i) EXPECT_EQ(once[static_cast<std::size_t>(i)], std::to_string(i)) << seed;
    again += sides[0].reliability.retransmissions();
  }
  EXPECT_GT(again, 20U);
}

}  // namespace
}  // namespace peerscope::reload
