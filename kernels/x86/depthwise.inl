// SPDX-License-Identifier: Apache-2.0
// Channel-wise convolution. A column of a 5x5 window (its kh rows at one x) is interleaved once and
// then serves every output that it belongs to: the accumulators of as many outputs are live at a
// time. Needs vector.inl, epilogue.inl and taps.inl.

namespace {

// The part of a call that one block of channels makes up.
struct Block {
  const DepthwiseArgs& args;
  size_t channel, channels;  // first, and how many up to the last of all

  const int8_t* weight_row(size_t tap) const { return args.weights + tap * ((args.channels + 63) / 64 * 64) + channel; }
};

// Finishes and stores output pixels.
template <int kSlots>
class Output {
 public:
  OCTET_INLINE explicit Output(const Block& block)
      : requantizer_(*block.args.requant, block.channel),
        finish_(block.args.requant->finish),
        out_(block.args.out),
        channels_(block.channels),
        part_(first_bytes(block.channels)) {}

  // at: the pixel's first element, counted from args.out
  OCTET_INLINE void store(size_t at, const Slots<kSlots>& acc) const {
    if (__builtin_expect(finish_ == Finish::accumulators, 0)) return store_accumulators(at, acc);
    const Ints slots[4] = {acc.v[0], acc.v[1], acc.v[kSlots - 2], acc.v[kSlots - 1]};
    const Words words =
        finish_ == Finish::fixed ? requantizer_.template words<true>(slots) : requantizer_.template words<false>(slots);
    store_channels<kSlots>(out_ + at, requantizer_.bytes(words), part_);
  }

 private:
  __attribute__((noinline)) void store_accumulators(size_t at, Slots<kSlots> acc) const {
    int32_t ordered[kInts * kSlots];
    for (int s = 0; s < kSlots; ++s) store_lanes(ordered + 4 * s, 4 * kSlots, acc.v[s]);
    int32_t* out = static_cast<int32_t*>(static_cast<void*>(out_)) + at;
    for (size_t j = 0; j < kInts * kSlots && j < channels_; j += kInts) {
      store_ints(out + j, load(ordered + j), channels_ - j);
    }
  }

  Requantizer<LaneOrder<kSlots>> requantizer_;
  Finish finish_;
  uint8_t* out_;
  size_t channels_;
  Part part_;
};

template <int kSlots>
OCTET_INLINE Slots<kSlots> load_bias(const Block& block) {
  Slots<kSlots> bias;
  for (int s = 0; s < kSlots; ++s)
    bias.v[s] = LaneOrder<kSlots>::load_slot(block.args.requant->bias + block.channel, s);
  return bias;
}

// One by one: compilers copy the struct in halves of vectors, which cannot be forwarded to whole loads.
template <int kSlots>
OCTET_INLINE void assign(Slots<kSlots>& to, const Slots<kSlots>& from) {
  OCTET_UNROLL
  for (int s = 0; s < kSlots; ++s) to.v[s] = from.v[s];
}

// Rows 4g .. 4g+3 of one column at `at(row)`, or its only one (the weights of the others are 0).
template <int kKh, int kSlots, class At>
OCTET_INLINE Taps<kSlots> load_column(int g, At at) {
  static_assert(kKh % 4 < 2, "windows of 4 and 5 rows");
  const auto row = [&](int i) { return load_channels<kSlots>(at(4 * g + i)); };
  if (kKh - 4 * g == 1) {
    const Ints only = row(0);
    return interleave<kSlots, 1>(only, only, only, only);
  }
  return interleave<kSlots>(row(0), row(1), row(2), row(3));
}

// The first kKh rows of a window of kKw columns that moves kStride of them per output.
template <int kKh, int kKw, int kStride, int kSlots>
void window(const Block& block) {
  constexpr int kGroups = (kKh + 3) / 4;
  constexpr int kLive = (kKw - 1) / kStride + 1;  // outputs that a column can belong to
  const DepthwiseArgs& args = block.args;
  const size_t step = args.step, count = args.count;

  Taps<kSlots> weights[kGroups][kKw];
  for (int g = 0; g < kGroups; ++g) {
    for (int kx = 0; kx < kKw; ++kx) {
      const auto row = [&](int ky) {
        return ky < kKh ? load_tap_weights<kSlots>(block.weight_row(static_cast<size_t>(ky * kKw + kx))) : zero();
      };
      weights[g][kx] = interleave<kSlots>(row(4 * g), row(4 * g + 1), row(4 * g + 2), row(4 * g + 3));
    }
  }
  const Slots<kSlots> bias = load_bias<kSlots>(block);
  const Output<kSlots> output(block);

  for (size_t y = 0; y < args.rows; ++y) {
    const uint8_t* const* taps = args.taps + y * (args.kh * kKw);
    // Output x + d lives in acc[(x + d) % kLive]; unrolling by kLive makes that a constant.
    Slots<kSlots> acc[kLive];
    // Column kx of output x is column kx - d*kStride of output x + d; now: x % kLive.
    const auto add_column = [&](int kx, size_t offset, int now) __attribute__((always_inline)) {
      OCTET_UNROLL
      for (int g = 0; g < kGroups; ++g) {
        const auto column = load_column<kKh, kSlots>(g, [&](int ky) { return taps[ky * kKw + kx] + offset; });
        OCTET_UNROLL
        for (int d = 0; d < kLive; ++d) {
          if (kx < d * kStride) continue;
          if (kKh - 4 * g == 1) {
            add_dot<kSlots, 1>(acc[(now + d) % kLive], column, weights[g][kx - d * kStride]);
          } else {
            add_dot<kSlots>(acc[(now + d) % kLive], column, weights[g][kx - d * kStride]);
          }
        }
      }
    };
    OCTET_UNROLL
    for (int d = 0; d < kLive; ++d) assign(acc[d], bias);
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
        assign(acc[now], bias);
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
    const auto row = [&](size_t t) { return t < n_taps ? load_tap_weights<kSlots>(block.weight_row(t)) : zero(); };
    return interleave<kSlots>(row(4 * g), row(4 * g + 1), row(4 * g + 2), row(4 * g + 3));
  };
  Taps<kSlots> kept[kKept];
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
        const auto codes = interleave<kSlots>(tap(4 * g), tap(4 * g + 1), tap(4 * g + 2), tap(4 * g + 3));
        add_dot(acc, codes, g < kKept ? kept[g] : weight_group(g));
      }
      output.store(y * args.out_row_stride + x * args.out_stride + block.channel, acc);
    }
  }
}

