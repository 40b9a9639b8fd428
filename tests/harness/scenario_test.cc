// SPDX-License-Identifier: GPL-2.0-or-later
// Scenario files: what the loader makes of steps that bring others, and how it tells mistakes.
#include "harness/scenario/scenario.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>

#include "harness/scenario/schema.h"
#include "harness/scenario/yaml.h"

namespace peerscope::harness {
namespace {

constexpr const char* kHead = "format: 1\nscenario: {}\ntitle: a title\nrole: tracker\ntests: [P-FIND-04]\n";

class ScenarioFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "peerscope-scenario-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // `body`: what follows the head.
  std::string write(const std::string& id, const std::string& body) {
    const std::string path = folder_ + "/" + id + ".yaml";
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << fmt::format(fmt::runtime(kHead), id) << body;
    return path;
  }
  ScenarioResult load(const std::string& id, const std::string& body) { return load_scenario(write(id, body)); }
  static std::string told(const ScenarioResult& result) { return fmt::format("{}", fmt::join(result.errors, "\n")); }

  std::string folder_;
};

constexpr const char* kJoins = R"(let: {swarm: "${hex(20)}", port: 6778}
params: {mode: [LEECH]}
steps:
  - {id: joins, by: leech, send: {msg: FIND, with: {find: {swarm_id: $swarm}}}, expect: {check: [P-FIND-04], where: {response_type: 0}}}
  - {by: leech, expect: {same_as: joins, msg: any}}
finally:
  - {by: leech, setup: true, send: {msg: STAT_REPORT}, expect: {msg: any}}
)";

TEST_F(ScenarioFiles, UseBringsStepsAsPreparation) {
  write("ppstp/joins", kJoins);
  const ScenarioResult result = load("ppstp/tests", R"(let: {swarm: mine}
steps:
  - {use: {scenario: ppstp/joins, with: {mode: LEECH, port: "1"}}, id: first, when: "swarm == 'mine'"}
  - {id: finds, by: leech, send: {msg: FIND, with: {find: {swarm_id: $swarm}}}, expect: {where: {response_type: 0}}}
finally:
  - {by: own, setup: true, send: {msg: STAT_REPORT}, expect: {msg: any}}
)");
  ASSERT_EQ(told(result), "");
  const std::vector<Step>& steps = result.scenario.steps;
  ASSERT_EQ(steps.size(), 4U);
  // Its variables first; the swarm is this scenario's own.
  ASSERT_EQ(steps[0].set.members.size(), 2U);
  EXPECT_EQ(steps[0].set.find("mode")->scalar, "LEECH");
  EXPECT_EQ(steps[0].set.find("port")->scalar, "1");
  EXPECT_EQ(steps[1].id, "first/joins");
  EXPECT_TRUE(steps[1].setup);
  EXPECT_TRUE(steps[1].expect->check.empty());
  EXPECT_EQ(steps[1].when, "swarm == 'mine'");
  EXPECT_EQ(steps[2].expect->same_as, "first/joins");
  EXPECT_EQ(steps[3].id, "finds");
  EXPECT_FALSE(steps[3].setup);
  // Its own end comes last, as it began first.
  ASSERT_EQ(result.scenario.finally.size(), 3U);
  EXPECT_EQ(result.scenario.finally[0].by, "own");
  EXPECT_EQ(result.scenario.finally[2].by, "leech");
}

TEST_F(ScenarioFiles, UseFindsAFileBesideThisOne) {
  write("ppstp/joins", kJoins);
  const ScenarioResult result = load("ppstp/tests", "steps:\n  - use: {scenario: joins.yaml, with: {mode: LEECH}}\n");
  EXPECT_EQ(told(result), "");
  EXPECT_EQ(result.scenario.steps.at(1).id, "joins.yaml/joins");
}

