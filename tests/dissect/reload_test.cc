// SPDX-License-Identifier: GPL-2.0-or-later
// RELOAD through the whole of epan: Ethernet to expert item, in process, both passes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "protocols/reload/fragments.h"
#include "protocols/reload/protocol.h"
#include "tests/dissect/host/epan_host.h"
#include "tests/support/sample.h"

namespace peerscope::test {
namespace {

constexpr Endpoint kA{0xc0000201, 40000};
constexpr Endpoint kB{0xc0000202, 6084};
constexpr Endpoint kC{0xc0000203, 6084};
constexpr Endpoint kElsewhere{0xc0000204, 7000};

// An error with so much text that it needs fragments.
std::string long_error() {
  reload::ErrorResponse error;
  error.code = reload::kInvalidMessage;
  error.info = std::string(700, 'x');
  reload::Packet packet;
  packet.forwarding.transaction_id = 0x0102030405060708;
  packet.forwarding.destination_list.push_back(reload::Destination::node(std::string(16, '\x11')));
  packet.contents = reload::Contents(error);
  return reload::encode(packet);
}

std::string bytes_of(std::string_view sample) {
  return load_sample(sample_path("reload", sample)).bytes;
}

std::string framed(std::string_view message, std::uint32_t sequence = 0) {
  std::string out("\x80", 1);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(sequence >> shift));
  for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<char>(message.size() >> shift));
  return out.append(message);
}

std::string ack(std::uint32_t sequence) {
  std::string out("\x81", 1);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(sequence >> shift));
  return out.append(4, '\0');
}

Options with(std::vector<std::string> preferences) {
  return {.tree = true, .filter = {}, .two_passes = true, .preferences = std::move(preferences), .exports = nullptr};
}

// One message in a datagram on the port.
Dissected alone(std::string_view bytes, const Options& options = {}) {
  return dissect({udp_frame(kA, kB, bytes, 1)}, options).front();
}

void expect_sound(const Dissected& frame) {
  EXPECT_FALSE(frame.dissector_bug()) << frame.info;
  EXPECT_FALSE(frame.malformed()) << frame.info;
}

// The TTL of a message without framing, at its place in the header.
std::string with_ttl(std::string message, std::uint8_t ttl) {
  message[11] = static_cast<char>(ttl);
  return message;
}

TEST(ReloadDissector, MessageIsDecodedFieldByField) {
  const Dissected frame = alone(bytes_of("ping_req_framed"));
  expect_sound(frame);
  EXPECT_EQ(frame.protocol, "RELO");
  EXPECT_EQ(frame.info, "[7] ping_req to resource 0c51a942.., tid 0102030405060708, ttl 100");
  EXPECT_EQ(frame.value("relo.message"), "ping_req");
  EXPECT_EQ(frame.value("relo.frame.sequence"), "7");
  EXPECT_EQ(frame.value("relo.forwarding.overlay"), "0x9aa32b8d");
  EXPECT_EQ(frame.value("relo.forwarding.ttl"), "100");
  EXPECT_EQ(frame.value("relo.forwarding.transaction_id"), "0x0102030405060708");
  EXPECT_EQ(frame.value("relo.destination.resource_id"), "0c:51:a9:42:f5:0c:82:8a:ef:82:a5:af:83:e8:ed:59");
  EXPECT_EQ(frame.value("relo.signature.identity_type"), "1");
}

TEST(ReloadDissector, BitFieldsShowTheirBits) {
  const Dissected frame = alone(bytes_of("ping_req_q"));
  EXPECT_EQ(frame.value("relo.forwarding.fragment"), "0xc0000000");
  EXPECT_EQ(frame.first("relo.forwarding.fragment_last")->label,
            ".1.. .... .... .... .... .... .... .... = Last fragment: True");
  EXPECT_EQ(frame.value("relo.forwarding.fragment_offset"), "0");
  EXPECT_EQ(frame.first("relo.forwarding.fragment_last")->depth, frame.first("relo.forwarding.fragment")->depth + 1);
}

