// SPDX-License-Identifier: GPL-2.0-or-later
// What a client meets: refusals, silence, endless and cut answers, garbage, lost connections.
#include "reference-impl/net/http_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <vector>

#include "tests/net/test_server.h"

namespace peerscope::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One request to a server that answers every request with these bytes.
Result<HttpResponse> answer_to(std::string bytes, Reply::End end, Duration limit = seconds(5)) {
  TestServer server([bytes = std::move(bytes), end](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    respond(Reply::raw_bytes(bytes, end));
  });
  auto options = server.client_options();
  options.total_timeout = limit;
  options.max_body_bytes = 100000;
  return BlockingClient(options).send({});
}

TEST(HttpClient, RefusedConnectionIsSaidPlainly) {
  std::uint16_t port = 0;
  {
    TestServer server(echo);
    port = server.port();
  }
  ClientOptions options;
  options.server = {"127.0.0.1", port};
  const auto response = BlockingClient(options).send({});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kRefused);
  EXPECT_EQ(response.error().message, "cannot connect to 127.0.0.1:" + std::to_string(port) + ": connection refused");
}

TEST(HttpClient, UnknownHostNameIsAResolveError) {
  ClientOptions options;
  options.server = {"no-such-host.invalid", 80};
  const auto response = BlockingClient(options).send({});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kResolve);
}

TEST(HttpClient, HostNamesWork) {
  TestServer server(echo);
  auto options = server.client_options();
  options.server.address = "localhost";
  const auto response = BlockingClient(options).send({});
  ASSERT_TRUE(response) << response.error().message;
}

TEST(HttpClient, SilentServerMeetsTheResponseTimeout) {
  TestServer server([](HttpRequest&&, const ConnectionInfo&, const Responder&) {});
  auto options = server.client_options();
  options.response_timeout = milliseconds(60);
  BlockingClient client(options);
  const auto begin = std::chrono::steady_clock::now();
  const auto response = client.send({"POST", "/", 11, {}, {}});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimeout);
  EXPECT_EQ(response.error().message, "no response within the time limit");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(2));
}

TEST(HttpClient, TotalTimeoutBoundsADrippingBody) {
  TestServer server([](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    Reply reply(text_response(std::string(10000, 'x')));
    reply.write_size = 10;
    reply.pace = milliseconds(5);
    respond(std::move(reply));
  });
  auto options = server.client_options();
  options.total_timeout = milliseconds(100);
  BlockingClient client(options);
  const auto response = client.send({});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimeout);
  ASSERT_TRUE(client.client().partial_response());
  EXPECT_EQ(client.client().partial_response()->status, 200);
  EXPECT_GT(client.client().partial_response()->body.size(), 0U);
}

TEST(HttpClient, EndlessBodiesEndWithTooLarge) {
  const std::string much(200000, 'x');
  auto response =
      answer_to("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n" + much + "\r\n", Reply::End::kStall);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTooLarge);
  response = answer_to("HTTP/1.1 200 OK\r\n\r\n" + much, Reply::End::kStall);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTooLarge);
  response = answer_to("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", Reply::End::kStall);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message, "the response body is over the limit of 100000 bytes");
}

TEST(HttpClient, EndlessHeaderEndsWithTooLarge) {
  const auto response = answer_to("HTTP/1.1 200 OK\r\nX: " + std::string(200000, 'x'), Reply::End::kStall);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTooLarge);
}

TEST(HttpClient, EarlyCloseSaysWhatIsMissing) {
  auto response = answer_to("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Reply::End::kClose);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kClosed);
  EXPECT_EQ(response.error().message,
            "the connection was closed in the middle of a response (3 of 10 body bytes received)");
  response = answer_to("HTTP/1.1 200", Reply::End::kClose);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message, "the connection was closed in the middle of a response");
  response = answer_to("", Reply::End::kClose);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message, "the connection was closed before a response");
}

TEST(HttpClient, BodyUntilCloseIsComplete) {
  const auto response = answer_to("HTTP/1.1 200 OK\r\n\r\nall of it", Reply::End::kClose);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "all of it");
}

