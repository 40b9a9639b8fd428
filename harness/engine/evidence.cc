// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/evidence.h"

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

std::uint64_t Evidence::write(const net::HttpEvent& event, std::string_view comment) {
  if (!writer_ || !error_.empty()) return 0;
  if (const auto result = writer_->write(event, comment); !result) {
    error_ = result.error().message;
    return 0;
  }
  return ++packets_;
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
  return ++packets_;
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
