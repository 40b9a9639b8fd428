// SPDX-License-Identifier: GPL-2.0-or-later
// Follows resources as they change: by an update stream (RFC 8895) that is opened again when it breaks, or where the
// server has none by asking again at intervals.
//
// Ownership: client and clock must outlive the watcher. Failure: run() ends with an error only when going on makes no
// sense. Threading: one executor, one run.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "reference-impl/alto/client.h"
#include "reference-impl/alto/client_stream.h"
#include "reference-impl/net/clock.h"

namespace peerscope::alto {

struct WatchOptions {
  std::vector<std::string> resources;        // empty: the default network map and the cost maps that use it
  std::vector<std::string> later;            // added by stream control, once the stream is open
  std::map<std::string, std::string> input;  // of POST resources, as JSON, by resource ID
  bool incremental = true;
  bool poll = false;                                       // ask again even where there is an update stream
  net::Duration poll_interval = std::chrono::seconds(30);  // unless the answer says how long it is fresh
  net::Duration duration{0};                               // 0: until stopped
  std::uint64_t updates = 0;                               // end after so many; 0: no limit
  net::Duration idle = std::chrono::seconds(60);  // a silent stream is given up: servers send a comment every 15 s
  net::Duration first_pause = std::chrono::seconds(1);
  net::Duration longest_pause = std::chrono::seconds(60);
  std::uint64_t reconnects = 0;               // end after so many in a row without an event; 0: no limit
  std::size_t most_event = 64 * 1024 * 1024;  // bytes
  std::uint64_t seed = 0;
  std::function<void(const Update&)> on_update;
  std::function<void(const std::string&)> on_note;  // connected, lost, waiting, ...
};

class Watcher {
 public:
  Watcher(Client& client, net::Clock& clock, WatchOptions options);

  net::asio::awaitable<net::Result<void>> run();
  void stop() { stopped_ = true; }
  // Null before the stream is open, and when polling.
  const StreamView* view() const { return view_.get(); }
  std::uint64_t updates() const { return updates_; }

 private:
  net::Result<void> choose();
  const Entry* stream_for(const std::vector<std::string>& ids) const;
  std::string opening_request();
  bool over() const;
  void note(const std::string& text) const;
  net::asio::awaitable<net::Result<void>> run_stream();
  // One stream from its opening to its end. `fatal`: the error is not worth another try.
  net::asio::awaitable<net::Result<void>> one_stream(bool& fatal);
  net::asio::awaitable<net::Result<void>> read_events(OpenStream& stream);
  net::Result<void> take(const EventReader::Event& event, const net::Url& url);
  net::asio::awaitable<void> control(std::string body, std::string what);
  net::asio::awaitable<void> add_later();
  net::asio::awaitable<void> leave();
  net::asio::awaitable<net::Result<void>> run_polling();
  net::asio::awaitable<void> poll(std::string id);
  net::asio::awaitable<void> pause(net::Duration length);

  struct Polled {
    std::string etag;
    std::string body;
    net::SteadyTime due{};
  };

  Client& client_;
  net::Clock& clock_;
  WatchOptions options_;
  net::SteadyTime end_{};
  const Entry* service_ = nullptr;
  std::map<std::string, std::string> names_;  // substream -> resource
  std::unique_ptr<StreamView> view_;
  std::optional<net::Url> control_uri_;
  std::map<std::string, Polled> polled_;
  std::mt19937_64 random_;
  std::uint64_t updates_ = 0;
  std::uint64_t failures_ = 0;  // in a row
  net::Duration server_pause_{0};
  bool later_added_ = false;
  bool stopped_ = false;
};

}  // namespace peerscope::alto
