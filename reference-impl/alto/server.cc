// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/server.h"

#include <fmt/format.h>

#include <chrono>

#include "protocols/alto/names.h"
#include "reference-impl/alto/accept.h"
#include "reference-impl/net/content_coding.h"

namespace peerscope::alto {
namespace {

constexpr const char* kErrorType = message_type<Error>().media_type;
constexpr std::string_view kControlPrefix = "/updates/control/";
constexpr std::string_view kViewPrefix = "/tips/";
constexpr const char* kGet = "GET, HEAD, OPTIONS";
constexpr const char* kPost = "POST, OPTIONS";
constexpr std::size_t kWorthPacking = 1024;  // bytes of an answer that is made for one client

bool is_get(const net::HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

std::string date_of(net::SystemTime time) {
  return http_date_text(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

StreamQuirks quirks_of(const std::vector<const ServerDefect*>& defects) {
  StreamQuirks out;
  for (const ServerDefect* defect : defects) {
    if (defect->quirk != nullptr) out.*(defect->quirk) = true;
  }
  return out;
}

}  // namespace

Server::Server(World world, ServerOptions options)
    : options_(std::move(options)),
      resources_(std::make_unique<Services>(std::make_shared<const World>(std::move(world)), options_.limits)),
      streams_(feeds_, options_.streams, quirks_of(options_.defects),
               options_.defects.empty() ? UpdateStreams::Spoil{}
                                        : [this](std::string_view media_type, const Feed::Body& body) {
                                            net::HttpResponse ignored;
                                            return spoiled(media_type, body, ignored);
                                          }),
      views_(feeds_, options_.tips, [this](const net::Responder& respond, const TipsOutcome& outcome) {
        respond(reply_to(outcome, nullptr));
      }) {}

void Server::update(World world) {
  resources_ = std::make_unique<Services>(std::make_shared<const World>(std::move(world)), options_.limits);
  feeds_.update(*resources_);
  streams_.push();
  views_.push();
}

void Server::tick(net::SteadyTime now) {
  streams_.tick(now);
  views_.tick(now);
}

void Server::handle(const net::HttpRequest& request, const net::ConnectionInfo& connection,
                    const net::Responder& respond) {
  auto reply = answer(request, connection, respond);
  if (!reply) return;
  const auto stream = reply->stream;
  // A stream that its client does not wait for any more.
  if (!respond(std::move(*reply)) && stream) stream->close();
}

net::Reply Server::handle(const net::HttpRequest& request, const net::ConnectionInfo& connection) {
  auto reply = answer(request, connection, {});
  return reply ? std::move(*reply) : refuse(503, "nobody waits for the answer");
}

std::optional<net::Reply> Server::answer(const net::HttpRequest& request, const net::ConnectionInfo& connection,
                                         const net::Responder& respond) {
  Exchange exchange{request, connection, std::string_view(request.target).substr(0, request.target.find('?')),
                    request.headers.get("Accept"), Asker{connection.remote.address, options_.now()}};
  if (exchange.path.starts_with(kControlPrefix))
    return control_stream(exchange, exchange.path.substr(kControlPrefix.size()));
  if (exchange.path.starts_with(kViewPrefix))
    return answer_view(exchange, exchange.path.substr(kViewPrefix.size()), respond);
  const Services::Service* service = resources_->at(exchange.path);
  if (service == nullptr) return refuse(404, "no such resource");
  if (service->posts() ? request.method != "POST" : !is_get(request))
    return wrong_method(request.method, service->posts() ? kPost : kGet);
  if (!accepts(exchange.accept, *service->entry.media_type)) return refuse(406, "not acceptable");
  return service->posts() ? answer_post(exchange, *service) : answer_get(exchange, *service);
}

net::Reply Server::answer_get(const Exchange& exchange, const Services::Service& service) const {
  const auto& headers = exchange.request.headers;
  const Body& body = resources_->whole(service);
  const bool pack = options_.defects.empty() && accepts_coding(headers.get("Accept-Encoding"), "gzip") &&
                    resources_->packed(service) != nullptr;
  // Another representation, another strong tag (RFC 9110 section 8.8.3.3).
  const std::string packed_tag = service.etag.substr(0, service.etag.size() - 1) + "-gzip\"";
  const std::string& tag = pack ? packed_tag : service.etag;
  const std::string modified = date_of(world().made);
  const auto named = headers.find("If-None-Match");
  const auto since = parse_http_date(headers.get("If-Modified-Since"));
  const bool same = named ? names_tag(*named, service.etag) || names_tag(*named, packed_tag)
                          : since && parse_http_date(modified)->seconds <= since->seconds;
  net::Reply out = same   ? net::Reply(net::HttpResponse(304))
                   : pack ? net::Reply(net::HttpResponse(200))
                          : reply(200, *service.entry.media_type, body, nullptr);
  if (!same && pack) {
    out.response.headers.add("Content-Type", *service.entry.media_type);
    out.response.headers.add("Content-Encoding", "gzip");
    out.shared_body = resources_->packed(service);
  }
  out.response.headers.add("ETag", tag);
  out.response.headers.add("Last-Modified", modified);
  out.response.headers.add("Vary", "Accept-Encoding");
  out.response.headers.add("Cache-Control", "no-cache");  // may be kept, and is asked about each time
  return out;
}

net::Reply Server::answer_post(const Exchange& exchange, const Services::Service& service) {
  const net::HttpRequest& request = exchange.request;
  if (bare_media_type(request.headers.get("Content-Type")) != *service.entry.accepts)
    return refuse(415, fmt::format("expected {}", *service.entry.accepts));
  if (Services::followable(service)) {
    Answer found = resources_->ask(service, request.body, exchange.asker);
    if (found.too_much) return refuse(503, "more pairs than one answer may have");
    if (found.fault) return fail(*found.fault);
    net::Reply out =
        reply(200, *service.entry.media_type, std::make_shared<const std::string>(std::move(found.body)), &exchange);
    out.response.headers.add("Last-Modified", date_of(world().made));
    return out;
  }
  Message message;
  auto fault = read_request(request.body, *service.entry.accepts, message);
  const auto* follow = body_of<UpdateStreamParams>(message);
  // The stream says in which entry a member is missing.
  if (fault && (follow == nullptr || fault->code != kErrorMissingField)) return fail(*fault);
  if (follow == nullptr) {
    const std::string_view host = request.headers.get("Host");
    const std::string base = fmt::format("{}://{}", exchange.connection.tls ? "https" : "http",
                                         host.empty() ? exchange.connection.local.to_string() : std::string(host));
    return reply_to(views_.open(*resources_, message, exchange.asker, base), &exchange);
  }
  return reply_to(streams_.open(*resources_, message, exchange.asker, exchange.accept));
}

net::Reply Server::control_stream(const Exchange& exchange, std::string_view name) {
  const net::HttpRequest& request = exchange.request;
  if (request.method != "POST") return wrong_method(request.method, kPost);
  const char* input = message_type<UpdateStreamParams>().media_type;
  if (bare_media_type(request.headers.get("Content-Type")) != input)
    return refuse(415, fmt::format("expected {}", input));
  Message message;
  const auto fault = read_request(request.body, input, message);
  if (fault && fault->code != kErrorMissingField) return fail(*fault);
  return reply_to(streams_.control(*resources_, name, message, exchange.asker));
}

std::optional<net::Reply> Server::answer_view(const Exchange& exchange, std::string_view rest,
                                              const net::Responder& respond) {
  const net::HttpRequest& request = exchange.request;
  const bool advice = rest.ends_with("/ug");
  if (advice ? request.method != "POST" : !is_get(request)) return wrong_method(request.method, advice ? kPost : kGet);
  if (!advice) {
    const TipsOutcome outcome = views_.item(rest, exchange.accept, respond);
    if (outcome.held) return std::nullopt;
    return reply_to(outcome, &exchange);
  }
  const char* input = message_type<TipsParams>().media_type;
  if (bare_media_type(request.headers.get("Content-Type")) != input)
    return refuse(415, fmt::format("expected {}", input));
  Message message;
  if (const auto fault = read_request(request.body, input, message); fault) return fail(*fault);
  return reply_to(views_.next_edge(rest, message), &exchange);
}

net::Reply Server::reply_to(const StreamOutcome& outcome) const {
  if (outcome.fault) return fail(*outcome.fault);
  if (outcome.stream == nullptr && outcome.status >= 400)
    return refuse(outcome.status, outcome.status == 404 ? "no such update stream" : "too many update streams");
  net::Reply out;
  out.response.status = outcome.status;
  if (outcome.stream != nullptr) {
    out.response.headers.add("Content-Type", message_type<EventStream>().media_type);
    out.response.headers.add("Cache-Control", "no-store");
    out.stream = outcome.stream;
  }
  return out;
}

net::Reply Server::reply_to(const TipsOutcome& outcome, const Exchange* exchange) const {
  if (outcome.fault) return fail(*outcome.fault);
  if (outcome.body == nullptr) return refuse(outcome.status, "no such view or version, or not now");
  return reply(200, outcome.media_type, outcome.body, exchange);
}

net::Reply Server::refuse(int status, std::string_view text) const {
  net::Reply out;
  out.response.status = status;
  out.response.headers.add("Content-Type", "text/plain");
  if (status == 503 || status == 429) out.response.headers.add("Retry-After", "5");
  out.response.body = fmt::format("{}\n", text);
  return out;
}

net::Reply Server::wrong_method(std::string_view method, const char* allowed) const {
  net::Reply out = method == "OPTIONS" ? net::Reply(net::HttpResponse(204)) : refuse(405, "wrong method");
  out.response.headers.add("Allow", allowed);
  return out;
}

net::Reply Server::fail(const Fault& fault) const {
  Error error;
  ErrorMeta& meta = error.meta.emplace();
  meta.code = fault.code;
  if (!fault.field.empty()) meta.field = fault.field;
  if (fault.value && !fault.field.empty()) meta.value = fault.value;
  return reply(400, kErrorType, std::make_shared<const std::string>(encode(std::move(error))), nullptr);
}

net::Reply Server::reply(int status, std::string_view media_type, Body body, const Exchange* exchange) const {
  net::Reply out;
  out.response.status = status;
  out.response.headers.add("Content-Type", media_type);
  body = spoiled(media_type, std::move(body), out.response);
  if (exchange != nullptr && body->size() >= kWorthPacking) {
    out.response.headers.add("Vary", "Accept-Encoding");
    if (accepts_coding(exchange->request.headers.get("Accept-Encoding"), "gzip")) {
      auto packed = net::gzip(*body);
      if (packed.ok()) {
        out.response.headers.add("Content-Encoding", "gzip");
        body = std::make_shared<const std::string>(std::move(*packed));
      }
    }
  }
  out.shared_body = std::move(body);
  return out;
}

Server::Body Server::spoiled(std::string_view media_type, Body body, net::HttpResponse& response) const {
  for (const ServerDefect* defect : options_.defects) {
    if (defect->spoil == nullptr || media_type != defect->media_type) continue;
    const auto value = parse_json(*body);
    if (value == nullptr) continue;
    defect->spoil(*value, response);
    body = std::make_shared<const std::string>(json_text(*value));
  }
  return body;
}

}  // namespace peerscope::alto
