// SPDX-License-Identifier: GPL-2.0-or-later
// What RELOAD's session checks remember: frames and fragments per link and direction, requests by transaction. Every
// table is bounded; what does not fit is forgotten, never blamed. A link is known by Message::source and destination.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocols/base/requirement.h"
#include "protocols/reload/messages.h"

namespace peerscope::reload {

struct SessionState : Session {
  // A request begins with a look-up that finds nothing: in a thin table that touches one place of the memory.
  SessionState() { requests_.max_load_factor(0.25F); }

  static constexpr std::size_t kMostLinks = 10'000;
  static constexpr std::size_t kMostTransactions = 50'000;
  static constexpr std::size_t kMostFragments = 4'096;
  static constexpr std::size_t kMostPlaces = 50'000;
  static constexpr std::size_t kMostFetched = 50'000;

  // The sender of a DTLS link as its frames show it (section 6.6.3.1). Only frames that follow each other without a gap
  // tell something: others may be missing from the capture.
  struct Sender {
    bool heard = false;       // its receiver's acknowledgements are in the capture
    bool waiting = false;     // for the acknowledgement of the newest message
    bool pipelines = false;   // had two messages unacknowledged: no stop-and-wait sender
    std::uint32_t first = 0;  // sequence of the newest message's first transmission
    std::size_t content = 0;  // hash of that message
    int transmissions = 0;
    std::int64_t sent_ns = 0;
    std::int64_t gap_ns = 0;  // between its last two transmissions
    std::int64_t acknowledged_ns = 0;
  };
  // One direction of a link.
  struct Link {
    bool has_sequence = false;
    std::uint32_t sequence = 0;  // of the last data frame
    std::uint64_t last_request = 0;
    int counting = 0;  // requests in a row whose transaction ID is one more than the one before
    Sender sender;
  };
  // A request as it was last seen, and how often its sender has sent it.
  struct Transaction {
    std::string source;
    std::string destination;
    std::size_t via = 0;
    std::uint8_t ttl = 0;
    int transmissions = 0;
    std::int64_t time_ns = 0;
    bool direct = false;      // asked for a direct response (RFC 7263)
    std::string opaque;       // an opaque ID that one forwarder put into the Via List, if any
    std::string opaque_from;  // who that was
  };
  struct Fragments {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;  // from, to
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
    bool has_end = false;
    std::uint32_t end = 0;
    std::vector<Destination> destination_list;
  };
  enum class Ice : std::uint8_t { kUnknown, kIce, kNoIce };
  // What an accepted Store left at one place of a resource.
  struct Written {
    std::uint64_t until_ms = 0;  // its lifetime's end
    bool exists = false;
    std::size_t value = 0;  // its hash
    std::string source;
  };
  // Overlay, resource, Kind, and index or key.
  using Place = std::tuple<std::uint32_t, std::string, std::uint32_t, std::string>;
  static Place place_of(std::uint32_t overlay, const std::string& resource, const StoredData& value);

  // By source and destination, either as views or kept.
  struct Ends {
    std::string_view source;
    std::string_view destination;
  };
  struct KeptEnds {
    std::string source;
    std::string destination;
    operator Ends() const { return {source, destination}; }  // NOLINT: looked up as one
  };
  struct EndsHash {
    using is_transparent = void;
    std::size_t operator()(const Ends& ends) const {
      const std::hash<std::string_view> hash;
      return hash(ends.source) * 31 + hash(ends.destination);
    }
  };
  struct SameEnds {
    using is_transparent = void;
    bool operator()(const Ends& a, const Ends& b) const {
      return a.source == b.source && a.destination == b.destination;
    }
  };
  // Overlay and transaction ID. Senders choose the latter: with a seed of our own they cannot choose its bucket.
  using ExchangeKey = std::pair<std::uint32_t, std::uint64_t>;
  struct ExchangeHash {
    std::size_t operator()(const ExchangeKey& key) const;
  };

  // Several checks ask the same of each message: what was found last is kept until something is added. Null: unknown.
  const Link* link(const Ends& ends) const;
  Link* link(const Ends& ends) { return const_cast<Link*>(std::as_const(*this).link(ends)); }
  const Transaction* request(const ForwardingHeader& header) const;
  Link& add_link(const Ends& ends);
  Transaction& add_request(const ForwardingHeader& header);

  // By direction of a link too: each hop has its own Destination List, and may split anew.
  using FragmentsKey = std::tuple<std::string, std::string, ExchangeKey>;
  static FragmentsKey fragments_key(const Message& message, const ForwardingHeader& header) {
    return {message.source, message.destination, {header.overlay, header.transaction_id}};
  }
  std::map<FragmentsKey, Fragments> fragments;
  std::map<std::uint32_t, Ice> ice;  // by overlay
  std::map<Place, Written> written;
  // Tree nodes of ReDiR that were fetched whole, by the link's source; and the records that providers have there.
  std::set<std::pair<std::string, std::string>> fetched;
  std::map<std::string, std::set<Place>> provided;  // by the provider's Node-ID

 private:
  std::unordered_map<KeptEnds, Link, EndsHash, SameEnds> links_;
  std::unordered_map<ExchangeKey, Transaction, ExchangeHash> requests_;
  // Elements of the maps keep their addresses.
  mutable const std::pair<const KeptEnds, Link>* last_link_ = nullptr;
  mutable const Transaction* last_request_ = nullptr;
  mutable ExchangeKey last_key_{};
  mutable bool has_last_key_ = false;
};

// The message of a data frame without the frame, which differs each time it is sent.
std::size_t content_of(const Message& message);
std::size_t hash_of(std::string_view bytes);
// Whether the request asks for a response by the way of RFC 7263.
bool asks_directly(const ForwardingHeader& header);
bool is_whole_fetch(const FetchReq& fetch, std::uint32_t kind);

SessionState::Ends link_of(const Message& message);
SessionState::Ends reverse_link_of(const Message& message);
// Whether the candidates of an Attach are of ICE links; kUnknown when mixed or none.
SessionState::Ice ice_of(const std::vector<IceCandidate>& candidates);

}  // namespace peerscope::reload
