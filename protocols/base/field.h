// SPDX-License-Identifier: GPL-2.0-or-later
// Field: the one description of a protocol field. Every reader of the project (decoder, Wireshark registration,
// scenario files, reports, docs) takes a field's name, type, range and replay behaviour from this constant object.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace peerscope {

// The type decides both the Wireshark field type and how a scenario's text is read. A published field never changes it.
enum class Type : std::uint8_t {
  kGroup,  // an object, a list element or a length-delimited part: has children, no value of its own
  kBoolean,
  kUint8,
  kUint16,
  kUint24,
  kUint32,
  kUint64,
  kInt64,
  kDouble,
  kString,
  kBytes,
  kIpv4,
  kIpv6,
};

enum class Display : std::uint8_t { kDecimal, kHex };

// What a replay does with the value (docs/architecture.md, "Replay classes").
enum class Replay : std::uint8_t {
  kPayload,     // kept
  kExchangeId,  // fresh per exchange, mapped both ways
  kPartyId,     // aliased for the whole session
  kAddress,     // rewritten by the address map
  kTime,        // re-based
  kOrdering,    // from the live peer's last value
  kDerived,     // recomputed by the encoder
  kSignature,   // made anew with the player's key
  kNonce,       // fresh
};
std::string_view to_string(Replay replay);
std::string_view to_string(Type type);

// A code point and its registered name.
struct ValueName {
  std::int64_t value;
  const char* name;
};

// Immutable; lives as long as the program. Compared by address.
struct Field {
  const char* filter;  // display filter name, `ppstp.peer_id`: public API
  // The RFC's own spelling; for JSON the member name. Empty for what has none: entries of an object with free keys and
  // elements of an array without a description of its own.
  const char* name;
  const char* label;  // for people
  Type type = Type::kString;
  const char* section = "";  // RFC section that defines it
  const char* about = "";    // one sentence, with unit
  Replay replay = Replay::kPayload;
  Display display = Display::kDecimal;
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::span<const ValueName> names{};              // for integers: names of code points (open list)
  std::span<const std::string_view> vocabulary{};  // for strings: the registered values (open list, case-sensitive)
  const char* misnamed = nullptr;                  // another spelling seen in the wild, accepted with a note
  bool draft = false;                              // belongs to a pre-RFC dialect: shown, never written
};

constexpr bool is_integer(Type type) {
  return type >= Type::kUint8 && type <= Type::kInt64;
}

// Name of `value` in the field's list, or empty.
std::string_view value_name(const Field& field, std::int64_t value);

}  // namespace peerscope
