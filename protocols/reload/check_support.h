// SPDX-License-Identifier: GPL-2.0-or-later
// What the checks of RELOAD's requirement table share. Included by the checks' own files only.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/rows.h"
#include "protocols/reload/protocol.h"
#include "protocols/reload/session.h"

namespace peerscope::reload::checks {

inline constexpr std::int64_t kMillisecond = 1'000'000;  // ns

inline const Packet* whole_packet(const CheckInput& in) {
  const Packet* packet = packet_of(in.message);
  return packet != nullptr && !packet->is_ack() && in.message.has(Shape::kCutShort) == false ? packet : nullptr;
}
// None in an acknowledgement, and in contents that were read by themselves.
inline const ForwardingHeader* header_of(const CheckInput& in) {
  const Packet* packet = packet_of(in.message);
  return packet != nullptr && !packet->is_ack() && in.message.events.front().field == &kReload ? &packet->forwarding
                                                                                               : nullptr;
}
// Whether diagnostics can be anywhere in the message: most have none, and their checks would look through all of it.
inline bool may_have_diagnostics(const Packet& packet) {
  const std::uint16_t code = packet.contents.code;
  return !packet.contents.extensions.empty() || code == PathTrackReq::kCode || code == PathTrackAns::kCode;
}
template <class T>
const T* body(const CheckInput& in) {
  return body_of<T>(in.message);
}
template <class T>
const T* asked(const CheckInput& in) {
  return in.request != nullptr ? body_of<T>(*in.request) : nullptr;
}
inline bool is_response(const CheckInput& in) {
  return in.message.direction == Direction::kResponse;
}
inline const SessionState* state_of(const CheckInput& in) {
  return static_cast<const SessionState*>(in.session);
}
// The events of a field by their number, asked for in ascending order: one pass, however many are wrong.
class Places {
 public:
  Places(const CheckInput& in, const Field& field) : in_(in), field_(field) {}
  const Event* operator[](std::size_t n) {
    const auto& events = in_.message.events;
    for (; at_ < events.size(); ++at_) {
      if (events[at_].field == &field_ && next_++ == n) return &events[at_++];
    }
    return nullptr;
  }

