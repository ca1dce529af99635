// SPDX-License-Identifier: Apache-2.0
// The matrix product: tiles of kAccumulators vectors held in registers over the whole sum, then
// finished from a small buffer. Buffering costs nothing where it matters (stores have their own
// ports) and keeps the finish out of the many tile shapes. Needs a backend's vectors, its dot
// products and epilogue.inl; what is multiplied, and from where, is a Product (below).

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

OCTET_INLINE Ints spread_four(const uint8_t* p) {
  int32_t four;
  memcpy(&four, p, 4);
  return spread(four);
}

// A Step multiplies some bytes of a row, in every lane of Codes, with kParts vectors of weights. This one: four bytes.
struct ByCodes {
  enum : size_t { kBytesOfRow = 4, kParts = 1 };
  enum : bool { kCorrected = false };  // whether sums lack what Sum::corrections says
  struct Codes {
    Ints four;
    OCTET_INLINE explicit Codes(const uint8_t* p) : four(spread_four(p)) {}
  };
  static OCTET_INLINE Ints add(Ints acc, const Codes& codes, const Ints (&weights)[kParts]) {
    return dot(acc, codes.four, weights[0]);
  }
};

// What tiles sum up: `steps` Steps of each of `taps` runs of every row, and their weights.
struct Sum {
  const uint8_t* const* rows;  // (rows, taps)
  size_t taps, steps;
  const int8_t* weights;       // (taps, steps, kVectors, kParts, kBytes)
  const Ints* start;           // (kVectors) what every row starts from; nullptr: what stands in acc
  const int32_t* corrections;  // (taps, kVectors * kInts) what the sum of a tap lacks, if Step::kCorrected
  const uint8_t* zeros;        // GemmArgs::zeros, or nullptr
  // With a start: the call whose zero points and extras count too, which of its rows is the first, and
  // the sums of the rows' codes if there are zero points.
  const GemmArgs& args;
  size_t first;
  const int32_t* row_sums;
};

// kBytes ones, then as many zeros.
struct Ones {
  int8_t at[2 * kBytes];
  constexpr Ones() : at{} {
    for (size_t i = 0; i < kBytes; ++i) at[i] = 1;
  }
};
constexpr Ones kOnes;

// sums[i] = the sum of all codes of row i, i < 4; with kRows = 2 those of rows 0 and 1 twice.
template <int kRows>
OCTET_INLINE void sum_some_rows(const GemmArgs& args, const uint8_t* const* (&rows)[kRows], int32_t* sums) {
  const size_t rest = args.kc % kBytes, whole = args.kc - rest;
  const Ints ones = load(kOnes.at), last_ones = load(kOnes.at + kBytes - rest);
  Ints sum[kRows];
  for (int i = 0; i < kRows; ++i) sum[i] = zero();
  for (size_t t = 0; t < args.taps; ++t) {
    for (size_t k = 0; k < whole; k += kBytes) {
      OCTET_UNROLL
      for (int i = 0; i < kRows; ++i) sum[i] = dot(sum[i], load(rows[i][t] + k), ones);
    }
    if (rest == 0) continue;
    OCTET_UNROLL
    for (int i = 0; i < kRows; ++i) sum[i] = dot(sum[i], load(rows[i][t] + whole), last_ones);
  }
  store_sums(sums, sum[0], sum[1], sum[kRows - 2], sum[kRows - 1]);
}

// sums[i] = the sum of all codes of row first + i; there is room for n_rows + 3.
__attribute__((noinline)) inline void sum_rows(const GemmArgs& args, size_t first, size_t n_rows, int32_t* sums) {
  const uint8_t* const* row = args.rows + first * args.taps;
  for (; n_rows >= 3; n_rows -= n_rows < 4 ? n_rows : 4, sums += 4, row += 4 * args.taps) {
    const uint8_t* const* rows[4] = {row, row + args.taps, row + 2 * args.taps, row + (n_rows > 3 ? 3 : 2) * args.taps};
    sum_some_rows(args, rows, sums);
  }
  if (n_rows == 0) return;
  const uint8_t* const* rows[2] = {row, row + (n_rows - 1) * args.taps};
  sum_some_rows(args, rows, sums);
}

