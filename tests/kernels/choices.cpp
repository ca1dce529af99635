// SPDX-License-Identifier: Apache-2.0
// Operators that compare, choose, reduce, repeat, normalize and change types: against loops over indices, with guard
// bands and memory filled twice (run_op), on one thread and three; those on codes on every backend.
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "tests/kernels/elementwise.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using test::CodeTensor;
using test::Tensor;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

// Row-major indices of every element of `shape`, in order.
std::vector<std::vector<std::int64_t>> indices_of(const Shape& shape) {
  std::vector<std::vector<std::int64_t>> all;
  for (std::int64_t i = 0; i < shape.count(); ++i) {
    std::vector<std::int64_t> index(static_cast<std::size_t>(shape.rank()));
    std::int64_t rest = i;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      index[static_cast<std::size_t>(axis)] = rest % shape[axis];
      rest /= shape[axis];
    }
    all.push_back(std::move(index));
  }
  return all;
}

// Where `index` reads in a tensor of `shape`, whose axes repeat; axes are aligned at the end.
std::size_t offset_in(const Shape& shape, const std::vector<std::int64_t>& index) {
  std::int64_t at = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto own = index.size() - static_cast<std::size_t>(shape.rank() - axis);
    at = at * shape[axis] + index[own] % shape[axis];
  }
  return static_cast<std::size_t>(at);
}

// Runs on one thread and on three; the most slices.
template <class T>
int check(PrepareFn prepare, const graph::Attrs& attrs, const std::vector<Tensor>& inputs, DType type,
          const Shape& shape, const std::vector<T>& expected) {
  int slices = 0;
  for (const int threads : {1, 3}) {
    const auto result = test::run_op(prepare, attrs, inputs, {test::output(type, shape)}, {.threads = threads});
    INFO(result.status().message() << ", " << threads << " threads");
    REQUIRE(result.ok());
    const std::vector<T> got = result->outputs[0].template as<T>();
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      const bool both_nan = got[i] != got[i] && expected[i] != expected[i];
      if (got[i] == expected[i] || both_nan) continue;
      INFO("element " << i);
      CHECK(got[i] == expected[i]);
    }
    slices = std::max(slices, result->slices);
  }
  return slices;
}

Tensor as_bool(Tensor bytes) {
  bytes.dtype = DType::boolean;
  return bytes;
}

template <class T>
std::vector<T> random_elements(std::mt19937& random, const Shape& shape, int lo, int hi) {
  std::vector<T> elements(static_cast<std::size_t>(shape.count()));
  std::uniform_int_distribution<int> pick(lo, hi);
  for (T& element : elements) element = static_cast<T>(pick(random));
  return elements;
}

template <class T>
int check_reduce(std::mt19937& random, graph::ReduceFn fn, const Shape& in, const std::vector<std::int64_t>& axes) {
  const std::vector<T> x = random_elements<T>(random, in, -3, 3);  // small: every order of addition gives one sum
  Shape out;
  for (int axis = 0; axis < in.rank(); ++axis) {
    const bool gone =
        axes.empty() || std::ranges::count(axes, axis) > 0 || std::ranges::count(axes, axis - in.rank()) > 0;
    out.push_back(gone ? 1 : in[axis]);
  }
  std::vector<T> expected(static_cast<std::size_t>(out.count()));
  std::vector<bool> seen(expected.size());
  std::size_t i = 0;
  for (const auto& index : indices_of(in)) {
    const std::size_t at = offset_in(out, index);
    const T value = x[i++];
    T& y = expected[at];
    if (!seen[at]) {
      y = value;
    } else if (fn == graph::ReduceFn::sum) {
      y = static_cast<T>(y + value);
    } else if (fn == graph::ReduceFn::prod) {
      y = static_cast<T>(y * value);
    } else {
      y = fn == graph::ReduceFn::max ? std::max(y, value) : std::min(y, value);
    }
    seen[at] = true;
  }
  return check(prepare_reduce, graph::ReduceAttrs{fn, axes, true}, {test::tensor(in, x)}, test::dtype_for<T>(), out,
               expected);
}

