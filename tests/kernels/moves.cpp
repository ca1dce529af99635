// SPDX-License-Identifier: Apache-2.0
// Operators that only move elements, for every element size: Transpose, Slice, Split, Pad, Gather,
// Reshape.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "tests/kernels/elementwise.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using oracle::Mode;
using test::CodeTensor;
using test::Tensor;
using Index = std::vector<std::int64_t>;

Index unravel(const Shape& shape, std::size_t at) {
  Index index(static_cast<std::size_t>(shape.rank()));
  for (int i = shape.rank() - 1; i >= 0; --i) {
    index[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(at) % shape[i];
    at /= static_cast<std::size_t>(shape[i]);
  }
  return index;
}
std::size_t ravel(const Shape& shape, const Index& index) {
  std::int64_t at = 0;
  for (int i = 0; i < shape.rank(); ++i) at = at * shape[i] + index[static_cast<std::size_t>(i)];
  return static_cast<std::size_t>(at);
}

// Elements 1, 2, 3 ... in the bytes of `type`.
Tensor numbered(DType type, const Shape& shape) {
  Tensor t = test::output(type, shape);
  t.bytes.resize(static_cast<std::size_t>(shape.count()) * size_of(type));
  std::uint64_t value = 1;
  for (std::size_t at = 0; at < t.bytes.size(); at += size_of(type), value += 0x9E3779B97F4A7C15U) {
    std::memcpy(t.bytes.data() + at, &value, size_of(type));
  }
  return t;
}

// from(i): the input element that output element i is, or -1 for `fill`.
using From = std::function<std::int64_t(std::size_t)>;

int check_move(PrepareFn prepare, const graph::Attrs& attrs, const std::vector<Tensor>& inputs, const Shape& out,
               const From& from, const std::vector<std::byte>& fill = {}) {
  const std::size_t element = size_of(inputs[0].dtype);
  int slices = 0;
  for (const int threads : {1, 4}) {
    const auto result = test::run_op(prepare, attrs, inputs, {test::output(inputs[0].dtype, out)},
                                     {.backend = &test::scalar_backend(), .threads = threads});
    INFO(to_string(inputs[0].shape) << " -> " << to_string(out) << ": " << result.status().message());
    REQUIRE(result.ok());
    slices = std::max(slices, result->slices);
    for (std::size_t i = 0; i < static_cast<std::size_t>(out.count()); ++i) {
      const std::int64_t source = from(i);
      const std::byte* expected =
          source < 0 ? fill.data() : inputs[0].bytes.data() + static_cast<std::size_t>(source) * element;
      REQUIRE(std::equal(expected, expected + element, result->outputs[0].bytes.data() + i * element));
    }
  }
  return slices;
}

const DType kTypes[] = {DType::u8, DType::s8, DType::boolean, DType::f32, DType::s32, DType::s64};

int transpose(DType type, const Shape& in, const Index& perm) {
  Shape out;
  for (const std::int64_t axis : perm) out.push_back(in[static_cast<int>(axis)]);
  return check_move(prepare_transpose, graph::TransposeAttrs{perm}, {numbered(type, in)}, out, [&](std::size_t i) {
    const Index to = unravel(out, i);
    Index at(perm.size());
    for (std::size_t d = 0; d < perm.size(); ++d) at[static_cast<std::size_t>(perm[d])] = to[d];
    return static_cast<std::int64_t>(ravel(in, at));
  });
}

}  // namespace

TEST_CASE("transpose, every permutation and type", "[moves]") {
  for (const DType type : kTypes) {
    for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{1, 3, 1, 9}, Shape{9, 8, 1, 17}}) {
      Index perm = {0, 1, 2, 3};
      do {
        transpose(type, shape, perm);
      } while (std::next_permutation(perm.begin(), perm.end()));
    }
    transpose(type, {}, {});
    transpose(type, {0, 3}, {1, 0});
    transpose(type, {2, 3, 2, 3, 2, 3}, {5, 3, 1, 0, 2, 4});
    for (std::int64_t channels : {1, 3, 8, 13, 16, 70}) {  // NCHW <-> NHWC, whole and ragged 8x8 blocks
      transpose(type, {2, channels, 11, 9}, {0, 2, 3, 1});
      transpose(type, {2, 11, 9, channels}, {0, 3, 1, 2});
    }
  }
  CHECK(transpose(DType::u8, {2, 64, 41, 41}, {0, 2, 3, 1}) > 1);
  CHECK(transpose(DType::f32, {2, 41, 41, 64}, {0, 3, 1, 2}) > 1);
}

