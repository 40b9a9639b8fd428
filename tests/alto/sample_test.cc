// SPDX-License-Identifier: GPL-2.0-or-later
// What every ALTO sample gets for free: a new file below captures/alto/samples needs no code here.
#include "tests/support/sample.h"
#include "tests/support/mutants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "protocols/alto/protocol.h"
#include "tests/support/invariants.h"

namespace peerscope::test {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

// Every scope: with the request when the sample names one, and a session that saw nothing before.
std::vector<Finding> findings_of(const Sample& sample, const Message& message) {
  std::vector<Finding> findings;
  Message request;
  if (!sample.request.empty()) {
    const Sample asked = load_sample(sample_path("alto", sample.request));
    decode(asked, request);
  }
  const auto session = alto::make_session();
  run_checks(alto::protocol(), {message, sample.request.empty() ? nullptr : &request, session.get()}, {}, findings);
  return findings;
}

// The body of a decoded message as JSON text again.
std::string encode_body(const Message& message) {
  std::string out;
  std::apply(
      [&]<class... T>(const alto::Row<T>&...) {
        const auto one = [&]<class B>(const B* body) {
          if (body != nullptr) out = alto::encode(*body);
        };
        (one(alto::body_of<T>(message)), ...);
      },
      alto::kRows);
  return out;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

class AltoSample : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { sample = load_sample(GetParam()); }
  // Streams and multipart bodies are lines around messages: they may end anywhere.
  bool carries_others() const { return sample.message == "event-stream" || sample.message == "path-vector"; }
  // What decoding and checking may not do, whatever the bytes are.
  void survives(std::string_view bytes, Message& message, const std::string& what) {
    decode_as(sample, bytes, message);
    ASSERT_EQ(broken_invariant(message), "") << sample.name << " " << what;
    for (const Finding& finding : findings_of(sample, message)) {
      ASSERT_LE(finding.offset + finding.length, bytes.size())
          << sample.name << " " << what << ": " << finding.rule->id;
      ASSERT_TRUE(is_utf8(finding.detail)) << sample.name << " " << what << ": " << finding.rule->id;
    }
    ASSERT_FALSE(alto::protocol().summary(message, nullptr).empty());
    const auto session = alto::make_session();
    alto::track(*session, message, nullptr);
  }

  Sample sample;
};

TEST_P(AltoSample, DecodesToItsFieldsAndFindings) {
  Message message;
  decode(sample, message);
  EXPECT_EQ(broken_invariant(message), "");
  EXPECT_EQ(message.type != nullptr ? message.type->name : "none", sample.message);
  EXPECT_EQ(message.direction, sample.direction);
  EXPECT_EQ(message.view(), sample.bytes);
  EXPECT_EQ(joined(field_differences(sample, message)), "") << print_tree(message.events);
  EXPECT_EQ(joined(finding_differences(sample, message, findings_of(sample, message))), "");
  if (sample.form == Form::kStrict) {
    for (const Issue& issue : message.issues) ADD_FAILURE() << "a strict sample with an issue: " << explain(issue);
  }
}

TEST_P(AltoSample, EventsHoldTheBytesOfTheirValuesAndKeys) {
  Message message;
  decode(sample, message);
  const std::string_view bytes = message.view();
  for (std::uint32_t i = 0; i < message.events.size(); ++i) {
    const Event& event = message.events[i];
    SCOPED_TRACE(path_of(message.events, i));
    const std::string_view value = bytes.substr(event.offset, event.length);
    const std::string_view key = bytes.substr(event.key_offset, event.key_length);
    if (!key.empty()) {
      const std::string_view name = event.unknown || event.key != nullptr ? event.label : event.field->name;
      EXPECT_EQ(key, "\"" + std::string(name) + "\"");
    }
    EXPECT_EQ(event.key != nullptr && key.empty(), false) << "an entry without the bytes of its key";
    if (event.unknown) {
      EXPECT_EQ(value, event.text);
    } else if (event.empty) {
      EXPECT_EQ(value, "[]");
    } else if (event.has_text) {
      EXPECT_TRUE(value == event.text || value == "\"" + std::string(event.text) + "\"") << value;
    } else if (event.has_number && event.field->type == Type::kBoolean) {
      EXPECT_EQ(value, event.number != 0 ? "true" : "false");
    } else if (event.has_number) {
      EXPECT_EQ(value, std::to_string(event.number));
    } else if (event.field != &alto::kSseEvent && event.field != &alto::kMultipartPart &&
               !(event.parent == Event::kNoParent && carries_others())) {
      EXPECT_TRUE(value.front() == '{' || value.front() == '[') << value;
    }
  }
}

TEST_P(AltoSample, EncodesAgain) {
  Message message;
  decode(sample, message);
  if (message.body == nullptr || carries_others()) return;
  const std::string first = encode_body(message);
  if (sample.form == Form::kStrict) {
    EXPECT_EQ(first, sample.bytes);
  }
  Message again;
  decode_as(sample, first, again);
  ASSERT_NE(again.body, nullptr);
  EXPECT_EQ(encode_body(again), first);
}

TEST_P(AltoSample, PathsLeadBackToTheirEvents) {
  Message message;
  decode(sample, message);
  if (sample.form != Form::kStrict) return;
  for (std::uint32_t i = 0; i < message.events.size(); ++i)
    EXPECT_EQ(find_path(message.events, path_of(message.events, i)), i) << path_of(message.events, i);
}

TEST_P(AltoSample, CutAnywhereIsCutShortAndNothingElse) {
  Message message;
  decode(sample, message);
  std::multiset<std::pair<Shape, const Field*>> whole;
  for (const Issue& issue : message.issues) whole.emplace(issue.shape, issue.field);
  for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
    ASSERT_NO_FATAL_FAILURE(
        survives(std::string_view(sample.bytes).substr(0, size), message, "cut at " + std::to_string(size)));
    const std::string_view lost = std::string_view(sample.bytes).substr(size);
    if (carries_others() || sample.form == Form::kMalformed || std::all_of(lost.begin(), lost.end(), is_space))
      continue;
    EXPECT_TRUE(message.has(Shape::kCutShort) || message.has(Shape::kMalformed)) << "cut at " << size;
    if (sample.form != Form::kStrict) continue;
    // The part that is left must not be blamed for what the lost part may have held.
    for (const Finding& finding : findings_of(sample, message)) {
      EXPECT_STREQ(finding.rule->id, "A-JSN-01") << "cut at " << size << ": " << finding.detail;
    }
  }
}

