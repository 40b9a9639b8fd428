// SPDX-License-Identifier: GPL-2.0-or-later
// The harness's own parties in a scenario: a client that talks to a server under test, and a server that a client under
// test talks to. Both keep the application messages decoded and the HTTP messages as they were.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/engine/http_message.h"
#include "reference-impl/net/auth.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/http_client.h"
#include "reference-impl/net/http_server.h"
#include "reference-impl/net/result.h"
#include "reference-impl/net/tls.h"
#include "reference-impl/net/url.h"

namespace peerscope::harness {

// A request on its way: what was sent, and the message it holds.
struct Exchange {
  net::HttpRequest http;
  net::Url url;  // where it goes
  MessagePtr message;
  net::ConnectionInfo connection;
};

struct Credentials {
  std::string user;
  std::string password;
  std::string token;
};

class ClientParty {
 public:
  struct Options {
    net::Url url;
    std::string ca_file;
    net::TlsClientOptions::Version tls_version = net::TlsClientOptions::Version::kAny;
    std::string local_address;
    double seconds = 5;  // limit for connecting and for each answer
    Credentials credentials;
    net::KeyLogSink key_log;
  };
  ClientParty(std::string name, std::string id, Options options);

  const std::string& name() const { return name_; }
  const std::string& id() const { return id_; }
  const net::Url& url() const { return options_.url; }

  struct Wire {
    std::size_t split = 0;  // bytes per write; 0: one write
    double pace = 0;        // seconds between them
    std::size_t chunked = 0;
    std::optional<std::string> raw;  // instead of the request
  };
  // Sends without waiting for an answer. `use_credentials`: with the file's, as far as they are known.
  net::Result<void> send(Exchange exchange, const Wire& wire, bool use_credentials);
  // The answer to the oldest request that has none. An HTTP Digest challenge is answered once, on the way.
  struct Answer {
    Exchange asked;
    net::HttpResponse http;
    net::ConnectionInfo connection;
  };
  net::Result<Answer> receive();
  // An exchange whose answer may have no end: its header. The body comes by more(), a piece at a time, kClosed at its
  // end. The party does nothing else meanwhile.
  net::Result<Answer> open(Exchange exchange);
  net::Result<std::string> more(double seconds);
  bool waiting() const { return !pending_.empty(); }
  // What comes within `seconds` although nothing was asked; empty when the connection stays silent or closes.
  std::string surplus(double seconds);
  // Bytes of the last exchange that could not be read as an answer.
  const std::string& received() { return client_->client().received_bytes(); }
  const net::ConnectionInfo& connection() { return client_->client().info(); }
  void close();

 private:
  struct Pending {
    Exchange exchange;
    std::string wire;
    Wire how;
    bool fresh = false;
    bool may_authenticate = false;
  };
  std::string serialise(const Exchange& exchange, const Wire& wire) const;
  // Answers the last Digest challenge.
  void authorize(net::HttpRequest& request);

  std::string name_;
  std::string id_;
  Options options_;
  std::unique_ptr<net::BlockingClient> client_;
  std::deque<Pending> pending_;
  std::optional<net::DigestChallenge> challenge_;
  std::uint32_t nonce_count_ = 0;
};

class ServerParty {
 public:
  struct Options {
    net::Endpoint listen;
    bool tls = true;
    net::KeyLogSink key_log;
    std::vector<std::string> names{};  // of its certificate; empty: those of this machine
  };
  struct Incoming {
    net::HttpRequest http;
    net::ConnectionInfo connection;
    net::Responder respond;
  };

  ServerParty() = default;
  ~ServerParty();
  net::Result<void> start(Options options);
  std::uint16_t port() const;
  // Empty without TLS.
  std::string certificate() const { return pem_ ? pem_->certificate : std::string(); }
  // The next request, or nothing within `seconds`.
  std::optional<Incoming> next(double seconds);
  // Answers from the server's own thread.
  void answer(const Incoming& incoming, net::Reply reply);
  // Drops every connection and stops listening; start() may follow.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::optional<net::KeyPairPem> pem_;
};

}  // namespace peerscope::harness
