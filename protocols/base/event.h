// SPDX-License-Identifier: GPL-2.0-or-later
// The field tree as a flat list: what a reader records while it decodes. Everything here is trivially destructible, so
// that a dissector may hold it while epan unwinds by long jump.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/field.h"

namespace peerscope {

// One field (or group) at one place. Children follow their group; `end` is the index one past the last of them.
struct Event {
  const Field* field = nullptr;
  std::uint32_t offset = 0;  // of the value's bytes in the message
  std::uint32_t length = 0;
  std::uint32_t key_offset = 0;  // of the member's name (JSON); length 0 elsewhere
  std::uint32_t key_length = 0;
  std::uint32_t end = 0;
  std::uint32_t parent = kNoParent;  // index of the enclosing group
  std::int32_t index = -1;           // position in its list, -1 when not a list element
  std::uint16_t depth = 0;
  bool has_number = false;
  bool has_real = false;  // `real` holds the number, `text` how it is written
  bool has_text = false;
  bool unknown = false;  // a member that no description names; `text` is its raw value
  bool empty = false;    // a list without elements
  bool inner = false;    // of a message that this one carries (Message::parts), where it is judged
  union {
    std::int64_t number = 0;
    double real;
  };
  std::string_view text{};     // into the message's own buffers
  std::string_view label{};    // the name on the wire: of unknown members, and of entries of an object with free keys
  const Field* key = nullptr;  // for such an entry: what its name is (a PID, an address); null elsewhere

  static constexpr std::uint32_t kNoParent = 0xffffffff;
};

// What is wrong with the shape of a message. Rows of the requirement tables claim these (requirement.h).
enum class Shape : std::uint8_t {
  kMalformed,  // not parsable from here on
  kNotUtf8,
  kTooDeep,
  kTrailing,  // bytes after the message
  kCutShort,  // bytes run out
  kMissing,   // a mandatory member is absent
  kDuplicate,
  kWrongType,
  kNotInteger,  // a number with a fraction or beyond 64 bits
  kOutOfRange,
  kUnknownValue,  // a string outside the registered vocabulary
  kUnknownMember,
  kEmptyList,
  kSingleForList,  // L1: one object where a list belongs
  kQuotedNumber,   // L2
  kMisplaced,      // L3: a member in another object than its own
  kMisnamed,       // L4: another spelling
  kDraft,          // a member of a pre-RFC dialect
  kBadLength,      // a length prefix that does not fit its content
  kTooMany,        // more elements than any message needs: the rest is not read
};
std::string_view to_string(Shape shape);

struct Issue {
  Shape shape = Shape::kMalformed;
  const Field* field = nullptr;   // the field concerned; null when the message as a whole is
  const Field* parent = nullptr;  // the enclosing group's field
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  std::string_view seen{};  // the offending bytes as text, or the name of the unknown member
};

// One sentence for people: what was expected and what was seen.
std::string explain(const Issue& issue);

// "connect.swarm_action[0].action": the path of an event from the message's root, in RFC names. Entries of an object
// with free keys are in brackets: "cost-map[west][east]".
std::string path_of(std::span<const Event> events, std::uint32_t index);

// Index of the event at `path`, or Event::kNoParent. `[n]` selects list elements, `[member=value]` the first element
// whose child has that text; a list without selector means its first element. `[key]` selects an entry of an object
// with free keys. The outermost groups may be left out. A field's filter name finds its first event at any depth.
std::uint32_t find_path(std::span<const Event> events, std::string_view path);

// All events at `path` where a list without selector means every element.
std::vector<std::uint32_t> find_all(std::span<const Event> events, std::string_view path);

// The value for people: text in quotes, numbers with the name of their code point.
std::string value_text(const Event& event);

// The field tree, indented, one line per event.
std::string print_tree(std::span<const Event> events);

}  // namespace peerscope