// acc -= weight_zero * row_sums, and the extras, of the tile that begins `at` rows after sum.first.
template <int kRows, int kVectors>
OCTET_INLINE void add_corrections(const Sum& sum, size_t at, Ints (&acc)[kRows][kVectors]) {
  const GemmArgs& args = sum.args;
  if (args.weight_zero != nullptr) {
    OCTET_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const Ints weight_zero = RowOrder<kVectors>::load_slot(args.weight_zero, v);
      if (all_zero(weight_zero)) continue;
      OCTET_UNROLL
      for (int i = 0; i < kRows; ++i) {
        acc[i][v] = subtract(acc[i][v], multiply_low(weight_zero, spread(sum.row_sums[at + static_cast<size_t>(i)])));
      }
    }
  }
  for (size_t e = 0; e < args.n_extras; ++e) {
    const GemmExtra& extra = args.extras[e];
    const uint8_t* const* row = args.rows + (sum.first + at) * args.taps + extra.tap;
    OCTET_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      const Ints weights = RowOrder<kVectors>::load_slot(extra.weights, v);
      if (all_zero(weights)) continue;
      OCTET_UNROLL
      for (int i = 0; i < kRows; ++i) {
        acc[i][v] = dot(acc[i][v], spread_four(row[static_cast<size_t>(i) * args.taps] + extra.k), weights);
      }
    }
  }
}

// acc (tiles * kRows, kVectors) = start + A * B, all of it, or acc + A * B. Several tiles in a call, because for short
// sums what precedes a tile takes longer than the tile.
template <class Step, int kRows, int kVectors, bool kAhead>
void multiply_tiles(size_t tiles, const Sum& sum, Ahead ahead, Ints* out) {
  constexpr size_t kStepBytes = kVectors * Step::kParts * kBytes;
  const size_t taps = sum.taps, steps = sum.steps;
  const bool corrects = sum.start != nullptr && (sum.args.weight_zero != nullptr || sum.args.n_extras != 0);
  const uint8_t* const zeros = sum.zeros;
  const uint8_t* const* rows = sum.rows;
  for (size_t tile = 0; tile < tiles; ++tile, rows += kRows * taps, out += kRows * kVectors) {
    Ints acc[kRows][kVectors];
    OCTET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      OCTET_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        acc[i][v] = load_aligned(sum.start != nullptr ? sum.start + v : out + i * kVectors + v);
      }
    }
    if (corrects) add_corrections(sum, tile * kRows, acc);
    const int8_t* weights = sum.weights;
    for (size_t t = 0; t < taps; ++t) {
      const uint8_t* row[kRows];
      OCTET_UNROLL
      for (int i = 0; i < kRows; ++i) row[i] = rows[static_cast<size_t>(i) * taps + t];
      if (zeros != nullptr) {  // above and below an image whole tiles of pixels lack a tap
        bool all = true;
        for (int i = 0; i < kRows; ++i) all &= row[i] == zeros;
        if (all) {
          weights += steps * kStepBytes;
          if constexpr (Step::kCorrected) {
            OCTET_UNROLL
            for (int v = 0; v < kVectors; ++v) {
              const Ints lacks = RowOrder<kVectors>::load_slot(sum.corrections + t * kVectors * kInts, v);
              OCTET_UNROLL
              for (int i = 0; i < kRows; ++i) acc[i][v] = subtract(acc[i][v], lacks);
            }
          }
          continue;
        }
      }
      for (size_t k = 0; k < steps * Step::kBytesOfRow; k += Step::kBytesOfRow) {
        Ints b[kVectors][Step::kParts];
        OCTET_UNROLL
        for (int v = 0; v < kVectors; ++v) {
          OCTET_UNROLL
          for (size_t part = 0; part < Step::kParts; ++part, weights += kBytes) b[v][part] = load_aligned(weights);
        }
        if constexpr (kAhead) {
          __builtin_prefetch(ahead.at, 0, 2);
          ahead.at += ahead.step;
        }
        OCTET_UNROLL
        for (int i = 0; i < kRows; ++i) {
          const typename Step::Codes a(row[i] + k);
          OCTET_UNROLL
          for (int v = 0; v < kVectors; ++v) acc[i][v] = Step::add(acc[i][v], a, b[v]);
        }
      }
    }
    OCTET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      OCTET_UNROLL
      for (int v = 0; v < kVectors; ++v) store_aligned(out + i * kVectors + v, acc[i][v]);
    }
  }
}

