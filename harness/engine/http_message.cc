// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/http_message.h"

#include <cctype>

#include "reference-impl/net/content_coding.h"

namespace peerscope::harness {

std::string media_type_of(const net::Headers& headers) {
  std::string_view value = headers.get("Content-Type");
  value = value.substr(0, value.find(';'));
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  std::string out(value);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

namespace {
MessagePtr decode(const Protocol& protocol, const net::Headers& headers, std::string_view body, Transport transport,
                  Direction direction) {
  auto message = std::make_shared<Message>();
  message->direction = direction;
  message->transport = std::move(transport);
  const std::string_view coding = headers.get("Content-Encoding");
  if (coding.empty()) {
    protocol.decode(body, *message);
    return message;
  }
  constexpr std::size_t kLargest = 64 << 20;
  auto plain = net::decode_content(coding, body, kLargest);
  if (!plain) message->transport.undecoded = plain.error().message;
  protocol.decode(plain ? std::string_view(*plain) : body, *message);
  return message;
}
}  // namespace

MessagePtr decode_request(const Protocol& protocol, const net::HttpRequest& request, Transport::Security security) {
  return decode(protocol, request.headers, request.body,
                {.method = request.method,
                 .target = request.target,
                 .status = 0,
                 .content_type = media_type_of(request.headers),
                 .has_http = true,
                 .http_version = request.version,
                 .security = security,
                 .undecoded = {}},
                Direction::kRequest);
}

MessagePtr decode_response(const Protocol& protocol, const net::HttpResponse& response, Transport::Security security) {
  return decode(protocol, response.headers, response.body,
                {.method = {},
                 .target = {},
                 .status = response.status,
                 .content_type = media_type_of(response.headers),
                 .has_http = true,
                 .http_version = response.version,
                 .security = security,
                 .undecoded = {}},
                Direction::kResponse);
}

bool belongs_to(const Protocol& protocol, const Message& message) {
  for (const char* type : protocol.media_types) {
    if (message.transport.content_type == type) return true;
  }
  // Without a media type of its own it is one only if the protocol read more into it than its syntax.
  return !message.events.empty() && !message.events.front().unknown && message.body != nullptr;
}

}  // namespace peerscope::harness
