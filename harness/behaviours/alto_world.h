// SPDX-License-Identifier: GPL-2.0-or-later
// What an ALTO server is known to hold: a network map and costs between its PIDs. Learned from the server's own maps,
// read from the data file that an IUT file names, or made up where the harness plays the server. What a request should
// be answered follows from it (RFC 7285 section 11).
//
// Failure: what is not known is left out of every expectation. Threading: none.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/alto/address.h"
#include "protocols/alto/messages.h"

namespace peerscope::harness {

struct AltoCosts {
  std::string metric;
  std::string mode;
  std::map<std::string, std::map<std::string, double>> rows;  // source, destination

  std::optional<double> find(const std::string& source, const std::string& destination) const;
};

class AltoWorld {
 public:
  std::string map_id;
  std::string tag;
  std::vector<AltoCosts> costs;

  void set_map(const alto::NetworkMap& map);
  // Single numbers only: a map with several cost types or calendars teaches nothing here.
  void add_costs(const alto::CostMap& map);

  bool has_map() const { return !pids_.empty(); }
  const std::vector<std::string>& pids() const { return pids_; }
  const alto::AddressGroup* group(std::string_view pid) const;
  const AltoCosts* find(std::string_view metric, std::string_view mode) const;
  // By longest-prefix match; empty when no prefix covers it.
  std::string pid_of(const alto::IpAddress& address) const;
  // An address that longest-prefix match gives to this PID: the first of one of its prefixes that no longer prefix of
  // another PID takes away.
  std::optional<alto::IpAddress> address_in(std::string_view pid) const;
  std::optional<alto::IpAddress> address_outside(bool v6) const;

  // What a filtered network map holds: known PIDs that were asked for, with the address types that were asked for.
  alto::NetworkMap filtered(const alto::NetworkMapFilter& asked) const;
  // Sources and destinations that a filter names: all without one, each once, unknown names dropped.
  struct Pairs {
    std::vector<std::string> sources;
    std::vector<std::string> destinations;
  };
  Pairs pairs_of(const alto::CostMapFilter& asked) const;

 private:
  std::vector<std::string> pids_;
  std::map<std::string, alto::AddressGroup, std::less<>> groups_;
  alto::PrefixTable table_;
  std::vector<alto::PrefixTable::Entry> entries_;
};

// All constraints of a request, on the costs of its testable types.
class AltoTests {
 public:
  explicit AltoTests(const alto::CostRequest& request);
  bool any() const { return !lists_.empty(); }
  bool pass(const std::vector<std::optional<double>>& costs) const;

 private:
  std::vector<std::vector<std::string>> lists_;
};

// The cost types that a request's constraints count in (RFC 8189 section 4.1.2).
std::vector<alto::CostType> testable_types(const alto::CostRequest& request);
// The cost types that are answered; `several` tells whether answers are arrays.
std::vector<alto::CostType> answered_types(const alto::CostRequest& request, bool& several);

}  // namespace peerscope::harness