TEST_P(AltoSample, BytesBehindTheEndAreTrailing) {
  if (sample.form == Form::kMalformed || carries_others()) return;
  Message message;
  for (const std::string_view more : {"x", "}", "]", "{}", ",", "1", "\n\nnull", "//"}) {
    ASSERT_NO_FATAL_FAILURE(survives(sample.bytes + std::string(more), message, "with " + std::string(more)));
    EXPECT_TRUE(message.has(Shape::kTrailing)) << more;
    EXPECT_EQ(joined(field_differences(sample, message)), "") << more;
  }
}

TEST_P(AltoSample, ManyMutantsDoNotHurt) {
  static constexpr std::string_view kPieces[] = {"{",
                                                 "}",
                                                 "[",
                                                 "]",
                                                 "\"",
                                                 ",",
                                                 ":",
                                                 "\\",
                                                 "\\ud800",
                                                 "null",
                                                 "true",
                                                 "-",
                                                 "1e5",
                                                 "1e999",
                                                 "0.5",
                                                 "{}",
                                                 "[]",
                                                 "[[[[",
                                                 "\x80",
                                                 "\xf0\x9f",
                                                 "\n",
                                                 " ",
                                                 "\"\"",
                                                 "\".\"",
                                                 "\"pids\"",
                                                 "\"cost-map\"",
                                                 "\"meta\"",
                                                 "\"ipv4:\"",
                                                 "99999999999999999999"};
  Message message;
  each_mutant(sample.name, sample.bytes, 150, kPieces, [&](int i, const std::string& bytes) {
    ASSERT_NO_FATAL_FAILURE(survives(bytes, message, "mutant " + std::to_string(i) + ": " + bytes));
  });
}

