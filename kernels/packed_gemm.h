// SPDX-License-Identifier: Apache-2.0
// Constant weights ready to be multiplied: packed blocks and all that follows their accumulators.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "kernels/epilogue.h"
#include "kernels/pack.h"

namespace octet::kernels {

// m rows of the left operand against one block: where they are read and where results go. Column 0
// of out and residual is the tensor's first column, not the block's.
struct GemmRows {
  const std::uint8_t* const* pointers;  // (m, taps), at kc codes each
  std::size_t m;
  std::byte* out;
  std::size_t out_stride;               // elements
  const std::uint8_t* residual;         // nullptr: none joins
  std::size_t residual_stride;
};

class PackedGemm {
 public:
  PackedGemm(const Backend& backend, const WeightMatrix& weights, Epilogue epilogue, int max_code);

  std::span<const PackedBlock> blocks() const { return weights_.blocks(); }
  std::size_t taps() const { return taps_; }
  std::size_t kc() const { return kc_; }
  std::size_t columns() const { return columns_; }  // over all groups
  std::size_t groups() const { return groups_; }
  std::size_t out_size() const { return epilogue_.out_size(); }
  bool has_add() const { return epilogue_.add.has_value(); }
  std::size_t mr() const { return mr_; }
  std::size_t weight_bytes() const { return weights_.size(); }
  std::string note() const { return weights_.note(); }

  std::size_t scratch_bytes() const;
  void run(const PackedBlock& block, const GemmRows& rows, std::byte* scratch) const noexcept;

 private:
  void run_detour(const PackedBlock& block, const GemmRows& rows, std::byte* scratch) const noexcept;

  Backend backend_;
  std::size_t taps_, kc_, columns_, groups_, mr_;
  Epilogue epilogue_;
  PackedWeights weights_;
  std::vector<std::int32_t> no_bias_;  // (widest block) zeros
};

// Sum of kc codes at each of `taps` pointers.
std::int32_t sum_of_codes(Activation activation, const std::uint8_t* const* pointers, std::size_t taps,
                          std::size_t kc) noexcept;

}  // namespace octet::kernels
