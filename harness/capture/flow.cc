// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/capture/flow.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/base/exported.h"
#include "reference-impl/net/trace.h"
#include "reference-impl/net/url.h"

namespace peerscope::harness {
namespace {

// The message with the head it came with; lengths and what the tap says of the transport are written anew.
std::string http_of(const CapturedMessage& captured) {
  const Message& message = *captured.message;
  const ExportedText transport = carriage_text(message.transport);
  const auto finish = [&](auto http) {
    for (const char* name : {"Content-Length", "Transfer-Encoding", "Content-Encoding"}) http.headers.remove(name);
    http.headers.set(std::string(kTransportHeader), transport.data());
    http.body = message.view();
    return net::to_wire(http);
  };
  return message.direction == Direction::kResponse ? finish(captured.http_response) : finish(captured.http_request);
}

std::string carrier_of(const CapturedMessage& captured) {
  const Transport& transport = captured.message->transport;
  const bool tls = transport.security == Transport::Security::kTls;
  if (transport.has_http) return tls ? "HTTPS" : "HTTP";
  if (transport.security == Transport::Security::kDtls) return "DTLS";
  return tls ? "TLS" : transport.security == Transport::Security::kClear ? "TCP" : "";
}

net::Endpoint endpoint_of(const std::string& text) {
  const auto endpoint = net::Endpoint::parse(text);
  return endpoint ? *endpoint : net::Endpoint{};
}

net::Result<void> write_message(net::TraceWriter& writer, const CapturedMessage& captured) {
  const Message& message = *captured.message;
  const std::string bytes = message.transport.has_http ? http_of(captured) : std::string(message.view());
  const std::string carrier = carrier_of(captured);
  net::TracePdu pdu;
  if (!message.transport.has_http) pdu.dissector = captured.protocol->name;
  pdu.source = endpoint_of(message.source);
  pdu.destination = endpoint_of(message.destination);
  pdu.time =
      net::SystemTime(std::chrono::duration_cast<net::SystemTime::duration>(std::chrono::nanoseconds(message.time_ns)));
  pdu.frame = static_cast<std::uint32_t>(message.frame);
  const std::size_t parts = std::max<std::size_t>(1, (bytes.size() + kLargestRecord - 1) / kLargestRecord);
  for (std::size_t part = 0; part < parts; ++part) {
    const auto number = static_cast<std::uint32_t>(part + 1);
    const std::string text =
        parts == 1 ? carrier : record_part_text({carrier, number, static_cast<std::uint32_t>(parts)}).data();
    pdu.protocol_text = text;
    pdu.bytes = std::string_view(bytes).substr(part * kLargestRecord, kLargestRecord);
    if (auto written = writer.write(pdu); !written) return written;
  }
  return {};
}

}  // namespace

std::string write_flow(const std::string& path, const std::vector<CapturedMessage>& messages,
                       const std::string& comment) {
  auto file = net::PcapngWriter::open(path, "peerscope record", comment);
  if (!file) return file.error().message;
  auto writer = net::TraceWriter::attach(std::move(*file));
  if (!writer) return writer.error().message;
  for (const CapturedMessage& captured : messages) {
    if (const auto written = write_message(*writer, captured); !written) return written.error().message;
  }
  const auto closed = writer->close();
  return closed ? std::string() : closed.error().message;
}

}  // namespace peerscope::harness
