// SPDX-License-Identifier: GPL-2.0-or-later
// Socket calls that never block, and OpenSSL on top of them.
#include "reference-impl/net/detail/stream.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace peerscope::net::detail {

namespace {

std::string lower_first(std::string text) {
  // "Connection refused" inside a sentence; "I/O error" stays.
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z')
    text[0] = static_cast<char>(text[0] + 32);
  return text;
}

std::string openssl_error() {
  // The oldest error in the queue is the cause, later ones are its consequences.
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

Error tls_error(const std::string& what) {
  return {ErrorKind::kTls, what + ": " + openssl_error()};
}
Error local_tls_error(const std::string& what) {
  return {ErrorKind::kLocal, what + ": " + openssl_error()};
}

struct BioFree {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using BioPtr = std::unique_ptr<BIO, BioFree>;
using X509Ptr = std::unique_ptr<X509, X509Free>;
using KeyPtr = std::unique_ptr<EVP_PKEY, KeyFree>;

BioPtr memory_bio(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Result<void> use_pair(SSL_CTX* context, const std::string& certificate_file, const std::string& key_file,
                      const KeyPairPem& pem) {
  if (!certificate_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) {
      return local_tls_error("cannot use certificate file '" + certificate_file + "'");
    }
    const std::string& key = key_file.empty() ? certificate_file : key_file;
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
      return local_tls_error("cannot use key file '" + key + "'");
    }
    return {};
  }
  const BioPtr certificates = memory_bio(pem.certificate);
  bool first = true;
  while (X509Ptr certificate{PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)}) {
    const bool used = first ? SSL_CTX_use_certificate(context, certificate.get()) == 1
                            : SSL_CTX_add1_chain_cert(context, certificate.get()) == 1;
    if (!used) return local_tls_error("cannot use the certificate");
    first = false;
  }
  if (first) return local_tls_error("the certificate is not PEM");
  ERR_clear_error();  // the end of the PEM text is queued as an error
  const BioPtr key_text = memory_bio(pem.private_key);
  const KeyPtr key{PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr)};
  if (!key) return local_tls_error("the private key is not PEM");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return local_tls_error("certificate and key do not fit");
  return {};
}

Result<void> trust(SSL_CTX* context, const std::string& file, const std::string& pem) {
  if (!file.empty()) {
    if (SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) != 1) {
      return local_tls_error("cannot use CA file '" + file + "'");
    }
    return {};
  }
  const BioPtr text = memory_bio(pem);
  bool any = false;
  while (X509Ptr certificate{PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
    any = true;
  }
  if (!any) return local_tls_error("the CA certificate is not PEM");
  ERR_clear_error();
  return {};
}

void set_common(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // A missing close_notify is common; message framing shows whether something was cut.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

}  // namespace

Error system_error(int error_number, const std::string& prefix) {
  Error error{ErrorKind::kLocal, prefix};
  if (!prefix.empty()) error.message += ": ";
  error.message += lower_first(std::strerror(error_number));
  switch (error_number) {
    case ECONNREFUSED:
      error.kind = ErrorKind::kRefused;
      break;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
      error.kind = ErrorKind::kReset;
      break;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
      error.kind = ErrorKind::kUnreachable;
      break;
    case ETIMEDOUT:
      error.kind = ErrorKind::kTimeout;
      break;
    case EADDRINUSE:
      error.kind = ErrorKind::kAddressInUse;
      break;
    case ECANCELED:
      error.kind = ErrorKind::kCancelled;
      break;
    default:
      break;
  }
  return error;
}

TlsContext::~TlsContext() {
  if (context_ != nullptr) SSL_CTX_free(context_);
  if (pinned_ != nullptr) X509_free(pinned_);
  if (key_log_fd_ >= 0) ::close(key_log_fd_);
}

Result<void> TlsContext::set_key_log(const std::string& file, KeyLogSink sink) {
  if (file.empty() && !sink) return {};
  if (!file.empty()) {
    key_log_fd_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (key_log_fd_ < 0) {
      return Error{ErrorKind::kLocal, "cannot open key log '" + file + "': " + lower_first(std::strerror(errno))};
    }
  }
  sink_ = std::move(sink);
  SSL_CTX_set_app_data(context_, this);
  SSL_CTX_set_keylog_callback(context_, &TlsContext::on_key_log);
  return {};
}

void TlsContext::on_key_log(const SSL* ssl, const char* line) {
  auto* self = static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (self == nullptr) return;
  if (self->key_log_fd_ >= 0) {
    // One append per line, so that several processes may share the file.
    const std::string text = std::string(line) + "\n";
    [[maybe_unused]] const auto written = ::write(self->key_log_fd_, text.data(), text.size());
  }
  if (self->sink_) self->sink_(line);
}

