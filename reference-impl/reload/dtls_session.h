// SPDX-License-Identifier: GPL-2.0-or-later
// DTLS 1.2 (RFC 6347) between two ends, without sockets: datagrams in, datagrams out. A server holds no state for an
// address until a cookie has shown that somebody is there (section 4.2.1).
//
// Ownership: a session keeps its context alive; its Send must not destroy the session. Failure: a session that cannot
// go on is closed and says why; records that are not authentic are dropped, as DTLS wants it. Threading: one thread.
// Limits: OpenSSL's handshake timers are on real time.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "reference-impl/net/clock.h"
#include "reference-impl/net/result.h"
#include "reference-impl/reload/link_credentials.h"

namespace peerscope::reload {

inline constexpr std::size_t kSmallestMtu = 576;  // bytes of a datagram's content
inline constexpr std::size_t kLargestMtu = 16000;

class DtlsContext {
 public:
  struct Options {
    std::size_t mtu = 1200;                                  // bytes of a datagram's content
    net::Duration retransmission = std::chrono::seconds(1);  // of a handshake flight; doubled each time
    net::KeyLogSink key_log;
  };
  static net::Result<std::shared_ptr<DtlsContext>> create(const Identity& identity, Options options);
  ~DtlsContext();
  DtlsContext(const DtlsContext&) = delete;
  DtlsContext& operator=(const DtlsContext&) = delete;

  SSL_CTX* native() const { return native_; }
  const Options& options() const { return options_; }
  // What a client at this address must send back; empty when it cannot be computed.
  std::string cookie_for(std::string_view address) const;

 private:
  explicit DtlsContext(Options options) : options_(std::move(options)) {}
  Options options_;
  SSL_CTX* native_ = nullptr;
  std::string secret_;
};

// Whether a datagram begins with a ClientHello that is not encrypted.
bool begins_with_client_hello(std::string_view datagram);

class DtlsSession {
 public:
  using Send = std::function<void(std::string_view datagram)>;
  using Deliver = std::function<void(std::string_view bytes)>;
  enum class Stage : std::uint8_t { kHandshake, kOpen, kClosed };
  enum class Side : std::uint8_t { kClient, kServer };

  DtlsSession(std::shared_ptr<const DtlsContext> context, Side side, Send send);
  ~DtlsSession();
  DtlsSession(const DtlsSession&) = delete;
  DtlsSession& operator=(const DtlsSession&) = delete;

  void set_send(Send send) { send_ = std::move(send); }
  // A server's first datagrams, from `address`: true when a ClientHello had the right cookie. Keeps nothing otherwise.
  bool listen(std::string_view address, std::string_view datagram);
  // Sends a client's ClientHello, or a server's answer after listen().
  void start();
  // `deliver` gets each record's content.
  void receive(std::string_view datagram, const Deliver& deliver);
  // One record, one datagram. Only when open.
  void write(std::string_view bytes);
  // Says goodbye once.
  void close();

  Stage stage() const { return stage_; }
  const net::Error& why() const { return why_; }  // when closed by the other end or a failure
  SSL* native() const { return ssl_; }
  // Until on_timeout() is wanted; nothing when no flight waits for an answer.
  std::optional<net::Duration> timeout() const;
  void on_timeout();
  // The largest content of a record that stays within the MTU.
  std::size_t room() const;

 private:
  friend struct DatagramBio;
  void advance();
  void fail(int result, const char* what);
  void end(net::ErrorKind kind, std::string why);

  std::shared_ptr<const DtlsContext> context_;
  Send send_;
  SSL* ssl_ = nullptr;
  Stage stage_ = Stage::kHandshake;
  net::Error why_;
  std::optional<std::string_view> incoming_;  // the datagram that is being read
  std::string address_;                       // that a cookie is made for
};

}  // namespace peerscope::reload
