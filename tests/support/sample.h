// SPDX-License-Identifier: GPL-2.0-or-later
// Samples: captures/<protocol>/samples/*.txt. One message each, with what a reader must find in it, worked out by hand
// from the specification. The file has header lines, then parts:
//
//   title: CONNECT: a LEECH joins one swarm     what the sample shows
//   section: 4.1.1                              of the protocol's document
//   origin: worked out by hand                  where the bytes come from
//   protocol: ppstp
//   message: CONNECT                            name in the message table; "none" when it cannot be told
//   direction: request                          request, response or unknown, as decoding must find it
//   form: strict                                see Form
//   media_type: application/ppsp-tracker+json   these five are what the transport told; each may be left out
//   method: POST
//   target: /video_1
//   status: 200
//   security: clear                             clear or tls
//   request: connect                            name of the sample that this response answers
//   dialect: ...                                when the body belongs to a dialect: its name
//   content_length: 644                         when the specification states the length
//   body:                                       the message as text, to the line before the next part; the last newline
//   {...}                                       does not belong to it
//   hex:                                        or as bytes, with a field and its value behind each run
//   01        # version = 1                     a number (also 0x01), "text", or bytes: the run itself
//   fields:                                     every scalar, by path; groups may be named too
//   version = 1                                 a number, also with a fraction; empty: a list without elements; "text"
//   as a JSON string; hex 01ff; group; absent; find.swarm_id = "1111"                      raw ... for an unknown
//   member findings:                                   exactly these, in any order; nothing below: none P-ADDR-04 error
//   at connect.peer_addr[0].port
//
// Lines that start with # are comments, except in the body. Anything unknown is an error that names file and line.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/protocol.h"

namespace peerscope::test {

enum class Form : std::uint8_t {
  kStrict,     // as the specification wants it: re-encoding gives it back
  kLenient,    // a form that is accepted with a note
  kBroken,     // readable, and breaks rules
  kMalformed,  // not readable to the end: fields other than those listed may appear
  kDialect,    // shown, not validated
};

struct SampleField {
  enum class Kind : std::uint8_t { kNumber, kReal, kText, kGroup, kRaw, kEmpty, kAbsent } kind = Kind::kNumber;
  std::string path;
  std::int64_t number = 0;
  double real = 0;
  std::string text;
  int line = 0;
  bool has_place = false;  // from a hex run
  std::size_t offset = 0;
  std::size_t length = 0;
};

struct SampleFinding {
  std::string id;
  Severity severity = Severity::kError;
  std::string path;  // empty: anywhere; "message": the message as a whole
  int line = 0;
};

// Plain data; owns everything.
struct Sample {
  std::string name;  // file name without ending
  std::string path;
  std::string title;
  std::string section;
  std::string origin;
  const Protocol* protocol = nullptr;
  std::string message;
  Direction direction = Direction::kUnknown;
  Form form = Form::kStrict;
  Transport transport;
  std::string request;
  std::string dialect;
  std::size_t content_length = 0;
  std::string bytes;
  std::vector<SampleField> fields;
  std::vector<SampleFinding> findings;
};

// Both throw std::runtime_error with "file:line: ..." when the file is wrong.
Sample parse_sample(std::string_view text, const std::string& path);
Sample load_sample(const std::string& path);

// The sample files of a protocol, sorted, and the path of one by its name.
std::vector<std::string> sample_paths(std::string_view protocol);
std::string sample_path(std::string_view protocol, std::string_view name);

// Decodes `bytes` as if they came the way the sample came.
void decode_as(const Sample& sample, std::string_view bytes, Message& message);
inline void decode(const Sample& sample, Message& message) {
  decode_as(sample, sample.bytes, message);
}

// The path of an event below the message object, as samples write it.
std::string sample_path_of(const Message& message, std::uint32_t index);

// How the decoded fields differ from the sample's: one sentence each, empty when they agree.
std::vector<std::string> field_differences(const Sample& sample, const Message& message);

// The same for findings.
std::vector<std::string> finding_differences(const Sample& sample, const Message& message,
                                             const std::vector<Finding>& findings);

}  // namespace peerscope::test
