// SPDX-License-Identifier: GPL-2.0-or-later
// Ours and Wireshark's built-in RELOAD dissector on the same bytes: where both agree, and what is wrong there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "dissectors/reload/builtin.h"
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

// The values of a field with the bytes that they stand for.
std::vector<std::string> bytes_shown(const Dissected& frame, std::string_view field) {
  std::vector<std::string> out;
  for (const Item* item : frame.all(field)) out.push_back(item->value);
  return out;
}

bool shows(const std::vector<Dissected>& frames, const std::string& text) {
  for (const Dissected& frame : frames) {
    if (frame.info.find(text) != std::string::npos) return true;
    for (const Item& item : frame.items) {
      if (item.label.find(text) != std::string::npos) return true;
    }
  }
  return false;
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

bool highlights(const std::vector<Dissected>& frames, const ReloadDefect::Highlighted& wanted) {
  for (const Dissected& frame : frames) {
    for (const Item& item : frame.items) {
      if (item.label.find(wanted.line) != std::string::npos && item.length == wanted.bytes) return true;
    }
  }
  return false;
}

TEST(ReloadBuiltin, TheBuiltInOneStillShowsThemWrong) {
  for (const ReloadDefect& defect : reload_defects()) {
    const auto builtin = dissect_file(kCaptures / defect.id / "flow.pcap", with({"relo.take_over:FALSE"}));
    for (const Dissected& frame : builtin) EXPECT_FALSE(frame.has("relo")) << defect.id;
    const int ways =
        !defect.builtin.empty() + !defect.lacks.empty() + !defect.highlighted.line.empty() + !defect.hidden.empty();
    EXPECT_EQ(ways, 1) << defect.id << ": one way to see it, or why it is not seen";
    if (!defect.builtin.empty()) {
      EXPECT_TRUE(shows(builtin, defect.builtin)) << defect.id << " does not show " << defect.builtin;
    }
    if (!defect.lacks.empty()) {
      EXPECT_FALSE(shows(builtin, defect.lacks)) << defect.id << " shows " << defect.lacks;
    }
    if (!defect.highlighted.line.empty()) {
      EXPECT_TRUE(highlights(builtin, defect.highlighted)) << defect.id << " does not highlight so many bytes";
    }
  }
  dissect({}, with({"relo.take_over:TRUE"}));
}

// A difference between the two that was looked at, and who is right.
struct Difference {
  std::string_view sample;  // "*": any
  std::string_view field;   // the built-in one's
  std::string_view why;
};
constexpr Difference kReviewed[] = {
    {"*", "reload.icecandidate.priority", "W-20"},
    {"*", "reload.nodeid", "keys and records are Node-IDs to it where its Kind table says so; ours keep them as keys"},
    {"path_track_*", "*", "W-01: the method is not known"},
    {"ping_req_diagnostics", "*", "W-04"},
    {"ping_ans_diagnostics", "*", "W-04"},
    {"probe_req_self_tuning", "*", "W-04"},
    {"ping_req_unknown_extension", "reload.message_extension.content", "it takes the length for contents"},
    {"store_req_redir", "*", "W-05, W-24"},
    {"store_req_acl*", "*", "W-06"},
    {"store_req_coap*", "*", "W-07"},
    {"fetch_req_key", "reload.dictionarykey", "W-21"},
    {"fetch_req_private_*", "*", "W-22: private Kind"},
    {"store_req_private_*", "*", "W-22: private Kind"},
    {"store_req_single", "*", "W-22: private Kind"},
    {"store_req_unsigned", "*", "W-22: private Kind"},
    {"store_req_ppsp_*", "*", "W-22: private Kind"},
    {"fetch_ans_ppsp_*", "*", "W-22: private Kind"},
    {"fetch_ans", "*", "W-22: private Kind"},
    {"stat_ans", "*", "W-22: private Kind"},
    {"stat_ans_array", "*", "W-22: private Kind"},
    {"error_*", "reload.error_response_info", "it shows the list in its place"},
    {"ping_req_token", "*", "it takes no message with a wrong token"},
    {"ping_req_length_too_long", "*", "it gives up where the length does not fit"},
    {"ping_req_node_id_20", "reload.destination.data.nodeid", "its Node-IDs have the length of a preference"},
};

const Difference* reviewed(std::string_view sample, std::string_view field) {
  for (const Difference& row : kReviewed) {
    const bool prefix = row.sample.ends_with('*');
    const bool of_sample =
        prefix ? sample.starts_with(row.sample.substr(0, row.sample.size() - 1)) : row.sample == sample;
    if (of_sample && (row.field == "*" || row.field == field)) return &row;
  }
  return nullptr;
}

// The generated corpus: every sample of every method. What both decode is the same.
TEST(ReloadBuiltin, BothAgreeOrTheDifferenceIsReviewed) {
  std::vector<std::string> names;
  std::vector<Frame> frames;
  for (const std::string& path : sample_paths("reload")) {
    const Sample sample = load_sample(path);
    const bool bare = sample.bytes.starts_with("\xd2");
    if (!bare || sample.form == Form::kMalformed || sample.form == Form::kDialect) continue;
    names.push_back(sample.name);
    frames.push_back(
        udp_frame({0xc0000201, static_cast<std::uint16_t>(1024 + frames.size())}, {0xc0000202, 6084}, sample.bytes, 1));
  }
  EXPECT_GT(names.size(), 60u);
  const auto both = dissect(
      frames, with({"relo.show_builtin:TRUE", "relo.fill_builtin_fields:never", "relo.show_certificates:never"}));
  const auto filled = dissect(frames, with({"relo.show_builtin:FALSE", "relo.fill_builtin_fields:always"}));
  std::size_t agreed = 0;
  std::set<const Difference*> used;
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const epan::Alias& row : reload::builtin_fields()) {
      const std::string_view field = row.other;
      const auto theirs = bytes_shown(both[i], field);
      const auto ours = bytes_shown(filled[i], field);
      if (ours == theirs) {
        agreed += ours.size();
        continue;
      }
      const Difference* difference = reviewed(names[i], field);
      if (difference != nullptr) used.insert(difference);
      EXPECT_NE(difference, nullptr) << names[i] << " " << field << ": ours " << testing::PrintToString(ours)
                                     << ", built in " << testing::PrintToString(theirs);
    }
  }
  EXPECT_GT(agreed, 1000u);
  // A row that no message needs is stale.
  for (const Difference& row : kReviewed) EXPECT_TRUE(used.contains(&row)) << row.sample << " " << row.field;
  dissect({}, with({"relo.show_certificates:always", "relo.fill_builtin_fields:filtered"}));
}

}  // namespace
}  // namespace peerscope::test
