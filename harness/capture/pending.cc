// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/capture/pending.h"

#include <algorithm>

namespace peerscope::harness {
namespace {

// The decoded struct is about as large as the events that it came from.
std::size_t estimated_size(const Message& message) {
  constexpr std::size_t kBase = 1024;
  return kBase + message.bytes.capacity() + 2 * message.events.capacity() * sizeof(Event);
}

}  // namespace

void PendingRequests::add(const std::string& connection, Request request) {
  const std::size_t size = estimated_size(*request.message);
  while (!order_.empty() && bytes_ + size > most_bytes_) {
    drop(order_.begin());
    ++given_up_;
  }
  if (const auto found = connections_.find(connection);
      found != connections_.end() && found->second.size() >= most_per_connection_) {
    drop(found->second.front());
    ++given_up_;
  }
  order_.push_back({std::move(request), size, connection});
  connections_[connection].push_back(std::prev(order_.end()));
  bytes_ += size;
}

std::optional<PendingRequests::Request> PendingRequests::take(const std::string& connection, std::string_view id,
                                                              bool in_order) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return std::nullopt;
  const auto& queue = found->second;
  const auto same =
      std::find_if(queue.begin(), queue.end(), [&](const auto& entry) { return entry->request.id == id; });
  if (same == queue.end() && !in_order) return std::nullopt;
  const Order::iterator entry = same == queue.end() ? queue.front() : *same;
  Request request = std::move(entry->request);
  drop(entry);
  return request;
}

void PendingRequests::drop(Order::iterator entry) {
  const auto found = connections_.find(entry->connection);
  // Whoever is dropped is almost always the oldest of its connection.
  found->second.erase(std::find(found->second.begin(), found->second.end(), entry));
  if (found->second.empty()) connections_.erase(found);
  bytes_ -= entry->bytes;
  order_.erase(entry);
}

}  // namespace peerscope::harness
