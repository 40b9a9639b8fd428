// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/registry.h"

#include <cstring>

namespace peerscope::epan {
namespace {

// A plain pointer: zero before any static constructor runs.
Registration* first = nullptr;

}  // namespace

Registration::Registration(const char* registered_name, void (*register_protocol)(), void (*register_handoff)())
    : name(registered_name), protocol(register_protocol), handoff(register_handoff), next(nullptr) {
  Registration** place = &first;
  while (*place != nullptr && std::strcmp((*place)->name, name) < 0) place = &(*place)->next;
  next = *place;
  *place = this;
}

void register_protocols() {
  for (const Registration* entry = first; entry != nullptr; entry = entry->next) entry->protocol();
}

void register_handoffs() {
  for (const Registration* entry = first; entry != nullptr; entry = entry->next) entry->handoff();
}

}  // namespace peerscope::epan
