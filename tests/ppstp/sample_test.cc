// SPDX-License-Identifier: GPL-2.0-or-later
// What every PPSTP sample gets for free: a new file below captures/ppstp/samples needs no code here.
#include "tests/support/sample.h"
#include "tests/support/mutants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "protocols/ppstp/protocol.h"
#include "tests/support/invariants.h"

namespace peerscope::test {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

// Message and exchange scope: with the request when the sample names one.
std::vector<Finding> findings_of(const Sample& sample, const Message& message) {
  std::vector<Finding> findings;
  Message request;
  if (!sample.request.empty()) {
    const Sample asked = load_sample(sample_path("ppstp", sample.request));
    decode(asked, request);
  }
  run_checks(ppstp::protocol(), {message, sample.request.empty() ? nullptr : &request, nullptr}, {}, findings);
  return findings;
}

std::string encode_body(const Message& message) {
  return message.direction == Direction::kRequest ? ppstp::encode(message.as<ppstp::Request>())
                                                  : ppstp::encode(message.as<ppstp::Response>());
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

class PpstpSample : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { sample = load_sample(GetParam()); }
  // What decoding may not do, whatever the bytes are.
  void survives(std::string_view bytes, Message& message, const std::string& what) {
    decode_as(sample, bytes, message);
    ASSERT_EQ(broken_invariant(message), "") << sample.name << " " << what;
    std::vector<Finding> findings;
    run_checks(ppstp::protocol(), {message}, {}, findings);
    for (const Finding& finding : findings) {
      ASSERT_LE(finding.offset + finding.length, bytes.size())
          << sample.name << " " << what << ": " << finding.rule->id;
      ASSERT_TRUE(is_utf8(finding.detail)) << sample.name << " " << what << ": " << finding.rule->id;
    }
  }

  Sample sample;
};

TEST_P(PpstpSample, DecodesToItsFieldsAndFindings) {
  Message message;
  decode(sample, message);
  EXPECT_EQ(broken_invariant(message), "");
  EXPECT_EQ(message.type != nullptr ? message.type->name : "none", sample.message);
  EXPECT_EQ(message.direction, sample.direction);
  EXPECT_EQ(message.dialect != nullptr ? message.dialect : "", sample.dialect);
  EXPECT_EQ(message.view(), sample.bytes);
  EXPECT_TRUE(sample.content_length == 0 || sample.bytes.size() == sample.content_length) << sample.bytes.size();
  EXPECT_EQ(joined(field_differences(sample, message)), "") << print_tree(message.events);
  EXPECT_EQ(joined(finding_differences(sample, message, findings_of(sample, message))), "");
  if (sample.form == Form::kStrict) {
    for (const Issue& issue : message.issues) ADD_FAILURE() << "a strict sample with an issue: " << explain(issue);
  }
}

TEST_P(PpstpSample, EventsHoldTheBytesOfTheirValues) {
  Message message;
  decode(sample, message);
  // Texts differ from bytes where the bytes are no text.
  const bool text =
      is_utf8(sample.bytes) && std::none_of(sample.bytes.begin(), sample.bytes.end(), [](char c) { return c == '\0'; });
  const std::string_view bytes = message.view();
  for (std::uint32_t i = 0; i < message.events.size(); ++i) {
    const Event& event = message.events[i];
    SCOPED_TRACE(path_of(message.events, i));
    const std::string_view value = bytes.substr(event.offset, event.length);
    const std::string_view key = bytes.substr(event.key_offset, event.key_length);
    if (!key.empty() && key.find('\\') == std::string_view::npos) {
      const std::string_view name = key.substr(1, key.size() - 2);
      const bool named = event.unknown ? name == event.label
                                       : name == event.field->name ||
                                             (event.field->misnamed != nullptr && name == event.field->misnamed);
      EXPECT_TRUE(named) << key;
      EXPECT_EQ(key.front(), '"');
      EXPECT_EQ(key.back(), '"');
      // A list's elements have no name of their own, so between a name and its value is at most a colon.
      const std::string_view between =
          bytes.substr(event.key_offset + event.key_length, event.offset - event.key_offset - event.key_length);
      EXPECT_EQ(std::count(between.begin(), between.end(), ':'), 1) << between;
      EXPECT_TRUE(std::all_of(between.begin(), between.end(), [](char c) { return c == ':' || is_space(c); }))
          << between;
    }
    if (!text && event.has_text) continue;
    if (event.unknown) {
      EXPECT_EQ(value, event.text);
    } else if (event.field->type == Type::kGroup) {
      EXPECT_EQ(value.front(), '{');
      EXPECT_TRUE(value.back() == '}' || sample.form == Form::kMalformed) << value;
    } else if (event.has_number) {
      const std::string number = std::to_string(event.number);
      EXPECT_TRUE(value == number || value == "\"" + number + "\"") << value;
    } else if (event.has_text && value.find('\\') == std::string_view::npos) {
      EXPECT_TRUE(value == "\"" + std::string(event.text) + "\"" || value.starts_with(event.text)) << value;
    }
  }
}

TEST_P(PpstpSample, EncodesAgain) {
  Message message;
  decode(sample, message);
  if (message.body == nullptr || sample.form == Form::kDialect) return;
  const std::string first = encode_body(message);
  if (sample.form == Form::kStrict) {
    EXPECT_EQ(first.size(), sample.bytes.size());
    const bool escapes = sample.bytes.find("\\u") != std::string::npos;  // \u0001 and \u001F have no single spelling
    EXPECT_TRUE(escapes || first == sample.bytes) << first;
  }
  // What is written is strict in form, even when what was read was not, and keeps every value.
  Message again;
  decode_as(sample, first, again);
  for (const Issue& issue : again.issues) {
    const bool of_the_values =
        issue.shape == Shape::kMissing || issue.shape == Shape::kOutOfRange || issue.shape == Shape::kUnknownValue;
    EXPECT_TRUE(of_the_values) << explain(issue);
  }
  EXPECT_EQ(again.direction, message.direction);
  ASSERT_NE(again.body, nullptr);
  EXPECT_EQ(encode_body(again), first);
  if (sample.form != Form::kLenient && sample.form != Form::kStrict) return;
  Sample strict = sample;
  std::erase_if(strict.fields, [&](const SampleField& field) {
    const bool misplaced = message.has(Shape::kMisplaced) &&
                           (field.path == "swarm_id" || field.path.starts_with("peer_num"));  // L3 is never written
    return field.kind == SampleField::Kind::kRaw || misplaced;
  });
  EXPECT_EQ(joined(field_differences(strict, again)), "") << first;
}

TEST_P(PpstpSample, CutAnywhereIsCutShortAndNothingElse) {
  const bool judged = sample.form != Form::kMalformed && sample.form != Form::kDialect;
  Message message;
  decode(sample, message);
  std::multiset<std::pair<Shape, const Field*>> whole;
  for (const Issue& issue : message.issues) whole.emplace(issue.shape, issue.field);
  const bool trailing = message.has(Shape::kTrailing);
  for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
    ASSERT_NO_FATAL_FAILURE(
        survives(std::string_view(sample.bytes).substr(0, size), message, "cut at " + std::to_string(size)));
    const std::string_view lost = std::string_view(sample.bytes).substr(size);
    if (!judged || trailing || std::all_of(lost.begin(), lost.end(), is_space)) continue;
    EXPECT_TRUE(message.has(Shape::kCutShort) || message.has(Shape::kMalformed)) << "cut at " << size;
    auto allowed = whole;
    for (const Issue& issue : message.issues) {
      if (issue.shape == Shape::kCutShort || issue.shape == Shape::kMalformed) continue;
      const auto known = allowed.find({issue.shape, issue.field});
      // The part that is left must not be blamed for what the lost part may have held.
      EXPECT_NE(known, allowed.end()) << "cut at " << size << ": " << explain(issue);
      if (known != allowed.end()) allowed.erase(known);
    }
    if (sample.form != Form::kStrict) continue;
    std::vector<Finding> findings;
    run_checks(ppstp::protocol(), {message}, {}, findings);
    for (const Finding& finding : findings)
      EXPECT_STREQ(finding.rule->id, "P-HTTP-04") << "cut at " << size << ": " << finding.detail;
  }
}

