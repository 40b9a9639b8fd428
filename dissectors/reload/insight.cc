// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/reload/insight.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "dissectors/epan/layers.h"
#include "dissectors/reload/reload.h"
#include "protocols/reload/messages.h"
#include "protocols/reload/security/text.h"

namespace peerscope::reload {
namespace {

epan::PreferenceBool check_signatures = TRUE;
// Each message of a link carries the same certificate, and its tree is longer than all the rest of the message.
enum class CertificateTrees : guint8 { kNever, kFirst, kAlways };
gint show_certificates = static_cast<gint>(CertificateTrees::kFirst);
epan::PreferenceBool chord = TRUE;
const char* document_path = "";

int hf_status = -1;
int hf_signer = -1;
int hf_user = -1;
int hf_certificate_frame = -1;
int hf_certificate_node = -1;
int hf_certificate_user = -1;
int hf_overlay_name = -1;
int hf_also_received = -1;
int hf_instance_name = -1;
int hf_sequence = -1;
int ett_document = -1;
expert_field ei_bad = EI_INIT;
expert_field ei_unsupported = EI_INIT;
expert_field ei_sha1 = EI_INIT;
expert_field ei_document = EI_INIT;

dissector_handle_t xml = nullptr;
dissector_table_t certificates = nullptr;

constexpr value_string kStatusNames[] = {
    {static_cast<guint32>(Verdict::Result::kUnchecked), "not checked"},
    {static_cast<guint32>(Verdict::Result::kNoCertificate), "certificate not seen"},
    {static_cast<guint32>(Verdict::Result::kNotSigned), "not signed"},
    {static_cast<guint32>(Verdict::Result::kUnsupported), "not supported"},
    {static_cast<guint32>(Verdict::Result::kBad), "bad"},
    {static_cast<guint32>(Verdict::Result::kGood), "good"},
    {0, nullptr}};

void add_finding(epan::Record& record, const char* id, const Verdict& verdict, std::string detail) {
  const Requirement* rule = find_requirement(id);
  if (rule == nullptr) return;
  for (const Finding& finding : record.findings) {  // a later pass finds it again
    if (finding.rule == rule && finding.offset == verdict.offset) return;
  }
  record.findings.push_back({rule, rule->severity, verdict.offset, verdict.length, std::move(detail)});
}

// The rules that need the signer's certificate.
void judge(epan::Record& record, const Verdict& verdict) {
  for (BrokenRule& broken : broken_rules(verdict))
    add_finding(record, broken.requirement, verdict, std::move(broken.detail));
}

std::string_view resource_of(const Message* request) {
  if (request == nullptr) return {};
  const auto* fetch = body_of<FetchReq>(*request);
  return fetch != nullptr ? std::string_view(fetch->resource) : std::string_view();
}

bool may_know_more(const Insight& insight) {
  if (insight.certificates == knowledge().verifier().size()) return false;
  for (const Verdict& verdict : insight.verdicts) {
    if (verdict.result == Verdict::Result::kNoCertificate) return true;
  }
  return false;
}

const char* shown(packet_info* pinfo, std::string_view text) {
  return reinterpret_cast<const char*>(
      get_utf_8_string(pinfo->pool, reinterpret_cast<const guint8*>(text.data()), static_cast<gint>(text.size())));
}

void show_verdict(const epan::Canvas& canvas, const Verdict& verdict) {
  const auto offset = static_cast<gint>(verdict.offset);
  const auto length = static_cast<gint>(verdict.length);
  const auto generated = [](proto_item* item) {
    proto_item_set_generated(item);
    return item;
  };
  proto_item* status = generated(
      proto_tree_add_uint(canvas.tree, hf_status, canvas.tvb, offset, length, static_cast<guint32>(verdict.result)));
  proto_item_append_text(status, verdict.of_value ? ", of a value" : ", of the message");
  if (verdict.with_length) proto_item_append_text(status, ", over the Resource-ID with its length byte");
  if (verdict.result == Verdict::Result::kBad)
    expert_add_info_format(canvas.pinfo, status, &ei_bad, "Bad signature: %s", verdict.problem);
  if (verdict.result == Verdict::Result::kUnsupported)
    expert_add_info_format(canvas.pinfo, status, &ei_unsupported, "Signature not checked: %s", verdict.problem);
  if (verdict.result == Verdict::Result::kGood && verdict.sha1) expert_add_info(canvas.pinfo, status, &ei_sha1);
  if (!verdict.node_id.empty()) {
    generated(proto_tree_add_bytes_with_length(canvas.tree, hf_signer, canvas.tvb, offset, length,
                                               reinterpret_cast<const guint8*>(verdict.node_id.data()),
                                               static_cast<gint>(verdict.node_id.size())));
  }
  if (!verdict.user.empty())
    generated(
        proto_tree_add_string(canvas.tree, hf_user, canvas.tvb, offset, length, shown(canvas.pinfo, verdict.user)));
  if (verdict.certificate_frame != 0)
    generated(proto_tree_add_uint(canvas.tree, hf_certificate_frame, canvas.tvb, offset, length,
                                  static_cast<guint32>(verdict.certificate_frame)));
}

// Wireshark's own X.509 tree, and who the certificate names.
void show_certificate(const epan::Canvas& canvas, const Event& event) {
  const auto offset = static_cast<gint>(event.offset);
  const auto length = static_cast<gint>(event.length);
  const KnownCertificate* known = knowledge().verifier().find(event.text);
  // What OpenSSL does not read, Wireshark would call a malformed packet.
  if (known == nullptr) return;
  for (const ReloadUri& uri : known->certificate->node_uris()) {
    proto_item_set_generated(proto_tree_add_bytes_with_length(
        canvas.tree, hf_certificate_node, canvas.tvb, offset, length,
        reinterpret_cast<const guint8*>(uri.node_id.data()), static_cast<gint>(uri.node_id.size())));
  }
  for (const std::string& user : known->certificate->user_names())
    proto_item_set_generated(
        proto_tree_add_string(canvas.tree, hf_certificate_user, canvas.tvb, offset, length, shown(canvas.pinfo, user)));
  const auto trees = static_cast<CertificateTrees>(show_certificates);
  const bool first = known->frame == 0 || known->frame == canvas.pinfo->num;
  if (!first)
    proto_item_set_generated(proto_tree_add_uint(canvas.tree, hf_certificate_frame, canvas.tvb, offset, length,
                                                 static_cast<guint32>(known->frame)));
  if ((trees == CertificateTrees::kAlways || (trees == CertificateTrees::kFirst && first)) && certificates != nullptr) {
    tvbuff_t* der = tvb_new_subset_length(canvas.tvb, offset, length);
    dissector_try_string(certificates, "CERTIFICATE", der, canvas.pinfo, canvas.tree, nullptr);
  }
}

void show_diagnostics(packet_info* pinfo, proto_item* item, const ConfigDocument& document) {
  for (const ConfigDiagnostic& diagnostic : document.diagnostics) {
    expert_add_info_format(pinfo, item, &ei_document, "%s%s%s (line %d, %s)", shown(pinfo, diagnostic.requirement),
                           diagnostic.requirement.empty() ? "" : ": ", shown(pinfo, diagnostic.text), diagnostic.line,
                           shown(pinfo, diagnostic.element));
  }
}

// What has a destructor lives in packet memory: epan may long-jump out of the calls that follow.
ConfigDocument* document_in(packet_info* pinfo, std::string_view bytes) {
  auto* document = new (wmem_alloc(pinfo->pool, sizeof(ConfigDocument))) ConfigDocument;
  wmem_register_callback(
      pinfo->pool,
      [](wmem_allocator_t*, wmem_cb_event_t, void* data) -> gboolean {
        static_cast<ConfigDocument*>(data)->~ConfigDocument();
        return FALSE;
      },
      document);
  try {
    *document = knowledge().learn_document(bytes);
  } catch (...) {
    return nullptr;
  }
  return document;
}

// The document as it comes from a configuration server (RFC 6940 section 11.2).
int dissect_document(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  const guint length = tvb_captured_length(tvb);
  if (length == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(tvb_get_ptr(tvb, 0, static_cast<gint>(length))), length);
  const ConfigDocument* document = document_in(pinfo, bytes);
  proto_item* item = proto_tree_add_item(tree, dissector().proto(), tvb, 0, static_cast<gint>(length), ENC_NA);
  proto_item_append_text(item, ", configuration document");
  proto_tree* own = proto_item_add_subtree(item, ett_document);
  if (document != nullptr) {
    for (const SignedConfiguration& one : document->configurations) {
      proto_tree_add_string(own, hf_instance_name, tvb, 0, 0, shown(pinfo, one.configuration.instance_name));
      if (one.configuration.sequence) proto_tree_add_uint(own, hf_sequence, tvb, 0, 0, *one.configuration.sequence);
    }
    show_diagnostics(pinfo, item, *document);
  }
  if (xml != nullptr) call_dissector_with_data(xml, tvb, pinfo, tree, data);
  return static_cast<int>(length);
}

void read_preference() {
  try {
    knowledge().context().chord = chord != 0;
    if (document_path == nullptr || *document_path == '\0') return;
    std::ifstream file(document_path, std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    knowledge().learn_document(bytes.str());
  } catch (...) {
    return;  // a document that cannot be read teaches nothing
  }
}

// By the RFC's text bit N-M stands for frame M: the lowest one says nothing (section 6.6.2).
void show_received(const epan::Canvas& canvas, const Message& message, const Frame& frame) {
  const Event* event = message.first(kReceived);
  if (event == nullptr) return;
  constexpr std::uint32_t kBits = 32;
  for (std::uint32_t back = 1; back < kBits && back <= frame.sequence; ++back) {
    if ((frame.received >> back & 1) == 0) continue;
    proto_item_set_generated(proto_tree_add_uint(canvas.tree, hf_also_received, canvas.tvb,
                                                 static_cast<gint>(event->offset), static_cast<gint>(event->length),
                                                 frame.sequence - back));
  }
}

}  // namespace

Knowledge& knowledge() {
  static Knowledge& instance = *new Knowledge;  // epan calls back as long as it lives
  return instance;
}

std::string_view addressee_of(const Message& message) {
  const Packet* packet = packet_of(message);
  if (packet == nullptr || packet->is_ack() || packet->forwarding.is_fragment()) return {};
  const std::vector<Destination>& list = packet->forwarding.destination_list;
  return list.empty() ? std::string_view{} : std::string_view(list.back().id);
}

void study(const Message& message, const Message* request, epan::Record& record) {
  const Packet* packet = packet_of(message);
  const bool fragment = packet != nullptr && packet->forwarding.is_fragment();
  const bool first = record.own == nullptr;
  if (first && record.complete) knowledge().learn(message);
  if (first && (check_signatures || fragment)) {
    record.own = std::make_shared<Insight>();
    insight_of(&record)->resource = resource_of(request);
  }
  if (!check_signatures || !record.complete) return;
  Insight& insight = *insight_of(&record);
  if (!first && !may_know_more(insight)) return;
  insight.certificates = knowledge().verifier().size();
  insight.verdicts = knowledge().verifier().look(message, insight.resource);
  for (const Verdict& verdict : insight.verdicts) {
    judge(record, verdict);
    if (!verdict.of_value) insight.signer = verdict.node_id;
  }
  if (first) knowledge().examination().look(knowledge().verifier(), message, request, record.findings);
}

void add_insight_fields(epan::Catalogue& catalogue) {
  catalogue.add(hf_status, "signature.status", "Signature", FT_UINT8, BASE_DEC, VALS(kStatusNames),
                "Whether the signature is the signer's, as far as certificates were seen");
  catalogue.add(hf_signer, "signature.signer", "Signer", FT_BYTES, BASE_NONE, nullptr, "Node-ID of the signer");
  catalogue.add(hf_user, "signature.user", "Signer's user name", FT_STRING, BASE_NONE, nullptr,
                "User name in the signer's certificate");
  catalogue.add(hf_certificate_frame, "signature.certificate_in", "Certificate in", FT_FRAMENUM, BASE_NONE, nullptr,
                "Where the signer's certificate was seen first");
  catalogue.add(hf_certificate_node, "certificate.node_id", "Certificate's Node-ID", FT_BYTES, BASE_NONE, nullptr,
                "A node that the certificate names");
  catalogue.add(hf_certificate_user, "certificate.user", "Certificate's user name", FT_STRING, BASE_NONE, nullptr,
                "The user that the certificate names");
  catalogue.add(hf_overlay_name, "overlay_name", "Overlay name", FT_STRING, BASE_NONE, nullptr,
                "What the overlay's hash stands for");
  catalogue.add(hf_also_received, "frame.also_received", "Also received", FT_UINT32, BASE_DEC, nullptr,
                "A frame before the acknowledged one that was received too");
  catalogue.add(hf_instance_name, "document.instance_name", "Overlay", FT_STRING, BASE_NONE, nullptr,
                "Name of the overlay that the document configures");
  catalogue.add(hf_sequence, "document.sequence", "Sequence", FT_UINT16, BASE_DEC, nullptr,
                "Number of the configuration");
  catalogue.add_subtree(ett_document);
  catalogue.add_expert(ei_bad, "bad_signature", PI_SECURITY, PI_WARN, "Bad signature");
  catalogue.add_expert(ei_unsupported, "unsupported_signature", PI_SECURITY, PI_NOTE, "Signature not checked");
  catalogue.add_expert(ei_sha1, "sha1_signature", PI_SECURITY, PI_NOTE, "Signed with SHA-1");
  catalogue.add_expert(ei_document, "document.problem", PI_PROTOCOL, PI_WARN, "Configuration document");
}

void add_insight_preferences(module_t* module) {
  prefs_register_bool_preference(module, "verify_signatures", "Verify signatures",
                                 "Checks the signatures of messages and values with the certificates seen in the "
                                 "capture. Needs the most time of all that the dissector does",
                                 &check_signatures);
  static const enum_val_t kTrees[] = {{"never", "Never", static_cast<gint>(CertificateTrees::kNever)},
                                      {"first", "Where it is seen first", static_cast<gint>(CertificateTrees::kFirst)},
                                      {"always", "In each message", static_cast<gint>(CertificateTrees::kAlways)},
                                      {nullptr, nullptr, 0}};
  prefs_register_enum_preference(module, "show_certificates", "Show certificates in full",
                                 "Adds Wireshark's own X.509 tree to a certificate. Filters on its fields match the "
                                 "messages that have the tree",
                                 &show_certificates, kTrees, FALSE);
  prefs_register_bool_preference(module, "chord", "Topology plug-in is CHORD-RELOAD",
                                 "Off: bodies of Update, Leave and RouteQuery stay bytes, unless a configuration "
                                 "document names CHORD-RELOAD",
                                 &chord);
  prefs_register_filename_preference(module, "configuration", "Configuration document",
                                     "Names and data models of an overlay's own Kinds are read from it when a capture "
                                     "is opened",
                                     &document_path, FALSE);
}

void register_insight() {
  register_init_routine(read_preference);
}

void hand_off_insight() {
  xml = find_dissector("xml");
  certificates = find_dissector_table("rfc7468.preeb_label");
  static const std::string& media_type = *new std::string(kConfigMediaType);
  dissector_add_string("media_type", media_type.c_str(),
                       create_dissector_handle(dissect_document, dissector().proto()));
}

void show_insight(const epan::Canvas& canvas, const Message& message, const epan::Record* record) {
  if (const Insight* insight = insight_of(record); insight != nullptr) {
    for (const Verdict& verdict : insight->verdicts) show_verdict(canvas, verdict);  // expert items need no tree
  }
  if (canvas.tree == nullptr || record == nullptr) return;
  const Packet* packet = packet_of(message);
  if (packet != nullptr && packet->is_ack()) {
    show_received(canvas, message, packet->frame);
  } else if (packet != nullptr) {
    const std::string_view name = knowledge().name_of_overlay(packet->forwarding.overlay);
    if (!name.empty())
      proto_item_set_generated(
          proto_tree_add_string(canvas.tree, hf_overlay_name, canvas.tvb, 0, 0, shown(canvas.pinfo, name)));
  }
  for (const Event& event : message.events) {
    if (event.field == &kCertificateData) show_certificate(canvas, event);
    if ((event.field == &kConfigData || event.field == &kKindBlock) && xml != nullptr && event.length > 0) {
      tvbuff_t* text =
          tvb_new_subset_length(canvas.tvb, static_cast<gint>(event.offset), static_cast<gint>(event.length));
      call_dissector(xml, text, canvas.pinfo, canvas.tree);
    }
  }
}

std::string_view name_behind(const Event& event) {
  if (event.has_text && event.field->type == Type::kBytes && event.text.size() >= kDefaultNodeIdLength &&
      event.text.size() <= kLongestNodeId)
    return knowledge().name_of_id(event.text);
  if (event.has_number && event.field->type == Type::kUint32 && event.field->names.data() == kKindNames.data())
    return knowledge().name_of_kind(static_cast<std::uint32_t>(event.number));
  return {};
}

}  // namespace peerscope::reload