Result<std::shared_ptr<TlsContext>> TlsContext::server(const TlsServerOptions& options) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> self(new TlsContext(SSL_CTX_new(TLS_server_method())));
  if (self->context_ == nullptr) return local_tls_error("cannot set up TLS");
  set_common(self->context_);
  SSL_CTX_set_num_tickets(self->context_, 0);  // no resumption: every capture starts with a full handshake
  SSL_CTX_set_options(self->context_, SSL_OP_NO_TICKET);
  if (auto r = use_pair(self->context_, options.certificate_file, options.key_file, options.pem); !r) return r.error();
  if (!options.client_ca_file.empty() || !options.client_ca_pem.empty()) {
    if (auto r = trust(self->context_, options.client_ca_file, options.client_ca_pem); !r) return r.error();
    SSL_CTX_set_verify(self->context_,
                       SSL_VERIFY_PEER | (options.require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
  }
  for (const std::string& name : options.alpn) {
    self->alpn_ += static_cast<char>(name.size());
    self->alpn_ += name;
  }
  if (!self->alpn_.empty()) SSL_CTX_set_alpn_select_cb(self->context_, on_alpn, self.get());
  if (auto r = self->set_key_log(options.key_log_file, options.key_log); !r) return r.error();
  return self;
}

// No protocol in common: go on without one, as clients of HTTP/1.1 expect.
int TlsContext::on_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                        unsigned int size, void* self) {
  const std::string& ours = static_cast<TlsContext*>(self)->alpn_;
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                           static_cast<unsigned int>(ours.size()), offered, size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

Result<std::shared_ptr<TlsContext>> TlsContext::client(const TlsClientOptions& options) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> self(new TlsContext(SSL_CTX_new(TLS_client_method())));
  if (self->context_ == nullptr) return local_tls_error("cannot set up TLS");
  set_common(self->context_);
  if (options.version != TlsClientOptions::Version::kAny) {
    const int only = options.version == TlsClientOptions::Version::k12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(self->context_, only);
    SSL_CTX_set_max_proto_version(self->context_, only);
  }
  switch (options.verify) {
    case TlsClientOptions::Verify::kNone:
      SSL_CTX_set_verify(self->context_, SSL_VERIFY_NONE, nullptr);
      break;
    case TlsClientOptions::Verify::kCa:
      SSL_CTX_set_verify(self->context_, SSL_VERIFY_PEER, nullptr);
      if (options.ca_file.empty() && options.ca_pem.empty()) {
        SSL_CTX_set_default_verify_paths(self->context_);
      } else if (auto r = trust(self->context_, options.ca_file, options.ca_pem); !r) {
        return r.error();
      }
      break;
    case TlsClientOptions::Verify::kPinned: {
      const BioPtr text = memory_bio(options.pinned_pem);
      self->pinned_ = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr);
      if (self->pinned_ == nullptr) return local_tls_error("the pinned certificate is not PEM");
      SSL_CTX_set_verify(self->context_, SSL_VERIFY_PEER, nullptr);
      SSL_CTX_set_cert_verify_callback(
          self->context_,
          [](X509_STORE_CTX* store, void* pinned) {
            X509* leaf = X509_STORE_CTX_get0_cert(store);
            const bool same = leaf != nullptr && X509_cmp(leaf, static_cast<X509*>(pinned)) == 0;
            X509_STORE_CTX_set_error(store, same ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED);
            return same ? 1 : 0;
          },
          self->pinned_);
      break;
    }
  }
  if (!options.certificate_file.empty() || !options.pem.certificate.empty()) {
    if (auto r = use_pair(self->context_, options.certificate_file, options.key_file, options.pem); !r)
      return r.error();
  }
  if (auto r = self->set_key_log(options.key_log_file, options.key_log); !r) return r.error();
  return self;
}

Stream::Stream(tcp::socket socket) : socket_(std::move(socket)) {}

Stream::~Stream() {
  if (ssl_ != nullptr) SSL_free(ssl_);
}

BIO_METHOD* Stream::bio_method() {
  // Our own instead of OpenSSL's socket BIO: that one writes without MSG_NOSIGNAL and would kill the process with
  // SIGPIPE.
  static BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "peerscope socket");
    BIO_meth_set_create(m, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    BIO_meth_set_write(m, [](BIO* bio, const char* data, int size) {
      auto* state = static_cast<Bio*>(BIO_get_data(bio));
      BIO_clear_retry_flags(bio);
      const auto n = ::send(state->fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_write(bio);
      } else if (n < 0) {
        state->error = errno;
      }
      return static_cast<int>(n);
    });
    BIO_meth_set_read(m, [](BIO* bio, char* data, int size) {
      auto* state = static_cast<Bio*>(BIO_get_data(bio));
      BIO_clear_retry_flags(bio);
      const auto n = ::recv(state->fd, data, static_cast<std::size_t>(size), MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(bio);
      } else if (n < 0) {
        state->error = errno;
      } else if (n == 0) {
        state->eof = true;
      }
      return static_cast<int>(n);
    });
    BIO_meth_set_ctrl(m, [](BIO* bio, int command, long, void*) -> long {
      if (command == BIO_CTRL_FLUSH) return 1;
      if (command == BIO_CTRL_EOF) return static_cast<Bio*>(BIO_get_data(bio))->eof ? 1 : 0;
      return 0;
    });
    return m;
  }();
  return method;
}

