// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/fragments.h"

#include <algorithm>
#include <iterator>

#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

std::string with_header(ForwardingHeader& header, std::string_view body) {
  std::string out;
  BinaryWriter writer(out);
  const Length length = describe_header(writer, header);
  writer.sized(length, [&] { writer.rest(kFragmentBody, body); });
  return writer.error().empty() ? out : std::string();
}

// Header and body of a message or fragment without framing; false when it is none.
bool take_apart(std::string_view bytes, ForwardingHeader& header, std::string_view& body) {
  Message message;
  decode(bytes, message);
  const Event* event = message.first(kForwarding);
  const Packet* packet = packet_of(message);
  if (packet == nullptr || packet->framed || event == nullptr) return false;
  for (const Issue& issue : message.issues) {
    // Only the header must be readable: the body is not looked at.
    if (issue.offset < event->offset + event->length && issue.shape != Shape::kOutOfRange) return false;
  }
  header = packet->forwarding;
  body = bytes.substr(event->offset + event->length);
  return true;
}

}  // namespace

std::string unfragmented(ForwardingHeader header, std::string_view body) {
  header.fragment = kUnfragmented;
  return with_header(header, body);
}

std::vector<std::string> split(std::string_view message, std::size_t most) {
  if (message.size() <= most) return {std::string(message)};
  ForwardingHeader header;
  std::string_view body;
  if (!take_apart(message, header, body)) return {};
  const std::size_t head = message.size() - body.size();
  if (most < head + kSmallestFragment) return {};
  // A fragment may be split again: its parts keep its offset, and only its own last part may be the end.
  const std::size_t base = header.is_fragment() ? header.fragment_offset() : 0;
  const bool has_end = !header.is_fragment() || header.is_last_fragment();
  const std::size_t room = most - head;
  const std::size_t count = (body.size() + room - 1) / room;
  const std::size_t size = std::max(kSmallestFragment, (body.size() + count - 1) / count);
  if (base + body.size() > kFragmentOffset) return {};
  std::vector<std::string> out;
  for (std::size_t at = 0; at < body.size(); at += size) {
    const bool last = at + size >= body.size();
    header.fragment = kFragmentBit | (last && has_end ? kLastFragmentBit : 0) | static_cast<std::uint32_t>(base + at);
    out.push_back(with_header(header, body.substr(at, size)));
  }
  return out;
}

Reassembler::Result Reassembler::add(const Message& fragment, std::int64_t now, std::string_view link) {
  const Packet* packet = packet_of(fragment);
  if (packet == nullptr || packet->is_ack() || !packet->forwarding.is_fragment() || !fragment.whole() ||
      packet->fragment.empty())
    return {};
  const ForwardingHeader& header = packet->forwarding;
  Key key(link);
  key += '/' + std::to_string(header.overlay) + '/' + std::to_string(header.transaction_id);
  expire(now);
  auto at = sets_.find(key);
  const std::string& body = packet->fragment;
  const std::size_t from = header.fragment_offset();
  const std::size_t to = from + body.size();
  if (to > limits_.message_bytes || bytes_ + body.size() > limits_.bytes) return {Outcome::kTooLarge, {}};
  if (at == sets_.end()) {
    if (sets_.size() >= limits_.messages) return {Outcome::kTooLarge, {}};
    at = sets_.emplace(std::move(key), Set{}).first;
    at->second.since = now;
  }
  Set& set = at->second;
  const auto give_up = [&](Outcome outcome) {
    drop(at);
    return Result{outcome, {}};
  };
  const auto behind = set.parts.lower_bound(from);
  if (behind != set.parts.end() && behind->first == from && behind->second == body &&
      (!header.is_last_fragment() || set.total == to))
    return {Outcome::kDuplicate, {}};
  if (set.parts.size() >= limits_.fragments) return {Outcome::kTooLarge, {}};
  if (behind != set.parts.end() && behind->first < to) return give_up(Outcome::kOverlap);
  if (behind != set.parts.begin()) {
    const auto before = std::prev(behind);
    if (before->first + before->second.size() > from) return give_up(Outcome::kOverlap);
  }
  if (set.total && to > *set.total) return give_up(Outcome::kBeyondEnd);
  if (header.is_last_fragment()) {
    const bool more = !set.parts.empty() && set.parts.rbegin()->first >= to;
    if ((set.total && *set.total != to) || more) return give_up(Outcome::kBeyondEnd);
    set.total = to;
  }
  if (from == 0) {
    const Event* event = fragment.first(kForwarding);
    set.header = header;
    set.header_size = event != nullptr ? event->length : 0;
    bytes_ += set.header_size;
  }
  set.parts.emplace(from, body);
  set.received += body.size();
  bytes_ += body.size();
  if (set.total != set.received) return {Outcome::kWaiting, {}};
  std::string content;
  for (const auto& [offset, part] : set.parts) content += part;
  const ForwardingHeader header_of_first = *set.header;  // without gaps from 0 to the end, so the first one is there
  drop(at);
  return {Outcome::kComplete, unfragmented(header_of_first, content)};
}

void Reassembler::drop(std::map<Key, Set>::iterator at) {
  bytes_ -= at->second.received + at->second.header_size;
  sets_.erase(at);
}

std::size_t Reassembler::expire(std::int64_t now) {
  std::size_t count = 0;
  for (auto at = sets_.begin(); at != sets_.end();) {
    const auto next = std::next(at);
    if (now - at->second.since > limits_.timeout) {
      drop(at);
      ++count;
    }
    at = next;
  }
  return count;
}

}  // namespace peerscope::reload
