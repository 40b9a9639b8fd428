// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/scenario/scenario.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "harness/engine/neighbours.h"
#include "harness/engine/runner.h"
#include "harness/engine/survey.h"
#include "harness/scenario/expression.h"
#include "harness/scenario/keys.h"
#include "harness/scenario/match.h"
#include "harness/scenario/yaml.h"

namespace peerscope::harness {
namespace {

// Names that the engine gives every scenario.
constexpr std::string_view kGiven[] = {"url", "host", "port", "self.id", "self.addr", "user", "password", "token"};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class Loader {
 public:
  Loader(std::string name, ScenarioResult& result)
      : name_(std::move(name)), result_(result), scenario_(result.scenario) {}

  void load(const Tree& file) {
    scenario_.path = name_;
    if (!file.is_map()) return fail(file, "a scenario file is a map");
    if (file.find("iut") != nullptr && file.find("scenario") == nullptr)
      return fail(file, "this is an IUT file: check it with --iut");
    keys(file, scenario_keys::kFile);
    if (text(file, "format") != "1") fail(file, "format: 1 is missing");
    scenario_.id = text(file, "scenario");
    if (scenario_.id.empty()) fail(file, "scenario: the id is missing");
    scenario_.title = text(file, "title");
    if (scenario_.title.empty()) fail(file, "title: is missing");
    scenario_.about = text(file, "about");
    const std::string protocol = text(file, "protocol").empty()
                                     ? std::string(scenario_.id.substr(0, scenario_.id.find('/')))
                                     : text(file, "protocol");
    scenario_.protocol = find_protocol(protocol);
    if (scenario_.protocol == nullptr) return fail(file, fmt::format("no protocol '{}'", protocol));
    scenario_.role = text(file, "role");
    if (scenario_.role.empty()) return fail(file, "role: of the implementation under test is missing");
    const Role* role = find_role(scenario_.role);
    if (role == nullptr) return fail(*file.find("role"), fmt::format("role: is one of {}", role_names()));
    scenario_.client = role->party == Party::kClient;
    rules_ = neighbour_rules(*scenario_.protocol);
    scenario_.linked = rules_ != nullptr;
    scenario_.slow = boolean(file, "slow");
    for (const Tree* id : list(file, "tests")) {
      if (find_requirement(id->scalar) == nullptr) fail(*id, fmt::format("no requirement '{}'", id->scalar));
      scenario_.tests.push_back(id->scalar);
    }
    if (scenario_.tests.empty()) fail(file, "tests: names no requirement");
    for (const Tree* key : list(file, "needs")) {
      if (is_data(key->scalar)) {
        scenario_.data.push_back(key->scalar);
        known_.values.emplace(key->scalar, "1");
        continue;
      }
      const auto& known = scenario_.protocol->features;
      if (std::none_of(known.begin(), known.end(), [&](const Feature& one) { return key->scalar == one.name; }))
        fail(*key, fmt::format("no feature '{}'", key->scalar));
      scenario_.needs.push_back(key->scalar);
    }
    for (const std::string_view name : kGiven) known_.values.emplace(name, "1");
    for (const Feature& feature : scenario_.protocol->features) {
      if (feature.fact != nullptr) known_.values.emplace(feature.fact, "1");
    }
    if (scenario_.client) {  // what the IUT's command line is told; a scenario may set its own
      for (const LaunchVariable& one : scenario_.protocol->launch_variables) known_.values.emplace(one.name, "1");
      for (const FieldPlace& place : scenario_.protocol->fields())  // of the request that a reply answers
        known_.values.emplace(request_variable(place), "1");
      for (const char* name : {"request.target", "request.method"}) known_.values.emplace(name, "1");
    }
    resources(file);
    if (scenario_.linked) parties(file);
    if (const Tree* params = file.find("params"); params != nullptr) {
      for (const auto& [param, values] : params->members) {
        std::vector<std::string> axis;
        for (const Tree& value : values.items) axis.push_back(value.scalar);
        if (axis.empty()) fail(values, fmt::format("param {} is not a list of values", param));
        scenario_.params.emplace_back(param, axis);
        known_.values[param] = axis.empty() ? "" : axis.front();
      }
    }
    if (const Tree* let = file.find("let"); let != nullptr) {
      scenario_.let = *let;
      for (const auto& [variable, value] : let->members) {
        if (std::string error = check_expressions(value, known_); !error.empty()) report(error);
        known_.values[variable] = scenario_.linked ? stand_in(value) : "1";
      }
    }
    for (const Tree* item : list(file, "background")) background(*item);
    steps(file, "steps", scenario_.steps);
    steps(file, "finally", scenario_.finally);
    scenario_.finally.insert(scenario_.finally.end(), used_finally_.begin(), used_finally_.end());
    if (scenario_.steps.empty() && result_.errors.empty()) fail(file, "steps: is empty");
    if (chain_.empty() && result_.errors.empty()) something_decides(file);
  }

 private:
  // What a check finds in any traffic may be left to it; the rest takes a step that is no preparation.
  void something_decides(const Tree& file) {
    if (!std::all_of(scenario_.steps.begin(), scenario_.steps.end(), [](const Step& step) { return step.setup; }))
      return;
    for (const std::string& id : scenario_.tests) {
      if (const Requirement* row = find_requirement(id); row == nullptr || row->scope != Scope::kBehaviour) continue;
      return fail(file,
                  fmt::format("steps: all are preparation (setup, or those of used scenarios): none decides {}", id));
    }
  }

  static constexpr const char* kStandIn = "11111111111111111111111111111111";  // a number, and a Node-ID

  // What a variable is worth while nothing runs: as far as it can be told, so that dry runs see what they would see.
  std::string stand_in(const Tree& value) {
    Variables known = known_;
    Random random(1);
    known.random = &random;
    const Expanded expanded = expand(value.scalar, known);
    return expanded.error.empty() && !expanded.text.empty() ? expanded.text : kStandIn;
  }

  void add_parties(const Tree& step, std::set<std::string>& names) {
    if (step.find("use") != nullptr) return;  // that scenario names its own
    const Tree* branches = step.find("parallel");
    if (branches == nullptr) {
      names.insert(text(step, "by").empty() ? "peer" : text(step, "by"));
      return;
    }
    for (const Tree& branch : branches->items) {
      for (const Tree& one : branch.items) {
        if (one.is_map() && one.find("parallel") == nullptr) add_parties(one, names);
      }
    }
  }

  // Linked nodes: every name behind `by` is a party, and each has its variables.
  void parties(const Tree& file) {
    scenario_.parties = part(file, "parties");
    scenario_.overlay = part(file, "overlay");
    for (const auto& [key, value] : scenario_.overlay.members) {
      if (std::find(rules_->overlay_keys.begin(), rules_->overlay_keys.end(), key) == rules_->overlay_keys.end())
        fail(value, fmt::format("overlay: unknown key '{}'; there are {}", key, fmt::join(rules_->overlay_keys, ", ")));
    }
    if (!scenario_.overlay.members.empty() && !scenario_.client)
      fail(*file.find("overlay"), "overlay: only a joining node's is made by the harness");
    std::set<std::string> names;
    for (const auto& [name, wish] : scenario_.parties.members) {
      for (const auto& [key, value] : wish.members) {
        if (std::find(rules_->party_keys.begin(), rules_->party_keys.end(), key) == rules_->party_keys.end())
          fail(value, fmt::format("parties: unknown key '{}'; there are {}", key, fmt::join(rules_->party_keys, ", ")));
      }
      names.insert(name);
    }
    for (const char* list_name : {"steps", "finally"}) {
      for (const Tree* step : list(file, list_name)) add_parties(*step, names);
    }
    scenario_.party_names.assign(names.begin(), names.end());
    names.insert("self");
    for (const std::string& name : names) {
      for (const std::string_view variable : rules_->party_variables)
        known_.values[fmt::format("{}.{}", name, variable)] = kStandIn;
    }
    known_.values["self.addr"] = "127.0.0.1";
    for (const std::string& name : names) {
      known_.values[name + ".addr"] = "127.0.0.1";
      known_.values[name + ".port"] = "1";
    }
    for (const std::string_view variable : rules_->variables) known_.values.emplace(variable, "1");
    for (const std::string_view variable : rules_->variables) {
      if (variable.starts_with("iut.") || variable.starts_with("swarm."))
        known_.values[std::string(variable)] = kStandIn;
    }
  }

  // Of a helper: "line 3, column 5: ..." becomes "file.yaml:3:5: ...".
  void report(const std::string& error) {
    int line = 0;
    int column = 0;
    int used = 0;
    if (std::sscanf(error.c_str(), "line %d, column %d: %n", &line, &column, &used) == 2 && used > 0) {
      result_.errors.push_back(
          fmt::format("{}:{}:{}: {}", name_, line, column, error.substr(static_cast<std::size_t>(used))));
    } else {
      result_.errors.push_back(fmt::format("{}: {}", name_, error));
    }
  }
  void fail(const Tree& at, std::string_view what) {
    result_.errors.push_back(at.line > 0 ? fmt::format("{}:{}:{}: {}", name_, at.line, at.column, what)
                                         : fmt::format("{}: {}", name_, what));
  }
  void keys(const Tree& map, std::span<const std::string_view> known) {
    for (const auto& [key, value] : map.members) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      std::string all;
      for (const std::string_view k : known) all += (all.empty() ? "" : ", ") + std::string(k);
      fail(value, fmt::format("unknown key '{}'; there are {}", key, all));
    }
  }
  std::string text(const Tree& map, std::string_view key) {
    const Tree* value = map.find(key);
    if (value == nullptr) return {};
    if (!value->is_scalar() && value->kind != Tree::Kind::kNull) fail(*value, fmt::format("{}: expected a text", key));
    return value->scalar;
  }
  bool boolean(const Tree& map, std::string_view key) {
    const std::string value = text(map, key);
    if (!value.empty() && value != "true" && value != "false")
      fail(*map.find(key), fmt::format("{}: expected true or false", key));
    return value == "true";
  }
  std::vector<const Tree*> list(const Tree& map, std::string_view key) {
    std::vector<const Tree*> out;
    const Tree* value = map.find(key);
    if (value == nullptr) return out;
    if (!value->is_list()) fail(*value, fmt::format("{}: expected a list", key));
    for (const Tree& item : value->items) out.push_back(&item);
    return out;
  }
  Tree part(const Tree& map, std::string_view key) {
    const Tree* value = map.find(key);
    return value == nullptr ? Tree{} : *value;
  }
  static bool contains(std::span<const std::string_view> list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
  }
  bool is_order(std::string_view msg) const { return rules_ != nullptr && contains(rules_->orders, msg); }
  // What a linked node serves besides, or null.
  const Protocol* beside() const { return rules_ != nullptr && rules_->beside != nullptr ? rules_->beside() : nullptr; }
  const Protocol* protocol_of(std::string_view msg) const {
    if (message_named(*scenario_.protocol, msg) != nullptr) return scenario_.protocol;
    return beside() != nullptr && message_named(*beside(), msg) != nullptr ? beside() : nullptr;
  }
  bool is_message(std::string_view msg) const { return protocol_of(msg) != nullptr; }

