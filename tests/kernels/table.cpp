// SPDX-License-Identifier: Apache-2.0
#include "kernels/table.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/oracle.h"

namespace octet::kernels {
namespace {

using graph::UnaryAttrs;
using graph::UnaryFn;

nlohmann::json golden(const char* name) {
  std::ifstream file(std::string(OCTET_SOURCE_DIR "/tests/golden/") + name);
  REQUIRE(file.good());
  return nlohmann::json::parse(file);
}

std::uint64_t fnv1a(const Table& table) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const std::uint8_t byte : table) hash = (hash ^ byte) * 0x100000001B3U;
  return hash;
}

struct Named {
  const char* name;
  UnaryAttrs attrs;
};

std::vector<Named> functions() {
  const auto fn = [](UnaryFn f, float alpha = 0, float beta = 0, graph::Clamp clip = {}) {
    UnaryAttrs attrs;
    attrs.fn = f, attrs.alpha = alpha, attrs.beta = beta, attrs.clip = clip;
    return attrs;
  };
  return {{"relu", fn(UnaryFn::relu)},
          {"clip", fn(UnaryFn::clip, 0, 0, {-0.5F, 1.25F})},
          {"leaky_relu", fn(UnaryFn::leaky_relu, 0.1F)},
          {"elu", fn(UnaryFn::elu, 1)},
          {"sigmoid", fn(UnaryFn::sigmoid)},
          {"hard_sigmoid", fn(UnaryFn::hard_sigmoid, 0.2F, 0.5F)},
          {"hard_swish", fn(UnaryFn::hard_swish)},
          {"silu", fn(UnaryFn::silu)},
          {"tanh", fn(UnaryFn::tanh)},
          {"gelu_erf", fn(UnaryFn::gelu_erf)},
          {"gelu_tanh", fn(UnaryFn::gelu_tanh)},
          {"erf", fn(UnaryFn::erf)},
          {"exp", fn(UnaryFn::exp)},
          {"log", fn(UnaryFn::log)},
          {"sqrt", fn(UnaryFn::sqrt)},
          {"reciprocal", fn(UnaryFn::reciprocal)},
          {"neg", fn(UnaryFn::neg)},
          {"abs", fn(UnaryFn::abs)},
          {"floor", fn(UnaryFn::floor)},
          {"ceil", fn(UnaryFn::ceil)},
          {"softplus", fn(UnaryFn::softplus)}};
}

// {"sigmoid": {"fixed": ["0123...", ... one per pair of scales], "float": ...}, ...}
nlohmann::json table_hashes() {
  const std::pair<const char*, RequantMode> modes[] = {{"fixed", RequantMode::fixed},
                                                       {"float", RequantMode::floating},
                                                       {"float-qnnpack", RequantMode::floating_qnnpack}};
  const std::pair<Codes, Codes> scales[] = {{{DType::u8, 0.05F, 37}, {DType::u8, 0.04F, 3}},
                                            {{DType::u8, 0.0235F, 128}, {DType::u8, 0.00390625F, 0}},
                                            {{DType::s8, 0.0625F, -9}, {DType::s8, 0.0078125F, 0}},
                                            {{DType::s8, 0.31F, 5}, {DType::u8, 0.17F, 90}}};
  nlohmann::json hashes;
  for (const Named& function : functions()) {
    for (const auto& [mode_name, mode] : modes) {
      for (const auto& [in, out] : scales) {
        hashes[function.name][mode_name].push_back(
            fmt::format("{:016x}", fnv1a(unary_table(function.attrs, in, out, mode))));
      }
    }
  }
  return hashes;
}

Codes random_codes(std::mt19937& random) {
  const DType type = random() % 2 == 0 ? DType::u8 : DType::s8;
  const float scale = std::exp(std::uniform_real_distribution<float>(-7, 1)(random));
  return {type, scale, static_cast<std::int32_t>(random() % 256) - (type == DType::s8 ? 128 : 0)};
}

}  // namespace

TEST_CASE("requantize table is the affine row", "[table]") {
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    const Codes in = random_codes(random), out = random_codes(random);
    const CodeRange range = code_range(out.dtype);
    const Table table = requantize_table(in, out, range, RequantMode::fixed);
    const Table floating = requantize_table(in, out, range, RequantMode::floating);
    for (int byte = 0; byte < 256; ++byte) {
      const int q = in.code(static_cast<std::uint8_t>(byte)) - in.zero_point;
      const auto expected = [&](oracle::Mode mode) {
        return oracle::requantize(q, in.scale, 1, out.scale, out.zero_point, range.min, range.max, mode);
      };
      REQUIRE(out.code(table[static_cast<std::size_t>(byte)]) == expected(oracle::Mode::fixed));
      REQUIRE(out.code(floating[static_cast<std::size_t>(byte)]) == expected(oracle::Mode::floating));
    }
  }
}