// Every sample: the tree has what the decoder read, and the findings are those of the sample.
TEST(ReloadDissector, EverySampleIsShownAsDecoded) {
  std::vector<Sample> samples;
  std::vector<Frame> frames;
  for (const std::string& path : sample_paths("reload")) {
    Sample sample = load_sample(path);
    if (sample.bytes.empty() || sample.message == "none") continue;
    // A link each, or they would be taken for repetitions of one another.
    frames.push_back(udp_frame({kA.address, static_cast<std::uint16_t>(1024 + frames.size())}, kB, sample.bytes, 1));
    samples.push_back(std::move(sample));
  }
  EXPECT_GT(samples.size(), 80u);
  const auto out = dissect(frames);
  constexpr int kBelow = 42;  // bytes of Ethernet, IP and UDP
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Sample& sample = samples[i];
    Message message;
    decode(sample, message);
    EXPECT_FALSE(out[i].dissector_bug()) << sample.path << ": " << out[i].info;
    ASSERT_TRUE(out[i].has("relo")) << sample.path;
    using Places = std::map<std::string, std::vector<std::pair<int, int>>>;
    Places wanted;
    Places got;
    for (const Event& event : message.events)
      wanted[event.field->filter].emplace_back(static_cast<int>(event.offset), static_cast<int>(event.length));
    for (const Item& item : out[i].items) {
      if (wanted.contains(item.name)) got[item.name].emplace_back(item.start - kBelow, item.length);
    }
    got.erase("relo");  // Wireshark's item covers trailing bytes too
    wanted.erase("relo");
    EXPECT_EQ(got, wanted) << sample.path;
    for (const SampleFinding& finding : sample.findings) {
      const auto found = out[i].values("relo.finding");
      EXPECT_NE(std::find(found.begin(), found.end(), finding.id), found.end()) << sample.path << " " << finding.id;
    }
  }
}

TEST(ReloadDissector, SeveralFramesInOneSegment) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kA, kB);
  tcp.open();
  // Sizes that differ: the built-in dissector reads the first one's for all (W-31).
  tcp.client(framed(bytes_of("ping_req_q"), 0) + ack(4) + framed(bytes_of("store_req_single"), 1) +
             framed(bytes_of("join_req"), 2));
  const Dissected frame = dissect(frames).back();
  expect_sound(frame);
  EXPECT_EQ(frame.values("relo.message"), (std::vector<std::string>{"ping_req", "frame ack", "store_req", "join_req"}));
  EXPECT_EQ(frame.values("relo.frame.sequence"), (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_TRUE(frame.info.starts_with("[0] ping_req")) << frame.info;
  EXPECT_NE(frame.info.find("; [2] join_req"), std::string::npos) << frame.info;
}

TEST(ReloadDissector, FramesOverSegments) {
  const std::string stream = framed(bytes_of("store_req_certificate"), 0) + framed(bytes_of("ping_req_q"), 1) + ack(0) +
                             framed(bytes_of("fetch_req_key"), 2);
  for (const std::size_t size : {1u, 3u, 7u, 20u, 50u, 100u}) {
    std::vector<Frame> frames;
    TcpConversation tcp(frames, kA, kB);
    tcp.open();
    tcp.client_in(size, stream);
    std::vector<std::string> seen;
    for (const Dissected& frame : dissect(frames)) {
      expect_sound(frame);
      for (const std::string& name : frame.values("relo.message")) seen.push_back(name);
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"store_req", "ping_req", "frame ack", "fetch_req"})) << size;
  }
}

TEST(ReloadDissector, MessagesWithoutFraming) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kA, kB);
  tcp.open();
  tcp.client_in(30, bytes_of("ping_req_q") + bytes_of("join_req"));
  std::vector<std::string> seen;
  for (const Dissected& frame : dissect(frames)) {
    expect_sound(frame);
    for (const std::string& name : frame.values("relo.message")) seen.push_back(name);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"ping_req", "join_req"}));
  EXPECT_EQ(alone(framed(bytes_of("ping_req_q")) + framed(bytes_of("join_req"), 1)).values("relo.message").size(), 2u);
}