  bool is_fact(std::string_view fact) const {
    return std::any_of(scenario_.protocol->features.begin(), scenario_.protocol->features.end(),
                       [&](const Feature& feature) { return feature.fact != nullptr && fact == feature.fact; });
  }

  const SurveyKind* survey() const { return scenario_.client ? nullptr : survey_kind(*scenario_.protocol); }
  bool is_data(std::string_view name) const {
    return survey() != nullptr && std::any_of(survey()->data.begin(), survey()->data.end(),
                                              [&](const DataVariable& one) { return one.name == name; });
  }

  void resources(const Tree& file) {
    scenario_.survey = text(file, "survey") != "none";
    if (const Tree* mode = file.find("survey"); mode != nullptr && scenario_.survey)
      fail(*mode, "survey: is none, where the scenario itself asks for the directory");
    const Tree* all = file.find("resources");
    if (all == nullptr) return;
    if (survey() == nullptr || !scenario_.survey)
      return fail(*all, "resources: there is no directory that could list them");
    for (const auto& [name, wanted] : all->members) {
      if (!wanted.is_map()) {
        fail(wanted, "a resource is a map of what the directory says of it");
        continue;
      }
      check_resource(wanted);
      for (const std::string_view variable : survey()->variables)
        known_.values[fmt::format("{}.{}", name, variable)] = "1";
      scenario_.resources.emplace_back(name, wanted);
    }
  }

