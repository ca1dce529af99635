// SPDX-License-Identifier: Apache-2.0
// Any text as a quantization configuration: refused with a sentence, or written and read the same.
#include <octet/quantize.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = octet::QConfig::from_json({reinterpret_cast<const char*>(data), size});
  if (!config.ok()) {
    if (config.status().message().empty()) std::abort();
    return 0;
  }
  const auto again = octet::QConfig::from_json(config->to_json());
  if (!again.ok() || !(*again == *config)) std::abort();
  return 0;
}
