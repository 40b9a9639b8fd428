// SPDX-License-Identifier: GPL-2.0-or-later
// Update streams (RFC 8895): what a follower gets, what control requests do, and that a follower never sees a map that
// did not exist, whatever clients do.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "protocols/alto/event_stream.h"
#include "protocols/alto/patch_apply.h"
#include "tests/alto/talk.h"

namespace peerscope::alto {
namespace {

using Events = std::vector<std::pair<std::string, std::string>>;  // event line and data

// Complete events of a text; what is not complete stays in it.
Events take_events(std::string& text) {
  Events out;
  for (std::size_t end = text.find("\n\n"); end != std::string::npos; end = text.find("\n\n")) {
    std::istringstream lines(text.substr(0, end + 1));
    text.erase(0, end + 2);
    std::pair<std::string, std::string> event;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("event: ")) event.first = line.substr(7);
      if (line.starts_with("data: ")) event.second += (event.second.empty() ? "" : "\n") + line.substr(6);
    }
    if (!event.second.empty()) out.push_back(std::move(event));
  }
  return out;
}
Events read_events(net::BodyStream& stream) {
  std::string text = Talk::read(stream);
  return take_events(text);
}
std::vector<std::string> names(const Events& events) {
  std::vector<std::string> out;
  for (const auto& [event, data] : events) out.push_back(event);
  return out;
}
std::string control_uri(const Events& events) {
  const auto value = parse_json(events.at(0).second);
  return value != nullptr && value->find("control-uri") != nullptr ? *value->find("control-uri")->text() : "";
}
constexpr const char* kControl = "application/alto-updatestreamcontrol+json";
constexpr const char* kMap = "application/alto-networkmap+json,";
constexpr const char* kCosts = "application/alto-costmap+json,";
constexpr const char* kMerge = "application/merge-patch+json,";
constexpr const char* kPatch = "application/json-patch+json,";

const std::string kBoth = R"({"add":{"c":{"resource-id":"costmap-num-routingcost"},"n":{"resource-id":"networkmap"}}})";

TEST(AltoUpdateStream, BeginsWithControlThenTheMapThenWhatDependsOnIt) {
  Talk talk;
  const auto stream = talk.follow(kBoth);
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(talk.last().headers.get("Content-Type"), "text/event-stream");
  const Events events = read_events(*stream);
  EXPECT_EQ(names(events), (std::vector<std::string>{kControl, std::string(kMap) + "n", std::string(kCosts) + "c"}));
  EXPECT_TRUE(control_uri(events).starts_with("/updates/control/"));
  EXPECT_EQ(*parse_json(events[1].second), *parse_json(talk.get("/networkmap").body));
  EXPECT_EQ(*parse_json(events[2].second), *parse_json(talk.get("/costmap/num-routingcost").body));
  const auto other = talk.follow(kBoth);
  EXPECT_NE(control_uri(read_events(*other)), control_uri(events));
  stream->close();
  EXPECT_EQ(talk.server().streams(), 1U);
  other->close();
}

