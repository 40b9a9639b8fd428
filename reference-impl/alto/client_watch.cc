// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/client_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frame allocator of Asio's coroutines for a mismatch once it has inlined half of it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace peerscope::alto {
namespace {

using net::ErrorKind;
using net::Result;
using net::asio::awaitable;

constexpr net::Duration kSlice = std::chrono::milliseconds(200);  // until a stop is heard
constexpr net::Duration kFarewell = std::chrono::seconds(1);      // for the end of a stream that was asked to end

std::string list_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// "Retry-After: 5" and "Cache-Control: max-age=60"; dates are not read.
std::optional<net::Duration> seconds_behind(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + name.size());
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr std::int64_t kLongest = 3600;
  if (error != std::errc{} || end == text.data() || seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, kLongest));
}

// Patches that the client can apply; what else a server may send is not asked for.
bool patches_known(const Entry& service, const std::string& resource) {
  if (!service.resource.capabilities || !service.resource.capabilities->incremental) return true;
  const std::string* types = service.resource.capabilities->incremental->resources.find(resource);
  if (types == nullptr) return true;
  std::string_view rest = *types;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    std::string_view one = rest.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one != message_type<MergePatch>().media_type && one != message_type<JsonPatch>().media_type) return false;
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return true;
}

}  // namespace

Watcher::Watcher(Client& client, net::Clock& clock, WatchOptions options)
    : client_(client), clock_(clock), options_(std::move(options)), random_(options_.seed) {}

void Watcher::note(const std::string& text) const {
  if (options_.on_note) options_.on_note(text);
}

bool Watcher::over() const {
  return stopped_ || clock_.now() >= end_ || (options_.updates != 0 && updates_ >= options_.updates);
}

const Entry* Watcher::stream_for(const std::vector<std::string>& ids) const {
  for (const auto& [id, one] : client_.closure().entries) {
    if (one.accepts() != message_type<UpdateStreamParams>().media_type) continue;
    if (one.media_type() != message_type<EventStream>().media_type) continue;
    const auto& uses = one.uses();
    if (std::all_of(ids.begin(), ids.end(), [&](const std::string& wanted) {
          return std::find(uses.begin(), uses.end(), wanted) != uses.end();
        }))
      return &one;
  }
  return nullptr;
}

Result<void> Watcher::choose() {
  const Closure& closure = client_.closure();
  if (options_.resources.empty()) {
    if (closure.find(closure.default_map) == nullptr)
      return net::Error{ErrorKind::kLocal, "the directory has no default network map; name the resources to follow"};
    options_.resources = {closure.default_map};
    const Entry* service = stream_for(options_.resources);
    for (const auto& [id, one] : closure.entries) {
      const bool uses_map = std::find(one.uses().begin(), one.uses().end(), closure.default_map) != one.uses().end();
      const bool streamed =
          service == nullptr || std::find(service->uses().begin(), service->uses().end(), id) != service->uses().end();
      if (one.is_cost_map() && uses_map && streamed) options_.resources.push_back(id);
    }
  }
  for (const auto* list : {&options_.resources, &options_.later}) {
    for (const std::string& id : *list) {
      const Entry* entry = closure.find(id);
      if (entry == nullptr) return net::Error{ErrorKind::kLocal, fmt::format("the directory has no resource '{}'", id)};
      if (entry->posts() && !options_.input.contains(id))
        return net::Error{ErrorKind::kLocal,
                          fmt::format("{} takes input ({}); give it with --input", id, entry->accepts())};
    }
  }
  std::vector<std::string> all = options_.resources;
  all.insert(all.end(), options_.later.begin(), options_.later.end());
  service_ = options_.poll ? nullptr : stream_for(all);
  if (service_ == nullptr && !options_.poll)
    note(fmt::format("no update stream has {}; asking again every {} s instead", list_of(all),
                     std::chrono::duration<double>(options_.poll_interval).count()));
  return {};
}

