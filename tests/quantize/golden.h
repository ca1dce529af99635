// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace octet::test {

inline nlohmann::json golden(const std::string& file) {
  std::ifstream stream(std::string(OCTET_SOURCE_DIR) + "/tests/golden/" + file);
  REQUIRE(stream.good());
  return nlohmann::json::parse(stream);
}

// "0x3c38473b" is the float with these bits.
inline float from_bits(const std::string& hex) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(std::stoul(hex, nullptr, 16)));
}
inline std::vector<float> from_bits(const std::vector<std::string>& words) {
  std::vector<float> values;
  for (const std::string& word : words) values.push_back(from_bits(word));
  return values;
}

}  // namespace octet::test
