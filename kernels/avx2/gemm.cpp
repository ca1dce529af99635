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

// Words times 16-bit weights never saturate.
struct ByWords {
  static OCTET_INLINE Ints add(Ints acc, Ints a, Ints b) { return dot_words(acc, a, b); }
};

// Both exact kernels first bring a tile's rows into another form, a chunk at a time, in a buffer that
// stays in the first level cache; the loop that multiplies is the same as ever. Doing it within that
// loop would cost two of ten instructions (widening); this costs a quarter of one.
constexpr size_t kChunk = 1024;  // bytes per row

struct Chunk {
  alignas(64) uint8_t row[max_rows<1>()][kChunk + size_t{kBytes}];  // what is stored beyond a chunk's end is not used
};

// Codes as words: times 16-bit weights they never saturate.
class Widen {
 public:
  using Step = ByWords;
  static const int8_t* weights(const GemmArgs& args) { return static_cast<const int8_t*>(args.weights); }
  static size_t steps(const GemmArgs& args) { return args.taps * ((args.kc + 1) / 2); }

  Widen(const GemmArgs& args, size_t first, size_t rows)
      : args_(args), source_(args.rows + first * args.taps), rows_(rows) {}

  // The next bytes of every row; 0 after the last.
  size_t fill(Chunk* chunk) {
    size_t filled = 0;
    while (tap_ < args_.taps && filled < kChunk) {
      const size_t left = args_.kc - k_, room = (kChunk - filled) / 2, codes = left < room ? left : room;
      for (size_t i = 0; i < rows_; ++i) {
        const uint8_t* from = source_[i * args_.taps + tap_] + k_;
        uint8_t* to = chunk->row[i] + filled;
        for (size_t c = 0; c < codes; c += 16) store(to + 2 * c, _mm256_cvtepu8_epi16(load_16(from + c, 16)));
      }
      filled += (codes + 1) / 2 * 4;
      k_ += codes;
      if (k_ == args_.kc) ++tap_, k_ = 0;
    }
    return filled;
  }

 private:
  const GemmArgs& args_;
  const uint8_t* const* source_;
  size_t rows_, tap_ = 0, k_ = 0;
};

// Codes in an order in which no pair saturates: kernels/pairing.h.
class Pair {
 public:
  using Step = ByCodes;
  static const int8_t* weights(const GemmArgs& args) {
    return reinterpret_cast<const int8_t*>(controls(args)) + padded(args.taps * vectors(args) * kBytes);
  }
  static size_t steps(const GemmArgs& args) { return args.taps * ((args.kc + 3) / 4) + extras(args) / 4; }

  Pair(const GemmArgs& args, size_t first, size_t rows)
      : args_(args), source_(args.rows + first * args.taps), rows_(rows), control_(controls(args)) {}

  size_t fill(Chunk* chunk) {
    size_t filled = 0;
    while (tap_ < args_.taps && filled <= kChunk - size_t{kBytes}) {
      const size_t left = args_.kc - k_, room = (kChunk - filled) / kBytes * kBytes, codes = left < room ? left : room;
      for (size_t i = 0; i < rows_; ++i) {
        const uint8_t* from = source_[i * args_.taps + tap_] + k_;
        uint8_t* to = chunk->row[i] + filled;
        for (size_t c = 0; c < codes; c += kBytes) {
          store(to + c, _mm256_shuffle_epi8(load(from + c), load_aligned(control_ + c)));
        }
      }
      filled += (codes + 3) / 4 * 4;
      control_ += (codes + kBytes - 1) / kBytes * kBytes;
      k_ += codes;
      if (k_ == args_.kc) ++tap_, k_ = 0;
    }
    if (filled == 0) return fill_extras(chunk);
    return filled;
  }

 private:
  static size_t padded(size_t bytes) { return (bytes + 63) / 64 * 64; }
  static size_t vectors(const GemmArgs& args) { return (args.kc + kBytes - 1) / kBytes; }
  static const uint8_t* bytes(const GemmArgs& args) { return static_cast<const uint8_t*>(args.weights); }
  static size_t extras(const GemmArgs& args) {
    int32_t n;
    memcpy(&n, args.weights, 4);
    return static_cast<size_t>(n);
  }
  static const uint8_t* controls(const GemmArgs& args) { return bytes(args) + 64 + padded(extras(args) * 8); }

  size_t fill_extras(Chunk* chunk) {
    const size_t left = extras(args_) - extra_, n = left < kChunk ? left : kChunk;
    for (size_t e = 0; e < n; ++e) {
      int32_t place[2];  // tap and k
      memcpy(place, bytes(args_) + 64 + (extra_ + e) * 8, 8);
      const uint8_t* const* from = source_ + place[0];
      for (size_t i = 0; i < rows_; ++i) chunk->row[i][e] = from[i * args_.taps][place[1]];
    }
    extra_ += n;
    return n;
  }

  const GemmArgs& args_;
  const uint8_t* const* source_;
  size_t rows_, tap_ = 0, k_ = 0, extra_ = 0;
  const uint8_t* control_;
};

template <class Stage>
struct StagedProduct {
  const GemmArgs& args;
  OCTET_INLINE const int8_t* weights() const { return Stage::weights(args); }
  OCTET_INLINE size_t steps() const { return Stage::steps(args); }

  template <int kVectors>
  void multiply(size_t first, size_t rows, Ahead ahead, Ints* acc) const {
    Chunk chunk;
    const uint8_t* row[max_rows<kVectors>()];
    for (size_t i = 0; i < rows; ++i) row[i] = chunk.row[i];
    Stage stage(args, first, rows);
    int32_t row_sums[max_rows<kVectors>() + 3];
    if (args.weight_zero != nullptr) sum_rows(args, first, rows, row_sums);
    Sum sum = {row, 1, 0, weights(), args.requant->bias, nullptr, args, first, row_sums};
    for (size_t filled; (filled = stage.fill(&chunk)) != 0; sum.bias = nullptr) {
      sum.steps = filled / 4;
      multiply_rows<typename Stage::Step, kVectors>(static_cast<int>(rows), sum, ahead, acc);
      sum.weights += sum.steps * kBytes * kVectors;
      ahead.at += ahead.step * sum.steps;
    }
  }
};

}  // namespace

void gemm_widened(const GemmArgs& args) { run_product<StagedProduct<Widen>>(args); }
void gemm_paired(const GemmArgs& args) { run_product<StagedProduct<Pair>>(args); }

}  // namespace octet::kernels::OCTET_BACKEND_NS
