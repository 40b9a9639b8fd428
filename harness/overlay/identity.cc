// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/overlay/identity.h"

#include <fmt/format.h>

#include <charconv>
#include <ctime>
#include <fstream>
#include <sstream>

#include "protocols/reload/security/text.h"

namespace peerscope::harness {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;

std::string read_file(const std::string& path, std::string& error) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (!file) error = "cannot read " + path;
  return bytes.str();
}

std::string text_of(const Tree* tree, std::string_view key, std::string otherwise = {}) {
  const Tree* value = tree != nullptr ? tree->find(key) : nullptr;
  return value == nullptr ? otherwise : value->scalar;
}

reload::Outcome<std::string> issue(const OverlayView& overlay, const IutFile& iut, const std::string& kind,
                                   const reload::PrivateKey& key, const std::string& user, std::size_t node_ids,
                                   reload::RandomSource& random) {
  const std::int64_t now = std::time(nullptr);
  reload::Validity validity{now - kHour, now + kDay};
  if (kind == "expired") validity = {now - 3 * kDay, now - kDay};
  if (kind == "not-yet") validity = {now + kDay, now + 3 * kDay};
  const auto length = static_cast<std::size_t>(overlay.configuration.node_id_length);
  const std::string name = kind == "other-overlay" ? "elsewhere.example.net" : overlay.configuration.instance_name;
  const auto& permitted = overlay.configuration.self_signed_permitted;
  const bool self_signed = permitted && permitted->permitted && permitted->hash();
  if (self_signed || kind == "self-signed" || kind == "forged-id") {
    reload::SelfSignedOptions options;
    options.validity = validity;
    options.overlay = name;
    options.user_name = user;
    options.node_id_length = length;
    options.node_ids = node_ids;
    options.node_id_hash = self_signed ? *permitted->hash() : reload::tls_hash::kSha256;
    if (kind == "forged-id") {
      auto wrong = reload::random_node_ids(random, node_ids, length);
      if (!wrong.ok()) return wrong.failure();
      options.wrong_node_ids = *wrong;
    }
    return reload::make_self_signed_certificate(key, options, random);
  }
  if (iut.overlay_authority.empty())
    return reload::Failure("the overlay permits no self-signed certificates; give overlay: authority: in the IUT file");
  std::string error;
  const std::string pem = read_file(iut.overlay_authority, error);
  if (!error.empty()) return reload::Failure(error);
  auto ca_key = reload::PrivateKey::from_pem(pem);
  if (!ca_key.ok()) return ca_key.failure();
  auto ders = reload::certificates_from_pem(pem);
  if (!ders.ok()) return ders.failure();
  auto authority = reload::Authority::load(ders->front(), *ca_key);
  if (!authority.ok()) return authority.failure();
  reload::IssueOptions options;
  options.validity = validity;
  options.names.overlay = name;
  auto ids = reload::random_node_ids(random, node_ids, length);
  if (!ids.ok()) return ids.failure();
  options.names.node_ids = *ids;
  options.names.user_name = user;
  return authority->issue_for_key(key.spki(), options, random);
}

}  // namespace

bool is_near(std::string_view id, std::string_view iut, std::string_view side) {
  unsigned distance = 0;
  unsigned borrow = 0;
  const bool above = side == "after";
  constexpr char kEdge = '\x04';
  const auto first = static_cast<unsigned char>(iut.empty() ? 0 : iut.front());
  const bool at_edge = above ? first > 0xff - kEdge : first < kEdge;
  if (!at_edge && (above ? id < iut : iut < id)) return false;
  for (std::size_t i = std::min(id.size(), iut.size()); i-- > 0;) {
    const auto from = static_cast<unsigned char>(above ? iut[i] : id[i]);
    const auto to = static_cast<unsigned char>(above ? id[i] : iut[i]);
    const unsigned difference = 256U + to - from - borrow;
    borrow = difference < 256 ? 1 : 0;
    distance = difference & 255;
  }
  return distance < 4;  // of the first byte
}

std::string OverlayView::load(const std::string& path) {
  std::string error;
  std::string bytes = read_file(path, error);
  return error.empty() ? read(std::move(bytes), path) : error;
}

std::string OverlayView::read(std::string bytes, const std::string& name) {
  document = std::move(bytes);
  const reload::ConfigDocument read = reload::read_config_document(document);
  if (read.configurations.empty()) return name + ": no configuration document";
  configuration = read.configurations.front().configuration;
  hash = reload::overlay_hash(configuration.instance_name);
  sequence = configuration.sequence.value_or(0);
  context = {};
  context.node_id_length = static_cast<std::size_t>(configuration.node_id_length);
  context.chord = configuration.topology_plugin == "CHORD-RELOAD";
  context.overlays[hash] = configuration.instance_name;
  for (const reload::KindBlock& block : configuration.required_kinds) {
    const reload::EffectiveKind kind = reload::effective(block.kind);
    if (kind.id) context.kinds[*kind.id] = {block.kind.name, reload::data_model_of(kind.data_model)};
  }
  return {};
}

