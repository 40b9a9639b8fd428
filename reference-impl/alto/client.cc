// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>

#include "protocols/alto/names.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frame allocator of Asio's coroutines for a mismatch once it has inlined half of it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace peerscope::alto {
namespace {

using net::ErrorKind;
using net::Result;
using net::asio::awaitable;

template <class T>
std::string type_of() {
  return message_type<T>().media_type;
}

bool is_known_type(std::string_view address_type) {
  return address_type == kIpv4 || address_type == kIpv6;
}

// What a client that cannot bear the new gives up on; a correct one bears all of it.
std::string intolerance(const ClientDefects& defects, const Message& message) {
  if (defects.has(ClientDefect::kRefusesUnknownMembers)) {
    for (const Event& event : message.events) {
      if (event.unknown) return "unknown member " + std::string(event.label);
    }
  }
  if (const auto* map = body_of<NetworkMap>(message); map != nullptr && map->pids) {
    for (const auto& [pid, group] : map->pids->groups.entries) {
      const bool known = std::any_of(group.prefixes.entries.begin(), group.prefixes.entries.end(),
                                     [](const auto& one) { return is_known_type(one.first); });
      const bool all = std::all_of(group.prefixes.entries.begin(), group.prefixes.entries.end(),
                                   [](const auto& one) { return is_known_type(one.first); });
      if (defects.has(ClientDefect::kRefusesUnknownAddressTypes) && !all) return "unknown address type in " + pid;
      if (defects.has(ClientDefect::kRefusesEmptyPids) && !known) return "no addresses in " + pid;
    }
  }
  return {};
}

bool strange_media_type(const net::Headers& headers) {
  const std::string_view value = headers.get("Content-Type");
  return value != Fetcher::media_type(headers);
}

}  // namespace

const std::vector<std::string>& Entry::uses() const {
  static const std::vector<std::string> kNone;
  return resource.uses ? *resource.uses : kNone;
}
bool Entry::is_network_map() const {
  return !posts() && resource.media_type == type_of<NetworkMap>();
}
bool Entry::is_cost_map() const {
  return !posts() && resource.media_type == type_of<CostMap>();
}
const CostType* Entry::offers(std::string_view metric, std::string_view mode) const {
  const CostType* any = nullptr;
  for (const CostType& type : cost_types) {
    if (type.cost_metric != metric) continue;
    if (type.cost_mode == (mode.empty() ? kNumerical : mode)) return &type;
    if (mode.empty() && any == nullptr && type.cost_mode == kOrdinal) any = &type;
  }
  return any;
}

const std::string* Locator::pid_of(const IpAddress& address) const {
  const std::uint32_t number = table.find(address);
  return number == PrefixTable::kNone ? nullptr : &pids[number];
}

Locator make_locator(const NetworkMap& map, bool shortest_prefix) {
  Locator out;
  if (map.meta && map.meta->vtag) {
    out.id = map.meta->vtag->resource_id.value_or("");
    out.tag = map.meta->vtag->tag.value_or("");
  }
  std::vector<PrefixTable::Entry> entries;
  if (!map.pids) return out;
  for (const auto& [pid, group] : map.pids->groups.entries) {
    const auto number = static_cast<std::uint32_t>(out.pids.size());
    out.pids.push_back(pid);
    out.names.insert(pid);
    for (const auto& [type, prefixes] : group.prefixes.entries) {
      for (const std::string& text : prefixes) {
        if (const auto prefix = parse_prefix(type, text); prefix) entries.push_back({prefix->prefix, number});
      }
    }
  }
  if (shortest_prefix) {
    const std::vector<PrefixTable::Entry> all = entries;
    std::erase_if(entries, [&](const auto& one) {
      return std::any_of(all.begin(), all.end(), [&](const auto& other) {
        return other.prefix != one.prefix && other.prefix.contains(one.prefix);
      });
    });
  }
  out.table = PrefixTable(std::move(entries));
  return out;
}

Result<std::string> typed_endpoint(const std::string& text) {
  if (const auto four = parse_ipv4(text); four) return endpoint_text(*four);
  if (const auto six = parse_ipv6(text); six) return endpoint_text(*six);
  if (parse_endpoint(text).value()) return text;
  return net::Error{ErrorKind::kLocal,
                    fmt::format("'{}' is no address; expected such as 192.0.2.1 or ipv6:2001:db8::1", text)};
}

