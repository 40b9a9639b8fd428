// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP messages, header lists, endpoints and URLs as values.
#include "reference-impl/net/http.h"

#include <gtest/gtest.h>

#include "reference-impl/net/url.h"

namespace peerscope::net {
namespace {

TEST(Endpoint, ParsesAndPrints) {
  for (const char* text : {"127.0.0.1:80", "[::1]:8080", "tracker.example:65535"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
  EXPECT_EQ(Endpoint::parse("[::1]:8080")->address, "::1");
  EXPECT_EQ(Endpoint::parse(":7")->address, "0.0.0.0");
}

TEST(Endpoint, RefusesWhatIsNotHostAndPort) {
  for (const char* text : {"", "host", "host:", "host:65536", "host:1x", "::1:80", "[::1]", "[::1:80", "[::1]80"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_NE(endpoint.error().message.find(std::string("'") + text + "'"), std::string::npos);
  }
}

TEST(Headers, NamesCompareWithoutCaseAndKeepOrder) {
  Headers headers{{"Host", "a"}, {"X-One", "1"}, {"x-one", "2"}};
  EXPECT_EQ(headers.find("HOST"), "a");
  EXPECT_EQ(headers.count("X-ONE"), 2U);
  headers.set("X-ONE", "3");
  ASSERT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers[1].name, "X-ONE");
  EXPECT_EQ(headers[1].value, "3");
  EXPECT_EQ(headers.remove("host"), 1U);
  EXPECT_FALSE(headers.contains("Host"));
}

TEST(Headers, ArgumentsMayBeViewsOfTheSameHeaders) {
  Headers headers{{"A", std::string(40, 'x')}};
  for (int i = 0; i < 20; ++i) headers.add(headers[0].name, headers[0].value);
  EXPECT_EQ(headers.count("A"), 21U);
  EXPECT_EQ(headers[20].value, std::string(40, 'x'));
  headers.set("A", headers[0].value);
  EXPECT_EQ(headers.size(), 1U);
  EXPECT_EQ(headers[0].value, std::string(40, 'x'));
}

TEST(Headers, TokensOfLists) {
  const Headers headers{{"Connection", "Upgrade, keep-alive"}, {"Connection", "close"}};
  EXPECT_TRUE(headers.has_token("connection", "Keep-Alive"));
  EXPECT_TRUE(headers.has_token("connection", "close"));
  EXPECT_FALSE(headers.has_token("connection", "keep"));
}

TEST(HttpWire, RequestRoundTrip) {
  const HttpRequest request{
      "POST", "/tracker", 11, {{"Host", "t.example"}, {"Content-Type", "application/json"}}, "{}"};
  const std::string wire = to_wire(request);
  EXPECT_EQ(
      wire,
      "POST /tracker HTTP/1.1\r\nHost: t.example\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  std::size_t used = 0;
  const auto back = parse_request(wire + "next", &used);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(used, wire.size());
  EXPECT_EQ(back->method, "POST");
  EXPECT_EQ(back->target, "/tracker");
  EXPECT_EQ(back->version, 11);
  EXPECT_EQ(back->headers.get("content-type"), "application/json");
  EXPECT_EQ(back->body, "{}");
}

TEST(HttpWire, LengthOnlyWhereTheMessageMayHaveOne) {
  EXPECT_EQ(to_wire(HttpRequest{}), "GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(to_wire(HttpRequest{"POST", "/", 11, {}, {}}), "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(to_wire(HttpResponse{204, {}, {}, {}, 11}), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(to_wire(HttpResponse{200, "Fine", {}, "x", 10}), "HTTP/1.0 200 Fine\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_EQ(to_wire(HttpResponse{200, {}, {{"Content-Length", "9"}}, "x", 11}, "HEAD"),
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
}

TEST(HttpWire, ChunkedBodiesAreDecodedAndEncodedAgain) {
  const auto response = parse_response(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;name=value\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: "
      "x\r\n\r\n");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "hello!");
  EXPECT_FALSE(response->headers.contains("Trailer"));
  const auto again = parse_response(to_wire(*response));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->body, "hello!");
  EXPECT_EQ(to_chunks("abcde", 2), "2\r\nab\r\n2\r\ncd\r\n1\r\ne\r\n0\r\n\r\n");
}

TEST(HttpWire, ResponseWithoutLengthEndsWithTheBytes) {
  const auto response = parse_response("HTTP/1.0 200 OK\r\n\r\nall of it");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "all of it");
}

TEST(HttpWire, EveryTruncationIsMalformed) {
  const std::string wire = to_wire(HttpRequest{"POST", "/x", 11, {{"Host", "h"}}, "body"});
  for (std::size_t size = 0; size < wire.size(); ++size) {
    const auto parsed = parse_request(std::string_view(wire).substr(0, size));
    ASSERT_FALSE(parsed) << size;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kMalformed);
  }
}

TEST(HttpWire, BrokenMessagesAreRefused) {
  for (const char* wire : {"\x01\x02\x03\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/3.0\r\n\r\n",
                           "GET / HTTP/1.1\r\nno colon\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                           "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    EXPECT_FALSE(parse_request(wire)) << wire;
  }
  ParseLimits limits;
  limits.max_body = 3;
  const auto large = parse_request("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd", nullptr, limits);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().kind, ErrorKind::kTooLarge);
}

TEST(Url, Parts) {
  const auto url = Url::parse("HTTPS://tracker.example:8443/a/b?x=1#part");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls());
  EXPECT_EQ(url->host, "tracker.example");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a/b?x=1");
  EXPECT_EQ(url->fragment, "part");
  EXPECT_EQ(url->authority(), "tracker.example:8443");
  EXPECT_EQ(url->to_string(), "https://tracker.example:8443/a/b?x=1#part");
}

TEST(Url, Defaults) {
  const auto url = Url::parse("http://[2001:db8::1]?q");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "2001:db8::1");
  EXPECT_EQ(url->port, 80);
  EXPECT_EQ(url->target, "/?q");
  EXPECT_EQ(url->authority(), "[2001:db8::1]");
}

TEST(Url, RefusalsSayWhy) {
  EXPECT_NE(Url::parse("example.org/").error().message.find("http:// or https:// is missing"), std::string::npos);
  EXPECT_NE(Url::parse("ftp://example.org/").error().message.find("only http and https"), std::string::npos);
  EXPECT_NE(Url::parse("http:///x").error().message.find("host is missing"), std::string::npos);
  EXPECT_NE(Url::parse("http://u:p@h/").error().message.find("user name"), std::string::npos);
  EXPECT_NE(Url::parse("http://h:99999/").error().message.find("port"), std::string::npos);
  EXPECT_NE(Url::parse("http://h/a b").error().message.find("space"), std::string::npos);
}

TEST(Url, Percent) {
  EXPECT_EQ(percent_decode("a%20b%2Fc%zz%4"), "a b/c%zz%4");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_encode("a b/\xff"), "a%20b%2F%FF");
}

// RFC 3986 section 5.4, with the host as port-less authority.
TEST(Url, ResolvesReferencesAsTheRfcShows) {
  const auto base = Url::parse("http://a/b/c/d;p?q");
  ASSERT_TRUE(base);
  const std::pair<const char*, const char*> kCases[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"g#s", "http://a/b/c/g#s"},
      {"g?y#s", "http://a/b/c/g?y#s"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"https://h:8443/x", "https://h:8443/x"},
  };
  for (const auto& [reference, wanted] : kCases) {
    const auto url = base->resolve(reference);
    ASSERT_TRUE(url) << reference << ": " << url.error().message;
    EXPECT_EQ(url->to_string(), wanted) << reference;
  }
  EXPECT_FALSE(base->resolve("mailto:x"));
  EXPECT_FALSE(base->resolve("a b"));
  EXPECT_TRUE(base->same_origin(*base->resolve("/elsewhere")));
  EXPECT_FALSE(base->same_origin(*base->resolve("//g/elsewhere")));
}

}  // namespace
}  // namespace peerscope::net
