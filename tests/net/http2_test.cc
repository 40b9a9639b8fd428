// SPDX-License-Identifier: GPL-2.0-or-later
// The server over HTTP/2, against a client made of nghttp2: the same handlers, growing bodies, and peers that ask for
// too much.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <atomic>
#include <boost/asio.hpp>
#include <chrono>
#include <map>

#include "reference-impl/net/body_stream.h"
#include "tests/net/test_server.h"

namespace peerscope::net {
namespace {

using std::chrono::milliseconds;
using tcp = boost::asio::ip::tcp;

ServerOptions with_http2() {
  ServerOptions out;
  out.http2 = true;
  return out;
}

// A blocking client in clear text with prior knowledge.
class Client {
 public:
  struct Answer {
    int status = 0;
    Headers headers;
    std::string body;
    bool closed = false;
    std::uint32_t error = 0;
  };

  explicit Client(std::uint16_t port, std::int32_t window = 65'535) : socket_(context_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
          Answer& answer = static_cast<Client*>(self)->answers[frame->hd.stream_id];
          const std::string field(reinterpret_cast<const char*>(name), name_size);
          const std::string text(reinterpret_cast<const char*>(value), value_size);
          if (field == ":status")
            answer.status = std::stoi(text);
          else
            answer.headers.add(field, text);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t size, void* self) {
          static_cast<Client*>(self)->answers[id].body.append(reinterpret_cast<const char*>(data), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t error, void* self) {
          static_cast<Client*>(self)->answers[id].closed = true;
          static_cast<Client*>(self)->answers[id].error = error;
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          if (frame->hd.type == NGHTTP2_GOAWAY) static_cast<Client*>(self)->goaway = frame->goaway.error_code;
          return 0;
        });
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_peer_max_concurrent_streams(option, 1000);
    nghttp2_option_set_no_auto_window_update(option, window == 0 ? 1 : 0);
    nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                       static_cast<std::uint32_t>(window == 0 ? 65'535 : window)};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
  }
  ~Client() { nghttp2_session_del(session_); }

  std::int32_t request(const std::string& method, const std::string& path, const std::string& body = "",
                       const Headers& headers = {}) {
    std::vector<std::string> texts = {":method", method, ":scheme", "http", ":authority", "h", ":path", path};
    for (const HeaderField field : headers) {
      texts.emplace_back(field.name);
      texts.emplace_back(field.value);
    }
    std::vector<nghttp2_nv> fields;
    for (std::size_t i = 0; i < texts.size(); i += 2)
      fields.push_back({reinterpret_cast<std::uint8_t*>(texts[i].data()),
                        reinterpret_cast<std::uint8_t*>(texts[i + 1].data()), texts[i].size(), texts[i + 1].size(),
                        NGHTTP2_NV_FLAG_NONE});
    sending_ = body;
    nghttp2_data_provider provider{};
    provider.source.ptr = this;
    provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t size,
                                std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
      std::string& rest = static_cast<Client*>(source->ptr)->sending_;
      const std::size_t n = std::min(size, rest.size());
      std::copy_n(rest.data(), n, to);
      rest.erase(0, n);
      if (rest.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(n);
    };
    return nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), body.empty() ? nullptr : &provider,
                                  nullptr);
  }
  void reset(std::int32_t id) { nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL); }

  // Writes what there is to write. False when the server has closed.
  bool flush() {
    const std::uint8_t* bytes = nullptr;
    for (ssize_t n = nghttp2_session_mem_send(session_, &bytes); n > 0;
         n = nghttp2_session_mem_send(session_, &bytes)) {
      boost::system::error_code error;
      boost::asio::write(socket_, boost::asio::buffer(bytes, static_cast<std::size_t>(n)), error);
      if (error) return false;
    }
    return true;
  }
  // Talks until `done`, at most five seconds. False when the time was over or the server closed before.
  bool run(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    socket_.non_blocking(true);
    while (!done()) {
      socket_.non_blocking(false);
      if (!flush()) return false;
      socket_.non_blocking(true);
      char buffer[16384];
      boost::system::error_code error;
      const std::size_t n = socket_.read_some(boost::asio::buffer(buffer), error);
      if (error == boost::asio::error::would_block) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(milliseconds(1));
        continue;
      }
      if (error) {
        closed = true;
        return done();
      }
      if (nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(buffer), n) < 0) return false;
    }
    return true;
  }
  Answer ask(const std::string& method, const std::string& path, const std::string& body = "") {
    const std::int32_t id = request(method, path, body);
    EXPECT_TRUE(run([&] { return answers[id].closed; })) << method << " " << path;
    return answers[id];
  }
  void close() { socket_.close(); }

  std::map<std::int32_t, Answer> answers;
  std::optional<std::uint32_t> goaway;
  bool closed = false;

 private:
  boost::asio::io_context context_;
  tcp::socket socket_;
  nghttp2_session* session_ = nullptr;
  std::string sending_;
};

