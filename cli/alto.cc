// SPDX-License-Identifier: GPL-2.0-or-later
// `peerscope alto`: an ALTO client for people, scripts and client scenarios.
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "reference-impl/alto/client.h"
#include "reference-impl/alto/client_validate.h"
#include "reference-impl/alto/client_watch.h"
#include "reference-impl/alto/discovery.h"
#include "reference-impl/net/log.h"
#include "reference-impl/net/trace.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frame allocator of Asio's coroutines for a mismatch once it has inlined half of it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace peerscope::cli {
namespace {

using net::asio::awaitable;

constexpr int kOk = 0;
constexpr int kRefused = 1;  // refused, not usable, or with --strict broken rules
constexpr int kUsage = 2;
constexpr int kNetwork = 3;
constexpr double kLongest = 1e8;            // seconds, for any time on the command line
constexpr std::size_t kMostOfOneRule = 20;  // findings that are printed; the rest is counted

struct Settings {
  std::string url;
  std::vector<std::string> fallbacks;
  std::vector<std::string> words;  // behind the URL
  std::vector<std::string> resources;
  std::string dns = "127.0.0.1:53";
  std::string service = std::string(alto::kServiceHttps);
  std::vector<std::string> inputs;
  // rank
  std::string from;
  std::vector<std::string> to;
  std::string metric = "routingcost";
  std::string mode;
  std::string map;
  std::string by = "auto";
  std::vector<std::string> constraints;
  // watch
  std::vector<std::string> later;
  bool whole = false;
  bool poll = false;
  double interval = 30;
  double duration = 0;
  std::uint64_t updates = 0;
  double idle = 60;
  double pause = 1;
  std::uint64_t reconnects = 0;
  // all
  bool all = false;
  bool json = false;
  bool strict = false;
  bool no_verify = false;
  double timeout = 30;
  std::size_t most_body = 64 * 1024 * 1024;
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
  std::vector<std::string> defects;
};

int complain(int code, std::string_view text) {
  std::fflush(stdout);
  fmt::print(stderr, "peerscope alto: {}\n", harness::printable(text));
  return code;
}

net::Duration seconds(double value) {
  return std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(value));
}

int code_of(const net::Error& error) {
  switch (error.kind) {
    case net::ErrorKind::kLocal:
      return kUsage;
    case net::ErrorKind::kMalformed:
    case net::ErrorKind::kTooLarge:
      return kRefused;
    default:
      return kNetwork;
  }
}

void add_common(CLI::App& app, Settings& s) {
  app.add_option("url", s.url,
                 "the directory: https://HOST/PATH; dns:NAME finds it by RFC 7286, xdom:ADDRESS by RFC 8686")
      ->required();
  app.add_option("words", s.words, "resource IDs");
  app.add_option("--resource", s.resources, "a resource ID (repeatable; empty ones do not count)")
      ->allow_extra_args(false);
  app.add_option("--fallback", s.fallbacks, "another directory, used when the first one fails (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--dns", s.dns, "DNS server for dns: and xdom:, ADDRESS:PORT")->capture_default_str();
  app.add_option("--service", s.service, "for xdom:, ALTO:https or ALTO:http")->capture_default_str();
  app.add_option("--input", s.inputs, "input of a POST resource: JSON, @FILE, or ID=JSON (repeatable)")
      ->allow_extra_args(false);
  app.add_flag("--json", s.json, "print JSON");
  app.add_flag("--strict", s.strict, "end with 1 when the server broke a rule");
  app.add_flag("--no-verify", s.no_verify, "do not judge the answers");
  app.add_option("--timeout", s.timeout, "seconds for each answer")
      ->check(CLI::Range(0.01, kLongest))
      ->capture_default_str();
  app.add_option("--max-body", s.most_body, "bytes of one answer or event, also when it was compressed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--bind", s.bind, "numeric source address");
  app.add_option("--cafile", s.ca_file, "trust certificates of this CA file");
  app.add_flag("--insecure", s.insecure, "accept any certificate");
  app.add_option("--user", s.user, "for HTTP Digest");
  app.add_option("--password", s.password, "for HTTP Digest");
  app.add_option("--token", s.token, "bearer token");
  app.add_option("--trace", s.trace, "write all messages to this pcapng file");
  app.add_option("--key-log", s.key_log, "append TLS secrets to this file (NSS format)");
  app.add_option("--log-format", s.log_format, "text or json")->capture_default_str();
  app.add_option("--log-level", s.log_level, "debug, info, warning, error or off")->capture_default_str();
  app.add_option("--defect", s.defects, "behave wrongly in this way (repeatable); 'list' shows all")
      ->allow_extra_args(false);
}

