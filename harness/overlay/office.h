// SPDX-License-Identifier: GPL-2.0-or-later
// Enrollment over HTTPS (RFC 6940 sections 11.2 and 11.3), both sides of it: the harness's configuration and enrollment
// server for a node that joins, and a client of the enrollment server of a node under test. Requests and answers are
// judged here; no code of the reference roles.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/engine/party.h"
#include "harness/scenario/expression.h"
#include "protocols/base/requirement.h"
#include "protocols/base/tree.h"
#include "protocols/reload/security/authority.h"

namespace peerscope::harness {

// What came of one exchange: "configured", "enrolled", "issued", "refused" or "failed", for scenarios.
struct OfficeEvent {
  std::string name;
  std::string why;
  std::vector<Finding> findings;
};

class Office {
 public:
  static constexpr std::string_view kConfigPath = "/.well-known/reload-config";
  static constexpr std::string_view kEnrollmentPath = "/enroll";

  // How it is wrong on purpose.
  enum class Fault : std::uint8_t { kNone, kOtherHost, kOtherOverlay, kOtherIssuer };
  static std::optional<Fault> fault_named(std::string_view name);

  // An error for people, or "". The root is made here.
  std::string open(Fault fault, const std::string& overlay_name, Random& random, net::KeyLogSink key_log);
  bool is_open() const { return server_ != nullptr; }
  std::string url(std::string_view path) const;
  const std::string& root() const { return authority_->certificate()->der(); }
  std::string https_certificate() const { return server_->certificate(); }
  void serve(std::string document) { document_ = std::move(document); }
  // Answers a request that came meanwhile.
  std::optional<OfficeEvent> next();

 private:
  net::HttpResponse answer(const net::HttpRequest& request, OfficeEvent& event);
  net::HttpResponse enroll(const net::HttpRequest& request, OfficeEvent& event);

  Fault fault_ = Fault::kNone;
  std::string overlay_name_;
  std::string document_;
  Random* random_ = nullptr;
  std::optional<reload::Authority> authority_;
  std::optional<reload::Authority> stranger_;
  std::unique_ptr<ServerParty> server_;
};

// Asks an enrollment server for a certificate. `wish`: user, key (one that is used again has the same name), csr
// ("bad": not signed by its key). `keys` keeps the keys by their names.
OfficeEvent enroll_at(const std::string& url, const Tree& wish, std::map<std::string, reload::PrivateKey>& keys,
                      double seconds);

}  // namespace peerscope::harness
