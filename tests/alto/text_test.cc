// SPDX-License-Identifier: GPL-2.0-or-later
// Names, constraints, dates and patches.
#include <gtest/gtest.h>

#include <array>
#include <tuple>

#include "protocols/alto/constraint.h"
#include "protocols/alto/names.h"
#include "protocols/alto/patch_apply.h"

namespace peerscope::alto {
namespace {

TEST(AltoNames, FollowTheirSyntax) {
  for (const char* name : {"PID1", "a", "A-b:c@d_e"}) EXPECT_EQ(pid_name_fault(name), "") << name;
  EXPECT_EQ(pid_name_fault(std::string(64, 'x')), "");
  for (const char* name : {"", "a.b", "a b", "\xc3\xa4", "a/b"}) EXPECT_NE(pid_name_fault(name), "") << name;
  EXPECT_NE(pid_name_fault(std::string(65, 'x')), "");
  EXPECT_EQ(pid_name_fault("a.b", true), "");
  EXPECT_EQ(tag_fault("!~"), "");
  EXPECT_NE(tag_fault("a b"), "");
  EXPECT_EQ(property_name_fault("nm.priv:x"), "");
  EXPECT_NE(property_name_fault("a.b.c"), "");
  EXPECT_NE(property_name_fault(".pid"), "");
}

TEST(AltoNames, MetricsHaveStatistics) {
  EXPECT_EQ(split_metric("delay-ow:p99.9").base, "delay-ow");
  EXPECT_EQ(split_metric("delay-ow:p99.9").statistic, "p99.9");
  EXPECT_FALSE(split_metric("priv:mine:max").has_statistic);
  for (const char* word : {"min", "median", "p0", "p99.9", "p100"}) EXPECT_TRUE(is_statistic(word)) << word;
  for (const char* word : {"", "p", "p101", "p-1", "p9.", "p.9", "p1e1", "p9.9.9", "average", "Max"})
    EXPECT_FALSE(is_statistic(word)) << word;
}

TEST(AltoNames, EntitiesSplitAtTheRightColon) {
  const auto check = [](const char* text, const char* domain, const char* identifier) {
    const auto entity = split_entity(text);
    ASSERT_TRUE(entity) << text;
    EXPECT_EQ(entity->domain_text, domain) << text;
    EXPECT_EQ(entity->identifier, identifier) << text;
  };
  check("ipv4:192.0.2.0/24", "ipv4", "192.0.2.0/24");
  check("ipv6:2001:db8::/32", "ipv6", "2001:db8::/32");
  check("a:b.pid:x", "a:b.pid", "x");
  check("nm.pid:w.x", "nm.pid", "w.x");
  check(".ane:dc1", ".ane", "dc1");
  check("planet:earth", "planet", "earth");
  EXPECT_FALSE(split_entity("none"));
  EXPECT_EQ(entity_identifier_fault("asn", "as0"), "");
  for (const char* number : {"64496", "as", "as064", "as12345678901", "asx"})
    EXPECT_NE(entity_identifier_fault("asn", number), "") << number;
}

TEST(AltoConstraint, OperatorsAndIndexes) {
  const auto passes = [](const char* text, double cost) { return parse_constraint(text)->passes(cost); };
  EXPECT_TRUE(passes("gt 5", 6) && !passes("gt 5", 5));
  EXPECT_TRUE(passes("ge 5", 5) && !passes("ge 5", 4.9));
  EXPECT_TRUE(passes("lt 5", 4) && !passes("lt 5", 5));
  EXPECT_TRUE(passes("le 5", 5) && !passes("le 5", 5.1));
  EXPECT_TRUE(passes("eq -1.5e1", -15) && !passes("eq 1", 2));
  EXPECT_EQ(parse_constraint(" [12]  le\t3 ")->index, 12U);
  for (const char* text : {"", "5", "gt", "gt five", "GT 5", "gt 5 6", "foo 5", "[x] gt 5", "[] gt 5", "[1]gt 5", "gt5",
                           "gt 05", "gt +5", "[-1] gt 5", "[99999999999999999999] gt 5"})
    EXPECT_FALSE(parse_constraint(text)) << text;
}

TEST(AltoDates, AreImfFixdates) {
  EXPECT_EQ(parse_http_date("Tue, 01 Jul 2014 13:00:00 GMT")->seconds, 1404219600);
  EXPECT_TRUE(parse_http_date("Tue, 01 Jul 2014 13:00:00 GMT")->weekday_fits);
  EXPECT_FALSE(parse_http_date("Mon, 01 Jul 2014 13:00:00 GMT")->weekday_fits);
  for (const char* text :
       {"", "Tue, 1 Jul 2014 13:00:00 GMT", "Tue, 01 Jul 2014 13:00:00 UTC", "Tue, 31 Feb 2014 13:00:00 GMT",
        "Tue, 01 jul 2014 13:00:00 GMT", "Tue, 01 Jul 2014 25:00:00 GMT", "Tue. 01 Jul 2014 13:00:00 GMT"})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

JsonValue parsed(std::string_view text) {
  const auto value = parse_json(text);
  EXPECT_NE(value, nullptr) << text;
  return value != nullptr ? *value : JsonValue{};
}

// The cases of RFC 7396, appendix A, as facts.
TEST(AltoMergePatch, AppliesAsTheSpecificationSays) {
  for (const auto& [target, patch, result] : std::initializer_list<std::array<const char*, 3>>{
           {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
           {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
           {R"({"a":"b"})", R"({"a":null})", "{}"},
           {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
           {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
           {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
           {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
           {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
           {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
           {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
           {R"({"a":"foo"})", "null", "null"},
           {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
           {"[1,2]", R"({"a":"b","c":null})", R"({"a":"b"})"},
           {"{}", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"}}) {
    JsonValue value = parsed(target);
    apply_merge_patch(value, parsed(patch));
    EXPECT_EQ(json_text(value), result) << target << " + " << patch;
  }
}

TEST(AltoMergePatch, IsMadeFromTwoDocuments) {
  for (const auto& [before, after, patch] : std::initializer_list<std::array<const char*, 3>>{
           {R"({"a":1})", R"({"a":1})", "{}"},
           {R"({"a":1,"b":2})", R"({"a":1,"b":3})", R"({"b":3})"},
           {R"({"a":{"x":1,"y":2}})", R"({"a":{"y":2,"z":[1]}})", R"({"a":{"x":null,"z":[1]}})"},
           {R"({"a":{"x":1}})", R"({"a":5})", R"({"a":5})"}}) {
    JsonValue made;
    ASSERT_TRUE(make_merge_patch(parsed(before), parsed(after), made));
    EXPECT_EQ(json_text(made), patch);
    JsonValue value = parsed(before);
    apply_merge_patch(value, made);
    EXPECT_EQ(value, parsed(after));
  }
  JsonValue made;
  EXPECT_FALSE(make_merge_patch(parsed("{}"), parsed(R"({"a":null})"), made)) << "a null cannot be said";
  EXPECT_TRUE(make_merge_patch(parsed("{}"), parsed(R"({"a":[null]})"), made)) << "arrays are replaced whole";
}

TEST(AltoJsonPatch, IsMadeFromTwoDocuments) {
  for (const auto& [before, after, count] : std::initializer_list<std::tuple<const char*, const char*, std::size_t>>{
           {R"({"a":1})", R"({"a":1.0})", 0},
           {R"({"a":1,"b":2})", R"({"b":null,"c":[]})", 3},
           {R"({"a":{"x/y":1,"~":2}})", R"({"a":{"x/y":3,"~":null}})", 2},
           {R"({"a":[1,2,3,4]})", R"({"a":[1,9,4]})", 3},
           {R"({"a":[1,2]})", R"({"a":[1,2,3]})", 1},
           {R"({"a":[]})", R"({"a":{}})", 1},
           {R"([1])", R"("x")", 1}}) {
    const auto made = make_json_patch(parsed(before), parsed(after));
    EXPECT_EQ(made.size(), count) << before << " -> " << after;
    JsonValue value = parsed(before);
    EXPECT_EQ(apply_json_patch(value, made), "");
    EXPECT_EQ(value, parsed(after)) << before;
  }
}

std::vector<PatchOperation> operations(std::string_view text) {
  std::vector<PatchOperation> out;
  const JsonValue patch = parsed(text);
  for (const JsonValue& one : *patch.array()) {
    PatchOperation& operation = out.emplace_back();
    const auto text_of = [&](const char* name) {
      const JsonValue* member = one.find(name);
      return member != nullptr && member->text() != nullptr ? std::optional(*member->text()) : std::nullopt;
    };
    operation.op = text_of("op");
    operation.path = text_of("path");
    operation.from = text_of("from");
    if (const JsonValue* value = one.find("value"); value != nullptr) operation.value = *value;
  }
  return out;
}

TEST(AltoJsonPatch, AppliesEveryOperation) {
  for (const auto& [target, patch, result] : std::initializer_list<std::array<const char*, 3>>{
           {R"({"a":1})", R"([{"op":"add","path":"/b","value":2}])", R"({"a":1,"b":2})"},
           {R"({"a":[1,3]})", R"([{"op":"add","path":"/a/1","value":2}])", R"({"a":[1,2,3]})"},
           {R"({"a":[1]})", R"([{"op":"add","path":"/a/-","value":2}])", R"({"a":[1,2]})"},
           {R"({"a":1})", R"([{"op":"add","path":"","value":[]}])", "[]"},
           {R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])", R"({"b":2})"},
           {R"({"a":[1,2]})", R"([{"op":"remove","path":"/a/0"}])", R"({"a":[2]})"},
           {R"({"a":1})", R"([{"op":"replace","path":"/a","value":null}])", R"({"a":null})"},
           {R"({"a":{"x":1},"b":{}})", R"([{"op":"move","path":"/b/y","from":"/a/x"}])", R"({"a":{},"b":{"y":1}})"},
           {R"({"a":{"x":1}})", R"([{"op":"copy","path":"/b","from":"/a"}])", R"({"a":{"x":1},"b":{"x":1}})"},
           {R"({"a":1})", R"([{"op":"test","path":"/a","value":1.0}])", R"({"a":1})"},
           {R"({"10.0.0.0/8":1,"~":2})", R"([{"op":"remove","path":"/10.0.0.0~18"},{"op":"remove","path":"/~0"}])",
            "{}"}}) {
    JsonValue value = parsed(target);
    EXPECT_EQ(apply_json_patch(value, operations(patch)), "") << patch;
    EXPECT_EQ(json_text(value), result) << patch;
  }
}

TEST(AltoJsonPatch, AppliesAllOrNothing) {
  for (const char* patch :
       {R"([{"op":"add","path":"/b","value":1},{"op":"remove","path":"/x"}])",
        R"([{"op":"replace","path":"/x","value":1}])", R"([{"op":"test","path":"/a","value":2}])",
        R"([{"op":"add","path":"/x/y","value":1}])", R"([{"op":"add","path":"a","value":1}])",
        R"([{"op":"add","path":"/~2","value":1}])", R"([{"op":"add","path":"/b"}])",
        R"([{"op":"move","path":"/l/x","from":"/l"}])", R"([{"op":"remove","path":"/l/01"}])",
        R"([{"op":"remove","path":"/l/-"}])", R"([{"op":"add","path":"/l/9","value":1}])",
        R"([{"op":"splice","path":"/a"}])", R"([{"path":"/a"}])", R"([{"op":"copy","path":"/a"}])"}) {
    JsonValue value = parsed(R"({"a":1,"l":[1,2]})");
    EXPECT_NE(apply_json_patch(value, operations(patch)), "") << patch;
    EXPECT_EQ(json_text(value), R"({"a":1,"l":[1,2]})") << patch;
  }
}

TEST(AltoJsonPatch, CannotMakeWhatNoDocumentNeeds) {
  // Each step doubles the document.
  std::vector<PatchOperation> doubling(80);
  for (std::size_t i = 0; i < doubling.size(); ++i) {
    doubling[i].op = "copy";
    doubling[i].from = "/a";
    doubling[i].path = "/a/-";
  }
  JsonValue wide = parsed(R"({"a":[1]})");
  EXPECT_NE(apply_json_patch(wide, doubling).find("operation"), std::string::npos);
  EXPECT_EQ(json_text(wide), R"({"a":[1]})");
  // Two members, then four: wide without getting deep is bounded as well.
  std::vector<PatchOperation> more;
  for (int i = 0; i < 30; ++i) {
    more.push_back({.op = "copy", .path = "/t", .from = "/b", .value = {}});
    more.push_back({.op = "add", .path = "/b", .from = {}, .value = parsed("[]")});
    for (int k = 0; k < 4; ++k) more.push_back({.op = "copy", .path = "/b/-", .from = "/t", .value = {}});
  }
  JsonValue both = parsed(R"({"b":[1,2]})");
  EXPECT_NE(apply_json_patch(both, more).find("the patch makes more than any document needs"), std::string::npos);
}

}  // namespace
}  // namespace peerscope::alto
