// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope selftest: the harness against the bundled roles. Every defect has to be told by a requirement that it
// breaks, and the roles without one must fail nothing.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "harness/engine/runner.h"
#include "reference-impl/alto/client_defects.h"
#include "reference-impl/alto/defects.h"
#include "reference-impl/ppstp/defects.h"
#include "reference-impl/reload/defects.h"

namespace peerscope::cli {
namespace {

using namespace harness;
namespace fs = std::filesystem;

// A bundled role as an IUT file; `%` stands for what is added to its command.
struct Setup {
  const char* name;
  const char* role;
  const char* feature;  // defects that need this feature are shown by this setup; null: all others of the role
  double time_scale;    // scenarios give a peer that is slow by nature long enough; these are not
  const char* file;
  bool clean_only = false;      // another setup of the role shows its defects
  const char* told_truly = "";  // what is to be said of this role without any defect, and is no false alarm
};

constexpr Setup kSetups[] = {
    {"tracker", "tracker", nullptr, 1, R"(iut: tracker
role: tracker
start:
  exec: ["${peerscope}", serve, tracker, --listen, "${addr}:${port}", --track-timer, "1.5", --init-timer, "1"%]
  url: https://127.0.0.1:${port}/
  ready: {line: "listening on", within: 20s}
features: [ppstp.v1, ppstp.tls, ppstp.short-timers, ppstp.http-1, ppstp.ipv6]
not: [ppstp.auth-digest, ppstp.auth-bearer, ppstp.overload]
facts: {track_timer: 1.5s}
)"},
    {"tracker-digest", "tracker", "ppstp.auth-digest", 1, R"(iut: tracker-digest
role: tracker
start:
  exec: ["${peerscope}", serve, tracker, --listen, "${addr}:${port}", --auth, "digest:${here}/users.txt"%]
  url: https://127.0.0.1:${port}/
  ready: {line: "listening on", within: 20s}
features: [ppstp.v1, ppstp.tls, ppstp.auth-digest, ppstp.http-1, ppstp.ipv6]
not: [ppstp.short-timers, ppstp.auth-bearer, ppstp.overload]
auth: {user: alice, password: correct horse}
)"},
    {"tracker-overload", "tracker", "ppstp.overload", 1, R"(iut: tracker-overload
role: tracker
start:
  exec: ["${peerscope}", serve, tracker, --listen, "${addr}:${port}", --http, --max-rate, "20"%]
  url: http://127.0.0.1:${port}/
  ready: {line: "listening on", within: 20s}
features: [ppstp.v1, ppstp.overload]
not: [ppstp.tls, ppstp.short-timers, ppstp.auth-digest, ppstp.auth-bearer]
facts: {request_limit: 20}
)"},
    {"peer", "peer", nullptr, 0.4, R"(iut: peer
role: peer
start:
  exec: ["${peerscope}", join, "${url}", --cafile, "${cafile}", --swarm, "${swarm}:${mode}", --find, "${finds}", --duration, "${stay}", --report-interval, "${report_interval}", --peer-addr, "192.0.2.2:6778", --peer-addr, "[2001:db8::a:2]:6778", --peer-count, "8"%]
  scheme: https
features: [ppstp.v1, ppstp.tls, ppstp.stat-report, ppstp.own-peer-id]
facts: {report_interval: 0.4, retry_within: 20}
stop: {signal: KILL}
)"},
    {"alto-server", "alto-server", nullptr, 1, R"(iut: alto-server
role: alto-server
start:
  exec: ["${peerscope}", serve, alto, --listen, "${addr}:${port}", --cdni, "${here}/cdni.json"%]
  url: http://127.0.0.1:${port}/directory
  ready: {line: "listening on", within: 20s}
features: [alto.v1, alto.filter, alto.constraints, alto.endpoint, alto.multi-cost, alto.updates, alto.calendar, alto.properties, alto.tips, alto.cdni]
not: [alto.tls]
)",
     false, "A-TIPS-10"},  // its views are reached without TLS
    {"alto-files", "alto-server", nullptr, 1, R"(iut: alto-files
role: alto-server
start:
  exec: ["${peerscope}", serve, alto, --tls, --listen, "${addr}:${port}", --map, "${here}/map.json", --costs, "${here}/costs.json"%]
  url: https://127.0.0.1:${port}/directory
  ready: {line: "listening on", within: 20s}
data: [map.json, costs.json]
features: [alto.v1, alto.tls, alto.filter, alto.constraints, alto.endpoint, alto.multi-cost, alto.updates, alto.calendar, alto.properties, alto.tips]
)",
     true, "A-NM-13"},
    {"alto-changing", "alto-server", "alto.changing", 1, R"(iut: alto-changing
role: alto-server
start:
  exec: ["${peerscope}", serve, alto, --tls, --listen, "${addr}:${port}", --generate, "pids=4,prefixes=12", --changing, "0.4"%]
  url: https://127.0.0.1:${port}/directory
  ready: {line: "listening on", within: 20s}
features: [alto.v1, alto.tls, alto.updates, alto.tips, alto.changing]
facts: {change_within: 5s}
)"},
    {"alto-client", "alto-client", nullptr, 1, R"(iut: alto-client
role: alto-client
start:
  exec: ["${peerscope}", alto, "${task}", "${url}", --cafile, "${cafile}", --resource, "${resource}", --input, "${input}", --later, "${later}", --by, "${by}", --from, "${source}", --to, "${destinations}", --metric, "${metric}", --duration, "${stay}", --pause, "0.2", --user, alice, --password, secret%]
  scheme: https
features: [alto.v1, alto.tls, alto.filter, alto.endpoint, alto.updates, alto.stream-control, alto.auth-digest]
stop: {signal: KILL}
)"},
    {"node", "node", nullptr, 1, R"(iut: node
role: node
start:
  exec: ["${peerscope}", serve, reload, --enrollment, "127.0.0.1:0", --permit-self-signed, --key-type, p256, --config-out, "${work}/overlay.xml", --listen, "${addr}:${port}"%]
  url: reload://127.0.0.1:${port}
  ready: {line: "this node is a peer", within: 30s}
stop: {signal: TERM, within: 300ms}
overlay: {config: "${work}/overlay.xml"}
features: [reload.peer, reload.client, reload.chord, reload.self-signed, reload.test-kinds, reload.diagnostics, reload.drr, reload.enrollment-server]
)"},
    {"joining-node", "joining-node", nullptr, 1, R"(iut: joining-node
role: joining-node
start:
  exec: ["${peerscope}", serve, reload, --config, "${config}", --self-signed, --user, "iut@${overlay}", --key-type, p256%]
stop: {signal: TERM, within: 300ms}
features: [reload.peer, reload.chord, reload.self-signed]
)"},
    {"joining-node-enrolling", "joining-node", "reload.enrollment", 1, R"(iut: joining-node
role: joining-node
start:
  exec: ["${peerscope}", serve, reload, --config, "${config_url}", --https-ca, "${https_ca}", --overlay, "${overlay}", --user, "iut@${overlay}", --key-type, p256%]
stop: {signal: TERM, within: 300ms}
features: [reload.peer, reload.chord, reload.enrollment]
)"},
};
constexpr const char* kUsers = "alice:correct horse\n";
// A map for a part of the address space, which is told (A-NM-13), and costs that are not all defined.
constexpr const char* kMap = R"({"meta": {"vtag": {"resource-id": "networkmap", "tag": "f1"}},
 "network-map": {"west": {"ipv4": ["198.51.100.0/24", "192.0.2.0/25"]},
                 "east": {"ipv4": ["203.0.113.0/25"], "ipv6": ["2001:db8:e::/48"]},
                 "nested": {"ipv4": ["203.0.113.0/28"]}}})";