  void check_resource(const Tree& wanted) {
    if (survey() == nullptr) return;
    for (const auto& [key, value] : wanted.members) {
      if (std::find(survey()->keys.begin(), survey()->keys.end(), key) == survey()->keys.end())
        fail(value, fmt::format("unknown key '{}' of a resource", key));
    }
    for (const char* key : {"msg", "accepts"}) {
      const std::string msg = text(wanted, key);
      if (!is_message(msg) && (!msg.empty() || key == std::string_view("msg")))
        fail(wanted, fmt::format("{}: no message '{}' in {}", key, msg, scenario_.protocol->name));
    }
  }

  const Tree* resource_named(std::string_view name) const {
    for (const auto& [known, wanted] : scenario_.resources) {
      if (known == name) return &wanted;
    }
    return nullptr;
  }

  void background(const Tree& item) {
    keys(item, scenario_keys::kBackground);
    Background entry;
    entry.on = text(item, "on");
    if (entry.on != "any" && !is_message(entry.on)) fail(item, fmt::format("no message '{}'", entry.on));
    const Tree* reply = item.find("reply");
    if (reply == nullptr) return fail(item, "background: reply is missing");
    entry.reply = sending(*reply, true);
    scenario_.background.push_back(std::move(entry));
  }

  // Requests without a body say so by their method; an answer may have none whatever its status.
  bool may_be_bodyless(const Sending& sending, bool is_reply) const {
    if (is_reply || !sending.resource.empty()) return true;
    const Tree* method = sending.http.find("method");
    return method != nullptr && is_one_of(method->scalar, {"GET", "HEAD", "OPTIONS", "DELETE"});
  }

  Sending sending(const Tree& item, bool is_reply) {
    Sending out;
    if (item.is_scalar()) {
      out.behaviour = item.scalar;
      return out;
    }
    keys(item, scenario_keys::kSending);
    out.stream = boolean(item, "stream");
    if (out.stream && (is_reply || survey() == nullptr)) fail(item, "stream: only requests to a server have answers");
    out.msg = text(item, "msg");
    if (out.msg.empty() && is_reply) out.msg = usual_answer(*scenario_.protocol);
    out.resource = text(item, "resource");
    if (const Tree* wanted = resource_named(out.resource); wanted != nullptr && !is_reply) {
      if (const Tree* method = part(item, "http").find("method"); out.msg.empty() && method == nullptr)
        out.msg = text(*wanted, "accepts");
      default_answer_ = text(*wanted, "msg");
    } else if (out.resource == kDirectoryResource && survey() != nullptr && !is_reply) {
      default_answer_ = kDirectoryResource;
    } else if (!out.resource.empty()) {
      fail(item, fmt::format("no resource '{}' in this scenario", out.resource));
    }
    out.behaviour = text(item, "behaviour");
    out.delay = text(item, "delay");
    out.end = text(item, "end");
    if (!out.end.empty() && out.end != "close" && out.end != "reset" && out.end != "stall" && out.end != "none")
      fail(item, "end: is close, reset, stall or none");
    if (const Tree* raw = item.find("raw"); raw != nullptr) out.raw = raw->scalar;
    if (const Tree* raw = item.find("raw_http"); raw != nullptr) out.raw_http = raw->scalar;
    out.with = part(item, "with");
    out.mutate = part(item, "mutate");
    out.http = part(item, "http");
    out.link = part(item, "link");
    for (const auto& [key, value] : out.link.members) {
      if (rules_ == nullptr ||
          std::find(rules_->link_keys.begin(), rules_->link_keys.end(), key) == rules_->link_keys.end())
        fail(value, fmt::format("link: unknown key '{}'", key));
    }
    keys(out.http, scenario_keys::kSendingHttp);
    if (const Tree* version = out.http.find("tls");
        version != nullptr && version->scalar != kTls12 && version->scalar != kTls13)
      fail(*version, fmt::format("http.tls: is {} or {}", kTls12, kTls13));
    const bool bodyless = out.msg.empty() && may_be_bodyless(out, is_reply);
    if (bodyless && (out.with.is_map() || out.mutate.is_list())) fail(item, "msg: is missing: with and mutate need it");
    if (!out.raw && !out.raw_http && out.behaviour.empty() && out.end != "none" && !bodyless && !is_message(out.msg) &&
        !is_order(out.msg)) {
      fail(item, out.msg.empty() ? "msg: is missing"
                                 : fmt::format("no message '{}' in {}", out.msg, scenario_.protocol->name));
    }
    if (std::string error = check_expressions(item, known_); !error.empty()) return report(error), out;
    dry_run(item, out);
    return out;
  }