// Whether tap (ky, kx + by) of an output is tap (ky, kx) of the next one, for every row and tap.
inline bool shares_columns(const DepthwiseArgs& args, size_t by) {
  if (args.count == 1) return false;
  for (size_t i = 0; i < args.rows * args.kh; ++i) {
    const uint8_t* const* row = args.taps + i * args.kw;
    for (size_t kx = by; kx < args.kw; ++kx) {
      if (reinterpret_cast<uintptr_t>(row[kx]) != reinterpret_cast<uintptr_t>(row[kx - by]) + args.step) return false;
    }
  }
  return true;
}

// How many rows of taps a block of channels needs: the last ones may be other channels' (weights that
// take more than one row).
template <int kSlots>
size_t rows_of(const Block& block) {
  for (size_t tap = block.args.kh * block.args.kw; tap > 0; --tap) {
    if (!all_zero(load_tap_weights<kSlots>(block.weight_row(tap - 1)))) return (tap - 1) / block.args.kw + 1;
  }
  return 0;
}

// shared: how many columns the window moves per output, 0 where outputs share none. A window of its own, and the code
// that it is, have 5x5 and 3x3 with weights that take a fourth row; 3x3 itself is kernels/x86/depthwise3x3.inl.
template <int kSlots>
void run_block(const Block& block, size_t shared) {
  const DepthwiseArgs& args = block.args;
  const size_t rows = rows_of<kSlots>(block);
  if (shared != 0 && args.kw == 3 && args.kh >= 4 && rows <= 4) {
    return shared == 1 ? window<4, 3, 1, kSlots>(block) : window<4, 3, 2, kSlots>(block);
  }
  if (shared != 0 && args.kw == 5 && args.kh >= 5 && rows <= 5) {
    return shared == 1 ? window<5, 5, 1, kSlots>(block) : window<5, 5, 2, kSlots>(block);
  }
  any_window<kSlots>(block);
}

}  // namespace

void depthwise(const DepthwiseArgs& args) {
  const size_t shared = shares_columns(args, 1) ? 1 : shares_columns(args, 2) ? 2 : 0;
  constexpr size_t kBlock = size_t{kInts} * kWideSlots;
  const size_t channels = args.channels;
  for (size_t c = 0; c < channels; c += kBlock) {
    // What remains overlaps with the block before it: narrower blocks would be as much code again.
    const size_t channel = channels - c >= kBlock || channels < kBlock ? c : channels - kBlock;
    run_block<kWideSlots>({args, channel, channels - channel}, shared);
  }
}
