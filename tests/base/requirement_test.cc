// SPDX-License-Identifier: GPL-2.0-or-later
// The requirement engine, with a table made for this test.
#include "protocols/base/requirement.h"

#include <gtest/gtest.h>

#include "protocols/base/protocol.h"
#include "protocols/base/rows.h"

namespace peerscope {
namespace {

using namespace rows;
using L = Level;

constexpr Field kGroup{.filter = "t", .name = "group", .label = "Group", .type = Type::kGroup};
constexpr Field kOne{.filter = "t.one", .name = "one", .label = "One", .type = Type::kInt64};
constexpr Field kTwo{.filter = "t.two", .name = "two", .label = "Two", .type = Type::kInt64};

void says_whole(const CheckInput&, Reporter& r) {
  r.whole("whole");
}
void says_softly(const CheckInput& in, Reporter& r) {
  r.soften(Severity::kChat);
  r.at(kOne, "soft");
  r.reset();
  r.at(&in.message.events.at(0), "hard");
}
void leaves_softened(const CheckInput&, Reporter& r) {
  r.soften(Severity::kChat);
  r.whole("left soft");
}

constexpr Requirement kRows[] = {
    message("T-MSG-ANY", "1", L::kMust, Party::kAny, "Any message.", says_whole),
    message("T-MSG-CLIENT", "1", L::kShould, Party::kClient, "A request.", says_whole),
    message("T-MSG-SERVER", "1", L::kMay, Party::kServer, "A response.", says_whole),
    exchange("T-EXCHANGE", "1", L::kGrammar, Party::kAny, "A response and its request.", says_whole),
    session("T-SESSION", "1", L::kMustNot, Party::kAny, "A message and all before it.", says_whole),
    behaviour("T-BEHAVIOUR", "1", L::kMust, Party::kAny, "Provoked."),
    unchecked("T-UNCHECKED", "1", L::kMust, Party::kAny, "Not visible.", "nobody can see it"),
};

Protocol protocol_of(std::span<const Requirement> rows) {
  Protocol protocol{};
  protocol.name = "t";
  protocol.requirements = rows;
  return protocol;
}

struct State : Session {};

std::string ids(std::span<const Requirement> rows, const CheckInput& input, CheckScopes scopes = {}) {
  std::vector<Finding> findings;
  run_checks(protocol_of(rows), input, scopes, findings);
  std::string out;
  for (const Finding& finding : findings) out += (out.empty() ? "" : " ") + std::string(finding.rule->id);
  return out;
}

TEST(RunChecks, JudgesEachPartysMessagesOnly) {
  Message request;
  request.direction = Direction::kRequest;
  EXPECT_EQ(ids(kRows, {request}), "T-MSG-ANY T-MSG-CLIENT");
  Message response;
  response.direction = Direction::kResponse;
  EXPECT_EQ(ids(kRows, {response}), "T-MSG-ANY T-MSG-SERVER");
  Message unknown;
  EXPECT_EQ(ids(kRows, {unknown}), "T-MSG-ANY T-MSG-CLIENT T-MSG-SERVER") << "whose it is cannot be told";
}

TEST(RunChecks, ScopesNeedWhatTheySee) {
  Message request;
  Message response;
  response.direction = Direction::kResponse;
  const State state;
  EXPECT_EQ(ids(kRows, {response, &request}), "T-MSG-ANY T-MSG-SERVER T-EXCHANGE");
  EXPECT_EQ(ids(kRows, {response, nullptr, &state}), "T-MSG-ANY T-MSG-SERVER T-SESSION");
  EXPECT_EQ(ids(kRows, {response, &request, &state}), "T-MSG-ANY T-MSG-SERVER T-EXCHANGE T-SESSION")
      << "in the order of the table";
  EXPECT_EQ(ids(kRows, {response, &request, &state}, {.message = false, .exchange = true, .session = false}),
            "T-EXCHANGE");
  EXPECT_EQ(ids(kRows, {response, &request, &state}, {.message = false, .exchange = false, .session = true}),
            "T-SESSION");
  EXPECT_EQ(ids(kRows, {response, &request, &state}, {.message = false, .exchange = false, .session = false}), "");
}

TEST(RunChecks, SaysNothingOfADialect) {
  Message message;
  message.dialect = "older";
  EXPECT_EQ(ids(kRows, {message}), "");
}

TEST(Reporter, SofteningEndsWithResetAndWithTheRow) {
  constexpr Requirement kSoft[] = {message("T-1", "1", L::kMust, Party::kAny, "One.", says_softly),
                                   message("T-2", "1", L::kMust, Party::kAny, "Two.", leaves_softened),
                                   message("T-3", "1", L::kShould, Party::kAny, "Three.", says_whole)};
  Message message;
  message.events.resize(2);
  message.events[0].field = &kGroup;
  message.events[0].offset = 3;
  message.events[0].length = 9;
  message.events[1].field = &kOne;
  message.events[1].offset = 5;
  message.events[1].length = 1;
  std::vector<Finding> findings;
  run_checks(protocol_of(kSoft), {message}, {}, findings);
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings[0].severity, Severity::kChat);
  EXPECT_EQ(findings[0].offset, 5U);
  EXPECT_EQ(findings[0].length, 1U);
  EXPECT_EQ(findings[0].detail, "soft");
  EXPECT_EQ(findings[1].severity, Severity::kError);
  EXPECT_EQ(findings[1].offset, 3U);
  EXPECT_EQ(findings[2].severity, Severity::kChat);
  EXPECT_EQ(findings[2].length, 0U) << "the message as a whole";
  EXPECT_EQ(findings[3].severity, Severity::kWarn) << "softness does not outlive its row";
}

TEST(Reporter, AnAbsentFieldConcernsTheWholeMessage) {
  Message message;
  std::vector<Finding> findings;
  const CheckInput input{message};
  Reporter reporter(input, findings);
  reporter.use(kRows[0]);
  reporter.at(kTwo, "not there");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].length, 0U);
}

