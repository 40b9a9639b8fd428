// SPDX-License-Identifier: GPL-2.0-or-later
// Input of an update stream and of its control: RFC 8895 sections 6.5 and 7.5.
//
//   { "add": { "n": { "resource-id": "nm", "tag": "v7" } }, "remove": [ "c" ] }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/message_fields.h"
#include "protocols/base/json_value.h"
#include "protocols/base/value_fields.h"

namespace peerscope::alto {

inline constexpr Field kAdd{.filter = "alto.sse.add",
                            .name = "add",
                            .label = "Add",
                            .type = Type::kGroup,
                            .section = "RFC 8895, 6.5",
                            .about = "Resources to follow, by substream ID"};
inline constexpr Field kSubstream{.filter = "alto.sse.substream",
                                  .name = "",
                                  .label = "Substream",
                                  .section = "RFC 8895, 5.2",
                                  .about = "The client's name for one resource in the stream"};
inline constexpr Field kAddEntry{.filter = "alto.sse.add.entry",
                                 .name = "",
                                 .label = "Resource to follow",
                                 .type = Type::kGroup,
                                 .section = "RFC 8895, 6.5"};
inline constexpr Field kFollowedResource{.filter = "alto.resource_id",
                                         .name = "resource-id",
                                         .label = "Resource ID",
                                         .section = "RFC 8895, 6.5",
                                         .about = "Resource to follow"};
inline constexpr Field kHeldTag{.filter = "alto.held_tag",
                                .name = "tag",
                                .label = "Tag held",
                                .section = "RFC 8895, 6.5",
                                .about = "Version that the client has already",
                                .replay = Replay::kOrdering};
inline constexpr Field kIncrementalChanges{.filter = "alto.sse.incremental",
                                           .name = "incremental-changes",
                                           .label = "Incremental changes",
                                           .type = Type::kBoolean,
                                           .section = "RFC 8895, 6.5",
                                           .about = "Whether patches may come; absent: yes"};
inline constexpr Field kInput{.filter = "alto.input",
                              .name = "input",
                              .label = "Input",
                              .section = "RFC 8895, 6.5",
                              .about = "Parameters of the resource, as JSON"};
inline constexpr ValueFields kInputAny{&kInput, &kInput, &kInput, &kInput};
inline constexpr Field kRemove{.filter = "alto.sse.substream",
                               .name = "remove",
                               .label = "Remove substream",
                               .section = "RFC 8895, 7.5",
                               .about = "Substreams to end; none: all"};

struct AddEntry {
  std::optional<std::string> resource_id;
  std::optional<std::string> tag;
  std::optional<bool> incremental_changes;
  std::optional<JsonValue> input;
};
template <class A>
void describe(A& a, AddEntry& m) {
  a.required(kFollowedResource, m.resource_id);
  a.optional(kHeldTag, m.tag);
  a.optional(kIncrementalChanges, m.incremental_changes);
  a.optional(kInputAny, m.input);
}

struct AddEntries {
  JsonMap<AddEntry> substreams;
};
template <class A>
void describe(A& a, AddEntries& m) {
  a.entries(kSubstream, kAddEntry, m.substreams);
}

struct UpdateStreamParams {
  std::optional<AddEntries> add;
  std::optional<std::vector<std::string>> remove;
};
template <class A>
void describe(A& a, UpdateStreamParams& m) {
  a.optional(kAdd, m.add);
  a.optional(kRemove, m.remove);
}

}  // namespace peerscope::alto
