// SPDX-License-Identifier: GPL-2.0-or-later
// The captures of a whole overlay of our nodes, over TLS and over DTLS (captures/reload/overlay_*): five nodes join, a
// client stores and fetches, one node is killed, one leaves.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/dissect/host/epan_host.h"

namespace peerscope::test {
namespace {

struct Story {
  std::map<std::string, std::size_t> messages;             // by name, every hop counted
  std::map<std::string, std::set<std::string>> exchanges;  // transactions by the request's name
  std::set<std::string> joined;                            // by Node-ID
  std::size_t longest_store = 0;                           // hops of one transaction, requests and answers
  std::set<std::string> values;
};

class ReloadOverlay : public testing::TestWithParam<const char*> {
 protected:
  static Story read() {
    const std::string path = std::string(PEERSCOPE_SOURCE_DIR) + "/captures/reload/" + GetParam() + "/flow.pcapng";
    Story story;
    std::size_t number = 0;
    std::size_t signatures = 0;
    for (const Dissected& frame : dissect_file(path)) {
      ++number;
      EXPECT_FALSE(frame.malformed()) << number << ": " << frame.info;
      EXPECT_FALSE(frame.dissector_bug()) << number << ": " << frame.info;
      EXPECT_TRUE(frame.values("relo.finding").empty()) << number << ": " << frame.value("relo.finding");
      for (const std::string& status : frame.values("relo.signature.status")) {
        EXPECT_EQ(status, "5") << number << ": " << frame.info;
        ++signatures;
      }
      for (const std::string& name : frame.values("relo.message")) {
        ++story.messages[name];
        story.exchanges[name].insert(frame.value("relo.forwarding.transaction_id"));
      }
      for (const std::string& id : frame.values("relo.join_req.joining_peer_id")) story.joined.insert(id);
      for (const std::string& value : frame.values("relo.stored_data.value")) story.values.insert(value);
      if (frame.value("relo.message") == "store_req")
        story.longest_store = std::max(story.longest_store, frame.values("relo.transaction.frame").size());
    }
    EXPECT_GT(signatures, 200U);
    return story;
  }
};

TEST_P(ReloadOverlay, TellsItsStory) {
  Story story = read();
  EXPECT_EQ(story.joined.size(), 4U);
  EXPECT_EQ(story.exchanges["join_ans"].size(), 4U);
  EXPECT_GE(story.exchanges["store_ans"].size(), 3U);
  EXPECT_GE(story.exchanges["fetch_ans"].size(), 3U);
  EXPECT_GE(story.exchanges["leave_ans"].size(), 2U);
  EXPECT_GE(story.messages["update_req"], 20U);
  // Hop by hop: two requests and two answers at least, as one transaction.
  EXPECT_GE(story.longest_store, 4U);
  const bool found = std::any_of(story.values.begin(), story.values.end(), [](const std::string& value) {
    return value.find("hello world") != std::string::npos || value.find("68:65:6c:6c:6f:20:77:6f:72:6c:64") == 0;
  });
  EXPECT_TRUE(found) << "the stored value";
}

INSTANTIATE_TEST_SUITE_P(Captures, ReloadOverlay, testing::Values("overlay_tls", "overlay_dtls"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace peerscope::test
