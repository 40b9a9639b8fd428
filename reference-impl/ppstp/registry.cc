// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/ppstp/registry.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "protocols/base/json_archive.h"
#include "protocols/ppstp/response.h"

namespace peerscope::ppstp {
namespace {

// Conditions are weighed over a sample, not over the swarm: so many candidates for each place in the list.
constexpr std::size_t kCandidatesPerPlace = 6;

net::Duration wheel_tick(const RegistryOptions& options) {
  const net::Duration shortest = std::min(options.init_timer, options.track_timer);
  return std::clamp<net::Duration>(shortest / 64, std::chrono::milliseconds(1), std::chrono::seconds(1));
}

std::uint32_t narrow(std::int64_t value) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, 0xffffffff));
}

std::int8_t nat_of(const std::optional<std::string>& ability) {
  if (!ability) return -1;
  const auto found = std::find(kNatAbilities.begin(), kNatAbilities.end(), *ability);
  return found == kNatAbilities.end() ? std::int8_t{-1} : static_cast<std::int8_t>(found - kNatAbilities.begin());
}

}  // namespace

const Address* preferred_address(const std::vector<Address>& addresses) {
  const Address* best = nullptr;
  for (const Address& address : addresses) {
    if (best == nullptr || address.priority > best->priority) best = &address;
  }
  return best;
}

Wanted wanted_of(const PeerNum& peer_num) {
  Wanted wanted;
  // Section 3.2.2 wants fewer than 30; more is cut, not refused.
  wanted.count =
      static_cast<std::size_t>(std::clamp<std::int64_t>(peer_num.peer_count.value_or(kMostPeers), 0, kMostPeers));
  wanted.nat = nat_of(peer_num.ability_nat);
  if (peer_num.concurrent_links) wanted.most_links = narrow(*peer_num.concurrent_links);
  if (peer_num.online_time) wanted.least_online_seconds = narrow(*peer_num.online_time);
  if (peer_num.upload_bandwidth) wanted.least_upload_kbit_s = narrow(*peer_num.upload_bandwidth);
  wanted.conditions = wanted.nat >= 0 || wanted.most_links || wanted.least_online_seconds || wanted.least_upload_kbit_s;
  return wanted;
}

Abilities abilities_of(const PeerNum& peer_num, Abilities before) {
  before.nat = nat_of(peer_num.ability_nat);
  before.links = narrow(peer_num.concurrent_links.value_or(before.links));
  before.online_seconds = narrow(peer_num.online_time.value_or(before.online_seconds));
  before.upload_kbit_s = narrow(peer_num.upload_bandwidth.value_or(before.upload_kbit_s));
  return before;
}

std::string encode_listing(const std::string& peer_id, const std::vector<Address>& addresses) {
  PeerInfo info;
  info.peer_id = peer_id;
  if (const Address* address = preferred_address(addresses); address != nullptr)
    info.peer_addr = to_peer_addr(*address);
  std::string text;
  text.reserve(256);
  text.push_back('{');
  JsonWriter writer(text);
  describe(writer, info);
  text.push_back('}');
  return std::string(text);  // without spare capacity
}

std::uint32_t asn_of(const std::vector<Address>& addresses) {
  for (const Address& address : addresses) {
    if (address.asn != 0) return address.asn;
  }
  return 0;
}

Registry::Registry(const net::Clock& clock, RegistryOptions options, std::uint64_t seed)
    : clock_(clock), options_(options), random_(seed), start_(clock.now()), tick_(wheel_tick(options)) {
  key_.k0 = random_();
  key_.k1 = random_();
  wheel_.fill(kNone);
}

std::uint32_t Registry::below(std::size_t bound) {
  return static_cast<std::uint32_t>(((random_() >> 32) * static_cast<std::uint64_t>(bound)) >> 32);
}

bool Registry::is_current(PeerIndex peer, std::uint32_t epoch) const {
  return peers_[peer].epoch == epoch && epoch != 0 && is_live(peers_[peer], clock_.now());
}

