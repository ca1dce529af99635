// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/kernels/int8_case.h"
#include "tests/kernels/test_backends.h"
#include "tests/quantize/golden.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

Shape nhwc(int n, int h, int w, int c) { return {n, h, w, c}; }

graph::Conv2dAttrs attrs_of(const oracle::Conv& g) {
  graph::Conv2dAttrs attrs;
  attrs.window = {.kernel = {g.kernel_h, g.kernel_w},
                  .stride = {g.stride_h, g.stride_w},
                  .dilation = {g.dilation_h, g.dilation_w},
                  .pad_begin = {g.top, g.left},
                  .pad_end = {g.bottom, g.right},
                  .auto_pad = graph::AutoPad::none};
  attrs.groups = g.groups;
  attrs.channels_last = true;
  return attrs;
}

// Fills in everything but the geometry at random, and checks every backend against the oracle.
// few_beyond: one zero point near 0, with which a handful of weights exceed s8.
void check_random(Random& random, const oracle::Conv& g, bool weight_offset, bool with_residual,
                  bool few_beyond = false) {
  Int8Case test;
  test.prepare = kernels::prepare_conv2d;
  test.x = activation(nhwc(g.batch, g.in_h, g.in_w, g.in_c), random.real(0.01F, 0.1F), random.integer(0, 255),
                      random.codes(static_cast<std::size_t>(g.batch * g.in_h * g.in_w * g.in_c), 0, 255));
  test.w.dtype = DType::s8;
  test.w.constant = true;
  test.w.shape = {g.out_c, g.in_c / g.groups, g.kernel_h, g.kernel_w};
  const int limit = random.chance(0.3) ? 128 : random.chance(0.5) ? 60 : 127;
  test.w.codes = random.codes(static_cast<std::size_t>(test.w.shape.count()), -limit, std::min(limit, 127));
  test.w.quant = random.weight_quant(g.out_c, 0, weight_offset);
  if (few_beyond) {
    test.w.codes = random.codes(test.w.codes.size(), -90, 90);
    for (int i = random.integer(1, 5); i > 0; --i) {
      const auto at = static_cast<std::size_t>(random.integer(0, static_cast<int>(test.w.codes.size()) - 1));
      test.w.codes[at] = random.chance(0.5) ? -128 : 127;
    }
    test.w.quant = per_tensor(0.01F, random.integer(-35, 35));
  }
  std::vector<float> sw;
  std::vector<int> zw;
  for (int o = 0; o < g.out_c; ++o) {
    const std::size_t entry = test.w.quant.axis < 0 ? 0 : static_cast<std::size_t>(o);
    sw.push_back(test.w.quant.scale[entry]);
    zw.push_back(test.w.quant.zero_point[entry]);
  }
  const auto sums = oracle::conv2d(g, test.x.codes, test.x.zero(), test.w.codes, zw);
  test.y = activation(nhwc(g.batch, g.out_h, g.out_w, g.out_c), 1, 0);
  choose_output(random, test, sums, sw);
  test.bias = random_bias(random, test.x, sw);
  graph::Conv2dAttrs attrs = attrs_of(g);
  attrs.clamp = random_clamp(random);
  if (with_residual && test.y.dtype == DType::u8) {
    attrs.residual.present = true;
    attrs.residual.quant = per_tensor(test.y.scale() * random.real(0.3F, 1.5F), random.integer(0, 255));
    attrs.residual.clamp = random_clamp(random);
    attrs.residual.residual_is_first = random.integer(0, 1) == 1;
    test.residual = activation(test.y.shape, test.y.scale() * random.real(0.1F, 2), random.integer(0, 255),
                               random.codes(static_cast<std::size_t>(test.y.shape.count()), 0, 255));
  }
  test.attrs = attrs;
  INFO(g.batch << "x" << g.in_h << "x" << g.in_w << "x" << g.in_c << " -> " << g.out_c << ", kernel " << g.kernel_h
               << "x" << g.kernel_w << ", stride " << g.stride_h << "," << g.stride_w << ", dilation " << g.dilation_h
               << "," << g.dilation_w << ", pads " << g.top << "," << g.left << "," << g.bottom << "," << g.right
               << ", groups " << g.groups);
  require_equal_everywhere(test, sums, sw);
}

