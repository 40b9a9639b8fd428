// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/stream_history.h"

#include <algorithm>
#include <utility>

#include "protocols/alto/messages.h"
#include "protocols/alto/patch_apply.h"
#include "protocols/alto/protocol.h"

namespace peerscope::alto {
namespace {

void remember(std::set<std::string>& names, const std::vector<std::string>& more) {
  for (const std::string& name : more) {
    if (names.size() < StreamHistory::kMostNames) names.insert(name);
  }
}

// JSON is parsed to a bounded depth.
bool contains_null(const JsonValue& value) {
  if (value.is_null()) return true;
  if (const auto* object = value.object(); object != nullptr)
    return std::any_of(object->begin(), object->end(), [](const auto& member) { return contains_null(member.second); });
  if (const auto* array = value.array(); array != nullptr)
    return std::any_of(array->begin(), array->end(), contains_null);
  return false;
}

}  // namespace

EventNote StreamHistory::take(const StreamEvent& event) {
  EventNote note;
  note.first = !begun_;
  begun_ = true;
  if (event.is_control()) {
    take_control(event, note);
    return note;
  }
  const std::string id = event.substream + "." + event.part;
  note.started = started_.contains(event.substream);
  note.stopped = stopped_.contains(event.substream);
  note.opens = !partial_ && opened_.size() < kMostNames && opened_.insert(id).second;
  take_part(event, note);
  take_document(event, id, note);
  return note;
}

void StreamHistory::take_control(const StreamEvent& event, EventNote& note) {
  const auto* control = event.message != nullptr ? body_of<UpdateStreamControl>(*event.message) : nullptr;
  if (control == nullptr) return;
  if (control->control_uri) {
    note.uri_again = uri_told_;
    uri_told_ = true;
  }
  remember(started_, control->started);
  remember(stopped_, control->stopped);
}

void StreamHistory::drop(const std::string& id) {
  const auto at = documents_.find(id);
  if (at == documents_.end()) return;
  document_bytes_ -= at->second.bytes;
  documents_.erase(at);
}

void StreamHistory::take_part(const StreamEvent& event, EventNote& note) {
  auto known = parts_.find(event.substream);
  if (known == parts_.end()) {
    if (partial_ || parts_.size() >= kMostNames) return;
    known = parts_.try_emplace(event.substream).first;
  }
  std::set<std::string>& parts = known->second;
  note.other_form = !parts.empty() && parts.begin()->empty() != event.part.empty();
  note.new_part = event.is_patch() && !parts.empty() && !note.other_form && !parts.contains(event.part);
  if (!event.is_patch() && parts.size() < kMostNames) parts.insert(event.part);
}

StreamHistory::Patched StreamHistory::take_patched() {
  return std::exchange(patched_, {});
}

// As a client reads it after the patch. Each event may change a large document by a few bytes, so what is read is
// bounded.
void StreamHistory::read_result(const Document& document, EventNote& note) {
  const bool is_map = document.media_type == message_type<NetworkMap>().media_type;
  const JsonValue* meta = is_map ? document.value.find(kMeta.name) : nullptr;
  const JsonValue* tag = meta != nullptr ? meta->find(kVtag.name) : nullptr;
  const JsonValue* resource = tag != nullptr ? tag->find(kVtagResourceId.name) : nullptr;
  const std::string id = resource != nullptr && resource->text() != nullptr ? *resource->text() : std::string();
  constexpr std::size_t kLargest = 1 << 20;
  if (document.bytes > kLargest || read_bytes_ + document.bytes > kMostRead) {
    patched_.maps.erase(id);
    if (is_map) patched_.outdated.insert(id);
    return;
  }
  read_bytes_ += document.bytes;
  auto result = std::make_shared<Message>();
  result->transport.content_type = document.media_type;
  result->direction = Direction::kResponse;
  decode(json_text(document.value), *result);
  std::vector<Finding> findings;
  run_checks(protocol(), {*result}, {.message = true, .exchange = false, .session = false}, findings);
  for (const Finding& finding : findings) {
    if (finding.severity < Severity::kError) continue;
    note.result_fault = std::string(finding.rule->id) + ", " + finding.detail;
    break;
  }
  if (body_of<NetworkMap>(*result) == nullptr) return;
  patched_.outdated.erase(id);
  patched_.maps[id] = std::move(result);
}

void StreamHistory::take_document(const StreamEvent& event, const std::string& id, EventNote& note) {
  if (event.message == nullptr) return;
  const std::size_t size = event.message->size;
  if (!event.is_patch()) {
    drop(id);
    if (document_bytes_ + size > kMostDocumentBytes || documents_.size() >= kMostNames) return;
    if (const auto value = parse_json(event.message->view()); value != nullptr) {
      document_bytes_ += size;
      const bool has_null = contains_null(*value);
      documents_.insert_or_assign(id, Document{std::move(*value), size, has_null, event.media_type});
    }
    return;
  }
  const auto at = documents_.find(id);
  if (at == documents_.end()) return;  // its beginning was not seen
  std::string& fault = note.patch_fault;
  if (const auto* merge = body_of<MergePatch>(*event.message); merge != nullptr) {
    note.null_means = at->second.has_null;
    apply_merge_patch(at->second.value, merge->value);
  } else if (const auto* patch = body_of<JsonPatch>(*event.message); patch != nullptr) {
    fault = apply_json_patch(at->second.value, patch->operations);
  }
  if (fault.empty()) read_result(at->second, note);
  at->second.bytes += size;
  document_bytes_ += size;
  // Not usable until it is sent anew.
  if (!fault.empty() || document_bytes_ > kMostDocumentBytes) drop(id);
}

}  // namespace peerscope::alto
