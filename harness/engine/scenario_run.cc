// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/scenario_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "harness/behaviours/behaviours.h"
#include "harness/engine/evidence.h"
#include "harness/engine/neighbours.h"
#include "harness/engine/party.h"
#include "harness/engine/survey.h"
#include "harness/scenario/expression.h"
#include "harness/scenario/match.h"
#include "protocols/base/text.h"

namespace peerscope::harness {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kLongestValue = 500;  // of a message, in what people read

// What a person can read of a tree that may be megabytes; the evidence file has all of it.
std::string readable(std::string_view tree) {
  constexpr std::size_t kMostLines = 120;
  constexpr std::size_t kLongestLine = 240;
  std::string out;
  for (std::size_t lines = 0; !tree.empty() && lines < kMostLines; ++lines) {
    const std::size_t end = tree.find('\n');
    out += shortened(tree.substr(0, end), kLongestLine) + "\n";
    tree.remove_prefix(end == std::string_view::npos ? tree.size() : end + 1);
  }
  if (!tree.empty()) out += fmt::format("... and {} more lines\n", std::count(tree.begin(), tree.end(), '\n'));
  return out;
}

// What came back, for people: the field tree, or the HTTP answer where there is none.
std::string show(const Message& message, const net::HttpResponse* response) {
  std::string out;
  if (response != nullptr && (message.events.empty() || response->status != 200)) {
    out = fmt::format("HTTP {} {}\n", response->status, response->headers.get("Content-Type"));
  }
  if (!message.transport.method.empty())
    out += fmt::format("{} {}\n", message.transport.method, message.transport.target);
  if (!message.events.empty()) return out + readable(print_tree(message.events));
  constexpr std::size_t kMostShown = 400;
  return out + std::string(message.view().substr(0, kMostShown));
}

class Run {
 public:
  Run(const Scenario& scenario, const Permutation& permutation, Iut& iut, const AttemptOptions& options)
      : scenario_(scenario),
        permutation_(permutation),
        protocol_(*scenario.protocol),
        iut_(iut),
        options_(options),
        random_(options.seed),
        evidence_(options.evidence_path),
        session_(protocol_.make_session()) {
    result_.scenario = scenario.id;
    result_.title = scenario.title;
    result_.permutation = permutation_text(permutation);
    result_.seed = options.seed;
    result_.tests = scenario.tests;
    result_.evidence = options.evidence_path;
    variables_.random = &random_;
    for (const auto& [name, value] : iut.file().facts) variables_.values[name] = value;
    for (const auto& [name, value] : permutation) variables_.values[name] = value;
    variables_.values["user"] = iut.file().user;
    variables_.values["password"] = iut.file().password;
    variables_.values["token"] = iut.file().token;
    if (scenario.client) {  // what the IUT's command line may use; `let` changes them
      for (const LaunchVariable& one : protocol_.launch_variables)
        variables_.values.try_emplace(one.name, expand(one.otherwise, variables_).text);
    }
    result_.verdict = Verdict::kPass;
  }

  Attempt run() {
    const auto begin = SteadyClock::now();
    if (prepare()) {
      run_steps(scenario_.steps);
      if (result_.verdict != Verdict::kError) clean_up();
    }
    for (const RuleHit& hit : result_.hits) {
      // A collateral finding is told and counts for its requirement; what the scenario is about stands apart from it.
      if (hit.listed) result_.verdict = worst(result_.verdict, hit.verdict);
    }
    if (scenario_.client && iut_.file().started_here()) iut_.stop();
    server_.stop();
    while (!streams_.empty()) finish_stream(std::string(streams_.begin()->first));
    neighbours_.reset();
    {
      const std::lock_guard lock(secrets_mutex_);
      for (const std::string& line : secrets_) evidence_.secret(line);
    }
    evidence_.close();
    if (!evidence_.error().empty() && result_.verdict < Verdict::kError) {
      result_.verdict = Verdict::kError;
      result_.reason = "evidence: " + evidence_.error();
    }
    result_.seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
    return std::move(result_);
  }

 private:
  // Ends the scenario. Returns false so that callers may `return stop(...)`.
  bool stop(Verdict verdict, std::string reason) {
    if (cleaning_ && verdict != Verdict::kError) return false;  // the verdict is made
    result_.verdict = worst(result_.verdict, verdict);
    if (result_.reason.empty()) {
      result_.reason = std::move(reason);
      result_.step = step_name_;
    }
    return false;
  }

  net::KeyLogSink key_log() {
    return [this](std::string_view line) {
      const std::lock_guard lock(secrets_mutex_);
      secrets_.emplace_back(line);
    };
  }

