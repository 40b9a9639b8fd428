// SPDX-License-Identifier: GPL-2.0-or-later
// Patches: JSON merge patch (RFC 7396) and JSON patch (RFC 6902), as update streams (RFC 8895) and TIPS (RFC 9569) send
// them. Their application to a document is in patch_apply.h.
//
//   { "cost-map": { "west": { "east": 6, "rest": null } } }
//   [ { "op": "replace", "path": "/cost-map/west/east", "value": 6 } ]
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/alto/message_fields.h"
#include "protocols/base/json_value.h"
#include "protocols/base/value_fields.h"

namespace peerscope::alto {

inline constexpr std::array<std::string_view, 6> kPatchOps = {"add", "remove", "replace", "move", "copy", "test"};

inline constexpr Field kMergeValue{.filter = "alto.patch.merge",
                                   .name = "",
                                   .label = "Merge",
                                   .section = "RFC 8895, 5.2",
                                   .about = "New value of a member, as JSON; null: deleted"};
inline constexpr ValueFields kMergeAny{&kMergeValue, &kMergeValue, &kMergeValue, &kMergeValue};
inline constexpr Field kPatchOperation{.filter = "alto.patch",
                                       .name = "patch",
                                       .label = "Operation",
                                       .type = Type::kGroup,
                                       .section = "RFC 6902, 4",
                                       .about = "One step of a patch"};
inline constexpr Field kPatchOp{.filter = "alto.patch.op",
                                .name = "op",
                                .label = "Op",
                                .section = "RFC 6902, 4",
                                .about = "What to do",
                                .vocabulary = kPatchOps};
inline constexpr Field kPatchPath{.filter = "alto.patch.path",
                                  .name = "path",
                                  .label = "Path",
                                  .section = "RFC 6902, 4",
                                  .about = "JSON pointer to the place"};
inline constexpr Field kPatchFrom{.filter = "alto.patch.from",
                                  .name = "from",
                                  .label = "From",
                                  .section = "RFC 6902, 4",
                                  .about = "JSON pointer to what is moved or copied"};
inline constexpr Field kPatchValue{.filter = "alto.patch.value",
                                   .name = "value",
                                   .label = "Value",
                                   .section = "RFC 6902, 4",
                                   .about = "What is put there, as JSON"};
inline constexpr ValueFields kPatchValueAny{&kPatchValue, &kPatchValue, &kPatchValue, &kPatchValue};

struct MergePatch {
  JsonValue value;
};
struct PatchOperation {
  std::optional<std::string> op;
  std::optional<std::string> path;
  std::optional<std::string> from;
  std::optional<JsonValue> value;
};
template <class A>
void describe(A& a, PatchOperation& m) {
  a.required(kPatchOp, m.op);
  a.required(kPatchPath, m.path);
  a.optional(kPatchFrom, m.from);
  a.optional(kPatchValueAny, m.value);
}
struct JsonPatch {
  std::vector<PatchOperation> operations;
};

// The outermost value is no object with members of its own, so these walk the root themselves.
template <class A>
void describe_root(A& a, MergePatch& m) {
  a.value_root(kRoot, kMergeAny, m.value);
}
template <class A>
void describe_root(A& a, JsonPatch& m) {
  a.list_root(kRoot, kPatchOperation, m.operations);
}

}  // namespace peerscope::alto
