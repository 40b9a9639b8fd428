// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/fuzz/fuzz.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

#include "harness/engine/neighbours.h"
#include "harness/engine/runner.h"
#include "harness/engine/scenario_run.h"
#include "harness/scenario/yaml.h"

namespace peerscope::harness {
namespace {

using SteadyClock = std::chrono::steady_clock;

template <class T>
const T& pick(const std::vector<T>& from, Random& random) {
  return from[random() % from.size()];
}

// JSON texts that parsers and those behind them trip over.
const std::vector<std::string>& json_values() {
  static const std::vector<std::string> kValues = [] {
    constexpr std::size_t kLong = 100000;
    constexpr std::size_t kDeep = 2000;
    std::vector<std::string> out = {"null",
                                    "true",
                                    "false",
                                    "0",
                                    "-1",
                                    "1",
                                    "255",
                                    "256",
                                    "65535",
                                    "65536",
                                    "2147483647",
                                    "-2147483648",
                                    "4294967296",
                                    "9223372036854775807",
                                    "18446744073709551616",
                                    "1e308",
                                    "1e400",
                                    "-0.0",
                                    "1.5",
                                    "\"\"",
                                    "\"0\"",
                                    "\"-1\"",
                                    "[]",
                                    "{}",
                                    "[[]]",
                                    "[null]",
                                    "{\"\":{}}",
                                    R"("\u0000")",
                                    R"("\ud800")",
                                    "\"%s%n%x\"",
                                    "\"../../etc/passwd\"",
                                    "\"' OR 1=1 --\""};
    out.push_back("\"" + std::string(kLong, 'A') + "\"");
    out.push_back(std::string(kDeep, '[') + std::string(kDeep, ']'));
    std::string many = "[0";
    for (std::size_t i = 1; i < kLong / 2; ++i) many += ",0";
    out.push_back(many + "]");
    return out;
  }();
  return kValues;
}

std::string binary_value(const Field& field, Random& random) {
  if (is_integer(field.type)) {
    static const std::vector<std::string> kNumbers = {"0", "1", "2", "0x7f", "0x80", "0xff"};
    static const std::vector<std::string> kWide = {"0", "1", "0x7fff", "0xffff"};
    return pick(field.type == Type::kUint8 ? kNumbers : kWide, random);
  }
  static const std::vector<std::string> kBytes = {
      "", "00", "ff", std::string(32, 'f'), std::string(4000, '0'), std::string(40000, 'a')};
  return pick(kBytes, random);
}

// Every member that a message's text names: "connect.swarm_action[0].action".
void paths_of(const Tree& tree, const std::string& base, std::vector<std::string>& out) {
  constexpr std::size_t kMost = 500;
  for (const auto& [name, value] : tree.members) {
    if (out.size() >= kMost) return;
    // A name with dots or brackets is data, and no path leads through it.
    if (name.find_first_of(".[]$") != std::string::npos) continue;
    const std::string path = base.empty() ? name : base + "." + name;
    out.push_back(path);
    paths_of(value, path, out);
    for (std::size_t i = 0; i < value.items.size() && i < 3; ++i) {
      const std::string item = fmt::format("{}[{}]", path, i);
      out.push_back(item);
      paths_of(value.items[i], item, out);
    }
  }
}

struct Candidate {
  std::string path;
  const Field* field = nullptr;  // where the description tells
};

// What of a message can be wrong: what its text names, and what the description has besides.
std::vector<Candidate> candidates_of(const Tree& sending, const Protocol& protocol, bool binary) {
  std::vector<std::string> paths;
  if (const Tree* with = sending.find("with"); with != nullptr && !binary) paths_of(*with, "", paths);
  std::vector<Candidate> out;
  for (const std::string& path : paths) out.push_back({path, nullptr});
  for (const FieldPlace& place : protocol.fields()) {
    std::string path = place.path;
    for (std::size_t at; (at = path.find("[]")) != std::string::npos;) path.replace(at, 2, "[0]");
    const bool of_all = place.depth <= 1 && place.field->type != Type::kGroup;
    if (binary || of_all) out.push_back({path, place.field});
  }
  return out;
}

Tree mutation(const Candidate& candidate, bool binary, Random& random, std::string& what) {
  Tree item = Tree::map();
  constexpr std::uint64_t kWays = 6;
  const std::uint64_t way = random() % kWays;
  if (way == 0) {
    item.members.emplace_back("drop", Tree::text(candidate.path));
    what += fmt::format("drop {}", candidate.path);
  } else if (way == 1) {
    item.members.emplace_back("dup", Tree::text(candidate.path));
    what += fmt::format("dup {}", candidate.path);
  } else {
    std::string raw = binary ? (candidate.field != nullptr ? binary_value(*candidate.field, random) : "00")
                             : pick(json_values(), random);
    constexpr std::size_t kShown = 40;
    what += fmt::format(
        "set {} to {}", candidate.path,
        raw.size() > kShown ? fmt::format("{}... ({} characters)", raw.substr(0, kShown), raw.size()) : raw);
    // A dollar sign would be a variable.
    for (std::size_t at = 0; (at = raw.find('$', at)) != std::string::npos; at += 2) raw.insert(at, 1, '$');
    Tree set = Tree::map();
    set.members.emplace_back(candidate.path, Tree::text(std::move(raw)));
    item.members.emplace_back("set", std::move(set));
  }
  return item;
}

void set_text(Tree& map, std::string_view key, std::string value) {
  Tree* at = map.find(key);
  if (at != nullptr)
    *at = Tree::text(std::move(value));
  else
    map.members.emplace_back(std::string(key), Tree::text(std::move(value)));
}

class Fuzzer {
 public:
  Fuzzer(const std::vector<Scenario>& scenarios, Iut& iut, const FuzzOptions& options)
      : iut_(iut), options_(options), random_(options.seed), begin_(SteadyClock::now()) {
    for (const Scenario& scenario : scenarios) {
      if (!off_reason(scenario, iut.file(), {}).empty() || scenario.client || scenario.slow) continue;
      YamlResult yaml = load_yaml(scenario.path);
      if (yaml.error.empty()) sources_.push_back({&scenario, std::move(yaml.tree)});
    }
  }

