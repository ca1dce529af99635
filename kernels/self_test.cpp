// SPDX-License-Identifier: Apache-2.0
#include "kernels/self_test.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/pack.h"

namespace octet::kernels {
#include "kernels/requantize.inl"

namespace {

// Bytes that look random but are the same everywhere; every third one is an extreme.
class Bytes {
 public:
  std::uint8_t next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    const auto byte = static_cast<std::uint8_t>(state_ >> 56);
    const auto kind = (state_ >> 40) % 6;
    return kind == 0 ? std::uint8_t{0} : kind == 1 ? std::uint8_t{255} : byte;
  }
  template <class T>
  std::vector<T> vector(std::size_t n, std::size_t padding = 0) {
    std::vector<T> values(n + padding);
    for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<T>(next());
    return values;
  }

 private:
  std::uint64_t state_ = 0x9E3779B97F4A7C15U;
};

// The backend under test with the value of a code byte in its signedness.
struct Codes {
  bool is_signed;
  int min, max;
  explicit Codes(const Backend& backend)
      : is_signed(backend.activation == Activation::s8), min(is_signed ? -128 : 0), max(is_signed ? 127 : 255) {}
  int value(std::uint8_t byte) const { return is_signed ? static_cast<std::int8_t>(byte) : byte; }
  int middle() const { return is_signed ? -9 : 119; }
};

// Columns with multipliers from tiny to huge, for width columns, in one of the finishes.
struct Columns {
  std::vector<std::int32_t> bias, multiplier, shift;
  std::vector<float> scale;
  Requant requant;
  Columns(std::size_t width, const Codes& codes, Finish finish) {
    for (std::size_t j = 0; j < width; ++j) {
      const auto s = static_cast<std::int32_t>(21 + (j * 7) % 42);
      const std::int32_t m = j % 5 == 4 ? 0 : static_cast<std::int32_t>(0x40000000 + (j * 0x1234567) % 0x3FFFFFFF);
      bias.push_back(static_cast<std::int32_t>(j * 977) - 9000);
      multiplier.push_back(m);
      shift.push_back(s);
      scale.push_back(static_cast<float>(static_cast<double>(m) / static_cast<double>(std::int64_t{1} << s)));
    }
    requant = {bias.data(),    multiplier.data(), shift.data(),  scale.data(),
               codes.middle(), codes.min + 1,     codes.max - 2, finish};
  }
};

std::int32_t finished(const Requant& r, std::size_t j, std::int32_t acc) {
  if (r.finish == Finish::accumulators) return acc + r.bias[j];
  return requantize(r, j, acc);
}

// Reads output element i whatever the finish made of it.
std::int32_t read(const std::vector<std::uint8_t>& out, std::size_t i, Finish finish, const Codes& codes) {
  if (finish != Finish::accumulators) return codes.value(out[i]);
  std::int32_t value;
  std::memcpy(&value, out.data() + i * 4, 4);
  return value;
}

bool gemm_is_right(const Backend& backend, const Gemm& gemm, std::size_t n, Finish finish, bool with_add,
                   bool with_zeros = false) {
  const Codes codes(backend);
  const std::size_t m = gemm.mr + 1U, taps = 2, kc = 13, width = (n + gemm.nu - 1U) / gemm.nu * gemm.nu;
  Bytes bytes;
  const auto a = bytes.vector<std::uint8_t>(m * taps * kc, kOverread);
  auto w = bytes.vector<std::int8_t>(taps * kc * n);  // (taps, kc, n)
  if (gemm.saturates != 0) {
    for (std::int8_t& weight : w) weight = static_cast<std::int8_t>(weight / 2);  // pairs within the proof
  }
  if (gemm.packing == kPackComplement) std::ranges::replace(w, std::int8_t{-128}, std::int8_t{-127});
  const AlignedBytes packed = allocate_aligned(block_bytes(gemm, taps, kc, n));
  pack_block(gemm, {w.data(), 1, kc * n, n, 0}, taps, kc, n, 255, packed.get());
  std::vector<const std::uint8_t*> rows;
  for (std::size_t i = 0; i < m * taps; ++i) rows.push_back(a.data() + i * kc);
  const Columns columns(width, codes, finish);
  const AddParams add{codes.middle(), codes.middle() + 3, codes.middle() - 5, 1 << 19, -(1 << 18), 19, 1.0F, -0.5F,
                      0.5F,           codes.min,          codes.max,          finish};
  const auto residual = bytes.vector<std::uint8_t>(m * n);
  std::vector<std::int32_t> zeros(width);
  for (std::size_t j = 0; with_zeros && j < n; j += 3) zeros[j] = static_cast<std::int32_t>(j) - 9;
  std::vector<std::int8_t> extra_weights(4 * width);
  for (std::size_t j = 0; j < n; j += 4) extra_weights[4 * j] = static_cast<std::int8_t>(j * 37);
  const GemmExtra extra{1, kc - 1, extra_weights.data()};
  std::vector<std::uint8_t> out(m * n * 4);
  gemm.run({rows.data(), m, taps, kc, n, packed.get(), out.data(), n, &columns.requant, with_add ? &add : nullptr,
            residual.data(), n, nullptr, with_zeros ? zeros.data() : nullptr, &extra, with_zeros ? 1U : 0U});
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      std::int32_t acc = 0;
      for (std::size_t tp = 0; tp < taps * kc; ++tp) {
        acc += codes.value(a[i * taps * kc + tp]) * (w[tp * n + j] - zeros[j]);
      }
      if (with_zeros) acc += codes.value(a[(i + 1) * taps * kc - 1]) * extra_weights[4 * j];
      std::int32_t expected = finished(columns.requant, j, acc);
      if (with_add) expected = add_codes(add, expected, codes.value(residual[i * n + j]));
      if (read(out, i * n + j, finish, codes) != expected) return false;
    }
  }
  return true;
}

