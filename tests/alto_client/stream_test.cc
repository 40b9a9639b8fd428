// SPDX-License-Identifier: GPL-2.0-or-later
// Update streams as a client sees them: event syntax, patches, versions, and streams that break, lie or never end.
#include "reference-impl/alto/client_stream.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "protocols/alto/patch_apply.h"
#include "reference-impl/alto/client_watch.h"
#include "tests/alto_client/site.h"

namespace peerscope::alto {
namespace {

std::string map_of(const std::string& tag, const std::string& prefix = "198.51.100.0/24") {
  return R"({"meta":{"vtag":{"resource-id":"nm","tag":")" + tag + R"("}},"network-map":{"west":{"ipv4":[")" + prefix +
         R"("]},"rest":{"ipv4":["0.0.0.0/0"]}}})";
}
std::string costs_of(const std::string& tag, int cost = 4) {
  return R"({"meta":{"dependent-vtags":[{"resource-id":"nm","tag":")" + tag +
         R"("}],"cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"}},"cost-map":{"west":{"west":1,"rest":)" +
         std::to_string(cost) + "}}}";
}
std::string event(const std::string& type, const std::string& data) {
  return "event: " + type + "\ndata: " + data + "\n\n";
}
const std::string kControl = "application/alto-updatestreamcontrol+json";
const std::string kMap = media<NetworkMap>() + ",s0";
const std::string kCosts = media<CostMap>() + ",s1";
const std::string kMerge = media<MergePatch>();
const std::string kJson = media<JsonPatch>();

// ---- event syntax ----

std::vector<EventReader::Event> read_all(std::string_view bytes, std::size_t piece, std::uint64_t* comments = nullptr) {
  EventReader reader(1'000'000);
  std::vector<EventReader::Event> out;
  for (std::size_t from = 0; from < bytes.size(); from += piece)
    EXPECT_TRUE(reader.feed(bytes.substr(from, piece), out));
  if (comments != nullptr) *comments = reader.comments();
  return out;
}

TEST(EventReader, ReadsEveryLineEndInPiecesOfAnySize) {
  const std::string text =
      "\xef\xbb\xbf"
      "event: a\r\ndata: 1\r\ndata:2\r\n\r\n: keep-alive\rid: 7\rdata\r\rdata: {\"x\":\n"
      "data: \"y\"}\nretry: 5\nunknown: z\n\nevent: no-data\n\nevent: last\ndata: unfinished\n";
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    std::uint64_t comments = 0;
    const auto events = read_all(text, piece, &comments);
    ASSERT_EQ(events.size(), 3U) << piece;
    EXPECT_EQ(events[0].event, "a");
    EXPECT_EQ(events[0].data, "1\n2");
    EXPECT_EQ(events[1].data, "");
    EXPECT_EQ(events[2].data, "{\"x\":\n\"y\"}");
    EXPECT_EQ(comments, 1U);
  }
}

TEST(EventReader, EventsAndLinesAreBounded) {
  for (const std::string& endless : {std::string(2000, 'x'), [] {
                                       std::string lines;
                                       for (int i = 0; i < 100; ++i) lines += "data: 0123456789012345678\n";
                                       return lines;
                                     }()}) {
    EventReader reader(1000);
    std::vector<EventReader::Event> out;
    const auto fed = reader.feed(endless, out);
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().kind, net::ErrorKind::kTooLarge);
  }
}

// ---- documents ----

StreamView two_maps() {
  return {R"({"add":{"s0":{"resource-id":"nm"},"s1":{"resource-id":"cm"}}})",
          {{"s0", {"nm", media<NetworkMap>(), "", ""}}, {"s1", {"cm", media<CostMap>(), "", ""}}}};
}
bool has(const Update& update, std::string_view rule) {
  return std::any_of(update.findings.begin(), update.findings.end(),
                     [&](const Finding& finding) { return finding.rule->id == rule; });
}

