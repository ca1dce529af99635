// SPDX-License-Identifier: Apache-2.0
// Channel-wise convolution, 16 channels at a time. A run of output pixels is summed up into a buffer,
// then finished from there: each of the two loops then has the registers for its constants. In a 3x3
// window a column (its three rows at one x) is loaded once and serves every output it belongs to.
// Needs epilogue.inl and a backend's taps.inl, which says how taps are multiplied:
//   kTogether           taps that go together best where any do
//   Taps<n>             n taps of 16 channels
//   gather<n>(at), gather_weights<n>(at)   codes or weights at(0) .. at(n - 1)
//   Sums, channel_of    16 sums, and which channel the i-th is; row_of: two eights of codes by channel
//   add_products<n, s>  sums += codes * weights; s: every pair of weights is safe (kernels/saturation.h)
//   pairs_are_safe      whether those of a block are

namespace {

constexpr size_t kRunPixels = 32;

// The part of a call that one block of channels makes up.
struct Block {
  const DepthwiseArgs& args;
  size_t channel, channels;  // first, and how many up to the last of all

  size_t taps() const { return args.kh * args.kw; }
  int8x16_t weights(size_t tap) const {
    return vld1q_s8(args.weights + tap * ((args.channels + 63) / 64 * 64) + channel);
  }
};

// Output pixels that lie in one row: their taps, the first one's distance from these, and one pixel's to the next.
struct Run {
  const uint8_t* const* taps;
  size_t offset, step, count;
};

OCTET_INLINE void clear(Sums& sums) {
  OCTET_UNROLL
  for (int s = 0; s < 4; ++s) sums.v[s] = vdupq_n_s32(0);
}
OCTET_INLINE void store_sums(int32_t* to, const Sums& sums) {
  OCTET_UNROLL
  for (int s = 0; s < 4; ++s) vst1q_s32(to + 4 * s, sums.v[s]);
}

// A window of kKh rows that moves kStride columns per output; kKw: outputs share none, whatever the
// taps are (borders, where a tap may stand anywhere).
template <int kKh, int kKw, int kStride, bool kSafe>
class Window {
 public:
  explicit Window(const Block& block) {
    for (int kx = 0; kx < kKw; ++kx) {
      weights_[kx] = gather_weights<kKh>([&](int ky) { return block.weights(static_cast<size_t>(ky * kKw + kx)); });
    }
  }

  void operator()(const Run& run, int32_t* sums) const {
    constexpr int kLive = (kKw - 1) / kStride + 1;  // outputs that a column can belong to
    Taps<kKh> weights[kKw];                         // copies, which stores to sums cannot change
    const uint8_t* taps[kKh * kKw];
    OCTET_UNROLL
    for (int kx = 0; kx < kKw; ++kx) weights[kx] = weights_[kx];
    OCTET_UNROLL
    for (int t = 0; t < kKh * kKw; ++t) taps[t] = run.taps[t];
    const size_t step = run.step, count = run.count;
    size_t offset = run.offset;
    // Output x + d lives in acc[(x + d) % kLive]; unrolling by kLive makes that a constant. Column kx
    // of output x is column kx - d*kStride of output x + d; now: x % kLive.
    Sums acc[kLive];
    const auto add_column = [&](int kx, int now) __attribute__((always_inline)) {
      const Taps<kKh> column = gather<kKh>([&](int ky) { return load(taps[ky * kKw + kx] + offset); });
      OCTET_UNROLL
      for (int d = 0; d < kLive; ++d) {
        if (kx >= d * kStride) add_products<kKh, kSafe>(acc[(now + d) % kLive], column, weights[kx - d * kStride]);
      }
    };
    OCTET_UNROLL
    for (int d = 0; d < kLive; ++d) clear(acc[d]);
    OCTET_UNROLL
    for (int kx = 0; kx < kKw - kStride; ++kx) add_column(kx, 0);
    for (size_t x = 0; x < count; x += kLive) {
      OCTET_UNROLL
      for (int now = 0; now < kLive; ++now) {
        if (x + static_cast<size_t>(now) >= count) break;
        OCTET_UNROLL
        for (int kx = kKw - kStride; kx < kKw; ++kx) add_column(kx, now);
        store_sums(sums, acc[now]);
        clear(acc[now]);
        sums += kBytes;
        offset += step;
      }
    }
  }

 private:
  Taps<kKh> weights_[kKw];
};

// Any window: kTogether taps at a time, in the order of the list.
template <bool kSafe>
class AnyWindow {
 public:
  explicit AnyWindow(const Block& block) : block_(block), groups_((block.taps() + kTogether - 1) / kTogether) {
    for (size_t g = 0; g < kKept && g < groups_; ++g) kept_[g] = weights(g);
  }

  // Four pixels together read pointers and weights once.
  void operator()(const Run& run, int32_t* sums) const {
    size_t x = 0;
    for (; x + 4 <= run.count; x += 4) sum_pixels<4>(run, run.offset + x * run.step, sums + x * kBytes);
    for (; x < run.count; ++x) sum_pixels<1>(run, run.offset + x * run.step, sums + x * kBytes);
  }

 private:
  enum : size_t { kKept = 16 };  // groups whose weights are gathered beforehand

