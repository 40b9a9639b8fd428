// SPDX-License-Identifier: GPL-2.0-or-later
// Access control policies: who may write where (RFC 6940 section 7.3), and that of the distributed PPSP tracker. Plain
// functions.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "reference-impl/reload/signing.h"

namespace peerscope::reload {

using ResourceIdOf = std::function<std::string(std::string_view resource_name)>;

// Whether `signer` may store under `resource`. `key` is the dictionary key of the value; null for the signer of the
// request, who has none.
bool may_write(const KindRules& kind, std::string_view resource, const std::string* key, const SignedBy& signer,
               const ResourceIdOf& resource_id_of);

// The Resource Name of a NODE-MULTIPLE value: the Node-ID and one byte (the RFC leaves the width open).
std::string multiple_name(const NodeId& node, std::uint32_t index);

}  // namespace peerscope::reload
