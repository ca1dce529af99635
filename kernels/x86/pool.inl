// SPDX-License-Identifier: Apache-2.0
// Pools over lists of taps. Needs a backend's vectors, its dot products, epilogue.inl.

namespace {

// kVectors at a time, so that a list of many taps is not walked for every vector of channels.
template <int kVectors>
OCTET_INLINE void max_channels(const uint8_t* const* taps, size_t n_taps, size_t c, Part last, uint8_t* out) {
  Ints best[kVectors];
  for (size_t v = 0; v < kVectors; ++v) best[v] = load(taps[0] + c + kBytes * v);
  for (size_t t = 1; t < n_taps; ++t) {
    for (size_t v = 0; v < kVectors; ++v) best[v] = max_bytes(best[v], load(taps[t] + c + kBytes * v));
  }
  for (size_t v = 0; v < kVectors; ++v) {
    store_part(out + c + kBytes * v, best[v], v + 1 < kVectors ? first_bytes(kBytes) : last);
  }
}

}  // namespace

void max_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, uint8_t* out) {
  size_t c = 0;
  for (; c + 4 * kBytes <= channels; c += 4 * kBytes) max_channels<4>(taps, n_taps, c, first_bytes(kBytes), out);
  for (; c < channels; c += kBytes) max_channels<1>(taps, n_taps, c, first_bytes(channels - c), out);
}

// A pair of taps as words is summed by a dot product with ones. Four slots of a vector of bytes, in
// the order of unpacking, which packing undoes.
void avg_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, const Requant& requant, uint8_t* out) {
  const Requantizer<OneEntry> requantizer(requant, 0);
  for (size_t c = 0; c < channels; c += kBytes) {
    Ints acc[4];
    for (Ints& slot : acc) slot = spread(requant.bias[0]);
    for (size_t t = 0; t < n_taps; t += 2) {
      const Ints first = load(taps[t] + c), second = t + 1 < n_taps ? load(taps[t + 1] + c) : zero();
      const Ints low = unpack_low_bytes(first, second), high = unpack_high_bytes(first, second);
      const Ints ones = spread_word(1);
      acc[0] = dot_words(acc[0], unpack_low_bytes(low, zero()), ones);
      acc[1] = dot_words(acc[1], unpack_high_bytes(low, zero()), ones);
      acc[2] = dot_words(acc[2], unpack_low_bytes(high, zero()), ones);
      acc[3] = dot_words(acc[3], unpack_high_bytes(high, zero()), ones);
    }
    store_part(out + c,
               requantizer.bytes(requantizer.fixed() ? requantizer.template words<true>(acc)
                                                     : requantizer.template words<false>(acc)),
               first_bytes(channels - c));
  }
}
