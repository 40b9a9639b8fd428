// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/capture/pdus.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pcap/pcap.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <sstream>
#include <thread>

#include "harness/capture/ongoing.h"
#include "harness/capture/pending.h"
#include "harness/capture/tshark.h"
#include "protocols/base/exported.h"
#include "reference-impl/net/pcapng.h"

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

void apply_transport(const net::Headers& headers, const Pdu& pdu, Transport& transport) {
  const std::string_view told = headers.get(kTransportHeader);
  // Without the header the file comes straight from a trace, whose protocol text tells.
  if (told.empty() && pdu.protocol_text == "HTTPS") transport.security = Transport::Security::kTls;
  if (told.empty() && pdu.protocol_text == "HTTP") transport.security = Transport::Security::kClear;
  read_carriage(told, transport);
  if (transport.http_version == 20) {
    // HTTP/2's method, target and status do not reach the plugin: what the exported head says of them is a stand-in.
    transport.method.clear();
    transport.target.clear();
    transport.status = 0;
  }
}

MessagePtr decode(const Protocol& protocol, std::string_view body, const Transport& transport, Direction direction,
                  MessagePtr message, std::shared_ptr<void> history = {}) {
  message->clear();
  message->direction = direction;
  message->history = std::move(history);
  message->transport = transport;
  protocol.decode(body, *message);
  return message;
}

// The file as libpcap reads it, and what became of its messages.
class Reader {
 public:
  explicit Reader(const MessageSink& sink) : sink_(sink) {}

  // To the end; returns why it ended early, or "".
  std::string read(pcap_t* pcap) {
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    int got = 0;
    while ((got = pcap_next_ex(pcap, &header, &data)) == 1) {
      ++packets_;
      Pdu pdu;
      if (!parse_pdu({reinterpret_cast<const char*>(data), header->caplen}, pdu)) continue;
      const Protocol* binary = find_protocol(pdu.dissector);
      if ((pdu.dissector != "http" && binary == nullptr) || !join_parts(pdu)) continue;
      CapturedMessage captured;
      if (binary != nullptr)
        decode_binary(*binary, pdu, captured);
      else if (!decode_http(pdu, captured))
        continue;
      Message& message = *captured.message;
      message.frame = pdu.frame != 0 ? pdu.frame : packets_;
      // Unsigned: a broken capture may hold any number, and a sum that wraps is as good as what it says.
      message.time_ns = static_cast<std::int64_t>(static_cast<std::uint64_t>(header->ts.tv_sec) * 1000000000 +
                                                  static_cast<std::uint64_t>(header->ts.tv_usec));
      message.source = net::Endpoint{pdu.source, static_cast<std::uint16_t>(pdu.source_port)}.to_string();
      message.destination =
          net::Endpoint{pdu.destination, static_cast<std::uint16_t>(pdu.destination_port)}.to_string();
      deliver(std::move(captured));
    }
    if (got == PCAP_ERROR) return pcap_geterr(pcap);
    if (parts_lost_ > 0)
      return fmt::format("{} larger than {} MiB, or came in parts that do not fit together",
                         parts_lost_ == 1 ? "a message is" : "some messages are", kLargestJoined >> 20);
    return "";
  }

  std::size_t messages() const { return messages_; }
  std::size_t given_up() const { return pending_.given_up(); }

 private:
  // A message larger than a record comes as parts in a row. False until the last has
  // come, which then has the payload of all.
  bool join_parts(Pdu& pdu) {
    const auto told = read_record_part(pdu.protocol_text);
    if (!told) return true;
    const auto [column, part, parts] = *told;
    if (part == 0) return false;
    pdu.protocol_text.resize(column.size());
    if (part == 1) {
      joined_.clear();
      next_part_ = 1;
    }
    if (part != next_part_ || joined_.size() + pdu.payload.size() > kLargestJoined) {
      parts_lost_ += next_part_ != 0;
      next_part_ = 0;  // the rest of it says nothing new
      return false;
    }
    joined_ += pdu.payload;
    next_part_ = part + 1;
    if (part != parts) return false;
    pdu.payload = joined_;
    return true;
  }