PeerIndex Registry::find(std::string_view peer_id) {
  const PeerIndex peer =
      peer_index_.find(siphash(key_, peer_id), [&](PeerIndex candidate) { return peers_[candidate].id == peer_id; });
  if (peer == kNone || is_live(peers_[peer], clock_.now())) return peer;
  ++expired_;
  remove(peer);
  return kNone;
}

PeerIndex Registry::add(std::string_view peer_id) {
  if (peers_.size() >= options_.max_peers) return kNone;
  const PeerIndex peer = peers_.acquire();
  Registration& record = peers_[peer];
  record.id = peer_id;
  record.epoch = ++last_epoch_ == 0 ? ++last_epoch_ : last_epoch_;
  record.connected = clock_.wall_now();
  peer_index_.insert(siphash(key_, peer_id), peer);
  record.deadline = clock_.now() + options_.init_timer;
  link(peer, swept_);
  return peer;
}

void Registry::settle(PeerIndex peer) {
  peers_[peer].state = PeerState::kTracking;
  start_timer(peer, options_.track_timer);
}

void Registry::touch(PeerIndex peer) {
  start_timer(peer, options_.track_timer);
}

void Registry::start_timer(PeerIndex peer, net::Duration length) {
  Registration& record = peers_[peer];
  record.deadline = clock_.now() + length;
  // The sweep moves a record that it finds too early; only a shorter timer has to move it now.
  if (tick_at_or_after(record.deadline) < record.due_tick) {
    unlink(peer);
    link(peer, swept_);
  }
}

void Registry::remove(PeerIndex peer) {
  Registration& record = peers_[peer];
  if (on_ended_ && !record.memberships.empty()) on_ended_(record);
  while (!record.memberships.empty()) drop_membership(peer, static_cast<std::uint32_t>(record.memberships.size() - 1));
  unlink(peer);
  peer_index_.erase(siphash(key_, record.id), peer);
  peers_.release(peer);
}

void Registry::clear() {
  for (PeerIndex& head : wheel_) {
    while (head != kNone) remove(head);
  }
}

void Registry::set_addresses(PeerIndex peer, std::vector<Address> addresses) {
  if (peers_[peer].addresses == addresses) return;
  addresses.shrink_to_fit();
  peers_[peer].addresses = std::move(addresses);
  peers_[peer].listing.reset();
}

SwarmIndex Registry::find_swarm(std::string_view swarm_id) const {
  return swarm_index_.find(siphash(key_, swarm_id),
                           [&](SwarmIndex candidate) { return swarms_[candidate].id == swarm_id; });
}

bool Registry::is_member(PeerIndex peer, SwarmIndex swarm) const {
  const auto& memberships = peers_[peer].memberships;
  return swarm != kNone &&
         std::any_of(memberships.begin(), memberships.end(), [&](const Membership& m) { return m.swarm == swarm; });
}

JoinResult Registry::join(PeerIndex peer, std::string_view swarm_id, bool seeder) {
  SwarmIndex swarm = find_swarm(swarm_id);
  auto& memberships = peers_[peer].memberships;
  for (Membership& membership : memberships) {
    if (membership.swarm != swarm) continue;
    membership.seeder = seeder;
    membership.joined = clock_.wall_now();
    return JoinResult::kAlready;
  }
  if (memberships.size() >= options_.max_swarms_per_peer) return JoinResult::kLimit;
  if (swarm == kNone) {
    if (swarms_.size() >= options_.max_swarms) return JoinResult::kLimit;
    swarm = swarms_.acquire();
    swarms_[swarm].id = swarm_id;
    swarm_index_.insert(siphash(key_, swarm_id), swarm);
  }
  auto& members = swarms_[swarm].members;
  if (memberships.empty()) memberships.reserve(1);  // most peers are in one swarm
  memberships.push_back({swarm, static_cast<std::uint32_t>(members.size()), seeder, clock_.wall_now()});
  members.push_back({peer, static_cast<std::uint32_t>(memberships.size() - 1)});
  return JoinResult::kJoined;
}

