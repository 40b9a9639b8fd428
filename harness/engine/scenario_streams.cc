// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/scenario_run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace peerscope::harness {

bool ScenarioRun::open_stream(ClientParty& client, const Step& step) {
  Exchange exchange;
  ClientParty::Wire wire;
  if (!compose(client, *step.send, exchange, wire)) return false;
  finish_stream(step.by);
  exchange.message = decode_request(protocol_, exchange.http, security());
  exchange.message->source = "harness:" + client.name();
  const MessagePtr message = exchange.message;
  const net::HttpRequest http = exchange.http;
  auto answer = client.open(std::move(exchange));
  evidence_.add(http, client.connection(), true, "");
  if (!answer) return stop(lost_verdict(answer.error()), fmt::format("no answer: {}", answer.error().message));
  protocol_.track(*session_, *message, nullptr);
  result_.reached = true;
  streams_[step.by] = {&client, std::move(answer->http), answer->connection, message, false, "", {}};
  return true;
}

bool ScenarioRun::watch(Stream& stream, const Step& step) {
  const Expectation& expectation = *step.expect;
  const bool none = step.expect_none.has_value();
  const std::string text = none ? step.none_for : expectation.within;
  const auto seconds = text.empty() ? std::optional(options_.answer_within) : duration(text);
  if (!seconds) return false;
  const auto deadline =
      SteadyClock::now() + std::chrono::duration<double>(none ? *seconds : *seconds * options_.time_scale);
  constexpr std::size_t kLargest = 32 << 20;
  std::string difference = "nothing came";
  const Outcome* met = nullptr;
  MessagePtr message;
  for (bool fresh = true; met == nullptr;) {
    if (fresh) {
      message = decode_response(protocol_, stream.http, security());
      message->source = "iut";
      for (const Outcome& outcome : expectation.any_of) {
        const std::string one = stream_difference(outcome, stream, *message);
        if (one.empty() && met == nullptr) met = &outcome;
        if (&outcome == &expectation.any_of.front()) difference = one;
      }
    }
    const double left = std::chrono::duration<double>(deadline - SteadyClock::now()).count();
    if (met != nullptr || left <= 0 || stream.http.body.size() > kLargest || (stream.closed && !fresh)) break;
    fresh = read_more(stream, std::min(left, 0.2));
  }
  const std::size_t known = result_.hits.size();
  judge(*message, stream.request.get(), stream.http.status);
  protocol_.track(*session_, *message, stream.request.get());
  bool good = true;
  if ((met != nullptr) == none) {
    if (!cleaning_ && result_.expected.empty()) {
      result_.expected = none ? "none of\n" + describe(expectation) : describe(expectation);
      result_.seen = show(*message, &stream.http);
    }
    good = decide(expectation, none ? "the stream has what it must not have"
                                    : fmt::format("{}{}", difference, stream.closed ? "; the stream has ended" : ""));
  } else if (met != nullptr) {
    bind(*met, *message, stream.http.headers);
    good = take(*met);
  }
  for (std::size_t i = known; i < result_.hits.size(); ++i) stream.hits.push_back(i);
  stream.comment += std::exchange(comment_, "");
  return good;
}

bool ScenarioRun::read_more(Stream& stream, double seconds) {
  if (stream.closed) return false;
  auto piece = stream.client->more(seconds);
  if (piece) {
    stream.http.body += *piece;
    return true;
  }
  stream.closed = piece.error().kind != net::ErrorKind::kTimeout;
  return stream.closed;
}

std::string ScenarioRun::stream_difference(const Outcome& outcome, const Stream& stream, const Message& message) {
  if (outcome.event.empty()) return differences(outcome, message, &stream.http, stream.http.headers);
  if (outcome.event != "closed" || !stream.closed) return "the stream has not ended";
  Outcome rest = outcome;
  rest.event.clear();
  if (rest.msg.empty()) rest.msg = "http";
  return differences(rest, message, &stream.http, stream.http.headers);
}

void ScenarioRun::finish_stream(const std::string& by) {
  const auto found = streams_.find(by);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  const std::uint64_t frame = evidence_.add(stream.http, stream.connection, false, stream.comment);
  for (const std::size_t i : stream.hits) result_.hits[i].frame = frame;
  stream.client->close();
  streams_.erase(found);
}

}  // namespace peerscope::harness
