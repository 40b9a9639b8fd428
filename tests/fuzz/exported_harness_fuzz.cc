// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as a capture of exported messages.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "harness/capture/pdus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int file = memfd_create("capture", MFD_CLOEXEC);
  if (file < 0 || write(file, data, size) != static_cast<ssize_t>(size)) return -1;
  (void)peerscope::harness::read_exported("/proc/self/fd/" + std::to_string(file));
  close(file);
  return 0;
}