  // The start line, the headers and the body; false for what is no message of a known protocol.
  bool decode_http(const Pdu& pdu, CapturedMessage& captured) {
    const bool response = pdu.payload.starts_with("HTTP/");
    Transport transport;
    transport.has_http = true;
    if (response) {
      auto parsed = net::parse_response(pdu.payload);
      if (!parsed) return false;
      captured.http_response = std::move(*parsed);
      transport.status = captured.http_response.status;
      transport.http_version = captured.http_response.version;
    } else {
      auto parsed = net::parse_request(pdu.payload);
      if (!parsed) return false;
      captured.http_request = std::move(*parsed);
      transport.method = captured.http_request.method;
      transport.target = captured.http_request.target;
      transport.http_version = captured.http_request.version;
    }
    net::Headers& headers = response ? captured.http_response.headers : captured.http_request.headers;
    const std::string& body = response ? captured.http_response.body : captured.http_request.body;
    transport.content_type = media_type_of(headers);
    apply_transport(headers, pdu, transport);
    headers.remove(kTransportHeader);
    const Direction direction = response ? Direction::kResponse : Direction::kRequest;

    // The media type tells whose message it is; without a known one, what the decoders make of the body.
    for (const Protocol* protocol : protocols()) {
      for (const char* type : protocol->media_types) {
        if (transport.content_type == type) captured.protocol = protocol;
      }
    }
    MessagePtr message = fresh();
    const Ongoing* const ongoing = transport.part > 0 ? ongoing_.find(transport.stream) : nullptr;
    const std::shared_ptr<void> history = ongoing != nullptr ? ongoing->history : nullptr;
    if (captured.protocol != nullptr) {
      message = decode(*captured.protocol, body, transport, direction, std::move(message));
    } else {
      for (const Protocol* protocol : protocols()) {
        if (protocol->media_types.empty()) continue;  // it does not travel over HTTP
        message = decode(*protocol, body, transport, direction, std::move(message), history);
        if (!belongs_to(*protocol, *message)) continue;
        captured.protocol = protocol;
        break;
      }
    }
    if (captured.protocol == nullptr) {
      give_back(std::move(message));
      return false;
    }
    // The protocol's own word on what a message is counts more than the way it travelled (RFC 7846 section 3.4).
    if (response && message->direction == Direction::kRequest) {
      captured.http_request =
          net::HttpRequest("POST", "/", 11, std::move(headers), std::move(captured.http_response.body));
      captured.http_response = {};
    } else if (!response && message->direction == Direction::kResponse) {
      net::HttpResponse& moved = captured.http_response = net::HttpResponse(200);
      moved.headers = std::move(headers);
      moved.body = std::move(captured.http_request.body);
      captured.http_request = {};
    }
    captured.message = std::move(message);
    return true;
  }

  // What did not come over HTTP is the message alone; the protocol text says what carried it.
  void decode_binary(const Protocol& protocol, const Pdu& pdu, CapturedMessage& captured) {
    Transport transport;
    if (pdu.protocol_text.starts_with("TLS"))
      transport.security = Transport::Security::kTls;
    else if (pdu.protocol_text.starts_with("DTLS"))
      transport.security = Transport::Security::kDtls;
    else if (pdu.protocol_text.starts_with("TCP") || pdu.protocol_text.starts_with("UDP"))
      transport.security = Transport::Security::kClear;
    captured.protocol = &protocol;
    captured.message = decode(protocol, pdu.payload, transport, Direction::kUnknown, fresh());
  }

  // Finds the request of a response, tells the caller, and keeps what is needed later.
  void deliver(CapturedMessage captured) {
    MessagePtr message = captured.message;
    const bool response = message->direction == Direction::kResponse;
    const std::string connection =
        response ? message->destination + ">" + message->source : message->source + ">" + message->destination;
    const std::string id(captured.protocol->exchange_id(*message));
    std::optional<PendingRequests::Request> request;
    Ongoing* const ongoing = message->transport.stream != 0 ? &ongoing_.of(message->transport.stream) : nullptr;
    const bool continues = ongoing != nullptr && message->transport.part > 0;
    // Only HTTP answers in the order of its requests.
    if (continues)
      request = std::move(ongoing->request);
    else if (response)
      request = pending_.take(connection, id, message->transport.has_http);
    if (request) captured.request = request->number;
    sink_(std::move(captured), request ? request->message.get() : nullptr);
    captured.message.reset();
    if (ongoing != nullptr) {
      ongoing->history = message->history;
      ongoing->request = std::move(request);
      request.reset();
    }
    if (message->direction == Direction::kRequest)
      pending_.add(connection, {messages_, std::move(message), id});
    else
      give_back(std::move(message));
    if (request) give_back(std::move(request->message));
    ++messages_;
  }