bool eventually(const std::function<bool()>& what) {
  for (int i = 0; i < 1000; ++i) {
    if (what()) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return false;
}

TEST(Http2, TheSameHandlerAnswers) {
  TestServer server(echo, with_http2());
  Client client(server.port());
  const auto answer = client.ask("POST", "/x", "hello");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "POST /x hello");
  EXPECT_EQ(answer.headers.get("content-length"), "13");
  EXPECT_EQ(answer.headers.get("content-type"), "text/plain");
  EXPECT_TRUE(answer.headers.contains("date"));
  const auto head = client.ask("HEAD", "/y");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.headers.get("content-length"), "8");
  // HTTP/1.1 on the same port, as ever.
  auto old = server.client();
  const auto response = old.send({"PUT", "/z", 11, {}, "b"});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "PUT /z b");
  EXPECT_EQ(server.stats().requests, 3U);
}

TEST(Http2, OnlyWhereItIsWanted) {
  TestServer server(echo);
  Client client(server.port());
  client.request("GET", "/");
  EXPECT_FALSE(client.run([&] { return client.answers[1].closed; }));
  EXPECT_EQ(server.stats().malformed, 1U);
}

TEST(Http2, ManyStreamsAtOnceAndAnswersInAnyOrder) {
  std::vector<Responder> waiting;
  TestServer server(
      [&](HttpRequest&& request, const ConnectionInfo&, const Responder& respond) {
        if (request.target == "/now")
          respond(text_response("now"));
        else
          waiting.push_back(respond);
      },
      with_http2());
  Client client(server.port());
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(client.request("GET", "/later"));
  const std::int32_t now = client.request("GET", "/now");
  EXPECT_TRUE(client.run([&] { return client.answers[now].closed; }));
  server.on_server([&] {
    for (std::size_t i = waiting.size(); i-- > 0;) EXPECT_TRUE(waiting[i](text_response(std::to_string(i))));
    EXPECT_FALSE(waiting[0](text_response("again")));
  });
  EXPECT_TRUE(client.run(
      [&] { return std::all_of(ids.begin(), ids.end(), [&](std::int32_t id) { return client.answers[id].closed; }); }));
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(client.answers[ids[i]].body, std::to_string(i));
}

