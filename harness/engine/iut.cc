// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/iut.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <thread>

#include "harness/engine/neighbours.h"
#include "harness/scenario/yaml.h"
#include "harness/scenario/yaml_reader.h"
#include "protocols/base/protocol.h"
#include "reference-impl/net/url.h"

namespace peerscope::harness {
namespace {

using Reader = YamlReader;

std::vector<std::string_view> known_facts() {
  std::vector<std::string_view> facts;
  for (const Protocol* protocol : protocols()) {
    for (const Feature& feature : protocol->features) {
      if (feature.fact != nullptr) facts.emplace_back(feature.fact);
    }
  }
  return facts;
}

int signal_number(const std::string& name) {
  if (name == "TERM" || name.empty()) return 15;
  if (name == "INT") return 2;
  if (name == "HUP") return 1;
  if (name == "KILL") return 9;
  return -1;
}

std::string read_from(const std::string& path, std::size_t offset) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool can_connect(const net::Endpoint& to) {
  const int family = to.is_v6() ? AF_INET6 : AF_INET;
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  int result = -1;
  if (family == AF_INET) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    if (inet_pton(AF_INET, to.address == "localhost" ? "127.0.0.1" : to.address.c_str(), &address.sin_addr) == 1) {
      result = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(to.port);
    if (inet_pton(AF_INET6, to.address.c_str(), &address.sin6_addr) == 1)
      result = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  close(fd);
  return result == 0;
}

// "https://HOST:PORT/...", or "reload://HOST:PORT" for overlay links.
constexpr std::string_view kOverlayScheme = "reload://";
net::Result<net::Endpoint> endpoint_of(std::string_view url) {
  if (url.starts_with(kOverlayScheme)) return net::Endpoint::parse(url.substr(kOverlayScheme.size()));
  const auto parsed = net::Url::parse(url);
  if (!parsed) return parsed.error();
  return parsed->endpoint();
}

// Whether the harness's parties are neighbours of such an implementation.
bool is_linked(std::string_view role) {
  for (const Protocol* protocol : protocols()) {
    for (const Role& one : protocol->roles) {
      if (role == one.name) return neighbour_rules(*protocol) != nullptr;
    }
  }
  return false;
}

// Commands may use what docs/iut-file.md lists and nothing else, and their program must be there: found out here, not
// when the first scenario starts it.
void check_commands(Reader& r, const Tree& file, const IutFile& iut) {
  Variables known;
  for (const char* name : {"work", "here", "peerscope"}) known.values[name] = "1";
  if (iut.serves()) {
    for (const char* name : {"addr", "port"}) known.values[name] = "1";
  } else {
    for (const char* name : {"url", "cafile"}) known.values[name] = "1";
    for (const Protocol* protocol : protocols()) {
      for (const LaunchVariable& variable : protocol->launch_variables) known.values[variable.name] = "1";
    }
  }
  for (const auto& [name, value] : iut.facts) known.values[name] = value;
  const auto expressions = [&](const Tree* tree, const char* where) {
    if (tree == nullptr) return;
    if (std::string error = check_expressions(*tree, known); !error.empty()) r.located(error, where);
  };
  const auto program = [&](const Tree* words, const char* where) {
    if (words == nullptr || !words->is_list() || words->items.empty()) return;
    const Tree& first = words->items.front();
    // A program given by a variable is known when it runs.
    if (first.scalar.find('$') == std::string::npos && !find_program(first.scalar))
      r.fail(first, fmt::format("{}: there is no program '{}' to start", where, first.scalar));
  };
  if (const Tree* start = file.find("start"); start != nullptr) {
    expressions(start->find("exec"), "start: exec");
    expressions(start->find("env"), "start: env");
    program(start->find("exec"), "start: exec");
  }
  if (const Tree* hooks = file.find("hooks"); hooks != nullptr) {
    known.values["url"] = "1";
    for (const auto& [name, hook] : hooks->members) {
      expressions(&hook, "hooks");
      program(&hook, "hooks");
    }
  }
}

}  // namespace

bool IutFile::serves() const {
  const Role* known = find_role(role);
  return known != nullptr && known->party == Party::kServer;
}

bool IutFile::has(std::string_view feature) const {
  return std::find(features.begin(), features.end(), feature) != features.end();
}

int free_port(const std::string& host) {
  const bool v6 = host.find(':') != std::string::npos;
  const int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  int port = 0;
  if (v6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    inet_pton(AF_INET6, host.c_str(), &address.sin6_addr);
    socklen_t size = sizeof address;
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
      port = ntohs(address.sin6_port);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    socklen_t size = sizeof address;
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
      port = ntohs(address.sin_port);
  }
  close(fd);
  return port;
}

IutFile load_iut(const std::string& path, std::string& error) {
  IutFile iut;
  iut.path = path;
  const YamlResult yaml = load_yaml(path);
  if (!yaml.error.empty()) {
    error = yaml.error;
    return iut;
  }
  Reader r{path, error};
  const Tree& file = yaml.tree;
  if (!file.is_map()) r.fail(file, "an IUT file is a map; docs/iut-file.md shows one");
  r.keys(file, {"iut", "version", "role", "attach", "start", "stop", "reset", "hooks", "features", "not", "facts",
                "tls", "auth", "data", "overlay"});
  iut.name = r.text(file, "iut");
  if (iut.name.empty()) r.fail(file, "iut: the name is missing");
  iut.version = r.text(file, "version");
  iut.role = r.text(file, "role");
  if (find_role(iut.role) == nullptr) {
    const Tree* role = file.find("role");
    r.fail(role != nullptr ? *role : file, fmt::format("role: is one of {}", role_names()));
  }
  const Tree* attach = file.find("attach");
  const Tree* start = file.find("start");
  if (attach != nullptr && start != nullptr) r.fail(*start, "attach and start exclude each other");
  if (attach == nullptr && start == nullptr) r.fail(file, "attach or start is missing");
  if (attach != nullptr) {
    r.keys(*attach, {"url", "listen", "scheme"});
    iut.url = r.text(*attach, "url");
    iut.listen = r.text(*attach, "listen", iut.listen);
    iut.scheme = r.text(*attach, "scheme", iut.scheme);
    if (iut.serves() && iut.url.empty()) r.fail(*attach, "attach: url: is missing");
  }
  if (start != nullptr) {
    r.keys(*start, {"exec", "env", "ready", "url", "listen", "scheme"});
    iut.exec = r.words(*start, "exec");
    if (iut.exec.empty()) r.fail(*start, "start: exec: is missing");
    iut.url = r.text(*start, "url");
    iut.listen = r.text(*start, "listen", iut.listen);
    iut.scheme = r.text(*start, "scheme", iut.scheme);
    if (iut.serves() && iut.url.empty()) r.fail(*start, "start: url: is missing, such as https://127.0.0.1:${port}/");
    if (const Tree* environment = start->find("env"); environment != nullptr) {
      for (const auto& [name, value] : environment->members) iut.environment[name] = value.scalar;
    }
    if (const Tree* ready = start->find("ready"); ready != nullptr) {
      r.keys(*ready, {"line", "within"});
      iut.ready_line = r.text(*ready, "line");
      iut.ready_within = r.seconds(*ready, "within", iut.ready_within);
    }
  }
  if (iut.scheme != "http" && iut.scheme != "https") r.fail(file, "scheme: is http or https");
  if (!iut.url.empty()) {
    Variables stand_ins;
    for (const char* name : {"port", "addr", "work", "here"}) stand_ins.values[name] = "1";
    const Expanded url = expand(iut.url, stand_ins);
    const auto parsed = endpoint_of(url.text);
    const Tree* at = (attach != nullptr ? attach : start)->find("url");
    if (!url.error.empty())
      r.fail(*at, fmt::format("url: {}", url.error));
    else if (!parsed)
      r.fail(*at, fmt::format("url: {}", parsed.error().message));
  }
  if (const Tree* stop = file.find("stop"); stop != nullptr) {
    r.keys(*stop, {"signal", "within"});
    iut.stop_signal = signal_number(r.text(*stop, "signal"));
    if (iut.stop_signal < 0) r.fail(*stop, "stop: signal: is TERM, INT, HUP or KILL");
    iut.stop_within = r.seconds(*stop, "within", iut.stop_within);
  }
  iut.reset = r.text(file, "reset", iut.started_here() ? "restart" : "none");
  if (const Tree* hooks = file.find("hooks"); hooks != nullptr) {
    for (const auto& [name, hook] : hooks->members) iut.hooks[name] = r.words(*hooks, name);
  }
  if (iut.reset != "restart" && iut.reset != "none" && !iut.hooks.contains(iut.reset))
    r.fail(*file.find("reset"), "reset: is restart, none, or the name of a hook");
  if (iut.reset == "restart" && !iut.started_here())
    r.fail(*file.find("reset"), "reset: restart needs start:, the harness cannot restart what it did not start");
  const auto feature_list = [&](std::string_view key) {
    std::vector<std::string> out = r.words(file, key);
    for (const std::string& feature : out) {
      if (find_feature(feature) == nullptr)
        r.fail(*file.find(key), fmt::format("{}: no feature '{}'; `peerscope list features` shows them", key, feature));
    }
    return out;
  };
  iut.features = feature_list("features");
  iut.lacking = feature_list("not");
  for (const std::string& name : r.words(file, "data")) {
    const std::filesystem::path place = std::filesystem::path(iut.path).parent_path() / name;  // which may be absolute
    if (!std::filesystem::is_regular_file(place)) r.fail(*file.find("data"), fmt::format("data: no file {}", name));
    iut.data.push_back(place.string());
  }
  for (const std::string& feature : iut.features) {
    if (std::find(iut.lacking.begin(), iut.lacking.end(), feature) != iut.lacking.end())
      r.fail(*file.find("not"), fmt::format("not: {} is claimed under features too", feature));
  }
  if (const Tree* facts = file.find("facts"); facts != nullptr) {
    r.keys(*facts, known_facts());
    for (const auto& [name, value] : facts->members) {
      const auto seconds = parse_seconds(value.scalar);
      if (!seconds) r.fail(value, fmt::format("{}: expected a number or a duration", name));
      iut.facts[name] = fmt::format("{}", seconds.value_or(0));
    }
  }
  const bool clear = iut.serves() ? iut.url.starts_with("http:") : iut.scheme == "http";
  for (const std::string& name : iut.features) {
    const Feature* feature = find_feature(name);
    if (feature == nullptr) continue;
    const bool applies = feature->role == nullptr || feature->role == iut.role;
    if (feature->fact != nullptr && applies && !iut.facts.contains(feature->fact))
      r.fail(*file.find("features"), fmt::format("features: {} needs facts: {}", name, feature->fact));
    if (feature->secure && clear)
      r.fail(*file.find("features"),
             fmt::format("features: {} is claimed and the URL or scheme is http: it could not be seen", name));
  }
  if (const Tree* tls = file.find("tls"); tls != nullptr) {
    r.keys(*tls, {"ca"});
    iut.ca_file = r.text(*tls, "ca");
    if (!iut.ca_file.empty() && access(iut.ca_file.c_str(), R_OK) != 0)
      r.fail(*tls->find("ca"), fmt::format("tls: ca: cannot read {}: {}", iut.ca_file, std::strerror(errno)));
  }
  if (const Tree* auth = file.find("auth"); auth != nullptr) {
    r.keys(*auth, {"user", "password", "token"});
    iut.user = r.text(*auth, "user");
    iut.password = r.text(*auth, "password");
    iut.token = r.text(*auth, "token");
  }
  if (const Tree* overlay = file.find("overlay"); overlay != nullptr) {
    r.keys(*overlay, {"config", "authority", "tracker"});
    iut.overlay_tracker = r.text(*overlay, "tracker");
    iut.overlay_config = r.text(*overlay, "config");
    iut.overlay_authority = r.text(*overlay, "authority");
    if (iut.overlay_config.empty()) r.fail(*overlay, "overlay: config: the configuration document is missing");
  }
  if (iut.serves() && iut.overlay_config.empty() && is_linked(iut.role))
    r.fail(file, fmt::format("overlay: is missing: a {} is tested by parties that must know its overlay", iut.role));
  check_commands(r, file, iut);
  return iut;
}

Iut::Iut(IutFile file, std::string work_directory)
    : file_(std::move(file)), work_(std::move(work_directory)), url_(file_.url), log_(work_ + "/iut.log") {}

std::string Iut::start(const std::map<std::string, std::string, std::less<>>& variables) {
  wanted_ = true;
  if (!file_.started_here()) return {};
  if (process_.running()) return {};
  Variables names;
  names.values = variables;
  for (const auto& [name, value] : file_.facts) names.values[name] = value;
  names.values["work"] = work_;
  std::error_code code;
  names.values["peerscope"] = std::filesystem::read_symlink("/proc/self/exe", code).string();
  names.values["here"] = std::filesystem::absolute(file_.path, code).parent_path().string();
  if (file_.serves()) {
    names.values["addr"] = "127.0.0.1";
    names.values["port"] = std::to_string(free_port("127.0.0.1"));
    const Expanded url = expand(file_.url, names);
    if (!url.error.empty()) return fmt::format("{}: start: url: {}", file_.path, url.error);
    url_ = url.text;
  }
  variables_ = names.values;
  std::ifstream existing(log_, std::ios::binary | std::ios::ate);
  const std::size_t log_from = existing ? static_cast<std::size_t>(existing.tellg()) : 0;
  if (std::string error = launch(process_, names); !error.empty()) return error;
  return wait_ready(log_from);
}

net::Result<net::Endpoint> Iut::endpoint() const {
  return endpoint_of(url_);
}

std::string Iut::expanded(const std::string& text) const {
  Variables names;
  names.values = variables_;
  names.values["work"] = work_;
  std::error_code code;
  names.values["here"] = std::filesystem::absolute(file_.path, code).parent_path().string();
  return expand(text, names).text;
}

std::string Iut::launch(Process& process, const Variables& names) {
  std::vector<std::string> command;
  for (const std::string& word : file_.exec) {
    const Expanded expanded = expand(word, names);
    if (!expanded.error.empty()) return fmt::format("{}: start: exec: {}", file_.path, expanded.error);
    command.push_back(expanded.text);
  }
  std::map<std::string, std::string> environment;
  for (const auto& [name, value] : file_.environment) {
    const Expanded expanded = expand(value, names);
    if (!expanded.error.empty()) return fmt::format("{}: start: env: {}", file_.path, expanded.error);
    environment[name] = expanded.text;
  }
  const std::string error = process.start(command, environment, log_);
  return error.empty() ? "" : fmt::format("{}: {}", file_.path, error);
}

std::string Iut::wait_ready(std::size_t log_from) {
  if (!file_.serves() && file_.ready_line.empty()) return {};
  net::Endpoint endpoint;
  if (file_.ready_line.empty()) {
    const auto parsed = this->endpoint();
    if (!parsed) return fmt::format("{}: url: {}", file_.path, parsed.error().message);
    endpoint = *parsed;
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(file_.ready_within);
  while (std::chrono::steady_clock::now() < deadline) {
    if (!process_.running())
      return fmt::format("{} {} before it was ready; its output is in {}", file_.name, process_.ending(), log_);
    if (file_.ready_line.empty() ? can_connect(endpoint)
                                 : read_from(log_, log_from).find(file_.ready_line) != std::string::npos)
      return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return fmt::format("{} was not ready within {} s; its output is in {}", file_.name, file_.ready_within, log_);
}

void Iut::stop() {
  wanted_ = false;
  process_.stop(file_.stop_within, file_.stop_signal);
  another_.stop(file_.stop_within, file_.stop_signal);
}

std::string Iut::gone() {
  return wanted_ && file_.started_here() ? process_.ending() : "";
}

std::string Iut::quit() {
  if (!file_.started_here()) return "the harness cannot end what it did not start";
  wanted_ = false;
  return process_.running() && kill(process_.pid(), file_.stop_signal) == 0 ? "" : "it does not run";
}

std::string Iut::control(const std::string& what, const std::map<std::string, std::string, std::less<>>& variables) {
  if (what == "start") return start(variables);
  if (what == "stop") return stop(), "";
  if (what == "quit") return quit();
  if (what == "restart") {
    if (!file_.started_here()) return "the harness cannot restart what it did not start";
    stop();
    return start(variables);
  }
  if (what == "start-another") {
    if (!file_.started_here()) return "the harness cannot start a second one of what it did not start";
    Variables names;
    names.values = variables_;
    return launch(another_, names);
  }
  const std::string name = what == "reset" ? file_.reset : what;
  if (name == "restart") return control("restart", variables);
  if (name == "none") return {};
  const auto hook = file_.hooks.find(name);
  if (hook == file_.hooks.end()) return fmt::format("{}: no hook '{}'", file_.path, name);
  constexpr double kLongestHook = 30;
  Variables names;
  names.values = variables_;
  for (const auto& [variable, value] : variables) names.values[variable] = value;
  std::vector<std::string> command;
  for (const std::string& word : hook->second) {
    const Expanded expanded = expand(word, names);
    if (!expanded.error.empty()) return fmt::format("{}: hook {}: {}", file_.path, name, expanded.error);
    command.push_back(expanded.text);
  }
  const CommandResult result = run_command(command, {}, kLongestHook);
  if (!result.error.empty()) return fmt::format("hook {}: {}", name, result.error);
  return result.status == 0 ? "" : fmt::format("hook {} exited with status {}: {}", name, result.status, result.errors);
}

}  // namespace peerscope::harness