  // Messages are used again, so that a long capture does not allocate their parts anew each time.
  MessagePtr fresh() {
    if (spare_.empty()) return std::make_shared<Message>();
    MessagePtr message = std::move(spare_.back());
    spare_.pop_back();
    return message;
  }
  void give_back(MessagePtr message) {
    constexpr std::size_t kMostSpare = 16;
    constexpr std::size_t kLargest = 1 << 20;
    if (message.use_count() == 1 && spare_.size() < kMostSpare && message->bytes.capacity() < kLargest)
      spare_.push_back(std::move(message));
  }

  const MessageSink& sink_;
  PendingRequests pending_;
  OngoingBodies ongoing_;
  std::vector<MessagePtr> spare_;
  static constexpr std::size_t kLargestJoined = 256 << 20;
  std::string joined_;  // the parts of a large message so far
  unsigned next_part_ = 0;
  std::size_t parts_lost_ = 0;
  std::size_t packets_ = 0;
  std::size_t messages_ = 0;
};

// What reading the exported PDUs brought.
struct Exported {
  std::string error;    // nothing could be read
  std::string warning;  // not everything could
  std::size_t messages = 0;
  std::size_t given_up = 0;
};

// Takes over `pcap`; null with the reason in `error`.
Exported read_all(pcap_t* pcap, const std::string& name, const char* error, const MessageSink& sink) {
  Exported result;
  if (pcap == nullptr) {
    result.error = fmt::format("{}: {}", name, error);
    return result;
  }
  if (pcap_datalink(pcap) != net::kLinkTypeUpperPdu) {
    result.error = fmt::format("{}: its link type is {}, not exported PDUs", name, pcap_datalink(pcap));
  } else {
    Reader reader(sink);
    if (const std::string why = reader.read(pcap); !why.empty())
      result.warning = fmt::format("{}: read only in part: {}", name, why);
    result.messages = reader.messages();
    result.given_up = reader.given_up();
  }
  pcap_close(pcap);
  return result;
}

// What tshark said, without what goes without saying. It reads the capture from its standard input, because it may have
// no right to open it, and says so where it means the file.
std::string told_by_tshark(const std::string& errors) {
  std::string said;
  std::istringstream lines(errors);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.find("Running as user") != std::string::npos ||
        line.find("Capturing") != std::string::npos)
      continue;
    if (line.starts_with("tshark: ")) line.erase(0, std::strlen("tshark: "));
    for (const std::string_view words : {"The standard input", "the standard input", "standard input", "\"-\""}) {
      for (std::size_t at; (at = line.find(words)) != std::string::npos;) line.replace(at, words.size(), "the file");
    }
    said += (said.empty() ? "" : " ") + line;
  }
  return said;
}

// What tshark's exit and its words mean for what was read.
CaptureOutcome outcome_of(const CommandResult& run, const Exported& read, const std::string& path) {
  CaptureOutcome outcome;
  std::string said = told_by_tshark(run.errors);
  if (said.empty()) said = fmt::format("tshark ended with status {}", run.status);
  if (!run.error.empty()) {
    outcome.error = fmt::format("{}: {}", path, run.error);
    outcome.harness_fault = true;
  } else if (run.status != 0 && read.messages == 0) {
    outcome.error = fmt::format("{}: {}", path, said);
  } else if (run.status != 0) {
    outcome.warning = fmt::format("{}: read only in part: {}", path, said);
  } else if (!read.error.empty()) {
    outcome.error = read.error;
    outcome.harness_fault = true;
  } else {
    outcome.warning = read.warning;
  }
  if (read.given_up > 0) {
    outcome.note = fmt::format(
        "{}: {} that stayed without an answer {} forgotten to keep the memory small; an answer that came later was "
        "judged "
        "without its request",
        path, read.given_up == 1 ? "1 request" : fmt::format("{} requests", read.given_up),
        read.given_up == 1 ? "was" : "were");
  }
  return outcome;
}

MessageSink into(CaptureResult& result) {
  return [&result](CapturedMessage&& captured, const Message*) { result.messages.push_back(std::move(captured)); };
}

// Why tshark would get nothing to read; empty when it may try.
std::string unreadable(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || access(path.c_str(), R_OK) != 0)
    return fmt::format("{}: cannot be read: {}", path, std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return fmt::format("{}: is a folder, not a capture", path);
  if (S_ISREG(status.st_mode) && status.st_size == 0)
    return fmt::format("{}: is empty, not even a capture's header", path);
  return {};
}

}  // namespace