// Taken by get, rank and watch alike: a client under test is launched with one command line for all scenarios.
void add_questions(CLI::App& app, Settings& s) {
  app.add_option("--from", s.from, "rank: the own address; without it the server takes the one that it sees");
  app.add_option("--to", s.to, "rank: an address (repeatable, or separated by commas)")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--metric", s.metric, "rank: cost metric")->capture_default_str();
  app.add_option("--mode", s.mode, "rank: cost mode; default: numerical if offered, else ordinal");
  app.add_option("--map", s.map, "rank: network map; default: the directory's default");
  app.add_option("--by", s.by, "rank: maps (locally, by longest prefix), ecs (the server does it), or auto")
      ->check(CLI::IsMember({"auto", "maps", "ecs"}))
      ->capture_default_str();
  app.add_option("--constraint", s.constraints, "rank: such as \"le 10\", where the server tests costs (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--later", s.later, "watch: a resource to add by stream control, once the stream is open (repeatable)")
      ->allow_extra_args(false);
  app.add_flag("--whole", s.whole, "watch: ask for no patches");
  app.add_flag("--poll", s.poll, "watch: ask again at intervals even where there is an update stream");
  app.add_option("--interval", s.interval, "watch: seconds between two questions when polling")
      ->check(CLI::Range(0.05, kLongest))
      ->capture_default_str();
  app.add_option("--duration", s.duration, "watch: seconds until the end; 0: until it is stopped")
      ->check(CLI::Range(0.0, kLongest))
      ->capture_default_str();
  app.add_option("--updates", s.updates, "watch: end after so many updates; 0: no limit")->capture_default_str();
  app.add_option("--idle", s.idle, "watch: seconds after which a silent stream is given up")
      ->check(CLI::Range(0.1, kLongest))
      ->capture_default_str();
  app.add_option("--pause", s.pause, "watch: seconds until the first reconnection; doubled each time, up to 60")
      ->check(CLI::Range(0.01, 60.0))
      ->capture_default_str();
  app.add_option("--reconnects", s.reconnects, "watch: end after so many failures in a row; 0: no limit")
      ->capture_default_str();
  app.add_flag("--all", s.all, "get: every GET resource");
}

JsonValue number(double value) {
  return JsonValue(value);
}

JsonValue finding_value(const alto::Observation& one) {
  const Requirement& rule = *one.finding.rule;
  return JsonValue::Object{{"rule", rule.id},
                           {"verdict", std::string(harness::to_string(harness::verdict_of(one.finding)))},
                           {"severity", std::string(to_string(one.finding.severity))},
                           {"section", rule.section},
                           {"where", one.where},
                           {"detail", one.finding.detail}};
}

std::string cost_text(const std::optional<double>& cost) {
  if (!cost) return "-";
  std::string out;
  append_json_number(out, *cost);
  return out;
}

// One command, from the directory to its last line.
class Command {
 public:
  Command(Settings settings, std::string verb, net::asio::io_context& context)
      : settings_(std::move(settings)), verb_(std::move(verb)), context_(context), clock_(context.get_executor()) {}

