// SPDX-License-Identifier: GPL-2.0-or-later
// What a client makes of an update stream (RFC 8895), without sockets: bytes become events, events become documents,
// and documents that belong to each other are told from those that wait for their update.
//
// Failure: a stream over its limits is an error and must be given up; a patch that does not apply makes its substream
// unusable until the next full replacement. Threading: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/alto/protocol.h"
#include "protocols/base/json_value.h"
#include "reference-impl/net/result.h"

namespace peerscope::alto {

// Server-sent events (WHATWG HTML, 9.2): lines end with LF, CR or CRLF, comments and unknown fields are skipped.
class EventReader {
 public:
  struct Event {
    std::string event;
    std::string data;
  };
  explicit EventReader(std::size_t most_bytes) : most_(most_bytes) {}

  // Adds the complete events in these bytes to `out`. kTooLarge when one event is over the limit.
  net::Result<void> feed(std::string_view bytes, std::vector<Event>& out);
  std::uint64_t comments() const { return comments_; }

 private:
  void line(std::vector<Event>& out);

  std::size_t most_;
  std::string line_;
  Event event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool first_ = true;
  std::uint64_t comments_ = 0;
};

// What is followed under one substream ID.
struct Followed {
  std::string resource_id;
  std::string media_type;
  std::string accepts;  // empty: a GET resource
  std::string input;    // of a POST resource, as JSON
};

// What an event did.
struct Update {
  enum class Kind { kControl, kFull, kMergePatch, kJsonPatch, kBad } kind = Kind::kBad;
  std::string substream;
  std::string resource_id;
  std::size_t bytes = 0;    // of the event's data
  std::string tag;          // the version of the resource behind it, when it has one
  std::string depends;      // "networkmap v7", when it depends on a version
  bool usable = false;      // it fits what it depends on
  std::string fault;        // kBad: why it could not be applied
  std::string control_uri;  // kControl, as sent
  std::vector<std::string> started;
  std::vector<std::string> stopped;
  std::string description;
  std::vector<Finding> findings;
};

class StreamView {
 public:
  static constexpr std::size_t kMostHistory = 64 * 1024;  // bytes

  // `request`: the body that opened the stream.
  StreamView(std::string request, std::map<std::string, Followed> substreams);
  void add(const std::string& substream, Followed followed);

  // Applies the event. With a session the events, the patches and the documents that they make are judged and
  // remembered there.
  Update apply(const EventReader::Event& event, Session* session);

  // The document of a substream; null when there is none, or it is unusable after a patch that did not apply.
  const JsonValue* document(std::string_view substream) const;
  // Whether it exists and belongs to the versions held of what it depends on (A-SSE-47).
  bool usable(std::string_view substream) const;
  // The tag of the document behind this resource ID; empty when it has none.
  std::string tag_of(std::string_view resource_id) const;
  bool broken(std::string_view substream) const { return broken_.contains(std::string(substream)); }
  bool stopped(std::string_view substream) const { return stopped_.contains(std::string(substream)); }
  bool all_stopped() const;
  const std::map<std::string, Followed>& substreams() const { return substreams_; }
  // For a new stream after a broken one: documents stay, what a stream knows of itself goes.
  void reopen(std::string request);
  const std::map<std::string, JsonValue, std::less<>>& documents() const { return documents_; }

 private:
  struct Place {
    std::string media_type;
    std::string substream;
    std::string key;  // with the part of a multipart resource
  };
  static Place place_of(std::string_view event);
  void judge_event(const EventReader::Event& event, const Place& place, Update& update, Session& session);
  void judge_document(const Followed& followed, const JsonValue& document, Update& update, Session& session);
  void control(const EventReader::Event& event, Update& update);
  void data(const EventReader::Event& event, const Place& place, Update& update);
  bool waits(const JsonValue& document) const;

  Message request_;
  std::map<std::string, Followed> substreams_;
  std::map<std::string, JsonValue, std::less<>> documents_;  // by substream, or substream.part
  std::map<std::string, bool> broken_;
  std::map<std::string, bool> stopped_;
  // The events so far without their documents: what the rules about a stream look at.
  std::string history_;
  std::set<std::string> begun_;
};

}  // namespace peerscope::alto
