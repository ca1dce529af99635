// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/elementwise.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using graph::BinaryAttrs;
using graph::BinaryFn;
using oracle::Mode;
using test::CodeTensor;

// numpy's rule, index by index.
std::size_t broadcast_index(const Shape& shape, const Shape& out, std::size_t at) {
  std::size_t index = 0, stride = 1;
  for (int i = out.rank() - 1; i >= 0; --i) {
    const std::size_t coordinate = at % static_cast<std::size_t>(out[i]);
    at /= static_cast<std::size_t>(out[i]);
    const int own = i - (out.rank() - shape.rank());
    if (own < 0) continue;
    if (shape[own] != 1) index += coordinate * stride;
    stride *= static_cast<std::size_t>(shape[own]);
  }
  return index;
}

int clamp_bound(float x, oracle::Codes c, int otherwise) {
  if (std::isinf(x)) return otherwise;
  return static_cast<int>(
      std::min(std::max(oracle::round_even(static_cast<double>(x / c.scale)) + c.zero, 0.0), 255.0));
}

int run_case(BinaryFn fn, const CodeTensor& a, const CodeTensor& b, const CodeTensor& out, graph::Clamp clamp = {}) {
  BinaryAttrs attrs{fn, clamp};
  const int lo = clamp_bound(clamp.lo, out.params, 0), hi = clamp_bound(clamp.hi, out.params, 255);
  return test::check_everywhere(prepare_binary, attrs, {a, b}, out, [&](Mode mode) {
    std::vector<int> codes;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const int qa = a.codes[broadcast_index(a.shape, out.shape, i)];
      const int qb = b.codes[broadcast_index(b.shape, out.shape, i)];
      if (fn == BinaryFn::mul) {
        codes.push_back(oracle::requantize((qa - a.params.zero) * (qb - b.params.zero), a.params.scale, b.params.scale,
                                           out.params.scale, out.params.zero, lo, hi, mode));
      } else {
        const int sign = fn == BinaryFn::add ? 1 : -1;
        codes.push_back(oracle::add(qa, a.params, qb, b.params, out.params, lo, hi, mode, sign));
      }
    }
    return codes;
  });
}

}  // namespace

TEST_CASE("int8 binary operators broadcast as numpy does", "[binary]") {
  const struct {
    Shape a, b, out;
  } cases[] = {{{7}, {7}, {7}},
               {{2, 3, 5, 7}, {2, 3, 5, 7}, {2, 3, 5, 7}},
               {{2, 3, 5, 7}, {7}, {2, 3, 5, 7}},           // channels, NHWC
               {{2, 7, 3, 5}, {7, 1, 1}, {2, 7, 3, 5}},     // channels, NCHW
               {{2, 1, 1, 7}, {2, 3, 5, 7}, {2, 3, 5, 7}},  // squeeze and excite
               {{2, 3, 1, 7}, {1, 3, 5, 1}, {2, 3, 5, 7}},  // both
               {{}, {2, 3}, {2, 3}},
               {{1, 1}, {1}, {1, 1}},
               {{}, {}, {}},
               {{2, 1, 3, 1, 2, 1}, {1, 4, 1, 3, 1, 5}, {2, 4, 3, 3, 2, 5}},
               {{5, 1}, {1, 6}, {5, 6}},
               {{0, 3}, {1, 3}, {0, 3}}};
  std::mt19937 random(11);
  for (const auto& c : cases) {
    for (const BinaryFn fn : {BinaryFn::add, BinaryFn::sub, BinaryFn::mul}) {
      CodeTensor a = test::random_codes(random, c.a), b = test::random_codes(random, c.b);
      b.constant = random() % 2 == 0;
      CodeTensor out{c.out, test::random_params(random)};
      graph::Clamp clamp;
      if (random() % 2 == 0) clamp = {0, 6};
      INFO(to_string(c.a) << " " << to_string(c.b) << " fn " << static_cast<int>(fn));
      run_case(fn, a, b, out, clamp);
      run_case(fn, b, a, out);
    }
  }
}

