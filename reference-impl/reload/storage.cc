// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "protocols/reload/protocol.h"
#include "protocols/reload/security/crypto.h"

namespace peerscope::reload {
namespace {

constexpr std::size_t kOverhead = 256;  // what a value costs besides its bytes, roughly

std::string index_place(std::uint32_t index) {
  std::string place(4, '\0');
  for (int i = 3; i >= 0; --i, index >>= 8) place[static_cast<std::size_t>(i)] = static_cast<char>(index & 0xff);
  return place;
}

std::uint32_t index_of(std::string_view place) {
  std::uint32_t index = 0;
  for (const char c : place) index = index << 8 | static_cast<unsigned char>(c);
  return index;
}

std::size_t cost(const StoredValue& value) {
  return value.data.value.size() + value.data.key.size() + kOverhead;
}

bool live(const StoredValue& value, net::SteadyTime now) {
  return value.expires > now;
}

// As it goes out again: with the lifetime that is left.
StoredData aged(const StoredValue& value, net::SteadyTime now) {
  StoredData data = value.data;
  const auto held = std::chrono::duration_cast<std::chrono::seconds>(now - value.received).count();
  data.lifetime =
      static_cast<std::uint32_t>(std::max<std::int64_t>(0, static_cast<std::int64_t>(data.lifetime) - held));
  return data;
}

void add_certificate(const SignedBy& signer, std::vector<GenericCertificate>& bucket) {
  if (signer.certificate == nullptr) return;
  const auto same = [&](const GenericCertificate& one) { return one.certificate == *signer.certificate; };
  if (std::none_of(bucket.begin(), bucket.end(), same)) bucket.push_back({kX509, *signer.certificate});
}

// What the storing peer says where nothing is stored (section 7.4.2.2).
StoredData nothing_at(std::uint32_t kind, DataModel model) {
  StoredData data;
  data.kind = kind;
  data.model = model;
  data.exists = false;
  data.signature.identity = {kNoIdentity, 0, {}};
  return data;
}

Refusal unknown_kinds(std::vector<std::uint32_t> kinds) {
  ErrorInfo info;
  info.code = kUnknownKind;
  info.unknown_kinds = std::move(kinds);
  return {kUnknownKind, encode_part(info)};
}

template <class Items>
std::optional<Refusal> check_kinds(const Overlay& overlay, const Items& items) {
  std::set<std::uint32_t> seen;
  std::vector<std::uint32_t> unknown;
  for (const auto& item : items) {
    if (!seen.insert(item.kind).second) return refuse(kInvalidMessage, "a Kind stands twice in the request");
    if (overlay.find_kind(item.kind) == nullptr) unknown.push_back(item.kind);
  }
  constexpr std::size_t kMostNamed = 63;  // what error_info can hold
  if (unknown.size() > kMostNamed) unknown.resize(kMostNamed);
  if (!unknown.empty()) return unknown_kinds(std::move(unknown));
  return std::nullopt;
}

// Calls `found(place, value or null)` for everything that a specifier asks for.
template <class F>
std::optional<Refusal> select(const StoredDataSpecifier& specifier, const KindRules& rules, const StoredKind* kind,
                              net::SteadyTime now, F&& found) {
  const auto look = [&](const std::string& place) {
    const StoredValue* value = nullptr;
    if (kind != nullptr) {
      const auto at = kind->values.find(place);
      if (at != kind->values.end() && live(at->second, now)) value = &at->second;
    }
    found(place, value);
  };
  const auto all_between = [&](const std::string& first, const std::string& last) {
    if (kind == nullptr) return;
    for (auto at = kind->values.lower_bound(first); at != kind->values.end() && at->first <= last; ++at) {
      if (live(at->second, now)) found(at->first, &at->second);
    }
  };
  switch (rules.model) {
    case DataModel::kSingle:
      look("");
      break;
    case DataModel::kArray: {
      std::int64_t behind = -1;
      for (const ArrayRange& range : specifier.indices) {
        if (range.first > range.last || range.first <= behind)
          return refuse(kInvalidMessage, "array ranges overlap or are not in order");
        behind = range.last;
        const std::string first = index_place(range.first);
        // Gaps of a small range are told one by one, those of an open one not at all (the array is sparse).
        constexpr std::uint32_t kSmall = 64;
        if (range.last - range.first < kSmall) {
          for (std::uint32_t i = range.first;; ++i) {
            look(index_place(i));
            if (i == range.last) break;
          }
        } else {
          all_between(first, index_place(range.last));
        }
      }
      break;
    }
    case DataModel::kDictionary:
      for (const DictionaryKey& key : specifier.keys) look(key.key);
      if (specifier.keys.empty() && kind != nullptr) {
        for (const auto& [place, value] : kind->values) {
          if (live(value, now)) found(place, &value);
        }
      }
      break;
    case DataModel::kUnknown:
      break;
  }
  return std::nullopt;
}

// A stored counter is 1 or more (R-STO-19): a copy may bring the highest one, and 0 would stop all further copies.
std::uint64_t next_generation(std::uint64_t generation) {
  return generation == std::numeric_limits<std::uint64_t>::max() ? 1 : generation + 1;
}

void set_place(StoredData& data, const std::string& place) {
  if (data.model == DataModel::kArray) data.index = index_of(place);
  if (data.model == DataModel::kDictionary) data.key = place;
}

}  // namespace

Refusal refuse(std::uint16_t code, std::string_view text) {
  return {code, std::string(text)};
}

std::optional<Refusal> Storage::plan(const Overlay& overlay, const StoreKindData& data, const StoredKind* have,
                                     const StoreReq& request, std::span<const SignedBy> signers, net::SteadyTime now,
                                     std::vector<Change>& changes) const {
  const KindRules& rules = *overlay.find_kind(data.kind);
  const std::size_t first_change = changes.size();
  std::set<std::string> places;
  std::uint32_t next_index = 0;
  if (have != nullptr) {
    for (const auto& [place, value] : have->values) {
      if (!live(value, now)) continue;
      if (value.data.exists) places.insert(place);
      if (rules.model == DataModel::kArray) next_index = std::max(next_index, index_of(place) + 1);
    }
  }
  for (std::size_t i = 0; i < data.values.size(); ++i) {
    const StoredData& value = data.values[i];
    if (value.value.size() > rules.max_size && !has_defect(NodeDefect::kAnySize))
      return refuse(kDataTooLarge, fmt::format("{} bytes, the Kind allows {}", value.value.size(), rules.max_size));
    std::string place;
    if (rules.model == DataModel::kDictionary) place = value.key;
    if (rules.model == DataModel::kArray) {
      const std::uint32_t end = has_defect(NodeDefect::kAppendOverwrites) ? 0 : next_index;
      const std::uint32_t index = value.index == kAppendIndex ? end : value.index;
      if (index == kAppendIndex) return refuse(kDataTooLarge, "the array is full");
      next_index = std::max(next_index, index + 1);
      place = index_place(index);
    }
    const auto planned = std::any_of(changes.begin() + static_cast<std::ptrdiff_t>(first_change), changes.end(),
                                     [&](const Change& change) { return change.place == place; });
    if (planned) return refuse(kInvalidMessage, "two values for one place");
    if (have != nullptr) {
      const auto old = have->values.find(place);
      // Live or not: an older value never comes back (section 7.4.1.1, P-03).
      const bool older_wins = has_defect(NodeDefect::kOlderValueWins);
      const bool same_wins = old != have->values.end() && has_defect(NodeDefect::kSameTimeWins) &&
                             value.storage_time == old->second.data.storage_time;
      if (old != have->values.end() && live(old->second, now) && !older_wins && !same_wins &&
          value.storage_time <= old->second.data.storage_time) {
        if (request.replica_number != 0 && value.storage_time == old->second.data.storage_time) continue;
        return refuse(kDataTooOld, "storage_time is not newer than that of the value it would replace");
      }
    }
    if (value.exists)
      places.insert(place);
    else
      places.erase(place);
    Change change{data.kind, place, {value, signers[i], now, now + std::chrono::seconds(value.lifetime), 0}};
    change.value.data.kind = data.kind;
    change.value.data.model = rules.model;
    set_place(change.value.data, place);
    changes.push_back(std::move(change));
  }
  if (places.size() > rules.max_count && !has_defect(NodeDefect::kAnyCount))
    return refuse(kDataTooLarge, fmt::format("{} values, the Kind allows {}", places.size(), rules.max_count));
  return std::nullopt;
}

std::optional<Refusal> Storage::check_room(const StoreReq& request, const std::vector<Change>& changes) const {
  if (!resources_.contains(request.resource) && resources_.size() >= limits_.resources)
    return refuse(kDataTooLarge, "this peer stores no more resources");
  std::size_t more = 0;
  std::map<std::string, std::size_t> signers;
  for (const Change& change : changes) {
    more += cost(change.value);
    signers[change.value.signer.node_id.str()] += cost(change.value);
  }
  if (bytes_ + more > limits_.bytes) return refuse(kDataTooLarge, "this peer is full");
  for (const auto& [signer, size] : signers) {
    const auto has = by_signer_.find(signer);
    if ((has == by_signer_.end() ? 0 : has->second) + size > limits_.bytes_per_signer)
      return refuse(kDataTooLarge, "too much data of one signer");
  }
  return std::nullopt;
}

void Storage::forget(const StoredValue& value) {
  bytes_ -= cost(value);
  const auto signer = by_signer_.find(value.signer.node_id.str());
  if (signer == by_signer_.end()) return;
  signer->second -= cost(value);
  if (signer->second == 0) by_signer_.erase(signer);
}

void Storage::put(StoredKind& kind, Change change) {
  bytes_ += cost(change.value);
  by_signer_[change.value.signer.node_id.str()] += cost(change.value);
  const auto [at, fresh] = kind.values.try_emplace(std::move(change.place));
  if (!fresh) forget(at->second);
  at->second = std::move(change.value);
}

std::optional<Refusal> Storage::store(const Overlay& overlay, const StoreReq& request,
                                      const std::vector<SignedBy>& signers, net::SteadyTime now, Stored& stored) {
  if (auto refused = check_kinds(overlay, request.kind_data)) return refused;
  const auto at = resources_.find(request.resource);
  std::vector<Change> changes;
  std::vector<StoreKindResponse> behind;
  std::size_t next_signer = 0;
  for (const StoreKindData& data : request.kind_data) {
    const StoredKind* have = nullptr;
    if (at != resources_.end()) {
      const auto kind = at->second.kinds.find(data.kind);
      if (kind != at->second.kinds.end()) have = &kind->second;
    }
    const std::uint64_t generation = have == nullptr ? 0 : have->generation;
    const std::span<const SignedBy> by(signers.data() + next_signer, data.values.size());
    next_signer += data.values.size();
    if (request.replica_number == 0) {
      if (data.generation_counter != 0 && data.generation_counter != generation &&
          !has_defect(NodeDefect::kGenerationIgnored))
        behind.push_back({data.kind, generation, {}});
    } else if (have != nullptr && data.generation_counter != generation &&
               has_defect(NodeDefect::kReplicaCounterCompared)) {
      behind.push_back({data.kind, generation, {}});
    } else if (data.generation_counter == 0) {
      return refuse(kInvalidMessage, "a replica without generation counter");
    }
    if (auto refused = plan(overlay, data, have, request, by, now, changes)) return refused;
  }
  if (!behind.empty()) {
    ErrorInfo info;
    info.code = kGenerationCounterTooLow;
    info.store_ans.kind_responses = std::move(behind);
    return Refusal{kGenerationCounterTooLow, encode_part(info, &overlay.context)};
  }
  if (auto refused = check_room(request, changes)) return refused;
  if (changes.empty() && at == resources_.end()) return std::nullopt;
  // Nothing can fail from here on (R-STO-02).
  StoredResource& resource = resources_[request.resource];
  stored.changed = !changes.empty();
  if (stored.changed) ++resource.version;
  std::set<std::uint32_t> changed;
  for (Change& change : changes) {
    changed.insert(change.kind);
    change.value.version = resource.version;
    StoredKind& kind = resource.kinds[change.kind];
    const bool removal = !change.value.data.exists && has_defect(NodeDefect::kRemovalForgets);
    const std::string place = change.place;
    put(kind, std::move(change));
    if (!removal) continue;
    forget(kind.values.at(place));
    kind.values.erase(place);
  }
  for (const StoreKindData& data : request.kind_data) {
    StoredKind& kind = resource.kinds[data.kind];
    if (request.replica_number != 0)
      kind.generation = next_generation(kind.generation) == 1 ? data.generation_counter
                                                              : std::max(kind.generation, data.generation_counter);
    else if (changed.contains(data.kind) && (kind.generation == 0 || !has_defect(NodeDefect::kGenerationStays)))
      kind.generation = next_generation(kind.generation);
    stored.kinds.push_back({data.kind, kind.generation, {}});
  }
  return std::nullopt;
}

std::optional<Refusal> Storage::fetch(const Overlay& overlay, const FetchReq& request, net::SteadyTime now,
                                      FetchAns& answer, std::vector<GenericCertificate>& bucket) const {
  if (auto refused = check_kinds(overlay, request.specifiers); refused && !has_defect(NodeDefect::kUnknownKindFetched))
    return refused;
  const auto at = resources_.find(request.resource);
  for (const StoredDataSpecifier& specifier : request.specifiers) {
    if (overlay.find_kind(specifier.kind) == nullptr) {
      answer.kind_responses.push_back({specifier.kind, 0, {}});
      continue;
    }
    const KindRules& rules = *overlay.find_kind(specifier.kind);
    const StoredKind* kind = nullptr;
    if (at != resources_.end()) {
      const auto found = at->second.kinds.find(specifier.kind);
      if (found != at->second.kinds.end()) kind = &found->second;
    }
    FetchKindResponse& response = answer.kind_responses.emplace_back();
    response.kind = specifier.kind;
    response.generation = kind == nullptr ? 0 : kind->generation;
    const bool again = has_defect(NodeDefect::kGenerationFetchedAgain);
    if (specifier.generation != 0 && specifier.generation == response.generation && !again) continue;
    if (specifier.keys.empty() && rules.model == DataModel::kDictionary && has_defect(NodeDefect::kDictionaryNeedsKeys))
      continue;
    auto refused = select(specifier, rules, kind, now, [&](const std::string& place, const StoredValue* value) {
      if (value != nullptr) {
        response.values.push_back(aged(*value, now));
        add_certificate(value->signer, bucket);
      } else {
        response.values.push_back(nothing_at(specifier.kind, rules.model));
        set_place(response.values.back(), place);
      }
    });
    if (refused) return refused;
  }
  return std::nullopt;
}

std::optional<Refusal> Storage::stat(const Overlay& overlay, const StatReq& request, net::SteadyTime now,
                                     StatAns& answer) const {
  if (auto refused = check_kinds(overlay, request.specifiers)) return refused;
  const auto at = resources_.find(request.resource);
  for (const StoredDataSpecifier& specifier : request.specifiers) {
    const KindRules& rules = *overlay.find_kind(specifier.kind);
    const StoredKind* kind = nullptr;
    if (at != resources_.end()) {
      const auto found = at->second.kinds.find(specifier.kind);
      if (found != at->second.kinds.end()) kind = &found->second;
    }
    StatKindResponse& response = answer.kind_responses.emplace_back();
    response.kind = specifier.kind;
    response.generation = kind == nullptr ? 0 : kind->generation;
    if (specifier.generation != 0 && specifier.generation == response.generation) continue;
    auto refused = select(specifier, rules, kind, now, [&](const std::string& place, const StoredValue* value) {
      StoredData data = value != nullptr ? aged(*value, now) : nothing_at(specifier.kind, rules.model);
      set_place(data, place);
      StoredMetaData& meta = response.values.emplace_back();
      meta.kind = specifier.kind;
      meta.model = rules.model;
      meta.storage_time = data.storage_time;
      meta.lifetime = data.lifetime;
      meta.index = data.index;
      meta.key = data.key;
      meta.exists = data.exists;
      meta.value_length = static_cast<std::uint32_t>(data.value.size());
      // Over the value with its four length bytes (section 7.4.3.2).
      const std::string length = has_defect(NodeDefect::kDigestOfValueAlone) ? "" : index_place(meta.value_length);
      meta.hash_value = digest(meta.hash_algorithm, {length, data.value}).value_or("");
    });
    if (refused) return refused;
  }
  return std::nullopt;
}

FindAns Storage::find(const Overlay& overlay, const FindReq& request, net::SteadyTime now,
                      const std::function<bool(std::string_view, std::string_view)>& closer) const {
  FindAns answer;
  for (const std::uint32_t kind : request.kinds) {
    FindKindData& data = answer.results.emplace_back();
    data.kind = kind;
    if (overlay.find_kind(kind) == nullptr) continue;
    for (const auto& [id, resource] : resources_) {
      const auto at = resource.kinds.find(kind);
      if (at == resource.kinds.end()) continue;
      const bool some = std::any_of(at->second.values.begin(), at->second.values.end(), [&](const auto& entry) {
        return live(entry.second, now) && entry.second.data.exists;
      });
      if (some && (data.closest.empty() || closer(id, data.closest))) data.closest = id;
    }
  }
  return answer;
}

std::vector<Storage::Copy> Storage::copies_of(const std::string& resource, std::uint8_t replica_number,
                                              net::SteadyTime now, std::size_t most_bytes, std::uint64_t since) const {
  std::vector<Copy> copies;
  const auto at = resources_.find(resource);
  if (at == resources_.end()) return copies;
  std::size_t filled = most_bytes;  // so that the first value begins a request
  for (const auto& [id, kind] : at->second.kinds) {
    for (const auto& [place, value] : kind.values) {
      if (!live(value, now) || value.version <= since) continue;
      const std::size_t size = cost(value) + value.data.signature.value.size() +
                               (value.signer.certificate != nullptr ? value.signer.certificate->size() : 0);
      if (filled + size > most_bytes) {
        copies.emplace_back();
        copies.back().request.resource = resource;
        copies.back().request.replica_number = replica_number;
        filled = 0;
      }
      filled += size;
      auto& kinds = copies.back().request.kind_data;
      const std::uint64_t generation = has_defect(NodeDefect::kGenerationZeroInCopies) ? 0 : kind.generation;
      if (kinds.empty() || kinds.back().kind != id) kinds.push_back({id, generation, {}});
      kinds.back().values.push_back(has_defect(NodeDefect::kCopiesKeepLifetime) ? value.data : aged(value, now));
      add_certificate(value.signer, copies.back().bucket);
    }
  }
  return copies;
}

void Storage::expire(net::SteadyTime now) {
  for (auto resource = resources_.begin(); resource != resources_.end();) {
    bool any = false;
    for (auto& [id, kind] : resource->second.kinds) {
      for (auto value = kind.values.begin(); value != kind.values.end();) {
        if (live(value->second, now)) {
          any = true;
          ++value;
        } else {
          forget(value->second);
          value = kind.values.erase(value);
        }
      }
    }
    resource = any ? std::next(resource) : resources_.erase(resource);
  }
}

void Storage::erase(const std::string& resource) {
  const auto at = resources_.find(resource);
  if (at == resources_.end()) return;
  for (const auto& [id, kind] : at->second.kinds) {
    for (const auto& [place, value] : kind.values) forget(value);
  }
  resources_.erase(at);
}

}  // namespace peerscope::reload
