// SPDX-License-Identifier: GPL-2.0-or-later
// Finding an ALTO server: for the own network by a domain name (RFC 7286), or for somebody else's address through the
// reverse tree of the DNS (RFC 8686). With a small DNS client: NAPTR over UDP, one question a datagram.
//
// Not covered: how the domain name is learned (DHCP options; it is given by the caller), answers over TCP, DNSSEC.
// Ownership: executor and clock must outlive the objects. Failure: in the values; no answer of a DNS server throws, and
// its length, its pointers and its records are bounded. Threading: one executor, one call at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/alto/address.h"
#include "reference-impl/net/auth.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/result.h"

namespace peerscope::alto {

// RFC 3403 section 4.1.
struct Naptr {
  std::uint16_t order = 0;
  std::uint16_t preference = 0;
  std::string flags;
  std::string service;
  std::string regexp;
  std::string replacement;
};

struct DnsAnswer {
  enum class Status {
    kFound,      // there are records of the type
    kNone,       // the name does not exist, or has none of the type
    kTemporary,  // no answer, or a server that cannot answer now: worth another try later
    kMalformed,  // an answer that is none
  };
  Status status = Status::kTemporary;
  std::vector<Naptr> records;
  std::string detail;
};

// Wire forms, without sockets. A query names its ID; kLocal for a name that no DNS message can hold.
net::Result<std::string> naptr_query(std::uint16_t id, std::string_view name);
// Nothing when it is not the answer to that query: somebody else's datagram.
std::optional<DnsAnswer> parse_naptr_answer(std::string_view bytes, std::uint16_t id, std::string_view name);

class DnsClient {
 public:
  struct Options {
    net::Endpoint server{"127.0.0.1", 53};            // a numeric address
    net::Duration timeout = std::chrono::seconds(2);  // of one try
    int tries = 2;
  };
  DnsClient(net::asio::any_io_executor executor, Options options, net::RandomSource random = net::system_random());

  net::asio::awaitable<DnsAnswer> naptr(std::string name);
  std::uint64_t queries() const { return queries_; }

 private:
  net::asio::awaitable<DnsAnswer> one_try(std::string query, std::uint16_t id, std::string name);

  net::asio::any_io_executor executor_;
  Options options_;
  net::RandomSource random_;
  std::uint64_t queries_ = 0;
};

// A directory that discovery found.
struct Found {
  std::string uri;
  std::uint16_t order = 0;
  std::uint16_t preference = 0;
  std::string name;  // the domain name that has the record
  friend bool operator==(const Found&, const Found&) = default;
};
struct Discovered {
  std::vector<Found> servers;  // the first is to be tried first
  bool temporary = false;      // something failed that may work later (A-XD-07)
  std::string detail;          // what was asked and what came, for people
};

inline constexpr std::string_view kServiceHttp = "ALTO:http";
inline constexpr std::string_view kServiceHttps = "ALTO:https";

// The servers that U-NAPTR records name for these services (RFC 4848), by order, then by preference.
std::vector<Found> servers_in(const std::vector<Naptr>& records, const std::vector<std::string>& services,
                              const std::string& name);
// The URI of a U-NAPTR regexp, "!.*!https://alto.example.net/ird!"; empty when it has another form.
std::string uri_of_regexp(std::string_view regexp);

// "192.0.2.77" or "192.0.2.0/24": the names of RFC 8686 section 3.2 in the order of its table. kLocal for prefixes too
// short and for what is no address.
net::Result<std::vector<std::string>> reverse_names(std::string_view address_or_prefix);

class Discovery {
 public:
  Discovery(DnsClient& dns, net::Clock& clock) : dns_(dns), clock_(clock) {}

  // RFC 7286: the own network's name, one for each interface and family; the first that has a server counts.
  net::asio::awaitable<Discovered> own(std::vector<std::string> domains);
  // RFC 8686. An error for bad parameters; an empty list when nothing is found.
  net::asio::awaitable<net::Result<Discovered>> cross_domain(std::string address_or_prefix,
                                                             std::string service = std::string(kServiceHttps));
  // The addresses of this host changed: what was learned is void (A-DISC-09).
  void forget() { failures_.clear(); }

 private:
  struct Failure {
    net::SteadyTime until;
    DnsAnswer answer;
  };
  // Asks unless the same question failed a short time ago (A-DISC-07).
  net::asio::awaitable<DnsAnswer> ask(std::string name);

  DnsClient& dns_;
  net::Clock& clock_;
  std::map<std::string, Failure> failures_;
};

}  // namespace peerscope::alto