TEST(StreamView, CostsOfAnOldMapWaitForTheirUpdate) {
  StreamView view = two_maps();
  const auto session = make_session();
  EXPECT_EQ(view.apply({kControl, R"({"control-uri":"/c"})"}, session.get()).control_uri, "/c");
  EXPECT_TRUE(view.apply({kMap, map_of("v1")}, session.get()).usable);
  EXPECT_TRUE(view.apply({kCosts, costs_of("v1")}, session.get()).usable);
  const Update moved = view.apply({kMap, map_of("v2", "203.0.113.0/24")}, session.get());
  EXPECT_EQ(moved.tag, "v2");
  EXPECT_TRUE(moved.findings.empty());
  EXPECT_FALSE(view.usable("s1"));  // A-SSE-47
  const Update patched =
      view.apply({kMerge + ",s1",
                  R"({"meta":{"dependent-vtags":[{"resource-id":"nm","tag":"v2"}]},"cost-map":{"west":{"rest":9}}})"},
                 session.get());
  EXPECT_EQ(patched.kind, Update::Kind::kMergePatch);
  EXPECT_TRUE(patched.usable);
  EXPECT_EQ(patched.depends, "nm v2");
  EXPECT_EQ(*view.document("s1"), *parse_json(costs_of("v2", 9)));
  EXPECT_TRUE(view.usable("s1"));
}

TEST(StreamView, PatchesThatDoNotApplyMakeTheDocumentUnusableUntilItComesWhole) {
  StreamView view = two_maps();
  const auto session = make_session();
  (void)view.apply({kControl, R"({"control-uri":"/c"})"}, session.get());
  const Update early = view.apply({kMerge + ",s0", "{}"}, session.get());
  EXPECT_EQ(early.fault, "a patch before any full replacement");
  EXPECT_TRUE(has(early, "A-SSE-24"));
  (void)view.apply({kMap, map_of("v1")}, session.get());
  const Update bad =
      view.apply({kJson + ",s0", R"([{"op":"replace","path":"/network-map/nowhere/ipv4","value":[]}])"}, session.get());
  EXPECT_EQ(bad.kind, Update::Kind::kBad);
  EXPECT_TRUE(has(bad, "A-SSE-54"));
  EXPECT_TRUE(view.broken("s0"));
  EXPECT_EQ(view.document("s0"), nullptr);
  EXPECT_EQ(view.apply({kMerge + ",s0", "{}"}, session.get()).fault, "a patch of what an earlier patch has broken");
  EXPECT_EQ(view.apply({kMerge + ",s0", "7"}, nullptr).kind, Update::Kind::kBad);
  EXPECT_TRUE(view.apply({kMap, map_of("v2")}, session.get()).usable);
  EXPECT_FALSE(view.broken("s0"));
  EXPECT_EQ(view.apply({kMerge + ",s0", "7"}, session.get()).fault, "the patch leaves no object");
}

TEST(StreamView, ResultsOfPatchesAreJudgedAsWholeDocuments) {
  StreamView view = two_maps();
  const auto session = make_session();
  (void)view.apply({kControl, R"({"control-uri":"/c"})"}, session.get());
  EXPECT_TRUE(view.apply({kMap, map_of("v1")}, session.get()).findings.empty());
  // The same prefix in two PIDs, and new content under the old tag.
  const Update overlap =
      view.apply({kMerge + ",s0", R"({"network-map":{"east":{"ipv4":["198.51.100.0/24"]}}})"}, session.get());
  EXPECT_TRUE(has(overlap, "A-NM-14"));
  EXPECT_TRUE(has(overlap, "A-NM-17"));
}

TEST(StreamView, RulesOfTheStreamAreToldOnceAndWhereTheyBreak) {
  StreamView view = two_maps();
  const auto session = make_session();
  EXPECT_TRUE(has(view.apply({kMap, map_of("v1")}, session.get()), "A-SSE-07"));  // no control event first
  EXPECT_FALSE(has(view.apply({kControl, R"({"control-uri":"/c"})"}, session.get()), "A-SSE-07"));
  EXPECT_TRUE(has(view.apply({kControl, R"({"control-uri":"/d"})"}, session.get()), "A-SSE-07"));
  const Update foreign = view.apply({media<NetworkMap>() + ",other", map_of("v1")}, session.get());
  EXPECT_TRUE(has(foreign, "A-SSE-03"));
  EXPECT_EQ(foreign.resource_id, "");
  EXPECT_EQ(view.documents().size(), 1U);
  EXPECT_EQ(view.apply({kControl, R"({"stopped":["s0","nobody"],"description":"gone"})"}, session.get()).stopped.size(),
            2U);
  EXPECT_TRUE(view.stopped("s0"));
  EXPECT_FALSE(view.stopped("nobody"));
  EXPECT_FALSE(view.all_stopped());
  const Update late = view.apply({kMap, map_of("v1")}, session.get());
  EXPECT_TRUE(has(late, "A-SSE-26"));
  EXPECT_FALSE(has(late, "A-SSE-07"));
}