constexpr const char* kCdni = R"({"meta": {"vtag": {"resource-id": "fci", "tag": "f1"}},
 "cdni-advertisement": {"capabilities-with-footprints": [
  {"capability-type": "FCI.DeliveryProtocol", "capability-value": {"delivery-protocols": ["http/1.1"]},
   "footprints": [{"footprint-type": "ipv4cidr", "footprint-value": ["192.0.2.0/24"]},
                  {"footprint-type": "altopid", "footprint-value": ["mypid1"]}]}]}})";
constexpr const char* kCosts = R"({"meta": {"dependent-vtags": [{"resource-id": "networkmap", "tag": "f1"}],
          "cost-type": {"cost-mode": "numerical", "cost-metric": "routingcost"}},
 "cost-map": {"west": {"west": 1, "east": 4.5, "nested": 6},
              "east": {"west": 5, "east": 1, "nested": 2},
              "nested": {"west": 7, "nested": 0}}})";

// A way to be wrong on purpose, whatever role has it.
struct Defect {
  std::string name;
  std::string requirements;  // those that it breaks
  std::string needs;         // a feature; empty: none
};

struct Trial {
  const Setup* setup = nullptr;
  std::optional<Defect> defect;  // none: the role as it should be
  int round = 1;
  // A run that would outlast all others is dealt out to several at a time.
  std::size_t shard = 1;
  std::size_t shards = 1;
  std::vector<Scenario> scenarios;
  bool slow = true;
  bool any_flow = false;  // no scenario is about the defect: any traffic shows it
  // What came of it.
  std::string trouble;                  // the harness could not try
  std::map<std::string, Verdict> told;  // worse than pass, by requirement
  std::string caught_by;                // the first of the defect's requirements that is told
  double seconds = 0;
  bool again = false;  // it had a second try

