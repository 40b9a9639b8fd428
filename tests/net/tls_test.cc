// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP over TLS: verification, client certificates, key logs, broken handshakes.
#include "reference-impl/net/tls.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <sstream>
#include <vector>

#include "tests/net/test_server.h"

namespace peerscope::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto pair = make_self_signed({"localhost", "127.0.0.1"});
    ASSERT_TRUE(pair) << pair.error().message;
    pair_ = *pair;
    server_options_.tls.emplace();
    server_options_.tls->pem = pair_;
  }
  ClientOptions pinned(const TestServer& server) const {
    auto options = server.client_options();
    options.tls.emplace();
    options.tls->verify = TlsClientOptions::Verify::kPinned;
    options.tls->pinned_pem = pair_.certificate;
    return options;
  }

  KeyPairPem pair_;
  ServerOptions server_options_;
};

TEST_F(TlsTest, RoundTripAndKeepAlive) {
  TestServer server(echo, server_options_);
  BlockingClient client(pinned(server));
  for (int i = 0; i < 5; ++i) {
    const auto response = client.send({"POST", "/s", 11, {}, "x"});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "POST /s x");
  }
  EXPECT_EQ(client.client().connections_opened(), 1U);
  EXPECT_TRUE(client.client().info().tls);
  EXPECT_EQ(client.client().info().tls_version, "TLSv1.3");
}

TEST_F(TlsTest, LargeBodiesAndPipelining) {
  server_options_.max_body_bytes = 8 << 20;
  TestServer server(echo, server_options_);
  BlockingClient client(pinned(server));
  const std::string body(3 << 20, 'b');
  const auto response = client.send({"PUT", "/", 11, {}, body});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body.size(), body.size() + 6);
  std::string wire;
  for (int i = 0; i < 100; ++i) wire += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
  ASSERT_TRUE(client.send_raw(wire));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.read_response()->body, "GET /" + std::to_string(i) + " ");
}

TEST_F(TlsTest, VerifiesWithACaAndTheName) {
  TestServer server(echo, server_options_);
  auto options = server.client_options();
  options.tls.emplace();
  options.tls->ca_pem = pair_.certificate;
  EXPECT_TRUE(BlockingClient(options).send({}));
  options.server.address = "localhost";
  EXPECT_TRUE(BlockingClient(options).send({}));
  options.tls->server_name = "other.example";
  const auto response = BlockingClient(options).send({});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTls);
  EXPECT_NE(response.error().message.find("hostname mismatch"), std::string::npos) << response.error().message;
}

TEST_F(TlsTest, UnknownCertificatesAreRefusedUnlessAskedNotTo) {
  TestServer server(echo, server_options_);
  auto options = server.client_options();
  options.tls.emplace();
  auto response = BlockingClient(options).send({});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTls);
  EXPECT_NE(response.error().message.find("self-signed certificate"), std::string::npos) << response.error().message;
  options.tls->verify = TlsClientOptions::Verify::kPinned;
  options.tls->pinned_pem = make_self_signed({"localhost"})->certificate;
  response = BlockingClient(options).send({});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTls);
  options.tls->verify = TlsClientOptions::Verify::kNone;
  response = BlockingClient(options).send({});
  EXPECT_TRUE(response) << response.error().message;
}

TEST_F(TlsTest, PlainAndTlsMixedUp) {
  TestServer tls(echo, server_options_);
  TestServer plain(echo);
  const auto to_tls = tls.client().send({});
  ASSERT_FALSE(to_tls);
  auto options = plain.client_options();
  options.tls.emplace();
  const auto to_plain = BlockingClient(options).send({});
  ASSERT_FALSE(to_plain);
  EXPECT_EQ(to_plain.error().kind, ErrorKind::kTls) << to_plain.error().message;
  EXPECT_TRUE(tls.eventually([](const ServerStats& s) { return s.tls_errors == 1 && s.open == 0; }));
}

