// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/overlay.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "protocols/reload/security/crypto.h"
#include "reference-impl/reload/security_block_codec.h"

namespace peerscope::reload {
namespace {

using net::ErrorKind;

constexpr std::array<std::pair<std::string_view, Policy>, 5> kPolicyNames = {
    {{"USER-MATCH", Policy::kUserMatch},
     {"NODE-MATCH", Policy::kNodeMatch},
     {"USER-NODE-MATCH", Policy::kUserNodeMatch},
     {"NODE-MULTIPLE", Policy::kNodeMultiple},
     {kPpspPrefixMatch, Policy::kPrefixMatch}}};

// Every overlay with certificates stores them (section 8), whether or not its document lists the Kinds.
constexpr std::size_t kCertificateCount = 8;
constexpr std::size_t kCertificateSize = 4096;

std::optional<KindRules> rules_of(const KindParameters& kind, const NodeDefects& defects) {
  EffectiveKind counts = effective(kind);
  if (defects.has(NodeDefect::kRegisteredKindRedefined)) counts.access_control = kind.access_control;
  const auto policy = parse_policy(counts.access_control);
  const DataModel model = data_model_of(counts.data_model);
  if (!counts.id || !policy || model == DataModel::kUnknown) return std::nullopt;
  KindRules rules;
  rules.id = *counts.id;
  rules.name = kind.name;
  rules.model = model;
  rules.policy = *policy;
  rules.max_count = static_cast<std::size_t>(std::max(kind.max_count, 0));
  rules.max_size = static_cast<std::size_t>(std::max(kind.max_size, 0));
  rules.max_node_multiple = static_cast<std::uint32_t>(std::max(kind.max_node_multiple.value_or(0), 0));
  return rules;
}

void add_certificate_kind(Overlay& overlay, std::uint32_t id, Policy policy) {
  KindRules rules{id, Context().name_of(id), DataModel::kArray, policy, kCertificateCount, kCertificateSize, 0};
  overlay.kinds.emplace(id, std::move(rules));
}

}  // namespace

std::optional<Policy> parse_policy(std::string_view text) {
  for (const auto& [name, policy] : kPolicyNames) {
    if (name == text) return policy;
  }
  return std::nullopt;
}

net::Duration Overlay::reliability_timer() const {
  return std::chrono::milliseconds(configuration.overlay_reliability_timer);
}

const KindRules* Overlay::find_kind(std::uint32_t id) const {
  const auto found = kinds.find(id);
  return found == kinds.end() ? nullptr : &found->second;
}

net::Result<OverlayPtr> make_overlay(const OverlayConfiguration& configuration, std::string document,
                                     const NodeDefects& defects) {
  static constexpr std::string_view kExtensions[] = {kDiagnosticsNs, kRouteModeNs, kPpspTrackerNs};
  OverlayConfiguration asked = configuration;
  if (defects.has(NodeDefect::kMandatoryExtensionIgnored)) asked.mandatory_extensions.clear();
  const auto unmet = unmet_requirements(asked, kExtensions, [&](const KindParameters& kind) {
    return defects.has(NodeDefect::kUnknownKindsIgnored) || rules_of(kind, defects).has_value();
  });
  if (!unmet.empty())
    return {ErrorKind::kLocal, fmt::format("overlay {}: {}", configuration.instance_name, unmet.front())};
  auto overlay = std::make_shared<Overlay>();
  overlay->configuration = configuration;
  overlay->hash = overlay_hash(configuration.instance_name);
  if (!defects.has(NodeDefect::kDocumentNumberIgnored)) overlay->sequence = configuration.sequence.value_or(0);
  CertificateCache cache(64, overlay->node_id_length());
  for (const KindBlock& block : configuration.required_kinds) {
    if (!configuration.kind_signers.empty() && !defects.has(NodeDefect::kUnsignedRequiredKinds) &&
        !verify_signatures(block.blob, block.signatures, configuration.kind_signers, read_security_block, cache))
      return {ErrorKind::kMalformed, "a Kind that no kind-signer has signed"};
    if (auto rules = rules_of(block.kind, defects)) overlay->kinds.emplace(rules->id, *std::move(rules));
  }
  add_certificate_kind(*overlay, kCertificateByNodeKind, Policy::kNodeMatch);
  add_certificate_kind(*overlay, kCertificateByUserKind, Policy::kUserMatch);
  for (const auto& [id, rules] : overlay->kinds) overlay->context.kinds[id] = {rules.name, rules.model};
  overlay->context.node_id_length = overlay->node_id_length();
  overlay->context.chord = configuration.topology_plugin == "CHORD-RELOAD";
  std::vector<CertificatePtr> roots;
  for (const std::string& der : configuration.root_certs) {
    auto root = Certificate::parse(der);
    if (!root.ok()) return {ErrorKind::kMalformed, "root-cert: " + root.message()};
    roots.push_back(*root);
  }
  overlay->anchors = TrustAnchors(std::move(roots));
  if (document.empty()) {
    ConfigDocument written;
    SignedConfiguration one;
    one.configuration = configuration;
    written.configurations.push_back(std::move(one));
    document = write_config_document(written);
  }
  overlay->document = std::move(document);
  return OverlayPtr(std::move(overlay));
}

net::Result<OverlayPtr> read_overlay(std::string_view document, std::string_view name, std::int64_t now,
                                     const NodeDefects& defects) {
  ConfigReadOptions options;
  options.now = now;
  const ConfigDocument read = read_config_document(document, options);
  const SignedConfiguration* found = nullptr;
  if (!name.empty() && !defects.has(NodeDefect::kAnyInstanceName))
    found = read.find(name);
  else if (read.configurations.size() == 1)
    found = read.configurations.data();
  if (found == nullptr) {
    const std::string why = read.diagnostics.empty() ? std::string() : ": " + read.diagnostics.front().text;
    return {ErrorKind::kMalformed, fmt::format("no configuration of overlay '{}' in the document{}", name, why)};
  }
  const auto index = static_cast<std::size_t>(found - read.configurations.data());
  if (read.has_errors(index)) {
    for (const ConfigDiagnostic& said : read.diagnostics) {
      if (said.severity == Severity::kError) return {ErrorKind::kMalformed, said.element + ": " + said.text};
    }
  }
  return make_overlay(found->configuration, std::string(document), defects);
}

net::Result<std::string> write_signed_document(OverlayConfiguration configuration, const ConfigSigner& signer) {
  configuration.configuration_signers = configuration.kind_signers = {signer.node_id};
  const auto sign = [&](const std::string& blob, std::vector<ConfigSignature>& signatures) {
    auto block = sign_blob(blob, signer, write_identity, write_security_block);
    if (block.ok()) signatures.push_back({*std::move(block), ""});
    return !signatures.empty();
  };
  for (KindBlock& block : configuration.required_kinds) {
    block.blob = write_kind(block.kind);
    block.signatures.clear();
    if (!sign(block.blob, block.signatures)) return {ErrorKind::kLocal, "cannot sign a Kind"};
  }
  ConfigDocument document;
  SignedConfiguration& whole = document.configurations.emplace_back();
  whole.blob = write_configuration(configuration);
  whole.configuration = std::move(configuration);
  if (!sign(whole.blob, whole.signatures)) return {ErrorKind::kLocal, "cannot sign the configuration"};
  return write_config_document(document);
}

int compare_sequence(std::uint16_t a, std::uint16_t b) {
  constexpr int kModulus = 65535;
  constexpr int kHalf = 32767;
  const int ahead = (a - b + 2 * kModulus) % kModulus;
  return ahead == 0 ? 0 : ahead <= kHalf ? 1 : -1;
}

}  // namespace peerscope::reload
