// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/scenario_run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "harness/behaviours/behaviours.h"
#include "harness/scenario/match.h"

namespace peerscope::harness {

net::Result<net::Url> ScenarioRun::url_of(const Sending& sending) const {
  const auto found = resources_.find(sending.resource);
  const net::Url& base = found != resources_.end() ? found->second.url : url_;
  const Tree* target = sending.http.find("target");
  if (survey_ == nullptr || target == nullptr) return base;
  const Expanded expanded = expand(target->scalar, variables_);
  return expanded.error.empty() ? base.resolve(expanded.text)
                                : net::Result<net::Url>(net::ErrorKind::kLocal, expanded.error);
}

ClientParty* ScenarioRun::current(const std::string& name) {
  const auto found = current_.find(name);
  return found != current_.end() ? found->second : party(name, url_);
}

ClientParty* ScenarioRun::party(const std::string& name, const net::Url& url, const std::string& tls_version) {
  std::string key = url.same_origin(url_) ? name : name + "@" + url.authority();
  if (!tls_version.empty()) key += "/" + tls_version;
  auto& slot = clients_[key];
  if (slot) return current_[name] = slot.get();
  ClientParty::Options options;
  options.url = url;
  if (!tls_version.empty())
    options.tls_version =
        tls_version == kTls12 ? net::TlsClientOptions::Version::k12 : net::TlsClientOptions::Version::k13;
  options.ca_file = iut_.file().ca_file;
  options.seconds = options_.answer_within * options_.time_scale;
  options.credentials = {iut_.file().user, iut_.file().password, iut_.file().token};
  options.key_log = key_log();
  const std::string id = fmt::format("{}-{:08x}", name.empty() ? "peer" : name, static_cast<std::uint32_t>(random_()));
  slot = std::make_unique<ClientParty>(name, id, std::move(options));
  return current_[name] = slot.get();
}

bool ScenarioRun::build(const Sending& sending, const Message* request, const std::string& self, Built& out) {
  std::string& body = out.body;
  std::string msg = sending.msg.empty() ? std::string(usual_answer(protocol_)) : sending.msg;
  if (sending.raw) {
    out.media_type = media_type_of(msg);
    const Expanded raw = expand(*sending.raw, variables_);
    if (!raw.error.empty()) return stop(Verdict::kError, raw.error);
    body = raw.text;
    return true;
  }
  msg = sending.msg;
  Tree with = sending.with;
  if (!sending.behaviour.empty()) {
    auto answer = request != nullptr ? named_answer(protocol_, sending.behaviour, *request) : std::nullopt;
    if (!answer)
      return stop(Verdict::kError, fmt::format("{}: no behaviour '{}' here", scenario_.path, sending.behaviour));
    msg = answer->msg;
    out.status = answer->status;
    for (const auto& [key, value] : sending.with.members) answer->with.at_path(key) = value;
    with = std::move(answer->with);
  }
  out.media_type = media_type_of(msg);
  if (msg.empty()) return true;
  Tree mutate = sending.mutate;
  std::string error = expand_tree(with, variables_);
  if (error.empty()) error = expand_tree(mutate, variables_);
  Overrides overrides;
  std::optional<std::size_t> truncate;
  if (error.empty()) error = to_overrides(mutate, overrides, truncate);
  if (!error.empty()) return stop(Verdict::kError, error);
  fill_identities(msg, request, self, with);
  EncodeResult encoded = protocol_.encode(msg, with, overrides);
  if (!encoded.error.empty()) return stop(Verdict::kError, encoded.error);
  body = std::move(encoded.bytes);
  if (truncate) body.resize(std::min(*truncate, body.size()));
  return true;
}

std::string ScenarioRun::media_type_of(std::string_view msg) const {
  if (msg.empty()) return {};
  const MessageType* row = message_named(protocol_, msg);
  return row != nullptr && row->media_type != nullptr ? row->media_type : protocol_.media_types.front();
}

void ScenarioRun::fill_identities(const std::string& msg, const Message* request, const std::string& self, Tree& with) {
  const auto row = std::find_if(protocol_.messages.begin(), protocol_.messages.end(),
                                [&](const MessageType& type) { return msg == type.name; });
  const bool is_request = row != protocol_.messages.end() && row->direction == Direction::kRequest;
  for (const FieldPlace& place : protocol_.fields()) {
    if (place.depth != 1 || !place.mandatory || with.find(place.field->name) != nullptr) continue;
    if (place.field->replay == Replay::kExchangeId) {
      with.at_path(place.field->name) =
          Tree::text(is_request ? fmt::format("t-{}-{:04x}", ++exchanges_, static_cast<std::uint16_t>(random_()))
                     : request != nullptr ? std::string(protocol_.exchange_id(*request))
                                          : "");
    } else if (place.field->replay == Replay::kPartyId && is_request) {
      with.at_path(place.field->name) = Tree::text(self);
    }
  }
}

std::size_t ScenarioRun::number(const Tree& http, std::string_view key) {
  const Tree* value = http.find(key);
  std::size_t out = 0;
  if (value != nullptr) std::from_chars(value->scalar.data(), value->scalar.data() + value->scalar.size(), out);
  return out;
}

bool ScenarioRun::compose(ClientParty& client, const Sending& sending, Exchange& exchange, ClientParty::Wire& wire) {
  variables_.values["self.id"] = client.id();
  variables_.values["self.addr"] = "127.0.0.1";
  Tree http = sending.http;
  if (std::string error = expand_tree(http, variables_); !error.empty()) return stop(Verdict::kError, error);
  const auto text = [&](std::string_view key, std::string otherwise) {
    const Tree* value = http.find(key);
    return value == nullptr ? otherwise : value->scalar;
  };
  Built built;
  if (!sending.raw_http && !build(sending, nullptr, client.id(), built)) return false;
  exchange.http.body = std::move(built.body);
  const auto url = url_of(sending);
  if (!url) return stop(Verdict::kError, url.error().message);
  exchange.url = *url;
  exchange.http.method = text("method", built.media_type.empty() && !sending.raw ? "GET" : "POST");
  exchange.http.target = survey_ != nullptr ? url->target : text("target", url->target);
  if (text("absolute", "") == "true")
    exchange.http.target = fmt::format("{}://{}{}", url->scheme, url->authority(), url->target);
  exchange.http.headers.add("Host", url->authority());
  const std::string type = text("content_type", built.media_type);
  if (!type.empty()) exchange.http.headers.add("Content-Type", type);
  const auto resource = resources_.find(sending.resource);
  exchange.http.headers.add("Accept", resource != resources_.end()        ? resource->second.accept
                                      : protocol_.media_types.size() == 1 ? protocol_.media_types.front()
                                                                          : "*/*");
  // Bodies are judged as they come: ask for them as they are (RFC 9110 section 12.5.3).
  exchange.http.headers.set("Accept-Encoding", "identity");
  if (const Tree* headers = http.find("headers"); headers != nullptr) {
    for (const auto& [name, value] : headers->members) exchange.http.headers.set(name, value.scalar);
  }
  wire.split = number(http, "split");
  wire.chunked = number(http, "chunked");
  if (const Tree* pace = http.find("pace"); pace != nullptr) wire.pace = parse_seconds(pace->scalar).value_or(0);
  if (sending.raw_http) {
    const Expanded raw = expand(*sending.raw_http, variables_);
    if (!raw.error.empty()) return stop(Verdict::kError, raw.error);
    wire.raw = raw.text;
  }
  return true;
}

bool ScenarioRun::with_credentials(const Sending& sending) {
  const Tree* auth = sending.http.find("auth");
  return auth == nullptr || auth->scalar != "none";
}

bool ScenarioRun::send(ClientParty& client, const Sending& sending) {
  Exchange exchange;
  ClientParty::Wire wire;
  if (!compose(client, sending, exchange, wire)) return false;
  if (auto sent = hand_over(client, std::move(exchange), wire, with_credentials(sending)); !sent)
    return stop(lost_verdict(sent.error()), fmt::format("cannot send: {}", sent.error().message));
  return true;
}

Verdict ScenarioRun::lost_verdict(const net::Error&) const {
  return step_ != nullptr && step_->setup ? Verdict::kBlocked : Verdict::kInconclusive;
}

bool ScenarioRun::receive(ClientParty& client, const Expectation& expectation) {
  auto answer = client.receive();
  if (answer && is_redirect(answer->http) && !expects_status(expectation, answer->http.status))
    answer = follow(client.name(), std::move(*answer));
  if (!answer) return no_answer(client, expectation, answer.error());
  result_.reached = true;
  MessagePtr message = decode_response(protocol_, answer->http, security());
  message->source = "iut";
  if (!message->transport.undecoded.empty()) {
    add_evidence(answer->http, answer->connection, *message);
    return stop(step_->setup ? Verdict::kBlocked : Verdict::kInconclusive, message->transport.undecoded);
  }
  judge(*message, answer->asked.message.get(), answer->http.status);
  untold_ = too_silent(client, expectation);
  const bool met = meet(expectation, *message, &answer->http, answer->asked.message.get());
  untold_.clear();
  add_evidence(answer->http, answer->connection, *message);
  protocol_.track(*session_, *message, answer->asked.message.get());
  return met;
}

bool ScenarioRun::expects_status(const Expectation& expectation, int status) const {
  if (survey_ == nullptr) return true;
  return std::any_of(expectation.any_of.begin(), expectation.any_of.end(), [&](const Outcome& outcome) {
    const Tree* wanted = outcome.http.find("status");
    std::string expected;
    return wanted != nullptr && match_value(std::to_string(status), *wanted, expected);
  });
}

std::string ScenarioRun::too_silent(const ClientParty& client, const Expectation& expectation) {
  if (cleaning_ || expectation.silence_under == kAnySilence) return {};
  std::string text = expectation.silence_under;
  if (text.empty() && protocol_.idle_fact != nullptr && iut_.file().facts.contains(protocol_.idle_fact))
    text = fmt::format("${}", protocol_.idle_fact);
  const SteadyClock::time_point before = times_[client.name()].before;
  if (text.empty() || before == SteadyClock::time_point{}) return {};  // the party's first request
  const auto limit = duration(text);
  const std::chrono::duration<double> silence = SteadyClock::now() - before;
  if (!limit || silence.count() < *limit) return {};
  return fmt::format(
      "answers took so long that up to {:.2f} s lay between the two requests, which must be less than {:.2f} s to "
      "tell: "
      "give the implementation under test a longer timer",
      silence.count(), *limit);
}

bool ScenarioRun::no_answer(ClientParty& client, const Expectation& expectation, const net::Error& error) {
  const std::string event = error.kind == net::ErrorKind::kTimeout ? "timeout"
                            : error.kind == net::ErrorKind::kReset ? "reset"
                                                                   : "closed";
  result_.reached = result_.reached || !client.received().empty();
  if (!client.received().empty()) evidence_.add(client.received(), client.connection(), false, error.message);
  for (const Outcome& outcome : expectation.any_of) {
    if (outcome.event == event || (outcome.event == "closed" && event == "reset")) return take(outcome);
  }
  // The process may need a moment to be seen as gone.
  for (int i = 0; i < 20 && iut_.gone().empty() && event != "timeout" && iut_.file().started_here(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  if (const std::string gone = iut_.gone(); !gone.empty())
    return decide_all(fmt::format("the implementation under test {} instead of answering", gone));
  result_.expected = describe(expectation);
  result_.seen = error.message;
  if (step_->setup || cleaning_) return stop(Verdict::kBlocked, fmt::format("setup step: {}", error.message));
  // Silence, endless bodies and garbage are the IUT's doing; a connection that ends may have other causes.
  const bool decided = error.kind == net::ErrorKind::kTimeout || error.kind == net::ErrorKind::kMalformed ||
                       error.kind == net::ErrorKind::kTooLarge;
  if (!decided)
    return stop(cleaning_ ? Verdict::kPass : Verdict::kInconclusive, fmt::format("no answer: {}", error.message));
  return decide(expectation, fmt::format("no answer: {}", error.message));
}

}  // namespace peerscope::harness