// multiply_tiles<height, kVectors>, chosen by number. Only the widest and higher tiles look ahead: the
// others have no port to spare for it, and too little work to pay it back.
template <class Step, int kVectors, int kRows = max_rows<kVectors>()>
OCTET_INLINE void multiply_rows(size_t tiles, size_t height, const Sum& sum, Ahead ahead, Ints* acc) {
  if constexpr (kRows > 1) {
    if (height != kRows) return multiply_rows<Step, kVectors, kRows - 1>(tiles, height, sum, ahead, acc);
  }
  if constexpr (kVectors == kMaxVectors && kRows > max_rows<kVectors>() / 2) {
    if (ahead.step != 0) return multiply_tiles<Step, kRows, kVectors, true>(tiles, sum, ahead, acc);
  }
  multiply_tiles<Step, kRows, kVectors, false>(tiles, sum, ahead, acc);
}

// Tiles that are finished together: as many as leave their accumulators in the first level cache.
template <int kVectors>
constexpr size_t tiles_together() {
  constexpr size_t kMost = 1024, kTile = max_rows<kVectors>() * kVectors * sizeof(Ints);  // bytes
  return kTile < kMost ? kMost / kTile : 1;
}

// A Product computes the accumulators of some tiles of equal height, and says where a block's weights end, how many
// steps they take, and how many bytes a step has. This one multiplies the rows where they lie.
template <class Step, int kVectors>
class DirectProduct {
 public:
  enum : size_t { kStepBytes = kVectors * Step::kParts * kBytes };

  OCTET_INLINE explicit DirectProduct(const GemmArgs& args)
      : sum_{args.rows,
             args.taps,
             (args.kc + Step::kBytesOfRow - 1) / Step::kBytesOfRow,
             static_cast<const int8_t*>(args.weights) + (kCorrections * (1 + args.taps) + 63) / 64 * 64,
             start_,
             static_cast<const int32_t*>(args.weights) + kVectors * kInts,
             args.taps > 1 ? args.zeros : nullptr,
             args,
             0,
             row_sums_} {
    OCTET_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      start_[v] = RowOrder<kVectors>::load_slot(args.requant->bias, v);
      if constexpr (!Step::kCorrected) continue;
      start_[v] = add_ints(start_[v], RowOrder<kVectors>::load_slot(args.weights, v));
    }
  }

  OCTET_INLINE size_t steps() const { return sum_.taps * sum_.steps; }
  OCTET_INLINE const char* end() const { return reinterpret_cast<const char*>(sum_.weights) + steps() * kStepBytes; }

  OCTET_INLINE void multiply(size_t first, size_t tiles, size_t height, Ahead ahead, Ints* acc) {
    sum_.rows = sum_.args.rows + first * sum_.taps;
    sum_.first = first;
    if (sum_.args.weight_zero != nullptr) sum_rows(sum_.args, first, tiles * height, row_sums_);
    multiply_rows<Step, kVectors>(tiles, height, sum_, ahead, acc);
  }

 private:
  enum : size_t { kCorrections = Step::kCorrected ? kVectors * kInts * sizeof(int32_t) : 0 };  // bytes per tap

  Ints start_[kVectors];
  int32_t row_sums_[tiles_together<kVectors>() * max_rows<kVectors>() + 3];
  Sum sum_;
};
template <int kVectors>
using ProductByCodes = DirectProduct<ByCodes, kVectors>;

inline void store_accumulators(const GemmArgs& args, const Ints* acc, size_t first, size_t rows, size_t vectors) {
  for (size_t i = 0; i < rows; ++i) {
    int32_t* out = static_cast<int32_t*>(args.out) + (first + i) * args.out_stride;
    for (size_t v = 0; v < vectors; ++v) store_ints(out + kInts * v, *acc++, args.n - kInts * v);
  }
}

