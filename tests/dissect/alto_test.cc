// SPDX-License-Identifier: GPL-2.0-or-later
// ALTO through the whole of epan: Ethernet to expert item, in process, both passes.
#include <gtest/gtest.h>

#include <set>

#include "tests/dissect/host/epan_host.h"
#include "tests/support/sample.h"

namespace peerscope::test {
namespace {

constexpr Endpoint kClient{0xc0000202, 40000};
constexpr Endpoint kServer{0xc0000201, 80};

Sample sample(const char* name) {
  return load_sample(sample_path("alto", name));
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const std::size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return out.replace(at, from.size(), to);
}

// The frames that ALTO took, of these samples sent in order over one connection.
std::vector<Dissected> talk(const std::vector<Sample>& samples, const Options& options = {}, bool gzip = false) {
  std::vector<Frame> frames;
  TcpConversation tcp(frames, kClient, kServer);
  tcp.open();
  for (const Sample& one : samples) {
    if (one.direction == Direction::kRequest)
      tcp.client(replaced(http_request(one.bytes, one.transport.content_type), "POST ",
                          "POST " + one.transport.target + "?x="));
    else if (gzip)
      tcp.server(http_response(gzipped(one.bytes), one.transport.status, one.transport.content_type,
                               "Content-Encoding: gzip\r\n"));
    else
      tcp.server_in(1000, http_response(one.bytes, one.transport.status, one.transport.content_type));
  }
  std::vector<Dissected> out;
  for (const Dissected& frame : dissect(frames, options)) {
    if (frame.has("alto")) out.push_back(frame);
  }
  return out;
}

std::set<std::string> findings(const Dissected& frame) {
  const auto values = frame.values("alto.finding");
  return {values.begin(), values.end()};
}

void expect_sound(const Dissected& frame) {
  EXPECT_FALSE(frame.dissector_bug()) << frame.info;
  EXPECT_FALSE(frame.malformed()) << frame.info;
}

TEST(AltoDissector, ANetworkMapIsDecodedFieldByField) {
  const auto out = talk({sample("network_map")});
  ASSERT_EQ(out.size(), 1U);
  const Dissected& map = out[0];
  expect_sound(map);
  EXPECT_EQ(map.protocol, "ALTO");
  EXPECT_EQ(map.info, "network-map nm v7, 4 PIDs");
  EXPECT_EQ(map.value("alto.vtag.resource_id"), "nm");
  EXPECT_EQ(map.value("alto.vtag.tag"), "v7");
  const auto pids = map.values("alto.pid");
  EXPECT_EQ(std::set<std::string>(pids.begin(), pids.end()), (std::set<std::string>{"west", "east", "rest", "none"}));
  EXPECT_EQ(map.values("alto.prefix"),
            (std::vector<std::string>{"198.51.100.0/24", "203.0.113.0/25", "2001:db8:e::/48", "0.0.0.0/0", "::/0"}));
  EXPECT_EQ(map.first("alto.prefix")->label, "ipv4 [0] Prefix: 198.51.100.0/24");
  EXPECT_EQ(map.first("alto.prefix")->source, "\"198.51.100.0/24\"");
  EXPECT_TRUE(findings(map).empty()) << *findings(map).begin();
}

TEST(AltoDissector, CostsAreNumbersThatFilter) {
  Options options;
  options.filter = R"(alto.src == "west" && alto.cost > 10 && alto.dep.tag == "v7")";
  const auto out = talk({sample("cost_map")}, options);
  ASSERT_EQ(out.size(), 1U);
  expect_sound(out[0]);
  EXPECT_TRUE(out[0].matched);
  EXPECT_EQ(out[0].values("alto.cost"), (std::vector<std::string>{"1", "4.5", "20", "5", "1", "22"}));
  EXPECT_EQ(out[0].value("alto.cost_type.metric"), "routingcost");
  options.filter = "alto.cost > 22";
  EXPECT_FALSE(talk({sample("cost_map")}, options)[0].matched);
}

TEST(AltoDissector, RequestsAndAnswersAreLinkedAndComparedWithEachOther) {
  Sample answer = sample("cost_map_filtered");
  answer.bytes = replaced(answer.bytes, "4.5", "11");
  const auto out = talk({sample("cost_map_filter"), answer});
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].value("alto.response_in"), "5");
  EXPECT_EQ(out[1].value("alto.response_to"), "4");
  EXPECT_EQ(findings(out[1]), std::set<std::string>{"A-FCM-11"});
}