std::string Watcher::opening_request() {
  UpdateStreamParams params;
  params.add.emplace();
  names_.clear();
  std::map<std::string, Followed> substreams;
  const auto add = [&](const std::string& id) {
    const Entry& entry = *client_.closure().find(id);
    const std::string substream = fmt::format("s{}", names_.size());
    names_[substream] = id;
    AddEntry& one = params.add->substreams.add(substream);
    one.resource_id = id;
    if (!options_.incremental || !patches_known(*service_, id)) one.incremental_changes = false;
    // What is held is not sent again when it is still current (RFC 8895 section 6.5).
    const std::string held = view_ && !entry.posts() ? view_->tag_of(id) : "";
    if (!held.empty()) one.tag = held;
    if (client_.defect(ClientDefect::kTagForCostMap) && entry.is_cost_map()) one.tag = "held";
    Followed followed{id, entry.media_type(), entry.accepts(), {}};
    if (entry.posts()) {
      followed.input = options_.input.at(id);
      if (const auto parsed = parse_json(followed.input); parsed != nullptr) one.input = *parsed;
    }
    substreams[substream] = std::move(followed);
  };
  for (const std::string& id : options_.resources) add(id);
  if (later_added_) {
    for (const std::string& id : options_.later) add(id);
  }
  if (client_.defect(ClientDefect::kFollowsForeignResource))
    params.add->substreams.add("foreign").resource_id = "no-such-resource";
  if (client_.defect(ClientDefect::kEmptyAdd)) params.add->substreams = {};
  std::string body = encode(params);
  if (!view_) {
    view_ = std::make_unique<StreamView>(body, std::move(substreams));
  } else {
    view_->reopen(body);
    for (auto& [substream, followed] : substreams) view_->add(substream, std::move(followed));
  }
  return body;
}

awaitable<void> Watcher::pause(net::Duration length) {
  const net::SteadyTime until = clock_.now() + length;
  while (!over() && clock_.now() < until) {
    const net::Duration left = std::min<net::Duration>(until - clock_.now(), kSlice);
    co_await clock_.sleep(left);
  }
}

awaitable<Result<void>> Watcher::run() {
  end_ = options_.duration > net::Duration{0} ? clock_.now() + options_.duration : net::SteadyTime::max();
  if (const Result<void> chosen = choose(); !chosen) co_return chosen.error();
  // No conditional operator with co_await in it: GCC 12 destroys what it yields twice.
  if (service_ != nullptr) {
    auto done = co_await run_stream();
    co_return done;
  }
  auto done = co_await run_polling();
  co_return done;
}

awaitable<Result<void>> Watcher::run_stream() {
  net::Duration wait = options_.first_pause;
  while (!over()) {
    bool fatal = false;
    const std::uint64_t before = updates_;
    const Result<void> ended = co_await one_stream(fatal);
    if (ended || over()) co_return Result<void>();
    if (fatal) co_return ended.error();
    if (updates_ != before) {
      wait = options_.first_pause;
      failures_ = 0;
    }
    if (options_.reconnects != 0 && ++failures_ > options_.reconnects) co_return ended.error();
    // Not all clients of a server at the same time: a fifth more or less.
    const double spread = 0.8 + 0.4 * static_cast<double>(random_() % 1000) / 1000;
    net::Duration length = std::chrono::duration_cast<net::Duration>(wait * spread);
    length = std::max(length, std::exchange(server_pause_, net::Duration{0}));
    note(fmt::format("{}; trying again in {:.1f} s", ended.error().message,
                     std::chrono::duration<double>(length).count()));
    co_await pause(length);
    wait = std::min<net::Duration>(wait * 2, options_.longest_pause);
  }
  co_return Result<void>();
}

