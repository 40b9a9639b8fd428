// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/reload_defects.h"

#include "protocols/reload/fragments.h"
#include "protocols/reload/protocol.h"
#include "tests/support/sample.h"

namespace peerscope::test {
namespace {

using namespace reload;

constexpr Endpoint kNode{0xc0000201, 40000};
constexpr Endpoint kPeer{0xc0000202, 6084};
constexpr std::int64_t kStart = 1'700'000'000'000'000'000;

std::string bytes_of(std::string_view sample) {
  return load_sample(sample_path("reload", sample)).bytes;
}

std::string framed(std::string_view message, std::uint32_t sequence = 0) {
  std::string out("\x80", 1);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(sequence >> shift));
  for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<char>(message.size() >> shift));
  return out.append(message);
}

// Each in a datagram and a data frame.
std::vector<Frame> datagrams(const std::vector<std::string>& messages) {
  std::vector<Frame> frames;
  std::uint32_t sequence = 0;
  for (const std::string& message : messages) {
    frames.push_back(udp_frame(kNode, kPeer, framed(message, sequence), kStart + sequence * 1'000'000));
    ++sequence;
  }
  return frames;
}

std::string message(Contents contents, std::uint64_t transaction = 0x5eed) {
  Packet packet;
  packet.forwarding.overlay = 0x9aa32b8d;
  packet.forwarding.transaction_id = transaction;
  packet.forwarding.destination_list.push_back(Destination::node(std::string(16, '\x11')));
  packet.contents = std::move(contents);
  return encode(packet);
}

std::string error(std::uint16_t code, std::string text) {
  ErrorResponse response;
  response.code = code;
  response.info = std::move(text);
  return message(Contents(std::move(response)));
}

std::string reserved_candidate() {
  AttachReq attach;
  attach.role = "passive";
  IceCandidate candidate;
  candidate.type = 3;
  candidate.overlay_link = kDtlsUdpSr;
  attach.candidates.push_back(candidate);
  return message(Contents(std::move(attach)));
}

DiagnosticInfo info(std::uint16_t kind, std::uint64_t number) {
  DiagnosticValue value;
  value.kind = kind;
  value.number = number;
  return {kind, encode_part(value)};
}

std::string diagnosed() {
  PathTrackAns answer;
  answer.next_hop = Destination::node(std::string(16, '\x22'));
  DiagnosticsResponse& response = answer.response;
  response.timestamp_initiated = 1'700'000'000'000;
  response.timestamp_received = 1'700'000'000'007;
  response.expiration = 1'700'000'060'000;
  response.hop_counter = 97;
  response.infos = {info(kProcessPowerKind, 1000), info(kUpstreamBandwidthKind, 2000),
                    info(kDownstreamBandwidthKind, 3000), info(kMachineUptimeKind, 4000),
                    info(kMemoryFootprintKind, 5000)};
  return message(Contents(std::move(answer)));
}

std::string short_document() {
  ConfigUpdateReq update;
  update.config_data = "<overlay/>";
  return message(Contents(std::move(update)));
}

std::vector<Frame> one_datagram() {
  const std::string ack("\x81\x00\x00\x00\x01\x00\x00\x00\x00", 9);
  return {udp_frame(kNode, kPeer, framed(bytes_of("ping_req_q"), 0) + framed(bytes_of("join_req"), 1) + ack, kStart)};
}

std::vector<Frame> one_segment() {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kNode, kPeer);
  tcp.open();
  tcp.client(framed(bytes_of("ping_req_q"), 0) + framed(bytes_of("store_req_single"), 1) +
             framed(bytes_of("join_req"), 2));
  return frames;
}

std::vector<Frame> acknowledged() {
  auto frames = datagrams({bytes_of("ping_req_q"), bytes_of("join_req"), bytes_of("find_req")});
  // Sequence 2 is acknowledged, 1 and 0 came before it: bits 1 and 2 by the RFC's text.
  const std::string ack("\x81\x00\x00\x00\x02\x00\x00\x00\x06", 9);
  frames.push_back(udp_frame(kPeer, kNode, ack, kStart + 5'000'000));
  return frames;
}

}  // namespace