TEST(AltoUpdateStream, ChangesComeAsPatchesThatAreSmallerThanTheMap) {
  Talk talk({}, *generated_world("pids=20,prefixes=200"));
  const auto stream = talk.follow(kBoth);
  const auto whole_only =
      talk.follow(R"({"add":{"c":{"resource-id":"costmap-num-routingcost","incremental-changes":false}}})");
  const auto json_only = talk.follow(kBoth, {{"Accept", "text/event-stream, application/json-patch+json"}});
  std::map<std::string, JsonValue> documents;
  for (const auto& [event, data] : read_events(*stream))
    documents[event.substr(event.find(',') + 1)] = *parse_json(data);
  (void)Talk::read(*whole_only);
  (void)Talk::read(*json_only);
  talk.server().update(changed_world(talk.server().world(), 3));
  Events events = read_events(*stream);
  ASSERT_EQ(names(events), std::vector<std::string>{std::string(kMerge) + "c"}) << "the network map is as it was";
  EXPECT_LT(events[0].second.size(), talk.get("/costmap/num-routingcost").body.size());
  apply_merge_patch(documents["c"], *parse_json(events[0].second));
  EXPECT_EQ(documents["c"], *parse_json(talk.get("/costmap/num-routingcost").body));
  EXPECT_EQ(names(read_events(*whole_only)), std::vector<std::string>{std::string(kCosts) + "c"});
  EXPECT_EQ(names(read_events(*json_only)), std::vector<std::string>{std::string(kPatch) + "c"});
  talk.server().update(changed_world(talk.server().world(), 4));
  events = read_events(*stream);
  ASSERT_EQ(events.size(), 2U) << "a prefix moved";
  EXPECT_TRUE(events[0].first.ends_with(",n")) << "the map comes before what depends on it";
  EXPECT_TRUE(events[1].first.ends_with(",c"));
  talk.server().update(talk.server().world());
  EXPECT_EQ(read_events(*stream).size(), 0U) << "nothing changed";
}

TEST(AltoUpdateStream, AnotherWorldIsToldInWhole) {
  Talk talk;
  const auto stream = talk.follow(R"({"add":{"n":{"resource-id":"networkmap"}}})");
  (void)Talk::read(*stream);
  talk.server().update(*generated_world("pids=3,prefixes=3"));
  const Events events = read_events(*stream);
  EXPECT_EQ(names(events), std::vector<std::string>{std::string(kMap) + "n"}) << "a patch would be larger";
  EXPECT_EQ(*parse_json(events[0].second), *parse_json(talk.get("/networkmap").body));
}

TEST(AltoUpdateStream, AVersionThatTheClientHoldsIsNotSentAgain) {
  Talk talk;
  const std::string current = talk.server().world().tag;
  const auto entry = [](const std::string& tag) {
    return R"({"add":{"n":{"resource-id":"networkmap","tag":")" + tag + R"("}}})";
  };
  const auto held = talk.follow(entry(current));
  const auto old = talk.follow(entry("older"));
  EXPECT_EQ(read_events(*held).size(), 1U);
  EXPECT_EQ(names(read_events(*old)), (std::vector<std::string>{kControl, std::string(kMap) + "n"}));
}

TEST(AltoUpdateStream, NullsOfSeveralCostTypesNeedAJsonPatch) {
  World world = interop_world();
  world.tables[1].costs[1] = std::nan("");  // hops from mypid1 to mypid2
  Talk talk({}, world);
  const std::string input = std::string(R"({"multi-cost-types":[)") + kNum + "," + kHop +
                            R"(],"pids":{"srcs":["mypid1"],"dsts":["mypid1","mypid2"]}})";
  const auto stream = talk.follow(R"({"add":{"f":{"resource-id":"filteredcostmap","input":)" + input + "}}}");
  ASSERT_NE(stream, nullptr) << talk.last().body;
  Events events = read_events(*stream);
  ASSERT_EQ(events.size(), 2U);
  JsonValue document = *parse_json(events[1].second);
  world.tables[0].costs[1] = 77;
  talk.server().update(world);
  events = read_events(*stream);
  ASSERT_EQ(events.size(), 1U);
  if (events[0].first.starts_with(kMerge))
    apply_merge_patch(document, *parse_json(events[0].second));
  else if (events[0].first.starts_with(kCosts))
    document = *parse_json(events[0].second);
  EXPECT_EQ(document.find("cost-map")->find("mypid1")->find("mypid2")->array()->at(0), JsonValue(77.0));
  EXPECT_TRUE(document.find("cost-map")->find("mypid1")->find("mypid2")->array()->at(1).is_null());
}

