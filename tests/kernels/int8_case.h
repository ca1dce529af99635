// SPDX-License-Identifier: Apache-2.0
// One int8 operator with everything it needs, runnable on any backend under hostile conditions:
// unaligned operands with garbage behind them, poisoned scratch, guard bytes around the output.
#pragma once

#include <octet/session.h>
#include <octet/tensor.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kernels/op.h"
#include "tests/support/oracle.h"
#include "tests/support/prepared.h"

namespace octet::test {

// Activations are written as u8 codes and relabelled where a backend wants s8; weights stay as given.
struct TestOperand {
  DType dtype = DType::u8;
  Shape shape;
  Quant quant;
  std::vector<int> codes;
  std::vector<float> reals;  // f32 only
  bool constant = false;
  int max_code = 255;

  float scale() const { return quant.scale[0]; }
  int zero() const { return quant.zero_point[0]; }
};

TestOperand activation(const Shape& shape, float scale, int zero, std::vector<int> codes = {});

struct Int8Case {
  kernels::PrepareFn prepare = nullptr;
  graph::Attrs attrs;
  TestOperand x, w, y;
  std::optional<TestOperand> bias, residual;
};

struct Outcome {
  std::vector<double> values;  // u8 codes or floats
  std::string kernel;          // the ledger's word
  int slices = 0;
};

Result<Outcome> run_case(const Int8Case& test, const kernels::Backend& backend, RequantMode mode, int threads);

// ---- what the oracle says -----------------------------------------------------------------------
// From sums without bias, (rows, columns) with weight scale `sw` per column, to the output's values.
std::vector<double> expected_values(const Int8Case& test, const std::vector<std::int64_t>& sums,
                                    const std::vector<float>& sw, RequantMode mode);

// Runs on every test backend, in every mode, with 1 and 3 threads, and compares.
void require_equal_everywhere(const Int8Case& test, const std::vector<std::int64_t>& sums,
                              const std::vector<float>& sw);

// ---- random operands ------------------------------------------------------------------------------
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  int integer(int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(engine_); }
  float real(float lo, float hi) { return std::uniform_real_distribution<float>(lo, hi)(engine_); }
  bool chance(double p) { return std::bernoulli_distribution(p)(engine_); }
  // n codes in [lo, hi], an extreme one in eight.
  std::vector<int> codes(std::size_t n, int lo, int hi);
  // Scales (1 or `channels`) and zero points (all 0, or random where `offset`) of weights.
  Quant weight_quant(int channels, int axis, bool offset);

 private:
  std::mt19937 engine_;
};

// A bias of one of the three kinds for `columns` sums, or none, sized so that it matters.
std::optional<TestOperand> random_bias(Random& random, const TestOperand& x, const std::vector<float>& sw);
// An output whose scale puts the sums' bulk inside the codes, or an f32 output one time in six.
void choose_output(Random& random, Int8Case& test, const std::vector<std::int64_t>& sums, const std::vector<float>& sw);
graph::Clamp random_clamp(Random& random);

}  // namespace octet::test
