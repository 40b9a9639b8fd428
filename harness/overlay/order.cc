// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/overlay/order.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "protocols/base/tree_writer.h"
#include "protocols/reload/protocol.h"
#include "protocols/reload/signature_input.h"

namespace peerscope::harness {
namespace {

using namespace reload;

std::string option(const MessageOrder& order, std::string_view key) {
  const Tree* value = order.link->find(key);
  return value == nullptr ? std::string() : value->scalar;
}

// R-SEC-03, R-SEC-04.
SignerIdentity identity_of(const NodeIdentity& identity) {
  SignerIdentity signer;
  signer.hash_alg = tls_hash::kSha256;
  const bool one = identity.certificate->node_ids().size() == 1;
  const std::string& der = identity.certificate->der();
  signer.type = one ? kCertHash : kCertHashNodeId;
  signer.hash =
      (one ? cert_hash(signer.hash_alg, der) : cert_hash_node_id(signer.hash_alg, identity.node_id, der)).value_or("");
  return signer;
}

// `how`: "bad": not over these bytes, "none": says itself that it is none.
reload::Signature sign(const NodeIdentity& identity, std::string_view how,
                       const std::function<std::string(SignerIdentity&)>& input) {
  reload::Signature signature;
  if (how == "none") {
    signature.identity = {kNoIdentity, 0, {}};
    return signature;
  }
  signature.identity = identity_of(identity);
  const SignatureCode code = identity.key.default_code();
  signature.hash = code.hash;
  signature.signature = code.signature;
  std::string over = input(signature.identity);
  if (how == "bad" && !over.empty()) over.back() = static_cast<char>(over.back() ^ 1);
  const auto value = identity.key.sign(code, over);
  if (value.ok()) signature.value = *value;
  return signature;
}

const NodeIdentity* signer(const MessageOrder& order, std::string_view key, std::string& why) {
  const std::string name = option(order, key);
  const NodeIdentity* identity = name.empty() ? order.self : order.identity_of(name);
  if (identity == nullptr) why = fmt::format("link: {}: no party {}", key, name);
  return identity;
}

void sign_value(const MessageOrder& order, const std::string& resource, std::uint32_t kind, StoredData& value,
                const NodeIdentity& by) {
  value.kind = kind;
  if (const DataModel known = order.overlay->context.model_of(kind); known != DataModel::kUnknown) value.model = known;
  if (value.storage_time == 0) value.storage_time = order.now_ms;
  if (!value.signature.identity.hash.empty()) return;
  value.signature = sign(by, option(order, "values"),
                         [&](SignerIdentity& identity) { return value_signature_input(resource, value, identity); });
}

// Of a Store, or of the answer to a Fetch, whose request names the resource. False: no values here.
bool sign_values(const MessageOrder& order, Body& body, const NodeIdentity& by) {
  if (auto* store = std::get_if<StoreReq>(&body); store != nullptr) {
    for (StoreKindData& data : store->kind_data) {
      for (StoredData& value : data.values) sign_value(order, store->resource, data.kind, value, by);
    }
    return true;
  }
  auto* answer = std::get_if<FetchAns>(&body);
  const auto* fetch = order.answers != nullptr ? body_of<FetchReq>(*order.answers) : nullptr;
  if (answer == nullptr || fetch == nullptr) return false;
  for (FetchKindResponse& response : answer->kind_responses) {
    for (StoredData& value : response.values) sign_value(order, fetch->resource, response.kind, value, by);
  }
  return true;
}

IceCandidate own_candidate(const MessageOrder& order) {
  IceCandidate candidate;
  constexpr std::uint32_t kLoopback = 0x7f000001;
  candidate.address.ipv4 = kLoopback;
  candidate.address.port = order.own_port;
  candidate.overlay_link = kTlsTcpFhNoIce;
  candidate.foundation = "1";
  candidate.priority = 1;
  candidate.type = kHostCandidate;
  return candidate;
}

// Members that such a message needs and no scenario should have to repeat; what it names itself replaces them.
void fill_in(const MessageOrder& order, Contents& contents) {
  const NodeId self(order.self->node_id);
  switch (contents.code) {
    case AttachReq::kCode: {
      AttachReq body;
      body.role = kPassive;
      body.candidates.push_back(own_candidate(order));
      contents.body = std::move(body);
      return;
    }
    case AttachAns::kCode: {
      AttachAns body;
      body.role = kActive;
      body.candidates.push_back(own_candidate(order));
      contents.body = std::move(body);
      return;
    }
    case JoinReq::kCode: {
      JoinReq body;
      body.joining_peer_id = self;
      contents.body = std::move(body);
      return;
    }
    case LeaveReq::kCode: {
      LeaveReq body;
      body.leaving_peer_id = self;
      LeaveData data;
      data.chord.type = kFromPredecessor;
      if (order.overlay->context.chord) body.overlay_specific_data = encode_part(data);
      contents.body = std::move(body);
      return;
    }
    case PingAns::kCode:
      contents.body = PingAns{order.transaction_id | 1, order.now_ms};
      return;
    default:
      return;
  }
}

void address(const MessageOrder& order, ForwardingHeader& header) {
  const Packet* request = order.answers != nullptr ? packet_of(*order.answers) : nullptr;
  header.overlay = order.overlay->hash;
  header.configuration_sequence = order.overlay->sequence;
  header.ttl = static_cast<std::uint8_t>(order.overlay->configuration.initial_ttl);
  header.transaction_id = request != nullptr ? request->forwarding.transaction_id : order.transaction_id;
  header.destination_list.push_back(Destination::node(order.destination));
  if (request == nullptr) return;
  const auto& via = request->forwarding.via_list;
  header.destination_list.insert(header.destination_list.end(), via.rbegin(), via.rend());
}

// A message whose contents are signed and stay as they are.
struct SignedMessage {
  ForwardingHeader& forwarding;
  std::string contents;
  SecurityBlock& security;
};
template <class A>
void describe(A& a, SignedMessage& m) {
  Length length;
  a.group(kForwarding, [&] { length = describe_header(a, m.forwarding); });
  a.sized(length, [&] {
    a.rest(kUnknownBody, m.contents);
    a.structure(kSecurity, m.security);
  });
}

// The parts of the description one by one, so that each may be signed as it will stand on the wire.
class PartWriter {
 public:
  explicit PartWriter(const MessageOrder& order) : order_(order), walk_(&order.overlay->context) {}

