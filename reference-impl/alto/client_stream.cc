// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/client_stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/alto/patch_apply.h"

namespace peerscope::alto {
namespace {

constexpr const char* kControlType = message_type<UpdateStreamControl>().media_type;
constexpr const char* kMergeType = message_type<MergePatch>().media_type;
constexpr const char* kJsonPatchType = message_type<JsonPatch>().media_type;
constexpr std::string_view kPatchFails = "A-SSE-54";

// A member of an object that holds a text.
std::string text_at(const JsonValue* object, std::string_view name) {
  const JsonValue* value = object != nullptr ? object->find(name) : nullptr;
  return value != nullptr && value->text() != nullptr ? *value->text() : "";
}

const JsonValue* vtag_of(const JsonValue& document) {
  const JsonValue* meta = document.find(kMeta.name);
  return meta != nullptr ? meta->find(kVtag.name) : nullptr;
}

const JsonValue::Array* dependencies_of(const JsonValue& document) {
  const JsonValue* meta = document.find(kMeta.name);
  const JsonValue* tags = meta != nullptr ? meta->find(kDependentVtags.name) : nullptr;
  return tags != nullptr ? tags->array() : nullptr;
}

void decode_as(Message& message, std::string_view bytes, std::string_view media_type) {
  message.transport.content_type = media_type;
  decode(bytes, message);
}

}  // namespace

net::Result<void> EventReader::feed(std::string_view bytes, std::vector<Event>& out) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  for (const char c : bytes) {
    if (c == '\n' && after_cr_) {  // the second half of a line end
      after_cr_ = false;
      continue;
    }
    after_cr_ = c == '\r';
    if (c != '\n' && c != '\r') {
      if (line_.size() + event_.data.size() >= most_)
        return {net::ErrorKind::kTooLarge, fmt::format("an event of the stream is over the limit of {} bytes", most_)};
      line_.push_back(c);
      continue;
    }
    if (first_ && line_.starts_with(kMark)) line_.erase(0, kMark.size());
    first_ = false;
    line(out);
    line_.clear();
  }
  return {};
}

void EventReader::line(std::vector<Event>& out) {
  if (line_.empty()) {
    if (has_data_) out.push_back(std::move(event_));
    event_ = {};
    has_data_ = false;
    return;
  }
  if (line_.front() == ':') {
    ++comments_;
    return;
  }
  const std::size_t colon = line_.find(':');
  const std::string_view whole = line_;
  const std::string_view name = whole.substr(0, colon);
  std::string_view value = colon == std::string::npos ? std::string_view{} : whole.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event") {
    event_.event = value;
  } else if (name == "data") {
    if (has_data_) event_.data.push_back('\n');
    event_.data += value;
    has_data_ = true;
  }
}

StreamView::StreamView(std::string request, std::map<std::string, Followed> substreams)
    : substreams_(std::move(substreams)) {
  reopen(std::move(request));
}

void StreamView::reopen(std::string request) {
  request_.clear();
  request_.direction = Direction::kRequest;
  decode_as(request_, request, message_type<UpdateStreamParams>().media_type);
  history_.clear();
  begun_.clear();
  stopped_.clear();
}

void StreamView::add(const std::string& substream, Followed followed) {
  substreams_.insert_or_assign(substream, std::move(followed));
}

StreamView::Place StreamView::place_of(std::string_view event) {
  Place out;
  const std::size_t comma = event.find(',');
  out.media_type = event.substr(0, comma);
  if (comma == std::string_view::npos) return out;
  out.key = event.substr(comma + 1);
  out.substream = out.key.substr(0, out.key.find('.'));
  return out;
}

Update StreamView::apply(const EventReader::Event& event, Session* session) {
  Update update;
  const Place place = place_of(event.event);
  update.substream = place.substream;
  update.bytes = event.data.size();
  if (const auto known = substreams_.find(place.substream); known != substreams_.end())
    update.resource_id = known->second.resource_id;
  if (place.media_type == kControlType)
    control(event, update);
  else
    data(event, place, update);
  if (session != nullptr) judge_event(event, place, update, *session);
  const JsonValue* now = document(place.key);
  if (now != nullptr && update.kind != Update::Kind::kBad && update.kind != Update::Kind::kControl) {
    if (session != nullptr) judge_document(substreams_.at(place.substream), *now, update, *session);
    update.tag = text_at(vtag_of(*now), kVtagTag.name);
    if (const auto* tags = dependencies_of(*now); tags != nullptr && !tags->empty())
      update.depends = text_at(&tags->front(), kDepResourceId.name) + " " + text_at(&tags->front(), kDepTag.name);
    update.usable = usable(place.key);
  }
  return update;
}

void StreamView::control(const EventReader::Event& event, Update& update) {
  Message message;
  decode_as(message, event.data, kControlType);
  const auto* body = body_of<UpdateStreamControl>(message);
  if (body == nullptr || !message.whole()) {
    update.fault = "a control event that cannot be read";
    return;
  }
  update.kind = Update::Kind::kControl;
  if (body->control_uri && body->control_uri->text() != nullptr) update.control_uri = *body->control_uri->text();
  update.started = body->started;
  update.stopped = body->stopped;
  update.description = body->description.value_or("");
  // Only what was asked for is remembered: a server could name substreams without end.
  for (const std::string& one : body->stopped) {
    if (substreams_.contains(one)) stopped_[one] = true;
  }
}

