// SPDX-License-Identifier: GPL-2.0-or-later
// The stored captures of ALTO sessions: made from the samples, dissected in process, found again by display filters.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "tests/dissect/host/epan_host.h"
#include "tests/support/sample.h"

namespace peerscope::test {
namespace {

const std::filesystem::path kCaptures = std::filesystem::path(PEERSCOPE_SOURCE_DIR) / "captures/alto";
constexpr Endpoint kClient{0xc0000202, 40000};
constexpr Endpoint kServer{0xc0000201, 80};

Sample sample(std::string_view name) {
  return load_sample(sample_path("alto", name));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

// One connection of a client to a server.
class Talk {
 public:
  explicit Talk(std::vector<Frame>& frames) : tcp_(frames, kClient, kServer) { tcp_.open(); }

  // GET of a path, answered with a sample's body.
  void get(const std::string& path, const Sample& answer) {
    ask(path);
    tell(answer);
  }
  void post(const std::string& path, const Sample& request, const Sample& answer) {
    send(path, request);
    tell(answer);
  }
  void ask(const std::string& path) {
    tcp_.client("GET " + path + " HTTP/1.1\r\nHost: alto.example.net\r\nAccept: */*\r\n\r\n");
  }
  void send(const std::string& path, const Sample& request) {
    tcp_.client(replaced(http_request(request.bytes, request.transport.content_type), "/video_1", path));
  }
  void tell(const Sample& answer) {
    const std::string type =
        answer.transport.content_type == "multipart/related" ? boundary_of(answer) : answer.transport.content_type;
    tcp_.server_in(1000, http_response(answer.bytes, answer.transport.status, type));
  }
  // An update stream, as many events a segment as the text holds at a blank line. `ends`: with the last chunk.
  void stream(const Sample& answer, bool ends) {
    tcp_.server("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (std::string_view rest = answer.bytes; !rest.empty();) {
      const std::size_t blank = rest.find("\n\n");
      const std::string_view event = rest.substr(0, blank == std::string_view::npos ? blank : blank + 2);
      const std::string chunk = chunked(event, event.size());
      tcp_.server(std::string_view(chunk).substr(0, chunk.size() - 5));  // without the last chunk
      rest.remove_prefix(event.size());
    }
    if (ends) tcp_.server("0\r\n\r\n");
  }

 private:
  // "--example-1" at the start of the body.
  static std::string boundary_of(const Sample& answer) {
    const std::size_t dashes = answer.bytes.find("--");
    const std::size_t end = answer.bytes.find_first_of("\r\n", dashes);
    return "multipart/related; boundary=" + answer.bytes.substr(dashes + 2, end - dashes - 2) +
           "; type=\"application/alto-costmap+json\"";
  }
  TcpConversation tcp_;
};

bool is_rfc_defect(const Sample& one) {
  return one.origin.starts_with("RFC ") && (one.transport.content_type.starts_with("application/alto-") ||
                                            one.message == "event-stream" || one.message == "path-vector");
}

// A defect of an RFC's own example, in an exchange of its own.
void defects_of_the_rfcs(std::vector<Frame>& frames) {
  Talk talk(frames);
  for (const std::string& path : sample_paths("alto")) {
    const Sample one = load_sample(path);
    if (!is_rfc_defect(one)) continue;
    if (one.direction == Direction::kRequest)
      talk.post("/" + one.name, one, sample("cost_map_filtered"));
    else if (!one.request.empty())
      talk.post("/" + one.name, sample(one.request), one);
    else if (one.message == "event-stream")
      talk.post("/" + one.name, sample("update_stream_params_smallest"), one);
    else
      talk.get("/" + one.name, one);
  }
}

void session(std::vector<Frame>& frames) {
  Talk talk(frames);
  talk.get("/directory", sample("directory"));
  talk.get("/nm", sample("network_map"));
  talk.get("/cm", sample("cost_map"));
  talk.post("/nm/filter", sample("network_map_filter"), sample("network_map_filtered"));
  talk.post("/cm/filter", sample("cost_map_filter"), sample("cost_map_filtered"));
  talk.post("/eps", sample("endpoint_property_params"), sample("endpoint_properties"));
  talk.post("/cm/filter", sample("cost_map_filter_smallest"), sample("error"));
}

// The client fetches the maps, the network map changes, and it takes a cost map of the old version for the new one's.
void old_map(std::vector<Frame>& frames) {
  Talk talk(frames);
  talk.get("/directory", sample("directory"));
  talk.get("/nm", sample("network_map"));
  talk.get("/cm", sample("cost_map"));
  Sample changed = sample("network_map");
  changed.bytes = replaced(replaced(changed.bytes, "\"v7\"", "\"v8\""), "198.51.100.0/24", "198.51.100.0/25");
  talk.get("/nm", changed);
  talk.get("/cm", sample("cost_map"));
}

void updates_closed(std::vector<Frame>& frames) {
  Talk talk(frames);
  talk.send("/updates", sample("update_stream_params_smallest"));
  talk.stream(sample("event_stream"), true);
}
void updates_open(std::vector<Frame>& frames) {
  Talk talk(frames);
  talk.send("/updates", sample("update_stream_params_smallest"));
  talk.stream(sample("event_stream"), false);
}

void multipart(std::vector<Frame>& frames) {
  Talk talk(frames);
  talk.post("/pv", sample("cost_map_filter_path_vector"), sample("path_vector"));
}

struct Flow {
  const char* name;
  void (*make)(std::vector<Frame>&);
};
constexpr Flow kFlows[] = {
    {"session", session},           {"old_map", old_map},     {"updates_closed", updates_closed},
    {"updates_open", updates_open}, {"multipart", multipart}, {"rfc_defects", defects_of_the_rfcs}};

std::vector<Dissected> frames_of(const char* flow, const std::string& filter = {}) {
  Options options;
  options.filter = filter;
  const auto made = kCaptures / flow / "flow.pcap";
  return dissect_file(std::filesystem::exists(made) ? made : kCaptures / flow / "flow.pcapng", options);
}
std::vector<std::size_t> matching(const char* flow, const std::string& filter) {
  EXPECT_EQ(filter_error(filter), "") << filter;
  std::vector<std::size_t> out;
  std::size_t number = 0;
  for (const Dissected& frame : frames_of(flow, filter)) {
    ++number;
    if (frame.matched) out.push_back(number);
  }
  return out;
}

// PEERSCOPE_WRITE_CAPTURES=1 writes them anew.
TEST(AltoCaptures, StoredCapturesAreMadeFromTheSamples) {
  for (const Flow& flow : kFlows) {
    std::vector<Frame> frames;
    flow.make(frames);
    const auto path = kCaptures / flow.name / "flow.pcap";
    const std::string bytes = pcap_file(frames);
    if (std::getenv("PEERSCOPE_WRITE_CAPTURES") != nullptr) {
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path, std::ios::binary) << bytes;
    }
    std::ifstream file(path, std::ios::binary);
    std::stringstream stored;
    stored << file.rdbuf();
    EXPECT_TRUE(stored.str() == bytes) << path << " is not what this test makes";
  }
}

TEST(AltoCaptures, NoFrameIsTroubleForTheDissector) {
  for (const Flow& flow : kFlows) {
    std::size_t ours = 0;
    std::size_t malformed = 0;
    for (const Dissected& frame : frames_of(flow.name)) {
      EXPECT_FALSE(frame.dissector_bug()) << flow.name << ": " << frame.info;
      ours += frame.has("alto");
      malformed += frame.malformed();
    }
    // directory_trailing_comma: RFC 7285 section 9.2.3 is no JSON.
    EXPECT_EQ(malformed, std::string_view(flow.name) == "rfc_defects" ? 1U : 0U) << flow.name;
    EXPECT_GT(ours, 0U) << flow.name;
  }
}

TEST(AltoCaptures, ASessionIsFoundByItsPidsCostsAndVersions) {
  EXPECT_EQ(matching("session", "alto.finding"), std::vector<std::size_t>{});
  EXPECT_EQ(matching("session", "alto.vtag.tag == \"v7\"").size(), 2U);  // the whole map and a part of it
  EXPECT_EQ(matching("session", "alto.dep.tag == \"v7\"").size(), 3U);   // costs, filtered costs, properties
  EXPECT_GE(matching("session", "alto.pid == \"west\"").size(), 3U);
  EXPECT_EQ(matching("session", "alto.src == \"west\" && alto.cost > 10").size(), 1U);
  EXPECT_EQ(matching("session", "alto.cost > 1000"), std::vector<std::size_t>{});
  EXPECT_EQ(matching("session", "alto.error.code == \"E_INVALID_FIELD_VALUE\"").size(), 1U);
}

// Decrypted with the secrets in the file.
TEST(AltoCaptures, TheSameFiltersHoldOverTlsAndHttp2) {
  for (const char* flow : {"session_tls", "session_h2"}) {
    EXPECT_EQ(matching(flow, "alto.pid == \"mypid1\" && alto.vtag.tag").size(), 4U)
        << flow;  // twice whole, once a part, once in a stream
    EXPECT_EQ(matching(flow, "alto.dep.tag && alto.cost").size(), 2U) << flow;
    EXPECT_EQ(matching(flow, "alto.src == \"mypid1\" && alto.cost > 0").size(), 2U) << flow;
    EXPECT_EQ(matching(flow, "alto.error.field == \"cost-type/cost-mode\"").size(), 1U) << flow;
    EXPECT_EQ(matching(flow, "alto && http2").empty(), std::string_view(flow) == "session_tls") << flow;
  }
  EXPECT_EQ(matching("session_tls", "alto.finding == \"A-FCM-03\"").size(), 1U);
  EXPECT_EQ(matching("session_tls", "alto.finding").size(), 1U);
}

TEST(AltoCaptures, ACostMapForTheOldNetworkMapIsShownOnItsFrame) {
  const auto found = matching("old_map", "alto.finding == \"A-CM-14\"");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(matching("old_map", "alto.finding"), found);
  const auto costs = matching("old_map", "alto.cost && alto.dep.tag == \"v7\"");
  ASSERT_EQ(costs.size(), 2U);
  EXPECT_EQ(found.front(), costs.back());  // the first one was right when it came
  EXPECT_LT(matching("old_map", "alto.vtag.tag == \"v8\"").front(), found.front());
}

// Each event once, on the frame that completes it, whether the stream ends or not.
TEST(AltoCaptures, StreamsAreShownEventByEvent) {
  for (const char* flow : {"updates_closed", "updates_open"}) {
    EXPECT_EQ(matching(flow, "alto.sse.event"), (std::vector<std::size_t>{6, 7, 8})) << flow;
    EXPECT_EQ(matching(flow, "alto.sse.substream == \"n\" && alto.vtag.tag == \"v7\""), std::vector<std::size_t>{7});
    EXPECT_EQ(matching(flow, "alto.finding"), std::vector<std::size_t>{}) << flow;
    EXPECT_EQ(matching(flow, "http.response.code == 200"), std::vector<std::size_t>{5}) << flow;
    for (const Dissected& frame : frames_of(flow)) EXPECT_FALSE(frame.malformed()) << frame.info;
  }
}

// Both hold a stream that its client left.
TEST(AltoCaptures, OpenStreamsAreShownOverTlsAndHttp2) {
  for (const char* flow : {"session_tls", "session_h2"})
    EXPECT_EQ(matching(flow, "alto.sse.event && alto.sse.control_uri && alto.vtag.tag").size(), 1U) << flow;
}

TEST(AltoCaptures, PartsOfAMultipartAnswerAreMessages) {
  EXPECT_EQ(matching("multipart", "alto.part.content_id == \"<propmap@alto.example.net>\"").size(), 1U);
  EXPECT_EQ(matching("multipart", "alto.vtag.tag == \"d8\" && alto.src == \"west\"").size(), 1U);
  EXPECT_EQ(matching("multipart", "alto.ane && alto.property.name").size(), 1U);
  EXPECT_EQ(matching("multipart", "alto.finding"), std::vector<std::size_t>{});
}

// Sheet section 23, one by one: each is told by the requirement that it is about, and by nothing else.
TEST(AltoCaptures, EachDefectOfTheRfcsExamplesHasItsFindings) {
  std::vector<std::set<std::string>> told;
  for (const Dissected& frame : frames_of("rfc_defects")) {
    const auto values = frame.values("alto.finding");
    if (!values.empty()) told.emplace_back(values.begin(), values.end());
  }
  std::size_t defects = 0;
  for (const std::string& path : sample_paths("alto")) {
    const Sample one = load_sample(path);
    if (!is_rfc_defect(one)) continue;
    ++defects;
    std::set<std::string> wanted;
    for (const SampleFinding& finding : one.findings) wanted.insert(finding.id);
    EXPECT_NE(std::find_if(told.begin(), told.end(),
                           [&](const auto& seen) {
                             return std::includes(seen.begin(), seen.end(), wanted.begin(), wanted.end());
                           }),
              told.end())
        << one.name;
  }
  EXPECT_GE(defects, 17U);
}

}  // namespace
}  // namespace peerscope::test
