// SPDX-License-Identifier: GPL-2.0-or-later
// Who is in which swarm: registrations with their two timers (RFC 7846 section 2.3), swarms with their members, and the
// selection of a peer list (sections 3.2.2 and 4.1.2).
//
// Sized for a million registrations: records are numbered, joins and leaves cost the same in swarms of any size, a list
// is drawn without looking at the whole swarm, and restarting a timer is one store. Deadlines are exact for every call
// here; the sweep that frees expired records may come later and in slices.
//
// Ownership: the clock must outlive the registry. Failure: kNone or an enumerator, never an exception for a full table.
// Threading: one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/ppstp/peer_num.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/ppstp/address.h"
#include "reference-impl/ppstp/keyed_hash.h"
#include "reference-impl/ppstp/slab.h"

namespace peerscope::ppstp {

using PeerIndex = std::uint32_t;
using SwarmIndex = std::uint32_t;

// Section 2.3: START and TERMINATE are transient, so a record is in one of these two.
enum class PeerState : std::uint8_t { kRegistered, kTracking };

// What a peer said of itself in peer_num and in its reports.
struct Abilities {
  std::int8_t nat = -1;  // index into kNatAbilities, -1: not told
  std::uint32_t links = 0;
  std::uint32_t online_seconds = 0;  // when it registered
  std::uint32_t upload_kbit_s = 0;
};

struct Membership {
  SwarmIndex swarm = kNone;
  std::uint32_t position = 0;  // in the swarm's list of members
  bool seeder = false;
  net::SystemTime joined{};  // or joined again
};

// A member of a swarm that is registered with another tracker.
struct ForeignPeer {
  std::string id;
  net::SystemTime joined{};
  Abilities abilities;
  std::uint32_t asn = 0;
  Address address;      // that is listed
  std::string listing;  // its peer_info in wire form
};

struct Registration {
  std::string id;
  std::vector<Address> addresses;
  std::vector<Membership> memberships;
  std::unique_ptr<const std::string> listing;  // its peer_info in wire form, once somebody asked for it
  net::SteadyTime deadline{};                  // of the running timer
  net::SystemTime connected{};                 // section 4.1.1: connect time, absolute
  std::uint64_t owner = 0;                     // hash of the authenticated user, 0 without authentication
  std::uint64_t last_connect = 0;              // hash of its latest accepted CONNECT
  std::uint32_t epoch = 0;                     // tells this registration from others that had the same number
  std::uint32_t answers = 0;                   // answers kept for it so far (answer_cache.h)
  std::uint32_t due_tick = 0;
  std::uint32_t previous = kNone;  // neighbours in the timer wheel
  std::uint32_t next = kNone;
  std::uint32_t drawn = 0;  // the last selection that looked at it
  Abilities abilities;
  PeerState state = PeerState::kRegistered;
};

// What the way from one address to another costs, the less the better; nothing where nobody knows.
using AddressCost = std::function<std::optional<double>(const Address& from, const Address& to)>;

struct RegistryOptions {
  net::Duration init_timer = std::chrono::seconds(10);
  net::Duration track_timer = std::chrono::seconds(180);
  std::size_t max_peers = 1'000'000;
  std::size_t max_swarms = 1'000'000;
  std::size_t max_swarms_per_peer = 256;
  std::size_t max_listings = 131'072;  // peer_info texts kept
  // Section 4.1.2 lets popularity count. Above the upper threshold strong peers are preferred; below the lower one any
  // peer will do, so that the few strong ones are left to the popular swarms.
  std::size_t popular_above = 1000;
  std::size_t unpopular_below = 30;
  AddressCost cost;    // peers of lower cost are listed first; empty: nobody knows any
  bool expire = true;  // switched off by a defect only
};

// What an asker wants; the conditions of peer_num.
struct Wanted {
  std::size_t count = kMostPeers;
  bool conditions = false;  // without them: a random sample
  std::int8_t nat = -1;
  std::optional<std::uint32_t> most_links;
  std::optional<std::uint32_t> least_online_seconds;
  std::optional<std::uint32_t> least_upload_kbit_s;
};

// A peer_info in wire form. Section 3.2.4: it names one address, so it is the one that the peer prefers.
std::string encode_listing(const std::string& peer_id, const std::vector<Address>& addresses);
// The one that is listed; null without addresses.
const Address* preferred_address(const std::vector<Address>& addresses);
// What peer_num wants of a list, and what it says of the peer itself: the same members (section 3.2.2).
Wanted wanted_of(const PeerNum& peer_num);
Abilities abilities_of(const PeerNum& peer_num, Abilities before = {});
// 0: none of them tells it.
std::uint32_t asn_of(const std::vector<Address>& addresses);

// One place in a list: an own registration, or a foreign one.
struct Listed {
  PeerIndex peer = kNone;
  const ForeignPeer* foreign = nullptr;
};

enum class JoinResult : std::uint8_t { kJoined, kAlready, kLimit };

class Registry {
 public:
  Registry(const net::Clock& clock, RegistryOptions options, std::uint64_t seed);

