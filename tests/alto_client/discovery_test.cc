// SPDX-License-Identifier: GPL-2.0-or-later
// Discovery against a DNS server on loopback that answers, denies, fails, lies and floods.
#include "reference-impl/alto/discovery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

namespace peerscope::alto {
namespace {

using boost::asio::ip::udp;
using Status = DnsAnswer::Status;

void put16(std::string& out, unsigned value) {
  out.push_back(static_cast<char>(value >> 8 & 0xff));
  out.push_back(static_cast<char>(value & 0xff));
}
std::string text(const std::string& value) {
  return static_cast<char>(value.size()) + value;
}
std::string labels(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    out += text(std::string(name.substr(0, dot)));
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return out + '\0';
}
std::string naptr(unsigned order, unsigned preference, const std::string& flags, const std::string& service,
                  const std::string& regexp) {
  std::string out;
  put16(out, order);
  put16(out, preference);
  return out + text(flags) + text(service) + text(regexp) + '\0';
}
// A record of the name at offset 12, by a pointer.
std::string record(unsigned type, const std::string& data, const std::string& owner = "\xc0\x0c") {
  std::string out = owner;
  put16(out, type);
  put16(out, 1);
  out += std::string(4, '\0');
  put16(out, static_cast<unsigned>(data.size()));
  return out + data;
}
std::string response(unsigned id, const std::string& name, unsigned code, const std::vector<std::string>& records,
                     unsigned flags = 0x8180) {
  std::string out;
  put16(out, id);
  put16(out, flags | code);
  for (const unsigned count : {1U, static_cast<unsigned>(records.size()), 0U, 0U}) put16(out, count);
  out += labels(name);
  put16(out, 35);
  put16(out, 1);
  for (const std::string& one : records) out += one;
  return out;
}
std::string https_record(const std::string& uri) {
  return record(35, naptr(100, 10, "u", "ALTO:https", "!.*!" + uri + "!"));
}

// Answers each query by what `zone` makes of its ID and name; several datagrams, or none.
class DnsServer {
 public:
  using Zone = std::function<std::vector<std::string>(unsigned id, const std::string& name)>;
  explicit DnsServer(Zone zone) : zone_(std::move(zone)) {
    receive();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~DnsServer() {
    context_.stop();
    thread_.join();
  }
  net::Endpoint endpoint() const { return {"127.0.0.1", socket_.local_endpoint().port()}; }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void receive() {
    socket_.async_receive_from(
        boost::asio::buffer(buffer_), from_, [this](const boost::system::error_code& ec, std::size_t size) {
          if (ec) return;
          const std::string_view query(buffer_.data(), size);
          std::string name;
          for (std::size_t at = 12; at < size && query[at] != 0;) {
            const std::size_t length = static_cast<unsigned char>(query[at]);
            name += (name.empty() ? "" : ".") + std::string(query.substr(at + 1, length));
            at += 1 + length;
          }
          {
            const std::lock_guard lock(mutex_);
            asked_.push_back(name);
          }
          const unsigned id =
              static_cast<unsigned>(static_cast<unsigned char>(query[0])) << 8 | static_cast<unsigned char>(query[1]);
          for (const std::string& datagram : zone_(id, name)) {
            boost::system::error_code ignored;
            socket_.send_to(boost::asio::buffer(datagram), from_, 0, ignored);
          }
          receive();
        });
  }
  Zone zone_;
  boost::asio::io_context context_{1};
  udp::socket socket_{context_, udp::endpoint(boost::asio::ip::make_address("127.0.0.1"), 0)};
  udp::endpoint from_;
  std::array<char, 2048> buffer_{};
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::thread thread_;
};

class Resolver {
 public:
  explicit Resolver(const net::Endpoint& server, std::chrono::milliseconds timeout = std::chrono::milliseconds(300)) {
    DnsClient::Options options;
    options.server = server;
    options.timeout = timeout;
    dns.emplace(context.get_executor(), options);
    clock.emplace(context.get_executor());
    discovery.emplace(*dns, *clock);
  }
  template <class T>
  T run(net::asio::awaitable<T> operation) {
    std::optional<T> out;
    net::asio::co_spawn(context, std::move(operation), [&](const std::exception_ptr& problem, T result) {
      EXPECT_FALSE(problem);
      out.emplace(std::move(result));
    });
    context.restart();
    while (!out && context.run_one() > 0) {
    }
    return std::move(*out);
  }
  boost::asio::io_context context{1};
  std::optional<DnsClient> dns;
  std::optional<net::SystemClock> clock;
  std::optional<Discovery> discovery;
};

// ---- the vectors of sheet section 27 ----

TEST(ReverseNames, FollowTheTableOfRfc8686) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(*reverse_names("192.0.2.77"),
            (Names{"77.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa", "0.192.in-addr.arpa", "192.in-addr.arpa"}));
  EXPECT_EQ(*reverse_names("192.0.2.0/24"), (Names{"2.0.192.in-addr.arpa", "0.192.in-addr.arpa", "192.in-addr.arpa"}));
  EXPECT_EQ(*reverse_names("192.0.2.0/31"), *reverse_names("192.0.2.0/24"));
  EXPECT_EQ(*reverse_names("192.0.0.0/16"), (Names{"0.192.in-addr.arpa", "192.in-addr.arpa"}));
  EXPECT_EQ(*reverse_names("192.0.0.0/15"), (Names{"192.in-addr.arpa"}));
  EXPECT_FALSE(reverse_names("192.0.0.0/7"));
  const auto six = reverse_names("2001:db8:1234:5678:9abc:def0:1234:5678");
  ASSERT_TRUE(six);
  ASSERT_EQ(six->size(), 6U);
  EXPECT_EQ((*six)[0], "8.7.6.5.4.3.2.1.0.f.e.d.c.b.a.9.8.7.6.5.4.3.2.1.8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_EQ((*six)[1], "8.7.6.5.4.3.2.1.8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_EQ((*six)[2], "6.5.4.3.2.1.8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_EQ((*six)[3], "4.3.2.1.8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_EQ((*six)[4], "2.1.8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_EQ((*six)[5], "8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_EQ(reverse_names("2001:db8::/64")->size(), 5U);
  EXPECT_EQ(reverse_names("2001:db8::/63")->size(), 4U);
  EXPECT_EQ(reverse_names("2001:db8::/32")->size(), 1U);
  EXPECT_FALSE(reverse_names("2001:db8::/31"));
  EXPECT_FALSE(reverse_names("example.net"));
  EXPECT_FALSE(reverse_names(""));
}

TEST(Naptr, OnlyTheFormOfUNaptrGivesAUri) {
  EXPECT_EQ(uri_of_regexp("!.*!https://alto.example.net/ird!"), "https://alto.example.net/ird");
  EXPECT_EQ(uri_of_regexp("/.*/https:\\/\\/a.example\\/x/"), "https://a.example/x");
  for (const char* bad : {"", "!", "!!", "!.*!https://a/", "!foo!https://a/!", "!.*!https://a/\\1!", "!.*!a!i!x!"})
    EXPECT_EQ(uri_of_regexp(bad), "") << bad;
}

TEST(Naptr, RecordsAreUsedByOrderThenPreference) {
  const auto one = [](std::uint16_t order, std::uint16_t preference, const char* flags, const char* service,
                      const char* uri) {
    return Naptr{order, preference, flags, service, std::string("!.*!") + uri + "!", ""};
  };
  const std::vector<Naptr> records = {
      one(200, 1, "u", "ALTO:https", "https://third/"),  one(100, 20, "U", "alto:HTTPS", "https://second/"),
      one(100, 10, "u", "ALTO:https", "https://first/"), one(1, 1, "s", "ALTO:https", "https://no-uri-flag/"),
      one(1, 1, "u", "SIP:https", "https://no-alto/"),   one(1, 1, "u", "ALTO:https", "mailto:x"),
      one(1, 1, "u", "ALTO:http", "http://clear/")};
  std::string order;
  for (const Found& found : servers_in(records, {std::string(kServiceHttps)}, "n")) order += found.uri + " ";
  EXPECT_EQ(order, "https://first/ https://second/ https://third/ ");
  EXPECT_EQ(servers_in(records, {std::string(kServiceHttp)}, "n").front().uri, "http://clear/");
}

// ---- wire ----

TEST(DnsWire, NamesThatNoMessageHoldsAreRefused) {
  EXPECT_TRUE(naptr_query(1, "example.net."));
  EXPECT_FALSE(naptr_query(1, ""));
  EXPECT_FALSE(naptr_query(1, "a..b"));
  EXPECT_FALSE(naptr_query(1, std::string(64, 'a') + ".net"));
  std::string longest;
  for (int i = 0; i < 130; ++i) longest += "a.";
  EXPECT_FALSE(naptr_query(1, longest + "a"));
}

TEST(DnsWire, AnswersOfOthersAreNoAnswers) {
  const std::string good = response(7, "example.net", 0, {https_record("https://a/")});
  EXPECT_EQ(parse_naptr_answer(good, 7, "Example.NET")->status, Status::kFound);
  EXPECT_FALSE(parse_naptr_answer(good, 8, "example.net"));
  EXPECT_FALSE(parse_naptr_answer(good, 7, "example.org"));
  EXPECT_FALSE(parse_naptr_answer(response(7, "example.net", 0, {}, 0x0100), 7, "example.net"));
  EXPECT_FALSE(parse_naptr_answer("", 7, "example.net"));
}

TEST(DnsWire, StatusSaysWhetherToTryAgain) {
  const auto status = [](unsigned code, unsigned flags = 0x8180) {
    return parse_naptr_answer(response(7, "n", code, {}, flags), 7, "n")->status;
  };
  EXPECT_EQ(status(0), Status::kNone);
  EXPECT_EQ(status(3), Status::kNone);
  EXPECT_EQ(status(2), Status::kTemporary);
  EXPECT_EQ(status(5), Status::kTemporary);
  EXPECT_EQ(status(0, 0x8380), Status::kTemporary);  // truncated
}

TEST(DnsWire, AliasesAreFollowedWithinTheAnswer) {
  const std::string owner = labels("real.example");
  const auto answer = parse_naptr_answer(
      response(7, "n", 0, {record(35, naptr(1, 1, "u", "ALTO:https", "!.*!https://a/!"), owner), record(5, owner)}), 7,
      "n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->records.size(), 1U);
  const auto circle = parse_naptr_answer(response(7, "n", 0, {record(5, "\xc0\x0c"), record(5, "\xc0\x0c")}), 7, "n");
  ASSERT_TRUE(circle);
  EXPECT_EQ(circle->status, Status::kNone);
}

TEST(DnsWire, EveryCutAndEveryFlippedByteIsSurvived) {
  const std::string owner = labels("real.example");
  const std::string good =
      response(7, "n", 0,
               {record(5, owner), record(35, naptr(1, 1, "u", "ALTO:https", "!.*!https://a/!"), owner),
                https_record("https://b/")});
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto cut = parse_naptr_answer(good.substr(0, size), 7, "n");
    if (!cut) continue;
    EXPECT_EQ(cut->status, Status::kMalformed) << size;
  }
  std::mt19937 random(1);
  std::size_t read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (int flips = 0; flips < 3; ++flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    const auto answer = parse_naptr_answer(bytes, 7, "n");
    if (answer) read += answer->records.size() <= 256 ? 1 : 0;
  }
  EXPECT_GT(read, 0U);
  // A pointer to itself, and forward.
  for (const std::string pointer : {"\xc0\x1d", "\xc0\xff", "\xff\xff"}) {
    const auto answer = parse_naptr_answer(response(7, "n", 0, {record(35, "x", pointer)}), 7, "n");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, Status::kMalformed);
  }
}

// ---- against a server ----

TEST(Discovery, OwnNetworkTakesTheFirstNameThatHasAServer) {
  DnsServer server([](unsigned id, const std::string& name) -> std::vector<std::string> {
    if (name == "six.example") return {response(id, name, 3, {})};
    if (name == "other.example")
      return {response(id, name, 0, {record(35, naptr(1, 1, "u", "SIP+D2U", "!.*!sip:x!"))})};
    return {response(id, name, 0, {https_record("https://alto." + name + "/ird")})};
  });
  Resolver resolver(server.endpoint());
  const auto found = resolver.run(resolver.discovery->own({"six.example", "other.example", "four.example"}));
  ASSERT_EQ(found.servers.size(), 1U);
  EXPECT_EQ(found.servers[0].uri, "https://alto.four.example/ird");
  EXPECT_FALSE(found.temporary);
  EXPECT_NE(found.detail.find("six.example: there is no such name"), std::string::npos);
  EXPECT_NE(found.detail.find("other.example: no NAPTR record is of ALTO"), std::string::npos);
}

TEST(Discovery, AFailedNameIsNotAskedAgainAtOnce) {
  DnsServer server(
      [](unsigned id, const std::string& name) -> std::vector<std::string> { return {response(id, name, 3, {})}; });
  Resolver resolver(server.endpoint());
  EXPECT_TRUE(resolver.run(resolver.discovery->own({"n.example"})).servers.empty());
  EXPECT_TRUE(resolver.run(resolver.discovery->own({"N.example."})).servers.empty());
  EXPECT_EQ(server.asked().size(), 1U);
  resolver.discovery->forget();  // another address: everything anew
  EXPECT_TRUE(resolver.run(resolver.discovery->own({"n.example"})).servers.empty());
  EXPECT_EQ(server.asked().size(), 2U);
}

TEST(Discovery, CrossDomainGoesThroughTheTableUntilOneNameHasAServer) {
  DnsServer server([](unsigned id, const std::string& name) -> std::vector<std::string> {
    if (name == "0.192.in-addr.arpa") return {response(id, name, 0, {https_record("https://isp.example/alto")})};
    return {response(id, name, 3, {})};
  });
  Resolver resolver(server.endpoint());
  const auto found = resolver.run(resolver.discovery->cross_domain("192.0.2.77"));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->servers.size(), 1U);
  EXPECT_EQ(found->servers[0], (Found{"https://isp.example/alto", 100, 10, "0.192.in-addr.arpa"}));
  EXPECT_EQ(server.asked(),
            (std::vector<std::string>{"77.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa", "0.192.in-addr.arpa"}));
  const auto clear = resolver.run(resolver.discovery->cross_domain("192.0.2.77", "ALTO:http"));
  ASSERT_TRUE(clear);
  EXPECT_TRUE(clear->servers.empty());
  EXPECT_FALSE(resolver.run(resolver.discovery->cross_domain("192.0.2.77", "SIP")));
  EXPECT_FALSE(resolver.run(resolver.discovery->cross_domain("10.0.0.0/7")));
}

TEST(Discovery, TemporaryFailuresAreTriedAgainOnlyAfterAllNames) {
  std::atomic<int> first = 0;
  DnsServer server([&](unsigned id, const std::string& name) -> std::vector<std::string> {
    const bool long_name = name == "77.2.0.192.in-addr.arpa";
    // Two tries are of the DNS client itself; the third question is the second round's.
    if (long_name && ++first > 2) return {response(id, name, 0, {https_record("https://late.example/")})};
    return {response(id, name, long_name ? 2 : 3, {})};
  });
  Resolver resolver(server.endpoint());
  const auto found = resolver.run(resolver.discovery->cross_domain("192.0.2.77"));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->servers.size(), 1U);
  EXPECT_EQ(found->servers[0].uri, "https://late.example/");
  EXPECT_TRUE(found->temporary);
  const auto asked = server.asked();
  ASSERT_EQ(asked.size(), 6U);
  EXPECT_EQ(asked[4], "192.in-addr.arpa");
  EXPECT_EQ(asked[5], "77.2.0.192.in-addr.arpa");
}

TEST(Discovery, SilenceGarbageAndFloodsEnd) {
  DnsServer server([](unsigned id, const std::string& name) -> std::vector<std::string> {
    if (name == "silent") return {};
    if (name == "garbage")
      return {"", "x", std::string(2000, '\xff'), response(id + 1, name, 0, {https_record("https://evil/")}),
              response(id, name, 0, {https_record("https://good/")})};
    return std::vector<std::string>(200, response(id + 1, name, 0, {https_record("https://evil/")}));
  });
  Resolver resolver(server.endpoint(), std::chrono::milliseconds(150));
  const auto silent = resolver.run(resolver.dns->naptr("silent"));
  EXPECT_EQ(silent.status, Status::kTemporary);
  EXPECT_EQ(silent.detail, "no answer");
  EXPECT_EQ(server.asked().size(), 2U);
  const auto garbage = resolver.run(resolver.dns->naptr("garbage"));
  ASSERT_EQ(garbage.status, Status::kFound);
  EXPECT_EQ(garbage.records.front().regexp, "!.*!https://good/!");
  EXPECT_EQ(resolver.run(resolver.dns->naptr("flood")).status, Status::kTemporary);
  EXPECT_EQ(resolver.run(resolver.dns->naptr(std::string(300, 'a'))).status, Status::kMalformed);
}

}  // namespace
}  // namespace peerscope::alto