// RFC 8895 section 9.3: pairs come and go as they pass the test.
TEST(AltoUpdateStream, ConstrainedCostsAreAddedAndRemoved) {
  World world = interop_world();
  Talk talk({}, world);
  const auto stream = talk.follow(
      R"({"add":{"f":{"resource-id":"filteredcostmap","input":)" +
      with_type(kNum, R"("constraints":["le 20"],"pids":{"srcs":["mypid1"],"dsts":["mypid1","mypid2","mypid3"]})") +
      "}}}");
  ASSERT_NE(stream, nullptr);
  const std::string first = read_events(*stream).at(1).second;
  EXPECT_NE(first.find(R"("mypid1":{"mypid1":1,"mypid2":19})"), std::string::npos) << first;
  world.tables[0].costs[1] = 50;  // mypid2: no longer
  world.tables[0].costs[2] = 2;   // mypid3: from now on
  talk.server().update(world);
  const Events events = read_events(*stream);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(*parse_json(events[0].second), *parse_json(R"({"cost-map":{"mypid1":{"mypid2":null,"mypid3":2}}})"))
      << events[0].second;
}

TEST(AltoUpdateStream, ControlAddsAndRemoves) {
  Talk talk;
  const auto stream = talk.follow(R"({"add":{"n":{"resource-id":"networkmap"}},"remove":["x"]})");
  ASSERT_NE(stream, nullptr) << "remove means nothing in the opening request";
  const std::string uri = control_uri(read_events(*stream));
  const auto control = [&](const std::string& body) { return talk.post<UpdateStreamParams>(uri, body); };
  net::HttpResponse response = control(R"({"add":{"c":{"resource-id":"costmap-num-routingcost"}}})");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.body, "");
  Events events = read_events(*stream);
  EXPECT_EQ(names(events), (std::vector<std::string>{kControl, std::string(kCosts) + "c"}));
  EXPECT_EQ(events[0].second, R"({"started":["c"]})");
  EXPECT_EQ(control(R"({"add":{"d":{"resource-id":"propmap"}},"remove":["c"]})").status, 204);
  events = read_events(*stream);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].second, R"({"started":["d"]})") << "add comes before remove";
  EXPECT_EQ(events[1].second, R"({"stopped":["c"],"description":"removed by the client"})");
  EXPECT_EQ(control(R"({"remove":["c"]})").status, 204) << "twice is legal";
  EXPECT_EQ(read_events(*stream).size(), 0U);
  EXPECT_TRUE(stream->open());
  EXPECT_EQ(control(R"({"remove":["n","d"]})").status, 204);
  EXPECT_EQ(read_events(*stream).size(), 1U);
  EXPECT_TRUE(stream->finished()) << "the last substream is gone";
  EXPECT_EQ(control(R"({"remove":["n"]})").status, 404);
  const auto another = talk.follow(kBoth);
  const std::string other_uri = control_uri(read_events(*another));
  EXPECT_EQ(talk.post<UpdateStreamParams>(other_uri, R"({"remove":[]})").status, 204) << "all";
  EXPECT_TRUE((Talk::read(*another), another->finished()));
  EXPECT_EQ(talk.server().streams(), 0U);
}

