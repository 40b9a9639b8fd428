// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/join.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"
#include "reference-impl/net/http_client.h"
#include "reference-impl/net/log.h"
#include "reference-impl/net/trace.h"
#include "reference-impl/net/url.h"
#include "reference-impl/ppstp/address.h"
#include "reference-impl/ppstp/defects.h"
#include "reference-impl/ppstp/peer.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frame allocator of Asio's coroutines for a mismatch once it has inlined half of it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace peerscope::cli {
namespace {

constexpr int kOk = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kNetwork = 3;
constexpr double kLongest = 1e8;  // seconds, for any time on the command line

using net::asio::awaitable;
using ppstp::Outcome;

struct Settings {
  std::string url;
  std::vector<std::string> swarms;
  std::string peer_id;
  std::vector<std::string> addresses;
  std::optional<std::int64_t> peer_count;
  int finds = 0;
  std::optional<double> report_interval;
  double duration = 0;
  std::string script;
  std::string bind;
  std::string ca_file;
  bool insecure = false;
  std::string user;
  std::string password;
  std::string token;
  std::string trace;
  std::string key_log;
  std::string log_format = "text";
  std::string log_level = "warning";
  bool verbose = false;
  std::vector<std::string> defects;
};

// One line of a script.
struct Step {
  enum class Kind { kConnect, kFind, kReport, kKeepAlive, kLeave, kWait } kind = Kind::kConnect;
  std::vector<std::string> words;  // after the verb
  int line = 0;
};

int complain(int code, std::string_view text) {
  fmt::print(stderr, "peerscope join: {}\n", text);
  return code;
}

net::Duration seconds(double value) {
  return std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(value));
}

// "ID", "ID:SEEDER" or "ID:LEECH"; the ID itself may hold colons.
ppstp::SwarmIntent parse_swarm(const std::string& text) {
  for (const std::string_view mode : ppstp::kPeerModes) {
    const std::string suffix = ":" + std::string(mode);
    if (text.size() > suffix.size() && text.ends_with(suffix))
      return {text.substr(0, text.size() - suffix.size()), mode == ppstp::kSeeder};
  }
  return {text, false};
}

net::Result<ppstp::PeerAddr> parse_address(const std::string& text) {
  const auto endpoint = net::Endpoint::parse(text);
  if (!endpoint.ok()) return endpoint.error();
  auto address = ppstp::reflexive(*endpoint);
  if (!address)
    return {net::ErrorKind::kLocal, fmt::format("--peer-addr {}: expected a numeric address and a port", text)};
  address->type = ppstp::kHost;
  address->peer_protocol = "PPSP-PP";
  return ppstp::to_peer_addr(*address);
}

net::Result<std::vector<Step>> read_script(const std::string& path) {
  std::ifstream file(path);
  if (!file) return {net::ErrorKind::kLocal, fmt::format("cannot read {}", path)};
  std::vector<Step> steps;
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    std::istringstream words(text.substr(0, text.find('#')));
    std::string verb;
    if (!(words >> verb)) continue;
    Step step;
    step.line = number;
    for (std::string word; words >> word;) step.words.push_back(word);
    const auto wants = [&](bool good, std::string_view form) -> std::optional<net::Error> {
      if (good) return std::nullopt;
      return net::Error{net::ErrorKind::kLocal, fmt::format("{}:{}: expected '{}'", path, number, form)};
    };
    std::optional<net::Error> problem;
    if (verb == "connect") {
      step.kind = Step::Kind::kConnect;
      problem = wants(!step.words.empty(), "connect [+]ID[:SEEDER|:LEECH]... [-ID]...");
    } else if (verb == "find") {
      step.kind = Step::Kind::kFind;
      std::int64_t count = 0;
      const bool number_fits =
          step.words.size() < 2 ||
          std::from_chars(step.words[1].data(), step.words[1].data() + step.words[1].size(), count).ptr ==
              step.words[1].data() + step.words[1].size();
      problem = wants((step.words.size() == 1 || step.words.size() == 2) && number_fits, "find ID [COUNT]");
    } else if (verb == "report") {
      step.kind = Step::Kind::kReport;
    } else if (verb == "keepalive") {
      step.kind = Step::Kind::kKeepAlive;
    } else if (verb == "leave") {
      step.kind = Step::Kind::kLeave;
    } else if (verb == "wait") {
      step.kind = Step::Kind::kWait;
      char* end = nullptr;
      const double length = step.words.size() == 1 ? std::strtod(step.words[0].c_str(), &end) : -1;
      problem = wants(length >= 0 && length <= kLongest && *end == '\0', "wait SECONDS");
    } else {
      problem = wants(false, "connect, find, report, keepalive, leave or wait");
    }
    if (problem) return *problem;
    steps.push_back(std::move(step));
  }
  return steps;
}

