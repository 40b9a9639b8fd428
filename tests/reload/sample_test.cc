// SPDX-License-Identifier: GPL-2.0-or-later
// What every RELOAD sample gets for free: a new file below captures/reload/samples needs no code here.
#include "tests/support/sample.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "protocols/reload/protocol.h"
#include "tests/support/invariants.h"

namespace peerscope::test {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::vector<Finding> findings_of(const Sample& sample, const Message& message) {
  std::vector<Finding> findings;
  Message request;
  if (!sample.request.empty()) decode(load_sample(sample_path("reload", sample.request)), request);
  run_checks(reload::protocol(), {message, sample.request.empty() ? nullptr : &request, nullptr}, {}, findings);
  return findings;
}

std::string encode_again(const Message& message) {
  reload::Packet copy = *reload::packet_of(message);
  return reload::encode(copy);
}

// The field tree as scenario text: values by path, and nothing that the description derives.
Tree tree_of(const Message& message) {
  Tree tree = Tree::map();
  for (std::uint32_t i = 1; i < message.events.size(); ++i) {
    const Event& event = message.events[i];
    const Type type = event.field->type;
    std::string path = path_of(message.events, i);
    path.erase(0, path.find('.') + 1);
    if (type == Type::kGroup) {
      if (event.end == i + 1) tree.at_path(path).kind = Tree::Kind::kMap;  // an element without members
      continue;
    }
    const bool length =
        event.field->replay == Replay::kDerived && event.has_number && event.field != &reload::kFragment;
    const bool part_of_bits = i > 0 && message.events[i - 1].offset == event.offset && event.has_number &&
                              message.events[i - 1].has_number && event.length == message.events[i - 1].length;
    if (length || part_of_bits) continue;
    std::string text;
    if (event.has_number) {
      text = std::to_string(static_cast<std::uint64_t>(event.number));
    } else if (type == Type::kString) {
      text = event.text;
    } else {
      for (const char c : event.text) {
        static constexpr char kDigits[] = "0123456789abcdef";
        text += {kDigits[static_cast<unsigned char>(c) >> 4], kDigits[c & 15]};
      }
    }
    // Bytes that are shown as a struct too are given by the struct.
    const bool shown = i + 1 < message.events.size() && type == Type::kBytes && event.length > 0 &&
                       message.events[i + 1].offset == event.offset && message.events[i + 1].length > 0 &&
                       message.events[i + 1].parent == event.parent;
    if (!shown) tree.at_path(path) = Tree::text(text);
  }
  return tree;
}

class ReloadSample : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { sample = load_sample(GetParam()); }
  void survives(std::string_view bytes, Message& message, const std::string& what) {
    decode_as(sample, bytes, message);
    ASSERT_EQ(broken_invariant(message, false), "") << sample.name << " " << what;
    std::vector<Finding> findings;
    run_checks(reload::protocol(), {message}, {}, findings);
    for (const Finding& finding : findings) {
      ASSERT_LE(finding.offset + finding.length, bytes.size())
          << sample.name << " " << what << ": " << finding.rule->id;
      ASSERT_TRUE(is_utf8(finding.detail)) << sample.name << " " << what << ": " << finding.rule->id;
    }
    (void)reload::protocol().summary(message, nullptr);
    // Without an issue every byte is understood, so it must come back.
    if (message.issues.empty() && message.body != nullptr) {
      ASSERT_EQ(encode_again(message), bytes) << sample.name << " " << what;
    }
  }

  Sample sample;
};

TEST_P(ReloadSample, DecodesToItsFieldsAndFindings) {
  Message message;
  decode(sample, message);
  EXPECT_EQ(broken_invariant(message, false), "");
  EXPECT_EQ(message.type != nullptr ? message.type->name : "none", sample.message);
  EXPECT_EQ(message.direction, sample.direction);
  EXPECT_EQ(message.dialect != nullptr ? message.dialect : "", sample.dialect);
  EXPECT_EQ(message.view(), sample.bytes);
  EXPECT_EQ(joined(field_differences(sample, message)), "") << print_tree(message.events);
  EXPECT_EQ(joined(finding_differences(sample, message, findings_of(sample, message))), "");
  if (sample.form == Form::kStrict) {
    for (const Issue& issue : message.issues) ADD_FAILURE() << "a strict sample with an issue: " << explain(issue);
  }
}

TEST_P(ReloadSample, EncodesAgain) {
  Message message;
  decode(sample, message);
  if (message.body == nullptr || !message.issues.empty()) return;
  EXPECT_EQ(encode_again(message), sample.bytes);
}

TEST_P(ReloadSample, ScenarioTextGivesTheSameBytes) {
  Message message;
  decode(sample, message);
  // A lenient form is read, and written only by a mutation.
  if (message.type == nullptr || !message.issues.empty() || sample.form == Form::kLenient) return;
  const EncodeResult result = reload::protocol().encode(message.type->name, tree_of(message), {});
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.bytes, sample.bytes);
}

