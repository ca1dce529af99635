// SPDX-License-Identifier: Apache-2.0
// The matrix product: tiles of kAccumulators vectors held in registers over the whole sum, then
// finished from a small buffer. Buffering costs nothing where it matters (stores have their own
// ports) and keeps the finish out of the many tile shapes. Needs vector.inl and epilogue.inl.

namespace {

// A tile of kVectors * kInts columns has as many rows as fit; more than 12 pointers to rows would
// not fit the general registers either.
template <int kVectors>
constexpr int max_rows() {
  return kAccumulators / kVectors < 12 ? kAccumulators / kVectors : 12;
}

// What a tile fetches into the second level cache while it multiplies, `step` bytes per step of k.
struct Ahead {
  const char* at;
  size_t step;
};

// acc (kRows, kVectors) = bias + A * B over all taps and k.
template <int kRows, int kVectors, bool kAhead>
void multiply_tile(const GemmArgs& args, const uint8_t* const* rows, Ahead ahead, Ints* out) {
  Ints acc[kRows][kVectors];
  OCTET_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    const Ints bias = RowOrder<kVectors>::load_slot(args.requant->bias, v);
    OCTET_UNROLL
    for (int i = 0; i < kRows; ++i) acc[i][v] = bias;
  }
  const size_t taps = args.taps, padded_kc = (args.kc + 3) / 4 * 4;
  const int8_t* weights = static_cast<const int8_t*>(args.weights);
  for (size_t t = 0; t < taps; ++t) {
    const uint8_t* row[kRows];
    OCTET_UNROLL
    for (int i = 0; i < kRows; ++i) row[i] = rows[static_cast<size_t>(i) * taps + t];
    for (size_t k = 0; k < padded_kc; k += 4) {
      Ints b[kVectors];
      OCTET_UNROLL
      for (int v = 0; v < kVectors; ++v) b[v] = load_aligned(weights + kBytes * static_cast<size_t>(v));
      weights += kBytes * kVectors;
      if constexpr (kAhead) {
        __builtin_prefetch(ahead.at, 0, 2);
        ahead.at += ahead.step;
      }
      OCTET_UNROLL
      for (int i = 0; i < kRows; ++i) {
        int32_t four;
        memcpy(&four, row[i] + k, 4);
        const Ints a = spread(four);
        OCTET_UNROLL
        for (int v = 0; v < kVectors; ++v) acc[i][v] = dot(acc[i][v], a, b[v]);
      }
    }
  }
  OCTET_UNROLL
  for (int i = 0; i < kRows; ++i) {
    OCTET_UNROLL
    for (int v = 0; v < kVectors; ++v) store_aligned(out + i * kVectors + v, acc[i][v]);
  }
}

// multiply_tile<rows, kVectors>, chosen by number. Only the widest and higher tiles look ahead: the
// others have no port to spare for it, and too little work to pay it back.
template <int kVectors, int kRows = max_rows<kVectors>()>
OCTET_INLINE void multiply_rows(int n_rows, const GemmArgs& args, const uint8_t* const* rows, Ahead ahead, Ints* out) {
  if constexpr (kRows > 1) {
    if (n_rows != kRows) return multiply_rows<kVectors, kRows - 1>(n_rows, args, rows, ahead, out);
  }
  if constexpr (kVectors == kMaxVectors && kRows > max_rows<kVectors>() / 2) {
    if (ahead.step != 0) return multiply_tile<kRows, kVectors, true>(args, rows, ahead, out);
  }
  multiply_tile<kRows, kVectors, false>(args, rows, ahead, out);
}

inline void store_accumulators(const GemmArgs& args, const Ints* acc, size_t first, size_t rows, size_t vectors) {
  for (size_t i = 0; i < rows; ++i) {
    int32_t* out = static_cast<int32_t*>(args.out) + (first + i) * args.out_stride;
    for (size_t v = 0; v < vectors; ++v) store_ints(out + kInts * v, *acc++, args.n - kInts * v);
  }
}

