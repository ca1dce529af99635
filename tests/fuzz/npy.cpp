// SPDX-License-Identifier: Apache-2.0
// Any bytes as a .npy file.
#include "tools/npy.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto array = octet::tools::parse_npy(std::as_bytes(std::span(data, size)), "fuzz.npy");
  if (array.ok()) {
    if (static_cast<std::size_t>(array->shape.count()) * octet::size_of(array->dtype) != array->bytes.size())
      std::abort();
  } else if (array.status().message().empty()) {
    std::abort();
  }
  return 0;
}
