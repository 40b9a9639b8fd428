// SPDX-License-Identifier: GPL-2.0-or-later
// What Wireshark's built-in RELOAD dissector shows wrong, a small capture each (captures/reload/wNN). The numbers are
// those of docs/reload.md.
#pragma once

#include <string>
#include <vector>

#include "tests/support/tcp_capture.h"

namespace peerscope::test {

struct ReloadDefect {
  const char* id;     // "w20", the capture's folder
  const char* title;  // what the built-in dissector does
  std::vector<Frame> frames;
  // What ours must show: the values of a field over all frames, in their order, as in a display filter.
  struct Shown {
    const char* field;
    std::vector<std::string> values;
  };
  std::vector<Shown> ours;
  // A part of a line or of the Info column by which the built-in one gives itself away.
  std::string builtin{};
  // Else a part of a line that it lacks, or a line that it highlights with so many bytes.
  std::string lacks{};
  struct Highlighted {
    std::string line;
    int bytes = 0;
  };
  Highlighted highlighted{};
  // Else why tshark 4.0 shows nothing wrong: the mistake is in its source only.
  std::string hidden{};
};

std::vector<ReloadDefect> reload_defects();

}  // namespace peerscope::test
