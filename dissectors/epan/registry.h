// SPDX-License-Identifier: GPL-2.0-or-later
// The list of dissectors in this plugin. A file in dissectors/<p>/ puts itself on it with one static Registration, so
// that a new protocol needs no list to edit.
#pragma once

namespace peerscope::epan {

class Registration {
 public:
  Registration(const char* name, void (*protocol)(), void (*handoff)());

  const char* name;
  void (*protocol)();
  void (*handoff)();
  Registration* next;
};

// In order of the names, so that Wireshark's numbering does not depend on the linker.
void register_protocols();
void register_handoffs();

}  // namespace peerscope::epan