CaptureResult read_exported(const std::string& path) {
  CaptureResult result;
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  const Exported read =
      read_all(pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data()), path,
               error.data(), into(result));
  result.error = read.error;
  result.warning = read.warning;
  return result;
}

bool is_exported(const std::string& path) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  pcap_t* pcap = pcap_open_offline(path.c_str(), error.data());
  if (pcap == nullptr) return false;
  const bool exported = pcap_datalink(pcap) == net::kLinkTypeUpperPdu;
  pcap_close(pcap);
  return exported;
}

CaptureResult read_any(const std::string& path, const std::string& keys, const std::string& version) {
  return is_exported(path) ? read_exported(path) : read_capture(path, keys, version);
}

struct CaptureReader::State {
  TsharkSetup setup;
  std::string version;
  std::string keys_error;
  std::vector<std::string> arguments = {"-n", "-r", "-", "-U", "Peerscope messages", "-w", "-"};
};

CaptureReader::CaptureReader(const std::string& keys, std::string version) : state_(std::make_unique<State>()) {
  state_->setup = prepare_tshark();
  // The plugin has this tap only when it is of the version that the environment names, so no second run of tshark has
  // to find that out first.
  state_->setup.environment["PEERSCOPE_EXPORT_FOR"] = version;
  state_->version = std::move(version);
  if (keys.empty() || !state_->setup.error.empty()) return;
  const std::string copy = share(state_->setup, keys, state_->keys_error);
  state_->arguments.insert(state_->arguments.end(), {"-o", "tls.keylog_file:" + copy});
}

CaptureReader::~CaptureReader() {
  tear_down(state_->setup);
}

CaptureOutcome CaptureReader::stream(const std::string& path, const MessageSink& sink) const {
  CaptureOutcome outcome;
  if (outcome.error = unreadable(path); !outcome.error.empty()) return outcome;
  outcome.error = state_->keys_error;
  const TsharkSetup& setup = state_->setup;
  std::string fault = setup.error;
  std::array<int, 2> exported{-1, -1};
  if (fault.empty() && outcome.error.empty() && pipe2(exported.data(), O_CLOEXEC) != 0) fault = "cannot make a pipe";
  if (fault.empty() && outcome.error.empty()) {
    // tshark exports while this thread decodes what it exports.
    constexpr double kLongest = 24 * 3600;  // a capture may be of any size; this ends a tshark that hangs
    CommandResult run;
    std::thread exporting([&] {
      run = run_tshark(setup, state_->arguments, kLongest, {.input = path, .output = {}, .output_fd = exported[1]});
    });
    // Large pieces: the two processes wait for each other less often. Refused when the user has many pipes open.
    constexpr int kPipe = 1 << 20;
    constexpr std::size_t kBuffer = 256 << 10;
    (void)fcntl(exported[0], F_SETPIPE_SZ, kPipe);
    std::FILE* stream = fdopen(exported[0], "rb");
    setvbuf(stream, nullptr, _IOFBF, kBuffer);
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    pcap_t* pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error.data());
    const Exported read = read_all(pcap, path, error.data(), sink);
    // libpcap closes the stream only when it could open it; the writer must not wait for a reader that has gone.
    if (pcap == nullptr) std::fclose(stream);
    exporting.join();
    outcome = outcome_of(run, read, path);
    if (!outcome.error.empty() && read.messages == 0) {
      // Perhaps not the capture's fault: without the plugin there is no such tap.
      bool missing = false;
      fault = verify_plugin(setup, state_->version, missing);
      if (fault.empty() && run.errors.find("register tap") != std::string::npos)
        fault = fmt::format(
            "the plugin has this program's version, {}, but not its export: build or install both from one source",
            state_->version);
    }
  }
  if (!fault.empty()) {
    outcome.error = fault;
    outcome.harness_fault = true;
  }
  return outcome;
}

CaptureOutcome stream_capture(const std::string& path, const std::string& keys, const std::string& version,
                              const MessageSink& sink) {
  if (CaptureOutcome outcome; !(outcome.error = unreadable(path)).empty()) return outcome;
  return CaptureReader(keys, version).stream(path, sink);
}

CaptureResult read_capture(const std::string& path, const std::string& keys, const std::string& version) {
  CaptureResult result;
  static_cast<CaptureOutcome&>(result) = stream_capture(path, keys, version, into(result));
  return result;
}

}  // namespace peerscope::harness
