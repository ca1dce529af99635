// SPDX-License-Identifier: Apache-2.0
// Channel-wise 3x3 convolution of whole rows. Columns outside the image are made, not read, so that every output
// is treated alike, and a column serves the three outputs it belongs to from registers. Needs vector.inl,
// epilogue.inl and a Window3x3: what a column is, and how three make four slots of accumulators.

namespace {

// A block of channels of one output row fills a vector ...
struct OneRow {
  enum : size_t { kRows = 1, kChannels = kBytes };
  using Order = LaneOrder<4>;
  static OCTET_INLINE Ints load_pixel(const uint8_t* const (&row)[1]) { return load(row[0]); }
  static OCTET_INLINE Ints load_weights(const int8_t* p) { return load(p); }
  static OCTET_INLINE void store(uint8_t* const (&out)[1], size_t at, Ints codes, Part) {
    store_part(out[0] + at, codes, first_bytes(kBytes));
  }
};

// ... and half a block, or what there is of it, one of two.
struct TwoRows {
  enum : size_t { kRows = 2, kChannels = kBytes / 2 };
  using Order = TwiceLaneOrder;
  static OCTET_INLINE Ints load_pixel(const uint8_t* const (&row)[2]) { return load_halves(row[0], row[1]); }
  static OCTET_INLINE Ints load_weights(const int8_t* p) { return load_halves(p, p); }
  static OCTET_INLINE void store(uint8_t* const (&out)[2], size_t at, Ints codes, Part part) {
    store_halves(out[0] + at, out[1] + at, codes, part);
  }
};

// What a block of channels needs for every output.
template <class Rows, size_t kStride>
struct Constants {
  Window3x3<kStride> window;
  Requantizer<typename Rows::Order> requantizer;
  Ints bias[4];

  Constants(const Depthwise3x3Args& args, size_t channel)
      : window([&](size_t tap) {
          return Rows::load_weights(args.weights + tap * ((args.channels + 63) / 64 * 64) + channel);
        }),
        requantizer(*args.requant, channel) {
    for (int s = 0; s < 4; ++s) bias[s] = Rows::Order::load_slot(args.requant->bias + channel, s);
  }
};

template <class Rows, size_t kStride, bool kFixed>
void run_block(const Depthwise3x3Args& args, size_t channel) {
  const size_t channels = args.channels;
  const Part part = first_bytes(channels - channel < Rows::kChannels ? channels - channel : size_t{Rows::kChannels});
  const Constants<Rows, kStride> block(args, channel);
  alignas(64) uint8_t padding[kBytes];
  store_aligned(padding, spread_byte(args.zero));

  for (size_t y = 0; y < args.n_rows; y += Rows::kRows) {
    const uint8_t* row[3][Rows::kRows];
    uint8_t* out[Rows::kRows];
    for (size_t i = 0; i < Rows::kRows; ++i) {  // without a second row the last one is done twice
      const size_t at = y + i < args.n_rows ? y + i : y;
      for (size_t ky = 0; ky < 3; ++ky) row[ky][i] = args.rows[3 * at + ky] + channel;
      out[i] = args.out + at * args.count * channels + channel;
    }
    // Columns of padding come from elsewhere; the code is the same.
    const auto column = [&](size_t i, Ints before) __attribute__((always_inline)) {
      const size_t from = i * channels;
      const bool inside = i < args.width;
      const auto pixel = [&](size_t ky) __attribute__((always_inline)) {
        const uint8_t* at[Rows::kRows];
        for (size_t r = 0; r < Rows::kRows; ++r) at[r] = inside ? row[ky][r] + from : padding;
        return Rows::load_pixel(at);
      };
      return Column(pixel(0), pixel(1), pixel(2), before);
    };
    size_t at = 0;
    const auto output = [&](const Column& c0, const Column& c1, const Column& c2) __attribute__((always_inline)) {
      Ints acc[4];
      block.window.sum(c0, c1, c2, block.bias, acc);
      Rows::store(out, at, block.requantizer.bytes(block.requantizer.template words<kFixed>(acc)), part);
      at += channels;
    };
    size_t i = 0 - args.left;  // the next column; what is left of the first one is far beyond the last
    Column c0 = column(i++, zero());
    if constexpr (kStride == 1) {
      Column c1 = column(i++, c0.last);
      for (size_t n = args.count; n > 0; --n) {
        const Column c2 = column(i++, c1.last);
        output(c0, c1, c2);
        c0.assign(c1);
        c1.assign(c2);
      }
    } else {
      for (size_t n = args.count; n > 0; --n, i += 2) {
        const Column c1 = column(i, c0.last), c2 = column(i + 1, c1.last);
        output(c0, c1, c2);
        c0.assign(c2);
      }
    }
  }
}

// What remains of the channels overlaps with those before where there are any: cheaper than parts of vectors.
template <size_t kStride, bool kFixed>
void run(const Depthwise3x3Args& args) {
  constexpr size_t kWhole = OneRow::kChannels, kHalf = TwoRows::kChannels;
  const size_t channels = args.channels, rest = channels % kWhole;
  for (size_t c = 0; c + kWhole <= channels; c += kWhole) run_block<OneRow, kStride, kFixed>(args, c);
  if (rest == 0) return;
  if (rest > kHalf && channels > kWhole) return run_block<OneRow, kStride, kFixed>(args, channels - kWhole);
  if (rest > kHalf) run_block<TwoRows, kStride, kFixed>(args, 0);
  run_block<TwoRows, kStride, kFixed>(args, channels < kHalf ? 0 : channels - kHalf);
}

}  // namespace

void depthwise3x3(const Depthwise3x3Args& args) {
  const bool fixed = args.requant->finish == Finish::fixed;
  if (args.stride == 1) return fixed ? run<1, true>(args) : run<1, false>(args);
  return fixed ? run<2, true>(args) : run<2, false>(args);
}
