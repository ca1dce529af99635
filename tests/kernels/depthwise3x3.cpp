// SPDX-License-Identifier: Apache-2.0
// The 3x3 kernel for whole rows, of the backends that have one, against wide integers.
#include <cstring>

#include "kernels/aligned_bytes.h"
#include "tests/kernels/columns.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

using kernels::Backend;
using kernels::Finish;
using kernels::kOverread;

struct Size {
  std::size_t n_rows, count, channels, stride, left, width;
};

void check(std::mt19937& engine, const Backend& backend, Size size, Finish finish) {
  if (backend.depthwise3x3 == nullptr) return;
  const auto [n_rows, count, channels, stride, left, width] = size;
  INFO(backend.name << ": rows " << n_rows << ", count " << count << ", channels " << channels << ", stride " << stride
                    << ", left " << left << ", width " << width << ", finish " << static_cast<int>(finish));
  const std::size_t padded = (channels + 63) / 64 * 64, offset = engine() % 64;
  const std::vector<std::uint8_t> image = random_bytes(engine, offset + (n_rows + 2) * width * channels + kOverread);
  const std::vector<std::uint8_t> strip = random_bytes(engine, width * channels + kOverread);
  std::vector<const std::uint8_t*> rows;
  for (std::size_t i = 0; i < 3 * n_rows; ++i) {
    const std::size_t row = i / 3 + i % 3;
    rows.push_back(engine() % 9 == 0 ? strip.data() : image.data() + offset + row * width * channels);
  }
  const auto zero = static_cast<std::uint8_t>(engine());
  const std::vector<std::uint8_t> codes = random_bytes(engine, 12 * channels);
  kernels::AlignedBytes weights = kernels::allocate_aligned(12 * padded);
  for (std::size_t t = 0; t < 12; ++t) std::memcpy(weights.get() + t * padded, codes.data() + t * channels, channels);
  const Columns columns(engine, padded, false, finish);
  const std::size_t shift = engine() % 7, n = n_rows * count * channels;
  std::vector<std::uint8_t> out(shift + n + 64, 0xA5);
  backend.depthwise3x3({.rows = rows.data(),
                        .n_rows = n_rows,
                        .count = count,
                        .channels = channels,
                        .stride = stride,
                        .left = left,
                        .width = width,
                        .zero = zero,
                        .weights = reinterpret_cast<const std::int8_t*>(weights.get()),
                        .out = out.data() + shift,
                        .requant = &columns.requant()});
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t c = i % channels, x = i / channels % count, y = i / channels / count;
    std::int64_t sum = 0;
    for (std::size_t t = 0; t < 9; ++t) {
      const std::size_t column = x * stride + t % 3 - left;  // wraps where it is left of the image
      const std::int32_t code = column < width ? rows[3 * y + t / 3][column * channels + c] : zero;
      const std::int32_t more = t < 6 ? 0 : code_of(codes[(t + 3) * channels + c], true);
      sum += code * (code_of(codes[t * channels + c], true) + more);
    }
    const std::int32_t result = read_result(out.data() + shift, i, finish, false);
    if (result != columns.finished(c, sum)) {
      FAIL("row " << y << ", pixel " << x << ", channel " << c << ": " << result << " instead of "
                  << columns.finished(c, sum));
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if ((i < shift || i >= shift + n) && out[i] != 0xA5) FAIL("byte " << i << " around the output was written");
  }
}

}  // namespace

TEST_CASE("depthwise3x3: every channel tail") {
  std::mt19937 engine(311);
  for (const Backend& backend : test_backends()) {
    for (std::size_t channels = 1; channels <= 200; ++channels) {
      for (const Finish finish : {Finish::fixed, Finish::floating}) {
        const std::size_t count = 1 + engine() % 4, stride = 1 + engine() % 2;
        check(engine, backend, {1 + engine() % 3, count, channels, stride, engine() % 2, count * stride + engine() % 3},
              finish);
      }
    }
  }
}

TEST_CASE("depthwise3x3: every width, also narrower than the window") {
  std::mt19937 engine(312);
  for (const Backend& backend : test_backends()) {
    for (std::size_t width = 1; width <= 24; ++width) {
      for (std::size_t stride = 1; stride <= 2; ++stride) {
        for (std::size_t left = 0; left <= 1; ++left) {
          const std::size_t count = (width + stride - 1) / stride;
          check(engine, backend, {1 + engine() % 4, count, 1 + engine() % 100, stride, left, width},
                engine() % 3 == 0 ? Finish::floating : Finish::fixed);
        }
      }
    }
  }
}

}  // namespace octet::test