TEST(StreamView, FilteredMapsAreJudgedWithTheirInput) {
  StreamView view(R"({"add":{"f":{"resource-id":"fnm","input":{"pids":["west"]}}}})",
                  {{"f", {"fnm", media<NetworkMap>(), media<NetworkMapFilter>(), R"({"pids":["west"]})"}}});
  const auto session = make_session();
  (void)view.apply({kControl, R"({"control-uri":"/c"})"}, session.get());
  const std::string good =
      R"({"meta":{"vtag":{"resource-id":"nm","tag":"v1"}},"network-map":{"west":{"ipv4":["198.51.100.0/24"]}}})";
  EXPECT_TRUE(view.apply({media<NetworkMap>() + ",f", good}, session.get()).findings.empty());
  EXPECT_TRUE(has(view.apply({media<NetworkMap>() + ",f", map_of("v1")}, session.get()), "A-FNM-06"));
}

// A client never holds a document that the server did not have: random changes, in patches or whole, over streams that
// break at any event and are opened anew.
TEST(StreamView, TenThousandRandomStepsNeverGiveADocumentThatDidNotExist) {
  std::mt19937 random(7);
  JsonValue truth = *parse_json(costs_of("v1"));
  std::uint64_t version = 1;
  StreamView view = two_maps();
  (void)view.apply({kMap, map_of("v1")}, nullptr);
  bool synchronised = false;
  std::size_t patches = 0;
  std::size_t lost = 0;
  for (int step = 0; step < 10'000; ++step) {
    JsonValue next = truth;
    JsonValue* rows = next.find("cost-map");
    const std::string source = "p" + std::to_string(random() % 5);
    const std::string destination = "p" + std::to_string(random() % 5);
    if (random() % 4 == 0) {
      std::erase_if(*rows->object(), [&](const auto& row) { return row.first == source; });
    } else {
      JsonValue* row = rows->find(source);
      if (row == nullptr) row = &rows->object()->emplace_back(source, JsonValue::Object{}).second;
      if (JsonValue* cost = row->find(destination); cost != nullptr)
        *cost = static_cast<double>(random() % 100);
      else
        row->object()->emplace_back(destination, static_cast<double>(random() % 100));
    }
    *next.find("meta")->find("dependent-vtags")->array()->front().find("tag") =
        "v" + std::to_string(version += random() % 2);
    JsonValue patch;
    ASSERT_TRUE(make_merge_patch(truth, next, patch));
    truth = next;
    const unsigned fate = random() % 20;
    if (fate == 0) {  // the event is lost with its stream
      view.reopen(R"({"add":{"s1":{"resource-id":"cm"}}})");
      synchronised = false;
      ++lost;
    }
    if (!synchronised || fate == 1) {
      EXPECT_EQ(view.apply({kCosts, json_text(truth)}, nullptr).kind, Update::Kind::kFull);
      synchronised = true;
    } else if (fate != 0) {
      const Update update = view.apply({kMerge + ",s1", json_text(patch)}, nullptr);
      ASSERT_EQ(update.kind, Update::Kind::kMergePatch) << update.fault;
      ++patches;
    }
    ASSERT_NE(view.document("s1"), nullptr);
    ASSERT_EQ(*view.document("s1"), truth) << "step " << step;
  }
  EXPECT_GT(patches, 5'000U);
  EXPECT_GT(lost, 300U);
}

// ---- watching ----

std::string head() {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
}

void furnish(Site& site) {
  site.serve<Directory>(
      "/",
      R"({"meta":{"cost-types":{"num":{"cost-mode":"numerical","cost-metric":"routingcost"}},"default-alto-network-map":"nm"},"resources":{)"
      R"("nm":{"uri":"/map","media-type":"application/alto-networkmap+json"},)"
      R"("eps":{"uri":"/eps","media-type":"application/alto-endpointprop+json","accepts":"application/alto-endpointpropparams+json","capabilities":{"prop-types":["nm.pid"]}},)"
      R"("cm":{"uri":"/costs","media-type":"application/alto-costmap+json","uses":["nm"],"capabilities":{"cost-type-names":["num"]}},)"
      R"("up":{"uri":"/up/stream","media-type":"text/event-stream","accepts":"application/alto-updatestreamparams+json","uses":["nm","cm"],)"
      R"("capabilities":{"incremental-change-media-types":{"cm":"application/merge-patch+json"},"support-stream-control":true}}}})");
  site.serve<NetworkMap>("/map", map_of("v1"));
  site.serve<CostMap>("/costs", costs_of("v1"));
}

struct Watched {
  std::vector<Update> updates;
  std::vector<std::string> notes;
  net::Result<void> result;
  std::unique_ptr<Watcher> watcher;
  std::optional<net::SystemClock> clock;
};

std::unique_ptr<Watched> watch(Visitor& visitor, const Site& site, WatchOptions options) {
  auto out = std::make_unique<Watched>();
  EXPECT_TRUE(visitor.follow(site.url("/")));
  out->clock.emplace(visitor.context.get_executor());
  options.first_pause = std::chrono::milliseconds(20);
  if (options.duration == net::Duration{0}) options.duration = std::chrono::seconds(10);
  options.on_update = [raw = out.get()](const Update& one) { raw->updates.push_back(one); };
  options.on_note = [raw = out.get()](const std::string& text) { raw->notes.push_back(text); };
  out->watcher = std::make_unique<Watcher>(*visitor.client, *out->clock, std::move(options));
  out->result = visitor.run(out->watcher->run());
  return out;
}

TEST(Watcher, FollowsTheDefaultMapAndItsCostsAndEndsTheStreamInOrder) {
  Site site;
  furnish(site);
  site.on("/up/stream", [](const net::HttpRequest&) {
    return net::Reply::raw_bytes(head() + event(kControl, R"({"control-uri":"ctl/1"})") + event(kMap, map_of("v1")) +
                                     ": keep-alive\n\n" + event(kCosts, costs_of("v1")) +
                                     event(kMerge + ",s1", R"({"cost-map":{"west":{"rest":9}}})"),
                                 net::Reply::End::kStall);
  });
  site.on("/up/ctl/1", [](const net::HttpRequest&) { return net::Reply(net::HttpResponse(204)); });
  Visitor visitor;
  WatchOptions options;
  options.updates = 3;
  const auto seen = watch(visitor, site, options);
  ASSERT_TRUE(seen->result) << seen->result.error().message;
  ASSERT_EQ(seen->updates.size(), 4U);
  EXPECT_EQ(seen->updates[3].kind, Update::Kind::kMergePatch);
  EXPECT_EQ(*seen->watcher->view()->document("s1"), *parse_json(costs_of("v1", 9)));
  EXPECT_EQ(visitor.findings, std::vector<std::string>{});
  const net::HttpRequest opening = site.last("/up/stream");
  EXPECT_EQ(opening.body, R"({"add":{"s0":{"resource-id":"nm"},"s1":{"resource-id":"cm"}}})");
  EXPECT_EQ(opening.headers.get("Accept"), "text/event-stream,application/alto-error+json");
  EXPECT_EQ(site.last("/up/ctl/1").body, R"({"remove":[]})");  // relative to the stream's URI
}

TEST(Watcher, ReconnectsWithWhatItHoldsAndAPauseThatGrows) {
  Site site;
  furnish(site);
  std::atomic<int> streams = 0;
  site.on("/up/stream", [&](const net::HttpRequest&) {
    const int number = ++streams;
    if (number == 2) return net::Reply(net::HttpResponse(503, {}, {{"Retry-After", "0"}}));
    const std::string costs = number == 1 ? costs_of("v1") : costs_of("v1", 8);
    return net::Reply::raw_bytes(head() + event(kControl, R"({"control-uri":"/ctl"})") +
                                     (number == 1 ? event(kMap, map_of("v1")) : "") + event(kCosts, costs),
                                 number == 1 ? net::Reply::End::kReset : net::Reply::End::kStall);
  });
  site.on("/ctl", [](const net::HttpRequest&) { return net::Reply(net::HttpResponse(204)); });
  Visitor visitor;
  WatchOptions options;
  options.updates = 3;
  const auto seen = watch(visitor, site, options);
  ASSERT_TRUE(seen->result);
  EXPECT_EQ(streams, 3);
  // The map is held: only its changes are asked for, and nothing new means that it is current.
  EXPECT_EQ(site.last("/up/stream").body,
            R"({"add":{"s0":{"resource-id":"nm","tag":"v1"},"s1":{"resource-id":"cm"}}})");
  EXPECT_TRUE(seen->watcher->view()->usable("s0"));
  EXPECT_TRUE(seen->watcher->view()->usable("s1"));
  std::size_t waits = 0;
  for (const std::string& note : seen->notes) waits += note.find("trying again in") != std::string::npos ? 1 : 0;
  EXPECT_EQ(waits, 2U);
}

TEST(Watcher, ABrokenPatchMakesItAskForTheWhole) {
  Site site;
  furnish(site);
  std::atomic<int> streams = 0;
  site.on("/up/stream", [&](const net::HttpRequest&) {
    const bool bad = ++streams == 1;
    return net::Reply::raw_bytes(head() + event(kControl, R"({"control-uri":null})") + event(kMap, map_of("v1")) +
                                     event(kCosts, costs_of("v1")) +
                                     (bad ? event(kJson + ",s1", R"([{"op":"remove","path":"/nowhere"}])") : ""),
                                 net::Reply::End::kStall);
  });
  Visitor visitor;
  WatchOptions options;
  options.updates = 4;
  const auto seen = watch(visitor, site, options);
  ASSERT_TRUE(seen->result);
  EXPECT_EQ(streams, 2);
  EXPECT_TRUE(visitor.found("A-SSE-54"));
  EXPECT_TRUE(seen->watcher->view()->usable("s1"));
}

TEST(Watcher, StopsWhenTheServerStopsAllAndWhenItRefuses) {
  Site site;
  furnish(site);
  site.on("/up/stream", [](const net::HttpRequest&) {
    return net::Reply::raw_bytes(head() + event(kControl, R"({"control-uri":"/ctl"})") +
                                     event(kControl, R"({"stopped":["s0","s1"],"description":"maintenance"})"),
                                 net::Reply::End::kClose);
  });
  Visitor visitor;
  EXPECT_TRUE(watch(visitor, site, {})->result);
  EXPECT_EQ(site.count("/up/stream"), 1U);
  site.on("/up/stream", [](const net::HttpRequest&) {
    return net::Reply(
        net::HttpResponse(400, {}, {{"Content-Type", media<Error>()}},
                          R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"add/s0/resource-id","value":"nm"}})"));
  });
  const auto refused = watch(visitor, site, {});
  ASSERT_FALSE(refused->result);
  EXPECT_NE(refused->result.error().message.find("E_INVALID_FIELD_VALUE add/s0/resource-id \"nm\""), std::string::npos);
  EXPECT_EQ(site.count("/up/stream"), 2U);
}