template <int kVectors, bool kFixed, bool kAdd>
void finish_tile(const GemmArgs& args, const Requantizer<RowOrder<kVectors>>& requantizer, const Adder* adder,
                 const Ints* acc, size_t first, size_t rows) {
  constexpr size_t kTogether = kVectors >= 3 ? 1 : 4 / kVectors;  // rows in one vector of codes
  const Part part = first_bytes(args.n);
  uint8_t* out = static_cast<uint8_t*>(args.out) + first * args.out_stride;
  const uint8_t* residual = kAdd ? args.residual + first * args.residual_stride : nullptr;
  const auto finish = [&](size_t some) __attribute__((always_inline)) {
    Ints slots[4];
    OCTET_UNROLL
    for (size_t s = 0; s < 4; ++s) {
      const size_t row = s / kVectors % kTogether;  // beyond the last: any that exists
      slots[s] = load_aligned(acc + (row < some ? row : 0) * kVectors + s % kVectors);
    }
    Ints codes = requantizer.bytes(requantizer.template words<kFixed>(slots));
    if constexpr (kAdd) {
      codes = (*adder)(codes, packed_from_row(load_rows<kTogether>(residual, args.residual_stride, some, part)));
      residual += kTogether * args.residual_stride;
    }
    store_rows<kTogether>(row_from_packed(codes), out, args.out_stride, some, part);
    out += kTogether * args.out_stride;
    acc += kTogether * kVectors;
  };
  for (; rows >= kTogether; rows -= kTogether) finish(kTogether);
  if (rows != 0) finish(rows);
}

enum : size_t { kFewTiles = 40 };

// All rows of a block of at most kVectors * kInts columns, in tiles of nearly equal height: 49 rows
// are 9 times 5 or 6, not 8 times 6 and a slow 1.
//
// The first tile reads the block's weights from far away, the others find them near. With few tiles
// that shows (20% of a 7x7 layer), so those after the first fetch what stands behind this block: the
// next block, as kernels/pack.h lays them out. Fetching what does not exist is harmless.
template <int kVectors, template <int> class Product>
void run_block(const GemmArgs& args) {
  if (args.m == 0) return;
  Product<kVectors> product(args);
  const bool finishes = args.requant->finish != Finish::accumulators, adds = args.add != nullptr;
  const Requantizer<RowOrder<kVectors>> requantizer(*args.requant, 0);
  const Adder adder(adds ? *args.add : AddParams{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, Finish::fixed});
  const auto finish = requantizer.fixed()
                          ? adds ? finish_tile<kVectors, true, true> : finish_tile<kVectors, true, false>
                      : adds ? finish_tile<kVectors, false, true>
                             : finish_tile<kVectors, false, false>;
  constexpr size_t kRows = max_rows<kVectors>(), kTogether = tiles_together<kVectors>();
  Ints acc[kTogether * kRows * kVectors];
  const size_t tiles = (args.m + kRows - 1) / kRows, steps = product.steps();
  const size_t least = args.m / tiles, higher = args.m % tiles;  // so many tiles have one row more
  const char* next = product.end();
  const bool looks_ahead = tiles > 1 && tiles <= kFewTiles;
  const size_t step = looks_ahead ? Product<kVectors>::kStepBytes / (tiles - 1) + 1 : 0;
  size_t first = 0;
  for (size_t tile = 0, some; tile < tiles; tile += some) {
    const size_t height = least + (tile < higher ? 1 : 0), alike = (tile < higher ? higher : tiles) - tile;
    const Ahead ahead = {next, tile == 0 ? 0 : step};
    some = looks_ahead && tile == 0 ? 1 : alike < kTogether ? alike : kTogether;
    next += some * ahead.step * steps;
    product.multiply(first, some, height, ahead, acc);
    if (finishes) {
      finish(args, requantizer, &adder, acc, first, some * height);
    } else {
      store_accumulators(args, acc, first, some * height, kVectors);
    }
    first += some * height;
  }
}

template <template <int> class Product, int kVectors = kMaxVectors>
OCTET_INLINE void run_product(const GemmArgs& args) {
  if constexpr (kVectors > 1) {
    if ((args.n + kInts - 1) / kInts != kVectors) return run_product<Product, kVectors - 1>(args);
  }
  run_block<kVectors, Product>(args);
}

}  // namespace

void gemm(const GemmArgs& args) { run_product<ProductByCodes>(args); }
