// SPDX-License-Identifier: GPL-2.0-or-later
// The rows that need certificates: each has an example that keeps it and one that breaks it.
#include "protocols/reload/examination.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <stdexcept>

#include "protocols/reload/protocol.h"
#include "protocols/reload/security/authority.h"

namespace peerscope::test {
namespace {

using namespace reload;
using Text = std::string;

constexpr Validity kValidity{1'600'000'000, 2'500'000'000};
const Text kAlice(16, '\x11');  // at 0.0667 of the ring
const Text kBob(16, '\xb2');
constexpr auto kAliceUser = "alice@example.org";
constexpr auto kBobUser = "bob@example.org";
constexpr auto kSensor = "coap://sensor.example.org/";

template <class T>
T sure(Outcome<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.message());
  return *std::move(outcome);
}

CertificateNames names_of(const Text& node_id, const char* user) {
  CertificateNames names;
  names.overlay = "overlay.example.org";
  names.node_ids = {node_id};
  names.user_name = user;
  return names;
}
Text issue(const CertificateNames& names) {
  static SystemRandom random;
  static const Authority authority =
      sure(Authority::create(sure(generate_key(KeyType::kP256)), "Root", kValidity, random));
  static const PrivateKey key = sure(generate_key(KeyType::kP256));
  return sure(authority.issue_for_key(key.spki(), {.validity = kValidity, .names = names}, random));
}
Text self_signed(std::vector<Text> wrong_ids) {
  SystemRandom random;
  SelfSignedOptions options;
  options.validity = kValidity;
  options.overlay = "overlay.example.org";
  options.user_name = kAliceUser;
  options.node_id_hash = tls_hash::kSha256;
  options.wrong_node_ids = std::move(wrong_ids);
  return sure(make_self_signed_certificate(sure(generate_key(KeyType::kP256)), options, random));
}
const Text& alice() {
  static const Text der = [] {
    CertificateNames names = names_of(kAlice, kAliceUser);
    names.more_uris = {kSensor};
    return issue(names);
  }();
  return der;
}
const Text& bob() {
  static const Text der = issue(names_of(kBob, kBobUser));
  return der;
}

SignerIdentity identity_of(const Text& der) {
  SignerIdentity identity;
  identity.type = kCertHash;
  identity.hash_alg = tls_hash::kSha256;
  identity.hash = *cert_hash(tls_hash::kSha256, der);
  return identity;
}

StoreReq store(std::uint32_t kind, const Text& name, Text value, const Text& signer) {
  StoreReq request;
  request.resource = resource_id_of(name);
  StoredData data;
  data.kind = kind;
  data.model = default_model(kind);
  data.value = std::move(value);
  data.key = kAlice;
  data.signature.identity = identity_of(signer);
  request.kind_data.push_back({kind, 0, {std::move(data)}});
  return request;
}
StoredData& value(StoreReq& request) {
  return request.kind_data[0].values[0];
}
template <class T>
Text bytes_of(std::uint32_t kind, T part) {
  KindValue whole{kind, true, {}};
  whole.value = std::move(part);
  return encode_part(whole);
}
Text redir(std::uint16_t level, std::uint16_t node) {
  RedirServiceProvider record;
  record.name_space = "turn-server";
  record.level = level;
  record.node = node;
  return bytes_of(kRedirKind, record);
}
const Text kTreeNode = Text("turn-server") + Text("\0\2\0\6", 4);  // 0.0667 * 10^2
Text turn(std::uint8_t iteration) {
  TurnServer server;
  server.iteration = iteration;
  return bytes_of(kTurnServiceKind, server);
}
Text item(const char* to, const char* name = nullptr) {
  AccessControlListItem made;
  made.to_user = to;
  made.kind = 0xf0000001;
  made.has_name = name != nullptr;
  if (name != nullptr) made.name.resource_name = name;
  return bytes_of(kAccessControlListKind, made);
}
StoreReq grant(const Text& signer, std::uint32_t index, const char* to = "carol@example.org",
               const char* name = nullptr) {
  StoreReq request = store(kAccessControlListKind, name != nullptr ? name : kAliceUser, item(to, name), signer);
  value(request).index = index;
  return request;
}
StoreReq shared(std::uint32_t kind, DataModel model, const Text& key, std::uint32_t index) {
  StoreReq request = store(kind, kAliceUser, "x", bob());
  value(request).model = model;
  value(request).key = key;
  value(request).index = index;
  return request;
}
constexpr std::uint32_t kSharedArray = 0xf0000001;
constexpr std::uint32_t kSharedDictionary = 0xf0000002;

// A capture: certificates, the overlay's Kinds, and what was seen.
class Capture {
 public:
  explicit Capture(std::optional<bool> variable_names = {}) {
    context_.kinds[kSharedArray] = {"", DataModel::kArray, true, {}};
    context_.kinds[kSharedDictionary] = {"", DataModel::kDictionary, true, {}};
    context_.kinds[kAccessControlListKind] = {"", DataModel::kArray, true, variable_names};
    for (const Text& der : {alice(), bob()}) {
      const CertificatePtr known = verifier_.learn(der, 1);
      examination_.pass_over(*known);
    }
  }

