// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/export.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace octet {

/// Success, or one sentence that says what failed, with which value, against which rule.
class [[nodiscard]] Status {
 public:
  Status() = default;
  static Status error(std::string sentence) {
    Status status;
    status.message_ = std::move(sentence);
    status.ok_ = false;
    return status;
  }
  bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  const std::string& message() const noexcept { return message_; }
  /// Throws octet::Error unless ok().
  void value() const;

 private:
  std::string message_;
  bool ok_ = true;
};

/// What `.value()` throws; what() is the sentence of the Status.
class OCTET_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {
/// Throws Error. Compiled into the library, so that these headers serve callers built with
/// -fno-exceptions too; there a failed `.value()` ends the program.
[[noreturn]] OCTET_API void throw_error(const std::string& sentence);
}  // namespace detail

inline void Status::value() const {
  if (!ok_) detail::throw_error(message_);
}

/// A T or the Status that explains why there is none. Serves both styles: test it and read
/// `.status()`, or call `.value()` and let it throw octet::Error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::move(value)) {}
  Result(Status status) : content_(std::move(status)) {}

  bool ok() const noexcept { return std::holds_alternative<T>(content_); }
  explicit operator bool() const noexcept { return ok(); }
  Status status() const { return ok() ? Status() : *std::get_if<Status>(&content_); }

  T& value() & { return checked(); }
  T value() && { return std::move(checked()); }
  const T& value() const& { return const_cast<Result*>(this)->checked(); }

  /// Unchecked access, only after ok().
  T& operator*() noexcept { return *std::get_if<T>(&content_); }
  const T& operator*() const noexcept { return *std::get_if<T>(&content_); }
  T* operator->() noexcept { return std::get_if<T>(&content_); }
  const T* operator->() const noexcept { return std::get_if<T>(&content_); }

 private:
  T& checked() {
    if (!ok()) detail::throw_error(std::get_if<Status>(&content_)->message());
    return *std::get_if<T>(&content_);
  }
  std::variant<T, Status> content_;
};

}  // namespace octet
