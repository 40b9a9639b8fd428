// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/capture/annotate.h"

#include <fmt/format.h>

#include <map>

#include "harness/engine/process.h"

namespace peerscope::harness {

std::string annotate_capture(const std::string& from, const std::string& to, const std::vector<CapturedMessage>& messages, const CheckResult& result) {
  std::map<std::uint64_t, std::string> comments;
  for (const MessageFindings& row : result.messages) {
    for (const RuleHit& hit : row.hits) {
      if (hit.verdict < Verdict::kWarn) continue;
      std::string& comment = comments[hit.frame];
      comment += fmt::format("{}{} {} ({} {}): {}", comment.empty() ? "" : "\n", hit.rule->id, to_string(hit.verdict), messages[row.message].protocol->document, hit.rule->section, hit.detail);
    }
  }
  std::vector<std::string> command = {"editcap"};
  constexpr std::size_t kMostComments = 2000;  // a command line has an end
  for (const auto& [frame, comment] : comments) {
    if (command.size() / 2 >= kMostComments) break;
    command.emplace_back("-a");
    command.push_back(fmt::format("{}:{}", frame, comment));
  }
  command.push_back(from);
  command.push_back(to);
  constexpr double kLongest = 600;
  const CommandResult run = run_command(command, {}, kLongest);
  if (!run.error.empty()) return run.error + " (editcap comes with wireshark-common)";
  return run.status == 0 ? "" : fmt::format("editcap could not write {}: {}", to, run.errors);
}

}  // namespace peerscope::harness
