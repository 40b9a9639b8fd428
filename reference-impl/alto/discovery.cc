// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <charconv>
#include <set>

#include "reference-impl/net/url.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frame allocator of Asio's coroutines for a mismatch once it has inlined half of it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace peerscope::alto {
namespace {

using boost::asio::ip::udp;
using boost::system::error_code;
using net::ErrorKind;
using net::Result;
using net::asio::awaitable;
using Status = DnsAnswer::Status;

// RFC 1035 sections 4.1.1 and 3.2, RFC 3403.
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kTypeNaptr = 35;
constexpr std::uint16_t kTypeOpt = 41;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kFlagResponse = 0x8000;
constexpr std::uint16_t kFlagTruncated = 0x0200;
constexpr std::uint16_t kFlagRecursionDesired = 0x0100;
constexpr std::uint16_t kCodeMask = 0x000f;
constexpr std::uint16_t kNoSuchName = 3;
constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLargestAnswer = 4096;
constexpr std::uint16_t kOfferedSize = 1232;  // fits any path without fragments
constexpr std::size_t kMostRecords = 256;
constexpr std::size_t kHeader = 12;

void put16(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xff));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  if (out.ends_with('.')) out.pop_back();
  return out;
}

// Reads a DNS message; every step says whether there was enough of it.
class DnsReader {
 public:
  explicit DnsReader(std::string_view bytes) : bytes_(bytes) {}

  bool u16(std::uint16_t& out) {
    if (at_ + 2 > bytes_.size()) return false;
    out = static_cast<std::uint16_t>(byte(at_) << 8 | byte(at_ + 1));
    at_ += 2;
    return true;
  }
  bool skip(std::size_t count) {
    if (count > bytes_.size() - at_) return false;
    at_ += count;
    return true;
  }
  // A character string: a length and so many bytes.
  bool text(std::string& out) {
    if (at_ >= bytes_.size()) return false;
    const std::size_t length = byte(at_);
    if (length > bytes_.size() - at_ - 1) return false;
    out = bytes_.substr(at_ + 1, length);
    at_ += 1 + length;
    return true;
  }
  // A name, lower case, without the last dot. Pointers lead backwards only, so that there is no circle.
  bool name(std::string& out) {
    out.clear();
    std::size_t here = at_;
    std::size_t limit = at_;  // a pointer must lead before it
    bool jumped = false;
    while (here < bytes_.size()) {
      const std::size_t length = byte(here);
      if (length == 0) {
        if (!jumped) at_ = here + 1;
        return true;
      }
      if (length >= 0xc0) {
        if (here + 1 >= bytes_.size()) return false;
        const std::size_t target = (length & 0x3f) << 8 | byte(here + 1);
        if (!jumped) at_ = here + 2;
        if (target >= limit) return false;
        jumped = true;
        limit = target;
        here = target;
        continue;
      }
      if (length > kLongestLabel || length > bytes_.size() - here - 1) return false;
      if (!out.empty()) out.push_back('.');
      out += bytes_.substr(here + 1, length);
      if (out.size() > kLongestName) return false;
      here += 1 + length;
    }
    return false;
  }
  bool lower_name(std::string& out) {
    if (!name(out)) return false;
    out = lower(out);
    return true;
  }
  std::size_t at() const { return at_; }
  void move_to(std::size_t at) { at_ = at; }

 private:
  std::uint8_t byte(std::size_t at) const { return static_cast<std::uint8_t>(bytes_[at]); }
  std::string_view bytes_;
  std::size_t at_ = 0;
};

struct Record {
  std::string owner;
  std::uint16_t type = 0;
  std::size_t data = 0;
  std::size_t length = 0;
};

bool read_record(DnsReader& reader, Record& out) {
  std::uint16_t kind = 0;
  std::uint16_t length = 0;
  if (!reader.lower_name(out.owner) || !reader.u16(out.type) || !reader.u16(kind) || !reader.skip(4) ||
      !reader.u16(length))
    return false;
  out.data = reader.at();
  out.length = length;
  return reader.skip(length);
}

bool read_naptr(DnsReader reader, const Record& record, Naptr& out) {
  reader.move_to(record.data);
  return reader.u16(out.order) && reader.u16(out.preference) && reader.text(out.flags) && reader.text(out.service) &&
         reader.text(out.regexp) && reader.name(out.replacement) && reader.at() == record.data + record.length;
}

DnsAnswer answer_of(Status status, std::string detail) {
  DnsAnswer out;
  out.status = status;
  out.detail = std::move(detail);
  return out;
}

}  // namespace