oracle::Conv random_geometry(Random& random, int in_c, int out_c, int groups, int max_kernel) {
  for (;;) {
    oracle::Conv g;
    g.batch = random.integer(1, 2);
    g.in_c = in_c;
    g.out_c = out_c;
    g.groups = groups;
    g.in_h = random.integer(1, 9);
    g.in_w = random.integer(1, 11);
    g.kernel_h = random.integer(1, max_kernel);
    g.kernel_w = random.integer(1, max_kernel);
    g.stride_h = random.integer(1, 3);
    g.stride_w = random.integer(1, 3);
    g.dilation_h = random.integer(1, 2);
    g.dilation_w = random.integer(1, 2);
    g.top = random.integer(0, 3);
    g.left = random.integer(0, 3);
    g.bottom = random.integer(0, 3);
    g.right = random.integer(0, 3);
    const int high = g.in_h + g.top + g.bottom - (g.kernel_h - 1) * g.dilation_h;
    const int wide = g.in_w + g.left + g.right - (g.kernel_w - 1) * g.dilation_w;
    if (high < 1 || wide < 1) continue;
    g.set_output();
    return g;
  }
}

}  // namespace

TEST_CASE("conv2d: 1x1 and indirect equal the oracle") {
  Random random(101);
  for (int i = 0; i < 40; ++i) {
    oracle::Conv g = random_geometry(random, random.integer(1, 40), random.integer(1, 70), 1, i % 3 == 0 ? 1 : 3);
    check_random(random, g, i % 5 == 0, i % 3 == 1);
  }
}

TEST_CASE("conv2d: a plain 1x1 is named as such and equals the oracle") {
  Random random(102);
  for (int i = 0; i < 8; ++i) {
    oracle::Conv g;
    g.in_h = random.integer(1, 9);
    g.in_w = random.integer(1, 9);
    g.in_c = random.integer(5, 130);
    g.out_c = random.integer(1, 100);
    g.set_output();
    check_random(random, g, i == 7, i % 2 == 1);
  }
}

TEST_CASE("conv2d: first layer equals the oracle") {
  Random random(103);
  for (int i = 0; i < 30; ++i) {
    oracle::Conv g = random_geometry(random, random.integer(1, 4), random.integer(1, 40), 1, 7);
    g.dilation_w = 1;
    g.set_output();
    check_random(random, g, i % 6 == 0, i % 4 == 1);
  }
}

TEST_CASE("conv2d: depthwise equals the oracle") {
  Random random(104);
  for (int i = 0; i < 40; ++i) {
    const int channels = random.integer(2, 70);
    check_random(random, random_geometry(random, channels, channels, channels, 5), i % 8 == 0, i % 3 == 1);
  }
}

TEST_CASE("conv2d: groups and channel multipliers equal the oracle") {
  Random random(105);
  for (int i = 0; i < 30; ++i) {
    const int groups = random.integer(2, 6);
    oracle::Conv g = random_geometry(random, groups * random.integer(1, 9), groups * random.integer(1, 40), groups, 3);
    check_random(random, g, i % 6 == 0, i % 3 == 1);
  }
}

TEST_CASE("conv2d: few weights beyond s8") {
  Random random(107);
  for (int i = 0; i < 12; ++i) {
    check_random(random, random_geometry(random, random.integer(5, 40), random.integer(1, 70), 1, 3), true, false,
                 true);
    const int groups = random.integer(2, 5);
    check_random(random,
                 random_geometry(random, groups * random.integer(2, 9), groups * random.integer(1, 30), groups, 3),
                 true, false, true);
    const int channels = random.integer(2, 140);
    check_random(random, random_geometry(random, channels, channels, channels, 5), true, i % 3 == 1, true);
    oracle::Conv first = random_geometry(random, 3, random.integer(1, 40), 1, 7);
    first.dilation_w = 1;
    first.set_output();
    check_random(random, first, true, false, true);
  }
}

