// SPDX-License-Identifier: GPL-2.0-or-later
// PPSTP through the whole of epan: Ethernet to expert item, in process, both passes.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/dissect/host/epan_host.h"
#include "tests/dissect/ppstp_vectors.h"

namespace peerscope::test {
namespace {

constexpr Endpoint kPeer{0xc0000202, 40000};
constexpr Endpoint kTracker{0xc0000201, 80};

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const std::size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return out.replace(at, from.size(), to);
}

// The frames that PPSTP took.
std::vector<Dissected> messages(const std::vector<Dissected>& frames) {
  std::vector<Dissected> out;
  for (const Dissected& frame : frames) {
    if (frame.has("ppstp")) out.push_back(frame);
  }
  return out;
}

std::vector<Dissected> talk(std::string_view request, std::string_view response, const Options& options = {}) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kPeer, kTracker);
  tcp.open();
  tcp.client(http_request(request));
  if (!response.empty()) tcp.server(http_response(response));
  return messages(dissect(frames, options));
}

Dissected request_alone(std::string_view body) {
  const auto out = talk(body, "");
  EXPECT_EQ(out.size(), 1u);
  return out.empty() ? Dissected{} : out.front();
}

std::set<std::string> findings(const Dissected& frame) {
  std::set<std::string> out;
  for (const std::string& id : frame.values("ppstp.finding")) out.insert(id);
  out.erase("P-HTTP-08");  // all of these captures are in clear text
  return out;
}

// Severity of the expert item for a finding; empty when there is none.
std::string severity(const Dissected& frame, std::string_view id) {
  const ExpertItem* item = frame.expert(std::string(id) + ":");
  return item != nullptr ? item->severity : "";
}

void expect_sound(const Dissected& frame) {
  EXPECT_FALSE(frame.dissector_bug()) << frame.info;
  EXPECT_FALSE(frame.malformed()) << frame.info;
}

TEST(PpstpDissector, ConnectIsDecodedFieldByField) {
  const auto out = talk(kConnect, kConnectOk);
  ASSERT_EQ(out.size(), 2u);
  const Dissected& request = out[0];
  expect_sound(request);
  EXPECT_EQ(request.protocol, "PPSTP");
  EXPECT_EQ(request.info, "CONNECT JOIN sw-a LEECH, peer peer-0001, tid t-001");
  EXPECT_EQ(request.value("ppstp.message"), "CONNECT");
  EXPECT_EQ(request.value("ppstp.version"), "1");
  EXPECT_EQ(request.value("ppstp.transaction_id"), "t-001");
  EXPECT_EQ(request.value("ppstp.peer_id"), "peer-0001");
  EXPECT_EQ(request.value("ppstp.peer_count"), "8");
  EXPECT_EQ(request.values("ppstp.addr.ip"), (std::vector<std::string>{"192.0.2.2", "2001:db8::2"}));
  EXPECT_EQ(request.values("ppstp.addr.port"), (std::vector<std::string>{"6778", "6778"}));
  EXPECT_EQ(request.first("ppstp.swarm_action")->label, "Swarm action [0]: sw-a JOIN LEECH");
  EXPECT_TRUE(findings(request).empty());

  const Dissected& response = out[1];
  expect_sound(response);
  EXPECT_EQ(response.info, "OK CONNECT, 1 peer, tid t-001");
  EXPECT_EQ(response.first("ppstp.error_code")->label, "Error code: No Error (0)");
  EXPECT_EQ(response.value("ppstp.result"), "0");
}

TEST(PpstpDissector, RequestsAndResponsesAreLinked) {
  const auto out = talk(kFind, replaced(kConnectOk, "t-001", "t-002"));
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].value("ppstp.response_in"), "5");
  EXPECT_EQ(out[1].value("ppstp.response_to"), "4");
  EXPECT_EQ(out[1].value("ppstp.response_time"), "0.001000000");
  EXPECT_TRUE(out[1].first("ppstp.response_to")->generated);
  EXPECT_EQ(out[1].info, "OK FIND, 1 peer, tid t-002");
}

