// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/examination.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "protocols/base/protocol.h"
#include "protocols/reload/protocol.h"
#include "protocols/reload/security/text.h"

namespace peerscope::reload {
namespace {

// Adds findings of this table by their ids.
class Report {
 public:
  explicit Report(std::vector<Finding>& findings) : findings_(findings) {}
  void at(const Event* event, std::string_view id, std::string detail) {
    const Requirement* rule = find_requirement(id);
    if (rule == nullptr) return;
    findings_.push_back({rule, rule->severity, event != nullptr ? event->offset : 0,
                         event != nullptr ? event->length : 0, std::move(detail)});
  }

 private:
  std::vector<Finding>& findings_;
};

// One value of a Store with whoever signed it.
struct Write {
  const StoreReq& store;
  const StoredData& value;
  const Verifier::Signer& by;
  const Context* context;
  const Event* event;  // where a finding goes

  const std::string& user() const { return by.known->certificate->user_name(); }
  bool is_own_key() const { return value.key == by.node_id; }
  bool is_owner() const { return !user().empty() && resource_id_of(user()) == store.resource; }
};

template <class T>
bool typed(const StoredData& value, T& out) {
  KindValue whole{value.kind, true, {}};
  if (!value.exists || !decode_part(value.value, whole) || !std::holds_alternative<T>(whole.value)) return false;
  out = std::get<T>(std::move(whole.value));
  return true;
}

std::string big_endian(std::uint16_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
}

// ---- RFC 7374: NODE-ID-MATCH

// How the numbers are written for the hash, the RFC does not say: both plain forms are right.
bool is_tree_nodes_resource(const RedirServiceProvider& record, std::string_view resource) {
  return resource_id_of(record.name_space + big_endian(record.level) + big_endian(record.node)) == resource ||
         resource_id_of(fmt::format("{}{}{}", record.name_space, record.level, record.node)) == resource;
}

// Whether tree node `node` of `level` covers the Node-ID with any branching factor; which one the configuration says.
bool covers(const RedirServiceProvider& record, std::string_view node_id) {
  constexpr double kByte = 256;
  constexpr int kLargestFactor = 256;
  constexpr double kRounding = 1e-6;
  double part = 0;  // of the ring
  for (std::size_t i = std::min<std::size_t>(node_id.size(), sizeof(double)); i-- > 0;)
    part = (part + static_cast<unsigned char>(node_id[i])) / kByte;
  for (int factor = 2; factor <= kLargestFactor; ++factor) {
    const double place = part * std::pow(static_cast<double>(factor), static_cast<double>(record.level));
    if (place > record.node - kRounding && place < record.node + 1 + kRounding) return true;
  }
  return false;
}

void judge_redir(const Write& write, Report& report) {
  if (!write.is_own_key()) report.at(write.event, "R-RDR-03", "stored under a key that is not its signer's Node-ID");
  RedirServiceProvider record;
  if (!typed(write.value, record)) return;
  if (!covers(record, write.by.node_id))
    report.at(write.event, "R-RDR-04",
              fmt::format("stored in node {} of level {}, which does not cover its signer's Node-ID", record.node,
                          record.level));
  if (!is_tree_nodes_resource(record, write.store.resource))
    report.at(write.event, "R-RDR-05",
              fmt::format("stored where namespace {}, level {} and node {} do not hash to", record.name_space,
                          record.level, record.node));
}

// ---- RFC 7904: USER-NODE-MATCH

void judge_sip(const Write& write, Report& report) {
  if (!write.is_owner())
    report.at(write.event, "R-SIP-01",
              fmt::format("stored a registration by '{}' at another name's Resource-ID", write.user()));
  else if (!write.is_own_key())
    report.at(write.event, "R-SIP-01", "stored under a key that is not its signer's Node-ID");
}

// ---- RFC 7650: URI-MATCH, URI-NODE-MATCH

// "coap:" is to be removed before, by section 8; the RFC's own example hashes the whole URI.
bool may_write_uri(const Write& write) {
  constexpr std::string_view kUri = "URI:";
  for (const std::string& name : write.by.known->certificate->other_names()) {
    if (!name.starts_with(kUri)) continue;
    const std::string_view uri = std::string_view(name).substr(kUri.size());
    const std::string_view rest = uri.substr(std::min(uri.find(':') + 1, uri.size()));
    if (resource_id_of(uri) == write.store.resource || resource_id_of(rest) == write.store.resource) return true;
  }
  return false;
}

void judge_coap(const Write& write, Report& report) {
  if (!may_write_uri(write))
    report.at(write.event, "R-COA-01",
              "stored for a signer whose certificate has no URI that hashes to the Resource-ID");
  else if (write.value.kind == kCoapRegistrationKind && !write.is_own_key())
    report.at(write.event, "R-COA-01", "stored under a key that is not its signer's Node-ID");
}

// ---- the distributed PPSP tracker: PPSP-PREFIX-MATCH

void judge_ppsp(const Write& write, Report& report) {
  if (!write.value.key.starts_with(write.by.node_id))
    report.at(write.event, "SD-DT-08", "stored under a key that does not begin with its signer's Node-ID");
}

// ---- RFC 6940 section 9: TURN servers

void judge_turn(const Write& write, Report& report) {
  TurnServer server;
  if (!typed(write.value, server)) return;
  const auto place_of = [&](int d) { return resource_id_of(write.by.node_id + static_cast<char>(d)); };
  if (server.iteration != 0 && place_of(server.iteration) == write.store.resource) return;
  constexpr int kMostPlaces = 255;
  for (int d = 1; d <= kMostPlaces; ++d) {
    if (place_of(d) != write.store.resource) continue;
    return report.at(write.event, "R-TRN-03", fmt::format("iteration {} at the place of {}", server.iteration, d));
  }
  report.at(write.event, "R-TRN-02", "a TURN server at a Resource-ID that is none of its signer's");
}

// ---- RFC 8076: shared resources

bool is_shared(const Context* context, std::uint32_t kind) {
  if (kind == kAccessControlListKind) return true;
  return context != nullptr && context->is_shared(kind);
}

// The index begins with the lowest 24 bits of the writer's Node-ID.
bool is_own_index(const Write& write) {
  constexpr std::size_t kPrefix = 3;
  const std::string& node = write.by.node_id;
  if (node.size() < kPrefix) return false;
  std::uint32_t prefix = 0;
  for (const char byte : node.substr(node.size() - kPrefix)) prefix = prefix << 8 | static_cast<unsigned char>(byte);
  return write.value.index >> 8 == prefix;
}

std::string item_key(const Write& write) {
  return fmt::format("{}/{}/{}", write.store.resource, write.value.kind, write.value.index);
}

// Of the one who writes.
void judge_shared(const Write& write, bool overwrites, Report& report) {
  if (write.value.model == DataModel::kDictionary && !write.is_own_key())
    report.at(write.event, "R-SHR-02", "the key is not the Node-ID of the value's signer");
  if (write.value.model == DataModel::kArray && write.value.exists && !overwrites && !is_own_index(write))
    report.at(write.event, "R-SHR-01",
              fmt::format("index {:#x} does not begin with the end of its signer's Node-ID", write.value.index));
  AccessControlListItem item;
  if (write.value.kind != kAccessControlListKind || !typed(write.value, item)) return;
  if (item.to_user == write.user() && !item.has_name && !write.is_owner())
    report.at(write.event, "R-SHR-03", fmt::format("a root item of '{}', who does not own the resource", write.user()));
  const auto wanted = write.context != nullptr ? write.context->has_variable_names(write.value.kind) : std::nullopt;
  if (wanted && *wanted != item.has_name)
    report.at(write.event, "R-SHR-07",
              item.has_name ? "a resource name, which the Kind's definition does not enable"
                            : "no resource name, which the Kind's definition asks for");
}

// Of the one who stores.
void judge_item(const Write& write, const std::string& author, Report& report) {
  AccessControlListItem item;
  const bool readable = typed(write.value, item);
  if (readable && item.has_name && resource_id_of(item.name.resource_name) != write.store.resource)
    report.at(write.event, "R-SHR-06",
              fmt::format("stored where the resource name '{}' does not hash to", item.name.resource_name));
  // Who owns a resource with a name of its own, only the configuration's patterns tell.
  const bool named = !readable || item.has_name;
  if (!author.empty() && author != write.user() && !write.is_owner() && !(named && write.value.exists))
    report.at(write.event, "R-SHR-04", fmt::format("item of '{}' overwritten by '{}'", author, write.user()));
}

template <class F>
void each_write(const Verifier& verifier, const Message& message, const StoreReq& store, F&& look) {
  for (const StoreKindData& data : store.kind_data) {
    for (const StoredData& value : data.values) {
      const Verifier::Signer* by = verifier.signer_of(value.signature.identity);
      if (by == nullptr || by->node_id.empty()) continue;
      look(Write{store, value, *by, static_cast<const Context*>(message.context), nullptr});
    }
  }
}

bool concerns(std::uint32_t kind, const Context* context) {
  return kind == kRedirKind || kind == kSipRegistrationKind || kind == kCoapRegistrationKind ||
         kind == kCoapCachingKind || kind == kTurnServiceKind || kind == kPpspSwarmKind ||
         kind == kPpspPeerStatusKind || is_shared(context, kind);
}

bool concerns(const StoreReq& store, const Context* context) {
  // Resource-IDs are hashes of another kind elsewhere.
  if (context != nullptr && !context->chord) return false;
  return std::any_of(store.kind_data.begin(), store.kind_data.end(),
                     [&](const StoreKindData& data) { return concerns(data.kind, context); });
}

}  // namespace

void Examination::look(const Verifier& verifier, const Message& message, const Message* request,
                       std::vector<Finding>& findings) {
  if (verifier.size() != known_) look_at_certificates(verifier, message, findings);
  Report report(findings);
  const auto* context = static_cast<const Context*>(message.context);
  const auto* asked = body_of<StoreReq>(message);
  if (asked != nullptr && asked->replica_number == 0 && concerns(*asked, context)) {
    each_write(verifier, message, *asked, [&](Write write) {
      write.event = message.first(kStoreResource);
      if (write.value.kind == kTurnServiceKind) judge_turn(write, report);
      if (is_shared(context, write.value.kind)) judge_shared(write, item_authors_.contains(item_key(write)), report);
    });
  }
  const auto* stored =
      body_of<StoreAns>(message) != nullptr && request != nullptr ? body_of<StoreReq>(*request) : nullptr;
  if (stored == nullptr || !concerns(*stored, context)) return;
  each_write(verifier, message, *stored, [&](Write write) {
    write.event = message.first(kStoreResponse);
    switch (write.value.kind) {
      case kRedirKind:
        return judge_redir(write, report);
      case kSipRegistrationKind:
        return judge_sip(write, report);
      case kCoapRegistrationKind:
      case kCoapCachingKind:
        return judge_coap(write, report);
      case kPpspSwarmKind:
      case kPpspPeerStatusKind:
        return judge_ppsp(write, report);
      case kAccessControlListKind: {
        if (item_authors_.size() >= kMostItems) item_authors_.clear();
        std::string& author = item_authors_[item_key(write)];
        judge_item(write, author, report);
        if (author.empty()) author = write.user();
        return;
      }
      default:
        return;
    }
  });
}

void Examination::look_at_certificates(const Verifier& verifier, const Message& message,
                                       std::vector<Finding>& findings) {
  const Packet* packet = packet_of(message);
  if (packet == nullptr || packet->security.certificates.empty()) return;
  known_ = verifier.size();
  Report report(findings);
  for (const Event& event : message.events) {
    if (event.field != &kCertificateData) continue;
    const KnownCertificate* known = verifier.find(event.text);
    // Roots and other authorities name no node.
    if (known == nullptr || known->certificate->is_ca() || judged_.size() >= kMostCertificates) continue;
    const Certificate& certificate = *known->certificate;
    if (!judged_.insert(certificate.fingerprint()).second) continue;
    for (const CertificateProblem& problem : certificate.problems()) {
      // The CoAP usage adds its nodes' URIs (RFC 7650 section 9).
      if (problem.text.find("URI:coap") == std::string::npos) report.at(&event, problem.requirement, problem.text);
    }
    const auto ids = certificate.node_ids();
    const auto fits = [&](std::uint8_t hash) {
      return digest_.value_or(hash) == hash &&
             check_self_signed(certificate, hash, ids.front().size()) == SelfSignedResult::kOk;
    };
    if (!ids.empty() && certificate.self_signed() && !fits(tls_hash::kSha256) && !fits(tls_hash::kSha1))
      report.at(&event, "R-SLF-01", "the Node-ID is not the digest of the certificate's own key");
  }
}

void Examination::clear() {
  digest_.reset();
  known_ = 0;
  judged_.clear();
  item_authors_.clear();
}

}  // namespace peerscope::reload
