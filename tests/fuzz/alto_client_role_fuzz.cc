// SPDX-License-Identifier: GPL-2.0-or-later
// What ALTO's client reads from others: answers of DNS servers, and the events of an update stream, whose documents it
// keeps. Events are read the same however their bytes are cut.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "protocols/alto/protocol.h"
#include "reference-impl/alto/client_stream.h"
#include "reference-impl/alto/discovery.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace peerscope;
using namespace peerscope::alto;

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

std::vector<EventReader::Event> events_of(std::string_view bytes, std::size_t piece) {
  constexpr std::size_t kMost = 1 << 20;
  EventReader reader(kMost);
  std::vector<EventReader::Event> out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    demand(static_cast<bool>(reader.feed(bytes.substr(0, piece), out)), "no event is larger than the input");
  return out;
}

void follow(const std::vector<EventReader::Event>& events) {
  StreamView view(R"({"add":{"n":{"resource-id":"nm"},"c":{"resource-id":"cm"}}})",
                  {{"n", {"nm", "application/alto-networkmap+json", "", ""}},
                   {"c", {"cm", "application/alto-costmap+json", "", ""}}});
  const auto session = make_session();
  for (const EventReader::Event& event : events) {
    const Update update = view.apply(event, session.get());
    demand((update.kind == Update::Kind::kBad) == !update.fault.empty(), "a bad event has its reason");
    demand(!view.broken(update.substream) || view.document(update.substream) == nullptr,
           "a broken document is not given out");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 20'000;
  if (size < 1 || size > kLargest) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 4 == 0) {
    const auto answer = parse_naptr_answer(bytes, 0x5150, "example.net");
    // An answer names its query: a number alone would let anybody answer.
    demand(!answer || bytes.size() >= 12, "an answer has a header");
    return 0;
  }
  const auto whole = events_of(bytes, bytes.size() + 1);
  const auto pieces = events_of(bytes, 1 + data[0] / 4U);
  demand(std::equal(whole.begin(), whole.end(), pieces.begin(), pieces.end(),
                    [](const auto& a, const auto& b) { return a.event == b.event && a.data == b.data; }),
         "events are the same in pieces of any size");
  follow(whole);
  return 0;
}