  bool good() const {
    if (!trouble.empty()) return false;
    if (defect) return !caught_by.empty();
    return std::none_of(told.begin(), told.end(),
                        [&](const auto& one) { return one.second > Verdict::kInfo && one.first != setup->told_truly; });
  }
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  std::istringstream stream{std::string(text)};
  for (std::string word; stream >> word;) out.push_back(word);
  return out;
}

bool tests_one_of(const Scenario& scenario, const std::vector<std::string>& ids) {
  return std::any_of(ids.begin(), ids.end(), [&](const std::string& id) {
    return std::find(scenario.tests.begin(), scenario.tests.end(), id) != scenario.tests.end();
  });
}

// The scenarios about what the defect breaks. Where none names it a check finds it in any traffic: the plain flows do.
void select(Trial& trial, const std::vector<Scenario>& all) {
  const auto of_role = [&](const Scenario& scenario) { return scenario.role == trial.setup->role; };
  if (trial.defect) {
    const std::vector<std::string> ids = words(trial.defect->requirements);
    for (const Scenario& scenario : all) {
      if (of_role(scenario) && tests_one_of(scenario, ids)) trial.scenarios.push_back(scenario);
    }
    trial.slow = !trial.scenarios.empty();
    if (!trial.scenarios.empty()) return;
    trial.any_flow = true;
  }
  const auto needed = [&](const Scenario& scenario) {
    return trial.setup->feature == nullptr ||
           std::find(scenario.needs.begin(), scenario.needs.end(), trial.setup->feature) != scenario.needs.end();
  };
  for (const Scenario& scenario : all) {
    // A peer's scenarios wait for a process each; those that wait for nothing else show what any traffic shows.
    const bool plain = !trial.defect || !scenario.slow;
    if (of_role(scenario) && plain && needed(scenario)) trial.scenarios.push_back(scenario);
  }
}

std::string write_file(const std::string& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  return out ? "" : fmt::format("cannot write {}", path);
}

// How long a role may stay silent where it must not. A defect has little time for it, the role as it should be as much
// as in any run.
constexpr double kPatience = 1.5;
constexpr double kMorePatience = 5;

struct Options {
  int rounds = 1;
  unsigned jobs = 0;
  std::string only;
  std::string out;
};

