// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/replay/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "harness/check.h"
#include "harness/engine/neighbours.h"
#include "harness/engine/survey.h"
#include "harness/replay/places.h"
#include "harness/scenario/scenario.h"
#include "harness/scenario/yaml.h"
#include "protocols/base/json_value.h"

namespace peerscope::harness {
namespace {

void say(Tree& map, std::string key, Tree value) {
  map.members.emplace_back(std::move(key), std::move(value));
}
void say(Tree& map, std::string key, std::string value) {
  say(map, std::move(key), Tree::text(std::move(value)));
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

Tree tree_of(const JsonValue& value) {
  if (value.object() != nullptr) {
    Tree tree = Tree::map();
    for (const auto& [name, member] : *value.object()) say(tree, name, tree_of(member));
    return tree;
  }
  if (value.array() != nullptr) {
    Tree tree = Tree::list();
    for (const JsonValue& item : *value.array()) tree.items.push_back(tree_of(item));
    return tree;
  }
  if (value.text() != nullptr) return Tree::text(*value.text());
  return value.is_null() ? Tree{} : Tree::text(json_text(value));
}

// What the writer of a binary message fills in by itself.
bool is_made(const Field& field) {
  return field.replay == Replay::kDerived || field.replay == Replay::kSignature || field.replay == Replay::kExchangeId;
}

std::string value_of(const Event& event) {
  if (event.has_number) return std::to_string(event.number);
  return event.field->type == Type::kBytes ? hex(event.text) : std::string(event.text);
}

// Addresses are the party's own: a group that has some is filled in as a whole.
bool has_address(const Message& message, std::uint32_t group) {
  for (std::uint32_t i = group + 1; i < message.events[group].end; ++i) {
    if (!message.events[i].unknown && message.events[i].field->replay == Replay::kAddress) return true;
  }
  return false;
}

// The members of a group as a scenario names them.
Tree tree_of(const Message& message, std::uint32_t group) {
  Tree tree = Tree::map();
  for (std::uint32_t i = group + 1; i < message.events[group].end; i = std::max(message.events[i].end, i + 1)) {
    const Event& event = message.events[i];
    if (event.unknown || event.inner || is_made(*event.field)) continue;
    const bool is_group = event.field->type == Type::kGroup;
    if (is_group && event.index >= 0 && has_address(message, i)) continue;
    Tree value = is_group ? tree_of(message, i) : Tree::text(value_of(event));
    Tree* list = event.index >= 0 ? tree.find(event.field->name) : nullptr;
    if (list != nullptr) {
      list->items.push_back(std::move(value));
    } else if (event.index >= 0) {
      Tree first = Tree::list();
      first.items.push_back(std::move(value));
      say(tree, event.field->name, std::move(first));
    } else {
      say(tree, event.field->name, std::move(value));
    }
  }
  return tree;
}

class Recorder {
 public:
  Recorder(const std::vector<CapturedMessage>& messages, const RecordOptions& options)
      : messages_(messages), options_(options) {}

  RecordedScenario run() {
    if (messages_.empty()) return failed("no message of a known protocol in it");
    protocol_ = messages_.front().protocol;
    rules_ = neighbour_rules(*protocol_);
    const auto role = std::find_if(protocol_->roles.begin(), protocol_->roles.end(),
                                   [](const Role& one) { return one.party != Party::kClient; });
    if (role == protocol_->roles.end())
      return failed(fmt::format("{} has no role that could be asked", protocol_->title));
    if (const SurveyKind* kind = survey_kind(*protocol_); kind != nullptr) {
      const auto base = net::Url::parse("http://directory.invalid/");
      if (base) survey_ = kind->make(*base);
    }
    judge();
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (is_asked(messages_[i])) step(i);
    }
    if (steps_.items.empty()) return failed("it has no request that a scenario could repeat");
    if (rules_ != nullptr) probe();
    Tree file = Tree::map();
    say(file, "format", "1");
    say(file, "protocol", protocol_->name);
    say(file, "scenario", fmt::format("{}/recorded/{}", protocol_->name, options_.id));
    say(file, "title", fmt::format("What {} shows", options_.origin));
    say(file, "about",
        "Recorded: it expects the kinds of answers that the capture shows. Narrow `tests` and `check` "
        "to the requirements that you mean.");
    say(file, "role", role->name);
    Tree tests = Tree::list();
    for (const std::string& id : tests_) tests.items.push_back(Tree::text(id));
    say(file, "tests", std::move(tests));
    if (!resources_.members.empty()) say(file, "resources", resources_);
    if (!let_.members.empty()) say(file, "let", let_);
    say(file, "steps", std::move(steps_));
    result_.text = yaml_text(file);
    return std::move(result_);
  }

 private:
  RecordedScenario failed(std::string error) {
    result_.error = std::move(error);
    return std::move(result_);
  }

  // The first rule that each captured answer breaks.
  void judge() {
    for (const MessageFindings& row : check_messages(messages_).messages) {
      for (const RuleHit& hit : row.hits) {
        if (hit.verdict >= Verdict::kWarn) broken_.try_emplace(row.message, hit.rule);
      }
    }
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (messages_[i].request != CapturedMessage::kNone) answers_.try_emplace(messages_[i].request, i);
    }
  }