TEST(Watcher, SilenceAndEndlessEventsAreGivenUp) {
  Site site;
  furnish(site);
  site.on("/up/stream", [](const net::HttpRequest&) {
    return net::Reply::raw_bytes(head() + event(kControl, R"({"control-uri":"/ctl"})"), net::Reply::End::kStall);
  });
  Visitor visitor;
  WatchOptions options;
  options.idle = std::chrono::milliseconds(300);
  options.reconnects = 1;
  const auto silent = watch(visitor, site, options);
  ASSERT_FALSE(silent->result);
  EXPECT_EQ(silent->result.error().message, "the stream has been silent for too long");
  EXPECT_EQ(site.count("/up/stream"), 2U);
  site.on("/up/stream", [](const net::HttpRequest&) {
    return net::Reply::raw_bytes(head() + "event: x\ndata: " + std::string(200'000, 'x'), net::Reply::End::kStall);
  });
  options.most_event = 100'000;
  const auto endless = watch(visitor, site, options);
  ASSERT_FALSE(endless->result);
  EXPECT_EQ(endless->result.error().kind, net::ErrorKind::kTooLarge);
}

TEST(Watcher, AddsResourcesByStreamControlUnderNewIds) {
  Site site;
  furnish(site);
  site.on("/up/stream", [](const net::HttpRequest&) {
    return net::Reply::raw_bytes(head() + event(kControl, R"({"control-uri":"ctl"})") + event(kMap, map_of("v1")),
                                 net::Reply::End::kStall);
  });
  site.on("/up/ctl", [](const net::HttpRequest&) { return net::Reply(net::HttpResponse(202)); });
  const auto first_control = [&](ClientDefect defect) {
    const std::size_t before = site.requests().size();
    Visitor visitor(defect);
    WatchOptions options;
    options.resources = {"nm"};
    options.later = {"cm"};
    options.duration = std::chrono::milliseconds(700);
    EXPECT_TRUE(watch(visitor, site, options)->result);
    const auto all = site.requests();
    for (std::size_t i = before; i < all.size(); ++i) {
      if (all[i].target == "/up/ctl" || all[i].target == "/ctl") return all[i].target + " " + all[i].body;
    }
    return std::string();
  };
  EXPECT_EQ(first_control(ClientDefect::kNoDigest), R"(/up/ctl {"add":{"s1":{"resource-id":"cm"}}})");
  EXPECT_EQ(first_control(ClientDefect::kReusesSubstreamId), R"(/up/ctl {"add":{"s0":{"resource-id":"cm"}}})");
  EXPECT_EQ(first_control(ClientDefect::kAddsAndRemoves),
            R"(/up/ctl {"add":{"s1":{"resource-id":"cm"}},"remove":["s1"]})");
  EXPECT_TRUE(first_control(ClientDefect::kControlUriAgainstRoot).starts_with("/ctl "));
}

TEST(Watcher, PollsWithEtagsWhereThereIsNoStream) {
  Site site;
  site.serve<Directory>(
      "/",
      R"({"meta":{"default-alto-network-map":"nm"},"resources":{"eps":{"uri":"/eps","media-type":"application/alto-endpointprop+json","accepts":"application/alto-endpointpropparams+json","capabilities":{"prop-types":["nm.pid"]}},"nm":{"uri":"/map","media-type":"application/alto-networkmap+json"}}})");
  std::atomic<int> asked = 0;
  std::atomic<int> current = 0;
  site.on("/map", [&](const net::HttpRequest& request) {
    const std::string version = ++asked < 4 ? "v1" : "v2";
    if (request.headers.get("If-None-Match") == "\"" + version + "\"") {
      ++current;
      return net::Reply(net::HttpResponse(304));
    }
    return net::Reply(net::HttpResponse(200, {},
                                        {{"Content-Type", media<NetworkMap>()}, {"ETag", "\"" + version + "\""}},
                                        map_of(version, version == "v1" ? "198.51.100.0/24" : "203.0.113.0/24")));
  });
  Visitor visitor;
  WatchOptions options;
  options.poll_interval = std::chrono::milliseconds(30);
  options.updates = 2;
  const auto seen = watch(visitor, site, options);
  ASSERT_TRUE(seen->result) << seen->result.error().message;
  ASSERT_EQ(seen->updates.size(), 2U);
  EXPECT_EQ(seen->updates[1].tag, "v2");
  EXPECT_EQ(current, 2);
  EXPECT_EQ(visitor.findings, std::vector<std::string>{});
  ASSERT_FALSE(seen->notes.empty());
  EXPECT_NE(seen->notes[0].find("no update stream has nm"), std::string::npos);
}

TEST(Watcher, GarbageInStreamsIsSurvived) {
  std::mt19937 random(3);
  const std::string good = event(kControl, R"({"control-uri":"/ctl"})") + event(kMap, map_of("v1")) +
                           event(kCosts, costs_of("v1")) +
                           event(kMerge + ",s1", R"({"cost-map":{"west":{"rest":9}}})") +
                           event(kJson + ",s0", R"([{"op":"add","path":"/network-map/new","value":{}}])");
  std::size_t applied = 0;
  for (int i = 0; i < 3'000; ++i) {
    std::string bytes = good;
    for (int flips = 0; flips < 4; ++flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    StreamView view = two_maps();
    const auto session = make_session();
    EventReader reader(100'000);
    std::vector<EventReader::Event> events;
    ASSERT_TRUE(reader.feed(bytes, events));
    for (const auto& one : events) applied += view.apply(one, session.get()).kind != Update::Kind::kBad ? 1 : 0;
    EXPECT_LE(view.documents().size(), 32U);
  }
  EXPECT_GT(applied, 1'000U);
}

}  // namespace
}  // namespace peerscope::alto