bool Registry::leave(PeerIndex peer, std::string_view swarm_id) {
  const SwarmIndex swarm = find_swarm(swarm_id);
  if (swarm == kNone) return false;
  const auto& memberships = peers_[peer].memberships;
  for (std::uint32_t slot = 0; slot < memberships.size(); ++slot) {
    if (memberships[slot].swarm != swarm) continue;
    drop_membership(peer, slot);
    return true;
  }
  return false;
}

// Both lists close the gap with their last element, and the elements that moved learn their new places.
void Registry::drop_membership(PeerIndex peer, std::uint32_t slot) {
  auto& memberships = peers_[peer].memberships;
  const Membership gone = memberships[slot];
  auto& members = swarms_[gone.swarm].members;
  members[gone.position] = members.back();
  members.pop_back();
  if (gone.position < members.size()) {
    const Member& moved = members[gone.position];
    peers_[moved.peer].memberships[moved.slot].position = gone.position;
  }
  memberships[slot] = memberships.back();
  memberships.pop_back();
  if (slot < memberships.size()) swarms_[memberships[slot].swarm].members[memberships[slot].position].slot = slot;

  if (members.empty()) {
    swarm_index_.erase(siphash(key_, swarms_[gone.swarm].id), gone.swarm);
    swarms_.release(gone.swarm);
  } else if (members.capacity() > 64 && members.size() * 4 < members.capacity()) {
    members.shrink_to_fit();
  }
}

// Distinct live members other than the asker, drawn at random.
void Registry::draw(const Swarm& swarm, PeerIndex asker, std::size_t count, std::vector<PeerIndex>& out) {
  const net::SteadyTime now = clock_.now();
  const auto take = [&](PeerIndex peer) {
    if (peer != asker && peers_[peer].state == PeerState::kTracking && is_live(peers_[peer], now)) out.push_back(peer);
  };
  const std::size_t size = swarm.members.size();
  if (size <= 2 * count + 8) {
    order_.resize(size);
    for (std::uint32_t i = 0; i < size; ++i) order_[i] = i;
    for (std::size_t i = 0; i < size && out.size() < count; ++i) {
      std::swap(order_[i], order_[i + below(size - i)]);
      take(swarm.members[order_[i]].peer);
    }
    return;
  }
  if (++last_draw_ == 0) ++last_draw_;
  // Less than half of the swarm is wanted, so a draw hits something new at least every other time; the limit is for a
  // swarm most of whose members have just expired.
  for (std::size_t tries = 0; tries < 8 * count + 64 && out.size() < count; ++tries) {
    const PeerIndex peer = swarm.members[below(size)].peer;
    if (std::exchange(peers_[peer].drawn, last_draw_) != last_draw_) take(peer);
  }
}

Registry::Qualities Registry::qualities(PeerIndex peer) const {
  const Registration& record = peers_[peer];
  return {record.abilities, record.connected, asn_of(record.addresses), preferred_address(record.addresses)};
}

double Registry::score(const Qualities& peer, const Registration* asker, const Wanted& wanted,
                       std::size_t swarm_size) const {
  const Abilities& a = peer.abilities;
  double points = 0;
  // ability_nat is the traversal that the asker prefers (section 3.2.2); a peer without NAT suits everybody.
  constexpr std::int8_t kNoNat = 0;
  if (wanted.nat >= 0) points += a.nat == kNoNat || a.nat == wanted.nat ? 8 : a.nat < 0 ? 2 : 0;
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(clock_.wall_now() - peer.since).count();
  const std::uint64_t online = static_cast<std::uint64_t>(std::max<std::int64_t>(since, 0)) + a.online_seconds;
  if (wanted.most_links && a.links <= *wanted.most_links) points += 2;
  if (wanted.least_online_seconds && online >= *wanted.least_online_seconds) points += 2;
  if (wanted.least_upload_kbit_s && a.upload_kbit_s >= *wanted.least_upload_kbit_s) points += 2;
  if (asker != nullptr && asn_of(asker->addresses) != 0 && asn_of(asker->addresses) == peer.asn) points += 6;
  if (swarm_size > options_.popular_above) {
    points += (std::log2(1.0 + a.upload_kbit_s) + std::log2(1.0 + static_cast<double>(online)) / 4 -
               std::log2(1.0 + a.links)) /
              4;
  } else if (swarm_size < options_.unpopular_below) {
    points -= std::log2(1.0 + a.upload_kbit_s) / 8;
  }
  return points;
}

