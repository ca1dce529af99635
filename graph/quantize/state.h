// SPDX-License-Identifier: Apache-2.0
// Observers' states as bytes: the same on every machine, and damage is noticed, never trusted.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace octet::graph {

class StateWriter {
 public:
  // Seven bits per byte, low ones first; most counts of a histogram are small.
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(0x80U | (value & 0x7FU)));
    bytes_.push_back(static_cast<char>(value));
  }
  // 0, -1, 1, -2 ... as 0, 1, 2, 3 ...
  void integer(std::int64_t value) {
    number((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void real(float value) { number(std::bit_cast<std::uint32_t>(value)); }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// After the first thing that cannot be read, ok() is false and everything reads as 0 or empty.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    return fail();
  }
  std::int64_t integer() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  float real() {
    const std::uint64_t bits = number();
    if (bits > 0xFFFFFFFFU) fail();
    return ok_ ? std::bit_cast<float>(static_cast<std::uint32_t>(bits)) : 0.0F;
  }
  std::string_view text() {
    const std::uint64_t size = number();
    if (size > bytes_.size()) fail();
    const std::string_view value = bytes_.substr(0, ok_ ? static_cast<std::size_t>(size) : 0);
    bytes_.remove_prefix(value.size());
    return value;
  }
  std::uint64_t fail() {
    ok_ = false;
    bytes_ = {};
    return 0;
  }
  bool ok() const noexcept { return ok_; }
  // Everything was read, and there was no more.
  bool complete() const noexcept { return ok_ && bytes_.empty(); }
  std::size_t left() const noexcept { return bytes_.size(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace octet::graph
