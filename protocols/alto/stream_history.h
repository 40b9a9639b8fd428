// SPDX-License-Identifier: GPL-2.0-or-later
// What the events of one update stream tell of each other (RFC 8895): which substreams began and ended, and each
// document after the patches so far. It goes on over the messages that a stream is shown in (Message::history), so an
// event costs the same wherever in its stream it stands. Bounded: beyond the limits a check may miss but never invents.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "protocols/base/json_value.h"
#include "protocols/base/message.h"

namespace peerscope::alto {

struct StreamEvent;

// What the events before it mean for one event.
struct EventNote {
  bool first = false;        // of the stream
  bool uri_again = false;    // it tells the control URI, which was told
  bool started = false;      // a control event started its substream
  bool stopped = false;      // a control event stopped its substream
  bool opens = false;        // the first data of its substream and part
  bool other_form = false;   // with a part where its substream had none, or the other way round
  bool new_part = false;     // a patch of a part that its substream did not begin with
  bool null_means = false;   // a merge patch of a document in which null is a value
  std::string result_fault;  // a rule of its kind that the document breaks after the patch
  std::string patch_fault;   // why its patch does not apply; empty: it does, or its document was not seen
};

class StreamHistory {
 public:
  // `begun`: its first events were not seen.
  explicit StreamHistory(bool begun = false) : begun_(begun), uri_told_(false), partial_(begun) {}

  static constexpr std::size_t kMostNames = 10'000;
  static constexpr std::size_t kMostDocumentBytes = std::size_t{64} << 20;  // of JSON text

  static constexpr std::size_t kMostRead = std::size_t{64} << 20;  // of patched documents, all together

  // Network maps as patches left them since the last call, by resource; of those that were too
  // much to read only the IDs.
  struct Patched {
    std::map<std::string, std::shared_ptr<const Message>> maps;
    std::set<std::string> outdated;
  };
  Patched take_patched();

  // The next event of the stream.
  EventNote take(const StreamEvent& event);

 private:
  struct Document {
    JsonValue value;
    std::size_t bytes = 0;
    bool has_null = false;
    std::string media_type{};
  };
  void take_control(const StreamEvent& event, EventNote& note);
  void take_part(const StreamEvent& event, EventNote& note);
  void take_document(const StreamEvent& event, const std::string& id, EventNote& note);
  void read_result(const Document& document, EventNote& note);
  void drop(const std::string& id);

  bool begun_;
  bool uri_told_;
  bool partial_;  // what a substream began with may not have been seen
  std::set<std::string> started_;
  std::set<std::string> stopped_;
  std::set<std::string> opened_;                        // substream and part
  std::map<std::string, std::set<std::string>> parts_;  // of a substream; the empty one: a resource without parts
  std::map<std::string, Document> documents_;
  std::size_t document_bytes_ = 0;
  std::size_t read_bytes_ = 0;
  Patched patched_;
};

}  // namespace peerscope::alto
