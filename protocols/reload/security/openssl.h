// SPDX-License-Identifier: GPL-2.0-or-later
// For the .cc files of this folder only: owners of OpenSSL objects, and what the public handles hold.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "protocols/reload/security/crypto.h"

namespace peerscope::reload::openssl {

template <auto F>
struct Free {
  template <class T>
  void operator()(T* object) const {
    F(object);
  }
};
template <class T, auto F>
using Owned = std::unique_ptr<T, Free<F>>;

using Bio = Owned<BIO, BIO_free_all>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using MdCtx = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using X509Ptr = Owned<X509, X509_free>;
using X509ReqPtr = Owned<X509_REQ, X509_REQ_free>;
using NamePtr = Owned<X509_NAME, X509_NAME_free>;
using ExtensionPtr = Owned<X509_EXTENSION, X509_EXTENSION_free>;
using GeneralNamesPtr = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;
using TimePtr = Owned<ASN1_TIME, ASN1_TIME_free>;
using StoreCtxPtr = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;

// Everything that OpenSSL puts into this thread's error queue during its life goes away again.
class ErrorScope {
 public:
  ErrorScope() { ERR_set_mark(); }
  ~ErrorScope() { ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
  // The last error in OpenSSL's words.
  static std::string last() {
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "unknown error" : reason;
  }
};

// Not named data(): std::data would be found as well.
inline const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* octets(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// DER of an object through its i2d function; empty when that fails.
template <class T, class F>
std::string to_der(const T* object, F i2d) {
  const int size = i2d(object, nullptr);
  if (size <= 0) return {};
  std::string der(static_cast<std::size_t>(size), '\0');
  unsigned char* out = octets(der);
  if (i2d(object, &out) != size) return {};
  return der;
}

inline std::string contents(BIO* bio) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio, &start);
  return size > 0 ? std::string(start, static_cast<std::size_t>(size)) : std::string();
}

// The message digest of a TLS hash code; null for those we do not use.
const EVP_MD* message_digest(std::uint8_t hash);

// Takes a reference of its own.
PublicKey make_public_key(EVP_PKEY* key);

}  // namespace peerscope::reload::openssl

namespace peerscope::reload {

struct PublicKey::Impl {
  openssl::Key key;
  KeyKind kind = KeyKind::kOther;
  int bits = 0;
  bool usable = false;
};
struct PrivateKey::Impl {
  openssl::Key key;
};

}  // namespace peerscope::reload
