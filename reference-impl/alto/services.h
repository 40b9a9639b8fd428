// SPDX-License-Identifier: GPL-2.0-or-later
// What an ALTO server offers over one World: the entries of its directory, and the answer of each to a request. The
// world never changes; when the data does, there is a new World and new Services.
//
// Failure: in the Answers. Threading: one thread (bodies of whole maps are made when they are first wanted).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/alto/messages.h"
#include "reference-impl/alto/answer.h"
#include "reference-impl/alto/world.h"

namespace peerscope::alto {

inline constexpr std::string_view kUpdatesId = "updates";
inline constexpr std::string_view kTipsId = "tips";
inline constexpr std::string_view kUpdatesPath = "/updates";
inline constexpr std::string_view kTipsPath = "/tips";
inline constexpr std::string_view kPidOfMap = "networkmap.pid";

struct Limits {
  std::size_t max_pairs = 1'000'000;  // of one filtered answer; more are 503
};

class Services {
 public:
  using Body = std::shared_ptr<const std::string>;
  // A resource of the directory: GET, or POST with input.
  struct Service {
    std::string id;
    Resource entry;
    // The body for this request (null: GET).
    Answer (Services::*answer)(const Service& service, const Message* request, const Asker& asker) const = nullptr;
    const CostTable* table = nullptr;  // of a cost map, ...
    std::string mode;                  // ... with this mode
    bool versioned = false;            // answers carry a version tag of their own
    bool asker_counts = false;         // the answer may depend on who asks
    mutable Body body;                 // of GET, once made
    mutable std::string etag;
    mutable Body packed;  // body with gzip; null when that is not smaller
    mutable bool packing_tried = false;

    bool posts() const { return entry.accepts.has_value(); }
  };

  explicit Services(std::shared_ptr<const World> world, Limits limits = {});
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  const World& world() const { return *world_; }
  // Null when there is none.
  const Service* at(std::string_view path) const;
  const Service* find(std::string_view id) const;
  // Whether update streams and TIPS views can follow it.
  static bool followable(const Service& service);

  // GET: the whole body, made once.
  const Body& whole(const Service& service) const;
  const Body& packed(const Service& service) const;
  // POST: what the service says to this input.
  Answer ask(const Service& service, std::string_view input, const Asker& asker) const;

 private:
  // One end of a pair: what the answer calls it, and the number of its PID.
  struct End {
    std::string name;  // as JSON, with quotes
    std::uint32_t pid;
  };
  using Ends = std::vector<End>;

  Service& add(std::string id, std::string path, const char* media_type,
               Answer (Services::*answer)(const Service&, const Message*, const Asker&) const);
  Service& add_post(std::string id, std::string path, const char* media_type, const char* accepts,
                    Answer (Services::*answer)(const Service&, const Message*, const Asker&) const);
  void add_maps();
  void add_queries();
  void add_cdni();
  void add_followers();
  void add_directory();

  Answer directory(const Service&, const Message*, const Asker&) const;
  Answer network_map(const Service&, const Message*, const Asker&) const;
  Answer filtered_network_map(const Service&, const Message* request, const Asker&) const;
  Answer cost_map(const Service& service, const Message*, const Asker& asker) const;
  Answer filtered_cost_map(const Service&, const Message* request, const Asker& asker) const;
  Answer endpoint_properties(const Service&, const Message* request, const Asker&) const;
  Answer endpoint_costs(const Service&, const Message* request, const Asker& asker) const;
  Answer property_map(const Service&, const Message*, const Asker&) const;
  Answer filtered_property_map(const Service&, const Message* request, const Asker&) const;

  // What a CDN can do (service_cdni.cc).
  Answer cdni(const Service&, const Message*, const Asker&) const;
  Answer filtered_cdni(const Service&, const Message* request, const Asker&) const;
  Answer advertisement(CdniAdvertisement wanted) const;

  // Costs (service_costs.cc).
  template <class Map>
  Answer costs(const CostRequest& request, const Ends& sources, const Ends& destinations, Map map,
               const Asker& asker) const;
  std::optional<Fault> cost_fault(const CostRequest& request) const;
  std::optional<Fault> cost_type_fault(const CostType& type, const std::string& path) const;
  std::optional<Fault> constraint_fault(const CostRequest& request, std::size_t testable) const;
  std::optional<Ends> endpoints_of(const std::optional<std::vector<std::string>>& list, const char* path,
                                   const Asker& asker, std::optional<Fault>& fault) const;
  Ends all_pids() const;
  DependentTag dependency() const { return {std::string(kNetworkMapId), world_->tag}; }

  // Properties (service_properties.cc).
  static Mappings offered_mappings();
  Answer property_map_of(const std::vector<std::string>& entities,
                         const std::optional<std::vector<std::string>>& properties) const;
  std::optional<std::string> property_of(std::string_view entity, std::string_view property) const;
  std::vector<std::string> with_covered(const std::vector<std::string>& entities) const;
  std::vector<std::string> all_entities() const;

  std::shared_ptr<const World> world_;
  Limits limits_;
  std::map<std::string, Service, std::less<>> services_;    // by path
  std::map<std::string, const Service*, std::less<>> ids_;  // the directory has none
  std::vector<CostType> cost_types_;
  Directory directory_;
};

// Decodes a request's body; the fault that a reader sees in its form (RFC 7285 section 8.5.2).
std::optional<Fault> read_request(std::string_view bytes, std::string_view media_type, Message& message);

// Each text once, in the order of the list (sections 11.3.1.3, 11.3.2.3, 11.4.1.3).
std::vector<std::string> once(const std::vector<std::string>& list);

}  // namespace peerscope::alto
