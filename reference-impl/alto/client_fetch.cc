// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/client_fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "protocols/alto/protocol.h"
#include "reference-impl/net/content_coding.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frame allocator of Asio's coroutines for a mismatch once it has inlined half of it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace peerscope::alto {
namespace {

using net::ErrorKind;
using net::Result;
using net::asio::awaitable;

constexpr std::size_t kMostConnections = 16;
constexpr int kEndless = 5'000;  // times as many redirections follows the client that does not notice circles

bool is_redirection(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::shared_ptr<Message> decoded(const Ask& ask) {
  if (ask.body.empty()) return nullptr;
  auto message = std::make_shared<Message>();
  message->direction = Direction::kRequest;
  message->transport.method = ask.method;
  message->transport.target = ask.url.target;
  message->transport.content_type = ask.content_type;
  message->transport.has_http = true;
  decode(ask.body, *message);
  return message;
}

}  // namespace

// What has been asked on the way to one answer.
struct Fetcher::Hop {
  std::set<std::string> seen;
  int count = 0;
  bool authenticated = false;
};

Fetcher::Fetcher(net::asio::any_io_executor executor, FetchOptions options)
    : executor_(std::move(executor)), options_(std::move(options)) {}

std::string Fetcher::media_type(const net::Headers& headers) {
  std::string_view value = headers.get("Content-Type");
  value = value.substr(0, value.find(';'));
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  std::string out(value);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

net::ClientOptions Fetcher::client_options(const net::Url& url) const {
  net::ClientOptions out = net::ClientOptions::for_url(url);
  out.local_address = options_.local_address;
  out.connect_timeout = std::min<net::Duration>(options_.timeout, std::chrono::seconds(10));
  out.response_timeout = options_.timeout;
  out.total_timeout = options_.timeout * 2;
  out.max_body_bytes = options_.max_body;
  out.keep_record = false;
  out.observer = options_.observer;
  if (out.tls) {
    if (options_.insecure) out.tls->verify = net::TlsClientOptions::Verify::kNone;
    out.tls->ca_file = options_.ca_file;
    out.tls->key_log_file = options_.key_log_file;
  }
  return out;
}

net::HttpClient& Fetcher::connection(const net::Url& url) {
  const std::string key = fmt::format("{}://{}", url.scheme, url.authority());
  if (const auto known = connections_.find(key); known != connections_.end()) return *known->second;
  if (connections_.size() >= kMostConnections) connections_.clear();
  return *connections_.emplace(key, std::make_unique<net::HttpClient>(executor_, client_options(url))).first->second;
}

net::HttpRequest Fetcher::make_request(const Ask& ask) {
  if (!first_) first_ = ask.url;
  net::HttpRequest request(ask.method, ask.url.target, 11, {}, ask.body);
  request.headers.add("Host", ask.url.authority());
  const std::string error_type = message_type<Error>().media_type;
  request.headers.add("Accept", ask.accept.empty() ? error_type : ask.accept + "," + error_type);
  request.headers.add("Accept-Encoding", "gzip");
  if (!ask.content_type.empty() && ask.method == "POST") request.headers.add("Content-Type", ask.content_type);
  if (!ask.etag.empty()) request.headers.add("If-None-Match", ask.etag);
  if (!cookie_.empty()) request.headers.add("Cookie", cookie_);
  // Who else answers on the way gets no credentials.
  if (!ask.url.same_origin(*first_)) return request;
  if (!options_.token.empty()) request.headers.add("Authorization", "Bearer " + options_.token);
  if (challenge_ && options_.digest) {
    const std::string cnonce = net::hex_digest(
        net::DigestAlgorithm::kSha256, fmt::format("{}{}{}", challenge_->nonce, ++nonce_count_, ask.url.target));
    request.headers.set("Authorization", net::make_authorization(*challenge_, request.method, request.target,
                                                                 *options_.digest, cnonce.substr(0, 16), nonce_count_));
  }
  return request;
}

bool Fetcher::answer_challenge(const net::HttpResponse& response, const net::Url& url) {
  if (response.status != 401 || !options_.digest || !url.same_origin(*first_)) return false;
  if (options_.defects.has(ClientDefect::kNoDigest)) return false;
  const auto challenge = net::choose_challenge(response);
  if (!challenge) return false;
  challenge_ = *challenge;
  nonce_count_ = 0;
  return true;
}

Result<bool> Fetcher::redirect(const net::HttpResponse& response, Ask& ask, Hop& hop) {
  if (!is_redirection(response.status) || options_.defects.has(ClientDefect::kNoRedirects)) return false;
  const auto location = response.headers.find("Location");
  if (!location)
    return net::Error{ErrorKind::kMalformed,
                      fmt::format("{}: redirected ({}) without a Location", ask.url.to_string(), response.status)};
  auto next = ask.url.resolve(*location);
  if (!next)
    return net::Error{ErrorKind::kMalformed,
                      fmt::format("{}: redirected to {}", ask.url.to_string(), next.error().message)};
  if (ask.url.tls() && !next->tls())
    return net::Error{ErrorKind::kMalformed, fmt::format("{}: redirected from https to {}; not followed",
                                                         ask.url.to_string(), next->to_string())};
  const std::string from = ask.url.to_string();
  // RFC 9110 section 15.4: 303 is answered by GET whatever was sent; the others repeat the request as it was.
  if (response.status == 303 && ask.method != "GET") {
    ask.method = "GET";
    ask.body.clear();
    ask.content_type.clear();
  }
  ask.url = std::move(*next);
  const bool again = !hop.seen.insert(ask.method + " " + ask.url.to_string()).second;
  const bool loops = options_.defects.has(ClientDefect::kFollowsRedirectLoops);
  if (again && !loops) return net::Error{ErrorKind::kMalformed, from + ": redirected in a circle (A-HTTP-16)"};
  const int most = options_.max_redirects * (loops ? kEndless : 1);
  if (++hop.count > most)
    return net::Error{ErrorKind::kMalformed, fmt::format("{}: redirected more than {} times", from, most)};
  return true;
}

Result<Exchange> Fetcher::exchange(const Ask& ask, net::HttpResponse response) {
  Exchange out;
  out.method = ask.method;
  out.url = ask.url;
  out.request = decoded(ask);
  if (const std::string_view coding = response.headers.get("Content-Encoding"); !coding.empty()) {
    auto plain = net::decode_content(coding, response.body, options_.max_body);
    if (!plain)
      return net::Error{plain.error().kind,
                        fmt::format("{}: Content-Encoding {}: {}", ask.url.to_string(), coding, plain.error().message)};
    response.body = std::move(*plain);
  }
  out.response = std::make_shared<Message>();
  out.response->direction = Direction::kResponse;
  Transport& transport = out.response->transport;
  transport.status = response.status;
  transport.content_type = media_type(response.headers);
  transport.has_http = true;
  transport.http_version = response.version;
  transport.security = ask.url.tls() ? Transport::Security::kTls : Transport::Security::kClear;
  // HTTP permits 304 without a body, and without a type.
  if (response.status != 304) decode(response.body, *out.response);
  out.http = std::move(response);
  return out;
}

awaitable<Result<Exchange>> Fetcher::fetch(Ask ask) {
  Hop hop;
  hop.seen.insert(ask.method + " " + ask.url.to_string());
  constexpr int kMostRounds = 1'000'000;  // one challenge, and redirections, which redirect() bounds
  for (int round = 0; round < kMostRounds; ++round) {
    net::HttpRequest request = make_request(ask);
    net::HttpClient& client = connection(ask.url);
    auto response = co_await client.send(std::move(request));
    if (!response) {
      const net::Error error{response.error().kind,
                             fmt::format("{}: {}", ask.url.to_string(), response.error().message)};
      co_return error;
    }
    if (options_.defects.has(ClientDefect::kReturnsCookies)) cookie_ = response->headers.get("Set-Cookie", cookie_);
    if (!hop.authenticated && answer_challenge(*response, ask.url)) {
      hop.authenticated = true;
      continue;
    }
    const Result<bool> elsewhere = redirect(*response, ask, hop);
    if (!elsewhere) co_return elsewhere.error();
    if (*elsewhere) continue;
    co_return exchange(ask, std::move(*response));
  }
  const net::Error error{ErrorKind::kMalformed, ask.url.to_string() + ": no end of redirections"};
  co_return error;
}

awaitable<Result<OpenStream>> Fetcher::open(Ask ask) {
  Hop hop;
  hop.seen.insert(ask.method + " " + ask.url.to_string());
  constexpr int kMostRounds = 1'000'000;  // one challenge, and redirections, which redirect() bounds
  for (int round = 0; round < kMostRounds; ++round) {
    net::HttpRequest request = make_request(ask);
    request.headers.set("Accept-Encoding", "identity");  // events are wanted as they happen
    OpenStream out;
    out.client = std::make_unique<net::HttpClient>(executor_, client_options(ask.url));
    auto head = co_await out.client->open(std::move(request));
    if (!head) {
      const net::Error error{head.error().kind, fmt::format("{}: {}", ask.url.to_string(), head.error().message)};
      co_return error;
    }
    if (!hop.authenticated && answer_challenge(*head, ask.url)) {
      hop.authenticated = true;
      continue;
    }
    const Result<bool> elsewhere = redirect(*head, ask, hop);
    if (!elsewhere) co_return elsewhere.error();
    if (*elsewhere) continue;
    out.head = std::move(*head);
    out.url = ask.url;
    co_return out;
  }
  const net::Error error{ErrorKind::kMalformed, ask.url.to_string() + ": no end of redirections"};
  co_return error;
}

awaitable<Result<Exchange>> Fetcher::finish(OpenStream stream, Ask ask) {
  net::HttpResponse whole = stream.head;
  while (whole.body.size() <= options_.max_body) {
    auto piece = co_await stream.client->read_body(options_.timeout);
    if (!piece) break;  // at its end, or cut: what came says what is wrong
    whole.body += *piece;
  }
  ask.url = stream.url;
  co_return exchange(ask, std::move(whole));
}

}  // namespace peerscope::alto
