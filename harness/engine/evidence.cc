// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/evidence.h"

#include <fmt/format.h>

#include <chrono>

namespace peerscope::harness {

Evidence::Evidence(const std::string& path) : path_(path) {
  if (path.empty()) return;
  auto writer = net::TraceWriter::open(path, "peerscope");
  if (writer)
    writer_ = std::make_unique<net::TraceWriter>(std::move(*writer));
  else
    error_ = writer.error().message;
}

Evidence::~Evidence() {
  close();
}

namespace {
constexpr const char* kHarness = "harness";
constexpr const char* kIut = "iut";

std::string label_of(const net::HttpEvent& event) {
  if (event.request != nullptr) return fmt::format("{} {}", event.request->method, event.request->target);
  if (event.response != nullptr) return fmt::format("HTTP {}", event.response->status);
  return fmt::format("{} bytes that are no HTTP message", event.raw.size());
}
}  // namespace

void Evidence::name(const net::Endpoint& endpoint, std::string_view party) {
  if (!party.empty()) names_[endpoint.to_string()] = party;
}

std::string Evidence::party_at(const net::Endpoint& endpoint, const char* otherwise) const {
  const auto known = names_.find(endpoint.to_string());
  return known != names_.end() ? known->second : otherwise;
}

void Evidence::note(net::SystemTime time, bool from_iut, std::string from, std::string to, std::string label) {
  ++packets_;
  if (packets_ == 1) begin_ = time;
  if (lines_.size() == kMostLines) return;
  lines_.push_back({.frame = packets_,
                    .at = std::chrono::duration<double>(time - begin_).count(),
                    .from_iut = from_iut,
                    .from = std::move(from),
                    .to = std::move(to),
                    .label = std::move(label)});
}

std::uint64_t Evidence::write(const net::HttpEvent& event, std::string_view comment) {
  if (!writer_ || !error_.empty()) return 0;
  if (const auto result = writer_->write(event, comment); !result) {
    error_ = result.error().message;
    return 0;
  }
  const std::string ours = party_at(event.connection->local, kHarness);
  const std::string theirs = party_at(event.connection->remote, kIut);
  note(event.time, !event.outgoing, event.outgoing ? ours : theirs, event.outgoing ? theirs : ours, label_of(event));
  return packets_;
}

namespace {
net::HttpEvent event_at(const net::ConnectionInfo& connection, bool outgoing) {
  net::HttpEvent event;
  event.outgoing = outgoing;
  event.connection = &connection;
  event.time = std::chrono::system_clock::now();
  event.started = event.time;
  return event;
}
}  // namespace

std::uint64_t Evidence::add(const net::HttpRequest& request, const net::ConnectionInfo& connection, bool outgoing,
                            std::string_view comment) {
  net::HttpEvent event = event_at(connection, outgoing);
  event.request = &request;
  return write(event, comment);
}

std::uint64_t Evidence::add(const net::HttpResponse& response, const net::ConnectionInfo& connection, bool outgoing,
                            std::string_view comment) {
  net::HttpEvent event = event_at(connection, outgoing);
  event.response = &response;
  return write(event, comment);
}

std::uint64_t Evidence::add(std::string_view raw, const net::ConnectionInfo& connection, bool outgoing,
                            std::string_view comment) {
  net::HttpEvent event = event_at(connection, outgoing);
  event.raw = raw;
  return write(event, comment);
}

std::uint64_t Evidence::add(const net::TracePdu& pdu) {
  if (!writer_ || !error_.empty()) return 0;
  net::TracePdu stamped = pdu;
  stamped.time = std::chrono::system_clock::now();
  if (const auto result = writer_->write(stamped); !result) {
    error_ = result.error().message;
    return 0;
  }
  // Whoever has no name is not one of the harness's parties.
  const std::string from = party_at(pdu.source, kIut);
  note(stamped.time, from == kIut, from, party_at(pdu.destination, kIut), fmt::format("{} bytes", pdu.bytes.size()));
  return packets_;
}

void Evidence::secret(std::string_view line) {
  secrets_.append(line).push_back('\n');
}

void Evidence::close() {
  if (!writer_) return;
  if (!secrets_.empty()) (void)writer_->add_tls_secrets(secrets_);
  if (const auto result = writer_->close(); !result && error_.empty()) error_ = result.error().message;
  writer_.reset();
}

}  // namespace peerscope::harness
