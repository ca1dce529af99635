// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/codes.h"

#include <limits>

#include "tests/quantize/golden.h"

using namespace octet;
using namespace octet::graph;

namespace {

std::vector<int> as_integers(const std::vector<std::byte>& codes, DType dtype) {
  std::vector<int> result;
  for (std::byte code : codes) {
    const auto byte = static_cast<std::uint8_t>(code);
    result.push_back(dtype == DType::s8 ? static_cast<std::int8_t>(byte) : byte);
  }
  return result;
}

}  // namespace

TEST_CASE("quantize and dequantize equal the golden columns bit for bit") {
  int differing = 0;
  for (const auto& row : test::golden("quantize.json")) {
    const DType dtype = row["dtype"] == "quint8" ? DType::u8 : DType::s8;
    const Quant quant{{test::from_bits(row["scale_hex"].get<std::string>())}, {row["zp"].get<int>()}, -1};
    const auto x = test::from_bits(row["x_hex"].get<std::vector<std::string>>());
    const Shape shape{static_cast<std::int64_t>(x.size())};
    std::vector<std::byte> codes(x.size()), torch_codes(x.size());
    REQUIRE(quantize_tensor(x, shape, quant, dtype, bounds_of(dtype), QuantizeBy::reciprocal, torch_codes).ok());
    CHECK(as_integers(torch_codes, dtype) == row["q_torch_mulinv"].get<std::vector<int>>());
    if (!row.contains("q_onnx_div")) continue;  // the tutorial's row has PyTorch's codes only
    REQUIRE(quantize_tensor(x, shape, quant, dtype, bounds_of(dtype), QuantizeBy::division, codes).ok());
    CHECK(as_integers(codes, dtype) == row["q_onnx_div"].get<std::vector<int>>());
    differing += codes != torch_codes ? 1 : 0;

    std::vector<float> real(x.size());
    REQUIRE(dequantize_tensor(torch_codes, shape, quant, dtype, real).ok());
    CHECK(real == test::from_bits(row["dq_hex"].get<std::vector<std::string>>()));
  }
  CHECK(differing > 0);  // else the two columns prove nothing
}

TEST_CASE("what is no ordinary number still has a code") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const CodeBounds all = bounds_of(DType::u8);
  for (QuantizeBy by : {QuantizeBy::division, QuantizeBy::reciprocal}) {
    CHECK(quantize_value(std::numeric_limits<float>::quiet_NaN(), 0.5F, 7, all, by) == 7);
    CHECK(quantize_value(infinity, 0.5F, 7, all, by) == 255);
    CHECK(quantize_value(-infinity, 0.5F, 7, all, by) == 0);
    CHECK(quantize_value(3e38F, 1e-30F, 7, all, by) == 255);  // the quotient overflows float
    CHECK(quantize_value(-3e38F, 1e-30F, 7, all, by) == 0);
    CHECK(quantize_value(-0.0F, 0.5F, 7, all, by) == 7);
  }
  CHECK(quantize_value(-1e9F, 1.0F, 0, {-127, 127}) == -127);  // narrower than the type
}

TEST_CASE("ties go to the even step, before the zero point is added") {
  const CodeBounds all = bounds_of(DType::s8);
  CHECK(quantize_value(0.5F, 1.0F, 1, all) == 1);
  CHECK(quantize_value(1.5F, 1.0F, 1, all) == 3);
  CHECK(quantize_value(-0.5F, 1.0F, 1, all) == 1);
  CHECK(quantize_value(2.5F, 1.0F, 1, all) == 3);
}

TEST_CASE("per channel parameters follow their axis") {
  const Quant quant{{1.0F, 0.5F}, {0, 10}, 1};
  const Shape shape{2, 2, 2};
  const std::vector<float> x{1, 2, 1, 2, 3, 4, 3, 4};
  std::vector<std::byte> codes(8);
  REQUIRE(quantize_tensor(x, shape, quant, DType::u8, bounds_of(DType::u8), QuantizeBy::division, codes).ok());
  CHECK(as_integers(codes, DType::u8) == std::vector<int>{1, 2, 12, 14, 3, 4, 16, 18});
  std::vector<float> real(8);
  REQUIRE(dequantize_tensor(codes, shape, quant, DType::u8, real).ok());
  CHECK(real == x);
}

TEST_CASE("tensors that do not fit their parameters are refused") {
  std::vector<float> x(4);
  std::vector<std::byte> codes(4);
  const auto attempt = [&](const Shape& shape, const Quant& quant, DType dtype) {
    return quantize_tensor(x, shape, quant, dtype, bounds_of(DType::u8), QuantizeBy::division, codes).message();
  };
  CHECK(attempt({5}, {{1}, {0}, -1}, DType::u8).find("[5]") != std::string::npos);
  CHECK(attempt({4}, {{1}, {0}, 1}, DType::u8).find("axis 1") != std::string::npos);
  CHECK(attempt({2, 2}, {{1}, {0}, 0}, DType::u8).find("2 of each") != std::string::npos);
  CHECK(attempt({4}, {{1}, {0}, -1}, DType::f32).find("f32") != std::string::npos);
}
