// SPDX-License-Identifier: GPL-2.0-or-later
// A client of the reference server without sockets: every answer is decoded and judged, as the plugin and the harness
// do.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "protocols/alto/check_support.h"
#include "protocols/alto/protocol.h"
#include "reference-impl/alto/server.h"

namespace peerscope::alto {

inline const net::ConnectionInfo kFrom192 = [] {
  net::ConnectionInfo out;
  out.remote = {"192.168.10.7", 40000};
  out.local = {"127.0.0.1", 443};
  out.tls = true;  // so that views have https URIs
  return out;
}();

inline constexpr const char* kNum = R"({"cost-mode":"numerical","cost-metric":"routingcost"})";
inline constexpr const char* kOrd = R"({"cost-mode":"ordinal","cost-metric":"routingcost"})";
inline constexpr const char* kHop = R"({"cost-mode":"numerical","cost-metric":"hopcount"})";

inline std::string with_type(const std::string& type, const std::string& more = "") {
  return "{\"cost-type\":" + type + (more.empty() ? "" : ",") + more + "}";
}

// Takes the one reply to a request that is held.
class HeldReply final : public net::ReplySink {
 public:
  bool deliver(std::uint64_t, net::Reply&& given) override {
    if (reply || gone) return false;
    reply = std::move(given);
    return true;
  }
  bool waiting(std::uint64_t) const override { return !reply && !gone; }
  std::optional<net::Reply> reply;
  bool gone = false;  // the client went away
};

class Talk {
 public:
  explicit Talk(ServerOptions options = {}, World world = interop_world())
      : server_(std::move(world), std::move(options)) {}

  net::HttpResponse get(std::string target, net::Headers headers = {}) {
    return exchange(net::HttpRequest("GET", std::move(target), 11, std::move(headers)), nullptr);
  }
  template <class T>
  net::HttpResponse post(std::string target, std::string body, net::Headers headers = {}) {
    headers.add("Content-Type", message_type<T>().media_type);
    Message request;
    request.transport.content_type = message_type<T>().media_type;
    request.transport.method = "POST";
    request.transport.target = target;
    decode(body, request);
    return exchange(net::HttpRequest("POST", std::move(target), 11, std::move(headers), std::move(body)), &request);
  }
  // An update stream; null when it is refused.
  std::shared_ptr<net::BodyStream> follow(const std::string& body, net::Headers headers = {}) {
    last_ = post<UpdateStreamParams>("/updates", body, std::move(headers));
    return std::exchange(stream_, nullptr);
  }
  // What the stream wrote since the last call, as its reader gets it.
  static std::string read(net::BodyStream& stream) {
    std::string out(1 << 20, '\0');
    std::string all;
    while (const std::size_t n = stream.read(out.data(), out.size())) all.append(out, 0, n);
    stream.drained();
    return all;
  }
  // Judges a whole stream as the answer to the request that opened it.
  void judge_stream(std::string_view text, std::string_view opening) {
    Message request;
    request.transport.content_type = message_type<UpdateStreamParams>().media_type;
    request.transport.method = "POST";
    request.transport.target = "/updates";
    decode(opening, request);
    Message message;
    message.transport.status = 200;
    message.transport.content_type = message_type<EventStream>().media_type;
    decode(text, message);
    judge(message, &request);
  }

  Server& server() { return server_; }
  const net::HttpResponse& last() const { return last_; }
  std::set<std::string> found;  // ids of findings in answers

 private:
  net::HttpResponse exchange(net::HttpRequest request, const Message* asked) {
    net::Reply reply = server_.handle(request, kFrom192);
    if (reply.shared_body) reply.response.body = *reply.shared_body;
    if (reply.stream) stream_ = reply.stream;
    Message message;
    message.transport.status = reply.response.status;
    message.transport.content_type = reply.response.headers.get("Content-Type");
    if (message.transport.content_type.starts_with("application/alto-") &&
        !reply.response.headers.contains("Content-Encoding")) {
      decode(reply.response.body, message);
      judge(message, asked);
    }
    return reply.response;
  }
  void judge(const Message& message, const Message* asked) {
    std::vector<Finding> findings;
    run_checks(protocol(), {message, asked, session_.get()}, {}, findings);
    for (const Finding& finding : findings) found.insert(finding.rule->id);
    track(*session_, message, asked);
  }

  Server server_;
  std::unique_ptr<Session> session_ = make_session();
  std::shared_ptr<net::BodyStream> stream_;
  net::HttpResponse last_;
};

}  // namespace peerscope::alto
