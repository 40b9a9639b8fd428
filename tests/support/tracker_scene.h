// SPDX-License-Identifier: GPL-2.0-or-later
// A distributed PPSP tracker as a capture shows it: two connection trackers, A and B, and a responsible tracker that
// both reach over a third node. Each call says one message, in the order of the wire; steps may be left out or done
// wrong. No signatures.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protocols/reload/messages.h"
#include "tests/support/tcp_capture.h"

namespace peerscope::test {

struct Said {
  bool ppstp = false;
  bool request = false;
  std::string tid;  // PPSTP
  std::string bytes;
  Endpoint from;
  Endpoint to;
  std::int64_t time_ns = 0;
};

class TrackerScene {
 public:
  static const std::string kA, kB, kMiddle, kResponsible;  // Node-IDs

  std::vector<Said> said;
  void wait(std::int64_t seconds) { now_ns_ += seconds * 1'000'000'000; }

  // PPSTP with tracker `node` (kA or kB); `body` is what stands behind the peer ID.
  void connect(const std::string& node, const std::string& peer,
               const std::vector<std::pair<std::string, std::string>>& actions);
  void find(const std::string& node, const std::string& peer, const std::string& swarm);
  void report(const std::string& node, const std::string& peer, const std::string& swarm);
  // Service mode: the tracker `node` asks where the responsible one takes requests, and sends its peer's last request
  // on there; until returned() answers are those of the responsible tracker.
  void attach(const std::string& node, const std::string& swarm);
  void attached();
  void pass_on();
  void returned();
  // The answer to the last request of that peer. `results`: swarm, its list of peers, 0 or 1.
  struct Result {
    std::string swarm;
    std::vector<std::string> peers{};
    int result = 0;
  };
  void ok(const std::vector<Result>& results);
  void failed(int error);
  // What is answered next is that peer's last request.
  void answer_peer(const std::string& peer) { last_request_ = requests_.at(peer); }

  // RELOAD: a request goes over two links, its answer comes back over them. `change` alters what is stored.
  using Change = std::function<void(reload::StoreReq&)>;
  void store(const std::string& node, const std::string& peer, const std::string& swarm, bool exists = true,
             const Change& change = {});
  void store_together(const std::string& node, const std::vector<std::string>& peers, const std::string& swarm);
  // The responsible tracker copies what `owner` registered to `replica`, which answers; over the link between them.
  void copy(const std::string& replica, const std::string& owner, const std::string& peer, const std::string& swarm);
  void status(const std::string& node, const std::string& peer, const std::vector<std::string>& swarms);
  void fetch(const std::string& node, const std::string& swarm, std::uint32_t shard = 0);
  enum class Way { kWhole, kFirstLink };
  void stored(Way way = Way::kWhole) { answer(reload::Contents(reload::StoreAns{}), way); }
  struct Registration {
    std::string node;
    std::string peer;
    std::uint64_t joined = 1;
    std::uint8_t host = 201;  // of its address, in 192.0.2.0/24
  };
  void fetched(const std::vector<Registration>& registrations);
  void error(std::uint16_t code);
  // The request whose answer comes next, by its number from 0; else the last one.
  void answer_to(std::size_t request) { answered_ = request; }

  // The same as frames: PPSTP over TCP, RELOAD in datagrams.
  std::vector<Frame> frames() const;

 private:
  struct Asked {
    std::string node;
    std::uint64_t transaction = 0;
    std::string swarm;
  };
  void say(Said said);
  void ask(const std::string& node, const std::string& peer, const std::string& type, const std::string& body);
  void reply(const std::string& body);
  void send(const std::string& node, const std::string& resource, reload::Contents contents, const std::string& swarm);
  void answer(reload::Contents contents, Way way);
  std::int64_t step();

  std::int64_t now_ns_ = 1'700'000'000'000'000'000;
  Said last_request_;
  std::map<std::string, Said> requests_;  // by peer, the last one
  Said outer_request_;
  std::uint64_t transactions_ = 0;
  std::vector<Asked> asked_;
  std::size_t answered_ = SIZE_MAX;
};

}  // namespace peerscope::test
