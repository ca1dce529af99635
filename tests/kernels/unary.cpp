// SPDX-License-Identifier: Apache-2.0
// Unary and Requantize: that the table is the right one (tests/kernels/table.cpp) and is applied.
#include <cmath>

#include "kernels/table.h"
#include "tests/kernels/elementwise.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using graph::UnaryAttrs;
using graph::UnaryFn;
using test::CodeTensor;

RequantMode mode_of(oracle::Mode mode) {
  return mode == oracle::Mode::fixed      ? RequantMode::fixed
         : mode == oracle::Mode::floating ? RequantMode::floating
                                          : RequantMode::floating_qnnpack;
}

int run_unary(const UnaryAttrs& attrs, const CodeTensor& x, const CodeTensor& y) {
  return test::check_everywhere(prepare_unary, attrs, {x}, y, [&](oracle::Mode mode) {
    const Table table = unary_table(attrs, {DType::u8, x.params.scale, x.params.zero},
                                    {DType::u8, y.params.scale, y.params.zero}, mode_of(mode));
    std::vector<int> codes;
    for (const int code : x.codes) codes.push_back(table[static_cast<std::size_t>(code)]);
    return codes;
  });
}

}  // namespace

// Also shows that the tables of s8 codes are those of u8 codes, moved by 128.
TEST_CASE("every int8 unary function, u8 and s8, small and in slices", "[unary]") {
  std::mt19937 random(21);
  for (int fn = 0; fn <= static_cast<int>(UnaryFn::softplus); ++fn) {
    UnaryAttrs attrs;
    attrs.fn = static_cast<UnaryFn>(fn);
    attrs.alpha = 0.25F, attrs.beta = 0.5F, attrs.clip = {-1, 2};
    INFO("function " << fn);
    const CodeTensor x = test::random_codes(random, {3, 1, 67});
    run_unary(attrs, x, {x.shape, test::random_params(random)});
  }
  UnaryAttrs attrs;
  attrs.fn = UnaryFn::sigmoid;
  const CodeTensor x = test::random_codes(random, {5, 40007});
  CHECK(run_unary(attrs, x, {x.shape, {1.0F / 256, 0}}) > 1);
  run_unary(attrs, {{0, 4}, {1, 0}}, {{0, 4}, {1, 0}});
}

TEST_CASE("int8 relu, clip and requantize round as the requantize row", "[unary]") {
  std::mt19937 random(22);
  for (int i = 0; i < 20; ++i) {
    CodeTensor x = test::random_codes(random, {256});
    for (int q = 0; q < 256; ++q) x.codes[static_cast<std::size_t>(q)] = q;
    const CodeTensor y{x.shape, test::random_params(random)};
    const auto affine = [&](oracle::Mode mode, int lo, int hi) {
      std::vector<int> codes;
      for (const int q : x.codes) {
        codes.push_back(
            oracle::requantize(q - x.params.zero, x.params.scale, 1, y.params.scale, y.params.zero, lo, hi, mode));
      }
      return codes;
    };
    test::check_everywhere(prepare_requantize, {}, {x}, y, [&](oracle::Mode mode) { return affine(mode, 0, 255); });

    graph::QuantizeAttrs clamped;
    clamped.clamp = {0, 6};
    const auto code_of = [&](float v) {
      const double code = oracle::round_even(static_cast<double>(v / y.params.scale)) + y.params.zero;
      return static_cast<int>(std::min(std::max(code, 0.0), 255.0));
    };
    test::check_everywhere(prepare_requantize, clamped, {x}, y,
                           [&](oracle::Mode mode) { return affine(mode, code_of(0), code_of(6)); });
  }
}

TEST_CASE("what int8 unary operators refuse", "[unary]") {
  const test::Tensor x = test::code_tensor({{2}, {1, 0}, {1, 2}}, DType::u8);
  test::Tensor y = test::code_tensor({{3}, {1, 0}}, DType::u8);
  test::check_refused(prepare_unary, UnaryAttrs{}, {x}, {y}, "shape");
  y.shape = {2};
  UnaryAttrs attrs;
  attrs.fn = UnaryFn::leaky_relu;
  attrs.alpha = NAN;
  test::check_refused(prepare_unary, attrs, {x}, {y}, "finite");
  test::check_refused(prepare_unary, UnaryAttrs{}, {test::tensor<float>({2}, {1, 2})}, {y}, "f32");
  test::check_refused(prepare_requantize, {}, {test::tensor<float>({2}, {1, 2})}, {y}, "f32");
  y.quant.scale = {INFINITY};
  test::check_refused(prepare_requantize, {}, {x}, {y}, "finite");
}

}  // namespace octet::kernels