// A role that connects by itself is started for each scenario, and takes its own time.
bool starts_often(const Setup& setup) {
  const Role* role = find_role(setup.role);
  return role == nullptr || role->party != Party::kServer;
}

// What shows in any traffic mostly shows in a few flows; a second try has all of them.
std::vector<Scenario> to_run(const Trial& trial) {
  constexpr std::size_t kFew = 6;
  if (!trial.any_flow || !starts_often(*trial.setup) || trial.again || trial.scenarios.size() <= kFew)
    return trial.scenarios;
  std::vector<Scenario> few;
  for (std::size_t i = 0; i < kFew; ++i) few.push_back(trial.scenarios[i * trial.scenarios.size() / kFew]);
  return few;
}

void attempt(Trial& trial, const std::string& folder, const Options& settings, double patience) {
  const auto begin = std::chrono::steady_clock::now();
  if (trial.trouble = make_directory(folder); !trial.trouble.empty()) return;
  std::string file = trial.setup->file;
  const std::string more = trial.defect ? fmt::format(", --defect, {}", trial.defect->name) : "";
  file.replace(file.find('%'), 1, more);
  const std::string path = folder + "/iut.yaml";
  trial.trouble = write_file(path, file);
  for (const auto& [name, text] :
       {std::pair{"users.txt", kUsers}, {"map.json", kMap}, {"costs.json", kCosts}, {"cdni.json", kCdni}}) {
    if (trial.trouble.empty()) trial.trouble = write_file(folder + "/" + name, text);
  }
  if (!trial.trouble.empty()) return;
  const IutFile iut = load_iut(path, trial.trouble);
  if (!trial.trouble.empty()) return;
  RunOptions options;
  options.out_directory = folder;
  options.seed = static_cast<std::uint64_t>(trial.round);
  options.evidence = !settings.out.empty();
  if (trial.defect) {
    options.retries = 0;
    options.answer_within = patience;
    options.time_scale = trial.setup->time_scale;
  }
  options.quiet = true;
  options.slow = trial.slow;
  options.shard = trial.shard;
  options.shards = trial.shards;
  options.interruptible = false;
  options.version = PEERSCOPE_VERSION;
  const RunSummary summary = run_suite(to_run(trial), iut, options);
  for (const RequirementResult& row : summary.requirements) {
    if (row.verdict > Verdict::kPass) trial.told[row.row->id] = row.verdict;
  }
  if (summary.exit_code == kExitHarness) trial.trouble = "the harness failed";
  if (!trial.defect && summary.exit_code != kExitOk && trial.trouble.empty() && trial.good())
    trial.trouble = fmt::format("exit {}", summary.exit_code);
  if (trial.defect) {
    for (const std::string& id : words(trial.defect->requirements)) {
      if (trial.caught_by.empty() && trial.told.contains(id)) trial.caught_by = id;
    }
  }
  trial.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string told_text(const Trial& trial) {
  std::string out;
  for (const auto& [id, verdict] : trial.told)
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", id, to_string(verdict));
  return out.empty() ? "nothing" : out;
}

// Sorted by what they break, so that the table reads as the requirement tables do.
void print_defects(const std::vector<Trial>& trials) {
  std::vector<const Trial*> rows;
  for (const Trial& trial : trials) {
    if (trial.defect) rows.push_back(&trial);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Trial* a, const Trial* b) {
    return words(a->defect->requirements).front() < words(b->defect->requirements).front();
  });
  for (const Trial* trial : rows) {
    const std::string wanted = words(trial->defect->requirements).front();
    if (!trial->trouble.empty()) {
      std::printf("%-10s %-11s %-36s NOT TRIED: %s\n", wanted.c_str(), trial->setup->role, trial->defect->name.c_str(),
                  trial->trouble.c_str());
    } else if (trial->caught_by.empty()) {
      std::printf("%-10s %-11s %-36s NOT CAUGHT, told: %s\n", wanted.c_str(), trial->setup->role,
                  trial->defect->name.c_str(), told_text(*trial).c_str());
    } else {
      std::printf("%-10s %-11s %-36s %s\n", trial->caught_by.c_str(), trial->setup->role, trial->defect->name.c_str(),
                  std::string(to_string(trial->told.at(trial->caught_by))).c_str());
    }
  }
}

