// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/requirement.h"

#include <array>
#include <map>
#include <mutex>
#include <vector>

#include "protocols/base/protocol.h"
#include "protocols/base/text.h"

namespace peerscope {

std::string_view to_string(Level level) {
  static constexpr std::array<std::string_view, 8> kNames = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT",
                                                             "MAY",  "GRAMMAR",  "OURS",   "RULE"};
  return kNames[static_cast<std::size_t>(level)];
}
std::string_view to_string(Party party) {
  static constexpr std::array<std::string_view, 3> kNames = {"client", "server", "any"};
  return kNames[static_cast<std::size_t>(party)];
}
std::string_view to_string(Scope scope) {
  static constexpr std::array<std::string_view, 4> kNames = {"message", "exchange", "session", "behaviour"};
  return kNames[static_cast<std::size_t>(scope)];
}
std::string_view to_string(Severity severity) {
  static constexpr std::array<std::string_view, 4> kNames = {"chat", "note", "warn", "error"};
  return kNames[static_cast<std::size_t>(severity)];
}

namespace {
constexpr std::size_t kLongestDetail = 500;  // the value itself is in the capture
}  // namespace

void Reporter::at(const Event* event, const std::string& detail) {
  out_.push_back({.rule = rule_,
                  .severity = softened_ ? severity_ : rule_->severity,
                  .offset = event != nullptr ? event->offset : 0,
                  .length = event != nullptr ? event->length : 0,
                  .detail = shortened(detail, kLongestDetail)});
}

void Reporter::issue(const Issue& issue) {
  out_.push_back({.rule = rule_,
                  .severity = softened_ ? severity_ : rule_->severity,
                  .offset = issue.offset,
                  .length = issue.length,
                  .detail = shortened(explain(issue), kLongestDetail)});
}

namespace {

// The rows with a check that a message of some direction concerns when so much is known of what is around it, in table
// order. A row for one party judges that party's messages only.
class Plan {
 public:
  explicit Plan(const Protocol& protocol) {
    for (const Requirement& row : protocol.requirements) {
      if (row.check == nullptr) continue;
      for (const Direction direction : {Direction::kUnknown, Direction::kRequest, Direction::kResponse}) {
        if (row.party == Party::kClient && direction == Direction::kResponse) continue;
        if (row.party == Party::kServer && direction == Direction::kRequest) continue;
        for (std::size_t known = 0; known < kScopes; ++known) {
          const CheckScopes scopes{.message = (known & kMessage) != 0,
                                   .exchange = (known & kExchange) != 0,
                                   .session = (known & kSession) != 0};
          const bool wanted = (row.scope == Scope::kMessage && scopes.message) ||
                              (row.scope == Scope::kExchange && scopes.exchange) ||
                              (row.scope == Scope::kSession && scopes.session);
          if (wanted) rows_[static_cast<std::size_t>(direction)][place(scopes)].push_back(&row);
        }
      }
    }
  }
  const std::vector<const Requirement*>& rows(Direction direction, CheckScopes scopes) const {
    return rows_[static_cast<std::size_t>(direction)][place(scopes)];
  }

 private:
  static constexpr std::size_t kMessage = 1;
  static constexpr std::size_t kExchange = 2;
  static constexpr std::size_t kSession = 4;
  static constexpr std::size_t kScopes = 8;
  static std::size_t place(CheckScopes scopes) {
    return (scopes.message ? kMessage : 0) | (scopes.exchange ? kExchange : 0) | (scopes.session ? kSession : 0);
  }
  std::array<std::array<std::vector<const Requirement*>, kScopes>, 3> rows_;
};

// One a protocol, made when its first message comes.
const Plan& plan_of(const Protocol& protocol) {
  static std::mutex mutex;
  static std::map<const Protocol*, Plan> plans;
  thread_local const Protocol* last = nullptr;
  thread_local const Plan* plan = nullptr;
  if (last != &protocol) {
    const std::lock_guard lock(mutex);
    plan = &plans.try_emplace(&protocol, protocol).first->second;
    last = &protocol;
  }
  return *plan;
}

}  // namespace

void run_checks(const Protocol& protocol, const CheckInput& input, CheckScopes scopes, std::vector<Finding>& out) {
  if (input.message.dialect != nullptr) return;  // nothing is validated against a pre-RFC dialect
  Reporter reporter(input, out);
  const CheckScopes known{.message = scopes.message,
                          .exchange = scopes.exchange && input.request != nullptr,
                          .session = scopes.session && input.session != nullptr};
  for (const Requirement* row : plan_of(protocol).rows(input.message.direction, known)) {
    reporter.use(*row);
    reporter.reset();
    row->check(input, reporter);
  }
  for (const MessagePart& part : input.message.parts) {
    const std::size_t before = out.size();
    // What a part answers is told by what carries it.
    run_checks(protocol, {*part.message, nullptr, input.session}, scopes, out);
    for (std::size_t i = before; i < out.size(); ++i) {
      Finding& finding = out[i];
      const std::uint32_t from = part.outer(finding.offset);
      // A finding about the part as a whole has no place in it.
      if (finding.length > 0) finding.length = part.outer(finding.offset + finding.length - 1) + 1 - from;
      finding.offset = from;
    }
  }
}

}  // namespace peerscope