 private:
  const CheckInput& in_;
  const Field& field_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
};
template <class F>
void each(const CheckInput& in, const Field& field, F&& look) {
  if (!in.message.may_have(field)) return;
  for (const Event& event : in.message.events) {
    if (event.field == &field) look(event);
  }
}
inline bool is_length_issue(const Issue& issue) {
  return rows::one_of(issue.shape,
                      {Shape::kBadLength, Shape::kCutShort, Shape::kTrailing, Shape::kTooMany, Shape::kTooDeep});
}
// Issues that a more special row tells.
inline bool is_claimed(const CheckInput& in, const Issue& issue) {
  static constexpr const Field* kOwners[] = {&kLength,
                                             &kConfigUpdateLength,
                                             &kConfigDataLength,
                                             &kKindsLength,
                                             &kProbeLength,
                                             &kSpecifierLength,
                                             &kIndicesLength,
                                             &kKeysLength,
                                             &kDiagnosticsExtLength,
                                             &kDiagnosticsListLength,
                                             &kResponseExtLength,
                                             &kResponseListLength,
                                             &kErrorInfoLength,
                                             &kNextPeer};
  if (std::find(std::begin(kOwners), std::end(kOwners), issue.field) != std::end(kOwners)) return true;
  return issue.field == &kBodyLength && (body<LeaveAns>(in) != nullptr || body<ConfigUpdateAns>(in) != nullptr);
}
template <class F>
void each_value(const CheckInput& in, F&& look) {  // stored values of a StoreReq
  const auto* store = body<StoreReq>(in);
  if (store == nullptr) return;
  std::size_t i = 0;
  for (const StoreKindData& data : store->kind_data) {
    for (const StoredData& value : data.values) look(value, i++);
  }
}
template <class T, class F>
bool has_twice(const std::vector<T>& list, F&& key) {
  std::set<std::uint64_t> seen;
  for (const T& item : list) {
    if (!seen.insert(key(item)).second) return true;
  }
  return false;
}
template <class T, class U>
void same_kinds(Reporter& r, const std::vector<T>& asked_for, const std::vector<U>& answered, const char* what) {
  std::vector<std::uint32_t> wanted;
  std::vector<std::uint32_t> got;
  for (const T& item : asked_for) wanted.push_back(item.kind);
  for (const U& item : answered) got.push_back(item.kind);
  std::ranges::sort(wanted);
  std::ranges::sort(got);
  if (wanted != got) r.whole(fmt::format("{} Kinds were {}, the answer has {}", wanted.size(), what, got.size()));
}
inline bool all_are(std::string_view id, char c) {
  return !id.empty() && id.find_first_not_of(c) == std::string_view::npos;
}
// The option of RFC 7263 and 7264 in a message, decoded.
inline bool routing_mode(const ForwardingHeader& header, ExtensiveRoutingMode& mode, std::uint8_t& flags) {
  for (const ForwardingOption& option : header.options) {
    if (option.type != ExtensiveRoutingMode::kCode) continue;
    flags = option.flags;
    return decode_part(option.value, mode);
  }
  return false;
}
template <class F>
void each_extension(const CheckInput& in, std::uint16_t type, F&& look) {
  const Packet* packet = packet_of(in.message);
  if (packet == nullptr || packet->contents.extensions.empty() || whole_packet(in) == nullptr) return;
  Places places(in, kExtension);
  std::size_t i = 0;
  for (const MessageExtension& extension : packet->contents.extensions) {
    if (extension.type == type) look(extension, places[i]);
    ++i;
  }
}
// Diagnostics wherever they stand: in PathTrack and in the extension.
inline bool request_diagnostics(const Message& message, DiagnosticsRequest& out) {
  if (const auto* track = body_of<PathTrackReq>(message); track != nullptr) {
    out = track->request;
    return true;
  }
  const Packet* packet = packet_of(message);
  if (packet == nullptr) return false;
  for (const MessageExtension& extension : packet->contents.extensions) {
    if (extension.type == kDiagnosticPing && message.direction == Direction::kRequest)
      return decode_part(extension.contents, out);
  }
  return false;
}
inline bool response_diagnostics(const Message& message, DiagnosticsResponse& out) {
  if (const auto* track = body_of<PathTrackAns>(message); track != nullptr) {
    out = track->response;
    return true;
  }
  const Packet* packet = packet_of(message);
  if (packet == nullptr) return false;
  for (const MessageExtension& extension : packet->contents.extensions) {
    if (extension.type == kDiagnosticPing && message.direction == Direction::kResponse)
      return decode_part(extension.contents, out);
  }
  return false;
}
inline const std::vector<IceCandidate>* candidates_of(const CheckInput& in) {
  if (const auto* m = body<AttachReq>(in); m != nullptr) return &m->candidates;
  if (const auto* m = body<AttachAns>(in); m != nullptr) return &m->candidates;
  if (const auto* m = body<AppAttachReq>(in); m != nullptr) return &m->candidates;
  if (const auto* m = body<AppAttachAns>(in); m != nullptr) return &m->candidates;
  return nullptr;
}
inline const std::vector<StoredDataSpecifier>* specifiers_of(const CheckInput& in) {
  if (const auto* m = body<FetchReq>(in); m != nullptr) return &m->specifiers;
  if (const auto* m = body<StatReq>(in); m != nullptr) return &m->specifiers;
  return nullptr;
}
// Of the Resource-ID that a request names in its body.
inline std::optional<std::size_t> resource_size(const Packet& packet) {
  return std::visit(
      [](const auto& body) -> std::optional<std::size_t> {
        if constexpr (requires { body.resource.size(); })
          return body.resource.size();
        else
          return std::nullopt;
      },
      packet.contents.body);
}
inline bool same_link(const CheckInput& in) {
  return in.request != nullptr && !in.message.source.empty() && in.message.source == in.request->destination &&
         in.message.destination == in.request->source;
}

}  // namespace peerscope::reload::checks