  int prepare() {
    const auto level = net::parse_log_level(settings_.log_level);
    const auto format = net::parse_log_format(settings_.log_format);
    if (!level.ok()) return complain(kUsage, level.error().message);
    if (!format.ok()) return complain(kUsage, format.error().message);
    net::set_up_log(*level, *format);
    for (const std::string& word : settings_.words) settings_.resources.push_back(word);
    for (auto* list : {&settings_.resources, &settings_.later, &settings_.to, &settings_.constraints})
      std::erase_if(*list, [](const std::string& one) { return one.empty(); });
    if (!settings_.ca_file.empty() && !std::ifstream(settings_.ca_file))
      return complain(kUsage, "cannot read " + settings_.ca_file);
    for (const std::string& text : settings_.inputs) {
      if (const int code = add_input(text); code != kOk) return code;
    }
    auto defects = alto::parse_client_defects(settings_.defects);
    if (!defects.ok()) return complain(kUsage, defects.error().message);
    alto::ClientOptions options;
    options.fetch.defects = *defects;
    options.fetch.local_address = settings_.bind;
    options.fetch.ca_file = settings_.ca_file;
    options.fetch.insecure = settings_.insecure;
    options.fetch.key_log_file = settings_.key_log;
    if (!settings_.user.empty()) options.fetch.digest = net::DigestCredentials{settings_.user, settings_.password};
    options.fetch.token = settings_.token;
    options.fetch.timeout = seconds(settings_.timeout);
    options.fetch.max_body = settings_.most_body;
    if (!settings_.trace.empty()) {
      auto opened = net::TraceWriter::open(settings_.trace, "peerscope alto");
      if (!opened.ok()) return complain(kUsage, opened.error().message);
      trace_.emplace(std::move(*opened));
      options.fetch.observer =
          trace_->observer([](const net::Error& error) { net::log_warning("trace", error.message); });
    }
    options.verify = !settings_.no_verify;
    options.on_finding = [this](const alto::Observation& one) { found(one); };
    options.on_problem = [this](const std::string& text) { told(text); };
    client_.emplace(context_.get_executor(), std::move(options));
    return kOk;
  }

  awaitable<void> run() {
    code_ = co_await run_verb();
    if (settings_.json && verb_ != "watch") print_json();
    if (!settings_.json) count_findings();
    const bool broken = worst_ >= harness::Verdict::kFail && (settings_.strict || verb_ == "validate");
    if (code_ == kOk && broken) code_ = kRefused;
  }
  void stop() {
    if (watcher_) watcher_->stop();
  }
  bool watching() const { return watcher_.has_value(); }
  int code() const { return code_; }

 private:
  // "JSON", "@FILE", "ID=JSON" or "ID=@FILE".
  int add_input(const std::string& text) {
    const std::size_t equals = text.find('=');
    const bool named = equals != std::string::npos && text.front() != '{' && text.front() != '@';
    const std::string id = named ? text.substr(0, equals) : "";
    std::string value = named ? text.substr(equals + 1) : text;
    if (value.starts_with('@')) {
      std::ifstream file(value.substr(1), std::ios::binary);
      if (!file) return complain(kUsage, "--input: cannot read " + value.substr(1));
      std::ostringstream whole;
      whole << file.rdbuf();
      value = whole.str();
    }
    if (value.empty()) return kOk;
    if (parse_json(value) == nullptr)
      return complain(kUsage, "--input: not JSON: " + std::string(clip_text(value, 80)));
    inputs_[id] = value;
    return kOk;
  }
  std::string input_of(const std::string& id) const {
    const auto own = inputs_.find(id);
    const auto any = inputs_.find("");
    return own != inputs_.end() ? own->second : any != inputs_.end() ? any->second : "";
  }

  void found(const alto::Observation& one) {
    const harness::Verdict verdict = harness::verdict_of(one.finding);
    worst_ = harness::worst(worst_, verdict);
    if (settings_.json) {
      constexpr std::size_t kMostKept = 10'000;
      if (verb_ == "watch")
        print_line(JsonValue::Object{{"finding", finding_value(one)}});
      else if (findings_.size() < kMostKept)
        findings_.push_back(finding_value(one));
      return;
    }
    const Requirement& rule = *one.finding.rule;
    if (++counts_[rule.id] > kMostOfOneRule) return;
    std::fflush(stdout);
    fmt::print(stderr, "{} {} [{}] {}: {}\n", rule.id, harness::to_string(verdict), rule.section,
               harness::printable(one.where), harness::printable(one.finding.detail));
  }
  void count_findings() const {
    for (const auto& [id, count] : counts_) {
      if (count > kMostOfOneRule) fmt::print(stderr, "{}: {} more\n", id, count - kMostOfOneRule);
    }
  }
  void told(const std::string& text) {
    if (settings_.json && verb_ == "watch") return print_line(JsonValue::Object{{"note", text}});
    if (settings_.json) return problems_.emplace_back(text), void();
    complain(kOk, text);
  }
  static void print_line(const JsonValue& value) {
    fmt::print("{}\n", json_text(value));
    std::fflush(stdout);
  }
  void print_json() {
    out_.emplace_back("findings", std::move(findings_));
    out_.emplace_back("problems", std::move(problems_));
    print_line(JsonValue(std::move(out_)));
  }
  int failed(const net::Error& error) {
    if (settings_.json) {
      if (verb_ == "watch")
        print_line(JsonValue::Object{{"error", error.message}});
      else
        out_.emplace_back("error", error.message);
    }
    return complain(code_of(error), error.message);
  }