TEST(PpstpDissector, EveryVectorIsSound) {
  for (const std::string_view body : {kConnect, kFind, kStatReport, kKeepAlive, kChannelSwitch}) {
    const Dissected frame = request_alone(body);
    expect_sound(frame);
    EXPECT_TRUE(findings(frame).empty()) << frame.info << ": " << *findings(frame).begin();
  }
  EXPECT_EQ(talk(kChannelSwitch, kForbidden)[1].info, "FAILED 03 Forbidden Action CONNECT, tid t-005");
}

// What Wireshark highlights for a value is the value.
TEST(PpstpDissector, EveryValueCoversItsOwnBytes) {
  for (const auto& [request, response] :
       {std::pair{kConnect, kConnectOk}, {kFind, kConnectOk}, {kStatReport, kForbidden}}) {
    for (const Dissected& frame : talk(request, response)) {
      int seen = 0;
      for (const Item& item : frame.items) {
        if (!item.name.starts_with("ppstp.") || item.generated || item.value.empty() ||
            item.name.starts_with("ppstp.finding"))
          continue;
        ++seen;
        EXPECT_TRUE(item.source == item.value || item.source == '"' + item.value + '"')
            << item.name << ": " << item.source;
      }
      EXPECT_GT(seen, 3);
      for (const Item& item : frame.items) {
        if (item.name == "ppstp.addr" || item.name == "ppstp.connect" || item.name == "ppstp.swarm_action") {
          EXPECT_EQ(item.source.front(), '{');
          EXPECT_EQ(item.source.back(), '}');
        }
      }
    }
  }
}

TEST(PpstpDissector, SplitChunkedAndCompressedBodiesAreTheSame) {
  const std::string whole = http_request(kConnect);
  const auto with = [](auto&& send) {
    std::vector<Frame> frames;
    TcpConversation tcp(frames, kPeer, kTracker);
    tcp.open();
    send(tcp);
    const auto out = messages(dissect(frames));
    EXPECT_EQ(out.size(), 1u);
    return out.empty() ? Dissected{} : out.front();
  };
  const auto plain = request_alone(kConnect);
  const auto values = [](const Dissected& frame) {
    std::vector<std::pair<std::string, std::string>> all;
    for (const Item& item : frame.items) {
      if (item.name.starts_with("ppstp") && !item.generated) all.emplace_back(item.name, item.value);
    }
    return all;
  };
  const auto split = with([&](TcpConversation& tcp) { tcp.client_in(37, whole); });
  EXPECT_EQ(values(split), values(plain));
  const auto in_chunks = with([&](TcpConversation& tcp) {
    tcp.client_in(
        400, http_request(chunked(kConnect, 50), "application/ppsp-tracker+json", "Transfer-Encoding: chunked\r\n"));
  });
  EXPECT_EQ(values(in_chunks), values(plain));
  const auto compressed = with([&](TcpConversation& tcp) {
    tcp.client(http_request(gzipped(kConnect), "application/ppsp-tracker+json", "Content-Encoding: gzip\r\n"));
  });
  EXPECT_EQ(values(compressed), values(plain));
  // The bytes shown are those of the decompressed body.
  EXPECT_EQ(compressed.first("ppstp.peer_id")->source, "\"peer-0001\"");
  const auto spelled = with([&](TcpConversation& tcp) {
    tcp.client(http_request(kConnect, "Application/PPSP-Tracker+JSON; charset=utf-8"));
  });
  EXPECT_EQ(values(spelled), values(plain));
  EXPECT_TRUE(findings(spelled).empty());
}

TEST(PpstpDissector, PipelinedRequestsInOneSegmentAreAllShownAndPaired) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kPeer, kTracker);
  tcp.open();
  tcp.client(http_request(kFind) + http_request(kKeepAlive));
  tcp.server(http_response(replaced(kConnectOk, "t-001", "t-002")) +
             http_response(replaced(kForbidden, "t-005", "t-004")));
  const auto out = messages(dissect(frames));
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].info, "FIND sw-a, peer peer-0001, tid t-002; STAT_REPORT, peer peer-0001, tid t-004");
  EXPECT_EQ(out[0].values("ppstp.response_in"), (std::vector<std::string>{"5", "5"}));
  EXPECT_EQ(out[1].info, "OK FIND, 1 peer, tid t-002; FAILED 03 Forbidden Action STAT_REPORT, tid t-004");
}