void add_options(CLI::App& app, Settings& s) {
  app.add_option("url", s.url, "the tracker, https://HOST:PORT/ or http://HOST:PORT/")->required();
  app.add_option("--swarm", s.swarms, "swarm to join: ID, ID:LEECH or ID:SEEDER (repeatable)")->allow_extra_args(false);
  app.add_option("--peer-id", s.peer_id, "default: a random one");
  app.add_option("--peer-addr", s.addresses,
                 "address to advertise, HOST:PORT (repeatable); larger priority to the first")
      ->allow_extra_args(false);
  app.add_option("--peer-count", s.peer_count, "most peers to ask for, below 30")->check(CLI::NonNegativeNumber);
  app.add_option("--find", s.finds, "FINDs to send for each swarm after joining")->check(CLI::NonNegativeNumber);
  app.add_option("--report-interval", s.report_interval,
                 "seconds between STAT_REPORTs; default: what the tracker recommends, or 60")
      ->check(CLI::Range(0.01, kLongest));
  app.add_option("--duration", s.duration, "seconds to stay before leaving")
      ->check(CLI::Range(0.0, kLongest))
      ->capture_default_str();
  app.add_option("--script", s.script,
                 "lines of: connect [+]ID[:MODE]... [-ID]..., find ID [COUNT], report, keepalive, leave, wait SECONDS")
      ->check(CLI::ExistingFile);
  app.add_option("--bind", s.bind, "numeric source address");
  app.add_option("--cafile", s.ca_file, "trust certificates of this CA file")->check(CLI::ExistingFile);
  app.add_flag("--insecure", s.insecure, "accept any certificate");
  app.add_option("--user", s.user, "for HTTP Digest");
  app.add_option("--password", s.password, "for HTTP Digest");
  app.add_option("--token", s.token, "bearer token");
  app.add_option("--trace", s.trace, "write all messages to this pcapng file");
  app.add_option("--key-log", s.key_log, "append TLS secrets to this file (NSS format)");
  app.add_option("--log-format", s.log_format, "text or json")->capture_default_str();
  app.add_option("--log-level", s.log_level, "debug, info, warning, error or off")->capture_default_str();
  app.add_flag("-v,--verbose", s.verbose, "show requests and answers");
  app.add_option("--defect", s.defects, "behave wrongly in this way (repeatable); 'list' shows all")
      ->allow_extra_args(false);
}

std::string address_text(const std::optional<ppstp::PeerAddr>& addr) {
  if (!addr || !addr->ip_address) return "no address";
  return fmt::format(
      "{} {} {}",
      net::Endpoint{addr->ip_address->address.value_or("?"), static_cast<std::uint16_t>(addr->port.value_or(0))}
          .to_string(),
      addr->type.value_or("?"), addr->peer_protocol.value_or(""));
}

// Runs one session and tells what happens, a line at a time.
class Session {
 public:
  Session(net::Clock& clock, ppstp::Peer& peer, const Settings& settings, std::vector<Step> steps)
      : clock_(clock), peer_(peer), settings_(settings), steps_(std::move(steps)) {}

  awaitable<void> run() {
    if (!steps_.empty()) {
      co_await run_script();
    } else {
      co_await run_plain();
    }
    if (!peer_.joined().empty()) co_await leave();
  }
  void stop() {
    stopped_ = true;
    peer_.stop();
  }
  int code() const { return code_; }