TEST_CASE("conv2d: 3x3 and 5x5 depthwise with weights beyond s8") {
  Random random(108);
  for (int i = 0; i < 16; ++i) {
    oracle::Conv g;
    g.in_c = g.out_c = g.groups = random.integer(2, 140);
    g.in_h = random.integer(5, 9);
    g.in_w = random.integer(5, 14);
    g.kernel_h = g.kernel_w = i % 2 == 0 ? 3 : 5;
    g.stride_h = g.stride_w = 1 + i / 2 % 2;
    g.top = g.left = g.bottom = g.right = g.kernel_h / 2;
    g.set_output();
    check_random(random, g, true, false, i % 8 != 7);
  }
}

TEST_CASE("conv2d: large enough to be cut into slices and chunks") {
  Random random(106);
  const oracle::Conv sizes[] = {
      {.in_h = 40,
       .in_w = 37,
       .in_c = 16,
       .out_c = 40,
       .kernel_h = 3,
       .kernel_w = 3,
       .top = 1,
       .left = 1,
       .bottom = 1,
       .right = 1},
      {.batch = 2,
       .in_h = 50,
       .in_w = 51,
       .in_c = 3,
       .out_c = 24,
       .kernel_h = 7,
       .kernel_w = 7,
       .stride_h = 2,
       .stride_w = 2,
       .top = 3,
       .left = 3,
       .bottom = 3,
       .right = 3},
      {.batch = 2,
       .in_h = 40,
       .in_w = 40,
       .in_c = 48,
       .out_c = 48,
       .groups = 48,
       .kernel_h = 3,
       .kernel_w = 3,
       .top = 1,
       .left = 1,
       .bottom = 1,
       .right = 1},
      {.in_h = 4,
       .in_w = 4,
       .in_c = 128,
       .out_c = 200,
       .kernel_h = 3,
       .kernel_w = 3,
       .top = 1,
       .left = 1,
       .bottom = 1,
       .right = 1},
      {.in_h = 60, .in_w = 60, .in_c = 16, .out_c = 16, .groups = 4, .kernel_h = 3, .kernel_w = 3}};
  for (oracle::Conv g : sizes) {
    g.set_output();
    check_random(random, g, false, false);
  }
}

namespace {

Int8Case simple(int channels, int outs, int kernel, std::vector<int> weights) {
  Int8Case test;
  test.prepare = kernels::prepare_conv2d;
  oracle::Conv g;
  g.in_h = g.in_w = kernel;
  g.kernel_h = g.kernel_w = kernel;
  test.attrs = attrs_of(g);
  test.x = activation(nhwc(1, kernel, kernel, channels), 0.02F, 0,
                      std::vector<int>(static_cast<std::size_t>(kernel * kernel * channels), 255));
  test.w.dtype = DType::s8;
  test.w.constant = true;
  test.w.shape = {outs, channels, kernel, kernel};
  test.w.codes = std::move(weights);
  test.w.quant = per_tensor(0.01F, 0);
  test.y = activation(nhwc(1, 1, 1, outs), 1.0F, 0);
  return test;
}

}  // namespace

TEST_CASE("conv2d: blocks that may saturate are widened, others stay fast") {
  const kernels::Backend backend = saturating_backend();  // 24 columns in a fast block
  std::vector<int> weights(static_cast<std::size_t>(60 * 8), 64);
  Int8Case test = simple(8, 60, 1, weights);
  CHECK(run_case(test, backend, RequantMode::fixed, 1)->kernel == "saturating gemm 1x1");
  test.w.codes[30 * 8 + 3] = 65;  // one pair of 8 * 60 / 2, in the second of three blocks
  const Result<Outcome> outcome = run_case(test, backend, RequantMode::fixed, 1);
  CHECK(outcome->kernel == "saturating gemm 1x1, widened 2 of 4 blocks: 0.4% of weight pairs may saturate");
  CHECK(outcome->values[0] == oracle::requantize_fixed(255 * 8 * 64, 0.02F * 0.01, 0, 0, 255));
  test.x.max_code = 127;  // reduced range: no pair can
  for (int& code : test.x.codes) code = 127;
  CHECK(run_case(test, backend, RequantMode::fixed, 1)->kernel == "saturating gemm 1x1");
}

