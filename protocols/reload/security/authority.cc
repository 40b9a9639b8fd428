// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/security/authority.h"

#include <algorithm>

#include "protocols/reload/security/certificate_impl.h"
#include "protocols/reload/security/openssl.h"

namespace peerscope::reload {

using openssl::ErrorScope;
using openssl::octets;

namespace {

Failure openssl_failure(const std::string& what) {
  return Failure(what + ": " + ErrorScope::last());
}

EVP_PKEY* raw(const PrivateKey& key) {
  return key.impl().key.get();
}

bool is_ascii_text(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool add_name(GENERAL_NAMES* names, int type, const std::string& text) {
  openssl::Owned<GENERAL_NAME, GENERAL_NAME_free> name(GENERAL_NAME_new());
  ASN1_IA5STRING* string = ASN1_IA5STRING_new();
  if (!name || string == nullptr) return false;
  GENERAL_NAME_set0_value(name.get(), type, string);
  if (ASN1_STRING_set(string, text.data(), static_cast<int>(text.size())) != 1) return false;
  return sk_GENERAL_NAME_push(names, name.release()) > 0;
}

// subjectAltName from the names; null when something cannot be encoded.
openssl::GeneralNamesPtr alternative_names(const CertificateNames& names) {
  openssl::GeneralNamesPtr list(GENERAL_NAMES_new());
  bool good = list != nullptr;
  for (const std::string& id : names.node_ids)
    good = good && add_name(list.get(), GEN_URI, make_reload_uri(id, names.overlay, names.uri_form));
  for (const std::string& uri : names.more_uris) good = good && add_name(list.get(), GEN_URI, uri);
  if (!names.user_name.empty()) good = good && add_name(list.get(), GEN_EMAIL, names.user_name);
  for (const std::string& user : names.more_user_names) good = good && add_name(list.get(), GEN_EMAIL, user);
  for (const std::string& dns : names.dns_names) good = good && add_name(list.get(), GEN_DNS, dns);
  return good ? std::move(list) : nullptr;
}

bool add_extension(X509* x509, int nid, void* value, bool critical) {
  return value != nullptr && X509_add1_ext_i2d(x509, nid, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) == 1;
}

bool add_basic_constraints(X509* x509, bool ca) {
  const openssl::Owned<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free> constraints(BASIC_CONSTRAINTS_new());
  if (!constraints) return false;
  constraints->ca = ca ? 0xff : 0;
  return add_extension(x509, NID_basic_constraints, constraints.get(), true);
}

// `usage` as the bits of RFC 5280 section 4.2.1.3, bit 0 first.
bool add_key_usage(X509* x509, std::initializer_list<int> usage) {
  const openssl::Owned<ASN1_BIT_STRING, ASN1_BIT_STRING_free> bits(ASN1_BIT_STRING_new());
  if (!bits) return false;
  for (const int bit : usage) {
    if (ASN1_BIT_STRING_set_bit(bits.get(), bit, 1) != 1) return false;
  }
  return add_extension(x509, NID_key_usage, bits.get(), true);
}

bool set_serial(X509* x509, RandomSource& random) {
  std::string serial(16, '\0');
  if (!random.fill(serial)) return false;
  // Positive and never zero (RFC 5280 section 4.1.2.2).
  serial.front() = static_cast<char>((serial.front() & 0x3f) | 0x40);
  const openssl::Owned<BIGNUM, BN_free> number(BN_bin2bn(octets(serial), static_cast<int>(serial.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509)) != nullptr;
}

bool set_common_name(X509_NAME* name, const std::string& text) {
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, octets(text), static_cast<int>(text.size()),
                                    -1, 0) == 1;
}

// Version, serial, validity and key; names, extensions and signature are the caller's.
Outcome<openssl::X509Ptr> start_certificate(EVP_PKEY* key, Validity validity, RandomSource& random) {
  if (validity.not_after < validity.not_before) return Failure("the certificate would end before it begins");
  openssl::X509Ptr x509(X509_new());
  if (!x509 || X509_set_version(x509.get(), X509_VERSION_3) != 1) return openssl_failure("no certificate");
  if (!set_serial(x509.get(), random)) return Failure("no random bytes for the serial number");
  if (ASN1_TIME_set(X509_getm_notBefore(x509.get()), static_cast<time_t>(validity.not_before)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(x509.get()), static_cast<time_t>(validity.not_after)) == nullptr)
    return Failure("the validity cannot be written");
  if (X509_set_pubkey(x509.get(), key) != 1) return openssl_failure("the key does not go into a certificate");
  return x509;
}

Outcome<std::string> finish_certificate(X509* x509, const PrivateKey& signer, std::uint8_t hash) {
  const EVP_MD* md = openssl::message_digest(hash);
  if (md == nullptr) return Failure("no signing with hash algorithm " + std::to_string(hash));
  if (X509_sign(x509, raw(signer), md) <= 0) return openssl_failure("signing failed");
  std::string der = openssl::to_der(x509, i2d_X509);
  if (der.empty()) return openssl_failure("the certificate cannot be encoded");
  return der;
}

Outcome<std::string> end_certificate(EVP_PKEY* subject_key, const IssueOptions& options, const X509_NAME* issuer,
                                     const PrivateKey& signer, RandomSource& random) {
  const CertificateNames& names = options.names;
  if (!names.user_name.empty() && !is_ascii_text(names.user_name))
    return Failure("a user name must be ASCII without blanks to be an rfc822Name");
  auto started = start_certificate(subject_key, options.validity, random);
  if (!started) return started.failure();
  X509* x509 = started->get();
  if (!names.common_name.empty() && !set_common_name(X509_get_subject_name(x509), names.common_name))
    return openssl_failure("the common name cannot be written");
  if (issuer != nullptr && X509_set_issuer_name(x509, issuer) != 1) return openssl_failure("no issuer");
  const openssl::GeneralNamesPtr list = alternative_names(names);
  // With an empty subject subjectAltName is critical (RFC 5280 section 4.2.1.6).
  const bool has_names = list && sk_GENERAL_NAME_num(list.get()) > 0;
  if (!list || (has_names && !add_extension(x509, NID_subject_alt_name, list.get(), names.common_name.empty())) ||
      !add_basic_constraints(x509, false) || !add_key_usage(x509, {0}))
    return openssl_failure("an extension cannot be written");
  return finish_certificate(x509, signer, options.hash);
}

Outcome<std::string> authority_certificate(const PrivateKey& key, const std::string& name, Validity validity,
                                           const X509_NAME* issuer, const PrivateKey& signer, std::uint8_t hash,
                                           RandomSource& random) {
  if (name.empty()) return Failure("an authority needs a name: chains are found by it");
  auto started = start_certificate(raw(key), validity, random);
  if (!started) return started.failure();
  X509* x509 = started->get();
  if (!set_common_name(X509_get_subject_name(x509), name)) return openssl_failure("the name cannot be written");
  if (X509_set_issuer_name(x509, issuer == nullptr ? X509_get_subject_name(x509) : issuer) != 1)
    return openssl_failure("no issuer");
  constexpr int kKeyCertSign = 5;
  constexpr int kCrlSign = 6;
  if (!add_basic_constraints(x509, true) || !add_key_usage(x509, {kKeyCertSign, kCrlSign}))
    return openssl_failure("an extension cannot be written");
  return finish_certificate(x509, signer, hash);
}

Outcome<openssl::X509ReqPtr> read_csr(std::string_view der) {
  if (der.size() > kMaxCertificateSize) return Failure("the request is longer than 65535 bytes");
  const unsigned char* at = octets(der);
  openssl::X509ReqPtr csr(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  if (!csr) return openssl_failure("not a PKCS#10 request");
  if (at != octets(der) + der.size()) return Failure("bytes follow the request");
  EVP_PKEY* key = X509_REQ_get0_pubkey(csr.get());
  if (!openssl::make_public_key(key).usable()) return Failure("the request's key is of a kind that is not supported");
  if (X509_REQ_verify(csr.get(), key) != 1) return Failure("the request is not signed by its own key");
  return csr;
}

}  // namespace

Outcome<PrivateKey> generate_key(KeyType type) {
  const ErrorScope errors;
  openssl::Key key(type == KeyType::kRsa2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("no key could be made");
  auto impl = std::make_shared<PrivateKey::Impl>();
  impl->key = std::move(key);
  return PrivateKey(std::move(impl));
}

Outcome<std::string> make_csr(const PrivateKey& key, std::string_view user_name) {
  if (!is_ascii_text(user_name)) return Failure("a user name must be ASCII without blanks to be an rfc822Name");
  const ErrorScope errors;
  const openssl::X509ReqPtr csr(X509_REQ_new());
  CertificateNames names;
  names.user_name = user_name;
  const openssl::GeneralNamesPtr list = alternative_names(names);
  if (!csr || !list || X509_REQ_set_version(csr.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(csr.get(), raw(key)) != 1)
    return openssl_failure("no request could be made");
  openssl::ExtensionPtr extension(X509V3_EXT_i2d(NID_subject_alt_name, 0, list.get()));
  const openssl::Owned<STACK_OF(X509_EXTENSION),
                       [](STACK_OF(X509_EXTENSION) * s) { sk_X509_EXTENSION_pop_free(s, X509_EXTENSION_free); }>
      extensions(sk_X509_EXTENSION_new_null());
  if (!extension || !extensions || sk_X509_EXTENSION_push(extensions.get(), extension.get()) <= 0)
    return openssl_failure("the user name cannot be written");
  static_cast<void>(extension.release());  // the stack owns it
  if (X509_REQ_add_extensions(csr.get(), extensions.get()) != 1 ||
      X509_REQ_sign(csr.get(), raw(key), EVP_sha256()) <= 0)
    return openssl_failure("the request cannot be signed");
  return openssl::to_der(csr.get(), i2d_X509_REQ);
}

Outcome<Csr> parse_csr(std::string_view der) {
  const ErrorScope errors;
  auto request = read_csr(der);
  if (!request) return request.failure();
  Csr csr;
  csr.spki = openssl::to_der(X509_REQ_get_X509_PUBKEY(request->get()), i2d_X509_PUBKEY);
  const X509_NAME* subject = X509_REQ_get_subject_name(request->get());
  if (X509_NAME_entry_count(subject) > 0) {
    const openssl::Bio bio(BIO_new(BIO_s_mem()));
    if (bio) X509_NAME_print_ex(bio.get(), subject, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    if (bio) csr.subject = openssl::contents(bio.get());
  }
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request->get());
  int place = 0;
  const openssl::GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions, NID_subject_alt_name, &place, nullptr)));
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  if (!names && place != -1) return Failure("the requested subjectAltName is malformed or there twice");
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_EMAIL) continue;
    const ASN1_IA5STRING* string = name->d.rfc822Name;
    csr.user_names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                                static_cast<std::size_t>(ASN1_STRING_length(string)));
  }
  return csr;
}

