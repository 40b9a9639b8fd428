// SPDX-License-Identifier: GPL-2.0-or-later
// Outcome: a value, or the sentence that says why there is none. Plain values without threading rules.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace peerscope::reload {

struct Failure {
  explicit Failure(std::string text) : message(std::move(text)) {}
  std::string message;
};

template <class T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : value_(std::move(value)) {}                      // NOLINT(google-explicit-constructor)
  Outcome(Failure failure) : message_(std::move(failure.message)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  // Reading the value of a failure is a bug of the caller.
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  // The reason; empty on success.
  const std::string& message() const { return message_; }
  Failure failure() const { return Failure(message_); }

 private:
  std::optional<T> value_;
  std::string message_;
};

}  // namespace peerscope::reload