TEST(PpstpDissector, ResponsesOutOfOrderArePairedByTransactionId) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kPeer, kTracker);
  tcp.open();
  tcp.client(http_request(kFind));
  tcp.client(http_request(kKeepAlive));
  tcp.server(http_response(replaced(kForbidden, "t-005", "t-004")));
  tcp.server(http_response(replaced(kConnectOk, "t-001", "t-002")));
  const auto out = messages(dissect(frames));
  ASSERT_EQ(out.size(), 4u);
  EXPECT_EQ(out[0].value("ppstp.response_in"), "7");
  EXPECT_EQ(out[1].value("ppstp.response_in"), "6");
}

TEST(PpstpDissector, ForeignTransactionIdIsPairedByOrderAndReported) {
  const auto out = talk(kFind, replaced(kConnectOk, "t-001", "t-999"));
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[1].value("ppstp.response_to"), "4");
  EXPECT_EQ(severity(out[1], "P-RESP-05"), "Error");
  EXPECT_TRUE(findings(out[1]).contains("P-RESP-05"));
}

TEST(PpstpDissector, RepeatedRequestNamesTheFirstOne) {
  std::vector<Frame> frames;
  TcpConversation first(frames, kPeer, kTracker);
  first.open();
  first.client(http_request(kFind));
  TcpConversation again(frames, {kPeer.address, 40001}, kTracker);
  again.open();
  again.client(http_request(kFind));
  const auto out = messages(dissect(frames));
  ASSERT_EQ(out.size(), 2u);
  EXPECT_FALSE(out[0].has("ppstp.retransmission_of"));
  EXPECT_EQ(out[1].value("ppstp.retransmission_of"), "4");
  ASSERT_NE(out[1].expert("Repeats the request in frame 4"), nullptr);
  EXPECT_EQ(out[1].expert("Repeats the request in frame 4")->severity, "Note");
}

// Sheet E4, negative vectors.
TEST(PpstpDissector, LenientListIsANote) {  // (a)
  const Dissected frame = request_alone(
      replaced(replaced(kConnect, R"("swarm_action":[{)", R"("swarm_action":{)"), R"("LEECH"}])", R"("LEECH"})"));
  expect_sound(frame);
  EXPECT_EQ(severity(frame, "P-JSON-03"), "Note");
  EXPECT_EQ(frame.value("ppstp.swarm_id"), "sw-a");
}
TEST(PpstpDissector, OtherVersionIsReported) {  // (b)
  const Dissected frame = request_alone(replaced(kFind, R"("version":1)", R"("version":2)"));
  EXPECT_TRUE(findings(frame).contains("P-VER-03"));
  EXPECT_EQ(frame.value("ppstp.version"), "2");
}
TEST(PpstpDissector, DataOfAnotherRequestIsReported) {  // (c)
  const Dissected frame = request_alone(replaced(kConnect, R"("request_type":"CONNECT")", R"("request_type":"FIND")"));
  EXPECT_EQ(severity(frame, "P-REQ-07"), "Error");
}
TEST(PpstpDissector, MissingSwarmIdIsReported) {  // (d)
  const Dissected frame = request_alone(replaced(kFind, R"("swarm_id":"sw-a",)", ""));
  EXPECT_EQ(severity(frame, "P-FIND-01"), "Error");
}
TEST(PpstpDissector, ErrorCodeWithSuccessIsReported) {  // (e)
  const auto out = talk(kConnect, replaced(kConnectOk, R"("error_code":0)", R"("error_code":3)"));
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(severity(out[1], "P-RESP-03"), "Error");
}
TEST(PpstpDissector, HalfABodyIsReportedAndDecodedAsFarAsItGoes) {  // (f)
  const Dissected frame = request_alone(kConnect.substr(0, kConnect.size() / 2));
  EXPECT_EQ(severity(frame, "P-HTTP-04"), "Error");
  ASSERT_NE(frame.expert("P-HTTP-04:"), nullptr);
  EXPECT_EQ(frame.expert("P-HTTP-04:")->group, "Malformed");
  EXPECT_EQ(frame.value("ppstp.peer_id"), "peer-0001");
}
TEST(PpstpDissector, UnknownPeerModeIsReported) {  // (g)
  const Dissected frame = request_alone(replaced(kConnect, R"("peer_mode":"LEECH")", R"("peer_mode":"SEED")"));
  EXPECT_TRUE(findings(frame).contains("P-CONN-06"));
  EXPECT_EQ(frame.value("ppstp.peer_mode"), "SEED");
}
TEST(PpstpDissector, PortOutOfRangeIsReportedOnItsBytes) {  // (h)
  const Dissected frame = request_alone(replaced(kConnect, R"("port":6778)", R"("port":65536)"));
  EXPECT_TRUE(findings(frame).contains("P-ADDR-04"));
  EXPECT_EQ(frame.value("ppstp.addr.port"), "65536");
  for (const Item* item : frame.all("ppstp.finding")) {
    if (item->value == "P-ADDR-04") {
      EXPECT_EQ(item->source, "65536");
    }
  }
}
TEST(PpstpDissector, AddressOfAnotherFamilyIsReported) {  // (i)
  const Dissected frame = request_alone(replaced(kConnect, R"("address":"192.0.2.2")", R"("address":"2001:db8::7")"));
  EXPECT_TRUE(findings(frame).contains("P-ADDR-12") || findings(frame).contains("P-ADDR-02"));
}
TEST(PpstpDissector, UnknownMembersChangeNothing) {  // (j)
  std::string body(kConnect);
  for (std::size_t at = body.find('{'); at != std::string::npos; at = body.find('{', at)) {
    static constexpr std::string_view kExtra = R"("x_test":[1,2],)";
    body.insert(at + 1, kExtra);
    at += 1 + kExtra.size();
  }
  const Dissected frame = request_alone(body);
  expect_sound(frame);
  EXPECT_EQ(frame.info, request_alone(kConnect).info);
  EXPECT_FALSE(frame.values("ppstp.unknown_member").empty());
  EXPECT_EQ(frame.value("ppstp.unknown_member"), "x_test");
  for (const ExpertItem& item : frame.experts) {
    if (item.text.starts_with("P-") && !item.text.starts_with("P-HTTP-08")) {
      EXPECT_EQ(item.severity, "Chat") << item.text;
    }
  }
}