  FuzzResult run() {
    if (sources_.empty()) {
      result_.error = "no scenario that was selected applies to this implementation";
      return std::move(result_);
    }
    if (result_.error = iut_.start({}); !result_.error.empty()) return std::move(result_);
    // What does not take part as it is would be called a hang for every mutant.
    if (const Attempt first = attempt(probe()); !first.reached && first.verdict >= Verdict::kInconclusive) {
      result_.error = fmt::format("{} does not get through before anything is mutated: {}", probe().id, first.reason);
      return std::move(result_);
    }
    constexpr std::size_t kMostMisses = 200;  // mutants in a row that no message can be made of
    std::size_t misses = 0;
    while (!spent() && misses < kMostMisses) misses = one() ? 0 : misses + 1;
    if (result_.runs == 0 && result_.error.empty()) result_.error = "no message of these scenarios can be mutated";
    return std::move(result_);
  }

 private:
  struct Source {
    const Scenario* scenario;
    Tree tree;
  };

  bool spent() const {
    return result_.runs >= options_.most_runs || result_.found.size() >= options_.most_found ||
           std::chrono::duration<double>(SteadyClock::now() - begin_).count() > options_.most_seconds ||
           !result_.error.empty();
  }

  // False when the draw made no mutant.
  bool one() {
    const Source& source = pick(sources_, random_);
    std::string what;
    const std::string text = mutate_scenario(source.tree, *source.scenario->protocol, random_, what);
    if (text.empty()) return false;
    const ScenarioResult mutant = parse_scenario(text, source.scenario->path);
    if (!mutant.errors.empty()) return false;
    ++result_.runs;
    if (options_.progress) options_.progress(result_.runs, result_.found.size());
    const std::string kind = try_out(mutant.scenario);
    if (kind.empty()) return true;
    const std::string detail = detail_;
    // What does not come back is no input to keep.
    if (!restart() || try_out(mutant.scenario) != kind) return restart();
    if (known_.insert(fmt::format("{} {} {}", kind, source.scenario->id, what)).second)
      keep(source, text, kind, detail, what);
    return restart();
  }

  bool restart() {
    result_.error = iut_.file().started_here() ? iut_.control("restart", {}) : "";
    return result_.error.empty();
  }

