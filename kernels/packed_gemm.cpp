// SPDX-License-Identifier: Apache-2.0
#include "kernels/packed_gemm.h"

#include <algorithm>
#include <utility>

namespace octet::kernels {
namespace {

constexpr std::size_t kDetourRows = 32;    // at a time through the accumulator scratch
constexpr std::size_t kWidestBlock = 256;  // Gemm::nr is a byte
constexpr std::int32_t kNoBias[kWidestBlock] = {};

// Unsigned, so that a sum beyond int32 wraps like every other accumulator.
template <class Code>
std::uint32_t sum_of(const std::uint8_t* const* pointers, std::size_t taps, std::size_t kc) {
  std::uint32_t sum = 0;
  for (std::size_t t = 0; t < taps; ++t) {
    for (std::size_t p = 0; p < kc; ++p) sum += static_cast<std::uint32_t>(static_cast<Code>(pointers[t][p]));
  }
  return sum;
}

// Weight zero points: acc -= zw[c] * (sum of the row's codes), which no micro-kernel knows of. Rare
// (8-bit weights with an offset, two activations), so exact and simple: accumulators, correction,
// then the requantize slot.
void run_detour(const Backend& backend, const Epilogue& epilogue, const GemmColumns& columns, const GemmRows& rows,
                std::byte* scratch) noexcept {
  auto* const accumulators = reinterpret_cast<std::int32_t*>(scratch);  // (kDetourRows, n)
  auto* const codes = reinterpret_cast<std::uint8_t*>(scratch + kDetourRows * kWidestBlock * sizeof(std::int32_t));
  const std::size_t n = columns.n;
  Requant bare = epilogue.requant(columns.column);
  Requant finish = bare;
  bare.finish = Finish::accumulators;
  bare.bias = columns.bias;
  finish.bias = kNoBias;  // it is in the accumulators already
  for (std::size_t i0 = 0; i0 < rows.m; i0 += kDetourRows) {
    const std::size_t m = std::min(kDetourRows, rows.m - i0);
    columns.gemm->run({.rows = rows.pointers + i0 * columns.taps,
                       .m = m,
                       .taps = columns.taps,
                       .kc = columns.kc,
                       .n = n,
                       .weights = columns.weights,
                       .out = accumulators,
                       .out_stride = n,
                       .requant = &bare,
                       .add = nullptr,
                       .residual = nullptr,
                       .residual_stride = 0});
    for (std::size_t i = 0; i < m; ++i) {
      std::int32_t* const acc = accumulators + i * n;
      const std::uint8_t* const* const row = rows.pointers + (i0 + i) * columns.taps;
      const std::uint32_t sum = backend.activation == Activation::s8
                                    ? sum_of<std::int8_t>(row, columns.taps, columns.kc)
                                    : sum_of<std::uint8_t>(row, columns.taps, columns.kc);
      for (std::size_t j = 0; j < n; ++j) {
        const auto zero = static_cast<std::uint32_t>(epilogue.weight_zero[columns.column + j]);
        acc[j] = static_cast<std::int32_t>(static_cast<std::uint32_t>(acc[j]) - zero * sum);
      }
      std::byte* const out = rows.out + (i0 + i) * rows.out_stride * epilogue.out_size();
      auto* const out_codes = reinterpret_cast<std::uint8_t*>(out);
      if (epilogue.to_floats()) {
        std::memcpy(out, acc, n * sizeof(float));
        epilogue.make_floats(out, columns.column, n);
      } else if (epilogue.add) {
        backend.requantize(finish, acc, codes, n);
        backend.add(*epilogue.add, codes, 1, rows.residual + (i0 + i) * rows.residual_stride, 1, out_codes, n);
      } else {
        backend.requantize(finish, acc, out_codes, n);
      }
    }
  }
}

}  // namespace

std::size_t gemm_scratch_bytes(const Epilogue& epilogue) {
  if (epilogue.weight_zero.empty()) return 0;
  return kDetourRows * kWidestBlock * sizeof(std::int32_t) + kWidestBlock + kOverread;
}

void run_gemm(const Backend& backend, const Epilogue& epilogue, const GemmColumns& columns, const GemmRows& rows,
              std::byte* scratch) noexcept {
  if (!epilogue.weight_zero.empty()) return run_detour(backend, epilogue, columns, rows, scratch);
  Requant requant = epilogue.requant(columns.column);
  requant.bias = columns.bias;
  columns.gemm->run({.rows = rows.pointers,
                     .m = rows.m,
                     .taps = columns.taps,
                     .kc = columns.kc,
                     .n = columns.n,
                     .weights = columns.weights,
                     .out = rows.out,
                     .out_stride = rows.out_stride,
                     .requant = &requant,
                     .add = epilogue.add ? &*epilogue.add : nullptr,
                     .residual = rows.residual,
                     .residual_stride = rows.residual_stride});
  if (!epilogue.to_floats()) return;
  // An accumulator is as large as a float: they were left where the floats belong.
  for (std::size_t i = 0; i < rows.m; ++i) {
    epilogue.make_floats(rows.out + i * rows.out_stride * sizeof(float), columns.column, columns.n);
  }
}

PackedGemm::PackedGemm(const Backend& backend, const WeightMatrix& weights, Epilogue epilogue, int max_code)
    : backend_(backend),
      taps_(weights.taps),
      kc_(weights.kc),
      columns_(weights.all_columns()),
      groups_(weights.groups),
      epilogue_(std::move(epilogue)),
      weights_(backend, weights, max_code) {}

void PackedGemm::run(std::size_t first, std::size_t last, const GemmRows& rows, const std::uint8_t** movable,
                     std::byte* scratch) const noexcept {
  std::size_t group = 0;
  for (const PackedBlock& block : weights_.blocks().subspan(first, last - first)) {
    if (block.group != group) {
      for (std::size_t i = 0; i < rows.m * taps_; ++i) movable[i] += (block.group - group) * kc_;
      group = block.group;
    }
    const std::size_t column = block.first_column;
    GemmRows at = rows;
    at.out += column * out_size();
    if (at.residual != nullptr) at.residual += column;
    run_gemm(backend_, epilogue_,
             {.gemm = &block.gemm,
              .weights = weights_.data(block),
              .taps = taps_,
              .kc = kc_,
              .n = block.columns,
              .column = column,
              .bias = epilogue_.bias.data() + column},
             at, scratch);
  }
}

}  // namespace octet::kernels
