// SPDX-License-Identifier: GPL-2.0-or-later
// Splitting messages and putting fragments together, in any order, with gaps, overlaps and too many of them.
#include "protocols/reload/fragments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

using Outcome = Reassembler::Outcome;

std::string message_of(std::size_t padding, std::uint64_t transaction = 1) {
  Packet packet;
  packet.forwarding.transaction_id = transaction;
  packet.forwarding.destination_list = {Destination::resource("resource")};
  PingReq ping;
  for (std::size_t i = 0; i < padding; ++i) ping.padding.push_back(static_cast<char>(i * 7));
  packet.contents = Contents(std::move(ping));
  return encode(packet);
}

Reassembler::Result add(Reassembler& reassembler, const std::string& bytes, std::int64_t now = 0,
                        std::string_view link = {}) {
  Message message;
  decode(bytes, message);
  return reassembler.add(message, now, link);
}

TEST(Fragments, SplitIntoEqualPartsAndJoinedInAnyOrder) {
  const std::string whole = message_of(3000);
  std::vector<std::string> parts = split(whole, 1000);
  ASSERT_EQ(parts.size(), 4U);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_LE(parts[i].size(), 1000U);
    Message message;
    decode(parts[i], message);
    EXPECT_TRUE(message.issues.empty());
    EXPECT_STREQ(message.type->name, "fragment");
    EXPECT_EQ(packet_of(message)->forwarding.is_last_fragment(), i == 3);
    EXPECT_EQ(packet_of(message)->forwarding.destination_list.size(), 1U);
  }
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(parts.begin(), parts.end(), random);
    Reassembler reassembler;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto result = add(reassembler, parts[i]);
      EXPECT_EQ(result.outcome, i == 3 ? Outcome::kComplete : Outcome::kWaiting);
      if (i == 3) {
        EXPECT_EQ(result.message, whole);
      }
    }
    EXPECT_EQ(reassembler.waiting(), 0U);
    EXPECT_EQ(reassembler.bytes(), 0U);
  }
}

TEST(Fragments, AreSplitAgain) {
  const std::string whole = message_of(3000);
  Reassembler reassembler;
  Reassembler::Result result;
  for (const std::string& part : split(whole, 1500)) {
    for (const std::string& smaller : split(part, 500)) result = add(reassembler, smaller);
  }
  EXPECT_EQ(result.outcome, Outcome::kComplete);
  EXPECT_EQ(result.message, whole);
}

TEST(Fragments, WhatFitsStaysWhole) {
  const std::string whole = message_of(10);
  EXPECT_EQ(split(whole, 1000), std::vector<std::string>{whole});
  EXPECT_TRUE(split(message_of(3000), 200).empty()) << "less than 256 bytes of body";
  EXPECT_TRUE(split(std::string(2000, 'x'), 1000).empty());
  Reassembler reassembler;
  EXPECT_EQ(add(reassembler, whole).outcome, Outcome::kNoFragment);
}

TEST(Reassembler, TellsDuplicatesOverlapsAndSecondEnds) {
  const std::vector<std::string> parts = split(message_of(3000), 1000);
  Reassembler reassembler;
  EXPECT_EQ(add(reassembler, parts[1]).outcome, Outcome::kWaiting);
  EXPECT_EQ(add(reassembler, parts[1]).outcome, Outcome::kDuplicate);
  std::string other = parts[1];
  other.back() = static_cast<char>(~other.back());
  EXPECT_EQ(add(reassembler, other).outcome, Outcome::kOverlap);
  EXPECT_EQ(reassembler.waiting(), 0U);
  EXPECT_EQ(reassembler.bytes(), 0U);
  add(reassembler, parts[3]);
  other = parts[1];
  other[12] = static_cast<char>(0xc0);  // an end where more was seen
  EXPECT_EQ(add(reassembler, other).outcome, Outcome::kBeyondEnd);
}

TEST(Reassembler, KeepsLinksAndTransactionsApart) {
  const std::vector<std::string> parts = split(message_of(3000), 1600);
  const std::vector<std::string> others = split(message_of(3000, 2), 1600);
  Reassembler reassembler;
  add(reassembler, parts[0], 0, "a");
  EXPECT_EQ(add(reassembler, parts[1], 0, "b").outcome, Outcome::kWaiting);
  EXPECT_EQ(add(reassembler, others[1], 0, "a").outcome, Outcome::kWaiting);
  EXPECT_EQ(reassembler.waiting(), 3U);
  EXPECT_EQ(add(reassembler, parts[1], 0, "a").outcome, Outcome::kComplete);
}

TEST(Reassembler, ForgetsAfterTheTimeout) {
  const std::vector<std::string> parts = split(message_of(3000), 1600);
  Reassembler reassembler({.timeout = 100});
  add(reassembler, parts[0], 0);
  EXPECT_EQ(add(reassembler, parts[1], 101).outcome, Outcome::kWaiting) << "the first one is gone";
  EXPECT_EQ(reassembler.expire(202), 1U);
  EXPECT_EQ(reassembler.bytes(), 0U);
}

TEST(Reassembler, MemoryIsBounded) {
  Reassembler reassembler({.messages = 3, .bytes = 5000});
  for (std::uint64_t i = 0; i < 20; ++i) {
    const auto outcome = add(reassembler, split(message_of(3000, i), 1600)[0]).outcome;
    EXPECT_EQ(outcome, i < 3 ? Outcome::kWaiting : Outcome::kTooLarge) << i;
  }
  EXPECT_LE(reassembler.bytes(), 5000U);
  Reassembler small({.message_bytes = 1000});
  EXPECT_EQ(add(small, split(message_of(3000), 1600)[1]).outcome, Outcome::kTooLarge);
}

}  // namespace
}  // namespace peerscope::reload
