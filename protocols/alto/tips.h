// SPDX-License-Identifier: GPL-2.0-or-later
// TIPS view: RFC 9569 section 6.2, the answer to opening one.
//
//   { "tips-view-uri": "https://alto.example.com/tips/1",
//     "tips-view-summary": { "updates-graph-summary": { "start-seq": 101, "end-seq": 106,
//                                                       "start-edge-rec": { "seq-i": 0, "seq-j": 105 } } } }
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocols/alto/message_fields.h"

namespace peerscope::alto {

inline constexpr Field kTipsViewUri{.filter = "alto.tips.view",
                                    .name = "tips-view-uri",
                                    .label = "TIPS view URI",
                                    .section = "RFC 9569, 6.2",
                                    .about = "Where the updates graph is",
                                    .replay = Replay::kAddress};
inline constexpr Field kTipsViewSummary{.filter = "alto.tips.summary",
                                        .name = "tips-view-summary",
                                        .label = "TIPS view summary",
                                        .type = Type::kGroup,
                                        .section = "RFC 9569, 6.2"};
inline constexpr Field kUpdatesGraphSummary{.filter = "alto.tips.graph",
                                            .name = "updates-graph-summary",
                                            .label = "Updates graph",
                                            .type = Type::kGroup,
                                            .section = "RFC 9569, 6.2"};
inline constexpr Field kStartSeq{.filter = "alto.tips.start_seq",
                                 .name = "start-seq",
                                 .label = "First version",
                                 .type = Type::kInt64,
                                 .section = "RFC 9569, 6.2",
                                 .about = "Oldest version that the view still has",
                                 .replay = Replay::kOrdering,
                                 .min = 0};
inline constexpr Field kEndSeq{.filter = "alto.tips.end_seq",
                               .name = "end-seq",
                               .label = "Last version",
                               .type = Type::kInt64,
                               .section = "RFC 9569, 6.2",
                               .about = "Newest version",
                               .replay = Replay::kOrdering,
                               .min = 0};
inline constexpr Field kStartEdge{.filter = "alto.tips.edge",
                                  .name = "start-edge-rec",
                                  .label = "First edge",
                                  .type = Type::kGroup,
                                  .section = "RFC 9569, 6.2",
                                  .about = "Edge that the client should fetch first"};
inline constexpr Field kSeqI{.filter = "alto.tips.seq_i",
                             .name = "seq-i",
                             .label = "From version",
                             .type = Type::kInt64,
                             .section = "RFC 9569, 6.2",
                             .about = "0: a snapshot",
                             .replay = Replay::kOrdering,
                             .min = 0};
inline constexpr Field kSeqJ{.filter = "alto.tips.seq_j",
                             .name = "seq-j",
                             .label = "To version",
                             .type = Type::kInt64,
                             .section = "RFC 9569, 6.2",
                             .replay = Replay::kOrdering,
                             .min = 0};

struct TipsEdge {
  std::optional<std::int64_t> seq_i;
  std::optional<std::int64_t> seq_j;
};
template <class A>
void describe(A& a, TipsEdge& m) {
  a.required(kSeqI, m.seq_i);
  a.required(kSeqJ, m.seq_j);
}

struct UpdatesGraphSummary {
  std::optional<std::int64_t> start_seq;
  std::optional<std::int64_t> end_seq;
  std::optional<TipsEdge> start_edge;
};
template <class A>
void describe(A& a, UpdatesGraphSummary& m) {
  a.required(kStartSeq, m.start_seq);
  a.required(kEndSeq, m.end_seq);
  a.required(kStartEdge, m.start_edge);
}

struct TipsViewSummary {
  std::optional<UpdatesGraphSummary> graph;
};
template <class A>
void describe(A& a, TipsViewSummary& m) {
  a.required(kUpdatesGraphSummary, m.graph);
}

struct Tips {
  std::optional<std::string> tips_view_uri;
  std::optional<TipsViewSummary> summary;
};
template <class A>
void describe(A& a, Tips& m) {
  a.required(kTipsViewUri, m.tips_view_uri);
  a.required(kTipsViewSummary, m.summary);
}

}  // namespace peerscope::alto
