// SPDX-License-Identifier: GPL-2.0-or-later
// The reference peer against the reference tracker in memory, on a manual clock.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reference-impl/net/http_client.h"
#include "reference-impl/net/http_server.h"
#include "reference-impl/net/memory_network.h"
#include "reference-impl/net/tls.h"
#include "reference-impl/ppstp/peer.h"
#include "reference-impl/ppstp/tracker.h"
#include "tests/ppstp/tracker_fixture.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frame allocator of Asio's coroutines for a mismatch once it has inlined half of it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace peerscope::ppstp::testing {
namespace {

namespace asio = net::asio;

// Tracker, transport and peer in one place. `answer_instead`, when it gives something, answers in the tracker's place.
class Net {
 public:
  explicit Net(PeerOptions options = {}, std::uint64_t fail_at = 0, std::string spec = {})
      : failures(fail_at),
        tracker(std::make_unique<Tracker>(clock, TrackerOptions{}, access(std::move(spec)))),
        channel(clock, handler(), memory()),
        peer(clock, channel, named(std::move(options))) {
    clock.set_pump([this] {
      context.restart();
      context.poll();
    });
  }
  ~Net() { clock.set_pump({}); }

  template <class T>
  T run(asio::awaitable<T> work, net::Duration limit = std::chrono::seconds(1000)) {
    std::optional<T> result;
    asio::co_spawn(context, std::move(work), [&](const std::exception_ptr&, T value) { result = std::move(value); });
    wait([&] { return result.has_value(); }, limit);
    return result ? std::move(*result) : T{};
  }
  void run(asio::awaitable<void> work, net::Duration limit) {
    bool done = false;
    asio::co_spawn(context, std::move(work), [&](const std::exception_ptr&) { done = true; });
    wait([&] { return done; }, limit);
  }
  void wait(const std::function<bool()>& done, net::Duration limit) {
    context.restart();
    context.poll();
    const net::SteadyTime end = clock.now() + limit;
    while (!done() && clock.now() < end) clock.advance(std::chrono::milliseconds(50));
    EXPECT_TRUE(done());
  }
  std::vector<Request> decoded() const {
    std::vector<Request> all;
    for (const net::HttpRequest& request : requests) {
      Message message;
      decode(request.body, message);
      all.push_back(request_of(message) != nullptr ? *request_of(message) : Request{});
    }
    return all;
  }
  std::vector<std::string> types() const {
    std::vector<std::string> all;
    for (const Request& request : decoded()) all.push_back(request.request_type.value_or("-"));
    return all;
  }

  net::ManualClock clock;
  asio::io_context context{1};
  net::FailCounter failures;
  std::unique_ptr<Tracker> tracker;
  std::vector<net::HttpRequest> requests;
  std::function<std::optional<net::Reply>(std::size_t number, const net::HttpRequest&)> answer_instead;
  net::MemoryChannel channel;
  Peer peer;

 private:
  std::unique_ptr<Access> access(std::string spec) {
    if (spec.empty()) return nullptr;
    return std::move(*Access::parse(Access::Scheme::kDigest, spec, clock, std::string(kRealm)));
  }
  net::Handler handler() {
    return [this](net::HttpRequest&& request, const net::ConnectionInfo& connection, net::Responder respond) {
      requests.push_back(request);
      std::optional<net::Reply> other;
      if (answer_instead) other = answer_instead(requests.size(), request);
      respond(other ? std::move(*other) : tracker->handle(request, connection));
    };
  }
  net::MemoryOptions memory() {
    net::MemoryOptions options;
    options.failures = &failures;
    return options;
  }
  static PeerOptions named(PeerOptions options) {
    if (options.peer_id.empty()) options.peer_id = "peer-1";
    if (options.addresses.empty()) options.addresses = {address("192.0.2.9"), address("2001:db8::9", 6778, 2)};
    return options;
  }
};

PeerOptions with(PeerDefect defect) {
  PeerOptions options;
  options.defects.add(defect);
  return options;
}

TEST(PeerSession, ConnectFindReportLeave) {
  Net net;
  EXPECT_TRUE(net.run(net.peer.connect({{"x", false}, {"y", true}})).ok());
  EXPECT_EQ(net.peer.joined().size(), 2U);
  net.peer.count("x", 100, 200);
  EXPECT_TRUE(net.run(net.peer.find("x", 5)).ok());
  EXPECT_TRUE(net.run(net.peer.report()).ok());
  EXPECT_TRUE(net.run(net.peer.report(false)).ok());
  EXPECT_TRUE(net.run(net.peer.leave()).ok());
  EXPECT_TRUE(net.peer.joined().empty());
  EXPECT_EQ(net.tracker->registry().peers(), 0U);
  std::set<std::string> ids;
  for (const Request& request : net.decoded()) ids.insert(request.transaction_id.value_or(""));
  EXPECT_EQ(ids.size(), net.requests.size()) << "every transaction has its own id";
  const auto stats = net.decoded()[2].stat_report->stat;
  ASSERT_EQ(stats.size(), 2U);
  EXPECT_EQ(stats[0].uploaded_bytes, 100);
  EXPECT_EQ(stats[0].downloaded_bytes, 200);
  EXPECT_EQ(net.decoded()[4].connect->swarm_action[1].peer_mode, kSeeder);
  for (const net::HttpRequest& request : net.requests) {
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.headers.get("Content-Type"), kMediaType);
    Message message;
    decode(request.body, message);
    EXPECT_TRUE(message.issues.empty()) << request.body;
  }
}

