// SPDX-License-Identifier: GPL-2.0-or-later
// The loader of sample files: strict, with file and line in every complaint.
#include "tests/support/sample.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace peerscope::test {
namespace {

constexpr std::string_view kHead =
    "title: A title: with colons\n"
    "section: 1\n"
    "origin: here\n"
    "protocol: ppstp\n"
    "message: FIND\n"
    "direction: request\n"
    "form: strict\n";

Sample parse(std::string_view rest, std::string_view head = kHead) {
  return parse_sample(std::string(head) + std::string(rest), "f.txt");
}
std::string error_of(std::string_view rest, std::string_view head = kHead) {
  try {
    (void)parse(rest, head);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

TEST(Sample, ReadsHeaderBodyFieldsAndFindings) {
  const Sample sample = parse(
      "# a comment\n"
      "\n"
      "media_type: application/json\n"
      "status: 200\n"
      "body:\n"
      "{ # no comment\n"
      "\n"
      "}\n"
      "fields:\n"
      "a = 1\n"
      "a.b = -7\n"
      "c[0].d = \"x = \\\"y\\\"\\n\"\n"
      "e = group\n"
      "f = raw {\"g\": [1]}\n"
      "h = absent\n"
      "findings:\n"
      "P-HTTP-01 error at message\n"
      "P-HTTP-08 note\n");
  EXPECT_EQ(sample.name, "f");
  EXPECT_EQ(sample.title, "A title: with colons");
  EXPECT_EQ(sample.bytes, "{ # no comment\n\n}");
  EXPECT_TRUE(sample.transport.has_http);
  EXPECT_EQ(sample.transport.status, 200);
  ASSERT_EQ(sample.fields.size(), 6U);
  EXPECT_EQ(sample.fields[1].number, -7);
  EXPECT_EQ(sample.fields[2].text, "x = \"y\"\n");
  EXPECT_EQ(sample.fields[3].kind, SampleField::Kind::kGroup);
  EXPECT_EQ(sample.fields[4].text, "{\"g\": [1]}");
  EXPECT_EQ(sample.fields[5].kind, SampleField::Kind::kAbsent);
  ASSERT_EQ(sample.findings.size(), 2U);
  EXPECT_EQ(sample.findings[0].path, "message");
  EXPECT_EQ(sample.findings[1].severity, Severity::kNote);
}

TEST(Sample, HexRunsNameTheirFieldAndItsPlace) {
  const Sample sample = parse(
      "hex:\n01 02   # a = 258\n7b7d\n6869    # b = \"hi\"\nff      # just a remark\nfields:\nc = 3\nfindings:\n");
  EXPECT_EQ(sample.bytes, "\x01\x02{}hi\xff");
  ASSERT_EQ(sample.fields.size(), 3U);
  EXPECT_TRUE(sample.fields[1].has_place);
  EXPECT_EQ(sample.fields[1].offset, 4U);
  EXPECT_EQ(sample.fields[1].length, 2U);
  EXPECT_FALSE(sample.fields[2].has_place);
}

TEST(Sample, ComplaintsNameFileAndLine) {
  const std::string end = "body:\n{}\nfields:\nfindings:\n";
  EXPECT_EQ(error_of(end), "");
  EXPECT_EQ(error_of("colour: red\n" + end), "f.txt:8: unknown key 'colour'");
  EXPECT_EQ(error_of("title: again\n" + end), "f.txt:8: title: appears twice");
  EXPECT_EQ(error_of("status:\n" + end), "f.txt:8: status: has no value");
  EXPECT_EQ(error_of("status: ok\n" + end), "f.txt:8: 'ok' is not a number");
  EXPECT_EQ(error_of("no colon\n" + end), "f.txt:8: expected key: value");
  EXPECT_EQ(error_of("security: none\n" + end), "f.txt:8: 'none' is none of clear, tls");
  EXPECT_EQ(error_of("body:\n{}\nfindings:\n"), "f.txt:10: fields: is missing");
  EXPECT_EQ(error_of("fields:\nfindings:\n"), "f.txt:9: expected one of body: and hex:");
  EXPECT_EQ(error_of("body:\n{}\nfields:\na=1\nfindings:\n"), "f.txt:11: expected path = value");
  EXPECT_EQ(error_of("body:\n{}\nfields:\na = x\nfindings:\n"), "f.txt:11: 'x' is not a number");
  EXPECT_EQ(error_of("body:\n{}\nfields:\na = \"x\nfindings:\n"), "f.txt:11: a text without its closing quote");
  EXPECT_EQ(error_of("body:\n{}\nfields:\na = \"\\q\"\nfindings:\n"), "f.txt:11: unknown escape in a text");
  EXPECT_EQ(error_of("body:\n{}\nfields:\nfindings:\nP-NOPE-01 error\n"), "f.txt:12: no requirement 'P-NOPE-01'");
  EXPECT_EQ(error_of("body:\n{}\nfields:\nfindings:\nP-HTTP-01 fatal\n"),
            "f.txt:12: 'fatal' is none of chat, note, warn, error");
  EXPECT_EQ(error_of("body:\n{}\nfields:\nfindings:\nP-HTTP-01 error in a\n"),
            "f.txt:12: expected: id severity [at path]");
  EXPECT_EQ(error_of("body:\n{}\nfields:\nfindings:\nfields:\n"), "f.txt:12: the part fields: appears twice");
  EXPECT_EQ(error_of("hex:\n0\nfields:\nfindings:\n"), "f.txt:9: half a byte");
  EXPECT_EQ(error_of("hex:\nFF\nfields:\nfindings:\n"), "f.txt:9: 'F' is not a lower-case hexadecimal digit");
  EXPECT_EQ(error_of(end, "title: t\n"), "f.txt:5: section is missing");
  EXPECT_EQ(error_of(end, "protocol: nope\n"), "f.txt:1: no protocol 'nope'");
  std::string other(kHead);
  other.replace(other.find("FIND"), 4, "LOOK");
  EXPECT_EQ(error_of(end, other), "f.txt:11: no message 'LOOK'");
}

// A test that cannot fail is none: differences are found.
TEST(Sample, DifferencesAreFound) {
  const Sample right = load_sample(sample_path("ppstp", "find_clear_text"));
  Message message;
  decode(right, message);
  std::vector<Finding> findings;
  run_checks(*right.protocol, {message}, {}, findings);
  ASSERT_TRUE(field_differences(right, message).empty());
  ASSERT_TRUE(finding_differences(right, message, findings).empty());

  Sample wrong = right;
  wrong.fields[0].number = 2;
  EXPECT_EQ(field_differences(wrong, message).size(), 2U) << "the value expected, and the one that is there";
  wrong = right;
  wrong.fields.pop_back();
  EXPECT_EQ(field_differences(wrong, message).size(), 1U) << "a field that is not listed";
  wrong = right;
  wrong.fields[1].kind = SampleField::Kind::kAbsent;
  EXPECT_FALSE(field_differences(wrong, message).empty());
  wrong = right;
  wrong.fields[1].has_place = true;
  wrong.fields[1].offset = 1;
  EXPECT_EQ(field_differences(wrong, message).size(), 1U);
  wrong = right;
  wrong.findings.clear();
  EXPECT_EQ(finding_differences(wrong, message, findings).size(), 1U);
  wrong = right;
  wrong.findings[0].severity = Severity::kError;
  EXPECT_EQ(finding_differences(wrong, message, findings).size(), 2U);
  wrong = right;
  wrong.findings[0].path = "version";
  EXPECT_EQ(finding_differences(wrong, message, findings).size(), 2U);
}

}  // namespace
}  // namespace peerscope::test
