// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/status.h>

#include <cstddef>
#include <filesystem>
#include <memory>

namespace octet::runtime {

// A file's bytes, read-only and shared with every process that maps it; page-aligned. Unmapped when
// the last copy goes. Empty files and what is not a file are refused.
struct MappedFile {
  std::shared_ptr<const std::byte[]> bytes;
  std::size_t size = 0;
};
Result<MappedFile> map_file(const std::filesystem::path& path);

}  // namespace octet::runtime