  void message(Contents contents, const Message* request, Message& out, const Text& certificate = "") {
    Packet packet;
    packet.forwarding.destination_list = {Destination::node(kBob)};
    packet.contents = std::move(contents);
    if (!certificate.empty()) packet.security.certificates = {{kX509, certificate}};
    packet.security.signature.identity = identity_of(alice());
    out.clear();
    out.context = &context_;
    reload::decode(reload::encode(packet, &context_), out);
    ASSERT_TRUE(out.whole());
    (void)verifier_.learn(out);
    std::vector<Finding> findings;
    examination_.look(verifier_, out, request, findings);
    for (const Finding& finding : findings) {
      told.insert(finding.rule->id);
      EXPECT_FALSE(finding.detail.empty());
      EXPECT_GT(finding.length, 0U) << finding.rule->id << " has no place";
      EXPECT_LE(finding.offset + finding.length, out.size);
    }
  }
  // A Store, and whether it was accepted.
  void store(StoreReq request, bool accepted = true) {
    Message asked;
    message(Contents(std::move(request)), nullptr, asked);
    StoreAns answer;
    answer.kind_responses.push_back({1, 1, {}});
    ErrorResponse refusal;
    refusal.code = kForbidden;
    Message answered;
    message(accepted ? Contents(answer) : Contents(refusal), &asked, answered);
  }
  void certificate(const Text& der) {
    Message ping;
    message(Contents(PingReq{}), nullptr, ping, der);
  }

  std::set<Text> told;

