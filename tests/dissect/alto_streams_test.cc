// SPDX-License-Identifier: GPL-2.0-or-later
// Update streams that go on, through the whole of epan: over HTTP/1.1, in TLS and over HTTP/2, cut anywhere, in both
// passes; and what must not be taken for one.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "dissectors/epan/live_body.h"
#include "tests/dissect/host/epan_host.h"
#include "tests/dissect/host/secure_link.h"
#include "tests/support/mutants.h"
#include "tests/support/sample.h"

namespace peerscope::test {
namespace {

constexpr Endpoint kClient{0xc0000202, 40000};
constexpr Endpoint kServer{0xc0000201, 80};
const std::string kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kEnd = "0\r\n\r\n";

const std::string kControl =
    "event: application/alto-updatestreamcontrol+json\ndata: {\"control-uri\":\"/upd/ctl/1\"}\n\n";
const std::string kMap =
    "event: application/alto-networkmap+json,n\n"
    "data: {\"meta\":{\"vtag\":{\"resource-id\":\"nm\",\"tag\":\"v7\"}},\n"
    "data:  \"network-map\":{\"west\":{\"ipv4\":[\"0.0.0.0/0\"]}}}\n\n";
const std::string kPatch =
    "event: application/merge-patch+json,n\ndata: {\"network-map\":{\"east\":{\"ipv4\":[\"10.0.0.0/8\"]}}}\n\n";
// There is no south.
const std::string kBadPatch =
    "event: application/json-patch+json,n\ndata: [{\"op\":\"remove\",\"path\":\"/network-map/south\"}]\n\n";
const std::string kKeepAlive = ": keep-alive\n\n";
const std::string kAll = kControl + kMap + kKeepAlive + kPatch;

std::string ask() {
  return "POST /updates HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n"
         "Content-Type: application/alto-updatestreamparams+json\r\nContent-Length: 34\r\n\r\n"
         "{\"add\":{\"n\":{\"resource-id\":\"nm\"}}}";
}
std::string chunk(std::string_view text) {
  const std::string whole = chunked(text, text.size());
  return whole.substr(0, whole.size() - kEnd.size());
}

struct Talk {
  Talk() : tcp(frames, kClient, kServer) { tcp.open(); }
  std::vector<Frame> frames;
  TcpConversation tcp;
};

// What all frames show of a field, in their order.
std::vector<std::string> shown(const std::vector<Dissected>& frames, const char* field) {
  std::vector<std::string> out;
  for (const Dissected& frame : frames) {
    const auto values = frame.values(field);
    out.insert(out.end(), values.begin(), values.end());
  }
  return out;
}
const std::vector<std::string> kAllEvents = {"application/alto-updatestreamcontrol+json",
                                             "application/alto-networkmap+json,n", "application/merge-patch+json,n"};
// Numbers of the frames, from 1, that have a field.
std::vector<std::size_t> frames_with(const std::vector<Dissected>& frames, const char* field) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].has(field)) out.push_back(i + 1);
  }
  return out;
}
void expect_sound(const std::vector<Dissected>& frames) {
  for (const Dissected& frame : frames) {
    EXPECT_FALSE(frame.dissector_bug()) << frame.info;
    EXPECT_FALSE(frame.malformed()) << frame.info;
  }
}
// Both ways to look at a capture, which must agree.
std::vector<Dissected> dissect_twice(const std::vector<Frame>& frames) {
  Options once;
  once.two_passes = false;
  const auto first = dissect(frames, once);
  auto second = dissect(frames);
  expect_sound(second);
  for (const char* field : {"alto.sse.event", "alto.finding", "alto.pid", "alto.unfinished", "http.response.code"})
    EXPECT_EQ(shown(first, field), shown(second, field)) << field;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (!second[i].has("alto")) continue;  // HTTP tells the passes apart while it waits for a head
    EXPECT_EQ(first[i].info, second[i].info) << i + 1;
  }
  return second;
}

