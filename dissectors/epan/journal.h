// SPDX-License-Identifier: GPL-2.0-or-later
// Journal: what the first pass over a capture learned. It decodes each message, pairs responses with requests, runs the
// checks and keeps one Record a message; later passes, which may come in any order, read the records. Plain C++:
// nothing here calls epan, and no call throws, so a dissector may use it before its first epan call that can long-jump.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocols/base/protocol.h"

namespace peerscope::epan {

// One message as the layers below show it. Views into packet memory, but for the endpoints, which live as long as what
// is known of the capture. Trivially destructible.
struct Sighting {
  std::string_view bytes{};
  bool complete = true;  // false: the capture holds only the first bytes
  std::uint32_t frame = 0;
  std::uint32_t conversation = 0;
  bool ordered = false;  // responses come in the order of their requests (HTTP/1.x)
  std::int64_t time_ns = 0;
  std::string_view source{};
  std::string_view destination{};
  std::string_view source_host{};  // without port
  Direction direction = Direction::kUnknown;
  std::string_view method{};
  std::string_view target{};
  int status = 0;
  std::string_view content_type{};
  bool has_http = false;
  int http_version = 0;
  std::uint32_t stream = 0;  // as in Transport
  std::uint32_t part = 0;
  Transport::Security security = Transport::Security::kUnknown;
};

struct Record;

// The messages of one exchange on all links that it crossed, in the order of the capture (Protocol::journey_id): a list
// through Record::next_hop, so that a capture's hundred thousands of exchanges cost no memory of their own.
struct Journey {
  // A loop in an overlay must not fill the memory.
  static constexpr std::size_t kMostHops = 256;
  Record* begin = nullptr;
  Record* end = nullptr;  // the last one
  std::size_t hops = 0;
  std::size_t more = 0;  // hops that are not kept

  const Record* first(Direction direction) const;
  const Record* last(Direction direction) const;
};

// What is kept of one message as long as the capture is open.
struct Record {
  std::uint32_t frame = 0;
  std::uint32_t conversation = 0;
  std::int64_t time_ns = 0;
  std::size_t size = 0;  // with `hash`: whose record this is
  std::size_t hash = 0;
  bool complete = true;
  Direction direction = Direction::kUnknown;
  const MessageType* type = nullptr;
  Transport::Security security = Transport::Security::kUnknown;
  std::unique_ptr<Transport> http;  // what HTTP told; null without it
  const char* summary = "";         // one line, the journal's
  std::vector<Finding> findings;
  Record* counterpart = nullptr;        // a request's response, a response's request
  std::uint32_t retransmission_of = 0;  // frame of the first sending
  std::size_t more_findings = 0;        // beyond those kept, the least severe
  const Journey* journey = nullptr;     // the exchange over all links
  Record* next_hop = nullptr;           // in it
  std::size_t repeats = 0;              // the same for a message and its repetitions; 0 when that is not followed
  std::string_view source{};            // only with a journey
  std::string_view destination{};
  std::shared_ptr<void> own;  // what the protocol's dissector keeps

  bool is_of(std::string_view bytes) const;
  // A later part of a body: it says nothing of how fast its request was answered.
  bool continues() const { return http != nullptr && http->part > 0; }
  Transport transport() const;
};

class Journal {
 public:
  // Called for each message when it was decoded and judged, on every pass. `request`: what a response answers, on the
  // first pass and when it was seen. It may throw.
  using Study = void (*)(const Message& message, const Message* request, Record& record);
  // `context`: what decoding must know beyond the bytes (Message::context); it lives as long as the journal.
  explicit Journal(const Protocol& protocol, const void* context = nullptr, Study study = nullptr);

  // First sight, in the order of the capture. Null when memory ran out.
  const Record* enter(const Sighting& sighting) noexcept;
  // A later pass: decodes into message() again.
  bool again(const Sighting& sighting, const Record& record) noexcept;
  // A later pass over a message that the first pass did not see: decodes it and runs the checks that need nothing else.
  // The record is valid until the next call.
  const Record* pass_by(const Sighting& sighting) noexcept;
  // For an export: what the layers below told of the message, and its direction. The body is decoded only where they
  // did not tell that. Nothing is judged or kept; the record is valid until the next call.
  const Record* glance(const Sighting& sighting) noexcept;
  // The message of the last call to enter(), again() or pass_by(); valid until the next one.
  const Message& message() const { return *message_; }
  // Forgets everything: the capture is closed.
  void clear() noexcept;

 private:
  struct Pending {
    Record* record;
    std::unique_ptr<Message> message;
    std::string id;
  };
  struct Conversation {
    std::deque<Pending> unanswered;
  };
  // A body that is shown while it goes on: what its next part needs of those before.
  struct Ongoing {
    std::unique_ptr<Message> request;
    Record* request_record = nullptr;
    std::shared_ptr<void> history;
  };

  Record& new_record();
  void decode(const Sighting& sighting, const Record& record, Message& message, std::shared_ptr<void> history = {});
  static void fill(const Sighting& sighting, Record& record);
  void judge(const CheckInput& input, CheckScopes scopes, Record& record);
  void note_retransmission(const Sighting& sighting, Record& record);
  const char* keep(std::string_view text);
  void follow(const Sighting& sighting, Record& record);
  std::unique_ptr<Message> take(std::uint32_t conversation, std::string_view id, bool oldest, Record*& request_record);
  std::unique_ptr<Message> pair(const Sighting& sighting, Record& record, Record*& request_record);
  Ongoing* ongoing(const Sighting& sighting);
  void check(const Sighting& sighting, Record& record, const Message* request);
  std::unique_ptr<Message> fresh();
  void give_back(std::unique_ptr<Message> message);
  Session* session_of(const Sighting& sighting, Direction direction);

  // A hostile or one-sided capture must not fill the memory with requests that nobody answers.
  static constexpr std::size_t kMaxUnanswered = 1000;
  static constexpr std::size_t kMaxRemembered = 200'000;
  static constexpr std::size_t kMaxOngoing = 10'000;
  // A body may hold a broken rule every few bytes.
  static constexpr std::size_t kMaxFindings = 200;

  const Protocol& protocol_;
  const void* context_;
  Study study_;
  Message workspace_;
  Message* message_ = &workspace_;
  std::vector<std::vector<Record>> records_;  // in blocks that do not grow: records keep their addresses
  std::pmr::monotonic_buffer_resource texts_;
  std::string passing_summary_;
  std::unordered_map<std::uint32_t, Conversation> conversations_;
  std::unordered_map<std::string, std::unique_ptr<Session>> sessions_;  // by server endpoint
  std::unordered_map<std::uint32_t, Ongoing> ongoing_;                  // by Sighting::stream
  std::unordered_map<std::size_t, std::uint32_t> sent_;                 // hash of a message seen -> its frame
  std::unordered_map<std::string, Journey> journeys_;                   // its elements keep their addresses
  Record passing_;
  std::unique_ptr<Message> overflow_;            // a request that is not kept
  std::vector<std::unique_ptr<Message>> spare_;  // their memory serves the next ones
};

}  // namespace peerscope::epan
