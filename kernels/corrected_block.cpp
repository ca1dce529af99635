// SPDX-License-Identifier: Apache-2.0
#include "kernels/corrected_block.h"

#include <algorithm>
#include <cstring>

#include "kernels/saturation.h"

namespace octet::kernels {
namespace {

// A Lane is what one column has of one step: `Lane::kStep` weights in, `Lane::kParts` parts of four bytes out.
struct ComplementLane {
  static constexpr std::size_t kStep = 4, kParts = 2;

  static bool fits(const std::int8_t* w, int) {
    return (w[0] != -128 || w[1] != -128) && (w[2] != -128 || w[3] != -128);
  }
  // Returns what the sum of these products lacks.
  static int pack(const std::int8_t* w, int, std::int8_t (&parts)[kParts][4]) {
    int lacks = 0;
    std::memcpy(parts[0], w, 4);
    std::memset(parts[1], 0, 4);
    for (std::size_t pair = 0; pair < 4; pair += 2) {
      if (pair_is_safe(w[pair], w[pair + 1], 255)) continue;
      const std::size_t flipped = w[pair + 1] == -128 ? pair : pair + 1;
      parts[0][flipped] = static_cast<std::int8_t>(-w[flipped]);
      parts[1][flipped] = -1;
      lacks += 255 * w[flipped];
    }
    return lacks;
  }
  static bool is_exact(const std::int8_t* parts, std::size_t bytes, int) {
    return count_unsafe_pairs({parts, bytes}, 255).unsafe == 0;
  }
};

struct QuadLane {
  static constexpr std::size_t kStep = 8, kParts = 3;

  // The sum of four products lies in [-down, up].
  struct Interval {
    int up = 0, down = 0;
    Interval(const std::int8_t* pair, const std::int8_t* other, int max_code) {
      for (const int w : {pair[0], pair[1], other[0], other[1]}) (w > 0 ? up : down) += max_code * std::abs(w);
    }
    int constant() const { return up > 32767 ? 32767 - up : std::max(down - 32768, 0); }
  };
  static bool fits(const std::int8_t* w, int max_code) {
    for (std::size_t i = 0; i < 4; i += 2) {
      if (!pair_is_safe(w[i], w[i + 1], max_code) || !pair_is_safe(w[4 + i], w[5 + i], max_code)) return false;
      const Interval sum(w + i, w + 4 + i, max_code);
      if (sum.up + sum.down > 65535) return false;
    }
    return true;
  }
  static int pack(const std::int8_t* w, int max_code, std::int8_t (&parts)[kParts][4]) {
    std::int16_t constants[2];
    std::memcpy(parts[0], w, 8);
    for (std::size_t i = 0; i < 2; ++i) {
      constants[i] = static_cast<std::int16_t>(Interval(w + 2 * i, w + 4 + 2 * i, max_code).constant());
    }
    std::memcpy(parts[2], constants, 4);
    return -constants[0] - constants[1];
  }
  static bool is_exact(const std::int8_t* parts, std::size_t bytes, int max_code) {
    int worst = 0;  // how far any sum leaves 16 bits
    for (std::size_t i = 0; i < bytes; i += 2) {
      std::int16_t constant;
      std::memcpy(&constant, parts + 2 * bytes + i, 2);
      const std::int8_t *const one = parts + i, *const other = one + bytes;
      const Interval sum(one, other, max_code), first(one, one, max_code), second(other, other, max_code);
      const int up = std::max(sum.up + constant, std::max(first.up, second.up) / 2);
      const int down = std::max(sum.down - constant, std::max(first.down, second.down) / 2);
      worst = std::max(worst, std::max(up - 32767, down - 32768));
    }
    return worst == 0;
  }
};

// What `use(lane)` returns, Lane being that of the packing.
template <class Use>
auto with_lane(const Gemm& gemm, Use use) {
  return gemm.packing == kPackQuads ? use(QuadLane{}) : use(ComplementLane{});
}

template <class Lane>
std::size_t steps(std::size_t kc) {
  return round_up(kc, Lane::kStep) / Lane::kStep;
}

std::size_t corrections_bytes(std::size_t taps, std::size_t width) {
  return round_up((1 + taps) * width * sizeof(std::int32_t), kWeightAlignment);
}

// The weights of one column and step, zeros behind the last.
template <std::size_t kStep>
void gather(const WeightSource& source, std::size_t kc, std::size_t n, std::size_t j, std::size_t t, std::size_t k,
            std::int8_t (&w)[kStep]) {
  for (std::size_t i = 0; i < kStep; ++i) w[i] = j < n && k + i < kc ? source.at(j, t, k + i) : std::int8_t{0};
}

}  // namespace

std::size_t corrected_bytes(const Gemm& gemm, std::size_t taps, std::size_t kc, std::size_t n) {
  const std::size_t width = block_width(gemm, n);
  return with_lane(gemm, [&]<class Lane>(Lane) {
    return corrections_bytes(taps, width) + taps * steps<Lane>(kc) * width * 4 * Lane::kParts;
  });
}

bool can_correct(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
                 int max_code) {
  return with_lane(gemm, [&]<class Lane>(Lane) {
    std::int8_t w[Lane::kStep];
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t t = 0; t < taps; ++t) {
        for (std::size_t k = 0; k < kc; k += Lane::kStep) {
          gather(source, kc, n, j, t, k, w);
          if (!Lane::fits(w, max_code)) return false;
        }
      }
    }
    return true;
  });
}

void pack_corrected(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
                    int max_code, void* out) {
  const std::size_t width = block_width(gemm, n), nu = gemm.nu;
  auto* const corrections = static_cast<std::uint32_t*>(out);
  std::fill_n(corrections, (1 + taps) * width, 0U);
  auto* next = static_cast<std::int8_t*>(out) + corrections_bytes(taps, width);
  with_lane(gemm, [&]<class Lane>(Lane) {
    std::int8_t w[Lane::kStep], parts[Lane::kParts][4];
    for (std::size_t t = 0; t < taps; ++t) {
      std::uint32_t* const of_tap = corrections + (1 + t) * width;
      for (std::size_t k = 0; k < kc; k += Lane::kStep) {
        for (std::size_t j = 0; j < width; ++j) {
          gather(source, kc, n, j, t, k, w);
          of_tap[j] += static_cast<std::uint32_t>(Lane::pack(w, max_code, parts));
          for (std::size_t part = 0; part < Lane::kParts; ++part) {
            std::memcpy(next + (j / nu * Lane::kParts + part) * nu * 4 + j % nu * 4, parts[part], 4);
          }
        }
        next += width * 4 * Lane::kParts;
      }
      for (std::size_t j = 0; j < width; ++j) corrections[j] += of_tap[j];
    }
  });
}

bool corrected_is_exact(const Gemm& gemm, std::span<const std::byte> block, std::size_t taps, std::size_t kc,
                        std::size_t n, int max_code) {
  const std::size_t width = block_width(gemm, n), part = gemm.nu * std::size_t{4};
  return with_lane(gemm, [&]<class Lane>(Lane) {
    const auto* at = reinterpret_cast<const std::int8_t*>(block.data()) + corrections_bytes(taps, width);
    for (std::size_t left = taps * steps<Lane>(kc) * (width / gemm.nu); left > 0; --left) {
      if (!Lane::is_exact(at, part, max_code)) return false;
      at += part * Lane::kParts;
    }
    return true;
  });
}

}  // namespace octet::kernels
