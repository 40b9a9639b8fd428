// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/dtls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/time.h>

#include <algorithm>
#include <array>

namespace peerscope::reload {
namespace {

constexpr std::size_t kSecretSize = 32;
constexpr std::size_t kRecordContent = 16384;
// OpenSSL collects a flight in a buffer of 4096 bytes and would cut a record in two there.
constexpr std::size_t kHandshakeMtu = 4000;

DtlsSession* session_of(const SSL* connection) {
  return static_cast<DtlsSession*>(SSL_get_app_data(connection));
}

std::string openssl_reason() {
  const unsigned long code = ERR_get_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return reason != nullptr ? reason : "no reason given";
}

unsigned int retransmission_timer(SSL* connection, unsigned int last_us) {
  const auto* context = static_cast<const DtlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
  const auto first = std::chrono::duration_cast<std::chrono::microseconds>(context->options().retransmission).count();
  constexpr unsigned int kLongest = 60'000'000;  // RFC 6347 section 4.2.4.1
  if (last_us == 0) return static_cast<unsigned int>(first);
  return last_us > kLongest / 2 ? kLongest : last_us * 2;
}

}  // namespace

// OpenSSL's end of a session: each read takes one datagram, each write is one. Its memory BIOs would run them together.
struct DatagramBio {
  static int write(BIO* bio, const char* bytes, int size) {
    const auto* session = static_cast<const DtlsSession*>(BIO_get_data(bio));
    if (size > 0 && session->send_) session->send_({bytes, static_cast<std::size_t>(size)});
    return size;
  }
  static int read(BIO* bio, char* into, int size) {
    auto* session = static_cast<DtlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (!session->incoming_ || size <= 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::string_view datagram = session->incoming_->substr(0, static_cast<std::size_t>(size));
    std::copy(datagram.begin(), datagram.end(), into);
    session->incoming_.reset();
    return static_cast<int>(datagram.size());
  }
  static long control(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const kMethod = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
      BIO_meth_set_write(made, write);
      BIO_meth_set_read(made, read);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return kMethod;
  }
  static int make_cookie(SSL* connection, unsigned char* cookie, unsigned int* size) {
    const auto* context = static_cast<const DtlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
    const std::string made = context->cookie_for(session_of(connection)->address_);
    std::copy(made.begin(), made.end(), cookie);
    *size = static_cast<unsigned int>(made.size());
    return made.empty() ? 0 : 1;
  }
  static int check_cookie(SSL* connection, const unsigned char* cookie, unsigned int size) {
    const auto* context = static_cast<const DtlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
    const std::string right = context->cookie_for(session_of(connection)->address_);
    return !right.empty() && right.size() == size && CRYPTO_memcmp(right.data(), cookie, size) == 0 ? 1 : 0;
  }
};

net::Result<std::shared_ptr<DtlsContext>> DtlsContext::create(const Identity& identity, Options options) {
  if (options.mtu < kSmallestMtu || options.mtu > kLargestMtu)
    return {net::ErrorKind::kLocal, "an MTU must be between 576 and 16000 bytes"};
  std::shared_ptr<DtlsContext> made(new DtlsContext(std::move(options)));
  made->secret_.resize(kSecretSize);
  if (RAND_bytes(reinterpret_cast<unsigned char*>(made->secret_.data()), static_cast<int>(kSecretSize)) != 1)
    return {net::ErrorKind::kLocal, "no random numbers"};
  made->native_ = SSL_CTX_new(DTLS_method());
  if (made->native_ == nullptr) return {net::ErrorKind::kTls, "DTLS: " + openssl_reason()};
  SSL_CTX_set_app_data(made->native_, made.get());
  SSL_CTX_set_min_proto_version(made->native_, DTLS1_2_VERSION);
  SSL_CTX_set_options(made->native_, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_cookie_generate_cb(made->native_, DatagramBio::make_cookie);
  SSL_CTX_set_cookie_verify_cb(made->native_, DatagramBio::check_cookie);
  if (const auto configured = configure_links(made->native_, identity, &made->options_.key_log); !configured.ok())
    return configured.error();
  return made;
}

DtlsContext::~DtlsContext() {
  SSL_CTX_free(native_);
}

std::string DtlsContext::cookie_for(std::string_view address) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
           reinterpret_cast<const unsigned char*>(address.data()), address.size(), mac.data(), &size) == nullptr)
    return {};
  return {reinterpret_cast<const char*>(mac.data()), size};
}

