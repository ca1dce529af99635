// SPDX-License-Identifier: Apache-2.0
// Transposing a two-dimensional block: what NCHW <-> NHWC comes down to.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace octet::kernels {

// words[r] holds 8 bytes (column c in byte c); afterwards words[c] holds row r in byte r. Swaps the
// off-diagonal quarters of 8x8, 4x4 and 2x2 squares; the same on either byte order.
inline void transpose_8x8(std::uint64_t (&words)[8]) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t kLow[] = {0x00000000FFFFFFFFU, 0x0000FFFF0000FFFFU, 0x00FF00FF00FF00FFU};
  int distance = 4;
  for (const std::uint64_t low : kLow) {
    for (int row = 0; row < 8; ++row) {
      if ((row & distance) != 0) continue;
      const std::uint64_t swap = ((words[row] >> (8 * distance)) ^ words[row + distance]) & low;
      words[row + distance] ^= swap;
      words[row] ^= swap << (8 * distance);
    }
    distance /= 2;
  }
}

// Planes to pixels of kColumns bytes without gaps. Four bytes are stored for each, whose last the next pixel
// overwrites; only the last pixel is stored alone.
template <std::int64_t kColumns>
void interleave_pixels(const std::uint8_t* in, std::int64_t in_stride, std::uint8_t* out, std::int64_t pixels) {
  static_assert(kColumns > 1 && kColumns < 4 && std::endian::native == std::endian::little);
  constexpr std::int64_t kSome = 64;
  for (std::int64_t first = 0; first < pixels; first += kSome, in += kSome, out += kSome * kColumns) {
    const std::int64_t n = std::min(kSome, pixels - first);
    std::uint32_t pixel[kSome];
    for (std::int64_t i = 0; i < n; ++i) {
      pixel[i] = 0;
      for (std::int64_t c = 0; c < kColumns; ++c) pixel[i] |= std::uint32_t{in[c * in_stride + i]} << (8 * c);
    }
    for (std::int64_t i = 0; i + 1 < n; ++i) std::memcpy(out + i * kColumns, &pixel[i], 4);
    std::memcpy(out + (n - 1) * kColumns, &pixel[n - 1], kColumns);
  }
}

// out[r * out_stride + c] = in[r + c * in_stride] for r < rows, c < columns.
template <class Element>
void transpose_block(const Element* in, std::int64_t in_stride, Element* out, std::int64_t out_stride,
                     std::int64_t rows, std::int64_t columns) {
  if constexpr (sizeof(Element) == 1) {
    if (columns == 2 && out_stride == 2) return interleave_pixels<2>(in, in_stride, out, rows);
    if (columns == 3 && out_stride == 3) return interleave_pixels<3>(in, in_stride, out, rows);
  }
  constexpr std::int64_t kSquare = 8;
  for (std::int64_t c = 0; c < columns; c += kSquare) {
    const std::int64_t c_end = std::min(columns, c + kSquare);
    for (std::int64_t r = 0; r < rows; r += kSquare) {
      const std::int64_t r_end = std::min(rows, r + kSquare);
      if constexpr (sizeof(Element) == 1) {
        if (c_end - c == kSquare && r_end - r == kSquare) {
          std::uint64_t words[8];
          for (std::int64_t i = 0; i < kSquare; ++i) std::memcpy(&words[i], in + r + (c + i) * in_stride, 8);
          transpose_8x8(words);
          for (std::int64_t i = 0; i < kSquare; ++i) std::memcpy(out + (r + i) * out_stride + c, &words[i], 8);
          continue;
        }
      }
      for (std::int64_t i = r; i < r_end; ++i) {
        for (std::int64_t j = c; j < c_end; ++j) out[i * out_stride + j] = in[i + j * in_stride];
      }
    }
  }
}

}  // namespace octet::kernels