Outcome<std::vector<std::string>> random_node_ids(RandomSource& random, std::size_t count, std::size_t length) {
  if (length < 16 || length > 20) return Failure("a Node-ID has 16 to 20 bytes");
  std::vector<std::string> ids;
  while (ids.size() < count) {
    std::string id(length, '\0');
    if (!random.fill(id)) return Failure("no random bytes for a Node-ID");
    // A source that repeats itself would give these, or the same one twice; it is of no use.
    if (id == std::string(length, '\0') || id == std::string(length, '\xff') ||
        std::find(ids.begin(), ids.end(), id) != ids.end())
      return Failure("the source of random bytes is not random");
    ids.push_back(std::move(id));
  }
  return ids;
}

Outcome<Authority> Authority::create(PrivateKey key, const std::string& name, Validity validity, RandomSource& random,
                                     std::uint8_t hash) {
  const ErrorScope errors;
  auto der = authority_certificate(key, name, validity, nullptr, key, hash, random);
  if (!der) return der.failure();
  return load(*der, std::move(key));
}

Outcome<Authority> Authority::load(std::string_view certificate_der, PrivateKey key) {
  const ErrorScope errors;
  auto certificate = Certificate::parse(certificate_der);
  if (!certificate) return Failure("the authority's certificate: " + certificate.message());
  if (!(*certificate)->is_ca()) return Failure("the authority's certificate may not issue others (no CA)");
  if ((*certificate)->spki() != key.spki()) return Failure("the key is not that of the authority's certificate");
  return Authority(std::move(key), *std::move(certificate));
}

