// SPDX-License-Identifier: GPL-2.0-or-later
// RELOAD as it travels: over TLS and DTLS, with the secrets in the capture.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/dissect/host/epan_host.h"
#include "tests/dissect/host/secure_link.h"
#include "tests/support/reload_signer.h"

namespace peerscope::test {
namespace {

using namespace reload;

constexpr Endpoint kClient{0xc0000201, 40000};
constexpr Endpoint kOnPort{0xc0000202, 6084};
constexpr Endpoint kElsewhere{0xc0000202, 7777};
const std::string kIds[] = {std::string(16, '\x10'), std::string(16, '\x50'), std::string(16, '\x90'),
                            std::string(16, '\xd0')};

Packet framed(Packet packet, std::uint32_t sequence) {
  packet.framed = true;
  packet.frame.sequence = sequence;
  return packet;
}
std::string bytes_of(Packet packet, std::uint32_t sequence) {
  Packet copy = framed(std::move(packet), sequence);
  return encode(copy);
}
std::string ack(std::uint32_t sequence) {
  Packet packet;
  packet.framed = true;
  packet.frame.type = kAckFrame;
  packet.frame.sequence = sequence;
  return encode(packet);
}
Packet ping(std::uint64_t transaction) {
  return packet_with(Contents(PingReq{.padding = std::string(20, 'p')}), Destination::node(kIds[1]), transaction);
}
Packet pong(std::uint64_t transaction) {
  return packet_with(Contents(PingAns{.response_id = 7, .time = 1'700'000'000'000}), Destination::node(kIds[0]),
                     transaction);
}

class CaptureFile {
 public:
  CaptureFile(const std::vector<Frame>& frames, std::string_view key_log)
      : path_(std::filesystem::temp_directory_path() / ("peerscope-link-" + std::to_string(getpid()) + ".pcapng")) {
    if (!write_capture(path_, frames, key_log)) throw std::runtime_error("cannot write " + path_.string());
  }
  ~CaptureFile() { std::filesystem::remove(path_); }
  std::vector<Dissected> shown() const { return dissect_file(path_); }