TEST_CASE("slice with any step", "[moves]") {
  const struct {
    Shape in, out;
    Index start, step;
  } cases[] = {{{10}, {3}, {1}, {3}},
               {{10}, {4}, {9}, {-3}},
               {{10}, {10}, {9}, {-1}},
               {{10}, {1}, {5}, {std::numeric_limits<std::int64_t>::max()}},
               {{10}, {1}, {5}, {std::numeric_limits<std::int64_t>::min()}},
               {{10}, {0}, {0}, {1}},
               {{4, 5, 6}, {4, 2, 6}, {0, 3, 0}, {1, 1, 1}},
               {{4, 5, 6}, {2, 3, 3}, {3, 4, 1}, {-2, -2, 2}},
               {{4, 5, 6}, {1, 1, 1}, {3, 4, 5}, {1, 1, 1}},
               {{3, 4, 5, 6}, {3, 2, 5, 2}, {0, 1, 0, 5}, {1, 2, 1, -5}}};
  for (const auto& c : cases) {
    for (const DType type : kTypes) {
      graph::SliceAttrs attrs;
      attrs.start = c.start, attrs.step = c.step;
      check_move(prepare_slice, attrs, {numbered(type, c.in)}, c.out, [&](std::size_t i) {
        Index at = unravel(c.out, i);
        for (std::size_t d = 0; d < at.size(); ++d) at[d] = c.start[d] + (at[d] == 0 ? 0 : at[d] * c.step[d]);
        return static_cast<std::int64_t>(ravel(c.in, at));
      });
    }
  }
}

TEST_CASE("split gives each output its part", "[moves]") {
  for (int axis = 0; axis < 3; ++axis) {
    Shape in{7, 7, 7};
    std::vector<Tensor> outputs;
    for (const std::int64_t size : {2, 1, 4, 0}) {
      Shape part = in;
      part[axis] = size;
      outputs.push_back(test::output(DType::s32, part));
    }
    const Tensor x = numbered(DType::s32, in);
    const auto result = test::run_op(prepare_split, graph::SplitAttrs{axis - 3, {2, 1, 4, 0}}, std::vector{x}, outputs,
                                     {.backend = &test::scalar_backend()});
    REQUIRE(result.ok());
    const auto values = x.as<std::int32_t>();
    std::int64_t first = 0;
    for (const Tensor& part : result->outputs) {
      const auto moved = part.as<std::int32_t>();
      for (std::size_t i = 0; i < moved.size(); ++i) {
        Index at = unravel(part.shape, i);
        at[static_cast<std::size_t>(axis)] += first;
        REQUIRE(moved[i] == values[ravel(in, at)]);
      }
      first += part.shape[axis];
    }
  }
}

TEST_CASE("pad, wide, cutting, and both", "[moves]") {
  const struct {
    Shape in;
    Index begin, end;
  } cases[] = {{{3}, {2}, {1}},
               {{2, 3, 4}, {1, 0, 2}, {0, 2, 1}},
               {{2, 3, 4, 5}, {0, 0, 1, 1}, {0, 0, 1, 1}},
               {{2, 3, 4, 5}, {0, 1, 1, 0}, {0, 2, 2, 0}},
               {{5, 6}, {-1, 2}, {-2, -3}},
               {{5, 6}, {-5, 1}, {2, 1}},  // nothing of the input is left
               {{5, 6}, {3, 1}, {-6, 1}},
               {{0, 2}, {1, 1}, {1, 1}},
               {{2, 2}, {0, 0}, {0, 0}}};
  for (const auto& c : cases) {
    for (const DType type : kTypes) {
      Shape out = c.in;
      for (int i = 0; i < out.rank(); ++i)
        out[i] += c.begin[static_cast<std::size_t>(i)] + c.end[static_cast<std::size_t>(i)];
      graph::PadAttrs attrs{c.begin, c.end, 3};
      std::vector<std::byte> fill(8);
      const float real = 3;
      if (type == DType::f32)
        std::memcpy(fill.data(), &real, 4);
      else
        fill[0] = std::byte{type == DType::boolean ? std::uint8_t{1} : std::uint8_t{3}};
      check_move(
          prepare_pad, attrs, {numbered(type, c.in)}, out,
          [&](std::size_t i) {
            Index at = unravel(out, i);
            for (std::size_t d = 0; d < at.size(); ++d) {
              at[d] -= c.begin[d];
              if (at[d] < 0 || at[d] >= c.in[static_cast<int>(d)]) return std::int64_t{-1};
            }
            return static_cast<std::int64_t>(ravel(c.in, at));
          },
          fill);
    }
  }
}