TEST(PeerRetry, InvalidAnswersMakeTheIdenticalRequestGoOutAgain) {
  for (const char* garbage :
       {"", "{", "<html>",
        R"({"PPSPTrackerProtocol":{"version":1,"response_type":0,"error_code":0,"transaction_id":"other"}})",
        R"({"PPSPTrackerProtocol":{"version":1,"response_type":0,"error_code":3,"transaction_id":"other"}})"}) {
    Net net;
    net.answer_instead = [&](std::size_t number, const net::HttpRequest&) -> std::optional<net::Reply> {
      if (number > 1) return std::nullopt;
      net::HttpResponse response;
      response.headers.add("Content-Type", kMediaType);
      response.body = garbage;
      return net::Reply(std::move(response));
    };
    const net::SteadyTime start = net.clock.now();
    EXPECT_TRUE(net.run(net.peer.connect({{"x", false}})).ok()) << garbage;
    ASSERT_EQ(net.requests.size(), 2U);
    EXPECT_EQ(net.requests[0].body, net.requests[1].body);
    EXPECT_GE(net.clock.now() - start, std::chrono::seconds(1));
  }
}

TEST(PeerRetry, GivesUpAfterThreeRepetitionsInSevenSeconds) {
  Net net;
  net.answer_instead = [](std::size_t, const net::HttpRequest&) {
    net::HttpResponse response;
    response.status = 500;
    response.body = "oops";
    return net::Reply(std::move(response));
  };
  const net::SteadyTime start = net.clock.now();
  const Outcome outcome = net.run(net.peer.connect({{"x", false}}));
  EXPECT_EQ(outcome.kind, Outcome::Kind::kInvalid);
  EXPECT_EQ(outcome.attempts, 4);
  EXPECT_EQ(net.requests.size(), 4U);
  const auto took = net.clock.now() - start;
  EXPECT_GE(took, std::chrono::seconds(7));
  EXPECT_LT(took, std::chrono::seconds(8));
}

TEST(PeerRetry, RefusalIsNoReasonToRepeat) {
  Net net;
  const Outcome outcome = net.run(net.peer.find("x"));
  EXPECT_EQ(outcome.kind, Outcome::Kind::kRefused);
  EXPECT_EQ(outcome.code, kForbiddenAction);
  EXPECT_EQ(net.requests.size(), 1U);
}

// Each operation of the transport fails once; the session works all the same, and the tracker ends up empty.
TEST(PeerRetry, SurvivesTheFailureOfAnyOneTransportOperation) {
  for (std::uint64_t fail_at = 1; fail_at < 100; ++fail_at) {
    Net net({}, fail_at);
    EXPECT_TRUE(net.run(net.peer.connect({{"x", true}, {"y", false}})).ok()) << fail_at;
    EXPECT_TRUE(net.run(net.peer.find("y")).ok()) << fail_at;
    EXPECT_TRUE(net.run(net.peer.report()).ok()) << fail_at;
    EXPECT_TRUE(net.run(net.peer.leave()).ok()) << fail_at;
    EXPECT_EQ(net.tracker->registry().peers(), 0U) << fail_at;
    if (!net.failures.failed()) {
      EXPECT_GT(fail_at, 8U);
      return;
    }
  }
  FAIL() << "the session never ended";
}

