// SPDX-License-Identifier: GPL-2.0-or-later
// TLS and DTLS between two ends in this process, as frames of a capture, with the secrets that decrypt them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/tcp_capture.h"

namespace peerscope::test {

// One connection; its frames go to the given list. Throws when OpenSSL fails.
class SecureLink {
 public:
  enum class Kind { kTls, kDtls };
  SecureLink(Kind kind, std::vector<Frame>& frames, Endpoint client, Endpoint server);
  ~SecureLink();
  SecureLink(SecureLink&&) noexcept;

  void handshake();
  // One record each, in one segment or datagram.
  void client(std::string_view bytes);
  void server(std::string_view bytes);
  // A record each, in segments of this many bytes whatever the records are. TLS alone.
  void server(const std::vector<std::string>& records, std::size_t segment);
  // Lines of an NSS key log.
  const std::string& key_log() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A pcapng file with its secrets. False when it could not be written.
bool write_capture(const std::string& path, const std::vector<Frame>& frames, std::string_view key_log);

}  // namespace peerscope::test