bool gemm_is_right(const Backend& backend, const Gemm& gemm) {
  const std::size_t widths[] = {gemm.nr, gemm.nr - 1U, 1};
  return std::ranges::all_of(widths, [&](std::size_t n) {
    return n == 0 || (gemm_is_right(backend, gemm, n, Finish::fixed, false) &&
                      gemm_is_right(backend, gemm, n, Finish::fixed, true) &&
                      gemm_is_right(backend, gemm, n, Finish::floating, false) &&
                      gemm_is_right(backend, gemm, n, Finish::fixed, false, true) &&
                      gemm_is_right(backend, gemm, n, Finish::accumulators, false));
  });
}

bool depthwise_is_right(const Backend& backend, std::size_t side, std::size_t stride) {
  const Codes codes(backend);
  const std::size_t channels = 67, padded = 128, count = 4, row = (count * stride + side) * channels;
  Bytes bytes;
  const auto image = bytes.vector<std::uint8_t>(side * row, kOverread);
  auto w = bytes.vector<std::int8_t>(side * side * padded);
  std::vector<const std::uint8_t*> taps;
  for (std::size_t t = 0; t < side * side; ++t) {
    std::fill_n(w.begin() + static_cast<std::ptrdiff_t>(t * padded + channels), padded - channels, std::int8_t{0});
    taps.push_back(image.data() + t / side * row + t % side * channels);
  }
  const Columns columns(padded, codes, Finish::fixed);
  std::vector<std::uint8_t> out(count * channels);
  backend.depthwise({taps.data(), side, side, stride * channels, 1, count, channels, w.data(), out.data(), channels,
                     count * channels, &columns.requant});
  for (std::size_t x = 0; x < count; ++x) {
    for (std::size_t c = 0; c < channels; ++c) {
      std::int32_t acc = 0;
      for (std::size_t t = 0; t < side * side; ++t) {
        acc += codes.value(taps[t][x * stride * channels + c]) * w[t * padded + c];
      }
      if (codes.value(out[x * channels + c]) != requantize(columns.requant, c, acc)) return false;
    }
  }
  return true;
}