TEST_F(TlsTest, UnansweredHandshakeMeetsTheConnectTimeout) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
  ClientOptions options;
  options.server = {"127.0.0.1", acceptor.local_endpoint().port()};
  options.tls.emplace();
  options.connect_timeout = milliseconds(60);
  const auto response = BlockingClient(options).send({});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimeout);
  EXPECT_NE(response.error().message.find("no TLS handshake within 0.06 s"), std::string::npos)
      << response.error().message;
}

TEST_F(TlsTest, UnfinishedHandshakeMeetsTheHeaderTimeout) {
  server_options_.header_timeout = milliseconds(60);
  TestServer server(echo, server_options_);
  auto client = server.client();
  ASSERT_TRUE(client.connect());
  EXPECT_EQ(client.read_some(seconds(2)).error().kind, ErrorKind::kClosed);
}

TEST_F(TlsTest, ClientCertificates) {
  const auto mine = make_self_signed({"peer-7"});
  ASSERT_TRUE(mine);
  server_options_.tls->client_ca_pem = mine->certificate;
  server_options_.tls->require_client_certificate = true;
  TestServer server([](HttpRequest&&, const ConnectionInfo& connection,
                       const Responder& respond) { respond(text_response(connection.peer_certificate_subject)); },
                    server_options_);
  auto options = pinned(server);
  EXPECT_FALSE(BlockingClient(options).send({"POST", "/", 11, {}, {}}));
  options.tls->pem = *mine;
  const auto response = BlockingClient(options).send({});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "CN=peer-7");
}

TEST_F(TlsTest, ServerNameReachesTheHandler) {
  TestServer server([](HttpRequest&&, const ConnectionInfo& connection,
                       const Responder& respond) { respond(text_response(connection.server_name)); },
                    server_options_);
  auto options = pinned(server);
  options.tls->server_name = "tracker.example";
  EXPECT_EQ(BlockingClient(options).send({})->body, "tracker.example");
}

TEST_F(TlsTest, KeyLogHoldsTheSecretsOfBothSides) {
  const std::string path = ::testing::TempDir() + "net_key_log_" + std::to_string(::getpid());
  std::remove(path.c_str());
  std::mutex mutex;
  std::vector<std::string> lines;
  server_options_.tls->key_log = [&](std::string_view line) {
    const std::lock_guard lock(mutex);
    lines.emplace_back(line);
  };
  {
    TestServer server(echo, server_options_);
    auto options = pinned(server);
    options.tls->key_log_file = path;
    ASSERT_TRUE(BlockingClient(options).send({}));
  }
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::remove(path.c_str());
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines[0].rfind("SERVER_HANDSHAKE_TRAFFIC_SECRET ", 0), 0U) << lines[0];
  for (const auto& line : lines) EXPECT_NE(text.str().find(line + "\n"), std::string::npos) << line;
}

TEST_F(TlsTest, UnusableSettingsAreSaidPlainly) {
  boost::asio::io_context context;
  ServerOptions options;
  options.tls.emplace();
  options.tls->certificate_file = "/nonexistent/cert.pem";
  auto started = HttpServer(context.get_executor(), options, echo).start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("cannot use certificate file '/nonexistent/cert.pem'"), std::string::npos);
  options.tls->certificate_file.clear();
  options.tls->pem = {pair_.certificate, make_self_signed({"x"})->private_key};
  started = HttpServer(context.get_executor(), options, echo).start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("do not fit"), std::string::npos);
  EXPECT_FALSE(make_self_signed({}));
  EXPECT_FALSE(make_self_signed({"a,DNS:b"}));
}

TEST_F(TlsTest, ResetPeerDoesNotKillTheServer) {
  TestServer server(
      [](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
        Reply reply(text_response(std::string(1 << 20, 'x')));
        reply.write_size = 4096;
        respond(std::move(reply));
      },
      server_options_);
  for (int i = 0; i < 10; ++i) {
    BlockingClient client(pinned(server));
    ASSERT_TRUE(client.send_raw("GET / HTTP/1.1\r\n\r\n"));
    client.client().reset();
  }
  EXPECT_TRUE(server.eventually([](const ServerStats& s) { return s.open == 0; }));
}

}  // namespace
}  // namespace peerscope::net