TEST(HttpClient, AnOpenAnswerComesPieceByPiece) {
  TestServer server([](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    respond(
        Reply::raw_bytes("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "3\r\none\r\n3\r\ntwo\r\n",
                         Reply::End::kStall));
  });
  BlockingClient client = server.client();
  const auto opened = client.open({"POST", "/updates"});
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->status, 200);
  EXPECT_EQ(opened->headers.get("Content-Type"), "text/event-stream");
  EXPECT_TRUE(opened->body.empty());
  std::string seen;
  for (int i = 0; i < 2 && seen.size() < 6; ++i) {
    const auto piece = client.read_body(seconds(2));
    ASSERT_TRUE(piece) << piece.error().message;
    seen += *piece;
  }
  EXPECT_EQ(seen, "onetwo");
  const auto silence = client.read_body(milliseconds(50));
  ASSERT_FALSE(silence);
  EXPECT_EQ(silence.error().kind, ErrorKind::kTimeout);
}

TEST(HttpClient, AnOpenAnswerEndsAndBreaks) {
  const auto ending = [](std::string bytes, Reply::End end) {
    TestServer server([&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
      respond(Reply::raw_bytes("HTTP/1.1 200 OK\r\n" + bytes, end));
    });
    BlockingClient client = server.client();
    std::string seen;
    if (!client.open({"POST", "/"})) return std::string("no header");
    for (int i = 0; i < 100; ++i) {
      const auto piece = client.read_body(seconds(2));
      if (!piece) return seen + "|" + std::string(to_string(piece.error().kind));
      seen += *piece;
    }
    return seen + "|endless";
  };
  EXPECT_EQ(ending("Content-Length: 2\r\n\r\nab", Reply::End::kStall), "ab|closed");
  EXPECT_EQ(ending("\r\nabc", Reply::End::kClose), "abc|closed");
  EXPECT_EQ(ending("Transfer-Encoding: chunked\r\n\r\n5\r\nab", Reply::End::kClose), "ab|closed");
  EXPECT_EQ(ending("Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", Reply::End::kStall), "a|closed");
  EXPECT_EQ(ending("Transfer-Encoding: chunked\r\n\r\nxyz\r\n", Reply::End::kStall), "|malformed");
}

TEST(HttpClient, AnOpenAnswerCannotGrowWithoutBeingRead) {
  TestServer server([](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    respond(Reply::raw_bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + std::string(1'000'000, 'x'),
                             Reply::End::kStall));
  });
  BlockingClient client = server.client();
  ASSERT_TRUE(client.open({"POST", "/"}));
  const auto piece = client.read_body(seconds(2));
  ASSERT_FALSE(piece);
  EXPECT_TRUE(piece.error().kind == ErrorKind::kTooLarge || piece.error().kind == ErrorKind::kMalformed)
      << piece.error().message;
}

TEST(HttpClient, GarbageIsMalformed) {
  for (const char* bytes : {"SSH-2.0-OpenSSH_9\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "\x15\x03\x01\x01\x02\x02\x46",
                            "HELO", "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n"}) {
    const auto response = answer_to(bytes, Reply::End::kClose);
    ASSERT_FALSE(response) << bytes;
    EXPECT_EQ(response.error().kind, ErrorKind::kMalformed) << response.error().message;
    EXPECT_EQ(response.error().message.rfind("not an HTTP response: ", 0), 0U);
  }
}

TEST(HttpClient, InformationalResponsesAreSkipped) {
  const auto response = answer_to(
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", Reply::End::kClose);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
}

TEST(HttpClient, ReplacesAConnectionTheServerClosed) {
  ServerOptions options;
  options.idle_timeout = milliseconds(30);
  TestServer server(echo, options);
  auto client = server.client();
  ASSERT_TRUE(client.send({}));
  ASSERT_TRUE(server.eventually([](const ServerStats& s) { return s.open == 0; }));
  const auto response = client.send({"POST", "/", 11, {}, "x"});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(client.client().connections_opened(), 2U);
}

TEST(HttpClient, OnlyIdempotentRequestsAreSentTwice) {
  std::atomic<int> count = 0;
  TestServer server([&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    // Every second request loses its connection unanswered.
    if (++count % 2 == 0) {
      respond.close();
    } else {
      respond(text_response("ok"));
    }
  });
  auto client = server.client();
  ASSERT_TRUE(client.send({}));
  ASSERT_TRUE(client.send({}));
  EXPECT_EQ(count, 3);
  const auto lost = client.send({"POST", "/", 11, {}, {}});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kClosed);
  EXPECT_EQ(count, 4);
}

