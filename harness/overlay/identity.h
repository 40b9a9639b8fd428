// SPDX-License-Identifier: GPL-2.0-or-later
// What the harness's parties know of an overlay, and who they are in it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/engine/iut.h"
#include "protocols/base/tree.h"
#include "protocols/reload/config/document.h"
#include "protocols/reload/context.h"
#include "protocols/reload/security/authority.h"

namespace peerscope::harness {

// A configuration document, read for those who send and decode (RFC 6940 section 11.1).
struct OverlayView {
  std::string document;
  reload::OverlayConfiguration configuration;
  std::uint32_t hash = 0;
  std::uint16_t sequence = 0;
  reload::Context context;

  // An error for people, or "".
  std::string load(const std::string& path);
  std::string read(std::string bytes, const std::string& name);
  // An overlay of the harness's own: self-signed certificates, no Kinds of its own.
  void found(const std::string& name);
  // Makes the document of `configuration` anew.
  void write();
  // What scenarios may ask of it: a Kind for each data model and policy, documents that are newer and older.
  std::vector<std::pair<std::string, std::string>> variables() const;
};

// Identities are made from the run's seed, as far as keys allow.
class SeededRandom final : public reload::RandomSource {
 public:
  explicit SeededRandom(Random& random) : random_(random) {}
  bool fill(std::span<char> bytes) override {
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return true;
  }

 private:
  Random& random_;
};

struct NodeIdentity {
  NodeIdentity() : key(nullptr) {}
  reload::PrivateKey key;
  reload::CertificatePtr certificate;
  std::string node_id;  // raw
  std::string user;
};

// An identity that the overlay accepts: self-signed where it permits that, else by the authority that the IUT file
// names. `wish` is the party's entry in the scenario, or null: key, node_ids, user, near, and a certificate that is
// wrong on purpose. A party that is near needs the Node-ID of the implementation under test.
std::string make_identity(const OverlayView& overlay, const std::string& name, const Tree* wish, const IutFile& iut,
                          std::string_view iut_id, Random& random, NodeIdentity& identity);

// Whether an identifier lies in the ring's 64th part next to the implementation under test, on one side of it ("after",
// "before"); as a number larger or smaller too, unless the ring's zero is right there.
bool is_near(std::string_view id, std::string_view iut, std::string_view side);

}  // namespace peerscope::harness
