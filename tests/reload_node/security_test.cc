// SPDX-License-Identifier: GPL-2.0-or-later
// Nodes with certificates: what is forged, foreign or out of date is not believed.
#include "protocols/reload/protocol.h"
#include "tests/reload_node/identity_fixture.h"

namespace peerscope::reload::test {
namespace {

class CertifiedNode : public OverlayFixture {
 protected:
  void SetUp() override { use(certified_configuration()); }
  std::unique_ptr<Security> make_security(const NodeId& id, const std::string& user) override {
    if (next_) return std::make_unique<CertificateSecurity>(*std::exchange(next_, std::nullopt));
    return std::make_unique<CertificateSecurity>(make_identity(id, user));
  }
  // The next node gets this instead of a sound identity.
  std::optional<Identity> next_;
};

TEST_F(CertifiedNode, JoinStoreAndFetchWithSignatures) {
  make_ring(5);
  expect_ring();
  Member& owner = *members_[2];
  const std::string place = owner.node->resource_id(owner.user);
  NewValue value;
  value.kind = kPrivateKind;
  value.value = "signed";
  ASSERT_TRUE(store(*owner.node, place, {value}).ok());
  run(std::chrono::seconds(2));
  crash(responsible_for(place));
  run(std::chrono::seconds(100));
  for (auto& member : members_) {
    if (member->crashed) continue;
    EXPECT_EQ(fetched(*member->node, place, kPrivateKind), "signed");
  }
}

TEST_F(CertifiedNode, OwnCertificateIsStoredUnderBothKinds) {
  make_ring(3);
  Member& member = *members_[1];
  std::optional<bool> stored;
  member.node->store_certificate([&](bool ok) { stored = ok; });
  run_until([&] { return stored.has_value(); });
  EXPECT_TRUE(stored && *stored);
  const auto by_node = fetched(*members_[2]->node, member.node->resource_id(member.id.view()), kCertificateByNodeKind);
  const auto by_user = fetched(*members_[2]->node, member.node->resource_id(member.user), kCertificateByUserKind);
  EXPECT_EQ(by_node, by_user);
  EXPECT_TRUE(Certificate::parse(by_node).ok());
}

TEST_F(CertifiedNode, NodeOfAnotherAuthorityGetsNoAnswer) {
  make_ring(2);
  SeededRandom random(9);
  const auto other = Authority::create(*generate_key(KeyType::kP256), "Other", kTestValidity, random);
  ASSERT_TRUE(other.ok());
  next_ = make_identity(node_id({0x42}), "mallory@example.org", KeyType::kP256, *other);
  Member& mallory = add(node_id({0x42}));
  std::optional<bool> joined;
  mallory.node->join({members_[0]->transport->local()}, [&](net::Result<void> result) { joined = result.ok(); });
  run_until([&] { return joined.has_value(); });
  EXPECT_TRUE(joined && !*joined);
  EXPECT_GT(members_[0]->node->stats().forged + members_[1]->node->stats().forged, 0U);
}

TEST_F(CertifiedNode, ExpiredCertificateGetsNoAnswer) {
  make_ring(2);
  next_ = make_identity(node_id({0x42}), "old@example.org", KeyType::kP256, test_authority(), {kNow - 100, kNow - 10});
  Member& old = add(node_id({0x42}));
  std::optional<bool> joined;
  old.node->join({members_[0]->transport->local()}, [&](net::Result<void> result) { joined = result.ok(); });
  run_until([&] { return joined.has_value(); });
  EXPECT_TRUE(joined && !*joined);
}

TEST_F(CertifiedNode, RsaIdentityWorksToo) {
  make_ring(2);
  next_ = make_identity(node_id({0x42}), "rsa@example.org", KeyType::kRsa2048);
  add_joined(node_id({0x42}));
  run(std::chrono::seconds(2));
  expect_ring();
}

TEST_F(CertifiedNode, ValueSignedByAnotherIsForbidden) {
  make_ring(3);
  Member& owner = *members_[1];
  const std::string place = owner.node->resource_id(owner.user);
  StoreReq request;
  request.resource = place;
  StoredData data;
  data.kind = kPrivateKind;
  data.model = DataModel::kSingle;
  data.storage_time = 1'704'067'300'000;
  data.lifetime = 100;
  data.value = "x";
  // Signed by a sound node, but over another value.
  CertificateSecurity(make_identity(owner.id, owner.user)).sign_value(place, data);
  data.value = "y";
  request.kind_data.push_back({kPrivateKind, 0, {data}});
  const auto answer = ask(*owner.node, {Destination::resource(place)}, Contents(request));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, kForbidden);
}

// ---- configuration

TEST_F(CertifiedNode, SignedConfigurationUpdateTakesEffect) {
  overlay_ = signed_overlay(certified_configuration());
  make_ring(3);
  OverlayConfiguration next = certified_configuration();
  next.sequence = 23;
  ConfigUpdateReq update;
  update.config_data = signed_document(next);
  // One byte of what is signed changed: refused, and nothing changes.
  const std::size_t at = update.config_data.find("sequence=\"23\"");
  ASSERT_NE(at, std::string::npos);
  update.config_data[at + 11] = '4';
  const Destinations to{Destination::node(members_[1]->id.view())};
  const auto refused = ask(*members_[0]->node, to, Contents(update));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, kForbidden);
  EXPECT_EQ(members_[1]->node->overlay()->sequence, 22);
  update.config_data[at + 11] = '3';
  const auto taken = ask(*members_[0]->node, to, Contents(update));
  EXPECT_TRUE(taken.ok() || taken.error().code == kConfigTooNew) << taken.error().text;
  EXPECT_EQ(members_[1]->node->overlay()->sequence, 23);
  // A request with the old sequence is told so, and the new document comes along (R-CFG-02).
  const auto old = ask(*members_[2]->node, to, Contents(PingReq{}));
  ASSERT_FALSE(old.ok());
  EXPECT_EQ(old.error().code, kConfigTooOld);
  run(std::chrono::seconds(2));
  EXPECT_EQ(members_[2]->node->overlay()->sequence, 23);
  EXPECT_TRUE(ask(*members_[2]->node, to, Contents(PingReq{})).ok());
}

