// SPDX-License-Identifier: GPL-2.0-or-later
// TLS settings of servers and clients, and key pairs made on the spot for them. Plain values; make_self_signed is safe
// from any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "reference-impl/net/result.h"

namespace peerscope::net {

struct KeyPairPem {
  std::string certificate;
  std::string private_key;
};

// A P-256 certificate, signed by itself, for DNS names and IP addresses; the first is the common name. It is a CA
// certificate for itself, so a client may pin it or name it as its CA file.
Result<KeyPairPem> make_self_signed(const std::vector<std::string>& names, int days = 30);

// Receives secrets in NSS key log format, one line at a time without its newline.
using KeyLogSink = std::function<void(std::string_view line)>;

struct TlsServerOptions {
  std::string certificate_file;  // PEM chain; when empty, `pem` is used
  std::string key_file;
  KeyPairPem pem;
  std::string client_ca_file;  // ask clients for a certificate of this CA
  std::string client_ca_pem;   // the same from memory
  bool require_client_certificate = false;
  std::vector<std::string> alpn;  // protocols, the preferred first; none: ALPN is not answered
  std::string key_log_file;       // appended to
  KeyLogSink key_log;
};

struct TlsClientOptions {
  enum class Verify {
    kNone,    // any certificate
    kCa,      // by ca_file or ca_pem, or the system's store when both are empty; the name must match
    kPinned,  // exactly the certificate in pinned_pem, whatever its name or dates
  };
  Verify verify = Verify::kCa;
  std::string ca_file;
  std::string ca_pem;
  std::string pinned_pem;
  std::string server_name;  // for SNI and the name check; the host when empty
  std::string certificate_file;
  std::string key_file;
  KeyPairPem pem;  // client certificate when certificate_file is empty
  // Only this version is offered; the best of both when empty.
  enum class Version { kAny, k12, k13 };
  Version version = Version::kAny;
  std::string key_log_file;
  KeyLogSink key_log;
};

}  // namespace peerscope::net