  // Of nodes, the requests of one to one other: the parties of a scenario are its neighbours.
  bool is_asked(const CapturedMessage& captured) {
    const Message& message = *captured.message;
    if (message.direction != Direction::kRequest || captured.protocol != protocol_) return false;
    if (rules_ == nullptr) return true;
    if (asker_.empty()) {
      asker_ = message.source;
      asked_ = message.destination;
    }
    return message.source == asker_ && message.destination == asked_;
  }

  // The requirement that decides a step: one that the capture shows broken, else the first of the section of the
  // answer, else the first that answers have at all.
  const Requirement* rule_for(std::size_t answer) {
    if (options_.rule != nullptr) return options_.rule;
    if (const auto found = broken_.find(answer); found != broken_.end()) return found->second;
    const MessageType* type = answer < messages_.size() ? messages_[answer].message->type : nullptr;
    const Requirement* any = nullptr;
    for (const Requirement& row : protocol_->requirements) {
      const bool judged = row.check != nullptr && row.party != Party::kClient && row.level == Level::kMust;
      if (!judged) continue;
      if (any == nullptr) any = &row;
      if (type != nullptr && std::string_view(row.section) == type->section) return &row;
    }
    return any;
  }

  // Identifiers become variables, so that a scenario can be run twice.
  std::string fresh(const std::string& text) {
    const auto party = parties_.find(text);
    if (party != parties_.end()) return "$" + party->second;
    std::string out;
    for (const char c : text) out += c == '$' ? "$$" : std::string(1, c);
    return out;
  }
  void freshen(Tree& tree) {
    if (tree.is_scalar()) tree.scalar = fresh(tree.scalar);
    for (Tree& item : tree.items) freshen(item);
    for (TreeMember& member : tree.members) freshen(member.second);
  }
  void note_parties(const Message& message) {
    if (rules_ != nullptr) return;  // Node-IDs follow from the identities that the harness has
    for (const Event& event : message.events) {
      if (event.unknown || event.field->replay != Replay::kPartyId || !event.has_text || event.depth != 1) continue;
      const std::string name(event.text);
      if (parties_.contains(name)) continue;
      const std::string variable = fmt::format("party{}", parties_.size() + 1);
      parties_[name] = variable;
      say(let_, variable, fmt::format("party{}-${{hex(8)}}", parties_.size()));
    }
  }

