// SPDX-License-Identifier: GPL-2.0-or-later
// An ALTO message of any media type through decoding, all checks, tracking and patching. The first byte says the media
// type; a request is remembered, and the next response answers it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "protocols/alto/patch_apply.h"
#include "protocols/alto/protocol.h"
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
  if (size == 0) return 0;
  const MessageType& type = alto::kMessages[data[0] % alto::kMessageCount];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  static Message message;
  static Message request;
  message.clear();
  message.transport.content_type = type.media_type;
  message.transport.status = type.direction == Direction::kResponse ? 200 : 0;
  message.transport.target = "/costmap/filtered";
  alto::decode(bytes, message);
  demand(test::broken_invariant(message));
  static const auto session = alto::make_session();
  const Message* asked = request.body != nullptr ? &request : nullptr;
  std::vector<Finding> findings;
  run_checks(alto::protocol(), {message, asked, session.get()}, {}, findings);
  for (const Finding& finding : findings) {
    if (finding.offset + finding.length > bytes.size() || finding.detail.empty() || !test::is_utf8(finding.detail))
      demand("a finding outside the message or without words");
  }
  alto::track(*session, message, asked);
  (void)alto::protocol().summary(message, asked);
  (void)print_tree(message.events);
  static JsonValue document;
  if (const auto* merge = alto::body_of<alto::MergePatch>(message); merge != nullptr)
    alto::apply_merge_patch(document, merge->value);
  if (const auto* patch = alto::body_of<alto::JsonPatch>(message); patch != nullptr)
    (void)alto::apply_json_patch(document, patch->operations);
  // A document that grows with every input says nothing about one input.
  if (json_text(document).size() > 100'000) document = {};
  if (message.direction == Direction::kRequest) {
    request.clear();
    request.transport.content_type = type.media_type;
    alto::decode(bytes, request);
  }
  return 0;
}
