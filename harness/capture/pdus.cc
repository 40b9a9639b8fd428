// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/capture/pdus.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <deque>
#include <map>
#include <thread>

#include "harness/capture/tshark.h"

namespace peerscope::harness {
namespace {

// Tags of LINKTYPE_WIRESHARK_UPPER_PDU: big-endian type and length, then the value.
enum Tag : unsigned {
  kEnd = 0,
  kDissector = 12,
  kIpv4Source = 20,
  kIpv4Destination = 21,
  kIpv6Source = 22,
  kIpv6Destination = 23,
  kSourcePort = 25,
  kDestinationPort = 26,
  kOriginalFrame = 30,
  kProtocolText = 33
};

struct Pdu {
  std::string dissector;
  std::string protocol_text;
  std::string source;
  std::string destination;
  unsigned source_port = 0;
  unsigned destination_port = 0;
  std::uint64_t frame = 0;
  std::string_view payload;
};

std::string address_text(int family, std::string_view bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const std::size_t wanted = family == AF_INET ? 4 : 16;
  if (bytes.size() < wanted || inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) return "?";
  return text.data();
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes.substr(0, 8)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// Text tags are padded with zeros.
std::string tag_text(std::string_view bytes) {
  return std::string(bytes.substr(0, bytes.find('\0')));
}

bool parse_pdu(std::string_view bytes, Pdu& pdu) {
  for (std::size_t at = 0; at + 4 <= bytes.size();) {
    const auto tag = static_cast<unsigned>(big_endian(bytes.substr(at, 2)));
    const auto length = static_cast<std::size_t>(big_endian(bytes.substr(at + 2, 2)));
    at += 4;
    if (tag == kEnd) {
      pdu.payload = bytes.substr(at);
      return true;
    }
    if (length > bytes.size() - at) return false;
    const std::string_view value = bytes.substr(at, length);
    switch (tag) {
      case kDissector:
        pdu.dissector = tag_text(value);
        break;
      case kIpv4Source:
        pdu.source = address_text(AF_INET, value);
        break;
      case kIpv4Destination:
        pdu.destination = address_text(AF_INET, value);
        break;
      case kIpv6Source:
        pdu.source = address_text(AF_INET6, value);
        break;
      case kIpv6Destination:
        pdu.destination = address_text(AF_INET6, value);
        break;
      case kSourcePort:
        pdu.source_port = static_cast<unsigned>(big_endian(value));
        break;
      case kDestinationPort:
        pdu.destination_port = static_cast<unsigned>(big_endian(value));
        break;
      case kOriginalFrame:
        pdu.frame = big_endian(value);
        break;
      case kProtocolText:
        pdu.protocol_text = tag_text(value);
        break;
      default:
        break;
    }
    at += length;
  }
  return false;
}

// The plugin's word on how a message travelled (dissectors/epan/export_pdu.cc writes it): "h1; tls", "h2; clear".
constexpr std::string_view kTransportHeader = "Peerscope-Transport";

void apply_transport(const net::Headers& headers, const Pdu& pdu, Transport& transport) {
  const std::string_view told = headers.get(kTransportHeader);
  // Without the header the file comes straight from a trace, whose protocol text tells.
  const bool tls = told.empty() ? pdu.protocol_text == "HTTPS" : told.find("tls") != std::string_view::npos;
  const bool clear = told.empty() ? pdu.protocol_text == "HTTP" : told.find("clear") != std::string_view::npos;
  if (tls)
    transport.security = Transport::Security::kTls;
  else if (clear)
    transport.security = Transport::Security::kClear;
  if (told.starts_with("h2")) {
    // HTTP/2's method, target and status do not reach the plugin: what the exported head says of them is a stand-in.
    transport.http_version = 20;
    transport.method.clear();
    transport.target.clear();
    transport.status = 0;
  }
}

const Protocol* protocol_for(const Message& probe, const net::Headers& headers) {
  const std::string type = media_type_of(headers);
  for (const Protocol* protocol : protocols()) {
    for (const char* candidate : protocol->media_types) {
      if (type == candidate) return protocol;
    }
  }
  for (const Protocol* protocol : protocols()) {
    if (belongs_to(*protocol, probe)) return protocol;
  }
  return nullptr;
}

// Reads every PDU of the file; `pcap_error` tells how reading ended.
void collect(pcap_t* pcap, CaptureResult& result) {
  // Requests that wait for their answer, per connection as the client sees it.
  std::map<std::string, std::deque<std::size_t>> waiting;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  std::uint64_t number = 0;
  while (pcap_next_ex(pcap, &header, &data) == 1) {
    ++number;
    Pdu pdu;
    if (!parse_pdu({reinterpret_cast<const char*>(data), header->caplen}, pdu) || pdu.dissector != "http") continue;
    CapturedMessage captured;
    Transport::Security unknown = Transport::Security::kUnknown;
    const bool response = pdu.payload.starts_with("HTTP/");
    if (response) {
      auto parsed = net::parse_response(pdu.payload);
      if (!parsed) continue;
      captured.http_response = std::move(*parsed);
    } else {
      auto parsed = net::parse_request(pdu.payload);
      if (!parsed) continue;
      captured.http_request = std::move(*parsed);
    }
    net::Headers& headers = response ? captured.http_response.headers : captured.http_request.headers;
    for (const Protocol* protocol : protocols()) {
      MessagePtr probe = response ? decode_response(*protocol, captured.http_response, unknown)
                                  : decode_request(*protocol, captured.http_request, unknown);
      if (protocol_for(*probe, headers) != protocol) continue;
      captured.protocol = protocol;
      captured.message = std::move(probe);
      break;
    }
    if (captured.protocol == nullptr) continue;
    Message& message = *captured.message;
    apply_transport(headers, pdu, message.transport);
    headers.remove(kTransportHeader);
    message.frame = pdu.frame != 0 ? pdu.frame : number;
    // Unsigned: a broken capture may hold any number, and a sum that wraps is as good as what it says.
    message.time_ns = static_cast<std::int64_t>(static_cast<std::uint64_t>(header->ts.tv_sec) * 1000000000 +
                                                static_cast<std::uint64_t>(header->ts.tv_usec));
    const net::Endpoint from{pdu.source, static_cast<std::uint16_t>(pdu.source_port)};
    const net::Endpoint to{pdu.destination, static_cast<std::uint16_t>(pdu.destination_port)};
    message.source = from.to_string();
    message.destination = to.to_string();
    const std::string connection =
        response ? message.destination + ">" + message.source : message.source + ">" + message.destination;
    std::deque<std::size_t>& queue = waiting[connection];
    constexpr std::size_t kMostWaiting = 1000;
    if (!response) {
      queue.push_back(result.messages.size());
      if (queue.size() > kMostWaiting) queue.pop_front();
    } else if (!queue.empty()) {
      // By exchange id first; HTTP/1 answers come in order, so the oldest request is the next best.
      const std::string_view id = captured.protocol->exchange_id(message);
      auto at = queue.begin();
      for (auto it = queue.begin(); it != queue.end(); ++it) {
        if (captured.protocol->exchange_id(*result.messages[*it].message) == id) {
          at = it;
          break;
        }
      }
      captured.request = *at;
      queue.erase(at);
    }
    result.messages.push_back(std::move(captured));
  }
}

}  // namespace

namespace {

// Takes over `pcap`; null with the reason in `error`.
CaptureResult read_all(pcap_t* pcap, const std::string& name, const char* error) {
  CaptureResult result;
  if (pcap == nullptr) {
    result.error = fmt::format("{}: {}", name, error);
    return result;
  }
  constexpr int kUpperPdu = 252;
  if (pcap_datalink(pcap) != kUpperPdu)
    result.error = fmt::format("{}: its link type is {}, not exported PDUs", name, pcap_datalink(pcap));
  else
    collect(pcap, result);
  pcap_close(pcap);
  return result;
}

}  // namespace

namespace {

// What tshark's exit and its words mean for what was read.
void take_outcome(const CommandResult& run, CaptureResult read, const std::string& path, CaptureResult& result) {
  std::string said;
  for (std::size_t from = 0; from < run.errors.size();) {
    const std::size_t end = std::min(run.errors.find('\n', from), run.errors.size());
    const std::string line = run.errors.substr(from, end - from);
    if (line.find("Running as user") == std::string::npos && line.find("Capturing") == std::string::npos &&
        !line.empty())
      said += (said.empty() ? "" : " ") + line;
    from = end + 1;
  }
  if (said.empty() && run.status != 0) said = fmt::format("tshark ended with status {}", run.status);
  if (!run.error.empty()) {
    result.error = run.error;
    result.harness_fault = true;
  } else if (run.status != 0 && read.messages.empty()) {
    result.error = fmt::format("{}: {}", path, said);
  } else {
    result = std::move(read);
    if (run.status != 0) result.warning = fmt::format("{}: read only in part: {}", path, said);
  }
}

}  // namespace

CaptureResult read_exported(const std::string& path) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  return read_all(pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data()), path,
                  error.data());
}

