// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/signature_input.h"

#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

void put(std::string& out, std::uint64_t value, std::size_t width) {
  for (std::size_t i = width; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

std::string_view bytes_of(const Message& message, const Event* event) {
  return event == nullptr ? std::string_view{} : message.view().substr(event->offset, event->length);
}

}  // namespace

std::string message_signature_input(std::uint32_t overlay, std::uint64_t transaction_id, std::string_view contents,
                                    std::string_view identity) {
  std::string out;
  out.reserve(4 + 8 + contents.size() + identity.size());
  put(out, overlay, 4);
  put(out, transaction_id, 8);
  return out.append(contents).append(identity);
}

std::optional<std::string> message_signature_input(const Message& message) {
  const Packet* packet = packet_of(message);
  const std::string_view contents = contents_bytes(message);
  const std::string_view identity = identity_bytes(message);
  if (packet == nullptr || !message.whole() || contents.empty() || identity.empty()) return std::nullopt;
  return message_signature_input(packet->forwarding.overlay, packet->forwarding.transaction_id, contents, identity);
}

std::string value_signature_input(std::string_view resource, std::uint32_t kind, DataModel model,
                                  std::uint64_t storage_time, std::string_view value, std::string_view identity) {
  constexpr std::size_t kIndexSize = 4;
  std::string out;
  out.reserve(resource.size() + 4 + 8 + value.size() + identity.size());
  out.append(resource);
  put(out, kind, 4);
  put(out, storage_time, 8);
  if (model == DataModel::kArray && value.size() >= kIndexSize) {
    put(out, 0, kIndexSize);
    value.remove_prefix(kIndexSize);
  }
  return out.append(value).append(identity);
}

std::string value_signature_input(std::string_view resource, StoredData& value, SignerIdentity& identity) {
  const std::string encoded = encode_value(value);
  return value_signature_input(resource, value.kind, value.model, value.storage_time, encoded, encode(identity));
}

std::string_view contents_bytes(const Message& message) {
  return bytes_of(message, message.first(kContents));
}

std::string_view identity_bytes(const Message& message) {
  const Event* signature = message.first(kMessageSignature);
  return signature == nullptr ? std::string_view{} : bytes_of(message, child(message, *signature, kIdentity));
}

}  // namespace peerscope::reload
