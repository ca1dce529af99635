// SPDX-License-Identifier: Apache-2.0
// The outermost layer of a compiled model: a header of 64 bytes, the description (a FlatBuffer) and the
// data section, which constants are used from in place. docs/format.md has the table of the fields.
#pragma once

#include <octet/status.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace octet::runtime {

constexpr std::size_t kBlobAlignment = 64;
constexpr std::uint32_t kFormatMajor = 1, kFormatMinor = 0;

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

struct Container {
  std::span<const std::byte> description;
  std::span<const std::byte> data;
};

// True if the file says that it is a compiled model, however damaged.
bool is_compiled_model(std::span<const std::byte> file) noexcept;

// The two parts, after the header and the description's checksum have been verified.
Result<Container> read_container(std::span<const std::byte> file);

// A whole file. `data` must be padded to a multiple of kBlobAlignment.
std::string write_container(std::span<const std::byte> description, std::span<const std::byte> data);

}  // namespace octet::runtime