CaptureResult read_capture(const std::string& path, const std::string& keys, const std::string& version) {
  CaptureResult result;
  if (access(path.c_str(), R_OK) != 0) {
    result.error = fmt::format("{}: cannot be read: no such file, or no right to read it", path);
    return result;
  }
  TsharkSetup setup = prepare_tshark();
  std::vector<std::string> arguments = {"-n", "-r", "-", "-U", "Peerscope", "-w", "-"};
  if (!keys.empty() && setup.error.empty()) {
    const std::string copy = share(setup, keys, result.error);
    arguments.insert(arguments.end(), {"-o", "tls.keylog_file:" + copy});
  }
  std::array<int, 2> exported{-1, -1};
  if (setup.error.empty() && result.error.empty() && pipe2(exported.data(), O_CLOEXEC) != 0)
    result.error = "cannot make a pipe";
  if (setup.error.empty() && result.error.empty()) {
    // Three things at once: tshark exports, this thread decodes what it exports, and a second tshark tells whether the
    // plugin is there at all.
    constexpr double kLongest = 3600;
    CommandResult run;
    std::thread exporting(
        [&] { run = run_tshark(setup, arguments, kLongest, {.input = path, .output = {}, .output_fd = exported[1]}); });
    std::string plugin_error;
    bool missing = false;
    std::thread verifying([&] { plugin_error = verify_plugin(setup, version, missing); });
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    std::FILE* stream = fdopen(exported[0], "rb");
    CaptureResult read = read_all(
        pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error.data()), path, error.data());
    // libpcap closes the stream only when it could open it; the writer must not wait for a reader that has gone.
    if (!read.error.empty() && error[0] != '\0') std::fclose(stream);
    exporting.join();
    verifying.join();
    setup.missing = missing;
    if (!plugin_error.empty()) {
      setup.error = plugin_error;
    } else {
      take_outcome(run, std::move(read), path, result);
    }
  }
  if (!setup.error.empty()) {
    result.error = setup.error;
    result.harness_fault = true;
  }
  tear_down(setup);
  return result;
}

}  // namespace peerscope::harness
