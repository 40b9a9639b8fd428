// SPDX-License-Identifier: GPL-2.0-or-later
// Insight: what the dissector keeps of one RELOAD message beside its record (epan::Record::own), and how it is come by.
#pragma once

#include <string>
#include <vector>

#include "dissectors/epan/field_tree.h"
#include "dissectors/epan/journal.h"
#include "dissectors/reload/knowledge.h"

namespace peerscope::reload {

struct Insight {
  bool completes = false;         // a fragment: the whole message is shown with it
  std::string signer;             // Node-ID, raw; empty when not known
  std::string resource;           // of the values in an answer, from its request
  std::vector<Verdict> verdicts;  // on the message's signatures, in their order
  std::size_t certificates = 0;   // that were known then
};

// Null where nothing has to be kept: signatures are not verified, or the message is only exported.
inline Insight* insight_of(const epan::Record* record) {
  return record != nullptr ? static_cast<Insight*>(record->own.get()) : nullptr;
}

// Of the open capture.
Knowledge& knowledge();

// Node-ID or Resource-ID where the message goes, raw; empty for acknowledgements and fragments.
std::string_view addressee_of(const Message& message);

// epan::Journal::Study: learns from the message and checks its signatures.
void study(const Message& message, const Message* request, epan::Record& record);

void add_insight_fields(epan::Catalogue& catalogue);
void add_insight_preferences(module_t* module);
// Once, with the protocols: the preference's document is read when a capture is opened.
void register_insight();
void hand_off_insight();

// Signers and verdicts, certificates, XML.
void show_insight(const epan::Canvas& canvas, const Message& message, const epan::Record* record);
// A name behind the value of a field; empty when none is known.
std::string_view name_behind(const Event& event);

}  // namespace peerscope::reload