void Stream::start_tls(std::shared_ptr<TlsContext> context, bool server) {
  context_ = std::move(context);
  ssl_ = SSL_new(context_->get());
  bio_ = std::make_unique<Bio>();
  bio_->fd = socket_.native_handle();
  BIO* bio = BIO_new(bio_method());
  BIO_set_data(bio, bio_.get());
  SSL_set_bio(ssl_, bio, bio);
  if (server) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
}

void Stream::set_server_name(const std::string& name, bool check_name) {
  boost::system::error_code ec;
  boost::asio::ip::make_address(name, ec);
  const bool numeric = !ec;
  if (!numeric) SSL_set_tlsext_host_name(ssl_, name.c_str());  // RFC 6066 section 3: no literal addresses in SNI
  if (!check_name) return;
  if (numeric) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name.c_str());
  } else {
    SSL_set1_host(ssl_, name.c_str());
  }
}

IoResult Stream::failed(int error_number) {
  error_ = system_error(error_number);
  return {error_.kind == ErrorKind::kReset ? IoStatus::kReset : IoStatus::kError, 0};
}

IoResult Stream::result_of(int returned, const char* doing) {
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ:
      return {IoStatus::kWantRead, 0};
    case SSL_ERROR_WANT_WRITE:
      return {IoStatus::kWantWrite, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoStatus::kEof, 0};
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      if (bio_->error != 0) return failed(bio_->error);
      return {IoStatus::kEof, 0};
    default: {
      const long verify = SSL_get_verify_result(ssl_);
      if (verify != X509_V_OK) {
        ERR_clear_error();
        error_ = {ErrorKind::kTls, std::string(doing) + ": " + X509_verify_cert_error_string(verify)};
      } else {
        error_ = tls_error(doing);
      }
      return {IoStatus::kError, 0};
    }
  }
}

IoResult Stream::handshake() {
  ERR_clear_error();
  const int r = SSL_do_handshake(ssl_);
  if (r == 1) return {};
  return result_of(r, "TLS handshake failed");
}

std::string_view Stream::protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  if (ssl_ != nullptr) SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

IoResult Stream::read(char* data, std::size_t size) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int n = SSL_read(ssl_, data, static_cast<int>(std::min<std::size_t>(size, 1 << 30)));
    if (n > 0) return {IoStatus::kOk, static_cast<std::size_t>(n)};
    return result_of(n, "TLS read failed");
  }
  for (;;) {
    const auto n = ::recv(socket_.native_handle(), data, size, MSG_DONTWAIT);
    if (n > 0) return {IoStatus::kOk, static_cast<std::size_t>(n)};
    if (n == 0) return {IoStatus::kEof, 0};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::kWantRead, 0};
    if (errno != EINTR) return failed(errno);
  }
}

IoResult Stream::write(const iovec* pieces, int count) {
  if (ssl_ != nullptr) {
    std::size_t total = 0;
    for (int i = 0; i < count; ++i) {
      const auto* data = static_cast<const char*>(pieces[i].iov_base);
      std::size_t done = 0;
      while (done < pieces[i].iov_len) {
        ERR_clear_error();
        const int n =
            SSL_write(ssl_, data + done, static_cast<int>(std::min<std::size_t>(pieces[i].iov_len - done, 1 << 30)));
        if (n <= 0) {
          if (total > 0) return {IoStatus::kOk, total};
          return result_of(n, "TLS write failed");
        }
        done += static_cast<std::size_t>(n);
        total += static_cast<std::size_t>(n);
      }
    }
    return {IoStatus::kOk, total};
  }
  for (;;) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = static_cast<std::size_t>(count);
    const auto n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return {IoStatus::kOk, static_cast<std::size_t>(n)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoStatus::kWantWrite, 0};
    if (errno != EINTR) return failed(errno);
  }
}

void Stream::shutdown_write() {
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_)) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void Stream::close() {
  if (!socket_.is_open()) return;
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_)) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Stream::reset() {
  if (!socket_.is_open()) return;
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

void Stream::describe(ConnectionInfo& info) {
  boost::system::error_code ec;
  const auto as_endpoint = [](const tcp::endpoint& e) { return Endpoint{e.address().to_string(), e.port()}; };
  const auto remote = socket_.remote_endpoint(ec);
  if (!ec) info.remote = as_endpoint(remote);
  const auto local = socket_.local_endpoint(ec);
  if (!ec) info.local = as_endpoint(local);
  info.tls = tls();
  if (ssl_ == nullptr || !SSL_is_init_finished(ssl_)) return;
  info.tls_version = SSL_get_version(ssl_);
  if (const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name)) info.server_name = name;
  if (const X509Ptr certificate{SSL_get1_peer_certificate(ssl_)}) {
    const BioPtr text(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate.get()), 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(text.get(), &data);
    if (size > 0) info.peer_certificate_subject.assign(data, static_cast<std::size_t>(size));
  }
}

}  // namespace peerscope::net::detail
