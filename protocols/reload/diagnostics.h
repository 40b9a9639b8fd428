// SPDX-License-Identifier: GPL-2.0-or-later
// Diagnostics: RFC 7851 section 5, in the message extension Diagnostic_Ping and in PathTrack. By the notation the list
// has a length of its own behind ext_length, which says the same; the form with ext_length alone is read as well.
//
//   DiagnosticsRequest:  expiration (8) | timestamp_initiated (8) | dMFlags (8) | ext_length (4)
//                        | length (4) { kind (2) | length (4) contents }
//   DiagnosticsResponse: expiration (8) | timestamp_initiated (8) | timestamp_received (8) | hop_counter (1)
//                        | ext_length (4) | length (4) { kind (2) | length (2) contents }
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/binary_archive.h"
#include "protocols/reload/kind.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr std::uint16_t kStatusInfoKind = 0x01;
inline constexpr std::uint16_t kRoutingTableSizeKind = 0x02;
inline constexpr std::uint16_t kProcessPowerKind = 0x03;
inline constexpr std::uint16_t kUpstreamBandwidthKind = 0x04;
inline constexpr std::uint16_t kDownstreamBandwidthKind = 0x05;
inline constexpr std::uint16_t kSoftwareVersionKind = 0x06;
inline constexpr std::uint16_t kMachineUptimeKind = 0x07;
inline constexpr std::uint16_t kAppUptimeKind = 0x08;
inline constexpr std::uint16_t kMemoryFootprintKind = 0x09;
inline constexpr std::uint16_t kDatasizeStoredKind = 0x0a;
inline constexpr std::uint16_t kInstancesStoredKind = 0x0b;
inline constexpr std::uint16_t kMessagesSentRcvdKind = 0x0c;
inline constexpr std::uint16_t kEwmaBytesSentKind = 0x0d;
inline constexpr std::uint16_t kEwmaBytesRcvdKind = 0x0e;
inline constexpr std::uint16_t kUnderlayHopKind = 0x0f;
inline constexpr std::uint16_t kBatteryStatusKind = 0x10;
inline constexpr std::uint16_t kLastFlagKind = 0x3f;  // kinds up to here are asked for by flags
inline constexpr ValueName kDiagnosticKindNames[] = {{kStatusInfoKind, "STATUS_INFO"},
                                                     {kRoutingTableSizeKind, "ROUTING_TABLE_SIZE"},
                                                     {kProcessPowerKind, "PROCESS_POWER"},
                                                     {kUpstreamBandwidthKind, "UPSTREAM_BANDWIDTH"},
                                                     {kDownstreamBandwidthKind, "DOWNSTREAM_BANDWIDTH"},
                                                     {kSoftwareVersionKind, "SOFTWARE_VERSION"},
                                                     {kMachineUptimeKind, "MACHINE_UPTIME"},
                                                     {kAppUptimeKind, "APP_UPTIME"},
                                                     {kMemoryFootprintKind, "MEMORY_FOOTPRINT"},
                                                     {kDatasizeStoredKind, "DATASIZE_STORED"},
                                                     {kInstancesStoredKind, "INSTANCES_STORED"},
                                                     {kMessagesSentRcvdKind, "MESSAGES_SENT_RCVD"},
                                                     {kEwmaBytesSentKind, "EWMA_BYTES_SENT"},
                                                     {kEwmaBytesRcvdKind, "EWMA_BYTES_RCVD"},
                                                     {kUnderlayHopKind, "UNDERLAY_HOP"},
                                                     {kBatteryStatusKind, "BATTERY_STATUS"}};
inline constexpr Field kDiagnosticsRequest{.filter = "relo.diagnostics_request",
                                           .name = "diagnostics_request",
                                           .label = "Diagnostics request",
                                           .type = Type::kGroup,
                                           .section = "RFC 7851, 5.1",
                                           .about = "Which diagnostics are wanted"};
inline constexpr Field kDiagnosticsExpiration{.filter = "relo.diagnostics_request.expiration",
                                              .name = "expiration",
                                              .label = "Expiration",
                                              .type = Type::kUint64,
                                              .section = "RFC 7851, 5.1",
                                              .about = "ms since 1970",
                                              .replay = Replay::kTime};
inline constexpr Field kDiagnosticsInitiated{.filter = "relo.diagnostics_request.timestamp_initiated",
                                             .name = "timestamp_initiated",
                                             .label = "Initiated",
                                             .type = Type::kUint64,
                                             .section = "RFC 7851, 5.1",
                                             .about = "ms since 1970",
                                             .replay = Replay::kTime};
