// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/scenario_run_state.h"

#include <fmt/format.h>

#include <utility>

#include "harness/behaviours/behaviours.h"

namespace peerscope::harness {

bool ScenarioRun::know_server() {
  const SurveyKind* kind = survey_kind(protocol_);
  if (kind == nullptr || !scenario_.survey) return true;
  step_name_ = "survey";
  survey_ = kind->make(url_);
  for (const std::string& path : iut_.file().data) {
    if (std::string error = survey_->teach(path); !error.empty()) return stop(Verdict::kError, error);
  }
  constexpr int kMostFetches = 64;
  auto fetch = survey_->next();
  for (int i = 0; fetch && i < kMostFetches; ++i, fetch = survey_->next()) {
    net::Error why;
    const MessagePtr answer = look_up(*fetch, why);
    // Without the directory nothing can be asked for; what else is missing a scenario may be about.
    if (answer == nullptr && i == 0)
      return stop(Verdict::kBlocked, fmt::format("{}: {}", fetch->url.to_string(), why.message));
    if (answer == nullptr) continue;
    if (std::string error = survey_->learn(*fetch, *answer); !error.empty())
      return stop(Verdict::kBlocked, std::move(error));
  }
  ServerResource directory;
  directory.url = url_;
  directory.accept = "*/*";
  resources_[std::string(kDirectoryResource)] = std::move(directory);
  for (const auto& [name, wanted] : scenario_.resources) {
    std::string reason;
    Tree expanded = wanted;
    if (std::string error = expand_tree(expanded, variables_); !error.empty())
      return stop(Verdict::kError, fmt::format("{}: resources: {}", scenario_.path, error));
    auto found = survey_->find(expanded, reason);
    if (!found) {
      for (const std::string& feature : scenario_.needs) reason += fmt::format("; the IUT file claims {}", feature);
      return stop(Verdict::kNotApplicable, std::move(reason));
    }
    for (const auto& [variable, value] : found->variables) variables_.values[name + "." + variable] = value;
    resources_[name] = std::move(*found);
  }
  const auto data = survey_->data();
  for (const std::string& name : scenario_.data) {
    const auto found = data.find(name);
    if (found == data.end()) return stop(Verdict::kNotApplicable, fmt::format("the server's data has no {}", name));
    variables_.values[name] = found->second;
  }
  step_name_.clear();
  return true;
}

MessagePtr ScenarioRun::look_up(const Survey::Fetch& fetch, net::Error& error) {
  Exchange exchange;
  exchange.http.method = "GET";
  exchange.http.headers.set("Accept", fetch.accept);
  exchange.http.headers.set("Accept-Encoding", "identity");
  exchange.url = fetch.url;
  auto answer = ask("", std::move(exchange));
  if (answer) answer = follow("", std::move(*answer));
  if (!answer) {
    error = answer.error();
    return nullptr;
  }
  result_.reached = true;
  MessagePtr message = decode_response(protocol_, answer->http, security());
  message->source = "iut";
  judge(*message, answer->asked.message.get(), answer->http.status);
  add_evidence(answer->http, answer->connection, *message);
  protocol_.track(*session_, *message, answer->asked.message.get());
  return message;
}

net::Result<ClientParty::Answer> ScenarioRun::ask(const std::string& by, Exchange exchange) {
  ClientParty* client = party(by, exchange.url);
  exchange.http.target = exchange.url.target;
  exchange.http.headers.set("Host", exchange.url.authority());
  if (auto sent = hand_over(*client, std::move(exchange), {}, true); !sent) return sent.error();
  return client->receive();
}

net::Result<void> ScenarioRun::hand_over(ClientParty& client, Exchange exchange, const ClientParty::Wire& wire,
                                         bool credentials) {
  exchange.message = decode_request(protocol_, exchange.http, security());
  exchange.message->source = "harness:" + client.name();
  const MessagePtr message = exchange.message;
  const net::HttpRequest http = exchange.http;
  Times& times = times_[client.name()];
  times.before = std::exchange(times.sent, SteadyClock::now());
  const auto sent = client.send(std::move(exchange), wire, credentials);
  evidence_.name(client.connection().local, client.name());
  if (wire.raw)
    evidence_.add(*wire.raw, client.connection(), true, "");
  else
    evidence_.add(http, client.connection(), true, "");
  if (sent) protocol_.track(*session_, *message, nullptr);
  return sent;
}

bool ScenarioRun::is_redirect(const net::HttpResponse& http) {
  return (http.status == 301 || http.status == 302 || http.status == 303 || http.status == 307 || http.status == 308) &&
         !http.headers.get("Location").empty();
}

net::Result<ClientParty::Answer> ScenarioRun::follow(const std::string& by, ClientParty::Answer answer) {
  constexpr int kMostRedirects = 5;
  for (int i = 0; is_redirect(answer.http); ++i) {
    if (i == kMostRedirects) return {net::ErrorKind::kMalformed, "more than 5 redirects in a row"};
    const auto to = answer.asked.url.resolve(answer.http.headers.get("Location"));
    if (!to) return to.error();
    evidence_.add(answer.http, answer.connection, false, "");
    Exchange next;
    next.http = answer.asked.http;
    next.url = *to;
    if (answer.http.status == 303 && next.http.method != "HEAD") {
      next.http.method = "GET";
      next.http.body.clear();
      next.http.headers.remove("Content-Type");
    }
    auto following = ask(by, std::move(next));
    if (!following) return following;
    answer = std::move(*following);
  }
  return answer;
}

}  // namespace peerscope::harness