// The rows of sheet section 22.2: state of the server is kept over messages.
TEST(AltoDissector, ACostMapOfAnotherVersionIsShownOnItsFrame) {
  Sample costs = sample("cost_map");
  costs.bytes = replaced(costs.bytes, "v7", "v6");
  const auto out = talk({sample("directory"), sample("network_map"), costs});
  ASSERT_EQ(out.size(), 3U);
  EXPECT_TRUE(findings(out[0]).empty());
  EXPECT_TRUE(findings(out[1]).empty());
  EXPECT_EQ(findings(out[2]), std::set<std::string>{"A-CM-14"});
  EXPECT_EQ(out[2].expert("A-CM-14")->severity, "Warning");
}

TEST(AltoDissector, AnEndpointIsComparedWithTheMap) {
  Sample wrong = sample("endpoint_properties");
  wrong.bytes = replaced(wrong.bytes, "\"east\"", "\"rest\"");
  const auto out = talk({sample("network_map"), wrong});
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(findings(out[1]), std::set<std::string>{"A-EPS-09"});
}

TEST(AltoDissector, EverySampleIsSoundWithItsFindings) {
  for (const std::string& path : sample_paths("alto")) {
    const Sample one = load_sample(path);
    // Patches and what has no structure come under other media types or as no frame at all.
    const bool own = one.transport.content_type.starts_with("application/alto-") || one.message == "event-stream";
    if (!own || one.bytes.empty()) continue;
    for (const bool tree : {true, false}) {
      Options options;
      options.tree = tree;
      const auto out = talk({one}, options);
      if (!tree) continue;
      ASSERT_EQ(out.size(), 1U) << one.name;
      EXPECT_FALSE(out[0].dissector_bug()) << one.name;
      if (!one.request.empty()) continue;
      std::set<std::string> wanted;
      for (const SampleFinding& finding : one.findings) wanted.insert(finding.id);
      EXPECT_EQ(findings(out[0]), wanted) << one.name;
    }
  }
}

TEST(AltoDissector, UpdateStreamsAreShownEventByEvent) {
  const auto out = talk({sample("update_stream_params_smallest"), sample("event_stream")});
  ASSERT_EQ(out.size(), 2U);
  expect_sound(out[1]);
  EXPECT_EQ(out[1].info, "HTTP/1.1 200 Status event-stream, 3 events");
  EXPECT_EQ(out[1].values("alto.sse.event").size(), 3U);
  EXPECT_EQ(out[1].value("alto.sse.control_uri"), "/upd/ctl/8b1f");
  EXPECT_EQ(out[1].value("alto.prefix"), "0.0.0.0/0");
  EXPECT_TRUE(findings(out[1]).empty());
  // Other streams stay with others.
  Sample foreign = sample("event_stream");
  foreign.bytes = "event: tick\ndata: {}\n\n";
  EXPECT_TRUE(talk({foreign}).empty());
}