  // Builds the message once with stand-in values, so that a wrong field name or path is found before anything is sent.
  void dry_run(const Tree& item, const Sending& sending) {
    if (sending.raw || sending.raw_http || !sending.behaviour.empty() || sending.end == "none" ||
        !is_message(sending.msg))
      return;
    Variables stand_ins = known_;
    Random random(1);
    stand_ins.random = &random;
    Tree with = sending.with;
    Tree mutate = sending.mutate;
    if (!expand_tree(with, stand_ins).empty() || !expand_tree(mutate, stand_ins).empty()) return;
    Overrides overrides;
    std::optional<std::size_t> truncate;
    if (std::string error = to_overrides(mutate, overrides, truncate); !error.empty()) return report(error);
    // Members that the engine fills in are there when it runs; dropping them is legal.
    for (auto it = overrides.begin(); it != overrides.end();)
      it = it->second.kind == Override::Kind::kDrop || it->second.kind == Override::Kind::kDuplicate
               ? overrides.erase(it)
               : std::next(it);
    const EncodeResult encoded = protocol_of(sending.msg)->encode(sending.msg, with, overrides);
    if (!encoded.error.empty()) encoded.error.starts_with("line ") ? report(encoded.error) : fail(item, encoded.error);
  }

  Outcome outcome(const Tree& item) {
    Outcome out;
    out.line = item.line;
    keys(item, scenario_keys::kOutcome);
    out.msg = text(item, "msg");
    out.agrees = boolean(item, "agrees");
    out.offers = part(item, "offers");
    if (out.offers.is_map()) check_resource(out.offers);
    if ((out.agrees || out.offers.is_map()) && survey() == nullptr)
      fail(item, "agrees: nothing is known of this server");
    if (!out.msg.empty() && out.msg != "http" && out.msg != "any" && !is_message(out.msg))
      fail(item, fmt::format("no message '{}' in {}", out.msg, scenario_.protocol->name));
    out.event = text(item, "event");
    if (out.msg.empty() && out.event.empty()) out.msg = default_answer_;
    if (out.msg.empty() && out.event.empty() && !scenario_.linked && usual_answer(*scenario_.protocol).empty())
      fail(item, fmt::format("msg: is missing; http is any HTTP message, the messages of {} are in its table",
                             scenario_.protocol->name));
    const bool linked_up = scenario_.linked && (out.event == "linked" || contains(rules_->events, out.event));
    if (!out.event.empty() && out.event != "closed" && out.event != "reset" && out.event != "timeout" && !linked_up)
      fail(item, "event: is closed, reset or timeout; for linked nodes linked too");
    out.where = part(item, "where");
    out.http = part(item, "http");
    keys(out.http, scenario_keys::kOutcomeHttp);
    out.bind = part(item, "bind");
    out.note = text(item, "note");
    const std::string verdict = text(item, "verdict");
    if (verdict == "info")
      out.verdict = Verdict::kInfo;
    else if (verdict == "warn")
      out.verdict = Verdict::kWarn;
    else if (verdict == "fail")
      out.verdict = Verdict::kFail;
    else if (!verdict.empty() && verdict != "pass")
      fail(item, "verdict: is pass, info, warn or fail");
    if (std::string error = check_where(out.where); !error.empty()) report(error);
    Tree http = out.http;
    if (const Tree* header = http.find("header"); header != nullptr) {
      if (std::string error = check_where(*header); !error.empty()) report(error);
      std::erase_if(http.members, [](const TreeMember& member) { return member.first == "header"; });
    }
    if (std::string error = check_where(http); !error.empty()) report(error);
    if (std::string error = check_expressions(out.where, known_); !error.empty()) report(error);
    check_paths(out.where);
    out.bind_header = part(item, "bind_header");
    for (const Tree* bound : {&out.bind, &out.bind_header}) {
      for (const auto& [variable, path] : bound->members) known_.values[variable] = scenario_.linked ? "11" : "1";
    }
    return out;
  }

  // A filter name names one field, whatever its dots.
  bool written_filter(std::string_view path) const {
    const auto of = [&](const Protocol* protocol) {
      return protocol != nullptr && path.starts_with(std::string(protocol->name) + ".");
    };
    return of(scenario_.protocol) || of(beside());
  }

