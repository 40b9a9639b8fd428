// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/matrix/pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <mutex>

#include "harness/check.h"
#include "harness/engine/evidence.h"
#include "harness/engine/neighbours.h"
#include "harness/engine/party.h"
#include "harness/engine/runner.h"
#include "harness/scenario/expression.h"

namespace peerscope::harness {
namespace {

using SteadyClock = std::chrono::steady_clock;

const Protocol* protocol_of(const IutFile& iut) {
  for (const Protocol* protocol : protocols()) {
    for (const Role& role : protocol->roles) {
      if (iut.role == role.name) return protocol;
    }
  }
  return nullptr;
}

// What is judged of a pair, from wherever its messages come.
class Judge {
 public:
  explicit Judge(PairResult& result) : result_(result) {
    result_.attempt.scenario = "matrix";
    result_.attempt.verdict = Verdict::kPass;
  }

  // Returns the comment for the evidence.
  std::string take(const CapturedMessage& captured, const Message* request, std::uint64_t frame) {
    const bool answer = captured.message->direction == Direction::kResponse;
    ++(answer ? result_.answers : result_.requests);
    std::string comment;
    for (RuleHit& hit : checker_.judge(captured, request)) {
      if (frame != 0) hit.frame = frame;
      result_.attempt.verdict = worst(result_.attempt.verdict, hit.verdict);
      if (hit.verdict == Verdict::kFail) ++(answer ? result_.server_fails : result_.client_fails);
      if (hit.verdict == Verdict::kFail && result_.attempt.reason.empty())
        result_.attempt.reason = fmt::format("{}: {}", hit.rule->id, hit.detail);
      if (hit.verdict >= Verdict::kWarn)
        comment +=
            fmt::format("{}{} {}: {}", comment.empty() ? "" : "\n", hit.rule->id, to_string(hit.verdict), hit.detail);
      constexpr std::size_t kKept = 20;  // of each rule
      if (++kept_[hit.rule] <= kKept) result_.attempt.hits.push_back(hit);
    }
    return comment;
  }