TEST_CASE("relabelling u8 as s8 moves every byte by 128, and equal parameters copy", "[table]") {
  for (const RequantMode mode : {RequantMode::fixed, RequantMode::floating, RequantMode::floating_qnnpack}) {
    const Codes u8{DType::u8, 0.0123F, 77}, s8{DType::s8, 0.0123F, 77 - 128};
    const Table table = requantize_table(u8, s8, code_range(DType::s8), mode);
    for (std::size_t byte = 0; byte < 256; ++byte) CHECK(table[byte] == (byte ^ 0x80));
    CHECK(is_identity(requantize_table(u8, u8, code_range(DType::u8), mode)));
    CHECK(is_identity(requantize_table(s8, s8, code_range(DType::s8), mode)));
  }
}

TEST_CASE("ties of a requantize table round up in fixed, to even in float", "[table]") {
  const Codes in{DType::s8, 1, 0}, out{DType::s8, 2, 0};
  const Table fixed = requantize_table(in, out, code_range(DType::s8), RequantMode::fixed);
  const Table floating = requantize_table(in, out, code_range(DType::s8), RequantMode::floating);
  const auto at = [](const Table& table, int code) {
    return static_cast<int>(static_cast<std::int8_t>(table[static_cast<std::uint8_t>(code)]));
  };
  CHECK(at(fixed, 1) == 1);
  CHECK(at(fixed, -1) == 0);
  CHECK(at(fixed, -3) == -1);
  CHECK(at(floating, 1) == 0);
  CHECK(at(floating, 3) == 2);
  CHECK(at(floating, -3) == -2);
}

// The formula, with libm in long double: equal but for values that lie on a rounding boundary.
TEST_CASE("unary tables follow their formula", "[table]") {
  using Function = long double (*)(long double);
  const std::pair<UnaryFn, Function> formulas[] = {
      {UnaryFn::sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); }},
      {UnaryFn::tanh, [](long double x) { return std::tanh(x); }},
      {UnaryFn::erf, [](long double x) { return std::erf(x); }},
      {UnaryFn::exp, [](long double x) { return std::exp(x); }},
      {UnaryFn::log, [](long double x) { return std::log(x); }},
      {UnaryFn::sqrt, [](long double x) { return std::sqrt(x); }},
      {UnaryFn::silu, [](long double x) { return x / (1 + std::exp(-x)); }},
      {UnaryFn::softplus, [](long double x) { return std::max(x, 0.0L) + std::log1p(std::exp(-std::fabs(x))); }},
      {UnaryFn::gelu_erf, [](long double x) { return 0.5L * x * (1 + std::erf(x / std::sqrt(2.0L))); }},
      {UnaryFn::hard_swish, [](long double x) { return x * std::min(std::max(x + 3, 0.0L), 6.0L) / 6; }},
      {UnaryFn::elu, [](long double x) { return x < 0 ? std::expm1(x) : x; }},
      {UnaryFn::abs, [](long double x) { return std::fabs(x); }},
      {UnaryFn::neg, [](long double x) { return -x; }},
      {UnaryFn::reciprocal, [](long double x) { return 1 / x; }}};
  std::mt19937 random(8);
  for (const auto& [fn, f] : formulas) {
    UnaryAttrs attrs;
    attrs.fn = fn;
    attrs.alpha = 1;
    for (int i = 0; i < 40; ++i) {
      const Codes in = random_codes(random), out = random_codes(random);
      for (const RequantMode mode : {RequantMode::fixed, RequantMode::floating}) {
        const Table table = unary_table(attrs, in, out, mode);
        for (int byte = 0; byte < 256; ++byte) {
          const auto x =
              static_cast<long double>(in.scale) * (in.code(static_cast<std::uint8_t>(byte)) - in.zero_point);
          const long double y = f(x);
          const int code = out.code(table[static_cast<std::size_t>(byte)]);
          INFO("function " << static_cast<int>(fn) << " x " << static_cast<double>(x));
          if (std::isnan(y)) {
            REQUIRE(code == out.zero_point);
            continue;
          }
          const long double v = y / out.scale;
          const int lo = code_range(out.dtype).min, hi = code_range(out.dtype).max;
          const long double slack = (mode == RequantMode::fixed ? 1e-9L : 1e-4L) +
                                    std::fabs(v) * 1e-6L * (mode == RequantMode::fixed ? 1e-6L : 1);
          const long double centred = std::min(std::max(v + out.zero_point, lo + 0.0L), hi + 0.0L);
          REQUIRE(std::fabs(centred - code) <= 0.5L + slack);
        }
      }
    }
  }
}