  // The last step of every path is a member that the description knows.
  void check_paths(const Tree& where) {
    std::vector<FieldPlace> places = scenario_.protocol->fields();
    if (beside() != nullptr) {
      for (FieldPlace& place : beside()->fields()) places.push_back(std::move(place));
    }
    for (const auto& [path, wanted] : where.members) {
      std::string_view rest = path;
      while (!rest.empty()) {
        const PathStep step = first_step(rest);
        const bool known = std::any_of(places.begin(), places.end(), [&, &written = path](const FieldPlace& place) {
          return step.name == place.field->name || written == place.field->filter;
        });
        if (!known && !step.name.starts_with("x_"))
          fail(wanted, fmt::format("no field '{}' in {}", step.name, scenario_.protocol->name));
        rest = step.rest;
        if (written_filter(path)) break;
      }
    }
  }

  Expectation expectation(const Tree& item) {
    Expectation out;
    out.within = text(item, "within");
    if (const auto limit = expand(out.within, known_);
        !out.within.empty() && (!limit.error.empty() || !parse_seconds(limit.text)))
      fail(*item.find("within"), fmt::format("within: expected a duration, found '{}'", out.within));
    out.same_as = text(item, "same_as");
    if (!out.same_as.empty() && !step_ids_.contains(out.same_as))
      fail(*item.find("same_as"), fmt::format("same_as: no earlier step '{}'", out.same_as));
    out.answers = text(item, "answers");
    if (!out.answers.empty() && (!scenario_.linked || !step_ids_.contains(out.answers)))
      fail(*item.find("answers"), fmt::format("answers: no earlier step '{}'", out.answers));
    out.stated_as = text(item, "stated_as");
    if (!out.stated_as.empty() && !is_fact(out.stated_as))
      fail(*item.find("stated_as"),
           fmt::format("stated_as: {} has no fact '{}'", scenario_.protocol->name, out.stated_as));
    if (!out.stated_as.empty() && (!scenario_.client || out.within.empty()))
      fail(*item.find("stated_as"), "stated_as: stands beside within, for an implementation that sends the requests");
    out.silence_under = text(item, "silence_under");
    if (const auto limit = expand(out.silence_under, known_); !out.silence_under.empty() &&
                                                              out.silence_under != kAnySilence &&
                                                              (!limit.error.empty() || !parse_seconds(limit.text)))
      fail(*item.find("silence_under"),
           fmt::format("silence_under: expected a duration, found '{}'", out.silence_under));
    const std::vector<const Tree*> checked = list(item, "check");
    for (const Tree* id : checked) {
      if (find_requirement(id->scalar) == nullptr) fail(*id, fmt::format("no requirement '{}'", id->scalar));
      if (std::find(scenario_.tests.begin(), scenario_.tests.end(), id->scalar) == scenario_.tests.end())
        fail(*id, fmt::format("{} is not in this scenario's tests", id->scalar));
      out.check.push_back(id->scalar);
    }
    if (const Tree* any = item.find("any_of"); any != nullptr) {
      for (const Tree& one : any->items) out.any_of.push_back(outcome(one));
      if (out.any_of.empty()) fail(*any, "any_of: needs a list of outcomes");
    } else {
      out.any_of.push_back(outcome(item));
    }
    return out;
  }

  // Linked nodes: what answers a request is named after it.
  static void name_answers(Step& step) {
    constexpr std::string_view kRequest = "_req";
    if (!step.send || !step.send->msg.ends_with(kRequest)) return;
    const std::string answer = step.send->msg.substr(0, step.send->msg.size() - kRequest.size()) + "_ans";
    for (Outcome& outcome : step.expect->any_of) {
      if (outcome.msg.empty() && outcome.event.empty()) outcome.msg = answer;
    }
  }

  void steps(const Tree& file, std::string_view key, std::vector<Step>& out) {
    for (const Tree* item : list(file, key)) {
      if (!item->is_map())
        fail(*item, "a step is a map");
      else if (item->find("use") != nullptr)
        use(*item, out);
      else if (item->find("parallel") != nullptr)
        parallel(*item, out);
      else
        out.push_back(step(*item));
    }
    if (out.size() > kMostSteps)
      fail(file, fmt::format("{}: more than {}, with those of used scenarios", key, kMostSteps));
  }

