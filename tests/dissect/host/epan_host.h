// SPDX-License-Identifier: GPL-2.0-or-later
// Wireshark in this process: dissects frames or a capture file with the plugin's own object code, and gives back plain
// data. The second file of the project that knows Wireshark's versions (the first is dissectors/epan/ws_compat.h).
// One epan per process; not thread-safe. Wireshark keeps about 10 MB of every closed capture, even an empty one, so a
// test that needs many frames puts them into one call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/tcp_capture.h"

namespace peerscope::test {

struct Item {
  std::string name;   // filter name
  std::string value;  // as in a display filter, strings without quotes
  std::string label;  // the line in the tree
  int start = 0;
  int length = 0;
  std::string source;  // the item's bytes in its data source
  bool generated = false;
  int depth = 0;
};

enum class Expert { kComment = 1, kChat = 2, kNote = 4, kWarn = 6, kError = 8 };

struct ExpertItem {
  std::string text;
  std::string severity;  // "Note"
  std::string group;     // "Protocol"
};

struct Dissected {
  std::vector<Item> items;
  std::vector<ExpertItem> experts;
  std::string protocol;  // columns
  std::string info;
  bool matched = false;  // the filter of Options

  const Item* first(std::string_view name) const;
  std::vector<const Item*> all(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  std::string value(std::string_view name) const;  // the only or first one; empty when absent
  const ExpertItem* expert(std::string_view text_part) const;
  bool has(std::string_view name) const { return first(name) != nullptr; }
  // Everything that reads like trouble of the dissector or the packet.
  bool malformed() const;
  bool cut() const;
  bool dissector_bug() const;
};

struct Export {
  std::string tags;
  std::string bytes;
};

struct Options {
  bool tree = true;
  std::string filter;  // primes the tree; result in Dissected::matched
  bool two_passes = true;
  std::vector<std::string> preferences;    // "ppstp.findings:FALSE", restored to TRUE/FALSE by the caller's next run
  std::vector<Export>* exports = nullptr;  // filled by the export tap, on the last pass
};

// The tap that fills Options::exports from here on: "Peerscope", or the harness's "Peerscope messages".
void export_through(const char* tap);

// One entry a frame: the result of the last pass.
std::vector<Dissected> dissect(const std::vector<Frame>& frames, const Options& options = {});
std::vector<Dissected> dissect_file(const std::string& path, const Options& options = {});
// Exported messages as frames of Wireshark's "upper PDU" link type.
std::vector<Frame> frames_of(const std::vector<Export>& exports);
std::vector<Dissected> dissect_upper(const std::vector<Frame>& frames, const Options& options = {});

// Runs `frames` through the dissectors and keeps nothing: for mutation and fuzz runs. Returns the texts of dissector
// bugs.
std::vector<std::string> dissect_only(const std::vector<Frame>& frames, bool tree);

// One first pass that never ends: for fuzzing, where a session for each input would cost a hundred times the input. The
// capture is closed and a new one opened every 20,000 frames.
class Stream {
 public:
  Stream();
  ~Stream();
  void feed(const Frame& frame);

 private:
  struct State;
  State* state_;
};

// Switches off one of Wireshark's own dissectors, whose faults would hide ours.
void disable_dissector(const char* protocol);

// Whether the display filter compiles; the message when it does not.
std::string filter_error(const std::string& filter);

}  // namespace peerscope::test
