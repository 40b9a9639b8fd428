// SPDX-License-Identifier: GPL-2.0-or-later
// ValueFields: the fields of a member whose JSON type a specification leaves open, so that each published filter name
// keeps one type whatever comes.
#pragma once

#include "protocols/base/field.h"

namespace peerscope {

// Immutable; lives as long as the program. The member's name is that of `other`.
struct ValueFields {
  const Field* number;  // of type kDouble, or a text when numbers are shown as written
  const Field* text;
  const Field* list;   // the group around an array's elements, which are values again; `other`: arrays stay raw text
  const Field* other;  // null, true, false, objects: raw JSON text
  const ValueFields* elements = nullptr;  // of an array, where they differ from its own
};

}  // namespace peerscope
