// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/avx2/avx2.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/x86/vector256.inl"
#include "kernels/avx2/dot.inl"
#include "kernels/x86/slots.inl"
#include "kernels/x86/guarded_fixed.inl"
#include "kernels/x86/epilogue.inl"
#include "kernels/x86/gemm.inl"
// clang-format on

namespace {

// kernels/corrected_block.h
struct ByComplement {
  enum : size_t { kBytesOfRow = 4, kParts = 2 };
  enum : bool { kCorrected = true };
  using Codes = ByCodes::Codes;
  static OCTET_INLINE Ints add(Ints acc, const Codes& codes, const Ints (&parts)[kParts]) {
    return dot(acc, _mm256_xor_si256(codes.four, parts[1]), parts[0]);
  }
};

struct ByQuads {
  enum : size_t { kBytesOfRow = 8, kParts = 3 };
  enum : bool { kCorrected = true };
  struct Codes {
    Ints four, next;
    OCTET_INLINE explicit Codes(const uint8_t* p) : four(spread_four(p)), next(spread_four(p + 4)) {}
  };
  static OCTET_INLINE Ints add(Ints acc, const Codes& codes, const Ints (&parts)[kParts]) {
    const Ints one = _mm256_add_epi16(_mm256_maddubs_epi16(codes.four, parts[0]), parts[2]);
    return dot_words(acc, _mm256_add_epi16(one, _mm256_maddubs_epi16(codes.next, parts[1])), spread_word(1));
  }
};

template <int kVectors>
using ProductByComplement = DirectProduct<ByComplement, kVectors>;
template <int kVectors>
using ProductByQuads = DirectProduct<ByQuads, kVectors>;

// Codes as words times 16-bit weights never saturate. A tile's rows are widened a chunk at a time, in a buffer that
// stays in the first level cache; doing it in the loop that multiplies would cost two of ten instructions, this costs a
// quarter of one.
template <int kVectors>
class WidenedProduct {
 public:
  enum : size_t { kStepBytes = kVectors * kBytes };

  OCTET_INLINE explicit WidenedProduct(const GemmArgs& args) : args_(args) {
    for (int v = 0; v < kVectors; ++v) start_[v] = RowOrder<kVectors>::load_slot(args.requant->bias, v);
  }

  OCTET_INLINE size_t steps() const { return args_.taps * ((args_.kc + 1) / 2); }
  OCTET_INLINE const char* end() const { return static_cast<const char*>(args_.weights) + steps() * kStepBytes; }

  void multiply(size_t first, size_t tiles, size_t height, Ahead ahead, Ints* acc) const {
    for (; tiles > 0; --tiles, first += height, acc += height * kVectors) multiply_tile(first, height, &ahead, acc);
  }

 private:
  struct ByWords : ByCodes {
    static OCTET_INLINE Ints add(Ints acc, const Codes& codes, const Ints (&weights)[kParts]) {
      return dot_words(acc, codes.four, weights[0]);
    }
  };
  enum : size_t { kChunk = 1024 };  // bytes per row
  struct Chunk {
    alignas(64)
        uint8_t row[max_rows<kVectors>()][kChunk + size_t{kBytes}];  // what is stored beyond a chunk's end is not used
  };

  void multiply_tile(size_t first, size_t rows, Ahead* ahead, Ints* acc) const {
    Chunk chunk;
    const uint8_t* row[max_rows<kVectors>()];
    for (size_t i = 0; i < rows; ++i) row[i] = chunk.row[i];
    int32_t row_sums[max_rows<kVectors>() + 3];
    if (args_.weight_zero != nullptr) sum_rows(args_, first, rows, row_sums);
    const auto* const weights = static_cast<const int8_t*>(args_.weights);
    Sum sum = {row, 1, 0, weights, start_, nullptr, nullptr, args_, first, row_sums};
    size_t tap = 0, k = 0;
    do {  // once at least: a sum of nothing is its start
      sum.steps = fill(first, rows, &chunk, &tap, &k) / 4;
      multiply_rows<ByWords, kVectors>(1, rows, sum, *ahead, acc);
      sum.weights += sum.steps * kStepBytes;
      ahead->at += ahead->step * sum.steps;
      sum.start = nullptr;
    } while (tap < args_.taps);
  }

  // The next bytes of every row, from *k of *tap on.
  size_t fill(size_t first, size_t rows, Chunk* chunk, size_t* tap, size_t* k) const {
    size_t filled = 0;
    while (*tap < args_.taps && filled < kChunk) {
      const size_t left = args_.kc - *k, room = (kChunk - filled) / 2, codes = left < room ? left : room;
      for (size_t i = 0; i < rows; ++i) {
        const uint8_t* from = args_.rows[(first + i) * args_.taps + *tap] + *k;
        uint8_t* to = chunk->row[i] + filled;
        for (size_t c = 0; c < codes; c += 16) store(to + 2 * c, _mm256_cvtepu8_epi16(load_16(from + c, 16)));
      }
      filled += (codes + 1) / 2 * 4;
      *k += codes;
      if (*k == args_.kc) ++*tap, *k = 0;
    }
    return filled;
  }

  Ints start_[kVectors];
  const GemmArgs& args_;
};

}  // namespace

void gemm_widened(const GemmArgs& args) { run_product<WidenedProduct>(args); }
void gemm_complement(const GemmArgs& args) { run_product<ProductByComplement>(args); }
void gemm_quads(const GemmArgs& args) { run_product<ProductByQuads>(args); }

}  // namespace octet::kernels::OCTET_BACKEND_NS