TEST(AltoUpdateStream, EachFaultGetsItsErrorAndNothingChanges) {
  ServerOptions options;
  options.streams.streams = 1;
  options.streams.substreams = 2;
  Talk talk(options);
  const auto error = [&](const std::string& target, const std::string& body) {
    const net::HttpResponse response = talk.post<UpdateStreamParams>(target, body);
    EXPECT_EQ(response.status, 400) << body;
    return response.body;
  };
  EXPECT_EQ(error("/updates", "{}"), R"({"meta":{"code":"E_MISSING_FIELD","field":"add"}})");
  EXPECT_EQ(error("/updates", R"({"add":{}})"), R"({"meta":{"code":"E_MISSING_FIELD","field":"add"}})");
  EXPECT_EQ(error("/updates", R"({"add":{"n":{}}})"),
            R"({"meta":{"code":"E_MISSING_FIELD","field":"add/n/resource-id"}})");
  EXPECT_EQ(error("/updates", R"({"add":{"n":{"resource-id":"nowhere"}}})"),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"add/n/resource-id","value":"nowhere"}})");
  EXPECT_EQ(error("/updates", R"({"add":{"n.m":{"resource-id":"networkmap"}}})"),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"add","value":"n.m"}})");
  EXPECT_EQ(error("/updates", R"({"add":{"f":{"resource-id":"filterednetworkmap"}}})"),
            R"({"meta":{"code":"E_MISSING_FIELD","field":"add/f/input"}})");
  EXPECT_EQ(error("/updates", R"({"add":{"f":{"resource-id":"filterednetworkmap","input":{}}}})"),
            R"({"meta":{"code":"E_MISSING_FIELD","field":"pids"}})")
      << "as the resource would say";
  EXPECT_EQ(error("/updates", R"({"add":)"), R"({"meta":{"code":"E_SYNTAX"}})");
  EXPECT_EQ(talk.server().streams(), 0U);
  const std::string three =
      R"({"add":{"a":{"resource-id":"networkmap"},"b":{"resource-id":"networkmap"},"c":{"resource-id":"networkmap"}}})";
  EXPECT_EQ(talk.post<UpdateStreamParams>("/updates", three).status, 503);
  const auto stream = talk.follow(R"({"add":{"n":{"resource-id":"networkmap"}}})");
  EXPECT_EQ(talk.post<UpdateStreamParams>("/updates", kBoth).status, 503) << "no more streams";
  const std::string uri = control_uri(read_events(*stream));
  EXPECT_EQ(error(uri, R"({"add":{"n":{"resource-id":"networkmap"}}})"),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"add","value":"[\"n\"]"}})");
  EXPECT_EQ(error(uri, R"({"remove":["m"]})"),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"remove","value":"[\"m\"]"}})");
  EXPECT_EQ(error(uri, R"({"add":{"m":{"resource-id":"networkmap"}},"remove":["m"]})"),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"remove","value":"[\"m\"]"}})");
  EXPECT_EQ(error(uri, R"({"add":{"m":{"resource-id":"networkmap"}},"remove":[]})"),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"remove","value":"[]"}})");
  EXPECT_EQ(Talk::read(*stream), "") << "no event about a faulty request";
  EXPECT_EQ(talk.post<UpdateStreamParams>("/updates/control/00", "{}").status, 404);
  EXPECT_EQ(talk.get(uri).status, 405);
  EXPECT_EQ(talk.post<CostMapFilter>(uri, "{}").status, 415);
}

TEST(AltoUpdateStream, AResourceThatGoesStopsItsSubstream) {
  World world = interop_world();
  Talk talk({}, world);
  const auto stream =
      talk.follow(R"({"add":{"h":{"resource-id":"costmap-num-hopcount"},"n":{"resource-id":"networkmap"}}})");
  (void)Talk::read(*stream);
  world.tables.pop_back();  // hopcount
  talk.server().update(world);
  const Events events = read_events(*stream);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].second, R"({"stopped":["h"],"description":"the resource no longer answers this request"})");
  EXPECT_TRUE(stream->open());
}

TEST(AltoUpdateStream, SilentStreamsGetAComment) {
  Talk talk;
  const auto stream = talk.follow(kBoth);
  (void)Talk::read(*stream);
  net::SteadyTime now{};
  int comments = 0;
  for (int second = 0; second < 61; ++second) {
    talk.server().tick(now);
    const std::string text = Talk::read(*stream);
    comments += text == ": keep-alive\n\n" ? 1 : 0;
    EXPECT_TRUE(text.empty() || text == ": keep-alive\n\n") << text;
    now += std::chrono::seconds(1);
  }
  EXPECT_EQ(comments, 4) << "every 15 s";
}

