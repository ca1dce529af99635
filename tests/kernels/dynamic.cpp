// SPDX-License-Identifier: Apache-2.0
// Quantization per run: codes of a tensor's own range, and products of such codes, on every backend.
#include <cmath>
#include <limits>

#include "tests/kernels/int8_case.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using test::Random;
using test::Tensor;

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();

struct Parameters {
  float scale = 1;
  int zero = 0;
};

Parameters parameters_of(const std::vector<float>& x) {
  float lo = 0, hi = 0;
  for (float v : x) {
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  Parameters p{(hi - lo) / 255.0F, 0};
  if (p.scale == 0) p.scale = 1;
  const float offset = 0.0F - lo / p.scale;
  if (offset > 0) p.zero = static_cast<int>(std::nearbyint(std::min(offset, 255.0F)));
  return p;
}

std::vector<std::uint8_t> codes_of(const std::vector<float>& x, const Parameters& p) {
  std::vector<std::uint8_t> codes;
  for (float v : x) {
    const float steps = std::nearbyint(v / p.scale);
    const float least = static_cast<float>(-p.zero), most = static_cast<float>(255 - p.zero);
    codes.push_back(static_cast<std::uint8_t>(
        (std::isnan(steps) ? 0 : static_cast<int>(std::min(most, std::max(least, steps)))) + p.zero));
  }
  return codes;
}

std::vector<std::uint8_t> flipped(std::vector<std::uint8_t> codes) {
  for (std::uint8_t& code : codes) code ^= 0x80;
  return codes;
}

int check_quantize(const std::vector<float>& x) {
  const Parameters p = parameters_of(x);
  const std::vector<std::uint8_t> expected = codes_of(x, p);
  const Shape shape{static_cast<std::int64_t>(x.size())};
  int most_slices = 0;
  for (const Backend& backend : test::test_backends()) {
    for (const DType dtype : {DType::u8, DType::s8}) {
      for (const int threads : {1, 3}) {
        INFO(backend.name << ", " << name_of(dtype) << ", " << threads << " threads, " << x.size() << " elements");
        const auto result =
            test::run_op(prepare_dynamic_quantize, std::monostate(), std::vector{test::tensor(shape, x)},
                         {test::output(dtype, shape), test::output(DType::f32, {}), test::output(dtype, {})},
                         {.backend = &backend, .threads = threads});
        INFO(result.status().message());
        REQUIRE(result.ok());
        const bool is_signed = dtype == DType::s8;
        CHECK(result->outputs[0].as<std::uint8_t>() == (is_signed ? flipped(expected) : expected));
        CHECK(result->outputs[1].as<float>() == std::vector<float>{p.scale});
        CHECK(result->outputs[2].as<std::uint8_t>()[0] == static_cast<std::uint8_t>(p.zero ^ (is_signed ? 0x80 : 0)));
        most_slices = std::max(most_slices, result->slices);
      }
    }
  }
  return most_slices;
}

// Weights as the file has them, and what they mean.
struct Weights {
  Tensor tensor;
  std::vector<int> difference;  // w - zw, in the order of the tensor
  std::vector<float> scale;     // per output
};

Weights random_weights(Random& random, const Shape& shape, DType dtype, bool per_output) {
  const auto outputs = static_cast<std::size_t>(shape[0]), count = static_cast<std::size_t>(shape.count());
  const int least = dtype == DType::s8 ? -128 : 0;
  Quant quant{{}, {}, per_output ? 0 : -1};
  for (std::size_t c = 0; c < (per_output ? outputs : 1); ++c) {
    quant.scale.push_back(random.real(0.001F, 0.02F));
    quant.zero_point.push_back(dtype == DType::s8 ? (random.chance(0.5) ? 0 : random.integer(-20, 20))
                                                  : random.integer(0, 255));
  }
  Weights weights;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const int code = random.integer(least, least + 255);
    bytes.push_back(static_cast<std::uint8_t>(code & 0xFF));
    weights.difference.push_back(code - quant.zero_point[per_output ? i / (count / outputs) : 0]);
  }
  for (std::size_t c = 0; c < outputs; ++c) weights.scale.push_back(quant.scale[per_output ? c : 0]);
  weights.tensor = test::constant(shape, bytes, quant);
  weights.tensor.dtype = dtype;
  return weights;
}

// Codes of either signedness with their zero point: what they mean is the same.
struct Activation {
  std::vector<std::uint8_t> codes;  // as u8
  int zero;
};

