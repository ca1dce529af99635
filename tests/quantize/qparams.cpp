// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/qparams.h"

#include <octet/quantize.h>

#include "graph/quantize/observer.h"
#include "tests/quantize/golden.h"

using namespace octet;
using namespace octet::graph;

namespace {

Range observed(const std::vector<std::vector<float>>& batches) {
  const auto observer = make_observer(ObserverKind::min_max);
  for (const auto& batch : batches) observer->observe(batch);
  return observer->range();
}

std::vector<std::vector<float>> tutorial_batches(const nlohmann::json& file) {
  std::vector<std::vector<float>> batches;
  for (const auto& tensor : file["inputs"]) {
    auto& batch = batches.emplace_back();
    for (const auto& row : tensor) {
      for (const auto& x : row) batch.push_back(x.get<float>());
    }
  }
  return batches;
}

}  // namespace

TEST_CASE("min-max on the tutorial's tensors gives the published parameters") {
  const auto file = test::golden("observers_tutorial.json");
  const Range range = observed(tutorial_batches(file));
  const struct {
    const char* row;
    QuantSpec spec;
  } cases[] = {
      {"minmax_quint8_affine", {DType::u8, Scheme::affine, 0, 255, false}},
      {"minmax_reduce_range_0_127", {DType::u8, Scheme::affine, 0, 127, false}},
      {"minmax_qint8_affine", {DType::s8, Scheme::affine, -128, 127, false}},
      {"minmax_qint8_symmetric", {DType::s8, Scheme::symmetric, -128, 127, false}},
      {"minmax_qint8_sym_-127_127", {DType::s8, Scheme::symmetric, -127, 127, false}},
  };
  for (const auto& one : cases) {
    INFO(one.row);
    const auto& row = file["observers"][one.row];
    CHECK(range.min == static_cast<float>(row["min"][0].get<double>()));
    CHECK(range.max == static_cast<float>(row["max"][0].get<double>()));
    const Quant quant = choose_qparams(range, one.spec).value();
    CHECK(quant.scale == std::vector<float>{test::from_bits(row["scale_hex"][0].get<std::string>())});
    CHECK(quant.zero_point == std::vector<std::int32_t>{row["zero_point"][0].get<int>()});
    CHECK(quant.per_tensor());
  }
}

TEST_CASE("each channel's own min-max gives the published per-channel parameters") {
  const auto file = test::golden("observers_tutorial.json");
  const auto batches = tutorial_batches(file);  // (2, 3, 4)
  const auto check = [&](const char* name, const QuantSpec& spec) {
    const auto& row = file["observers"][name];
    for (std::size_t channel = 0; channel < 3; ++channel) {
      std::vector<std::vector<float>> own;
      for (const auto& batch : batches) {
        const auto first = batch.begin() + static_cast<std::ptrdiff_t>(4 * channel);
        own.emplace_back(first, first + 4);
      }
      const Quant quant = choose_qparams(observed(own), spec).value();
      CHECK(quant.scale[0] == test::from_bits(row["scale_hex"][channel].get<std::string>()));
      CHECK(quant.zero_point[0] == row["zero_point"][channel].get<int>());
    }
  };
  check("perch0_minmax_affine", {DType::u8, Scheme::affine, 0, 255, false});
  check("perch0_minmax_qint8_symmetric", {DType::s8, Scheme::symmetric, -128, 127, false});
}

TEST_CASE("the range always holds 0, and no scale is below eps") {
  const QuantSpec u8;
  CHECK(choose_qparams({2, 4}, u8).value() == Quant{{4.0F / 255}, {0}, -1});
  CHECK(choose_qparams({-4, -2}, u8).value() == Quant{{4.0F / 255}, {255}, -1});
  CHECK(choose_qparams({0, 0}, u8).value() == Quant{{0x1p-23F}, {0}, -1});
  CHECK(choose_qparams({-1e-9F, 1e-9F}, u8).value() == Quant{{0x1p-23F}, {0}, -1});
  QuantSpec coarse = u8;
  coarse.eps = 0x1p-12F;
  CHECK(choose_qparams({0, 0.01F}, coarse).value().scale[0] == 0x1p-12F);
  CHECK(choose_qparams({-1, 2}, {DType::u8, Scheme::symmetric, 0, 255, false}).value() ==
        Quant{{2 / 127.5F}, {128}, -1});
}

TEST_CASE("ranges without parameters are refused, never given a scale of 1") {
  CHECK(choose_qparams({}, {}).status().message().find("observed") != std::string::npos);
  CHECK_FALSE(choose_qparams({-3e38F, 3e38F}, {}).ok());  // the width overflows
  CHECK_FALSE(choose_qparams({0, std::numeric_limits<float>::infinity()}, {}).ok());
  CHECK_FALSE(choose_qparams({std::numeric_limits<float>::quiet_NaN(), 1}, {}).ok());
}

TEST_CASE("specs that no codes can meet are refused") {
  const auto message = [](const QuantSpec& spec) { return check_spec(spec).message(); };
  CHECK(message({}).empty());
  CHECK(message({DType::f32, Scheme::affine, 0, 255, false}).find("f32") != std::string::npos);
  CHECK(message({DType::u8, Scheme::affine, -1, 255, false}).find("-1 to 255") != std::string::npos);
  CHECK(message({DType::s8, Scheme::affine, -128, 128, false}).find("-128 to 128") != std::string::npos);
  CHECK(message({DType::u8, Scheme::affine, 5, 5, false}).find("two") != std::string::npos);
  QuantSpec no_eps;
  no_eps.eps = 0;
  CHECK(message(no_eps).find("positive") != std::string::npos);
}

TEST_CASE("functions with a known range have known parameters") {
  CHECK(fixed_qparams(0, 1, {}) == Quant{{1.0F / 256}, {0}, -1});
  CHECK(fixed_qparams(-1, 1, {}) == Quant{{2.0F / 256}, {128}, -1});
  const QuantSpec s8{DType::s8, Scheme::affine, -128, 127, false};
  CHECK(fixed_qparams(0, 1, s8) == Quant{{1.0F / 256}, {-128}, -1});
  CHECK(fixed_qparams(-1, 1, s8) == Quant{{2.0F / 256}, {0}, -1});
}

TEST_CASE("min-max merges as if one observer had seen everything, and passes over infinities") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const auto a = make_observer(ObserverKind::min_max), b = make_observer(ObserverKind::min_max);
  const std::vector<float> first{-1, infinity, 3}, second{-infinity, -2}, none{infinity, -infinity};
  a->observe(first);
  b->observe(second);
  REQUIRE(b->merge(*a).ok());
  CHECK(b->range() == Range{-2, 3});
  REQUIRE(a->merge(*make_observer(ObserverKind::min_max)).ok());
  CHECK(a->range() == Range{-1, 3});
  const auto c = make_observer(ObserverKind::min_max);
  c->observe(none);
  CHECK(c->range().empty());
}

TEST_CASE("names of observers and presets") {
  CHECK(find_observer(name_of(ObserverKind::min_max)).value() == ObserverKind::min_max);
  CHECK(find_observer("histo").status().message() == "observer 'histo': must be one of min-max");
  CHECK(QConfig::preset("octet").ok());
  CHECK(QConfig::preset("fbgem").status().message() == "preset 'fbgem': must be one of octet");
}
