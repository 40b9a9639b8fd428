// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/cdni_capability.h"

#include <fmt/format.h>

#include <algorithm>

namespace peerscope::alto {
namespace {

struct CapabilityShape {
  std::string_view type;
  std::string_view member;
};
constexpr CapabilityShape kCapabilityShapes[] = {{"FCI.DeliveryProtocol", "delivery-protocols"},
                                                 {"FCI.AcquisitionProtocol", "acquisition-protocols"},
                                                 {"FCI.RedirectionMode", "redirection-modes"},
                                                 {"FCI.Metadata", "metadata"}};

}  // namespace

std::string capability_fault(std::string_view type, const JsonValue& value) {
  if (type == "FCI.Logging") {
    const JsonValue* record = value.find("record-type");
    return record != nullptr && record->text() != nullptr ? "" : "FCI.Logging needs a record-type";
  }
  for (const CapabilityShape& shape : kCapabilityShapes) {
    if (type != shape.type) continue;
    const JsonValue* list = value.find(shape.member);
    const bool texts = list != nullptr && list->array() != nullptr &&
                       std::all_of(list->array()->begin(), list->array()->end(),
                                   [](const JsonValue& one) { return one.text() != nullptr; });
    return texts ? "" : fmt::format("{} needs {}, an array of texts", type, shape.member);
  }
  return {};
}

}  // namespace peerscope::alto
