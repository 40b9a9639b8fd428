// SPDX-License-Identifier: GPL-2.0-or-later
// STAT_REPORT: RFC 7846 sections 3.2.5, 3.3.3 and 4.1.3. Statistics and keep-alive; without the object it is a
// keep-alive only.
//
//   "stat_report": { "type": "STREAM_STATS",
//                    "stat": [{ "swarm_id": "1111", "uploaded_bytes": 512, "downloaded_bytes": 768,
//                               "available_bandwidth": 1024000, "concurrent_links": 5 }] }
//
// The RFC gives no unit for available_bandwidth: shown raw.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/ppstp/connect.h"

namespace peerscope::ppstp {

inline constexpr std::string_view kStreamStats = "STREAM_STATS";
inline constexpr std::array<std::string_view, 1> kStatTypes = {kStreamStats};

inline constexpr Field kStatReport{.filter = "ppstp.stat_report",
                                   .name = "stat_report",
                                   .label = "Statistics report",
                                   .type = Type::kGroup,
                                   .section = "3.3.3",
                                   .about = "Request data of a STAT_REPORT"};
inline constexpr Field kStatType{.filter = "ppstp.stat.type",
                                 .name = "type",
                                 .label = "Statistics type",
                                 .section = "3.2.5",
                                 .about = "Kind of statistics",
                                 .vocabulary = kStatTypes};
inline constexpr Field kStat{.filter = "ppstp.stat",
                             .name = "stat",
                             .label = "Statistics",
                             .type = Type::kGroup,
                             .section = "3.2.5",
                             .about = "Figures of one swarm",
                             .misnamed = "Stat"};
inline constexpr Field kUploadedBytes{.filter = "ppstp.stat.uploaded",
                                      .name = "uploaded_bytes",
                                      .label = "Uploaded",
                                      .type = Type::kInt64,
                                      .section = "3.2.5",
                                      .about = "Bytes sent to the swarm",
                                      .min = 0};
inline constexpr Field kDownloadedBytes{.filter = "ppstp.stat.downloaded",
                                        .name = "downloaded_bytes",
                                        .label = "Downloaded",
                                        .type = Type::kInt64,
                                        .section = "3.2.5",
                                        .about = "Bytes received from the swarm",
                                        .min = 0};
inline constexpr Field kAvailableBandwidth{.filter = "ppstp.stat.available_bandwidth",
                                           .name = "available_bandwidth",
                                           .label = "Available bandwidth",
                                           .type = Type::kInt64,
                                           .section = "3.2.5",
                                           .about = "Upload bandwidth available now; the RFC gives no unit",
                                           .min = 0};
inline constexpr Field kStatLinks{.filter = "ppstp.stat.concurrent_links",
                                  .name = "concurrent_links",
                                  .label = "Links",
                                  .type = Type::kInt64,
                                  .section = "3.2.5",
                                  .about = "Links in this swarm now",
                                  .min = 0};

struct Stat {
  std::optional<std::string> swarm_id;
  std::optional<std::int64_t> uploaded_bytes;
  std::optional<std::int64_t> downloaded_bytes;
  std::optional<std::int64_t> available_bandwidth;
  std::optional<std::int64_t> concurrent_links;
};
template <class A>
void describe(A& a, Stat& m) {
  a.required(kSwarmId, m.swarm_id);
  a.required(kUploadedBytes, m.uploaded_bytes);
  a.required(kDownloadedBytes, m.downloaded_bytes);
  a.required(kAvailableBandwidth, m.available_bandwidth);
  a.required(kStatLinks, m.concurrent_links);
}

struct StatReport {
  std::optional<std::string> type;
  std::vector<Stat> stat;
};
template <class A>
void describe(A& a, StatReport& m) {
  a.required(kStatType, m.type);
  a.required(kStat, m.stat);
}

}  // namespace peerscope::ppstp
