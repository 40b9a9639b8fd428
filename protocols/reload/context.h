// SPDX-License-Identifier: GPL-2.0-or-later
// What a reader must know of an overlay beyond the bytes: Kinds that its configuration defines, the length of its
// Node-IDs, whether its topology is CHORD-RELOAD. Set as Message::context; without one the registries and defaults
// hold. Plain data of the caller; not changed while messages are decoded with it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "protocols/base/inline_bytes.h"
#include "protocols/reload/kind.h"

namespace peerscope::reload {

// A Node-ID: 16 to 20 bytes, the same in all of an overlay (RFC 6940 section 6.3.1.1).
using NodeId = InlineBytes<20>;
inline constexpr std::size_t kDefaultNodeIdLength = 16;
inline constexpr std::size_t kLongestNodeId = 20;

struct KindDefinition {
  std::string name;
  DataModel model = DataModel::kUnknown;
  bool shared = false;                   // access by USER-CHAIN-ACL (RFC 8076)
  std::optional<bool> variable_names{};  // RFC 8076 section 5.3; nothing: nobody said
};

struct Context {
  std::map<std::uint32_t, KindDefinition> kinds;  // besides the registered ones, which win (section 11.1)
  std::size_t node_id_length = 0;                 // 0: as the message's own destinations show, else 16
  bool chord = true;                              // bodies of the topology plug-in are those of CHORD-RELOAD
  std::map<std::uint32_t, std::string> overlays;  // names by their hash in the forwarding header

  // kUnknown for a Kind that neither registry nor configuration nor a profile names.
  DataModel model_of(std::uint32_t kind) const;
  std::string name_of(std::uint32_t kind) const;
  bool is_shared(std::uint32_t kind) const;
  std::optional<bool> has_variable_names(std::uint32_t kind) const;
};

// The state of one walk (BinaryReader::state): what the message itself has shown so far.
struct Walk {
  const Context* context = nullptr;
  std::size_t node_id_length = kDefaultNodeIdLength;

  explicit Walk(const Context* given = nullptr) : context(given) {
    if (given != nullptr && given->node_id_length != 0) node_id_length = given->node_id_length;
  }
  // A destination says how long Node-IDs are here, unless the configuration has.
  void learn(std::size_t length) {
    const bool known = context != nullptr && context->node_id_length != 0;
    if (!known && length >= kDefaultNodeIdLength && length <= kLongestNodeId) node_id_length = length;
  }
};

template <class A>
std::size_t node_id_length(const A& a) {
  const Walk* walk = a.template state<Walk>();
  return walk != nullptr ? walk->node_id_length : kDefaultNodeIdLength;
}
template <class A>
bool is_chord(const A& a) {
  const Walk* walk = a.template state<Walk>();
  return walk == nullptr || walk->context == nullptr || walk->context->chord;
}
DataModel registered_model(std::uint32_t kind);
// Of a Kind that no configuration defines: by registry or profile.
DataModel default_model(std::uint32_t kind);
template <class A>
DataModel model_of(const A& a, std::uint32_t kind) {
  const Walk* walk = a.template state<Walk>();
  return walk != nullptr && walk->context != nullptr ? walk->context->model_of(kind) : default_model(kind);
}
// Whether the configuration gives a profile's Kind-ID to a Kind of its own, whose values nobody described.
template <class A>
bool is_redefined(const A& a, std::uint32_t kind) {
  return model_of(a, kind) != DataModel::kUnknown && model_of(a, kind) != default_model(kind);
}

}  // namespace peerscope::reload
