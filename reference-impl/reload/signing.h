// SPDX-License-Identifier: GPL-2.0-or-later
// Who signs and who is believed (RFC 6940 section 6.3.4). CertificateSecurity is the real thing; NamedSecurity only
// writes the signer's Node-ID down, for simulations of overlays too large to sign in.
//
// Ownership: belongs to one node. Failure: nothing where a signature or its signer is not good, with the reason in
// `why`. Threading: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocols/reload/messages.h"
#include "protocols/reload/security/authority.h"
#include "reference-impl/reload/defects.h"
#include "reference-impl/reload/overlay.h"
#include "reference-impl/reload/verified.h"

namespace peerscope::reload {

// A node's name, key and certificate.
struct Identity {
  PrivateKey key;
  CertificatePtr certificate;
  std::vector<std::string> intermediates;  // DER, on the way to a root
  NodeId node_id;                          // the one that is played, of a certificate with several
};

using CertificateBytes = std::shared_ptr<const std::string>;  // DER

struct SignedBy {
  NodeId node_id;
  std::string user_name;
  CertificateBytes certificate;  // null without certificates
};

class Security {
 public:
  Security() = default;
  virtual ~Security() = default;
  Security(const Security&) = delete;
  Security& operator=(const Security&) = delete;

  virtual const NodeId& node_id() const = 0;
  virtual const std::string& user_name() const = 0;
  virtual CertificateBytes certificate() const = 0;

  // `contents` encoded. Fills `security`'s signature and puts the own certificate into its bucket.
  virtual void sign_message(std::uint32_t overlay, std::uint64_t transaction_id, std::string_view contents,
                            SecurityBlock& security) = 0;
  virtual void sign_value(std::string_view resource, StoredData& value) = 0;
  // `now` in seconds since 1970.
  virtual std::optional<SignedBy> check_message(const Overlay& overlay, const Message& message, std::int64_t now,
                                                std::string& why) = 0;
  // `bucket`: the certificates that came along.
  virtual std::optional<SignedBy> check_value(const Overlay& overlay, std::string_view resource, StoredData& value,
                                              const std::vector<GenericCertificate>& bucket, std::int64_t now,
                                              std::string& why) = 0;
};

class CertificateSecurity final : public Security {
 public:
  explicit CertificateSecurity(Identity identity, const NodeDefects& defects = {});

  const NodeId& node_id() const override { return identity_.node_id; }
  const std::string& user_name() const override { return identity_.certificate->user_name(); }
  CertificateBytes certificate() const override { return certificate_; }
  void sign_message(std::uint32_t overlay, std::uint64_t transaction_id, std::string_view contents,
                    SecurityBlock& security) override;
  void sign_value(std::string_view resource, StoredData& value) override;
  std::optional<SignedBy> check_message(const Overlay& overlay, const Message& message, std::int64_t now,
                                        std::string& why) override;
  std::optional<SignedBy> check_value(const Overlay& overlay, std::string_view resource, StoredData& value,
                                      const std::vector<GenericCertificate>& bucket, std::int64_t now,
                                      std::string& why) override;

  // Whether the overlay takes nodes with this certificate: a way to a root, or self-signed where that is permitted
  // (sections 6.3.4, 11.3.1); no bad-node among its Node-IDs.
  bool trusts(const Overlay& overlay, const CertificatePtr& certificate, std::span<const CertificatePtr> others,
              std::int64_t now, std::string& why);

  const Identity& identity() const { return identity_; }

 private:
  struct Trusted {
    const Overlay* overlay = nullptr;
    std::int64_t until = 0;
  };
  struct Found {
    SignedBy by;
    std::string name;  // in Verified
  };
  std::optional<Found> check(const Overlay& overlay, const Signature& signature, std::string_view input,
                             const std::vector<GenericCertificate>& bucket, std::int64_t now, std::string& why);

  Identity identity_;
  NodeDefects defects_;
  CertificateBytes certificate_;
  SignerIdentity signer_;
  std::string encoded_signer_;
  CertificateCache cache_;
  std::unordered_map<std::string, Trusted> trusted_;  // by fingerprint
  Verified values_;                                   // the same value comes again and again
  Verified own_messages_;                             // to oneself
};

class NamedSecurity final : public Security {
 public:
  NamedSecurity(const NodeId& node_id, std::string user_name) : node_id_(node_id), user_name_(std::move(user_name)) {}

  const NodeId& node_id() const override { return node_id_; }
  const std::string& user_name() const override { return user_name_; }
  CertificateBytes certificate() const override { return nullptr; }
  void sign_message(std::uint32_t overlay, std::uint64_t transaction_id, std::string_view contents,
                    SecurityBlock& security) override;
  void sign_value(std::string_view resource, StoredData& value) override;
  std::optional<SignedBy> check_message(const Overlay& overlay, const Message& message, std::int64_t now,
                                        std::string& why) override;
  std::optional<SignedBy> check_value(const Overlay& overlay, std::string_view resource, StoredData& value,
                                      const std::vector<GenericCertificate>& bucket, std::int64_t now,
                                      std::string& why) override;

 private:
  Signature name() const;
  std::optional<SignedBy> read(const Signature& signature, std::string& why) const;

  NodeId node_id_;
  std::string user_name_;
};

// A certificate's only Node-ID; fails for none and for several.
Outcome<NodeId> only_node_id(const Certificate& certificate);

}  // namespace peerscope::reload
