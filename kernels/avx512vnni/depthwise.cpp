// SPDX-License-Identifier: Apache-2.0
// Channel-wise convolution. A column of a 3x3 or 5x5 window (its kh rows at one x) is interleaved
// once and then serves every output that it belongs to: the accumulators of as many outputs are
// live at a time and move along x.
#include <immintrin.h>

#include "kernels/avx512vnni/avx512vnni.h"

namespace octet::kernels::OCTET_BACKEND_NS {

#include "kernels/avx512vnni/epilogue.inl"
#include "kernels/avx512vnni/taps.inl"

namespace {

// The part of a call that one block of channels makes up.
struct Block {
  const DepthwiseArgs& args;
  size_t channel, padded;  // first channel; channels padded to 64
  uint64_t mask;           // of the bytes that exist
};

template <int kSlots>
void store_accumulators(const Block& block, int32_t* out, Slots<kSlots> acc) {
  alignas(64) int32_t all[16 * kSlots];
  for (int s = 0; s < kSlots; ++s) {
    _mm_store_si128(reinterpret_cast<__m128i*>(all + 4 * s), _mm512_castsi512_si128(acc.v[s]));
    _mm_store_si128(reinterpret_cast<__m128i*>(all + 4 * (kSlots + s)), _mm512_extracti32x4_epi32(acc.v[s], 1));
    _mm_store_si128(reinterpret_cast<__m128i*>(all + 4 * (2 * kSlots + s)), _mm512_extracti32x4_epi32(acc.v[s], 2));
    _mm_store_si128(reinterpret_cast<__m128i*>(all + 4 * (3 * kSlots + s)), _mm512_extracti32x4_epi32(acc.v[s], 3));
  }
  for (int s = 0; s < kSlots; ++s) {
    _mm512_mask_storeu_epi32(out + 16 * s, static_cast<__mmask16>(block.mask >> (16 * s)), _mm512_load_si512(all + 16 * s));
  }
}

// Finishes and stores one output pixel.
template <int kSlots>
class Output {
 public:
  OCTET_INLINE explicit Output(const Block& block)
      : block_(block), requantizer_(*block.args.requant, block.channel), finish_(block.args.requant->finish),
        out_(block.args.out), mask_(block.mask) {}

  // at: the pixel's first element, counted from args.out
  OCTET_INLINE void store(size_t at, const Slots<kSlots>& acc) const {
    if (__builtin_expect(finish_ == Finish::accumulators, 0)) {
      return store_accumulators(block_, static_cast<int32_t*>(static_cast<void*>(out_)) + at, acc);
    }
    const __m512i slots[4] = {acc.v[0], acc.v[1], acc.v[kSlots - 2], acc.v[kSlots - 1]};
    const Words words = finish_ == Finish::fixed ? requantizer_.template words<true>(slots)
                                                 : requantizer_.template words<false>(slots);
    store_channels<kSlots>(out_ + at, requantizer_.bytes(words), mask_);
  }

