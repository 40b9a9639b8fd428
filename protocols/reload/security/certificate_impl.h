// SPDX-License-Identifier: GPL-2.0-or-later
// For the .cc files of this folder only: what a Certificate holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/reload/security/certificate.h"
#include "protocols/reload/security/openssl.h"

namespace peerscope::reload {

struct Certificate::Impl {
  openssl::X509Ptr x509;
  std::string der;
  std::string fingerprint;
  std::vector<ReloadUri> node_uris;
  std::vector<std::string> uri_problems;
  std::vector<std::string> user_names;
  std::vector<std::string> other_names;
  std::string subject;
  std::string issuer;
  std::string serial;
  std::string spki;
  PublicKey public_key;
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
  int hash_nid = 0;
  bool subject_empty = true;
  bool is_ca = false;
  bool self_issued = false;
  bool self_signed = false;
  bool too_many_nodes = false;
};

}  // namespace peerscope::reload