TEST_P(PpstpSample, BytesBehindTheEndAreTrailing) {
  if (sample.form == Form::kMalformed || sample.form == Form::kDialect) return;
  Message message;
  decode(sample, message);
  if (!message.issues.empty() && message.has(Shape::kTrailing)) return;
  const bool has_object = !message.events.empty();
  for (const std::string_view more : {"x", "}", "]", "{}", "{", ",", "1", "\"", "\n\nnull", "//"}) {
    ASSERT_NO_FATAL_FAILURE(survives(sample.bytes + std::string(more), message, "with " + std::string(more)));
    if (!has_object) continue;
    EXPECT_TRUE(message.has(Shape::kTrailing) || (more == "\"" && message.has(Shape::kCutShort))) << more;
    EXPECT_EQ(joined(field_differences(sample, message)), "") << more;
  }
}

TEST_P(PpstpSample, ManyMutantsDoNotHurt) {
  static constexpr std::string_view kPieces[] = {"{",
                                                 "}",
                                                 "[",
                                                 "]",
                                                 "\"",
                                                 ",",
                                                 ":",
                                                 "\\",
                                                 "\\u",
                                                 "\\ud800",
                                                 "null",
                                                 "true",
                                                 "-",
                                                 "1e5",
                                                 "0",
                                                 "99999999999999999999",
                                                 "\"version\"",
                                                 "\"PPSPTrackerProtocol\"",
                                                 "\"peer_addr\"",
                                                 "{}",
                                                 "[]",
                                                 "[[[[",
                                                 "\x80",
                                                 "\xf0\x9f",
                                                 "\n",
                                                 " ",
                                                 "<"};
  Message message;
  each_mutant(sample.name, sample.bytes, 400, kPieces, [&](int i, const std::string& bytes) {
    ASSERT_NO_FATAL_FAILURE(survives(bytes, message, "mutant " + std::to_string(i) + ": " + bytes));
  });
}