void StreamView::data(const EventReader::Event& event, const Place& place, Update& update) {
  const auto known = substreams_.find(place.substream);
  const auto bad = [&](std::string why) {
    update.kind = Update::Kind::kBad;
    update.fault = std::move(why);
  };
  if (known == substreams_.end())
    return bad(fmt::format("substream \"{}\" was never added", clip_text(place.substream, 64)));
  constexpr std::size_t kMostParts = 16;  // of one multipart resource
  const auto parts = std::count_if(documents_.begin(), documents_.end(), [&](const auto& one) {
    return one.first.starts_with(place.substream + ".") || one.first == place.substream;
  });
  if (!documents_.contains(place.key) && static_cast<std::size_t>(parts) >= kMostParts)
    return bad("more parts than any resource has");
  const bool merge = place.media_type == kMergeType;
  if (!merge && place.media_type != kJsonPatchType) {
    auto whole = parse_json(event.data);
    if (whole == nullptr || whole->object() == nullptr) {
      documents_.erase(place.key);
      broken_[place.key] = true;
      return bad("a full replacement that is no JSON object");
    }
    documents_.insert_or_assign(place.key, std::move(*whole));
    broken_.erase(place.key);
    update.kind = Update::Kind::kFull;
    return;
  }
  const auto document = documents_.find(place.key);
  if (document == documents_.end())
    return bad(broken(place.key) ? "a patch of what an earlier patch has broken"
                                 : "a patch before any full replacement");
  update.kind = merge ? Update::Kind::kMergePatch : Update::Kind::kJsonPatch;
  Message message;
  decode_as(message, event.data, place.media_type);
  std::string fault;
  if (!message.whole() || message.body == nullptr)
    fault = "the patch cannot be read";
  else if (const auto* merging = body_of<MergePatch>(message); merging != nullptr)
    apply_merge_patch(document->second, merging->value);
  else
    fault = apply_json_patch(document->second, body_of<JsonPatch>(message)->operations);
  if (fault.empty() && document->second.object() == nullptr) fault = "the patch leaves no object";
  if (fault.empty()) return;
  documents_.erase(document);
  broken_[place.key] = true;
  bad(fault);
}

// The rules about streams are told the events without their documents: what those hold is judged apart.
void StreamView::judge_event(const EventReader::Event& event, const Place& place, Update& update, Session& session) {
  const bool is_control = place.media_type == kControlType;
  const std::string_view data = is_control                           ? std::string_view(event.data)
                                : place.media_type == kJsonPatchType ? std::string_view("[]")
                                                                     : std::string_view("{}");
  std::string one = fmt::format("event: {}\n", event.event);
  for (std::size_t from = 0; from <= data.size();) {
    const std::size_t end = std::min(data.find('\n', from), data.size());
    one += fmt::format("data: {}\n", data.substr(from, end - from));
    from = end + 1;
  }
  one += '\n';
  Message stream;
  const std::size_t before = history_.size();
  decode_as(stream, history_ + one, kEventStreamMessage.media_type);
  std::vector<Finding> findings;
  run_checks(protocol(), {stream, &request_, &session}, {}, findings);
  for (Finding& finding : findings) {
    const std::string_view id = finding.rule->id;
    const bool of_stream = id.starts_with("A-SSE-") && id != kPatchFails;
    // What the earlier events broke was told then; a control event is small and judged here as a whole.
    if (finding.offset >= before && (of_stream || is_control)) update.findings.push_back(std::move(finding));
  }
  if (update.kind == Update::Kind::kBad && !update.resource_id.empty()) {
    Finding finding;
    finding.rule = find_requirement(kPatchFails);
    finding.severity = finding.rule->severity;
    finding.detail = fmt::format("{}: {}", update.resource_id, clip_text(update.fault, 200));
    update.findings.push_back(std::move(finding));
  }
  // A later event of the same document adds nothing that the rules would look at.
  const bool tells = is_control || begun_.insert(place.key).second;
  if (tells && history_.size() + one.size() <= kMostHistory) history_ += one;
}

void StreamView::judge_document(const Followed& followed, const JsonValue& document, Update& update, Session& session) {
  Message message;
  message.direction = Direction::kResponse;
  decode_as(message, json_text(document), followed.media_type);
  Message input;
  const bool asked = !followed.input.empty();
  if (asked) {
    input.direction = Direction::kRequest;
    decode_as(input, followed.input, followed.accepts);
  }
  run_checks(protocol(), {message, asked ? &input : nullptr, &session}, {}, update.findings);
  track(session, message, asked ? &input : nullptr);
}

const JsonValue* StreamView::document(std::string_view substream) const {
  const auto found = documents_.find(substream);
  return found == documents_.end() ? nullptr : &found->second;
}

std::string StreamView::tag_of(std::string_view resource_id) const {
  for (const auto& [substream, followed] : substreams_) {
    const JsonValue* held = followed.resource_id == resource_id ? document(substream) : nullptr;
    if (held != nullptr) return text_at(vtag_of(*held), kVtagTag.name);
  }
  return {};
}

bool StreamView::waits(const JsonValue& document) const {
  const auto* tags = dependencies_of(document);
  if (tags == nullptr) return false;
  return std::any_of(tags->begin(), tags->end(), [this](const JsonValue& one) {
    const std::string held = tag_of(text_at(&one, kDepResourceId.name));
    return !held.empty() && held != text_at(&one, kDepTag.name);
  });
}

bool StreamView::usable(std::string_view substream) const {
  const JsonValue* held = document(substream);
  return held != nullptr && !waits(*held);
}

bool StreamView::all_stopped() const {
  return !substreams_.empty() && std::all_of(substreams_.begin(), substreams_.end(),
                                             [this](const auto& one) { return stopped_.contains(one.first); });
}

}  // namespace peerscope::alto