TEST(Rows, ClaimIssuesByShapeFieldAndGroup) {
  constexpr Requirement kClaims[] = {
      message("T-SHAPES", "1", L::kMust, Party::kAny, "Any field.", shapes<Shape::kMissing, Shape::kTrailing>),
      message("T-CLAIMS", "1", L::kMust, Party::kAny, "One field.", claims<kOne, Shape::kMissing>),
      message("T-CLAIMS-IN", "1", L::kMust, Party::kAny, "One field in one group.",
              claims_in<kOne, kGroup, Shape::kMissing>),
  };
  const auto claimed = [&](const Issue& issue) {
    Message message;
    message.issues.push_back(issue);
    return ids(kClaims, {message});
  };
  EXPECT_EQ(claimed({.shape = Shape::kMissing, .field = &kOne, .parent = &kGroup}), "T-SHAPES T-CLAIMS T-CLAIMS-IN");
  EXPECT_EQ(claimed({.shape = Shape::kMissing, .field = &kOne}), "T-SHAPES T-CLAIMS");
  EXPECT_EQ(claimed({.shape = Shape::kMissing, .field = &kTwo, .parent = &kGroup}), "T-SHAPES");
  EXPECT_EQ(claimed({.shape = Shape::kTrailing}), "T-SHAPES");
  EXPECT_EQ(claimed({.shape = Shape::kDuplicate, .field = &kOne, .parent = &kGroup}), "");
}

TEST(Rows, SeverityFollowsTheLevel) {
  EXPECT_EQ(kRows[0].severity, Severity::kError);
  EXPECT_EQ(kRows[1].severity, Severity::kWarn);
  EXPECT_EQ(kRows[2].severity, Severity::kNote);
  EXPECT_EQ(default_severity(L::kOurs), Severity::kNote);
  EXPECT_EQ(default_severity(L::kMustNot), Severity::kError);
  EXPECT_EQ(default_severity(L::kShouldNot), Severity::kWarn);
  EXPECT_EQ(with(kRows[0], Severity::kChat).severity, Severity::kChat);
  EXPECT_TRUE(info(kRows[0]).informational);
  EXPECT_EQ(info(kRows[0]).severity, Severity::kNote) << "an INFO row never counts against anyone";
  EXPECT_STREQ(kRows[6].reason, "nobody can see it");
}

TEST(Rows, NamesOfLevelsAndScopes) {
  EXPECT_EQ(to_string(L::kShouldNot), "SHOULD NOT");
  EXPECT_EQ(to_string(L::kOurs), "OURS");
  EXPECT_EQ(to_string(Party::kServer), "server");
  EXPECT_EQ(to_string(Scope::kBehaviour), "behaviour");
  EXPECT_EQ(to_string(Severity::kWarn), "warn");
}

TEST(FindRequirement, FindsARowAndItsProtocol) {
  const Protocol* protocol = nullptr;
  const Requirement* row = find_requirement("P-HTTP-01", &protocol);
  ASSERT_NE(row, nullptr);
  EXPECT_STREQ(row->id, "P-HTTP-01");
  EXPECT_STREQ(protocol->name, "ppstp");
  EXPECT_EQ(find_requirement("P-HTTP-99"), nullptr);
  EXPECT_EQ(find_requirement(""), nullptr);
  EXPECT_EQ(find_protocol("PPSTP"), nullptr) << "names are exact";
}

}  // namespace
}  // namespace peerscope
