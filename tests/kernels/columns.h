// SPDX-License-Identifier: Apache-2.0
// Random requantization constants for micro-kernel tests, with the code that each sum must become.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/microkernels.h"
#include "tests/support/oracle.h"

namespace octet::test {

class Columns {
 public:
  // `width` entries: exactly what a kernel may read, so that a sanitizer sees one that reads more.
  Columns(std::mt19937& engine, std::size_t width, bool is_signed, kernels::Finish finish) {
    const auto between = [&engine](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(engine); };
    const int lowest = is_signed ? -128 : 0;
    // Some columns put their sums among the codes, some far outside, some have no factor at all.
    for (std::size_t j = 0; j < width; ++j) {
      const int kind = between(0, 9);
      std::int32_t m = between(1 << 30, std::numeric_limits<std::int32_t>::max());
      std::int32_t s = kind < 6 ? between(36, 44) : between(21, 62);
      if (kind == 6) m = 1 << 30;  // a power of two: ties
      if (kind == 7) m = 0, s = 62;
      const bool extreme = between(0, 15) == 0;
      const auto any = static_cast<std::int32_t>(engine());
      bias_.push_back(
          extreme ? (any % 2 == 0 ? std::numeric_limits<std::int32_t>::max() : std::numeric_limits<std::int32_t>::min())
          : kind == 8 ? any
                      : between(-30000, 30000));
      multiplier_.push_back(m);
      shift_.push_back(s);
      scale_.push_back(static_cast<float>(std::ldexp(static_cast<double>(m), -s)));
    }
    int min = lowest, max = lowest + 255;
    if (between(0, 2) == 0) {
      min = lowest + between(0, 255);
      max = between(min, lowest + 255);
    }
    requant_ = {bias_.data(), multiplier_.data(), shift_.data(), scale_.data(), lowest + between(0, 255), min, max,
                finish};
  }

  const kernels::Requant& requant() const { return requant_; }

  // sum: without the bias; the sums of kernels wrap mod 2^32.
  std::int32_t finished(std::size_t j, std::int64_t sum) const {
    const auto acc = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(bias_[j]));
    const kernels::Requant& r = requant_;
    if (r.finish == kernels::Finish::accumulators) return acc;
    if (r.finish == kernels::Finish::floating) {
      return oracle::requantize_floating(acc, scale_[j], r.zero_point, r.min, r.max);
    }
    return oracle::requantize_fixed(acc, std::ldexp(static_cast<double>(multiplier_[j]), -shift_[j]), r.zero_point,
                                    r.min, r.max);
  }

 private:
  std::vector<std::int32_t> bias_, multiplier_, shift_;
  std::vector<float> scale_;
  kernels::Requant requant_{};
};

// The code that a byte stands for, and bytes of which one in eight is an extreme.
inline int code_of(std::uint8_t byte, bool is_signed) { return is_signed ? static_cast<std::int8_t>(byte) : byte; }
inline std::vector<std::uint8_t> random_bytes(std::mt19937& engine, std::size_t n) {
  std::vector<std::uint8_t> bytes(n);
  for (std::uint8_t& byte : bytes) {
    const auto kind = engine() % 16;
    byte = static_cast<std::uint8_t>(kind == 0 ? 0 : kind == 1 ? 255 : kind == 2 ? 128 : engine());
  }
  return bytes;
}

// Element i of (…) codes or int32 at `out`.
inline std::int32_t read_result(const std::uint8_t* out, std::size_t i, kernels::Finish finish, bool is_signed) {
  if (finish != kernels::Finish::accumulators) return code_of(out[i], is_signed);
  std::int32_t value;
  std::memcpy(&value, out + 4 * i, 4);
  return value;
}

}  // namespace octet::test