TEST(ReloadDissector, HeuristicsFindItOnOtherPorts) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kA, kElsewhere);
  tcp.open();
  tcp.client(framed(bytes_of("ping_req_q")) + framed(bytes_of("join_req"), 1));
  tcp.server(ack(0) + ack(1));
  frames.push_back(udp_frame({kA.address, 5000}, kElsewhere, framed(bytes_of("ping_req_q")), 9));
  frames.push_back(udp_frame(kElsewhere, {kA.address, 5000}, ack(0), 10));
  const auto out = dissect(frames);
  EXPECT_EQ(out[3].values("relo.message").size(), 2u);
  EXPECT_EQ(out[4].values("relo.message"), (std::vector<std::string>{"frame ack", "frame ack"}));
  EXPECT_EQ(out[5].values("relo.message"), std::vector<std::string>{"ping_req"});
  EXPECT_EQ(out[6].values("relo.message"), std::vector<std::string>{"frame ack"});
}

// What only begins like RELOAD is left to others.
TEST(ReloadDissector, HeuristicsAreStrict) {
  std::vector<std::string> payloads;
  const std::string good = framed(bytes_of("ping_req_q"));
  payloads.push_back(ack(0));                           // alone it says nothing
  payloads.push_back(good + "x");                       // trailing bytes
  payloads.push_back(good.substr(0, good.size() - 1));  // cut on the wire
  std::string other = good;
  other[8 + 10] = 9;  // version
  payloads.push_back(other);
  other = good;
  other[8] = '\x7f';  // token
  payloads.push_back(other);
  other = good;
  other[8 + 35] = '\x7f';  // Destination List beyond the message
  payloads.push_back(other);
  std::vector<Frame> frames;
  std::uint16_t port = 5001;
  for (const std::string& payload : payloads)
    frames.push_back(udp_frame({kA.address, port++}, kElsewhere, payload, port));
  for (const Dissected& frame : dissect(frames)) EXPECT_FALSE(frame.has("relo")) << frame.info;
}

TEST(ReloadDissector, StunAndDtlsShareThePort) {
  const std::string stun(
      "\x00\x01\x00\x00\x21\x12\xa4\x42"
      "abcdefghijkl",
      20);
  const std::string dtls(
      "\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04"
      "\x0e\x00\x00\x00",
      17);
  const auto out = dissect({udp_frame(kA, kB, stun, 1), udp_frame(kA, kB, dtls, 2),
                            udp_frame(kA, kB, framed(bytes_of("ping_req_q")), 3), udp_frame(kA, kB, stun, 4)});
  EXPECT_TRUE(out[0].has("stun")) << out[0].info;
  EXPECT_TRUE(out[1].has("dtls")) << out[1].info;
  EXPECT_TRUE(out[2].has("relo")) << out[2].info;
  EXPECT_TRUE(out[3].has("stun")) << out[3].info;
}

TEST(ReloadDissector, TlsOnThePortGoesToTls) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kA, kB);
  tcp.open();
  tcp.client(std::string("\x15\x03\x03\x00\x02\x01\x00", 7));
  tcp.server(std::string("\x80\x00\x00\x00", 4));  // whatever it is, the connection belongs to TLS
  const auto out = dissect(frames);
  EXPECT_TRUE(out[3].has("tls"));
  EXPECT_FALSE(out[4].has("relo"));
}

TEST(ReloadDissector, OldVersionIsNamedNotDecoded) {
  const Dissected frame = alone(bytes_of("dialect_0_1"));
  expect_sound(frame);
  EXPECT_EQ(frame.value("relo.dialect"), "RELOAD 0.1 of the drafts before RFC 6940");
  EXPECT_NE(frame.expert("Dialect from before RFC 6940"), nullptr);
  EXPECT_FALSE(frame.has("relo.forwarding.ttl"));
  EXPECT_TRUE(frame.values("relo.finding").empty());
}

