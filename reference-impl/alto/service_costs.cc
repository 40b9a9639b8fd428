// SPDX-License-Identifier: GPL-2.0-or-later
// Costs between PIDs and between endpoints: RFC 7285 sections 11.2.3, 11.3.2 and 11.5, several cost types (RFC 8189),
// calendars (RFC 8896).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "protocols/alto/check_support.h"
#include "protocols/alto/constraint.h"
#include "protocols/alto/names.h"
#include "reference-impl/alto/services.h"

namespace peerscope::alto {
namespace {

constexpr std::size_t kMostTypes = 4;
constexpr std::int64_t kDaysAlike = 7;  // how long a calendar's day stays the same

bool has_value(double cost) {
  return !std::isnan(cost);
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_quoted(out, text);
  return out;
}

// All tests of one list, or one list of several: RFC 8189 section 4.1.2.
class Tests {
 public:
  explicit Tests(const CostRequest& request) {
    if (request.constraints) lists_.push_back(parse(*request.constraints));
    if (request.or_constraints && request.or_constraints->array() != nullptr) {
      for (const JsonValue& list : *request.or_constraints->array()) {
        std::vector<std::string> texts;
        for (const JsonValue& text : *list.array()) texts.push_back(*text.text());
        lists_.push_back(parse(texts));
      }
    }
  }
  bool any() const { return !lists_.empty(); }
  // `values` are the costs of the testable types.
  bool pass(const std::vector<double>& values) const {
    return lists_.empty() || std::any_of(lists_.begin(), lists_.end(), [&](const auto& list) {
             return std::all_of(list.begin(), list.end(), [&](const Constraint& one) {
               return one.index < values.size() && has_value(values[one.index]) && one.passes(values[one.index]);
             });
           });
  }

 private:
  static std::vector<Constraint> parse(const std::vector<std::string>& texts) {
    std::vector<Constraint> out;
    for (const std::string& text : texts) {
      if (const auto one = parse_constraint(text); one) out.push_back(*one);
    }
    return out;
  }
  std::vector<std::vector<Constraint>> lists_;
};

// One requested cost type, ready for any pair of PIDs.
struct Column {
  const CostTable* table = nullptr;
  bool calendar = false;
  std::vector<double> ranks;  // ordinal: the costs among the requested pairs, sorted
};

class Pairs {
 public:
  explicit Pairs(const World& world) : world_(world) {}

  double value(const Column& column, std::uint32_t from, std::uint32_t to) const {
    const double cost = world_.cost(*column.table, from, to);
    if (column.ranks.empty() || !has_value(cost)) return cost;
    return 1.0 +
           static_cast<double>(std::lower_bound(column.ranks.begin(), column.ranks.end(), cost) - column.ranks.begin());
  }
  // What stands in a map for the pair; false when there is no cost.
  bool append(std::string& out, const Column& column, std::uint32_t from, std::uint32_t to) const {
    const double cost = value(column, from, to);
    if (!has_value(cost)) return false;
    if (!column.calendar) {
      append_json_number(out, cost);
      return true;
    }
    char before = '[';
    for (const double factor : column.table->factors) {
      out.push_back(before);
      append_json_number(out, cost * factor);
      before = ',';
    }
    out.push_back(']');
    return true;
  }