  Step step(const Tree& item) {
    keys(item, scenario_keys::kStep);
    Step step;
    step.line = item.line;
    default_answer_.clear();
    step.id = text(item, "id");
    if (!step.id.empty() && step_ids_.contains(step.id)) fail(item, fmt::format("step id '{}' appears twice", step.id));
    step.by = text(item, "by");
    if (step.by.empty() && scenario_.linked) step.by = "peer";
    step.setup = boolean(item, "setup");
    step.note = text(item, "note");
    step.when = condition(item);
    step.wait = text(item, "wait");
    if (const auto length = expand(step.wait, known_);
        !step.wait.empty() && (!length.error.empty() || !parse_seconds(length.text)))
      fail(*item.find("wait"), fmt::format("wait: expected a duration, found '{}'", step.wait));
    step.control = text(item, "control");
    step.close = boolean(item, "close");
    if (const std::string times = text(item, "repeat"); !times.empty()) {
      const auto value = parse_seconds(expand(times, known_).text);
      if (!value || *value < 1 || *value > kMostRepeats)
        fail(*item.find("repeat"), fmt::format("repeat: is a number from 1 to {}", kMostRepeats));
      step.repeat = times;
    }
    if (const Tree* send = item.find("send"); send != nullptr) step.send = sending(*send, false);
    if (const Tree* expect = item.find("expect"); expect != nullptr) {
      step.expect = expectation(*expect);
      if (scenario_.linked) name_answers(step);
      if (step.expect->check.empty() && scenario_.tests.size() == 1) step.expect->check = scenario_.tests;
      if (step.expect->check.empty() && !step.setup)
        fail(*expect, "check: names the requirements that this expectation decides (or say setup: true)");
    }
    if (const Tree* reply = item.find("reply"); reply != nullptr) step.reply = sending(*reply, true);
    if (const Tree* none = item.find("expect_none"); none != nullptr) {
      step.expect_none = outcome(*none);
      step.none_for = text(*none, "for");
      step.expect = expectation(*none);
      if (step.expect->check.empty() && scenario_.tests.size() == 1) step.expect->check = scenario_.tests;
      if (step.expect->check.empty()) fail(*none, "check: names the requirements that this expectation decides");
      if (step.none_for.empty()) fail(*none, "expect_none: for: is missing");
    }
    const int verbs =
        step.send.has_value() + !step.wait.empty() + !step.control.empty() + step.close + step.expect_none.has_value();
    if (verbs > 1) fail(item, "a step does one thing: send, wait, control, close or expect_none");
    if (verbs == 0 && !step.expect && !step.reply)
      fail(item, "a step needs send, expect, reply, expect_none, wait, control, close, parallel or use");
    if (!step.id.empty()) step_ids_.insert(step.id);
    return step;
  }

  std::string condition(const Tree& item) {
    const std::string when = text(item, "when");
    if (when.empty() && item.find("when") != nullptr) fail(*item.find("when"), "when: is empty");
    if (when.empty()) return when;
    if (const Decision decision = decide_condition(when, known_); !decision.error.empty())
      fail(*item.find("when"), fmt::format("when: {}", decision.error));
    return when;
  }

  static std::string both(const std::string& a, const std::string& b) {
    return a.empty() ? b : b.empty() ? a : fmt::format("({}) and ({})", a, b);
  }

  // ---- parallel: all branches send before any of them looks at an answer, so their requests are under way together.
  // The loader puts the steps into that order; nothing else of the engine needs to know.

  void parallel(const Tree& item, std::vector<Step>& out) {
    keys(item, scenario_keys::kParallelStep);
    const Tree& written = *item.find("parallel");
    constexpr std::size_t kMostBranches = 100;
    if (scenario_.client && !scenario_.linked)
      return fail(item, "parallel: the implementation under test sends the requests of this scenario");
    if (!written.is_list() || written.items.size() < 2 || written.items.size() > kMostBranches)
      return fail(written, fmt::format("parallel: is a list of 2 to {} branches, each a list of steps", kMostBranches));
    const std::string when = condition(item);
    std::vector<std::vector<Step>> branches;
    std::map<std::string, std::size_t> branch_of;  // by party
    for (const Tree& branch : written.items) {
      if (!branch.is_list() || branch.items.empty()) return fail(branch, "parallel: a branch is a list of steps");
      branches.emplace_back();
      for (const Tree& one : branch.items) {
        if (!one.is_map()) return fail(one, "a step is a map");
        Step step = branch_step(one);
        if (branch_of.try_emplace(step.by, branches.size()).first->second != branches.size())
          fail(one, fmt::format("parallel: '{}' is in two branches; each has parties of its own", step.by));
        step.when = both(when, step.when);
        branches.back().push_back(std::move(step));
      }
    }
    interleave(branches, out);
  }

  Step branch_step(const Tree& item) {
    if (item.find("use") != nullptr || item.find("parallel") != nullptr)
      fail(item, "parallel: use and parallel have no place in a branch");
    Step one = step(item);
    const bool plain = one.wait.empty() && one.control.empty() && !one.expect_none && one.repeat == "1" &&
                       !(one.send && one.send->stream);
    if (!plain) fail(item, "parallel: a step of a branch sends, expects or closes, once");
    // Linked nodes: the answer is found by the step that asked.
    if (one.id.empty() && one.send && one.expect) one.id = fmt::format("parallel-{}", item.line);
    return one;
  }

  void interleave(const std::vector<std::vector<Step>>& branches, std::vector<Step>& out) {
    std::size_t rounds = 0;
    for (const std::vector<Step>& branch : branches) rounds = std::max(rounds, branch.size());
    for (std::size_t round = 0; round < rounds; ++round) {
      for (const std::vector<Step>& branch : branches) {
        if (round >= branch.size() || (!branch[round].send && !branch[round].close)) continue;
        out.push_back(branch[round]);
        out.back().expect.reset();
      }
      for (const std::vector<Step>& branch : branches) {
        if (round >= branch.size() || !branch[round].expect) continue;
        out.push_back(branch[round]);
        if (out.back().send && scenario_.linked) out.back().expect->answers = out.back().id;
        out.back().send.reset();
      }
    }
  }

  // ---- use: the steps of another scenario, as preparation for this one. What it tests is decided where it runs
  // itself.