  // ---- where to ask ----

  awaitable<net::Result<std::vector<std::string>>> candidates() {
    std::vector<std::string> out;
    const std::string& url = settings_.url;
    const bool own = url.starts_with("dns:");
    const bool cross = url.starts_with("xdom:");
    if (!own && !cross) {
      out.push_back(url);
    } else {
      const auto server = net::Endpoint::parse(settings_.dns);
      if (!server) {
        const net::Error error{net::ErrorKind::kLocal, "--dns: " + server.error().message};
        co_return error;
      }
      alto::DnsClient::Options options;
      options.server = *server;
      alto::DnsClient dns(context_.get_executor(), options);
      alto::Discovery discovery(dns, clock_);
      alto::Discovered found;
      if (own) {
        const std::vector<std::string> domains(1, url.substr(4));
        found = co_await discovery.own(domains);
      } else {
        auto result = co_await discovery.cross_domain(url.substr(5), settings_.service);
        if (!result) co_return result.error();
        found = std::move(*result);
      }
      JsonValue::Array servers;
      for (const alto::Found& one : found.servers) {
        out.push_back(one.uri);
        servers.emplace_back(JsonValue::Object{{"uri", one.uri},
                                               {"order", number(one.order)},
                                               {"preference", number(one.preference)},
                                               {"name", one.name}});
        if (!settings_.json)
          fmt::print("{} {} {}  ({})\n", one.order, one.preference, harness::printable(one.uri), one.name);
      }
      if (settings_.json && verb_ != "watch") out_.emplace_back("discovered", std::move(servers));
      if (out.empty() && settings_.fallbacks.empty()) {
        const net::Error error{
            found.temporary ? net::ErrorKind::kTimeout : net::ErrorKind::kMalformed,
            fmt::format("no ALTO server found: {}{}", found.detail, found.temporary ? " (this may work later)" : "")};
        co_return error;
      }
    }
    out.insert(out.end(), settings_.fallbacks.begin(), settings_.fallbacks.end());
    co_return out;
  }

  // Another server may do where one fails (RFC 7285 section 8.3.4.3).
  awaitable<net::Result<void>> connect() {
    const auto list = co_await candidates();
    if (!list) co_return list.error();
    net::Result<void> last;
    for (const std::string& text : *list) {
      const auto url = net::Url::parse(text);
      if (!url) {
        last = url.error();
      } else {
        last = co_await client_->follow(*url);
        if (last) co_return last;
      }
      if (&text != &list->back()) told(last.error().message + "; trying the next server");
    }
    co_return last;
  }

  awaitable<int> run_verb() {
    if (verb_ == "discover") {
      if (!settings_.url.starts_with("dns:") && !settings_.url.starts_with("xdom:"))
        co_return complain(kUsage, "discover: give dns:NAME or xdom:ADDRESS");
      const auto list = co_await candidates();
      co_return list ? kOk : failed(list.error());
    }
    const net::Result<void> connected = co_await connect();
    if (!connected) co_return failed(connected.error());
    if (verb_ == "rank") co_return co_await rank();
    if (verb_ == "watch") co_return co_await watch();
    if (verb_ == "validate") co_return co_await validate();
    co_return co_await get();
  }

  // ---- get ----

  static std::string short_type(std::string_view type) {
    constexpr std::string_view kPrefix = "application/";
    if (type.starts_with(kPrefix)) type.remove_prefix(kPrefix.size());
    if (type.ends_with("+json")) type.remove_suffix(5);
    return std::string(type);
  }

