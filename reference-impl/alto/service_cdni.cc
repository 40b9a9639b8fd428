// SPDX-License-Identifier: GPL-2.0-or-later
// CDNI advertisements: RFC 9241 sections 3 and 5.
#include <fmt/format.h>

#include <algorithm>

#include "protocols/alto/cdni_capability.h"
#include "reference-impl/alto/services.h"

namespace peerscope::alto {
namespace {

constexpr std::string_view kCdniId = "cdni";

// Whether a value has all that is wanted: lists hold the wanted elements, everything else is equal.
bool includes(const JsonValue& value, const JsonValue& wanted) {
  if (const auto* members = wanted.object(); members != nullptr) {
    return std::all_of(members->begin(), members->end(), [&](const auto& member) {
      const JsonValue* own = value.find(member.first);
      return own != nullptr && includes(*own, member.second);
    });
  }
  if (const auto* items = wanted.array(); items != nullptr && value.array() != nullptr) {
    return std::all_of(items->begin(), items->end(), [&](const JsonValue& item) {
      return std::find(value.array()->begin(), value.array()->end(), item) != value.array()->end();
    });
  }
  return value == wanted;
}

std::string capability_text(const CdniCapability& capability) {
  return json_text(JsonValue::Object{{kCapabilityType.name, *capability.capability_type},
                                     {kCapabilityValue.name, *capability.capability_value}});
}

}  // namespace

void Services::add_cdni() {
  if (!world_->cdni) return;
  const std::vector<std::string> uses = {std::string(kNetworkMapId)};
  Service& whole = add(std::string(kCdniId), "/cdni", message_type<Cdni>().media_type, &Services::cdni);
  whole.entry.uses = uses;
  Service& filtered = add_post("filteredcdni", "/cdni/filtered", message_type<Cdni>().media_type,
                               message_type<CdniFilter>().media_type, &Services::filtered_cdni);
  filtered.entry.uses = uses;
}

// The version is that of the whole advertisement, also of a part (section 5.6).
Answer Services::advertisement(CdniAdvertisement wanted) const {
  Cdni whole;
  whole.advertisement = world_->cdni;
  Cdni out;
  CdniMeta& meta = out.meta.emplace();
  meta.vtag = VersionTag{std::string(kCdniId), fmt::format("{:016x}", std::hash<std::string>{}(encode(whole)))};
  meta.dependent_vtags = {dependency()};
  out.advertisement = std::move(wanted);
  return {encode(std::move(out)), {}, false};
}

Answer Services::cdni(const Service&, const Message*, const Asker&) const {
  return advertisement(*world_->cdni);
}

Answer Services::filtered_cdni(const Service&, const Message* request, const Asker&) const {
  const auto& asked = *body_of<CdniFilter>(request)->capabilities;
  for (const CdniCapability& one : asked) {
    const bool fits =
        !one.capability_value->is_null() && capability_fault(*one.capability_type, *one.capability_value).empty();
    if (!fits) return {{}, Fault{kErrorFieldValue, "cdni-capabilities", capability_text(one)}, false};
  }
  if (asked.empty()) return advertisement(*world_->cdni);
  CdniAdvertisement out;
  auto& chosen = out.capabilities.emplace();
  for (const CapabilityWithFootprints& offered : *world_->cdni->capabilities) {
    const bool wanted = std::any_of(asked.begin(), asked.end(), [&](const CdniCapability& one) {
      return offered.capability_type == one.capability_type &&
             includes(*offered.capability_value, *one.capability_value);
    });
    if (wanted) chosen.push_back(offered);
  }
  return advertisement(std::move(out));
}

}  // namespace peerscope::alto
