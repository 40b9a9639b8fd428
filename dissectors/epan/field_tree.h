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
  NameOf name = nullptr;           // null: no names but those of the fields
  guint most_entries = G_MAXUINT;  // of one list or map
};

// The items of a message, in the order of its events (packet memory), for findings to hang on.
struct ShownEvents {
  struct One {
    std::uint32_t event;
    proto_item* item;
  };
  wmem_array_t* items = nullptr;  // of One; null without a tree
};

// One item an event, on the bytes of its value; of long lists and maps the first entries, and how many are left out.
// Time and memory follow what is shown.
ShownEvents add_events(const Canvas& canvas, Catalogue& catalogue, const Message& message, const TreeOptions& options);

// An expert item on the smallest item that covers the finding's bytes, and the filterable fields.
void add_finding(const Canvas& canvas, Catalogue& catalogue, std::span<const Event> events, const ShownEvents& shown,
                 const Finding& finding, const char* document);

}  // namespace peerscope::epan
