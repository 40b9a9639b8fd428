// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/dissect/host/secure_link.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <stdexcept>

#include "protocols/reload/security/authority.h"
#include "reference-impl/net/pcapng.h"

namespace peerscope::test {
namespace {

template <class T, auto F>
struct Deleter {
  void operator()(T* object) const { F(object); }
};
template <class T, auto F>
using Owner = std::unique_ptr<T, Deleter<T, F>>;

void sure(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string(what) + ": " + ERR_error_string(ERR_peek_last_error(), nullptr));
}

// The process's key log: OpenSSL gives no argument to tell whose line it is, so each context remembers its link.
int key_log_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return kIndex;
}

struct Identity {
  std::string key;
  std::string certificate;
};
// The same for all links: making keys takes time.
const Identity& identity() {
  static const Identity kIdentity = [] {
    reload::SystemRandom random;
    auto key = reload::generate_key(reload::KeyType::kP256);
    if (!key) throw std::runtime_error(key.message());
    reload::SelfSignedOptions options;
    options.validity = {1'600'000'000, 2'500'000'000};
    options.overlay = "overlay.example.org";
    options.user_name = "link@example.org";
    const auto der = reload::make_self_signed_certificate(*key, options, random);
    if (!der) throw std::runtime_error(der.message());
    return Identity{key->to_der(), *der};
  }();
  return kIdentity;
}

using Context = Owner<SSL_CTX, SSL_CTX_free>;
using Connection = Owner<SSL, SSL_free>;

}  // namespace

struct SecureLink::State {
  Kind kind;
  std::vector<Frame>& frames;
  Endpoint ends[2];  // client, server
  TcpConversation tcp;
  std::string log;
  Context context;
  Connection sides[2];

  State(Kind wanted, std::vector<Frame>& list, Endpoint from, Endpoint to)
      : kind(wanted), frames(list), ends{from, to}, tcp(list, from, to) {
    context.reset(SSL_CTX_new(kind == Kind::kTls ? TLS_method() : DTLS_method()));
    sure(context != nullptr, "no context");
    SSL_CTX_set_ex_data(context.get(), key_log_index(), &log);
    SSL_CTX_set_keylog_callback(context.get(), [](const SSL* ssl, const char* line) {
      static_cast<std::string*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), key_log_index()))->append(line).append("\n");
    });
    const Identity& own = identity();
    const auto* key = reinterpret_cast<const unsigned char*>(own.key.data());
    sure(SSL_CTX_use_certificate_ASN1(context.get(), static_cast<int>(own.certificate.size()),
                                      reinterpret_cast<const unsigned char*>(own.certificate.data())) == 1,
         "certificate");
    sure(SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_EC, context.get(), key, static_cast<long>(own.key.size())) == 1, "key");
    for (Connection& side : sides) {
      side.reset(SSL_new(context.get()));
      sure(side != nullptr, "no connection");
      BIO* in = BIO_new(BIO_s_mem());
      BIO* out = BIO_new(BIO_s_mem());
      BIO_set_mem_eof_return(in, -1);
      BIO_set_mem_eof_return(out, -1);
      SSL_set_bio(side.get(), in, out);
      SSL_set_options(side.get(), SSL_OP_NO_QUERY_MTU);
      SSL_set_mtu(side.get(), 16'000);
    }
    SSL_set_connect_state(sides[0].get());
    SSL_set_accept_state(sides[1].get());
  }

  // What a side has written, to the capture and to the other side. False when there was nothing.
  bool carry(int from, std::size_t segment = std::string::npos) {
    std::string bytes(BIO_ctrl_pending(SSL_get_wbio(sides[from].get())), '\0');
    if (bytes.empty()) return false;
    BIO_read(SSL_get_wbio(sides[from].get()), bytes.data(), static_cast<int>(bytes.size()));
    BIO_write(SSL_get_rbio(sides[1 - from].get()), bytes.data(), static_cast<int>(bytes.size()));
    if (kind == Kind::kDtls)
      frames.push_back(udp_frame(ends[from], ends[1 - from], bytes,
                                 frames.empty() ? 1'700'000'000'000'000'000 : frames.back().time_ns + 1'000'000));
    else
      for (std::size_t at = 0; at < bytes.size(); at += std::min(segment, bytes.size() - at)) {
        const std::string part = bytes.substr(at, segment);
        if (from == 0)
          tcp.client(part);
        else
          tcp.server(part);
      }
    return true;
  }

  void write(int from, std::string_view bytes) {
    sure(SSL_write(sides[from].get(), bytes.data(), static_cast<int>(bytes.size())) > 0, "write");
  }
  void swallow(int at, std::size_t size) {
    std::string sink(size, '\0');
    for (int got = 1; got > 0 && !sink.empty();) got = SSL_read(sides[at].get(), sink.data(), static_cast<int>(size));
  }

  void send(int from, std::string_view bytes) {
    write(from, bytes);
    carry(from);
    swallow(1 - from, bytes.size());
  }
};

SecureLink::SecureLink(Kind kind, std::vector<Frame>& frames, Endpoint client, Endpoint server)
    : state_(std::make_unique<State>(kind, frames, client, server)) {}
SecureLink::~SecureLink() = default;
SecureLink::SecureLink(SecureLink&&) noexcept = default;

void SecureLink::handshake() {
  if (state_->kind == Kind::kTls) state_->tcp.open();
  constexpr int kMostFlights = 20;
  for (int i = 0; i < kMostFlights; ++i) {
    for (Connection& side : state_->sides) SSL_do_handshake(side.get());
    const bool said = state_->carry(0);
    if (!state_->carry(1) && !said) break;
  }
  for (Connection& side : state_->sides) sure(SSL_is_init_finished(side.get()) == 1, "handshake");
  ERR_clear_error();
}

void SecureLink::client(std::string_view bytes) {
  state_->send(0, bytes);
}
void SecureLink::server(std::string_view bytes) {
  state_->send(1, bytes);
}
void SecureLink::server(const std::vector<std::string>& records, std::size_t segment) {
  std::size_t in_all = 0;
  for (const std::string& record : records) {
    state_->write(1, record);
    in_all += record.size();
  }
  state_->carry(1, segment);
  state_->swallow(0, in_all);
}
const std::string& SecureLink::key_log() const {
  return state_->log;
}

bool write_capture(const std::string& path, const std::vector<Frame>& frames, std::string_view key_log) {
  auto writer = net::PcapngWriter::open(path);
  if (!writer || !writer->add_interface({}) || !writer->add_tls_secrets(key_log)) return false;
  for (const Frame& frame : frames) {
    net::PcapngPacket packet;
    packet.time = net::SystemTime(std::chrono::nanoseconds(frame.time_ns));
    packet.bytes = frame.bytes;
    if (!writer->write(packet)) return false;
  }
  return static_cast<bool>(writer->close());
}

}  // namespace peerscope::test