std::string refusal(const Exchange& answer) {
  std::string out = fmt::format("{} {}", answer.http.status, net::default_reason(answer.http.status));
  const auto* error = body_of<Error>(*answer.response);
  if (error == nullptr || !error->meta) return out;
  out += ", " + error->meta->code.value_or("no code");
  if (error->meta->field) out += " " + *error->meta->field;
  if (error->meta->value) out += fmt::format(" \"{}\"", clip_text(*error->meta->value, 80));
  if (error->meta->syntax_error) out += fmt::format(" ({})", clip_text(*error->meta->syntax_error, 200));
  return out;
}

Client::Client(net::asio::any_io_executor executor, ClientOptions options)
    : options_(std::move(options)), fetcher_(std::move(executor), options_.fetch), session_(make_session()) {}

void Client::problem(const std::string& text) const {
  if (options_.on_problem) options_.on_problem(text);
}

void Client::observe(const std::string& where, Finding finding) {
  if (options_.on_finding) options_.on_finding({where, std::move(finding)});
}

void Client::judge(const std::string& where, const Message& message, const Message* request) {
  // An HTTP-level refusal without an ALTO body is ordinary HTTP, and so is success without any (204).
  if (message.type == nullptr && message.size == 0 && message.transport.status != 0) return;
  if (message.type == nullptr && message.transport.status != 0 && message.transport.status / 100 != 2) return;
  if (options_.verify) {
    std::vector<Finding> findings;
    run_checks(protocol(), {message, request, session_.get()}, {}, findings);
    for (Finding& finding : findings) observe(where, std::move(finding));
  }
  track(*session_, message, request);
}

// Asks, judges the answer, and makes sure that it is what was wanted.
awaitable<Result<Exchange>> Client::ask(Ask ask, std::string wanted) {
  const std::string where = ask.method + " " + ask.url.to_string();
  auto answer = co_await fetcher_.fetch(std::move(ask));
  if (!answer) co_return answer;
  if (answer->http.status != 304) judge(where, *answer->response, answer->request.get());
  if (options_.on_exchange) options_.on_exchange(*answer);
  const auto unusable = [&](const std::string& why) { return net::Error{ErrorKind::kMalformed, where + ": " + why}; };
  if (answer->http.status == 304) co_return answer;
  if (!answer->ok()) co_return unusable("refused, " + refusal(*answer));
  if (defect(ClientDefect::kExactMediaType) && strange_media_type(answer->http.headers))
    co_return unusable("unknown media type");
  // The answer's own Content-Type says what it is (RFC 7285 section 8.3.4.2).
  const std::string& type = answer->response->transport.content_type;
  if (type != wanted && !defect(ClientDefect::kTypeFromDirectory))
    co_return unusable(fmt::format("the answer is {}, expected {}", type.empty() ? "of no type" : type, wanted));
  if (type != wanted) {  // the defect: read as what the directory promised
    answer->response->clear();
    answer->response->transport.content_type = wanted;
    decode(answer->http.body, *answer->response);
  }
  if (!answer->response->whole() || answer->response->body == nullptr)
    co_return unusable("the answer cannot be read to its end");
  if (std::string why = intolerance(options_.fetch.defects, *answer->response); !why.empty()) co_return unusable(why);
  co_return answer;
}

Result<const Entry*> Client::entry(std::string_view id) const {
  if (const Entry* found = closure_.find(id); found != nullptr) return found;
  std::string known;
  constexpr std::size_t kMostNamed = 20;
  std::size_t named = 0;
  for (const auto& [name, one] : closure_.entries) {
    if (++named <= kMostNamed) known += (known.empty() ? "" : ", ") + name;
  }
  return net::Error{ErrorKind::kLocal, fmt::format("the directory has no resource '{}'; it has {}{}", id, known,
                                                   named > kMostNamed ? ", ..." : "")};
}