TEST_F(ScenarioFiles, MistakesInUseAreToldWithTheirPlace) {
  write("ppstp/joins", kJoins);
  write("ppstp/broken", "steps:\n  - {by: x, sned: 1}\n");
  write("ppstp/peer", "steps:\n  - {control: start}\n");
  const auto told_of = [&](const std::string& steps) { return told(load("ppstp/tests", "steps:\n" + steps)); };
  const std::string at = folder_ + "/ppstp/tests.yaml:7:";
  EXPECT_EQ(told_of("  - use: ppstp/nowhere\n"),
            at + "10: use: no scenario 'ppstp/nowhere' beside this one or in the suites");
  for (const char* outside : {"../joins.yaml", "/etc/passwd.yaml", "ppstp/../../x", "a b"})
    EXPECT_NE(told_of(fmt::format("  - use: '{}'\n", outside)).find("no scenario"), std::string::npos) << outside;
  EXPECT_EQ(told_of("  - use: ppstp/joins\n"), at + "10: use: ppstp/joins needs with: {mode: ...}");
  EXPECT_NE(told_of("  - use: {scenario: ppstp/joins, with: {mode: x, swrm: y}}\n").find("has no variable 'swrm'"),
            std::string::npos);
  EXPECT_NE(told_of("  - use: {scenario: ppstp/joins, with: {mode: $nobody}}\n").find("no variable 'nobody'"),
            std::string::npos);
  const std::string broken = told_of("  - use: ppstp/broken\n");
  EXPECT_NE(broken.find(at + "10: use: ppstp/broken has mistakes"), std::string::npos) << broken;
  EXPECT_NE(broken.find(folder_ + "/ppstp/broken.yaml:7:"), std::string::npos) << broken;
  EXPECT_NE(
      told_of("  - use: {scenario: ppstp/joins, with: {mode: x}}\n  - use: {scenario: ppstp/joins, with: {mode: x}}\n")
          .find("is used twice here; give each an id"),
      std::string::npos);
  EXPECT_NE(told_of("  - {use: ppstp/joins, send: {msg: FIND}}\n").find("unknown key 'send'"), std::string::npos);
}

TEST_F(ScenarioFiles, PreparationAloneDecidesNothing) {
  write("ppstp/joins", "steps:\n  - {by: a, send: {msg: STAT_REPORT}, expect: {where: {response_type: 0}}}\n");
  const auto told_of = [&](const std::string& tests, const std::string& steps) {
    const std::string path = write("ppstp/tests", "");
    std::ofstream(path) << "format: 1\nscenario: ppstp/tests\ntitle: t\nrole: tracker\ntests: [" << tests
                        << "]\nsteps:\n"
                        << steps;
    return told(load_scenario(path));
  };
  const std::string setup = "  - {by: a, setup: true, send: {msg: STAT_REPORT}, expect: {where: {response_type: 0}}}\n";
  for (const std::string& steps : {std::string("  - use: ppstp/joins\n"), setup}) {
    EXPECT_NE(told_of("P-CONN-16", steps).find("none decides P-CONN-16"), std::string::npos) << steps;
    EXPECT_EQ(told_of("P-RESP-05", steps), "") << "a check sees it in any traffic";
  }
  EXPECT_EQ(told_of("P-CONN-16", "  - use: ppstp/joins\n  - {by: a, send: {msg: STAT_REPORT}, expect: {}}\n"), "");
}

TEST_F(ScenarioFiles, UseIsForTheSameRoleOnly) {
  const std::string path = folder_ + "/ppstp/starts.yaml";
  std::filesystem::create_directories(folder_ + "/ppstp");
  std::ofstream(path) << "format: 1\nscenario: ppstp/starts\ntitle: t\nrole: peer\ntests: [P-ERR-07]\nsteps:\n  - "
                         "{control: start}\n";
  EXPECT_NE(told(load("ppstp/tests", "steps:\n  - use: ppstp/starts\n")).find("ppstp/starts is for a peer"),
            std::string::npos);
}

TEST_F(ScenarioFiles, CirclesOfUseAreToldWithTheirChain) {
  write("ppstp/a", "steps:\n  - use: ppstp/b\n");
  write("ppstp/b", "steps:\n  - use: ppstp/c\n");
  const std::string last = write("ppstp/c", "steps:\n  - use: ppstp/a\n");
  const std::string all = told(load_scenario(folder_ + "/ppstp/a.yaml"));
  EXPECT_NE(all.find(fmt::format("{0}:7:10: use: goes in a circle: {1}/ppstp/a.yaml -> {1}/ppstp/b.yaml -> {0} -> "
                                 "{1}/ppstp/a.yaml",
                                 last, folder_)),
            std::string::npos)
      << all;
  const std::string alone = write("ppstp/alone", "steps:\n  - use: ppstp/alone\n");
  EXPECT_NE(told(load_scenario(alone)).find("goes in a circle: " + alone + " -> " + alone), std::string::npos);
}