TEST_CASE("leaky_relu has the slopes of its two branches", "[table]") {
  std::mt19937 random(9);
  for (const float slope : {0.1F, 0.0F, 1.0F, 2.5F, -0.3F}) {
    for (int i = 0; i < 50; ++i) {
      const Codes in = random_codes(random), out = random_codes(random);
      UnaryAttrs attrs;
      attrs.fn = UnaryFn::leaky_relu;
      attrs.alpha = slope;
      const Table table = unary_table(attrs, in, out, RequantMode::fixed);
      for (int byte = 0; byte < 256; ++byte) {
        const int q = in.code(static_cast<std::uint8_t>(byte)) - in.zero_point;
        const double real = (q < 0 ? std::fabs(static_cast<double>(slope)) : 1.0) * in.scale / out.scale;
        const CodeRange range = code_range(out.dtype);
        REQUIRE(out.code(table[static_cast<std::size_t>(byte)]) ==
                oracle::requantize_fixed(q < 0 && slope < 0 ? -q : q, real, out.zero_point, range.min, range.max));
      }
    }
  }
}

TEST_CASE("recorded PyTorch tables", "[table]") {
  const nlohmann::json recorded = golden("lut_ops.json");
  const Codes in{DType::u8, 0.05F, 37};
  struct Case {
    const char* key;
    UnaryAttrs attrs;
    Codes out;
    bool equal_fixed;    // no value of it lies on a tie, where fixed rounds up and PyTorch to even
    bool equal_qnnpack;  // nor does the order in which PyTorch dequantizes move a value off a tie
  };
  const auto fn = [](UnaryFn f, float alpha = 0, float beta = 0) {
    UnaryAttrs attrs;
    attrs.fn = f, attrs.alpha = alpha, attrs.beta = beta;
    return attrs;
  };
  const Codes wide{DType::u8, 0.04F, 3}, unit{DType::u8, 1.0F / 256, 0}, both{DType::u8, 2.0F / 256, 128};
  const Case cases[] = {{"sigmoid(so=1/256,zo=0)", fn(UnaryFn::sigmoid), unit, true, true},
                        {"tanh(so=2/256,zo=128)", fn(UnaryFn::tanh), both, true, true},
                        {"hardsigmoid(so=1/256,zo=0)", fn(UnaryFn::hard_sigmoid, 1.0F / 6, 0.5F), unit, false, true},
                        {"hardswish_native(so=0.04,zo=3)", fn(UnaryFn::hard_swish), wide, false, true},
                        {"leaky0.1_native(so=0.04,zo=3)", fn(UnaryFn::leaky_relu, 0.1F), wide, false, false},
                        {"elu(so=0.04,zo=3)", fn(UnaryFn::elu, 1), wide, false, false}};
  for (const Case& c : cases) {
    const auto expected = recorded.at(c.key).get<std::vector<int>>();
    REQUIRE(expected.size() == 256);
    const Table fixed = unary_table(c.attrs, in, c.out, RequantMode::fixed);
    const Table qnnpack = unary_table(c.attrs, in, c.out, RequantMode::floating_qnnpack);
    int fixed_differs = 0, qnnpack_differs = 0;
    for (std::size_t i = 0; i < 256; ++i) {
      fixed_differs += fixed[i] != expected[i];
      qnnpack_differs += qnnpack[i] != expected[i];
      CHECK(std::abs(fixed[i] - expected[i]) <= 1);
      CHECK(std::abs(qnnpack[i] - expected[i]) <= 1);
    }
    INFO(c.key);
    if (c.equal_qnnpack) CHECK(qnnpack_differs == 0);
    if (c.equal_fixed) CHECK(fixed_differs == 0);
  }
}

// Hashes of every table at several scales, so that no compiler, libm or edit changes them unnoticed.
// A change that is meant shows the new file in the message.
TEST_CASE("golden table hashes", "[table]") {
  const nlohmann::json actual = table_hashes();
  INFO(actual.dump());
  CHECK(golden("unary_tables.json") == actual);
}

}  // namespace octet::kernels
