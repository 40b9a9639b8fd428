// SPDX-License-Identifier: GPL-2.0-or-later
// `record`, and `replay` of what it wrote: every capture of the tree against the reference role that can answer it.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

const std::string kCaptures = std::string(PEERSCOPE_SOURCE_DIR) + "/captures/";

bool says(const Ended& ended, const std::string& words) {
  return ended.output.find(words) != std::string::npos;
}

// "ppstp/session": every folder with a flow.
std::vector<std::string> folders() {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(kCaptures)) {
    if (entry.path().stem() == "flow") out.push_back(fs::relative(entry.path().parent_path(), kCaptures).string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string flow_of(const std::string& folder) {
  const std::string path = kCaptures + folder + "/flow.pcap";
  return fs::exists(path) ? path : path + "ng";
}

std::string iut_for(const std::string& folder) {
  if (folder.starts_with("ppstp/")) return source("iut/tracker-https.yaml");
  if (folder.starts_with("alto/")) return source("iut/alto-https.yaml");
  return source("iut/node.yaml");
}

// What a flow's replay ends with where that is not 0: the reference server has no path vectors to give.
int expected_code(const std::string& folder) {
  return folder == "alto/multipart" ? 5 : 0;
}

// A tshark that is not there proves that nobody asked for it.
Ended without_tshark(const std::string& arguments) {
  return shell("PEERSCOPE_TSHARK=/nonexistent/tshark " + program() + " " + arguments);
}

class Record : public testing::TestWithParam<std::string> {};

TEST_P(Record, ItsFlowPassesAgainstOurRoleWithoutTshark) {
  const Folder folder;
  const Ended recorded = shell(program() + " record " + flow_of(GetParam()) + " -o " + (folder / "rec"));
  ASSERT_EQ(recorded.code, 0) << recorded.output;
  const Ended replayed = without_tshark("replay " + (folder / "rec/flow.pcapng") + " --iut " + iut_for(GetParam()) +
                                        " --within 2 --out " + (folder / "out"));
  EXPECT_EQ(replayed.code, expected_code(GetParam())) << replayed.output;
  EXPECT_EQ(says(replayed, "replay: 0 of "), expected_code(GetParam()) != 0) << replayed.output;
  // A scenario is there unless the capture asks nothing, and the loader takes it.
  const std::string scenario = folder / "rec/scenario.yaml";
  ASSERT_EQ(fs::exists(scenario), !says(recorded, "no scenario: ")) << recorded.output;
  if (fs::exists(scenario)) {
    EXPECT_EQ(shell(program() + " lint " + scenario).code, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Captures, Record, testing::ValuesIn(folders()), [](const auto& param) {
  std::string name = param.param;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

TEST(RecordedFlow, SaysTheSameAsItsCapture) {
  for (const std::string name : {"ppstp/session", "ppstp/http2_tls", "alto/session_h2", "reload/overlay_tls"}) {
    const Folder folder;
    ASSERT_EQ(shell(program() + " record " + flow_of(name) + " -o " + (folder / "flow.pcapng")).code, 0);
    const auto judged = [&](const std::string& file) {
      std::string output = shell(program() + " check --format json --notes --limit 0 " + file).output;
      for (std::size_t at; (at = output.find(file)) != std::string::npos;) output.erase(at, file.size());
      // A flow file has frames of its own when tshark reads it.
      return std::regex_replace(output, std::regex("\"frame\":[0-9]+,"), "");
    };
    const std::string own = judged(flow_of(name));
    EXPECT_NE(own.find("\"requests\":"), std::string::npos) << own;
    EXPECT_EQ(judged(folder / "flow.pcapng"), own) << name;
  }
}

TEST(RecordedFlow, ADefectStillFailsAtItsMessage) {
  const Folder folder;
  ASSERT_EQ(shell(program() + " record " + flow_of("ppstp/session") + " -o " + (folder / "flow.pcapng")).code, 0);
  const std::string iut = iut_with("tracker-https", "--defect, stale-list-after-leave", folder, "stale");
  const Ended ended =
      without_tshark("replay " + (folder / "flow.pcapng") + " --iut " + iut + " --out " + (folder / "out"));
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_TRUE(says(ended, "fail frame 75, answer to FIND live-1, peer dora")) << ended.output;
}

TEST(RecordedFlow, AnAltoClientIsAnsweredFromACapture) {
  const Folder folder;
  const Ended ended = shell(program() + " replay " + flow_of("alto/session_tls") + " --play server --within 2 --iut " +
                            source("iut/alto-client.yaml") + " --out " + (folder / "out"));
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_FALSE(says(ended, "replay: 0 of ")) << ended.output;
}

TEST(RecordedScenario, PassesAgainstTheRoleAndFailsAgainstADefect) {
  const Folder folder;
  ASSERT_EQ(
      shell(program() + " record " + flow_of("ppstp/session") + " -o " + (folder / "rec") + " --as five-peers").code,
      0);
  const std::string scenario = folder / "rec/scenario.yaml";
  EXPECT_NE(read_file(scenario).find("scenario: ppstp/recorded/five-peers"), std::string::npos);
  EXPECT_EQ(run(source("iut/tracker-https.yaml"), scenario, folder).ended.code, 0);
  const std::string iut = iut_with("tracker-https", "--defect, transaction-id-as-number", folder, "wrong");
  const Outcome wrong = run(iut, scenario, folder, "wrong");
  EXPECT_EQ(wrong.ended.code, 1) << wrong.ended.output;
}

TEST(Record, WhatCannotBeRecordedIsNamed) {
  const Folder folder;
  const Ended missing = shell(program() + " record " + (folder / "none.pcapng") + " -o " + (folder / "rec"));
  EXPECT_EQ(missing.code, 2) << missing.output;
  EXPECT_TRUE(says(missing, "none.pcapng: cannot be read")) << missing.output;
  const std::string file = write(folder / "file", "");
  const Ended place = shell(program() + " record " + flow_of("ppstp/session") + " -o " + file + "/rec");
  EXPECT_EQ(place.code, 2) << place.output;
  const Ended nowhere =
      shell(program() + " record " + flow_of("ppstp/session") + " -o " + (folder / "none/flow.pcapng"));
  EXPECT_EQ(nowhere.code, 3) << nowhere.output;
  EXPECT_TRUE(says(nowhere, "none/flow.pcapng")) << nowhere.output;
}

}  // namespace
}  // namespace peerscope::e2e