 private:
  void tell(const std::string& what, const Outcome& outcome) {
    const std::string tries = outcome.attempts > 1 ? fmt::format(", {} requests", outcome.attempts) : "";
    const std::string again = outcome.reconnected ? ", registered again" : "";
    switch (outcome.kind) {
      case Outcome::Kind::kOk:
        fmt::print("{}: ok{}{}\n", what, tries, again);
        break;
      case Outcome::Kind::kRefused:
        fmt::print("{}: refused, {:02} {}{}\n", what, outcome.code, outcome.detail, tries);
        break;
      case Outcome::Kind::kInvalid:
        fmt::print("{}: no valid answer, {}{}\n", what, outcome.detail, tries);
        break;
      case Outcome::Kind::kNetwork:
        fmt::print("{}: no answer, {}{}\n", what, outcome.detail, tries);
        break;
    }
    if (outcome.response.peer_addr) fmt::print("  our address: {}\n", address_text(outcome.response.peer_addr));
    for (const ppstp::SwarmResult& result : outcome.response.swarm_result) {
      const std::size_t peers = result.peer_group ? result.peer_group->peer_info.size() : 0;
      fmt::print("  swarm {}: {}{}\n", result.swarm_id.value_or("?"),
                 result.result == ppstp::kSuccessful ? "ok" : "failed",
                 result.peer_group ? fmt::format(", {} peer{}", peers, peers == 1 ? "" : "s") : "");
      if (!result.peer_group) continue;
      for (const ppstp::PeerInfo& info : result.peer_group->peer_info)
        fmt::print("    {} {}\n", info.peer_id.value_or("?"), address_text(info.peer_addr));
    }
    std::fflush(stdout);
    if (outcome.kind == Outcome::Kind::kNetwork) code_ = kNetwork;
    if (!outcome.ok() && code_ == kOk) code_ = kRefused;
  }

  awaitable<void> run_plain() {
    std::vector<ppstp::SwarmIntent> joins;
    for (const std::string& swarm : settings_.swarms) joins.push_back(parse_swarm(swarm));
    const std::vector<ppstp::SwarmIntent> wanted = joins;
    const Outcome connected = co_await peer_.connect(std::move(joins));
    tell("CONNECT", connected);
    if (!connected.ok()) co_return;
    for (int i = 0; i < settings_.finds && !stopped_; ++i) {
      for (const ppstp::SwarmIntent& swarm : wanted) {
        const Outcome found = co_await peer_.find(swarm.swarm_id);
        tell("FIND " + swarm.swarm_id, found);
      }
    }
    const net::SteadyTime end = clock_.now() + seconds(settings_.duration);
    while (!stopped_ && clock_.now() < end) {
      const net::Duration left = end - clock_.now();
      co_await wait(std::min(left, peer_.report_interval()));
      if (stopped_ || clock_.now() >= end) break;
      const Outcome reported = co_await peer_.report();
      tell("STAT_REPORT", reported);
    }
  }

  awaitable<void> run_script() {
    for (const Step& step : steps_) {
      if (stopped_) co_return;
      switch (step.kind) {
        case Step::Kind::kConnect: {
          std::vector<ppstp::SwarmIntent> joins;
          std::vector<std::string> leaves;
          for (const std::string& word : step.words) {
            if (word.starts_with('-')) {
              leaves.push_back(word.substr(1));
            } else {
              joins.push_back(parse_swarm(word.starts_with('+') ? word.substr(1) : word));
            }
          }
          const Outcome outcome = co_await peer_.connect(std::move(joins), std::move(leaves));
          tell("CONNECT", outcome);
          break;
        }
        case Step::Kind::kFind: {
          std::optional<std::int64_t> count;
          if (step.words.size() > 1) count = std::stoll(step.words[1]);
          const Outcome outcome = co_await peer_.find(step.words[0], count);
          tell("FIND " + step.words[0], outcome);
          break;
        }
        case Step::Kind::kReport:
        case Step::Kind::kKeepAlive: {
          const Outcome outcome = co_await peer_.report(step.kind == Step::Kind::kReport);
          tell("STAT_REPORT", outcome);
          break;
        }
        case Step::Kind::kLeave:
          co_await leave();
          break;
        case Step::Kind::kWait:
          co_await wait(seconds(std::stod(step.words[0])));
          break;
      }
    }
  }

  awaitable<void> leave() {
    const Outcome outcome = co_await peer_.leave();
    tell("CONNECT (LEAVE)", outcome);
  }

  // In short steps, so that a signal is heard soon.
  awaitable<void> wait(net::Duration length) {
    const net::SteadyTime end = clock_.now() + length;
    while (!stopped_ && clock_.now() < end) {
      const net::Duration left = end - clock_.now();
      co_await clock_.sleep(std::min<net::Duration>(left, std::chrono::milliseconds(100)));
    }
  }

  net::Clock& clock_;
  ppstp::Peer& peer_;
  const Settings& settings_;
  std::vector<Step> steps_;
  int code_ = kOk;
  bool stopped_ = false;
};