TEST(PpstpDissector, JsonBodyIsRecognisedByItsRoot) {
  const auto with = [](std::string_view body, const Options& options) {
    std::vector<Frame> frames;
    TcpConversation tcp(frames, kPeer, kTracker);
    tcp.open();
    tcp.client(http_request(body, "application/json"));
    return dissect(frames, options).back();
  };
  const Dissected ours = with(kConnect, {});
  EXPECT_EQ(ours.protocol, "PPSTP");
  EXPECT_EQ(ours.value("ppstp.peer_id"), "peer-0001");
  EXPECT_TRUE(with(" \n{ \"PPSPTrackerProtocol\" : {} }", {}).has("ppstp"));

  const Dissected foreign = with(R"({"PPSPTrackerProtocols":1})", {});
  EXPECT_FALSE(foreign.has("ppstp"));
  EXPECT_TRUE(foreign.has("json"));
  EXPECT_EQ(foreign.value("frame.protocols"), "eth:ethertype:ip:tcp:http:json");

  const Dissected off = with(kConnect, {.tree = true,
                                        .filter = {},
                                        .two_passes = true,
                                        .preferences = {"ppstp.json_heuristic:FALSE"},
                                        .exports = nullptr});
  EXPECT_FALSE(off.has("ppstp"));
  EXPECT_TRUE(off.has("json"));
  with(kConnect, {.tree = true,
                  .filter = {},
                  .two_passes = true,
                  .preferences = {"ppstp.json_heuristic:TRUE"},
                  .exports = nullptr});
}

