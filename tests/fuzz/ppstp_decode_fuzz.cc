// SPDX-License-Identifier: GPL-2.0-or-later
// A PPSTP body through decoding, all checks and encoding. The first input byte chooses what HTTP told.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "protocols/ppstp/protocol.h"
#include "tests/support/invariants.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace peerscope;

using test::broken_invariant;

void demand(const std::string& broken) {
  if (broken.empty()) return;
  std::fprintf(stderr, "broken: %s\n", broken.c_str());
  std::abort();
}

const Message& request() {
  static Message message;
  if (message.size == 0) {
    ppstp::decode(
        R"({"PPSPTrackerProtocol":{"version":1,"request_type":"CONNECT","transaction_id":"1","peer_id":"p",)"
        R"("connect":{"peer_num":{"peer_count":1},"swarm_action":[{"swarm_id":"a","action":"JOIN","peer_mode":"LEECH"}]}}})",
        message);
  }
  return message;
}

// What was read must survive writing and reading again.
template <class T>
void again(const Message& message) {
  const std::string first = ppstp::encode(message.as<T>());
  Message second;
  second.transport.content_type = ppstp::kMediaType;
  second.transport.status = message.direction == Direction::kResponse ? 200 : 0;
  second.direction = message.direction;
  ppstp::decode(first, second);
  demand(broken_invariant(second).empty() ? "" : "after encoding: " + broken_invariant(second));
  for (const Shape shape : {Shape::kMalformed, Shape::kCutShort, Shape::kTrailing, Shape::kNotUtf8, Shape::kTooDeep}) {
    if (second.has(shape)) demand("encoded text is " + std::string(to_string(shape)) + ": " + first);
  }
  if (second.direction == message.direction && ppstp::encode(second.as<T>()) != first)
    demand("encoding is not stable: " + first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Message message;
  message.transport.has_http = (data[0] & 1) != 0;
  message.transport.status = (data[0] & 2) != 0 ? 200 : 0;
  message.transport.content_type = (data[0] & 4) != 0 ? "application/json" : ppstp::kMediaType;
  message.source = "192.0.2.1:80";
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  ppstp::decode(body, message);
  demand(broken_invariant(message));
  static const auto session = ppstp::make_session();
  std::vector<Finding> findings;
  run_checks(ppstp::protocol(), {message, &request(), session.get()}, {}, findings);
  for (const Finding& finding : findings) {
    if (finding.offset + finding.length > size || finding.detail.empty())
      demand("a finding outside the message or without words");
  }
  ppstp::track(*session, message, &request());
  (void)ppstp::protocol().summary(message, &request());
  (void)print_tree(message.events);
  for (std::uint32_t i = 0; i < message.events.size() && i < 50; ++i)
    (void)find_path(message.events, path_of(message.events, i));
  (void)find_path(message.events, body);
  if (message.body == nullptr) return 0;
  if (message.direction == Direction::kRequest)
    again<ppstp::Request>(message);
  else
    again<ppstp::Response>(message);
  return 0;
}
