// SPDX-License-Identifier: GPL-2.0-or-later
// Captures through tshark, the plugin and the harness: every folder of captures/ against its expectations, and what bad
// input gets.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "harness/capture/pdus.h"
#include "harness/check.h"
#include "harness/engine/process.h"
#include "harness/scenario/yaml.h"

namespace peerscope::harness {
namespace {

namespace fs = std::filesystem;

const std::string kProgram = std::string(PEERSCOPE_BINARY_DIR) + "/peerscope";
const std::string kCaptures = std::string(PEERSCOPE_SOURCE_DIR) + "/captures";

struct TemporaryFolder {
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "peerscope-test-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code code;
    fs::remove_all(path, code);
  }
  std::string path;
};

CommandResult peerscope(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {}) {
  arguments.insert(arguments.begin(), kProgram);
  environment.emplace("PEERSCOPE_PLUGIN_DIR", PEERSCOPE_PLUGIN_ROOT);
  return run_command(arguments, environment, 120);
}

std::vector<std::string> capture_folders() {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(kCaptures)) {
    if (entry.path().filename() == "flow.pcapng") out.push_back(entry.path().parent_path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

class Capture : public testing::TestWithParam<std::string> {};

TEST_P(Capture, HasTheFindingsThatItsFolderNames) {
  setenv("PEERSCOPE_PLUGIN_DIR", PEERSCOPE_PLUGIN_ROOT, 1);
  const YamlResult expected = load_yaml(GetParam() + "/expect.yaml");
  ASSERT_EQ(expected.error, "");
  const CaptureResult capture = read_capture(GetParam() + "/flow.pcapng", "", "0.1.0");
  ASSERT_EQ(capture.error, "");
  EXPECT_EQ(capture.warning, "");
  const CheckResult result = check_messages(capture.messages);
  std::map<std::string, std::size_t> seen;
  for (const MessageFindings& row : result.messages) {
    for (const RuleHit& hit : row.hits) ++seen[hit.rule->id];
  }
  std::map<std::string, std::size_t> wanted;
  if (const Tree* findings = expected.tree.find("findings"); findings != nullptr) {
    for (const auto& [id, count] : findings->members) wanted[id] = std::stoul(count.scalar);
  }
  EXPECT_EQ(seen, wanted);
  EXPECT_EQ(std::to_string(result.requests), expected.tree.find("requests")->scalar);
  EXPECT_EQ(std::to_string(result.responses), expected.tree.find("responses")->scalar);
  EXPECT_EQ(std::to_string(result.unanswered), expected.tree.find("unanswered")->scalar);
}

// An update stream comes as a message a frame; it is one answer.
TEST(CaptureOfAStream, IsOneAnswerWithItsRequest) {
  setenv("PEERSCOPE_PLUGIN_DIR", PEERSCOPE_PLUGIN_ROOT, 1);
  for (const char* flow : {"updates_open", "updates_closed"}) {
    const CaptureResult capture = read_capture(kCaptures + "/alto/" + flow + "/flow.pcap", "", "0.1.0");
    ASSERT_EQ(capture.error, "") << flow;
    ASSERT_GE(capture.messages.size(), 4U) << flow;
    for (std::size_t i = 1; i < capture.messages.size(); ++i) EXPECT_EQ(capture.messages[i].request, 0U) << flow;
    const CheckResult result = check_messages(capture.messages);
    EXPECT_EQ(result.requests, 1U) << flow;
    EXPECT_EQ(result.responses, 1U) << flow;
    EXPECT_EQ(result.unanswered, 0U) << flow;
    EXPECT_TRUE(result.messages.empty()) << flow;
  }
}

INSTANTIATE_TEST_SUITE_P(Captures, Capture, testing::ValuesIn(capture_folders()), [](const auto& param) {
  std::string name = fs::path(param.param).filename().string();
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

TEST(Check, ExitCodeTellsFailAndPass) {
  EXPECT_EQ(peerscope({"check", kCaptures + "/ppstp/session/flow.pcapng"}).status, 0);
  const CommandResult broken = peerscope({"check", kCaptures + "/ppstp/broken_tracker/flow.pcapng"});
  EXPECT_EQ(broken.status, 1);
  EXPECT_NE(broken.output.find("frame 33"), std::string::npos) << broken.output;
  EXPECT_NE(broken.output.find("P-CONN-22"), std::string::npos) << broken.output;
}

TEST(Check, ACaptureCutInThePacketIsInconclusive) {
  const TemporaryFolder folder;
  std::ifstream in(kCaptures + "/ppstp/session/flow.pcapng", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  std::ofstream(folder.path + "/cut.pcapng", std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  const CommandResult result = peerscope({"check", folder.path + "/cut.pcapng"});
  EXPECT_EQ(result.status, 4) << result.output << result.errors;
  EXPECT_NE(result.errors.find("cut short"), std::string::npos) << result.errors;
}

TEST(Check, ForeignMissingAndEmptyInputsAreNamed) {
  const TemporaryFolder folder;
  std::ofstream(folder.path + "/text.pcapng") << "this is no capture\n";
  const CommandResult text = peerscope({"check", folder.path + "/text.pcapng"});
  EXPECT_EQ(text.status, 2);
  EXPECT_NE(text.errors.find("text.pcapng"), std::string::npos) << text.errors;
  const CommandResult missing = peerscope({"check", folder.path + "/none.pcapng"});
  EXPECT_EQ(missing.status, 2);
  EXPECT_NE(missing.errors.find("none.pcapng"), std::string::npos) << missing.errors;
}

TEST(Check, MissingTsharkAndPluginAreHarnessErrors) {
  const std::string capture = kCaptures + "/ppstp/session/flow.pcapng";
  const CommandResult no_tshark = peerscope({"check", capture}, {{"PEERSCOPE_TSHARK", "/nonexistent/tshark"}});
  EXPECT_EQ(no_tshark.status, 3);
  EXPECT_NE(no_tshark.errors.find("install tshark"), std::string::npos) << no_tshark.errors;
  const TemporaryFolder folder;
  const CommandResult no_plugin = peerscope({"check", capture}, {{"PEERSCOPE_PLUGIN_DIR", folder.path}});
  EXPECT_EQ(no_plugin.status, 3);
  EXPECT_NE(no_plugin.errors.find("is-the-plugin-loaded"), std::string::npos) << no_plugin.errors;
}

TEST(Check, APluginOfAnotherVersionIsNamed) {
  const TemporaryFolder folder;
  fs::copy(PEERSCOPE_PLUGIN_ROOT, folder.path, fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(folder.path)) {
    if (entry.path().filename() != "peerscope.so") continue;
    // The version stands in the file as text of its own; another of the same length makes another plugin.
    std::ifstream in(entry.path(), std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    in.close();
    const std::string old("\0000.1.0\0", 7);
    std::size_t changed = 0;
    for (std::size_t at = 0; (at = bytes.find(old, at)) != std::string::npos; at += old.size(), ++changed)
      bytes[at + 1] = '7';
    ASSERT_GT(changed, 0U);
    std::ofstream(entry.path(), std::ios::binary) << bytes;
  }
  const CommandResult result =
      peerscope({"check", kCaptures + "/ppstp/session/flow.pcapng"}, {{"PEERSCOPE_PLUGIN_DIR", folder.path}});
  EXPECT_EQ(result.status, 3);
  EXPECT_NE(result.errors.find("7.1.0"), std::string::npos) << result.errors;
}

TEST(Check, TheAnnotatedCopyHasTheCommentOnTheFrame) {
  const TemporaryFolder folder;
  const std::string copy = folder.path + "/annotated.pcapng";
  EXPECT_EQ(peerscope({"check", kCaptures + "/ppstp/broken_tracker/flow.pcapng", "--annotate", copy}).status, 1);
  // Plain tshark, without the plugin.
  const CommandResult shown = run_command(
      {"tshark", "-r", copy, "-Y", "frame.comment", "-T", "fields", "-e", "frame.number", "-e", "frame.comment"},
      {{"HOME", folder.path}, {"WIRESHARK_PLUGIN_DIR", folder.path}}, 60);
  EXPECT_NE(shown.output.find("33\t"), std::string::npos) << shown.output << shown.errors;
  EXPECT_NE(shown.output.find("P-CONN-22"), std::string::npos) << shown.output;
}

std::string iut_file(const std::string& folder, const std::string& defect) {
  const std::string path = folder + "/iut.yaml";
  std::ofstream(path) << "iut: tracker\nrole: tracker\nstart:\n  exec: [\"" << kProgram
                      << "\", serve, tracker, --listen, \"127.0.0.1:${port}\""
                      << (defect.empty() ? "" : ", --defect, " + defect)
                      << "]\n  url: \"https://127.0.0.1:${port}/\"\n";
  return path;
}

TEST(Replay, PassesAgainstAFreshTracker) {
  const TemporaryFolder folder;
  const CommandResult result = peerscope({"replay", kCaptures + "/ppstp/session/flow.pcapng", "--iut",
                                          iut_file(folder.path, ""), "--out", folder.path + "/out"});
  EXPECT_EQ(result.status, 0) << result.output << result.errors;
  EXPECT_NE(result.output.find("22 of 22 messages played, 22 answers compared, 0 differ"), std::string::npos)
      << result.output;
}

TEST(Replay, FailsAtTheRightMessageWithEvidence) {
  const TemporaryFolder folder;
  const CommandResult result =
      peerscope({"replay", kCaptures + "/ppstp/session/flow.pcapng", "--iut",
                 iut_file(folder.path, "stale-list-after-leave"), "--out", folder.path + "/out"});
  EXPECT_EQ(result.status, 1) << result.output << result.errors;
  EXPECT_NE(result.output.find("P-CONN-22"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("fail frame 75, answer to FIND live-1, peer dora"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("expected (capture)"), std::string::npos) << result.output;
  // Who said goodbye is not excused as one whose timer had no time to run out.
  EXPECT_EQ((result.output + result.errors).find("cleo is still listed"), std::string::npos) << result.output;
  const CommandResult shown =
      run_command({"tshark", "-r", folder.path + "/out/replay.pcapng", "-Y", "frame.comment", "-T", "fields", "-e",
                   "frame.number", "-e", "http.response.code", "-e", "frame.comment"},
                  {{"HOME", folder.path}, {"WIRESHARK_PLUGIN_DIR", folder.path}}, 60);
  std::istringstream lines(shown.output);
  std::string first;
  std::getline(lines, first);
  // Nineteen messages come before the answer that still lists cleo; plain tshark sees an HTTP response there.
  EXPECT_EQ(first.substr(0, 7), "20\t200\t") << shown.output << shown.errors;
  EXPECT_NE(first.find("P-CONN-22 fail"), std::string::npos) << first;
}

std::string node_file(const std::string& folder, const std::string& defect) {
  const std::string path = folder + "/node.yaml";
  std::ofstream(path) << "iut: node\nrole: node\nstart:\n  exec: [\"" << kProgram
                      << "\", serve, reload, --enrollment, \"127.0.0.1:0\", --permit-self-signed, --key-type, p256, "
                         "--config-out, \"${work}/overlay.xml\", --listen, \"${addr}:${port}\""
                      << (defect.empty() ? "" : ", --defect, " + defect)
                      << "]\n  url: \"reload://127.0.0.1:${port}\"\n  ready: {line: \"this node is a peer\"}\n"
                      << "overlay: {config: \"${work}/overlay.xml\"}\n";
  return path;
}

// The Store of alice's certificate: under the new identity it goes to the resource of the new user name.
TEST(Replay, ACapturedNodeIsPlayedUnderAnIdentityOfItsOwn) {
  const TemporaryFolder folder;
  const std::string flow = kCaptures + "/reload/store_over_four_nodes/flow.pcapng";
  const CommandResult result =
      peerscope({"replay", flow, "--iut", node_file(folder.path, ""), "--out", folder.path + "/out"});
  EXPECT_EQ(result.status, 0) << result.output << result.errors;
  EXPECT_NE(result.output.find("1 of 1 messages played, 1 answers compared"), std::string::npos) << result.output;
  const CommandResult wrong = peerscope(
      {"replay", flow, "--iut", node_file(folder.path, "signature-without-overlay"), "--out", folder.path + "/wrong"});
  EXPECT_EQ(wrong.status, 1) << wrong.output << wrong.errors;
  EXPECT_NE(wrong.output.find("fail R-SEC-05"), std::string::npos) << wrong.output;
}

TEST(Replay, AsTheTrackerItAnswersAPeer) {
  const TemporaryFolder folder;
  const std::string path = folder.path + "/peer.yaml";
  std::ofstream(path)
      << "iut: peer\nrole: peer\nstart:\n  exec: [\"" << kProgram
      << "\", join, \"${url}\", --insecure, --swarm, \"${swarm}:LEECH\", --find, \"1\", --duration, \"0\"]\n";
  const CommandResult result = peerscope({"replay", kCaptures + "/ppstp/session/flow.pcapng", "--play", "tracker",
                                          "--iut", path, "--out", folder.path + "/out", "--within", "2"});
  EXPECT_EQ(result.status, 0) << result.output << result.errors;
}

}  // namespace
}  // namespace peerscope::harness