inline constexpr Field kDmFlags{.filter = "relo.diagnostics_request.dm_flags",
                                .name = "dMFlags",
                                .label = "Wanted kinds",
                                .type = Type::kUint64,
                                .section = "RFC 7851, 5.3",
                                .about = "Bit n asks for the diagnostic kind n",
                                .display = Display::kHex};
inline constexpr Field kDiagnosticsExtLength{.filter = "relo.diagnostics_request.ext_length",
                                             .name = "ext_length",
                                             .label = "Extension length",
                                             .type = Type::kUint32,
                                             .section = "RFC 7851, 5.1",
                                             .about = "Bytes of the list",
                                             .replay = Replay::kDerived};
inline constexpr Field kDiagnosticsListLength{.filter = "relo.diagnostics_request.list_length",
                                              .name = "diagnostic_extensions_list_length",
                                              .label = "List length",
                                              .type = Type::kUint32,
                                              .section = "RFC 7851, 5.1",
                                              .about = "Bytes of the list, again",
                                              .replay = Replay::kDerived};
inline constexpr Field kDiagnosticExtension{.filter = "relo.diagnostics_request.extension",
                                            .name = "diagnostic_extensions_list",
                                            .label = "Extension",
                                            .type = Type::kGroup,
                                            .section = "RFC 7851, 5.1",
                                            .about = "A diagnostic that has no flag"};
inline constexpr Field kDiagnosticExtensionKind{.filter = "relo.diagnostics_request.kind",
                                                .name = "kind",
                                                .label = "Diagnostic kind",
                                                .type = Type::kUint16,
                                                .section = "RFC 7851, 5.1",
                                                .about = "Which diagnostic",
                                                .display = Display::kHex,
                                                .names = kDiagnosticKindNames};
inline constexpr Field kDiagnosticExtensionLength{.filter = "relo.diagnostics_request.contents_length",
                                                  .name = "contents_length",
                                                  .label = "Contents length",
                                                  .type = Type::kUint32,
                                                  .section = "RFC 7851, 5.1",
                                                  .about = "Bytes of the contents",
                                                  .replay = Replay::kDerived};
inline constexpr Field kDiagnosticExtensionContents{.filter = "relo.diagnostics_request.contents",
                                                    .name = "diagnostic_extension_contents",
                                                    .label = "Contents",
                                                    .type = Type::kBytes,
                                                    .section = "RFC 7851, 5.1",
                                                    .about = "As the extension defines them"};
inline constexpr Field kDiagnosticsResponse{.filter = "relo.diagnostics_response",
                                            .name = "diagnostics_response",
                                            .label = "Diagnostics response",
                                            .type = Type::kGroup,
                                            .section = "RFC 7851, 5.2",
                                            .about = "Diagnostics"};
inline constexpr Field kResponseExpiration{.filter = "relo.diagnostics_response.expiration",
                                           .name = "expiration",
                                           .label = "Expiration",
                                           .type = Type::kUint64,
                                           .section = "RFC 7851, 5.2",
                                           .about = "ms since 1970",
                                           .replay = Replay::kTime};
inline constexpr Field kResponseInitiated{.filter = "relo.diagnostics_response.timestamp_initiated",
                                          .name = "timestamp_initiated",
                                          .label = "Initiated",
                                          .type = Type::kUint64,
                                          .section = "RFC 7851, 5.2",
                                          .about = "Copied from the request",
                                          .replay = Replay::kTime};
inline constexpr Field kResponseReceived{.filter = "relo.diagnostics_response.timestamp_received",
                                         .name = "timestamp_received",
                                         .label = "Received",
                                         .type = Type::kUint64,
                                         .section = "RFC 7851, 5.2",
                                         .about = "When the request was received, ms since 1970",
                                         .replay = Replay::kTime};
inline constexpr Field kHopCounter{.filter = "relo.diagnostics_response.hop_counter",
                                   .name = "hop_counter",
                                   .label = "Hop counter",
                                   .type = Type::kUint8,
                                   .section = "RFC 7851, 5.2",
                                   .about = "TTL of the request when it was received"};
inline constexpr Field kResponseExtLength{.filter = "relo.diagnostics_response.ext_length",
                                          .name = "ext_length",
                                          .label = "Extension length",
                                          .type = Type::kUint32,
                                          .section = "RFC 7851, 5.2",
                                          .about = "Bytes of the list",
                                          .replay = Replay::kDerived};
