// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/tls_transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <deque>

#include "protocols/reload/overlay_link.h"
#include "reference-impl/net/log.h"
#include "reference-impl/reload/framing.h"
#include "reference-impl/reload/source_address.h"

namespace peerscope::reload {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using TlsStream = ssl::stream<tcp::socket>;

constexpr net::Duration kShortestPatience = std::chrono::seconds(1);  // RFC 6298's least RTO
constexpr net::Duration kGrace = std::chrono::milliseconds(100);      // to read what has come already
constexpr net::Duration kShutdownTime = std::chrono::milliseconds(500);
constexpr std::size_t kReadSize = 16384;

net::Endpoint endpoint_of(const tcp::endpoint& endpoint) {
  return {endpoint.address().to_string(), endpoint.port()};
}

net::Error error_of(const error_code& code, const std::string& what) {
  net::ErrorKind kind = net::ErrorKind::kReset;
  if (code == asio::error::connection_refused) kind = net::ErrorKind::kRefused;
  if (code == asio::error::eof || code == ssl::error::stream_truncated) kind = net::ErrorKind::kClosed;
  if (code.category() == asio::error::get_ssl_category()) kind = net::ErrorKind::kTls;
  if (code == asio::error::network_unreachable || code == asio::error::host_unreachable)
    kind = net::ErrorKind::kUnreachable;
  return {kind, what + ": " + code.message()};
}

}  // namespace

class TlsLink final : public Link, public std::enable_shared_from_this<TlsLink> {
 public:
  TlsLink(net::Clock& clock, std::unique_ptr<TlsStream> stream, std::vector<NodeId> peers, net::Endpoint remote,
          const TlsTransportOptions& options)
      : clock_(clock),
        stream_(std::move(stream)),
        remote_(std::move(remote)),
        framing_({options.max_frame, 65536, options.defects}),
        max_queue_(options.max_queue) {
    peers_ = std::move(peers);
  }

  net::Endpoint remote() const override { return remote_; }

  void start() { read(); }

  void send(std::string message) override {
    if (closing_) return;
    queue(framing_.frame(message, clock_.now()));
    watch();
  }

  void close() override {
    if (std::exchange(closing_, true)) return;
    if (!writing_) shut_down();
  }

 private:
  void queue(std::string bytes) {
    queued_ += bytes.size();
    if (queued_ > max_queue_) return fail({net::ErrorKind::kTooLarge, "the neighbour does not read"});
    queue_.push_back(std::move(bytes));
    if (!writing_) write();
  }

  void write() {
    if (queue_.empty()) {
      if (closing_) shut_down();
      return;
    }
    writing_ = true;
    out_.clear();
    // Small frames go out together.
    while (!queue_.empty() && (out_.empty() || out_.size() + queue_.front().size() <= kReadSize)) {
      out_ += queue_.front();
      queue_.pop_front();
    }
    asio::async_write(*stream_, asio::buffer(out_), [self = shared_from_this()](const error_code& failed, std::size_t) {
      self->writing_ = false;
      self->queued_ -= std::min(self->queued_, self->out_.size());
      if (failed) return self->fail(error_of(failed, "write"));
      self->write();
    });
  }

  void read() {
    stream_->async_read_some(asio::buffer(in_),
                             [self = shared_from_this()](const error_code& failed, std::size_t size) {
                               if (self->done_) return;
                               if (failed) return self->fail(error_of(failed, "read"));
                               self->received({self->in_.data(), size});
                             });
  }

  void received(std::string_view bytes) {
    const auto self = shared_from_this();
    Framing::Sink sink;
    sink.acknowledge = [this](std::string ack) {
      if (!closing_) queue(std::move(ack));
    };
    sink.message = [this, &self](std::string_view message) {
      if (listener_ != nullptr && !closing_) listener_->on_message(self, message);
      return !closing_;
    };
    const auto read_well = framing_.receive(bytes, clock_.now(), sink);
    if (!read_well.ok()) return fail(read_well.error());
    if (stalled_ && !framing_.waiting_since()) {
      stalled_ = false;
      if (listener_ != nullptr) listener_->on_stalled(self, false);
    }
    if (!done_) read();
  }