// Filters that users wrote for the built-in dissector.
TEST(ReloadDissector, BuiltinFilterFieldsMatch) {
  const std::vector<Frame> frames = {udp_frame(kA, kB, framed(bytes_of("store_req_single"), 3), 1),
                                     udp_frame(kB, kA, framed(bytes_of("error_unknown_kind"), 4), 2)};
  const auto matches = [&](const std::string& filter, std::vector<std::string> preferences = {}) {
    Options options = with(std::move(preferences));
    options.filter = filter;
    std::string out;
    for (const Dissected& frame : dissect(frames, options)) out += frame.matched ? '1' : '0';
    return out;
  };
  EXPECT_EQ(matches("reload"), "11");
  EXPECT_EQ(matches("reload-framing"), "11");
  EXPECT_EQ(matches("reload.forwarding.ttl == 100"), "11");
  EXPECT_EQ(matches("reload.message.code == 7"), "10");
  EXPECT_EQ(matches("reload.error_response.code == 12"), "01");
  EXPECT_EQ(matches("reload.kindid == 0xf0000002"), "01");
  EXPECT_EQ(matches("reload.kinddata.kind == 0xf0000001"), "10");
  EXPECT_EQ(matches("reload.forwarding.fragment.last == 1"), "11");
  EXPECT_EQ(matches("reload_framing.sequence == 4"), "01");
  EXPECT_EQ(matches("reload.storeddata.storage_time >= \"2023-11-14 00:00:00\""), "10");
  EXPECT_EQ(matches("reload.message.code", {"relo.fill_builtin_fields:never"}), "00");
  EXPECT_EQ(matches("reload.message.code", {"relo.fill_builtin_fields:filtered"}), "11");
}

TEST(ReloadDissector, BuiltinTreeOnRequest) {
  const std::string bytes = framed(bytes_of("ping_req_q"));
  const auto count = [&](const Dissected& frame) { return frame.values("reload.message.code").size(); };
  const Dissected with_it = alone(bytes, with({"relo.show_builtin:TRUE"}));
  EXPECT_EQ(count(with_it), 1u);
  EXPECT_EQ(with_it.protocol, "RELO");
  EXPECT_EQ(count(alone(bytes, with({"relo.show_builtin:FALSE"}))), 0u);
}

TEST(ReloadDissector, GivesTrafficBack) {
  const std::string bytes = framed(bytes_of("ping_req_q"));
  const Dissected given = alone(bytes, with({"relo.take_over:FALSE"}));
  EXPECT_FALSE(given.has("relo"));
  EXPECT_TRUE(given.has("reload"));
  EXPECT_TRUE(alone(bytes, with({"relo.take_over:TRUE"})).has("relo"));
}

TEST(ReloadDissector, AnExchangeIsFollowedOverAllLinks) {
  const std::string request = bytes_of("ping_req_q");
  const std::string response = bytes_of("ping_ans");
  std::vector<Frame> frames = {udp_frame(kA, kB, framed(request), 1'000'000),
                               udp_frame({kB.address, 41000}, kC, framed(with_ttl(request, 99), 9), 3'000'000),
                               udp_frame(kC, {kB.address, 41000}, framed(response), 8'000'000),
                               udp_frame(kB, kA, framed(response, 5), 11'000'000)};
  const auto out = dissect(frames);
  EXPECT_EQ(out[0].value("relo.response_in"), "4");
  EXPECT_EQ(out[1].value("relo.response_in"), "3");
  EXPECT_EQ(out[2].value("relo.response_to"), "2");
  EXPECT_EQ(out[3].value("relo.response_to"), "1");
  EXPECT_EQ(out[3].value("relo.response_time"), "0.010000000");
  for (const Dissected& frame : out) {
    EXPECT_EQ(frame.values("relo.transaction.frame"), (std::vector<std::string>{"1", "2", "3", "4"}));
    EXPECT_EQ(frame.value("relo.transaction.request_in"), "1");
    EXPECT_EQ(frame.value("relo.transaction.response_in"), "4");
    EXPECT_EQ(frame.value("relo.transaction.hops"), "4");
  }
  EXPECT_EQ(out[1].value("relo.transaction.hop"), "2");
  EXPECT_EQ(out[2].value("relo.transaction.hop"), "1");
  EXPECT_EQ(out[2].value("relo.transaction.time"), "0.007000000");
  EXPECT_EQ(out[0].first("relo.transaction")->label, "Transaction: request, hop 1, 4 messages");
  EXPECT_TRUE(out[0].values("relo.retransmission_of").empty());
}