inline constexpr Field kResponseListLength{.filter = "relo.diagnostics_response.list_length",
                                           .name = "diagnostic_info_list_length",
                                           .label = "List length",
                                           .type = Type::kUint32,
                                           .section = "RFC 7851, 5.2",
                                           .about = "Bytes of the list, again",
                                           .replay = Replay::kDerived};
inline constexpr Field kDiagnosticInfo{.filter = "relo.diagnostics_response.info",
                                       .name = "diagnostic_info_list",
                                       .label = "Diagnostic",
                                       .type = Type::kGroup,
                                       .section = "RFC 7851, 5.2",
                                       .about = "One diagnostic"};
inline constexpr Field kDiagnosticInfoKind{.filter = "relo.diagnostic.kind",
                                           .name = "kind",
                                           .label = "Diagnostic kind",
                                           .type = Type::kUint16,
                                           .section = "RFC 7851, 5.2",
                                           .about = "Which diagnostic",
                                           .display = Display::kHex,
                                           .names = kDiagnosticKindNames};
inline constexpr Field kDiagnosticInfoLength{.filter = "relo.diagnostic.contents_length",
                                             .name = "contents_length",
                                             .label = "Contents length",
                                             .type = Type::kUint16,
                                             .section = "RFC 7851, 5.2",
                                             .about = "Bytes of the contents",
                                             .replay = Replay::kDerived};
inline constexpr Field kDiagnosticInfoContents{.filter = "relo.diagnostic.contents",
                                               .name = "diagnostic_info_contents",
                                               .label = "Contents",
                                               .type = Type::kBytes,
                                               .section = "RFC 7851, 5.2",
                                               .about = "As the kind defines them"};
inline constexpr Field kStatusInfo{.filter = "relo.diagnostic.status_info",
                                   .name = "status_info",
                                   .label = "Status",
                                   .type = Type::kUint8,
                                   .section = "RFC 7851, 5.3",
                                   .about = "0 idle to 15 congested"};
inline constexpr Field kRoutingTableSize{.filter = "relo.diagnostic.routing_table_size",
                                         .name = "routing_table_size",
                                         .label = "Routing table size",
                                         .type = Type::kUint32,
                                         .section = "RFC 7851, 5.3",
                                         .about = "Peers in the routing table"};
inline constexpr Field kProcessPower{.filter = "relo.diagnostic.process_power",
                                     .name = "process_power",
                                     .label = "Process power",
                                     .type = Type::kUint64,
                                     .section = "RFC 7851, 5.3",
                                     .about = "MIPS"};
inline constexpr Field kUpstreamBandwidth{.filter = "relo.diagnostic.upstream_bandwidth",
                                          .name = "upstream_bandwidth",
                                          .label = "Upstream bandwidth",
                                          .type = Type::kUint64,
                                          .section = "RFC 7851, 5.3",
                                          .about = "kbit/s"};
inline constexpr Field kDownstreamBandwidth{.filter = "relo.diagnostic.downstream_bandwidth",
                                            .name = "downstream_bandwidth",
                                            .label = "Downstream bandwidth",
                                            .type = Type::kUint64,
                                            .section = "RFC 7851, 5.3",
                                            .about = "kbit/s"};
inline constexpr Field kSoftwareVersion{.filter = "relo.diagnostic.software_version",
                                        .name = "software_version",
                                        .label = "Software version",
                                        .section = "RFC 7851, 5.3",
                                        .about = "Text, ended by a zero byte"};
inline constexpr Field kMachineUptime{.filter = "relo.diagnostic.machine_uptime",
                                      .name = "machine_uptime",
                                      .label = "Machine uptime",
                                      .type = Type::kUint64,
                                      .section = "RFC 7851, 5.3",
                                      .about = "s",
                                      .replay = Replay::kTime};
inline constexpr Field kAppUptime{.filter = "relo.diagnostic.app_uptime",
                                  .name = "app_uptime",
                                  .label = "Application uptime",
                                  .type = Type::kUint64,
                                  .section = "RFC 7851, 5.3",
                                  .about = "s",
                                  .replay = Replay::kTime};
inline constexpr Field kMemoryFootprint{.filter = "relo.diagnostic.memory_footprint",
                                        .name = "memory_footprint",
                                        .label = "Memory footprint",
                                        .type = Type::kUint64,
                                        .section = "RFC 7851, 5.3",
                                        .about = "KiB"};
