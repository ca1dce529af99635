// SPDX-License-Identifier: Apache-2.0
// The frame of a matrix product: tiles of rows, corrections, and the finish, eight columns at a time.
// What multiplies is a backend's Product:
//   kRows, kColumns   the largest tile
//   kStep             rows that cost as much as one
//   multiply(args, first, n_rows, tile)   tile (kRows, kColumns) = the plain products of n_rows rows
// The sums pass through a small buffer: one store and half a load per eight codes, for which the
// finish is written once instead of for every height of a tile. Needs epilogue.inl.

namespace {

// Sum over all codes of a row.
inline int32_t sum_of_row(const GemmArgs& args, size_t i) {
  int32x4_t sum = vdupq_n_s32(0);
  for (size_t t = 0; t < args.taps; ++t) {
    const uint8_t* const row = args.rows[i * args.taps + t];
    for (size_t k = 0; k < args.kc; k += kBytes) {
      sum = vpadalq_s16(sum, vpaddlq_s8(load_part(row + k, args.kc - k)));
    }
  }
  return vaddvq_s32(sum);
}

// tile -= weight_zero * row sums, and the extras. Almost no layer has either.
__attribute__((noinline)) inline void correct(const GemmArgs& args, size_t first, size_t n_rows, size_t stride,
                                              int32_t* tile) {
  for (size_t i = 0; i < n_rows; ++i, tile += stride) {
    const int32_t row_sum = args.weight_zero != nullptr ? sum_of_row(args, first + i) : 0;
    for (size_t j = 0; j < args.n; j += 8) {
      Eight acc = load_eight(tile + j);
      if (args.weight_zero != nullptr) {
        const Eight zero = load_eight(args.weight_zero + j);
        acc = {vmlsq_n_s32(acc.low, zero.low, row_sum), vmlsq_n_s32(acc.high, zero.high, row_sum)};
      }
      for (size_t e = 0; e < args.n_extras; ++e) {
        const GemmExtra& extra = args.extras[e];
        const auto code = static_cast<int8_t>(args.rows[(first + i) * args.taps + extra.tap][extra.k]);
        const int8x16x2_t weights = {{vld1q_s8(extra.weights + 4 * j), vld1q_s8(extra.weights + 4 * j + kBytes)}};
        const auto wide = [](int8x16_t w) { return vshrq_n_s32(vshlq_n_s32(vreinterpretq_s32_s8(w), 24), 24); };
        acc = {vmlaq_n_s32(acc.low, wide(weights.val[0]), code), vmlaq_n_s32(acc.high, wide(weights.val[1]), code)};
      }
      store_eight(tile + j, acc);
    }
  }
}

inline void store_accumulators(const GemmArgs& args, const int32_t* tile, size_t stride, size_t first, size_t n_rows) {
  for (size_t j = 0; j < args.n; j += 8) {
    const Eight bias = load_eight(args.requant->bias + j);
    int32_t* out = static_cast<int32_t*>(args.out) + first * args.out_stride + j;
    for (size_t i = 0; i < n_rows; ++i, out += args.out_stride) {
      store_eight(out, add(load_eight(tile + i * stride + j), bias), args.n - j);
    }
  }
}

template <bool kFixed, bool kAdd>
void finish_tile(const GemmArgs& args, const int32_t* tile, size_t stride, size_t first, size_t n_rows) {
  const Requant& requant = *args.requant;
  const Codes codes = Codes::of(requant.zero_point, requant.min, requant.max);
  const Adder adder(kAdd ? *args.add : AddParams{});
  for (size_t j = 0; j < args.n; j += 8) {
    const Factors factors = Factors::of(requant, j);
    const Eight bias = load_eight(requant.bias + j);
    const size_t n = args.n - j;
    const int32_t* acc = tile + j;
    uint8_t* out = static_cast<uint8_t*>(args.out) + first * args.out_stride + j;
    const uint8_t* residual = kAdd ? args.residual + first * args.residual_stride + j : nullptr;
    for (size_t i = 0; i < n_rows; ++i) {
      int8x8_t code = codes(scaled<kFixed>(add(load_eight(acc), bias), factors));
      if constexpr (kAdd) {
        code = adder.template add<kFixed>(code, load_half(residual, n));
        residual += args.residual_stride;
      }
      store_half(out, code, n);
      acc += stride;
      out += args.out_stride;
    }
  }
}

using FinishFn = void (*)(const GemmArgs&, const int32_t*, size_t, size_t, size_t);

inline FinishFn finish_of(const GemmArgs& args) {
  if (args.requant->finish == Finish::accumulators) return store_accumulators;
  const bool adds = args.add != nullptr;
  if (args.requant->finish == Finish::fixed) return adds ? finish_tile<true, true> : finish_tile<true, false>;
  return adds ? finish_tile<false, true> : finish_tile<false, false>;
}

// All rows, in tiles of nearly equal height: 49 rows are seven tiles of 7, not six of 8 and a slow 1.
template <class Product>
void run_product(const GemmArgs& args) {
  constexpr size_t kSteps = Product::kRows / Product::kStep;
  alignas(64) int32_t tile[Product::kRows * Product::kColumns];
  const FinishFn finish = finish_of(args);
  const bool corrects = args.weight_zero != nullptr || args.n_extras != 0;
  size_t first = 0, steps = (args.m + Product::kStep - 1) / Product::kStep;
  for (size_t tiles = (steps + kSteps - 1) / kSteps; tiles > 0; --tiles) {
    const size_t now = (steps + tiles - 1) / tiles;
    steps -= now;
    const size_t left = args.m - first, n_rows = now * Product::kStep < left ? now * Product::kStep : left;
    Product::multiply(args, first, n_rows, tile);
    if (corrects) correct(args, first, n_rows, Product::kColumns, tile);
    finish(args, tile, Product::kColumns, first, n_rows);
    first += n_rows;
  }
}

}  // namespace