  void show_directory() {
    const alto::Closure& closure = client_->closure();
    JsonValue::Object resources;
    if (!settings_.json) {
      fmt::print(
          "{}{}: {} resources, default network map {}\n", harness::printable(closure.directories.front()),
          closure.directories.size() > 1 ? fmt::format(" and {} more directories", closure.directories.size() - 1) : "",
          closure.entries.size(), closure.default_map.empty() ? "(none)" : harness::printable(closure.default_map));
    }
    for (const auto& [id, entry] : closure.entries) {
      std::string types;
      for (const alto::CostType& type : entry.cost_types)
        types += fmt::format(" {}/{}", type.cost_metric.value_or("?"), type.cost_mode.value_or("?"));
      if (!settings_.json) {
        fmt::print("  {:<28} {:<4} {:<22} {}{}\n", harness::printable(id), entry.posts() ? "POST" : "GET",
                   short_type(entry.media_type()), harness::printable(entry.uri.to_string()),
                   harness::printable(types));
        continue;
      }
      JsonValue::Array uses;
      for (const std::string& one : entry.uses()) uses.emplace_back(one);
      resources.emplace_back(id,
                             JsonValue::Object{{"uri", entry.uri.to_string()},
                                               {"media-type", entry.media_type()},
                                               {"accepts", entry.posts() ? JsonValue(entry.accepts()) : JsonValue()},
                                               {"uses", std::move(uses)},
                                               {"directory", entry.directory}});
    }
    if (!settings_.json) return;
    JsonValue::Array directories;
    for (const std::string& one : closure.directories) directories.emplace_back(one);
    out_.emplace_back("directories", std::move(directories));
    out_.emplace_back("default-alto-network-map", closure.default_map);
    out_.emplace_back("resources", std::move(resources));
  }

  awaitable<net::Result<alto::Exchange>> fetch(std::string id) {
    const alto::Entry* entry = client_->closure().find(id);
    const bool posts = entry != nullptr && entry->posts();
    const std::string input = posts ? input_of(id) : "";
    // Costs come with the network map that they belong to, or not at all.
    if (entry != nullptr && entry->media_type() == alto::message_type<alto::CostMap>().media_type &&
        (!posts || !input.empty())) {
      auto costs = co_await client_->costs(id, input);
      if (!costs) co_return costs.error();
      co_return std::move(costs->answer);
    }
    // No conditional operator with co_await in it: GCC 12 destroys what it yields twice.
    if (input.empty()) {
      auto answer = co_await client_->get(id);
      co_return answer;
    }
    auto answer = co_await client_->post(id, input);
    co_return answer;
  }

  awaitable<int> get() {
    std::vector<std::string> ids = settings_.resources;
    if (settings_.all) {
      for (const bool maps : {true, false}) {
        for (const auto& [id, entry] : client_->closure().entries) {
          const bool directory = entry.media_type() == alto::message_type<alto::Directory>().media_type;
          if (!entry.posts() && !directory && entry.is_network_map() == maps) ids.push_back(id);
        }
      }
    }
    if (ids.empty()) {
      show_directory();
      co_return kOk;
    }
    int code = kOk;
    JsonValue::Object bodies;
    for (const std::string& id : ids) {
      auto answer = co_await fetch(id);
      if (!answer) {
        const int failure = failed(answer.error());
        code = std::max(code, failure);
        if (failure != kUsage) co_return code;  // what follows may need it
        continue;
      }
      if (!settings_.json) {
        fmt::print("{}\n", harness::printable(answer->http.body));
      } else if (auto value = parse_json(answer->http.body); value != nullptr) {
        bodies.emplace_back(id, std::move(*value));
      } else {
        bodies.emplace_back(id, answer->http.body);
      }
    }
    if (settings_.json) out_.emplace_back("resources", std::move(bodies));
    co_return code;
  }

  // ---- rank ----

