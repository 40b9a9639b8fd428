// SPDX-License-Identifier: GPL-2.0-or-later
// The list of protocols. A new protocol adds one line here.
#include <array>
#include <string_view>

#include "protocols/alto/protocol.h"
#include "protocols/base/protocol.h"
#include "protocols/ppstp/protocol.h"
#include "protocols/reload/protocol.h"
#include "protocols/systems/distributed_tracker.h"

namespace peerscope {

std::span<const Protocol* const> protocols() {
  static const std::array<const Protocol*, 4> kAll = {&ppstp::protocol(), &reload::protocol(), &alto::protocol(),
                                                      &systems::distributed_tracker()};
  return kAll;
}

const Protocol* find_protocol(std::string_view name) {
  for (const Protocol* protocol : protocols()) {
    if (name == protocol->name) return protocol;
  }
  return nullptr;
}

const Requirement* find_requirement(std::string_view id, const Protocol** protocol) {
  for (const Protocol* candidate : protocols()) {
    for (const Requirement& row : candidate->requirements) {
      if (id != row.id) continue;
      if (protocol != nullptr) *protocol = candidate;
      return &row;
    }
  }
  return nullptr;
}

const Role* find_role(std::string_view name) {
  for (const Protocol* protocol : protocols()) {
    for (const Role& role : protocol->roles) {
      if (name == role.name) return &role;
    }
  }
  return nullptr;
}

const Feature* find_feature(std::string_view name) {
  for (const Protocol* protocol : protocols()) {
    for (const Feature& feature : protocol->features) {
      if (name == feature.name) return &feature;
    }
  }
  return nullptr;
}

std::string role_names() {
  std::string out;
  for (const Protocol* protocol : protocols()) {
    for (const Role& role : protocol->roles) out += (out.empty() ? "" : ", ") + std::string(role.name);
  }
  return out;
}

}  // namespace peerscope
