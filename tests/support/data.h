// SPDX-License-Identifier: Apache-2.0
// Where test data lies, and how a test says that it is not there.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/catch.h"
#include "tools/npy.h"

namespace octet::test {

inline std::string digits(const std::string& file) { return std::string(OCTET_SOURCE_DIR) + "/examples/digits/" + file; }

// A file of the optional data set beside the project: keyword spotting and ImageNet samples.
inline std::filesystem::path shared(const std::string& file) {
  return std::filesystem::path(OCTET_SHARED_DIR) / "data" / file;
}

// True, with a visible SKIPPED line, where the optional data is absent.
inline bool skip_without(const std::filesystem::path& path) {
  if (std::filesystem::exists(path)) return false;
  WARN("SKIPPED: " << path << " is not here");
  return true;
}

inline tools::Array load(const std::filesystem::path& path) { return tools::read_npy(path).value(); }

}  // namespace octet::test
