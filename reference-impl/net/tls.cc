// SPDX-License-Identifier: GPL-2.0-or-later
// Self-signed certificates.
#include "reference-impl/net/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>
#include <memory>

namespace peerscope::net {

namespace {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

std::string bio_text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

Result<KeyPairPem> make_self_signed(const std::vector<std::string>& names, int days) {
  const auto failure = [](const char* what) {
    ERR_clear_error();
    return Result<KeyPairPem>(ErrorKind::kLocal, std::string("cannot make a certificate: ") + what);
  };
  if (names.empty()) return failure("no name given");
  std::string alternatives;
  for (const std::string& name : names) {
    if (name.empty() || name.find_first_of(",\n:=") != std::string::npos) {
      boost::system::error_code check;
      boost::asio::ip::make_address(name, check);
      if (check) return failure("a name is neither a DNS name nor an IP address");
    }
    boost::system::error_code ec;
    boost::asio::ip::make_address(name, ec);
    if (!alternatives.empty()) alternatives += ',';
    alternatives += (ec ? "DNS:" : "IP:") + name;
  }
  const std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free<X509_free>> certificate(X509_new());
  if (!key || !certificate) return failure("no key");
  unsigned char serial[8] = {};
  RAND_bytes(serial, sizeof serial);
  serial[0] &= 0x7f;  // positive
  const std::unique_ptr<BIGNUM, Free<BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get()));
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_time_adj_ex(X509_getm_notAfter(certificate.get()), days, 0, nullptr);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  // X.520 limits a common name to 64 characters.
  const std::string common_name = names.front().substr(0, 64);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()),
                             -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  if (!add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE") ||
      !add_extension(certificate.get(), NID_subject_key_identifier, "hash") ||
      !add_extension(certificate.get(), NID_ext_key_usage, "serverAuth,clientAuth") ||
      !add_extension(certificate.get(), NID_subject_alt_name, alternatives)) {
    return failure("extension refused");
  }
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) return failure("signing failed");

  const std::unique_ptr<BIO, Free<BIO_free_all>> certificate_text(BIO_new(BIO_s_mem()));
  const std::unique_ptr<BIO, Free<BIO_free_all>> key_text(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1 ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return failure("writing PEM failed");
  }
  return KeyPairPem{bio_text(certificate_text.get()), bio_text(key_text.get())};
}

}  // namespace peerscope::net
