// SPDX-License-Identifier: GPL-2.0-or-later
// What a peer stores (RFC 6940 section 7): values by Resource-ID, Kind and place, with generation counters, lifetimes
// and bounds. Signatures and rights were checked by whoever calls; responsibility is the topology's business.
//
// Ownership: owns the values. Failure: an error code of section 14.9 with its error_info; then nothing was changed.
// Threading: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/reload/messages.h"
#include "reference-impl/reload/defects.h"
#include "reference-impl/reload/signing.h"

namespace peerscope::reload {

struct StorageLimits {
  std::size_t resources = 1'000'000;
  std::size_t bytes = 256U << 20;  // of all values
  std::size_t bytes_per_signer = 4U << 20;
};

struct StoredValue {
  StoredData data;  // lifetime as received
  SignedBy signer;
  net::SteadyTime received{};
  net::SteadyTime expires{};
  std::uint64_t version = 0;  // of the resource, that brought it
};

struct StoredKind {
  std::uint64_t generation = 0;
  std::map<std::string, StoredValue> values;  // by place: "" | index, big endian | dictionary key
};

struct StoredResource {
  std::map<std::uint32_t, StoredKind> kinds;
  std::uint64_t version = 0;               // grows with every change
  std::map<NodeId, std::uint64_t> copies;  // who has been given all values up to which version
  bool owned = false;                      // this peer was responsible when it last looked
  bool has_all(const NodeId& node) const {
    const auto at = copies.find(node);
    return at != copies.end() && at->second == version;
  }
};

// An error that a request is answered with.
struct Refusal {
  std::uint16_t code = 0;
  std::string info;  // encoded error_info
};
Refusal refuse(std::uint16_t code, std::string_view text);

class Storage {
 public:
  explicit Storage(StorageLimits limits = {}, const NodeDefects& defects = {}) : limits_(limits), defects_(defects) {}

  // `signers` are those of the values, in the order of the request. A replica's counters are taken over, an original's
  // compared (section 7.4.1.1). On success `changed` says whether anything is other than before.
  struct Stored {
    std::vector<StoreKindResponse> kinds;  // without replicas
    bool changed = false;
  };
  std::optional<Refusal> store(const Overlay& overlay, const StoreReq& request, const std::vector<SignedBy>& signers,
                               net::SteadyTime now, Stored& stored);

  // Values carry the lifetime that is left. Certificates of their signers go into `bucket`.
  std::optional<Refusal> fetch(const Overlay& overlay, const FetchReq& request, net::SteadyTime now, FetchAns& answer,
                               std::vector<GenericCertificate>& bucket) const;
  std::optional<Refusal> stat(const Overlay& overlay, const StatReq& request, net::SteadyTime now,
                              StatAns& answer) const;
  // The stored Resource-ID closest to the asked one, for each Kind; `distance` compares.
  FindAns find(const Overlay& overlay, const FindReq& request, net::SteadyTime now,
               const std::function<bool(std::string_view a, std::string_view b)>& closer) const;

  // The values of a resource that another node is to have, as replica `replica_number`: those that came after version
  // `since`. Lifetimes are lowered by the time the values were held (R-STO-20).
  struct Copy {
    StoreReq request;
    std::vector<GenericCertificate> bucket;
  };
  std::vector<Copy> copies_of(const std::string& resource, std::uint8_t replica_number, net::SteadyTime now,
                              std::size_t most_bytes, std::uint64_t since = 0) const;

  void expire(net::SteadyTime now);
  void erase(const std::string& resource);
  std::map<std::string, StoredResource>& resources() { return resources_; }
  const std::map<std::string, StoredResource>& resources() const { return resources_; }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Change {
    std::uint32_t kind;
    std::string place;
    StoredValue value;
  };
  std::optional<Refusal> plan(const Overlay& overlay, const StoreKindData& data, const StoredKind* have,
                              const StoreReq& request, std::span<const SignedBy> signers, net::SteadyTime now,
                              std::vector<Change>& changes) const;
  std::optional<Refusal> check_room(const StoreReq& request, const std::vector<Change>& changes) const;
  void put(StoredKind& kind, Change change);
  void forget(const StoredValue& value);

  bool has_defect(NodeDefect defect) const { return defects_.has(defect); }

  StorageLimits limits_;
  NodeDefects defects_;
  std::map<std::string, StoredResource> resources_;
  std::map<std::string, std::size_t> by_signer_;  // bytes, by Node-ID
  std::size_t bytes_ = 0;
};

}  // namespace peerscope::reload