Registry::Rank Registry::rank(const Qualities& peer, const Registration* asker, const Wanted& wanted,
                              std::size_t swarm_size) const {
  std::optional<double> cost;
  const Address* from = asker != nullptr ? preferred_address(asker->addresses) : nullptr;
  if (options_.cost && from != nullptr && peer.address != nullptr) cost = options_.cost(*from, *peer.address);
  return {cost.value_or(std::numeric_limits<double>::infinity()),
          wanted.conditions ? -score(peer, asker, wanted, swarm_size) : 0};
}

void Registry::select(SwarmIndex swarm, PeerIndex asker, const Wanted& wanted, std::vector<PeerIndex>& out) {
  out.clear();
  if (swarm == kNone || wanted.count == 0) return;
  const Swarm& from = swarms_[swarm];
  if (!ranks(wanted)) return draw(from, asker, wanted.count, out);
  draw(from, asker, wanted.count * kCandidatesPerPlace, out);
  if (out.size() <= wanted.count && !options_.cost) return;
  const Registration* asking = asker != kNone ? &peers_[asker] : nullptr;
  scored_.clear();
  for (const PeerIndex peer : out)
    scored_.emplace_back(rank(qualities(peer), asking, wanted, from.members.size()), peer);
  const auto middle = scored_.begin() + static_cast<std::ptrdiff_t>(std::min(wanted.count, scored_.size()));
  std::partial_sort(scored_.begin(), middle, scored_.end(),
                    [](const auto& a, const auto& b) { return a.first < b.first; });
  out.clear();
  for (auto chosen = scored_.begin(); chosen != middle; ++chosen) out.push_back(chosen->second);
}

void Registry::select_with(SwarmIndex swarm, PeerIndex asker, const Wanted& wanted,
                           std::span<const ForeignPeer> foreign, bool own_first, std::vector<Listed>& out) {
  out.clear();
  select(swarm, asker, wanted, own_);
  const net::SteadyTime now = clock_.now();
  for (const ForeignPeer& peer : foreign) {
    if (asker != kNone && peer.id == peers_[asker].id) continue;
    // A peer that moved is known twice until its older registration runs out.
    const PeerIndex same =
        peer_index_.find(siphash(key_, peer.id), [&](PeerIndex candidate) { return peers_[candidate].id == peer.id; });
    if (same != kNone && is_live(peers_[same], now)) {
      const auto& memberships = peers_[same].memberships;
      const auto own = std::find_if(memberships.begin(), memberships.end(),
                                    [&](const Membership& membership) { return membership.swarm == swarm; });
      if (own != memberships.end() && own->joined >= peer.joined) continue;
      std::erase(own_, same);
    }
    out.push_back({kNone, &peer});
  }
  const auto shuffle = [&](std::size_t first) {
    for (std::size_t i = first; i + 1 < out.size(); ++i) std::swap(out[i], out[i + below(out.size() - i)]);
  };
  const auto sort = [&](std::size_t first) {
    shuffle(first);  // among equals
    if (!ranks(wanted)) return;
    const Registration* asking = asker != kNone ? &peers_[asker] : nullptr;
    const std::size_t size = own_.size() + foreign.size();
    std::vector<std::pair<Rank, Listed>> ranked;
    ranked.reserve(out.size());
    for (const Listed& one : out) {
      const Qualities q = one.foreign != nullptr ? Qualities{one.foreign->abilities, one.foreign->joined,
                                                             one.foreign->asn, &one.foreign->address}
                                                 : qualities(one.peer);
      ranked.emplace_back(rank(q, asking, wanted, size), one);
    }
    std::stable_sort(ranked.begin() + static_cast<std::ptrdiff_t>(first), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < ranked.size(); ++i) out[i] = ranked[i].second;
  };
  std::vector<Listed> own;
  for (const PeerIndex peer : own_) own.push_back({peer, nullptr});
  out.insert(own_first ? out.begin() : out.end(), own.begin(), own.end());
  sort(own_first ? own.size() : 0);
  if (out.size() > wanted.count) out.resize(wanted.count);
}