TEST(PpstpDissector, DialectsFromBeforeTheRfcAreNamedNotJudged) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kPeer, kTracker);
  tcp.open();
  tcp.client(http_request(
      R"({"PPSPTrackerProtocol":{"version":1,"request_type":"CONNECT","transaction_id":"1234","peer_id":"-SW1000-123456789012",)"
      R"("connect":{"peer_num":{"peer_count":30,"concurrent_links":"NORMAL","online_time":"NORMAL","upload_bandwidth_level":"NORMAL"},)"
      R"("swarm_action":[{"swarm_id":"s","action":"JOIN","peer_mode":"LEECH"}]}}})",
      "application/json"));
  tcp.client(http_request(
      "<?xml version=\"1.0\"?><PPSPTrackerProtocol version=\"1.0\"><Request>CONNECT</Request></PPSPTrackerProtocol>",
      "application/ppsp-tracker+xml"));
  const auto out = messages(dissect(frames));
  ASSERT_EQ(out.size(), 2u);
  for (const Dissected& frame : out) {
    EXPECT_TRUE(frame.has("ppstp.dialect")) << frame.info;
    EXPECT_TRUE(findings(frame).empty());
    ASSERT_NE(frame.expert("Dialect from before RFC 7846"), nullptr);
    EXPECT_EQ(frame.expert("Dialect from before RFC 7846")->severity, "Note");
  }
  EXPECT_EQ(out[0].value("ppstp.upload_bandwidth_level"), "NORMAL");
  EXPECT_TRUE(out[1].has("xml"));
}

TEST(PpstpDissector, PreferencesHideFindings) {
  const auto run = [](std::vector<std::string> preferences) {
    return talk(replaced(kConnect, R"("peer_count":8)", R"("peer_count":30)"), "",
                {.tree = true,
                 .filter = {},
                 .two_passes = true,
                 .preferences = std::move(preferences),
                 .exports = nullptr})
        .front();
  };
  EXPECT_EQ(run({}).values("ppstp.finding").size(), 2u);
  EXPECT_EQ(run({"ppstp.clear_text_note:FALSE"}).values("ppstp.finding"), std::vector<std::string>{"P-PNUM-02"});
  EXPECT_TRUE(run({"ppstp.least_severity:error"}).values("ppstp.finding").empty());
  EXPECT_TRUE(run({"ppstp.findings:FALSE", "ppstp.least_severity:chat"}).values("ppstp.finding").empty());
  EXPECT_EQ(run({"ppstp.findings:TRUE", "ppstp.clear_text_note:TRUE"}).values("ppstp.finding").size(), 2u);
  EXPECT_TRUE(run({"ppstp.generic_tree:TRUE"}).has("json"));
  EXPECT_FALSE(run({"ppstp.generic_tree:FALSE"}).has("json"));
}

TEST(PpstpDissector, FiltersMatchWithAndWithoutATree) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kPeer, kTracker);
  tcp.open();
  tcp.client(http_request(kConnect));
  tcp.server(http_response(kConnectOk));
  for (const bool tree : {true, false}) {
    const auto matches = [&](const std::string& filter) {
      std::string out;
      for (const Dissected& frame :
           dissect(frames, {.tree = tree, .filter = filter, .two_passes = true, .preferences = {}, .exports = nullptr}))
        out += frame.matched ? '1' : '0';
      return out;
    };
    EXPECT_EQ(matches("ppstp"), "00011");
    EXPECT_EQ(matches("ppstp.swarm_id == \"sw-a\""), "00011");
    EXPECT_EQ(matches("ppstp.request_type == \"CONNECT\""), "00010");
    EXPECT_EQ(matches("ppstp.response_time >= 0.001"), "00001");
    EXPECT_EQ(matches("ppstp.finding == \"P-HTTP-08\""), "00011");
    EXPECT_EQ(matches("ppstp.p-http-08"), "00011");
    EXPECT_EQ(matches("ppstp.addr.port == 6778 && ppstp.error_code == 0"), "00001");
  }
}

TEST(PpstpDissector, ColumnsDoNotNeedATree) {
  const Options no_tree{.tree = false, .filter = {}, .two_passes = true, .preferences = {}, .exports = nullptr};
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kPeer, kTracker);
  tcp.open();
  tcp.client(http_request(kConnect));
  const auto out = dissect(frames, no_tree);
  EXPECT_EQ(out.back().protocol, "PPSTP");
  EXPECT_EQ(out.back().info, "CONNECT JOIN sw-a LEECH, peer peer-0001, tid t-001");
}