TEST(AltoUpdateStream, LongLinesAreBrokenBetweenValuesOnly) {
  std::string json = R"({"a":"x,\"y,)";
  json += std::string(20'000, ',') + "\"";
  for (int i = 0; i < 3000; ++i) json += ",\"k" + std::to_string(i) + "\":" + std::to_string(i);
  json += "}";
  std::string text = "event: t,n\n" + event_data_of(json);
  EXPECT_GT(std::count(text.begin(), text.end(), '\n'), 4);
  const Events events = take_events(text);
  ASSERT_EQ(events.size(), 1U);
  const auto read = parse_json(events[0].second);
  ASSERT_NE(read, nullptr) << "a line break inside of a text would break it";
  EXPECT_EQ(*read, *parse_json(json));
}

TEST(AltoUpdateStream, ASlowClientSkipsVersionsAndItsMemoryIsBounded) {
  ServerOptions options;
  options.streams.queue = 3000;
  Talk talk(options, *generated_world("pids=20,prefixes=100"));
  const auto stream = talk.follow(kBoth);
  // The opening is larger than the queue, so it goes piece by piece.
  std::size_t most = 0;
  for (std::uint64_t step = 1; step <= 200; ++step) {
    talk.server().update(changed_world(talk.server().world(), step));
    most = std::max(most, stream->queued());
  }
  const std::size_t largest = talk.get("/networkmap").body.size() + talk.get("/costmap/num-routingcost").body.size();
  EXPECT_LE(most, 3000 + largest);
  // Reading on brings the newest of both, and nothing in between.
  std::map<std::string, JsonValue> documents;
  for (int i = 0; i < 10; ++i) {
    for (const auto& [event, data] : read_events(*stream)) {
      if (event == kControl) continue;
      if (!event.starts_with(kMerge) && !event.starts_with(kPatch))
        documents[event.substr(event.find(',') + 1)] = *parse_json(data);
    }
  }
  EXPECT_EQ(documents["n"], *parse_json(talk.get("/networkmap").body));
  EXPECT_EQ(documents["c"], *parse_json(talk.get("/costmap/num-routingcost").body));
}

TEST(AltoUpdateStream, WhatNobodyFollowsIsForgotten) {
  Talk talk;
  for (int i = 0; i < 1000; ++i) {
    const auto stream = talk.follow(R"({"add":{"f":{"resource-id":"filterednetworkmap","input":{"pids":["p)" +
                                    std::to_string(i) + R"("]}}}})");
    ASSERT_NE(stream, nullptr);
    stream->close();
  }
  EXPECT_EQ(talk.server().streams(), 0U);
  EXPECT_LE(talk.server().feeds(), 64U);
}

TEST(AltoUpdateStream, AStreamThatNobodyWaitsForIsNotKept) {
  Talk talk;
  const auto gone = std::make_shared<HeldReply>();
  gone->gone = true;
  net::Headers headers;
  headers.add("Content-Type", message_type<UpdateStreamParams>().media_type);
  talk.server().handle(net::HttpRequest("POST", "/updates", 11, std::move(headers), kBoth), kFrom192,
                       net::Responder(gone, 1));
  EXPECT_EQ(talk.server().streams(), 0U);
}

// --- the model ---

// Follows three resources as a client would, and knows every version that ever was.
struct Model {
  std::map<std::string, std::set<std::string>> existed;  // by resource: canonical texts
  std::map<std::string, std::string> tag_of;             // canonical network map -> its tag
  static std::string canonical(const JsonValue& value) {
    if (const auto* members = value.object(); members != nullptr) {
      std::map<std::string, std::string> sorted;
      for (const auto& [name, member] : *members) sorted[name] = canonical(member);
      std::string out = "{";
      for (const auto& [name, member] : sorted) out += name + ":" + member + ",";
      return out + "}";
    }
    if (const auto* items = value.array(); items != nullptr) {
      std::string out = "[";
      for (const JsonValue& item : *items) out += canonical(item) + ",";
      return out + "]";
    }
    return json_text(value);
  }
  void note(Talk& talk) {
    existed["networkmap"].insert(canonical(*parse_json(talk.get("/networkmap").body)));
    existed["costmap-num-routingcost"].insert(canonical(*parse_json(talk.get("/costmap/num-routingcost").body)));
    existed["propmap"].insert(canonical(*parse_json(talk.get("/propmap").body)));
  }
};