// RFC 7263: the response comes straight from the responder.
TEST(ReloadDissector, AResponseOnAnotherLinkFindsItsRequest) {
  const std::string request = bytes_of("ping_req_q");
  std::vector<Frame> frames = {udp_frame(kA, kB, framed(request), 1'000'000),
                               udp_frame(kB, kC, framed(with_ttl(request, 99)), 2'000'000),
                               udp_frame(kC, kA, framed(bytes_of("ping_ans")), 5'000'000)};
  const auto out = dissect(frames);
  EXPECT_EQ(out[2].value("relo.response_to"), "1");
  EXPECT_EQ(out[0].value("relo.response_in"), "3");
  EXPECT_EQ(out[2].value("relo.response_time"), "0.004000000");
}

TEST(ReloadDissector, OverlaysWithTheSameTransactionStayApart) {
  std::string other = bytes_of("ping_ans");
  other[4] = static_cast<char>(other[4] + 1);  // another overlay
  const auto out = dissect({udp_frame(kA, kB, framed(bytes_of("ping_req_q")), 1), udp_frame(kC, kA, framed(other), 2)});
  EXPECT_EQ(out[0].values("relo.transaction.frame"), std::vector<std::string>{"1"});
  EXPECT_FALSE(out[1].has("relo.response_to"));
}

TEST(ReloadDissector, RetransmissionsAreKnownByTheirContent) {
  const std::string request = bytes_of("ping_req_q");
  const auto out =
      dissect({udp_frame(kA, kB, framed(request, 0), 1), udp_frame(kA, kB, framed(request, 1), 500'000'000),
               udp_frame(kB, kA, framed(bytes_of("ping_ans"), 0), 501'000'000),
               udp_frame(kB, kA, framed(bytes_of("ping_ans"), 1), 502'000'000)});
  EXPECT_EQ(out[1].value("relo.retransmission_of"), "1");
  EXPECT_EQ(out[3].value("relo.retransmission_of"), "3");
  EXPECT_EQ(out[2].value("relo.response_to"), "1");
  EXPECT_FALSE(out[0].has("relo.retransmission_of"));
}

// RFC 6940 section 6.7, in any order and several in a frame.
TEST(ReloadDissector, FragmentsBecomeOneMessage) {
  const std::string whole = long_error();
  const std::vector<std::string> parts = reload::split(whole, 330);
  ASSERT_EQ(parts.size(), 3u);
  const auto shown = [](const Dissected& frame) { return frame.values("relo.message"); };
  for (const std::vector<std::size_t>& order : {std::vector<std::size_t>{0, 1, 2}, {2, 0, 1}, {1, 2, 0}}) {
    std::vector<Frame> frames;
    std::int64_t time = 0;
    for (const std::size_t i : order)
      frames.push_back(udp_frame(kA, kB, framed(parts[i], static_cast<std::uint32_t>(frames.size())), ++time));
    // The same message on another link at the same time.
    frames.insert(frames.begin() + 1, udp_frame(kB, kC, framed(parts[0]), 1));
    const auto out = dissect(frames);
    for (const Dissected& frame : out) expect_sound(frame);
    EXPECT_EQ(shown(out[0]), std::vector<std::string>{"fragment"});
    EXPECT_EQ(shown(out[3]), (std::vector<std::string>{"fragment", "error"}));
    EXPECT_EQ(out[0].value("relo.reassembled_in"), "4");
    EXPECT_FALSE(out[1].has("relo.reassembled_in"));
    auto from = out[3].values("relo.fragment");
    std::sort(from.begin(), from.end());
    EXPECT_EQ(from, (std::vector<std::string>{"1", "3", "4"}));
    // The built-in dissector reads this code at the old place (W-29).
    EXPECT_EQ(out[3].value("relo.error.code"), "0x0014");
    EXPECT_NE(out[3].info.find("error Error_Invalid_Message"), std::string::npos) << out[3].info;
  }
  std::vector<Frame> one;
  TcpConversation tcp(one, kA, kB);
  tcp.client(framed(parts[0], 0) + framed(parts[1], 1) + framed(parts[2], 2));
  for (const bool two_passes : {true, false}) {
    const auto out =
        dissect(one, {.tree = true, .filter = {}, .two_passes = two_passes, .preferences = {}, .exports = nullptr});
    EXPECT_EQ(shown(out[0]), (std::vector<std::string>{"fragment", "fragment", "fragment", "error"}));
  }
  EXPECT_EQ(shown(dissect(one, with({"relo.reassemble:FALSE"}))[0]).size(), 3u);
  EXPECT_EQ(shown(dissect(one, with({"relo.reassemble:TRUE"}))[0]).size(), 4u);
}