inline constexpr Field kDatasizeStored{.filter = "relo.diagnostic.datasize_stored",
                                       .name = "datasize_stored",
                                       .label = "Data stored",
                                       .type = Type::kUint64,
                                       .section = "RFC 7851, 5.3",
                                       .about = "Bytes"};
inline constexpr Field kInstancesStored{.filter = "relo.diagnostic.instances_stored",
                                        .name = "instances_stored",
                                        .label = "Instances stored",
                                        .type = Type::kGroup,
                                        .section = "RFC 7851, 5.3",
                                        .about = "Values of one Kind"};
inline constexpr Field kInstancesKind{.filter = "relo.diagnostic.instances_kind",
                                      .name = "kind",
                                      .label = "Kind",
                                      .type = Type::kUint32,
                                      .section = "RFC 7851, 5.3",
                                      .about = "Kind of the values",
                                      .display = Display::kHex,
                                      .names = kKindNames};
inline constexpr Field kInstances{.filter = "relo.diagnostic.instances",
                                  .name = "instances",
                                  .label = "Instances",
                                  .type = Type::kUint64,
                                  .section = "RFC 7851, 5.3",
                                  .about = "How many"};
inline constexpr Field kMessagesSentRcvd{.filter = "relo.diagnostic.messages",
                                         .name = "messages_sent_rcvd",
                                         .label = "Messages",
                                         .type = Type::kGroup,
                                         .section = "RFC 7851, 5.3",
                                         .about = "Messages of one method"};
inline constexpr Field kMessagesCode{.filter = "relo.diagnostic.messages_code",
                                     .name = "message_code",
                                     .label = "Message code",
                                     .type = Type::kUint16,
                                     .section = "RFC 7851, 5.3",
                                     .about = "Which method",
                                     .display = Display::kHex,
                                     .names = kMethodNames};
inline constexpr Field kMessagesSent{.filter = "relo.diagnostic.messages_sent",
                                     .name = "sent",
                                     .label = "Sent",
                                     .type = Type::kUint64,
                                     .section = "RFC 7851, 5.3",
                                     .about = "How many were sent"};
inline constexpr Field kMessagesReceived{.filter = "relo.diagnostic.messages_received",
                                         .name = "received",
                                         .label = "Received",
                                         .type = Type::kUint64,
                                         .section = "RFC 7851, 5.3",
                                         .about = "How many were received"};
inline constexpr Field kEwmaBytesSent{.filter = "relo.diagnostic.ewma_bytes_sent",
                                      .name = "ewma_bytes_sent",
                                      .label = "Bytes sent",
                                      .type = Type::kUint32,
                                      .section = "RFC 7851, 5.3",
                                      .about = "Moving average, bytes/s"};
inline constexpr Field kEwmaBytesRcvd{.filter = "relo.diagnostic.ewma_bytes_rcvd",
                                      .name = "ewma_bytes_rcvd",
                                      .label = "Bytes received",
                                      .type = Type::kUint32,
                                      .section = "RFC 7851, 5.3",
                                      .about = "Moving average, bytes/s"};
inline constexpr Field kUnderlayHop{.filter = "relo.diagnostic.underlay_hop",
                                    .name = "underlay_hop",
                                    .label = "Underlay hops",
                                    .type = Type::kUint8,
                                    .section = "RFC 7851, 5.3",
                                    .about = "Hops of the underlay to the next node"};
inline constexpr Field kBatteryStatus{.filter = "relo.diagnostic.battery_status",
                                      .name = "battery_status",
                                      .label = "Battery status",
                                      .type = Type::kUint8,
                                      .section = "RFC 7851, 5.3",
                                      .about = "High bit 0: on battery",
                                      .display = Display::kHex};

// Whether the list stands behind ext_length without a length of its own.
bool has_single_length(std::string_view rest, std::uint64_t ext_length);

struct DiagnosticExtension {
  std::uint16_t kind = 0;
  std::string contents;
};
template <class A>
void describe(A& a, DiagnosticExtension& m) {
  a.number(kDiagnosticExtensionKind, m.kind);
  a.prefixed(kDiagnosticExtensionLength, [&] { a.rest(kDiagnosticExtensionContents, m.contents); });
}

template <class A, class F>
void describe_list(A& a, const Length& ext_length, const Field& length, bool& single_length, F&& list) {
  a.peek([&](std::string_view rest) { single_length = has_single_length(rest, ext_length.value); });
  a.when(!single_length, [&] { a.prefixed(length, [&] { a.sized(ext_length, list); }); });
  a.when(single_length, [&] { a.sized(ext_length, list); });
}

