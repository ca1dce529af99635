// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/codes.h"
#include "tests/kernels/elementwise.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

std::vector<float> floats_of(const nlohmann::json& hex) {
  std::vector<float> values;
  for (const auto& text : hex) {
    values.push_back(
        std::bit_cast<float>(static_cast<std::uint32_t>(std::stoul(text.get<std::string>(), nullptr, 16))));
  }
  return values;
}

test::Tensor quantized(const std::vector<float>& x, const Codes& codes, bool reciprocal, graph::Clamp clamp = {},
                       const Backend* backend = nullptr, int threads = 1) {
  const Shape shape{static_cast<std::int64_t>(x.size())};
  graph::QuantizeAttrs attrs;
  attrs.reciprocal = reciprocal, attrs.clamp = clamp;
  const auto result = test::run_op(prepare_quantize, attrs, std::vector{test::tensor(shape, x)},
                                   {test::output(codes.dtype, shape, test::per_tensor(codes.scale, codes.zero_point))},
                                   {.backend = backend ? backend : &test::scalar_backend(), .threads = threads});
  INFO(result.status().message());
  REQUIRE(result.ok());
  return result->outputs[0];
}

}  // namespace

TEST_CASE("recorded quantization: PyTorch's reciprocal, ONNX's division, dequantized values", "[quantize]") {
  std::ifstream file(OCTET_SOURCE_DIR "/tests/golden/quantize.json");
  REQUIRE(file.good());
  for (const auto& recorded : nlohmann::json::parse(file)) {
    const float scale = floats_of({recorded.at("scale_hex")})[0];
    const DType type = recorded.at("dtype") == "qint8" ? DType::s8 : DType::u8;
    const Codes codes{type, scale, recorded.at("zp").get<int>()};
    const std::vector<float> x = floats_of(recorded.at("x_hex"));
    for (const Backend& backend : test::test_backends()) {
      for (const bool reciprocal : {true, false}) {
        const char* column = reciprocal ? "q_torch_mulinv" : "q_onnx_div";
        if (!recorded.contains(column)) continue;
        const test::Tensor q = quantized(x, codes, reciprocal, {}, &backend);
        const auto expected = recorded.at(column).get<std::vector<int>>();
        for (std::size_t i = 0; i < x.size(); ++i) {
          REQUIRE(codes.code(static_cast<std::uint8_t>(q.bytes[i])) == expected[i]);
        }
        if (!reciprocal || type != dtype_of(backend.activation) || !recorded.contains("dq_hex")) continue;
        const auto back = test::run_op(prepare_dequantize, {}, std::vector{q}, {test::output(DType::f32, q.shape)},
                                       {.backend = &backend});
        REQUIRE(back.ok());
        const std::vector<float> reals = floats_of(recorded.at("dq_hex"));
        CHECK(back->outputs[0].as<float>() == reals);
      }
    }
  }
}

TEST_CASE("quantize: NaN, infinities, clamps", "[quantize]") {
  const float inf = INFINITY;
  const std::vector<float> x = {NAN, -NAN, inf, -inf, 0, -0.0F, 1e30F, -1e30F, 0.5F, 1.5F, -0.5F};
  const auto codes_of = [&](const Codes& codes, graph::Clamp clamp) {
    std::vector<int> result;
    for (const std::byte byte : quantized(x, codes, false, clamp).bytes) {
      result.push_back(codes.code(static_cast<std::uint8_t>(byte)));
    }
    return result;
  };
  CHECK(codes_of({DType::u8, 1, 10}, {}) == std::vector{10, 10, 255, 0, 10, 10, 255, 0, 10, 12, 10});
  CHECK(codes_of({DType::u8, 1, 10}, {0, 6}) == std::vector{10, 10, 16, 10, 10, 10, 16, 10, 10, 12, 10});
  CHECK(codes_of({DType::s8, 1, -3}, {}) == std::vector{-3, -3, 127, -128, -3, -3, 127, -128, -3, -1, -3});
  // A clamp without 0 in it holds for NaN as well.
  CHECK(codes_of({DType::u8, 1, 10}, {1, 6}) == std::vector{11, 11, 16, 11, 11, 11, 16, 11, 11, 12, 11});
}

TEST_CASE("quantize and dequantize cut into slices", "[quantize]") {
  std::mt19937 random(31);
  std::vector<float> x;
  for (int i = 0; i < 200003; ++i) x.push_back(std::normal_distribution<float>(0, 2)(random));
  for (const Backend& backend : test::test_backends()) {
    const Codes codes{dtype_of(backend.activation), 0.03F, 11};
    const test::Tensor one = quantized(x, codes, false, {}, &backend, 1);
    CHECK(quantized(x, codes, false, {}, &backend, 4).bytes == one.bytes);
    const auto back = [&](int threads) {
      const auto result = test::run_op(prepare_dequantize, {}, std::vector{one}, {test::output(DType::f32, one.shape)},
                                       {.backend = &backend, .threads = threads});
      REQUIRE(result.ok());
      CHECK((result->slices > 1) == (threads > 1));
      return result->outputs[0].bytes;
    };
    CHECK(back(1) == back(4));
  }
}

TEST_CASE("what quantize and dequantize refuse", "[quantize]") {
  const test::Tensor reals = test::tensor<float>({2}, {1, 2});
  const test::Tensor codes = test::code_tensor({{2}, {1, 0}, {1, 2}}, DType::u8);
  test::Tensor target = test::output(DType::u8, {2}, test::per_tensor(1, 0));
  test::check_refused(prepare_quantize, {}, {codes}, {target}, "must be f32");
  test::check_refused(prepare_dequantize, {}, {codes}, {target}, "must be f32");
  target.quant = {};
  test::check_refused(prepare_quantize, {}, {reals}, {target}, "no scale");
  test::check_refused(prepare_quantize, {}, {reals}, {test::output(DType::s32, {2}, test::per_tensor(1, 0))}, "s32");
  test::check_refused(prepare_dequantize, {}, {reals}, {test::output(DType::f32, {2})}, "f32");
}

}  // namespace octet::kernels
