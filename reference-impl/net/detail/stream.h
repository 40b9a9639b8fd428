// SPDX-License-Identifier: GPL-2.0-or-later
// Internal: a non-blocking TCP connection with or without TLS. Every call does what it can at once and says what to
// wait for; the owner waits on the socket. This keeps idle connections small and the plain path free of layers. Owns
// the socket and the TLS state; one executor.
#pragma once

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

#include "reference-impl/net/http.h"
#include "reference-impl/net/tls.h"

namespace peerscope::net::detail {

using boost::asio::ip::tcp;

// A configured SSL_CTX with its key log. Shared by the connections that use it.
class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> server(const TlsServerOptions& options);
  static Result<std::shared_ptr<TlsContext>> client(const TlsClientOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  SSL_CTX* get() const { return context_; }
  X509* pinned() const { return pinned_; }

 private:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  Result<void> set_key_log(const std::string& file, KeyLogSink sink);
  static void on_key_log(const SSL* ssl, const char* line);
  static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                     unsigned int size, void* self);

  SSL_CTX* context_;
  X509* pinned_ = nullptr;
  int key_log_fd_ = -1;
  KeyLogSink sink_;
  std::string alpn_;  // in wire form
};

enum class IoStatus { kOk, kWantRead, kWantWrite, kEof, kReset, kError };
struct IoResult {
  IoStatus status = IoStatus::kOk;
  std::size_t bytes = 0;
};

class Stream {
 public:
  explicit Stream(tcp::socket socket);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  tcp::socket& socket() { return socket_; }
  bool tls() const { return ssl_ != nullptr; }

  void start_tls(std::shared_ptr<TlsContext> context, bool server);
  // Client: name for SNI and, when `check_name`, for the certificate.
  void set_server_name(const std::string& name, bool check_name);
  IoResult handshake();
  IoResult read(char* data, std::size_t size);
  IoResult write(const iovec* pieces, int count);
  // The protocol agreed on by ALPN; empty without.
  std::string_view protocol() const;
  // Bytes already decrypted.
  bool buffered() const { return ssl_ != nullptr && SSL_pending(ssl_) > 0; }

  void shutdown_write();
  void close();  // orderly
  void reset();  // RST
  // What the last kReset or kError was.
  const Error& error() const { return error_; }
  void describe(ConnectionInfo& info);

 private:
  struct Bio {
    int fd = -1;
    int error = 0;
    bool eof = false;
  };
  static BIO_METHOD* bio_method();
  IoResult result_of(int returned, const char* doing);
  IoResult failed(int error_number);

  tcp::socket socket_;
  std::shared_ptr<TlsContext> context_;
  SSL* ssl_ = nullptr;
  std::unique_ptr<Bio> bio_;
  Error error_;
};

// "connection refused" and the kind for an errno value.
Error system_error(int error_number, const std::string& prefix = {});

}  // namespace peerscope::net::detail
