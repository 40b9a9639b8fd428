// SPDX-License-Identifier: GPL-2.0-or-later
// RELOAD (RFC 6940 and its extensions), as the generic readers see it, and the codec for roles that want structs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "protocols/base/protocol.h"
#include "protocols/reload/messages.h"

namespace peerscope::reload {

const Protocol& protocol();

// Fills `message` from the bytes of one packet; see Protocol::decode. Message::context may point to a Context; it must
// live as long as the decoding.
void decode(std::string_view bytes, Message& message);
// MessageContents without forwarding header and security block, as HIP carries them (RFC 7086).
void decode_contents(std::string_view bytes, Message& message);

// Structs -> bytes, for roles. What cannot be written (a list longer than its length can say) gives an empty string.
// Data models of Kinds that no registry knows are the StoredData's own `model`.
std::string encode(Packet& packet, const Context* context = nullptr);
std::string encode(ForwardingHeader& header, std::string_view contents, SecurityBlock& security);
std::string encode(Contents& contents, const Context* context = nullptr);
std::string encode(SignerIdentity& identity);
std::string encode(StoredData& value, const Context* context = nullptr);
// DataValue, ArrayEntry or DictionaryEntry alone, as the data model has it.
std::string encode_value(StoredData& value, const Context* context = nullptr);
// Typed parts -> the bytes that their owner keeps: KindValue -> StoredData::value, ErrorInfo, LeaveData, OptionValue,
// ...
template <class T>
std::string encode_part(T& part, const Context* context = nullptr) {
  std::string out;
  Walk walk(context);
  BinaryWriter writer(out, nullptr, &walk);
  describe(writer, part);
  return writer.error().empty() ? out : std::string();
}
// The same backwards; false when the bytes do not read as a T to their end. `part` says beforehand what it is (kind,
// code, type).
template <class T>
bool decode_part(std::string_view bytes, T& part, const Context* context = nullptr) {
  static constexpr Field kPart{.filter = "relo", .name = "part", .label = "Part", .type = Type::kGroup};
  Message message;
  message.bytes = bytes;
  message.size = bytes.size();
  Walk walk(context);
  BinaryReader(message, &walk).root(kPart, part);
  return message.issues.empty();
}

// The table of requirements (requirements.cc), and the state that its session checks read.
std::span<const Requirement> requirements();
std::unique_ptr<Session> make_session();
void track(Session& session, const Message& message, const Message* request);

}  // namespace peerscope::reload