 private:
  const Block& block_;
  Requantizer<LaneOrder<kSlots>> requantizer_;
  Finish finish_;
  uint8_t* out_;
  uint64_t mask_;
};

// Reads from memory, always: a copy from a register would take a turn on the ports that do the work.
template <int kSlots>
OCTET_INLINE Slots<kSlots> load_slots(const Slots<kSlots>& from) {
  const Slots<kSlots>* p = &from;
  __asm__("" : "+r"(p));
  Slots<kSlots> slots;
  OCTET_UNROLL
  for (int s = 0; s < kSlots; ++s) slots.v[s] = _mm512_load_si512(&p->v[s]);
  return slots;
}

template <int kSlots>
OCTET_INLINE Slots<kSlots> load_bias(const Block& block) {
  Slots<kSlots> bias;
  OCTET_UNROLL
  for (int s = 0; s < kSlots; ++s) bias.v[s] = LaneOrder<kSlots>::load(block.args.requant->bias + block.channel, s);
  return bias;
}

// Rows 4g .. 4g+3 of one column at `at(row)`; rows that do not exist repeat one (their weights are 0).
template <int kKh, int kSlots, class At>
OCTET_INLINE Slots<kSlots> load_column(int g, At at) {
  const auto row = [&](int i) { return load_channels<kSlots>(at(4 * g + i < kKh ? 4 * g + i : kKh - 1)); };
  if (kKh - 4 * g == 1) {
    const __m512i only = row(0);
    return interleave<kSlots>(only, only, only, only);
  }
  if (kKh - 4 * g == 3) {
    const __m512i last = row(2);
    return interleave<kSlots>(row(0), row(1), last, last);
  }
  return interleave<kSlots>(row(0), row(1), row(2), row(3));
}

// kStride is how many columns the window moves per output; kKw: no column is shared, whatever the taps are.
template <int kKh, int kKw, int kStride, int kSlots>
void window(const Block& block) {
  constexpr int kGroups = (kKh + 3) / 4;
  constexpr int kLive = (kKw - 1) / kStride + 1;  // outputs that a column can belong to
  const DepthwiseArgs& args = block.args;

  Slots<kSlots> weights[kGroups][kKw];
  const auto weight_row = [&](int ky, int kx) {
    const size_t tap = static_cast<size_t>(ky * kKw + kx);
    return ky < kKh ? load_channels<kSlots>(args.weights + tap * block.padded + block.channel) : _mm512_setzero_si512();
  };
  for (int g = 0; g < kGroups; ++g) {
    for (int kx = 0; kx < kKw; ++kx) {
      weights[g][kx] = interleave<kSlots>(weight_row(4 * g, kx), weight_row(4 * g + 1, kx), weight_row(4 * g + 2, kx),
                                          weight_row(4 * g + 3, kx));
    }
  }
  const Slots<kSlots> bias = load_bias<kSlots>(block);
  const Output<kSlots> output(block);

  const size_t step = args.step, count = args.count;
  for (size_t y = 0; y < args.rows; ++y) {
    const uint8_t* const* taps = args.taps + y * (kKh * kKw);
    // Output x + d lives in acc[(x + d) % kLive]: unrolling by kLive makes that a constant, where
    // moving accumulators down would cost as many instructions as adding to them.
    Slots<kSlots> acc[kLive];
    const auto start = [&](int i) __attribute__((always_inline)) { acc[i] = load_slots<kSlots>(bias); };
    // Column kx of output x is column kx - d*kStride of output x + d; now: x % kLive.
    const auto add_column = [&](int kx, size_t offset, int now) __attribute__((always_inline)) {
      OCTET_UNROLL
      for (int g = 0; g < kGroups; ++g) {
        const auto column = load_column<kKh, kSlots>(g, [&](int ky) { return taps[ky * kKw + kx] + offset; });
        OCTET_UNROLL
        for (int d = 0; d < kLive; ++d) {
          if (kx < d * kStride) continue;
          Slots<kSlots>& to = acc[(now + d) % kLive];
          OCTET_UNROLL
          for (int s = 0; s < kSlots; ++s) {
            to.v[s] = _mm512_dpbusd_epi32(to.v[s], column.v[s], weights[g][kx - d * kStride].v[s]);
          }
        }
      }
    };
    OCTET_UNROLL
    for (int d = 0; d < kLive; ++d) start(d);
    OCTET_UNROLL
    for (int kx = 0; kx < kKw - kStride; ++kx) add_column(kx, block.channel, 0);
    size_t offset = block.channel, at = y * args.out_row_stride + block.channel;
    for (size_t x = 0; x < count; x += kLive) {
      OCTET_UNROLL
      for (int now = 0; now < kLive; ++now) {
        if (x + static_cast<size_t>(now) >= count) break;
        OCTET_UNROLL
        for (int kx = kKw - kStride; kx < kKw; ++kx) add_column(kx, offset, now);
        output.store(at, acc[now]);
        start(now);
        offset += step;
        at += args.out_stride;
      }
    }
  }
}

// Any window: four taps at a time, in the order of the list.
template <int kSlots>
void any_window(const Block& block) {
  constexpr size_t kKept = 16;  // groups of four taps whose weights are interleaved beforehand
  const DepthwiseArgs& args = block.args;
  const size_t n_taps = args.kh * args.kw, groups = (n_taps + 3) / 4;
  const auto weight_group = [&](size_t g) {
    const auto row = [&](size_t t) {
      return t < n_taps ? load_channels<kSlots>(args.weights + t * block.padded + block.channel)
                        : _mm512_setzero_si512();
    };
    return interleave<kSlots>(row(4 * g), row(4 * g + 1), row(4 * g + 2), row(4 * g + 3));
  };
  Slots<kSlots> kept[kKept];
  for (size_t g = 0; g < kKept && g < groups; ++g) kept[g] = weight_group(g);
  const Slots<kSlots> bias = load_bias<kSlots>(block);
  const Output<kSlots> output(block);

  for (size_t y = 0; y < args.rows; ++y) {
    for (size_t x = 0; x < args.count; ++x) {
      const auto tap = [&](size_t t) {
        const size_t existing = t < n_taps ? t : n_taps - 1;
        return load_channels<kSlots>(args.taps[y * n_taps + existing] + x * args.step + block.channel);
      };
      Slots<kSlots> acc = bias;
      for (size_t g = 0; g < groups; ++g) {
        const auto column = interleave<kSlots>(tap(4 * g), tap(4 * g + 1), tap(4 * g + 2), tap(4 * g + 3));
        const auto weights = g < kKept ? kept[g] : weight_group(g);
        for (int s = 0; s < kSlots; ++s) acc.v[s] = _mm512_dpbusd_epi32(acc.v[s], column.v[s], weights.v[s]);
      }
      output.store(y * args.out_row_stride + x * args.out_stride + block.channel, acc);
    }
  }
}

// Whether tap (ky, kx + by) of an output is tap (ky, kx) of the next one, for every row and tap.
bool shares_columns(const DepthwiseArgs& args, size_t by) {
  if (args.count == 1) return false;
  for (size_t i = 0; i < args.rows * args.kh; ++i) {
    const uint8_t* const* row = args.taps + i * args.kw;
    for (size_t kx = by; kx < args.kw; ++kx) {
      if (reinterpret_cast<uintptr_t>(row[kx]) != reinterpret_cast<uintptr_t>(row[kx - by]) + args.step) return false;
    }
  }
  return true;
}

using BlockFn = void (*)(const Block&);

template <int kSize, int kSlots>
BlockFn choose_square(const DepthwiseArgs& args) {
  if (shares_columns(args, 1)) return window<kSize, kSize, 1, kSlots>;
  if (shares_columns(args, 2)) return window<kSize, kSize, 2, kSlots>;
  return window<kSize, kSize, kSize, kSlots>;
}
template <int kSlots>
BlockFn choose(const DepthwiseArgs& args) {
  if (args.kh == 3 && args.kw == 3) return choose_square<3, kSlots>(args);
  if (args.kh == 5 && args.kw == 5) return choose_square<5, kSlots>(args);
  return any_window<kSlots>;
}

}  // namespace

void depthwise(const DepthwiseArgs& args) {
  const size_t padded = (args.channels + 63) / 64 * 64;
  const size_t wide = args.channels % 64 <= 32 ? args.channels / 64 * 64 : args.channels;  // the rest fits 32
  if (wide > 0) {
    const BlockFn run = choose<4>(args);
    for (size_t c = 0; c < wide; c += 64) run({args, c, padded, first_bytes(args.channels - c)});
  }
  if (wide < args.channels) choose<2>(args)({args, wide, padded, first_bytes(args.channels - wide)});
}

}  // namespace octet::kernels::OCTET_BACKEND_NS