bool depthwise3x3_is_right(const Backend& backend, std::size_t stride) {
  if (backend.depthwise3x3 == nullptr) return true;
  const Codes codes(backend);
  const std::size_t channels = 83, padded = 128, count = 3, width = stride == 1 ? 3 : 5, n_rows = 2;
  Bytes bytes;
  const auto image = bytes.vector<std::uint8_t>((n_rows + 2) * width * channels, kOverread);
  auto w = bytes.vector<std::int8_t>(12 * padded);
  std::vector<const std::uint8_t*> rows;
  for (std::size_t i = 0; i < 3 * n_rows; ++i) rows.push_back(image.data() + (i / 3 + i % 3) * width * channels);
  const Columns columns(padded, codes, Finish::fixed);
  std::vector<std::uint8_t> out(n_rows * count * channels);
  backend.depthwise3x3(
      {rows.data(), n_rows, count, channels, stride, 1, width, 77, w.data(), out.data(), &columns.requant});
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t c = i % channels, x = i / channels % count, y = i / channels / count;
    std::int32_t acc = 0;
    for (std::size_t t = 0; t < 9; ++t) {
      const std::size_t column = x * stride + t % 3 - 1;  // wraps where it is left of the image
      const std::int32_t code = column < width ? codes.value(rows[3 * y + t / 3][column * channels + c]) : 77;
      acc += code * (w[t * padded + c] + (t < 6 ? 0 : w[(t + 3) * padded + c]));
    }
    if (codes.value(out[i]) != requantize(columns.requant, c, acc)) return false;
  }
  return true;
}

constexpr std::size_t kCount = 131;  // elementwise length: every vector width plus a tail

