// SPDX-License-Identifier: GPL-2.0-or-later
// Ordinary service, limits and time-outs, ends, and wrong answers on purpose.
#include "reference-impl/net/http_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/net/test_server.h"

namespace peerscope::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(HttpServer, RoundTrip) {
  TestServer server(echo);
  auto client = server.client();
  const auto response = client.send({"POST", "/x?y=1", 11, {{"X-Extra", "1"}}, "hello"});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->reason, "OK");
  EXPECT_EQ(response->body, "POST /x?y=1 hello");
  EXPECT_EQ(response->headers.get("content-length"), "17");
  EXPECT_TRUE(response->headers.contains("Date"));
}

TEST(HttpServer, ListensOnIpv6) {
  ServerOptions options;
  options.listen = {"::1", 0};
  TestServer server(echo, options);
  auto settings = server.client_options();
  settings.server.address = "::1";
  const auto response = BlockingClient(settings).send({});
  if (!response && response.error().kind == ErrorKind::kUnreachable) GTEST_SKIP() << "no IPv6 here";
  ASSERT_TRUE(response) << response.error().message;
}

TEST(HttpServer, KeepsTheConnection) {
  TestServer server(echo);
  auto client = server.client();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client.send({"GET", "/" + std::to_string(i), 11, {}, {}}));
  EXPECT_EQ(client.client().connections_opened(), 1U);
  EXPECT_EQ(server.stats().requests, 20U);
}

TEST(HttpServer, ClosesWhenAskedAndForHttp10) {
  TestServer server(echo);
  auto client = server.client();
  auto response = client.send({"GET", "/", 11, {{"Connection", "close"}}, {}});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->headers.get("Connection"), "close");
  EXPECT_FALSE(client.client().connected());
  response = client.send({"GET", "/", 10, {}, {}});
  ASSERT_TRUE(response);
  EXPECT_FALSE(client.client().connected());
  response = client.send({"GET", "/", 10, {{"Connection", "keep-alive"}}, {}});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->headers.get("Connection"), "keep-alive");
  EXPECT_TRUE(client.client().connected());
}

TEST(HttpServer, HeadAndEmptyStatusesHaveNoBody) {
  TestServer server([](HttpRequest&& request, const ConnectionInfo&, const Responder& respond) {
    respond(text_response("some body", request.target == "/204" ? 204 : 200));
  });
  auto client = server.client();
  auto response = client.send({"HEAD", "/", 11, {}, {}});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->headers.get("Content-Length"), "9");
  EXPECT_EQ(response->body, "");
  response = client.send({"GET", "/204", 11, {}, {}});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_FALSE(response->headers.contains("Content-Length"));
  EXPECT_EQ(client.send({})->body, "some body");
  EXPECT_EQ(client.client().connections_opened(), 1U);
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  TestServer server(echo);
  auto client = server.client();
  std::string wire;
  for (int i = 0; i < 50; ++i) wire += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(client.send_raw(wire));
  for (int i = 0; i < 50; ++i) {
    const auto response = client.read_response();
    ASSERT_TRUE(response) << i << ": " << response.error().message;
    EXPECT_EQ(response->body, "GET /" + std::to_string(i) + " ");
  }
}

TEST(HttpServer, PipelinedRequestsAnsweredLaterStayInOrder) {
  boost::asio::io_context* context = nullptr;
  TestServer server([&](HttpRequest&& request, const ConnectionInfo&, const Responder& respond) {
    if (request.target == "/1") {
      auto timer = std::make_shared<boost::asio::steady_timer>(*context, milliseconds(30));
      timer->async_wait([timer, respond](auto) { respond(text_response("late")); });
    } else {
      respond(text_response(request.target));
    }
  });
  context = &server.context();
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("GET /0 HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"));
  for (const char* expected : {"/0", "late", "/2"}) {
    const auto response = client.read_response();
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, expected);
  }
}

TEST(HttpServer, RequestByteByByte) {
  TestServer server(echo);
  auto client = server.client();
  ASSERT_TRUE(client.send_raw(to_wire(HttpRequest{"POST", "/slow", 11, {{"Host", "h"}}, "body"}), 1));
  const auto response = client.read_response();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "POST /slow body");
}