TEST_P(ReloadSample, CutAnywhereIsToldAndNothingIsInvented) {
  Message message;
  for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
    ASSERT_NO_FATAL_FAILURE(
        survives(std::string_view(sample.bytes).substr(0, size), message, "cut at " + std::to_string(size)));
    if (sample.form == Form::kStrict) {
      EXPECT_FALSE(message.issues.empty()) << "cut at " << size;
    }
  }
}

TEST_P(ReloadSample, BytesBehindTheEndAreTold) {
  if (sample.form != Form::kStrict) return;
  Message message;
  ASSERT_NO_FATAL_FAILURE(survives(sample.bytes + '\0', message, "with one byte more"));
  EXPECT_TRUE(message.has(Shape::kTrailing));
}

// Each length one too long and one too short is told, and reading goes on to the end.
TEST_P(ReloadSample, WrongLengthsAreTold) {
  if (sample.form != Form::kStrict) return;
  Message whole;
  decode(sample, whole);
  Message message;
  for (std::uint32_t i = 0; i < whole.events.size(); ++i) {
    const Event& event = whole.events[i];
    const bool length = event.field->replay == Replay::kDerived && event.has_number &&
                        std::string_view(event.field->name).ends_with("length");
    if (!length) continue;
    for (const int by : {-1, 1}) {
      std::string bytes = sample.bytes;
      std::uint64_t number = static_cast<std::uint64_t>(event.number) + static_cast<std::uint64_t>(by);
      for (std::uint32_t k = event.length; k-- > 0; number >>= 8)
        bytes[event.offset + k] = static_cast<char>(number & 0xff);
      ASSERT_NO_FATAL_FAILURE(survives(bytes, message, path_of(whole.events, i)));
    }
  }
}

TEST_P(ReloadSample, ManyMutantsDoNotHurt) {
  std::mt19937 random(static_cast<unsigned>(std::hash<std::string>{}(sample.name)));
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  Message message;
  for (int i = 0; i < 300; ++i) {
    std::string bytes = sample.bytes;
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
      const std::size_t at = below(bytes.size() + 1);
      switch (below(4)) {
        case 0:
        case 1:
          if (at < bytes.size()) bytes[at] = static_cast<char>(random());
          break;
        case 2:
          bytes.erase(std::min(at, bytes.size()), 1 + below(20));
          break;
        default:
          bytes.insert(at, bytes.substr(below(bytes.size() + 1), below(40)));
          break;
      }
    }
    ASSERT_NO_FATAL_FAILURE(survives(bytes, message, "mutant " + std::to_string(i)));
  }
}

TEST_P(ReloadSample, AUsedMessageDecodesLikeANewOne) {
  Message used;
  decode(load_sample(sample_path("reload", "store_req_redir")), used);
  decode(sample, used);
  Message fresh;
  decode(sample, fresh);
  EXPECT_EQ(print_tree(used.events), print_tree(fresh.events));
  EXPECT_EQ(used.issues.size(), fresh.issues.size());
  EXPECT_EQ(used.type, fresh.type);
}

INSTANTIATE_TEST_SUITE_P(Samples, ReloadSample, testing::ValuesIn(sample_paths("reload")), [](const auto& at) {
  return at.param.substr(at.param.rfind('/') + 1, at.param.rfind('.') - at.param.rfind('/') - 1);
});

TEST(ReloadSamples, CoverEveryMessage) {
  std::set<std::string> seen;
  for (const std::string& path : sample_paths("reload")) seen.insert(load_sample(path).message);
  for (const MessageType& row : reload::kMessages) EXPECT_TRUE(seen.contains(row.name)) << row.name;
}

// Every field of the description is reached by a sample, so none is dead and every name was looked at.
TEST(ReloadFields, EveryFieldIsReachable) {
  std::set<const Field*> seen;
  for (const std::string& path : sample_paths("reload")) {
    Message message;
    decode(load_sample(path), message);
    for (const Event& event : message.events) seen.insert(event.field);
  }
  {
    const Sample sample = load_sample(sample_path("reload", "route_query_ans"));
    reload::Context other;
    other.chord = false;
    Message message;
    message.context = &other;
    reload::decode(sample.bytes, message);
    EXPECT_TRUE(message.issues.empty());
    for (const Event& event : message.events) seen.insert(event.field);
  }
  for (const FieldPlace& place : reload::protocol().fields())
    EXPECT_TRUE(seen.contains(place.field)) << place.field->filter;
}

TEST(ReloadFields, NamesAreUniqueAndWellFormed) {
  std::map<std::string, const Field*> names;
  for (const FieldPlace& place : reload::protocol().fields()) {
    const std::string filter = place.field->filter;
    EXPECT_TRUE(filter == "relo" || filter.starts_with("relo.")) << filter;
    EXPECT_EQ(filter.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._"), std::string::npos) << filter;
    EXPECT_FALSE(std::string_view(place.field->about).empty()) << filter;
    EXPECT_FALSE(std::string_view(place.field->section).empty()) << filter;
    const auto [at, fresh] = names.emplace(filter, place.field);
    EXPECT_TRUE(fresh || at->second == place.field) << filter << " names two fields";
  }
  EXPECT_GT(names.size(), 250U);
}

}  // namespace
}  // namespace peerscope::test