TEST(AltoStreams, AnOpenStreamIsShownUpToItsLastEvent) {
  Talk talk;
  talk.tcp.client(ask());
  talk.tcp.server(kStreamHead);
  for (const std::string& event : {kControl, kMap, kKeepAlive, kPatch}) talk.tcp.server(chunk(event));
  const auto out = dissect_twice(talk.frames);
  EXPECT_EQ(frames_with(out, "alto.sse.event"), (std::vector<std::size_t>{6, 7, 9}));
  EXPECT_EQ(shown(out, "alto.sse.event"), kAllEvents);
  EXPECT_EQ(out[4].value("http.response.code"), "200");
  EXPECT_EQ(out[4].value("http.content_type"), "text/event-stream");
  EXPECT_EQ(out[4].value("http.request_in"), "4");
  EXPECT_EQ(out[6].value("alto.pid"), "west");
  EXPECT_EQ(out[6].value("alto.vtag.tag"), "v7");
  EXPECT_EQ(out[6].value("alto.response_to"), "4");
  EXPECT_EQ(frames_with(out, "alto.response_time"), std::vector<std::size_t>{6});  // of the first part
  EXPECT_EQ(out[7].info, "event-stream, keep-alive");
  EXPECT_TRUE(shown(out, "alto.finding").empty());
  EXPECT_TRUE(shown(out, "alto.unfinished").empty());
}

