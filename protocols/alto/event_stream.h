// SPDX-License-Identifier: GPL-2.0-or-later
// Update stream: RFC 8895 section 5, over server-sent events. Every event carries a message of its own, which becomes a
// part of this one.
//
//   event: application/alto-networkmap+json,n
//   data: {"meta":{...},"network-map":{...}}
//
//   event: application/merge-patch+json,n
//   data: {"network-map":{...}}
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/alto/message_fields.h"
#include "protocols/alto/stream_history.h"
#include "protocols/base/message.h"

namespace peerscope::alto {

inline constexpr MessageType kEventStreamMessage{"event-stream", "text/event-stream", "RFC 8895, 5",
                                                 Direction::kResponse};

inline constexpr Field kSseEvent{.filter = "alto.sse",
                                 .name = "sse",
                                 .label = "Update event",
                                 .type = Type::kGroup,
                                 .section = "RFC 8895, 5.2",
                                 .about = "One event of an update stream"};
inline constexpr Field kSseEventType{.filter = "alto.sse.event",
                                     .name = "event",
                                     .label = "Event",
                                     .section = "RFC 8895, 5.1",
                                     .about = "Media type of the data, comma, data ID"};
inline constexpr Field kSseSubstream{.filter = "alto.sse.substream",
                                     .name = "substream",
                                     .label = "Substream",
                                     .section = "RFC 8895, 5.2",
                                     .about = "Which resource of the stream the data is about"};
inline constexpr Field kSsePart{.filter = "alto.sse.part",
                                .name = "part",
                                .label = "Part",
                                .section = "RFC 8895, 5.2",
                                .about = "Content-ID of the part of a multipart resource"};

struct StreamEvent {
  std::string event;       // as written
  std::string media_type;  // before the comma
  std::string substream;   // behind it, up to a dot
  std::string part;        // behind the dot
  bool has_data_id = false;
  std::uint32_t index = 0;           // of its group among the message's events
  std::size_t longest_line = 0;      // bytes of the longest line of its data
  bool broken_text = false;          // a line of its data ends inside a JSON string
  const Message* message = nullptr;  // its part; null when the media type is none of ALTO's

  bool is_control() const;
  bool is_patch() const;
};
// A stream, or the part of one that is shown as a message of its own (Transport::part).
struct EventStream {
  std::vector<StreamEvent> events;
  std::size_t comments = 0;                // lines that keep the connection alive
  bool unfinished = false;                 // bytes of an event that is not complete yet follow
  std::shared_ptr<StreamHistory> history;  // with the events of the parts before

  // What the events mean for each other, one note an event. The first call takes them into the history.
  const std::vector<EventNote>& notes() const;

 private:
  mutable std::vector<EventNote> notes_;
};

// What the registrar lists; the reader is decode_event_stream.
struct EventStreamFields {
  struct One {
    std::optional<std::string> event, substream, part;
  };
  std::vector<One> events;
};
template <class A>
void describe(A& a, EventStreamFields::One& m) {
  a.required(kSseEventType, m.event);
  a.optional(kSseSubstream, m.substream);
  a.optional(kSsePart, m.part);
}
template <class A>
void describe(A& a, EventStreamFields& m) {
  a.required(kSseEvent, m.events);
}

// Reads message.bytes[0, size) up to its last complete event. `decode` is that of the protocol. The history goes on
// from message.history, and is left there for the next part.
void decode_event_stream(Message& message, void (*decode)(std::string_view bytes, Message& message));

// Whether a text/event-stream body is one of ALTO: what its first event says. Looks at a few bytes only.
bool is_update_stream(std::string_view start);

}  // namespace peerscope::alto
