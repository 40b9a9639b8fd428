// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope record CAPTURE -o FOLDER|FILE
#include "harness/replay/record.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "cli/commands.h"
#include "cli/options.h"
#include "harness/capture/flow.h"
#include "harness/engine/runner.h"
#include "harness/scenario/scenario.h"

namespace peerscope::cli {
namespace {

namespace fs = std::filesystem;
using namespace harness;

struct Target {
  std::string flow;
  std::string scenario;  // empty: none is wanted
};

// A name that ends like a capture is the flow alone; everything else is a folder.
Target target_of(const std::string& out, std::string& error) {
  const std::string ending = fs::path(out).extension();
  if (ending == ".pcapng" || ending == ".pcap") return {out, ""};
  error = make_directory(out);
  return {out + "/flow.pcapng", out + "/scenario.yaml"};
}

// The folder of a capture says more than "flow.pcapng".
std::string name_of(const std::string& capture) {
  const fs::path path = fs::absolute(capture);
  const std::string stem = path.stem() == "flow" ? path.parent_path().filename() : path.stem();
  std::string name;
  for (const char c : stem) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return name.empty() ? "capture" : name;
}

int write_scenario(const RecordedScenario& scenario, const std::string& path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << scenario.text;
  file.close();
  if (!file) return fail(kExitHarness, "cannot write " + path);
  const ScenarioResult loaded = load_scenario(path);
  for (const std::string& error : loaded.errors) std::fprintf(stderr, "%s\n", printable(error).c_str());
  if (!loaded.errors.empty()) return fail(kExitHarness, path + " is written, but the loader refuses it");
  std::printf("%s: %zu steps%s; run it with `peerscope run %s --iut FILE`\n", path.c_str(), scenario.steps,
              scenario.raw > 0 ? fmt::format(", {} byte by byte", scenario.raw).c_str() : "", path.c_str());
  return kExitOk;
}

}  // namespace

int record(int argc, char** argv) {
  CLI::App app{
      "Turn a capture into a flow file, which `replay` reads without tshark, and a scenario file to edit and run.",
      "record"};
  std::string capture_path;
  std::string keys;
  std::string out;
  std::string name;
  app.add_option("capture", capture_path, "pcap or pcapng file")->required();
  app.add_option("-o,--out", out, "folder for flow.pcapng and scenario.yaml, or FILE.pcapng for the flow alone")
      ->required();
  app.add_option("--keys", keys, "TLS key log file, when the capture holds no secrets");
  app.add_option("--as", name, "name of the scenario (default: the capture's)");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  const CaptureResult capture = read_any(capture_path, keys, PEERSCOPE_VERSION);
  if (!capture.error.empty()) return fail(capture.harness_fault ? kExitHarness : kExitUsage, capture.error);
  if (capture.messages.empty())
    return fail(kExitNothing,
                fmt::format("{}: no message of a known protocol in it; encrypted? give --keys FILE", capture_path));
  if (!capture.warning.empty()) std::fprintf(stderr, "peerscope: %s\n", capture.warning.c_str());
  std::string error;
  const Target target = target_of(out, error);
  if (!error.empty()) return fail(kExitUsage, error);
  if (error = write_flow(target.flow, capture.messages, "messages of " + name_of(capture_path)); !error.empty())
    return fail(kExitHarness, error);
  std::printf("%s: %zu messages; play it with `peerscope replay %s --iut FILE`\n", target.flow.c_str(),
              capture.messages.size(), target.flow.c_str());
  if (target.scenario.empty()) return kExitOk;
  RecordOptions options;
  options.id = name.empty() ? name_of(capture_path) : name;
  options.origin = name_of(capture_path);
  const RecordedScenario scenario = record_scenario(capture.messages, options);
  if (!scenario.error.empty()) {
    // The flow is of use by itself.
    std::printf("no scenario: %s\n", scenario.error.c_str());
    return kExitOk;
  }
  return write_scenario(scenario, target.scenario);
}

}  // namespace peerscope::cli
