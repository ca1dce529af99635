// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "tests/support/catch.h"
#include "tools/hash.h"
#include "tools/statistics.h"
#include "tools/topk.h"

using namespace octet;

TEST_CASE("rank counts larger scores, and equal ones with a lower index") {
  const float scores[] = {0.1F, 0.7F, 0.7F, 0.2F};
  const auto rank = [&](std::int64_t label) { return tools::rank_of(DType::f32, std::as_bytes(std::span(scores)), label); };
  CHECK(rank(1) == 0);
  CHECK(rank(2) == 1);
  CHECK(rank(3) == 2);
  CHECK(rank(0) == 3);
  CHECK(rank(4) == 4);   // no such class: never a hit
  CHECK(rank(-1) == 4);
  const std::int8_t codes[] = {-128, 127, 0};
  CHECK(tools::rank_of(DType::s8, std::as_bytes(std::span(codes)), 1) == 0);
  const float nan[] = {std::numeric_limits<float>::quiet_NaN(), 0};
  CHECK(tools::rank_of(DType::f32, std::as_bytes(std::span(nan)), 0) == 2);
}

TEST_CASE("latency figures") {
  const auto one = tools::summarize({3});
  CHECK(one.median_ms == 3);
  CHECK(one.p90_ms == 3);
  const auto ten = tools::summarize({10, 1, 9, 2, 8, 3, 7, 4, 6, 5});
  CHECK(ten.median_ms == 5.5);
  CHECK(ten.min_ms == 1);
  CHECK(ten.p90_ms == 9);
}

TEST_CASE("a ratio is taken pair by pair") {
  const std::vector<double> fp32{30, 60, 31, 300}, int8{10, 20, 10, 10};
  CHECK(std::abs(tools::median_ratio(fp32, int8) - 3.05) < 1e-12);  // of 3, 3, 3.1 and 30
  CHECK(tools::median_ratio(std::span(fp32).first(1), int8) == 3);
}

TEST_CASE("the output hash is 64-bit FNV-1a") {
  const std::string text = "foobar";
  CHECK(tools::fnv1a({}) == 0xCBF29CE484222325U);
  CHECK(tools::fnv1a(std::as_bytes(std::span(text))) == 0x85944171F73967E8U);
}