std::vector<Defect> defects_of(std::string_view role) {
  std::vector<Defect> out;
  if (role == "alto-server") {
    for (const alto::ServerDefect& row : alto::server_defects()) out.push_back({row.name, row.rule, row.needs});
    return out;
  }
  if (role == "alto-client") {
    for (const alto::ClientDefectRow& row : alto::client_defects()) out.push_back({row.name, row.rule, ""});
    return out;
  }
  const std::span<const DefectRow> rows = role == "tracker"        ? ppstp::tracker_defects()
                                          : role == "peer"         ? ppstp::peer_defects()
                                          : role == "node"         ? reload::node_defects()
                                          : role == "joining-node" ? reload::joining_defects()
                                                                   : std::span<const DefectRow>();
  for (const DefectRow& row : rows)
    out.push_back(
        {std::string(row.name), std::string(row.requirements), row.needs != nullptr ? std::string(row.needs) : ""});
  return out;
}

std::vector<Trial> plan(const Options& options, const std::vector<Scenario>& scenarios) {
  std::vector<Trial> trials;
  const auto add = [&](const Setup& setup, std::optional<Defect> defect, int round) {
    Trial trial;
    trial.setup = &setup;
    trial.defect = std::move(defect);
    trial.round = round;
    select(trial, scenarios);
    const std::size_t most = starts_often(setup) ? 12 : 48;
    if (!trial.defect) trial.shards = 1 + trial.scenarios.size() / most;
    for (trial.shard = 1; trial.shard < trial.shards; ++trial.shard) trials.push_back(trial);
    trials.push_back(std::move(trial));
  };
  for (const Setup& setup : kSetups) {
    if (!options.only.empty() && options.only != setup.role) continue;
    for (int round = 1; round <= options.rounds; ++round) add(setup, std::nullopt, round);
    if (setup.clean_only) continue;
    for (const Defect& defect : defects_of(setup.role)) {
      if (defect.needs == (setup.feature != nullptr ? setup.feature : "")) add(setup, defect, 1);
    }
  }
  return trials;
}

// Those that wait longest first, so that no long one is left when all others are done.
void sort_by_length(std::vector<Trial>& trials) {
  std::stable_sort(trials.begin(), trials.end(), [](const Trial& a, const Trial& b) {
    if (a.defect.has_value() != b.defect.has_value()) return !a.defect;
    const auto length = [](const Trial& trial) {
      const std::size_t each = starts_often(*trial.setup) ? 4 : 1;
      const bool slow = trial.slow && std::any_of(trial.scenarios.begin(), trial.scenarios.end(),
                                                  [](const Scenario& scenario) { return scenario.slow; });
      return to_run(trial).size() * each * (slow ? 2 : 1) / trial.shards;
    };
    return length(a) > length(b);
  });
}

void try_all(std::vector<Trial>& trials, const Options& options, const std::string& folder) {
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> done = 0;
  const Progress progress([&] { return fmt::format("selftest: {} of {} trials", done.load(), trials.size()); });
  const auto place = [&](const Trial& trial) {
    std::string name = trial.defect ? trial.defect->name : fmt::format("clean-{}", trial.round);
    if (trial.shards > 1) name += fmt::format("-{}-of-{}", trial.shard, trial.shards);
    return fmt::format("{}/{}-{}", folder, trial.setup->name, name);
  };
  std::vector<std::thread> workers;
  // Trials mostly wait, for timers and for silence.
  const unsigned jobs = options.jobs != 0 ? options.jobs : std::max(2U, std::thread::hardware_concurrency()) * 12;
  for (unsigned i = 0; i < std::min<std::size_t>(jobs, trials.size()); ++i) {
    workers.emplace_back([&] {
      for (std::size_t at; (at = next++) < trials.size(); ++done)
        attempt(trials[at], place(trials[at]), options, kPatience);
    });
  }
  for (std::thread& worker : workers) worker.join();
  // On a machine that was busy with the other trials a role may have been too slow to show its defect.
  for (Trial& trial : trials) {
    if (!trial.defect || trial.good()) continue;
    trial.again = true;
    trial.told.clear();
    trial.trouble.clear();
    attempt(trial, place(trial) + "-again", options, kMorePatience);
  }
}

