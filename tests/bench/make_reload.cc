// SPDX-License-Identifier: GPL-2.0-or-later
// make_reload COUNT OUT.pcap: signed RELOAD messages of an overlay of ten nodes in framed datagrams on port 6084: Ping,
// Store and Fetch with their answers, each with its own transaction ID, and acknowledgements.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/reload_signer.h"
#include "tests/support/tcp_capture.h"

namespace {

using namespace peerscope;
using namespace peerscope::reload;
using namespace peerscope::test;

constexpr std::size_t kNodes = 10;

// No two alike, and nothing that counts up.
std::uint64_t mixed(int i) {
  return (static_cast<std::uint64_t>(i) + 1) * 0x9e3779b97f4a7c15;
}

StoredData value_of(int i) {
  StoredData value;
  value.kind = 0xf0000001;
  value.model = DataModel::kDictionary;
  value.key = std::string(16, static_cast<char>(i));
  value.storage_time = 1'700'000'000'000 + static_cast<std::uint64_t>(i);
  value.lifetime = 3600;
  value.value = std::string(100, 'v');
  return value;
}

Contents contents_of(int i, bool answer, const ReloadSigner& signer, const std::string& resource) {
  switch (i % 3) {
    case 0:
      if (answer) return Contents(PingAns{.response_id = mixed(i), .time = 1'700'000'000'000});
      return Contents(PingReq{.padding = std::string(16, 'p')});
    case 1: {
      if (answer) {
        StoreAns stored;
        stored.kind_responses.push_back({0xf0000001, 1, {}});
        return Contents(std::move(stored));
      }
      StoreReq store;
      store.resource = resource;
      store.kind_data.push_back({0xf0000001, 0, {value_of(i)}});
      signer.sign_value(resource, store.kind_data[0].values[0]);
      return Contents(std::move(store));
    }
    default: {
      if (!answer) {
        FetchReq fetch;
        fetch.resource = resource;
        fetch.specifiers.emplace_back().kind = 0xf0000001;
        fetch.specifiers.back().model = DataModel::kDictionary;
        return Contents(std::move(fetch));
      }
      FetchAns found;
      found.kind_responses.push_back({0xf0000001, 1, {value_of(i)}});
      signer.sign_value(resource, found.kind_responses[0].values[0]);
      return Contents(std::move(found));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: make_reload COUNT OUT.pcap\n");
    return 2;
  }
  std::vector<ReloadSigner> nodes;
  for (std::size_t i = 0; i < kNodes; ++i)
    nodes.emplace_back(ReloadSigner::Options{.node_ids = {std::string(16, static_cast<char>(16 + i))},
                                             .user = "user" + std::to_string(i) + "@example.org"});
  std::vector<test::Frame> frames;
  std::array<std::array<std::uint32_t, kNodes>, kNodes> sequences{};
  const int count = std::atoi(argv[1]);
  for (int i = 0; i < count / 2; ++i) {
    const std::size_t from = static_cast<std::size_t>(i) % kNodes;
    const std::size_t to = (from + 1 + static_cast<std::size_t>(i) / kNodes % (kNodes - 1)) % kNodes;
    const std::string resource = resource_id_of("resource " + std::to_string(i));
    for (const bool answer : {false, true}) {
      const std::size_t sender = answer ? to : from;
      const std::size_t receiver = answer ? from : to;
      Packet packet = packet_with(
          contents_of(i, answer, nodes[sender], resource),
          answer ? Destination::node(nodes[receiver].node_id()) : Destination::resource(resource), mixed(i));
      nodes[sender].sign(packet);
      packet.framed = true;
      packet.frame.sequence = sequences[sender][receiver]++;
      const auto time = 1'700'000'000'000'000'000 + static_cast<std::int64_t>(frames.size()) * 100'000;
      const Endpoint source{0xc0000200 + static_cast<std::uint32_t>(sender), 6084};
      const Endpoint destination{0xc0000200 + static_cast<std::uint32_t>(receiver), 6084};
      frames.push_back(udp_frame(source, destination, encode(packet), time));
    }
  }
  std::ofstream(argv[2], std::ios::binary) << pcap_file(frames);
  return 0;
}
