// SPDX-License-Identifier: GPL-2.0-or-later
// What RELOAD's signatures cover (RFC 6940 sections 6.3.4 and 7.1). Pure functions over bytes: signing and verifying
// are elsewhere. The identity goes in as it is on the wire, with its type and length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/reload/messages.h"

namespace peerscope::reload {

// `contents` from the message code to the end of the extensions, `identity` an encoded SignerIdentity.
std::string message_signature_input(std::uint32_t overlay, std::uint64_t transaction_id, std::string_view contents,
                                    std::string_view identity);
// The same for a decoded message; nothing for one that was not read to its end, a fragment or an acknowledgement.
std::optional<std::string> message_signature_input(const Message& message);

// `value` as encode_value gives it. An array's index counts as zero, so that an appended value keeps its signature.
// The resource goes in without its length byte: the RFC does not say, and this is what other implementations do.
std::string value_signature_input(std::string_view resource, std::uint32_t kind, DataModel model,
                                  std::uint64_t storage_time, std::string_view value, std::string_view identity);
std::string value_signature_input(std::string_view resource, StoredData& value, SignerIdentity& identity);

// The bytes of a decoded message's contents and of its signer's identity; empty when not there.
std::string_view contents_bytes(const Message& message);
std::string_view identity_bytes(const Message& message);

}  // namespace peerscope::reload
