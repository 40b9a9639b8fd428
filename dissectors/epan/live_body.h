// SPDX-License-Identifier: GPL-2.0-or-later
// A body of server-sent events while it is still being sent: taken off its HTTP/1.1 framing and its content coding
// piece by piece, and cut behind the last complete event. Plain C++: nothing here calls epan. Each byte is looked at a
// bounded number of times, however the pieces fall.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace peerscope::epan {

// How a body is wrapped on the wire (RFC 9112 section 6.3). kBare: something below has unwrapped it.
enum class Framing : std::uint8_t { kChunked, kLength, kUntilClose, kBare };
enum class Coding : std::uint8_t { kNone, kInflate, kByFirstByte };

// The head of a response that begins such a body.
struct LiveHead {
  std::size_t end = 0;  // where its body begins
  Framing framing = Framing::kUntilClose;
  std::uint64_t length = 0;  // of the body, for kLength
  Coding coding = Coding::kNone;
};
// The first response of this media type and status 200 in bytes that begin with a response; complete responses before
// it are skipped. None when the head is not complete yet, or something is odd: then the bytes are for others.
std::optional<LiveHead> find_live_head(std::string_view bytes, std::string_view media_type);

// Where the last complete event ends (WHATWG HTML, server-sent events): behind an empty line, and behind a comment that
// no event has been begun before.
class EventBoundary {
 public:
  // In `text`, which follows what was fed before; 0 when no event ends in it.
  std::size_t feed(std::string_view text);

 private:
  bool after_cr_ = false;
  bool in_line_ = false;     // the line has a byte
  bool in_comment_ = false;  // its first one is a colon
  bool in_event_ = false;    // a line of an event came before
};

struct Portion {
  std::size_t used = 0;                // bytes of the wire that belong to the body; less than given only at its end
  std::string_view text{};             // events that are complete now; valid until the next call
  std::optional<std::size_t> place{};  // where `text` stands in the given bytes, when it stands there as it is
  std::size_t unfinished = 0;          // bytes of an event that is not complete
};

class LiveBody {
 public:
  static constexpr std::size_t kMostText = std::size_t{256} << 20;  // of one body

  explicit LiveBody(const LiveHead& head);
  Portion read(std::string_view wire);
  bool ended() const { return state_ == State::kEnded; }
  // The framing or the coding makes no sense, or the body is too large. Nothing more is read.
  bool broken() const { return state_ == State::kBroken; }

 private:
  enum class State : std::uint8_t { kSize, kData, kDataEnd, kTrailer, kEnded, kBroken };
  struct Inflater;
  std::size_t take_line(std::string_view wire, bool& complete);
  void begin_chunk();
  void end_line_of_trailer();
  void take_data(std::string_view data, std::size_t offset);
  bool inflate(std::string_view data);

  Framing framing_;
  Coding coding_;
  State state_;
  std::uint64_t left_ = 0;  // of the chunk or the body
  std::string line_;        // a chunk's size or a trailer, as far as it came
  EventBoundary boundary_;
  std::string text_;        // unfinished event, and what this call adds
  std::size_t given_ = 0;   // of text_, by the last call
  std::size_t total_ = 0;   // bytes of text so far
  std::size_t runs_ = 0;    // of data in this call
  std::size_t run_at_ = 0;  // the first one
  std::shared_ptr<Inflater> inflater_;
};

}  // namespace peerscope::epan
