// SPDX-License-Identifier: GPL-2.0-or-later
// Keys, authorities and certificates for these tests, made once for each program; a seeded source of random bytes; and
// the smallest possible SecurityBlock codec (RFC 6940 section 6.3.4), written apart from the message description.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include "protocols/reload/config/document.h"
#include "protocols/reload/security/authority.h"
#include "protocols/reload/security/certificate.h"
#include "protocols/reload/security/text.h"

namespace peerscope::reload::test {

inline constexpr std::int64_t kNow = 1700000000;  // 2023-11-14
inline constexpr std::int64_t kDay = 86400;
inline constexpr Validity kValid = {kNow - kDay, kNow + 365 * kDay};
inline constexpr std::string_view kOverlay = "overlay.example.org";
inline const std::string kNodeA(16, '\x11');
inline const std::string kNodeB(16, '\xb2');

// The same bytes in each run.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(unsigned seed = 1) : engine_(seed) {}
  [[nodiscard]] bool fill(std::span<char> bytes) override {
    for (char& byte : bytes) byte = static_cast<char>(engine_());
    return true;
  }

 private:
  std::mt19937 engine_;
};

class NoRandom final : public RandomSource {
 public:
  [[nodiscard]] bool fill(std::span<char>) override { return false; }
};

inline const PrivateKey& rsa_key(std::size_t which = 0) {
  static const std::vector<PrivateKey> kKeys = {*generate_key(KeyType::kRsa2048), *generate_key(KeyType::kRsa2048)};
  return kKeys.at(which);
}
inline const PrivateKey& ec_key(std::size_t which = 0) {
  static const std::vector<PrivateKey> kKeys = {*generate_key(KeyType::kP256), *generate_key(KeyType::kP256)};
  return kKeys.at(which);
}

inline Authority make_root(const std::string& name = "Test Root", Validity validity = kValid) {
  SeededRandom random;
  auto root = Authority::create(rsa_key(1), name, validity, random);
  EXPECT_TRUE(root.ok()) << root.message();
  return *std::move(root);
}
inline const Authority& root() {
  static const Authority kRoot = make_root();
  return kRoot;
}

inline CertificateNames names(std::vector<std::string> node_ids = {kNodeA}) {
  CertificateNames names;
  names.overlay = kOverlay;
  names.node_ids = std::move(node_ids);
  names.user_name = "alice@example.org";
  return names;
}

inline CertificatePtr issue(const CertificateNames& wanted, const PrivateKey& key = rsa_key(),
                            const Authority& authority = root(), Validity validity = kValid,
                            std::uint8_t hash = tls_hash::kSha256) {
  SeededRandom random(7);
  IssueOptions options;
  options.names = wanted;
  options.validity = validity;
  options.hash = hash;
  auto der = authority.issue_for_key(key.spki(), options, random);
  EXPECT_TRUE(der.ok()) << der.message();
  auto certificate = Certificate::parse(*der);
  EXPECT_TRUE(certificate.ok()) << certificate.message();
  return *certificate;
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// ---- SecurityBlock

inline std::string u16(std::size_t value) {
  return {static_cast<char>(value >> 8 & 255), static_cast<char>(value & 255)};
}

inline std::string encode_identity(std::uint8_t type, std::uint8_t hash_code, std::string_view hash) {
  std::string value;
  value += static_cast<char>(hash_code);
  value += static_cast<char>(hash.size());
  value += hash;
  return std::string(1, static_cast<char>(type)) + u16(value.size()) + value;
}

inline std::string encode_block(const SecurityBlockParts& parts) {
  std::string bucket;
  for (const std::string& der : parts.certificates) bucket += std::string(1, '\0') + u16(der.size()) + der;
  std::string block = u16(bucket.size()) + bucket;
  block += static_cast<char>(parts.code.hash);
  block += static_cast<char>(parts.code.signature);
  return block + parts.identity + u16(parts.signature.size()) + parts.signature;
}

inline std::optional<SecurityBlockParts> decode_block(std::string_view bytes) {
  bool good = true;
  const auto take = [&](std::string_view& from, std::size_t size) {
    if (from.size() < size) {
      good = false;
      return std::string_view();
    }
    const std::string_view part = from.substr(0, size);
    from.remove_prefix(size);
    return part;
  };
  const auto number = [&](std::string_view& from, std::size_t size) {
    std::size_t value = 0;
    for (const char c : take(from, size)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  };
  SecurityBlockParts parts;
  std::string_view bucket = take(bytes, number(bytes, 2));
  while (good && !bucket.empty()) {
    number(bucket, 1);
    parts.certificates.emplace_back(take(bucket, number(bucket, 2)));
  }
  parts.code.hash = static_cast<std::uint8_t>(number(bytes, 1));
  parts.code.signature = static_cast<std::uint8_t>(number(bytes, 1));
  const std::string_view identity = bytes;
  parts.identity_type = static_cast<std::uint8_t>(number(bytes, 1));
  std::string_view value = take(bytes, number(bytes, 2));
  parts.identity = identity.substr(0, identity.size() - bytes.size());
  if (parts.identity_type != kIdentityNone) {
    parts.identity_hash_code = static_cast<std::uint8_t>(number(value, 1));
    parts.identity_hash = take(value, number(value, 1));
  }
  parts.signature = take(bytes, number(bytes, 2));
  if (!good || !bytes.empty()) return std::nullopt;
  return parts;
}

// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "reload_security.XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::system(("rm -rf '" + path_ + "'").c_str()) == 0 ? void() : void(); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string put(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << bytes;
    return path_ + "/" + name;
  }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Standard output and error of a shell command; `code` gets its exit status.
inline std::string shell(const std::string& command, int* code = nullptr) {
  std::string output;
  std::FILE* pipe = popen(("( " + command + " ) 2>&1").c_str(), "r");
  if (pipe == nullptr) return output;
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
  const int status = pclose(pipe);
  if (code != nullptr) *code = status;
  return output;
}

}  // namespace peerscope::reload::test
