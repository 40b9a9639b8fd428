// SPDX-License-Identifier: GPL-2.0-or-later
// Responses whose body grows: chunks as they come, back-pressure, and the ways a reader leaves.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>

#include "reference-impl/net/body_stream.h"
#include "tests/net/test_server.h"

namespace peerscope::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One stream at a time; "/other" is answered at once.
struct Streaming {
  std::shared_ptr<BodyStream> stream;
  std::size_t limit = 1024 * 1024;
  std::atomic<int> closed{0};
  std::atomic<int> drained{0};
  std::function<void(BodyStream&)> start = [](BodyStream&) {};

  Handler handler() {
    return [this](HttpRequest&& request, const ConnectionInfo&, const Responder& respond) {
      if (request.target == "/other") {
        respond(text_response("other"));
        return;
      }
      stream = std::make_shared<BodyStream>(limit);
      stream->on_closed = [this] { ++closed; };
      stream->on_drained = [this] { ++drained; };
      Reply reply(HttpResponse(200, "", {{"Content-Type", "text/plain"}}));
      reply.stream = stream;
      respond(std::move(reply));
      start(*stream);
    };
  }
};

std::string read_until(BlockingClient& client, const std::string& end) {
  std::string all;
  for (int i = 0; i < 1000 && all.find(end) == std::string::npos; ++i) {
    const auto some = client.read_some(seconds(5));
    if (!some) {
      ADD_FAILURE() << some.error().message << " after " << all.size() << " bytes, waiting for " << end;
      break;
    }
    all += *some;
  }
  return all;
}

bool eventually(const std::function<bool()>& what) {
  for (int i = 0; i < 1000; ++i) {
    if (what()) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return false;
}

TEST(HttpStream, PiecesArriveAsTheyAreWrittenAndTheConnectionGoesOn) {
  Streaming app;
  app.start = [](BodyStream& stream) { EXPECT_TRUE(stream.write(std::string("first"))); };
  TestServer server(app.handler());
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /other HTTP/1.1\r\nHost: h\r\n\r\n"));
  const std::string head = read_until(client, "5\r\nfirst\r\n");
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  server.on_server([&] {
    EXPECT_TRUE(app.stream->write(std::string("second")));
    EXPECT_TRUE(app.stream->write(std::string()));  // would be the last chunk
    EXPECT_TRUE(app.stream->write(std::string("third")));
  });
  EXPECT_EQ(read_until(client, "third\r\n"), "6\r\nsecond\r\n5\r\nthird\r\n");
  server.on_server([&] {
    app.stream->end();
    EXPECT_FALSE(app.stream->write(std::string("late")));
  });
  // The request that waited meanwhile is answered on the same connection.
  const std::string rest = read_until(client, "other");
  EXPECT_TRUE(rest.starts_with("0\r\n\r\nHTTP/1.1 200 OK\r\n")) << rest;
  EXPECT_EQ(app.closed, 0) << "a complete response is no loss";
}

TEST(HttpStream, AWholeBodyIsWhatTheClientReads) {
  Streaming app;
  const auto large = std::make_shared<const std::string>(3'000'000, 'x');
  app.start = [&](BodyStream& stream) {
    EXPECT_TRUE(stream.write(large)) << "an empty queue takes any size";
    EXPECT_FALSE(stream.write(std::string("y"))) << "a full one takes nothing";
    EXPECT_TRUE(stream.push(std::make_shared<const std::string>("y")));
    stream.end();
  };
  TestServer server(app.handler());
  auto client = server.client();
  const auto response = client.send({"GET", "/", 11, {}, {}});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_TRUE(response->body == *large + "y");
  const auto old = client.send({"GET", "/", 10, {}, {}});
  ASSERT_TRUE(old) << old.error().message;
  EXPECT_TRUE(old->body == *large + "y") << "HTTP/1.0: up to the end of the connection";
  EXPECT_FALSE(old->headers.contains("Transfer-Encoding"));
  const auto head = client.send({"HEAD", "/", 11, {}, {}});
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->body, "");
}