TEST(Http2, LargeBodiesGoThroughTheWindows) {
  const auto large = std::make_shared<const std::string>(2'000'000, 'x');
  TestServer server(
      [&](HttpRequest&& request, const ConnectionInfo&, const Responder& respond) {
        Reply reply(HttpResponse(200));
        if (request.method == "POST")
          reply.response.body = std::to_string(request.body.size());
        else
          reply.shared_body = large;
        respond(std::move(reply));
      },
      with_http2());
  Client client(server.port(), 30'000);
  EXPECT_TRUE(client.ask("GET", "/").body == *large);
  EXPECT_EQ(client.ask("POST", "/", std::string(900'000, 'y')).body, "900000");
}

TEST(Http2, BodiesThatGrow) {
  std::shared_ptr<BodyStream> stream;
  std::atomic<int> closed{0};
  TestServer server(
      [&](HttpRequest&& request, const ConnectionInfo&, const Responder& respond) {
        if (request.target == "/other") return (void)respond(text_response("other"));
        stream = std::make_shared<BodyStream>();
        stream->on_closed = [&] { ++closed; };
        Reply reply(HttpResponse(200));
        reply.stream = stream;
        respond(std::move(reply));
        stream->write(std::string("first"));
      },
      with_http2());
  Client client(server.port());
  std::int32_t id = client.request("GET", "/");
  EXPECT_TRUE(client.run([&] { return client.answers[id].body == "first"; }));
  EXPECT_EQ(client.ask("GET", "/other").body, "other") << "beside the stream";
  server.on_server([&] { EXPECT_TRUE(stream->write(std::string(" second"))); });
  EXPECT_TRUE(client.run([&] { return client.answers[id].body == "first second"; }));
  server.on_server([&] {
    EXPECT_TRUE(stream->write(std::string(" last")));
    stream->end();
  });
  EXPECT_TRUE(client.run([&] { return client.answers[id].closed; }));
  EXPECT_EQ(client.answers[id].body, "first second last");
  EXPECT_EQ(closed, 0);
  id = client.request("GET", "/");
  EXPECT_TRUE(client.run([&] { return !client.answers[id].body.empty(); }));
  client.reset(id);
  client.flush();
  EXPECT_TRUE(eventually([&] { return closed == 1; })) << "the stream alone";
  client.request("GET", "/");
  EXPECT_TRUE(client.run([&] { return client.answers[id + 2].body == "first"; }));
  client.close();
  EXPECT_TRUE(eventually([&] { return closed == 2; })) << "the whole connection";
}

TEST(Http2, AReaderThatStopsIsDropped) {
  std::shared_ptr<BodyStream> stream;
  std::atomic<int> closed{0};
  ServerOptions options = with_http2();
  options.write_timeout = milliseconds(200);
  TestServer server(
      [&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
        stream = std::make_shared<BodyStream>();
        stream->on_closed = [&] { ++closed; };
        Reply reply(HttpResponse(200));
        reply.stream = stream;
        respond(std::move(reply));
        stream->write(std::string(300'000, 'w'));
      },
      options);
  Client client(server.port(), 0);  // never opens its window again
  client.request("GET", "/");
  client.run([&] { return client.closed; });
  EXPECT_TRUE(eventually([&] { return closed == 1; }));
  EXPECT_EQ(server.stats().timeouts, 1U);
}

TEST(Http2, LimitsAreKept) {
  ServerOptions options = with_http2();
  options.max_body_bytes = 1000;
  options.max_header_bytes = 2000;
  TestServer server(echo, options);
  {
    Client client(server.port());
    const auto answer = client.ask("POST", "/", std::string(60'000, 'b'));
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(client.ask("GET", "/").status, 200) << "the connection goes on";
  }
  {
    Client client(server.port());
    const std::int32_t id = client.request("GET", "/", "", {{"x", std::string(3000, 'h')}});
    EXPECT_TRUE(client.run([&] { return client.answers[id].closed; }));
    EXPECT_EQ(client.answers[id].status, 431);
  }
}

TEST(Http2, RapidResetsEndTheConnection) {
  std::vector<Responder> held;
  TestServer server([&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) { held.push_back(respond); },
                    with_http2());
  Client client(server.port());
  for (int i = 0; i < 2000 && !client.closed && !client.goaway; ++i) {
    const std::int32_t id = client.request("GET", "/");
    if (!client.flush()) break;
    client.reset(id);
    if (!client.flush()) break;
  }
  client.run([&] { return client.closed; });
  EXPECT_TRUE(eventually([&] { return server.stats().open == 0; }));
  EXPECT_LT(server.stats().requests, 400U);
}

TEST(Http2, NoiseEndsTheConnection) {
  TestServer server(echo, with_http2());
  for (const std::string& bytes : {std::string("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"), std::string("PRI "),
                                   std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string(100, '\xff')}) {
    auto client = server.client();
    ASSERT_TRUE(client.send_raw(bytes));
    if (bytes.size() == 4) client.client().shutdown_write();
    EXPECT_TRUE(server.eventually([](const ServerStats& stats) { return stats.open == 0; })) << bytes.size();
  }
}

TEST(Http2, StoppingTheServerLeavesNothingBehind) {
  std::vector<Responder> held;
  TestServer server([&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) { held.push_back(respond); },
                    with_http2());
  Client client(server.port());
  client.request("GET", "/");
  client.flush();
  EXPECT_TRUE(server.eventually([](const ServerStats& stats) { return stats.requests == 1; }));
  server.stop();
  EXPECT_FALSE(held.at(0).waiting());
  EXPECT_FALSE(held.at(0)(text_response("late")));
}

TEST(Http2, ObserverSeesMessagesOfHttp11) {
  ServerOptions options = with_http2();
  std::atomic<int> requests{0};
  std::atomic<int> responses{0};
  options.observer = [&](const HttpEvent& event) {
    if (event.request != nullptr) {
      EXPECT_EQ(event.request->version, 11);
      EXPECT_EQ(event.request->headers.get("Host"), "h");
      ++requests;
    }
    if (event.response != nullptr) {
      EXPECT_EQ(event.response->body, "POST / b");
      ++responses;
    }
  };
  TestServer server(echo, options);
  Client client(server.port());
  EXPECT_EQ(client.ask("POST", "/", "b").status, 200);
  EXPECT_EQ(requests, 1);
  EXPECT_EQ(responses, 1);
}

}  // namespace
}  // namespace peerscope::net
