// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/link_credentials.h"

#include <openssl/err.h>

#include <string>

namespace peerscope::reload {
namespace {

constexpr int kMostCertificates = 16;

int key_log_index() {
  static const int kKeyLogIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return kKeyLogIndex;
}

net::Error tls_error(const std::string& what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return {net::ErrorKind::kTls, what + ": " + (reason != nullptr ? reason : "refused by OpenSSL")};
}

std::string der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace

net::Result<void> configure_links(SSL_CTX* context, const Identity& identity, const net::KeyLogSink* key_log) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  const auto bytes_of = [](const std::string& der) { return reinterpret_cast<const unsigned char*>(der.data()); };
  const std::string& own = identity.certificate->der();
  if (SSL_CTX_use_certificate_ASN1(context, static_cast<int>(own.size()), bytes_of(own)) != 1)
    return tls_error("certificate");
  for (const std::string& der : identity.intermediates) {
    const unsigned char* bytes = bytes_of(der);
    X509* certificate = d2i_X509(nullptr, &bytes, static_cast<long>(der.size()));
    if (certificate != nullptr && SSL_CTX_add_extra_chain_cert(context, certificate) != 1) X509_free(certificate);
  }
  const std::string key = identity.key.to_der();
  const unsigned char* bytes = bytes_of(key);
  EVP_PKEY* parsed = d2i_AutoPrivateKey(nullptr, &bytes, static_cast<long>(key.size()));
  const bool taken = parsed != nullptr && SSL_CTX_use_PrivateKey(context, parsed) == 1;
  EVP_PKEY_free(parsed);
  if (!taken) return tls_error("private key");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     [](int, X509_STORE_CTX*) { return 1; });
  if (key_log != nullptr && *key_log) {
    SSL_CTX_set_ex_data(context, key_log_index(), const_cast<net::KeyLogSink*>(key_log));
    SSL_CTX_set_keylog_callback(context, [](const SSL* connection, const char* line) {
      const auto* sink =
          static_cast<const net::KeyLogSink*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), key_log_index()));
      if (sink != nullptr) (*sink)(line);
    });
  }
  ERR_clear_error();
  return {};
}

net::Result<std::vector<NodeId>> linked_peers(SSL* connection, const PeerCheck& check) {
  std::vector<CertificatePtr> others;
  CertificatePtr leaf;
  if (X509* certificate = SSL_get1_peer_certificate(connection); certificate != nullptr) {
    if (auto parsed = Certificate::parse(der_of(certificate)); parsed.ok()) leaf = *parsed;
    X509_free(certificate);
  }
  if (STACK_OF(X509)* chain = SSL_get_peer_cert_chain(connection); chain != nullptr) {
    for (int i = 0; i < sk_X509_num(chain) && i < kMostCertificates; ++i) {
      if (auto parsed = Certificate::parse(der_of(sk_X509_value(chain, i))); parsed.ok()) others.push_back(*parsed);
    }
  }
  if (leaf == nullptr || !check) return {net::ErrorKind::kTls, "no readable certificate"};
  return check(leaf, others);
}

}  // namespace peerscope::reload