  awaitable<int> rank() {
    alto::RankWish wish;
    wish.from = settings_.from;
    wish.to = settings_.to;
    wish.metric = settings_.metric;
    wish.mode = settings_.mode;
    wish.map = settings_.map;
    wish.constraints = settings_.constraints;
    wish.by = settings_.by == "maps"  ? alto::RankWish::By::kMaps
              : settings_.by == "ecs" ? alto::RankWish::By::kEcs
                                      : alto::RankWish::By::kAuto;
    const auto ranking = co_await client_->rank(std::move(wish));
    if (!ranking) co_return failed(ranking.error());
    if (!settings_.json) {
      fmt::print("{} {} by {}{}{}\n", ranking->cost_type.cost_mode.value_or(""),
                 ranking->cost_type.cost_metric.value_or(""), harness::printable(ranking->resource),
                 ranking->version.empty() ? "" : ", " + harness::printable(ranking->version),
                 ranking->from_pid.empty() ? "" : ", from " + harness::printable(ranking->from_pid));
      for (const alto::Ranked& one : ranking->best_first)
        fmt::print("{:>10}  {}{}\n", cost_text(one.cost), one.endpoint,
                   one.pid.empty() ? "" : "  " + harness::printable(one.pid));
      co_return kOk;
    }
    JsonValue::Array list;
    for (const alto::Ranked& one : ranking->best_first) {
      list.emplace_back(JsonValue::Object{{"endpoint", one.endpoint},
                                          {"pid", one.pid.empty() ? JsonValue() : JsonValue(one.pid)},
                                          {"cost", one.cost ? JsonValue(*one.cost) : JsonValue()}});
    }
    out_.emplace_back("cost-metric", ranking->cost_type.cost_metric.value_or(""));
    out_.emplace_back("cost-mode", ranking->cost_type.cost_mode.value_or(""));
    out_.emplace_back("resource", ranking->resource);
    out_.emplace_back("version", ranking->version);
    out_.emplace_back("from-pid", ranking->from_pid);
    out_.emplace_back("ranking", std::move(list));
    co_return kOk;
  }

  // ---- watch ----

  static std::string_view kind_name(alto::Update::Kind kind) {
    switch (kind) {
      case alto::Update::Kind::kControl:
        return "control";
      case alto::Update::Kind::kFull:
        return "full";
      case alto::Update::Kind::kMergePatch:
        return "merge-patch";
      case alto::Update::Kind::kJsonPatch:
        return "json-patch";
      case alto::Update::Kind::kBad:
        break;
    }
    return "not usable";
  }

  void show_update(const alto::Update& one) {
    if (one.kind == alto::Update::Kind::kControl) {
      if (settings_.json) {
        JsonValue::Array stopped;
        for (const std::string& id : one.stopped) stopped.emplace_back(id);
        return print_line(JsonValue::Object{{"update", "control"},
                                            {"control-uri", one.control_uri},
                                            {"stopped", std::move(stopped)},
                                            {"description", one.description}});
      }
      std::string text;
      if (!one.control_uri.empty()) text += ", control at " + one.control_uri;
      for (const std::string& id : one.started) text += ", started " + id;
      for (const std::string& id : one.stopped) text += ", stopped " + id;
      if (!one.description.empty()) text += ", " + one.description;
      fmt::print("stream{}\n", harness::printable(text));
    } else if (settings_.json) {
      print_line(JsonValue::Object{{"update", std::string(kind_name(one.kind))},
                                   {"resource", one.resource_id},
                                   {"bytes", number(static_cast<double>(one.bytes))},
                                   {"tag", one.tag},
                                   {"depends", one.depends},
                                   {"usable", one.usable},
                                   {"fault", one.fault}});
    } else {
      const std::string fits = !one.fault.empty() ? ", " + one.fault
                               : one.usable       ? ""
                                                  : ", waits for the other's update";
      fmt::print("{}: {}, {} bytes{}{}{}\n", harness::printable(one.resource_id), kind_name(one.kind), one.bytes,
                 one.tag.empty() ? "" : ", version " + harness::printable(one.tag),
                 one.depends.empty() ? "" : ", of " + harness::printable(one.depends), harness::printable(fits));
    }
    std::fflush(stdout);
  }

  awaitable<int> watch() {
    alto::WatchOptions options;
    options.resources = settings_.resources;
    options.later = settings_.later;
    for (const auto* list : {&settings_.resources, &settings_.later}) {
      for (const std::string& id : *list) {
        if (const std::string input = input_of(id); !input.empty()) options.input[id] = input;
      }
    }
    options.incremental = !settings_.whole;
    options.poll = settings_.poll;
    options.poll_interval = seconds(settings_.interval);
    options.duration = seconds(settings_.duration);
    options.updates = settings_.updates;
    options.idle = seconds(settings_.idle);
    options.first_pause = seconds(settings_.pause);
    options.reconnects = settings_.reconnects;
    options.most_event = settings_.most_body;
    options.seed = std::random_device{}();
    options.on_update = [this](const alto::Update& one) { show_update(one); };
    options.on_note = [this](const std::string& text) { told(text); };
    watcher_.emplace(*client_, clock_, std::move(options));
    const auto done = co_await watcher_->run();
    co_return done ? kOk : failed(done.error());
  }

