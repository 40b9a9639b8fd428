// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/overlay/links.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "protocols/reload/envelope.h"

namespace peerscope::harness {
namespace {

constexpr std::size_t kMostLinks = 256;         // that an IUT may open here
constexpr std::size_t kMostUnread = 4U << 20;   // bytes of one frame that does not end
constexpr std::size_t kMostQueued = 32U << 20;  // bytes that an IUT may leave unread
constexpr std::size_t kMostEvents = 100'000;

std::string tls_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  char text[256];
  ERR_error_string_n(code, text, sizeof text);
  return code == 0 ? "the connection ended" : text;
}

bool make_address(const net::Endpoint& endpoint, sockaddr_storage& storage, socklen_t& size) {
  storage = {};
  if (endpoint.is_v6()) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    size = sizeof v6;
    return inet_pton(AF_INET6, endpoint.address.c_str(), &v6.sin6_addr) == 1;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(endpoint.port);
  size = sizeof v4;
  return inet_pton(AF_INET, endpoint.address.c_str(), &v4.sin_addr) == 1;
}

int open_socket(int family) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

int key_log_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return kIndex;
}

}  // namespace

struct OverlayLinks::Party {
  ~Party() {
    if (listener >= 0) ::close(listener);
    SSL_CTX_free(context);
  }
  SSL_CTX* context = nullptr;
  int listener = -1;
  std::uint16_t port = 0;
};

struct OverlayLinks::Socket {
  ~Socket() {
    SSL_free(tls);
    if (fd >= 0) ::close(fd);
  }
  int link = 0;
  std::string party;
  int fd = -1;
  SSL* tls = nullptr;
  bool incoming = false;
  bool connecting = false;  // TCP
  bool up = false;
  bool wants_write = false;
  bool gone = false;
  std::string in;
  std::string out;
};

OverlayLinks::OverlayLinks(net::KeyLogSink key_log) : key_log_(std::move(key_log)) {}
OverlayLinks::~OverlayLinks() = default;

