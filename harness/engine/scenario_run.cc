// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/scenario_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "harness/engine/clock_watch.h"
#include "harness/engine/scenario_run_state.h"
#include "protocols/base/text.h"

namespace peerscope::harness {
namespace {

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

}  // namespace

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

ScenarioRun::ScenarioRun(const Scenario& scenario, const Permutation& permutation, Iut& iut,
                         const AttemptOptions& options)
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

Attempt ScenarioRun::run() {
  const ClockWatch clock;
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
  result_.flow = flow_of(evidence_, result_.hits);
  if (!evidence_.error().empty() && result_.verdict < Verdict::kError) {
    result_.verdict = Verdict::kError;
    result_.reason = "evidence: " + evidence_.error();
  }
  if (result_.verdict == Verdict::kPass && left_out_ && !decided_) {
    result_.verdict = Verdict::kNotApplicable;
    result_.reason = "every step that decides was left out by its `when`";
  }
  clock.distrust(result_);
  result_.seconds = clock.elapsed().count();
  return std::move(result_);
}

bool ScenarioRun::stop(Verdict verdict, std::string reason) {
  if (cleaning_ && verdict != Verdict::kError) return false;  // the verdict is made
  result_.verdict = worst(result_.verdict, verdict);
  if (result_.reason.empty()) {
    result_.reason = std::move(reason);
    result_.step = step_name_;
  }
  return false;
}

net::KeyLogSink ScenarioRun::key_log() {
  return [this](std::string_view line) {
    const std::lock_guard lock(secrets_mutex_);
    secrets_.emplace_back(line);
  };
}

bool ScenarioRun::prepare() {
  if (scenario_.linked) {
    if (!prepare_neighbours()) return false;
  } else if (scenario_.client) {
    const auto listen = net::Endpoint::parse(iut_.file().listen);
    if (!listen) return stop(Verdict::kError, fmt::format("{}: listen: {}", iut_.file().path, listen.error().message));
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
  return set_variables(scenario_.let);
}

bool ScenarioRun::set_variables(const Tree& values) {
  for (const auto& [name, value] : values.members) {
    Tree copy = value;
    if (std::string error = expand_tree(copy, variables_); !error.empty())
      return stop(Verdict::kError, fmt::format("{}: let {}: {}", scenario_.path, name, error));
    variables_.values[name] = copy.scalar;
  }
  return true;
}

std::optional<bool> ScenarioRun::is_wanted(const Step& step) {
  if (step.when.empty()) return true;
  const Decision decision = decide_condition(step.when, variables_);
  if (decision.error.empty()) return decision.holds;
  stop(Verdict::kError, fmt::format("{}: when: {}", scenario_.path, decision.error));
  return std::nullopt;
}

void ScenarioRun::clean_up() {
  // Whatever the verdict: the next scenario should find the IUT as this one did. Failures here mean nothing.
  cleaning_ = true;
  run_steps(scenario_.finally);
}

bool ScenarioRun::run_steps(const std::vector<Step>& steps) {
  int number = 0;
  for (const Step& step : steps) {
    ++number;
    step_ = &step;
    step_name_ = step.id.empty() ? fmt::format("{} (line {})", number, step.line) : step.id;
    const auto wanted = is_wanted(step);
    if (!wanted) return false;
    const bool decides = !step.setup && !cleaning_ && (step.expect || step.expect_none);
    (*wanted ? decided_ : left_out_) |= decides;
    if (!*wanted) continue;
    const auto times = duration(step.repeat);
    if (!times) return false;
    for (int i = 0; i < std::clamp(static_cast<int>(*times), 1, kMostRepeats); ++i) {
      const auto begin = SteadyClock::now();
      const bool well = run_step(step);
      if (waits(step)) result_.waited += std::chrono::duration<double>(SteadyClock::now() - begin).count();
      if (!well) return false;
      if (const std::string gone = iut_.gone(); !gone.empty() && !scenario_.client) {
        return cleaning_
                   ? false
                   : decide_all(fmt::format("the implementation under test {} in the middle of the scenario", gone));
      }
    }
  }
  return true;
}

bool ScenarioRun::waits(const Step& step) const {
  if (!step.wait.empty() || step.expect_none) return true;
  const bool when_it_likes = scenario_.client || scenario_.linked || streams_.contains(step.by);
  return step.expect && when_it_likes;
}

bool ScenarioRun::run_step(const Step& step) {
  if (step.set.is_map()) return set_variables(step.set);
  if (!step.wait.empty()) return wait(step.wait);
  if (!step.control.empty()) return control(step.control);
  if (scenario_.linked) return linked_step(step);
  if (scenario_.client) return serve(step);
  ClientParty* client = current(step.by);
  if (step.send) {
    const auto url = url_of(*step.send);
    if (!url) return stop(Verdict::kError, url.error().message);
    const Tree* version = step.send->http.find("tls");
    client = party(step.by, *url, version != nullptr ? version->scalar : "");
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

bool ScenarioRun::nothing(ClientParty& client, const Step& step) {
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

std::optional<double> ScenarioRun::duration(const std::string& text) {
  const Expanded value = expand(text, variables_);
  const auto seconds = parse_seconds(value.text);
  if (!value.error.empty() || !seconds) {
    stop(Verdict::kError, fmt::format("{}: '{}' is no duration: {}", scenario_.path, text, value.error));
    return std::nullopt;
  }
  return *seconds;
}

bool ScenarioRun::wait(const std::string& text) {
  const auto seconds = duration(text);
  if (!seconds) return false;
  const double length = std::clamp(*seconds, 0.0, 3600.0);
  if (neighbours_)
    listen_for(length);
  else
    std::this_thread::sleep_for(std::chrono::duration<double>(length));
  return true;
}

bool ScenarioRun::control(const std::string& what) {
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

std::string permutation_text(const Permutation& permutation) {
  std::string out;
  for (const auto& [name, value] : permutation) out += (out.empty() ? "" : ",") + name + "=" + value;
  return out;
}

Attempt run_attempt(const Scenario& scenario, const Permutation& permutation, Iut& iut, const AttemptOptions& options) {
  return ScenarioRun(scenario, permutation, iut, options).run();
}

}  // namespace peerscope::harness