const std::string& Registry::listing(PeerIndex peer) {
  Registration& record = peers_[peer];
  if (record.listing) return *record.listing;
  if (options_.max_listings == 0) return unkept_listing_ = encode_listing(record.id, record.addresses);
  record.listing = std::make_unique<const std::string>(encode_listing(record.id, record.addresses));
  listings_.emplace_back(peer, record.epoch);
  if (listings_.size() > options_.max_listings) {
    const auto [oldest, epoch] = listings_.front();
    listings_.pop_front();
    if (oldest != peer && peers_[oldest].epoch == epoch) peers_[oldest].listing.reset();
  }
  return *record.listing;
}

std::uint64_t Registry::tick_at_or_after(net::SteadyTime time) const {
  return static_cast<std::uint64_t>((time - start_ + tick_ - net::Duration(1)) / tick_);
}

std::uint64_t Registry::tick_before(net::SteadyTime time) const {
  return static_cast<std::uint64_t>((time - start_) / tick_);
}

// Puts a peer where the sweep will meet it: at its deadline, or as far away as the wheel reaches.
void Registry::link(PeerIndex peer, std::uint64_t from_tick) {
  Registration& record = peers_[peer];
  const std::uint64_t due = std::clamp(tick_at_or_after(record.deadline), from_tick + 1, from_tick + kWheelSize - 1);
  record.due_tick = static_cast<std::uint32_t>(due);
  PeerIndex& head = wheel_[due % kWheelSize];
  record.previous = kNone;
  record.next = head;
  if (head != kNone) peers_[head].previous = peer;
  head = peer;
}

void Registry::unlink(PeerIndex peer) {
  const Registration& record = peers_[peer];
  if (record.next != kNone) peers_[record.next].previous = record.previous;
  if (record.previous != kNone) {
    peers_[record.previous].next = record.next;
  } else {
    wheel_[record.due_tick % kWheelSize] = record.next;
  }
}

bool Registry::sweep(std::size_t limit) {
  const net::SteadyTime now = clock_.now();
  const std::uint64_t last = tick_before(now);
  if (!options_.expire) {
    swept_ = last;
    return false;
  }
  // After a long pause one turn of the wheel meets everybody.
  if (last > swept_ + kWheelSize) swept_ = last - kWheelSize;
  while (swept_ < last) {
    PeerIndex& head = wheel_[(swept_ + 1) % kWheelSize];
    while (head != kNone) {
      if (limit-- == 0) return true;
      const PeerIndex peer = head;
      if (is_live(peers_[peer], now)) {
        unlink(peer);
        link(peer, swept_ + 1);
      } else {
        ++expired_;
        remove(peer);
      }
    }
    ++swept_;
  }
  return false;
}

std::optional<net::SteadyTime> Registry::next_sweep() const {
  if (peers_.size() == 0 || !options_.expire) return std::nullopt;
  for (std::uint64_t tick = swept_ + 1; tick <= swept_ + kWheelSize; ++tick) {
    if (wheel_[tick % kWheelSize] != kNone) return start_ + tick_ * static_cast<std::int64_t>(tick);
  }
  return std::nullopt;
}

}  // namespace peerscope::ppstp