TEST_CASE("padding codes writes the code of the value", "[moves]") {
  const CodeTensor x{{2}, {0.5F, 100}, {7, 8}};
  const struct {
    float value;
    int code;
  } cases[] = {{0, 100},     {-0.0F, 100}, {3, 106},        {0.25F, 100},
               {0.75F, 102}, {-1e30F, 0},  {INFINITY, 255}, {-INFINITY, 0}};
  for (const auto& c : cases) {
    test::check_everywhere(prepare_pad, graph::PadAttrs{{1}, {2}, c.value}, {x}, {{5}, x.params}, [&](Mode) {
      return std::vector{c.code, 7, 8, c.code, c.code};
    });
  }
}

TEST_CASE("gather, both index types, constant and not", "[moves]") {
  for (const DType type : kTypes) {
    for (int axis = 0; axis < 3; ++axis) {
      for (const bool constant : {true, false}) {
        const Shape in{3, 4, 5}, index_shape{2, 2};
        const std::vector<std::int64_t> indices = {2, -1, 0, -3};
        Tensor wide = test::tensor(index_shape, indices);
        Tensor narrow = test::tensor(index_shape, std::vector<std::int32_t>(indices.begin(), indices.end()));
        wide.constant = narrow.constant = constant;
        Shape out;
        for (int i = 0; i < 3; ++i) {
          if (i != axis)
            out.push_back(in[i]);
          else
            out.push_back(2), out.push_back(2);
        }
        for (const Tensor& index : {wide, narrow}) {
          check_move(prepare_gather, graph::GatherAttrs{axis}, {numbered(type, in), index}, out, [&](std::size_t i) {
            Index to = unravel(out, i), at;
            for (int d = 0; d < 4; ++d) {
              if (d == axis) {
                const std::int64_t picked = indices[static_cast<std::size_t>(to[static_cast<std::size_t>(d)] * 2 +
                                                                             to[static_cast<std::size_t>(d) + 1])];
                at.push_back(picked < 0 ? picked + in[axis] : picked);
                ++d;
              } else {
                at.push_back(to[static_cast<std::size_t>(d)]);
              }
            }
            return static_cast<std::int64_t>(ravel(in, at));
          });
        }
      }
    }
  }
  // A scalar index, and one out of range that is only seen while running.
  check_move(prepare_gather, graph::GatherAttrs{0}, {numbered(DType::f32, {3, 2}), test::tensor<std::int64_t>({}, {1})},
             {2}, [](std::size_t i) { return static_cast<std::int64_t>(i + 2); });
  check_move(
      prepare_gather, graph::GatherAttrs{0},
      {numbered(DType::u8, {3}), test::tensor<std::int64_t>({2}, {1000, std::numeric_limits<std::int64_t>::min()})},
      {2}, [](std::size_t i) { return i == 0 ? 2 : 0; });
}

TEST_CASE("moves between different parameters requantize", "[moves]") {
  std::mt19937 random(71);
  const auto requantized = [](const CodeTensor& x, const CodeTensor& y, Mode mode, const From& from) {
    std::vector<int> codes;
    for (std::size_t i = 0; i < y.size(); ++i) {
      codes.push_back(oracle::requantize(x.codes[static_cast<std::size_t>(from(i))] - x.params.zero, x.params.scale, 1,
                                         y.params.scale, y.params.zero, 0, 255, mode));
    }
    return codes;
  };
  const CodeTensor x = test::random_codes(random, {3, 16, 24});
  const auto check = [&](PrepareFn prepare, const graph::Attrs& attrs, const Shape& out, const From& from) {
    const CodeTensor y{out, test::random_params(random)};
    test::check_everywhere(prepare, attrs, {x}, y, [&](Mode mode) { return requantized(x, y, mode, from); });
  };
  check(prepare_reshape, graph::ReshapeAttrs{}, {3, 384}, [](std::size_t i) { return static_cast<std::int64_t>(i); });
  check(prepare_transpose, graph::TransposeAttrs{{0, 2, 1}}, {3, 24, 16}, [&](std::size_t i) {
    const Index to = unravel({3, 24, 16}, i);
    return static_cast<std::int64_t>(ravel(x.shape, {to[0], to[2], to[1]}));
  });
  graph::SliceAttrs slice;
  slice.start = {0, 15, 1}, slice.step = {1, -2, 2};
  check(prepare_slice, slice, {3, 8, 11}, [&](std::size_t i) {
    const Index to = unravel({3, 8, 11}, i);
    return static_cast<std::int64_t>(ravel(x.shape, {to[0], 15 - 2 * to[1], 1 + 2 * to[2]}));
  });
}