TEST(PeerReconnect, RegistersAgainWhenTheTrackerHasForgottenIt) {
  Net net;
  net.run(net.peer.connect({{"x", true}}));
  net.tracker = std::make_unique<Tracker>(net.clock, TrackerOptions{});
  const Outcome outcome = net.run(net.peer.report());
  EXPECT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome.reconnected);
  EXPECT_EQ(net.types(), (std::vector<std::string>{"CONNECT", "STAT_REPORT", "CONNECT", "STAT_REPORT"}));
  EXPECT_NE(net.decoded()[1].transaction_id, net.decoded()[3].transaction_id);
}

TEST(PeerReconnect, OnceOnly) {
  Net net;
  TrackerOptions options;
  options.defects.add(TrackerDefect::kReportFails);
  net.tracker = std::make_unique<Tracker>(net.clock, options);
  net.run(net.peer.connect({{"x", false}}));
  EXPECT_EQ(net.run(net.peer.report()).kind, Outcome::Kind::kRefused);
  EXPECT_EQ(net.types(), (std::vector<std::string>{"CONNECT", "STAT_REPORT", "CONNECT", "STAT_REPORT"}));
}

TEST(PeerReconnect, NotForASwarmItIsNotIn) {
  Net net;
  net.run(net.peer.connect({{"x", false}}));
  EXPECT_EQ(net.run(net.peer.find("another")).kind, Outcome::Kind::kRefused);
  EXPECT_EQ(net.requests.size(), 2U);
}

TEST(PeerRetry, CertificateErrorsAreFinal) {
  Net net({}, 1);
  net.failures = net::FailCounter(1, {net::ErrorKind::kTls, "self-signed certificate"});
  EXPECT_EQ(net.run(net.peer.connect({{"x", false}})).kind, Outcome::Kind::kNetwork);
  EXPECT_EQ(net.failures.count(), 1U);
}

TEST(PeerReports, GoOutAtTheIntervalAndKeepTheRegistration) {
  PeerOptions options;
  options.report_interval = std::chrono::seconds(60);
  Net net(options);
  net.run(net.peer.connect({{"x", false}}));
  net.run(net.peer.run(std::chrono::seconds(605)), std::chrono::seconds(700));
  EXPECT_EQ(net.requests.size(), 11U);
  EXPECT_EQ(net.tracker->registry().peers(), 1U);
}

TEST(PeerReports, FollowTheTrackersInterval) {
  Net net;
  TrackerOptions options;
  options.report_interval = 5;
  net.tracker = std::make_unique<Tracker>(net.clock, options);
  net.run(net.peer.connect({{"x", false}}));
  EXPECT_EQ(net.peer.report_interval(), std::chrono::seconds(5));
}

TEST(PeerReports, CountersOnlyGrow) {
  Net net;
  net.run(net.peer.connect({{"x", false}}));
  net.peer.count("x", 10, 20);
  net.peer.count("x", -100, 5);
  net.run(net.peer.report());
  const Stat stat = net.decoded().back().stat_report->stat[0];
  EXPECT_EQ(stat.uploaded_bytes, 10);
  EXPECT_EQ(stat.downloaded_bytes, 25);
}

TEST(PeerAuth, DigestChallengeIsAnsweredOnceAndReused) {
  PeerOptions options;
  options.digest = net::DigestCredentials{"user", "password"};
  Net net(options, 0, "user:password\n");
  EXPECT_TRUE(net.run(net.peer.connect({{"x", false}})).ok());
  EXPECT_TRUE(net.run(net.peer.report()).ok());
  EXPECT_EQ(net.requests.size(), 3U);
  EXPECT_EQ(net.requests[0].body, net.requests[1].body);
}

TEST(PeerAuth, WrongPasswordIsARefusal) {
  PeerOptions options;
  options.digest = net::DigestCredentials{"user", "wrong"};
  Net net(options, 0, "user:password\n");
  const Outcome outcome = net.run(net.peer.connect({{"x", false}}));
  EXPECT_EQ(outcome.kind, Outcome::Kind::kRefused);
  EXPECT_EQ(outcome.code, kAuthenticationRequired);
  EXPECT_LE(net.requests.size(), 3U);
}