TEST(HttpStream, OverTls) {
  Streaming app;
  app.start = [](BodyStream& stream) { EXPECT_TRUE(stream.write(std::string(200'000, 'z'))); };
  ServerOptions options;
  const auto pair = make_self_signed({"127.0.0.1"});
  options.tls.emplace().pem = *pair;
  TestServer server(app.handler(), options);
  auto settings = server.client_options();
  settings.tls.emplace();
  settings.tls->verify = TlsClientOptions::Verify::kPinned;
  settings.tls->pinned_pem = pair->certificate;
  BlockingClient client(settings);
  ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  read_until(client, "z\r\n");
  server.on_server([&] { EXPECT_TRUE(app.stream->write(std::string("more"))); });
  EXPECT_EQ(read_until(client, "more\r\n"), "4\r\nmore\r\n");
  client.client().shutdown_write();  // close_notify
  EXPECT_TRUE(eventually([&] { return app.closed == 1; }));
}

TEST(HttpStream, AReaderThatLeavesIsNoticed) {
  for (const bool reset : {false, true}) {
    Streaming app;
    app.start = [](BodyStream& stream) { EXPECT_TRUE(stream.write(std::string("x"))); };
    TestServer server(app.handler());
    auto client = server.client();
    ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    read_until(client, "x\r\n");
    EXPECT_EQ(app.closed, 0);
    if (reset)
      client.client().reset();
    else
      client.client().close();
    EXPECT_TRUE(eventually([&] { return app.closed == 1; })) << reset;
    server.on_server([&] { EXPECT_FALSE(app.stream->write(std::string("y"))); });
    EXPECT_EQ(server.stats().open, 0U);
  }
}

TEST(HttpStream, ASlowReaderFillsTheQueueAndIsDroppedInTheEnd) {
  Streaming app;
  app.limit = 100'000;
  TestServer* running = nullptr;
  ServerOptions options;
  options.write_timeout = milliseconds(300);
  TestServer server(app.handler(), options);
  running = &server;
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  ASSERT_TRUE(eventually([&] { return running->stats().requests == 1; }));
  // Until the socket takes no more, the queue drains each time; then it fills up and stays bounded.
  bool full = false;
  for (int i = 0; i < 2000 && !full; ++i) {
    server.on_server([&] {
      full = !app.stream->write(std::string(50'000, 'q'));
      EXPECT_LE(app.stream->queued(), 100'000U);
    });
  }
  EXPECT_TRUE(full);
  EXPECT_TRUE(eventually([&] { return app.closed == 1; })) << "no progress within the time limit";
  EXPECT_EQ(server.stats().timeouts, 1U);
}

TEST(HttpStream, DrainedIsToldOnceTheReaderCatchesUp) {
  Streaming app;
  app.limit = 10'000'000;
  const std::string piece(8'000'000, 'd');
  app.start = [&](BodyStream& stream) { EXPECT_TRUE(stream.write(piece)); };
  TestServer server(app.handler());
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(app.drained, 0);
  std::size_t got = 0;
  while (got < piece.size()) {
    const auto some = client.read_some(seconds(5));
    ASSERT_TRUE(some);
    got += some->size();
  }
  EXPECT_TRUE(eventually([&] { return app.drained == 1; }));
}

TEST(HttpStream, AReaderThatKeepsTalkingIsCutOff) {
  Streaming app;
  TestServer server(app.handler());
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  (void)client.send_raw(std::string(1'000'000, 'a'));  // fails when the server closes first
  EXPECT_TRUE(eventually([&] { return app.closed == 1; }));
}

TEST(HttpStream, StoppingTheServerEndsTheStreams) {
  Streaming app;
  TestServer server(app.handler());
  auto client = server.client();
  ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  ASSERT_TRUE(eventually([&] { return server.stats().requests == 1; }));
  server.stop();
  EXPECT_EQ(app.closed, 1);
}

TEST(HttpStream, TheObserverSeesTheWholeBody) {
  Streaming app;
  app.start = [](BodyStream& stream) {
    EXPECT_TRUE(stream.write(std::string("one ")));
    EXPECT_TRUE(stream.write(std::string("two")));
    stream.end();
  };
  ServerOptions options;
  std::atomic<int> seen{0};
  options.observer = [&](const HttpEvent& event) {
    if (event.response == nullptr) return;
    EXPECT_EQ(event.response->body, "one two");
    ++seen;
  };
  TestServer server(app.handler(), options);
  auto client = server.client();
  ASSERT_TRUE(client.send({"GET", "/", 11, {}, {}}));
  EXPECT_TRUE(eventually([&] { return seen == 1; }));
}

}  // namespace
}  // namespace peerscope::net
