// SPDX-License-Identifier: Apache-2.0
// The constant operand of one layer, ready for a backend, and where sessions of one model share it.
#pragma once

#include <octet/status.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/epilogue.h"
#include "kernels/pack.h"

namespace octet::kernels {

struct LayerWeights {
  WeightDims dims;
  PackedWeights packed;
  std::vector<std::int32_t> zero_point;   // per column, what the codes have not absorbed; empty if all are 0
  std::vector<Excess> excess;             // by column
  std::vector<std::int32_t> sums;         // ColumnSums::codes, which the bound on accumulators keeps in int32
  std::vector<std::int32_t> distances{};  // likewise; empty: not known, as of codes in a file nobody sums up

  // Where distances are not known, as far as codes can be from their zero points.
  std::vector<ColumnSums> column_sums() const;
  // Scales of their own are the operator's.
  WeightQuant quant(std::vector<float> scale) const;
};
using LayerWeightsPtr = std::shared_ptr<const LayerWeights>;

// How codes of the constant become columns. The numbers stand in files.
enum class WeightOrder : std::uint8_t {
  channels = 0,    // (columns, kc, taps): convolutions, and dense layers with their one tap
  kernel_rows = 1  // (columns, channels, kh, kw) with a tap of kw * channels codes per kernel row: first layers
};

// All that the packed form of a constant depends on.
struct WeightKey {
  const std::byte* constant;
  bool is_u8;  // its codes
  WeightOrder order;
  WeightDims dims;
  PackLayout layout;
  int max_code;                          // 0 where the layout does not depend on it
  std::vector<std::int32_t> zero_point;  // per column, of s8 codes; empty if all are 0

  friend bool operator==(const WeightKey&, const WeightKey&) = default;
};
WeightKey weight_key(const OpContext& ctx, const WeightDims& dims, WeightOrder order, const WeightQuant& quant);

// Safe to call from several threads.
class WeightStore {
 public:
  virtual ~WeightStore() = default;
  // What is known under this key; nullptr: nothing. An error: what a file has for it is damaged.
  virtual Result<LayerWeightsPtr> find(const WeightKey& key, const Backend& backend) = 0;
  // To be found by others while anybody holds it; returns what they will find.
  virtual LayerWeightsPtr share(const WeightKey& key, LayerWeightsPtr made) = 0;
  // Before elements of a constant are read: an error if they are damaged. find() makes reading them needless.
  virtual Status before_reading(const std::byte* constant) = 0;
};

}  // namespace octet::kernels
