// SPDX-License-Identifier: GPL-2.0-or-later
// Packets of an interface, captured by libpcap in a thread of its own and kept in memory until they are written, so
// that the TLS secrets, which are complete only at the end, can stand before them in the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace peerscope::harness {

class LiveCapture {
 public:
  LiveCapture();
  ~LiveCapture();
  // An error for people (no right to capture, no such interface, bad filter), empty when capturing.
  std::string start(const std::string& interface, const std::string& filter);
  void stop();
  std::uint64_t packets() const;
  std::uint64_t dropped() const;
  // A pcapng file with the secrets first. Returns an error or "".
  std::string write(const std::string& path, const std::string& key_log) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace peerscope::harness
