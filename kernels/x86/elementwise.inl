// SPDX-License-Identifier: Apache-2.0
// Codes in, codes out, a vector at a time; the last ones as a part of one, so body and tail are one
// loop. Needs a backend's vectors and epilogue.inl.

namespace {

// Codes of an operand that advances with the output (step 1) or is one code for all (step 0).
OCTET_INLINE Ints load_codes(const uint8_t* p, size_t step, size_t i, Part part) {
  return step != 0 ? load_part(p + i, part) : spread_byte(*p);
}

template <class Order>
OCTET_INLINE Ints requantized(const Requantizer<Order>& requantizer, const Ints (&acc)[4]) {
  return requantizer.bytes(requantizer.fixed() ? requantizer.template words<true>(acc)
                                               : requantizer.template words<false>(acc));
}

}  // namespace

void add(const AddParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n) {
  const Adder adder(p);
  for (size_t i = 0; i < n; i += kBytes) {
    const Part part = first_bytes(n - i);
    store_part(out + i, adder(load_codes(a, a_step, i, part), load_codes(b, b_step, i, part)), part);
  }
}

void mul(const MulParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n) {
  const Requant requant = {nullptr, &p.multiplier, &p.shift, &p.scale, p.zo, p.min, p.max, p.finish};
  const Requantizer<OneEntry> requantizer(requant, 0);
  const Ints za = spread_word(p.za), zb = spread_word(p.zb);
  for (size_t i = 0; i < n; i += kBytes) {
    const Part part = first_bytes(n - i);
    const Ints va = load_codes(a, a_step, i, part), vb = load_codes(b, b_step, i, part);
    const Ints a0 = subtract_words(unpack_low_bytes(va, zero()), za);
    const Ints a1 = subtract_words(unpack_high_bytes(va, zero()), za);
    const Ints b0 = subtract_words(unpack_low_bytes(vb, zero()), zb);
    const Ints b1 = subtract_words(unpack_high_bytes(vb, zero()), zb);
    const Ints low0 = multiply_words_low(a0, b0), high0 = multiply_words_high(a0, b0);
    const Ints low1 = multiply_words_low(a1, b1), high1 = multiply_words_high(a1, b1);
    const Ints acc[4] = {unpack_low_words(low0, high0), unpack_high_words(low0, high0), unpack_low_words(low1, high1),
                         unpack_high_words(low1, high1)};
    store_part(out + i, requantized(requantizer, acc), part);
  }
}

// What is clamped to code bounds less zero point fits a word; NaN becomes 0 before, whose code is
// the zero point.
void quantize(const QuantizeParams& p, const float* in, uint8_t* out, size_t n) {
  const Floats low = spread(static_cast<float>(p.min - p.zero_point));
  const Floats high = spread(static_cast<float>(p.max - p.zero_point));
  const Floats scale = spread(p.scale), inverse = spread(1.0F / p.scale);
  const Ints zero_point = spread_word(p.zero_point);
  const auto slot = [&](size_t at) __attribute__((always_inline)) {
    const Floats x = load_floats(in + at, at < n ? n - at : 0);
    const Floats v = zero_nan(p.reciprocal != 0 ? multiply(x, inverse) : divide(x, scale));
    return to_ints(minimum(maximum(v, low), high));
  };
  for (size_t i = 0; i < n; i += kBytes) {
    const Ints w0 = add_words(pack_ints(slot(i), slot(i + kInts)), zero_point);
    const Ints w1 = add_words(pack_ints(slot(i + 2 * kInts), slot(i + 3 * kInts)), zero_point);
    store_part(out + i, row_from_packed(pack_words(w0, w1)), first_bytes(n - i));
  }
}

void dequantize(float scale, int32_t zero_point, const uint8_t* in, float* out, size_t n) {
  const Ints zp = spread(zero_point);
  const Floats factor = spread(scale);
  for (size_t i = 0; i < n; i += kInts) {
    const Ints codes = load_bytes_as_ints(in + i, n - i);
    store_floats(out + i, multiply(factor, to_floats(subtract(codes, zp))), n - i);
  }
}

namespace {

void requantize_vector(const Requant& requant, size_t column, const int32_t* acc, uint8_t* out, Part part) {
  const Requantizer<RowOrder<4>> requantizer(requant, column);
  Ints slots[4];
  for (int s = 0; s < 4; ++s) {
    slots[s] = add_ints(RowOrder<4>::load_slot(acc, s), RowOrder<4>::load_slot(requant.bias + column, s));
  }
  store_part(out, row_from_packed(requantized(requantizer, slots)), part);
}

}  // namespace

// The tail is copied, since here nothing promises that the arrays go on.
void requantize_row(const Requant& requant, const int32_t* acc, uint8_t* out, size_t n) {
  size_t j = 0;
  for (; j + kBytes <= n; j += kBytes) requantize_vector(requant, j, acc + j, out + j, first_bytes(kBytes));
  if (j == n) return;
  int32_t tail[4][kBytes] = {};
  float scale[kBytes] = {};
  const size_t left = n - j;
  memcpy(tail[0], requant.bias + j, left * sizeof(int32_t));
  memcpy(tail[1], requant.multiplier + j, left * sizeof(int32_t));
  memcpy(tail[2], requant.shift + j, left * sizeof(int32_t));
  memcpy(tail[3], acc + j, left * sizeof(int32_t));
  memcpy(scale, requant.scale + j, left * sizeof(float));
  for (size_t i = left; i < kBytes; ++i) tail[2][i] = 32;
  const Requant padded = {tail[0],     tail[1],     tail[2],       scale, requant.zero_point,
                          requant.min, requant.max, requant.finish};
  requantize_vector(padded, 0, tail[3], out + j, first_bytes(left));
}
