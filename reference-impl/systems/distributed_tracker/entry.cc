// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/entry.h"

#include <algorithm>
#include <limits>

#include "protocols/reload/protocol.h"

namespace peerscope::distributed_tracker {
namespace {

using reload::PpspAddr;

// The overlay counts its words from 1 and has 0 for "not told"; the registry has indices and -1.
std::uint8_t to_word(std::int8_t index) {
  return static_cast<std::uint8_t>(index + 1);
}
std::int8_t to_index(std::uint8_t word, std::size_t words) {
  return word <= words ? static_cast<std::int8_t>(word - 1) : std::int8_t{-1};
}

PpspAddr to_addr(const ppstp::Address& address) {
  PpspAddr addr;
  addr.candidate = to_word(address.type);
  addr.connection = to_word(address.connection);
  addr.priority = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(address.priority, 0, std::numeric_limits<std::uint32_t>::max()));
  addr.asn = address.asn;
  addr.address.type = address.v6 ? reload::kIpv6Address : reload::kIpv4Address;
  addr.address.port = address.port;
  if (address.v6) {
    addr.address.ipv6.assign(std::string_view(reinterpret_cast<const char*>(address.ip.data()), address.ip.size()));
  } else {
    for (std::size_t i = 0; i < 4; ++i) addr.address.ipv4 = addr.address.ipv4 << 8 | address.ip[i];
  }
  addr.peer_protocol = address.peer_protocol;
  return addr;
}

std::optional<ppstp::Address> from_addr(const PpspAddr& addr) {
  ppstp::Address address;
  const std::int8_t type = to_index(addr.candidate, ppstp::kAddrTypes.size());
  if (type < 0) return std::nullopt;
  address.type = type;
  address.connection = to_index(addr.connection, ppstp::kConnections.size());
  address.priority = addr.priority;
  address.asn = addr.asn;
  address.port = addr.address.port;
  address.peer_protocol = addr.peer_protocol;
  if (addr.address.type == reload::kIpv6Address && addr.address.ipv6.size() == address.ip.size()) {
    address.v6 = true;
    std::copy_n(addr.address.ipv6.view().begin(), address.ip.size(), address.ip.begin());
  } else if (addr.address.type == reload::kIpv4Address) {
    for (std::size_t i = 0; i < 4; ++i) address.ip[i] = static_cast<std::uint8_t>(addr.address.ipv4 >> (24 - 8 * i));
  } else {
    return std::nullopt;
  }
  return address;
}

ppstp::Abilities abilities_of(const reload::PpspStatus& status) {
  const auto known = [](std::uint32_t value) { return value == reload::kUnknownStatus ? 0 : value; };
  ppstp::Abilities abilities;
  abilities.nat = to_index(status.ability_nat, ppstp::kNatAbilities.size());
  abilities.upload_kbit_s = status.upload_bandwidth;
  abilities.links = known(status.concurrent_links);
  abilities.online_seconds = known(status.online_time);
  return abilities;
}

std::uint64_t milliseconds(net::SystemTime time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

}  // namespace

reload::PpspStatus status_of(const ppstp::Registration& peer) {
  reload::PpspStatus status;
  status.ability_nat = to_word(peer.abilities.nat);
  status.upload_bandwidth = peer.abilities.upload_kbit_s;
  status.concurrent_links = peer.abilities.links;
  status.online_time = peer.abilities.online_seconds;
  return status;
}

std::string encode_entry(const ppstp::Registration& peer, const ppstp::Membership& membership,
                         std::string_view swarm_id, bool with_status, std::size_t most_bytes) {
  reload::SwarmEntry entry;
  entry.mode = membership.seeder ? reload::kSeederEntry : reload::kLeechEntry;
  entry.joined = milliseconds(membership.joined);
  entry.swarm_id = swarm_id;
  entry.peer_id = peer.id;
  for (const ppstp::Address& address : peer.addresses) entry.addrs.push_back(to_addr(address));
  std::stable_sort(entry.addrs.begin(), entry.addrs.end(),
                   [](const PpspAddr& a, const PpspAddr& b) { return a.priority > b.priority; });
  if (with_status) entry.status = status_of(peer);
  std::string value = reload::encode_part(entry);
  while (value.size() > most_bytes && entry.addrs.size() > 1) {
    entry.addrs.pop_back();
    value = reload::encode_part(entry);
  }
  return value;
}

std::optional<ppstp::ForeignPeer> read_entry(std::string_view value, std::string_view swarm_id) {
  reload::SwarmEntry entry;
  if (!reload::decode_part(value, entry) || entry.entry_version != reload::kStatusVersion) return std::nullopt;
  if (entry.swarm_id != swarm_id) return std::nullopt;
  std::vector<ppstp::Address> addresses;
  for (const PpspAddr& addr : entry.addrs) {
    if (auto address = from_addr(addr)) addresses.push_back(*std::move(address));
  }
  if (addresses.empty()) return std::nullopt;
  // Beyond what the clock can say is nobody's time of joining.
  constexpr std::uint64_t kLatest = std::numeric_limits<std::int64_t>::max() / 1'000'000;
  ppstp::ForeignPeer peer;
  peer.id = entry.peer_id;
  peer.joined = net::SystemTime(std::chrono::milliseconds(std::min(entry.joined, kLatest)));
  peer.abilities = abilities_of(entry.status);
  peer.asn = ppstp::asn_of(addresses);
  peer.address = *ppstp::preferred_address(addresses);
  peer.listing = ppstp::encode_listing(entry.peer_id, addresses);
  return peer;
}

}  // namespace peerscope::distributed_tracker
