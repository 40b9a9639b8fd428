// SPDX-License-Identifier: GPL-2.0-or-later
// Result of an operation that can fail: a value, or an Error with a kind for programs and a sentence for people.
// Plain values without threading rules; nothing in the transport library throws for what a network or a peer does.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace peerscope::net {

enum class ErrorKind {
  kRefused,       // nobody listens at the address
  kUnreachable,   // no route to the address
  kTimeout,       // a configured limit passed
  kClosed,        // the peer closed the connection in an orderly way
  kReset,         // the peer aborted the connection
  kTls,           // handshake, certificate or record error
  kTooLarge,      // a message over the configured limit
  kMalformed,     // bytes that are not what the protocol allows
  kResolve,       // a host name without an address
  kAddressInUse,  // another socket listens there already
  kCancelled,     // stopped by our own side
  kLocal,         // bad argument, missing file, no descriptors, disk full, ...
};

// Lower-case word for logs and reports: "refused", "timeout", ...
std::string_view to_string(ErrorKind kind);

struct Error {
  Error() = default;
  Error(ErrorKind k, std::string m) : kind(k), message(std::move(m)) {}

  ErrorKind kind = ErrorKind::kLocal;
  std::string message;
};

template <class T = void>
class [[nodiscard]] Result {
 public:
  // A failure; coroutine machinery needs a state before there is a result.
  Result() : Result(ErrorKind::kLocal, "no result") {}
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)
  Result(ErrorKind kind, std::string message) : Result(Error{kind, std::move(message)}) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Calling value() on a failure, or error() on a success, is a bug of the caller.
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)
  Result(ErrorKind kind, std::string message) : Result(Error{kind, std::move(message)}) {}

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace peerscope::net