struct Follower {
  std::shared_ptr<net::BodyStream> stream;
  std::string uri;
  std::string unread;                            // an event that is not complete
  std::map<std::string, std::string> resources;  // by substream
  std::set<std::string> stopped;
  std::map<std::string, JsonValue> documents;
  std::string map_tag;  // of the newest network map seen
  bool incremental = true;
  bool slow = false;
  int next_name = 0;
};

class AltoFollowers : public testing::Test {
 protected:
  static constexpr const char* kResources[] = {"networkmap", "costmap-num-routingcost", "propmap"};

  static ServerOptions options() {
    ServerOptions out;
    out.streams.queue = 1000;
    return out;
  }
  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

  std::string entry(Follower& follower, const std::string& resource, const std::string& tag = "") {
    const std::string name = "s" + std::to_string(follower.next_name++);
    follower.resources[name] = resource;
    return "\"" + name + R"(":{"resource-id":")" + resource + "\"" + (tag.empty() ? "" : R"(,"tag":")" + tag + "\"") +
           (follower.incremental ? "" : R"(,"incremental-changes":false)") + "}";
  }
  void connect(Follower& follower) {
    // Who comes back holds what it saw last, and says so.
    const auto held = std::find_if(follower.resources.begin(), follower.resources.end(), [&](const auto& one) {
      return one.second == "networkmap" && follower.documents.contains(one.first);
    });
    const bool back = held != follower.resources.end() && pick(2) == 0;
    const JsonValue map = back ? follower.documents.at(held->first) : JsonValue();
    follower = Follower{};
    follower.incremental = pick(4) != 0;
    follower.slow = pick(3) == 0;
    const std::string tag = back ? *map.find("meta")->find("vtag")->find("tag")->text() : "";
    std::string entries = entry(follower, "networkmap", tag);
    if (back) {
      follower.documents[follower.resources.begin()->first] = map;
      follower.map_tag = tag;
    }
    for (const char* more : {kResources[1], kResources[2]}) {
      if (pick(2) == 0) entries += "," + entry(follower, more);
    }
    follower.stream = talk_.follow("{\"add\":{" + entries + "}}");
    ASSERT_NE(follower.stream, nullptr) << talk_.last().body;
    read(follower, 1'000'000);
  }
  // Reads so many bytes, as a client whose network lets it have no more.
  void read(Follower& follower, std::size_t most) {
    std::string part(most, '\0');
    part.resize(follower.stream->read(part.data(), most));
    if (follower.stream->next() == nullptr) follower.stream->drained();
    follower.unread += part;
    for (const auto& [event, data] : take_events(follower.unread)) take(follower, event, data);
  }
  void take(Follower& follower, const std::string& event, const std::string& data) {
    ++events_;
    const auto value = parse_json(data);
    ASSERT_NE(value, nullptr) << data;
    if (event == kControl) {
      if (const auto* uri = value->find("control-uri"); uri != nullptr) follower.uri = *uri->text();
      if (const auto* stopped = value->find("stopped"); stopped != nullptr) {
        for (const JsonValue& name : *stopped->array()) follower.stopped.insert(*name.text());
      }
      return;
    }
    const std::string type = event.substr(0, event.find(','));
    const std::string name = event.substr(event.find(',') + 1);
    ASSERT_TRUE(follower.resources.contains(name)) << event;
    ASSERT_FALSE(follower.stopped.contains(name)) << "data after the end";
    JsonValue& document = follower.documents[name];
    if (type == "application/merge-patch+json") {
      ++patches_;
      apply_merge_patch(document, *value);
    } else if (type == "application/json-patch+json") {
      ++patches_;
      Message message;
      message.transport.content_type = type;
      decode(data, message);
      ASSERT_EQ(apply_json_patch(document, body_of<JsonPatch>(message)->operations), "");
    } else {
      document = *value;
    }
    const std::string& resource = follower.resources[name];
    ASSERT_TRUE(model_.existed[resource].contains(Model::canonical(document)))
        << "a " << resource << " that never was, after " << event;
    // Dependencies: the version that it names has been seen (A-SSE-25).
    if (resource == "networkmap") {
      follower.map_tag = *document.find("meta")->find("vtag")->find("tag")->text();
    } else {
      ASSERT_EQ(*document.find("meta")->find("dependent-vtags")->array()->at(0).find("tag")->text(), follower.map_tag)
          << event << " comes before its network map";
    }
  }
  void change() {
    talk_.server().update(changed_world(talk_.server().world(), ++step_));
    model_.note(talk_);
  }
  void remove_or_add(Follower& follower) {
    if (follower.uri.empty()) return;
    std::vector<std::string> active;
    for (const auto& [name, resource] : follower.resources) {
      if (resource != "networkmap" && !follower.stopped.contains(name)) active.push_back(name);
    }
    const bool add = active.empty() || pick(2) == 0;
    const std::string body =
        add ? "{\"add\":{" + entry(follower, kResources[1 + pick(2)]) + "}}"
            : "{\"remove\":[\"" + active[static_cast<std::size_t>(pick(static_cast<int>(active.size())))] + "\"]}";
    const int status = talk_.post<UpdateStreamParams>(follower.uri, body).status;
    ASSERT_TRUE(status == 204 || (add && status == 503)) << status << " " << body;
  }