  // ---- validate ----

  awaitable<int> validate() {
    const std::vector<alto::Visit> visits = co_await alto::visit_all(*client_, clock_);
    std::size_t bad = 0;
    JsonValue::Array list;
    for (const alto::Visit& one : visits) {
      bad += one.problem.empty() ? 0 : 1;
      const std::string state = !one.asked ? "skipped" : one.problem.empty() ? "ok" : "failed";
      if (settings_.json) {
        list.emplace_back(
            JsonValue::Object{{"resource", one.id}, {"asked", one.what}, {"result", state}, {"problem", one.problem}});
        continue;
      }
      fmt::print("{:<8} {} {}\n", state, harness::printable(one.id),
                 harness::printable(one.problem.empty() ? clip_text(one.what, 160) : std::string_view(one.problem)));
    }
    if (settings_.json)
      out_.emplace_back("visits", std::move(list));
    else
      fmt::print("{} answers, {} not usable; worst finding: {}\n", visits.size(), bad, harness::to_string(worst_));
    co_return bad == 0 ? kOk : kRefused;
  }

  Settings settings_;
  std::string verb_;
  net::asio::io_context& context_;
  net::SystemClock clock_;
  std::optional<net::TraceWriter> trace_;
  std::map<std::string, std::string> inputs_;  // by resource ID; "": for any
  std::optional<alto::Client> client_;
  std::optional<alto::Watcher> watcher_;
  std::map<std::string, std::size_t> counts_;
  JsonValue::Array findings_;
  JsonValue::Array problems_;
  JsonValue::Object out_;
  harness::Verdict worst_ = harness::Verdict::kPass;
  int code_ = kNetwork;
};

bool wants_defect_list(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string_view(argv[i]) == "--defect" && std::string_view(argv[i + 1]) == "list") return true;
  }
  return false;
}

}  // namespace

int alto(int argc, char** argv) {
  if (wants_defect_list(argc, argv)) {
    for (const alto::ClientDefectRow& row : alto::client_defects())
      fmt::print("{:<32} {:<10} {}\n", row.name, row.rule, row.about);
    return kOk;
  }
  Settings settings;
  CLI::App app("An ALTO client (RFC 7285 and its extensions). Every answer is judged; findings go to standard error.",
               "alto");
  app.require_subcommand(1);
  struct Verb {
    const char* name;
    const char* about;
  };
  constexpr Verb kVerbs[] = {
      {"get", "show the directory, or fetch resources; costs with the network map version that they belong to"},
      {"rank", "order addresses by their costs, locally from maps or by the endpoint cost service"},
      {"watch", "follow resources as they change: by an update stream (RFC 8895), else by asking again"},
      {"validate",
       "ask for everything that the server offers and judge the answers; ends with 1 when a rule is broken"},
      {"discover", "find servers: dns:NAME (RFC 7286) or xdom:ADDRESS (RFC 8686)"}};
  for (const Verb& verb : kVerbs) {
    CLI::App* sub = app.add_subcommand(verb.name, verb.about);
    add_common(*sub, settings);
    const std::string_view name = verb.name;
    if (name == "get" || name == "rank" || name == "watch") add_questions(*sub, settings);
  }
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  net::asio::io_context context(1);
  Command command(std::move(settings), app.get_subcommands().front()->get_name(), context);
  if (const int code = command.prepare(); code != kOk) return code;
  net::asio::signal_set signals(context, SIGTERM, SIGINT);
  // The first signal ends a watch in order; a second one, or any other command, at once.
  const auto second = [&](const boost::system::error_code& error, int) {
    if (!error) context.stop();
  };
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (error) return;
    if (!command.watching()) return context.stop();
    command.stop();
    signals.async_wait(second);
  });
  int code = kNetwork;
  net::asio::co_spawn(context, command.run(), [&](const std::exception_ptr& problem) {
    code = problem ? kNetwork : command.code();
    context.stop();
  });
  context.run();
  return code;
}

}  // namespace peerscope::cli