void show(const ppstp::Attempt& attempt) {
  fmt::print("  -> {}\n", attempt.request);
  if (attempt.response != nullptr) fmt::print("  <- {} {}\n", attempt.response->status, attempt.response->body);
  if (!attempt.problem.empty()) fmt::print("  !! {}\n", attempt.problem);
}

net::Result<ppstp::PeerOptions> peer_options(const Settings& s, const net::Url& url, std::uint64_t seed) {
  ppstp::PeerOptions options;
  options.seed = seed;
  options.target = url.target;
  options.peer_id = s.peer_id.empty() ? fmt::format("peer-{:016x}", seed) : s.peer_id;
  for (const std::string& text : s.addresses) {
    auto addr = parse_address(text);
    if (!addr.ok()) return addr.error();
    addr->priority = static_cast<std::int64_t>(s.addresses.size() - options.addresses.size());
    options.addresses.push_back(std::move(*addr));
  }
  if (s.peer_count) options.peer_num.emplace().peer_count = s.peer_count;
  if (s.report_interval) {
    options.report_interval = seconds(*s.report_interval);
    options.follow_tracker_interval = false;
  }
  if (!s.user.empty()) options.digest = net::DigestCredentials{s.user, s.password};
  options.token = s.token;
  if (s.verbose) options.on_attempt = show;
  auto defects = ppstp::parse_peer_defects(s.defects);
  if (!defects.ok()) return defects.error();
  options.defects = *defects;
  return options;
}

}  // namespace

int join(int argc, const char* const* argv) {
  Settings settings;
  CLI::App app("Reference PPSTP peer (RFC 7846)", "join");
  add_options(app, settings);
  for (int i = 1; i + 1 < argc; ++i) {
    // Before parsing, because the URL is not needed for it.
    if (std::string_view(argv[i]) != "--defect" || std::string_view(argv[i + 1]) != "list") continue;
    fmt::print("{}", ppstp::print_defects(ppstp::peer_defects()));
    return kOk;
  }
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  const auto level = net::parse_log_level(settings.log_level);
  const auto format = net::parse_log_format(settings.log_format);
  if (!level.ok()) return complain(kUsage, level.error().message);
  if (!format.ok()) return complain(kUsage, format.error().message);
  net::set_up_log(*level, *format);
  const auto url = net::Url::parse(settings.url);
  if (!url.ok()) return complain(kUsage, url.error().message);
  if (settings.swarms.empty() && settings.script.empty()) return complain(kUsage, "give --swarm or --script");
  std::vector<Step> steps;
  if (!settings.script.empty()) {
    auto read = read_script(settings.script);
    if (!read.ok()) return complain(kUsage, read.error().message);
    steps = std::move(*read);
    if (steps.empty()) return complain(kUsage, settings.script + ": no steps");
  }
  const std::uint64_t seed = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  auto options = peer_options(settings, *url, seed);
  if (!options.ok()) return complain(kUsage, options.error().message);

  net::ClientOptions client = net::ClientOptions::for_url(*url);
  client.local_address = settings.bind;
  std::optional<net::TraceWriter> trace;
  if (!settings.trace.empty()) {
    auto opened = net::TraceWriter::open(settings.trace, "peerscope join");
    if (!opened.ok()) return complain(kNetwork, opened.error().message);
    trace.emplace(std::move(*opened));
    client.observer = trace->observer([](const net::Error& error) { net::log_warning("trace", error.message); });
  }
  if (client.tls) {
    if (settings.insecure) client.tls->verify = net::TlsClientOptions::Verify::kNone;
    client.tls->ca_file = settings.ca_file;
    client.tls->key_log_file = settings.key_log;
  }

  net::asio::io_context context(1);
  net::SystemClock clock(context.get_executor());
  net::HttpClient channel(context.get_executor(), std::move(client));
  ppstp::Peer peer(clock, channel, std::move(*options));
  Session session(clock, peer, settings, std::move(steps));
  net::asio::signal_set signals(context, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) session.stop();
  });
  fmt::print("peer {} at {}\n", peer.options().peer_id, url->to_string());
  int code = kNetwork;
  net::asio::co_spawn(context, session.run(), [&](const std::exception_ptr& problem) {
    code = problem ? kNetwork : session.code();
    context.stop();
  });
  context.run();
  return code;
}

}  // namespace peerscope::cli