awaitable<Result<void>> Watcher::one_stream(bool& fatal) {
  Ask ask;
  ask.method = "POST";
  ask.url = service_->uri;
  ask.accept = message_type<EventStream>().media_type;
  ask.content_type = message_type<UpdateStreamParams>().media_type;
  ask.body = opening_request();
  const Ask asked = ask;
  control_uri_.reset();
  auto stream = co_await client_.fetcher().open(std::move(ask));
  if (!stream) {
    fatal = stream.error().kind == ErrorKind::kLocal || stream.error().kind == ErrorKind::kMalformed;
    co_return stream.error();
  }
  const bool streams = Fetcher::media_type(stream->head.headers) == message_type<EventStream>().media_type;
  if (stream->head.status != 200 || !streams) {
    auto whole = co_await client_.fetcher().finish(std::move(*stream), asked);
    if (!whole) co_return whole.error();
    const std::string where = "POST " + asked.url.to_string();
    client_.judge(where, *whole->response, whole->request.get());
    const int status = whole->http.status;
    const bool busy = status == 408 || status == 429 || status / 100 == 5;
    fatal = !busy;
    server_pause_ = seconds_behind(whole->http.headers.get("Retry-After"), "").value_or(net::Duration{0});
    const net::Error error{ErrorKind::kMalformed, status == 200 ? where + ": the answer is no event stream"
                                                                : where + ": refused, " + refusal(*whole)};
    co_return error;
  }
  note(fmt::format("following {} at {}", list_of(options_.resources), stream->url.to_string()));
  auto ended = co_await read_events(*stream);
  stream->client->close();
  co_return ended;
}

awaitable<Result<void>> Watcher::read_events(OpenStream& stream) {
  EventReader reader(options_.most_event);
  net::SteadyTime last = clock_.now();
  while (!over()) {
    auto piece = co_await stream.client->read_body(kSlice);
    if (!piece && piece.error().kind == ErrorKind::kTimeout) {
      if (clock_.now() - last < options_.idle) continue;
      const net::Error silent{ErrorKind::kTimeout, "the stream has been silent for too long"};
      co_return silent;
    }
    if (!piece) {
      if (view_->all_stopped()) {
        note("the server stopped all of it");
        co_return Result<void>();
      }
      const net::Error error{piece.error().kind, "the stream ended: " + piece.error().message};
      co_return error;
    }
    last = clock_.now();
    std::vector<EventReader::Event> events;
    if (const Result<void> fed = reader.feed(*piece, events); !fed) co_return fed.error();
    for (const EventReader::Event& event : events) {
      if (over()) break;
      if (const Result<void> taken = take(event, stream.url); !taken) co_return taken.error();
    }
    if (client_.defect(ClientDefect::kCommentsEndStream) && reader.comments() > 0) {
      const net::Error error{ErrorKind::kMalformed, "a line that is no field"};
      co_return error;
    }
    if (!later_added_ && !options_.later.empty() && control_uri_) co_await add_later();
  }
  co_await leave();
  // Until the server has ended the stream it says what it stopped (RFC 8895 section 7.6).
  const net::SteadyTime until = clock_.now() + (control_uri_ ? kFarewell : net::Duration{0});
  while (clock_.now() < until) {
    auto piece = co_await stream.client->read_body(kSlice);
    if (!piece && piece.error().kind == ErrorKind::kTimeout) continue;
    std::vector<EventReader::Event> events;
    if (!piece || !reader.feed(*piece, events)) break;
    for (const EventReader::Event& event : events) (void)take(event, stream.url);
  }
  co_return Result<void>();
}

Result<void> Watcher::take(const EventReader::Event& event, const net::Url& url) {
  Update update = view_->apply(event, client_.options().verify ? &client_.session() : nullptr);
  for (const Finding& finding : update.findings) client_.observe("event " + event.event, finding);
  if (!update.control_uri.empty() && !control_uri_) {
    net::Url base = url;
    if (client_.defect(ClientDefect::kControlUriAgainstRoot)) base.target = "/";
    if (auto resolved = base.resolve(update.control_uri); resolved)
      control_uri_ = std::move(*resolved);
    else
      note("the stream cannot be controlled: " + resolved.error().message);
  }
  const bool data = update.kind != Update::Kind::kControl && update.kind != Update::Kind::kBad;
  if (data) ++updates_;
  if (options_.on_update) options_.on_update(update);
  // A document that a patch has broken comes again, whole, with a new stream.
  if (update.kind == Update::Kind::kBad && !update.resource_id.empty())
    return {ErrorKind::kMalformed, fmt::format("{}: {}", update.resource_id, update.fault)};
  return {};
}

