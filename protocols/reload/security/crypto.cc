// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/security/crypto.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "protocols/reload/security/openssl.h"

namespace peerscope::reload {

using openssl::ErrorScope;
using openssl::octets;

namespace openssl {

const EVP_MD* message_digest(std::uint8_t hash) {
  switch (hash) {
    case tls_hash::kSha1:
      return EVP_sha1();
    case tls_hash::kSha224:
      return EVP_sha224();
    case tls_hash::kSha256:
      return EVP_sha256();
    case tls_hash::kSha384:
      return EVP_sha384();
    case tls_hash::kSha512:
      return EVP_sha512();
    default:
      return nullptr;
  }
}

PublicKey make_public_key(EVP_PKEY* key) {
  if (key == nullptr || EVP_PKEY_up_ref(key) != 1) return {};
  auto impl = std::make_shared<PublicKey::Impl>();
  impl->key.reset(key);
  impl->bits = EVP_PKEY_get_bits(key);
  const int id = EVP_PKEY_get_base_id(key);
  if (id == EVP_PKEY_RSA) {
    impl->kind = KeyKind::kRsa;
    // A verification's cost grows with the square of the length; nobody may make us pay for 16384 bits.
    impl->usable = impl->bits > 0 && impl->bits <= 8192;
  } else if (id == EVP_PKEY_EC) {
    impl->kind = KeyKind::kEc;
    // Curves given by their parameters are refused (RFC 5480 section 2.1.1), also where they are a known one.
    int from_parameters = 0;
    EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &from_parameters);
    std::array<char, 64> name{};
    std::size_t length = 0;
    impl->usable = EVP_PKEY_get_group_name(key, name.data(), name.size(), &length) == 1 && length > 0 &&
                   impl->bits <= 521 && from_parameters == 0;
  }
  return PublicKey(std::move(impl));
}

}  // namespace openssl

std::optional<std::string> digest(std::uint8_t hash, std::initializer_list<std::string_view> parts) {
  const EVP_MD* md = openssl::message_digest(hash);
  if (md == nullptr) return std::nullopt;
  const ErrorScope errors;
  const openssl::MdCtx context(EVP_MD_CTX_new());
  if (!context || EVP_DigestInit_ex(context.get(), md, nullptr) != 1) return std::nullopt;
  for (const std::string_view part : parts) {
    if (EVP_DigestUpdate(context.get(), part.data(), part.size()) != 1) return std::nullopt;
  }
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context.get(), octets(out), &size) != 1) return std::nullopt;
  out.resize(size);
  return out;
}

std::string sha1(std::string_view bytes) {
  return digest(tls_hash::kSha1, {bytes}).value_or(std::string());
}

std::string sha256(std::string_view bytes) {
  return digest(tls_hash::kSha256, {bytes}).value_or(std::string());
}

std::string_view hash_name(std::uint8_t hash) {
  constexpr std::array<std::string_view, 7> kNames = {"none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"};
  return hash < kNames.size() ? kNames[hash] : std::string_view();
}

std::string resource_id_of(std::string_view resource_name) {
  std::string id = sha1(resource_name);
  id.resize(std::min<std::size_t>(id.size(), 16));
  return id;
}

std::uint32_t overlay_hash(std::string_view overlay_name) {
  const std::string hash = sha1(overlay_name);
  if (hash.size() < 4) return 0;
  std::uint32_t value = 0;
  for (const char c : std::string_view(hash).substr(hash.size() - 4))
    value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string_view to_string(VerifyResult result) {
  switch (result) {
    case VerifyResult::kOk:
      return "the signature verifies";
    case VerifyResult::kBadSignature:
      return "the signature is not this key's over these bytes";
    case VerifyResult::kNotSigned:
      return "not signed (algorithm none, anonymous)";
    case VerifyResult::kUnsupportedHash:
      return "hash algorithm not supported";
    case VerifyResult::kUnsupportedSignature:
      return "signature algorithm not supported";
    case VerifyResult::kKeyMismatch:
      return "the certificate's key does not fit the signature algorithm";
    case VerifyResult::kUnsupportedKey:
      return "the certificate's key is of a kind or size that is not supported";
    case VerifyResult::kUnparsableCertificate:
      return "the certificate cannot be parsed";
  }
  return {};
}

bool PublicKey::usable() const {
  return impl_ != nullptr && impl_->usable;
}
KeyKind PublicKey::kind() const {
  return impl_ == nullptr ? KeyKind::kOther : impl_->kind;
}
int PublicKey::bits() const {
  return impl_ == nullptr ? 0 : impl_->bits;
}

Verification PublicKey::verify(SignatureCode code, std::string_view input, std::string_view signature) const {
  Verification verification;
  verification.sha1 = code.hash == tls_hash::kSha1;
  const auto with = [&](VerifyResult result) {
    verification.result = result;
    return verification;
  };
  if (code == SignatureCode{tls_hash::kNone, tls_signature::kAnonymous}) return with(VerifyResult::kNotSigned);
  if (code.signature != tls_signature::kRsa && code.signature != tls_signature::kEcdsa)
    return with(VerifyResult::kUnsupportedSignature);
  const EVP_MD* md = openssl::message_digest(code.hash);
  if (md == nullptr) return with(VerifyResult::kUnsupportedHash);
  const KeyKind wanted = code.signature == tls_signature::kRsa ? KeyKind::kRsa : KeyKind::kEc;
  if (kind() != KeyKind::kOther && kind() != wanted) return with(VerifyResult::kKeyMismatch);
  if (!usable()) return with(VerifyResult::kUnsupportedKey);

  const ErrorScope errors;
  const openssl::MdCtx context(EVP_MD_CTX_new());
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, md, nullptr, impl_->key.get()) != 1)
    return with(VerifyResult::kUnsupportedKey);
  // OpenSSL's padding for RSA keys is PKCS#1 v1.5 unless told otherwise.
  const bool good =
      EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(input), input.size()) == 1;
  return with(good ? VerifyResult::kOk : VerifyResult::kBadSignature);
}