template <int kVectors, bool kFixed, bool kAdd>
void finish_tile(const GemmArgs& args, const Requantizer<RowOrder<kVectors>>& requantizer, const Adder* adder,
                 const Ints* acc, size_t first, size_t rows) {
  constexpr int kTogether = kVectors >= 3 ? 1 : 4 / kVectors;  // rows in one vector of codes
  const Part part = first_bytes(args.n);
  for (size_t i = 0; i < rows; i += kTogether) {
    const size_t some = rows - i < kTogether ? rows - i : kTogether;
    Ints slots[4];
    for (int s = 0; s < 4; ++s) {
      const size_t row = static_cast<size_t>(s / kVectors) % kTogether;  // beyond the last: any that exists
      slots[s] = load_aligned(acc + (i + (row < some ? row : 0)) * kVectors + s % kVectors);
    }
    Ints codes = requantizer.bytes(requantizer.template words<kFixed>(slots));
    if constexpr (kAdd) {
      const uint8_t* residual = args.residual + (first + i) * args.residual_stride;
      codes = (*adder)(codes, packed_from_row(load_rows<kTogether>(residual, args.residual_stride, some, part)));
    }
    uint8_t* out = static_cast<uint8_t*>(args.out) + (first + i) * args.out_stride;
    store_rows<kTogether>(row_from_packed(codes), out, args.out_stride, some, part);
  }
}

enum : size_t { kFewTiles = 40 };

// All rows of a block of at most kVectors * kInts columns, in tiles of nearly equal height: 49 rows
// are 9 times 5 or 6, not 8 times 6 and a slow 1.
//
// The first tile reads the block's weights from far away, the others find them near. With few tiles
// that shows (20% of a 7x7 layer), so those after the first fetch what stands behind this block: the
// next block, as kernels/pack.h lays them out. Fetching what does not exist is harmless.
template <int kVectors>
void run_block(const GemmArgs& args) {
  const bool finishes = args.requant->finish != Finish::accumulators, adds = args.add != nullptr;
  const Requantizer<RowOrder<kVectors>> requantizer(*args.requant, 0);
  const Adder adder(adds ? *args.add : AddParams{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, Finish::fixed});
  const auto finish = requantizer.fixed()
                          ? adds ? finish_tile<kVectors, true, true> : finish_tile<kVectors, true, false>
                      : adds ? finish_tile<kVectors, false, true>
                             : finish_tile<kVectors, false, false>;
  constexpr size_t kRows = max_rows<kVectors>();
  Ints acc[kRows * kVectors];
  size_t first = 0;
  const size_t all_tiles = (args.m + kRows - 1) / kRows, steps = args.taps * ((args.kc + 3) / 4);
  const bool looks_ahead = all_tiles > 1 && all_tiles <= kFewTiles;
  const size_t step = looks_ahead ? kBytes * kVectors / (all_tiles - 1) + 1 : 0;
  const char* next = static_cast<const char*>(args.weights) + steps * kBytes * kVectors;
  for (size_t tiles = all_tiles; tiles > 0; --tiles) {
    const size_t rows = (args.m - first + tiles - 1) / tiles;
    const Ahead ahead = {next, tiles == all_tiles ? 0 : step};
    next += ahead.step * steps;
    multiply_rows<kVectors>(static_cast<int>(rows), args, args.rows + first * args.taps, ahead, acc);
    if (finishes) {
      finish(args, requantizer, &adder, acc, first, rows);
    } else {
      store_accumulators(args, acc, first, rows, kVectors);
    }
    first += rows;
  }
}

template <int kVectors = kMaxVectors>
OCTET_INLINE void run_vectors(size_t vectors, const GemmArgs& args) {
  if constexpr (kVectors > 1) {
    if (vectors != kVectors) return run_vectors<kVectors - 1>(vectors, args);
  }
  run_block<kVectors>(args);
}

}  // namespace

void gemm(const GemmArgs& args) { run_vectors((args.n + kInts - 1) / kInts, args); }
