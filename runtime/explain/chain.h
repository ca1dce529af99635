// SPDX-License-Identifier: Apache-2.0
// How each operator's arithmetic is laid out as a chain of steps. Inside of explain().
#pragma once

#include <octet/explain.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/codes.h"
#include "kernels/requantize.h"
#include "runtime/explain/trace.h"

namespace octet::runtime {

using Index = std::vector<std::int64_t>;

std::string text_of(const Index& index);  // "[0,3,5,7]"
Index index_of(const Shape& shape, std::int64_t offset);
std::int64_t offset_of(const Shape& shape, const Index& index);

// One output value that is being explained.
struct Site {
  const Trace& trace;
  const graph::Node& node;
  Index index;      // into output 0
  std::int64_t at;  // the same as an offset
  RequantMode mode;
  const graph::Value* float_weights = nullptr;  // input 1 of the float model's node; nullptr if unknown
  Explanation& out;

  const graph::Value& input(std::size_t i) const { return trace.graph().input(node, i); }
  const graph::Value& output() const { return trace.graph().output(node); }
  // Parameters of input i, or of the output, which is then added to the operands.
  kernels::Codes use_input(std::size_t i, const std::string& role) const;
  kernels::Codes use_output() const;
  void step(std::string name, std::string formula, std::string value) const {
    out.steps.push_back({std::move(name), std::move(formula), std::move(value)});
  }
};

// ---- finish.cpp: from a sum to a code ---------------------------------------------------------

// How an accumulator's unit becomes the output's: the real factor, and the numbers that each mode
// makes of it.
struct Factor {
  std::string formula;  // "sx*sw/so"
  double real = 1;      // M, exact up to double
  kernels::FixedScale fixed{0, 62};
  float floating = 0;
};
Factor factor_of(const std::string& formula, float sx, float sw, float so, RequantMode mode);

// The requantize row: code = clamp(zo + round(acc * M)); writes the steps and the result.
void finish(const Site& site, std::int64_t acc, const Factor& factor, const kernels::Codes& out,
            kernels::CodeRange range);
// The same without a word.
std::int32_t code_of(RequantMode mode, std::int64_t acc, const Factor& factor, const kernels::Codes& out,
                     kernels::CodeRange range);
// The last steps of any chain: clamp, and what the code stands for.
void finish_code(const Site& site, std::int64_t unclamped, const kernels::Codes& out, kernels::CodeRange range);
// The clamp of the node in output codes.
kernels::CodeRange range_of(const Site& site, const kernels::Codes& out);

// ---- one function per kind of operator; each fills site.out -------------------------------------

Status explain_sum(const Site& site);     // Conv2d, ConvTranspose2d, Dense, MatMul
Status explain_binary(const Site& site);  // Add, Sub, Mul
Status explain_unary(const Site& site);
Status explain_softmax(const Site& site);
Status explain_quantize(const Site& site);
Status explain_dequantize(const Site& site);
Status explain_requantize(const Site& site);
Status explain_pool(const Site& site);
Status explain_reduce(const Site& site);  // ReduceMean, and the extremes
Status explain_arg_max(const Site& site);
Status explain_resize(const Site& site);  // linear; nearest is a move
Status explain_move(const Site& site);    // what only puts values in other places

// ---- notes.cpp ----------------------------------------------------------------------------------

// What a weighted sum says about the weights and scales that made it.
struct SumFacts {
  std::int64_t acc = 0, bias = 0;  // bias is part of acc
  double real_bias = 0;
  float sx = 1, sw = 1, so = 1;
  Factor factor;
  kernels::Codes codes;  // of the output
  kernels::CodeRange range;
  std::int64_t heaviest_weight = 0;  // w - zw of the tap with the largest |w - zw|
  std::int32_t heaviest_input = 0;   // its input code
  kernels::CodeRange input_range;
};
void note_sum(const Site& site, const SumFacts& facts);
void note_operands(Explanation& explanation);
// Why `code` of `rule` differs from the explained one.
std::string reason_for(const Explanation& explanation, RequantMode rule, std::int32_t code);

}  // namespace octet::runtime