  template <class F>
  std::string write(F&& body) {
    std::string out;
    BinaryWriter writer(out, order_.overrides, &walk_);
    body(writer);
    if (!writer.error().empty() && error_.empty()) error_ = writer.error();
    for (const auto& [path, override] : *order_.overrides) {
      const auto unused = writer.unused();
      if (std::find(unused.begin(), unused.end(), path) == unused.end()) used_.push_back(path);
    }
    return out;
  }
  std::string error() const {
    if (!error_.empty()) return error_;
    for (const auto& [path, override] : *order_.overrides) {
      if (std::find(used_.begin(), used_.end(), path) == used_.end())
        return fmt::format("mutate: this message has no '{}'", path);
    }
    return {};
  }

 private:
  const MessageOrder& order_;
  Walk walk_;
  std::string error_;
  std::vector<std::string> used_;
};

}  // namespace

std::string sign_anew(Packet packet, const OverlayView& overlay, const NodeIdentity& self, std::uint64_t now_ms) {
  if (auto* store = std::get_if<StoreReq>(&packet.contents.body); store != nullptr) {
    for (StoreKindData& data : store->kind_data) {
      for (StoredData& value : data.values) {
        value.storage_time = now_ms;
        value.signature = sign(self, "", [&](SignerIdentity& identity) {
          return value_signature_input(store->resource, value, identity);
        });
      }
    }
  }
  const std::string contents = encode(packet.contents, &overlay.context);
  if (contents.empty()) return {};
  packet.framed = false;
  packet.security.certificates = {{kX509, self.certificate->der()}};
  packet.security.signature = sign(self, "", [&](SignerIdentity& identity) {
    return message_signature_input(packet.forwarding.overlay, packet.forwarding.transaction_id, contents,
                                   encode(identity));
  });
  return encode(packet.forwarding, contents, packet.security);
}

std::string build_message(const MessageOrder& order, std::string& why) {
  const auto row = std::find_if(kMethods.begin(), kMethods.end(), [&](const Method& m) { return order.msg == m.name; });
  Packet packet;
  packet.contents.code = row == kMethods.end() ? std::uint16_t{0} : row->code;
  address(order, packet.forwarding);
  fill_in(order, packet.contents);
  // First what the scenario says goes into the structs; what it gets wrong on purpose comes when bytes are made.
  Walk walk(&order.overlay->context);
  const EncodeResult filled = encode_tree(kReload, *order.with, packet, {}, &walk);
  if (!filled.error.empty()) return why = filled.error, std::string();
  const NodeIdentity* self = signer(order, "sign_as", why);
  const NodeIdentity* author = signer(order, "values_as", why);
  if (self == nullptr || author == nullptr) return {};
  if (sign_values(order, packet.contents.body, *author) && author != self)
    packet.security.certificates.push_back({kX509, author->certificate->der()});
  PartWriter writer(order);
  const std::string contents = writer.write([&](BinaryWriter& a) { a.structure(kContents, packet.contents); });
  if (option(order, "bucket") != "none")
    packet.security.certificates.insert(packet.security.certificates.begin(), {kX509, self->certificate->der()});
  else
    packet.security.certificates.clear();
  packet.security.signature = sign(*self, option(order, "signature"), [&](SignerIdentity& identity) {
    return message_signature_input(packet.forwarding.overlay, packet.forwarding.transaction_id, contents,
                                   encode(identity));
  });
  SignedMessage whole{packet.forwarding, contents, packet.security};
  std::string message = writer.write([&](BinaryWriter& a) { a.root(kReload, whole); });
  if (std::string error = writer.error(); !error.empty()) return why = error, std::string();
  return message;
}

}  // namespace peerscope::harness