int run_everywhere(PrepareFn prepare, const graph::Attrs& attrs, const Shape& x_shape, const Activation& x,
                   const Weights& w, std::optional<float> scale, const std::vector<float>& bias, const Shape& y_shape,
                   const std::vector<float>& expected) {
  int most_slices = 0;
  for (const Backend& backend : test::test_backends()) {
    for (const bool is_signed : {false, true}) {
      for (const int threads : {1, 3}) {
        INFO(backend.name << (is_signed ? ", s8 codes, " : ", u8 codes, ") << threads << " threads");
        const DType dtype = is_signed ? DType::s8 : DType::u8;
        std::vector<Tensor> inputs{
            test::tensor(x_shape, is_signed ? flipped(x.codes) : x.codes),
            test::tensor(Shape{}, std::vector<std::uint8_t>{static_cast<std::uint8_t>(x.zero ^ (is_signed ? 128 : 0))}),
            w.tensor};
        inputs[0].dtype = inputs[1].dtype = dtype;
        if (scale) inputs.push_back(test::tensor(Shape{}, std::vector<float>{*scale}));
        if (!bias.empty()) inputs.push_back(test::constant(Shape{static_cast<std::int64_t>(bias.size())}, bias));
        const auto result = test::run_op(prepare, attrs, inputs, {test::output(DType::f32, y_shape)},
                                         {.backend = &backend, .threads = threads});
        INFO(result.status().message());
        REQUIRE(result.ok());
        INFO(result->kernel);
        CHECK(result->outputs[0].as<float>() == expected);
        most_slices = std::max(most_slices, result->slices);
      }
    }
  }
  return most_slices;
}

float finished(std::int64_t sum, std::size_t output, const Weights& w, std::optional<float> scale,
               const std::vector<float>& bias, const graph::Clamp& clamp) {
  float y = static_cast<float>(sum);
  if (scale) y = y * (*scale * w.scale[output]);
  if (!bias.empty()) y = y + bias[output];
  return std::min(std::max(y, clamp.lo), clamp.hi);
}

Activation random_activation(Random& random, std::int64_t count) {
  Activation x{{}, random.integer(0, 255)};
  for (std::int64_t i = 0; i < count; ++i) x.codes.push_back(static_cast<std::uint8_t>(random.integer(0, 255)));
  return x;
}

int check_dense(Random& random, std::int64_t rows, std::int64_t k, std::int64_t n) {
  const DType dtype = random.chance(0.5) ? DType::s8 : DType::u8;
  const Weights w = random_weights(random, {n, k}, dtype, random.chance(0.5));
  const Activation x = random_activation(random, rows * k);
  const std::optional<float> scale = random.chance(0.75) ? std::optional(random.real(0.001F, 1)) : std::nullopt;
  std::vector<float> bias;
  for (std::int64_t j = 0; scale && j < n && (rows + n) % 2 == 0; ++j) bias.push_back(random.real(-9, 9));
  const graph::Clamp clamp = random.chance(0.5) ? graph::Clamp{0, 6} : graph::Clamp{};
  std::vector<float> expected;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      std::int64_t sum = 0;
      for (std::int64_t p = 0; p < k; ++p)
        sum +=
            (x.codes[static_cast<std::size_t>(i * k + p)] - x.zero) * w.difference[static_cast<std::size_t>(j * k + p)];
      expected.push_back(finished(sum, static_cast<std::size_t>(j), w, scale, bias, clamp));
    }
  }
  INFO(rows << " rows, k " << k << ", n " << n << ", weights " << name_of(dtype));
  return run_everywhere(prepare_dynamic_dense, graph::DynamicDenseAttrs{clamp}, {rows, k}, x, w, scale, bias, {rows, n},
                        expected);
}

struct ConvCase {
  std::int64_t batch, height, width, in, out, groups, kernel, stride, dilation, pad;
};

int check_conv(Random& random, const ConvCase& c) {
  const std::int64_t span = (c.kernel - 1) * c.dilation + 1;
  const std::int64_t oh = (c.height + 2 * c.pad - span) / c.stride + 1,
                     ow = (c.width + 2 * c.pad - span) / c.stride + 1;
  const std::int64_t kc = c.in / c.groups;
  const Weights w = random_weights(random, {c.out, kc, c.kernel, c.kernel}, random.chance(0.5) ? DType::s8 : DType::u8,
                                   random.chance(0.5));
  const Activation x = random_activation(random, c.batch * c.height * c.width * c.in);
  const std::optional<float> scale = random.real(0.001F, 1);
  std::vector<float> bias;
  for (std::int64_t j = 0; j < c.out; ++j) bias.push_back(random.real(-9, 9));
  const graph::Clamp clamp{0, kInfinity};
  std::vector<float> expected;
  for (std::int64_t b = 0; b < c.batch; ++b)
    for (std::int64_t y = 0; y < oh; ++y)
      for (std::int64_t xx = 0; xx < ow; ++xx)
        for (std::int64_t o = 0; o < c.out; ++o) {
          std::int64_t sum = 0;
          for (std::int64_t ky = 0; ky < c.kernel; ++ky)
            for (std::int64_t kx = 0; kx < c.kernel; ++kx)
              for (std::int64_t p = 0; p < kc; ++p) {
                const std::int64_t iy = y * c.stride - c.pad + ky * c.dilation,
                                   ix = xx * c.stride - c.pad + kx * c.dilation;
                if (iy < 0 || iy >= c.height || ix < 0 || ix >= c.width) continue;  // zero is 0
                const std::int64_t channel = o / (c.out / c.groups) * kc + p;
                const auto at = static_cast<std::size_t>(((b * c.height + iy) * c.width + ix) * c.in + channel);
                const auto weight = static_cast<std::size_t>(((o * kc + p) * c.kernel + ky) * c.kernel + kx);
                sum += (x.codes[at] - x.zero) * w.difference[weight];
              }
          expected.push_back(finished(sum, static_cast<std::size_t>(o), w, scale, bias, clamp));
        }
  graph::DynamicConv2dAttrs attrs;
  attrs.window = {{c.kernel, c.kernel}, {c.stride, c.stride}, {c.dilation, c.dilation}, {c.pad, c.pad}, {c.pad, c.pad}};
  attrs.groups = c.groups;
  attrs.channels_last = true;
  attrs.clamp = clamp;
  INFO(c.in << " to " << c.out << " channels in " << c.groups << " groups, kernel " << c.kernel);
  return run_everywhere(prepare_dynamic_conv2d, attrs, {c.batch, c.height, c.width, c.in}, x, w, scale, bias,
                        {c.batch, oh, ow, c.out}, expected);
}

}  // namespace