  bool prepare() {
    if (scenario_.linked) {
      if (!prepare_neighbours()) return false;
    } else if (scenario_.client) {
      const auto listen = net::Endpoint::parse(iut_.file().listen);
      if (!listen)
        return stop(Verdict::kError, fmt::format("{}: listen: {}", iut_.file().path, listen.error().message));
      const bool tls = iut_.file().scheme == "https";
      if (auto started = server_.start({*listen, tls, key_log()}); !started)
        return stop(Verdict::kError, started.error().message);
      variables_.values["url"] =
          fmt::format("{}://{}/", iut_.file().scheme, net::Endpoint{listen->address, server_.port()}.to_string());
      variables_.values["cafile"] = options_.work_directory + "/harness.pem";
      std::ofstream(variables_.values["cafile"]) << server_.certificate();
    } else {
      variables_.values["url"] = iut_.url();
      const auto url = net::Url::parse(iut_.url());
      if (!url) return stop(Verdict::kError, fmt::format("{}: url: {}", iut_.file().path, url.error().message));
      url_ = *url;
      if (!know_server()) return false;
    }
    for (const auto& [name, value] : permutation_) {  // they may name the server's data
      const Expanded expanded = expand(value, variables_);
      if (!expanded.error.empty())
        return stop(Verdict::kError, fmt::format("{}: params {}: {}", scenario_.path, name, expanded.error));
      variables_.values[name] = expanded.text;
    }
    for (const auto& [name, value] : scenario_.let.members) {
      Tree copy = value;
      if (std::string error = expand_tree(copy, variables_); !error.empty())
        return stop(Verdict::kError, fmt::format("{}: let {}: {}", scenario_.path, name, error));
      variables_.values[name] = copy.scalar;
    }
    return true;
  }

  // ---- what the server offers and holds ----

