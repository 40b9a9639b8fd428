// SPDX-License-Identifier: GPL-2.0-or-later
// The overlay that the harness founds for a node that is to join: its document as the scenario wants it, and who signs
// the documents that follow it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/overlay/identity.h"

namespace peerscope::harness {

// Keys of a scenario's `overlay`.
std::span<const std::string_view> overlay_keys();

class Founding {
 public:
  // Errors are for people, "" is well.
  std::string found(OverlayView& overlay, const Tree& wish, Random& random);
  // When the parties have their identities; `node_id_of` gives that of one of them.
  std::string name_nodes(OverlayView& overlay, const Tree& wish,
                         const std::function<std::string(const std::string&)>& node_id_of);
  // The document of the configuration, signed.
  std::string seal(OverlayView& overlay) const;
  // Documents that follow the one in force: `next_document` as it should be, `foreign_document` signed by somebody who
  // may not, `strict_document` without self-signed certificates.
  std::string variables(const OverlayView& overlay, std::vector<std::pair<std::string, std::string>>& out) const;

 private:
  struct Signer {
    reload::PrivateKey key{nullptr};
    reload::CertificatePtr certificate;
  };
  std::string make_signer(const OverlayView& overlay, const char* name, Random& random, Signer& signer);
  std::string add_kind(OverlayView& overlay, std::string_view how);
  std::string sign(const std::string& blob, const Signer& signer,
                   std::vector<reload::ConfigSignature>& signatures) const;
  std::string follow(const OverlayView& overlay, const Signer& signer,
                     const std::function<void(reload::OverlayConfiguration&)>& change, std::string& document) const;

  Signer signer_;
  Signer stranger_;
  std::string root_;  // DER
};

}  // namespace peerscope::harness
