// SPDX-License-Identifier: GPL-2.0-or-later
// Fragments: RFC 6940 section 6.7. Splitting a message and putting its fragments together again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/reload/messages.h"

namespace peerscope::reload {

inline constexpr std::size_t kSmallestFragment = 256;  // bytes of body, the last one may have less

// `message` is a whole one without framing. Parts of equal size, each with the full header, none longer than `most`
// bytes. Empty when the header leaves less than kSmallestFragment bytes for a body, or when `message` cannot be read;
// the message itself when it fits.
std::vector<std::string> split(std::string_view message, std::size_t most);

// The whole message that fragments with this header make, without framing: `body` is all of theirs in order.
std::string unfragmented(ForwardingHeader header, std::string_view body);

// Collects the fragments of many messages. Memory is bounded by count and bytes: what does not fit is refused. Not
// thread-safe; time comes from the caller, in any unit that `timeout` has too.
class Reassembler {
 public:
  struct Limits {
    std::size_t messages = 1'000;
    std::size_t bytes = 16'000'000;         // of all bodies that are kept
    std::size_t message_bytes = 1'000'000;  // of one message's body
    std::size_t fragments = 4'096;          // of one message
    std::int64_t timeout = 15'000'000'000;  // ns: maximum request lifetime (section 6.7)
  };
  enum class Outcome : std::uint8_t {
    kWaiting,    // kept; more is missing
    kComplete,   // `message` is the whole one, without framing
    kDuplicate,  // these bytes were there already
    kOverlap,    // other bytes for a place that has some: the set is dropped
    kBeyondEnd,  // behind the last fragment, or a second end: the set is dropped
    kTooLarge,   // no room: the fragment is dropped
    kNoFragment  // not a fragment, or not readable
  };
  struct Result {
    Outcome outcome = Outcome::kNoFragment;
    std::string message;
  };

  Reassembler() : Reassembler(Limits()) {}
  explicit Reassembler(Limits limits) : limits_(limits) {}
  // `link` keeps messages apart that only look alike: request and response have one transaction ID.
  Result add(const Message& fragment, std::int64_t now, std::string_view link = {});
  // Drops sets whose first fragment came more than the timeout ago; how many.
  std::size_t expire(std::int64_t now);
  std::size_t waiting() const { return sets_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Set {
    std::int64_t since = 0;
    std::map<std::size_t, std::string> parts;  // by offset
    std::size_t received = 0;
    std::optional<std::size_t> total;        // known once the last one came
    std::optional<ForwardingHeader> header;  // of the fragment with offset 0
    std::size_t header_size = 0;
  };
  using Key = std::string;

  void drop(std::map<Key, Set>::iterator at);

  Limits limits_;
  std::map<Key, Set> sets_;
  std::size_t bytes_ = 0;
};

}  // namespace peerscope::reload
