// SPDX-License-Identifier: GPL-2.0-or-later
// What a configuration document says to a node: names, timers, Kinds, trust (RFC 6940 section 11.1). Immutable and
// shared; a ConfigUpdate replaces it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/reload/config/document.h"
#include "protocols/reload/context.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/net/result.h"
#include "reference-impl/reload/defects.h"

namespace peerscope::reload {

enum class Policy : std::uint8_t { kUserMatch, kNodeMatch, kUserNodeMatch, kNodeMultiple, kPrefixMatch };
std::optional<Policy> parse_policy(std::string_view text);

struct KindRules {
  std::uint32_t id = 0;
  std::string name;
  DataModel model = DataModel::kUnknown;
  Policy policy = Policy::kUserMatch;
  std::size_t max_count = 0;
  std::size_t max_size = 0;  // bytes of one value
  std::uint32_t max_node_multiple = 0;
};

struct Overlay {
  OverlayConfiguration configuration;
  std::string document;  // as fetched or written: what a ConfigUpdate passes on
  std::uint32_t hash = 0;
  std::uint16_t sequence = 0;
  std::map<std::uint32_t, KindRules> kinds;
  Context context;
  TrustAnchors anchors;

  const std::string& name() const { return configuration.instance_name; }
  std::size_t node_id_length() const { return static_cast<std::size_t>(configuration.node_id_length); }
  net::Duration reliability_timer() const;
  const KindRules* find_kind(std::uint32_t id) const;
};
using OverlayPtr = std::shared_ptr<const Overlay>;

// `document` may be left out; then it is written anew. Fails when this node cannot be part of such an overlay
// (R-XML-06, R-XML-07): mandatory extensions, Kinds with policies that are not supported, unreadable root
// certificates.
net::Result<OverlayPtr> make_overlay(const OverlayConfiguration& configuration, std::string document = {},
                                     const NodeDefects& defects = {});
// The configuration of `name`, or the only one when `name` is empty. `now` in seconds since 1970.
net::Result<OverlayPtr> read_overlay(std::string_view document, std::string_view name, std::int64_t now,
                                     const NodeDefects& defects = {});

// The document of a configuration, Kinds and whole signed by one node, which becomes its configuration- and
// kind-signer.
net::Result<std::string> write_signed_document(OverlayConfiguration configuration, const ConfigSigner& signer);

// Sequence numbers go round at 65535 (section 6.3.2.1): negative when `a` is older than `b`.
int compare_sequence(std::uint16_t a, std::uint16_t b);
inline constexpr std::uint16_t kAnySequence = 65535;  // a ConfigUpdate with it is always taken

}  // namespace peerscope::reload