std::string OverlayLinks::add_party(const std::string& name, const reload::PrivateKey& key,
                                    const reload::Certificate& certificate, std::uint16_t port) {
  auto party = std::make_unique<Party>();
  party->context = SSL_CTX_new(TLS_method());
  SSL_CTX* context = party->context;
  if (context == nullptr) return "cannot set up TLS";
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  // Whoever it is: whether the certificate is right is a question of scenarios.
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  SSL_CTX_set_ex_data(context, key_log_index(), &key_log_);
  SSL_CTX_set_keylog_callback(context, [](const SSL* tls, const char* line) {
    const auto* sink = static_cast<const net::KeyLogSink*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(tls), key_log_index()));
    if (sink != nullptr && *sink) (*sink)(line);
  });
  const std::string& der = certificate.der();
  const std::string pem = key.to_pem();
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* native = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  const bool good = native != nullptr &&
                    SSL_CTX_use_certificate_ASN1(context, static_cast<int>(der.size()),
                                                 reinterpret_cast<const unsigned char*>(der.data())) == 1 &&
                    SSL_CTX_use_PrivateKey(context, native) == 1;
  EVP_PKEY_free(native);
  if (!good) return fmt::format("the certificate of {} cannot be used: {}", name, tls_error());

  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  party->listener = open_socket(AF_INET);
  const int on = 1;
  setsockopt(party->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (party->listener < 0 || bind(party->listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(party->listener, 64) != 0 ||
      getsockname(party->listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return fmt::format("{} cannot listen: {}", name, std::strerror(errno));
  party->port = ntohs(address.sin_port);
  parties_[name] = std::move(party);
  return {};
}

std::uint16_t OverlayLinks::port(const std::string& party) const {
  const auto at = parties_.find(party);
  return at == parties_.end() ? std::uint16_t{0} : at->second->port;
}

void OverlayLinks::add_socket(const std::string& party, int fd, bool incoming, bool connecting) {
  auto socket = std::make_unique<Socket>();
  socket->link = ++last_link_;
  socket->party = party;
  socket->fd = fd;
  socket->incoming = incoming;
  socket->connecting = connecting;
  socket->tls = SSL_new(parties_.at(party)->context);
  SSL_set_fd(socket->tls, fd);
  if (incoming)
    SSL_set_accept_state(socket->tls);
  else
    SSL_set_connect_state(socket->tls);
  sockets_[last_link_] = std::move(socket);
}

int OverlayLinks::connect(const std::string& party, const net::Endpoint& to) {
  sockaddr_storage address{};
  socklen_t size = 0;
  const bool numeric = make_address(to, address, size);
  const int fd = numeric ? open_socket(to.is_v6() ? AF_INET6 : AF_INET) : -1;
  add_socket(party, fd, false, true);
  Socket& socket = *sockets_[last_link_];
  if (fd < 0 || (::connect(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 && errno != EINPROGRESS))
    down(socket,
         fmt::format("cannot connect to {}: {}", to.to_string(), numeric ? std::strerror(errno) : "no address"));
  return socket.link;
}

void OverlayLinks::accept(const std::string& name, Party& party) {
  for (;;) {
    const int fd = accept4(party.listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    if (sockets_.size() >= kMostLinks) {
      ::close(fd);
      continue;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    add_socket(name, fd, true, false);
  }
}

void OverlayLinks::send(int link, std::string_view bytes) {
  const auto at = sockets_.find(link);
  if (at == sockets_.end() || at->second->gone) return;
  Socket& socket = *at->second;
  if (socket.out.size() + bytes.size() > kMostQueued) return down(socket, "the other side does not read");
  socket.out.append(bytes);
  if (socket.up) write(socket);
}

void OverlayLinks::close(int link, bool reset) {
  const auto at = sockets_.find(link);
  if (at == sockets_.end() || at->second->gone) return;
  Socket& socket = *at->second;
  if (socket.up && !reset) SSL_shutdown(socket.tls);
  if (reset) {
    const linger at_once{1, 0};
    setsockopt(socket.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  socket.gone = true;
}

bool OverlayLinks::is_up(int link) const {
  const auto at = sockets_.find(link);
  return at != sockets_.end() && at->second->up && !at->second->gone;
}

void OverlayLinks::down(Socket& socket, std::string why) {
  if (std::exchange(socket.gone, true)) return;
  LinkEvent event;
  event.kind = LinkEvent::Kind::kDown;
  event.link = socket.link;
  event.party = socket.party;
  event.incoming = socket.incoming;
  event.why = std::move(why);
  events_.push_back(std::move(event));
}

void OverlayLinks::shake_hands(Socket& socket) {
  ERR_clear_error();
  const int result = SSL_do_handshake(socket.tls);
  if (result != 1) {
    const int error = SSL_get_error(socket.tls, result);
    socket.wants_write = error == SSL_ERROR_WANT_WRITE;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) down(socket, "TLS handshake: " + tls_error());
    return;
  }
  socket.wants_write = false;
  socket.up = true;
  LinkEvent event;
  event.link = socket.link;
  event.party = socket.party;
  event.incoming = socket.incoming;
  if (X509* peer = SSL_get1_peer_certificate(socket.tls); peer != nullptr) {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(peer, &bytes);
    if (size > 0) {
      auto parsed = reload::Certificate::parse({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
      if (parsed.ok()) event.peer = *parsed;
      OPENSSL_free(bytes);
    }
    X509_free(peer);
  }
  events_.push_back(std::move(event));
  write(socket);
}

void OverlayLinks::write(Socket& socket) {
  while (!socket.out.empty()) {
    ERR_clear_error();
    const int wrote =
        SSL_write(socket.tls, socket.out.data(), static_cast<int>(std::min<std::size_t>(socket.out.size(), 1 << 20)));
    if (wrote > 0) {
      socket.out.erase(0, static_cast<std::size_t>(wrote));
      continue;
    }
    const int error = SSL_get_error(socket.tls, wrote);
    socket.wants_write = error == SSL_ERROR_WANT_WRITE;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) down(socket, "write: " + tls_error());
    return;
  }
  socket.wants_write = false;
}

void OverlayLinks::read(Socket& socket) {
  char buffer[16384];
  for (int i = 0; i < 64 && !socket.gone; ++i) {
    ERR_clear_error();
    const int got = SSL_read(socket.tls, buffer, sizeof buffer);
    if (got > 0) {
      socket.in.append(buffer, static_cast<std::size_t>(got));
      cut_frames(socket);
      continue;
    }
    const int error = SSL_get_error(socket.tls, got);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    return down(socket, error == SSL_ERROR_ZERO_RETURN ? "closed by the other side" : "read: " + tls_error());
  }
}

void OverlayLinks::cut_frames(Socket& socket) {
  while (!socket.in.empty()) {
    const auto size = reload::frame_size(socket.in);
    if (size && (*size == 0 || *size > socket.in.size())) {
      if (socket.in.size() > kMostUnread) down(socket, "a frame that does not end");
      return;
    }
    // Bytes that begin no frame: what follows cannot be cut any more.
    const std::size_t take = size ? *size : socket.in.size();
    if (events_.size() >= kMostEvents) return down(socket, "too much at once");
    LinkEvent event;
    event.kind = LinkEvent::Kind::kFrame;
    event.link = socket.link;
    event.party = socket.party;
    event.incoming = socket.incoming;
    event.frame = socket.in.substr(0, take);
    socket.in.erase(0, take);
    events_.push_back(std::move(event));
  }
}

void OverlayLinks::advance(Socket& socket) {
  if (socket.connecting) {
    int failed = 0;
    socklen_t size = sizeof failed;
    getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &failed, &size);
    if (failed != 0) return down(socket, fmt::format("cannot connect: {}", std::strerror(failed)));
    socket.connecting = false;
  }
  if (!socket.up) shake_hands(socket);
  if (socket.up && !socket.gone && socket.wants_write) write(socket);
  if (socket.up && !socket.gone) read(socket);
}

void OverlayLinks::drive(double seconds) {
  std::erase_if(sockets_, [](const auto& one) { return one.second->gone; });
  std::vector<pollfd> waiting;
  std::vector<Party*> listeners;
  std::vector<const std::string*> names;
  std::vector<int> links;
  for (const auto& [name, party] : parties_) {
    waiting.push_back({party->listener, POLLIN, 0});
    listeners.push_back(party.get());
    names.push_back(&name);
  }
  for (const auto& [link, socket] : sockets_) {
    short events = POLLIN;
    if (socket->connecting || socket->wants_write) events |= POLLOUT;
    if (socket->connecting) events = POLLOUT;
    waiting.push_back({socket->fd, events, 0});
    links.push_back(link);
  }
  if (poll(waiting.data(), waiting.size(), static_cast<int>(std::max(0.0, seconds * 1000) + 0.5)) <= 0) return;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    if (waiting[i].revents != 0) accept(*names[i], *listeners[i]);
  }
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (waiting[listeners.size() + i].revents == 0) continue;
    if (const auto at = sockets_.find(links[i]); at != sockets_.end()) advance(*at->second);
  }
}

std::optional<LinkEvent> OverlayLinks::take() {
  if (events_.empty()) return std::nullopt;
  LinkEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace peerscope::harness