Result<std::string> naptr_query(std::uint16_t id, std::string_view name) {
  std::string out;
  put16(out, id);
  put16(out, kFlagRecursionDesired);
  for (const std::uint16_t count : {1, 0, 0, 1}) put16(out, count);
  const std::string plain = lower(name);
  const auto bad = [&](std::string_view why) {
    return net::Error{ErrorKind::kLocal, fmt::format("'{}' is no domain name: {}", name, why)};
  };
  if (plain.empty()) return bad("it is empty");
  if (plain.size() > kLongestName) return bad("it is too long");
  for (std::size_t from = 0; from <= plain.size();) {
    const std::size_t dot = std::min(plain.find('.', from), plain.size());
    const std::string_view label = std::string_view(plain).substr(from, dot - from);
    if (label.empty()) return bad("a label is empty");
    if (label.size() > kLongestLabel) return bad("a label is longer than 63 characters");
    out.push_back(static_cast<char>(label.size()));
    out += label;
    from = dot + 1;
  }
  out.push_back('\0');
  put16(out, kTypeNaptr);
  put16(out, kClassIn);
  // RFC 6891: larger answers than 512 bytes are welcome.
  out.push_back('\0');
  put16(out, kTypeOpt);
  put16(out, kOfferedSize);
  for (int i = 0; i < 3; ++i) put16(out, 0);
  return out;
}

std::optional<DnsAnswer> parse_naptr_answer(std::string_view bytes, std::uint16_t id, std::string_view name) {
  DnsReader reader(bytes);
  std::array<std::uint16_t, kHeader / 2> header{};
  for (std::uint16_t& field : header) {
    if (!reader.u16(field)) return std::nullopt;
  }
  if (header[0] != id || (header[1] & kFlagResponse) == 0) return std::nullopt;
  const std::uint16_t code = header[1] & kCodeMask;
  std::string asked;
  std::uint16_t type = 0;
  std::uint16_t kind = 0;
  // A server that cannot read the question may leave it out (RFC 1035 section 4.1.1); anything else must repeat it.
  if (header[2] != 1 || !reader.lower_name(asked) || !reader.u16(type) || !reader.u16(kind)) {
    if (header[2] == 0 && code != 0) return answer_of(Status::kTemporary, fmt::format("response code {}", code));
    return std::nullopt;
  }
  if (asked != lower(name) || type != kTypeNaptr || kind != kClassIn) return std::nullopt;
  if (code == kNoSuchName) return answer_of(Status::kNone, "there is no such name");
  if (code != 0) return answer_of(Status::kTemporary, fmt::format("response code {}", code));
  if ((header[1] & kFlagTruncated) != 0) return answer_of(Status::kTemporary, "the answer does not fit a datagram");
  DnsAnswer out;
  std::vector<Record> records;
  const std::size_t count = std::min<std::size_t>(header[3], kMostRecords);
  for (std::size_t i = 0; i < count; ++i) {
    if (!read_record(reader, records.emplace_back()))
      return answer_of(Status::kMalformed, "a record that is cut short");
  }
  // Aliases: the answer names them in any order; each is used once.
  std::string owner = asked;
  for (std::size_t hops = 0; hops < records.size(); ++hops) {
    const auto alias = std::find_if(records.begin(), records.end(),
                                    [&](const Record& one) { return one.type == kTypeCname && one.owner == owner; });
    if (alias == records.end()) break;
    DnsReader target(bytes);
    target.move_to(alias->data);
    alias->type = 0;
    if (!target.lower_name(owner)) return answer_of(Status::kMalformed, "an alias that cannot be read");
  }
  for (const Record& record : records) {
    if (record.type != kTypeNaptr || record.owner != owner) continue;
    Naptr naptr;
    if (!read_naptr(DnsReader(bytes), record, naptr))
      return answer_of(Status::kMalformed, "a NAPTR record that cannot be read");
    out.records.push_back(std::move(naptr));
  }
  out.status = out.records.empty() ? Status::kNone : Status::kFound;
  if (out.records.empty()) out.detail = "there is no NAPTR record";
  return out;
}

DnsClient::DnsClient(net::asio::any_io_executor executor, Options options, net::RandomSource random)
    : executor_(std::move(executor)), options_(std::move(options)), random_(std::move(random)) {}

