// SPDX-License-Identifier: GPL-2.0-or-later
// Hashes, signatures and keys of RELOAD (RFC 6940 sections 6.3.4 and 7.1), in front of OpenSSL 3. Algorithms are the
// code points of TLS 1.2 (RFC 5246 section 7.4.1.4.1) as they stand on the wire; an unknown one is an answer, not an
// error. Bytes are std::string and std::string_view.
//
// Keys are handles that share one immutable key: copies are cheap, and all functions here are safe from any thread.
// None of them leaves anything in OpenSSL's per-thread error queue, which TLS code in the same thread reads.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocols/reload/security/outcome.h"

namespace peerscope::reload {

namespace tls_hash {
inline constexpr std::uint8_t kNone = 0;
inline constexpr std::uint8_t kMd5 = 1;
inline constexpr std::uint8_t kSha1 = 2;
inline constexpr std::uint8_t kSha224 = 3;
inline constexpr std::uint8_t kSha256 = 4;
inline constexpr std::uint8_t kSha384 = 5;
inline constexpr std::uint8_t kSha512 = 6;
}  // namespace tls_hash

namespace tls_signature {
inline constexpr std::uint8_t kAnonymous = 0;
inline constexpr std::uint8_t kRsa = 1;
inline constexpr std::uint8_t kDsa = 2;
inline constexpr std::uint8_t kEcdsa = 3;
}  // namespace tls_signature

// TLS's SignatureAndHashAlgorithm: the hash comes first on the wire.
struct SignatureCode {
  std::uint8_t hash = tls_hash::kSha256;
  std::uint8_t signature = tls_signature::kRsa;
  friend bool operator==(SignatureCode, SignatureCode) = default;
};

// Hash of the parts one after the other, with a TLS hash code from SHA-1 to SHA-512. Nothing for other codes: MD5 is
// left out on purpose, RELOAD has no use for it that could be trusted.
std::optional<std::string> digest(std::uint8_t hash, std::initializer_list<std::string_view> parts);
std::string sha1(std::string_view bytes);
std::string sha256(std::string_view bytes);
// "sha256" for its code point; empty for an unassigned one.
std::string_view hash_name(std::uint8_t hash);

// Resource-ID of a name in CHORD-RELOAD: the first 16 bytes of its SHA-1 (RFC 6940 section 10.2).
std::string resource_id_of(std::string_view resource_name);
// The forwarding header's `overlay`: the last 4 bytes of the SHA-1 of the overlay name (section 6.3.2).
std::uint32_t overlay_hash(std::string_view overlay_name);

enum class VerifyResult : std::uint8_t {
  kOk,
  kBadSignature,          // a sound algorithm and key, but not this signature over these bytes
  kNotSigned,             // algorithm {none, anonymous}
  kUnsupportedHash,       // MD5, none, or a code point that is not assigned
  kUnsupportedSignature,  // neither RSA nor ECDSA
  kKeyMismatch,           // the certificate's key is of another kind than the algorithm
  kUnsupportedKey,        // unreadable, too long or on an unknown curve
  kUnparsableCertificate,
};
// One sentence without its full stop.
std::string_view to_string(VerifyResult result);

struct Verification {
  VerifyResult result = VerifyResult::kBadSignature;
  bool sha1 = false;  // the hash is SHA-1: verified like any other, but a caller may want to say so
  explicit operator bool() const { return result == VerifyResult::kOk; }
};

enum class KeyKind : std::uint8_t { kRsa, kEc, kOther };

class PublicKey {
 public:
  struct Impl;
  PublicKey() = default;  // no key: verifies nothing
  explicit PublicKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

  bool usable() const;  // RSA up to 8192 bits, or a named curve of at most 521 bits
  KeyKind kind() const;
  int bits() const;
  // RSASSA-PKCS1-v1_5 or ECDSA (DER form) over `input`.
  Verification verify(SignatureCode code, std::string_view input, std::string_view signature) const;

 private:
  std::shared_ptr<const Impl> impl_;
};

class PrivateKey {
 public:
  struct Impl;
  explicit PrivateKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

  // One unencrypted key. The failure tells apart: no PEM at all, a certificate instead of a key, an encrypted key, a
  // key that is neither RSA nor on a named curve.
  static Outcome<PrivateKey> from_pem(std::string_view pem);
  // PKCS#8, or the traditional forms of RSA and EC keys.
  static Outcome<PrivateKey> from_der(std::string_view der);
  std::string to_pem() const;  // PKCS#8, not encrypted: the caller sees to the file's rights
  std::string to_der() const;

  KeyKind kind() const;
  int bits() const;
  std::string spki() const;  // SubjectPublicKeyInfo, DER
  PublicKey public_key() const;
  // SHA-256 with this key's algorithm.
  SignatureCode default_code() const;
  Outcome<std::string> sign(SignatureCode code, std::string_view input) const;

  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

// Where unpredictable bytes come from. Tests pass a seeded source.
class RandomSource {
 public:
  RandomSource() = default;
  RandomSource(const RandomSource&) = delete;
  RandomSource& operator=(const RandomSource&) = delete;
  virtual ~RandomSource() = default;
  // Fills all of `bytes`; false when the source has nothing to give, and then nothing may be made from them.
  [[nodiscard]] virtual bool fill(std::span<char> bytes) = 0;
};

// OpenSSL's generator. Safe from any thread.
class SystemRandom final : public RandomSource {
 public:
  [[nodiscard]] bool fill(std::span<char> bytes) override;
};

}  // namespace peerscope::reload
