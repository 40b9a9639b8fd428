// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/memory_overlay.h"

#include <fmt/format.h>

#include "protocols/reload/overlay_link.h"

namespace peerscope::reload {

bool SeededRandom::fill(std::span<char> bytes) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i, bits >>= 8) {
    if (i % sizeof bits == 0) bits = engine_();
    bytes[i] = static_cast<char>(bits & 0xff);
  }
  return true;
}

bool MemoryNetwork::lost() {
  return options_.loss > 0 && std::uniform_real_distribution<>()(random_) < options_.loss;
}

// One end. The other end is held weakly: nodes own their ends.
class MemoryLink final : public Link, public std::enable_shared_from_this<MemoryLink> {
 public:
  MemoryLink(MemoryNetwork& network, std::shared_ptr<bool> running, const std::vector<NodeId>& peers,
             net::Endpoint remote)
      : network_(network), running_(std::move(running)), remote_(std::move(remote)) {
    peers_ = peers;
  }
  void join(const std::shared_ptr<MemoryLink>& other) { other_ = other; }

  net::Endpoint remote() const override { return remote_; }

  void send(std::string message) override {
    const auto other = other_.lock();
    if (closed_ || !*running_) return;
    if (!other || !*other->running_) return stall();
    if (network_.lost()) return;
    network_.clock_.schedule(network_.options_.latency, [to = other_, message = std::move(message)] {
      const auto at = to.lock();
      if (!at || at->closed_ || !*at->running_ || at->listener_ == nullptr) return;
      ++at->network_.delivered_;
      at->network_.delivered_bytes_ += message.size();
      at->listener_->on_message(at, message);
    });
  }

  void close() override {
    if (std::exchange(closed_, true) || !*running_) return;
    network_.clock_.schedule(network_.options_.latency, [to = other_] {
      const auto at = to.lock();
      if (!at || !*at->running_ || std::exchange(at->closed_, true) || at->listener_ == nullptr) return;
      at->listener_->on_closed(at, {net::ErrorKind::kClosed, "closed by the other side"});
    });
  }

 private:
  void stall() {
    if (std::exchange(stalling_, true)) return;
    network_.clock_.schedule(network_.options_.detection, [self = weak_from_this()] {
      const auto at = self.lock();
      if (at && !at->closed_ && *at->running_ && at->listener_ != nullptr) at->listener_->on_stalled(at, true);
    });
  }

  MemoryNetwork& network_;
  std::shared_ptr<bool> running_;
  net::Endpoint remote_;
  std::weak_ptr<MemoryLink> other_;
  bool closed_ = false;
  bool stalling_ = false;
};

MemoryTransport::MemoryTransport(MemoryNetwork& network, std::vector<NodeId> nodes)
    : network_(network), nodes_(std::move(nodes)) {
  constexpr std::uint16_t kPort = 6084;
  const std::uint32_t n = ++network.last_address_;
  local_ = {fmt::format("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255), kPort};
  network.nodes_[local_.to_string()] = this;
}

MemoryTransport::~MemoryTransport() {
  *running_ = false;
  network_.nodes_.erase(local_.to_string());
}

std::uint8_t MemoryTransport::link_type() const {
  return kTlsTcpFhNoIce;
}

void MemoryTransport::crash() {
  *running_ = false;
}

void MemoryTransport::connect(const net::Endpoint& remote, Connected done) {
  const auto fail = [&](net::ErrorKind kind, net::Duration delay) {
    network_.clock_.schedule(delay, [running = running_, done, kind, to = remote.to_string()] {
      if (*running) done({kind, to});
    });
  };
  const auto found = network_.nodes_.find(remote.to_string());
  if (found == network_.nodes_.end()) return fail(net::ErrorKind::kRefused, network_.options_.latency);
  if (!*found->second->running_) return fail(net::ErrorKind::kTimeout, network_.options_.detection);
  // TCP and TLS take two round trips.
  network_.clock_.schedule(network_.options_.latency * 4, [this, running = running_, done, remote] {
    if (!*running) return;
    const auto at = network_.nodes_.find(remote.to_string());
    if (at == network_.nodes_.end() || !*at->second->running_)
      return done({net::ErrorKind::kRefused, remote.to_string()});
    MemoryTransport& other = *at->second;
    auto here = std::make_shared<MemoryLink>(network_, running_, other.nodes_, remote);
    auto there = std::make_shared<MemoryLink>(network_, other.running_, nodes_, local_);
    here->join(there);
    there->join(here);
    if (other.on_accept_) other.on_accept_(there);
    done(LinkPtr(here));
  });
}

}  // namespace peerscope::reload