awaitable<DnsAnswer> DnsClient::naptr(std::string name) {
  DnsAnswer last;
  for (int i = 0; i < std::max(options_.tries, 1); ++i) {
    std::array<std::uint8_t, 2> bytes{};
    random_(bytes);
    const auto id = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
    auto query = naptr_query(id, name);
    if (!query) {
      last = answer_of(Status::kMalformed, query.error().message);
      co_return last;
    }
    ++queries_;
    last = co_await one_try(std::move(*query), id, name);
    if (last.status != Status::kTemporary) co_return last;
  }
  co_return last;
}

awaitable<DnsAnswer> DnsClient::one_try(std::string query, std::uint16_t id, std::string name) {
  error_code ec;
  const auto address = boost::asio::ip::make_address(options_.server.address, ec);
  if (ec) co_return answer_of(Status::kTemporary, options_.server.address + " is no numeric address");
  udp::socket socket(executor_);
  const udp::endpoint server(address, options_.server.port);
  socket.open(server.protocol(), ec);
  // Connected: datagrams of others do not arrive, and a closed port is told at once.
  if (!ec) socket.connect(server, ec);
  if (!ec)
    co_await socket.async_send(boost::asio::buffer(query), boost::asio::redirect_error(boost::asio::use_awaitable, ec));
  if (ec) co_return answer_of(Status::kTemporary, "cannot ask: " + ec.message());
  boost::asio::steady_timer timer(executor_,
                                  std::chrono::duration_cast<std::chrono::steady_clock::duration>(options_.timeout));
  bool expired = false;
  timer.async_wait([&socket, &expired](const error_code& stopped) {
    if (stopped) return;
    expired = true;
    error_code ignored;
    socket.cancel(ignored);
  });
  std::string buffer(kLargestAnswer, '\0');
  DnsAnswer out = answer_of(Status::kTemporary, "no answer");
  constexpr int kMostForeign = 64;  // datagrams that answer nothing; more are an attack
  for (int i = 0; i < kMostForeign; ++i) {
    const std::size_t size = co_await socket.async_receive(boost::asio::buffer(buffer),
                                                           boost::asio::redirect_error(boost::asio::use_awaitable, ec));
    if (ec) {
      if (!expired) out.detail = ec.message();
      break;
    }
    if (auto answer = parse_naptr_answer(std::string_view(buffer).substr(0, size), id, name); answer) {
      out = std::move(*answer);
      break;
    }
  }
  timer.cancel();
  // The timer's handler refers to this frame: let it run before the frame goes.
  co_await boost::asio::post(executor_, boost::asio::use_awaitable);
  co_return out;
}

std::string uri_of_regexp(std::string_view regexp) {
  if (regexp.size() < 3) return {};
  const char delimiter = regexp.front();
  std::array<std::string, 3> parts;
  std::size_t part = 0;
  for (std::size_t i = 1; i < regexp.size(); ++i) {
    if (regexp[i] == '\\' && i + 1 < regexp.size() && regexp[i + 1] == delimiter) {
      parts[part].push_back(regexp[++i]);
    } else if (regexp[i] == delimiter) {
      if (++part == parts.size()) return {};
    } else {
      parts[part].push_back(regexp[i]);
    }
  }
  // RFC 4848 section 2.2: the expression is ".*" and the replacement a URI, so there is nothing to refer back to.
  const bool whole = parts[0] == ".*" || parts[0] == "^.*$";
  return part == 2 && whole && parts[1].find('\\') == std::string::npos ? parts[1] : "";
}

std::vector<Found> servers_in(const std::vector<Naptr>& records, const std::vector<std::string>& services,
                              const std::string& name) {
  std::vector<Found> out;
  for (const Naptr& record : records) {
    if (lower(record.flags) != "u") continue;
    const bool wanted = std::any_of(services.begin(), services.end(),
                                    [&](const std::string& one) { return lower(one) == lower(record.service); });
    const std::string uri = uri_of_regexp(record.regexp);
    if (!wanted || !net::Url::parse(uri)) continue;
    out.push_back({uri, record.order, record.preference, name});
  }
  std::stable_sort(out.begin(), out.end(), [](const Found& a, const Found& b) {
    return std::pair(a.order, a.preference) < std::pair(b.order, b.preference);
  });
  return out;
}