  bool know_server() {
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

  // One GET, redirects followed; null when no answer came.
  MessagePtr look_up(const Survey::Fetch& fetch, net::Error& error) {
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

  net::Result<ClientParty::Answer> ask(const std::string& by, Exchange exchange) {
    ClientParty* client = party(by, exchange.url);
    exchange.http.target = exchange.url.target;
    exchange.http.headers.set("Host", exchange.url.authority());
    if (auto sent = hand_over(*client, std::move(exchange), {}, true); !sent) return sent.error();
    return client->receive();
  }

  // Puts a request on its way, into the evidence and into the session.
  net::Result<void> hand_over(ClientParty& client, Exchange exchange, const ClientParty::Wire& wire, bool credentials) {
    exchange.message = decode_request(protocol_, exchange.http, security());
    exchange.message->source = "harness:" + client.name();
    const MessagePtr message = exchange.message;
    const net::HttpRequest http = exchange.http;
    Times& times = times_[client.name()];
    times.before = std::exchange(times.sent, SteadyClock::now());
    const auto sent = client.send(std::move(exchange), wire, credentials);
    if (wire.raw)
      evidence_.add(*wire.raw, client.connection(), true, "");
    else
      evidence_.add(http, client.connection(), true, "");
    if (sent) protocol_.track(*session_, *message, nullptr);
    return sent;
  }

  static bool is_redirect(const net::HttpResponse& http) {
    return (http.status == 301 || http.status == 302 || http.status == 303 || http.status == 307 ||
            http.status == 308) &&
           !http.headers.get("Location").empty();
  }

  // Where an answer sends the client (RFC 9110 section 15.4); 303 leads to a GET.
  net::Result<ClientParty::Answer> follow(const std::string& by, ClientParty::Answer answer) {
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

  void clean_up() {
    // Whatever the verdict: the next scenario should find the IUT as this one did. Failures here mean nothing.
    cleaning_ = true;
    run_steps(scenario_.finally);
  }

  bool run_steps(const std::vector<Step>& steps) {
    int number = 0;
    for (const Step& step : steps) {
      ++number;
      step_ = &step;
      step_name_ = step.id.empty() ? fmt::format("{} (line {})", number, step.line) : step.id;
      const auto times = duration(step.repeat);
      if (!times) return false;
      for (int i = 0; i < std::clamp(static_cast<int>(*times), 1, kMostRepeats); ++i) {
        if (!run_step(step)) return false;
        if (const std::string gone = iut_.gone(); !gone.empty() && !scenario_.client) {
          return cleaning_
                     ? false
                     : decide_all(fmt::format("the implementation under test {} in the middle of the scenario", gone));
        }
      }
    }
    return true;
  }

  bool run_step(const Step& step) {
    if (!step.wait.empty()) return wait(step.wait);
    if (!step.control.empty()) return control(step.control);
    if (scenario_.linked) return linked_step(step);
    if (scenario_.client) return serve(step);
    ClientParty* client = current(step.by);
    if (step.send) {
      const auto url = url_of(*step.send);
      if (!url) return stop(Verdict::kError, url.error().message);
      client = party(step.by, *url);
    }
    if (step.close) return finish_stream(step.by), client->close(), true;
    if (step.send && step.send->stream && !open_stream(*client, step)) return false;
    if (const auto stream = streams_.find(step.by); stream != streams_.end() && !(step.send && !step.send->stream))
      return !step.expect || watch(stream->second, step);
    if (step.expect_none) return nothing(*client, step);
    if (step.send && !send(*client, *step.send)) return false;
    if (step.expect) return receive(*client, *step.expect);
    return true;
  }

  // Nothing more may come on the connection.
  bool nothing(ClientParty& client, const Step& step) {
    const auto seconds = duration(step.none_for);
    if (!seconds) return false;
    const std::string more = client.surplus(*seconds);
    if (more.empty()) return true;
    evidence_.add(more, client.connection(), false, "bytes that no request asked for");
    constexpr std::size_t kMostShown = 400;
    result_.expected = "nothing more on the connection";
    result_.seen = more.substr(0, kMostShown);
    return decide(*step.expect, fmt::format("{} more bytes came after the answer", more.size()));
  }

  std::optional<double> duration(const std::string& text) {
    const Expanded value = expand(text, variables_);
    const auto seconds = parse_seconds(value.text);
    if (!value.error.empty() || !seconds) {
      stop(Verdict::kError, fmt::format("{}: '{}' is no duration: {}", scenario_.path, text, value.error));
      return std::nullopt;
    }
    return *seconds;
  }

  bool wait(const std::string& text) {
    const auto seconds = duration(text);
    if (!seconds) return false;
    const double length = std::clamp(*seconds, 0.0, 3600.0);
    if (neighbours_)
      listen_for(length);
    else
      std::this_thread::sleep_for(std::chrono::duration<double>(length));
    return true;
  }

  bool control(const std::string& what) {
    if (what == "drop") {  // the harness's server goes away and comes back on the same port
      const net::Endpoint listen{net::Endpoint::parse(iut_.file().listen)->address, server_.port()};
      server_.stop();
      const auto deadline = SteadyClock::now() + std::chrono::seconds(2);
      auto started = server_.start({listen, iut_.file().scheme == "https", key_log()});
      while (!started && SteadyClock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        started = server_.start({listen, iut_.file().scheme == "https", key_log()});
      }
      return started ? true : stop(Verdict::kError, started.error().message);
    }
    const std::string error = iut_.control(what, variables_.values);
    return error.empty() ? true : stop(cleaning_ ? Verdict::kPass : Verdict::kBlocked, error);
  }

  // ---- the harness as client ----

  // Where a request goes: the resource, or what the scenario says, relative to it.
  net::Result<net::Url> url_of(const Sending& sending) const {
    const auto found = resources_.find(sending.resource);
    const net::Url& base = found != resources_.end() ? found->second.url : url_;
    const Tree* target = sending.http.find("target");
    if (survey_ == nullptr || target == nullptr) return base;
    const Expanded expanded = expand(target->scalar, variables_);
    return expanded.error.empty() ? base.resolve(expanded.text)
                                  : net::Result<net::Url>(net::ErrorKind::kLocal, expanded.error);
  }

  // The one that this party sent its last request with.
  ClientParty* current(const std::string& name) {
    const auto found = current_.find(name);
    return found != current_.end() ? found->second : party(name, url_);
  }

  // A directory may list resources of other servers: a connection each.
  ClientParty* party(const std::string& name, const net::Url& url) {
    auto& slot = clients_[url.same_origin(url_) ? name : name + "@" + url.authority()];
    if (slot) return current_[name] = slot.get();
    ClientParty::Options options;
    options.url = url;
    options.ca_file = iut_.file().ca_file;
    options.seconds = options_.answer_within * options_.time_scale;
    options.credentials = {iut_.file().user, iut_.file().password, iut_.file().token};
    options.key_log = key_log();
    const std::string id =
        fmt::format("{}-{:08x}", name.empty() ? "peer" : name, static_cast<std::uint32_t>(random_()));
    slot = std::make_unique<ClientParty>(name, id, std::move(options));
    return current_[name] = slot.get();
  }

  // Fills `body`; on failure the scenario stops as an error of the harness, which lint should have found.
  struct Built {
    std::string body;
    std::string media_type;  // empty: there is no body
    int status = 200;        // of an answer
  };
  bool build(const Sending& sending, const Message* request, const std::string& self, Built& out) {
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

  // Of a message by its name; raw bytes without a name are what the protocol has most of.
  std::string media_type_of(std::string_view msg) const {
    if (msg.empty()) return {};
    const MessageType* row = message_named(protocol_, msg);
    return row != nullptr && row->media_type != nullptr ? row->media_type : protocol_.media_types.front();
  }

  // Members that every message needs and no scenario should have to repeat, by their replay class.
  void fill_identities(const std::string& msg, const Message* request, const std::string& self, Tree& with) {
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

  static std::size_t number(const Tree& http, std::string_view key) {
    const Tree* value = http.find(key);
    std::size_t out = 0;
    if (value != nullptr) std::from_chars(value->scalar.data(), value->scalar.data() + value->scalar.size(), out);
    return out;
  }

  // A request as the scenario has it; false when the scenario stops.
  bool compose(ClientParty& client, const Sending& sending, Exchange& exchange, ClientParty::Wire& wire) {
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

  static bool with_credentials(const Sending& sending) {
    const Tree* auth = sending.http.find("auth");
    return auth == nullptr || auth->scalar != "none";
  }

  bool send(ClientParty& client, const Sending& sending) {
    Exchange exchange;
    ClientParty::Wire wire;
    if (!compose(client, sending, exchange, wire)) return false;
    if (auto sent = hand_over(client, std::move(exchange), wire, with_credentials(sending)); !sent)
      return stop(lost_verdict(sent.error()), fmt::format("cannot send: {}", sent.error().message));
    return true;
  }

  // ---- answers without end ----

  struct Stream {
    ClientParty* client = nullptr;
    net::HttpResponse http;  // with the body so far
    net::ConnectionInfo connection;
    MessagePtr request;
    bool closed = false;
    std::string comment;
    std::vector<std::size_t> hits;  // found in it, to be told the frame when it is written
  };

  bool open_stream(ClientParty& client, const Step& step) {
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

  // Waits until what came so far is as expected, or the time is over. A stream is judged as a whole each time: what was
  // told before is not told again.
  bool watch(Stream& stream, const Step& step) {
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

  // Whether something came that may change the picture.
  bool read_more(Stream& stream, double seconds) {
    if (stream.closed) return false;
    auto piece = stream.client->more(seconds);
    if (piece) {
      stream.http.body += *piece;
      return true;
    }
    stream.closed = piece.error().kind != net::ErrorKind::kTimeout;
    return stream.closed;
  }

  // An outcome `event: closed` says that the stream has ended, besides what else it says.
  std::string stream_difference(const Outcome& outcome, const Stream& stream, const Message& message) {
    if (outcome.event.empty()) return differences(outcome, message, &stream.http, stream.http.headers);
    if (outcome.event != "closed" || !stream.closed) return "the stream has not ended";
    Outcome rest = outcome;
    rest.event.clear();
    if (rest.msg.empty()) rest.msg = "http";
    return differences(rest, message, &stream.http, stream.http.headers);
  }

  // Into the evidence, as far as it came.
  void finish_stream(const std::string& by) {
    const auto found = streams_.find(by);
    if (found == streams_.end()) return;
    Stream& stream = found->second;
    const std::uint64_t frame = evidence_.add(stream.http, stream.connection, false, stream.comment);
    for (const std::size_t i : stream.hits) result_.hits[i].frame = frame;
    stream.client->close();
    streams_.erase(found);
  }

  Transport::Security security() const { return url_.tls() ? Transport::Security::kTls : Transport::Security::kClear; }

  // What a connection problem means: nothing is known of the rule, unless the IUT died of it.
  Verdict lost_verdict(const net::Error&) const {
    return step_ != nullptr && step_->setup ? Verdict::kBlocked : Verdict::kInconclusive;
  }

  bool receive(ClientParty& client, const Expectation& expectation) {
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

  // A scenario that is about redirects says so; for the others the answer is at their end.
  bool expects_status(const Expectation& expectation, int status) const {
    if (survey_ == nullptr) return true;
    return std::any_of(expectation.any_of.begin(), expectation.any_of.end(), [&](const Outcome& outcome) {
      const Tree* wanted = outcome.http.find("status");
      std::string expected;
      return wanted != nullptr && match_value(std::to_string(status), *wanted, expected);
    });
  }

  // Timers run in the IUT. What it saw as silence may have been as long as from before the request before this one
  // until now: when the IUT or this machine is slow, an expired timer is no fault. Returns why nothing can be told, or
  // "".
  std::string too_silent(const ClientParty& client, const Expectation& expectation) {
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

  bool no_answer(ClientParty& client, const Expectation& expectation, const net::Error& error) {
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

  // ---- judging ----

  void judge(const Message& message, const Message* request, int status) {
    // An HTTP-level refusal without a PPSTP body is ordinary HTTP; the scenario says what it thinks of it.
    const bool judged = belongs_to(protocol_, message) || status / 100 == 2;
    if (!judged) return;
    std::vector<Finding> findings;
    run_checks(protocol_, {message, request, session_.get()}, {}, findings);
    for (const Finding& finding : findings) {
      add_hit(*finding.rule, verdict_of(finding), finding.detail);
    }
  }

  void add_hit(const Requirement& rule, Verdict verdict, const std::string& detail) {
    const bool listed = std::find(scenario_.tests.begin(), scenario_.tests.end(), rule.id) != scenario_.tests.end();
    constexpr std::size_t kMostOfOneRule = 200;  // an answer may break a rule every few bytes
    std::size_t same = 0;
    for (const RuleHit& hit : result_.hits) {
      if (hit.rule != &rule) continue;
      if (hit.detail == detail || ++same == kMostOfOneRule) return;
    }
    RuleHit hit;
    hit.rule = &rule;
    hit.verdict = verdict;
    hit.detail = detail;
    hit.where = step_name_;
    hit.listed = listed;
    hit.frame = evidence_.next();
    comment_ += fmt::format("{}{} {} ({} {}, {} step {}): {}", comment_.empty() ? "" : "\n", rule.id,
                            to_string(verdict), protocol_.document, rule.section, scenario_.id, step_name_, detail);
    if (result_.reason.empty() && listed && verdict == Verdict::kFail) {
      result_.reason = detail;
      result_.step = step_name_;
    }
    result_.hits.push_back(std::move(hit));
  }

  template <class Http>
  void add_evidence(const Http& http, const net::ConnectionInfo& connection, Message& message) {
    message.frame = evidence_.add(http, connection, false, comment_);
    comment_.clear();
  }

  // The expectation of this step failed: each requirement that it decides is broken.
  bool decide(const Expectation& expectation, const std::string& detail) {
    if (cleaning_) return false;
    if (step_->setup) return stop(Verdict::kBlocked, fmt::format("setup step: {}", detail));
    if (!untold_.empty()) return stop(Verdict::kInconclusive, untold_);
    Verdict verdict = Verdict::kNone;
    for (const std::string& id : expectation.check) {
      const Requirement* row = find_requirement(id);
      add_hit(*row, verdict_of(*row), detail);
      verdict = worst(verdict, verdict_of(*row));
    }
    if (verdict <= Verdict::kInfo) {
      result_.verdict = worst(result_.verdict, verdict);
      return true;  // an observation about what the RFC leaves open; go on
    }
    return stop(verdict, detail);
  }

  bool decide_all(const std::string& detail) {
    for (const std::string& id : scenario_.tests) add_hit(*find_requirement(id), Verdict::kFail, detail);
    return stop(Verdict::kFail, detail);
  }

  bool take(const Outcome& outcome) {
    if (outcome.verdict <= Verdict::kPass || !step_->expect || cleaning_) return true;
    // No outcome counts more than the rows that it decides.
    Verdict verdict = Verdict::kInfo;
    for (const std::string& id : step_->expect->check) {
      const Requirement* row = find_requirement(id);
      const Verdict one = std::min(outcome.verdict, std::max(verdict_of(*row), Verdict::kInfo));
      add_hit(*row, one, outcome.note.empty() ? "an outcome that is tolerated only" : outcome.note);
      verdict = worst(verdict, one);
    }
    result_.verdict = worst(result_.verdict, verdict);
    return verdict == Verdict::kFail ? stop(Verdict::kFail, outcome.note) : true;
  }

  std::string describe(const Expectation& expectation) const {
    std::string out;
    for (const Outcome& outcome : expectation.any_of) {
      if (!out.empty()) out += "\nor\n";
      out += !outcome.event.empty() ? outcome.event : outcome.msg.empty() ? "response" : outcome.msg;
      for (const auto* part : {&outcome.http, &outcome.where}) {
        Tree copy = *part;
        (void)expand_tree(copy, variables_);
        for (const auto& [path, wanted] : copy.members) out += "\n  " + path + ": " + text_of(wanted);
      }
    }
    return out;
  }
  static std::string text_of(const Tree& tree) {
    if (tree.is_scalar()) return tree.scalar;
    std::string out;
    for (const auto& [key, value] : tree.members) out += (out.empty() ? "" : ", ") + key + " " + text_of(value);
    for (const Tree& item : tree.items) out += (out.empty() ? "" : " | ") + text_of(item);
    return out;
  }

  // What a pattern is looked for in: all of a short body, the end of a long one.
  static std::string_view end_of(std::string_view body) {
    constexpr std::size_t kMost = 2000;
    return body.size() > kMost ? body.substr(body.size() - kMost) : body;
  }
  static bool has_header(const net::Headers& headers, std::string_view name, const Tree& wanted) {
    const Tree* absent = wanted.find("absent");
    bool any = false;
    std::string expected;
    for (const net::HeaderField field : headers)
      any =
          any || (net::iequals(field.name, name) && (absent != nullptr || match_value(field.value, wanted, expected)));
    return any != (absent != nullptr && absent->scalar != "false");
  }

  // Of messages that came without HTTP.
  static const net::Headers& no_headers() {
    static const net::Headers kNone;
    return kNone;
  }

  // Empty when the message is as the outcome says.
  std::string differences(const Outcome& outcome, const Message& message, const net::HttpResponse* http,
                          const net::Headers& headers = no_headers()) {
    std::string out;
    const auto add = [&](std::string_view path, std::string_view expected, std::string_view seen) {
      out += fmt::format("{}{}: expected {}, seen {}", out.empty() ? "" : "; ", path,
                         shortened(expected, kLongestValue), shortened(seen, kLongestValue));
    };
    if (!outcome.event.empty()) return "an answer came, expected was " + outcome.event;
    if (!message.transport.undecoded.empty()) return message.transport.undecoded;
    const bool any_http = outcome.msg == "http";
    if (!any_http && outcome.msg != "any") {
      const std::string_view wanted =
          outcome.msg.empty() ? std::string_view("response") : std::string_view(outcome.msg);
      if (message.type == nullptr || wanted != message.type->name) {
        add("message", wanted,
            message.type != nullptr ? std::string(message.type->name)
            : http != nullptr
                ? fmt::format("HTTP {} with {}", http->status, http->headers.get("Content-Type", "no Content-Type"))
                : "something else");
        return out;
      }
    }
    Tree wanted_http = outcome.http;
    Tree where = outcome.where;
    if (std::string error = expand_tree(where, variables_) + expand_tree(wanted_http, variables_); !error.empty())
      return error;
    for (const auto& [key, wanted] : wanted_http.members) {
      const std::string seen = key == "status"         ? std::to_string(message.transport.status)
                               : key == "content_type" ? message.transport.content_type
                               : key == "method"       ? message.transport.method
                               : key == "target"       ? message.transport.target
                               : key == "body"         ? std::string(end_of(message.view()))
                                                       : "";
      if (key == "header") {
        for (const auto& [name, value] : wanted.members) {
          if (!has_header(headers, name, value)) add("header " + name, text_of(value), headers.get(name, "nothing"));
        }
        continue;
      }
      std::string expected;
      if (!match_value(seen, wanted, expected)) add("http." + key, expected, seen);
    }
    if (!any_http) {
      for (const Mismatch& miss : match_message(message, where)) add(miss.path, miss.expected, miss.seen);
    }
    return out;
  }

  void bind(const Outcome& outcome, const Message& message, const net::Headers& headers = no_headers()) {
    for (const auto& [variable, name] : outcome.bind_header.members)
      variables_.values[variable] = headers.get(name.scalar);
    for (const auto& [variable, path] : outcome.bind.members) {
      const std::uint32_t at = find_path(message.events, path.scalar);
      std::string& value = variables_.values[variable];
      if (at == Event::kNoParent)
        value.clear();  // a message without it is the IUT's doing, not the scenario's
      else if (message.events[at].key != nullptr && !message.events[at].has_text && !message.events[at].has_number)
        value = message.events[at].label;  // an entry with a name that is data: its name
      else
        value = plain_value(message.events[at]);
    }
  }

  bool meet(const Expectation& expectation, const Message& message, const net::HttpResponse* http = nullptr,
            const Message* request = nullptr) {
    const net::Headers& headers = http != nullptr ? http->headers : no_headers();
    std::string first;
    for (const Outcome& outcome : expectation.any_of) {
      std::string difference = differences(outcome, message, http, headers);
      if (difference.empty() && outcome.offers.is_map() && survey_ != nullptr)
        (void)survey_->find(outcome.offers, difference);
      if (difference.empty() && outcome.agrees && survey_ != nullptr && request != nullptr) {
        const Agreement agreement = survey_->compare(*request, message);
        if (agreement.unknown)
          return stop(step_->setup ? Verdict::kBlocked : Verdict::kInconclusive,
                      "the answer is of another version of the map than the one fetched before the first step");
        difference = agreement.difference;
      }
      if (difference.empty()) {
        bind(outcome, message, headers);
        return take(outcome);
      }
      if (first.empty() && outcome.event.empty()) first = difference;
    }
    if (!cleaning_ && result_.expected.empty()) {
      result_.expected = describe(expectation);
      result_.seen = show(message, http);
    }
    return decide(expectation, first.empty() ? "an answer came where none was expected" : first);
  }

  // ---- the harness as server ----

  bool serve(const Step& step) {
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
      MessagePtr message =
          decode_request(protocol_, incoming->http,
                         incoming->connection.tls ? Transport::Security::kTls : Transport::Security::kClear);
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
        const bool same_kind = message->type != nullptr ? outcome.msg.empty() || outcome.msg == message->type->name
                                                        : outcome.msg == "http";
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

  // Empty when the request says the same as the one that the step of `same_as` took.
  std::string unlike_before(const Expectation& expectation, const Message& message) {
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

  const Sending* background(const Message& message) const {
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

  bool answer(const ServerParty::Incoming& incoming, const Message& request, const Sending* sending) {
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

  // ---- the harness as neighbour: messages come at any time, so they are collected, answered and judged as they come,
  // and a step looks among those that no step took yet.

  bool prepare_neighbours() {
    const NeighbourRules* rules = neighbour_rules(protocol_);
    neighbours_ = rules->make({.scenario = scenario_,
                               .iut = iut_,
                               .work_directory = options_.work_directory,
                               .patience = options_.answer_within * options_.time_scale,
                               .key_log = key_log(),
                               .random = random_});
    const std::string error = neighbours_->prepare(variables_);
    return error.empty() ? true : stop(Verdict::kBlocked, error);
  }

  bool linked_step(const Step& step) {
    if (step.close) return neighbours_->close(step.by, false), true;
    if (step.send && !say(step, *step.send, nullptr)) return false;
    if (step.expect_none) return stays_silent(step);
    return step.expect ? hear(step) : true;
  }

  // Sends, or answers `to`.
  bool say(const Step& step, const Sending& sending, const Arrival* to) {
    const std::string by = to != nullptr ? to->party : step.by;
    neighbours_->speak_as(by, variables_);
    Neighbours::Order order;
    order.by = by;
    order.msg = sending.msg;
    order.with = sending.with;
    order.link = sending.link;
    order.answers = to;
    if (!sending.behaviour.empty()) {
      auto answer = to != nullptr ? named_answer(protocol_, sending.behaviour, *to->message) : std::nullopt;
      if (!answer)
        return stop(Verdict::kError, fmt::format("{}: no behaviour '{}' here", scenario_.path, sending.behaviour));
      order.msg = answer->msg;
      for (const auto& [key, value] : sending.with.members) answer->with.at_path(key) = value;
      order.with = std::move(answer->with);
    }
    Tree mutate = sending.mutate;
    std::string error;
    for (Tree* tree : {&order.with, &order.link, &mutate}) {
      if (error.empty()) error = expand_tree(*tree, variables_);
    }
    if (error.empty()) error = to_overrides(mutate, order.overrides, order.truncate);
    if (error.empty() && sending.raw) {
      const Expanded raw = expand(*sending.raw, variables_);
      order.raw = raw.text;
      error = raw.error;
    }
    if (!error.empty()) return stop(Verdict::kError, error);
    if (const Tree* same = order.link.find("transaction"); same != nullptr) repeat_transaction(*same, order);
    Outgoing out;
    std::string why;
    switch (neighbours_->send(order, out, why)) {
      case Neighbours::Sent::kBadOrder:
        return stop(Verdict::kError, why);
      case Neighbours::Sent::kNoLink:
        return no_link(step, why);
      case Neighbours::Sent::kYes:
        break;
    }
    for (const MessagePtr& message : out.messages) {
      protocol_.track(*session_, *message, nullptr);
      record(*message, out.from, out.to, "");
    }
    if (!step.id.empty() && to == nullptr) exchanges_of_[step.id] = out.exchange;
    if (to == nullptr) last_exchange_ = out.exchange;
    return true;
  }

  // `link: {transaction: STEP}`: the number of that step's request once more.
  void repeat_transaction(const Tree& same, Neighbours::Order& order) {
    const auto at = numbers_.find(same.scalar);
    if (at == numbers_.end()) return;
    for (const FieldPlace& place : protocol_.fields()) {
      if (place.field->replay == Replay::kExchangeId) order.with.at_path(place.path) = Tree::text(at->second);
    }
  }

  // A link that does not come up may be what the step is about.
  bool no_link(const Step& step, const std::string& why) {
    if (step.expect) {
      for (const Outcome& outcome : step.expect->any_of) {
        if (outcome.event == "closed") return take(outcome);
      }
    }
    if (const std::string gone = iut_.gone(); !gone.empty())
      return decide_all(fmt::format("the implementation under test {}", gone));
    return stop(step.setup ? Verdict::kBlocked : Verdict::kInconclusive, fmt::format("no link: {}", why));
  }

  void record(Message& message, const net::Endpoint& from, const net::Endpoint& to, std::string_view comment) {
    const NeighbourRules* rules = neighbour_rules(protocol_);
    net::TracePdu pdu;
    pdu.dissector = rules->dissector;
    pdu.protocol_text = rules->title;
    pdu.source = from;
    pdu.destination = to;
    pdu.bytes = message.view();
    pdu.comment = comment;
    message.frame = evidence_.add(pdu);
  }

  // Takes in what comes until something new is there or the time is over.
  bool listen_once(double seconds) {
    auto arrival = neighbours_->next(seconds);
    if (!arrival) return false;
    if (arrival->kind == Arrival::Kind::kLinked) neighbours_->speak_as(arrival->party, variables_);
    if (arrival->kind == Arrival::Kind::kMessage) {
      result_.reached = true;
      judge_arrival(*arrival);
      protocol_.track(*session_, *arrival->message, arrival->request.get());
      record(*arrival->message, arrival->from, arrival->to, comment_);
      comment_.clear();
      if (arrival->message->direction == Direction::kRequest && !arrival->passed_on && !is_awaited(*arrival)) {
        const Step nobody;
        (void)say(nobody, *background(*arrival->message), &*arrival);
      }
    }
    constexpr std::size_t kMostKept = 20000;  // an IUT that floods is not remembered for ever
    if (inbox_.size() < kMostKept) inbox_.push_back({std::move(*arrival), false});
    return true;
  }
  void listen_for(double seconds) {
    const auto deadline = SteadyClock::now() + std::chrono::duration<double>(seconds);
    for (;;) {
      const double left = std::chrono::duration<double>(deadline - SteadyClock::now()).count();
      if (left <= 0) return;
      (void)listen_once(left);
    }
  }

  // A later step gives the answer itself.
  bool is_awaited(const Arrival& arrival) const {
    if (arrival.message->type == nullptr) return false;
    bool reached = false;
    for (const Step& step : scenario_.steps) {
      reached = reached || &step == step_;
      if (!reached || !step.reply || !step.expect || step.by != arrival.party) continue;
      for (const Outcome& outcome : step.expect->any_of) {
        if (outcome.msg == arrival.message->type->name) return true;
      }
    }
    return false;
  }

  void judge_arrival(const Arrival& arrival) {
    std::vector<Finding> findings;
    run_checks(protocol_, {*arrival.message, arrival.request.get(), session_.get()}, {}, findings);
    for (const Finding& finding : findings) {
      // Of a message that was only passed on, whoever passed it on answers for what forwarders do.
      const std::string_view bound = binds(*finding.rule);
      const bool forwarders =
          bound.find("forwarder") != std::string_view::npos || bound.find("link end") != std::string_view::npos;
      if (!arrival.passed_on || forwarders) add_hit(*finding.rule, verdict_of(finding), finding.detail);
    }
    for (const Finding& finding : arrival.findings) add_hit(*finding.rule, verdict_of(finding), finding.detail);
  }

  // Where the answer to a step's request is wanted: that exchange; else "".
  std::string awaited_exchange(const Step& step) const {
    if (!step.expect->answers.empty()) {
      const auto at = exchanges_of_.find(step.expect->answers);
      return at == exchanges_of_.end() ? "" : at->second;
    }
    return step.send ? last_exchange_ : "";
  }

  static bool fits(const Arrival& arrival, const Outcome& outcome) {
    if (arrival.kind == Arrival::Kind::kMessage) return outcome.event.empty();
    return outcome.event == (arrival.kind == Arrival::Kind::kLinked ? "linked" : "closed");
  }

  bool hear(const Step& step) {
    const Expectation& expectation = *step.expect;
    const std::string exchange = awaited_exchange(step);
    const auto seconds =
        expectation.within.empty() ? std::optional(options_.answer_within) : duration(expectation.within);
    if (!seconds) return false;
    const auto deadline = SteadyClock::now() + std::chrono::duration<double>(*seconds * options_.time_scale);
    std::string last_difference;
    for (std::size_t at = 0;; ++at) {
      while (at >= inbox_.size()) {
        const double left = std::chrono::duration<double>(deadline - SteadyClock::now()).count();
        if (left <= 0 || (iut_.file().started_here() && !iut_.gone().empty() && !listen_once(0)))
          return heard_nothing(expectation, last_difference, *seconds);
        (void)listen_once(std::min(left, 0.1));
      }
      auto& [arrival, taken] = inbox_[at];
      if (taken || arrival.party != step.by) continue;
      const bool answer = arrival.kind == Arrival::Kind::kMessage && arrival.message->direction != Direction::kRequest;
      if (!exchange.empty() && arrival.kind == Arrival::Kind::kMessage && (arrival.exchange != exchange || !answer))
        continue;
      // What answers the request decides, whatever it is; among requests the one that fits is looked for.
      if (!exchange.empty() && answer) {
        taken = true;
        if (!step.id.empty()) numbers_.try_emplace(step.id, transaction_of(*arrival.message));
        return meet(expectation, *arrival.message, nullptr);
      }
      for (const Outcome& outcome : expectation.any_of) {
        if (!fits(arrival, outcome)) continue;
        std::string difference;
        if (arrival.message) difference = differences(outcome, *arrival.message, nullptr);
        if (!difference.empty()) {
          if (arrival.message && arrival.message->type != nullptr && outcome.msg == arrival.message->type->name) {
            last_difference = difference;
            result_.seen = show(*arrival.message, nullptr);
          }
          continue;
        }
        taken = true;
        if (arrival.message) bind(outcome, *arrival.message);
        if (arrival.message && step.reply && step.reply->end != "none") {
          const Arrival request = arrival;
          if (!say(step, *step.reply, &request)) return false;
        }
        result_.seen.clear();
        return take(outcome);
      }
    }
  }

  std::string transaction_of(const Message& message) const {
    for (const FieldPlace& place : protocol_.fields()) {
      if (place.field->replay != Replay::kExchangeId) continue;
      if (const Event* event = message.first(*place.field); event != nullptr)
        return std::to_string(static_cast<std::uint64_t>(event->number));
    }
    return "0";
  }

  bool heard_nothing(const Expectation& expectation, const std::string& last_difference, double seconds) {
    for (const Outcome& outcome : expectation.any_of) {
      if (outcome.event == "timeout") return take(outcome);
    }
    if (const std::string gone = iut_.gone(); !gone.empty())
      return decide_all(fmt::format("the implementation under test {} instead of answering", gone));
    result_.expected = describe(expectation);
    if (result_.seen.empty()) result_.seen = "nothing";
    return decide(expectation, last_difference.empty() ? fmt::format("nothing came within {} s", seconds)
                                                       : fmt::format("nothing fit within {} s; the last that came: {}",
                                                                     seconds, last_difference));
  }

  // Nothing that fits may come from here on.
  bool stays_silent(const Step& step) {
    const auto seconds = duration(step.none_for);
    if (!seconds) return false;
    const std::string exchange = awaited_exchange(step);
    std::size_t at = step.send || !exchange.empty() ? 0 : inbox_.size();
    listen_for(*seconds);
    for (; at < inbox_.size(); ++at) {
      const auto& [arrival, taken] = inbox_[at];
      if (taken || arrival.party != step.by) continue;
      const bool answer = arrival.kind == Arrival::Kind::kMessage && arrival.exchange == exchange &&
                          arrival.message->direction != Direction::kRequest;
      if (!exchange.empty() && !answer) continue;
      if (!fits(arrival, *step.expect_none)) continue;
      if (arrival.message && !differences(*step.expect_none, *arrival.message, nullptr).empty()) continue;
      result_.expected = "nothing";
      result_.seen = arrival.message ? show(*arrival.message, nullptr) : "a link";
      return decide(*step.expect, fmt::format("{} came, expected was none", !arrival.message ? "a link"
                                                                            : arrival.message->type != nullptr
                                                                                ? arrival.message->type->name
                                                                                : "a message"));
    }
    return true;
  }

  const Scenario& scenario_;
  const Permutation& permutation_;
  const Protocol& protocol_;
  Iut& iut_;
  const AttemptOptions& options_;
  Random random_;
  Variables variables_;
  Evidence evidence_;
  std::unique_ptr<Session> session_;
  Attempt result_;
  net::Url url_;
  std::map<std::string, std::unique_ptr<ClientParty>> clients_;
  std::map<std::string, ClientParty*> current_;  // by party
  std::unique_ptr<Survey> survey_;               // null: its servers have no directory
  std::map<std::string, ServerResource> resources_;
  std::map<std::string, Stream> streams_;  // by party
  ServerParty server_;
  std::unique_ptr<Neighbours> neighbours_;
  struct Kept {
    Arrival arrival;
    bool taken;
  };
  std::deque<Kept> inbox_;
  std::map<std::string, std::string> exchanges_of_;  // by the id of the step that sent the request
  std::map<std::string, std::string> numbers_;       // transaction numbers, by step id
  std::string last_exchange_;
  std::mutex secrets_mutex_;
  std::vector<std::string> secrets_;
  const Step* step_ = nullptr;
  std::string step_name_;
  std::string comment_;
  std::uint64_t exchanges_ = 0;
  bool cleaning_ = false;
  std::map<std::string, MessagePtr> taken_;  // requests of a peer under test, by step id
  struct Times {
    SteadyClock::time_point sent;
    SteadyClock::time_point before;  // when the request before that was sent
  };
  std::map<std::string, Times> times_;  // by party
  std::string untold_;                  // why the answer in hand is no evidence
};

}  // namespace

std::string permutation_text(const Permutation& permutation) {
  std::string out;
  for (const auto& [name, value] : permutation) out += (out.empty() ? "" : ",") + name + "=" + value;
  return out;
}

Attempt run_attempt(const Scenario& scenario, const Permutation& permutation, Iut& iut, const AttemptOptions& options) {
  return Run(scenario, permutation, iut, options).run();
}

}  // namespace peerscope::harness
