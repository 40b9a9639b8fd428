// SPDX-License-Identifier: GPL-2.0-or-later
// The binary archives over the test protocol: no bytes hurt the reader, and what it read without an issue is written
// back byte for byte. The first input byte chooses the message.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/support/invariants.h"
#include "tests/support/toy_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace peerscope;

template <class T>
void run(const Field& root, std::string_view bytes) {
  Message message;
  message.bytes = bytes;
  message.size = bytes.size();
  T value;
  BinaryReader(message).root(root, value);
  std::string broken = test::broken_invariant(message, false);
  std::string out;
  BinaryWriter writer(out);
  writer.root(root, value);
  if (broken.empty() && message.issues.empty() && (out != bytes || !writer.error().empty()))
    broken = "not written as it was read: " + writer.error();
  (void)print_tree(message.events);
  if (broken.empty()) return;
  std::fprintf(stderr, "broken: %s\n", broken.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0)
    run<test::Hello>(test::kHello, bytes);
  else
    run<test::Letter>(test::kLetter, bytes);
  return 0;
}