Result<void> Client::add_directory(const Exchange& answer, std::vector<net::Url>& links) {
  const auto* directory = body_of<Directory>(*answer.response);
  if (directory == nullptr || !directory->resources)
    return net::Error{ErrorKind::kMalformed, answer.url.to_string() + ": a directory without resources"};
  const bool root = closure_.directories.empty();
  closure_.directories.push_back(answer.url.to_string());
  if (root && directory->meta) closure_.default_map = directory->meta->default_network_map.value_or("");
  for (const auto& [id, resource] : directory->resources->entries.entries) {
    if (closure_.entries.size() >= kMostEntries) {
      problem(fmt::format("{}: more than {} resources; the rest is left out", answer.url.to_string(), kMostEntries));
      break;
    }
    if (!resource.uri || !resource.media_type) continue;  // told as a finding
    if (defect(ClientDefect::kNeedsCapabilities) && !resource.capabilities) continue;
    net::Url root_url = answer.url;
    root_url.target = "/";
    const auto uri = (defect(ClientDefect::kUrisAgainstRoot) ? root_url : answer.url).resolve(*resource.uri);
    if (!uri) {
      problem(fmt::format("resource {}: {}", id, uri.error().message));
      continue;
    }
    if (resource.media_type == type_of<Directory>() && !resource.accepts) links.push_back(*uri);
    Entry entry{id, resource, *uri, answer.url.to_string(), {}};
    if (resource.capabilities && resource.capabilities->cost_type_names && directory->meta &&
        directory->meta->cost_types) {
      for (const std::string& name : *resource.capabilities->cost_type_names) {
        if (const CostType* type = directory->meta->cost_types->types.find(name); type != nullptr)
          entry.cost_types.push_back(*type);
      }
    }
    closure_.entries.try_emplace(id, std::move(entry));  // an ID used twice is told as a finding
  }
  return {};
}

awaitable<Result<void>> Client::follow(net::Url directory) {
  closure_ = {};
  maps_.clear();
  session_ = make_session();
  std::deque<net::Url> queue{std::move(directory)};
  std::set<std::string> visited{queue.front().to_string()};
  const bool again = defect(ClientDefect::kFollowsDirectoryLoops);
  std::size_t read = 0;
  while (!queue.empty()) {
    if (++read > (again ? 12 : kMostDirectories)) {
      problem(fmt::format("more than {} directories; the rest is left out", kMostDirectories));
      break;
    }
    Ask question;
    question.url = queue.front();
    question.accept = type_of<Directory>();
    queue.pop_front();
    auto answer = co_await ask(std::move(question), type_of<Directory>());
    std::vector<net::Url> links;
    Result<void> added;
    if (answer) {
      visited.insert(answer->url.to_string());
      added = add_directory(*answer, links);
    } else {
      added = answer.error();
    }
    if (!added) {
      if (read == 1) co_return added.error();
      problem(added.error().message);
      continue;
    }
    if (defect(ClientDefect::kIgnoresLinkedDirectories)) continue;
    // Directories may link each other in a circle.
    for (net::Url& link : links) {
      if (visited.insert(link.to_string()).second || again) queue.push_back(std::move(link));
    }
  }
  co_return Result<void>();
}

awaitable<Result<Exchange>> Client::get(std::string id) {
  const auto found = entry(id);
  if (!found) co_return found.error();
  if ((*found)->posts()) {
    const net::Error error{ErrorKind::kLocal,
                           fmt::format("{} takes input ({}); give it with --input", id, (*found)->accepts())};
    co_return error;
  }
  auto answer = co_await get_unless(std::move(id), "");
  co_return answer;
}

awaitable<Result<Exchange>> Client::get_unless(std::string id, std::string etag) {
  const auto found = entry(id);
  if (!found) co_return found.error();
  Ask question;
  question.url = (*found)->uri;
  question.accept = (*found)->media_type();
  question.etag = std::move(etag);
  if (defect(ClientDefect::kPostsToGetResource)) {
    question.method = "POST";
    question.content_type = type_of<NetworkMapFilter>();
    question.body = R"({"pids":[]})";
  }
  auto answer = co_await ask(std::move(question), (*found)->media_type());
  co_return answer;
}