TEST(HttpServer, ChunkedRequestBody) {
  TestServer server(echo);
  auto client = server.client();
  ASSERT_TRUE(
      client.send_raw("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + to_chunks("many small chunks", 3), 5));
  const auto response = client.read_response();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "POST / many small chunks");
}

TEST(HttpServer, AbsoluteTargetUnknownMethodAndLeadingEmptyLine) {
  TestServer server(echo);
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("\r\nFROB http://h/x HTTP/1.1\r\n\r\n"));
  const auto response = client.read_response();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "FROB http://h/x ");
}

TEST(HttpServer, ContinueIsSentOnRequest) {
  TestServer server(echo);
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("POST / HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"));
  auto response = client.read_response();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 100);
  ASSERT_TRUE(client.send_raw("data"));
  response = client.read_response();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "POST / data");
}

TEST(HttpServer, HeaderOverTheLimitIs431) {
  TestServer server(echo);
  auto client = server.client();
  const auto response = client.send({"GET", "/", 11, {{"X-Long", std::string(9000, 'x')}}, {}});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 431);
  EXPECT_FALSE(client.client().connected());
  EXPECT_TRUE(client.send({"GET", "/", 11, {{"X-Long", std::string(8000, 'x')}}, {}})->status == 200);
}

TEST(HttpServer, BodyOverTheLimitIs413BeforeItArrives) {
  TestServer server(echo);
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("POST / HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n"));
  const auto response = client.read_response();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 413);
}

TEST(HttpServer, ChunkedBodyOverTheLimitIs413) {
  ServerOptions options;
  options.max_body_bytes = 100;
  TestServer server(echo, options);
  auto client = server.client();
  ASSERT_TRUE(
      client.send_raw("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + to_chunks(std::string(200, 'x'), 50)));
  const auto response = client.read_response();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 413);
}

TEST(HttpServer, ClientSendingALargeRefusedBodyStillGetsTheAnswer) {
  TestServer server(echo);
  auto client = server.client();
  const auto response = client.send({"POST", "/", 11, {}, std::string(8 << 20, 'x')});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 413);
}

TEST(HttpServer, LargeBodiesBothWays) {
  ServerOptions options;
  options.max_body_bytes = 16 << 20;
  TestServer server(echo, options);
  auto client = server.client();
  std::string body(5 << 20, ' ');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * 7 % 23);
  const auto response = client.send({"POST", "/", 11, {}, body});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_TRUE(response->body == "POST / " + body);
}

TEST(HttpServer, MalformedIs400AndClosed) {
  TestServer server(echo);
  for (const char* wire :
       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", "GET / HTTP/1.1\r\nbroken header\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    auto client = server.client();
    ASSERT_TRUE(client.send_raw(wire));
    const auto response = client.read_response();
    ASSERT_TRUE(response) << wire << ": " << response.error().message;
    EXPECT_EQ(response->status, 400) << wire;
    EXPECT_FALSE(client.client().connected());
  }
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("GET / HTTP/7.0\r\n\r\n"));
  EXPECT_EQ(client.read_response()->status, 505);
}