awaitable<void> Watcher::control(std::string body, std::string what) {
  if (!control_uri_) co_return;
  Ask ask;
  ask.method = "POST";
  ask.url = *control_uri_;
  ask.content_type = message_type<UpdateStreamParams>().media_type;
  ask.body = std::move(body);
  const std::string where = "POST " + ask.url.to_string();
  auto answer = co_await client_.fetcher().fetch(std::move(ask));
  if (!answer) {
    note(fmt::format("{}: {}", what, answer.error().message));
    co_return;
  }
  client_.judge(where, *answer->response, answer->request.get());
  if (!answer->ok()) note(fmt::format("{}: refused, {}", what, refusal(*answer)));
}

awaitable<void> Watcher::add_later() {
  later_added_ = true;
  UpdateStreamParams params;
  params.add.emplace();
  std::vector<std::string> added;
  for (const std::string& id : options_.later) {
    const Entry& entry = *client_.closure().find(id);
    // An ID is used once in a stream (RFC 8895 section 7.5).
    const std::string substream =
        client_.defect(ClientDefect::kReusesSubstreamId) ? "s0" : fmt::format("s{}", names_.size());
    names_[substream] = id;
    AddEntry& one = params.add->substreams.add(substream);
    one.resource_id = id;
    if (!options_.incremental || !patches_known(*service_, id)) one.incremental_changes = false;
    Followed followed{id, entry.media_type(), entry.accepts(), {}};
    if (entry.posts()) {
      followed.input = options_.input.at(id);
      if (const auto parsed = parse_json(followed.input); parsed != nullptr) one.input = *parsed;
    }
    view_->add(substream, std::move(followed));
    added.push_back(substream);
  }
  if (client_.defect(ClientDefect::kAddsAndRemoves)) params.remove = added;
  std::string body = encode(params);
  co_await control(std::move(body), "adding " + list_of(options_.later));
}

awaitable<void> Watcher::leave() {
  if (!control_uri_ || !view_) co_return;
  UpdateStreamParams params;
  params.remove.emplace();  // an empty list: all of them
  std::string body = encode(params);
  co_await control(std::move(body), "ending the stream");
}

awaitable<Result<void>> Watcher::run_polling() {
  std::map<std::string, Followed> substreams;
  for (const auto* list : {&options_.resources, &options_.later}) {
    for (const std::string& id : *list) {
      const Entry& entry = *client_.closure().find(id);
      substreams[id] = {id, entry.media_type(), entry.accepts(), entry.posts() ? options_.input.at(id) : ""};
      polled_[id];
    }
  }
  view_ = std::make_unique<StreamView>("{}", std::move(substreams));
  while (!over()) {
    net::SteadyTime next = net::SteadyTime::max();
    // The base before what depends on it, so that the two fit: network maps first.
    for (const bool maps : {true, false}) {
      for (auto& [id, state] : polled_) {
        if (client_.closure().find(id)->is_network_map() != maps || over()) continue;
        if (clock_.now() >= state.due) co_await poll(id);
        next = std::min(next, state.due);
      }
    }
    const net::Duration left = std::max<net::Duration>(next - clock_.now(), net::Duration{0});
    co_await pause(left);
  }
  co_return Result<void>();
}

awaitable<void> Watcher::poll(std::string id) {
  Polled& state = polled_[id];
  const Entry* entry = client_.closure().find(id);
  net::Result<Exchange> answer = net::Error{};
  if (entry->posts())
    answer = co_await client_.post(id, options_.input.at(id));
  else
    answer = co_await client_.get_unless(id, state.etag);
  state.due = clock_.now() + options_.poll_interval;
  if (!answer) {
    note(answer.error().message);
    co_return;
  }
  if (const auto fresh = seconds_behind(answer->http.headers.get("Cache-Control"), "max-age="); fresh)
    state.due = clock_.now() + std::max<net::Duration>(*fresh, std::chrono::seconds(1));
  if (answer->http.status == 304 || answer->http.body == state.body) co_return;
  state.etag = answer->http.headers.get("ETag");
  state.body = answer->http.body;
  EventReader::Event event{fmt::format("{},{}", entry->media_type(), id), answer->http.body};
  Update update = view_->apply(event, nullptr);  // judged as an answer
  ++updates_;
  if (options_.on_update) options_.on_update(update);
}

}  // namespace peerscope::alto