std::string write_table(const std::vector<Trial>& trials, const std::string& path) {
  std::string out = "role,setup,defect,requirements,told by,seconds\n";
  for (const Trial& trial : trials) {
    out += fmt::format("{},{},{},{},{},{:.2f}\n", trial.setup->role, trial.setup->name,
                       trial.defect ? trial.defect->name : fmt::format("none {}", trial.round),
                       trial.defect ? trial.defect->requirements : "", trial.caught_by, trial.seconds);
  }
  return write_file(path, out);
}

int report(const std::vector<Trial>& trials, double seconds) {
  std::printf("told by    role        defect                               verdict\n");
  print_defects(trials);
  std::size_t defects = 0;
  std::size_t caught = 0;
  std::size_t clean = 0;
  std::size_t alarms = 0;
  bool trouble = false;
  for (const Trial& trial : trials) {
    trouble = trouble || !trial.trouble.empty();
    if (trial.defect) {
      ++defects;
      caught += trial.good();
      continue;
    }
    clean += trial.shard == 1;
    if (trial.good()) continue;
    ++alarms;
    std::printf("FALSE ALARM on the clean %s, round %d: %s\n", trial.setup->name, trial.round,
                trial.trouble.empty() ? told_text(trial).c_str() : trial.trouble.c_str());
  }
  const auto again = std::count_if(trials.begin(), trials.end(), [](const Trial& trial) { return trial.again; });
  std::printf("\n%zu of %zu defects caught%s; %zu false alarms in %zu runs of the clean roles; %.0f s\n", caught,
              defects, again == 0 ? "" : fmt::format(" ({} at a second try)", again).c_str(), alarms, clean, seconds);
  if (caught == defects && alarms == 0) return kExitOk;
  return trouble ? kExitHarness : kExitFail;
}

}  // namespace

int selftest(int argc, char** argv) {
  CLI::App app{
      "Prove this installation: run the suites against the bundled roles, once as they should be and once with each of "
      "their defects.\nExit 0: every defect is told by a requirement that it breaks, and nothing else is.",
      "selftest"};
  Options options;
  app.add_option("--rounds", options.rounds, "runs of the clean roles, each with another seed (default 1)")
      ->check(CLI::Range(1, 1000));
  app.add_option("--jobs", options.jobs, "trials at a time (default 12 per core)")->check(CLI::Range(1, 256));
  app.add_option("--role", options.only, "this role only")
      ->check(CLI::IsMember({"tracker", "peer", "alto-server", "alto-client", "node", "joining-node"}));
  app.add_option("--out", options.out, "keep results and evidence of all trials in this folder, and trials.csv");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  std::vector<std::string> errors;
  const std::vector<Scenario> scenarios = load_suite({}, suite_roots(), errors);
  if (!errors.empty()) return fail(kExitHarness, errors.front());
  std::string folder = options.out;
  if (folder.empty()) {
    folder = (fs::temp_directory_path() / "peerscope-selftest-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) return fail(kExitHarness, "cannot make a folder for the trials");
  } else if (const std::string error = make_directory(folder); !error.empty()) {
    return fail(kExitUsage, error);
  }
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Trial> trials = plan(options, scenarios);
  sort_by_length(trials);
  try_all(trials, options, folder);
  const int code = report(trials, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  std::error_code ignored;
  if (options.out.empty()) {
    fs::remove_all(folder, ignored);
  } else if (const std::string error = write_table(trials, folder + "/trials.csv"); !error.empty()) {
    return fail(kExitHarness, error);
  }
  return code;
}

}  // namespace peerscope::cli