TEST(HttpServer, SlowHeaderMeetsAnAbsoluteDeadline) {
  ServerOptions options;
  options.header_timeout = milliseconds(120);
  TestServer server(echo, options);
  auto client = server.client();
  const auto begin = std::chrono::steady_clock::now();
  // A byte every 20 ms never stops, and would take more than a second.
  const auto sent = client.send_raw("GET / HTTP/1.1\r\nX-Slow: " + std::string(40, 'x'), 1, milliseconds(20));
  const auto response = client.read_response();
  if (sent && response) {
    EXPECT_EQ(response->status, 408);
  }
  EXPECT_TRUE(server.eventually([](const ServerStats& s) { return s.timeouts == 1 && s.open == 0; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(4));
}

TEST(HttpServer, SlowBodyMeetsAnAbsoluteDeadline) {
  ServerOptions options;
  options.body_timeout = milliseconds(100);
  TestServer server(echo, options);
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc"));
  const auto response = client.read_response();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 408);
}

TEST(HttpServer, SilentAndIdleConnectionsAreClosed) {
  ServerOptions options;
  options.header_timeout = milliseconds(100);
  options.idle_timeout = milliseconds(100);
  TestServer server(echo, options);
  auto silent = server.client();
  ASSERT_TRUE(silent.connect());
  auto idle = server.client();
  ASSERT_TRUE(idle.send({}));
  EXPECT_EQ(silent.read_some(seconds(2)).error().kind, ErrorKind::kClosed);
  EXPECT_EQ(idle.read_some(seconds(2)).error().kind, ErrorKind::kClosed);
  EXPECT_EQ(server.stats().open, 0U);
}

TEST(HttpServer, ReaderThatStopsReadingIsDropped) {
  ServerOptions options;
  options.write_timeout = milliseconds(150);
  TestServer server([](HttpRequest&&, const ConnectionInfo&,
                       const Responder& respond) { respond(text_response(std::string(64 << 20, 'x'))); },
                    options);
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(server.eventually([](const ServerStats& s) { return s.timeouts == 1 && s.open == 0; }));
}

TEST(HttpServer, ManyIdleConnections) {
  raise_file_limit();
  TestServer server(echo);
  std::vector<BlockingClient> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(server.client());
    ASSERT_TRUE(clients.back().connect()) << i;
  }
  EXPECT_TRUE(server.eventually([](const ServerStats& s) { return s.open == 300; }));
  for (auto& client : clients) ASSERT_TRUE(client.send({}));
  clients.clear();
  EXPECT_TRUE(server.eventually([](const ServerStats& s) { return s.open == 0; }));
}

TEST(HttpServer, OverTheConnectionLimitAnswers503) {
  ServerOptions options;
  options.max_connections = 2;
  TestServer server(echo, options);
  auto a = server.client();
  auto b = server.client();
  ASSERT_TRUE(a.send({}));
  ASSERT_TRUE(b.send({}));
  auto c = server.client();
  const auto response = c.send({});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 503);
  EXPECT_EQ(response->headers.get("Retry-After"), "5");
  a.client().close();
  ASSERT_TRUE(server.eventually([](const ServerStats& s) { return s.open == 1; }));
  EXPECT_EQ(c.send({})->status, 200);
}

TEST(HttpServer, RequestsPerConnectionAreLimited) {
  ServerOptions options;
  options.max_requests_per_connection = 2;
  TestServer server(echo, options);
  auto client = server.client();
  EXPECT_FALSE(client.send({})->headers.contains("Connection"));
  EXPECT_EQ(client.send({})->headers.get("Connection"), "close");
  ASSERT_TRUE(client.send({}));
  EXPECT_EQ(client.client().connections_opened(), 2U);
}

TEST(HttpServer, PortInUseIsSaidPlainly) {
  TestServer server(echo);
  boost::asio::io_context context;
  ServerOptions options;
  options.listen.port = server.port();
  HttpServer second(context.get_executor(), options, echo);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::kAddressInUse);
  EXPECT_EQ(started.error().message,
            "cannot listen on 127.0.0.1:" + std::to_string(server.port()) + ": address already in use");
}

TEST(HttpServer, ForeignAddressIsSaidPlainly) {
  boost::asio::io_context context;
  ServerOptions options;
  options.listen = {"192.0.2.1", 0};
  HttpServer server(context.get_executor(), options, echo);
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("cannot listen on 192.0.2.1:0: "), std::string::npos);
}

