// SPDX-License-Identifier: GPL-2.0-or-later
// Where the distributed PPSP tracker stores what: Resource Names, shards, dictionary keys, and the Kinds as an
// overlay's document defines them. The profile is in docs/distributed-tracker.md. Plain functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/reload/config/document.h"
#include "protocols/reload/context.h"

namespace peerscope::reload {

// "swarm:X", and for shards above the first "swarm:X#k"; "peer:X".
std::string swarm_resource_name(std::string_view swarm_id, std::uint32_t shard = 0);
std::string peer_resource_name(std::string_view peer_id);
// CHORD-RELOAD: the hash of those names.
std::string swarm_resource(std::string_view swarm_id, std::uint32_t shard = 0);
std::string peer_resource(std::string_view peer_id);

// The shard of a swarm that a peer is registered in, by the SHA-1 of its ID. `shards` is a power of two; 0 counts as 1.
std::uint32_t shard_of(std::string_view peer_id, std::uint32_t shards);

// Dictionary keys of PPSP-SWARM; a key of PPSP-PEER-STATUS is the Node-ID alone.
std::string swarm_key(const NodeId& ct_node_id, std::string_view peer_id);
struct SwarmKeyParts {
  NodeId ct_node_id;
  std::string_view peer_id;  // into the key
};
// Nothing for a key without a peer ID behind its Node-ID.
std::optional<SwarmKeyParts> read_swarm_key(std::string_view key, std::size_t node_id_length = kDefaultNodeIdLength);

// The Kinds for an overlay's required-kinds: 64 entries of 512 bytes in a shard, 8 of them for a peer's status.
std::vector<KindBlock> ppsp_kinds();

}  // namespace peerscope::reload