TEST(AltoDissector, MultipartBodiesOfOthersStayWithOthers) {
  Sample foreign = sample("path_vector");
  foreign.transport.content_type = "multipart/related; boundary=example-1";
  const auto dissected = [&] {
    std::vector<Frame> frames;
    TcpConversation tcp(frames, kClient, kServer);
    tcp.open();
    tcp.client("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    tcp.server(http_response(foreign.bytes, 200, foreign.transport.content_type));
    return dissect(frames).back();
  };
  EXPECT_EQ(dissected().values("alto.ane").size(), 2U);
  foreign.bytes = replaced(foreign.bytes, "application/alto-costmap+json", "text/plain");
  EXPECT_FALSE(dissected().has("alto.part"));
  EXPECT_TRUE(dissected().has("mime_multipart"));
}

TEST(AltoDissector, CompressedMapsAreDecoded) {
  const auto out = talk({sample("network_map")}, {}, true);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].value("alto.vtag.tag"), "v7");
}

TEST(AltoDissector, AnEmptyListIsSeen) {
  const auto out = talk({sample("network_map_filter_smallest")});
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].value("alto.empty_list"), "pids");
}

// A row too many and a cost too many; the finding is about an entry that is not shown.
TEST(AltoDissector, ALongMapShowsItsFirstEntriesAndCountsTheRest) {
  Sample costs = sample("cost_map");
  costs.bytes = replaced(costs.bytes, "\"cost-map\":{", "\"cost-map\":{\"a\":{\"b\":1,\"c\":2,\"d\":3,\"e\":-4},");
  Options options;
  options.preferences = {"alto.most_entries:2"};
  options.filter = "alto.cost == 3";
  const auto out = talk({costs}, options);
  ASSERT_EQ(out.size(), 1U);
  expect_sound(out[0]);
  EXPECT_EQ(out[0].values("alto.cost").size(), 4U);  // two rows of two
  const auto left_out = out[0].values("alto.left_out");
  EXPECT_EQ(std::set<std::string>(left_out.begin(), left_out.end()), (std::set<std::string>{"2", "1"}));
  EXPECT_FALSE(out[0].matched);
  EXPECT_FALSE(findings(out[0]).empty());
  options.preferences = {"alto.most_entries:0"};
  const auto all = talk({costs}, options);
  EXPECT_TRUE(all[0].matched);
  EXPECT_FALSE(all[0].has("alto.left_out"));
  EXPECT_EQ(findings(all[0]), findings(out[0]));
  options.preferences = {"alto.most_entries:1000"};
  EXPECT_TRUE(talk({costs}, options)[0].matched);
}

TEST(AltoDissector, TheFilterNamesOfTheSheetCompile) {
  for (const char* filter : {"alto.finding == \"A-NM-14\"",
                             "alto.pid == \"a\"",
                             "alto.cost > 10.5",
                             "alto.vtag.tag == \"x\"",
                             "alto.vtag.resource_id",
                             "alto.dep.resource_id",
                             "alto.dep.tag",
                             "alto.ird.uri",
                             "alto.ird.accepts",
                             "alto.ird.uses",
                             "alto.cost_type.name",
                             "alto.cost_type.metric",
                             "alto.cost_type.mode",
                             "alto.cost_type.source",
                             "alto.src",
                             "alto.dst",
                             "alto.prefix",
                             "alto.property.name",
                             "alto.property.value",
                             "alto.entity",
                             "alto.entity.domain",
                             "alto.constraint",
                             "alto.calendar.start",
                             "alto.calendar.interval >= 60.5",
                             "alto.calendar.count == 3",
                             "alto.sse.substream",
                             "alto.sse.control_uri",
                             "alto.patch.op",
                             "alto.patch.path",
                             "alto.tips.view",
                             "alto.tips.seq_i == 0",
                             "alto.tips.seq_j",
                             "alto.ane",
                             "alto.cdni.capability",
                             "alto.cdni.footprint",
                             "alto.error.code",
                             "alto.error.field",
                             "alto.error.value",
                             "alto.resource_id",
                             "alto.response_in",
                             "alto.response_to",
                             "alto.response_time"})
    EXPECT_EQ(filter_error(filter), "") << filter;
}

}  // namespace
}  // namespace peerscope::test