std::vector<ReloadDefect> reload_defects() {
  const std::string found_later = error(kInvalidMessage, std::string(700, 'x'));
  const std::string track = diagnosed();
  return {
      {"w01",
       "PathTrack has method 102",
       datagrams({bytes_of("path_track_req")}),
       {{"relo.message", {"path_track_req"}}, {"relo.message.code", {"0x0027"}}},
       "Unknown 40"},
      {"w02",
       "diagnostic errors begin at 101",
       datagrams({bytes_of("error_diagnostics")}),
       {{"relo.message", {"error"}}, {"relo.error.code", {"0x0019"}}},
       "Unknown (25)"},
      {"w03",
       "Error_Invalid_Message is not known",
       datagrams({error(kInvalidMessage, "twice")}),
       {{"relo.error.code", {"0x0014"}}, {"relo.error.text", {"twice"}}},
       "Unknown (20)"},
      {"w04",
       "Diagnostic_Ping is read as self-tuning data",
       datagrams({bytes_of("ping_req_diagnostics")}),
       {{"relo.extension.type", {"0x0002"}}, {"relo.diagnostics_request", {""}}},
       "sip_tuning_data"},
      {"w05",
       "REDIR has Kind-ID 104",
       datagrams({bytes_of("store_req_redir")}),
       {{"relo.store_req.kind", {"0x00000104"}}},
       "kind (KindId): 260"},
      {"w06",
       "ACCESS-CONTROL-LIST is not known",
       datagrams({bytes_of("store_req_acl")}),
       {{"relo.store_req.kind", {"0x00000004"}}, {"relo.acl", {""}}},
       "RESERVED_ROUTING_TABLE_SIZE"},
      {"w07",
       "the Kinds of CoAP are not known",
       datagrams({bytes_of("store_req_coap_registration"), bytes_of("store_req_coap_sensor")}),
       {{"relo.store_req.kind", {"0x00000105", "0x00000106"}},
        {"relo.coap_registration", {""}},
        {"relo.coap_caching", {""}}},
       "kind (KindId): 261"},
      {"w08",
       "diagnostic kinds from 5 on are shifted",
       datagrams({track}),
       {{"relo.diagnostic.kind", {"0x0003", "0x0004", "0x0005", "0x0007", "0x0009"}},
        {"relo.diagnostic.downstream_bandwidth", {"3000"}},
        {"relo.diagnostic.machine_uptime", {"4000"}}},
       "Unknown 40_ans"},
      {"w09",
       "version 1.0 is not known",
       datagrams({bytes_of("ping_req_q")}),
       {{"relo.forwarding.version", {"10"}}},
       "version (uint8): Unknown (0x0a)"},
      {"w10",
       "direct response routing is called DDR",
       datagrams({bytes_of("ping_req_drr")}),
       {{"relo.routing_mode.routemode", {"1"}}},
       "DDR"},
      {"w11",
       "the reserved candidate type 3 is taken for a peer-reflexive one",
       datagrams({reserved_candidate()}),
       {{"relo.candidate.type", {"3"}}, {"relo.r-att-05", {""}}},
       "Truncated IceCandidate"},
      {"w20",
       "the priority of ICE candidates is read from the address",
       datagrams({bytes_of("attach_req")}),
       {{"relo.candidate.priority", {"2130706431"}}},
       "priority=17219584"},
      {"w21",
       "keys of a dictionary are read from a wrong place",
       datagrams({bytes_of("fetch_req_key")}),
       {{"relo.specifier.key", {"11:11:11:11:11:11:11:11:11:11:11:11:11:11:11:11"}}},
       "indices(9 keys)"},
      {"w22",
       "value and signature of a private Kind are hidden",
       datagrams({bytes_of("store_req_single")}),
       {{"relo.stored_data.value", {"61:62:63"}}, {"relo.signature.identity_type", {"1", "1"}}},
       "values (StoredData<69>): 1 elements"},
      {"w23",
       "a value without signer is called an error",
       datagrams({bytes_of("fetch_ans_none")}),
       {{"relo.signature.identity_type", {"3", "1"}}},
       "Unknown identity type"},
      {"w24",
       "records of ReDiR have a layout from before the RFC",
       datagrams({bytes_of("store_req_redir")}),
       {{"relo.redir.namespace", {"turn-server"}}, {"relo.redir.level", {"2"}}, {"relo.redir.node", {"3"}}},
       "kind (KindId): 260"},
      {"w25",
       "DiagnosticsResponse lacks a time stamp, and its hop counter is not stepped over",
       datagrams({track}),
       {{"relo.diagnostics_response.timestamp_initiated", {"1700000000000"}},
        {"relo.diagnostics_response.timestamp_received", {"1700000000007"}},
        {"relo.diagnostics_response.hop_counter", {"97"}}},
       "Unknown 40_ans"},
      {"w26",
       "PROCESS_POWER, BANDWIDTH and MEMORY_FOOTPRINT have four bytes",
       datagrams({track}),
       {{"relo.diagnostic.process_power", {"1000"}},
        {"relo.diagnostic.upstream_bandwidth", {"2000"}},
        {"relo.diagnostic.memory_footprint", {"5000"}}},
       "Unknown 40_ans"},
      {"w27",
       "an array range is highlighted with 16 bytes",
       datagrams({bytes_of("fetch_req_array")}),
       {{"relo.specifier.first", {"0"}}, {"relo.specifier.last", {"4294967295"}}},
       "",
       "",
       {"ArrayRange [0-end]", 16}},
      {"w28",
       "the text of an error is taken from a wrong place",
       datagrams({bytes_of("error_text")}),
       {{"relo.error.text", {"no such resource"}}},
       "",
       "",
       {},
       "it shows this text right; that its length is taken from a wrong place was read in its source"},
      {"w29",
       "the code of a reassembled error is read at the old place",
       datagrams(split(found_later, 330)),
       {{"relo.error.code", {"0x0014"}}},
       "Error Response Unknown"},
      {"w30",
       "the lowest bit of received stands for the frame before",
       acknowledged(),
       {{"relo.frame.received", {"0x00000006"}}, {"relo.frame.also_received", {"1", "0"}}},
       "Acked Frames:[4294967295,0]"},
      {"w31",
       "of several frames in a segment all but the first are malformed",
       one_segment(),
       {{"relo.message", {"ping_req", "store_req", "join_req"}}},
       "Malformed Packet"},
      {"w32",
       "short configuration documents are malformed",
       datagrams({short_document()}),
       {{"relo.message", {"config_update_req"}}, {"relo.config_update_req.config_data", {"<overlay/>"}}},
       "Malformed Packet"},
      {"w33",
       "of several frames in a datagram only the first is shown",
       one_datagram(),
       {{"relo.message", {"ping_req", "join_req", "frame ack"}}},
       "",
       "join_req"},
      {"w34",
       "private Kind-IDs are decimal",
       datagrams({bytes_of("store_req_single")}),
       {{"relo.store_req.kind", {"0xf0000001"}}},
       "kind (KindId): 4026531841"},
  };
}

}  // namespace peerscope::test
