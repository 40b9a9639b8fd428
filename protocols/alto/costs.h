// SPDX-License-Identifier: GPL-2.0-or-later
// What cost maps and endpoint costs share: costs by source and destination, their cost types, and the calendar of
// RFC 8896. A cost is a number; with RFC 8189 an array with one element a cost type, with RFC 8896 an array with one
// element an interval, with RFC 9275 an array of names of abstract network elements; null: no value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/cost_type.h"
#include "protocols/alto/directory.h"
#include "protocols/alto/message_fields.h"
#include "protocols/alto/vtag.h"
#include "protocols/base/json_value.h"

namespace peerscope::alto {

inline constexpr Field kCost{.filter = "alto.cost",
                             .name = "",
                             .label = "Cost",
                             .type = Type::kDouble,
                             .section = "11.2.3.6",
                             .about = "Cost from a source to a destination"};
inline constexpr Field kCostAne{.filter = "alto.ane",
                                .name = "",
                                .label = "ANE",
                                .section = "RFC 9275, 6.5",
                                .about = "Abstract network element on the path"};
inline constexpr Field kCostList{.filter = "alto.costs",
                                 .name = "",
                                 .label = "Costs",
                                 .type = Type::kGroup,
                                 .section = "RFC 8189, 4.1.3",
                                 .about = "Costs by cost type, by interval or by element of a path"};
inline constexpr Field kNoCost{.filter = "alto.cost.other",
                               .name = "",
                               .label = "Cost",
                               .section = "RFC 8189, 4.1.3",
                               .about = "What stands in place of a cost and is neither number nor text: null, as JSON"};
inline constexpr ValueFields kCostValue{&kCost, &kCostAne, &kCostList, &kNoCost};
inline constexpr Field kCostRow{.filter = "alto.cost_row",
                                .name = "",
                                .label = "Costs from",
                                .type = Type::kGroup,
                                .section = "11.2.3.6",
                                .about = "Costs from one source"};

inline constexpr Field kCalendarResponseAttributes{.filter = "alto.calendar",
                                                   .name = "calendar-response-attributes",
                                                   .label = "Calendar",
                                                   .type = Type::kGroup,
                                                   .section = "RFC 8896, 5.1.2",
                                                   .about = "What the intervals of the arrays mean"};
inline constexpr Field kCalendarStartTime{.filter = "alto.calendar.start",
                                          .name = "calendar-start-time",
                                          .label = "Start",
                                          .section = "RFC 8896, 5.1.2",
                                          .about = "Start of the first interval, as in HTTP dates",
                                          .replay = Replay::kTime};
inline constexpr Field kRepeated{.filter = "alto.calendar.repeated",
                                 .name = "repeated",
                                 .label = "Repeated",
                                 .type = Type::kInt64,
                                 .section = "RFC 8896, 5.1.2",
                                 .about = "Periods for which the values hold",
                                 .min = 1};

struct CalendarResponseAttributes {
  std::vector<std::string> cost_type_names;
  std::optional<std::string> calendar_start_time;
  std::optional<double> time_interval_size;
  std::optional<std::int64_t> number_of_intervals;
  std::optional<std::int64_t> repeated;
};
template <class A>
void describe(A& a, CalendarResponseAttributes& m) {
  a.optional(kCalendarCostTypeNames, m.cost_type_names);
  a.required(kCalendarStartTime, m.calendar_start_time);
  a.required(kTimeIntervalSize, m.time_interval_size);
  a.required(kNumberOfIntervals, m.number_of_intervals);
  a.optional(kRepeated, m.repeated);
}

}  // namespace peerscope::alto