  // Looks after the oldest frame that is not acknowledged.
  void watch() {
    if (watching_) return;
    watching_ = true;
    const net::Duration patience = std::max(framing_.timeout(), kShortestPatience);
    clock_.schedule(patience, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->look();
    });
  }

  void look() {
    watching_ = false;
    const auto since = framing_.waiting_since();
    if (done_ || closing_ || !since) return;
    const net::Duration patience = std::max(framing_.timeout(), kShortestPatience);
    if (clock_.now() - *since < patience || stalled_) return watch();
    // This process may have been late itself: first what has arrived is read.
    clock_.schedule(kGrace, [weak = weak_from_this(), since = *since] {
      const auto self = weak.lock();
      if (!self || self->done_ || self->closing_) return;
      if (self->framing_.waiting_since() == since && !self->stalled_) {
        self->stalled_ = true;
        if (self->listener_ != nullptr) self->listener_->on_stalled(self, true);
      }
      self->watch();
    });
  }

  void shut_down() {
    if (std::exchange(done_, true)) return;
    stream_->async_shutdown([self = shared_from_this()](const error_code&) { self->close_socket(); });
    clock_.schedule(kShutdownTime, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->close_socket();
    });
  }

  void close_socket() {
    error_code ignored;
    stream_->lowest_layer().close(ignored);
  }

  void fail(const net::Error& why) {
    if (std::exchange(done_, true)) return;
    const bool told = std::exchange(closing_, true);
    close_socket();
    if (!told && listener_ != nullptr) listener_->on_closed(shared_from_this(), why);
  }

  net::Clock& clock_;
  std::unique_ptr<TlsStream> stream_;
  net::Endpoint remote_;
  Framing framing_;
  std::array<char, kReadSize> in_{};
  std::string out_;
  std::deque<std::string> queue_;
  std::size_t queued_ = 0;
  std::size_t max_queue_;
  bool writing_ = false;
  bool closing_ = false;
  bool done_ = false;
  bool watching_ = false;
  bool stalled_ = false;
};

class TlsTransport::Impl : public std::enable_shared_from_this<TlsTransport::Impl> {
 public:
  Impl(asio::any_io_executor executor, net::Clock& clock, const Identity& identity, TlsTransportOptions options)
      : executor_(std::move(executor)),
        clock_(clock),
        options_(std::move(options)),
        context_(ssl::context::tls),
        acceptor_(executor_) {
    configured_ = configure(identity);
  }

