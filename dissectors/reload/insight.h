// SPDX-License-Identifier: GPL-2.0-or-later
// Insight: what the dissector keeps of one RELOAD message beside its record (epan::Record::own).
#pragma once

#include "dissectors/epan/journal.h"

namespace peerscope::reload {

struct Insight {
  bool completes = false;  // a fragment: the whole message is shown with it
};

// Made when the message was studied; null for a message that is only exported.
inline Insight* insight_of(const epan::Record* record) {
  return record != nullptr ? static_cast<Insight*>(record->own.get()) : nullptr;
}

}  // namespace peerscope::reload
