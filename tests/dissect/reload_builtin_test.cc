// SPDX-License-Identifier: GPL-2.0-or-later
// Ours and Wireshark's built-in RELOAD dissector on the same bytes: where both agree, and what is wrong there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/dissect/host/epan_host.h"
#include "tests/support/reload_defects.h"
#include "tests/support/sample.h"

namespace peerscope::test {
namespace {

const std::filesystem::path kCaptures = std::filesystem::path(PEERSCOPE_SOURCE_DIR) / "captures/reload";

Options with(std::vector<std::string> preferences) {
  return {.tree = true, .filter = {}, .two_passes = true, .preferences = std::move(preferences), .exports = nullptr};
}

std::vector<std::string> values(const std::vector<Dissected>& frames, std::string_view field) {
  std::vector<std::string> out;
  for (const Dissected& frame : frames) {
    if (field == "malformed" && frame.malformed()) out.push_back("malformed");
    for (std::string& value : frame.values(field)) out.push_back(std::move(value));
  }
  return out;
}

// PEERSCOPE_WRITE_CAPTURES=1 writes them anew.
TEST(ReloadBuiltin, StoredCapturesAreThoseOfTheTable) {
  for (const ReloadDefect& defect : reload_defects()) {
    const auto path = kCaptures / defect.id / "flow.pcap";
    const std::string bytes = pcap_file(defect.frames);
    if (std::getenv("PEERSCOPE_WRITE_CAPTURES") != nullptr) {
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path, std::ios::binary) << bytes;
    }
    std::ifstream file(path, std::ios::binary);
    std::stringstream stored;
    stored << file.rdbuf();
    EXPECT_TRUE(stored.str() == bytes) << path << " is not what tests/support/reload_defects.cc makes";
  }
}

TEST(ReloadBuiltin, OursShowsRightWhatTheBuiltInShowsWrong) {
  for (const ReloadDefect& defect : reload_defects()) {
    const auto ours = dissect_file(kCaptures / defect.id / "flow.pcap", with({"relo.take_over:TRUE"}));
    EXPECT_TRUE(values(ours, "malformed").empty()) << defect.id;
    EXPECT_FALSE(defect.ours.empty()) << defect.id;
    for (const auto& shown : defect.ours)
      EXPECT_EQ(values(ours, shown.field), shown.values) << defect.id << " " << shown.field;
  }
}

TEST(ReloadBuiltin, TheBuiltInOneStillShowsThemWrong) {
  for (const ReloadDefect& defect : reload_defects()) {
    const auto builtin = dissect_file(kCaptures / defect.id / "flow.pcap", with({"relo.take_over:FALSE"}));
    for (const Dissected& frame : builtin) EXPECT_FALSE(frame.has("relo")) << defect.id;
    for (const auto& shown : defect.builtin)
      EXPECT_EQ(values(builtin, shown.field), shown.values) << defect.id << " " << shown.field;
  }
  dissect({}, with({"relo.take_over:TRUE"}));
}

}  // namespace
}  // namespace peerscope::test