TEST_CASE("reshape copies", "[moves]") {
  for (const DType type : kTypes) {
    check_move(prepare_reshape, graph::ReshapeAttrs{}, {numbered(type, {3, 4})}, {2, 6},
               [](std::size_t i) { return static_cast<std::int64_t>(i); });
  }
  CHECK(check_move(prepare_reshape, graph::ReshapeAttrs{}, {numbered(DType::f32, {300, 401})}, {401, 300},
                   [](std::size_t i) { return static_cast<std::int64_t>(i); }) > 1);
}

TEST_CASE("what moving operators refuse", "[moves]") {
  const Tensor x = numbered(DType::f32, {2, 3});
  const auto out = [](const Shape& shape) { return test::output(DType::f32, shape); };
  test::check_refused(prepare_transpose, graph::TransposeAttrs{{0, 0}}, {x}, {out({2, 2})}, "once");
  test::check_refused(prepare_transpose, graph::TransposeAttrs{{0, 2}}, {x}, {out({2, 3})}, "perm names axis 2");
  test::check_refused(prepare_transpose, graph::TransposeAttrs{{0}}, {x}, {out({2, 3})}, "1 entries");
  test::check_refused(prepare_transpose, graph::TransposeAttrs{{1, 0}}, {x}, {out({2, 3})}, "permuted");
  graph::SliceAttrs slice;
  slice.start = {0, 1}, slice.step = {1, 2};
  test::check_refused(prepare_slice, slice, {x}, {out({2, 2})}, "leaves axis 1");
  slice.step = {1, std::numeric_limits<std::int64_t>::max()};
  test::check_refused(prepare_slice, slice, {x}, {out({2, 2})}, "leaves axis 1");
  slice.step = {1, std::numeric_limits<std::int64_t>::min()};
  test::check_refused(prepare_slice, slice, {x}, {out({2, 2})}, "leaves axis 1");
  slice.start = {-1, 0}, slice.step = {1, 1};
  test::check_refused(prepare_slice, slice, {x}, {out({1, 2})}, "leaves axis 0");
  slice.start = {0};
  test::check_refused(prepare_slice, slice, {x}, {out({2, 3})}, "one per axis");
  test::check_refused(prepare_split, graph::SplitAttrs{1, {2, 2}}, {x}, {out({2, 2}), out({2, 2})}, "output 1");
  test::check_refused(prepare_pad, graph::PadAttrs{{1, 1}, {1, 1}, 0}, {x}, {out({4, 4})}, "axis 1");
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  test::check_refused(prepare_pad, graph::PadAttrs{{huge, 0}, {huge, 0}, 0}, {x}, {out({0, 3})}, "axis 0");
  test::check_refused(prepare_pad, graph::PadAttrs{{0, 0}, {0, 0}, NAN},
                      {test::code_tensor({{1, 1}, {1, 0}, {3}}, DType::u8)},
                      {test::output(DType::u8, {1, 1}, test::per_tensor(1, 0))}, "NaN");
  const Tensor indices = test::constant<std::int64_t>({1}, {3});
  test::check_refused(prepare_gather, graph::GatherAttrs{1}, {x, indices}, {out({2, 1})}, "index 3");
  test::check_refused(prepare_gather, graph::GatherAttrs{1}, {x, x}, {out({2, 2, 3})}, "s32 or s64");
  test::check_refused(prepare_gather, graph::GatherAttrs{0}, {x, indices}, {out({1, 4})}, "does not hold");
  test::check_refused(prepare_reshape, graph::ReshapeAttrs{}, {x}, {out({7})}, "do not fit");
  test::check_refused(prepare_reshape, graph::ReshapeAttrs{}, {x}, {test::output(DType::s32, {6})},
                      "both must be codes");
}

}  // namespace octet::kernels