namespace {

Outcome<PrivateKey> accept_key(openssl::Key key) {
  if (!openssl::make_public_key(key.get()).usable())
    return Failure("the key is neither RSA of at most 8192 bits nor on a named curve");
  auto impl = std::make_shared<PrivateKey::Impl>();
  impl->key = std::move(key);
  return PrivateKey(std::move(impl));
}

// An encrypted key must fail, not ask on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

Outcome<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  if (pem.find("-----BEGIN ") == std::string_view::npos) return Failure("no PEM text (no line '-----BEGIN ...')");
  if (pem.find("-----BEGIN ENCRYPTED PRIVATE KEY") != std::string_view::npos ||
      pem.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos)
    return Failure("the key is encrypted; give it without a passphrase");
  if (pem.find("PRIVATE KEY-----") == std::string_view::npos) {
    const bool certificate = pem.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos;
    return Failure(certificate ? "this PEM text is a certificate, not a private key"
                               : "no private key in the PEM text");
  }
  if (pem.size() > 1U << 20) return Failure("more than 1 MiB of text for one key");
  const ErrorScope errors;
  const openssl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  openssl::Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (!key) return Failure("the private key cannot be read: " + ErrorScope::last());
  return accept_key(std::move(key));
}

Outcome<PrivateKey> PrivateKey::from_der(std::string_view der) {
  if (der.size() > 1U << 20) return Failure("more than 1 MiB for one key");
  const ErrorScope errors;
  const unsigned char* at = octets(der);
  openssl::Key key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  if (!key) return Failure("the private key cannot be read: " + ErrorScope::last());
  if (at != octets(der) + der.size()) return Failure("bytes follow the private key");
  return accept_key(std::move(key));
}

std::string PrivateKey::to_pem() const {
  const ErrorScope errors;
  const openssl::Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), impl_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return {};
  return openssl::contents(bio.get());
}

std::string PrivateKey::to_der() const {
  const ErrorScope errors;
  const openssl::Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> info(EVP_PKEY2PKCS8(impl_->key.get()));
  return info ? openssl::to_der(info.get(), i2d_PKCS8_PRIV_KEY_INFO) : std::string();
}

KeyKind PrivateKey::kind() const {
  return EVP_PKEY_get_base_id(impl_->key.get()) == EVP_PKEY_RSA ? KeyKind::kRsa : KeyKind::kEc;
}
int PrivateKey::bits() const {
  return EVP_PKEY_get_bits(impl_->key.get());
}
std::string PrivateKey::spki() const {
  const ErrorScope errors;
  return openssl::to_der(impl_->key.get(), i2d_PUBKEY);
}

PublicKey PrivateKey::public_key() const {
  const ErrorScope errors;
  return openssl::make_public_key(impl_->key.get());
}

SignatureCode PrivateKey::default_code() const {
  return {tls_hash::kSha256, kind() == KeyKind::kRsa ? tls_signature::kRsa : tls_signature::kEcdsa};
}

Outcome<std::string> PrivateKey::sign(SignatureCode code, std::string_view input) const {
  const EVP_MD* md = openssl::message_digest(code.hash);
  if (md == nullptr) return Failure("no signing with hash algorithm " + std::to_string(code.hash));
  if (code.signature != default_code().signature)
    return Failure("the key cannot make signatures of algorithm " + std::to_string(code.signature));
  const ErrorScope errors;
  const openssl::MdCtx context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, md, nullptr, impl_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, octets(input), input.size()) != 1)
    return Failure("signing failed: " + ErrorScope::last());
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), octets(signature), &size, octets(input), input.size()) != 1)
    return Failure("signing failed: " + ErrorScope::last());
  signature.resize(size);  // an ECDSA signature is often shorter than its bound
  return signature;
}

bool SystemRandom::fill(std::span<char> bytes) {
  const ErrorScope errors;
  return bytes.empty() ||
         RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) == 1;
}

}  // namespace peerscope::reload