// What goes over the wire in a session with every kind of request, one invalid answer and one forgetful tracker.
std::string session(PeerOptions options) {
  options.peer_id = "pe\u00e9r-1";
  Net net(std::move(options));
  net.answer_instead = [](std::size_t number, const net::HttpRequest&) -> std::optional<net::Reply> {
    if (number != 3) return std::nullopt;
    return net::Reply(net::HttpResponse{});
  };
  net.run(net.peer.connect({{"x", true}, {"y", false}}));
  net.run(net.peer.find("y", 5));
  net.peer.count("x", 1000, 0);
  net.run(net.peer.report());
  net.run(net.peer.report());
  net.tracker = std::make_unique<Tracker>(net.clock, TrackerOptions{});
  net.run(net.peer.report(false));
  net.run(net.peer.leave());
  std::string text;
  for (const net::HttpRequest& request : net.requests)
    text += request.method + " " + std::string(request.headers.get("Content-Type")) + " " + request.body + "\n";
  return text;
}

class EachPeerDefect : public ::testing::TestWithParam<std::size_t> {};
TEST_P(EachPeerDefect, ChangesWhatIsSent) {
  static const std::string kRight = session({});
  EXPECT_EQ(session({}), kRight);
  EXPECT_NE(session(with(static_cast<PeerDefect>(GetParam()))), kRight) << peer_defects()[GetParam()].name;
}
INSTANTIATE_TEST_SUITE_P(All, EachPeerDefect,
                         ::testing::Range<std::size_t>(0, static_cast<std::size_t>(PeerDefect::kCount)),
                         [](const auto& row) {
                           std::string name = peer_defects()[row.param].name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(PeerDefect, RetryDefects) {
  const auto garbage_first = [](Net& net) {
    net.answer_instead = [](std::size_t number, const net::HttpRequest&) -> std::optional<net::Reply> {
      if (number > 1) return std::nullopt;
      return net::Reply(net::HttpResponse{});
    };
  };
  Net none(with(PeerDefect::kNoRetry));
  garbage_first(none);
  EXPECT_FALSE(none.run(none.peer.connect({{"x", false}})).ok());
  EXPECT_EQ(none.requests.size(), 1U);
  Net fresh(with(PeerDefect::kNewTransactionIdOnRetry));
  garbage_first(fresh);
  EXPECT_TRUE(fresh.run(fresh.peer.connect({{"x", false}})).ok());
  EXPECT_NE(fresh.decoded()[0].transaction_id, fresh.decoded()[1].transaction_id);
}

// The one test with sockets and TLS.
TEST(PeerHttps, SessionOverLoopback) {
  asio::io_context context(1);
  net::SystemClock clock(context.get_executor());
  Tracker tracker(clock, {});
  const auto pair = net::make_self_signed({"localhost", "127.0.0.1"});
  ASSERT_TRUE(pair.ok());
  net::ServerOptions server_options;
  server_options.tls.emplace().pem = *pair;
  net::HttpServer server(context.get_executor(), server_options,
                         [&](net::HttpRequest&& request, const net::ConnectionInfo& connection,
                             net::Responder respond) { respond(tracker.handle(request, connection)); });
  ASSERT_TRUE(server.start().ok());
  net::ClientOptions client_options;
  client_options.server = server.endpoint();
  client_options.tls.emplace().verify = net::TlsClientOptions::Verify::kPinned;
  client_options.tls->pinned_pem = pair->certificate;
  net::HttpClient channel(context.get_executor(), client_options);
  PeerOptions options;
  options.peer_id = "peer-1";
  Peer peer(clock, channel, options);
  bool good = false;
  const auto session = [&]() -> asio::awaitable<void> {
    std::vector<SwarmIntent> joins(1, SwarmIntent{"x", false});
    const Outcome connected = co_await peer.connect(std::move(joins));
    const Outcome found = co_await peer.find("x");
    const Outcome reported = co_await peer.report();
    const Outcome left = co_await peer.leave();
    good = connected.ok() && found.ok() && reported.ok() && left.ok() && connected.response.peer_addr.has_value();
    server.stop();
    channel.close();
    context.stop();
  };
  asio::co_spawn(context, session(), asio::detached);
  context.run_for(std::chrono::seconds(20));
  EXPECT_TRUE(good);
  EXPECT_EQ(tracker.state(), TrackerState::kInit);
}

}  // namespace
}  // namespace peerscope::ppstp::testing
