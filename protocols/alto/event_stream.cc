// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/event_stream.h"

#include <algorithm>

#include "protocols/alto/messages.h"
#include "protocols/base/json_index.h"

namespace peerscope::alto {
namespace {

// A line without its end, and where it stands.
struct Line {
  std::string_view text;
  std::uint32_t offset = 0;
};

// Lines end with LF, CR or CRLF (WHATWG HTML, server-sent events).
class Lines {
 public:
  explicit Lines(std::string_view bytes) : bytes_(bytes) {
    if (bytes_.starts_with("\xef\xbb\xbf")) at_ = 3;
  }
  // False at the end, also when the last line is not complete.
  bool next(Line& line) {
    const std::size_t end = bytes_.find_first_of("\r\n", at_);
    if (end == std::string_view::npos) return false;
    line = {bytes_.substr(at_, end - at_), static_cast<std::uint32_t>(at_)};
    const bool pair = bytes_[end] == '\r' && end + 1 < bytes_.size() && bytes_[end + 1] == '\n';
    at_ = end + (pair ? 2 : 1);
    return true;
  }
  std::size_t at() const { return at_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

// "data: x" -> "data" and "x"; one blank behind the colon does not count.
struct LineField {
  std::string_view name;
  std::string_view value;
  std::uint32_t offset = 0;  // of the value
};
LineField split(const Line& line) {
  const std::size_t colon = line.text.find(':');
  if (colon == std::string_view::npos) return {line.text, {}, line.offset};
  std::size_t from = colon + 1;
  if (from < line.text.size() && line.text[from] == ' ') ++from;
  return {line.text.substr(0, colon), line.text.substr(from), line.offset + static_cast<std::uint32_t>(from)};
}

// What has been read of an event that is not complete yet.
struct Draft {
  std::uint32_t begin = 0;
  bool any = false;
  std::string_view event;
  std::uint32_t event_offset = 0;
  std::string data;
  bool has_data = false;
  std::size_t longest_line = 0;
  std::vector<MessagePart::Piece> pieces;
  std::uint32_t end = 0;
};

void add_text(Message& message, std::uint32_t parent, const Field& field, std::string_view text, std::uint32_t offset) {
  Event event;
  event.field = &field;
  event.offset = offset;
  event.length = static_cast<std::uint32_t>(text.size());
  event.parent = parent;
  event.depth = static_cast<std::uint16_t>(message.events[parent].depth + 1);
  event.has_text = true;
  // Lines are cut out of bytes that may be anything.
  event.text = is_utf8(text) ? text : std::string_view("(not UTF-8)");
  message.events.push_back(event);
  message.events.back().end = static_cast<std::uint32_t>(message.events.size());
}

StreamEvent parse_event(std::string_view text) {
  StreamEvent out;
  out.event = text;
  const std::size_t comma = text.find(',');
  out.media_type = text.substr(0, comma);
  out.has_data_id = comma != std::string_view::npos;
  if (!out.has_data_id) return out;
  const std::string_view id = text.substr(comma + 1);
  const std::size_t dot = id.find('.');
  out.substream = id.substr(0, dot);
  if (dot != std::string_view::npos) out.part = id.substr(dot + 1);
  return out;
}

// Whether a line break stands inside a JSON string, where none may be.
bool breaks_text(std::string_view data) {
  bool inside = false;
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (inside && data[i] == '\\')
      ++i;
    else if (data[i] == '"')
      inside = !inside;
    else if (inside && data[i] == '\n')
      return true;
  }
  return false;
}

void finish_event(Message& message, EventStream& stream, Draft& draft,
                  void (*decode)(std::string_view bytes, Message& message)) {
  // Names go into texts for people.
  StreamEvent out = parse_event(is_utf8(draft.event) ? draft.event : std::string_view("(not UTF-8)"));
  Event group;
  group.field = &kSseEvent;
  group.offset = draft.begin;
  group.length = draft.end - draft.begin;
  group.index = static_cast<std::int32_t>(stream.events.size());
  group.parent = 0;
  group.depth = 1;
  out.index = static_cast<std::uint32_t>(message.events.size());
  message.events.push_back(group);
  // Without an event line the text has no place of its own.
  add_text(message, out.index, kSseEventType, draft.event, draft.event.empty() ? draft.begin : draft.event_offset);
  if (out.has_data_id) {
    const auto id = static_cast<std::uint32_t>(draft.event.size() - out.substream.size() -
                                               (out.part.empty() ? 0 : out.part.size() + 1));
    add_text(message, out.index, kSseSubstream, draft.event.substr(id, out.substream.size()), draft.event_offset + id);
    if (!out.part.empty()) {
      const auto part = static_cast<std::uint32_t>(draft.event.size() - out.part.size());
      add_text(message, out.index, kSsePart, draft.event.substr(part), draft.event_offset + part);
    }
  }
  message.events[out.index].end = static_cast<std::uint32_t>(message.events.size());
  out.longest_line = draft.longest_line;
  out.broken_text = draft.pieces.size() > 1 && breaks_text(draft.data);
  MessagePart part;
  part.message = std::make_unique<Message>();
  part.message->transport.content_type = out.media_type;
  part.pieces = std::move(draft.pieces);
  // An event within an event is none.
  if (out.media_type != kEventStreamMessage.media_type && !out.media_type.starts_with("multipart/")) {
    decode(draft.data, *part.message);
    out.message = part.message->type != nullptr ? part.message.get() : nullptr;
    append_part(message, out.index, std::move(part));
  }
  stream.events.push_back(std::move(out));
}

}  // namespace

bool StreamEvent::is_control() const {
  return media_type == message_type<UpdateStreamControl>().media_type;
}

bool StreamEvent::is_patch() const {
  return media_type == message_type<MergePatch>().media_type || media_type == message_type<JsonPatch>().media_type;
}

const std::vector<EventNote>& EventStream::notes() const {
  while (notes_.size() < events.size()) notes_.push_back(history->take(events[notes_.size()]));
  return notes_;
}

void decode_event_stream(Message& message, void (*decode)(std::string_view bytes, Message& message)) {
  // More events than any stream of a capture needs.
  constexpr std::size_t kMostEvents = 100'000;
  auto stream = std::make_shared<EventStream>();
  if (message.history == nullptr) message.history = std::make_shared<StreamHistory>(message.transport.part > 0);
  stream->history = std::static_pointer_cast<StreamHistory>(message.history);
  const std::string_view bytes = message.view();
  Event root;
  root.field = &kRoot;
  root.length = static_cast<std::uint32_t>(bytes.size());
  message.events.push_back(root);
  Lines lines(bytes);
  Draft draft;
  Line line;
  std::size_t complete = 0;  // everything before it is read
  while (stream->events.size() < kMostEvents && lines.next(line)) {
    if (line.text.empty()) {
      if (draft.has_data) finish_event(message, *stream, draft, decode);
      draft = {};
      complete = lines.at();
      continue;
    }
    if (line.text.front() == ':') {  // for keep-alive
      ++stream->comments;
      continue;
    }
    const LineField field = split(line);
    if (!draft.any) draft.begin = line.offset;
    draft.any = true;
    draft.end = line.offset + static_cast<std::uint32_t>(line.text.size());
    if (field.name == "event") {
      draft.event = field.value;
      draft.event_offset = field.offset;
    } else if (field.name == "data") {
      if (draft.has_data) draft.data.push_back('\n');
      draft.pieces.push_back({static_cast<std::uint32_t>(draft.data.size()), field.offset});
      draft.data += field.value;
      draft.longest_line = std::max(draft.longest_line, field.value.size());
      draft.has_data = true;
    }
  }
  stream->unfinished = complete < bytes.size() && bytes.find_first_not_of("\r\n", complete) != std::string_view::npos;
  message.events.front().end = static_cast<std::uint32_t>(message.events.size());
  message.body = std::move(stream);
}

bool is_update_stream(std::string_view start) {
  constexpr std::size_t kLooked = 512;
  constexpr std::string_view kOwn = "application/alto-";
  Lines lines(start.substr(0, kLooked));
  Line line;
  while (lines.next(line)) {
    const LineField field = split(line);
    if (field.name == "event") return field.value.starts_with(kOwn);
  }
  return false;
}

}  // namespace peerscope::alto
