// SPDX-License-Identifier: GPL-2.0-or-later
// A RELOAD packet through decoding, all checks and encoding. What is read without an issue is written back byte for
// byte.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "protocols/reload/fragments.h"
#include "protocols/reload/protocol.h"
#include "protocols/reload/signature_input.h"
#include "tests/support/invariants.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace peerscope;

void demand(const std::string& broken) {
  if (broken.empty()) return;
  std::fprintf(stderr, "broken: %s\n", broken.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static Message message;
  static Message request;
  message.clear();
  message.source = "192.0.2.1:6084";
  message.destination = "192.0.2.2:6084";
  reload::decode(bytes, message);
  demand(test::broken_invariant(message, false));
  static const auto session = reload::make_session();
  std::vector<Finding> findings;
  run_checks(reload::protocol(), {message, request.body != nullptr ? &request : nullptr, session.get()}, {}, findings);
  for (const Finding& finding : findings) {
    if (finding.offset + finding.length > size || finding.detail.empty())
      demand("a finding outside the message or without words");
  }
  reload::track(*session, message, request.body != nullptr ? &request : nullptr);
  (void)reload::protocol().summary(message, nullptr);
  (void)reload::message_signature_input(message);
  (void)print_tree(message.events);
  static reload::Reassembler reassembler({.messages = 10, .bytes = 100'000});
  static std::int64_t now = 0;
  (void)reassembler.add(message, now += 1'000'000'000);
  (void)reload::split(bytes, 400);
  if (message.issues.empty() && message.body != nullptr) {
    reload::Packet copy = *reload::packet_of(message);
    if (reload::encode(copy) != bytes) demand("not written as it was read");
  }
  if (message.direction == Direction::kRequest) {  // the next input may answer it
    request.clear();
    reload::decode(bytes, request);
  }
  return 0;
}