  Talk talk_{options(), *generated_world("pids=5,prefixes=20")};
  Model model_;
  std::mt19937 random_{8895};
  std::uint64_t step_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t patches_ = 0;
};

TEST_F(AltoFollowers, NeverSeeAMapThatDidNotExistIn10000RandomSteps) {
  model_.note(talk_);
  std::vector<Follower> followers(12);
  for (Follower& follower : followers) {
    connect(follower);
    if (HasFatalFailure()) return;
  }
  for (int step = 0; step < 10'000; ++step) {
    Follower& follower = followers[static_cast<std::size_t>(pick(static_cast<int>(followers.size())))];
    switch (pick(10)) {
      case 0:
      case 1:
      case 2:
        change();
        break;
      case 3:
        follower.stream->close();  // vanishes, and comes back
        connect(follower);
        break;
      case 4:
        remove_or_add(follower);
        break;
      default:
        read(follower, follower.slow ? 200 : 100'000);
        break;
    }
    ASSERT_FALSE(HasFatalFailure()) << "step " << step;
    ASSERT_EQ(talk_.server().streams(), followers.size());
  }
  // In the end all catch up with the newest.
  for (Follower& follower : followers) {
    for (int i = 0; i < 20; ++i) read(follower, 1'000'000);
    for (const auto& [name, document] : follower.documents) {
      if (follower.stopped.contains(name)) continue;
      const std::string& resource = follower.resources[name];
      const std::string path = resource == "networkmap" ? "/networkmap"
                               : resource == "propmap"  ? "/propmap"
                                                        : "/costmap/num-routingcost";
      EXPECT_EQ(document, *parse_json(talk_.get(path).body)) << resource;
    }
  }
  EXPECT_GT(events_, 5000U);
  EXPECT_GT(patches_, 1000U);
  RecordProperty("events", static_cast<int>(events_));
  RecordProperty("patches", static_cast<int>(patches_));
}

}  // namespace
}  // namespace peerscope::alto