  // Registrations. A registration whose timer has run out is gone for every call.
  PeerIndex find(std::string_view peer_id);
  PeerIndex add(std::string_view peer_id);  // T1: PEER REGISTERED, init timer runs; kNone when full
  void settle(PeerIndex peer);              // T2: TRACKING, track timer runs
  void touch(PeerIndex peer);               // T5-T8: track timer restarts
  void remove(PeerIndex peer);              // from all its swarms too
  void clear();                             // everybody
  void set_addresses(PeerIndex peer, std::vector<Address> addresses);
  Registration& operator[](PeerIndex peer) { return peers_[peer]; }
  const Registration& operator[](PeerIndex peer) const { return peers_[peer]; }
  // Whether `peer` still stands for the registration it did when its epoch was noted.
  bool is_current(PeerIndex peer, std::uint32_t epoch) const;

  // Swarms exist as long as they have members.
  SwarmIndex find_swarm(std::string_view swarm_id) const;
  std::string_view swarm_id(SwarmIndex swarm) const { return swarms_[swarm].id; }
  std::size_t swarm_size(SwarmIndex swarm) const { return swarms_[swarm].members.size(); }
  JoinResult join(PeerIndex peer, std::string_view swarm_id, bool seeder);
  bool leave(PeerIndex peer, std::string_view swarm_id);  // false when not a member
  bool is_member(PeerIndex peer, SwarmIndex swarm) const;

  // At most wanted.count distinct live members except `asker`; those that cost less first, else in no particular order.
  void select(SwarmIndex swarm, PeerIndex asker, const Wanted& wanted, std::vector<PeerIndex>& out);

  // The same with members that other trackers know: each peer ID once, where it joined last. With `own_first` foreign
  // peers only fill up what is left.
  void select_with(SwarmIndex swarm, PeerIndex asker, const Wanted& wanted, std::span<const ForeignPeer> foreign,
                   bool own_first, std::vector<Listed>& out);

  // The peer_info of a peer in wire form, made at first need and kept while there is room. Valid until the next call.
  const std::string& listing(PeerIndex peer);

  // Frees expired registrations; looks at no more than `limit` records. True when due work is left.
  bool sweep(std::size_t limit);
  std::optional<net::SteadyTime> next_sweep() const;

  // Called for a registration that ends although it is still a member of swarms, before it is removed; must not change
  // the registry.
  using OnEnded = std::function<void(const Registration&)>;
  void set_on_ended(OnEnded on_ended) { on_ended_ = std::move(on_ended); }

  std::size_t peers() const { return peers_.size(); }
  std::size_t swarms() const { return swarms_.size(); }
  std::uint64_t expired() const { return expired_; }
  const RegistryOptions& options() const { return options_; }

 private:
  struct Member {
    PeerIndex peer;
    std::uint32_t slot;  // in the peer's list of memberships
  };
  struct Swarm {
    std::string id;
    std::vector<Member> members;
  };

  bool is_live(const Registration& peer, net::SteadyTime now) const { return !options_.expire || peer.deadline > now; }
  void start_timer(PeerIndex peer, net::Duration length);
  void link(PeerIndex peer, std::uint64_t from_tick);
  void unlink(PeerIndex peer);
  std::uint64_t tick_at_or_after(net::SteadyTime time) const;
  std::uint64_t tick_before(net::SteadyTime time) const;
  void drop_membership(PeerIndex peer, std::uint32_t slot);
  void draw(const Swarm& swarm, PeerIndex asker, std::size_t count, std::vector<PeerIndex>& out);
  // What the conditions and the choice of peers look at.
  struct Qualities {
    const Abilities& abilities;
    net::SystemTime since;
    std::uint32_t asn;
    const Address* address;
  };
  // Lower is better: the cost of the way first, where it is known, then how well the conditions are met.
  using Rank = std::pair<double, double>;
  Rank rank(const Qualities& peer, const Registration* asker, const Wanted& wanted, std::size_t swarm_size) const;
  bool ranks(const Wanted& wanted) const { return wanted.conditions || options_.cost; }
  double score(const Qualities& peer, const Registration* asker, const Wanted& wanted, std::size_t swarm_size) const;
  Qualities qualities(PeerIndex peer) const;
  std::uint32_t below(std::size_t bound);

  static constexpr std::size_t kWheelSize = 2048;

  const net::Clock& clock_;
  RegistryOptions options_;
  std::mt19937_64 random_;
  HashKey key_;
  Slab<Registration> peers_;
  Slab<Swarm> swarms_;
  IdIndex peer_index_;
  IdIndex swarm_index_;

  net::SteadyTime start_;
  net::Duration tick_;
  std::array<PeerIndex, kWheelSize> wheel_;  // heads of the lists of due peers
  std::uint64_t swept_ = 0;                  // ticks done
  std::uint32_t last_epoch_ = 0;
  std::uint32_t last_draw_ = 0;
  std::uint64_t expired_ = 0;

  std::deque<std::pair<PeerIndex, std::uint32_t>> listings_;  // in the order of making, with epochs
  std::string unkept_listing_;
  std::vector<std::uint32_t> order_;  // scratch of draw()
  std::vector<std::pair<Rank, PeerIndex>> scored_;
  std::vector<PeerIndex> own_;  // scratch of select_with()
  OnEnded on_ended_;
};

}  // namespace peerscope::ppstp
