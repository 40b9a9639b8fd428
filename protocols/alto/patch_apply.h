// SPDX-License-Identifier: GPL-2.0-or-later
// Applies and makes patches: JSON merge patch (RFC 7396), JSON patch (RFC 6902) with JSON pointer (RFC 6901).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocols/alto/patch.h"
#include "protocols/base/json_value.h"

namespace peerscope::alto {

// RFC 7396 section 2.
void apply_merge_patch(JsonValue& target, const JsonValue& patch);
// What turns `before` into `after`, as small as a merge patch can be. Wrong where `after` holds a null inside an
// object, which a merge patch cannot say: then the result is false.
bool make_merge_patch(const JsonValue& before, const JsonValue& after, JsonValue& patch);

// The same as a JSON patch, which can say every change; in arrays only what lies between the common beginning and end is
// told.
std::vector<PatchOperation> make_json_patch(const JsonValue& before, const JsonValue& after);

// All or nothing: on a fault `target` stays as it was and the text says which operation failed and why.
std::string apply_json_patch(JsonValue& target, const std::vector<PatchOperation>& operations);

// RFC 6901: "/cost-map/west", with ~1 for / and ~0 for ~.
bool split_pointer(std::string_view pointer, std::vector<std::string>& tokens);
void append_pointer(std::string& pointer, std::string_view token);

}  // namespace peerscope::alto
