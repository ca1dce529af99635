// SPDX-License-Identifier: Apache-2.0
// The matrix product: tiles of up to 24 accumulators held in registers over the whole sum, then
// finished from a small buffer. Buffering costs nothing where it matters (stores have their own
// ports) and keeps the finish out of the thirty-odd tile shapes.
#include <immintrin.h>
#include <string.h>

#include "kernels/avx512vnni/avx512vnni.h"

namespace octet::kernels::OCTET_BACKEND_NS {

#include "kernels/avx512vnni/epilogue.inl"

namespace {

// One row of accumulators takes kVectors registers, one broadcast and kVectors weights are live
// beside them: 28 + 3 of 32 registers at most.
enum : int { kAccumulators = 24, kMaxRows = 12 };
template <int kVectors>
constexpr int max_rows() {
  return kAccumulators / kVectors < kMaxRows ? kAccumulators / kVectors : kMaxRows;
}

// acc (kRows, kVectors) = bias + A * B over all taps and k.
template <int kRows, int kVectors>
void multiply(const GemmArgs& args, const uint8_t* const* rows, __m512i* out) {
  __m512i acc[kRows][kVectors];
OCTET_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    const __m512i bias = _mm512_loadu_si512(args.requant->bias + 16 * v);
OCTET_UNROLL
    for (int i = 0; i < kRows; ++i) acc[i][v] = bias;
  }
  const size_t taps = args.taps, groups = (args.kc + 3) / 4;
  const int8_t* weights = static_cast<const int8_t*>(args.weights);
  for (size_t t = 0; t < taps; ++t) {
    const uint8_t* row[kRows];
OCTET_UNROLL
    for (int i = 0; i < kRows; ++i) row[i] = rows[static_cast<size_t>(i) * taps + t];
    for (size_t k = 0; k < 4 * groups; k += 4) {
      __m512i b[kVectors];
OCTET_UNROLL
      for (int v = 0; v < kVectors; ++v) b[v] = _mm512_load_si512(weights + 64 * v);
      weights += 64 * kVectors;
OCTET_UNROLL
      for (int i = 0; i < kRows; ++i) {
        int32_t four;
        memcpy(&four, row[i] + k, 4);
        const __m512i a = _mm512_set1_epi32(four);
OCTET_UNROLL
        for (int v = 0; v < kVectors; ++v) acc[i][v] = _mm512_dpbusd_epi32(acc[i][v], a, b[v]);
      }
    }
  }
OCTET_UNROLL
  for (int i = 0; i < kRows; ++i) {
OCTET_UNROLL
    for (int v = 0; v < kVectors; ++v) _mm512_store_si512(out + i * kVectors + v, acc[i][v]);
  }
}

// multiply<rows, kVectors>, chosen by number.
template <int kVectors, int kRows = max_rows<kVectors>()>
OCTET_INLINE void multiply_rows(int n_rows, const GemmArgs& args, const uint8_t* const* rows, __m512i* out) {
  if constexpr (kRows > 1) {
    if (n_rows != kRows) return multiply_rows<kVectors, kRows - 1>(n_rows, args, rows, out);
  }
  multiply<kRows, kVectors>(args, rows, out);
}

void store_accumulators(const GemmArgs& args, const __m512i* acc, size_t first, size_t rows, int vectors) {
  for (size_t i = 0; i < rows; ++i) {
    int32_t* out = static_cast<int32_t*>(args.out) + (first + i) * args.out_stride;
    for (int v = 0; v < vectors; ++v) {
      const size_t left = args.n - 16 * static_cast<size_t>(v);
      _mm512_mask_storeu_epi32(out + 16 * v, first_dwords(left), *acc++);
    }
  }
}

// The 64 bytes in a row that are kPerRow rows of 64 / kPerRow columns each, to and from memory.
template <int kPerRow>
OCTET_INLINE void store_rows(__m512i bytes, uint8_t* out, size_t stride, size_t rows, uint64_t mask) {
  if constexpr (kPerRow == 1) {
    _mm512_mask_storeu_epi8(out, mask, bytes);
  } else if constexpr (kPerRow == 2) {
    const auto half = static_cast<__mmask32>(mask);
    _mm256_mask_storeu_epi8(out, half, _mm512_castsi512_si256(bytes));
    if (rows > 1) _mm256_mask_storeu_epi8(out + stride, half, _mm512_extracti64x4_epi64(bytes, 1));
  } else {
    const auto quarter = static_cast<__mmask16>(mask);
    _mm_mask_storeu_epi8(out, quarter, _mm512_castsi512_si128(bytes));
    if (rows > 1) _mm_mask_storeu_epi8(out + stride, quarter, _mm512_extracti32x4_epi32(bytes, 1));
    if (rows > 2) _mm_mask_storeu_epi8(out + 2 * stride, quarter, _mm512_extracti32x4_epi32(bytes, 2));
    if (rows > 3) _mm_mask_storeu_epi8(out + 3 * stride, quarter, _mm512_extracti32x4_epi32(bytes, 3));
  }
}
template <int kPerRow>
OCTET_INLINE __m512i load_rows(const uint8_t* in, size_t stride, size_t rows, uint64_t mask) {
  if constexpr (kPerRow == 1) {
    return _mm512_maskz_loadu_epi8(mask, in);
  } else if constexpr (kPerRow == 2) {
    const auto half = static_cast<__mmask32>(mask);
    const __m512i first = _mm512_castsi256_si512(_mm256_maskz_loadu_epi8(half, in));
    return _mm512_inserti64x4(first, _mm256_maskz_loadu_epi8(rows > 1 ? half : 0, in + stride), 1);
  } else {
    const auto quarter = static_cast<__mmask16>(mask);
    __m512i v = _mm512_castsi128_si512(_mm_maskz_loadu_epi8(quarter, in));
    v = _mm512_inserti32x4(v, _mm_maskz_loadu_epi8(rows > 1 ? quarter : 0, in + stride), 1);
    v = _mm512_inserti32x4(v, _mm_maskz_loadu_epi8(rows > 2 ? quarter : 0, in + 2 * stride), 2);
    return _mm512_inserti32x4(v, _mm_maskz_loadu_epi8(rows > 3 ? quarter : 0, in + 3 * stride), 3);
  }
}

template <int kVectors, bool kFixed, bool kAdd>
void finish_tile(const GemmArgs& args, const Requantizer<RowOrder<kVectors>>& requantizer, const Adder* adder,
                 const __m512i* acc, size_t first, size_t rows) {
  constexpr int kTogether = kVectors >= 3 ? 1 : 4 / kVectors;  // rows in one vector of 64 codes
  const uint64_t mask = first_bytes(args.n);
  for (size_t i = 0; i < rows; i += kTogether) {
    const size_t some = rows - i < kTogether ? rows - i : kTogether;
    __m512i slots[4];
    for (int s = 0; s < 4; ++s) {
      const size_t row = static_cast<size_t>(s / kVectors) % kTogether;  // beyond the last: any that exists
      slots[s] = _mm512_load_si512(acc + (i + (row < some ? row : 0)) * kVectors + s % kVectors);
    }
    __m512i bytes = requantizer.bytes(requantizer.template words<kFixed>(slots));
    if constexpr (kAdd) {
      const uint8_t* residual = args.residual + (first + i) * args.residual_stride;
      bytes = (*adder)(bytes, transpose(load_rows<kTogether>(residual, args.residual_stride, some, mask)));
    }
    uint8_t* out = static_cast<uint8_t*>(args.out) + (first + i) * args.out_stride;
    store_rows<kTogether>(transpose(bytes), out, args.out_stride, some, mask);
  }
}

// All rows of a block of kVectors * 16 columns, in tiles of nearly equal height: 49 rows are 9
// times 5 or 6, not 8 times 6 and a slow 1.
template <int kVectors>
void run_block(const GemmArgs& args) {
  const bool finishes = args.requant->finish != Finish::accumulators;
  const Requantizer<RowOrder<kVectors>> requantizer(*args.requant, 0);
  const Adder adder(args.add != nullptr ? *args.add : AddParams{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, Finish::fixed});
  const bool fixed = requantizer.fixed(), adds = args.add != nullptr;
  const auto finish = fixed ? adds ? finish_tile<kVectors, true, true> : finish_tile<kVectors, true, false>
                            : adds ? finish_tile<kVectors, false, true> : finish_tile<kVectors, false, false>;
  constexpr size_t kRows = max_rows<kVectors>();
  alignas(64) __m512i acc[kRows * kVectors];
  size_t first = 0;
  for (size_t tiles = (args.m + kRows - 1) / kRows; tiles > 0; --tiles) {
    const size_t rows = (args.m - first + tiles - 1) / tiles;
    multiply_rows<kVectors>(static_cast<int>(rows), args, args.rows + first * args.taps, acc);
    if (finishes) {
      finish(args, requantizer, &adder, acc, first, rows);
    } else {
      store_accumulators(args, acc, first, rows, kVectors);
    }
    first += rows;
  }
}

}  // namespace

void gemm(const GemmArgs& args) {
  switch ((args.n + 15) / 16) {
    case 1: return run_block<1>(args);
    case 2: return run_block<2>(args);
    case 3: return run_block<3>(args);
    default: return run_block<4>(args);
  }
}

}  // namespace octet::kernels::OCTET_BACKEND_NS
