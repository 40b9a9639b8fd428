// SPDX-License-Identifier: GPL-2.0-or-later
// The TLS connections of the harness's overlay parties: each party has a certificate, connects, and listens. What comes
// is cut into frames (RFC 6940 section 6.6.2), and neither acknowledged nor judged here. This is no code of the
// reference node, so that the two cannot share a mistake.
//
// Everything happens inside drive(). Failure: a link that fails goes down with a reason. Threading: one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/reload/security/certificate.h"
#include "reference-impl/net/tls.h"
#include "reference-impl/net/url.h"

struct ssl_ctx_st;
struct ssl_st;

namespace peerscope::harness {

struct LinkEvent {
  enum class Kind : std::uint8_t { kUp, kFrame, kDown };
  Kind kind = Kind::kUp;
  int link = 0;
  std::string party;
  bool incoming = false;        // the other side opened it
  reload::CertificatePtr peer;  // kUp: null when it showed none
  std::string frame;            // kFrame: with its header; bytes that begin no frame as they came
  std::string why;              // kDown
};

class OverlayLinks {
 public:
  explicit OverlayLinks(net::KeyLogSink key_log);
  ~OverlayLinks();
  OverlayLinks(const OverlayLinks&) = delete;
  OverlayLinks& operator=(const OverlayLinks&) = delete;

  // A party with its certificate and key, and a listener of its own. Returns an error for people, or "".
  std::string add_party(const std::string& name, const reload::PrivateKey& key, const reload::Certificate& certificate,
                        std::uint16_t port = 0);
  std::uint16_t port(const std::string& party) const;

  int connect(const std::string& party, const net::Endpoint& to);
  void send(int link, std::string_view bytes);
  // With a TLS close_notify, or without a word.
  void close(int link, bool reset = false);
  bool is_up(int link) const;

  // Waits at most `seconds` for something to happen, and does what is to be done.
  void drive(double seconds);
  std::optional<LinkEvent> take();

 private:
  struct Party;
  struct Socket;
  void accept(const std::string& name, Party& party);
  void add_socket(const std::string& party, int fd, bool incoming, bool connecting);
  void advance(Socket& socket);
  void shake_hands(Socket& socket);
  void read(Socket& socket);
  void write(Socket& socket);
  void cut_frames(Socket& socket);
  void down(Socket& socket, std::string why);

  net::KeyLogSink key_log_;
  std::map<std::string, std::unique_ptr<Party>> parties_;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  std::deque<LinkEvent> events_;
  int last_link_ = 0;
};

}  // namespace peerscope::harness