TEST(PpstpDissector, OnePassGivesTheSameTreeButForwardLinks) {
  const Options one{.tree = true, .filter = {}, .two_passes = false, .preferences = {}, .exports = nullptr};
  const auto first = talk(kConnect, kConnectOk, one);
  const auto second = talk(kConnect, kConnectOk);
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    std::vector<std::string> a, b;
    for (const Item& item : first[i].items) {
      if (item.name.starts_with("ppstp")) a.push_back(item.label);
    }
    for (const Item& item : second[i].items) {
      if (item.name.starts_with("ppstp") && item.name != "ppstp.response_in") b.push_back(item.label);
    }
    EXPECT_EQ(a, b);
  }
}

// A snap length inside the body, at every byte: what is there is shown, nothing is judged, and Wireshark says that the
// capture is short.
TEST(PpstpDissector, CutAtEveryByteIsToldAndNotJudged) {
  const std::string whole = http_request(kConnect);
  const std::size_t body_at = whole.find("\r\n\r\n") + 4;
  std::vector<Frame> frames;
  for (std::size_t keep = body_at; keep < whole.size(); ++keep) {
    TcpConversation tcp(frames, {kPeer.address, static_cast<std::uint16_t>(20000 + keep)}, kTracker);
    tcp.client(whole);
    frames.back().bytes.resize(54 + keep);
  }
  const auto out = dissect(frames);
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_FALSE(out[i].dissector_bug()) << i;
    EXPECT_TRUE(out[i].cut()) << i;
    EXPECT_FALSE(out[i].malformed()) << i;
    EXPECT_TRUE(out[i].values("ppstp.finding").empty()) << i;
  }
  EXPECT_EQ(out.back().value("ppstp.peer_id"), "peer-0001");
}

TEST(PpstpDissector, BodyThatEndsWithItsSegmentIsNotJudged) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kPeer, kTracker);
  tcp.open();
  tcp.client_in(500, http_request(kConnect));
  const auto run = [&](std::string preference) {
    return dissect(
        frames,
        {.tree = true, .filter = {}, .two_passes = true, .preferences = {std::move(preference)}, .exports = nullptr});
  };
  const Dissected first = run("tcp.desegment_tcp_streams:FALSE")[3];
  EXPECT_EQ(first.value("ppstp.peer_id"), "peer-0001");
  EXPECT_TRUE(first.values("ppstp.finding").empty());
  EXPECT_TRUE(run("tcp.desegment_tcp_streams:TRUE").back().has("ppstp.peer_id"));
}

TEST(PpstpDissector, EndlessFindingsAndValuesAreBounded) {
  std::string body(kKeepAlive.substr(0, kKeepAlive.size() - 2));
  for (int i = 0; i < 3000; ++i) body += ",\"x" + std::to_string(i) + "\":1";
  const Dissected frame = request_alone(body + "}}");
  expect_sound(frame);
  EXPECT_EQ(frame.values("ppstp.finding").size(), 200u);
  EXPECT_NE(frame.expert("more findings are not shown"), nullptr);
  EXPECT_EQ(frame.values("ppstp.unknown_member").size(), 3000u);
}

// A damaged body must never become trouble of the dissector. PEERSCOPE_MUTATIONS sets the count.
TEST(PpstpDissector, MutatedBodiesAreNoDissectorBug) {
  const char* wanted = std::getenv("PEERSCOPE_MUTATIONS");
  const int count = wanted != nullptr ? std::atoi(wanted) : 3000;
  std::mt19937 random(20240607);
  const std::vector<std::string_view> bodies = {kConnect,   kConnectOk,     kFind,     kStatReport,
                                                kKeepAlive, kChannelSwitch, kForbidden};
  static constexpr std::string_view kAlphabet = "{}[]\",:\\0123456789-+.eEu \t\ntrfalsn\xff\xc3\x80";
  constexpr int kBatch = 2000;  // a session each: see epan_host.h
  for (int done = 0; done < count; done += kBatch) {
    std::vector<Frame> frames;
    for (int i = 0; i < std::min(kBatch, count - done); ++i) {
      std::string body(bodies[random() % bodies.size()]);
      for (unsigned edits = 1 + random() % 6; edits > 0 && !body.empty(); --edits) {
        const std::size_t at = random() % body.size();
        switch (random() % 5) {
          case 0:
            body[at] = static_cast<char>(random());
            break;
          case 1:
            body[at] = kAlphabet[random() % kAlphabet.size()];
            break;
          case 2:
            body.erase(at, 1 + random() % 20);
            break;
          case 3:
            body.insert(at, body.substr(random() % body.size(), random() % 60));
            break;
          default:
            body.resize(at + 1);
            break;
        }
      }
      TcpConversation tcp(frames, {kPeer.address, static_cast<std::uint16_t>(1024 + i)}, kTracker);
      tcp.client(http_request(body, random() % 4 == 0 ? "application/json" : "application/ppsp-tracker+json"));
      tcp.server(http_response(body));
    }
    const auto bugs = dissect_only(frames, (done / kBatch) % 2 == 0);
    ASSERT_TRUE(bugs.empty()) << "batch from " << done << ": " << bugs.front();
  }
}

