// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/store_batches.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace peerscope::distributed_tracker {
namespace {

constexpr net::Duration kMillisecond = std::chrono::milliseconds(1);

// A StoredData's other fields, with a signature by an RSA key of 4096 bits.
std::size_t size_of(const reload::NewValue& value) {
  constexpr std::size_t kOverhead = 700;
  return value.value.size() + value.key.size() + kOverhead;
}

}  // namespace

StoreBatches::StoreBatches(net::Clock& clock, BatchOptions options, std::function<std::size_t()> room, Send send)
    : clock_(clock), options_(options), room_(std::move(room)), send_(std::move(send)) {}

StoreBatches::~StoreBatches() {
  for (auto& [name, line] : lines_) clock_.cancel(line.timer);
}

std::size_t StoreBatches::waiting() const {
  std::size_t count = 0;
  for (const auto& [name, line] : lines_) count += line.waiting.size();
  return count;
}

void StoreBatches::add(const std::string& resource_name, Entry entry) {
  Line& line = lines_[resource_name];
  line.waiting.push_back(std::move(entry));
  if (line.under_way == 0) return flush(resource_name);
  if (line.timer == 0) arm(resource_name, options_.gather);
}

void StoreBatches::arm(const std::string& resource_name, net::Duration delay) {
  Line& line = lines_.at(resource_name);
  clock_.cancel(line.timer);
  line.timer = clock_.schedule(delay, [this, resource_name] {
    lines_.at(resource_name).timer = 0;
    flush(resource_name);
  });
}

// Time has milliseconds in the overlay, and a value must be newer than the one it replaces.
bool StoreBatches::written_now(const std::string& place) {
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall_now().time_since_epoch()).count();
  if (now != millisecond_) written_.clear();
  millisecond_ = now;
  return !written_.insert(place).second;
}

StoreBatches::Batch StoreBatches::take(const std::string& resource_name, Line& line) {
  Batch batch;
  std::deque<Entry> left;
  const std::size_t room = room_();
  std::size_t size = 0;
  for (Entry& entry : line.waiting) {
    const std::string& key = entry.value.key;
    const bool full = !batch.empty() && (batch.size() >= options_.most_values || size + size_of(entry.value) > room);
    if (full || line.keys.contains(key) || written_now(resource_name + '/' + key)) {
      left.push_back(std::move(entry));
      continue;
    }
    size += size_of(entry.value);
    line.keys.insert(key);
    batch.push_back(std::move(entry));
  }
  line.waiting = std::move(left);
  return batch;
}

void StoreBatches::flush(const std::string& resource_name) {
  Line& line = lines_.at(resource_name);
  clock_.cancel(line.timer);
  line.timer = 0;
  Batch batch = take(resource_name, line);
  if (!line.waiting.empty()) arm(resource_name, line.under_way == 0 && batch.empty() ? kMillisecond : options_.gather);
  if (batch.empty()) return;
  ++batches_;
  dispatch(resource_name, std::make_shared<const Batch>(std::move(batch)));
}

void StoreBatches::dispatch(const std::string& resource_name, std::shared_ptr<const Batch> batch) {
  ++lines_.at(resource_name).under_way;
  send_(resource_name, batch, [this, resource_name, batch, alive = std::weak_ptr<bool>(alive_)](ppstp::ErrorCode code) {
    if (!alive.expired()) answered(resource_name, batch, code);
  });
}

void StoreBatches::answered(const std::string& resource_name, const std::shared_ptr<const Batch>& batch,
                            ppstp::ErrorCode code) {
  Line& line = lines_.at(resource_name);
  --line.under_way;
  // 05 is not about the values.
  if (code != ppstp::kNoError && code != ppstp::kServiceUnavailable && batch->size() > 1) {
    const auto middle = batch->begin() + static_cast<std::ptrdiff_t>(batch->size() / 2);
    halves_ += 2;
    dispatch(resource_name, std::make_shared<const Batch>(batch->begin(), middle));
    dispatch(resource_name, std::make_shared<const Batch>(middle, batch->end()));
    return;
  }
  for (const Entry& entry : *batch) line.keys.erase(entry.value.key);
  if (line.waiting.empty() && line.under_way == 0)
    lines_.erase(resource_name);
  else if (!line.waiting.empty())
    flush(resource_name);
  const std::weak_ptr<bool> alive = alive_;
  for (const Entry& entry : *batch) {
    if (alive.expired()) return;
    if (entry.done) entry.done(code);
  }
}

}  // namespace peerscope::distributed_tracker