template <class T>
void check_arg_max(std::mt19937& random, const Shape& in, int axis, bool last, bool smallest) {
  const std::vector<T> x = random_elements<T>(random, in, 0, 4);  // many equal ones
  Shape out = in;
  out[axis] = 1;
  std::vector<std::int64_t> expected;
  for (auto index : indices_of(out)) {
    std::int64_t best = 0;
    for (std::int64_t i = 0; i < in[axis]; ++i) {
      const auto element = [&](std::int64_t at) {
        index[static_cast<std::size_t>(axis)] = at;
        return x[offset_in(in, index)];
      };
      const T now = element(i), before = element(best);
      if ((smallest ? now < before : now > before) || (last && now == before)) best = i;
    }
    expected.push_back(best);
  }
  check(prepare_arg_max, graph::ArgMaxAttrs{axis, true, last, smallest}, {test::tensor(in, x)}, DType::s64, out,
        expected);
}

template <class T>
void check_compare(std::mt19937& random, graph::CompareFn fn, const Shape& a_shape, const Shape& b_shape,
                   const Shape& out, const std::function<bool(T, T)>& holds) {
  const std::vector<T> a = random_elements<T>(random, a_shape, 0, 2), b = random_elements<T>(random, b_shape, 0, 2);
  std::vector<std::uint8_t> expected;
  for (const auto& index : indices_of(out))
    expected.push_back(holds(a[offset_in(a_shape, index)], b[offset_in(b_shape, index)]) ? 1 : 0);
  check(prepare_compare, graph::CompareAttrs{fn}, {test::tensor(a_shape, a), test::tensor(b_shape, b)}, DType::boolean,
        out, expected);
}

}  // namespace

TEST_CASE("reductions of numbers over any axes", "[choices]") {
  std::mt19937 random(71);
  using graph::ReduceFn;
  for (const ReduceFn fn : {ReduceFn::sum, ReduceFn::max, ReduceFn::min, ReduceFn::prod}) {
    for (const std::vector<std::int64_t>& axes : {std::vector<std::int64_t>{}, {0}, {1}, {2}, {0, 2}, {-1}, {1, 2}}) {
      check_reduce<float>(random, fn, {3, 5, 37}, axes);
      check_reduce<std::int64_t>(random, fn, {2, 3, 4}, axes);
      check_reduce<std::int32_t>(random, fn, {4, 1, 3}, axes);
    }
  }
  CHECK(check_reduce<float>(random, ReduceFn::sum, {400, 9, 40}, {1}) > 1);
  check(prepare_reduce, graph::ReduceAttrs{ReduceFn::max, {1}, true},
        {test::tensor(Shape{2, 3}, std::vector<float>{1, kNaN, 3, -kInfinity, -kInfinity, -kInfinity})}, DType::f32,
        {2, 1}, std::vector<float>{kNaN, -kInfinity});
  const Tensor codes = test::tensor(Shape{3}, std::vector<std::uint8_t>{1, 2, 3}, test::per_tensor(1, 0));
  test::check_refused(prepare_reduce, graph::ReduceAttrs{ReduceFn::sum, {0}, true}, {codes},
                      {test::output(DType::u8, {1}, test::per_tensor(1, 0))}, "adds or multiplies codes");
}

