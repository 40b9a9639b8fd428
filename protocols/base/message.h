// SPDX-License-Identifier: GPL-2.0-or-later
// Message: one decoded application message with its field tree, its shape issues and what the transport said of it.
#pragma once

#include <any>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/event.h"

namespace peerscope {

enum class Direction : std::uint8_t { kUnknown, kRequest, kResponse };

// One row of a protocol's message table. `name` is the RFC's spelling.
struct MessageType {
  const char* name;
  const char* media_type;
  const char* section;
  Direction direction;
};

// What the layers below told. Fields that they could not tell (HTTP/2 in a capture, say) stay empty or 0.
struct Transport {
  enum class Security : std::uint8_t { kUnknown, kClear, kTls, kDtls };  // kDtls: over datagrams
  std::string method;                                                    // requests
  std::string target;                                                    // requests
  int status = 0;                                                        // responses
  std::string content_type;                                              // without parameters, lower case
  bool has_http = false;
  int http_version = 0;  // 11, 20; 0 unknown
  Security security = Security::kUnknown;
  std::string undecoded;  // why the body could not be had from its content coding
  // A body that is shown while it goes on is several messages, each with what became complete of it.
  std::uint32_t stream = 0;  // number of the body, from 1; 0: the message is whole
  std::uint32_t part = 0;    // in it, from 0
};

struct Message;

// A message that another one carries: an event of a stream, a part of a multipart body. Its bytes may stand in pieces
// there.
struct MessagePart {
  struct Piece {
    std::uint32_t inner;
    std::uint32_t outer;
  };
  std::unique_ptr<Message> message;
  std::vector<Piece> pieces;  // in order; the first one begins at 0

  // Where a byte of the part stands in the carrying message.
  std::uint32_t outer(std::uint32_t inner) const;
};

// Reusable: clear() keeps the memory. Events and issues point into `bytes` and `arena`, so a Message is moved by
// pointer only. Not thread-safe.
struct Message {
  Message() = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  const MessageType* type = nullptr;  // null when it could not be told
  Direction direction = Direction::kUnknown;
  std::string bytes;  // the message as received (JSON: with parser padding after `size`)
  std::size_t size = 0;
  std::vector<Event> events;
  std::vector<Issue> issues;
  std::vector<std::unique_ptr<std::string>> arena;  // unescaped texts
  std::shared_ptr<void> body;                       // the protocol's own struct
  std::vector<MessagePart> parts;                   // what it carries; `events` holds their events too
  const char* dialect = nullptr;                    // name of a pre-RFC dialect: shown, not validated
  // What decoding must know beyond the bytes (RELOAD: data models of Kinds); the protocol's own type, owned by the
  // caller, set before decoding. Null: what the specifications say.
  const void* context = nullptr;
  // What the parts before this one of a body told (Transport::part): the protocol's own type. Decoding takes it up and
  // leaves it here for the next part; the caller hands it on.
  std::shared_ptr<void> history;
  Transport transport;
  // Where and when it was seen; 0 when unknown.
  std::uint64_t frame = 0;
  std::int64_t time_ns = 0;
  std::string source;  // "192.0.2.1:80"
  std::string destination;

  void clear();
  std::string_view view() const { return std::string_view(bytes).substr(0, size); }
  const Event* first(const Field& field) const;
  // False: no event has this field. Hundreds of checks ask for fields that most messages do not have.
  bool may_have(const Field& field) const;
  bool has(Shape shape) const;
  // Read to its end: what is absent was absent on the wire. Nobody is blamed for what a cut or unreadable part may
  // hold.
  bool whole() const { return !has(Shape::kMalformed) && !has(Shape::kCutShort) && !has(Shape::kTooDeep); }
  template <class T>
  const T& as() const {
    return *static_cast<const T*>(body.get());
  }

 private:
  // The fields of events[0, indexed_), a bit each by a hash of their address: filled as far as there are events.
  mutable std::array<std::uint64_t, 4> fields_{};
  mutable std::size_t indexed_ = 0;
};

// Appends the events of a part below the group at `parent`, which must be the last group so far, and keeps
// the part; its issues stay with it.
void append_part(Message& message, std::uint32_t parent, MessagePart part);

// The children of `events[parent]` that describe `field`.
const Event* child(const Message& message, const Event& parent, const Field& field);

// The same for messages that say the same in another spelling: order of members, white space, escapes. What cannot be
// read counts byte by byte. No protection against intent.
std::uint64_t content_hash(const Message& message);

}  // namespace peerscope
