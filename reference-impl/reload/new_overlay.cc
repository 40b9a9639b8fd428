// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/new_overlay.h"

namespace peerscope::reload {
namespace {

constexpr std::int64_t kClockSkew = 3600;         // s
constexpr std::int64_t kRootLife = 3650 * 86400;  // s
constexpr std::int64_t kNodeLife = 30 * 86400;    // s

KindBlock kind(DataModel model, std::string policy) {
  KindBlock block;
  block.kind.data_model = to_text(model);
  block.kind.access_control = std::move(policy);
  block.kind.max_count = 32;
  block.kind.max_size = 1024;
  return block;
}
KindBlock private_kind(std::uint32_t id, DataModel model, std::string policy) {
  KindBlock block = kind(model, std::move(policy));
  block.kind.id = id;
  if (block.kind.access_control == "NODE-MULTIPLE") block.kind.max_node_multiple = kMultiplePlaces;
  return block;
}
KindBlock registered_kind(std::uint32_t id) {
  for (const RegisteredKind& row : kRegisteredKinds) {
    if (row.id != id) continue;
    KindBlock block = kind(row.model, row.policy);
    block.kind.name = row.name;
    if (block.kind.access_control == "NODE-MULTIPLE") block.kind.max_node_multiple = 20;  // section 9
    return block;
  }
  return {};
}

}  // namespace

OverlayConfiguration basic_configuration(const std::string& name) {
  OverlayConfiguration configuration;
  configuration.instance_name = name;
  configuration.sequence = 1;
  configuration.no_ice = true;
  configuration.max_message_size = 65536;
  configuration.required_kinds = {private_kind(kSingleKind, DataModel::kSingle, "USER-MATCH"),
                                  private_kind(kArrayKind, DataModel::kArray, "USER-MATCH"),
                                  private_kind(kDictionaryKind, DataModel::kDictionary, "USER-NODE-MATCH"),
                                  private_kind(kNodeMatchKind, DataModel::kSingle, "NODE-MATCH"),
                                  private_kind(kMultipleKind, DataModel::kSingle, "NODE-MULTIPLE"),
                                  registered_kind(kTurnServiceKind),
                                  registered_kind(kSipRegistrationKind)};
  return configuration;
}

net::Result<Identity> issue_identity(const Authority& authority, const OverlayConfiguration& configuration,
                                     const std::string& user_name, KeyType keys, std::int64_t now,
                                     RandomSource& random) {
  const auto length = static_cast<std::size_t>(configuration.node_id_length);
  auto key = generate_key(keys);
  auto nodes = random_node_ids(random, 1, length);
  if (!key.ok() || !nodes.ok()) return {net::ErrorKind::kLocal, key.message() + nodes.message()};
  IssueOptions options;
  options.validity = {now - kClockSkew, now + kNodeLife};
  options.names.overlay = configuration.instance_name;
  options.names.node_ids = *nodes;
  options.names.user_name = user_name;
  auto der = authority.issue_for_key(key->spki(), options, random);
  if (!der.ok()) return {net::ErrorKind::kLocal, der.message()};
  auto certificate = Certificate::parse(*der, length);
  if (!certificate.ok()) return {net::ErrorKind::kLocal, certificate.message()};
  return Identity{*key, *certificate, {}, NodeId(nodes->front())};
}

net::Result<NewOverlay> make_new_overlay(OverlayConfiguration configuration, KeyType keys, std::int64_t now,
                                         RandomSource& random) {
  auto key = generate_key(keys);
  if (!key.ok()) return {net::ErrorKind::kLocal, key.message()};
  auto authority =
      Authority::create(*key, configuration.instance_name + " root", {now - kClockSkew, now + kRootLife}, random);
  if (!authority.ok()) return {net::ErrorKind::kLocal, authority.message()};
  configuration.root_certs = {authority->certificate()->der()};
  if (!configuration.expiration) configuration.expiration = now + kRootLife;
  auto signer = issue_identity(*authority, configuration, "admin@" + configuration.instance_name, keys, now, random);
  if (!signer.ok()) return signer.error();
  auto document = write_signed_document(configuration, {signer->key, signer->certificate, signer->node_id.str()});
  if (!document.ok()) return document.error();
  auto overlay = read_overlay(*document, configuration.instance_name, now);
  if (!overlay.ok()) return overlay.error();
  return NewOverlay{*std::move(authority), *std::move(signer), *std::move(overlay)};
}

}  // namespace peerscope::reload