TEST_CASE("the largest and the smallest of codes are codes", "[choices]") {
  std::mt19937 random(72);
  for (const graph::ReduceFn fn : {graph::ReduceFn::max, graph::ReduceFn::min}) {
    const CodeTensor x = test::random_codes(random, {3, 7, 5});
    const CodeTensor y{{3, 1, 5}, x.params};
    test::check_everywhere(prepare_reduce, graph::ReduceAttrs{fn, {1}, true}, {x}, y, [&](oracle::Mode) {
      std::vector<int> expected;
      for (const auto& index : indices_of(y.shape)) {
        int best = fn == graph::ReduceFn::max ? 0 : 255;
        for (std::int64_t i = 0; i < 7; ++i) {
          const int code = x.codes[static_cast<std::size_t>((index[0] * 7 + i) * 5 + index[2])];
          best = fn == graph::ReduceFn::max ? std::max(best, code) : std::min(best, code);
        }
        expected.push_back(best);
      }
      return expected;
    });
  }
}

TEST_CASE("the index of the largest element", "[choices]") {
  std::mt19937 random(73);
  for (const bool last : {false, true}) {
    for (const bool smallest : {false, true}) {
      for (const int axis : {0, 1, 2}) {
        check_arg_max<float>(random, {3, 6, 4}, axis, last, smallest);
        check_arg_max<std::uint8_t>(random, {2, 9, 3}, axis, last, smallest);
        check_arg_max<std::int8_t>(random, {2, 3, 9}, axis, last, smallest);
        check_arg_max<std::int64_t>(random, {1, 5, 2}, axis, last, smallest);
      }
    }
  }
  check_arg_max<float>(random, {300, 20, 40}, 1, false, false);
  const Tensor empty = test::tensor(Shape{2, 0}, std::vector<float>{});
  test::check_refused(prepare_arg_max, graph::ArgMaxAttrs{1, true, false, false}, {empty},
                      {test::output(DType::s64, {2, 1})}, "is empty");
}

TEST_CASE("comparisons broadcast", "[choices]") {
  std::mt19937 random(74);
  using graph::CompareFn;
  struct Shapes {
    Shape a, b, out;
  };
  for (const Shapes& s : {Shapes{{4, 5}, {4, 5}, {4, 5}}, Shapes{{5}, {4, 1}, {4, 5}}, Shapes{{}, {2, 3, 4}, {2, 3, 4}},
                          Shapes{{2, 1, 4}, {3, 1}, {2, 3, 4}}, Shapes{{90, 400}, {400}, {90, 400}}}) {
    check_compare<float>(random, CompareFn::less, s.a, s.b, s.out, [](float a, float b) { return a < b; });
    check_compare<std::int64_t>(random, CompareFn::equal, s.a, s.b, s.out, std::equal_to<std::int64_t>());
    check_compare<std::int32_t>(random, CompareFn::less_or_equal, s.a, s.b, s.out, std::less_equal<std::int32_t>());
    check_compare<std::uint8_t>(random, CompareFn::logical_and, s.a, s.b, s.out, [](int a, int b) { return a && b; });
    check_compare<std::uint8_t>(random, CompareFn::logical_or, s.a, s.b, s.out, [](int a, int b) { return a || b; });
    check_compare<std::uint8_t>(random, CompareFn::logical_xor, s.a, s.b, s.out, [](int a, int b) { return !a != !b; });
  }
  check(prepare_compare, graph::CompareAttrs{CompareFn::equal},
        {test::tensor(Shape{3}, std::vector<float>{kNaN, 0.0F, 1}),
         test::tensor(Shape{3}, std::vector<float>{kNaN, -0.0F, 2})},
        DType::boolean, {3}, std::vector<std::uint8_t>{0, 1, 0});
  test::check_refused(
      prepare_compare, graph::CompareAttrs{CompareFn::equal},
      {test::tensor(Shape{2}, std::vector<float>(2)), test::tensor(Shape{2}, std::vector<std::int64_t>(2))},
      {test::output(DType::boolean, {2})}, "one type");
}

