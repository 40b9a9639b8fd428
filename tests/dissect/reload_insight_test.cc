// SPDX-License-Identifier: GPL-2.0-or-later
// What a capture tells of its overlay: certificates, signatures, Kinds, names.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "dissectors/epan/catalogue.h"
#include "protocols/reload/config/document.h"
#include "tests/dissect/host/epan_host.h"
#include "tests/support/reload_signer.h"

namespace peerscope::test {
namespace {

using namespace reload;

constexpr Endpoint kA{0xc0000201, 40000};
constexpr Endpoint kB{0xc0000202, 6084};
const std::string kNodeA(16, '\x11');
const std::string kNodeB(16, '\xb2');

const ReloadSigner& alice() {
  static const ReloadSigner signer({.node_ids = {kNodeA}});
  return signer;
}

Destination alices_place() {
  return Destination::resource(resource_id_of("alice@example.org"));
}

Packet ping(std::uint64_t id = 1) {
  return packet_with(Contents(PingReq{}), alices_place(), id);
}

StoredData value_of(std::uint32_t kind, DataModel model, std::string bytes) {
  StoredData value;
  value.kind = kind;
  value.model = model;
  value.storage_time = 1'700'000'000'000;
  value.lifetime = 3600;
  value.value = std::move(bytes);
  return value;
}

Packet store(std::uint32_t kind, StoredData value, std::uint64_t id = 2) {
  StoreReq request;
  request.resource = resource_id_of("alice@example.org");
  request.kind_data.push_back({kind, 0, {std::move(value)}});
  return packet_with(Contents(std::move(request)), alices_place(), id);
}

// Each in a datagram, alternating directions when `answers`.
std::vector<Dissected> show(std::vector<Packet> packets, const std::vector<std::string>& preferences = {},
                            bool answers = false) {
  std::vector<Frame> frames;
  for (Packet& packet : packets) {
    const bool back = answers && frames.size() % 2 == 1;
    const auto time = static_cast<std::int64_t>(1'700'000'000'000'000'000 + frames.size());
    frames.push_back(udp_frame(back ? kB : kA, back ? kA : kB, encode(packet), time));
    EXPECT_GT(frames.back().bytes.size(), 100u);
  }
  return dissect(frames,
                 {.tree = true, .filter = {}, .two_passes = true, .preferences = preferences, .exports = nullptr});
}

std::string status(const Dissected& frame, std::size_t which = 0) {
  const auto items = frame.all("relo.signature.status");
  return which < items.size() ? items[which]->label : "none";
}

TEST(ReloadInsight, GoodSignatureNamesItsSigner) {
  Packet packet = ping();
  alice().sign(packet);
  const Dissected frame = show({packet}).front();
  EXPECT_EQ(status(frame), "Signature: good (5), of the message");
  EXPECT_EQ(frame.value("relo.signature.signer"), "11:11:11:11:11:11:11:11:11:11:11:11:11:11:11:11");
  EXPECT_EQ(frame.value("relo.signature.user"), "alice@example.org");
  EXPECT_EQ(frame.value("relo.signature.certificate_in"), "1");
  EXPECT_EQ(frame.value("relo.certificate.user"), "alice@example.org");
  EXPECT_TRUE(frame.has("x509af.signedCertificate_element"));
  EXPECT_EQ(frame.value("relo.overlay_name"), kOverlayName);
  EXPECT_EQ(frame.expert("ad signature"), nullptr);
  // The Resource-ID is the hash of the user's name.
  EXPECT_NE(frame.first("relo.destination.resource_id")->label.find("[alice@example.org]"), std::string::npos);
}

TEST(ReloadInsight, AChangedBitIsABadSignature) {
  Packet packet = ping();
  alice().sign(packet);
  packet.contents = Contents(PingReq{.padding = "x"});
  const Dissected frame = show({packet}).front();
  EXPECT_EQ(status(frame), "Signature: bad (4), of the message");
  ASSERT_NE(frame.expert("Bad signature"), nullptr);
  EXPECT_EQ(frame.expert("Bad signature")->group, "Security");
  const auto found = frame.values("relo.finding");
  EXPECT_NE(std::find(found.begin(), found.end(), "R-SEC-05"), found.end());
}

TEST(ReloadInsight, CertificatesComeEarlierOrLater) {
  Packet without = ping(1);
  alice().sign(without, false);
  Packet with = ping(2);
  alice().sign(with);
  Packet after = ping(3);
  alice().sign(after, false);
  const auto out = show({without, with, after});
  for (const Dissected& frame : out) {
    EXPECT_EQ(status(frame), "Signature: good (5), of the message");
    EXPECT_EQ(frame.value("relo.signature.certificate_in"), "2");
  }
  EXPECT_EQ(status(show({without}).front()), "Signature: certificate not seen (1), of the message");
}

TEST(ReloadInsight, SeveralNodeIdsAndSha1) {
  const ReloadSigner signer({.node_ids = {kNodeA, kNodeB}, .user = "bob@example.org", .hash = tls_hash::kSha1});
  Packet packet = ping();
  signer.sign(packet);
  const Dissected frame = show({packet}).front();
  EXPECT_EQ(status(frame), "Signature: good (5), of the message");
  EXPECT_EQ(frame.values("relo.certificate.node_id").size(), 2u);
  EXPECT_EQ(frame.value("relo.signature.signer").substr(0, 5), "11:11");
  EXPECT_NE(frame.expert("SHA-1"), nullptr);
  // cert_hash does not say which of the two signs.
  packet.security.signature.identity.type = kCertHash;
  packet.security.signature.identity.hash = *cert_hash(tls_hash::kSha256, signer.der());
  packet.security.signature.identity.hash_alg = tls_hash::kSha256;
  const Dissected wrong = show({packet}).front();
  const auto found = wrong.values("relo.finding");
  EXPECT_NE(std::find(found.begin(), found.end(), "R-SEC-04"), found.end());
}

TEST(ReloadInsight, ValuesAreVerifiedWhereverTheyTravel) {
  StoredData value = value_of(kCertificateByUserKind, DataModel::kArray, alice().der());
  value.index = kAppendIndex;
  alice().sign_value(resource_id_of("alice@example.org"), value);
  Packet request = store(kCertificateByUserKind, value);
  alice().sign(request, false);
  const Dissected stored = show({request}).front();
  // The stored certificate is the one that both are signed with.
  EXPECT_EQ(status(stored, 0), "Signature: good (5), of a value");
  EXPECT_EQ(status(stored, 1), "Signature: good (5), of the message");

  FetchReq fetch;
  fetch.resource = resource_id_of("alice@example.org");
  fetch.specifiers.push_back({});
  fetch.specifiers.back().kind = kCertificateByUserKind;
  FetchAns answer;
  value.index = 0;
  answer.kind_responses.push_back({kCertificateByUserKind, 1, {value}});
  Packet asked = packet_with(Contents(fetch), alices_place(), 9);
  alice().sign(asked);
  Packet answered = packet_with(Contents(answer), Destination::node(kNodeA), 9);
  alice().sign(answered);
  const auto out = show({asked, answered}, {}, true);
  EXPECT_EQ(out[1].value("relo.response_to"), "1");
  EXPECT_EQ(status(out[1], 0), "Signature: good (5), of a value");
  // Without the request nobody knows the resource.
  EXPECT_EQ(status(show({answered}).front(), 0), "Signature: not checked (0), of a value");

  answer.kind_responses[0].values[0].lifetime = 7;  // not covered
  answer.kind_responses[0].values[0].storage_time += 1;
  Packet forged = packet_with(Contents(answer), Destination::node(kNodeA), 9);
  alice().sign(forged);
  const Dissected bad = show({asked, forged}, {}, true)[1];
  EXPECT_EQ(status(bad, 0), "Signature: bad (4), of a value");
  const auto found = bad.values("relo.finding");
  EXPECT_NE(std::find(found.begin(), found.end(), "R-STO-29"), found.end());
}

TEST(ReloadInsight, VerificationCanBeSwitchedOff) {
  Packet packet = ping();
  alice().sign(packet);
  EXPECT_EQ(status(show({packet}, {"relo.verify_signatures:FALSE"}).front()), "none");
  EXPECT_NE(status(show({packet}, {"relo.verify_signatures:TRUE"}).front()), "none");
  EXPECT_FALSE(show({packet}, {"relo.show_certificates:never"}).front().has("x509af.signedCertificate_element"));
  EXPECT_TRUE(show({packet}, {"relo.show_certificates:always"}).front().has("x509af.signedCertificate_element"));
}

TEST(ReloadInsight, ACertificateIsShownInFullWhereItIsSeenFirst) {
  Packet packet = ping();
  alice().sign(packet);
  const auto twice = show({packet, packet}, {"relo.show_certificates:first"});
  EXPECT_TRUE(twice[0].has("x509af.signedCertificate_element"));
  EXPECT_FALSE(twice[1].has("x509af.signedCertificate_element"));
  EXPECT_TRUE(twice[1].has("relo.certificate.node_id"));
  EXPECT_EQ(twice[1].value("relo.signature.certificate_in"), "1");
}

constexpr std::uint32_t kPrivateKind = 0xf0000001;

std::string document() {
  ConfigDocument written;
  SignedConfiguration& one = written.configurations.emplace_back();
  one.configuration.instance_name = kOverlayName;
  one.configuration.sequence = 23;
  KindBlock& block = one.configuration.required_kinds.emplace_back();
  block.kind.id = kPrivateKind;
  block.kind.name = "";
  block.kind.data_model = "DICTIONARY";
  block.kind.access_control = "EXP-MATCH";
  block.kind.max_count = 10;
  block.kind.max_size = 1000;
  return write_config_document(written);
}

// A value that reads as single and as dictionary: only a definition tells.
TEST(ReloadInsight, DataModelsAreLearntFromConfigUpdate) {
  StoredData value = value_of(kPrivateKind, DataModel::kDictionary, "abc");
  value.key = "key";
  alice().sign_value(resource_id_of("alice@example.org"), value);
  Packet request = store(kPrivateKind, value);
  alice().sign(request);
  ConfigUpdateReq update;
  update.config_data = document();
  Packet config = packet_with(Contents(update), Destination::node(kNodeB), 5);
  alice().sign(config);
  const auto out = show({config, request});
  EXPECT_TRUE(out[0].has("xml"));
  EXPECT_EQ(out[1].value("relo.stored_data.key"), "6b:65:79");
  EXPECT_EQ(status(out[1], 0), "Signature: good (5), of a value");
}

TEST(ReloadInsight, DataModelsAreReadFromAFile) {
  const auto path = std::filesystem::temp_directory_path() / ("peerscope-doc-" + std::to_string(getpid()) + ".relo");
  std::ofstream(path) << document();
  StoredData value = value_of(kPrivateKind, DataModel::kDictionary, "abc");
  value.key = "key";
  alice().sign_value(resource_id_of("alice@example.org"), value);
  Packet request = store(kPrivateKind, value);
  alice().sign(request);
  const Dissected frame = show({request}, {"relo.configuration:" + path.string()}).front();
  EXPECT_EQ(frame.value("relo.stored_data.key"), "6b:65:79");
  EXPECT_EQ(frame.value("relo.overlay_name"), kOverlayName);
  std::filesystem::remove(path);
  show({request}, {"relo.configuration:"});
}

TEST(ReloadInsight, DocumentOverHttp) {
  std::vector<Frame> frames;
  TcpConversation http(frames, kA, {0xc0000209, 80});
  http.open();
  http.client("GET /.well-known/reload-config HTTP/1.1\r\nHost: overlay.example.org\r\n\r\n");
  http.server(http_response(document(), 200, "application/p2p-overlay+xml"));
  const Dissected frame = dissect(frames).back();
  EXPECT_EQ(frame.value("relo.document.instance_name"), kOverlayName);
  EXPECT_EQ(frame.value("relo.document.sequence"), "23");
  EXPECT_TRUE(frame.has("xml"));
}

// Dissector tables: what others register gets the bytes.
const epan::ValueContext* seen_context = nullptr;
std::string seen_bytes;

int dissect_value(tvbuff_t* tvb, packet_info*, proto_tree*, void* data) {
  static epan::ValueContext copy;
  copy = *static_cast<const epan::ValueContext*>(data);
  seen_context = &copy;
  seen_bytes.assign(reinterpret_cast<const char*>(tvb_get_ptr(tvb, 0, -1)), tvb_captured_length(tvb));
  return static_cast<int>(tvb_captured_length(tvb));
}

TEST(ReloadInsight, OthersGetTheValuesOfTheirKinds) {
  Packet request = store(kPrivateKind, value_of(kPrivateKind, DataModel::kSingle, "hello"));
  alice().sign(request);
  show({request});  // Wireshark is up
  dissector_add_uint("relo.kind", kPrivateKind, create_dissector_handle(dissect_value, -1));
  show({request});
  dissector_delete_uint("relo.kind", kPrivateKind,
                        dissector_get_uint_handle(find_dissector_table("relo.kind"), kPrivateKind));
  ASSERT_NE(seen_context, nullptr);
  EXPECT_EQ(seen_context->number, kPrivateKind);
  EXPECT_EQ(seen_bytes, "hello");
  for (const char* name : {"relo.kind", "relo.application", "relo.extension", "relo.fwd_option", "relo.diag_kind"})
    EXPECT_NE(find_dissector_table(name), nullptr) << name;
}

}  // namespace
}  // namespace peerscope::test
