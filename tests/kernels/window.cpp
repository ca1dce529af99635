// SPDX-License-Identifier: Apache-2.0
#include "kernels/window.h"

#include "tests/support/catch.h"

namespace octet::kernels {

// Every tap of every window, looked at one by one.
TEST_CASE("window overlaps agree with counting taps", "[pool]") {
  for (std::int64_t in = 1; in <= 7; ++in) {
    for (std::int64_t kernel = 1; kernel <= 4; ++kernel) {
      for (std::int64_t stride = 1; stride <= 3; ++stride) {
        for (std::int64_t dilation = 1; dilation <= 3; ++dilation) {
          for (std::int64_t pads = 0; pads < 9; ++pads) {
            const std::int64_t begin = pads / 3, end = pads % 3, reach = (kernel - 1) * dilation + 1;
            if (in + begin + end < reach) continue;
            // One window more than fits: the overhang of ceil_mode.
            const std::int64_t out = (in + begin + end - reach) / stride + 2;
            const auto result = overlaps({in, out, kernel, stride, dilation, begin, end});
            if ((out - 1) * stride - begin > in + end) {
              REQUIRE_FALSE(result);
              continue;
            }
            REQUIRE(result);
            for (std::int64_t o = 0; o < out; ++o) {
              std::int64_t taps = 0, counted = 0, first = -1;
              for (std::int64_t k = 0; k < kernel; ++k) {
                const std::int64_t at = o * stride - begin + k * dilation;
                if (at >= -begin && at < in + end) ++counted;
                if (at < 0 || at >= in) continue;
                if (taps++ == 0) first = at;
              }
              const Overlap& overlap = (*result)[static_cast<std::size_t>(o)];
              REQUIRE(overlap.taps == taps);
              REQUIRE(overlap.counted == counted);
              if (taps > 0) REQUIRE(overlap.first == first);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("numbers that describe no window are refused", "[pool]") {
  CHECK_FALSE(overlaps({4, 4, 0, 1, 1, 0, 0}));
  CHECK_FALSE(overlaps({4, 4, 1, 0, 1, 0, 0}));
  CHECK_FALSE(overlaps({4, 4, 1, 1, -1, 0, 0}));
  CHECK_FALSE(overlaps({4, 4, 1, 1, 1, -1, 0}));
  CHECK_FALSE(overlaps({0, 4, 1, 1, 1, 0, 0}));
  CHECK_FALSE(overlaps({4, 4, 1, std::int64_t{1} << 62, 1, 0, 0}));
  CHECK_FALSE(overlaps({4, 100, 1, 2, 1, 0, 0}));
}

}  // namespace octet::kernels