Outcome<std::string> Authority::issue(std::string_view csr_der, const IssueOptions& options,
                                      RandomSource& random) const {
  const ErrorScope errors;
  auto csr = read_csr(csr_der);
  if (!csr) return csr.failure();
  return end_certificate(X509_REQ_get0_pubkey(csr->get()), options,
                         X509_get_subject_name(certificate_->impl().x509.get()), key_, random);
}

Outcome<std::string> Authority::issue_for_key(std::string_view spki, const IssueOptions& options,
                                              RandomSource& random) const {
  const ErrorScope errors;
  const unsigned char* at = octets(spki);
  const openssl::Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  if (!key || at != octets(spki) + spki.size()) return openssl_failure("not a public key");
  return end_certificate(key.get(), options, X509_get_subject_name(certificate_->impl().x509.get()), key_, random);
}

Outcome<Authority> Authority::create_below(PrivateKey key, const std::string& name, Validity validity,
                                           RandomSource& random, std::uint8_t hash) const {
  const ErrorScope errors;
  auto der = authority_certificate(key, name, validity, X509_get_subject_name(certificate_->impl().x509.get()), key_,
                                   hash, random);
  if (!der) return der.failure();
  return load(*der, std::move(key));
}

Outcome<std::string> make_self_signed_certificate(const PrivateKey& key, const SelfSignedOptions& options,
                                                  RandomSource& random) {
  const ErrorScope errors;
  IssueOptions issue;
  issue.validity = options.validity;
  issue.hash = options.hash;
  issue.names.overlay = options.overlay;
  issue.names.user_name = options.user_name;
  issue.names.uri_form = options.uri_form;
  issue.names.node_ids = options.wrong_node_ids;
  const std::string spki = key.spki();
  for (std::size_t i = 1; options.wrong_node_ids.empty() && i <= options.node_ids; ++i) {
    auto id = self_signed_node_id(options.node_id_hash, spki, options.node_id_length,
                                  options.node_ids == 1 ? 0 : static_cast<std::uint32_t>(i));
    if (!id) return Failure("no Node-ID of that length from that digest");
    issue.names.node_ids.push_back(*std::move(id));
  }
  return end_certificate(raw(key), issue, nullptr, key, random);
}

}  // namespace peerscope::reload