TEST_P(PpstpSample, AUsedMessageDecodesLikeANewOne) {
  Message used;
  decode(load_sample(sample_path("ppstp", "connect_unknown_members")), used);
  decode(sample, used);
  Message fresh;
  decode(sample, fresh);
  EXPECT_EQ(print_tree(used.events), print_tree(fresh.events));
  EXPECT_EQ(used.issues.size(), fresh.issues.size());
  EXPECT_EQ(used.type, fresh.type);
  EXPECT_EQ(used.dialect, fresh.dialect);
  EXPECT_EQ(used.body == nullptr, fresh.body == nullptr);
  used.clear();
  EXPECT_TRUE(used.events.empty() && used.issues.empty() && used.view().empty() && used.body == nullptr &&
              used.type == nullptr);
}

INSTANTIATE_TEST_SUITE_P(Samples, PpstpSample, testing::ValuesIn(sample_paths("ppstp")), [](const auto& at) {
  return at.param.substr(at.param.rfind('/') + 1, at.param.rfind('.') - at.param.rfind('/') - 1);
});

// Each message has its smallest, a typical and a full sample, and broken ones.
TEST(PpstpSamples, CoverEveryMessageInEveryWay) {
  std::map<std::string, std::map<Form, int>> count;
  for (const std::string& path : sample_paths("ppstp")) {
    const Sample sample = load_sample(path);
    ++count[sample.message][sample.form];
  }
  for (const MessageType& row : ppstp::kMessages) {
    EXPECT_GE(count[row.name][Form::kStrict], 2) << row.name;
    EXPECT_GE(count[row.name][Form::kLenient], 1) << row.name;
    EXPECT_GE(count[row.name][Form::kBroken], 1) << row.name;
  }
}

// Every shape that a JSON reader can find has a sample.
TEST(PpstpSamples, CoverEveryShape) {
  std::set<Shape> seen;
  for (const std::string& path : sample_paths("ppstp")) {
    Message message;
    decode(load_sample(path), message);
    for (const Issue& issue : message.issues) seen.insert(issue.shape);
  }
  for (int i = 0; i <= static_cast<int>(Shape::kBadLength); ++i) {
    const auto shape = static_cast<Shape>(i);
    EXPECT_TRUE(seen.contains(shape) || shape == Shape::kBadLength)
        << to_string(shape);  // lengths are for binary messages
  }
}

}  // namespace
}  // namespace peerscope::test
