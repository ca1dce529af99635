// SPDX-License-Identifier: Apache-2.0
// Every backend's depthwise micro-kernel against wide integers.
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
  std::size_t kh, kw, stride, rows, count, channels;
};

// used_rows: those below have weights for few channels only.
void check(std::mt19937& engine, const Backend& backend, Size size, Finish finish, std::size_t used_rows = 99) {
  const bool is_signed = backend.activation == kernels::Activation::s8;
  const std::size_t kh = size.kh, kw = size.kw, stride = size.stride;
  const std::size_t n_rows = size.rows, count = size.count, channels = size.channels;
  const std::size_t taps = kh * kw, padded = (channels + 63) / 64 * 64;
  INFO(backend.name << ": " << kh << "x" << kw << ", stride " << stride << ", rows " << n_rows << ", count " << count
                    << ", channels " << channels << ", finish " << static_cast<int>(finish));
  // Mostly taps as in an image; some point elsewhere, as a strip of zero points does.
  const std::size_t width = (count - 1) * stride + kw, run = (count - 1) * stride * channels + channels;
  const std::size_t offset = engine() % 64;
  const std::vector<std::uint8_t> image = random_bytes(engine, offset + (n_rows + kh) * width * channels + kOverread);
  const std::vector<std::uint8_t> strip = random_bytes(engine, run + kOverread);
  std::vector<const std::uint8_t*> pointers;
  for (std::size_t y = 0; y < n_rows; ++y) {
    for (std::size_t t = 0; t < taps; ++t) {
      const std::uint8_t* const inside = image.data() + offset + ((y + t / kw) * width + t % kw) * channels;
      pointers.push_back(engine() % 9 == 0 ? strip.data() : inside);
    }
  }
  kernels::AlignedBytes weights = kernels::allocate_aligned(taps * padded);
  std::vector<std::uint8_t> codes = random_bytes(engine, taps * channels);
  for (std::size_t i = used_rows * kw * channels; i < codes.size(); ++i) {
    if (engine() % 100 != 0) codes[i] = 0;
  }
  const auto weight = [&](std::size_t t, std::size_t c) { return code_of(codes[t * channels + c], true); };
  for (std::size_t t = 0; t < taps; ++t) {
    for (std::size_t c = 0; c < channels; ++c)
      weights[t * padded + c] = static_cast<std::byte>(codes[t * channels + c]);
  }
  const Columns columns(engine, padded, is_signed, finish);
  const std::size_t element = finish == Finish::accumulators ? 4 : 1, shift = element == 1 ? engine() % 7 : 4;
  const std::size_t out_stride = channels + (engine() % 2) * 3, row_stride = count * out_stride + (engine() % 2) * 5;
  std::vector<std::uint8_t> out(shift + n_rows * row_stride * element + 64, 0xA5);
  backend.depthwise({.taps = pointers.data(),
                     .kh = kh,
                     .kw = kw,
                     .step = stride * channels,
                     .rows = n_rows,
                     .count = count,
                     .channels = channels,
                     .weights = reinterpret_cast<const std::int8_t*>(weights.get()),
                     .out = out.data() + shift,
                     .out_stride = out_stride,
                     .out_row_stride = row_stride,
                     .requant = &columns.requant()});
  std::vector<bool> written(out.size());
  for (std::size_t y = 0; y < n_rows; ++y) {
    for (std::size_t x = 0; x < count; ++x) {
      for (std::size_t c = 0; c < channels; ++c) {
        std::int64_t sum = 0;
        for (std::size_t t = 0; t < taps; ++t) {
          sum += code_of(pointers[y * taps + t][x * stride * channels + c], is_signed) * weight(t, c);
        }
        const std::size_t at = y * row_stride + x * out_stride + c;
        const std::int32_t result = read_result(out.data() + shift, at, finish, is_signed);
        if (result != columns.finished(c, sum)) {
          FAIL("row " << y << ", pixel " << x << ", channel " << c << ": " << result << " instead of "
                      << columns.finished(c, sum));
        }
        for (std::size_t b = 0; b < element; ++b) written[shift + at * element + b] = true;
      }
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!written[i] && out[i] != 0xA5) FAIL("byte " << i << " of the output's surroundings was written");
  }
}

constexpr Finish kFinishes[] = {Finish::fixed, Finish::floating, Finish::accumulators};

}  // namespace

TEST_CASE("depthwise: every channel tail") {
  std::mt19937 engine(211);
  for (const Backend& backend : test_backends()) {
    for (std::size_t channels = 1; channels <= 130; ++channels) {
      check(engine, backend, {3, 3, 1 + engine() % 2, 1 + engine() % 2, 1 + engine() % 5, channels},
            kFinishes[channels % 3]);
    }
  }
}

TEST_CASE("depthwise: rows that few channels need") {
  std::mt19937 engine(213);
  for (const Backend& backend : test_backends()) {
    for (int i = 0; i < 60; ++i) {
      const std::size_t side = i % 2 == 0 ? 3 : 5;
      check(engine, backend,
            {side + 1 + engine() % 3, side, 1 + engine() % 3, 1 + engine() % 3, 1 + engine() % 12, 1 + engine() % 200},
            kFinishes[i % 3], side);
    }
  }
}

TEST_CASE("depthwise: every run length, kernel and stride") {
  std::mt19937 engine(212);
  for (const Backend& backend : test_backends()) {
    for (std::size_t count = 1; count <= 20; ++count) {
      for (const std::size_t side : {std::size_t{3}, std::size_t{5}}) {
        for (const Finish finish : kFinishes) {
          check(engine, backend, {side, side, 1 + count % 2, 1 + engine() % 3, count, 1 + engine() % 100}, finish);
        }
      }
    }
    for (int i = 0; i < 60; ++i) {
      check(engine, backend,
            {1 + engine() % 8, 1 + engine() % 8, 1 + engine() % 3, 1 + engine() % 4, 1 + engine() % 12,
             1 + engine() % 80},
            kFinishes[i % 3]);
    }
  }
}

}  // namespace octet::test
