// SPDX-License-Identifier: GPL-2.0-or-later
// What a report shows of a flow: who sent what when, and of the messages that broke a rule the field tree with the
// bytes of each field. It stands in the results file, so that a page can be made where the captures are not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/capture/pdus.h"
#include "harness/engine/evidence.h"
#include "harness/engine/verdict.h"

namespace peerscope::harness {

struct FlowMessage {
  std::uint64_t frame = 0;
  double at = 0;  // seconds since the first one
  std::string from;
  std::string to;
  std::string name;
};

struct ShownField {
  unsigned depth = 0;
  std::string text;  // name and value
  std::string filter;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

struct ShownMessage {
  std::uint64_t frame = 0;
  std::string name;
  std::string bytes;     // the first of them
  std::size_t size = 0;  // of the whole message
  std::vector<ShownField> fields;
};

struct FlowRecord {
  static constexpr std::size_t kMostMessages = 200;
  static constexpr std::size_t kMostShown = 8;
  static constexpr std::size_t kMostBytes = 4096;
  static constexpr std::size_t kMostFields = 300;

  std::vector<FlowMessage> messages;
  std::size_t left_out = 0;  // messages that are in the capture only
  std::vector<ShownMessage> shown;
};

// Of the evidence of an attempt, when it is closed. Hits that are about silence get the last frame before it.
FlowRecord flow_of(const Evidence& evidence, std::vector<RuleHit>& hits);

// The same while a capture is read: of what has no finding only the beginning and what stands right before a finding is
// kept, so its memory does not grow with the capture.
class FlowCollector {
 public:
  // `wanted`: it has findings that the report will hold.
  void add(const CapturedMessage& captured, const Message* request, bool wanted);
  FlowRecord finish();

 private:
  static constexpr std::size_t kBeginning = 20;
  static constexpr std::size_t kBefore = 3;
  void keep(FlowMessage message);

  FlowRecord flow_;
  std::vector<FlowMessage> before_;
  std::size_t seen_ = 0;
  std::int64_t begin_ns_ = 0;
};

ShownMessage shown_message(const Protocol& protocol, const Message& message, const Message* request);

}  // namespace peerscope::harness
