// SPDX-License-Identifier: GPL-2.0-or-later
// Messages in the exported PDU form.
#include "reference-impl/net/trace.h"

#include <boost/asio/ip/address.hpp>
#include <mutex>
#include <optional>

namespace peerscope::net {

namespace {

// Tags and values of Wireshark's exported PDU format (wsutil/exported_pdu_tlvs.h).
constexpr std::uint16_t kTagEnd = 0;
constexpr std::uint16_t kTagDissectorName = 12;
constexpr std::uint16_t kTagIpv4Source = 20;
constexpr std::uint16_t kTagIpv4Destination = 21;
constexpr std::uint16_t kTagIpv6Source = 22;
constexpr std::uint16_t kTagIpv6Destination = 23;
constexpr std::uint16_t kTagPortType = 24;
constexpr std::uint16_t kTagSourcePort = 25;
constexpr std::uint16_t kTagDestinationPort = 26;
constexpr std::uint16_t kTagOriginalFrame = 30;
constexpr std::uint16_t kTagProtocolText = 33;
constexpr std::uint32_t kPortTcp = 2;
constexpr std::uint32_t kPortUdp = 3;

void put16(std::string& out, std::uint16_t v) {
  out += static_cast<char>(v >> 8);
  out += static_cast<char>(v);
}

void put32(std::string& out, std::uint32_t v) {
  put16(out, static_cast<std::uint16_t>(v >> 16));
  put16(out, static_cast<std::uint16_t>(v));
}

void put_tag(std::string& out, std::uint16_t tag, std::string_view value) {
  // Strings are padded to 32 bits; the length counts the padding, as Wireshark's own writer has it.
  const std::size_t padded = (value.size() + 3) / 4 * 4;
  put16(out, tag);
  put16(out, static_cast<std::uint16_t>(padded));
  out.append(value).append(padded - value.size(), '\0');
}

void put_tag32(std::string& out, std::uint16_t tag, std::uint32_t value) {
  put16(out, tag);
  put16(out, 4);
  put32(out, value);
}

void put_address(std::string& out, const Endpoint& endpoint, bool source) {
  boost::system::error_code ec;
  auto address = boost::asio::ip::make_address(endpoint.address, ec);
  if (ec) address = boost::asio::ip::address_v4();  // a name: shown as 0.0.0.0
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    put_tag(out, source ? kTagIpv4Source : kTagIpv4Destination,
            {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } else {
    const auto bytes = address.to_v6().to_bytes();
    put_tag(out, source ? kTagIpv6Source : kTagIpv6Destination,
            {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}

}  // namespace

std::string to_exported_pdu(const TracePdu& pdu) {
  std::string out;
  out.reserve(pdu.bytes.size() + 128);
  put_tag(out, kTagDissectorName, pdu.dissector);
  put_address(out, pdu.source, true);
  put_address(out, pdu.destination, false);
  put_tag32(out, kTagPortType, pdu.udp ? kPortUdp : kPortTcp);
  put_tag32(out, kTagSourcePort, pdu.source.port);
  put_tag32(out, kTagDestinationPort, pdu.destination.port);
  if (pdu.frame != 0) put_tag32(out, kTagOriginalFrame, pdu.frame);
  if (!pdu.protocol_text.empty()) put_tag(out, kTagProtocolText, pdu.protocol_text);
  put_tag(out, kTagEnd, {});
  out.append(pdu.bytes);
  return out;
}

struct TraceWriter::State {
  explicit State(PcapngWriter w, std::uint32_t i) : writer(std::move(w)), interface(i) {}
  mutable std::mutex mutex;
  PcapngWriter writer;
  std::uint32_t interface;
};

TraceWriter::TraceWriter(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<TraceWriter> TraceWriter::open(const std::string& path, std::string_view application) {
  auto writer = PcapngWriter::open(path, application);
  if (!writer) return writer.error();
  return attach(std::move(*writer));
}

Result<TraceWriter> TraceWriter::attach(PcapngWriter writer) {
  PcapngInterface interface;
  interface.link_type = kLinkTypeUpperPdu;
  interface.name = "messages";
  const auto index = writer.add_interface(interface);
  if (!index) return index.error();
  return TraceWriter(std::make_shared<State>(std::move(writer), *index));
}

Result<void> TraceWriter::write(const TracePdu& pdu) {
  const std::string bytes = to_exported_pdu(pdu);
  const std::lock_guard lock(state_->mutex);
  return state_->writer.write({state_->interface, pdu.time, bytes, 0, pdu.comment});
}

Result<void> TraceWriter::write(const HttpEvent& event, std::string_view comment) {
  TracePdu pdu;
  std::string wire;
  if (event.request != nullptr) {
    wire = to_wire(*event.request);
  } else if (event.response != nullptr) {
    // Bodies of answers to HEAD are empty although a length is given; to_wire keeps that length.
    wire = to_wire(*event.response);
  } else {
    wire = event.raw;
    pdu.dissector = "data";
  }
  static const ConnectionInfo kUnknown;
  const ConnectionInfo& connection = event.connection != nullptr ? *event.connection : kUnknown;
  pdu.protocol_text = connection.tls ? "HTTPS" : "HTTP";
  pdu.source = event.outgoing ? connection.local : connection.remote;
  pdu.destination = event.outgoing ? connection.remote : connection.local;
  pdu.time = event.time;
  pdu.bytes = wire;
  pdu.comment = comment;
  return write(pdu);
}

Result<void> TraceWriter::add_tls_secrets(std::string_view key_log) {
  const std::lock_guard lock(state_->mutex);
  return state_->writer.add_tls_secrets(key_log);
}

Result<void> TraceWriter::close() {
  const std::lock_guard lock(state_->mutex);
  return state_->writer.close();
}

bool TraceWriter::failed() const {
  const std::lock_guard lock(state_->mutex);
  return state_->writer.failed();
}

std::uint64_t TraceWriter::packets() const {
  const std::lock_guard lock(state_->mutex);
  return state_->writer.packets();
}

HttpObserver TraceWriter::observer(std::function<void(const Error&)> on_error) const {
  return [writer = *this, on_error = std::move(on_error)](const HttpEvent& event) mutable {
    const auto written = writer.write(event);
    if (!written && on_error) on_error(written.error());
  };
}

}  // namespace peerscope::net
