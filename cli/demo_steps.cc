// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/demo_steps.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/capture/tshark.h"
#include "harness/check.h"
#include "protocols/base/protocol.h"

namespace peerscope::cli {

using namespace harness;

std::string program() {
  std::error_code code;
  return std::filesystem::read_symlink("/proc/self/exe", code).string();
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

DecodedTable decoded_table(const std::string& flow, const std::string& filter) {
  const TsharkSetup setup = find_tshark(PEERSCOPE_VERSION);
  if (!setup.error.empty()) {
    tear_down(setup);
    return {"", setup.error};
  }
  std::string unreadable;
  const std::string copy = share(setup, flow, unreadable);
  if (!unreadable.empty()) {
    tear_down(setup);
    return {"", unreadable};
  }
  constexpr double kLongest = 120;
  // Two passes: some fields of a frame are known by later ones. They need a file that can be read twice.
  const CommandResult shown =
      run_tshark(setup,
                 {"-2", "-r", copy, "-Y", filter, "-T", "fields", "-E", "separator=|", "-e", "frame.number", "-e",
                  "frame.time_relative", "-e", "ip.src", "-e", "_ws.col.Info"},
                 kLongest, {});
  tear_down(setup);
  if (!shown.error.empty() || shown.status != 0) return {"", "tshark: " + shown.error + shown.errors};
  std::istringstream lines(shown.output);
  constexpr std::size_t kLongestInfo = 110;
  DecodedTable table{"```\nframe    time  from         message\n", "tshark shows nothing for " + filter};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream parts(line);
    std::string frame, time, from, info;
    std::getline(parts, frame, '|');
    std::getline(parts, time, '|');
    std::getline(parts, from, '|');
    std::getline(parts, info);
    table.text += fmt::format("{:>5} {:>7.3f}  {:<12} {}\n", frame, std::strtod(time.c_str(), nullptr), from,
                              info.substr(0, kLongestInfo));
    table.error.clear();
  }
  table.text += "```";
  return table;
}

Judgement judge_flow(const std::vector<CapturedMessage>& messages, const std::vector<Rulebook>& rulebooks) {
  const CheckResult result = check_messages(messages);
  Judgement judgement;
  std::size_t bad = 0;
  std::size_t notes = 0;
  for (const MessageFindings& row : result.messages) {
    for (const RuleHit& hit : row.hits) {
      if (hit.verdict <= Verdict::kInfo) {
        ++notes;
        continue;
      }
      ++bad;
      judgement.text +=
          fmt::format("- frame {}: {} {}: {}\n", hit.frame, hit.rule->id, to_string(hit.verdict), hit.detail);
    }
  }
  std::string rules;
  for (const Rulebook& book : rulebooks) {
    const bool last = &book == &rulebooks.back();
    rules += fmt::format("{}{} requirements of {}",
                         rules.empty() ? ""
                         : last        ? " and "
                                       : ", ",
                         find_protocol(book.protocol)->requirements.size(), book.documents);
  }
  judgement.text += fmt::format("{} requests and {} responses, judged by the {}: {} broken, {} note{}.",
                                result.requests, result.responses, rules, bad, notes, notes == 1 ? "" : "s");
  judgement.clean = bad == 0;
  return judgement;
}

}  // namespace peerscope::cli
