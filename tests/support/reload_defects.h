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
  // What the built-in one shows instead; "malformed" stands for the item of broken packets.
  std::vector<Shown> builtin;
};

std::vector<ReloadDefect> reload_defects();

}  // namespace peerscope::test