TEST(Sequence, GoesRoundAt65535) {
  EXPECT_EQ(compare_sequence(5, 5), 0);
  EXPECT_EQ(compare_sequence(6, 5), 1);
  EXPECT_EQ(compare_sequence(5, 6), -1);
  EXPECT_EQ(compare_sequence(0, 65534), 1);
  EXPECT_EQ(compare_sequence(65534, 0), -1);
}

// ---- enrollment

class Enrollment : public ::testing::Test {
 protected:
  net::HttpResponse ask(const EnrollmentWish& wish) {
    auto request = enrollment_request(std::string(kEnrollmentPath), wish, key_, random_);
    EXPECT_TRUE(request.ok());
    return server_.handle(*request, kNow);
  }
  SeededRandom random_{5};
  PrivateKey key_ = *generate_key(KeyType::kP256);
  OverlayPtr overlay_ = signed_overlay(certified_configuration());
  EnrollmentServer server_{test_authority(), overlay_, random_};
};

TEST_F(Enrollment, GivesACertificateThatTheOverlayTakes) {
  const auto identity = read_enrollment(ask({"alice@example.org", "", 1}), key_, *overlay_, kNow);
  ASSERT_TRUE(identity.ok()) << identity.error().message;
  EXPECT_EQ(identity->certificate->user_name(), "alice@example.org");
  EXPECT_TRUE(identity->certificate->problems().empty());
  CertificateSecurity security(*identity);
  std::string why;
  EXPECT_TRUE(security.trusts(*overlay_, identity->certificate, {}, kNow, why)) << why;
}

TEST_F(Enrollment, NameOfAnotherKeyIsNotAvailable) {
  EXPECT_EQ(ask({"alice@example.org", "", 1}).status, 200);
  key_ = *generate_key(KeyType::kP256);
  const auto second = ask({"alice@example.org", "", 1});
  EXPECT_EQ(second.status, 403);
  EXPECT_EQ(second.body, "username_not_available");
}

TEST_F(Enrollment, UserNameHasOneAt) {
  const std::string good = "alice@example.org";
  const auto ask_for = [&](const std::string& name) {
    auto request = enrollment_request(std::string(kEnrollmentPath), {good, "", 1}, key_, random_);
    EXPECT_TRUE(request.ok());
    // In the form, which stands before the certificate request.
    request->body.replace(request->body.find(good), good.size(), name);
    return server_.handle(*request, kNow);
  };
  for (const char* name : {"two@at@x", "no-at-sign", "@example.org", "alice@", "@", "a b@example.org"}) {
    const auto answer = ask_for(name);
    EXPECT_EQ(answer.status, 403) << name;
    EXPECT_EQ(answer.body, "username_not_available") << name;
  }
  EXPECT_EQ(ask_for("!odd~name@example.org").status, 200);
}

TEST_F(Enrollment, PasswordIsChecked) {
  EnrollmentOptions options;
  options.users = {{"alice@example.org", "secret"}};
  EnrollmentServer strict(test_authority(), overlay_, random_, options);
  const auto status = [&](const std::string& password) {
    auto request = enrollment_request(std::string(kEnrollmentPath), {"alice@example.org", password, 1}, key_, random_);
    return strict.handle(*request, kNow);
  };
  EXPECT_EQ(status("secret").status, 200);
  EXPECT_EQ(status("wrong").status, 403);
  EXPECT_EQ(status("wrong").body, "failed_authentication");
}

TEST_F(Enrollment, BrokenRequestsAreRefused) {
  EXPECT_EQ(ask({"alice@example.org", "", 99}).body, "Node-IDs_not_available");
  auto request = enrollment_request(std::string(kEnrollmentPath), {"bob@example.org", "", 1}, key_, random_);
  const std::string whole = request->body;
  for (std::size_t cut = 0; cut + 2 < whole.size(); cut += 7) {
    request->body = whole.substr(0, cut);  // the line end behind the closing boundary may be missing
    EXPECT_NE(server_.handle(*request, kNow).status, 200) << cut;
  }
  EXPECT_EQ(server_.handle({"GET", std::string(kEnrollmentPath)}, kNow).status, 405);
  EXPECT_EQ(server_.handle({"GET", "/"}, kNow).status, 404);
}

TEST_F(Enrollment, ConfigurationDocumentReadsBack) {
  const auto response = server_.handle({"GET", std::string(kConfigPath)}, kNow);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), kConfigMediaType);
  const auto read = read_overlay(response.body, kOverlayName, kNow);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ((*read)->sequence, 22);
  EXPECT_NE((*read)->find_kind(kPrivateKind), nullptr);
}

}  // namespace
}  // namespace peerscope::reload::test
