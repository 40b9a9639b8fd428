// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/overlay/founding.h"

#include <fmt/format.h>

#include <charconv>
#include <ctime>

#include "protocols/reload/protocol.h"

namespace peerscope::harness {
namespace {

constexpr std::string_view kKeys[] = {"digest", "update_interval", "ping_interval", "max_message_size",
                                      "kind",   "bad_node",        "extension",     "office"};
constexpr std::uint32_t kOwnKind = 0xf0000009;
constexpr const char* kNobodysPolicy = "NOBODY-KNOWS-MATCH";

std::string text_of(const Tree& wish, std::string_view key) {
  const Tree* value = wish.find(key);
  return value == nullptr ? std::string() : value->scalar;
}

template <class T>
void number_into(const Tree& wish, std::string_view key, T& out) {
  const std::string text = text_of(wish, key);
  std::from_chars(text.data(), text.data() + text.size(), out);
}

std::string encoded_identity(std::uint8_t type, std::uint8_t hash_code, std::string_view hash) {
  reload::SignerIdentity identity{type, hash_code, std::string(hash)};
  return reload::encode(identity);
}

std::string encoded_block(const reload::SecurityBlockParts& parts) {
  reload::SecurityBlock block;
  for (const std::string& der : parts.certificates) block.certificates.push_back({reload::kX509, der});
  block.signature = {parts.code.hash, parts.code.signature, {}, parts.signature};
  if (!reload::decode_part(parts.identity, block.signature.identity)) return {};
  return reload::encode_part(block);
}

std::string new_root(Random& random, std::string& der) {
  SeededRandom source(random);
  auto key = reload::generate_key(reload::KeyType::kP256);
  if (!key.ok()) return key.message();
  constexpr std::int64_t kDay = 86400;
  const std::int64_t now = std::time(nullptr);
  auto root = reload::Authority::create(*key, "Harness", {now - kDay, now + kDay}, source);
  if (!root.ok()) return root.message();
  der = root->certificate()->der();
  return {};
}

}  // namespace

std::span<const std::string_view> overlay_keys() {
  return kKeys;
}

std::string Founding::found(OverlayView& overlay, const Tree& wish, Random& random) {
  reload::OverlayConfiguration& configuration = overlay.configuration;
  if (const std::string digest = text_of(wish, "digest"); !digest.empty())
    configuration.self_signed_permitted->digest = digest;
  number_into(wish, "update_interval", configuration.chord_update_interval);
  number_into(wish, "ping_interval", configuration.chord_ping_interval);
  number_into(wish, "max_message_size", configuration.max_message_size);
  if (const std::string extension = text_of(wish, "extension"); !extension.empty())
    configuration.mandatory_extensions.push_back(extension);
  if (std::string error = make_signer(overlay, "signer", random, signer_); !error.empty()) return error;
  if (std::string error = make_signer(overlay, "stranger", random, stranger_); !error.empty()) return error;
  if (std::string error = new_root(random, root_); !error.empty()) return error;
  configuration.configuration_signers = configuration.kind_signers = {signer_.certificate->node_ids().front()};
  return add_kind(overlay, text_of(wish, "kind"));
}

std::string Founding::name_nodes(OverlayView& overlay, const Tree& wish,
                                 const std::function<std::string(const std::string&)>& node_id_of) {
  const std::string bad = text_of(wish, "bad_node");
  if (bad.empty()) return {};
  const std::string id = node_id_of(bad);
  if (id.empty()) return fmt::format("overlay: bad_node: no party {}", bad);
  overlay.configuration.bad_nodes = {id};
  return {};
}

std::string Founding::make_signer(const OverlayView& overlay, const char* name, Random& random, Signer& signer) {
  NodeIdentity identity;
  std::string error = make_identity(overlay, name, nullptr, {}, {}, random, identity);
  signer = {identity.key, identity.certificate};
  return error;
}

// A required Kind: `unknown`: with an access policy that nobody has, `redefined`: a registered one with such a policy,
// `unsigned`: signed by somebody who is no kind-signer.
std::string Founding::add_kind(OverlayView& overlay, std::string_view how) {
  if (how.empty()) return {};
  reload::KindBlock block;
  block.kind.data_model = "SINGLE";
  block.kind.access_control = how == "unsigned" ? "USER-MATCH" : kNobodysPolicy;
  block.kind.max_count = 1;
  block.kind.max_size = 100;
  if (how == "redefined")
    block.kind.name = "CERTIFICATE_BY_NODE";
  else
    block.kind.id = kOwnKind;
  block.blob = reload::write_kind(block.kind);
  std::string error = sign(block.blob, how == "unsigned" ? stranger_ : signer_, block.signatures);
  overlay.configuration.required_kinds.push_back(std::move(block));
  return error;
}

std::string Founding::sign(const std::string& blob, const Signer& signer,
                           std::vector<reload::ConfigSignature>& signatures) const {
  const reload::ConfigSigner by{signer.key, signer.certificate, signer.certificate->node_ids().front()};
  auto block = reload::sign_blob(blob, by, encoded_identity, encoded_block);
  if (!block.ok()) return block.message();
  signatures.push_back({*std::move(block), ""});
  return {};
}

std::string Founding::follow(const OverlayView& overlay, const Signer& signer,
                             const std::function<void(reload::OverlayConfiguration&)>& change,
                             std::string& document) const {
  reload::ConfigDocument whole;
  reload::SignedConfiguration& one = whole.configurations.emplace_back();
  one.configuration = overlay.configuration;
  change(one.configuration);
  one.blob = reload::write_configuration(one.configuration);
  std::string error = sign(one.blob, signer, one.signatures);
  document = reload::write_config_document(whole);
  return error;
}

std::string Founding::seal(OverlayView& overlay) const {
  std::string document;
  std::string error = follow(
      overlay, signer_, [](reload::OverlayConfiguration&) {}, document);
  return error.empty() ? overlay.read(std::move(document), overlay.configuration.instance_name) : error;
}

std::string Founding::variables(const OverlayView& overlay,
                                std::vector<std::pair<std::string, std::string>>& out) const {
  const auto next = [&](reload::OverlayConfiguration& configuration) {
    configuration.sequence = static_cast<std::uint16_t>(overlay.sequence + 1);
  };
  const auto strict = [&](reload::OverlayConfiguration& configuration) {
    next(configuration);
    configuration.self_signed_permitted->permitted = false;
    configuration.root_certs = {root_};
  };
  const auto add = [&](const char* name, const Signer& signer, const auto& change) {
    std::string document;
    std::string error = follow(overlay, signer, change, document);
    out.emplace_back(name, std::move(document));
    return error;
  };
  if (std::string error = add("overlay.next_document", signer_, next); !error.empty()) return error;
  if (std::string error = add("overlay.foreign_document", stranger_, next); !error.empty()) return error;
  return add("overlay.strict_document", signer_, strict);
}

}  // namespace peerscope::harness