void OverlayView::found(const std::string& name) {
  configuration = {};
  configuration.instance_name = name;
  configuration.sequence = 1;
  configuration.no_ice = true;
  configuration.self_signed_permitted = reload::SelfSignedPermitted{true, "sha256"};
  constexpr std::uint32_t kRoomy = 65536;
  configuration.max_message_size = kRoomy;
  write();
}

void OverlayView::write() {
  reload::ConfigDocument whole;
  whole.configurations.emplace_back().configuration = configuration;
  (void)read(reload::write_config_document(whole), configuration.instance_name);
}

std::vector<std::pair<std::string, std::string>> OverlayView::variables() const {
  std::vector<std::pair<std::string, std::string>> out;
  const auto find = [&](reload::DataModel model, std::string_view policy) -> const reload::KindParameters* {
    const reload::KindParameters* found = nullptr;
    for (const reload::KindBlock& block : configuration.required_kinds) {
      const reload::EffectiveKind kind = reload::effective(block.kind);
      if (!kind.id || reload::data_model_of(kind.data_model) != model || kind.access_control != policy) continue;
      // Values of registered Kinds have a form; others hold any bytes.
      if (found == nullptr || block.kind.id) found = &block.kind;
    }
    return found;
  };
  const auto add = [&](const char* name, const reload::KindParameters* kind) {
    out.emplace_back(name, kind == nullptr ? "" : std::to_string(*reload::effective(*kind).id));
  };
  const reload::KindParameters* single = find(reload::DataModel::kSingle, "USER-MATCH");
  const reload::KindParameters* array = find(reload::DataModel::kArray, "USER-MATCH");
  add("kind.single", single);
  add("kind.array", array);
  add("kind.dictionary", find(reload::DataModel::kDictionary, "USER-NODE-MATCH"));
  add("kind.node", find(reload::DataModel::kSingle, "NODE-MATCH"));
  add("kind.multiple", find(reload::DataModel::kSingle, "NODE-MULTIPLE"));
  out.emplace_back("kind.single_size", single == nullptr ? "" : std::to_string(single->max_size));
  out.emplace_back("kind.array_count", array == nullptr ? "" : std::to_string(array->max_count));
  // The same document with another number: its signature is no longer good, whatever else is.
  const auto renumbered = [&](int by) {
    std::string text = document;
    const std::string now = fmt::format("sequence=\"{}\"", sequence);
    const std::size_t at = text.find(now);
    if (at != std::string::npos)
      text.replace(at, now.size(), fmt::format("sequence=\"{}\"", (sequence + 65535 + by) % 65535));
    return text;
  };
  out.emplace_back("overlay.newer_document", renumbered(1));
  out.emplace_back("overlay.older_document", renumbered(-1));
  return out;
}

std::string make_identity(const OverlayView& overlay, const std::string& name, const Tree* wish, const IutFile& iut,
                          std::string_view iut_id, Random& random, NodeIdentity& identity) {
  SeededRandom source(random);
  const std::string type = text_of(wish, "key", "p256");
  const std::string kind = text_of(wish, "certificate");
  const std::string near = text_of(wish, "near");
  std::size_t node_ids = 1;
  const std::string count = text_of(wish, "node_ids", "1");
  std::from_chars(count.data(), count.data() + count.size(), node_ids);
  identity.user = text_of(wish, "user");
  if (identity.user.empty())
    identity.user =
        fmt::format("{}-{:08x}@{}", name, static_cast<std::uint32_t>(random()), overlay.configuration.instance_name);
  constexpr int kTries = 5000;  // one in 64 is near
  for (int i = 0; i < kTries; ++i) {
    auto key = reload::generate_key(type == "rsa" ? reload::KeyType::kRsa2048 : reload::KeyType::kP256);
    if (!key.ok()) return key.message();
    auto der = issue(overlay, iut, kind, *key, identity.user, std::clamp<std::size_t>(node_ids, 1, 8), source);
    if (!der.ok()) return der.message();
    auto certificate = reload::Certificate::parse(*der, static_cast<std::size_t>(overlay.configuration.node_id_length));
    if (!certificate.ok()) return certificate.message();
    identity.key = *key;
    identity.certificate = *certificate;
    identity.node_id = identity.certificate->node_ids().front();
    if (near.empty() || is_near(identity.node_id, iut_id, near)) return {};
  }
  return "no Node-ID near that of the implementation under test";
}

}  // namespace peerscope::harness