TEST(HttpClient, UnaskedBytesDoNotBecomeTheNextAnswer) {
  std::atomic<int> count = 0;
  TestServer server([&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    const std::string one = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
    respond(Reply::raw_bytes(count++ == 0 ? one + "a" + one + "z" : one + "b", Reply::End::kKeep));
  });
  auto client = server.client();
  EXPECT_EQ(client.send({})->body, "a");
  EXPECT_EQ(client.send({})->body, "b");
  EXPECT_EQ(client.client().connections_opened(), 2U);
}

TEST(HttpClient, RecordsWhatWentOverTheWire) {
  TestServer server(echo);
  auto client = server.client();
  ASSERT_TRUE(client.send({"GET", "/a", 11, {}, {}}));
  ASSERT_TRUE(client.send({"GET", "/b", 11, {}, {}}));
  EXPECT_EQ(client.client().sent_bytes(),
            "GET /b HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n\r\n");
  EXPECT_EQ(client.client().received_bytes().rfind("HTTP/1.1 200 OK\r\n", 0), 0U);
  EXPECT_EQ(client.client().info().remote.port, server.port());
  EXPECT_EQ(client.client().info().local.address, "127.0.0.1");
}

TEST(HttpClient, ComesFromTheGivenAddress) {
  TestServer server([](HttpRequest&&, const ConnectionInfo& connection, const Responder& respond) {
    respond(text_response(connection.remote.address));
  });
  for (const char* address : {"127.0.0.2", "127.0.0.3"}) {
    auto options = server.client_options();
    options.local_address = address;
    const auto response = BlockingClient(options).send({});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, address);
  }
  auto options = server.client_options();
  options.local_address = "192.0.2.7";
  const auto response = BlockingClient(options).send({});
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("cannot use local address 192.0.2.7"), std::string::npos);
}

TEST(HttpClient, ObserverSeesRequestResponseAndGarbage) {
  std::atomic<bool> garbage = false;
  TestServer server([&](HttpRequest&& request, const ConnectionInfo& connection, const Responder& respond) {
    if (garbage) {
      respond(Reply::raw_bytes("garbage\r\n\r\n"));
    } else {
      echo(std::move(request), connection, respond);
    }
  });
  std::vector<std::string> seen;
  auto options = server.client_options();
  options.observer = [&](const HttpEvent& event) {
    seen.push_back(std::string(event.outgoing ? "out " : "in ") + (event.request != nullptr ? event.request->method
                                                                   : event.response != nullptr
                                                                       ? event.response->body
                                                                       : std::string(event.raw)));
  };
  BlockingClient client(options);
  ASSERT_TRUE(client.send({}));
  garbage = true;
  ASSERT_FALSE(client.send({}));
  EXPECT_EQ(seen, (std::vector<std::string>{"out GET", "in GET / ", "out GET", "in garbage\r\n\r\n"}));
}

TEST(HttpClient, CoroutinesOnOneExecutor) {
  TestServer server(echo);
  boost::asio::io_context context;
  int done = 0;
  const auto one = [&](int number) -> boost::asio::awaitable<void> {
    HttpClient client(context.get_executor(), server.client_options());
    for (int i = 0; i < 10; ++i) {
      const auto response = co_await client.send({"GET", "/" + std::to_string(number), 11, {}, {}});
      EXPECT_TRUE(response);
      if (response) {
        EXPECT_EQ(response->body, "GET /" + std::to_string(number) + " ");
      }
    }
    ++done;
  };
  for (int i = 0; i < 20; ++i) boost::asio::co_spawn(context, one(i), boost::asio::detached);
  context.run();
  EXPECT_EQ(done, 20);
}

}  // namespace
}  // namespace peerscope::net