TEST_CASE("a choice element by element", "[choices]") {
  std::mt19937 random(75);
  struct Shapes {
    Shape condition, a, b, out;
  };
  for (const Shapes& s : {Shapes{{3, 4}, {3, 4}, {3, 4}, {3, 4}}, Shapes{{4}, {3, 1}, {}, {3, 4}},
                          Shapes{{2, 1, 1}, {5}, {3, 1}, {2, 3, 5}}, Shapes{{200, 1}, {200, 300}, {300}, {200, 300}}}) {
    const auto condition = random_elements<std::uint8_t>(random, s.condition, 0, 1);
    const auto a = random_elements<float>(random, s.a, -9, 9), b = random_elements<float>(random, s.b, -9, 9);
    std::vector<float> expected;
    for (const auto& index : indices_of(s.out)) {
      expected.push_back(condition[offset_in(s.condition, index)] != 0 ? a[offset_in(s.a, index)]
                                                                       : b[offset_in(s.b, index)]);
    }
    check(prepare_where, std::monostate(),
          {as_bool(test::tensor(s.condition, condition)), test::tensor(s.a, a), test::tensor(s.b, b)}, DType::f32,
          s.out, expected);
  }
  const Tensor floats = test::tensor(Shape{2}, std::vector<float>(2));
  test::check_refused(prepare_where, std::monostate(), {floats, floats, floats}, {test::output(DType::f32, {2})},
                      "by bool");
}

TEST_CASE("tiles and expansions repeat axes", "[choices]") {
  std::mt19937 random(76);
  struct Shapes {
    Shape in, out;
  };
  for (const Shapes& s : {Shapes{{2, 3}, {4, 9}}, Shapes{{3}, {2, 3}}, Shapes{{1, 3, 1}, {5, 3, 2}}, Shapes{{}, {2, 2}},
                          Shapes{{2, 1, 3}, {2, 4, 6}}, Shapes{{300, 1, 50}, {300, 8, 50}}, Shapes{{0, 3}, {0, 6}}}) {
    const auto x = random_elements<float>(random, s.in, -9, 9);
    std::vector<float> expected;
    for (const auto& index : indices_of(s.out)) expected.push_back(x[offset_in(s.in, index)]);
    check(prepare_tile, graph::TileAttrs{}, {test::tensor(s.in, x)}, DType::f32, s.out, expected);
  }
  const CodeTensor codes = test::random_codes(random, {2, 1, 5});
  const CodeTensor tiled{{2, 3, 10}, codes.params};
  test::check_everywhere(prepare_tile, graph::TileAttrs{}, {codes}, tiled, [&](oracle::Mode) {
    std::vector<int> expected;
    for (const auto& index : indices_of(tiled.shape)) expected.push_back(codes.codes[offset_in(codes.shape, index)]);
    return expected;
  });
  test::check_refused(prepare_tile, graph::TileAttrs{}, {test::tensor(Shape{2}, std::vector<float>(2))},
                      {test::output(DType::f32, {3})}, "does not repeat");
}