INSTANTIATE_TEST_SUITE_P(Samples, AltoSample, testing::ValuesIn(sample_paths("alto")), [](const auto& at) {
  return at.param.substr(at.param.rfind('/') + 1, at.param.rfind('.') - at.param.rfind('/') - 1);
});

TEST(AltoSamples, CoverEveryMessage) {
  std::map<std::string, std::map<Form, int>> count;
  for (const std::string& path : sample_paths("alto")) {
    const Sample sample = load_sample(path);
    ++count[sample.message][sample.form];
  }
  for (const MessageType& row : alto::kMessages) EXPECT_GE(count[row.name][Form::kStrict], 2) << row.name;
}

// Fields are reached by some sample, so that no description rots unseen.
TEST(AltoSamples, ReachEveryField) {
  std::set<const Field*> seen;
  for (const std::string& path : sample_paths("alto")) {
    Message message;
    decode(load_sample(path), message);
    for (const Event& event : message.events) {
      seen.insert(event.field);
      if (event.key != nullptr) seen.insert(event.key);
    }
  }
  for (const FieldPlace& place : alto::protocol().fields()) {
    EXPECT_TRUE(seen.contains(place.field)) << place.path << " " << place.field->filter;
  }
}

TEST(AltoMessages, ComeFromScenarioText) {
  Tree tree = Tree::map();
  tree.at_path("cost-type.cost-mode") = Tree::text("numerical");
  tree.at_path("cost-type.cost-metric") = Tree::text("routingcost");
  tree.at_path("pids.srcs[0]") = Tree::text("west");
  tree.at_path("pids.dsts") = Tree::list();
  const EncodeResult result = alto::protocol().encode("cost-map-filter", tree, {});
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(
      result.bytes,
      R"({"cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"},"pids":{"srcs":["west"],"dsts":[]}})");
  EXPECT_EQ(
      alto::protocol().encode("cost-map-filter", tree, {{"pids.dsts", {Override::Kind::kSet, "\"east\""}}}).bytes,
      R"({"cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"},"pids":{"srcs":["west"],"dsts":"east"}})");
  EXPECT_NE(alto::protocol().encode("coast-map", tree, {}).error.find("known are directory"), std::string::npos);
  tree.at_path("x") = Tree::text("1");
  EXPECT_NE(alto::protocol().encode("cost-map-filter", tree, {}).error.find("no member 'x'"), std::string::npos);
}

TEST(AltoMessages, OfUnknownMediaTypeAreNotOurs) {
  Message message;
  message.transport.content_type = "application/json";
  alto::decode(R"({"meta":{},"network-map":{}})", message);
  EXPECT_EQ(message.type, nullptr);
  EXPECT_TRUE(message.events.empty() && message.issues.empty());
  EXPECT_EQ(alto::protocol().summary(message, nullptr), "ALTO, unknown media type application/json");
}

TEST(AltoMessages, HostileBodiesAreRefusedQuickly) {
  for (const std::string& body : {std::string(100000, '['), "{\"cost-map\":" + std::string(100000, '{'),
                                  R"({"meta":{},"cost-map":{"a":{"b":)" + std::string(1000000, '9') + "}}}"}) {
    Message message;
    message.transport.content_type = "application/alto-costmap+json";
    alto::decode(body, message);
    EXPECT_EQ(broken_invariant(message), "");
    std::vector<Finding> findings;
    const auto session = alto::make_session();
    run_checks(alto::protocol(), {message, nullptr, session.get()}, {}, findings);
    EXPECT_FALSE(findings.empty());
  }
}

}  // namespace
}  // namespace peerscope::test