 private:
  Context context_;
  Verifier verifier_;
  Examination examination_;
};

struct Example {
  const char* id;
  std::function<void(Capture&)> good;
  std::function<void(Capture&)> bad;
  std::optional<bool> variable_names{};
};

template <class F>
std::function<void(Capture&)> stored(StoreReq request, F&& change) {
  change(request);
  return [request](Capture& capture) { capture.store(request); };
}
std::function<void(Capture&)> stored(StoreReq request) {
  return stored(std::move(request), [](StoreReq&) {});
}
std::function<void(Capture&)> seen(const Text& der) {
  return [der](Capture& capture) { capture.certificate(der); };
}
template <class F>
Text certificate_with(F&& change) {
  CertificateNames names = names_of(kBob, kBobUser);
  change(names);
  return issue(names);
}

const std::vector<Example>& examples() {
  const auto other_key = [](StoreReq& request) { value(request).key = kBob; };
  const auto signed_by_bob = [](StoreReq& request) { value(request).signature.identity = identity_of(bob()); };
  static const auto fine = seen(certificate_with([](CertificateNames&) {}));
  static const StoreReq kRedir = store(kRedirKind, kTreeNode, redir(2, 6), alice());
  static const StoreReq kSip =
      store(kSipRegistrationKind, kAliceUser, bytes_of(kSipRegistrationKind, SipRegistration{}), alice());
  static const StoreReq kCoap =
      store(kCoapRegistrationKind, kSensor, bytes_of(kCoapRegistrationKind, CoapRegistration{}), alice());
  static const StoreReq kCache =
      store(kCoapCachingKind, "//sensor.example.org/", bytes_of(kCoapCachingKind, CoapCaching{}), alice());
  static const StoreReq kTurn = store(kTurnServiceKind, kAlice + '\2', turn(2), alice());
  static const StoreReq kPpsp = store(kPpspPeerStatusKind, "peer:x", "", alice());
  static const std::vector<Example> kExamples = {
      {"R-ENR-05", fine, seen(certificate_with([](auto& names) { names.uri_form = ReloadUriForm::kBareNodeId; }))},
      {"R-ENR-06", fine, seen(certificate_with([](auto& names) { names.dns_names = {"example.org"}; }))},
      {"R-ENR-06", seen(certificate_with([](auto& names) { names.more_uris = {kSensor}; })),
       seen(certificate_with([](auto& names) { names.user_name.clear(); }))},
      {"R-ENR-07", fine, seen(certificate_with([](auto& names) { names.common_name = "Bob"; }))},
      {"R-SLF-01", seen(self_signed({})), seen(self_signed({kAlice}))},
      {"R-TRN-02", stored(kTurn), stored(kTurn, [](auto& request) { request.resource = resource_id_of("x"); })},
      {"R-TRN-03", stored(kTurn), stored(kTurn, [](auto& request) { value(request).value = turn(3); })},
      {"R-RDR-03", stored(kRedir), stored(kRedir, other_key)},
      {"R-RDR-04", stored(kRedir),
       stored(store(kRedirKind, Text("turn-server") + Text("\0\0\0\1", 4), redir(0, 1), alice()))},
      {"R-RDR-05", stored(store(kRedirKind, "turn-server26", redir(2, 6), alice())),
       stored(kRedir, [](auto& request) { request.resource = resource_id_of("x"); })},
      {"R-SIP-01", stored(kSip), stored(kSip, other_key)},
      {"R-SIP-01", stored(kSip), stored(kSip, signed_by_bob)},
      {"R-COA-01", stored(kCoap), stored(kCoap, other_key)},
      {"R-COA-01", stored(kCache), stored(kCache, signed_by_bob)},
      {"SD-DT-08", stored(kPpsp), stored(kPpsp, other_key)},
      {"SD-DT-08", stored(kPpsp), stored(kPpsp, signed_by_bob)},
      {"R-SHR-01", stored(grant(alice(), 0x11111101)), stored(grant(alice(), 0x11111201))},
      {"R-SHR-01", stored(shared(kSharedArray, DataModel::kArray, "", 0xb2b2b207)),
       stored(shared(kSharedArray, DataModel::kArray, "", 0x00000007))},
      {"R-SHR-02", stored(shared(kSharedDictionary, DataModel::kDictionary, kBob, 0)),
       stored(shared(kSharedDictionary, DataModel::kDictionary, kAlice, 0))},
      {"R-SHR-03", stored(grant(alice(), 0x11111101, kAliceUser)), stored(grant(bob(), 0xb2b2b201, kBobUser))},
      // The owner may overwrite, others may not.
      {"R-SHR-04",
       [](Capture& capture) {
         capture.store(grant(bob(), 0xb2b2b201));
         capture.store(grant(alice(), 0xb2b2b201));
       },
       [](Capture& capture) {
         capture.store(grant(alice(), 0x11111101));
         capture.store(grant(bob(), 0x11111101));
       }},
      {"R-SHR-06", stored(grant(alice(), 0x11111101, kBobUser, "conf-alice@example.org")),
       stored(grant(alice(), 0x11111101, kBobUser, "conf-alice@example.org"),
              [](auto& request) { request.resource = resource_id_of(kAliceUser); })},
      {"R-SHR-07", stored(grant(alice(), 0x11111101, kBobUser, "conf-alice@example.org")),
       stored(grant(alice(), 0x11111101, kBobUser)), true},
      {"R-SHR-07", stored(grant(alice(), 0x11111101, kBobUser)),
       stored(grant(alice(), 0x11111101, kBobUser, "conf-alice@example.org")), false},
  };
  return kExamples;
}

TEST(ReloadExamination, EveryExampleBreaksItsRule) {
  int number = 0;
  for (const Example& example : examples()) {
    const Text name = Text(example.id) + ", example " + std::to_string(++number);
    Capture good(example.variable_names);
    example.good(good);
    EXPECT_TRUE(good.told.empty()) << name << ": the good one breaks " << *good.told.begin();
    Capture bad(example.variable_names);
    example.bad(bad);
    EXPECT_TRUE(bad.told.contains(example.id)) << name;
  }
}

TEST(ReloadExamination, EveryRowHasAnExample) {
  std::set<Text> shown;
  for (const Example& example : examples()) shown.insert(example.id);
  EXPECT_TRUE(shown.contains("SD-DT-08"));  // of the distributed tracker's table
  for (const Requirement& row : reload::requirements()) EXPECT_EQ(shown.contains(row.id), row.examined) << row.id;
}

TEST(ReloadExamination, APeerThatRefusesIsNotBlamed) {
  Capture capture;
  StoreReq request = store(kSipRegistrationKind, kBobUser, bytes_of(kSipRegistrationKind, SipRegistration{}), alice());
  capture.store(request, false);
  EXPECT_TRUE(capture.told.empty());
  capture.store(request, true);
  EXPECT_EQ(capture.told, std::set<Text>{"R-SIP-01"});
}

TEST(ReloadExamination, WithoutTheSignersCertificateNobodyIsBlamed) {
  Capture capture;
  const Text unknown = certificate_with([](CertificateNames&) {});
  capture.store(store(kSipRegistrationKind, kAliceUser, bytes_of(kSipRegistrationKind, SipRegistration{}), unknown));
  capture.store(grant(unknown, 7));
  EXPECT_TRUE(capture.told.empty());
}

TEST(ReloadExamination, ACertificateIsJudgedOnce) {
  Capture capture;
  const Text der = certificate_with([](auto& names) { names.common_name = "Bob"; });
  capture.certificate(der);
  EXPECT_EQ(capture.told, std::set<Text>{"R-ENR-07"});
  capture.told.clear();
  capture.certificate(der);
  EXPECT_TRUE(capture.told.empty());
}

}  // namespace
}  // namespace peerscope::test
