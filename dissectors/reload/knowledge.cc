// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/reload/knowledge.h"

#include "protocols/reload/messages.h"
#include "protocols/reload/security/text.h"

namespace peerscope::reload {
namespace {

DataModel model_named(std::string_view word) {
  if (word == "SINGLE") return DataModel::kSingle;
  if (word == "ARRAY") return DataModel::kArray;
  return word == "DICTIONARY" ? DataModel::kDictionary : DataModel::kUnknown;
}

// RFC 6940 section 10 and RFC 7363 share the bodies of Update and Leave.
bool is_chord_plugin(std::string_view name) {
  return name == "CHORD-RELOAD" || name == "CHORD-SELF-TUNING";
}

}  // namespace

void Knowledge::learn(const Message& message) {
  for (const KnownCertificate& known : verifier_.learn(message)) learn_certificate(*known.certificate);
  const auto* update = body_of<ConfigUpdateReq>(message);
  if (update == nullptr || !message.whole()) return;
  if (update->type == kConfigDocument) learn_document(update->config_data);
  std::vector<ConfigDiagnostic> diagnostics;
  for (const KindDescription& description : update->kinds)
    learn_kinds(read_kind_blocks(description.kind_block, diagnostics));
}

ConfigDocument Knowledge::learn_document(std::string_view bytes) {
  ConfigDocument document = read_config_document(bytes);
  for (const SignedConfiguration& signed_configuration : document.configurations) {
    const OverlayConfiguration& configuration = signed_configuration.configuration;
    learn_kinds(configuration.required_kinds);
    if (!configuration.instance_name.empty()) name_overlay(configuration.instance_name);
    if (!is_chord_plugin(configuration.topology_plugin)) context_.chord = false;
    for (const std::string& der : configuration.root_certs) verifier_.learn(der, 0);
  }
  return document;
}

void Knowledge::learn_kinds(const std::vector<KindBlock>& blocks) {
  for (const KindBlock& block : blocks) {
    const EffectiveKind kind = effective(block.kind);
    if (!kind.id || context_.kinds.size() >= kMostKinds) continue;
    const auto& names = block.kind.variable_resource_names;
    context_.kinds[*kind.id] = {block.kind.name, model_named(kind.data_model), kind.access_control == "USER-CHAIN-ACL",
                                names && names->enable};
  }
}

void Knowledge::learn_certificate(const Certificate& certificate) {
  const std::string& user = certificate.user_name();
  for (const ReloadUri& uri : certificate.node_uris()) {
    name_id(uri.node_id, user);
    name_id(resource_id_of(uri.node_id), "node " + text::to_hex(uri.node_id));
    name_overlay(uri.overlay);
  }
  if (!user.empty()) name_id(resource_id_of(user), user);
}

void Knowledge::name_id(std::string id, std::string_view name) {
  if (!name.empty() && ids_.size() < kMostNames) ids_.try_emplace(std::move(id), name);
}

void Knowledge::name_overlay(std::string_view name) {
  if (!name.empty() && overlays_.size() < kMostNames) overlays_.try_emplace(overlay_hash(name), name);
}

std::string_view Knowledge::name_of_id(std::string_view id) const {
  const auto at = ids_.find(std::string(id));
  return at == ids_.end() ? std::string_view{} : at->second;
}

std::string_view Knowledge::name_of_kind(std::uint32_t kind) const {
  const auto at = context_.kinds.find(kind);
  return at == context_.kinds.end() ? std::string_view{} : at->second.name;
}

std::string_view Knowledge::name_of_overlay(std::uint32_t hash) const {
  const auto at = overlays_.find(hash);
  return at == overlays_.end() ? std::string_view{} : at->second;
}

void Knowledge::clear() {
  context_ = Context();
  verifier_.clear();
  examination_.clear();
  ids_.clear();
  overlays_.clear();
}

}  // namespace peerscope::reload
