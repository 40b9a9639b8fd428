// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP for ALTO clients (RFC 7285 section 8.3): a connection for each server, redirections without loops, content
// codings, authentication, and limits on all of it.
//
// Ownership: the executor must outlive the fetcher, the fetcher its calls. Failure: in the Results. Threading: one
// executor, one call at a time; streams are independent of the fetcher once they are open.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/base/message.h"
#include "reference-impl/alto/client_defects.h"
#include "reference-impl/net/auth.h"
#include "reference-impl/net/http_client.h"
#include "reference-impl/net/url.h"

namespace peerscope::alto {

struct FetchOptions {
  std::string local_address;
  std::string ca_file;
  bool insecure = false;
  std::string key_log_file;
  std::optional<net::DigestCredentials> digest;
  std::string token;  // bearer; like the credentials only for the server that was asked first
  net::Duration timeout = std::chrono::seconds(30);
  std::size_t max_body = 64 * 1024 * 1024;  // also behind a content coding
  int max_redirects = 10;
  net::HttpObserver observer;
  ClientDefects defects;
};

// A question.
struct Ask {
  std::string method = "GET";
  net::Url url;
  std::string accept;  // media type; that of errors is added
  std::string content_type;
  std::string body;
  std::string etag;  // a version that is held already: 304 when it is current
};

// An answer, behind all redirections and without content coding.
struct Exchange {
  std::string method;
  net::Url url;                      // that answered
  std::shared_ptr<Message> request;  // null when it had no body
  std::shared_ptr<Message> response;
  net::HttpResponse http;
  bool ok() const { return http.status / 100 == 2; }
};

// An answer that goes on.
struct OpenStream {
  std::unique_ptr<net::HttpClient> client;
  net::HttpResponse head;
  net::Url url;
};

class Fetcher {
 public:
  Fetcher(net::asio::any_io_executor executor, FetchOptions options);

  net::asio::awaitable<net::Result<Exchange>> fetch(Ask ask);
  // Whatever its status is: the body of a refusal is read by finish().
  net::asio::awaitable<net::Result<OpenStream>> open(Ask ask);
  net::asio::awaitable<net::Result<Exchange>> finish(OpenStream stream, Ask ask);

  // The media type of an answer: lower case, without parameters.
  static std::string media_type(const net::Headers& headers);

 private:
  struct Hop;
  net::ClientOptions client_options(const net::Url& url) const;
  net::HttpClient& connection(const net::Url& url);
  net::HttpRequest make_request(const Ask& ask);
  bool answer_challenge(const net::HttpResponse& response, const net::Url& url);
  // Whether the answer leads elsewhere: `ask` is changed then. An error when it must not be followed.
  net::Result<bool> redirect(const net::HttpResponse& response, Ask& ask, Hop& hop);
  net::Result<Exchange> exchange(const Ask& ask, net::HttpResponse response);

  net::asio::any_io_executor executor_;
  FetchOptions options_;
  std::map<std::string, std::unique_ptr<net::HttpClient>> connections_;  // by scheme, host and port
  std::optional<net::Url> first_;
  std::optional<net::DigestChallenge> challenge_;
  std::uint32_t nonce_count_ = 0;
  std::string cookie_;
};

}  // namespace peerscope::alto