TEST_CASE("LayerNorm: ordered sums over 16 lanes, two passes", "[choices]") {
  std::mt19937 random(77);
  std::uniform_real_distribution<float> real(-2, 3);
  struct Case {
    Shape shape;
    int axis;
    bool scale, bias;
  };
  for (const Case& c : {Case{{3, 37}, -1, true, true}, Case{{2, 3, 5}, 1, true, false}, Case{{4, 16}, 1, false, false},
                        Case{{1, 1}, 1, true, true}, Case{{300, 130}, -1, true, true}}) {
    const int first = c.axis < 0 ? c.axis + c.shape.rank() : c.axis;
    const std::int64_t n = c.shape.count(first, c.shape.rank());
    std::vector<float> x(static_cast<std::size_t>(c.shape.count())), g(static_cast<std::size_t>(n)), b(g.size());
    for (float& v : x) v = real(random);
    for (float& v : g) v = real(random);
    for (float& v : b) v = real(random);
    const auto ordered = [n](const std::function<float(std::size_t)>& element) {
      float lanes[16] = {};
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) lanes[i % 16] = lanes[i % 16] + element(i);
      for (std::size_t half = 8; half > 0; half /= 2)
        for (std::size_t j = 0; j < half; ++j) lanes[j] = lanes[j] + lanes[j + half];
      return lanes[0];
    };
    std::vector<float> expected;
    for (std::size_t row = 0; row < x.size(); row += static_cast<std::size_t>(n)) {
      const float mean = ordered([&](std::size_t i) { return x[row + i]; }) / static_cast<float>(n);
      const float variance =
          ordered([&](std::size_t i) { return (x[row + i] - mean) * (x[row + i] - mean); }) / static_cast<float>(n);
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
        float y = (x[row + i] - mean) / std::sqrt(variance + 1e-5F);
        if (c.scale) y = y * g[i];
        if (c.bias) y = y + b[i];
        expected.push_back(y);
      }
    }
    const Shape row_shape{n};
    std::vector<Tensor> inputs{test::tensor(c.shape, x), c.scale ? test::constant(row_shape, g) : test::absent()};
    if (c.bias) inputs.push_back(test::constant(row_shape, b));
    check(prepare_layer_norm, graph::LayerNormAttrs{c.axis, 1e-5F}, inputs, DType::f32, c.shape, expected);
  }
  test::check_refused(prepare_layer_norm, graph::LayerNormAttrs{-1, 1e-5F},
                      {test::tensor(Shape{2, 0}, std::vector<float>{})}, {test::output(DType::f32, {2, 0})},
                      "empty rows");
}

TEST_CASE("casts: floats saturate, integers wrap, NaN is 0", "[choices]") {
  const Shape shape{9};
  const std::vector<float> x{0, -0.5F, 1.9F, -1.9F, 300, -300, 3e9F, -1e20F, kNaN};
  const Tensor reals = test::tensor(shape, x);
  const auto to = [&](DType type, auto expected) {
    check(prepare_cast, graph::CastAttrs{type}, {reals}, type, shape, expected);
  };
  constexpr std::int32_t kMost32 = std::numeric_limits<std::int32_t>::max(),
                         kLeast32 = std::numeric_limits<std::int32_t>::min();
  constexpr std::int64_t kLeast64 = std::numeric_limits<std::int64_t>::min();
  to(DType::u8, std::vector<std::uint8_t>{0, 0, 1, 0, 255, 0, 255, 0, 0});
  to(DType::s8, std::vector<std::int8_t>{0, 0, 1, -1, 127, -128, 127, -128, 0});
  to(DType::s32, std::vector<std::int32_t>{0, 0, 1, -1, 300, -300, kMost32, kLeast32, 0});
  to(DType::s64, std::vector<std::int64_t>{0, 0, 1, -1, 300, -300, 3'000'000'000, kLeast64, 0});
  to(DType::boolean, std::vector<std::uint8_t>{0, 1, 1, 1, 1, 1, 1, 1, 1});
  to(DType::f32, x);
  const Tensor whole = test::tensor(Shape{4}, std::vector<std::int64_t>{-1, 256, 511, 1LL << 40});
  check(prepare_cast, graph::CastAttrs{DType::u8}, {whole}, DType::u8, {4}, std::vector<std::uint8_t>{255, 0, 255, 0});
  check(prepare_cast, graph::CastAttrs{DType::f32}, {whole}, DType::f32, {4},
        std::vector<float>{-1, 256, 511, 1099511627776.0F});
  std::vector<float> many(200'000);
  std::iota(many.begin(), many.end(), -50'000.0F);
  std::vector<std::int32_t> same(many.begin(), many.end());
  CHECK(check(prepare_cast, graph::CastAttrs{DType::s32}, {test::tensor(Shape{200'000}, many)}, DType::s32, {200'000},
              same) > 1);
  test::check_refused(prepare_cast, graph::CastAttrs{DType::f32},
                      {test::tensor(Shape{2}, std::vector<std::uint8_t>(2), test::per_tensor(1, 0))},
                      {test::output(DType::f32, {2})}, "casts codes");
}

}  // namespace octet::kernels