 private:
  std::filesystem::path path_;
};

std::vector<std::string> messages(const std::vector<Dissected>& frames) {
  std::vector<std::string> out;
  for (const Dissected& frame : frames) {
    EXPECT_FALSE(frame.malformed()) << frame.info;
    EXPECT_FALSE(frame.dissector_bug()) << frame.info;
    EXPECT_EQ(frame.expert("R-SEC-15:"), nullptr) << frame.info;  // it is secured
    for (std::string& name : frame.values("relo.message")) out.push_back(std::move(name));
  }
  return out;
}

TEST(ReloadLinks, OverTlsOnAnyPort) {
  for (const Endpoint server : {kOnPort, kElsewhere}) {
    std::vector<Frame> frames;
    SecureLink link(SecureLink::Kind::kTls, frames, kClient, server);
    link.handshake();
    // Several frames in a record, and a frame over two records (W-33).
    link.client(bytes_of(ping(1), 0) + bytes_of(ping(2), 1));
    const std::string answers = ack(0) + ack(1) + bytes_of(pong(1), 0) + bytes_of(pong(2), 1);
    link.server(answers.substr(0, 50));
    link.server(answers.substr(50));
    link.client(ack(0));
    const CaptureFile file(frames, link.key_log());
    const auto shown = file.shown();
    EXPECT_EQ(messages(shown), (std::vector<std::string>{"ping_req", "ping_req", "frame ack", "frame ack", "ping_ans",
                                                         "ping_ans", "frame ack"}))
        << server.port;
  }
}

// As a sender writes that waits for a window: records and segments end where they like.
TEST(ReloadLinks, RecordsThatSegmentsCutInTwoAreReadWhole) {
  for (const Endpoint server : {kOnPort, kElsewhere}) {
    for (const std::size_t segment : {std::size_t{100}, std::size_t{300}, std::size_t{1000}}) {
      std::vector<Frame> frames;
      SecureLink link(SecureLink::Kind::kTls, frames, kClient, server);
      link.handshake();
      std::vector<std::string> records;
      std::string asked;
      for (std::uint32_t i = 0; i < 12; ++i) {
        asked += bytes_of(ping(1 + i), i);
        records.push_back(bytes_of(pong(1 + i), i));
      }
      link.client(asked);
      link.server(records, segment);
      const CaptureFile file(frames, link.key_log());
      std::vector<std::string> expected(12, "ping_req");
      expected.insert(expected.end(), 12, "ping_ans");
      EXPECT_EQ(messages(file.shown()), expected) << "port " << server.port << ", segments of " << segment;
    }
  }
}

TEST(ReloadLinks, OverDtlsOnAnyPort) {
  for (const Endpoint server : {kOnPort, kElsewhere}) {
    std::vector<Frame> frames;
    SecureLink link(SecureLink::Kind::kDtls, frames, kClient, server);
    link.handshake();
    link.client(bytes_of(ping(1), 0));
    link.server(ack(0));
    link.server(bytes_of(pong(1), 0));
    link.client(ack(0) + bytes_of(ping(2), 1));
    const CaptureFile file(frames, link.key_log());
    EXPECT_EQ(messages(file.shown()),
              (std::vector<std::string>{"ping_req", "frame ack", "ping_ans", "frame ack", "ping_req"}))
        << server.port;
  }
}

// A Store through four nodes, over TLS, and its answer on the way back.
struct Overlay {
  std::vector<Frame> frames;
  std::string key_log;
};
Overlay store_over_four_nodes() {
  Overlay out;
  const ReloadSigner alice({.node_ids = {kIds[0]}});
  const ReloadSigner owner({.node_ids = {kIds[3]}, .user = "dora@example.org"});
  const std::string resource = resource_id_of("alice@example.org");
  StoredData value;
  value.kind = kCertificateByUserKind;
  value.model = DataModel::kArray;
  value.index = kAppendIndex;
  value.storage_time = 1'700'000'000'000;
  value.lifetime = 86'400;
  value.value = alice.der();
  alice.sign_value(resource, value);
  StoreReq store;
  store.resource = resource;
  store.kind_data.push_back({kCertificateByUserKind, 0, {value}});
  Packet request = packet_with(Contents(store), Destination::resource(resource), 0x1dc0ffee5eedf00d);
  alice.sign(request);
  StoreAns stored;
  stored.kind_responses.push_back({kCertificateByUserKind, 1, {}});
  Packet answer = packet_with(Contents(stored), Destination::node(kIds[2]), 0x1dc0ffee5eedf00d);
  owner.sign(answer);

  std::vector<SecureLink> links;
  for (std::uint32_t i = 0; i < 3; ++i) {
    links.emplace_back(SecureLink::Kind::kTls, out.frames,
                       Endpoint{0xc0000201 + i, static_cast<std::uint16_t>(40000 + i)}, Endpoint{0xc0000202 + i, 6084});
    links.back().handshake();
  }
  // Each node adds the one that it has the message from.
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (i > 0) {
      request.forwarding.via_list.push_back(Destination::node(kIds[i - 1]));
      --request.forwarding.ttl;
    }
    links[i].client(bytes_of(request, 0));
    links[i].server(ack(0));
  }
  answer.forwarding.destination_list = {Destination::node(kIds[2]), Destination::node(kIds[1]),
                                        Destination::node(kIds[0])};
  for (std::size_t i = links.size(); i-- > 0;) {
    links[i].server(bytes_of(answer, 0));
    links[i].client(ack(0));
    answer.forwarding.destination_list.erase(answer.forwarding.destination_list.begin());
    --answer.forwarding.ttl;
  }
  for (const SecureLink& link : links) out.key_log += link.key_log();
  return out;
}

void expect_one_transaction(const std::vector<Dissected>& shown) {
  std::vector<std::string> frames;
  for (const Dissected& frame : shown) {
    EXPECT_FALSE(frame.malformed()) << frame.info;
    const auto hops = frame.values("relo.transaction.frame");
    if (hops.empty()) continue;
    EXPECT_EQ(hops.size(), 6u);
    if (frames.empty()) frames = hops;
    EXPECT_EQ(hops, frames);
    EXPECT_EQ(frame.value("relo.transaction.request_in"), frames[0]);
    EXPECT_EQ(frame.value("relo.transaction.response_in"), frames[5]);
    for (const std::string& status : frame.values("relo.signature.status")) EXPECT_EQ(status, "5") << frame.info;
    EXPECT_TRUE(frame.values("relo.finding").empty()) << frame.info << ": " << frame.value("relo.finding");
  }
  EXPECT_EQ(frames.size(), 6u);
}

TEST(ReloadLinks, AStoreOverFourNodesIsOneTransaction) {
  const Overlay overlay = store_over_four_nodes();
  expect_one_transaction(CaptureFile(overlay.frames, overlay.key_log).shown());
}

// PEERSCOPE_WRITE_CAPTURES=1 writes it anew, with other keys.
TEST(ReloadLinks, TheStoredCaptureIsOneTransactionToo) {
  const auto path = std::filesystem::path(PEERSCOPE_SOURCE_DIR) / "captures/reload/store_over_four_nodes/flow.pcapng";
  if (std::getenv("PEERSCOPE_WRITE_CAPTURES") != nullptr) {
    const Overlay overlay = store_over_four_nodes();
    std::filesystem::create_directories(path.parent_path());
    ASSERT_TRUE(write_capture(path, overlay.frames, overlay.key_log));
  }
  expect_one_transaction(dissect_file(path));
}

}  // namespace
}  // namespace peerscope::test