TEST(ReloadDissector, CutAtEveryByteIsToldAndNotJudged) {
  const std::string whole = framed(bytes_of("store_req_sip"));
  std::vector<Frame> frames;
  for (std::size_t keep = 1; keep < whole.size(); ++keep) {
    Frame frame =
        udp_frame({kA.address, static_cast<std::uint16_t>(20000 + keep)}, kB, whole, static_cast<std::int64_t>(keep));
    frame.bytes.resize(42 + keep);
    frames.push_back(std::move(frame));
  }
  const auto out = dissect(frames);
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_FALSE(out[i].dissector_bug()) << i;
    EXPECT_TRUE(out[i].cut()) << i;
    EXPECT_FALSE(out[i].malformed()) << i;
    EXPECT_TRUE(out[i].values("relo.finding").empty()) << i;
  }
}

// The harness gets every message with what carried it, and the whole of a fragmented one.
TEST(ReloadDissector, MessagesAreExportedAndDissectAgain) {
  const std::vector<std::string> parts = reload::split(long_error(), 330);
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kA, kB);
  tcp.open();
  tcp.client_in(40, framed(bytes_of("ping_req_q")) + ack(0) + framed(bytes_of("join_req"), 1));
  frames.push_back(udp_frame(kB, kC, framed(bytes_of("ping_ans")), frames.back().time_ns + 1));
  for (const std::string& part : parts) frames.push_back(udp_frame(kA, kB, framed(part), frames.back().time_ns + 1));
  for (const char* tap : {"Peerscope", "Peerscope messages"}) {
    export_through(tap);
    std::vector<Export> exports;
    dissect(frames, {.tree = false, .filter = {}, .two_passes = false, .preferences = {}, .exports = &exports});
    export_through("Peerscope");
    ASSERT_EQ(exports.size(), 8u) << tap;
    EXPECT_EQ(exports[0].bytes, framed(bytes_of("ping_req_q")));
    EXPECT_EQ(exports[1].bytes, ack(0));
    EXPECT_EQ(exports[6].bytes, framed(parts[2])) << tap;
    EXPECT_EQ(exports[7].bytes, long_error()) << tap;
    EXPECT_NE(exports[0].tags.find("relo"), std::string::npos);
    EXPECT_NE(exports[0].tags.find("TCP"), std::string::npos);
    EXPECT_NE(exports[3].tags.find("UDP"), std::string::npos);
    const auto again = dissect_upper(frames_of(exports));
    EXPECT_EQ(again[0].value("relo.message"), "ping_req");
    EXPECT_EQ(again[2].value("relo.message"), "join_req");
    EXPECT_EQ(again[0].expert("R-SEC-15"), nullptr);  // an exported message does not tell
  }
}

TEST(ReloadDissector, ClearTextIsNoted) {
  const std::string bytes = framed(bytes_of("ping_req_q"));
  EXPECT_NE(alone(bytes).expert("R-SEC-15:"), nullptr);
  EXPECT_EQ(alone(bytes, with({"relo.clear_text_note:FALSE"})).expert("R-SEC-15:"), nullptr);
  EXPECT_NE(alone(bytes, with({"relo.clear_text_note:TRUE"})).expert("R-SEC-15:"), nullptr);
}

