// SPDX-License-Identifier: Apache-2.0
#include "kernels/packed_gemm.h"

#include <algorithm>
#include <utility>

namespace octet::kernels {
namespace {

constexpr std::size_t kDetourRows = 32;    // at a time through the accumulator scratch
constexpr std::size_t kWidestBlock = 256;  // Gemm::nr is a byte

// Unsigned, so that a sum beyond int32 wraps like every other accumulator.
template <class Code>
std::uint32_t sum_as(const std::uint8_t* codes, std::size_t n) {
  std::uint32_t sum = 0;
  for (std::size_t p = 0; p < n; ++p) sum += static_cast<std::uint32_t>(static_cast<Code>(codes[p]));
  return sum;
}

}  // namespace

std::int32_t sum_of_codes(Activation activation, const std::uint8_t* const* pointers, std::size_t taps,
                          std::size_t kc) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t t = 0; t < taps; ++t) {
    sum += activation == Activation::s8 ? sum_as<std::int8_t>(pointers[t], kc) : sum_as<std::uint8_t>(pointers[t], kc);
  }
  return static_cast<std::int32_t>(sum);
}

PackedGemm::PackedGemm(const Backend& backend, const WeightMatrix& weights, Epilogue epilogue, int max_code)
    : backend_(backend),
      taps_(weights.taps),
      kc_(weights.kc),
      columns_(weights.all_columns()),
      groups_(weights.groups),
      mr_(backend.gemm.mr),
      epilogue_(std::move(epilogue)),
      weights_(backend, weights, max_code),
      no_bias_(kWidestBlock, 0) {}

std::size_t PackedGemm::scratch_bytes() const {
  if (epilogue_.weight_zero.empty()) return 0;
  return kDetourRows * kWidestBlock * sizeof(std::int32_t) + kWidestBlock + kOverread;
}

void PackedGemm::run(const PackedBlock& block, const GemmRows& rows, std::byte* scratch) const noexcept {
  if (!epilogue_.weight_zero.empty()) return run_detour(block, rows, scratch);
  const Requant requant = epilogue_.requant(block.first_column);
  std::byte* const out = rows.out + block.first_column * out_size();
  block.gemm.run({.rows = rows.pointers,
                  .m = rows.m,
                  .taps = taps_,
                  .kc = kc_,
                  .n = block.columns,
                  .weights = weights_.data(block),
                  .out = out,
                  .out_stride = rows.out_stride,
                  .requant = &requant,
                  .add = has_add() ? &*epilogue_.add : nullptr,
                  .residual = has_add() ? rows.residual + block.first_column : nullptr,
                  .residual_stride = rows.residual_stride});
  if (!epilogue_.to_floats()) return;
  // An accumulator is as large as a float: they were left where the floats belong.
  for (std::size_t i = 0; i < rows.m; ++i) {
    epilogue_.make_floats(out + i * rows.out_stride * sizeof(float), block.first_column, block.columns);
  }
}

// Weight zero points: acc -= zw[c] * (sum of the row's codes), which no micro-kernel knows of. Rare
// (8-bit weights with an offset), so exact and simple: accumulators, correction, requantize row.
void PackedGemm::run_detour(const PackedBlock& block, const GemmRows& rows, std::byte* scratch) const noexcept {
  auto* const accumulators = reinterpret_cast<std::int32_t*>(scratch);  // (kDetourRows, block.columns)
  auto* const codes = reinterpret_cast<std::uint8_t*>(scratch + kDetourRows * kWidestBlock * sizeof(std::int32_t));
  const std::size_t first = block.first_column, n = block.columns;
  const Requant bare = epilogue_.requant(first, Finish::accumulators);
  Requant finish = epilogue_.requant(first);
  finish.bias = no_bias_.data();  // it is in the accumulators already
  for (std::size_t i0 = 0; i0 < rows.m; i0 += kDetourRows) {
    const std::size_t m = std::min(kDetourRows, rows.m - i0);
    block.gemm.run({.rows = rows.pointers + i0 * taps_,
                    .m = m,
                    .taps = taps_,
                    .kc = kc_,
                    .n = n,
                    .weights = weights_.data(block),
                    .out = accumulators,
                    .out_stride = n,
                    .requant = &bare,
                    .add = nullptr,
                    .residual = nullptr,
                    .residual_stride = 0});
    for (std::size_t i = 0; i < m; ++i) {
      std::int32_t* const acc = accumulators + i * n;
      const auto sum = static_cast<std::uint32_t>(
          sum_of_codes(backend_.activation, rows.pointers + (i0 + i) * taps_, taps_, kc_));
      for (std::size_t j = 0; j < n; ++j) {
        const auto zero = static_cast<std::uint32_t>(epilogue_.weight_zero[first + j]);
        acc[j] = static_cast<std::int32_t>(static_cast<std::uint32_t>(acc[j]) - zero * sum);
      }
      std::byte* const out = rows.out + ((i0 + i) * rows.out_stride + first) * out_size();
      if (epilogue_.to_floats()) {
        std::memcpy(out, acc, n * sizeof(float));
        epilogue_.make_floats(out, first, n);
      } else if (has_add()) {
        backend_.requantize(finish, acc, codes, n);
        backend_.add(*epilogue_.add, codes, 1, rows.residual + (i0 + i) * rows.residual_stride + first, 1,
                     reinterpret_cast<std::uint8_t*>(out), n);
      } else {
        backend_.requantize(finish, acc, reinterpret_cast<std::uint8_t*>(out), n);
      }
    }
  }
}

}  // namespace octet::kernels