  net::Result<void> start() {
    if (!configured_.ok() || !options_.listening) return configured_;
    error_code failed;
    const auto address = asio::ip::make_address(options_.listen.address, failed);
    const auto fail = [&](const error_code& code) {
      const auto kind = code == asio::error::address_in_use ? net::ErrorKind::kAddressInUse : net::ErrorKind::kLocal;
      return net::Result<void>(kind,
                               fmt::format("cannot listen on {}: {}", options_.listen.to_string(), code.message()));
    };
    if (failed) return fail(failed);
    const tcp::endpoint endpoint(address, options_.listen.port);
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) return fail(failed);
    local_ = endpoint_of(acceptor_.local_endpoint(failed));
    accept();
    return {};
  }

  void stop() {
    stopped_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    on_accept = {};
    check = {};
  }

  const net::Endpoint& local() const { return local_; }

  void connect(const net::Endpoint& remote, Connected done) {
    error_code failed;
    const auto address = asio::ip::make_address(remote.address, failed);
    if (failed || !configured_.ok()) {
      const net::Error error = failed ? error_of(failed, remote.to_string()) : configured_.error();
      return asio::post(executor_, [done, error] { done(error); });
    }
    const auto session = std::make_shared<Session>(executor_, context_);
    session->done = std::move(done);
    guard(session);
    auto& socket = session->stream->lowest_layer();
    if (const auto source = source_address(local_, address)) {
      socket.open(tcp::endpoint(address, 0).protocol(), failed);
      if (!failed) socket.bind({*source, 0}, failed);
      if (failed)
        return asio::post(executor_, [self = shared_from_this(), session, failed] {
          self->finish(session, error_of(failed, "bind"));
        });
    }
    socket.async_connect(tcp::endpoint(address, remote.port),
                         [self = shared_from_this(), session](const error_code& refused) {
                           if (refused) return self->finish(session, error_of(refused, "connect"));
                           self->handshake(session, ssl::stream_base::client);
                         });
  }

  std::function<void(LinkPtr)> on_accept;
  PeerCheck check;

 private:
  // A connection that is not a link yet.
  struct Session {
    Session(const asio::any_io_executor& executor, ssl::context& context)
        : stream(std::make_unique<TlsStream>(tcp::socket(executor), context)) {}
    std::unique_ptr<TlsStream> stream;
    Connected done;  // empty for those that others opened
    bool incoming = false;
    asio::ip::address address;  // of those
    bool finished = false;
  };
  using SessionPtr = std::shared_ptr<Session>;

  net::Result<void> configure(const Identity& identity) {
    SSL_CTX* native = context_.native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    return configure_links(native, identity, &options_.key_log);
  }

  void accept() {
    auto session = std::make_shared<Session>(executor_, context_);
    session->incoming = true;
    auto& socket = session->stream->lowest_layer();
    acceptor_.async_accept(socket, [self = shared_from_this(), session](const error_code& failed) {
      if (self->stopped_) return;
      if (failed) {
        // Out of descriptors, mostly: a pause, then on.
        net::log_warning("reload", "accept", {{"error", failed.message()}});
        constexpr net::Duration kPause = std::chrono::milliseconds(100);
        self->clock_.schedule(kPause, [weak = self->weak_from_this()] {
          if (const auto again = weak.lock(); again && !again->stopped_) again->accept();
        });
        return;
      }
      self->begin(session);
      self->accept();
    });
  }

  void begin(const SessionPtr& session) {
    error_code gone;
    session->address = session->stream->lowest_layer().remote_endpoint(gone).address();
    if (gone) return;
    make_room(session->address);
    handshakes_.push_back(session);
    guard(session);
    handshake(session, ssl::stream_base::server);
  }

  // First at the cost of the same address: one that opens many shall not push out others.
  void make_room(const asio::ip::address& address) {
    const auto same = [&](const SessionPtr& one) { return one->address == address; };
    const auto of_address = static_cast<std::size_t>(std::count_if(handshakes_.begin(), handshakes_.end(), same));
    SessionPtr oldest;
    if (of_address >= options_.max_handshakes_per_address && of_address > 0)
      oldest = *std::find_if(handshakes_.begin(), handshakes_.end(), same);
    else if (handshakes_.size() >= options_.max_handshakes && !handshakes_.empty())
      oldest = handshakes_.front();
    if (oldest) finish(oldest, {net::ErrorKind::kTooLarge, "too many handshakes at once"});
  }

  void guard(const SessionPtr& session) {
    clock_.schedule(options_.handshake_timeout, [weak = weak_from_this(), about = std::weak_ptr<Session>(session)] {
      const auto self = weak.lock();
      const auto one = about.lock();
      if (self && one) self->finish(one, {net::ErrorKind::kTimeout, "the handshake takes too long"});
    });
  }

  void handshake(const SessionPtr& session, ssl::stream_base::handshake_type side) {
    error_code ignored;
    session->stream->lowest_layer().set_option(tcp::no_delay(true), ignored);
    session->stream->async_handshake(side, [self = shared_from_this(), session](const error_code& failed) {
      if (failed) return self->finish(session, error_of(failed, "TLS handshake"));
      self->established(session);
    });
  }

  void established(const SessionPtr& session) {
    if (session->finished) return;
    auto nodes = linked_peers(session->stream->native_handle(), check);
    if (!nodes.ok()) return finish(session, nodes.error());
    error_code failed;
    const net::Endpoint remote = endpoint_of(session->stream->lowest_layer().remote_endpoint(failed));
    if (failed) return finish(session, error_of(failed, "link"));
    session->finished = true;
    std::erase(handshakes_, session);
    const auto link =
        std::make_shared<TlsLink>(clock_, std::move(session->stream), std::move(*nodes), remote, options_);
    if (session->incoming) {
      if (on_accept) on_accept(link);
    } else if (const auto done = std::exchange(session->done, nullptr)) {
      done(LinkPtr(link));
    }
    link->start();
  }

  void finish(const SessionPtr& session, const net::Error& why) {
    if (std::exchange(session->finished, true)) return;
    error_code ignored;
    session->stream->lowest_layer().close(ignored);
    std::erase(handshakes_, session);
    if (session->incoming) net::log_debug("reload", "no link", {{"why", why.message}});
    if (const auto done = std::exchange(session->done, nullptr); done && !stopped_) done(why);
  }

  asio::any_io_executor executor_;
  net::Clock& clock_;
  TlsTransportOptions options_;
  ssl::context context_;
  tcp::acceptor acceptor_;
  net::Endpoint local_;
  net::Result<void> configured_;
  std::deque<SessionPtr> handshakes_;  // that others began, the oldest first
  bool stopped_ = false;
};

TlsTransport::TlsTransport(net::asio::any_io_executor executor, net::Clock& clock, const Identity& identity,
                           TlsTransportOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), clock, identity, std::move(options))) {
  impl_->on_accept = [this](LinkPtr link) {
    if (on_accept_)
      on_accept_(std::move(link));
    else
      link->close();
  };
}

TlsTransport::~TlsTransport() {
  stop();
}

void TlsTransport::set_peer_check(PeerCheck check) {
  impl_->check = std::move(check);
}
net::Result<void> TlsTransport::start() {
  return impl_->start();
}
void TlsTransport::stop() {
  impl_->stop();
}
net::Endpoint TlsTransport::local() const {
  return impl_->local();
}
std::uint8_t TlsTransport::link_type() const {
  return kTlsTcpFhNoIce;
}
void TlsTransport::connect(const net::Endpoint& remote, Connected done) {
  impl_->connect(remote, std::move(done));
}

}  // namespace peerscope::reload