TEST(AltoStreams, SegmentsAndChunksMayBeCutAnywhere) {
  for (const std::size_t chunk_size : {1U, 7U, 64U, 100'000U}) {
    for (const std::size_t segment : {1U, 13U, 200U, 100'000U}) {
      if (chunk_size == 1 && segment == 1) continue;
      Talk talk;
      talk.tcp.client(ask());
      const std::string body = chunked(kAll, chunk_size);
      talk.tcp.server_in(segment, kStreamHead + body.substr(0, body.size() - kEnd.size()));
      const auto out = dissect_twice(talk.frames);
      EXPECT_EQ(shown(out, "alto.sse.event"), kAllEvents) << chunk_size << ' ' << segment;
      EXPECT_EQ(shown(out, "http.response.code"), std::vector<std::string>{"200"});
      EXPECT_TRUE(shown(out, "alto.finding").empty()) << chunk_size << ' ' << segment;
    }
  }
}

TEST(AltoStreams, APatchThatDoesNotApplyIsAFindingOnItsFrame) {
  Talk talk;
  talk.tcp.client(ask());
  talk.tcp.server(kStreamHead + chunk(kControl));
  talk.tcp.server(chunk(kMap));
  talk.tcp.server(chunk(kPatch) + chunk(kBadPatch));
  talk.tcp.server(chunk(kPatch));
  const auto out = dissect_twice(talk.frames);
  EXPECT_EQ(frames_with(out, "alto.finding"), std::vector<std::size_t>{7});
  EXPECT_EQ(shown(out, "alto.finding"), std::vector<std::string>{"A-SSE-54"});
}

TEST(AltoStreams, WhatIsKnownOfAStreamGoesOnOverItsFrames) {
  Talk talk;
  talk.tcp.client(ask());
  talk.tcp.server(kStreamHead + chunk(kControl));
  talk.tcp.server(chunk(kControl));  // its control URI again
  std::string other = kMap;
  other.replace(other.find(",n\n"), 3, ",x\n");  // never added
  talk.tcp.server(chunk(other));
  const auto out = dissect_twice(talk.frames);
  EXPECT_EQ(out[5].values("alto.finding"), std::vector<std::string>{"A-SSE-07"});
  EXPECT_EQ(out[6].values("alto.finding"), std::vector<std::string>{"A-SSE-03"});
}

TEST(AltoStreams, AnEventThatIsCutByTheEndOfTheCaptureIsSaidToBeUnfinished) {
  Talk talk;
  talk.tcp.client(ask());
  talk.tcp.server(kStreamHead);
  const std::string body = chunk(kControl) + chunk(kMap);
  talk.tcp.server(body.substr(0, body.size() - 20));
  const auto out = dissect_twice(talk.frames);
  EXPECT_EQ(shown(out, "alto.sse.event"), std::vector<std::string>{kAllEvents[0]});
  EXPECT_EQ(out[5].value("alto.unfinished"), std::to_string(kMap.size() - 18));
}

TEST(AltoStreams, HttpGoesOnBehindAStreamThatEnds) {
  Talk talk;
  talk.tcp.client(ask());
  talk.tcp.server(kStreamHead + chunk(kAll));
  talk.tcp.server(kEnd + http_response("{\"meta\":{\"code\":\"E_SYNTAX\"}}", 400, "application/alto-error+json"));
  talk.tcp.client(ask());
  talk.tcp.server_in(30,
                     http_response("{\"meta\":{\"code\":\"E_MISSING_FIELD\"}}", 400, "application/alto-error+json"));
  const auto out = dissect_twice(talk.frames);
  EXPECT_EQ(shown(out, "alto.sse.event"), kAllEvents);
  EXPECT_EQ(shown(out, "alto.error.code"), (std::vector<std::string>{"E_SYNTAX", "E_MISSING_FIELD"}));
  EXPECT_EQ(shown(out, "http.response.code"), (std::vector<std::string>{"200", "400", "400"}));
}

TEST(AltoStreams, ABodyOfAKnownLengthAndOneUpToTheEndOfTheConnectionAreStreamsToo) {
  for (const std::string& framing : {"Content-Length: " + std::to_string(kAll.size()) + "\r\n", std::string()}) {
    Talk talk;
    talk.tcp.client(ask());
    talk.tcp.server_in(
        50, "HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream; charset=utf-8\r\n" + framing + "\r\n" + kAll);
    const auto out = dissect_twice(talk.frames);
    EXPECT_EQ(shown(out, "alto.sse.event"), kAllEvents) << framing;
  }
}

TEST(AltoStreams, ACompressedStreamIsShown) {
  Talk talk;
  talk.tcp.client(ask());
  const std::string body = chunked(gzipped(kAll), 40);
  talk.tcp.server_in(60,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n" +
                         body);
  EXPECT_EQ(shown(dissect_twice(talk.frames), "alto.sse.event"), kAllEvents);
}

TEST(AltoStreams, AfterALossTheStreamIsTakenUpAtTheNextEvent) {
  Talk talk;
  talk.tcp.client(ask());
  talk.tcp.server(kStreamHead + chunk(kControl));
  talk.tcp.server(chunk(kMap));
  const std::size_t lost = talk.frames.size() - 1;
  talk.tcp.server(chunk(kPatch));
  talk.tcp.server(chunk(kBadPatch));  // of a map that was not seen: nothing to say
  talk.frames.erase(talk.frames.begin() + static_cast<std::ptrdiff_t>(lost));
  const auto out = dissect_twice(talk.frames);
  EXPECT_EQ(shown(out, "alto.sse.event"),
            (std::vector<std::string>{kAllEvents[0], kAllEvents[2], "application/json-patch+json,n"}));
  EXPECT_TRUE(shown(out, "alto.finding").empty());
}

// ---- what is not a stream of ALTO ----

TEST(AltoStreams, AnswersThatAreNoStreamStayAsTheyAre) {
  const std::string error = http_response("{\"meta\":{\"code\":\"E_SYNTAX\"}}", 400, "application/alto-error+json");
  const std::string foreign = http_response("event: tick\ndata: 1\n\n", 200, "text/plain");
  for (const std::string& answer : {error, foreign}) {
    Talk talk;
    talk.tcp.client(ask());
    talk.tcp.server_in(25, answer);
    const auto out = dissect_twice(talk.frames);
    EXPECT_TRUE(shown(out, "alto.sse.event").empty());
    EXPECT_EQ(frames_with(out, "http.response.code"), std::vector<std::size_t>{out.size()});
    EXPECT_EQ(out.back().value("http.request_in"), "4");
  }
}

TEST(AltoStreams, EventStreamsOfOthersStayHttps) {
  Talk talk;
  talk.tcp.client("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  talk.tcp.server(kStreamHead);
  talk.tcp.server(chunk("event: tick\ndata: 1\n\n"));
  talk.tcp.server(kEnd);
  const auto out = dissect_twice(talk.frames);
  EXPECT_TRUE(frames_with(out, "alto").empty());
  EXPECT_EQ(frames_with(out, "http.response.code"), std::vector<std::size_t>{out.size()});
}

// ---- TLS ----

TEST(AltoStreams, AnOpenStreamInTlsIsShown) {
  std::vector<Frame> frames;
  SecureLink link(SecureLink::Kind::kTls, frames, kClient, {0xc0000201, 443});
  link.handshake();
  link.client(ask());
  link.server(kStreamHead);
  for (const std::string& event : {kControl, kMap, kKeepAlive, kPatch, kBadPatch}) link.server(chunk(event));
  const std::string path = (std::filesystem::temp_directory_path() / "peerscope-alto-stream.pcapng").string();
  ASSERT_TRUE(write_capture(path, frames, link.key_log()));
  for (const bool two_passes : {false, true}) {
    Options options;
    options.two_passes = two_passes;
    const auto out = dissect_file(path, options);
    expect_sound(out);
    auto events = kAllEvents;
    events.emplace_back("application/json-patch+json,n");
    EXPECT_EQ(shown(out, "alto.sse.event"), events) << two_passes;
    EXPECT_EQ(shown(out, "alto.finding"), std::vector<std::string>{"A-SSE-54"}) << two_passes;
    EXPECT_EQ(shown(out, "http.response.code"), std::vector<std::string>{"200"}) << two_passes;
  }
  std::filesystem::remove(path);
}

// ---- HTTP/2 ----

std::string frame(char type, char flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<char>(payload.size() >> shift));
  out.push_back(type);
  out.push_back(flags);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(stream >> shift));
  return out.append(payload);
}
// Literals without indexing and without Huffman coding (RFC 7541 section 6.2.2).
std::string headers(const std::vector<std::pair<std::string, std::string>>& list) {
  std::string out;
  for (const auto& [name, value] : list) {
    out.push_back('\0');
    out.push_back(static_cast<char>(name.size()));
    out += name;
    out.push_back(static_cast<char>(value.size()));
    out += value;
  }
  return out;
}
constexpr char kData = 0;
constexpr char kHeaders = 1;
constexpr char kSettings = 4;
constexpr char kEndStream = 1;
constexpr char kEndHeaders = 4;
constexpr char kPadded = 8;

struct Http2Talk : Talk {
  Http2Talk() { open(tcp); }
  void ask(std::uint32_t stream) { ask(tcp, stream); }
  void answer(std::uint32_t stream) { answer(tcp, stream); }

  static void open(TcpConversation& tcp) {
    tcp.client("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(kSettings, 0, 0, ""));
    tcp.server(frame(kSettings, 0, 0, ""));
  }
  static void ask(TcpConversation& tcp, std::uint32_t stream) {
    const std::string head = headers({{":method", "POST"},
                                      {":path", "/updates"},
                                      {":scheme", "http"},
                                      {"content-type", "application/alto-updatestreamparams+json"}});
    tcp.client(frame(kHeaders, kEndHeaders, stream, head) +
               frame(kData, kEndStream, stream, "{\"add\":{\"n\":{\"resource-id\":\"nm\"}}}"));
  }
  static void answer(TcpConversation& tcp, std::uint32_t stream) {
    tcp.server(
        frame(kHeaders, kEndHeaders, stream, headers({{":status", "200"}, {"content-type", "text/event-stream"}})));
  }
};

TEST(AltoStreams, AnOpenStreamOverHttp2IsShownUpToItsLastEvent) {
  Http2Talk talk;
  talk.ask(1);
  talk.answer(1);
  talk.tcp.server(frame(kData, 0, 1, kControl));
  talk.tcp.server(frame(kData, 0, 1, kMap.substr(0, 40)));
  talk.tcp.server(frame(kData, kPadded, 1, std::string(1, '\x03') + kMap.substr(40) + std::string(3, '\0')));
  talk.tcp.server(frame(kData, 0, 1, kKeepAlive) + frame(kData, 0, 1, kPatch));
  talk.tcp.server(frame(kData, 0, 1, kBadPatch));
  const auto out = dissect_twice(talk.frames);
  auto events = kAllEvents;
  events.emplace_back("application/json-patch+json,n");
  EXPECT_EQ(shown(out, "alto.sse.event"), events);
  EXPECT_EQ(frames_with(out, "alto.unfinished").size(), 1U);
  EXPECT_EQ(shown(out, "alto.finding"), std::vector<std::string>{"A-SSE-54"});
  EXPECT_EQ(frames_with(out, "alto.finding"), std::vector<std::size_t>{out.size()});
}

TEST(AltoStreams, StreamsThatShareAConnectionAreToldApart) {
  Http2Talk talk;
  for (const std::uint32_t stream : {1U, 3U}) {
    talk.ask(stream);
    talk.answer(stream);
    talk.tcp.server(frame(kData, 0, stream, kControl));
  }
  talk.tcp.server(frame(kData, 0, 3, kMap.substr(0, 30)) + frame(kData, 0, 1, kMap));
  talk.tcp.server(frame(kData, kEndStream, 3, kMap.substr(30)));
  const auto out = dissect_twice(talk.frames);
  EXPECT_EQ(shown(out, "alto.vtag.tag").size(), 2U);
  EXPECT_EQ(shown(out, "alto.resource_id").size(), 2U);
  EXPECT_TRUE(shown(out, "alto.finding").empty());
}

TEST(AltoStreams, ForeignEventStreamsOverHttp2StayData) {
  Http2Talk talk;
  talk.ask(1);
  talk.answer(3);
  talk.tcp.server(frame(kData, 0, 3, "event: tick\ndata: 1\n\n"));
  talk.tcp.server(frame(kData, 0, 3, "event: tick\ndata: 2\n\n"));
  const auto out = dissect_twice(talk.frames);
  EXPECT_EQ(frames_with(out, "alto"), std::vector<std::size_t>{6});  // the request
  EXPECT_EQ(frames_with(out, "http2.data.data").size(), 3U);
}

// ---- broken streams ----

// What a server sends behind a request for a stream, a few bytes changed: over HTTP/1.1 and HTTP/2, with and without
// tree.
TEST(AltoStreams, BrokenStreamsAreNoTroubleForTheDissector) {
  constexpr std::string_view kPieces[] = {
      "\r\n", "\n\n", "0\r\n", "ffffffff\r\n", "event: ", "data: {", "HTTP/1.1 200 OK\r\n", ": "};
  constexpr int kMutants = 150;
  std::vector<Frame> frames;
  std::uint16_t port = 40000;
  const auto talk = [&] { return TcpConversation(frames, {kClient.address, ++port}, kServer); };
  const std::string answer = kStreamHead + chunk(kControl) + chunk(kMap) + chunk(kKeepAlive) + chunk(kPatch) + kEnd;
  each_mutant("http1", answer, kMutants, kPieces, [&](int i, const std::string& mutant) {
    TcpConversation tcp = talk();
    tcp.open();
    tcp.client(ask());
    tcp.server_in(static_cast<std::size_t>(20 + i), mutant);
  });
  each_mutant("http2", kAll, kMutants, kPieces, [&](int i, const std::string& mutant) {
    TcpConversation tcp = talk();
    Http2Talk::open(tcp);
    Http2Talk::ask(tcp, 1);
    Http2Talk::answer(tcp, 1);
    const auto half = std::min(mutant.size(), static_cast<std::size_t>(i));
    tcp.server(frame(kData, 0, 1, mutant.substr(0, half)));
    tcp.server(frame(kData, static_cast<char>(i % 2), 1, mutant.substr(half)));
  });
  for (const bool tree : {true, false}) {
    const auto bugs = dissect_only(frames, tree);
    EXPECT_TRUE(bugs.empty()) << (bugs.empty() ? "" : bugs.front());
  }
}

// ---- the body alone ----

TEST(LiveBody, EventsEndAtEmptyLinesAndCommentsAtOnce) {
  const std::string text = "data: a\r\n\r\n: c\r\ndata: b\r\rdata: c\n\ndata: d\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    epan::EventBoundary boundary;
    std::size_t complete = 0;
    for (std::size_t from = 0; from < text.size(); from += piece) {
      const std::size_t found = boundary.feed(std::string_view(text).substr(from, piece));
      if (found > 0) complete = from + found;
    }
    EXPECT_EQ(complete, text.size() - std::string_view("data: d\n").size()) << piece;
  }
}

TEST(LiveBody, NonsenseForAChunkEndsTheBody) {
  for (const char* wire : {"zz\r\n", "fffffffffffffffff\r\n", "3\r\nabcd\r\n", "-1\r\n"}) {
    epan::LiveHead head;
    head.framing = epan::Framing::kChunked;
    epan::LiveBody body(head);
    const epan::Portion portion = body.read(wire);
    EXPECT_TRUE(body.broken()) << wire;
    EXPECT_LE(portion.used, std::string_view(wire).size());
  }
}

TEST(LiveBody, AHeadIsFoundBehindCompleteAnswersOnly) {
  const std::string head = kStreamHead;
  const auto found = [](const std::string& bytes) { return epan::find_live_head(bytes, "text/event-stream"); };
  ASSERT_TRUE(found(head));
  EXPECT_EQ(found(head)->end, head.size());
  EXPECT_TRUE(found("HTTP/1.1 100 Continue\r\n\r\n" + head));
  EXPECT_TRUE(found("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + head));
  EXPECT_FALSE(found("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"));
  EXPECT_FALSE(found("HTTP/1.1 200 OK\r\n\r\n" + head));
  EXPECT_FALSE(found("x" + head));
  EXPECT_FALSE(found(head.substr(0, head.size() - 2)));
  EXPECT_FALSE(found("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: br\r\n\r\n"));
}

TEST(LiveBody, ABombOfACompressedBodyIsGivenUp) {
  EXPECT_LE(epan::LiveBody::kMostText, std::size_t{256} << 20);
  epan::LiveHead head;
  head.framing = epan::Framing::kBare;
  head.coding = epan::Coding::kInflate;
  epan::LiveBody body(head);
  EXPECT_EQ(body.read("not gzip at all").text, "");
  EXPECT_TRUE(body.broken());
}

}  // namespace
}  // namespace peerscope::test