TEST_CASE("codes of a tensor's own range", "[dynamic]") {
  check_quantize({});
  check_quantize({0, -0.0F, 0});
  check_quantize({1, 2, 3.5F});
  check_quantize({-1, -0.25F, -7});
  check_quantize({-0.0F, 2, kNaN, -1, 0.5F});
  check_quantize({1e-40F, -3e-41F});                              // denormal steps
  check_quantize({std::numeric_limits<float>::denorm_min(), 0});  // no step at all
  check_quantize({3e38F, -3e38F, 1});                             // the range itself overflows
  check_quantize({kInfinity, 1, -1});
  check_quantize({-kInfinity, 1, kNaN});
  Random random(61);
  for (const std::size_t n : {1U, 15U, 16U, 17U, 130U, 1000U}) {
    std::vector<float> x(n);
    for (float& v : x) v = random.real(-3, 5);
    check_quantize(x);
  }
  std::vector<float> large(120'001);
  for (float& v : large) v = random.real(-30, 5);
  large.back() = 77;  // the range is the whole tensor's, whoever writes which share
  CHECK(check_quantize(large) > 1);
}

TEST_CASE("matrix products of codes with computed parameters", "[dynamic]") {
  Random random(62);
  for (const std::int64_t rows : {1, 2, 7, 70})
    for (const std::int64_t n : {1, 5, 33, 130}) check_dense(random, rows, random.integer(1, 90), n);
  CHECK(check_dense(random, 90, 64, 64) > 1);
  CHECK(check_dense(random, 1, 700, 400) >= 1);  // one row: slices would share out the weights
}

TEST_CASE("convolutions of codes with computed parameters", "[dynamic]") {
  Random random(63);
  check_conv(random, {1, 5, 6, 3, 8, 1, 3, 1, 1, 1});
  check_conv(random, {2, 7, 5, 4, 6, 2, 3, 2, 1, 1});
  check_conv(random, {1, 9, 9, 6, 6, 6, 3, 1, 2, 2});  // depthwise, dilated
  check_conv(random, {1, 4, 4, 17, 21, 1, 1, 1, 1, 0});
  check_conv(random, {1, 6, 6, 2, 3, 1, 5, 3, 1, 4});  // more padding than image at the corners
  CHECK(check_conv(random, {1, 20, 20, 16, 24, 1, 3, 1, 1, 1}) > 1);
}

TEST_CASE("what dynamic products refuse", "[dynamic]") {
  Random random(64);
  const Weights w = random_weights(random, {2, 40'000}, DType::s8, false);
  Tensor x = test::tensor(Shape{1, 40'000}, std::vector<std::uint8_t>(40'000));
  const Tensor zero = test::tensor(Shape{}, std::vector<std::uint8_t>{0});
  Weights extreme = w;
  extreme.tensor = test::constant(Shape{2, 40'000}, std::vector<std::int8_t>(80'000, -128), test::per_tensor(1, 127));
  const auto refused = [&](const std::vector<Tensor>& inputs, const Shape& y) {
    const Backend backend = test::test_backends().front();
    return test::run_op(prepare_dynamic_dense, graph::DynamicDenseAttrs{}, inputs, {test::output(DType::f32, y)},
                        {.backend = &backend})
        .status()
        .message();
  };
  CHECK(refused({x, zero, extreme.tensor}, {1, 2}).find("must stay below 2^31") != std::string::npos);
  x.shape = {1, 3};
  CHECK(refused({x, zero, w.tensor}, {1, 2}).find("do not fit") != std::string::npos);
}

}  // namespace octet::kernels