namespace {

// RFC 8686 section 3.4: by the length of what is asked about, the lengths of the names to look up.
struct Lengths {
  int least;
  int first;
};
constexpr Lengths kFour[] = {{32, 32}, {24, 24}, {16, 16}, {8, 8}};
constexpr Lengths kSix[] = {{128, 128}, {64, 64}, {56, 56}, {48, 48}, {40, 40}, {32, 32}};

std::string reverse_name(const IpAddress& address, int bits) {
  std::string out;
  if (address.v6) {
    for (int nibble = bits / 4 - 1; nibble >= 0; --nibble) {
      const std::uint8_t byte = address.bytes[static_cast<std::size_t>(nibble / 2)];
      out += fmt::format("{:x}.", nibble % 2 == 0 ? byte >> 4 : byte & 15);
    }
    return out + "ip6.arpa";
  }
  for (int octet = bits / 8 - 1; octet >= 0; --octet)
    out += fmt::format("{}.", address.bytes[static_cast<std::size_t>(octet)]);
  return out + "in-addr.arpa";
}

}  // namespace

Result<std::vector<std::string>> reverse_names(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return net::Error{ErrorKind::kLocal, fmt::format("'{}': {}", text, why)};
  };
  const bool v6 = text.find(':') != std::string_view::npos;
  const auto parsed = parse_prefix(v6 ? kIpv6 : kIpv4, text);
  if (!parsed) return bad("no address or prefix");
  const int length = parsed->prefix.length;
  std::vector<std::string> out;
  const auto fill = [&](const auto& table) {
    for (const Lengths& row : table) {
      if (length >= row.least) out.push_back(reverse_name(parsed->prefix.address, row.first));
    }
  };
  v6 ? fill(kSix) : fill(kFour);
  if (out.empty()) return bad(fmt::format("a prefix of length {} is too short for discovery", length));
  return out;
}

awaitable<DnsAnswer> Discovery::ask(std::string name) {
  const std::string key = lower(name);
  if (const auto known = failures_.find(key); known != failures_.end() && clock_.now() < known->second.until) {
    DnsAnswer out = known->second.answer;
    out.detail += " (asked a short time ago)";
    co_return out;
  }
  DnsAnswer answer = co_await dns_.naptr(name);
  if (answer.status == Status::kFound) co_return answer;
  constexpr std::size_t kMostRemembered = 1000;
  if (failures_.size() >= kMostRemembered) failures_.clear();
  // What may change soon is asked again sooner.
  const net::Duration wait = answer.status == Status::kTemporary ? net::Duration(std::chrono::seconds(30))
                                                                 : net::Duration(std::chrono::minutes(5));
  failures_[key] = {clock_.now() + wait, answer};
  co_return answer;
}

awaitable<Discovered> Discovery::own(std::vector<std::string> domains) {
  Discovered out;
  const std::vector<std::string> services{std::string(kServiceHttps), std::string(kServiceHttp)};
  for (const std::string& domain : domains) {
    const DnsAnswer answer = co_await ask(domain);
    out.temporary = out.temporary || answer.status == Status::kTemporary;
    out.servers = servers_in(answer.records, services, domain);
    const bool other = answer.status == Status::kFound && out.servers.empty();
    out.detail += fmt::format("{}{}: {}", out.detail.empty() ? "" : "; ", domain,
                              other                 ? "no NAPTR record is of ALTO"
                              : out.servers.empty() ? answer.detail
                                                    : fmt::format("{} servers", out.servers.size()));
    if (!out.servers.empty()) break;
  }
  co_return out;
}

awaitable<Result<Discovered>> Discovery::cross_domain(std::string address_or_prefix, std::string service) {
  const auto names = reverse_names(address_or_prefix);
  if (!names) co_return names.error();
  if (lower(service) != lower(kServiceHttp) && lower(service) != lower(kServiceHttps)) {
    const net::Error error{ErrorKind::kLocal, fmt::format("'{}' is no service; there are {} and {}", service,
                                                          kServiceHttp, kServiceHttps)};
    co_return error;
  }
  const std::vector<std::string> services{service};
  Discovered out;
  std::vector<std::string> again;
  // Temporary failures are tried again only when every name has been asked once (RFC 8686 section 3.5).
  for (const bool second : {false, true}) {
    const std::vector<std::string> round = second ? again : *names;
    for (const std::string& name : round) {
      if (second) failures_.erase(lower(name));
      const DnsAnswer answer = co_await ask(name);
      if (answer.status == Status::kTemporary && !second) again.push_back(name);
      out.temporary = out.temporary || answer.status == Status::kTemporary;
      out.servers = servers_in(answer.records, services, name);
      out.detail += fmt::format("{}{}: {}", out.detail.empty() ? "" : "; ", name,
                                !out.servers.empty()              ? fmt::format("{} servers", out.servers.size())
                                : answer.status == Status::kFound ? "no NAPTR record is of this service"
                                                                  : answer.detail);
      if (!out.servers.empty()) co_return out;
    }
  }
  co_return out;
}

}  // namespace peerscope::alto
