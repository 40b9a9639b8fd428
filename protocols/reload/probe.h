// SPDX-License-Identifier: GPL-2.0-or-later
// Probe: RFC 6940 section 6.4.2.5. Asks a node for facts about itself.
//
//   ProbeReq: length (1) | requested_info (1 each)
//   ProbeAns: length (2) | { type (1) | length (1) | value }
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kResponsibleSet = 1;
inline constexpr std::uint8_t kNumResources = 2;
inline constexpr std::uint8_t kUptime = 3;
inline constexpr std::uint8_t kExpProbe = 4;
inline constexpr ValueName kProbeInformationNames[] = {{kResponsibleSet, "responsible_set"},
                                                       {kNumResources, "num_resources"},
                                                       {kUptime, "uptime"},
                                                       {kExpProbe, "exp-probe"}};
inline constexpr Field kProbeReq{.filter = "relo.probe_req",
                                 .name = "probe_req",
                                 .label = "ProbeReq",
                                 .type = Type::kGroup,
                                 .section = "6.4.2.5.1",
                                 .about = "Request for facts about the node"};
inline constexpr Field kRequestedInfoLength{.filter = "relo.probe_req.requested_info_length",
                                            .name = "requested_info_length",
                                            .label = "Requested info length",
                                            .type = Type::kUint8,
                                            .section = "6.4.2.5.1",
                                            .about = "Bytes of the list",
                                            .replay = Replay::kDerived};
inline constexpr Field kRequestedInfo{.filter = "relo.probe_req.requested_info",
                                      .name = "requested_info",
                                      .label = "Requested info",
                                      .type = Type::kUint8,
                                      .section = "6.4.2.5.1",
                                      .about = "A fact that is asked for",
                                      .names = kProbeInformationNames};
inline constexpr Field kProbeAns{.filter = "relo.probe_ans",
                                 .name = "probe_ans",
                                 .label = "ProbeAns",
                                 .type = Type::kGroup,
                                 .section = "6.4.2.5.2",
                                 .about = "Facts about the node"};
inline constexpr Field kProbeInfoLength{.filter = "relo.probe_ans.probe_info_length",
                                        .name = "probe_info_length",
                                        .label = "Probe info length",
                                        .type = Type::kUint16,
                                        .section = "6.4.2.5.2",
                                        .about = "Bytes of the list",
                                        .replay = Replay::kDerived};
inline constexpr Field kProbeInfo{.filter = "relo.probe_ans.probe_info",
                                  .name = "probe_info",
                                  .label = "Probe information",
                                  .type = Type::kGroup,
                                  .section = "6.4.2.5.2",
                                  .about = "One fact"};
inline constexpr Field kProbeType{.filter = "relo.probe_ans.type",
                                  .name = "type",
                                  .label = "Type",
                                  .type = Type::kUint8,
                                  .section = "6.4.2.5.2",
                                  .about = "Which fact",
                                  .names = kProbeInformationNames};
inline constexpr Field kProbeLength{.filter = "relo.probe_ans.length",
                                    .name = "length",
                                    .label = "Length",
                                    .type = Type::kUint8,
                                    .section = "6.4.2.5.2",
                                    .about = "Bytes of the value",
                                    .replay = Replay::kDerived};
inline constexpr Field kResponsiblePpb{.filter = "relo.probe_ans.responsible_ppb",
                                       .name = "responsible_ppb",
                                       .label = "Responsible set",
                                       .type = Type::kUint32,
                                       .section = "6.4.2.5.2",
                                       .about = "Share of the ID space, in parts per billion"};
inline constexpr Field kResources{.filter = "relo.probe_ans.num_resources",
                                  .name = "num_resources",
                                  .label = "Resources",
                                  .type = Type::kUint32,
                                  .section = "6.4.2.5.2",
                                  .about = "Resources stored"};
inline constexpr Field kProbeUptime{.filter = "relo.probe_ans.uptime",
                                    .name = "uptime",
                                    .label = "Uptime",
                                    .type = Type::kUint32,
                                    .section = "6.4.2.5.2",
                                    .about = "Seconds that the node has been up",
                                    .replay = Replay::kTime};
inline constexpr Field kProbeValue{.filter = "relo.probe_ans.value",
                                   .name = "value",
                                   .label = "Value",
                                   .type = Type::kBytes,
                                   .section = "6.4.2.5.2",
                                   .about = "A fact of a type that is not known"};

struct ProbeReq {
  static constexpr std::uint16_t kCode = kProbeReqMethod.code;
  static constexpr const Field* kGroup = &kProbeReq;
  std::vector<std::uint8_t> requested_info;
};
template <class A>
void describe(A& a, ProbeReq& m) {
  a.prefixed(kRequestedInfoLength, [&] { a.numbers(kRequestedInfo, m.requested_info); });
}

struct ProbeInformation {
  std::uint8_t type = 0;
  std::uint32_t value = 0;  // of the known types
  std::string data;         // of others
};
template <class A>
void describe(A& a, ProbeInformation& m) {
  a.number(kProbeType, m.type);
  a.prefixed(kProbeLength, [&] {
    a.when(m.type == kResponsibleSet, [&] { a.number(kResponsiblePpb, m.value); });
    a.when(m.type == kNumResources, [&] { a.number(kResources, m.value); });
    a.when(m.type == kUptime, [&] { a.number(kProbeUptime, m.value); });
    a.when(m.type == 0 || m.type > kUptime, [&] { a.rest(kProbeValue, m.data); });
  });
}

struct ProbeAns {
  static constexpr std::uint16_t kCode = kProbeAnsMethod.code;
  static constexpr const Field* kGroup = &kProbeAns;
  std::vector<ProbeInformation> probe_info;
};
template <class A>
void describe(A& a, ProbeAns& m) {
  a.prefixed(kProbeInfoLength, [&] { a.sequence(kProbeInfo, m.probe_info); });
}

}  // namespace peerscope::reload
