// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/tracker_scene.h"

#include <map>

#include "protocols/reload/ppsp_usage.h"
#include "protocols/reload/protocol.h"

namespace peerscope::test {

using namespace reload;

const std::string TrackerScene::kA = std::string(16, '\x11');
const std::string TrackerScene::kB = std::string(16, '\x22');
const std::string TrackerScene::kMiddle = std::string(16, '\x55');
const std::string TrackerScene::kResponsible = std::string(16, '\x99');

namespace {

constexpr std::uint32_t kNetwork = 0xc0000200;  // 192.0.2.0
constexpr std::uint16_t kReloadPort = 6084;
constexpr std::int64_t kMillisecond = 1'000'000;

Endpoint place_of(const std::string& node, std::uint16_t port) {
  return {kNetwork + static_cast<unsigned char>(node[0]), port};
}
// A connection for each request.
Endpoint peer_place(std::size_t request) {
  return {kNetwork + 200, static_cast<std::uint16_t>(40'000 + request)};
}
std::string quoted(const std::string& text) {
  return '"' + text + '"';
}
StoredData entry_of(const std::string& node, const std::string& peer, const std::string& swarm, std::int64_t now_ns,
                    std::uint64_t joined = 1, std::uint8_t host = 201) {
  StoredData data;
  data.kind = kPpspSwarmKind;
  data.model = DataModel::kDictionary;
  data.storage_time = static_cast<std::uint64_t>(now_ns / kMillisecond);
  data.lifetime = 180;
  data.key = swarm_key(NodeId(node), peer);
  SwarmEntry entry;
  entry.swarm_id = swarm;
  entry.peer_id = peer;
  entry.joined = joined;
  PpspAddr addr;
  addr.address.ipv4 = kNetwork + host;
  addr.address.port = 6778;
  entry.addrs.push_back(addr);
  KindValue whole{kPpspSwarmKind, true, entry};
  data.value = encode_part(whole);
  return data;
}

}  // namespace

std::int64_t TrackerScene::step() {
  return now_ns_ += kMillisecond;
}

void TrackerScene::say(Said one) {
  one.time_ns = step();
  said.push_back(std::move(one));
}

// ---- PPSTP

void TrackerScene::ask(const std::string& node, const std::string& peer, const std::string& type,
                       const std::string& body) {
  last_request_ = {true, true, "t-" + std::to_string(said.size()), {}, peer_place(said.size()), place_of(node, 80), 0};
  last_request_.bytes = "{\"PPSPTrackerProtocol\":{\"version\":1,\"request_type\":" + quoted(type) +
                        ",\"transaction_id\":" + quoted(last_request_.tid) + ",\"peer_id\":" + quoted(peer) + body +
                        "}}";
  requests_[peer] = last_request_;
  say(last_request_);
}

void TrackerScene::connect(const std::string& node, const std::string& peer,
                           const std::vector<std::pair<std::string, std::string>>& actions) {
  std::string list;
  for (const auto& [swarm, action] : actions)
    list += (list.empty() ? "" : ",") + ("{\"swarm_id\":" + quoted(swarm)) + ",\"action\":" + quoted(action) +
            ",\"peer_mode\":\"LEECH\"}";
  ask(node, peer, "CONNECT",
      ",\"connect\":{\"peer_addr\":[{\"ip_address\":{\"address_type\":\"ipv4\",\"address\":\"192.0.2.200\"},\"port\":"
      "6778,\"priority\":1,\"type\":\"HOST\"}],\"swarm_action\":[" +
          list + "]}");
}
void TrackerScene::find(const std::string& node, const std::string& peer, const std::string& swarm) {
  ask(node, peer, "FIND", ",\"find\":{\"swarm_id\":" + quoted(swarm) + "}");
}
void TrackerScene::report(const std::string& node, const std::string& peer, const std::string& swarm) {
  ask(node, peer, "STAT_REPORT",
      ",\"stat_report\":{\"type\":\"STREAM_STATS\",\"stat\":[{\"swarm_id\":" + quoted(swarm) +
          ",\"uploaded_bytes\":1,\"downloaded_bytes\":1,\"available_bandwidth\":1}]}");
}

void TrackerScene::reply(const std::string& body) {
  Said answer{true, false, last_request_.tid, {}, last_request_.to, last_request_.from, 0};
  answer.bytes = "{\"PPSPTrackerProtocol\":{\"version\":1,\"response_type\":" + body +
                 ",\"transaction_id\":" + quoted(answer.tid) + "}}";
  // The members' order means nothing; the results stand in `body`.
  say(std::move(answer));
}
void TrackerScene::ok(const std::vector<Result>& results) {
  std::string list;
  for (const Result& one : results) {
    std::string peers;
    for (const std::string& peer : one.peers)
      peers += (peers.empty() ? "" : ",") + ("{\"peer_id\":" + quoted(peer)) +
               ",\"peer_addr\":{\"ip_address\":{\"address_type\":\"ipv4\",\"address\":\"192.0.2.201\"},\"port\":6778,"
               "\"priority\":1,\"type\":\"HOST\"}}";
    list += (list.empty() ? "" : ",") + ("{\"swarm_id\":" + quoted(one.swarm)) +
            ",\"result\":" + std::to_string(one.result) +
            (peers.empty() ? "" : ",\"peer_group\":{\"peer_info\":[" + peers + "]}") + "}";
  }
  reply("0,\"error_code\":0" + (list.empty() ? "" : ",\"swarm_result\":[" + list + "]"));
}
void TrackerScene::failed(int error) {
  reply("1,\"error_code\":" + std::to_string(error));
}

// ---- service mode

void TrackerScene::attach(const std::string& node, const std::string& swarm) {
  AppAttachReq request;
  request.application = kPpstpApplication;
  request.role = "passive";
  request.candidates.emplace_back();
  send(node, swarm_resource(swarm), Contents(std::move(request)), swarm);
}
void TrackerScene::attached() {
  AppAttachAns body;
  body.application = kPpstpApplication;
  body.role = "active";
  body.candidates.emplace_back();
  answer(Contents(std::move(body)), Way::kWhole);
}
void TrackerScene::pass_on() {
  outer_request_ = last_request_;
  last_request_.from = {outer_request_.to.address, static_cast<std::uint16_t>(50'000 + said.size())};
  last_request_.to = place_of(kResponsible, 8443);
  last_request_.tid += "/1";
  const std::size_t at = last_request_.bytes.find(quoted(outer_request_.tid));
  last_request_.bytes.replace(at, outer_request_.tid.size() + 2, quoted(last_request_.tid));
  say(last_request_);
}
void TrackerScene::returned() {
  last_request_ = outer_request_;
}

// ---- RELOAD

void TrackerScene::send(const std::string& node, const std::string& resource, Contents contents,
                        const std::string& swarm) {
  Packet packet;
  packet.forwarding.overlay = 0x9aa32b8d;
  packet.forwarding.configuration_sequence = 22;
  packet.forwarding.transaction_id = 0x9e3779b97f4a7c15 * ++transactions_;
  packet.forwarding.destination_list = {Destination::resource(resource)};
  packet.contents = std::move(contents);
  asked_.push_back({node, packet.forwarding.transaction_id, swarm});
  answered_ = SIZE_MAX;
  say({false, true, {}, encode(packet), place_of(node, kReloadPort), place_of(kMiddle, kReloadPort), 0});
  packet.forwarding.via_list = {Destination::node(node)};
  --packet.forwarding.ttl;
  say({false, true, {}, encode(packet), place_of(kMiddle, kReloadPort), place_of(kResponsible, kReloadPort), 0});
}

void TrackerScene::answer(Contents contents, Way way) {
  const Asked& asked = asked_.at(answered_ == SIZE_MAX ? asked_.size() - 1 : answered_);
  answered_ = SIZE_MAX;
  Packet packet;
  packet.forwarding.overlay = 0x9aa32b8d;
  packet.forwarding.configuration_sequence = 22;
  packet.forwarding.transaction_id = asked.transaction;
  packet.forwarding.destination_list = {Destination::node(kMiddle), Destination::node(asked.node)};
  packet.contents = std::move(contents);
  say({false, false, {}, encode(packet), place_of(kResponsible, kReloadPort), place_of(kMiddle, kReloadPort), 0});
  if (way == Way::kFirstLink) return;
  packet.forwarding.destination_list.erase(packet.forwarding.destination_list.begin());
  say({false, false, {}, encode(packet), place_of(kMiddle, kReloadPort), place_of(asked.node, kReloadPort), 0});
}

void TrackerScene::store(const std::string& node, const std::string& peer, const std::string& swarm, bool exists,
                         const Change& change) {
  StoreReq request;
  request.resource = swarm_resource(swarm);
  StoredData data = entry_of(node, peer, swarm, now_ns_);
  data.exists = exists;
  if (!exists) data.value.clear();
  request.kind_data.push_back({kPpspSwarmKind, 0, {std::move(data)}});
  if (change) change(request);
  const std::string resource = request.resource;
  send(node, resource, Contents(std::move(request)), swarm);
}

void TrackerScene::store_together(const std::string& node, const std::vector<std::string>& peers,
                                  const std::string& swarm) {
  store(node, peers.at(0), swarm, true, [&](StoreReq& request) {
    for (std::size_t i = 1; i < peers.size(); ++i)
      request.kind_data.front().values.push_back(entry_of(node, peers[i], swarm, now_ns_));
  });
}

void TrackerScene::copy(const std::string& replica, const std::string& owner, const std::string& peer,
                        const std::string& swarm) {
  StoreReq request;
  request.resource = swarm_resource(swarm);
  request.replica_number = 1;
  request.kind_data.push_back({kPpspSwarmKind, 0, {entry_of(owner, peer, swarm, now_ns_)}});
  Packet packet;
  packet.forwarding.overlay = 0x9aa32b8d;
  packet.forwarding.configuration_sequence = 22;
  packet.forwarding.transaction_id = 0x9e3779b97f4a7c15 * ++transactions_;
  packet.forwarding.destination_list = {Destination::node(replica)};
  packet.contents = Contents(std::move(request));
  say({false, true, {}, encode(packet), place_of(kResponsible, kReloadPort), place_of(replica, kReloadPort), 0});
  packet.forwarding.destination_list = {Destination::node(kResponsible)};
  packet.contents = Contents(StoreAns{});
  say({false, false, {}, encode(packet), place_of(replica, kReloadPort), place_of(kResponsible, kReloadPort), 0});
}

void TrackerScene::status(const std::string& node, const std::string& peer, const std::vector<std::string>& swarms) {
  PeerStatus status;
  status.ct_node_id = NodeId(node);
  for (const std::string& swarm : swarms) status.swarms.push_back({swarm, kLeechEntry});
  KindValue whole{kPpspPeerStatusKind, true, status};
  StoredData data;
  data.kind = kPpspPeerStatusKind;
  data.model = DataModel::kDictionary;
  data.lifetime = 180;
  data.key = node;
  data.value = encode_part(whole);
  StoreReq request;
  request.resource = peer_resource(peer);
  request.kind_data.push_back({kPpspPeerStatusKind, 0, {std::move(data)}});
  const std::string resource = request.resource;
  send(node, resource, Contents(std::move(request)), {});
}

void TrackerScene::fetch(const std::string& node, const std::string& swarm, std::uint32_t shard) {
  FetchReq request;
  request.resource = swarm_resource(swarm, shard);
  StoredDataSpecifier specifier;
  specifier.kind = kPpspSwarmKind;
  specifier.model = DataModel::kDictionary;
  request.specifiers.push_back(std::move(specifier));
  const std::string resource = request.resource;
  send(node, resource, Contents(std::move(request)), swarm);
}

void TrackerScene::fetched(const std::vector<Registration>& registrations) {
  const Asked& asked = asked_.at(answered_ == SIZE_MAX ? asked_.size() - 1 : answered_);
  FetchKindResponse response;
  response.kind = kPpspSwarmKind;
  for (const Registration& one : registrations)
    response.values.push_back(entry_of(one.node, one.peer, asked.swarm, now_ns_, one.joined, one.host));
  FetchAns body;
  body.kind_responses.push_back(std::move(response));
  answer(Contents(std::move(body)), Way::kWhole);
}

void TrackerScene::error(std::uint16_t code) {
  ErrorResponse body;
  body.code = code;
  answer(Contents(std::move(body)), Way::kWhole);
}

// ---- frames

std::vector<Frame> TrackerScene::frames() const {
  std::vector<Frame> frames;
  std::map<std::string, TcpConversation> connections;  // by transaction
  for (const Said& one : said) {
    const std::size_t before = frames.size();
    if (!one.ppstp) {
      frames.push_back(udp_frame(one.from, one.to, one.bytes, one.time_ns));
    } else if (one.request) {
      TcpConversation& tcp = connections.try_emplace(one.tid, frames, one.from, one.to).first->second;
      tcp.open();
      tcp.client(http_request(one.bytes));
    } else {
      connections.at(one.tid).server(http_response(one.bytes));
    }
    for (std::size_t i = before; i < frames.size(); ++i) frames[i].time_ns = one.time_ns;
  }
  return frames;
}

}  // namespace peerscope::test
