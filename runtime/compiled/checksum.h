// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace octet::runtime {

// Notices damage, not malice. Any change of up to eight neighbouring bytes changes it for certain.
std::uint64_t checksum_of(std::span<const std::byte> bytes) noexcept;

// Whether a stored checksum is that of `bytes`. Fuzzers must get behind it, so in their builds it always is.
inline bool is_intact(std::span<const std::byte> bytes, std::uint64_t stored) noexcept {
#if defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
  return static_cast<void>(bytes), static_cast<void>(stored), true;
#else
  return checksum_of(bytes) == stored;
#endif
}

}  // namespace octet::runtime