 private:
  PairResult& result_;
  Checker checker_;
  std::map<const Requirement*, std::size_t> kept_;
};

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; !from.empty() && (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

class Pair {
 public:
  Pair(const IutFile& client, const IutFile& server, const PairOptions& options)
      : protocol_(*protocol_of(server)),
        options_(options),
        client_(client, options.folder),
        server_(server, options.folder + "/server"),
        evidence_(options.folder + "/evidence.pcapng"),
        judge_(result_) {
    result_.attempt.evidence = evidence_.path();
  }

  PairResult run() {
    const auto begin = SteadyClock::now();
    if (start()) relay(begin);
    client_.stop();
    server_.stop();
    relay_.stop();
    {
      const std::lock_guard lock(secrets_mutex_);
      for (const std::string& line : secrets_) evidence_.secret(line);
    }
    evidence_.close();
    if (!evidence_.error().empty()) stop(Verdict::kError, "evidence: " + evidence_.error());
    result_.attempt.flow = flow_of(evidence_, result_.attempt.hits);
    if (result_.attempt.verdict < Verdict::kInconclusive && result_.requests == 0)
      stop(Verdict::kInconclusive, "the client asked nothing");
    result_.attempt.reached = result_.answers > 0;
    result_.attempt.seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
    return std::move(result_);
  }

 private:
  bool stop(Verdict verdict, const std::string& reason) {
    result_.attempt.verdict = worst(result_.attempt.verdict, verdict);
    if (result_.attempt.reason.empty()) result_.attempt.reason = reason;
    return false;
  }

  net::KeyLogSink key_log() {
    return [this](std::string_view line) {
      const std::lock_guard lock(secrets_mutex_);
      secrets_.emplace_back(line);
    };
  }

  bool start() {
    if (const std::string error = server_.start({}); !error.empty()) return stop(Verdict::kBlocked, "server: " + error);
    const auto url = net::Url::parse(server_.url());
    const auto listen = net::Endpoint::parse(client_.file().listen);
    if (!url || !listen) return stop(Verdict::kError, url ? listen.error().message : url.error().message);
    server_url_ = *url;
    if (auto started = relay_.start({*listen, client_.file().scheme == "https", key_log()}); !started)
      return stop(Verdict::kError, started.error().message);
    own_origin_ =
        fmt::format("{}://{}", client_.file().scheme, net::Endpoint{listen->address, relay_.port()}.to_string());
    server_origin_ = fmt::format("{}://{}", server_url_.scheme, server_url_.authority());
    std::map<std::string, std::string, std::less<>> variables;
    variables["url"] = own_origin_ + server_url_.target;
    variables["cafile"] = options_.folder + "/harness.pem";
    std::ofstream(variables["cafile"]) << relay_.certificate();
    Variables names;
    names.random = &random_;
    names.values["url"] = variables["url"];
    for (const LaunchVariable& one : protocol_.launch_variables)
      variables.try_emplace(one.name, expand(one.otherwise, names).text);
    if (const std::string error = client_.start(variables); !error.empty())
      return stop(Verdict::kBlocked, "client: " + error);
    return true;
  }

  void relay(SteadyClock::time_point begin) {
    auto last = SteadyClock::now();
    const auto since = [](SteadyClock::time_point then) {
      return std::chrono::duration<double>(SteadyClock::now() - then).count();
    };
    // How long a client takes until it first asks is its own affair.
    while (since(begin) < options_.seconds && (result_.requests == 0 || since(last) < options_.quiet)) {
      constexpr double kSlice = 0.2;
      auto incoming = relay_.next(kSlice);
      const bool over = !client_.gone().empty();
      if (!incoming && over) break;
      if (!incoming) continue;
      last = SteadyClock::now();
      hand_on(*incoming);
      if (const std::string gone = server_.gone(); !gone.empty()) {
        stop(Verdict::kFail, "the server " + gone);
        break;
      }
    }
  }

  Transport::Security security(bool tls) const { return tls ? Transport::Security::kTls : Transport::Security::kClear; }

  void hand_on(const ServerParty::Incoming& incoming) {
    CapturedMessage asked;
    asked.protocol = &protocol_;
    asked.http_request = incoming.http;
    asked.message = decode_request(protocol_, incoming.http, security(incoming.connection.tls));
    asked.message->source = incoming.connection.remote.to_string();
    asked.message->destination = server_url_.authority();
    const std::string comment =
        belongs_to(protocol_, *asked.message) ? judge_.take(asked, nullptr, evidence_.next()) : "";
    if (comment.empty() && !belongs_to(protocol_, *asked.message)) ++result_.requests;
    evidence_.name(incoming.connection.remote, "client");
    evidence_.add(incoming.http, incoming.connection, false, comment);

    Exchange exchange;
    exchange.http = incoming.http;
    exchange.url = server_url_;
    for (const char* name : {"Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Upgrade", "TE"})
      exchange.http.headers.remove(name);
    exchange.http.headers.set("Host", server_url_.authority());
    exchange.http.headers.set("Accept-Encoding", "identity");
    exchange.message = asked.message;
    ClientParty& party = party_of(incoming.connection.remote.to_string());
    net::Result<ClientParty::Answer> answer = net::Error{net::ErrorKind::kLocal, ""};
    if (auto sent = party.send(std::move(exchange), {}, false); !sent)
      answer = sent.error();
    else
      answer = party.receive();
    if (!answer) {
      stop(Verdict::kInconclusive, fmt::format("the server does not answer {}: {}",
                                               protocol_.summary(*asked.message, nullptr), answer.error().message));
      relay_.answer(incoming, net::Reply(net::HttpResponse(504)));
      return;
    }
    CapturedMessage response;
    response.protocol = &protocol_;
    response.http_response = answer->http;
    response.message = decode_response(protocol_, answer->http, security(server_url_.tls()));
    response.message->source = server_url_.authority();
    response.message->destination = asked.message->source;
    std::string said;
    if (belongs_to(protocol_, *response.message)) said = judge_.take(response, asked.message.get(), evidence_.next());
    evidence_.name(answer->connection.remote, "server");
    evidence_.add(answer->http, answer->connection, false, said);

    net::HttpResponse back = answer->http;
    for (const char* name : {"Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length"})
      back.headers.remove(name);
    replace_all(back.body, server_origin_, own_origin_);
    relay_.answer(incoming, net::Reply(std::move(back)));
  }

  // A connection to the server for each of the client's.
  ClientParty& party_of(const std::string& connection) {
    auto& party = parties_[connection];
    if (!party) {
      ClientParty::Options options;
      options.url = server_url_;
      options.ca_file = server_.file().ca_file;
      options.seconds = options_.answer_within;
      options.key_log = key_log();
      party = std::make_unique<ClientParty>(connection, connection, std::move(options));
    }
    return *party;
  }

  const Protocol& protocol_;
  const PairOptions& options_;
  Iut client_;
  Iut server_;
  ServerParty relay_;
  net::Url server_url_;
  std::string server_origin_;
  std::string own_origin_;
  Random random_{1};
  std::map<std::string, std::unique_ptr<ClientParty>> parties_;
  std::mutex secrets_mutex_;
  std::vector<std::string> secrets_;
  Evidence evidence_;
  PairResult result_;
  Judge judge_;
};

}  // namespace

std::string unfit_pair(const IutFile& client, const IutFile& server) {
  if (client.serves()) return fmt::format("{} is a {}, which is no client", client.name, client.role);
  if (!server.serves()) return fmt::format("{} is a {}, which is no server", server.name, server.role);
  if (protocol_of(client) != protocol_of(server)) return "they speak different protocols";
  if (neighbour_rules(*protocol_of(server)) != nullptr)
    return "nodes keep links to each other, and the harness can stand between HTTP clients and servers only";
  return {};
}

PairResult play_pair(const IutFile& client, const IutFile& server, const PairOptions& options) {
  // The server's log has a folder of its own.
  if (std::string error = make_directory(options.folder + "/server"); !error.empty()) {
    PairResult failed;
    failed.attempt.scenario = "matrix";
    failed.attempt.verdict = Verdict::kError;
    failed.attempt.reason = std::move(error);
    return failed;
  }
  return Pair(client, server, options).run();
}

PairResult judge_pair(const std::string& capture, const std::string& keys, const std::string& version) {
  PairResult result;
  Judge judge(result);
  const CaptureOutcome outcome = stream_capture(
      capture, keys, version,
      [&](const CapturedMessage& captured, const Message* request) { (void)judge.take(captured, request, 0); });
  result.attempt.evidence = capture;
  if (!outcome.error.empty()) {
    result.attempt.verdict = outcome.harness_fault ? Verdict::kError : Verdict::kBlocked;
    result.attempt.reason = outcome.error;
  } else if (result.requests + result.answers == 0) {
    result.attempt.verdict = Verdict::kInconclusive;
    result.attempt.reason = "no message of a known protocol in it";
  } else if (!outcome.warning.empty()) {
    result.attempt.verdict = worst(result.attempt.verdict, Verdict::kInconclusive);
    result.attempt.reason = outcome.warning;
  }
  return result;
}

std::string write_pair(const PairResult& result, const std::string& name, const std::string& path,
                       const std::string& version) {
  std::string error;
  const std::unique_ptr<ResultsFile> file = ResultsFile::open(path, error);
  if (!file) return error;
  file->header("matrix", name, version, rules_hash(), 0);
  file->attempt(result.attempt);
  file->verdict(result.attempt, result.attempt.verdict, "");
  struct Total {
    Verdict verdict = Verdict::kNone;
    std::size_t hits = 0;
    std::string example;
  };
  std::map<std::string, std::pair<const Requirement*, Total>> rows;
  for (const RuleHit& hit : result.attempt.hits) {
    auto& [row, total] = rows[hit.rule->id];
    row = hit.rule;
    total.verdict = worst(total.verdict, hit.verdict);
    ++total.hits;
    if (total.example.empty()) total.example = fmt::format("frame {}: {}", hit.frame, hit.detail);
  }
  for (const auto& [id, one] : rows)
    file->requirement(*one.first, one.second.verdict, one.second.hits, one.second.example);
  file->footer(exit_code({result.attempt.verdict}));
  return file->error();
}

}  // namespace peerscope::harness
