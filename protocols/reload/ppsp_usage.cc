// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/ppsp_usage.h"

#include <fmt/format.h>

#include "protocols/reload/security/crypto.h"

namespace peerscope::reload {

namespace {

constexpr std::int32_t kMostEntries = 64;      // of a shard
constexpr std::int32_t kMostTrackers = 8;      // that know one peer at a time
constexpr std::int32_t kLargestValue = 512;    // bytes
constexpr std::size_t kShardPrefixLength = 4;  // bytes of the SHA-1 that choose the shard

KindBlock block_of(const RegisteredKind& row) {
  KindBlock block;
  block.kind.id = row.id;
  block.kind.data_model = to_text(row.model);
  block.kind.access_control = row.policy;
  block.kind.max_count = row.id == kPpspSwarmKind ? kMostEntries : kMostTrackers;
  block.kind.max_size = kLargestValue;
  return block;
}

}  // namespace

std::string swarm_resource_name(std::string_view swarm_id, std::uint32_t shard) {
  return shard == 0 ? fmt::format("swarm:{}", swarm_id) : fmt::format("swarm:{}#{}", swarm_id, shard);
}

std::string peer_resource_name(std::string_view peer_id) {
  return fmt::format("peer:{}", peer_id);
}

std::string swarm_resource(std::string_view swarm_id, std::uint32_t shard) {
  return resource_id_of(swarm_resource_name(swarm_id, shard));
}

std::string peer_resource(std::string_view peer_id) {
  return resource_id_of(peer_resource_name(peer_id));
}

std::uint32_t shard_of(std::string_view peer_id, std::uint32_t shards) {
  std::uint32_t prefix = 0;
  for (const char byte : sha1(peer_id).substr(0, kShardPrefixLength))
    prefix = prefix << 8 | static_cast<unsigned char>(byte);
  return shards == 0 ? 0 : prefix % shards;
}

std::string swarm_key(const NodeId& ct_node_id, std::string_view peer_id) {
  return ct_node_id.str().append(peer_id);
}

std::optional<SwarmKeyParts> read_swarm_key(std::string_view key, std::size_t node_id_length) {
  if (key.size() <= node_id_length) return std::nullopt;
  return SwarmKeyParts{NodeId(key.substr(0, node_id_length)), key.substr(node_id_length)};
}

std::vector<KindBlock> ppsp_kinds() {
  std::vector<KindBlock> blocks;
  for (const RegisteredKind& row : kProfileKinds) blocks.push_back(block_of(row));
  return blocks;
}

}  // namespace peerscope::reload
