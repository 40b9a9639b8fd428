// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/scenario/yaml.h"

#include <gtest/gtest.h>

namespace peerscope::harness {
namespace {

TEST(Yaml, ScalarsStayTextWithTheirPlace) {
  const YamlResult result = parse_yaml("code: 00\nanswer: no\nlist: [a, 1.10]\n", "f.yaml");
  ASSERT_EQ(result.error, "");
  EXPECT_EQ(result.tree.find("code")->scalar, "00");
  EXPECT_EQ(result.tree.find("answer")->scalar, "no");
  EXPECT_EQ(result.tree.find("list")->items.at(1).scalar, "1.10");
  EXPECT_EQ(result.tree.find("answer")->line, 2);
}

struct Refused {
  const char* text;
  const char* where;
  const char* why;
};

class YamlRefuses : public testing::TestWithParam<Refused> {};

TEST_P(YamlRefuses, WithFileLineAndReason) {
  const YamlResult result = parse_yaml(GetParam().text, "f.yaml");
  EXPECT_TRUE(result.error.starts_with(std::string("f.yaml:") + GetParam().where)) << result.error;
  EXPECT_NE(result.error.find(GetParam().why), std::string::npos) << result.error;
}

INSTANTIATE_TEST_SUITE_P(
    Traps, YamlRefuses,
    testing::Values(Refused{"a: 1\nb: 2\na: 3\n", "3:", "twice"}, Refused{"a: &x 1\n", "1:", "anchors"},
                    Refused{"a: &x 1\nb: *x\n", "1:", "anchors"}, Refused{"a: !!int 1\n", "1:", "tags"},
                    Refused{"a: 1\n---\nb: 2\n", "1:", "more than one document"}, Refused{"", "", "empty"},
                    Refused{"a: [1, 2\n", "2:", ""}, Refused{"? [x]\n: 1\n", "1:", "key must be"}));

TEST(Yaml, DeepNestingEndsInAnError) {
  const YamlResult result = parse_yaml(std::string(1000, '['), "f.yaml");
  EXPECT_NE(result.error, "");
}

}  // namespace
}  // namespace peerscope::harness
