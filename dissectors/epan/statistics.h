// SPDX-License-Identifier: GPL-2.0-or-later
// Statistics that come with every protocol: a tree (`-z ppstp,tree`) and service response times (`-z ppstp,srt`), fed
// by a tap with the protocol's name.
#pragma once

#include <span>

#include "dissectors/epan/journal.h"
#include "dissectors/epan/ws_compat.h"

namespace peerscope::epan {

// A field whose values the statistics tree counts.
struct StatisticField {
  const char* filter;
  const char* title;
};

// What the tap of a protocol queues for a message. In packet memory.
struct TapMessage {
  const Protocol* protocol;
  const char* type;  // never null
  const Record* record;
  const Record* request;  // of a response; null when not seen
  struct Value {
    const char* title;
    const char* text;
  };
  const Value* values;
  int value_count;
  std::string_view addressee;  // Particulars::addressee
};

void register_statistics(const Protocol& protocol, int proto, const char* tap);

// Fills the statistics part of a TapMessage from the events of `message`.
TapMessage* make_tap_message(packet_info* pinfo, const Protocol& protocol, std::span<const StatisticField> fields,
                             const Message& message, const Record& record);

}  // namespace peerscope::epan
