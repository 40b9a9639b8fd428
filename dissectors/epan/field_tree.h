// SPDX-License-Identifier: GPL-2.0-or-later
// The adapter from a message's events and findings to Wireshark's tree and expert items. Everything it gets was made
// before; it only reads, so epan may long-jump out of it at any call.
#pragma once

#include <span>

#include "dissectors/epan/catalogue.h"
#include "protocols/base/message.h"
#include "protocols/base/requirement.h"

namespace peerscope::epan {

// Where a message is shown.
struct Canvas {
  tvbuff_t* tvb;
  packet_info* pinfo;
  proto_tree* tree;  // the protocol's subtree; null without a tree
  proto_item* root;  // the protocol's item
};

// A name behind a value, for people; empty when there is none.
using NameOf = std::string_view (*)(const Event& event);

// When the fields of other dissectors are filled too (Catalogue::alias).
enum class Filling { kNever, kFiltered, kAlways };

struct TreeOptions {
  Filling aliases = Filling::kNever;
  NameOf name = nullptr;  // null: no names but those of the fields
};

// One item an event, on the bytes of its value. Returns the items in the order of the events (packet memory), for
// findings to hang on; null without a tree.
proto_item** add_events(const Canvas& canvas, Catalogue& catalogue, const Message& message, const TreeOptions& options);

// An expert item on the smallest item that covers the finding's bytes, and the filterable fields.
void add_finding(const Canvas& canvas, Catalogue& catalogue, std::span<const Event> events, proto_item** items,
                 const Finding& finding, const char* document);

}  // namespace peerscope::epan