  // A message as `with` says it; nothing when the description would not say the same again.
  std::optional<Tree> with_of(const Message& message) {
    if (message.type == nullptr || !message.issues.empty()) return std::nullopt;
    Tree tree = Tree::map();
    if (rules_ != nullptr) {
      for (std::uint32_t i = 0; i < message.events.size(); ++i) {
        const Event& event = message.events[i];
        const bool body = !event.unknown && event.field->name == std::string_view(message.type->name);
        if (!body) continue;
        Tree contents = Tree::map();
        say(contents, message.type->name, tree_of(message, i));
        if (!contents.members.front().second.members.empty()) say(tree, "contents", std::move(contents));
        break;
      }
    } else {
      const auto body = parse_json(message.view());
      if (body == nullptr || body->object() == nullptr) return std::nullopt;
      tree = tree_of(*body);
      // An envelope around everything is the protocol's own.
      const auto is_member = [&](const std::string& name) {
        const auto places = protocol_->fields();
        return std::any_of(places.begin(), places.end(), [&](const FieldPlace& place) {
          return place.field->name == name && place.field->type != Type::kGroup;
        });
      };
      if (tree.members.size() == 1 && tree.members.front().second.is_map() && survey_ == nullptr &&
          !is_member(tree.members.front().first))
        tree = Tree(tree.members.front().second);
      std::erase_if(tree.members, [&](const TreeMember& member) {
        return std::any_of(message.events.begin(), message.events.end(), [&](const Event& event) {
          return !event.unknown && event.depth <= 1 && event.field->name == member.first &&
                 event.field->replay == Replay::kExchangeId;
        });
      });
    }
    if (!protocol_->encode(message.type->name, tree, {}).error.empty()) return std::nullopt;
    freshen(tree);
    return tree;
  }

  std::string resource_for(const Message* request, const Message* answer) {
    const Tree subject = survey_->subject(request, answer);
    const Tree* msg = subject.find("msg");
    if (msg == nullptr) return {};
    if (request == nullptr && msg->scalar == "directory") return "directory";
    for (const auto& [name, wanted] : resources_.members) {
      if (yaml_text(wanted) == yaml_text(subject)) return name;
    }
    const std::string name = fmt::format("resource{}", resources_.members.size() + 1);
    say(resources_, name, subject);
    return name;
  }

  void step(std::size_t number) {
    const CapturedMessage& captured = messages_[number];
    const auto answered = answers_.find(number);
    const CapturedMessage* answer = answered != answers_.end() ? &messages_[answered->second] : nullptr;
    note_parties(*captured.message);
    const bool bodyless = captured.message->type == nullptr && captured.message->size == 0;
    Tree send = Tree::map();
    if (survey_ != nullptr) {
      const std::string resource = resource_for(bodyless ? nullptr : captured.message.get(),
                                                answer != nullptr ? answer->message.get() : nullptr);
      if (resource.empty()) return;
      say(send, "resource", resource);
      if (answer != nullptr && answer->message->type != nullptr &&
          std::string_view(answer->message->type->media_type) == "text/event-stream")
        say(send, "stream", "true");
    }
    if (!bodyless) {
      auto with = with_of(*captured.message);
      if (captured.message->type != nullptr && (survey_ == nullptr || !with))
        say(send, "msg", captured.message->type->name);
      if (with) {
        if (!with->members.empty()) say(send, "with", std::move(*with));
      } else {
        say(send, "raw", rules_ != nullptr ? hex(message_bytes(*captured.message)) : raw_text(*captured.message));
        ++result_.raw;
      }
    }
    Tree step = Tree::map();
    say(step, "id", fmt::format("frame-{}-{}", captured.message->frame, ++result_.steps));
    say(step, "by", party(captured.message->source));
    say(step, "send", std::move(send));
    if (answer != nullptr) expect(step, *answer, answered->second);
    steps_.items.push_back(std::move(step));
  }

