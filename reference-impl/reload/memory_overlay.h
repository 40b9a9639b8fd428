// SPDX-License-Identifier: GPL-2.0-or-later
// Overlay links in memory, on a given clock: for tests and simulations. Messages take the latency and keep their order.
//
// Ownership: clock and network must outlive the transports, these their links' use. Threading: one thread.
#pragma once

#include <random>
#include <unordered_map>

#include "protocols/reload/security/crypto.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/reload/link.h"

namespace peerscope::reload {

// Reproducible: not for keys or Node-IDs of real overlays.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  [[nodiscard]] bool fill(std::span<char> bytes) override;

 private:
  std::mt19937_64 engine_;
};

class MemoryTransport;

class MemoryNetwork {
 public:
  struct Options {
    net::Duration latency = std::chrono::milliseconds(10);
    net::Duration detection = std::chrono::seconds(1);  // until a link over which nothing is acknowledged stalls
    double loss = 0;                                    // of messages, 0 to 1
    std::uint64_t seed = 1;
  };
  MemoryNetwork(net::Clock& clock, Options options) : clock_(clock), options_(options), random_(options.seed) {}
  explicit MemoryNetwork(net::Clock& clock) : MemoryNetwork(clock, Options()) {}

  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t delivered_bytes() const { return delivered_bytes_; }
  void set_loss(double loss) { options_.loss = loss; }

 private:
  friend class MemoryTransport;
  friend class MemoryLink;
  bool lost();

  net::Clock& clock_;
  Options options_;
  std::mt19937_64 random_;
  std::unordered_map<std::string, MemoryTransport*> nodes_;  // by address
  std::uint32_t last_address_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t delivered_bytes_ = 0;
};

class MemoryTransport final : public LinkTransport {
 public:
  MemoryTransport(MemoryNetwork& network, std::vector<NodeId> nodes);
  ~MemoryTransport() override;

  net::Endpoint local() const override { return local_; }
  std::uint8_t link_type() const override;
  void connect(const net::Endpoint& remote, Connected done) override;
  // Gone without a word: what is sent to it vanishes.
  void crash();

 private:
  friend class MemoryLink;
  MemoryNetwork& network_;
  std::vector<NodeId> nodes_;
  net::Endpoint local_;
  std::shared_ptr<bool> running_ = std::make_shared<bool>(true);  // read by the links' other ends
};

}  // namespace peerscope::reload