  void use(const Tree& item, std::vector<Step>& out) {
    keys(item, scenario_keys::kUseStep);
    // Every file brings steps, so this bounds how many are read, whatever uses what.
    if (use_failed_ || out.size() > kMostSteps) return;
    const Tree& written = *item.find("use");
    if (written.is_map()) keys(written, scenario_keys::kUse);
    const std::string id = written.is_map() ? text(written, "scenario") : written.scalar;
    const std::string path = used_file(id);
    if (path.empty()) return fail(written, fmt::format("use: no scenario '{}' beside this one or in the suites", id));
    if (const auto at = std::find(chain_.begin(), chain_.end(), path); at != chain_.end() || path == name_)
      return fail(written, fmt::format("use: goes in a circle: {}{} -> {}", fmt::join(chain_, " -> "),
                                       chain_.empty() ? name_ : " -> " + name_, path));
    if (chain_.size() >= kDeepestUse)
      return fail(written, fmt::format("use: more than {} scenarios one inside the other", kDeepestUse));
    const YamlResult yaml = load_yaml(path);
    ScenarioResult used;
    Loader loader(path, used);
    loader.chain_ = chain_;
    loader.chain_.push_back(name_);
    if (yaml.error.empty())
      loader.load(yaml.tree);
    else
      used.errors.push_back(yaml.error);
    if (!used.errors.empty()) {
      use_failed_ = true;
      fail(written, fmt::format("use: {} has mistakes", id));
      result_.errors.insert(result_.errors.end(), used.errors.begin(), used.errors.end());
      return;
    }
    const std::string before =
        fmt::format("{}/", !text(item, "id").empty() ? text(item, "id") : id.substr(id.rfind('/') + 1));
    if (!uses_.insert(before).second) return fail(item, fmt::format("use: {} is used twice here; give each an id", id));
    if (!fits_here(written, used.scenario)) return;
    take_over(used.scenario);
    for (const auto& [name, value] : loader.known_.values) known_.values.emplace(name, value);
    const std::string when = condition(item);
    const Step variables = variables_of(written, used.scenario, when);
    const auto append = [&](const std::vector<Step>& from, std::vector<Step>& to) {
      if (from.empty()) return;
      to.push_back(variables);
      for (const Step& step : from) to.push_back(as_preparation(step, before, when));
    };
    append(used.scenario.steps, out);
    append(used.scenario.finally, used_finally_);
  }

  // Beside this scenario when its file stands where its id says, else in the suites; "x.yaml" is in this file's folder.
  std::string used_file(const std::string& id) const {
    const bool plain = std::all_of(id.begin(), id.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '/' || c == '-' || c == '_' || c == '.';
    });
    if (id.empty() || !plain || id.starts_with('/') || id.find("..") != std::string::npos) return {};
    std::vector<std::string> places;
    if (id.ends_with(".yaml")) {
      places.push_back((std::filesystem::path(name_).parent_path() / id).string());
    } else {
      const std::string own = "/" + scenario_.id + ".yaml";
      if (name_.ends_with(own)) places.push_back(name_.substr(0, name_.size() - own.size()) + "/" + id + ".yaml");
      for (const std::string& root : suite_roots()) places.push_back(root + "/" + id + ".yaml");
    }
    std::error_code code;
    for (const std::string& place : places) {
      if (std::filesystem::is_regular_file(place, code)) return place;
    }
    return {};
  }

  bool fits_here(const Tree& written, const Scenario& used) {
    const std::size_t before = result_.errors.size();
    if (used.role != scenario_.role || used.protocol != scenario_.protocol)
      fail(written, fmt::format("use: {} is for a {}", used.id, used.role));
    if (!used.overlay.members.empty()) fail(written, fmt::format("use: {} has an overlay of its own", used.id));
    if (used.survey != scenario_.survey) fail(written, fmt::format("use: {} differs in survey", used.id));
    const Tree with = part(written, "with");
    for (const auto& [param, values] : used.params) {
      if (with.find(param) == nullptr) fail(written, fmt::format("use: {} needs with: {{{}: ...}}", used.id, param));
    }
    for (const auto& [name, value] : with.members) {
      const bool param = std::any_of(used.params.begin(), used.params.end(),
                                     [&, &wanted = name](const auto& one) { return one.first == wanted; });
      if (!param && used.let.find(name) == nullptr)
        fail(value, fmt::format("use: {} has no variable '{}'", used.id, name));
      if (std::string error = check_expressions(value, known_); !error.empty()) report(error);
    }
    return result_.errors.size() == before;
  }

  // What the used steps need besides; where both say something, this scenario counts.
  void take_over(const Scenario& used) {
    const auto add = [](auto& to, const auto& from) {
      for (const auto& one : from) {
        if (std::find(to.begin(), to.end(), one) == to.end()) to.push_back(one);
      }
    };
    add(scenario_.needs, used.needs);
    add(scenario_.data, used.data);
    add(scenario_.party_names, used.party_names);
    scenario_.slow = scenario_.slow || used.slow;
    for (const auto& [name, wish] : used.parties.members) {
      if (scenario_.parties.find(name) == nullptr) scenario_.parties.at_path(name) = wish;
    }
    for (const auto& [name, wanted] : used.resources) {
      if (resource_named(name) == nullptr) scenario_.resources.emplace_back(name, wanted);
    }
    scenario_.background.insert(scenario_.background.end(), used.background.begin(), used.background.end());
  }

