// SPDX-License-Identifier: GPL-2.0-or-later
// The requirement table: every row that has a check has an example that breaks it, made from a clean one by one change.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "protocols/reload/protocol.h"
#include "tests/support/sample.h"

namespace peerscope::test {
namespace {

using namespace reload;
using Text = std::string;

constexpr std::size_t kRowsInTheSheet = 349;
constexpr std::int64_t kSecond = 1'000'000'000;

// One message on its way.
struct Seen {
  const char* sample;
  std::function<void(Packet&)> change{};  // before it is encoded again
  std::function<void(Text&)> bytes{};     // afterwards
  std::function<void(Message&)> told{};   // what lower layers said
  const char* source = "192.0.2.1:1";
  const char* destination = "192.0.2.2:2";
  std::int64_t time_ns = 0;
  const char* answers = nullptr;  // in `before`: sample of the request that it answers
  std::function<void(Packet&)> answers_change{};
};
struct Example {
  const char* id;
  Seen broken;  // without its changes it does not break the rule
  const char* request = nullptr;
  std::vector<Seen> before{};
  std::function<void(Packet&)> request_change{};
};

template <class T>
T& body(Packet& packet) {
  return std::get<T>(packet.contents.body);
}
StoredData& stored(Packet& packet) {
  return body<StoreReq>(packet).kind_data[0].values[0];
}
ForwardingHeader& head(Packet& packet) {
  return packet.forwarding;
}
// Adds to the number in the byte at a field's end.
std::function<void(Text&)> plus(const Field& field, int by) {
  return [&field, by](Text& bytes) {
    Message message;
    reload::decode(bytes, message);
    const Event* event = message.first(field);
    ASSERT_NE(event, nullptr) << field.filter;
    char& last = bytes[event->offset + event->length - 1];
    last = static_cast<char>(last + by);
  };
}
template <class T>
void set_extension(Packet& packet, std::function<void(T&)> change) {
  T part;
  ASSERT_TRUE(decode_part(packet.contents.extensions[0].contents, part));
  change(part);
  packet.contents.extensions[0].contents = encode_part(part);
}
void set_mode(Packet& packet, std::function<void(ExtensiveRoutingMode&)> change) {
  ExtensiveRoutingMode mode;
  ASSERT_TRUE(decode_part(packet.forwarding.options[0].value, mode));
  change(mode);
  packet.forwarding.options[0].value = encode_part(mode);
}
constexpr auto kElsewhere = "192.0.2.9:9";
constexpr auto kHere = "192.0.2.1:1";
constexpr auto kThere = "192.0.2.2:2";
constexpr std::int64_t kMs = 1'000'000;

void over_dtls(Message& m) {
  m.transport.security = Transport::Security::kDtls;
}
// A data frame of a DTLS link, with a message of its own for each `id`, and its acknowledgement.
Seen frame(std::uint32_t sequence, std::int64_t ms, std::uint64_t id = 1) {
  return {"ping_req_framed",
          [=](Packet& p) {
            p.frame.sequence = sequence;
            head(p).transaction_id = id << 32 | 0x12345;
          },
          {},
          over_dtls,
          kHere,
          kThere,
          1000 * kSecond + ms * kMs};
}
Seen ack(std::uint32_t sequence, std::int64_t ms) {
  return {"frame_ack",
          [=](Packet& p) { p.frame.sequence = sequence; },
          {},
          over_dtls,
          kThere,
          kHere,
          1000 * kSecond + ms * kMs};
}
// What was stored, and that it was accepted.
Seen accepted(const char* sample, std::function<void(Packet&)> change = {}) {
  Seen seen{"store_ans", [](Packet&) {}, {}, {}, kThere, kHere};
  seen.answers = sample;
  seen.answers_change = std::move(change);
  return seen;
}
void at_second(Packet& p, int second, bool exists) {
  stored(p).storage_time = static_cast<std::uint64_t>(second) * 1000;
  stored(p).lifetime = 100;
  stored(p).exists = exists;
  if (!exists) stored(p).value.clear();
}
void take_via(Packet& p, std::vector<Destination> via) {
  head(p).via_list = std::move(via);
}
void as_redir_answer(Packet& p) {
  FetchAns answer;
  RedirServiceProvider record;
  StoredData value;
  value.kind = kRedirKind;
  value.model = DataModel::kDictionary;
  value.storage_time = 1'000'000;
  value.lifetime = 600;
  KindValue typed{kRedirKind, true, record};
  value.value = encode_part(typed);
  answer.kind_responses.push_back({kRedirKind, 1, {value}});
  p.contents = Contents(std::move(answer));
}

const std::vector<Example>& examples() {
  static const std::vector<Example> kExamples = {
      // Header and forwarding
      {"R-FWD-01", {"ping_req", [](Packet& p) { head(p).relo_token = 0xd2000000; }}},
      {"R-FWD-02", {"ping_req", {}, {}, [](Message& m) {
         static const Context kContext{.kinds = {}, .node_id_length = 0, .chord = true, .overlays = {{1, "other"}}};
         m.context = &kContext;
       }}},
      {"R-FWD-04", {"ping_req", [](Packet& p) { head(p).version = 9; }}},
      {"R-FWD-06", {"ping_req", [](Packet& p) { head(p).fragment = kLastFragmentBit; }}},
      {"R-FWD-07", {"ping_req", [](Packet& p) { head(p).fragment |= 0x04000000; }}},
      {"R-FWD-08", {"ping_req", [](Packet& p) { head(p).fragment |= 0x01000000; }}},
      {"R-FWD-09", {"ping_req", {}, plus(kLength, 1)}},
      {"R-FWD-10",
       {"ping_req", [](Packet& p) { head(p).transaction_id = 5; }},
       nullptr,
       {{"ping_req", [](Packet& p) { head(p).transaction_id = 1; }},
        {"ping_req", [](Packet& p) { head(p).transaction_id = 2; }},
        {"ping_req", [](Packet& p) { head(p).transaction_id = 3; }},
        {"ping_req", [](Packet& p) { head(p).transaction_id = 4; }}}},
      {"R-FWD-11", {"ping_ans", [](Packet& p) { head(p).transaction_id = 9; }}, "ping_req"},
      {"R-FWD-13", {"ping_ans", [](Packet& p) { head(p).max_response_length = 1; }}},
      {"R-FWD-23",
       {"ping_req",
        [](Packet& p) {
          head(p).via_list = {Destination::node(Text(16, 'a')), Destination::node(Text(16, 'b'))};
        },
        {},
        {},
        "192.0.2.2:2",
        kElsewhere},
       nullptr,
       {{"ping_req"}}},
      {"R-FWD-25",
       {"ping_ans", [](Packet& p) { head(p).destination_list.push_back(Destination::node(Text(16, 'x'))); }, {}, {},
        "192.0.2.2:2", "192.0.2.1:1"},
       "ping_req"},
      {"R-FWD-31",
       {"ping_req", [](Packet&) {}, {}, {}, "192.0.2.1:1", "192.0.2.2:2", 15 * kSecond},
       nullptr,
       {{"ping_req"},
        {"ping_req", {}, {}, {}, "192.0.2.1:1", "192.0.2.2:2", 3 * kSecond},
        {"ping_req", {}, {}, {}, "192.0.2.1:1", "192.0.2.2:2", 6 * kSecond},
        {"ping_req", {}, {}, {}, "192.0.2.1:1", "192.0.2.2:2", 9 * kSecond},
        {"ping_req", {}, {}, {}, "192.0.2.1:1", "192.0.2.2:2", 12 * kSecond}}},
      // The forwarder in between adds an opaque ID of its own and forgets to take it away.
      {"R-FWD-28",
       {"ping_ans", [](Packet& p) { head(p).destination_list.push_back(Destination::opaque("mine")); }, {}, {}, kThere,
        kHere},
       nullptr,
       {{"ping_req", {}, {}, {}, kHere, kThere},
        {"ping_req", [](Packet& p) { take_via(p, {Destination::opaque("mine")}); }, {}, {}, kThere, kElsewhere}}},
      {"R-TTL-02", {"ping_req", [](Packet& p) { head(p).ttl = 101; }}},
      {"R-TTL-03",
       {"ping_req", [](Packet& p) { head(p).ttl = 100; }, {}, {}, "192.0.2.2:2", kElsewhere},
       nullptr,
       {{"ping_req"}}},
      {"R-DST-03", {"ping_req", [](Packet& p) { head(p).destination_list.push_back(Destination::opaque("x")); }}},
      {"R-DST-04", {"ping_req", [](Packet& p) { head(p).via_list = {Destination::resource("x")}; }}},
      {"R-DST-07", {"ping_ans", [](Packet& p) { head(p).destination_list[0].id = Text(16, '\0'); }}},
      {"R-DST-07", {"ping_ans", [](Packet& p) { head(p).destination_list[0].id = Text(15, 'x'); }}},
      {"R-OPT-01", {"ping_ans", [](Packet& p) { head(p).options = {{200, kResponseCopy, {}}}; }}},

      // Contents, errors, signatures
      {"R-MSG-01", {"exp_a_req", [](Packet& p) { p.contents.code = 0; }}},
      {"R-MSG-02", {"join_ans", [](Packet&) {}}, "ping_req"},
      {"R-MSG-03", {"error_text", [](Packet& p) { body<ErrorResponse>(p).code = 0; }}},
      {"R-MSG-03", {"error_text", {}, plus(kErrorInfoLength, 1)}},
      {"R-MSG-04", {"exp_a_req", [](Packet& p) { p.contents.code = 0x1b; }}},
      {"R-MSG-08", {"attach_req", {}, plus(kAttachSendUpdate, 1)}},
      {"R-MSG-09",
       {"error_text",
        [](Packet& p) {
          body<ErrorResponse>(p) = {kInvalidMessage, {}};
        }}},
      {"R-MSG-10", {"error_text", [](Packet& p) { body<ErrorResponse>(p).code = kExpAError; }}},
      {"R-MSG-10", {"ping_req_unknown_extension", [](Packet& p) { p.contents.extensions[0].type = kExpExtension; }}},
      {"R-MSG-11", {"ping_req", {}, plus(kBodyLength, 1)}},
      {"R-SEC-01", {"ping_req", [](Packet& p) { p.security.signature.value.clear(); }}},
      {"R-SEC-15", {"ping_req", {}, {}, [](Message& m) { m.transport.security = Transport::Security::kClear; }}},
      {"R-SEC-17", {"ping_req", [](Packet& p) { p.security.certificates[0].type = 1; }}},
      {"R-SEC-17", {"ping_req", [](Packet& p) { p.security.certificates[0].certificate = "PEM"; }}},
      {"R-SEC-18", {"ping_req", [](Packet& p) { p.security.signature.identity = {}; }}},
      {"R-SEC-18", {"ping_req", [](Packet& p) { p.security.signature.hash = p.security.signature.signature = 0; }}},

      // Topology methods, Attach, AppAttach, Ping, ConfigUpdate
      {"R-LEA-05", {"leave_ans", {}, plus(kBodyLength, 1)}},
      {"R-PRB-01",
       {"probe_ans", [](Packet& p) { std::swap(body<ProbeAns>(p).probe_info[0], body<ProbeAns>(p).probe_info[1]); }},
       "probe_req"},
      {"R-PRB-02", {"probe_ans", [](Packet& p) { body<ProbeAns>(p).probe_info[0].type = 9; }}, "probe_req"},
      {"R-PRB-03", {"probe_ans", [](Packet& p) { body<ProbeAns>(p).probe_info[0].value = 1'000'000'001; }}},
      {"R-PRB-03", {"probe_ans", {}, plus(kProbeLength, 1)}},
      {"R-ATT-01", {"attach_req", [](Packet& p) { body<AttachReq>(p).role = "active"; }}},
      {"R-ATT-01", {"app_attach_req", [](Packet& p) { body<AppAttachReq>(p).role = "Passive"; }}},
      {"R-ATT-02", {"attach_ans", [](Packet& p) { body<AttachAns>(p).role = "passive"; }}},
      {"R-ATT-02", {"app_attach_ans", [](Packet& p) { body<AppAttachAns>(p).role.clear(); }}},
      {"R-ATT-03", {"attach_req_ice", [](Packet& p) { body<AttachReq>(p).candidates[0].overlay_link = kTlsTcpFhNoIce; }}},
      {"R-ATT-04", {"attach_req", [](Packet& p) { body<AttachReq>(p).candidates.clear(); }}},
      {"R-ATT-05", {"attach_req", [](Packet& p) { body<AttachReq>(p).candidates[0].type = 3; }}},
      {"R-ATT-12",
       {"attach_req", [](Packet& p) { body<AttachReq>(p).candidates[0].overlay_link = kDtlsUdpSr; }},
       nullptr,
       {{"attach_req"}}},
      {"R-APP-02", {"app_attach_ans", [](Packet& p) { body<AppAttachAns>(p).application = 5061; }}, "app_attach_req"},
      {"R-PNG-01", {"ping_ans", [](Packet& p) { body<PingAns>(p).response_id = 0; }}},
      {"R-PNG-01",
       {"ping_ans", {}, {}, {}, "192.0.2.1:1", "192.0.2.2:2", kSecond}},
      {"R-CUP-06", {"config_update_ans", {}, plus(kBodyLength, 1)}},
      {"R-CUP-07", {"config_update_req", {}, plus(kConfigDataLength, -1)}},
      {"R-CUP-08",
       {"config_update_req_kinds",
        [](Packet& p) { body<ConfigUpdateReq>(p).kinds[0].kind_block = "<kind-block/>"; }}},

      // Links, framing, fragmentation
      {"R-FRM-02",
       {"ping_req_framed", [](Packet& p) { p.frame.sequence = 6; }},
       nullptr,
       {{"ping_req_framed", [](Packet& p) { p.frame.sequence = 6; }}}},
      {"R-FRM-05", {"frame_ack", [](Packet& p) { p.frame.received |= 1; }}},
      {"R-FRM-06",
       {"frame_ack", [](Packet& p) { p.frame.sequence = 8; }, {}, {}, "192.0.2.2:2", "192.0.2.1:1"},
       nullptr,
       {{"ping_req_framed"}}},
      {"R-FRG-01",
       {"fragment_last", [](Packet& p) { head(p).destination_list[0].id = Text(16, 'x'); }},
       nullptr,
       {{"fragment_first"}}},
      {"R-FRG-02", {"fragment_first", [](Packet& p) { p.fragment.resize(255); }}},
      {"R-FRG-04",
       {"fragment_last", [](Packet& p) { p.fragment += "more"; }},
       nullptr,
       {{"fragment_last"}}},
      {"R-FRG-10",
       {"fragment_last", [](Packet& p) { head(p).fragment = kUnfragmented | 255; }},
       nullptr,
       {{"fragment_first"}}},

      {"R-FRG-06",
       {"ping_ans", [](Packet&) {}, {}, {}, kThere, kHere, 40 * kSecond},
       nullptr,
       {{"fragment_first", {}, {}, {}, kHere, kThere, 1 * kSecond},
        {"fragment_last", {}, {}, {}, kHere, kThere, 20 * kSecond}}},

      // The sender on DTLS links
      {"R-SRL-01", frame(3, 300, 3), nullptr, {frame(1, 0, 1), ack(1, 10), frame(2, 200, 2)}},
      {"R-SRL-02", frame(2, 700, 2), nullptr, {frame(1, 0, 1), ack(1, 10), frame(2, 200, 2)}},
      {"R-SRL-03",
       frame(4, 1200, 2),
       nullptr,
       {frame(1, 0, 1), ack(1, 10), frame(2, 200, 2), frame(3, 700, 2)}},
      {"R-SRL-04",
       frame(7, 16200, 2),
       nullptr,
       {frame(1, 0, 1), ack(1, 10), frame(2, 200, 2), frame(3, 700, 2), frame(4, 1700, 2), frame(5, 3700, 2),
        frame(6, 7700, 2)}},
      {"R-SRL-05",
       frame(7, 16200, 3),
       nullptr,
       {frame(1, 0, 1), ack(1, 10), frame(2, 200, 2), frame(3, 700, 2), frame(4, 1700, 2), frame(5, 3700, 2),
        frame(6, 7700, 2)}},
      {"R-SRL-06", frame(2, 15, 2), nullptr, {frame(1, 0, 1), ack(1, 10)}},

      // Storage
      {"R-STO-01",
       {"store_req_single",
        [](Packet& p) { body<StoreReq>(p).kind_data.push_back(body<StoreReq>(p).kind_data[0]); }}},
      {"R-STO-13", {"store_req_single", [](Packet& p) { body<StoreReq>(p).replica_number = 1; }}},
      {"R-STO-19", {"store_ans", [](Packet& p) { body<StoreAns>(p).kind_responses[0].generation_counter = 0; }}},
      {"R-STO-22", {"store_ans", [](Packet& p) { body<StoreAns>(p).kind_responses.clear(); }}, "store_req_single"},
      {"R-STO-25",
       {"store_req_single",
        [](Packet& p) {
          at_second(p, 1050, false);
          stored(p).lifetime = 10;
        }},
       nullptr,
       {accepted("store_req_single", [](Packet& p) { at_second(p, 1000, true); })}},
      {"R-CRT-02",
       {"store_req_certificate",
        [](Packet& p) {
          at_second(p, 1050, true);
          stored(p).index = 0;
          stored(p).value = "another";
        }},
       nullptr,
       {accepted("store_req_certificate",
                 [](Packet& p) {
                   at_second(p, 1000, true);
                   stored(p).index = 0;
                 })}},
      {"R-STO-28", {"store_req_single", [](Packet& p) { stored(p).signature = {}; }}},
      {"R-STO-30", {"store_req_single", [](Packet& p) { stored(p).exists = false; }}},
      {"R-FET-02", {"fetch_req_array", [](Packet& p) { body<FetchReq>(p).specifiers[0].indices[0] = {2, 1}; }}},
      {"R-FET-03",
       {"fetch_req_array",
        [](Packet& p) {
          body<FetchReq>(p).specifiers[0].indices = {{5, 9}, {0, 5}};
        }}},
      {"R-FET-05", {"fetch_ans", [](Packet& p) { body<FetchAns>(p).kind_responses[0].kind = 9; }}, "fetch_req_single"},
      {"R-FET-08", {"fetch_ans_none", [](Packet& p) { body<FetchAns>(p).kind_responses[0].values[0].exists = true; }}},
      {"R-FET-11", {"fetch_req_array", {}, plus(kIndicesLength, 1)}},
      {"R-STA-01", {"stat_ans", [](Packet& p) { body<StatAns>(p).kind_responses.clear(); }}, "stat_req"},
      {"R-FND-01", {"find_req", [](Packet& p) { body<FindReq>(p).kinds = {2, 2}; }}},
      {"R-TRN-01",
       {"store_req_turn",
        [](Packet& p) {
          KindValue value{kTurnServiceKind, true, TurnServer{}};
          std::get<TurnServer>(value.value).server_address.ipv4 = 0x0a000001;
          stored(p).value = encode_part(value);
        }}},

      // CHORD-RELOAD
      {"R-CHD-01", {"store_req_single", [](Packet& p) { body<StoreReq>(p).resource.resize(15); }}},
      {"R-CHD-21",
       {"update_req_full", [](Packet& p) { std::swap(body<UpdateReq>(p).fingers[0], body<UpdateReq>(p).fingers[1]); }}},
      {"R-CHD-35", {"route_query_ans", {}, plus(kBodyLength, -1)}},
      {"R-CHD-38", {"leave_req", [](Packet& p) { body<LeaveReq>(p).overlay_specific_data.clear(); }}},
      {"R-CHD-38", {"leave_req", [](Packet& p) { body<LeaveReq>(p).overlay_specific_data = "\x07"; }}},

      // Extensions
      {"R-DRR-02", {"ping_req_drr", [](Packet& p) { head(p).options[0].flags = 0; }}},
      {"R-DRR-02", {"ping_req_drr", [](Packet& p) { set_mode(p, [](auto& mode) { mode.destinations.clear(); }); }}},
      {"R-DRR-03",
       {"ping_ans", [](Packet&) {}},
       "ping_req_drr",
       {},
       [](Packet& p) { set_mode(p, [](auto& mode) { mode.destinations.push_back(Destination::node(Text(16, 'x'))); }); }},
      {"R-DRR-05",
       {"ping_req_drr", [](Packet& p) { take_via(p, {}); }, {}, {}, kThere, kElsewhere},
       nullptr,
       {{"ping_req_drr", [](Packet& p) { take_via(p, {Destination::node(Text(16, 'a'))}); }, {}, {}, kHere, kThere}}},
      {"R-DRR-06",
       {"ping_req_drr", {}, {}, {}, kHere, kThere, 5 * kSecond},
       nullptr,
       {{"ping_req_drr", {}, {}, {}, kHere, kThere, 1 * kSecond}}},
      {"R-DRR-04",
       {"ping_ans", [](Packet& p) { head(p).destination_list[0].id = Text(16, 'x'); }, {}, {}, kElsewhere},
       "ping_req_drr"},
      {"R-RPR-01", {"ping_req_rpr", [](Packet& p) { set_mode(p, [](auto& mode) { mode.destinations.pop_back(); }); }}},
      {"R-RPR-03",
       {"ping_ans", [](Packet& p) { head(p).destination_list[0].id = Text(16, 'x'); }, {}, {}, kElsewhere},
       "ping_req_rpr",
       {}},
      {"R-RPR-02",
       {"ping_ans", [](Packet&) {}},
       "ping_req_rpr",
       {},
       [](Packet& p) { set_mode(p, [](auto& mode) { mode.destinations.pop_back(); }); }},
      // A tree node was fetched, but not this one.
      {"R-RDR-01",
       {"store_req_redir", [](Packet& p) { body<StoreReq>(p).resource = Text(16, 'r'); }},
       nullptr,
       {{"fetch_req_wildcard",
         [](Packet& p) {
           body<FetchReq>(p).resource = Text("\x0c\x51\xa9\x42\xf5\x0c\x82\x8a\xef\x82\xa5\xaf\x83\xe8\xed\x59");
           body<FetchReq>(p).specifiers[0].kind = kRedirKind;
         }}}},
      {"R-RDR-06", {"fetch_ans", as_redir_answer, {}, {}, kThere, kHere, 2000 * kSecond}},
      {"R-RDR-07",
       {"leave_req", [](Packet& p) { body<LeaveReq>(p).leaving_peer_id = NodeId(Text(16, '\x11')); }, {}, {}, kHere,
        kThere, 1050 * kSecond},
       nullptr,
       {accepted("store_req_redir", [](Packet& p) { at_second(p, 1000, true); })}},
      {"R-TUN-01", {"probe_req_self_tuning", [](Packet& p) { p.contents.extensions[0].critical = true; }}},
      {"R-TUN-01", {"ping_req_unknown_extension", [](Packet& p) { p.contents.extensions[0] = {3, false, Text(12, 'x'), false}; }}},
      {"R-DIA-01",
       {"probe_req_self_tuning",
        [](Packet& p) {
          DiagnosticsRequest request;
          p.contents.extensions[0].type = kDiagnosticPing;
          p.contents.extensions[0].contents = encode_part(request);
        }}},
      {"R-DIA-04", {"path_track_req", [](Packet& p) { body<PathTrackReq>(p).request.expiration += 600'000; }}},
      {"R-DIA-04",
       {"path_track_ans",
        [](Packet& p) { body<PathTrackAns>(p).response.expiration = body<PathTrackAns>(p).response.timestamp_received; }}},
      {"R-DIA-05",
       {"path_track_ans", [](Packet& p) { body<PathTrackAns>(p).response.hop_counter = 101; }, {}, {}, "192.0.2.2:2",
        "192.0.2.1:1"},
       "path_track_req"},
      {"R-DIA-06",
       {"path_track_ans", [](Packet& p) { ++body<PathTrackAns>(p).response.timestamp_initiated; }},
       "path_track_req"},
      {"R-DIA-07", {"path_track_req", [](Packet& p) { body<PathTrackReq>(p).request.extensions[0].kind = 0x3f; }}},
      {"R-DIA-08", {"path_track_req", {}, plus(kDiagnosticsExtLength, -1)}},
      {"R-DIA-12", {"path_track_req", [](Packet& p) { body<PathTrackReq>(p).request.flags |= 1; }}},
      {"R-DIA-13",
       {"ping_req_diagnostics", [](Packet& p) { head(p).destination_list = {Destination::node(Text(16, '\xff'))}; }}},
      {"R-DIA-14",
       {"ping_req_diagnostics",
        [](Packet& p) {
          take_via(p, {Destination::node(Text(16, 'a')), Destination::node(Text(16, 'b')),
                       Destination::node(Text(16, 'a'))});
        }}},
      {"R-DIA-15",
       {"ping_ans_diagnostics",
        [](Packet& p) {
          set_extension<DiagnosticsResponse>(p, [](auto& response) { response.infos[5].contents = "no end"; });
        }}},
      {"R-DIA-16",
       {"ping_ans_diagnostics",
        [](Packet& p) {
          set_extension<DiagnosticsResponse>(p, [](auto& response) { response.infos[0].contents = "\x10"; });
        }}},
      {"R-SIP-04",
       {"fetch_req_wildcard", [](Packet& p) { body<FetchReq>(p).specifiers[0].keys = {{Text(16, 'a')}}; }}},
  };
  return kExamples;
}

void make(const Seen& seen, bool changed, Message& message) {
  Text bytes = load_sample(sample_path("reload", seen.sample)).bytes;
  if (changed && seen.change) {
    Message original;
    reload::decode(bytes, original);
    Packet packet = *packet_of(original);
    seen.change(packet);
    bytes = reload::encode(packet);
    EXPECT_FALSE(bytes.empty()) << seen.sample;
  }
  if (changed && seen.bytes) seen.bytes(bytes);
  message.clear();
  if (changed && seen.told) seen.told(message);
  message.source = seen.source;
  message.destination = seen.destination;
  message.time_ns = seen.time_ns;
  reload::decode(bytes, message);
}

std::multiset<Text> ids_of(const Example& example, bool broken) {
  const auto session = make_session();
  for (const Seen& seen : example.before) {
    Message message;
    make(seen, true, message);
    Message asked;
    if (seen.answers != nullptr) make({seen.answers, seen.answers_change}, true, asked);
    track(*session, message, seen.answers != nullptr ? &asked : nullptr);
  }
  Message request;
  if (example.request != nullptr) make({example.request, example.request_change}, true, request);
  Message message;
  make(example.broken, broken, message);
  std::vector<Finding> findings;
  run_checks(reload::protocol(), {message, example.request != nullptr ? &request : nullptr, session.get()}, {},
             findings);
  std::multiset<Text> ids;
  for (const Finding& finding : findings) {
    ids.insert(finding.rule->id);
    EXPECT_LE(finding.offset + finding.length, message.size) << finding.rule->id;
    EXPECT_FALSE(finding.detail.empty()) << finding.rule->id;
  }
  return ids;
}

TEST(ReloadRequirements, EveryExampleBreaksItsRuleByItsChange) {
  // These examples break their rule by what came before or when, not by a change of the message.
  const std::set<Text> by_place = {"R-MSG-02", "R-FWD-31", "R-TTL-03", "R-RPR-03",
                                   "R-DRR-03", "R-RPR-02", "R-DRR-05", "R-DRR-06"};
  for (const Example& example : examples()) {
    const bool by_time = example.broken.time_ns != 0;
    if (!by_place.contains(example.id) && !by_time) {
      EXPECT_FALSE(ids_of(example, false).contains(example.id))
          << example.id << ": " << example.broken.sample << " breaks the rule unchanged";
    }
    EXPECT_TRUE(ids_of(example, true).contains(example.id))
        << example.id << ": " << example.broken.sample << " does not break the rule when changed";
  }
}

TEST(ReloadRequirements, EveryRowWithACheckHasAnExample) {
  std::set<Text> shown;
  for (const Example& example : examples()) shown.insert(example.id);
  for (const Requirement& row : reload::requirements()) {
    EXPECT_EQ(shown.contains(row.id), row.check != nullptr)
        << row.id << ": a check and an example in this file go together";
  }
  for (const Text& id : shown) EXPECT_NE(find_requirement(id), nullptr) << id;
}

TEST(ReloadRequirements, AreThoseOfTheSheet) {
  EXPECT_EQ(reload::requirements().size(), kRowsInTheSheet);
  std::map<Text, std::set<int>> seen;
  for (const Requirement& row : reload::requirements()) {
    const Text id = row.id;
    ASSERT_EQ(id.substr(0, 2), "R-") << id;
    const std::size_t dash = id.rfind('-');
    ASSERT_EQ(id.size(), dash + 3) << id;
    EXPECT_TRUE(seen[id.substr(2, dash - 2)].insert(std::stoi(id.substr(dash + 1))).second) << id << " twice";
  }
  for (const auto& [group, numbers] : seen)
    EXPECT_EQ(*numbers.rbegin(), static_cast<int>(numbers.size())) << group << ": numbered without gaps";
}

TEST(ReloadRequirements, EveryRowIsCheckedProvokedOrExplained) {
  for (const Requirement& row : reload::requirements()) {
    EXPECT_EQ(Text(row.text).back(), '.') << row.id << ": a sentence";
    EXPECT_FALSE(Text(row.section).empty()) << row.id;
    EXPECT_FALSE(binds(row).empty() || row.role == nullptr) << row.id;
    EXPECT_EQ(row.check == nullptr, row.scope == Scope::kBehaviour) << row.id;
    // A row with none of them has a scenario: tests/e2e/coverage_test.cc sees to it.
    EXPECT_LE((row.check != nullptr) + (row.reason != nullptr) + (row.pending ? 1 : 0) + (row.examined ? 1 : 0), 1)
        << row.id;
    if (row.reason != nullptr) {
      EXPECT_GT(Text(row.reason).size(), 20U) << row.id << ": a reason in words";
    }
  }
}

// Nothing in the strict samples breaks a rule, with the checks of every scope on.
TEST(ReloadRequirements, CleanMessagesHaveNoFindingsInAnyScope) {
  for (const Text& path : sample_paths("reload")) {
    const Sample sample = load_sample(path);
    if (sample.form != Form::kStrict) continue;
    const auto session = make_session();
    Message message;
    message.source = "192.0.2.1:1";
    message.destination = "192.0.2.2:2";
    reload::decode(sample.bytes, message);
    track(*session, message, nullptr);
    if (packet_of(message)->framed) continue;  // twice the same frame breaks its sequence
    std::vector<Finding> findings;
    run_checks(reload::protocol(), {message, nullptr, session.get()}, {}, findings);
    for (const Finding& finding : findings)
      ADD_FAILURE() << sample.name << ": " << finding.rule->id << " " << finding.detail;
  }
}

// A forwarder takes itself off the Destination List: only fragments of one hop have the same.
TEST(ReloadRequirements, FragmentsOfDifferentHopsAreNotCompared) {
  const auto session = make_session();
  const auto seen = [&](const char* sample, const char* source, const char* destination, bool changed) {
    Message stored;
    reload::decode(load_sample(sample_path("reload", sample)).bytes, stored);
    Packet packet = *packet_of(stored);
    if (changed) packet.forwarding.destination_list[0].id = Text(16, 'x');
    Message message;
    message.source = source;
    message.destination = destination;
    reload::decode(reload::encode(packet), message);
    std::vector<Finding> findings;
    run_checks(reload::protocol(), {message, nullptr, session.get()}, {}, findings);
    track(*session, message, nullptr);
    std::set<Text> ids;
    for (const Finding& finding : findings) ids.insert(finding.rule->id);
    return ids;
  };
  EXPECT_FALSE(seen("fragment_first", "192.0.2.1:1", "192.0.2.2:2", false).contains("R-FRG-01"));
  EXPECT_FALSE(seen("fragment_first", "192.0.2.2:3", "192.0.2.3:2", true).contains("R-FRG-01"));
  EXPECT_FALSE(seen("fragment_last", "192.0.2.2:3", "192.0.2.3:2", true).contains("R-FRG-01"));
  EXPECT_TRUE(seen("fragment_last", "192.0.2.1:1", "192.0.2.2:2", true).contains("R-FRG-01"));
}

// Messages come from strangers: checks must not take the square of their size.
TEST(ReloadRequirements, ChecksOfHugeMessagesAreQuick) {
  Packet packet;
  StoreReq store;
  store.resource = Text(16, 'r');
  for (std::uint32_t i = 0; i < 20000; ++i) {
    StoredData value;
    value.kind = i;
    value.model = DataModel::kSingle;
    value.exists = false;
    value.value = "x";
    store.kind_data.push_back({i, 0, {value}});
  }
  packet.contents = Contents(std::move(store));
  Message message;
  reload::decode(reload::encode(packet), message);
  const auto session = make_session();
  std::vector<Finding> findings;
  run_checks(reload::protocol(), {message, nullptr, session.get()}, {}, findings);
  EXPECT_GE(findings.size(), 10000U);
}

}  // namespace
}  // namespace peerscope::test
