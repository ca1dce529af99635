// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/int8_case.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

void check_random(Random& random, const oracle::Conv& g, bool weight_offset) {
  Int8Case test;
  test.prepare = kernels::prepare_conv_transpose2d;
  graph::ConvTranspose2dAttrs attrs;
  attrs.window = {.kernel = {g.kernel_h, g.kernel_w},
                  .stride = {g.stride_h, g.stride_w},
                  .dilation = {g.dilation_h, g.dilation_w},
                  .pad_begin = {g.top, g.left},
                  .pad_end = {g.bottom, g.right},
                  .auto_pad = graph::AutoPad::none};
  attrs.groups = g.groups;
  attrs.channels_last = true;
  attrs.clamp = random_clamp(random);
  test.attrs = attrs;
  test.x = activation({g.batch, g.in_h, g.in_w, g.in_c}, random.real(0.01F, 0.1F), random.integer(0, 255),
                      random.codes(static_cast<std::size_t>(g.batch * g.in_h * g.in_w * g.in_c), 0, 255));
  const int out_g = g.out_c / g.groups;
  test.w = {.dtype = DType::s8,
            .shape = {g.in_c, out_g, g.kernel_h, g.kernel_w},
            .quant = random.weight_quant(out_g, 1, weight_offset),
            .codes = random.codes(static_cast<std::size_t>(g.in_c * out_g * g.kernel_h * g.kernel_w), -128, 127),
            .reals = {},
            .constant = true,
            .max_code = 255};
  std::vector<float> sw;
  std::vector<int> zw;
  for (int o = 0; o < g.out_c; ++o) {
    const std::size_t entry = test.w.quant.axis < 0 ? 0 : static_cast<std::size_t>(o % out_g);
    sw.push_back(test.w.quant.scale[entry]);
    zw.push_back(test.w.quant.zero_point[entry]);
  }
  const auto sums = oracle::conv_transpose2d(g, test.x.codes, test.x.zero(), test.w.codes, zw);
  test.y = activation({g.batch, g.out_h, g.out_w, g.out_c}, 1, 0);
  choose_output(random, test, sums, sw);
  test.bias = random_bias(random, test.x, sw);
  INFO(g.batch << "x" << g.in_h << "x" << g.in_w << "x" << g.in_c << " -> " << g.out_h << "x" << g.out_w << "x"
               << g.out_c << ", kernel " << g.kernel_h << "x" << g.kernel_w << ", stride " << g.stride_h << ","
               << g.stride_w << ", dilation " << g.dilation_h << "," << g.dilation_w << ", pads " << g.top << ","
               << g.left << "," << g.bottom << "," << g.right << ", groups " << g.groups);
  require_equal_everywhere(test, sums, sw);
}

}  // namespace

TEST_CASE("conv_transpose2d: random layers equal the oracle") {
  Random random(401);
  for (int i = 0; i < 50; ++i) {
    oracle::Conv g;
    g.groups = i % 4 == 0 ? random.integer(2, 4) : 1;
    g.batch = random.integer(1, 2);
    g.in_c = g.groups * random.integer(1, 12);
    g.out_c = g.groups * random.integer(1, 40);
    g.in_h = random.integer(1, 6);
    g.in_w = random.integer(1, 6);
    g.kernel_h = random.integer(1, 4);
    g.kernel_w = random.integer(1, 4);
    g.stride_h = random.integer(1, 4);  // often beyond the kernel: pixels that no tap reaches
    g.stride_w = random.integer(1, 4);
    g.dilation_h = random.integer(1, 3);
    g.dilation_w = random.integer(1, 3);
    g.top = random.integer(-1, 2);  // output_shape can ask for negative pads
    g.left = random.integer(-1, 2);
    g.bottom = random.integer(0, 2);
    g.right = random.integer(0, 2);
    g.set_transposed_output(random.integer(0, g.stride_h - 1), random.integer(0, g.stride_w - 1));
    if (g.out_h < 1 || g.out_w < 1) continue;
    check_random(random, g, i % 5 == 0);
  }
}

TEST_CASE("conv_transpose2d: large enough to be cut into slices") {
  Random random(402);
  oracle::Conv g{
      .in_h = 20, .in_w = 20, .in_c = 24, .out_c = 20, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2};
  g.top = g.left = 1;
  g.set_transposed_output(1, 1);
  check_random(random, g, false);
}

}  // namespace octet::test
