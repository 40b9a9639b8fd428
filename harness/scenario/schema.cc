// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/scenario/schema.h"

#include <map>
#include <set>
#include <span>
#include <string_view>

#include "harness/report/json_object.h"
#include "harness/scenario/keys.h"
#include "protocols/base/protocol.h"

namespace peerscope::harness {
namespace {

using Shapes = std::map<std::string_view, std::string>;  // by key, as JSON

const std::string kAnything = "{}";
const std::string kMap = R"({"type":"object"})";
const std::string kFlag = R"({"enum":[true,false]})";

std::string ref(std::string_view name) {
  return JsonObject().text("$ref", "#/$defs/" + std::string(name)).finish();
}
std::string list_of(const std::string& items) {
  return JsonObject().text("type", "array").raw("items", items).finish();
}
std::string one_of(const std::set<std::string>& words) {
  std::vector<std::string> items;
  for (const std::string& word : words) items.push_back(json_quote(word));
  return JsonObject().raw("enum", json_list(items)).finish();
}
std::string either(const std::string& a, const std::string& b) {
  return JsonObject().raw("anyOf", json_list({a, b})).finish();
}

// An object with these keys alone; a key without a shape of its own may be anything.
std::string object(std::span<const std::string_view> keys, const Shapes& shapes,
                   const std::vector<std::string>& required = {}) {
  JsonObject properties;
  for (const std::string_view key : keys) {
    const auto found = shapes.find(key);
    properties.raw(key, found != shapes.end() ? found->second : kAnything);
  }
  std::vector<std::string> needed;
  for (const std::string& key : required) needed.push_back(json_quote(key));
  return JsonObject()
      .text("type", "object")
      .raw("properties", properties.finish())
      .raw("required", json_list(needed))
      .raw("additionalProperties", "false")
      .finish();
}

std::string roles() {
  std::set<std::string> out;
  for (const Protocol* protocol : protocols()) {
    for (const Role& role : protocol->roles) out.insert(role.name);
  }
  return one_of(out);
}

std::string requirements() {
  std::set<std::string> out;
  for (const Protocol* protocol : protocols()) {
    for (const Requirement& row : protocol->requirements) out.insert(row.id);
  }
  return one_of(out);
}

}  // namespace

std::string scenario_schema() {
  using namespace scenario_keys;
  const std::string steps = list_of(ref("step"));
  const std::string checks = list_of(ref("requirement"));
  const Shapes outcome = {{"where", kMap},   {"http", object(kOutcomeHttp, {})},
                          {"bind", kMap},    {"bind_header", kMap},
                          {"check", checks}, {"verdict", one_of({"pass", "info", "warn", "fail"})},
                          {"agrees", kFlag}, {"any_of", list_of(ref("outcome"))}};
  const Shapes sending = {
      {"with", kMap}, {"http", object(kSendingHttp, {})}, {"stream", kFlag},
      {"link", kMap}, {"mutate", list_of(kMap)},          {"end", one_of({"close", "reset", "stall", "none"})}};
  const std::string reply = either(ref("sending"), R"({"type":"string"})");
  const Shapes step = {{"setup", kFlag},
                       {"close", kFlag},
                       {"send", ref("sending")},
                       {"reply", reply},
                       {"expect", ref("outcome")},
                       {"expect_none", ref("outcome")},
                       {"parallel", list_of(steps)},
                       {"use", either(R"({"type":"string"})", object(kUse, {{"with", kMap}}, {"scenario"}))}};
  const Shapes file = {{"format", R"({"enum":[1,"1"]})"},
                       {"role", roles()},
                       {"tests", checks},
                       {"slow", kFlag},
                       {"survey", one_of({"none"})},
                       {"params", kMap},
                       {"let", kMap},
                       {"resources", kMap},
                       {"parties", kMap},
                       {"overlay", kMap},
                       {"background", list_of(object(kBackground, {{"reply", reply}}, {"on", "reply"}))},
                       {"steps", steps},
                       {"finally", steps}};
  const std::string definitions =
      JsonObject()
          .raw("requirement", requirements())
          .raw("sending", object(kSending, sending))
          .raw("outcome", object(kOutcome, outcome))
          .raw("step", object(kStep, step))
          .raw("file", object(kFile, file, {"format", "scenario", "title", "role", "tests", "steps"}))
          .finish();
  return JsonObject()
      .text("$schema", "https://json-schema.org/draft/2020-12/schema")
      .text("title", "Peerscope scenario")
      .text("$ref", "#/$defs/file")
      .raw("$defs", definitions)
      .finish();
}

}  // namespace peerscope::harness