  template <int kPixels>
  void sum_pixels(const Run& run, size_t offset, int32_t* sums) const {
    const size_t n_taps = block_.taps(), step = run.step;
    const size_t whole = n_taps / kTogether < kKept ? n_taps / kTogether : kKept;
    Sums acc[kPixels];
    OCTET_UNROLL
    for (int p = 0; p < kPixels; ++p) clear(acc[p]);
    const auto add_group = [&](const uint8_t* const* taps, const Taps<kTogether>& weights)
        __attribute__((always_inline)) {
      OCTET_UNROLL
      for (int p = 0; p < kPixels; ++p) {
        const size_t at = offset + static_cast<size_t>(p) * step;
        add_products<kTogether, kSafe>(acc[p], gather<kTogether>([&](int t) { return load(taps[t] + at); }), weights);
      }
    };
    for (size_t g = 0; g < whole; ++g) add_group(run.taps + g * kTogether, kept_[g]);
    for (size_t g = whole; g < groups_; ++g) {
      const uint8_t* taps[kTogether];  // what does not exist repeats the last one
      for (size_t t = 0; t < kTogether; ++t) {
        taps[t] = run.taps[g * kTogether + t < n_taps ? g * kTogether + t : n_taps - 1];
      }
      add_group(taps, g < kKept ? kept_[g] : weights(g));
    }
    OCTET_UNROLL
    for (int p = 0; p < kPixels; ++p) store_sums(sums + static_cast<size_t>(p) * kBytes, acc[p]);
  }

  Taps<kTogether> weights(size_t g) const {
    return gather_weights<kTogether>([&](int t) {
      const size_t tap = g * kTogether + static_cast<size_t>(t);
      return tap < block_.taps() ? block_.weights(tap) : vdupq_n_s8(0);
    });
  }

  const Block& block_;
  size_t groups_;
  Taps<kTogether> kept_[kKept];
};

// The constants of a block's channels in the order of its sums.
struct Constants {
  int32_t bias[kBytes], multiplier[kBytes], shift[kBytes];
  float scale[kBytes];

  explicit Constants(const Block& block) {
    const Requant& requant = *block.args.requant;
    for (size_t i = 0; i < kBytes; ++i) {
      const size_t channel = block.channel + channel_of(i);
      bias[i] = requant.bias[channel];
      multiplier[i] = requant.multiplier[channel];
      shift[i] = requant.shift[channel];
      scale[i] = requant.scale[channel];
    }
  }
};

// From sums (count, 16) to output pixels; at: the first one's first element, counted from args.out.
template <bool kFixed>
void finish_run(const Block& block, const Constants& constants, const int32_t* sums, size_t at, size_t count) {
  Requant requant = *block.args.requant;
  requant.multiplier = constants.multiplier;
  requant.shift = constants.shift;
  requant.scale = constants.scale;
  const Factors first = Factors::of(requant, 0), second = Factors::of(requant, 8);
  const Eight first_bias = load_eight(constants.bias), second_bias = load_eight(constants.bias + 8);
  const Codes codes = Codes::of(requant.zero_point, requant.min, requant.max);
  uint8_t* out = block.args.out + at;
  for (size_t x = 0; x < count; ++x, sums += kBytes, out += block.args.out_stride) {
    const int8x8_t low = codes(scaled<kFixed>(add(load_eight(sums), first_bias), first));
    const int8x8_t high = codes(scaled<kFixed>(add(load_eight(sums + 8), second_bias), second));
    store_part(out, row_of(low, high), block.channels);
  }
}

// Finish::accumulators, which no layer of a quantized model asks for.
inline void store_run(const Block& block, const Constants& constants, const int32_t* sums, size_t at, size_t count) {
  int32_t* out = static_cast<int32_t*>(static_cast<void*>(block.args.out)) + at;
  for (size_t x = 0; x < count; ++x, sums += kBytes, out += block.args.out_stride) {
    for (size_t i = 0; i < kBytes; ++i) {
      if (channel_of(i) >= block.channels) continue;
      out[channel_of(i)] =
          static_cast<int32_t>(static_cast<uint32_t>(sums[i]) + static_cast<uint32_t>(constants.bias[i]));
    }
  }
}

template <class AWindow>
void run_window(const Block& block) {
  const DepthwiseArgs& args = block.args;
  const AWindow window(block);
  const Constants constants(block);
  const Finish finish = args.requant->finish;
  const auto finish_some = finish == Finish::fixed      ? finish_run<true>
                           : finish == Finish::floating ? finish_run<false>
                                                        : store_run;
  int32_t sums[kRunPixels * kBytes];
  for (size_t y = 0; y < args.rows; ++y) {
    for (size_t x = 0; x < args.count; x += kRunPixels) {
      const size_t count = args.count - x < kRunPixels ? args.count - x : kRunPixels;
      window({args.taps + y * block.taps(), x * args.step + block.channel, args.step, count}, sums);
      finish_some(block, constants, sums, y * args.out_row_stride + x * args.out_stride + block.channel, count);
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

// shared: how many columns the window moves per output, 0 where outputs share none.
template <bool kSafe>
void run_block(const Block& block, size_t shared) {
  if (block.args.kh != 3 || block.args.kw != 3) return run_window<AnyWindow<kSafe>>(block);
  if (shared == 1) return run_window<Window<3, 3, 1, kSafe>>(block);
  if (shared == 2) return run_window<Window<3, 3, 2, kSafe>>(block);
  run_window<Window<3, 3, 3, kSafe>>(block);
}

}  // namespace

void depthwise(const DepthwiseArgs& args) {
  const size_t shared = shares_columns(args, 1) ? 1 : shares_columns(args, 2) ? 2 : 0;
  for (size_t c = 0; c < args.channels; c += kBytes) {
    const Block block = {args, c, args.channels - c};
    if (pairs_are_safe(block)) {
      run_block<true>(block, shared);
    } else {
      run_block<false>(block, shared);
    }
  }
}
