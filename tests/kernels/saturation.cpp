// SPDX-License-Identifier: Apache-2.0
#include "kernels/saturation.h"

#include <algorithm>
#include <vector>

#include "tests/quantize/golden.h"
#include "tests/support/catch.h"

namespace octet::kernels {

TEST_CASE("saturation: the recorded boundary pairs of vpmaddubsw") {
  const nlohmann::json file = test::golden("vpmaddubsw.json");
  for (const std::vector<int> row : file.at("rows")) {
    const int a0 = row[0], a1 = row[1], w0 = row[2], w1 = row[3];
    INFO(a0 << "*" << w0 << " + " << a1 << "*" << w1);
    CHECK(std::clamp(a0 * w0 + a1 * w1, -32768, 32767) == row[5]);
    // What saturated for these codes is unsafe; where both codes are the largest and of one sign, the
    // verdict is exactly this row's.
    const int q = std::max(a0, a1);
    if (row[6] != 0) CHECK(!pair_is_safe(w0, w1, q));
    if (row[6] == 0 && a0 == a1) CHECK(pair_is_safe(w0, w1, q));
  }
}

TEST_CASE("saturation: safe if and only if no input saturates") {
  for (const int q : {1, 64, 126, 127, 128, 129, 130, 200, 254, 255}) {
    for (int w0 = -128; w0 <= 127; ++w0) {
      for (int w1 = -128; w1 <= 127; ++w1) {
        // The sum is linear in each code, so its extremes are among the corners.
        const int corners[] = {0, q * w0, q * w1, q * (w0 + w1)};
        const auto [low, high] = std::ranges::minmax(corners);
        const bool exact = low >= -32768 && high <= 32767;
        if (pair_is_safe(w0, w1, q) != exact) FAIL(q << ": " << w0 << ", " << w1);
      }
    }
  }
}

TEST_CASE("saturation: pairs are counted as packed") {
  const std::vector<std::int8_t> packed{64, 64, 65, 64, 64, 65, 127, -128, -64, -65, 0, 127};
  const SaturationCount count = count_unsafe_pairs(packed, 255);
  CHECK(count.pairs == 6);
  CHECK(count.unsafe == 3);
  CHECK(count_unsafe_pairs(packed, 127).unsafe == 0);
}

TEST_CASE("saturation: two s8 products fit a word unless both weights are -128") {
  for (int w0 = -128; w0 <= 127; ++w0) {
    for (int w1 = -128; w1 <= 127; ++w1) {
      const auto [low0, high0] = std::minmax({-128 * w0, 127 * w0});
      const auto [low1, high1] = std::minmax({-128 * w1, 127 * w1});
      const bool exact = low0 + low1 >= -32768 && high0 + high1 <= 32767;
      if (signed_pair_is_safe(w0, w1) != exact) FAIL(w0 << ", " << w1);
    }
  }
  std::vector<std::int8_t> packed(48, 5);
  packed[0] = packed[9] = packed[15] = packed[16] = -128;  // no pair
  CHECK(count_unsafe_signed_pairs(packed).pairs == 24);
  CHECK(count_unsafe_signed_pairs(packed).unsafe == 0);
  packed[7] = packed[24] = -128;
  CHECK(count_unsafe_signed_pairs(packed).unsafe == 2);
}

}  // namespace octet::kernels