awaitable<Result<Exchange>> Client::post(std::string id, std::string input) {
  const auto found = entry(id);
  if (!found) co_return found.error();
  if (!(*found)->posts()) {
    const net::Error error{ErrorKind::kLocal, id + " takes no input"};
    co_return error;
  }
  Ask question;
  question.method = "POST";
  question.url = (*found)->uri;
  question.accept = (*found)->media_type();
  question.content_type = (*found)->accepts();
  question.body = std::move(input);
  if (defect(ClientDefect::kFilterWithoutPids) && question.content_type == type_of<NetworkMapFilter>())
    question.body = "{}";
  if (question.content_type == type_of<EndpointPropertyParams>()) {
    if (defect(ClientDefect::kNoEndpoints)) question.body = R"({"properties":["pid"],"endpoints":[]})";
    if (defect(ClientDefect::kUnofferedProperty))
      question.body = R"({"properties":["priv:unheard-of"],"endpoints":["ipv4:192.0.2.1"]})";
  }
  if (defect(ClientDefect::kContentTypeJson)) question.content_type = "application/json";
  if (defect(ClientDefect::kInputInQuery)) {
    question.method = "GET";
    question.url.target += (question.url.target.find('?') == std::string::npos ? "?input=" : "&input=") +
                           net::percent_encode(question.body);
    question.body.clear();
  }
  auto answer = co_await ask(std::move(question), (*found)->media_type());
  co_return answer;
}

awaitable<Result<std::shared_ptr<const Locator>>> Client::network_map(std::string id, bool fresh) {
  if (const auto known = maps_.find(id); known != maps_.end() && !fresh) co_return known->second;
  const auto found = entry(id);
  if (!found) co_return found.error();
  if (!(*found)->is_network_map()) {
    const net::Error error{ErrorKind::kLocal, fmt::format("{} is {}, not a network map", id, (*found)->media_type())};
    co_return error;
  }
  auto answer = co_await get(id);
  if (!answer) co_return answer.error();
  const auto* map = body_of<NetworkMap>(*answer->response);
  if (map == nullptr || !map->pids) {
    const net::Error error{ErrorKind::kMalformed, id + ": a network map without network-map"};
    co_return error;
  }
  auto made = std::make_shared<const Locator>(make_locator(*map, defect(ClientDefect::kShortestPrefix)));
  maps_.insert_or_assign(id, made);
  co_return made;
}

awaitable<Result<Client::Costs>> Client::costs(std::string id, std::string input) {
  const auto found = entry(id);
  if (!found) co_return found.error();
  const std::vector<std::string> uses = (*found)->uses();
  const auto base = std::find_if(uses.begin(), uses.end(), [&](const std::string& one) {
    const Entry* used = closure_.find(one);
    return used != nullptr && used->is_network_map();
  });
  if (base == uses.end()) {
    const net::Error error{ErrorKind::kMalformed,
                           fmt::format("{} names no network map that it uses, so its PIDs mean nothing", id)};
    co_return error;
  }
  std::string seen;
  std::string held;
  // The map may change between the two requests (RFC 7285 section 6.3): read again what is older, a few times.
  constexpr int kMostRounds = 4;
  for (int round = 0; round < kMostRounds; ++round) {
    auto map = co_await network_map(*base, round > 0);
    if (!map) co_return map.error();
    net::Result<Exchange> answer = net::Error{};
    if (input.empty())
      answer = co_await get(id);
    else
      answer = co_await post(id, input);
    if (!answer) co_return answer.error();
    const auto* body = body_of<CostMap>(*answer->response);
    if (body == nullptr || !body->costs || !body->meta) {
      const net::Error error{ErrorKind::kMalformed, id + ": a cost map without meta or cost-map"};
      co_return error;
    }
    const bool named = !body->meta->dependent_vtags.empty();
    seen = named ? body->meta->dependent_vtags.front().tag.value_or("") : "";
    held = (*map)->tag;
    const bool fits = named && body->meta->dependent_vtags.front().resource_id == *base && seen == held;
    if (fits || defect(ClientDefect::kKeepsOldMap)) {
      Costs out{std::move(*answer), *map};
      co_return out;
    }
  }
  const net::Error error{
      ErrorKind::kMalformed,
      fmt::format("{} stays at version {} of {}, whose own version is {}: they cannot be combined (A-CM-14)", id,
                  seen.empty() ? "(none)" : seen, *base, held.empty() ? "(none)" : held)};
  co_return error;
}

}  // namespace peerscope::alto
