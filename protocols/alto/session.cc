// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/session.h"

#include <algorithm>
#include <functional>

#include "protocols/alto/protocol.h"

namespace peerscope::alto {
namespace {

std::uint64_t mixed(std::uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  return value ^ (value >> 33);
}

// "https://host/a/b?c" -> "/a/b"; what is relative stays as it is.
std::string_view path_of_uri(std::string_view uri) {
  if (const std::size_t scheme = uri.find("://"); scheme != std::string_view::npos) {
    const std::size_t slash = uri.find('/', scheme + 3);
    uri = slash == std::string_view::npos ? std::string_view("/") : uri.substr(slash);
  }
  return uri.substr(0, uri.find_first_of("?#"));
}

bool leads_to(std::string_view uri, std::string_view target) {
  const std::string_view path = path_of_uri(uri);
  const std::string_view asked = path_of_uri(target);
  if (path.empty() || asked.empty()) return false;
  if (path.front() == '/') return path == asked;
  return asked.size() > path.size() && asked.ends_with(path) && asked[asked.size() - path.size() - 1] == '/';
}

std::vector<CostType> resolved(const Directory& directory, const std::vector<std::string>& names) {
  std::vector<CostType> out;
  if (!directory.meta || !directory.meta->cost_types) return out;
  for (const std::string& name : names) {
    if (const CostType* type = directory.meta->cost_types->types.find(name); type != nullptr) out.push_back(*type);
  }
  return out;
}

void track_directory(SessionState& state, const Directory& m) {
  ++state.directories;
  if (!m.resources) return;
  for (const auto& [id, entry] : m.resources->entries.entries) {
    if (state.resources.size() >= SessionState::kMostResources && !state.resources.contains(id)) return;
    SessionState::KnownResource& known = state.resources[id];
    known.uri = entry.uri.value_or("");
    known.media_type = entry.media_type.value_or("");
    known.accepts = entry.accepts.value_or("");
    known.uses = entry.uses.value_or(std::vector<std::string>{});
    known.capabilities = entry.capabilities.value_or(Capabilities{});
    known.cost_types = resolved(m, known.capabilities.cost_type_names.value_or(std::vector<std::string>{}));
    known.testable = resolved(m, known.capabilities.testable_cost_type_names);
  }
}

void track_network_map(SessionState& state, const NetworkMap& m) {
  if (!m.meta || !m.meta->vtag || !m.meta->vtag->resource_id || !m.meta->vtag->tag || !m.pids) return;
  const auto known = state.maps.find(*m.meta->vtag->resource_id);
  if (known == state.maps.end() && state.maps.size() >= SessionState::kMostMaps) return;
  SessionState::NetworkMaps& maps = known != state.maps.end() ? known->second : state.maps[*m.meta->vtag->resource_id];
  std::erase_if(maps.versions, [&](const auto& version) { return version.tag == *m.meta->vtag->tag; });
  if (maps.versions.size() >= SessionState::kMostVersions) maps.versions.pop_front();
  SessionState::MapVersion& version = maps.versions.emplace_back();
  version.tag = *m.meta->vtag->tag;
  version.content = content_of(m);
  std::vector<PrefixTable::Entry> entries;
  for (const auto& [pid, group] : m.pids->groups.entries) {
    const auto number = static_cast<std::uint32_t>(version.names.size());
    version.pids.insert(pid);
    version.names.push_back(pid);
    for (const auto& [type, prefixes] : group.prefixes.entries) {
      for (const std::string& text : prefixes) {
        if (const auto prefix = parse_prefix(type, text); prefix) entries.push_back({prefix->prefix, number});
      }
    }
  }
  version.table = PrefixTable(std::move(entries));
}

void track_tips(SessionState& state, const Tips& m, const Message* request) {
  if (!m.tips_view_uri || !m.summary || !m.summary->graph) return;
  if (state.tips_views.size() >= SessionState::kMostViews)
    state.tips_views.clear(), state.tips_ends.clear(), state.tips_resources.clear();
  if (const auto* asked = body_of<TipsParams>(request); asked != nullptr && asked->resource_id)
    state.tips_resources.insert_or_assign(std::string(path_of_uri(*m.tips_view_uri)), *asked->resource_id);
  if (m.summary->graph->start_seq) {
    std::int64_t& start = state.tips_views[*m.tips_view_uri];
    start = std::max(start, *m.summary->graph->start_seq);
  }
  if (m.summary->graph->end_seq) {
    std::int64_t& end = state.tips_ends[*m.tips_view_uri];
    end = std::max(end, *m.summary->graph->end_seq);
  }
}

}  // namespace

const SessionState::MapVersion* SessionState::NetworkMaps::find(std::string_view tag) const {
  for (const MapVersion& version : versions) {
    if (version.tag == tag) return &version;
  }
  return nullptr;
}

bool SessionState::closed() const {
  const auto links = std::count_if(resources.begin(), resources.end(), [](const auto& entry) {
    return entry.second.media_type == message_type<Directory>().media_type;
  });
  return directories > static_cast<std::size_t>(links) && resources.size() < kMostResources;
}

bool SessionState::links(const Message& request) const {
  return std::any_of(resources.begin(), resources.end(), [&](const auto& entry) {
    return entry.second.media_type == message_type<Directory>().media_type &&
           leads_to(entry.second.uri, request.transport.target);
  });
}

const std::string* SessionState::followed_by_view(std::string_view target) const {
  constexpr std::string_view kNextEdge = "/ug";
  const std::string_view path = path_of_uri(target);
  if (!path.ends_with(kNextEdge)) return nullptr;
  const auto found = tips_resources.find(path.substr(0, path.size() - kNextEdge.size()));
  return found == tips_resources.end() ? nullptr : &found->second;
}

const SessionState::KnownResource* SessionState::target_of(const Message& request) const {
  const KnownResource* found = nullptr;
  for (const auto& [id, resource] : resources) {
    if (resource.accepts.empty() || !leads_to(resource.uri, request.transport.target)) continue;
    if (found != nullptr) return nullptr;
    found = &resource;
  }
  return found;
}

std::uint64_t content_of(const NetworkMap& map) {
  std::uint64_t sum = 0;
  if (!map.pids) return sum;
  const std::hash<std::string> hash;
  for (const auto& [pid, group] : map.pids->groups.entries) {
    sum += mixed(hash(pid));
    for (const auto& [type, prefixes] : group.prefixes.entries) {
      for (const std::string& text : prefixes) {
        const auto prefix = parse_prefix(type, text);
        sum += mixed(hash(pid + ' ' + type + ' ' + (prefix ? prefix->prefix.text() : text)));
      }
    }
  }
  return sum;
}

std::unique_ptr<Session> make_session() {
  return std::make_unique<SessionState>();
}

void track(Session& session, const Message& message, const Message* request) {
  auto& state = static_cast<SessionState&>(session);
  if (const auto* m = body_of<Directory>(message); m != nullptr) track_directory(state, *m);
  const bool http2 = message.transport.http_version == 20;
  if (http2 && body_of<NetworkMapFilter>(message) != nullptr) state.filters_over_http2 = true;
  // A filtered map has the tag of the full one and says less.
  const bool filtered =
      body_of<NetworkMapFilter>(request) != nullptr || (http2 && request == nullptr && state.filters_over_http2);
  if (const auto* m = body_of<NetworkMap>(message); m != nullptr && !filtered) track_network_map(state, *m);
  if (const auto* m = body_of<Tips>(message); m != nullptr) track_tips(state, *m, request);
  for (const MessagePart& part : message.parts) track(session, *part.message, nullptr);
  const auto* stream = body_of<EventStream>(message);
  if (stream == nullptr || stream->history == nullptr) return;
  stream->notes();
  const StreamHistory::Patched patched = stream->history->take_patched();
  for (const auto& [id, map] : patched.maps) track_network_map(state, *body_of<NetworkMap>(*map));
  for (const std::string& id : patched.outdated) state.maps.erase(id);
}

}  // namespace peerscope::alto