struct DiagnosticsRequest {
  std::uint64_t expiration = 0;           // ms since 1970
  std::uint64_t timestamp_initiated = 0;  // ms since 1970
  std::uint64_t flags = 0;
  bool single_length = false;
  std::vector<DiagnosticExtension> extensions;
};
template <class A>
void describe(A& a, DiagnosticsRequest& m) {
  a.number(kDiagnosticsExpiration, m.expiration);
  a.number(kDiagnosticsInitiated, m.timestamp_initiated);
  a.number(kDmFlags, m.flags);
  const Length length = a.length(kDiagnosticsExtLength);
  describe_list(a, length, kDiagnosticsListLength, m.single_length,
                [&] { a.sequence(kDiagnosticExtension, m.extensions); });
}

struct InstancesStored {
  std::uint32_t kind = 0;
  std::uint64_t instances = 0;
};
template <class A>
void describe(A& a, InstancesStored& m) {
  a.number(kInstancesKind, m.kind);
  a.number(kInstances, m.instances);
}

struct MessagesSentRcvd {
  std::uint16_t code = 0;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};
template <class A>
void describe(A& a, MessagesSentRcvd& m) {
  a.number(kMessagesCode, m.code);
  a.number(kMessagesSent, m.sent);
  a.number(kMessagesReceived, m.received);
}

// The contents of one diagnostic. How the two lists are encoded is not said; key and values packed is our reading.
struct DiagnosticValue {
  std::uint16_t kind = 0;
  std::uint64_t number = 0;
  std::string text;
  std::vector<InstancesStored> instances;
  std::vector<MessagesSentRcvd> messages;
};
template <class A>
void describe(A& a, DiagnosticValue& m) {
  static constexpr struct {
    std::uint16_t kind;
    const Field* field;
  } kNumbers[] = {{kStatusInfoKind, &kStatusInfo},
                  {kRoutingTableSizeKind, &kRoutingTableSize},
                  {kProcessPowerKind, &kProcessPower},
                  {kUpstreamBandwidthKind, &kUpstreamBandwidth},
                  {kDownstreamBandwidthKind, &kDownstreamBandwidth},
                  {kMachineUptimeKind, &kMachineUptime},
                  {kAppUptimeKind, &kAppUptime},
                  {kMemoryFootprintKind, &kMemoryFootprint},
                  {kDatasizeStoredKind, &kDatasizeStored},
                  {kEwmaBytesSentKind, &kEwmaBytesSent},
                  {kEwmaBytesRcvdKind, &kEwmaBytesRcvd},
                  {kUnderlayHopKind, &kUnderlayHop},
                  {kBatteryStatusKind, &kBatteryStatus}};
  for (const auto& row : kNumbers) a.when(m.kind == row.kind, [&] { a.number(*row.field, m.number); });
  a.when(m.kind == kSoftwareVersionKind, [&] { a.rest(kSoftwareVersion, m.text); });
  a.when(m.kind == kInstancesStoredKind, [&] { a.sequence(kInstancesStored, m.instances); });
  a.when(m.kind == kMessagesSentRcvdKind, [&] { a.sequence(kMessagesSentRcvd, m.messages); });
}

struct DiagnosticInfo {
  std::uint16_t kind = 0;
  std::string contents;  // encoded
};
template <class A>
void describe(A& a, DiagnosticInfo& m) {
  a.number(kDiagnosticInfoKind, m.kind);
  a.prefixed(kDiagnosticInfoLength, [&] {
    DiagnosticValue typed;
    typed.kind = m.kind;
    a.nested(kDiagnosticInfoContents, m.contents, typed);
  });
}

struct DiagnosticsResponse {
  std::uint64_t expiration = 0;           // ms since 1970
  std::uint64_t timestamp_initiated = 0;  // ms since 1970
  std::uint64_t timestamp_received = 0;   // ms since 1970
  std::uint8_t hop_counter = 0;
  bool single_length = false;
  std::vector<DiagnosticInfo> infos;
};
template <class A>
void describe(A& a, DiagnosticsResponse& m) {
  a.number(kResponseExpiration, m.expiration);
  a.number(kResponseInitiated, m.timestamp_initiated);
  a.number(kResponseReceived, m.timestamp_received);
  a.number(kHopCounter, m.hop_counter);
  const Length length = a.length(kResponseExtLength);
  describe_list(a, length, kResponseListLength, m.single_length, [&] { a.sequence(kDiagnosticInfo, m.infos); });
}

}  // namespace peerscope::reload