bool begins_with_client_hello(std::string_view datagram) {
  // type, version (2), epoch (2), sequence (6), length (2), then the handshake message's type
  constexpr std::size_t kRecordHeader = 13;
  constexpr char kHandshake = 22;
  constexpr char kClientHello = 1;
  return datagram.size() > kRecordHeader && datagram[0] == kHandshake && datagram[1] == '\xfe' && datagram[3] == 0 &&
         datagram[4] == 0 && datagram[kRecordHeader] == kClientHello;
}

DtlsSession::DtlsSession(std::shared_ptr<const DtlsContext> context, Side side, Send send)
    : context_(std::move(context)), send_(std::move(send)), ssl_(SSL_new(context_->native())) {
  BIO* bio = BIO_new(DatagramBio::method());
  if (ssl_ == nullptr || bio == nullptr) {
    BIO_free(bio);
    end(net::ErrorKind::kLocal, "no memory for a session");
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  SSL_set_mtu(ssl_, static_cast<long>(std::min(context_->options().mtu, kHandshakeMtu)));
  DTLS_set_timer_cb(ssl_, retransmission_timer);
  if (side == Side::kClient)
    SSL_set_connect_state(ssl_);
  else
    SSL_set_accept_state(ssl_);
}

DtlsSession::~DtlsSession() {
  send_ = nullptr;
  SSL_free(ssl_);
}

void DtlsSession::end(net::ErrorKind kind, std::string why) {
  if (stage_ == Stage::kClosed) return;
  stage_ = Stage::kClosed;
  why_ = {kind, std::move(why)};
}

// A result that is no success: nothing to read, the end, or an error.
void DtlsSession::fail(int result, const char* what) {
  const int code = SSL_get_error(ssl_, result);
  if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) return ERR_clear_error();
  if (code == SSL_ERROR_ZERO_RETURN) return end(net::ErrorKind::kClosed, "closed by the other side");
  end(net::ErrorKind::kTls, std::string(what) + ": " + openssl_reason());
}

bool DtlsSession::listen(std::string_view address, std::string_view datagram) {
  if (stage_ != Stage::kHandshake) return false;
  address_ = address;
  incoming_ = datagram;
  ERR_clear_error();
  BIO_ADDR* ignored = BIO_ADDR_new();
  const bool known = ignored != nullptr && DTLSv1_listen(ssl_, ignored) == 1;
  BIO_ADDR_free(ignored);
  incoming_.reset();
  ERR_clear_error();
  return known;
}

void DtlsSession::advance() {
  if (stage_ != Stage::kHandshake) return;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) return fail(result, "DTLS handshake");
  stage_ = Stage::kOpen;
  SSL_set_mtu(ssl_, static_cast<long>(context_->options().mtu));
}

void DtlsSession::start() {
  advance();
}

void DtlsSession::receive(std::string_view datagram, const Deliver& deliver) {
  if (stage_ == Stage::kClosed || datagram.empty()) return;
  incoming_ = datagram;
  advance();
  std::array<char, kRecordContent> content;
  // Ends when OpenSSL has taken the datagram and wants the next one.
  while (stage_ == Stage::kOpen) {
    ERR_clear_error();
    const int size = SSL_read(ssl_, content.data(), static_cast<int>(content.size()));
    if (size <= 0) {
      fail(size, "DTLS");
      break;
    }
    deliver({content.data(), static_cast<std::size_t>(size)});
  }
  incoming_.reset();
}

void DtlsSession::write(std::string_view bytes) {
  if (stage_ != Stage::kOpen || bytes.empty()) return;
  ERR_clear_error();
  const int result = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  if (result <= 0) fail(result, "DTLS write");
}

void DtlsSession::close() {
  if (stage_ == Stage::kOpen) SSL_shutdown(ssl_);
  ERR_clear_error();
  end(net::ErrorKind::kCancelled, "closed");
}

std::optional<net::Duration> DtlsSession::timeout() const {
  timeval left{};
  if (stage_ == Stage::kClosed || DTLSv1_get_timeout(ssl_, &left) != 1) return std::nullopt;
  return std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
}

void DtlsSession::on_timeout() {
  if (stage_ == Stage::kClosed) return;
  ERR_clear_error();
  if (DTLSv1_handle_timeout(ssl_) < 0) end(net::ErrorKind::kTimeout, "DTLS handshake: " + openssl_reason());
}

std::size_t DtlsSession::room() const {
  return stage_ == Stage::kOpen ? DTLS_get_data_mtu(ssl_) : 0;
}

}  // namespace peerscope::reload
