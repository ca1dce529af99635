// SPDX-License-Identifier: Apache-2.0
// The outermost layer of a compiled model: a header of 64 bytes, the description (a FlatBuffer) and the
// data section, which constants are used from in place. docs/format.md has the table of the fields.
#pragma once

#include <octet/status.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "runtime/compiled/checksum.h"

namespace octet::runtime {

constexpr std::size_t kBlobAlignment = 64;
constexpr std::uint32_t kFormatMajor = 1, kFormatMinor = 1;

constexpr const char* kDamaged = "its elements are damaged: the checksum differs";

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