TEST(PpstpDissector, ExportedMessagesAreHttpAndDissectAgain) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kPeer, kTracker);
  tcp.open();
  tcp.client_in(100,
                http_request(chunked(kConnect, 70), "application/ppsp-tracker+json", "Transfer-Encoding: chunked\r\n"));
  tcp.server(http_response(gzipped(kConnectOk), 200, "application/ppsp-tracker+json", "Content-Encoding: gzip\r\n"));
  std::vector<Export> exports;
  dissect(frames, {.tree = false, .filter = {}, .two_passes = true, .preferences = {}, .exports = &exports});
  ASSERT_EQ(exports.size(), 2u);
  EXPECT_EQ(exports[0].bytes,
            "POST /video_1 HTTP/1.1\r\nContent-Type: application/ppsp-tracker+json\r\nContent-Length: "
            "644\r\nPeerscope-Transport: h1; clear\r\n\r\n" +
                std::string(kConnect));
  EXPECT_EQ(exports[1].bytes,
            "HTTP/1.1 200 OK\r\nContent-Type: application/ppsp-tracker+json\r\nContent-Length: "
            "498\r\nPeerscope-Transport: h1; clear\r\n\r\n" +
                std::string(kConnectOk));
  EXPECT_NE(exports[0].tags.find("http"), std::string::npos);

  const auto again = messages(dissect_upper(frames_of(exports)));
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].value("ppstp.peer_id"), "peer-0001");
  EXPECT_EQ(again[0].value("ppstp.response_in"), "2");
  EXPECT_EQ(again[1].value("ppstp.response_to"), "1");
  // The note about clear text survives, because the header tells of it.
  EXPECT_TRUE(again[0].expert("P-HTTP-08:") != nullptr);
}

TEST(PpstpDissector, CutMessagesAreNotExported) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kPeer, kTracker);
  tcp.client(http_request(kConnect));
  frames.back().bytes.resize(frames.back().bytes.size() - 10);
  std::vector<Export> exports;
  dissect(frames, {.tree = true, .filter = {}, .two_passes = true, .preferences = {}, .exports = &exports});
  EXPECT_TRUE(exports.empty());
}

TEST(PpstpDissector, ThousandsOfUnansweredRequestsStayBounded) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kPeer, kTracker);
  for (int i = 0; i < 1500; ++i) tcp.client(http_request(replaced(kKeepAlive, "t-004", "t-" + std::to_string(i))));
  const auto out =
      dissect(frames, {.tree = false, .filter = {}, .two_passes = true, .preferences = {}, .exports = nullptr});
  EXPECT_EQ(out.back().info, "STAT_REPORT, peer peer-0001, tid t-1499");
}

TEST(PpstpDissector, FilterNamesCompile) {
  for (const char* filter :
       {"ppstp.finding contains \"P-\"", "ppstp.finding.text", "ppstp.dialect", "ppstp.unknown_member",
        "ppstp.response_in", "ppstp.retransmission_of", "ppstp.invalid_value", "ppstp.stat.uploaded > 1000",
        "ppstp.p-json-03", "ppstp.p-resp-05"}) {
    EXPECT_EQ(filter_error(filter), "") << filter;
  }
}

}  // namespace
}  // namespace peerscope::test