  // Its params and `let`: from `with`, else this scenario's own variable of that name, else made anew.
  Step variables_of(const Tree& written, const Scenario& used, const std::string& when) {
    Step out;
    out.line = written.line;
    out.setup = true;
    out.when = when;
    out.set.kind = Tree::Kind::kMap;
    const Tree with = part(written, "with");
    for (const auto& [param, values] : used.params) out.set.members.emplace_back(param, *with.find(param));
    for (const auto& [name, value] : used.let.members) {
      if (const Tree* given = with.find(name); given != nullptr)
        out.set.members.emplace_back(name, *given);
      else if (scenario_.let.find(name) == nullptr)
        out.set.members.emplace_back(name, value);
    }
    return out;
  }

  Step as_preparation(Step step, const std::string& before, const std::string& when) {
    const auto rename = [&](std::string& id) {
      if (!id.empty()) id = before + id;
    };
    rename(step.id);
    if (!step.id.empty()) step_ids_.insert(step.id);
    step.when = both(when, step.when);
    step.setup = true;
    if (step.expect) {
      step.expect->check.clear();
      rename(step.expect->same_as);
      rename(step.expect->answers);
    }
    for (std::optional<Sending>* sending : {&step.send, &step.reply}) {
      if (!*sending) continue;
      for (auto& [key, value] : (*sending)->link.members) {
        if (key == "transaction") rename(value.scalar);
      }
    }
    return step;
  }

  std::string name_;
  ScenarioResult& result_;
  Scenario& scenario_;
  const NeighbourRules* rules_ = nullptr;
  Variables known_;
  std::set<std::string> step_ids_;
  std::string default_answer_;      // of the resource that this step asks
  std::vector<std::string> chain_;  // files that use this one, the outermost first
  std::set<std::string> uses_;      // prefixes of their steps
  std::vector<Step> used_finally_;
  bool use_failed_ = false;
};

}  // namespace

ScenarioResult parse_scenario(std::string_view text, const std::string& name) {
  ScenarioResult result;
  const YamlResult yaml = parse_yaml(text, name);
  if (!yaml.error.empty()) {
    result.errors.push_back(yaml.error);
    return result;
  }
  Loader(name, result).load(yaml.tree);
  return result;
}

ScenarioResult load_scenario(const std::string& path) {
  ScenarioResult result;
  const YamlResult yaml = load_yaml(path);
  if (!yaml.error.empty()) {
    result.errors.push_back(yaml.error);
    return result;
  }
  Loader(path, result).load(yaml.tree);
  return result;
}

std::string_view usual_answer(const Protocol& protocol) {
  constexpr std::string_view kUsual = "response";
  return message_named(protocol, kUsual) != nullptr ? kUsual : std::string_view();
}

const MessageType* message_named(const Protocol& protocol, std::string_view name) {
  for (const MessageType& row : protocol.messages) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

std::string request_variable(const FieldPlace& place) {
  return fmt::format("request.{}", place.field->name);
}

std::vector<std::string> find_scenarios(const std::vector<std::string>& roots, std::string& error) {
  namespace fs = std::filesystem;
  std::vector<std::string> out;
  for (const std::string& root : roots) {
    std::error_code code;
    if (fs::is_directory(root, code)) {
      for (fs::recursive_directory_iterator it(root, code), end; it != end && !code; it.increment(code)) {
        if (it->path().extension() == ".yaml") out.push_back(it->path().string());
      }
    } else if (fs::is_regular_file(root, code)) {
      out.push_back(root);
    } else {
      error = fmt::format("{}: no such scenario file or folder", root);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<Permutation> permutations(const Scenario& scenario) {
  std::vector<Permutation> out = {{}};
  for (const auto& [name, values] : scenario.params) {
    std::vector<Permutation> next;
    for (const Permutation& base : out) {
      for (const std::string& value : values) {
        next.push_back(base);
        next.back().emplace_back(name, value);
      }
    }
    out = std::move(next);
  }
  return out;
}

std::string to_overrides(const Tree& mutate, Overrides& overrides, std::optional<std::size_t>& truncate) {
  const auto fail = [](const Tree& at, std::string_view what) {
    return fmt::format("line {}, column {}: {}", at.line, at.column, what);
  };
  if (mutate.kind == Tree::Kind::kNull) return {};
  if (!mutate.is_list()) return fail(mutate, "mutate: expected a list");
  for (const Tree& item : mutate.items) {
    if (!item.is_map() || item.members.size() != 1)
      return fail(item, "mutate: one of set, drop, dup, add, truncate per item");
    const auto& [op, value] = item.members.front();
    if (op == "drop" || op == "dup") {
      overrides[value.scalar] = {op == "drop" ? Override::Kind::kDrop : Override::Kind::kDuplicate, ""};
    } else if (op == "set" && value.is_map()) {
      for (const auto& [path, raw] : value.members) overrides[path] = {Override::Kind::kSet, raw.scalar};
    } else if (op == "add" && value.is_map()) {
      for (const auto& [path, raw] : value.members)
        overrides[path == "." ? "" : path] = {Override::Kind::kAdd, raw.scalar};
    } else if (op == "truncate") {
      std::size_t at = 0;
      const auto [end, error] = std::from_chars(value.scalar.data(), value.scalar.data() + value.scalar.size(), at);
      if (error != std::errc{}) return fail(value, "truncate: expected a number of bytes");
      truncate = at;
    } else {
      return fail(item, fmt::format("unknown mutation '{}'; there are set: {{path: json}}, drop: path, dup: path, add: "
                                    "{{path: '\"member\": json'}}, truncate: bytes",
                                    op));
    }
  }
  return {};
}

}  // namespace peerscope::harness