// Damaged messages must never become trouble of the dissector. PEERSCOPE_MUTATIONS sets the count.
TEST(ReloadDissector, MutatedMessagesAreNoDissectorBug) {
  const char* wanted = std::getenv("PEERSCOPE_MUTATIONS");
  const int count = wanted != nullptr ? std::atoi(wanted) : 4000;
  std::mt19937 random(20240608);
  std::vector<std::string> messages;
  for (const std::string& path : sample_paths("reload")) messages.push_back(load_sample(path).bytes);
  constexpr int kBatch = 2000;  // a session each: see epan_host.h
  for (int done = 0; done < count; done += kBatch) {
    std::vector<Frame> frames;
    for (int i = 0; i < std::min(kBatch, count - done); ++i) {
      std::string bytes = messages[random() % messages.size()];
      for (unsigned edits = 1 + random() % 5; edits > 0 && !bytes.empty(); --edits) {
        const std::size_t at = random() % bytes.size();
        switch (random() % 5) {
          case 0:
            bytes[at] = static_cast<char>(random());
            break;
          case 1:
            bytes[at] = static_cast<char>(bytes[at] + 1);
            break;
          case 2:
            bytes.erase(at, 1 + random() % 20);
            break;
          case 3:
            bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 60));
            break;
          default:
            bytes.resize(at + 1);
            break;
        }
      }
      // Ports without a dissector of their own, which damaged bytes would go to.
      const Endpoint node{kA.address, static_cast<std::uint16_t>(50000 + i)};
      const std::string sent = random() % 3 == 0 ? bytes : framed(bytes);
      if (random() % 3 == 0) {
        TcpConversation tcp(frames, node, kB);
        tcp.client_in(1 + random() % 300, sent);
      } else {
        frames.push_back(udp_frame(node, kB, sent, i));
        if (random() % 4 == 0 && frames.back().bytes.size() > 60)  // a snap length
          frames.back().bytes.resize(43 + random() % (frames.back().bytes.size() - 43));
      }
    }
    const auto bugs = dissect_only(frames, (done / kBatch) % 2 == 0);
    ASSERT_TRUE(bugs.empty()) << "batch from " << done << ": " << bugs.front();
  }
}

TEST(ReloadDissector, OnePassGivesTheSameTreeButForwardLinks) {
  const std::vector<Frame> frames = {udp_frame(kA, kB, framed(bytes_of("store_req_single")), 1),
                                     udp_frame(kB, kA, framed(bytes_of("store_ans")), 2)};
  const auto labels = [](const Dissected& frame) {
    std::vector<std::string> out;
    for (const Item& item : frame.items) {
      const bool forward = item.name == "relo.response_in" || item.name.starts_with("relo.transaction");
      if (item.name.starts_with("relo") && !forward) out.push_back(item.label);
    }
    return out;
  };
  const auto first =
      dissect(frames, {.tree = true, .filter = {}, .two_passes = false, .preferences = {}, .exports = nullptr});
  const auto second = dissect(frames);
  for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(labels(first[i]), labels(second[i]));
}

TEST(ReloadDissector, ColumnsDoNotNeedATree) {
  const auto out = dissect({udp_frame(kA, kB, framed(bytes_of("ping_req_q")), 1)},
                           {.tree = false, .filter = {}, .two_passes = true, .preferences = {}, .exports = nullptr});
  EXPECT_EQ(out.front().protocol, "RELO");
  EXPECT_EQ(out.front().info, "[0] ping_req to resource 0c51a942.., tid 0102030405060708, ttl 100");
}

TEST(ReloadDissector, FilterNamesCompile) {
  for (const char* filter : {"relo.finding == \"R-TTL-03\"", "relo.r-fwd-01", "relo.transaction.time > 1",
                             "relo.forwarding.fragment_last == 1", "relo.destination.node_id == 11:11",
                             "relo.retransmission", "relo.stored_data.value contains 61:62"}) {
    EXPECT_EQ(filter_error(filter), "") << filter;
  }
}

}  // namespace
}  // namespace peerscope::test