TEST_F(ScenarioFiles, UseHasADepthAndAnEnd) {
  // Each uses the next one twice: without a limit, 2^20 steps.
  for (int i = 0; i < 20; ++i)
    write(fmt::format("ppstp/s{}", i),
          fmt::format("steps:\n  - {{use: ppstp/s{0}, id: one}}\n  - {{use: ppstp/s{0}, id: two}}\n", i + 1));
  write("ppstp/s20", "steps:\n  - {by: x, wait: 1s}\n");
  EXPECT_NE(told(load_scenario(folder_ + "/ppstp/s0.yaml")).find("scenarios one inside the other"), std::string::npos);
  std::string many = "steps:\n";
  for (int i = 0; i < 300; ++i) many += fmt::format("  - {{use: ppstp/wide, id: u{}}}\n", i);
  write(
      "ppstp/wide", "steps:\n" + [] {
        std::string waits;
        for (int i = 0; i < 10; ++i) waits += "  - {by: x, wait: 1s}\n";
        return waits;
      }());
  EXPECT_NE(told(load("ppstp/tests", many)).find("more than 2000"), std::string::npos);
}

TEST_F(ScenarioFiles, ParallelBranchesSendBeforeTheyLook) {
  const ScenarioResult result = load("ppstp/tests", R"(let: {n: 2}
steps:
  - when: "n == 2"
    parallel:
      - - {id: a1, by: a, send: {msg: STAT_REPORT}, expect: {where: {response_type: 0}}}
        - {id: a2, by: a, when: "n > 1", send: {msg: STAT_REPORT}, expect: {where: {response_type: 0}}}
      - - {id: b1, by: b, send: {msg: STAT_REPORT}, expect: {where: {response_type: 0}}}
        - {id: b2, by: b, close: true}
)");
  ASSERT_EQ(told(result), "");
  std::string order;
  for (const Step& step : result.scenario.steps)
    order += fmt::format("{}{} ", step.id, step.send ? " sends" : step.expect ? " looks" : " closes");
  EXPECT_EQ(order, "a1 sends b1 sends a1 looks b1 looks a2 sends b2 closes a2 looks ");
  EXPECT_EQ(result.scenario.steps[0].when, "n == 2");
  EXPECT_EQ(result.scenario.steps[4].when, "(n == 2) and (n > 1)");
}

TEST_F(ScenarioFiles, MistakesInParallelAreTold) {
  const auto told_of = [&](const std::string& branches) {
    return told(load("ppstp/tests", "steps:\n  - parallel: " + branches + "\n"));
  };
  const std::string step = "{by: a, send: {msg: STAT_REPORT}, expect: {where: {response_type: 0}}}";
  EXPECT_NE(told_of("[[" + step + "]]").find(":7:15: parallel: is a list of 2 to 100 branches"), std::string::npos);
  EXPECT_NE(told_of("[[" + step + "], [" + step + "]]").find("'a' is in two branches"), std::string::npos);
  EXPECT_NE(told_of("[[" + step + "], [{by: b, wait: 1s}]]").find("sends, expects or closes"), std::string::npos);
  EXPECT_NE(told_of("[[" + step + "], []]").find("a branch is a list of steps"), std::string::npos);
  EXPECT_NE(told_of("[[" + step + "], [{parallel: []}]]").find("no place in a branch"), std::string::npos);
  const ScenarioResult peer = parse_scenario(
      "format: 1\nscenario: ppstp/peer/x\ntitle: t\nrole: peer\ntests: [P-ERR-07]\nsteps:\n  - parallel: [[], []]\n",
      "x.yaml");
  EXPECT_NE(told(peer).find("the implementation under test sends"), std::string::npos);
}

TEST_F(ScenarioFiles, WhenIsCheckedBeforeItIsNeeded) {
  const auto told_of = [&](const std::string& when) {
    return told(
        load("ppstp/tests", fmt::format("let: {{n: 1}}\nsteps:\n  - {{by: a, when: \"{}\", wait: 1s}}\n", when)));
  };
  EXPECT_EQ(told_of("n > 1 and not (n == 3 or url == '')"), "");
  EXPECT_EQ(told_of("m > 1"), folder_ + "/ppstp/tests.yaml:8:19: when: no variable 'm'");
  EXPECT_NE(told_of("").find("when: is empty"), std::string::npos);
  EXPECT_NE(told_of("n >").find("when: "), std::string::npos);
  EXPECT_NE(told_of("n == 1 or").find("when: "), std::string::npos);
}

// ---- the JSON Schema

namespace dom = simdjson::dom;

// As far as our schema goes. Scalars are texts, as the loader reads them.
class Validator {
 public:
  explicit Validator(const dom::element& root) : root_(root) {}

  // What does not fit, with its place; empty when all does.
  std::string check(const Tree& tree) const { return check(root_, tree, ""); }

