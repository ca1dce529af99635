// SPDX-License-Identifier: Apache-2.0
// Four vectors ("slots") of accumulators that will become one vector of bytes, and where their columns stand. Packing
// works within 128-bit lanes: see row_from_packed. Needs a backend's vectors.

namespace {

#define OCTET_UNROLL _Pragma("GCC unroll 32")

struct Words {
  Ints low, high;  // slots 0 and 1, slots 2 and 3
};

// Where the per-column entries of slot s stand in an array: kSlots vectors in a row (slots beyond
// start again: they are further rows of the same columns) ...
template <int kSlots>
struct RowOrder {
  enum : int { kUsed = 4 };
  static OCTET_INLINE Ints load_slot(const void* base, int slot) {
    return load(static_cast<const int32_t*>(base) + kInts * static_cast<size_t>(slot % kSlots));
  }
};

// ... or in the order of packing, lane L of slot s holding columns 4*(kSlots*L + s) and three more ...
template <int kSlots>
struct LaneOrder {
  enum : int { kUsed = kSlots };
  static OCTET_INLINE Ints load_slot(const void* base, int slot) {
    return load_lanes(static_cast<const int32_t*>(base) + 4 * slot, 4 * kSlots);
  }
};

// ... or, of half as many columns, lanes that repeat: of two rows, one after the other ...
struct TwiceLaneOrder {
  enum : int { kUsed = 4 };
  static OCTET_INLINE Ints load_slot(const void* base, int slot) {
    return load_lanes_twice(static_cast<const int32_t*>(base) + 4 * slot, 16);
  }
};

// ... or one entry for all.
struct OneEntry {
  enum : int { kUsed = 4 };
  static OCTET_INLINE Ints load_slot(const void* base, int) { return spread(*static_cast<const int32_t*>(base)); }
};

template <class Order>
OCTET_INLINE Words pack_slots(const Ints (&code)[4]) {
  const Ints low = pack_ints(code[0], code[1]);
  return {low, Order::kUsed == 4 ? pack_ints(code[2], code[3]) : low};
}

// The fixed row itself, in 64 bits.
template <class Order>
inline Words finish_exactly(const Ints (&acc)[4], const int32_t* multiplier, const int32_t* shift, int32_t zero_point) {
  Ints code[4];
  for (int s = 0; s < Order::kUsed; ++s) {
    code[s] = exact(acc[s], Order::load_slot(multiplier, s), Order::load_slot(shift, s), zero_point);
  }
  return pack_slots<Order>(code);
}

}  // namespace