TEST(HttpServer, OutOfDescriptorsIsSurvived) {
  TestServer server(echo);
  auto before = server.client();
  ASSERT_TRUE(before.send({}));
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  auto waiting = server.client();
  // Leave one descriptor: the client's socket; none is left for the server's side.
  const int next = dup(0);
  close(next);
  const rlimit tight{static_cast<rlim_t>(next + 1), limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  const auto connected = waiting.connect();
  std::this_thread::sleep_for(milliseconds(30));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  if (!connected) GTEST_SKIP() << "the client needed more descriptors: " << connected.error().message;
  const auto response = waiting.send({});
  ASSERT_TRUE(response) << response.error().message;
  const auto stats = server.stats();
  EXPECT_GE(stats.accept_errors, 1U);
  EXPECT_LT(stats.accept_errors, 20U);
}

TEST(HttpServer, StopIsQuickAndLateAnswersDoNothing) {
  std::mutex mutex;
  std::vector<Responder> held;
  auto server = std::make_unique<TestServer>([&](HttpRequest&&, const ConnectionInfo&, Responder respond) {
    const std::lock_guard lock(mutex);
    held.push_back(std::move(respond));
  });
  auto client = server->client();
  auto idle = server->client();
  ASSERT_TRUE(idle.connect());
  ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\n\r\n"));
  ASSERT_TRUE(server->eventually([](const ServerStats& s) { return s.requests == 1; }));
  server->on_server([&] { EXPECT_TRUE(held.at(0).waiting()); });
  const auto begin = std::chrono::steady_clock::now();
  server->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(2));
  EXPECT_FALSE(client.read_some(seconds(2)));
  EXPECT_FALSE(held.at(0).waiting());
  EXPECT_FALSE(held.at(0)(text_response("too late")));
  server.reset();
  EXPECT_FALSE(held.at(0)(text_response("too late")));
  const auto refused = idle.send({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRefused);
}

TEST(HttpServer, StopInsideTheHandler) {
  HttpServer* inner = nullptr;
  boost::asio::io_context context;
  HttpServer server(context.get_executor(), {}, [&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    inner->stop();
    EXPECT_FALSE(respond(text_response("x")));
  });
  inner = &server;
  ASSERT_TRUE(server.start());
  ClientOptions options;
  options.server = server.endpoint();
  std::thread thread([&] { context.run(); });
  const auto response = BlockingClient(options).send({"POST", "/", 11, {}, {}});
  thread.join();  // nothing is left to run
  ASSERT_FALSE(response);
}

TEST(HttpServer, HandlerThatThrowsIs500) {
  TestServer server([](HttpRequest&&, const ConnectionInfo&, const Responder&) { throw std::runtime_error("bug"); });
  auto client = server.client();
  EXPECT_EQ(client.send({})->status, 500);
}

TEST(HttpServer, OnlyTheFirstAnswerCounts) {
  TestServer server([](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    EXPECT_TRUE(respond(text_response("first")));
    EXPECT_FALSE(respond(text_response("second")));
  });
  auto client = server.client();
  EXPECT_EQ(client.send({})->body, "first");
  EXPECT_EQ(client.send({})->body, "first");
}

TEST(HttpServer, AnswerTimeout) {
  ServerOptions options;
  options.reply_timeout = milliseconds(60);
  TestServer server([](HttpRequest&&, const ConnectionInfo&, const Responder&) {}, options);
  auto client = server.client();
  const auto response = client.send({});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 503);
}

TEST(HttpServer, HalfClosedPeerStillGetsItsAnswer) {
  boost::asio::io_context* context = nullptr;
  TestServer server([&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    auto timer = std::make_shared<boost::asio::steady_timer>(*context, milliseconds(50));
    timer->async_wait([timer, respond](auto) { respond(text_response("answer")); });
  });
  context = &server.context();
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\n\r\n"));
  client.client().shutdown_write();
  const auto response = client.read_response();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "answer");
  EXPECT_EQ(client.read_some(seconds(2)).error().kind, ErrorKind::kClosed);
}

TEST(HttpServer, SharedBody) {
  const auto body = std::make_shared<const std::string>(300000, 'm');
  TestServer server([&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    Reply reply;
    reply.shared_body = body;
    respond(std::move(reply));
  });
  auto client = server.client();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.send({})->body == *body);
}

// --- answers a peer should survive ---

class ReplyTest : public ::testing::Test {
 protected:
  void serve(std::function<Reply(const HttpRequest&)> make, ServerOptions options = {}) {
    server_ =
        std::make_unique<TestServer>([make = std::move(make)](HttpRequest&& request, const ConnectionInfo&,
                                                              const Responder& respond) { respond(make(request)); },
                                     std::move(options));
  }
  std::unique_ptr<TestServer> server_;
};

TEST_F(ReplyTest, Delay) {
  serve([](const HttpRequest&) {
    Reply reply(text_response("x"));
    reply.delay = milliseconds(60);
    return reply;
  });
  auto client = server_->client();
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(client.send({}));
  ASSERT_TRUE(client.send({}));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(120));
  EXPECT_EQ(client.client().connections_opened(), 1U);
}