  // Whatever was sent, a node that lives answers afterwards.
  void probe() {
    const Requirement* rule = rule_for(CapturedMessage::kNone);
    Tree step = Tree::map();
    say(step, "id", "is-still-there");
    say(step, "by", party(asker_));
    Tree send = Tree::map();
    say(send, "msg", std::string(rules_->probe));
    say(step, "send", std::move(send));
    Tree expect = Tree::map();
    check_by(*rule, expect);
    say(step, "expect", std::move(expect));
    steps_.items.push_back(std::move(step));
    ++result_.steps;
  }

  // Frames are the link's, and made anew.
  std::string_view message_bytes(const Message& message) const {
    std::uint32_t from = 0;
    for (const Event& event : message.events) {
      if (event.depth == 1 && !event.unknown && event.field->type == Type::kGroup) {
        if (event.field->name == std::string_view("frame")) from = event.offset + event.length;
        break;
      }
    }
    return message.view().substr(from);
  }
  std::string raw_text(const Message& message) {
    std::string out;
    for (const char c : message.view()) out += c == '$' ? "$$" : std::string(1, c);
    for (const auto& [name, variable] : parties_) {
      const std::string quoted = "\"" + name + "\"";
      const std::string fresh_text = fmt::format("\"${{{}}}\"", variable);
      for (std::size_t at = 0; (at = out.find(quoted, at)) != std::string::npos; at += fresh_text.size())
        out.replace(at, quoted.size(), fresh_text);
    }
    return out;
  }

  std::string party(const std::string& source) {
    return names_.try_emplace(source, fmt::format("client{}", names_.size() + 1)).first->second;
  }

  void check_by(const Requirement& rule, Tree& expect) {
    Tree check = Tree::list();
    check.items.push_back(Tree::text(rule.id));
    say(expect, "check", std::move(check));
    if (std::find(tests_.begin(), tests_.end(), rule.id) == tests_.end()) tests_.emplace_back(rule.id);
  }

  void expect(Tree& step, const CapturedMessage& answer, std::size_t index) {
    const Message& message = *answer.message;
    Tree expect = Tree::map();
    if (message.type != nullptr && message.whole()) {
      say(expect, "msg", message.type->name);
    } else {
      say(expect, "msg", "any");
    }
    if (const Requirement* rule = rule_for(index); rule != nullptr) check_by(*rule, expect);
    if (message.transport.has_http && message.transport.status != 0 && survey_ != nullptr) {
      Tree http = Tree::map();
      say(http, "status", std::to_string(message.transport.status));
      say(expect, "http", std::move(http));
    }
    Tree where = Tree::map();
    for (const Event& event : message.events) {
      const bool code = !event.unknown && event.depth == 1 && event.has_number && !event.field->names.empty();
      if (code && survey_ == nullptr && rules_ == nullptr && where.find(event.field->name) == nullptr)
        say(where, event.field->name, std::to_string(event.number));
    }
    if (!where.members.empty()) say(expect, "where", std::move(where));
    say(step, "expect", std::move(expect));
  }

  const std::vector<CapturedMessage>& messages_;
  const RecordOptions& options_;
  const Protocol* protocol_ = nullptr;
  const NeighbourRules* rules_ = nullptr;
  std::unique_ptr<Survey> survey_;
  std::map<std::size_t, const Requirement*> broken_;  // by message
  std::map<std::size_t, std::size_t> answers_;        // by request
  std::map<std::string, std::string> parties_;        // identifier -> variable
  std::map<std::string, std::string> names_;          // address -> `by`
  std::string asker_;
  std::string asked_;
  std::vector<std::string> tests_;
  Tree resources_ = Tree::map();
  Tree let_ = Tree::map();
  Tree steps_ = Tree::list();
  RecordedScenario result_;
};

}  // namespace

RecordedScenario record_scenario(const std::vector<CapturedMessage>& messages, const RecordOptions& options) {
  const std::vector<CapturedMessage> all = with_gets(messages);
  return Recorder(all, options).run();
}

}  // namespace peerscope::harness
