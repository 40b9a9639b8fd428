// SPDX-License-Identifier: GPL-2.0-or-later
// The Kinds of the distributed PPSP tracker: names, shards, keys, values. Hashes were computed with sha1sum.
#include "protocols/reload/ppsp_usage.h"

#include <gtest/gtest.h>

#include <array>

#include "protocols/reload/protocol.h"
#include "protocols/reload/security/text.h"
#include "tests/support/sample.h"

namespace peerscope::reload {
namespace {

const NodeId kTracker(std::string(16, '\x11'));

StoredData only_value(const std::string& sample) {
  Message message;
  test::decode(test::load_sample(test::sample_path("reload", sample)), message);
  return body_of<StoreReq>(message)->kind_data.at(0).values.at(0);
}

template <class T>
T typed_value(const std::string& sample) {
  const StoredData data = only_value(sample);
  KindValue whole{data.kind, true, {}};
  EXPECT_TRUE(decode_part(data.value, whole)) << sample;
  return std::get<T>(whole.value);
}

TEST(PpspUsage, ResourceNamesNameShardsAboveTheFirst) {
  EXPECT_EQ(swarm_resource_name("movie"), "swarm:movie");
  EXPECT_EQ(swarm_resource_name("movie", 0), "swarm:movie");
  EXPECT_EQ(swarm_resource_name("movie", 15), "swarm:movie#15");
  EXPECT_EQ(peer_resource_name("alice"), "peer:alice");
  EXPECT_EQ(text::to_hex(swarm_resource("swarm-1")), "301fb11fbd69d91e10d929927ad21ba5");
  EXPECT_EQ(text::to_hex(swarm_resource("swarm-1", 1)), "814635dfa9bf74ca0db046d747284563");
  EXPECT_EQ(text::to_hex(peer_resource("peer-1")), "7ba5423557b3365e408299a7c90b7a0d");
}

TEST(PpspUsage, TheFirstFourBytesOfTheHashChooseTheShard) {
  EXPECT_EQ(shard_of("peer-1", 16), 6U);
  EXPECT_EQ(shard_of("peer-1", 65536), 28982U);
  EXPECT_EQ(shard_of("peer-2", 16), 0U);
  EXPECT_EQ(shard_of("peer-1", 1), 0U);
  EXPECT_EQ(shard_of("peer-1", 0), 0U) << "no division by zero";
}

TEST(PpspUsage, ShardsAreChosenEvenly) {
  constexpr std::uint32_t kShards = 16;
  std::array<int, kShards> peers{};
  for (int i = 0; i < 1600; ++i) ++peers.at(shard_of("peer-" + std::to_string(i), kShards));
  for (const int count : peers) {
    EXPECT_GT(count, 60);
    EXPECT_LT(count, 140);
  }
}

TEST(PpspUsage, AKeyIsTheTrackerAndThePeer) {
  const std::string key = swarm_key(kTracker, "peer-1");
  EXPECT_EQ(key, std::string(16, '\x11') + "peer-1");
  const auto parts = read_swarm_key(key);
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->ct_node_id, kTracker);
  EXPECT_EQ(parts->peer_id, "peer-1");
}

TEST(PpspUsage, AKeyWithoutAPeerIsNone) {
  EXPECT_FALSE(read_swarm_key("").has_value());
  EXPECT_FALSE(read_swarm_key(std::string(15, 'x')).has_value());
  EXPECT_FALSE(read_swarm_key(std::string(16, 'x')).has_value());
  EXPECT_FALSE(read_swarm_key(std::string(18, 'x'), 20).has_value());
  EXPECT_TRUE(read_swarm_key(std::string(17, 'x')).has_value());
}

TEST(PpspUsage, ASwarmEntryHasItsValues) {
  const auto entry = typed_value<SwarmEntry>("store_req_ppsp_swarm");
  EXPECT_EQ(entry.mode, kSeederEntry);
  EXPECT_EQ(entry.swarm_id, "swarm-1");
  EXPECT_EQ(entry.peer_id, "peer-1");
  ASSERT_EQ(entry.addrs.size(), 2U);
  EXPECT_EQ(entry.addrs[0].address.ipv4, 0xc0000201U);
  EXPECT_EQ(entry.addrs[0].peer_protocol, "ppspp");
  EXPECT_EQ(entry.addrs[1].candidate, kPpspReflexive);
  EXPECT_EQ(entry.addrs[1].address.port, 6779);
  EXPECT_EQ(entry.status.online_time, 3600U);
}

TEST(PpspUsage, APeerStatusHasItsValues) {
  const auto status = typed_value<PeerStatus>("store_req_ppsp_peer_status");
  EXPECT_EQ(status.ct_node_id, kTracker);
  EXPECT_EQ(status.status.ability_nat, kNatTurn);
  EXPECT_EQ(status.downloaded, 9876543210U);
  ASSERT_EQ(status.swarms.size(), 2U);
  EXPECT_EQ(status.swarms[1].swarm_id, "swarm-2");
  EXPECT_EQ(status.swarms[1].mode, kLeechEntry);
}

TEST(PpspUsage, ValuesComeBackFromTheirBytes) {
  for (const char* sample : {"store_req_ppsp_swarm", "store_req_ppsp_swarm_version", "store_req_ppsp_peer_status",
                             "store_req_ppsp_peer_status_version"}) {
    const StoredData data = only_value(sample);
    KindValue whole{data.kind, true, {}};
    ASSERT_TRUE(decode_part(data.value, whole)) << sample;
    EXPECT_EQ(encode_part(whole), data.value) << sample;
  }
}

TEST(PpspUsage, BytesThatAreNoEntryAreRefused) {
  KindValue whole{kPpspSwarmKind, true, {}};
  const std::string good = only_value("store_req_ppsp_swarm").value;
  for (std::size_t size = 1; size < good.size(); ++size)
    EXPECT_FALSE(decode_part(good.substr(0, size), whole)) << size << " bytes";
  EXPECT_FALSE(decode_part(good + "x", whole)) << "trailing byte";
}

TEST(PpspUsage, ADocumentMayGiveTheNumberToAnotherKind) {
  Context context;
  EXPECT_EQ(context.model_of(kPpspSwarmKind), DataModel::kDictionary);
  EXPECT_EQ(context.name_of(kPpspSwarmKind), "PPSP-SWARM");
  context.kinds[kPpspSwarmKind] = {"other", DataModel::kSingle};
  EXPECT_EQ(context.model_of(kPpspSwarmKind), DataModel::kSingle);
  EXPECT_EQ(context.name_of(kPpspSwarmKind), "other");
  StoredData data;
  data.kind = kPpspSwarmKind;
  data.model = DataModel::kSingle;
  data.value = "not an entry";
  const std::string bytes = encode(data, &context);
  StoredData read;
  read.kind = kPpspSwarmKind;
  EXPECT_TRUE(decode_part(bytes, read, &context));
  EXPECT_EQ(read.value, "not an entry");
  StoredData unknown;
  unknown.kind = kPpspSwarmKind;
  EXPECT_FALSE(decode_part(bytes, unknown)) << "by the profile it is a dictionary of entries";
}

TEST(PpspUsage, TheDocumentDefinesBothKinds) {
  const std::vector<KindBlock> blocks = ppsp_kinds();
  ASSERT_EQ(blocks.size(), 2U);
  for (const KindBlock& block : blocks) {
    std::vector<ConfigDiagnostic> diagnostics;
    const auto read = read_kind_blocks(write_kind_block(block), diagnostics);
    ASSERT_EQ(read.size(), 1U);
    EXPECT_EQ(read[0].kind, block.kind);
    for (const ConfigDiagnostic& said : diagnostics) EXPECT_EQ(said.text, "has no kind-signature");
    EXPECT_EQ(block.kind.access_control, kPpspPrefixMatch);
  }
  EXPECT_EQ(blocks[0].kind.id, kPpspSwarmKind);
  EXPECT_EQ(blocks[0].kind.max_count, 64);
  EXPECT_EQ(blocks[1].kind.max_count, 8);
}

}  // namespace
}  // namespace peerscope::reload