TEST_F(ReplyTest, Chunked) {
  serve([](const HttpRequest&) {
    Reply reply(text_response("0123456789"));
    reply.chunk_size = 3;
    return reply;
  });
  auto client = server_->client();
  const auto response = client.send({});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "0123456789");
  EXPECT_EQ(response->headers.get("Transfer-Encoding"), "chunked");
  EXPECT_NE(client.client().received_bytes().find("3\r\n012\r\n"), std::string::npos);
}

TEST_F(ReplyTest, SplitWritesKeepTheConnection) {
  serve([](const HttpRequest&) {
    Reply reply(text_response(std::string(40, 'x')));
    reply.write_size = 16;
    reply.pace = milliseconds(2);
    return reply;
  });
  auto client = server_->client();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.send({})->body.size(), 40U);
  EXPECT_EQ(client.client().connections_opened(), 1U);
}

TEST_F(ReplyTest, RawBytes) {
  serve([](const HttpRequest& request) {
    return Reply::raw_bytes("HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nhi",
                            request.target == "/keep" ? Reply::End::kKeep : Reply::End::kClose);
  });
  auto client = server_->client();
  EXPECT_EQ(client.send({"GET", "/keep", 11, {}, {}})->status, 299);
  EXPECT_EQ(client.send({"GET", "/keep", 11, {}, {}})->reason, "Odd");
  EXPECT_EQ(client.client().connections_opened(), 1U);
  EXPECT_EQ(client.send({"GET", "/close", 11, {}, {}})->body, "hi");
  EXPECT_EQ(client.read_some(seconds(2)).error().kind, ErrorKind::kClosed);
}

TEST_F(ReplyTest, PartThenCloseResetOrSilence) {
  serve([](const HttpRequest& request) {
    Reply reply(text_response(std::string(1000, 'x')));
    reply.send_only = 500;
    reply.end = request.target == "/close"   ? Reply::End::kClose
                : request.target == "/reset" ? Reply::End::kReset
                                             : Reply::End::kStall;
    return reply;
  });
  auto options = server_->client_options();
  options.total_timeout = milliseconds(200);
  BlockingClient client(options);
  auto response = client.send({"GET", "/close", 11, {}, {}});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kClosed);
  EXPECT_EQ(client.client().received_bytes().size(), 500U);
  response = client.send({"GET", "/reset", 11, {}, {}});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kReset);
  response = client.send({"GET", "/stall", 11, {}, {}});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimeout);
  EXPECT_TRUE(client.client().partial_response().has_value());
}

TEST_F(ReplyTest, NoAnswerAtAll) {
  server_ = std::make_unique<TestServer>([](HttpRequest&& request, const ConnectionInfo&, const Responder& respond) {
    if (request.target == "/reset") {
      respond.reset();
    } else {
      respond.close();
    }
  });
  auto client = server_->client();
  EXPECT_EQ(client.send({"GET", "/close", 11, {}, {}}).error().kind, ErrorKind::kClosed);
  EXPECT_EQ(client.send({"GET", "/reset", 11, {}, {}}).error().kind, ErrorKind::kReset);
}

TEST(HttpServer, ObserverSeesEveryMessage) {
  std::mutex mutex;
  std::vector<std::string> seen;
  ServerOptions options;
  options.observer = [&](const HttpEvent& event) {
    const std::lock_guard lock(mutex);
    const std::string peer = event.connection->remote.address;
    EXPECT_LE(event.started, event.time);
    if (event.request != nullptr) seen.push_back(peer + (event.outgoing ? " > " : " < ") + to_wire(*event.request));
    if (event.response != nullptr)
      seen.push_back(peer + (event.outgoing ? " > " : " < ") + std::to_string(event.response->status));
  };
  TestServer server(echo, options);
  auto settings = server.client_options();
  settings.local_address = "127.0.0.2";
  BlockingClient client(settings);
  ASSERT_TRUE(client.send({"POST", "/", 11, {{"Host", "h"}}, "b"}));
  server.stop();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0], "127.0.0.2 < POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nb");
  EXPECT_EQ(seen[1], "127.0.0.2 > 200");
}

TEST(HttpServer, SeveralServersShareAPort) {
  ServerOptions options;
  options.reuse_port = true;
  TestServer first(echo, options);
  options.listen.port = first.port();
  TestServer second(echo, options);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(first.client().send({}));
  EXPECT_EQ(first.stats().requests + second.stats().requests, 50U);
}

}  // namespace
}  // namespace peerscope::net
