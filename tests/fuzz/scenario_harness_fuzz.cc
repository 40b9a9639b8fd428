// SPDX-License-Identifier: GPL-2.0-or-later
// Any text as a scenario file: parsed and linted, never run.
#include <cstdint>

#include "harness/scenario/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerscope::harness;
  const auto result = parse_scenario(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.yaml");
  if (result.errors.empty()) (void)permutations(result.scenario);
  return 0;
}
