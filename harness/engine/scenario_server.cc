// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/scenario_run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "harness/behaviours/behaviours.h"
#include "protocols/base/text.h"

namespace peerscope::harness {

bool ScenarioRun::serve(const Step& step) {
  const Expectation* expectation = step.expect ? &*step.expect : nullptr;
  if (expectation == nullptr) return true;
  const bool none = step.expect_none.has_value();
  const bool stated = !expectation->stated_as.empty() && iut_.file().facts.contains(expectation->stated_as);
  const auto seconds = none                          ? duration(step.none_for)
                       : stated                      ? duration("$" + expectation->stated_as)
                       : expectation->within.empty() ? std::optional(options_.answer_within)
                                                     : duration(expectation->within);
  if (!seconds) return false;
  const auto deadline =
      SteadyClock::now() + std::chrono::duration<double>(none ? *seconds : *seconds * options_.time_scale);
  std::string last_difference;
  bool spoke = false;  // something came, if not what is expected
  for (;;) {
    const double left = std::chrono::duration<double>(deadline - SteadyClock::now()).count();
    auto incoming = left > 0 ? server_.next(std::min(left, 0.2)) : std::nullopt;
    if (!incoming) {
      if (left > 0 && !(iut_.file().started_here() && !iut_.gone().empty())) continue;
      if (none) return true;
      const std::string gone = iut_.gone();
      result_.expected = describe(*expectation);
      if (result_.seen.empty()) result_.seen = gone.empty() ? "nothing" : "the implementation under test " + gone;
      if (!expectation->stated_as.empty() && !stated && !spoke && gone.empty() && !step.setup) {
        return stop(
            Verdict::kInconclusive,
            fmt::format("nothing came within {} s, and the IUT file does not say how long it may take: give the "
                        "fact {}",
                        *seconds, expectation->stated_as));
      }
      return decide(
          *expectation,
          !last_difference.empty()
              ? fmt::format("no such request within {} s; the last that came instead: {}", *seconds, last_difference)
          : gone.empty() ? fmt::format("no such request within {} s", *seconds)
                         : fmt::format("the implementation under test {} before it sent it", gone));
    }
    result_.reached = true;
    MessagePtr message = decode_request(
        protocol_, incoming->http, incoming->connection.tls ? Transport::Security::kTls : Transport::Security::kClear);
    message->source = incoming->connection.remote.to_string();
    judge(*message, nullptr, 200);
    spoke = true;
    std::string difference;
    const Outcome* met = nullptr;
    for (const Outcome& outcome : expectation->any_of) {
      std::string d = differences(outcome, *message, nullptr, incoming->http.headers);
      if (d.empty()) d = unlike_before(*expectation, *message);
      if (d.empty()) {
        met = &outcome;
        break;
      }
      const bool same_kind =
          message->type != nullptr ? outcome.msg.empty() || outcome.msg == message->type->name : outcome.msg == "http";
      if (same_kind && difference.empty()) difference = d;
    }
    if (met == nullptr && !difference.empty()) {
      last_difference = difference;
      if (result_.seen.empty() || !none) result_.seen = show(*message, nullptr);
    }
    if (met != nullptr && none)
      decide(*expectation,
             fmt::format("{} came, expected was none", message->type != nullptr ? message->type->name : "a request"));
    add_evidence(incoming->http, incoming->connection, *message);
    protocol_.track(*session_, *message, nullptr);
    if (met != nullptr) bind(*met, *message, incoming->http.headers);
    const Sending* reply = met != nullptr && !none && step.reply ? &*step.reply : background(*message);
    if (!answer(*incoming, *message, reply)) return false;
    if (met == nullptr) continue;
    if (none) return result_.verdict < Verdict::kFail;
    if (!step.id.empty()) taken_[step.id] = message;
    result_.seen.clear();
    result_.expected.clear();
    return take(*met);
  }
}

std::string ScenarioRun::unlike_before(const Expectation& expectation, const Message& message) {
  const auto found = taken_.find(expectation.same_as);
  if (found == taken_.end()) return {};
  const Message& before = *found->second;
  if (before.transport.method != message.transport.method || before.transport.target != message.transport.target)
    return fmt::format("the request is not that of step {}: expected {} {}, seen {} {}", expectation.same_as,
                       before.transport.method, before.transport.target, message.transport.method,
                       message.transport.target);
  if (content_hash(before) != content_hash(message))
    return fmt::format("the request is not that of step {}: expected {}, seen {}", expectation.same_as,
                       shortened(before.view(), kLongestValue), shortened(message.view(), kLongestValue));
  if (before.view() != message.view()) {
    for (const std::string& id : expectation.check)
      add_hit(*find_requirement(id), Verdict::kInfo, "the same content as before, in another spelling");
  }
  return {};
}

const Sending* ScenarioRun::background(const Message& message) const {
  static const Sending kOk = [] {
    Sending sending;
    sending.behaviour = "ok";
    return sending;
  }();
  for (const Background& entry : scenario_.background) {
    if (entry.on == "any" || (message.type != nullptr && entry.on == message.type->name)) return &entry.reply;
  }
  return &kOk;
}

bool ScenarioRun::answer(const ServerParty::Incoming& incoming, const Message& request, const Sending* sending) {
  if (sending->end == "none") return true;
  variables_.values["request.target"] = request.transport.target;
  variables_.values["request.method"] = request.transport.method;
  for (const FieldPlace& place : protocol_.fields()) {
    const Event* value = request.first(*place.field);
    variables_.values[request_variable(place)] = value == nullptr    ? ""
                                                 : value->has_number ? std::to_string(value->number)
                                                                     : std::string(value->text);
  }
  net::Reply reply;
  if (sending->raw_http) {
    const Expanded raw = expand(*sending->raw_http, variables_);
    if (!raw.error.empty()) return stop(Verdict::kError, raw.error);
    reply = net::Reply::raw_bytes(raw.text);
  } else {
    Tree http = sending->http;
    if (std::string error = expand_tree(http, variables_); !error.empty()) return stop(Verdict::kError, error);
    Built built;
    if (!build(*sending, &request, "", built)) return false;
    reply.response.body = std::move(built.body);
    const Tree* status = http.find("status");
    reply.response.status = status != nullptr ? static_cast<int>(number(http, "status")) : built.status;
    const Tree* type = http.find("content_type");
    if (type != nullptr) built.media_type = type->scalar;
    if (!built.media_type.empty()) reply.response.headers.set("Content-Type", built.media_type);
    if (const Tree* headers = http.find("headers"); headers != nullptr) {
      for (const auto& [name, value] : headers->members) reply.response.headers.set(name, value.scalar);
    }
    reply.chunk_size = number(http, "chunked");
    reply.write_size = number(http, "split");
  }
  if (!sending->delay.empty()) {
    const auto seconds = duration(sending->delay);
    if (!seconds) return false;
    reply.delay = std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(*seconds));
  }
  if (sending->end == "close") reply.end = net::Reply::End::kClose;
  if (sending->end == "reset") reply.end = net::Reply::End::kReset;
  if (sending->end == "stall") reply.end = net::Reply::End::kStall;
  evidence_.add(reply.response, incoming.connection, true, "");
  MessagePtr message = decode_response(protocol_, reply.response, Transport::Security::kUnknown);
  message->source = "harness";
  protocol_.track(*session_, *message, &request);
  server_.answer(incoming, std::move(reply));
  return true;
}

}  // namespace peerscope::harness
