// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/capture/pending.h"

#include <gtest/gtest.h>

namespace peerscope::harness {
namespace {

PendingRequests::Request request(std::size_t number, std::string id, std::size_t bytes = 10) {
  PendingRequests::Request out{number, std::make_shared<Message>(), std::move(id)};
  out.message->bytes.assign(bytes, 'x');
  return out;
}

TEST(PendingRequests, TheExchangeIdFindsTheRequest) {
  PendingRequests pending;
  pending.add("a>b", request(0, "t-0"));
  pending.add("a>b", request(1, "t-1"));
  EXPECT_EQ(pending.take("a>b", "t-1")->number, 1U);
  EXPECT_EQ(pending.take("a>b", "t-0")->number, 0U);
  EXPECT_FALSE(pending.take("a>b", "t-0"));
}

TEST(PendingRequests, AnUnknownIdTakesTheOldest) {
  PendingRequests pending;
  pending.add("a>b", request(0, "t-0"));
  pending.add("a>b", request(1, "t-1"));
  EXPECT_EQ(pending.take("a>b", "other")->number, 0U);
}

TEST(PendingRequests, ConnectionsDoNotMix) {
  PendingRequests pending;
  pending.add("a>b", request(0, "t-0"));
  EXPECT_FALSE(pending.take("c>b", "t-0"));
  EXPECT_TRUE(pending.take("a>b", "t-0"));
}

TEST(PendingRequests, TooManyOnOneConnectionForgetItsOldest) {
  PendingRequests pending(2);
  for (std::size_t i = 0; i < 4; ++i) pending.add("a>b", request(i, "t-" + std::to_string(i)));
  pending.add("c>b", request(9, "t-9"));
  EXPECT_EQ(pending.given_up(), 2U);
  EXPECT_EQ(pending.take("a>b", "t-0")->number, 2U) << "t-0 is gone: the oldest left answers for it";
  EXPECT_EQ(pending.take("c>b", "t-9")->number, 9U);
}

TEST(PendingRequests, TooManyBytesForgetTheOldestOfAll) {
  constexpr std::size_t kBody = 10000;
  PendingRequests pending(1000, 5 * kBody);
  for (std::size_t i = 0; i < 10; ++i)
    pending.add("peer" + std::to_string(i) + ">b", request(i, "t-" + std::to_string(i), kBody));
  EXPECT_EQ(pending.given_up(), 6U);
  EXPECT_FALSE(pending.take("peer5>b", "t-5"));
  EXPECT_TRUE(pending.take("peer6>b", "t-6"));
  // Room again: nothing more has to go.
  pending.add("peer0>b", request(10, "t-10", kBody));
  EXPECT_EQ(pending.given_up(), 6U);
}

TEST(PendingRequests, OneThatIsTooLargeAloneIsStillKept) {
  PendingRequests pending(1000, 100);
  pending.add("a>b", request(0, "t-0", 5000));
  EXPECT_TRUE(pending.take("a>b", "t-0"));
}

}  // namespace
}  // namespace peerscope::harness