  Attempt attempt(const Scenario& scenario) {
    AttemptOptions one;
    one.seed = options_.seed;
    one.answer_within = options_.answer_within;
    one.work_directory = options_.folder;
    one.evidence_path = options_.folder + "/last.pcapng";
    return run_attempt(scenario, permutations(scenario).front(), iut_, one);
  }

  // "crash", "hang", or "" when it lives.
  std::string try_out(const Scenario& scenario) {
    const Attempt tried = attempt(scenario);
    if (const std::string gone = iut_.gone(); !gone.empty()) return detail_ = gone, "crash";
    if (tried.verdict < Verdict::kInconclusive) return "";
    // Perhaps it closed the connection, as it may. One that lives takes part in another scenario.
    const Attempt after = attempt(probe());
    if (const std::string gone = iut_.gone(); !gone.empty()) return detail_ = gone, "crash";
    if (after.reached || after.verdict < Verdict::kInconclusive) return "";
    detail_ = after.reason;
    return "hang";
  }

  // The plain flow where there is one.
  const Scenario& probe() const {
    for (const Source& source : sources_) {
      if (source.scenario->id.ends_with("/sanity")) return *source.scenario;
    }
    return *sources_.front().scenario;
  }

  void keep(const Source& source, const std::string& text, const std::string& kind, const std::string& detail,
            const std::string& what) {
    FuzzFind find;
    find.kind = kind;
    find.detail = detail;
    find.mutation = fmt::format("{}: {}", source.scenario->id, what);
    const std::string name = fmt::format("{}-{}", kind, result_.found.size() + 1);
    find.scenario = fmt::format("{}/{}.yaml", options_.folder, name);
    YamlResult yaml = parse_yaml(text, name);
    set_text(yaml.tree, "scenario", fmt::format("{}/fuzz/{}", source.scenario->protocol->name, name));
    set_text(yaml.tree, "protocol", source.scenario->protocol->name);
    set_text(yaml.tree, "about",
             fmt::format("Found by fuzzing with seed {}: {}. It {}.", options_.seed, find.mutation, detail));
    std::ofstream file(find.scenario, std::ios::binary | std::ios::trunc);
    file << yaml_text(yaml.tree);
    file.close();
    std::error_code code;
    std::filesystem::rename(options_.folder + "/last.pcapng", fmt::format("{}/{}.pcapng", options_.folder, name), code);
    if (!file) result_.error = "cannot write " + find.scenario;
    result_.found.push_back(std::move(find));
  }

  Iut& iut_;
  const FuzzOptions& options_;
  Random random_;
  SteadyClock::time_point begin_;
  std::vector<Source> sources_;
  std::set<std::string> known_;
  std::string detail_;
  FuzzResult result_;
};

}  // namespace

std::string mutate_scenario(const Tree& scenario, const Protocol& protocol, Random& random, std::string& what) {
  Tree out = scenario;
  Tree* steps = out.find("steps");
  if (steps == nullptr) return {};
  std::vector<Tree*> sendings;
  for (Tree& step : steps->items) {
    Tree* send = step.find("send");
    const bool plain = send != nullptr && send->is_map() && send->find("raw") == nullptr &&
                       send->find("raw_http") == nullptr &&
                       (send->find("msg") != nullptr || send->find("with") != nullptr);
    if (plain) sendings.push_back(send);
  }
  if (sendings.empty()) return {};
  const bool binary = neighbour_rules(protocol) != nullptr;
  const std::uint64_t wanted = 1 + random() % 2;
  for (std::uint64_t i = 0; i < wanted; ++i) {
    Tree& sending = *pick(sendings, random);
    const std::vector<Candidate> candidates = candidates_of(sending, protocol, binary);
    if (candidates.empty()) return {};
    if (!what.empty()) what += "; ";
    Tree item = mutation(pick(candidates, random), binary, random, what);
    Tree* mutate = sending.find("mutate");
    if (mutate == nullptr) {
      sending.members.emplace_back("mutate", Tree::list());
      mutate = sending.find("mutate");
    }
    mutate->items.push_back(std::move(item));
  }
  return yaml_text(out);
}

FuzzResult fuzz(const std::vector<Scenario>& scenarios, Iut& iut, const FuzzOptions& options) {
  return Fuzzer(scenarios, iut, options).run();
}

}  // namespace peerscope::harness