 private:
  const World& world_;
};

// A calendar begins with the day (UTC) in which the question is asked.
CalendarResponseAttributes calendar_of(const CostTable& table, const std::string& name, net::SystemTime now) {
  CalendarResponseAttributes out;
  out.cost_type_names = {name};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  out.calendar_start_time =
      http_date_text(std::chrono::duration_cast<std::chrono::seconds>(day.time_since_epoch()).count());
  out.time_interval_size = table.interval_seconds();
  out.number_of_intervals = static_cast<std::int64_t>(table.factors.size());
  out.repeated = kDaysAlike;
  return out;
}

}  // namespace

std::optional<Fault> Services::cost_type_fault(const CostType& type, const std::string& path) const {
  if (!type.cost_metric) return Fault{kErrorMissingField, path + "/cost-metric", {}};
  if (!type.cost_mode) return Fault{kErrorMissingField, path + "/cost-mode", {}};
  if (*type.cost_mode != kNumerical && *type.cost_mode != kOrdinal)
    return Fault{kErrorFieldValue, path + "/cost-mode", *type.cost_mode};
  if (world_->find(*type.cost_metric) == nullptr)
    return Fault{kErrorFieldValue, path + "/cost-metric", *type.cost_metric};
  return std::nullopt;
}

std::optional<Fault> Services::constraint_fault(const CostRequest& request, std::size_t testable) const {
  if (request.constraints && request.or_constraints) return Fault{kErrorFieldValue, "or-constraints", {}};
  const auto good = [&](const std::string& text) {
    const auto one = parse_constraint(text);
    return one && one->index < testable;
  };
  if (request.constraints) {
    for (const std::string& text : *request.constraints) {
      if (!good(text)) return Fault{kErrorFieldValue, "constraints", text};
    }
  }
  if (!request.or_constraints) return std::nullopt;
  const auto* lists = request.or_constraints->array();
  if (lists == nullptr || lists->empty()) return Fault{kErrorFieldValue, "or-constraints", {}};
  for (const JsonValue& list : *lists) {
    if (list.array() == nullptr || list.array()->empty())
      return Fault{kErrorFieldValue, "or-constraints", json_text(list)};
    for (const JsonValue& text : *list.array()) {
      if (text.text() == nullptr || !good(*text.text()))
        return Fault{kErrorFieldValue, "or-constraints", text.text() != nullptr ? *text.text() : json_text(text)};
    }
  }
  return std::nullopt;
}

std::optional<Fault> Services::cost_fault(const CostRequest& request) const {
  const bool multi = !request.multi_cost_types.empty();
  const bool single = request.cost_type && (request.cost_type->cost_metric || request.cost_type->cost_mode || !multi);
  if (!multi && !single) return Fault{kErrorMissingField, "cost-type", {}};
  if (multi && single) return Fault{kErrorFieldValue, "cost-type", {}};
  if (single) {
    if (auto fault = cost_type_fault(*request.cost_type, "cost-type"); fault) return fault;
  }
  if (request.multi_cost_types.size() > std::min(cost_types_.size(), kMostTypes))
    return Fault{kErrorFieldValue, "multi-cost-types", std::to_string(request.multi_cost_types.size())};
  for (const auto& [types, name] : {std::pair{&request.multi_cost_types, "multi-cost-types"},
                                    {&request.testable_cost_types, "testable-cost-types"}}) {
    for (const CostType& type : *types) {
      if (auto fault = cost_type_fault(type, name); fault) return fault;
    }
  }
  const std::size_t wanted = multi ? request.multi_cost_types.size() : 1;
  if (request.calendared && request.calendared->size() != wanted)
    return Fault{kErrorFieldValue, "calendared", std::to_string(request.calendared->size())};
  return constraint_fault(request, request.testable_cost_types.empty() ? wanted : request.testable_cost_types.size());
}

// The body of a cost map or endpoint cost map. Ordinal costs are ranks among the requested pairs (section 6.2). The
// pairs, of which there may be millions, are written as text at once; the rest comes from the description.
template <class Map>
Answer Services::costs(const CostRequest& request, const Ends& sources, const Ends& destinations, Map map,
                       const Asker& asker) const {
  const auto types = checks::requested_types(request);
  const bool multi = !request.multi_cost_types.empty();
  const auto column_of = [&](const CostType& type) {
    Column out;
    out.table = world_->find(*type.cost_metric);
    if (type.cost_mode != kOrdinal) return out;
    for (const End& from : sources) {
      for (const End& to : destinations) {
        const double cost = world_->cost(*out.table, from.pid, to.pid);
        if (has_value(cost)) out.ranks.push_back(cost);
      }
    }
    std::sort(out.ranks.begin(), out.ranks.end());
    out.ranks.erase(std::unique(out.ranks.begin(), out.ranks.end()), out.ranks.end());
    return out;
  };
  std::vector<Column> columns;
  for (std::size_t i = 0; i < types.size(); ++i) {
    Column& column = columns.emplace_back(column_of(*types[i]));
    column.calendar = request.calendared && (*request.calendared)[i] && types[i]->cost_mode == kNumerical &&
                      !column.table->factors.empty();
    if (column.calendar)
      map.meta->calendar.push_back(calendar_of(*column.table, "num-" + column.table->metric, asker.now));
  }
  // With a calendar, constraints mean nothing (RFC 8896 section 3.3).
  const Tests tests(map.meta->calendar.empty() ? request : CostRequest{});
  std::vector<Column> testable;
  if (tests.any()) {
    for (const CostType& type : request.testable_cost_types) testable.push_back(column_of(type));
    if (testable.empty()) testable = columns;
  }
  if (multi) {
    map.meta->cost_type.emplace();
    map.meta->multi_cost_types = request.multi_cost_types;
  } else {
    map.meta->cost_type =
        CostType{request.cost_type->cost_mode, request.cost_type->cost_metric, columns[0].table->context, {}};
  }
  map.costs.emplace();
  Answer out;
  out.body = encode(std::move(map));
  out.body.resize(out.body.size() - 2);  // the ends of the empty map and of the message
  const Pairs pairs(*world_);
  std::vector<double> tested(testable.size());
  const auto append_pair = [&](const End& from, const End& to) {
    if (!multi) return pairs.append(out.body, columns[0], from.pid, to.pid);
    bool any = false;
    char before = '[';
    for (const Column& column : columns) {
      out.body.push_back(before);
      before = ',';
      if (pairs.append(out.body, column, from.pid, to.pid))
        any = true;
      else
        out.body += "null";
    }
    out.body.push_back(']');
    return any;
  };
  bool first_row = true;
  for (const End& from : sources) {
    const std::size_t row_begin = out.body.size();
    if (!first_row) out.body.push_back(',');
    out.body += from.name;
    out.body += ":{";
    bool first = true;
    for (const End& to : destinations) {
      for (std::size_t i = 0; i < testable.size(); ++i) tested[i] = pairs.value(testable[i], from.pid, to.pid);
      if (!tests.pass(tested)) continue;
      const std::size_t begin = out.body.size();
      if (!first) out.body.push_back(',');
      out.body += to.name;
      out.body.push_back(':');
      if (append_pair(from, to))
        first = false;
      else
        out.body.resize(begin);
    }
    // A source without destinations is left out (A-FCM-22).
    if (first) {
      out.body.resize(row_begin);
      continue;
    }
    out.body.push_back('}');
    first_row = false;
  }
  out.body += "}}";
  return out;
}

Services::Ends Services::all_pids() const {
  Ends out;
  out.reserve(world_->pids.size());
  for (std::uint32_t i = 0; i < world_->pids.size(); ++i) out.push_back({quoted(world_->pids[i]), i});
  return out;
}

Answer Services::cost_map(const Service& service, const Message*, const Asker& asker) const {
  CostRequest all;
  all.cost_type = CostType{service.mode, service.table->metric, {}, {}};
  const Ends ends = all_pids();
  CostMap map;
  map.meta.emplace().dependent_vtags = {dependency()};
  return costs(all, ends, ends, std::move(map), asker);
}

Answer Services::filtered_cost_map(const Service&, const Message* request, const Asker& asker) const {
  const auto& asked = *body_of<CostMapFilter>(request);
  Answer out;
  out.fault = cost_fault(asked);
  if (out.fault) return out;
  const auto ends = [&](const std::optional<std::vector<std::string>>& list, const char* path) {
    if (!list || list->empty()) return all_pids();
    Ends found;
    for (const std::string& pid : once(*list)) {
      if (!pid_name_fault(pid, true).empty() && !out.fault) out.fault = Fault{kErrorFieldValue, path, pid};
      // Unknown PIDs are treated as not requested (section 11.3.2.6).
      if (const auto number = world_->numbers.find(pid); number != world_->numbers.end())
        found.push_back({quoted(pid), number->second});
    }
    return found;
  };
  const CostPids pids = asked.pids.value_or(CostPids{});
  const Ends sources = ends(pids.srcs, "pids/srcs");
  const Ends destinations = ends(pids.dsts, "pids/dsts");
  out.too_much = sources.size() * destinations.size() > limits_.max_pairs;
  if (out.fault || out.too_much) return out;
  CostMap map;
  map.meta.emplace().dependent_vtags = {dependency()};
  return costs(asked, sources, destinations, std::move(map), asker);
}

std::optional<Services::Ends> Services::endpoints_of(const std::optional<std::vector<std::string>>& list,
                                                     const char* path, const Asker& asker,
                                                     std::optional<Fault>& fault) const {
  Ends out;
  const auto add_end = [&](const std::string& name, const IpAddress& address) {
    const std::uint32_t pid = world_->table.find(address);
    if (pid != PrefixTable::kNone) out.push_back({quoted(name), pid});
  };
  if (!list || list->empty()) {
    // The client's own address as this server sees it (section 11.5.1.3).
    const bool v6 = asker.address.find(':') != std::string::npos;
    const auto own = v6 ? parse_ipv6(asker.address) : parse_ipv4(asker.address);
    if (own) add_end(endpoint_text(*own), *own);
    return out;
  }
  for (const std::string& text : once(*list)) {
    const auto address = parse_endpoint(text).value();
    if (!address) {
      fault = Fault{kErrorFieldValue, path, text};
      return std::nullopt;
    }
    add_end(text, *address);
  }
  return out;
}

Answer Services::endpoint_costs(const Service&, const Message* request, const Asker& asker) const {
  const auto& asked = *body_of<EndpointCostParams>(request);
  Answer out;
  out.fault = cost_fault(asked);
  if (out.fault) return out;
  const auto none = [](const auto& list) { return !list || list->empty(); };
  if (none(asked.endpoints->srcs) && none(asked.endpoints->dsts)) {
    out.fault = Fault{kErrorFieldValue, "endpoints", {}};
    return out;
  }
  const auto sources = endpoints_of(asked.endpoints->srcs, "endpoints/srcs", asker, out.fault);
  if (!sources) return out;
  const auto destinations = endpoints_of(asked.endpoints->dsts, "endpoints/dsts", asker, out.fault);
  if (!destinations) return out;
  out.too_much = sources->size() * destinations->size() > limits_.max_pairs;
  if (out.too_much) return out;
  EndpointCosts map;
  map.meta.emplace();
  return costs(asked, *sources, *destinations, std::move(map), asker);
}

}  // namespace peerscope::alto
