// SPDX-License-Identifier: GPL-2.0-or-later
// Packets of an interface, captured by libpcap in a thread of its own and kept in memory until they are written, so
// that the TLS secrets, which are complete only at the end, can stand before them in the file.
#pragma once

#include <cstdint>
#include <functional>
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

// The same packets as a capture file that is written while they come, into a pipe: whoever reads it sees them at once,
// and nothing is kept.
class PacketPipe {
 public:
  PacketPipe();
  ~PacketPipe();
  // Writes to `descriptor` and closes it at the end, when stop() is called or `over` says so. An error for people, or
  // "".
  std::string start(const std::string& interface, const std::string& filter, int descriptor,
                    std::function<bool()> over);
  void stop();
  std::uint64_t packets() const;
  std::uint64_t dropped() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace peerscope::harness