bool add_is_right(const Backend& backend, Finish finish, std::size_t b_step) {
  const Codes codes(backend);
  Bytes bytes;
  const auto a = bytes.vector<std::uint8_t>(kCount), b = bytes.vector<std::uint8_t>(kCount);
  const AddParams p{codes.middle(), codes.middle() - 7, codes.middle() + 2, 777777, -654321, 20, 0.7417F, -0.62401F,
                    -7.25F,         codes.min + 1,      codes.max - 1,      finish};
  std::vector<std::uint8_t> out(kCount);
  backend.add(p, a.data(), 1, b.data(), b_step, out.data(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    if (codes.value(out[i]) != add_codes(p, codes.value(a[i]), codes.value(b[i * b_step]))) return false;
  }
  return true;
}

bool mul_is_right(const Backend& backend, Finish finish, std::size_t b_step) {
  const Codes codes(backend);
  Bytes bytes;
  const auto a = bytes.vector<std::uint8_t>(kCount), b = bytes.vector<std::uint8_t>(kCount);
  const MulParams p{codes.middle(), codes.middle() - 7, codes.middle() + 2, 0x51234567, 38,
                    0.00495F,       codes.min,          codes.max,          finish};
  std::vector<std::uint8_t> out(kCount);
  backend.mul(p, a.data(), 1, b.data(), b_step, out.data(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    if (codes.value(out[i]) != mul_codes(p, codes.value(a[i]), codes.value(b[i * b_step]))) return false;
  }
  return true;
}

bool lookup_is_right(const Backend& backend) {
  Bytes bytes;
  const auto table = bytes.vector<std::uint8_t>(256), in = bytes.vector<std::uint8_t>(kCount);
  std::vector<std::uint8_t> out(kCount);
  backend.lookup(table.data(), in.data(), out.data(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    if (out[i] != table[in[i]]) return false;
  }
  return true;
}

bool pools_are_right(const Backend& backend) {
  const Codes codes(backend);
  Bytes bytes;
  const std::size_t n_taps = 9;
  const auto image = bytes.vector<std::uint8_t>(n_taps * kCount, kOverread);
  std::vector<const std::uint8_t*> taps;
  for (std::size_t t = 0; t < n_taps; ++t) taps.push_back(image.data() + t * kCount);
  Columns columns(1, codes, Finish::fixed);
  columns.bias[0] = -static_cast<std::int32_t>(n_taps) * codes.middle();
  columns.multiplier[0] = 0x71C71C72;
  columns.shift[0] = 34;
  std::vector<std::uint8_t> maximum(kCount), average(kCount);
  backend.max_pool(taps.data(), n_taps, kCount, maximum.data());
  backend.avg_pool(taps.data(), n_taps, kCount, columns.requant, average.data());
  for (std::size_t c = 0; c < kCount; ++c) {
    std::int32_t sum = 0, top = codes.min;
    for (std::size_t t = 0; t < n_taps; ++t) {
      sum += codes.value(taps[t][c]);
      top = std::max(top, codes.value(taps[t][c]));
    }
    if (codes.value(maximum[c]) != top || codes.value(average[c]) != requantize(columns.requant, 0, sum)) return false;
  }
  return true;
}

// One conversion, spelled out: NaN -> zero point, clamp before converting, ties to even.
std::int32_t quantized(const QuantizeParams& p, float x) {
  float v = p.reciprocal != 0 ? x * (1.0F / p.scale) : x / p.scale;
  if (v != v) return p.zero_point;
  v = std::clamp(v, static_cast<float>(p.min - p.zero_point), static_cast<float>(p.max - p.zero_point));
  return round_half_even(v) + p.zero_point;
}

bool conversions_are_right(const Backend& backend) {
  const Codes codes(backend);
  std::vector<float> reals;
  Bytes bytes;
  for (std::size_t i = 0; i < kCount; ++i) reals.push_back((static_cast<float>(bytes.next()) - 127.0F) * 0.125F);
  reals[3] = std::numeric_limits<float>::quiet_NaN();
  reals[17] = std::numeric_limits<float>::infinity();
  reals[kCount - 1] = -3e38F;
  std::vector<std::uint8_t> out(kCount);
  std::vector<float> back(kCount);
  for (std::int32_t reciprocal : {0, 1}) {
    const QuantizeParams p{0.0499F, codes.middle(), codes.min, codes.max, reciprocal};
    backend.quantize(p, reals.data(), out.data(), kCount);
    backend.dequantize(p.scale, p.zero_point, out.data(), back.data(), kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
      if (codes.value(out[i]) != quantized(p, reals[i])) return false;
      if (back[i] != p.scale * static_cast<float>(codes.value(out[i]) - p.zero_point)) return false;
    }
  }
  return true;
}

bool requantize_is_right(const Backend& backend, Finish finish) {
  const Codes codes(backend);
  const Columns columns(kCount, codes, finish);
  std::vector<std::int32_t> acc;
  for (std::size_t j = 0; j < kCount; ++j) acc.push_back(static_cast<std::int32_t>(j * 0x3A00F1D - 0x6000000));
  std::vector<std::uint8_t> out(kCount);
  backend.requantize(columns.requant, acc.data(), out.data(), kCount);
  for (std::size_t j = 0; j < kCount; ++j) {
    if (codes.value(out[j]) != requantize(columns.requant, j, acc[j])) return false;
  }
  return true;
}

}  // namespace

const char* failing_kernel(const Backend& backend) {
  if (!gemm_is_right(backend, backend.gemm)) return "gemm";
  if (!gemm_is_right(backend, backend.gemm_exact)) return "gemm_exact";
  if (const Gemm& gemm = backend.gemm_complement; gemm.run != nullptr && !gemm_is_right(backend, gemm)) {
    return "gemm_complement";
  }
  if (const Gemm& gemm = backend.gemm_quads; gemm.run != nullptr && !gemm_is_right(backend, gemm)) return "gemm_quads";
  if (!depthwise_is_right(backend, 3, 1) || !depthwise_is_right(backend, 3, 2) || !depthwise_is_right(backend, 5, 1)) {
    return "depthwise";
  }
  if (!depthwise3x3_is_right(backend, 1) || !depthwise3x3_is_right(backend, 2)) return "depthwise3x3";
  for (Finish finish : {Finish::fixed, Finish::floating}) {
    if (!add_is_right(backend, finish, 1) || !add_is_right(backend, finish, 0)) return "add";
    if (!mul_is_right(backend, finish, 1) || !mul_is_right(backend, finish, 0)) return "mul";
    if (!requantize_is_right(backend, finish)) return "requantize";
  }
  if (!lookup_is_right(backend)) return "lookup";
  if (!pools_are_right(backend)) return "max_pool or avg_pool";
  if (!conversions_are_right(backend)) return "quantize or dequantize";
  return nullptr;
}

}  // namespace octet::kernels
