// SPDX-License-Identifier: GPL-2.0-or-later
// docs/how-to/add-a-message.md, executed: the code between the markers below is that of the page, letter by letter, and
// what the page says of it holds.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "protocols/base/json_archive.h"
#include "protocols/base/registrar.h"
#include "protocols/ppstp/protocol.h"

namespace peerscope::how_to {

using ppstp::kPeerNum;
using ppstp::kSwarmId;
using ppstp::PeerNum;

// how-to: find
inline constexpr std::array<std::string_view, 2> kOrders = {"NEAREST", "RANDOM"};
inline constexpr Field kOrder{.filter = "ppstp.find.order",
                              .name = "order",
                              .label = "Order",
                              .section = "7.1",
                              .about = "How the peer list shall be ordered",
                              .vocabulary = kOrders};  // new

struct Find {
  std::optional<std::string> swarm_id;
  std::optional<PeerNum> peer_num;
  std::optional<std::string> order;  // new
};
template <class A>
void describe(A& a, Find& m) {
  a.required(kSwarmId, m.swarm_id);
  a.optional(kPeerNum, m.peer_num);
  a.optional(kOrder, m.order);  // new
}
// how-to: end

}  // namespace peerscope::how_to

namespace peerscope::test {
namespace {

constexpr std::string_view kBody = R"({"find":{"swarm_id":"1111","peer_num":{"peer_count":5},"order":"NEAREST"}})";

std::string read(const std::string& path) {
  std::ifstream in(std::string(PEERSCOPE_SOURCE_DIR) + "/" + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string between(const std::string& text, const std::string& open, const std::string& close) {
  const std::size_t from = text.find(open);
  if (from == std::string::npos) return "no '" + open + "'";
  return text.substr(from + open.size(), text.find(close, from + open.size()) - from - open.size());
}

template <class Find>
Find decode(std::string_view body, Message& message) {
  message.bytes = body;
  message.size = body.size();
  JsonIndex index;
  JsonReader reader(message, index);
  Find find;
  reader.root(ppstp::kFind, find);
  return find;
}

template <class Find>
std::string encode(Find find) {
  std::string out;
  JsonWriter(out).root(ppstp::kFind, find);
  return out;
}

template <class Find>
std::string from_tree(std::string_view order, std::string& out) {
  Tree tree;
  tree.at_path("swarm_id") = Tree::text("1111");
  tree.at_path("order") = Tree::text(std::string(order));
  tree.at_path("order").line = 7;
  tree.at_path("order").column = 12;
  TreeReader reader(tree);
  Find find;
  reader.root(ppstp::kFind, find);
  out = encode(find);
  return reader.error();
}

template <class Find>
std::string places() {
  Registrar registrar;
  Find find;
  registrar.root(ppstp::kFind, find);
  std::string out;
  for (const FieldPlace& place : registrar.take()) {
    if (place.depth == 1) out += place.path + (place.mandatory ? " mandatory\n" : " optional\n");
  }
  return out;
}

TEST(HowToAddAMessage, ThePageHoldsThisCode) {
  const std::string page = between(read("docs/how-to/add-a-message.md"), "<!-- how-to: find -->\n```cpp\n", "```\n");
  const std::string here = between(read("tests/ppstp/how_to_test.cc"), "\n// how-to: find\n", "// how-to: end\n");
  EXPECT_EQ(page, here);
}

TEST(HowToAddAMessage, TheDecoderKnowsTheMember) {
  Message before;
  decode<ppstp::Find>(kBody, before);
  ASSERT_EQ(before.issues.size(), 1U);
  EXPECT_EQ(before.issues[0].shape, Shape::kUnknownMember);
  EXPECT_TRUE(before.events[find_path(before.events, "order")].unknown);

  Message after;
  const auto find = decode<how_to::Find>(kBody, after);
  EXPECT_TRUE(after.issues.empty());
  EXPECT_EQ(find.order, "NEAREST");
  const std::uint32_t order = find_path(after.events, "ppstp.find.order");
  ASSERT_NE(order, Event::kNoParent);
  EXPECT_EQ(after.view().substr(after.events[order].offset, after.events[order].length), "\"NEAREST\"");

  Message other;
  decode<how_to::Find>(R"({"find":{"swarm_id":"1111","order":"nearest"}})", other);
  ASSERT_EQ(other.issues.size(), 1U);
  EXPECT_EQ(explain(other.issues[0]), "order of find is \"nearest\", expected one of NEAREST, RANDOM");
  Message without;
  decode<how_to::Find>(R"({"find":{"swarm_id":"1111"}})", without);
  EXPECT_TRUE(without.issues.empty()) << "optional";
}

TEST(HowToAddAMessage, TheEncoderWritesIt) {
  Message before;
  EXPECT_EQ(encode(decode<ppstp::Find>(kBody, before)), R"({"find":{"swarm_id":"1111","peer_num":{"peer_count":5}}})");
  Message after;
  EXPECT_EQ(encode(decode<how_to::Find>(kBody, after)), kBody);
}

TEST(HowToAddAMessage, ScenarioFilesTakeIt) {
  std::string out;
  EXPECT_EQ(from_tree<ppstp::Find>("RANDOM", out).substr(0, 19), "line 7, column 12: ");
  EXPECT_EQ(from_tree<how_to::Find>("RANDOM", out), "");
  EXPECT_EQ(out, R"({"find":{"swarm_id":"1111","order":"RANDOM"}})");
}

TEST(HowToAddAMessage, TheRegistrarListsIt) {
  EXPECT_EQ(places<ppstp::Find>(), "find.swarm_id mandatory\nfind.peer_num optional\n");
  EXPECT_EQ(places<how_to::Find>(), "find.swarm_id mandatory\nfind.peer_num optional\nfind.order optional\n");
}

// The other pages show rows and examples that are in the tree: they are quoted, not made up.
TEST(HowToAddARequirement, QuotesTheTree) {
  const std::string page = read("docs/how-to/add-a-requirement.md");
  const std::string sources[] = {read("protocols/ppstp/requirements.cc"), read("protocols/ppstp/checks.cc"),
                                 read("tests/ppstp/requirement_test.cc"),
                                 read("captures/ppstp/samples/find_count_30.txt")};
  const auto squeezed = [](const std::string& text) {
    std::string out;
    for (const char c : text) {
      if (c != ' ' && c != '\n') out.push_back(c);
    }
    return out;
  };
  int quoted = 0;
  for (std::size_t at = page.find("```"); at != std::string::npos; at = page.find("```", at + 3)) {
    const std::size_t from = page.find('\n', at) + 1;
    const std::size_t end = page.find("```", from);
    const std::string block = page.substr(from, end - from);
    at = end;
    if (block.starts_with("./run")) continue;  // commands
    bool found = false;
    for (const std::string& source : sources)
      found = found || squeezed(source).find(squeezed(block)) != std::string::npos;
    EXPECT_TRUE(found) << block;
    ++quoted;
  }
  EXPECT_GE(quoted, 5);
}

}  // namespace
}  // namespace peerscope::test