TEST_CASE("int8 binary operators cut into slices", "[binary]") {
  std::mt19937 random(12);
  for (const BinaryFn fn : {BinaryFn::add, BinaryFn::mul}) {
    CodeTensor a = test::random_codes(random, {3, 117, 331});
    CodeTensor b = test::random_codes(random, {331}), out{a.shape, test::random_params(random)};
    CHECK(run_case(fn, a, b, out) > 1);
    CodeTensor whole = test::random_codes(random, a.shape);
    CHECK(run_case(fn, a, whole, out) > 1);
  }
}

TEST_CASE("int8 add: every pair of codes, extreme and tying scales", "[binary]") {
  CodeTensor a{{256, 1}, {}}, b{{1, 256}, {}}, out{{256, 256}, {}};
  for (int q = 0; q < 256; ++q) a.codes.push_back(q), b.codes.push_back(q);
  const struct {
    oracle::Codes a, b, out;
  } cases[] = {{{0.5F, 128}, {0.5F, 128}, {1, 128}},  // half scale: ties
               {{1, 0}, {1, 255}, {1, 128}},
               {{1e-20F, 3}, {1e20F, 250}, {1e18F, 77}},  // one operand vanishes
               {{1e-30F, 3}, {1e-31F, 250}, {1, 77}},     // both do
               {{524287, 0}, {1, 0}, {1, 0}},             // R just below 2^19
               {{0.0235F, 114}, {0.0471F, 131}, {0.0603F, 97}}};
  for (const auto& c : cases) {
    a.params = c.a, b.params = c.b, out.params = c.out;
    run_case(BinaryFn::add, a, b, out);
    run_case(BinaryFn::sub, a, b, out);
  }
  a.params = {0.5F, 17}, b.params = {0.25F, 200}, out.params = {2, 99};
  run_case(BinaryFn::mul, a, b, out);
  a.params = {1e10F, 17}, b.params = {1e10F, 200}, out.params = {1, 99};  // M far above 2^9
  run_case(BinaryFn::mul, a, b, out);
}

TEST_CASE("what int8 binary operators refuse", "[binary]") {
  const auto codes = [](const Shape& shape, float scale = 1) {
    return test::code_tensor({shape, {scale, 0}, std::vector<int>(static_cast<std::size_t>(shape.count()))}, DType::u8);
  };
  const auto attrs = [](BinaryFn fn) { return BinaryAttrs{fn, {}}; };
  const auto check = [&](BinaryFn fn, const test::Tensor& a, const test::Tensor& b, const test::Tensor& out,
                         const std::string& part) {
    test::Tensor empty = out;
    empty.bytes.clear();
    test::check_refused(prepare_binary, attrs(fn), {a, b}, {empty}, part);
  };
  check(BinaryFn::div, codes({2}), codes({2}), codes({2}), "Div has no rule on codes");
  check(BinaryFn::pow, codes({2}), codes({2}), codes({2}), "Pow");
  check(BinaryFn::min, codes({2}), codes({2}), codes({2}), "Min");
  check(BinaryFn::max, codes({2}), codes({2}), codes({2}), "Max");
  check(BinaryFn::add, codes({2}), codes({3}), codes({3}), "broadcast");
  check(BinaryFn::add, codes({2, 2}), codes({2}), codes({2}), "broadcast");
  check(BinaryFn::add, codes({2}, 524288), codes({2}), codes({2}), "2^19");
  check(BinaryFn::add, codes({2}, 0), codes({2}), codes({2}), "scale 0");
  check(BinaryFn::add, codes({2}, NAN), codes({2}), codes({2}), "finite");
  test::Tensor wrong = codes({2});
  wrong.quant.zero_point = {256};
  check(BinaryFn::add, codes({2}), wrong, codes({2}), "zero point 256");
  wrong.quant = {};
  check(BinaryFn::add, codes({2}), wrong, codes({2}), "no scale");
  wrong.quant = Quant{{1, 1}, {0, 0}, 0};
  check(BinaryFn::add, codes({2}), wrong, codes({2}), "per-tensor");
  wrong = codes({2});
  wrong.dtype = DType::s8;
  check(BinaryFn::mul, wrong, codes({2}), codes({2}), "s8");
  check(BinaryFn::mul, test::tensor<float>({2}, {1, 2}), codes({2}), codes({2}), "f32");
}

}  // namespace octet::kernels