 private:
  std::string check(const dom::element& schema, const Tree& tree, const std::string& at) const {
    std::string_view text;
    if (schema["$ref"].get(text) == simdjson::SUCCESS) {
      dom::element target;
      if (root_.at_pointer(text.substr(1)).get(target) != simdjson::SUCCESS) return at + ": no such definition";
      return check(target, tree, at);
    }
    dom::array choices;
    if (schema["anyOf"].get(choices) == simdjson::SUCCESS) {
      std::string why;
      for (const dom::element choice : choices) {
        why = check(choice, tree, at);
        if (why.empty()) return {};
      }
      return why;
    }
    if (schema["enum"].get(choices) == simdjson::SUCCESS) {
      for (const dom::element choice : choices) {
        const std::string word = simdjson::minify(choice);
        if (tree.scalar == word || fmt::format("\"{}\"", tree.scalar) == word) return {};
      }
      return fmt::format("{}: '{}' is not in the list", at, tree.scalar);
    }
    if (schema["type"].get(text) != simdjson::SUCCESS) return {};
    if (text == "string") return tree.is_scalar() ? "" : at + ": no text";
    if (text == "array") return check_list(schema, tree, at);
    return tree.is_map() ? check_object(schema, tree, at) : at + ": no object";
  }
  std::string check_list(const dom::element& schema, const Tree& tree, const std::string& at) const {
    if (!tree.is_list()) return at + ": no list";
    for (const Tree& item : tree.items) {
      if (std::string why = check(schema["items"], item, at + "[]"); !why.empty()) return why;
    }
    return {};
  }
  std::string check_object(const dom::element& schema, const Tree& tree, const std::string& at) const {
    dom::object properties;
    if (schema["properties"].get(properties) != simdjson::SUCCESS) return {};  // any
    for (const auto& [key, value] : tree.members) {
      dom::element property;
      if (properties[key].get(property) != simdjson::SUCCESS) return fmt::format("{}: unknown key '{}'", at, key);
      if (std::string why = check(property, value, at + "." + key); !why.empty()) return why;
    }
    for (const dom::element needed : schema["required"]) {
      if (tree.find(std::string_view(needed)) == nullptr)
        return fmt::format("{}: '{}' is missing", at, std::string_view(needed));
    }
    return {};
  }

  dom::element root_;
};

TEST(LinkedScenarios, AreSentWhatANodeServesBesides) {
  const auto errors = [](const std::string& msg, const std::string& field) {
    return parse_scenario(
               "format: 1\nprotocol: relo\nscenario: x/y\ntitle: a title\nrole: node\ntests: [SD-DT-04]\nsteps:\n"
               "  - {id: asks, by: rt, send: {msg: " +
                   msg +
                   ", with: {peer_id: anna, find: {swarm_id: s}}}}\n"
                   "  - {id: told, by: rt, expect: {check: [SD-DT-04], answers: asks, msg: response, where: {" +
                   field + ": 5}}}\n",
               "y.yaml")
        .errors;
  };
  EXPECT_EQ(errors("FIND", "error_code"), std::vector<std::string>());
  EXPECT_EQ(errors("FIND", "ppstp.error_code"), std::vector<std::string>());
  EXPECT_EQ(errors("FIND", "ppstp.no_such").size(), 1U);
  EXPECT_EQ(errors("SEARCH", "error_code").size(), 1U);
}

TEST(ScenarioSchema, TakesEverySuiteAndRefusesMistakes) {
  dom::parser parser;
  dom::element root;
  ASSERT_EQ(parser.parse(scenario_schema()).get(root), simdjson::SUCCESS);
  const Validator validator(root);
  std::string error;
  const std::vector<std::string> files = find_scenarios({PEERSCOPE_SOURCE_DIR "/harness/suites"}, error);
  ASSERT_EQ(error, "");
  EXPECT_GT(files.size(), 100U);
  for (const std::string& file : files) EXPECT_EQ(validator.check(load_yaml(file).tree), "") << file;
  const std::string good = fmt::format(fmt::runtime(kHead), "ppstp/x") + "steps:\n  - {wait: 1s}\n";
  EXPECT_EQ(validator.check(parse_yaml(good, "x").tree), "");
  for (const auto& [from, to] : {std::pair{"role: tracker", "role: tracer"},
                                 {"P-FIND-04", "P-FIND-4"},
                                 {"{wait: 1s}", "{wiat: 1s}"},
                                 {"{wait: 1s}", "{setup: yes}"},
                                 {"title: a title\n", ""},
                                 {"{wait: 1s}", "{expect: {verdict: green}}"}}) {
    std::string bad = good;
    bad.replace(bad.find(from), std::string_view(from).size(), to);
    EXPECT_NE(validator.check(parse_yaml(bad, "x").tree), "") << to;
  }
}

}  // namespace
}  // namespace peerscope::harness