TEST_CASE("conv2d: the accumulator bound") {
  const kernels::Backend backend = test_backends().front();
  Int8Case test = simple(8, 1, 1, std::vector<int>(8, 127));
  TestOperand bias;
  bias.dtype = DType::s32;
  bias.shape = {1};
  bias.constant = true;
  bias.codes = {std::numeric_limits<int>::max()};
  bias.quant = per_tensor(0.02F * 0.01F, 0);
  SECTION("a bias beyond the bound that saturates anyway is moved") {
    test.bias = bias;
    CHECK(run_case(test, backend, RequantMode::fixed, 1)->values[0] == 255);
    test.bias->codes = {std::numeric_limits<int>::min()};
    CHECK(run_case(test, backend, RequantMode::fixed, 1)->values[0] == 0);
  }
  SECTION("one that would matter is refused by name") {
    test.bias = bias;
    test.y.quant = per_tensor(1e6F, 0);
    const Result<Outcome> outcome = run_case(test, backend, RequantMode::fixed, 1);
    REQUIRE(!outcome.ok());
    CHECK_THAT(outcome.status().message(), Catch::Contains("node 'node'") && Catch::Contains("must stay below 2^31"));
  }
  SECTION("for a float output every such bias matters") {
    test.bias = bias;
    test.y.dtype = DType::f32;
    CHECK(!run_case(test, backend, RequantMode::fixed, 1).ok());
  }
  SECTION("a bias that is no number is refused") {
    bias.dtype = DType::f32;
    bias.codes.clear();
    bias.reals = {std::numeric_limits<float>::quiet_NaN()};
    test.bias = bias;
    CHECK(!run_case(test, backend, RequantMode::fixed, 1).ok());
  }
}

TEST_CASE("conv2d: a node that contradicts itself is an error, never a crash") {
  const kernels::Backend backend = test_backends().front();
  const auto refused = [&](auto&& change) {
    Int8Case test = simple(4, 2, 3, std::vector<int>(72, 1));
    auto attrs = std::get<graph::Conv2dAttrs>(test.attrs);
    change(test, attrs);
    test.attrs = attrs;
    return !run_case(test, backend, RequantMode::fixed, 1).ok();
  };
  using Attrs = graph::Conv2dAttrs;
  CHECK(!refused([](Int8Case&, Attrs&) {}));
  CHECK(refused([](Int8Case&, Attrs& a) { a.channels_last = false; }));
  CHECK(refused([](Int8Case&, Attrs& a) { a.window.stride = {0, 1}; }));
  CHECK(refused([](Int8Case&, Attrs& a) { a.window.dilation = {1, -1}; }));
  CHECK(refused([](Int8Case&, Attrs& a) { a.window.dilation = {std::int64_t{1} << 62, 1}; }));
  CHECK(refused([](Int8Case&, Attrs& a) { a.window.pad_begin = {-1, 0}; }));
  CHECK(refused([](Int8Case&, Attrs& a) { a.window.pad_begin = {1, 0}; }));
  CHECK(refused([](Int8Case&, Attrs& a) { a.groups = 3; }));
  CHECK(refused([](Int8Case&, Attrs& a) { a.groups = 0; }));
  CHECK(refused([](Int8Case& t, Attrs&) { t.w.constant = false; }));
  CHECK(refused([](Int8Case& t, Attrs&) { t.w.quant = {}; }));
  CHECK(refused([](Int8Case& t, Attrs&) { t.w.quant.scale[0] = 0; }));
  CHECK(refused([](Int8Case& t, Attrs&) { t.x.quant.scale[0] = std::numeric_limits<float>::infinity(); }));
  CHECK(refused([](Int8Case& t, Attrs&) { t.y.quant.scale[0] = std::numeric_limits<float>::quiet_NaN(); }));
  CHECK(refused([](Int8Case& t, Attrs&) { t.x.quant.zero_point[0] = 700; }));
  CHECK(refused([](Int8Case& t, Attrs&) { t.y.quant = {}; }));
  CHECK(refused([](Int8Case&, Attrs& a) { a.residual.present = true; }));
}

