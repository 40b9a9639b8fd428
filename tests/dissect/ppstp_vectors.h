// SPDX-License-Identifier: GPL-2.0-or-later
// The PPSTP messages of shared/spec/ppsp.md, E4, in the strict form.
#pragma once

#include <string_view>

namespace peerscope::test {

// CONNECT: LEECH joins swarm sw-a (644 bytes)
inline constexpr std::string_view kConnect =
    R"({"PPSPTrackerProtocol":{"version":1,"request_type":"CONNECT","transaction_id":"t-001","peer_id":"pee)"
    R"(r-0001","connect":{"peer_num":{"peer_count":8,"ability_nat":"STUN","concurrent_links":3,"online_time)"
    R"(":420,"upload_bandwidth":2500},"peer_addr":[{"ip_address":{"address_type":"ipv4","address":"192.0.2.)"
    R"(2"},"port":6778,"priority":1,"type":"HOST","connection":"wired","asn":"64496","peer_protocol":"PPSP-)"
    R"(PP"},{"ip_address":{"address_type":"ipv6","address":"2001:db8::2"},"port":6778,"priority":2,"type":")"
    R"(HOST","connection":"wired","asn":"64496","peer_protocol":"PPSP-PP"}],"swarm_action":[{"swarm_id":"sw)"
    R"(-a","action":"JOIN","peer_mode":"LEECH"}]}}})";

// OK with one peer (498 bytes)
inline constexpr std::string_view kConnectOk =
    R"({"PPSPTrackerProtocol":{"version":1,"response_type":0,"error_code":0,"transaction_id":"t-001","peer_)"
    R"(addr":{"ip_address":{"address_type":"ipv4","address":"198.51.100.1"},"port":6778,"priority":1,"type")"
    R"(:"REFLEXIVE"},"swarm_result":[{"swarm_id":"sw-a","result":0,"peer_group":{"peer_info":[{"peer_id":"p)"
    R"(eer-0007","peer_addr":{"ip_address":{"address_type":"ipv4","address":"198.51.100.22"},"port":6778,"p)"
    R"(riority":2,"type":"REFLEXIVE","connection":"wired","asn":"64497","peer_protocol":"PPSP-PP"}}]}}]}})";

// FIND (161 bytes)
inline constexpr std::string_view kFind =
    R"({"PPSPTrackerProtocol":{"version":1,"request_type":"FIND","transaction_id":"t-002","peer_id":"peer-0)"
    R"(001","find":{"swarm_id":"sw-a","peer_num":{"peer_count":8}}}})";

// STAT_REPORT, two swarms (389 bytes)
inline constexpr std::string_view kStatReport =
    R"({"PPSPTrackerProtocol":{"version":1,"request_type":"STAT_REPORT","transaction_id":"t-003","peer_id":)"
    R"("peer-0001","stat_report":{"type":"STREAM_STATS","stat":[{"swarm_id":"sw-a","uploaded_bytes":40960,")"
    R"(downloaded_bytes":7162,"available_bandwidth":1500000,"concurrent_links":3},{"swarm_id":"sw-b","uploa)"
    R"(ded_bytes":0,"downloaded_bytes":0,"available_bandwidth":1500000,"concurrent_links":0}]}}})";

// STAT_REPORT as keep-alive (113 bytes)
inline constexpr std::string_view kKeepAlive =
    R"({"PPSPTrackerProtocol":{"version":1,"request_type":"STAT_REPORT","transaction_id":"t-004","peer_id":)"
    R"("peer-0001"}})";

// CONNECT: channel switch (251 bytes)
inline constexpr std::string_view kChannelSwitch =
    R"({"PPSPTrackerProtocol":{"version":1,"request_type":"CONNECT","transaction_id":"t-005","peer_id":"pee)"
    R"(r-0001","connect":{"swarm_action":[{"swarm_id":"sw-a","action":"LEAVE","peer_mode":"LEECH"},{"swarm_)"
    R"(id":"sw-b","action":"JOIN","peer_mode":"LEECH"}]}}})";

// FAILED, forbidden (95 bytes)
inline constexpr std::string_view kForbidden =
    R"({"PPSPTrackerProtocol":{"version":1,"response_type":1,"error_code":3,"transaction_id":"t-005"}})";

}  // namespace peerscope::test