// Three convolutions whose outputs were recorded from the engines that the modes reproduce.
TEST_CASE("conv2d: recorded outputs of all three modes") {
  const nlohmann::json file = golden("qconv_small.json");
  const nlohmann::json& cases = file.is_array() ? file : file.at("cases");
  REQUIRE(cases.size() == 3);
  for (const nlohmann::json& c : cases) {
    const auto x_shape = c.at("x_shape").get<std::vector<int>>(), w_shape = c.at("w_shape").get<std::vector<int>>();
    oracle::Conv g;
    g.batch = x_shape[0];
    g.in_c = x_shape[1];
    g.in_h = x_shape[2];
    g.in_w = x_shape[3];
    g.out_c = w_shape[0];
    g.kernel_h = w_shape[2];
    g.kernel_w = w_shape[3];
    g.groups = c.at("groups");
    g.stride_h = g.stride_w = c.at("stride");
    g.top = g.left = g.bottom = g.right = c.at("pad");
    g.set_output();
    const auto to_nhwc = [](const std::vector<int>& nchw, int n, int ch, int h, int w) {
      std::vector<int> out;
      for (int i = 0; i < n; ++i)
        for (int p = 0; p < h * w; ++p)
          for (int k = 0; k < ch; ++k) out.push_back(nchw[static_cast<std::size_t>((i * ch + k) * h * w + p)]);
      return out;
    };
    Int8Case test;
    test.prepare = kernels::prepare_conv2d;
    graph::Conv2dAttrs attrs = attrs_of(g);
    if (c.at("relu").get<bool>()) attrs.clamp.lo = 0;
    test.attrs = attrs;
    test.x = activation(nhwc(g.batch, g.in_h, g.in_w, g.in_c), from_bits(c.at("sx_hex").get<std::string>()), c.at("zx"),
                        to_nhwc(c.at("x_q"), g.batch, g.in_c, g.in_h, g.in_w));
    test.w.dtype = DType::s8;
    test.w.constant = true;
    test.w.shape = {w_shape[0], w_shape[1], w_shape[2], w_shape[3]};
    test.w.codes = c.at("w_q").get<std::vector<int>>();
    test.w.quant = {.scale = from_bits(c.at("sw_hex").get<std::vector<std::string>>()),
                    .zero_point = std::vector<std::int32_t>(static_cast<std::size_t>(g.out_c), 0),
                    .axis = 0};
    TestOperand bias;
    bias.dtype = DType::f32;
    bias.constant = true;
    bias.shape = {g.out_c};
    bias.reals = from_bits(c.at("bias_hex").get<std::vector<std::string>>());
    test.bias = bias;
    test.y =
        activation(nhwc(g.batch, g.out_h, g.out_w, g.out_c), from_bits(c.at("so_hex").get<std::string>()), c.at("zo"));
    const std::pair<RequantMode, const char*> recorded[] = {{RequantMode::fixed, "y_fixed_single_round"},
                                                            {RequantMode::floating, "y_float_div"},
                                                            {RequantMode::floating_qnnpack, "y_torch_qnnpack"}};
    for (const auto& [mode, key] : recorded) {
      const std::vector<int> codes = to_nhwc(c.at(key), g.batch, g.out_c, g.out_h, g.out_w);
      for (const kernels::Backend& backend : test_backends()) {
        INFO(key << " on " << backend.name);
        const Result<Outcome> outcome = run_case(test, backend, mode, 2);
        REQUIRE(outcome.ok());
        CHECK(outcome->values == std::vector<double>(codes.begin(), codes.end()));
      }
    }
  }
}

}  // namespace octet::test
