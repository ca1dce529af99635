// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/int8_case.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/backend.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

using kernels::Activation;
using kernels::Backend;

constexpr std::size_t kGuard = 128;
constexpr std::uint8_t kPoison = 0xA5;

// `size` bytes at an address that is `offset` beyond a multiple of 64, poison before and behind.
class Buffer {
 public:
  Buffer(std::size_t size, std::size_t offset) : bytes_(size + 2 * kGuard + 64 + offset, kPoison), size_(size) {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data()) + kGuard;
    start_ = kGuard + (64 - address % 64) % 64 + offset;
  }
  std::uint8_t* data() { return bytes_.data() + start_; }
  bool guards_intact() const {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      if ((i < start_ || i >= start_ + size_) && bytes_[i] != kPoison) return false;
    }
    return true;
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t start_, size_;
};

// An operand's bytes as the backend sees them, and the description that goes with it.
struct Placed {
  Buffer buffer;
  Quant quant;
  kernels::Operand operand;

  Placed(const TestOperand& t, bool is_activation, bool to_s8)
      : buffer(static_cast<std::size_t>(t.shape.count()) * size_of(t.dtype), size_of(t.dtype) == 1 ? 3 : 4),
        quant(t.quant) {
    const bool move = is_activation && to_s8 && t.dtype == DType::u8;
    for (std::size_t i = 0; i < t.codes.size(); ++i) {
      if (t.dtype == DType::s32) {
        std::memcpy(buffer.data() + 4 * i, &t.codes[i], 4);
      } else {
        buffer.data()[i] = static_cast<std::uint8_t>(t.codes[i] - (move ? 128 : 0));
      }
    }
    for (std::size_t i = 0; i < t.reals.size(); ++i) std::memcpy(buffer.data() + 4 * i, &t.reals[i], 4);
    for (std::int32_t& zero : quant.zero_point) zero -= move ? 128 : 0;
    operand.dtype = move ? DType::s8 : t.dtype;
    operand.shape = t.shape;
    operand.quant = quant.scale.empty() ? nullptr : &quant;
    operand.relabelled = move ? -128 : 0;
    operand.constant = t.constant ? reinterpret_cast<const std::byte*>(buffer.data()) : nullptr;
    operand.max_code = t.max_code;
  }
};

oracle::Mode oracle_mode(RequantMode mode) {
  return mode == RequantMode::fixed      ? oracle::Mode::fixed
         : mode == RequantMode::floating ? oracle::Mode::floating
                                         : oracle::Mode::floating_qnnpack;
}

graph::Clamp clamp_of(const graph::Attrs& attrs) {
  return std::visit(
      [](const auto& a) {
        if constexpr (requires { a.clamp; }) return a.clamp;
        return graph::Clamp{};
      },
      attrs);
}

// The codes that a clamp leaves, of the 256.
std::pair<int, int> bounds(const graph::Clamp& clamp, oracle::Codes codes) {
  const auto code = [&](float real) {
    const double c = oracle::round_even(static_cast<double>(real / codes.scale)) + codes.zero;
    return static_cast<int>(std::min(255.0, std::max(0.0, c)));
  };
  return {code(clamp.lo), code(clamp.hi)};
}

double bias_code(const Int8Case& test, std::size_t c, float sw, RequantMode mode) {
  if (!test.bias) return 0;
  const float sx = test.x.scale();
  const double unit = static_cast<double>(sx) * static_cast<double>(sw);
  if (test.bias->dtype == DType::f32) {
    const float b = test.bias->reals[c];
    if (mode == RequantMode::floating_qnnpack) return oracle::round_even(static_cast<double>(b * (1.0F / (sx * sw))));
    return oracle::round_even(static_cast<double>(b) / unit);
  }
  const double b = test.bias->codes[c];
  const std::vector<float>& scales = test.bias->quant.scale;
  const float sb = scales.size() == 1 ? scales[0] : scales[c];
  const float own = sx * sw;
  const bool same = sb == own || sb == std::nextafter(own, 1e30F) || sb == std::nextafter(own, 0.0F);
  return same ? b : oracle::round_even(b * static_cast<double>(sb) / unit);
}

}  // namespace

TestOperand activation(const Shape& shape, float scale, int zero, std::vector<int> codes) {
  return {.dtype = DType::u8,
          .shape = shape,
          .quant = per_tensor(scale, zero),
          .codes = std::move(codes),
          .reals = {},
          .constant = false,
          .max_code = 255};
}

Result<Outcome> run_case(const Int8Case& test, const Backend& backend, RequantMode mode, int threads) {
  const bool to_s8 = backend.activation == Activation::s8;
  Placed x(test.x, true, to_s8), w(test.w, !test.w.constant, to_s8), y(test.y, true, to_s8);
  Placed bias(test.bias ? *test.bias : TestOperand{}, false, to_s8);
  Placed residual(test.residual ? *test.residual : TestOperand{}, true, to_s8);
  bias.operand.present = test.bias.has_value();
  residual.operand.present = test.residual.has_value();
  graph::Attrs attrs = test.attrs;
  if (auto* conv = std::get_if<graph::Conv2dAttrs>(&attrs); conv != nullptr && to_s8) {
    for (std::int32_t& zero : conv->residual.quant.zero_point) zero -= 128;
  }
  const std::vector<kernels::Operand> inputs{x.operand, w.operand, bias.operand, residual.operand};
  const std::vector<kernels::Operand> outputs{y.operand};
  Result<kernels::PreparedOp> op = test.prepare({.name = "node",
                                                 .attrs = attrs,
                                                 .inputs = inputs,
                                                 .outputs = outputs,
                                                 .backend = backend,
                                                 .requant = mode,
                                                 .threads = threads});
  if (!op) return op.status();
  kernels::Prepared& prepared = **op;
  const int slices = prepared.slices();
  Buffer scratch(static_cast<std::size_t>(slices) * prepared.scratch_bytes(), 0);
  const auto bytes = [](Placed& p) { return reinterpret_cast<std::byte*>(p.buffer.data()); };
  const std::vector<const std::byte*> in{bytes(x), bytes(w), test.bias ? bytes(bias) : nullptr,
                                         test.residual ? bytes(residual) : nullptr};
  const std::vector<std::byte*> out{bytes(y)};
  const kernels::Io io{in, out, reinterpret_cast<std::byte*>(scratch.data())};
  prepared.bind(io);
  for (int slice = slices; slice-- > 0;) prepared.run(io, slice);
  REQUIRE(slices >= 1);
  REQUIRE(slices <= 4 * threads);
  REQUIRE(scratch.guards_intact());
  REQUIRE(y.buffer.guards_intact());

  Outcome outcome{{}, prepared.kernel(), slices};
  for (std::size_t i = 0; i < static_cast<std::size_t>(test.y.shape.count()); ++i) {
    if (test.y.dtype == DType::f32) {
      float value;
      std::memcpy(&value, y.buffer.data() + 4 * i, 4);
      outcome.values.push_back(static_cast<double>(value));
    } else {
      outcome.values.push_back(static_cast<std::uint8_t>(y.buffer.data()[i] ^ (to_s8 ? 0x80 : 0)));
    }
  }
  return outcome;
}

std::vector<double> expected_values(const Int8Case& test, const std::vector<std::int64_t>& sums,
                                    const std::vector<float>& sw, RequantMode mode) {
  const oracle::Mode m = oracle_mode(mode);
  const graph::Clamp clamp = clamp_of(test.attrs);
  const auto* conv = std::get_if<graph::Conv2dAttrs>(&test.attrs);
  const float sx = test.x.scale();
  std::vector<double> values;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t c = i % sw.size();
    if (test.y.dtype == DType::f32) {
      const bool float_bias = test.bias && test.bias->dtype == DType::f32;
      const std::int64_t acc = sums[i] + (float_bias ? 0 : static_cast<std::int64_t>(bias_code(test, c, sw[c], mode)));
      float v = static_cast<float>(acc) * (sx * sw[c]);
      if (float_bias) v = v + test.bias->reals[c];
      values.push_back(static_cast<double>(std::min(std::max(v, clamp.lo), clamp.hi)));
      continue;
    }
    const std::int64_t acc = sums[i] + static_cast<std::int64_t>(bias_code(test, c, sw[c], mode));
    const oracle::Codes out{test.y.scale(), test.y.zero()};
    const auto [lo, hi] = bounds(clamp, out);
    if (conv == nullptr || !conv->residual.present) {
      values.push_back(oracle::requantize(acc, sx, sw[c], out.scale, out.zero, lo, hi, m));
      continue;
    }
    const oracle::Codes own{conv->residual.quant.scale[0], conv->residual.quant.zero_point[0]};
    const auto [own_lo, own_hi] = bounds(conv->residual.clamp, own);
    const int code = oracle::requantize(acc, sx, sw[c], own.scale, own.zero, own_lo, own_hi, m);
    const oracle::Codes other{test.residual->scale(), test.residual->zero()};
    const int joins = test.residual->codes[i];
    values.push_back(conv->residual.residual_is_first ? oracle::add(joins, other, code, own, out, lo, hi, m)
                                                      : oracle::add(code, own, joins, other, out, lo, hi, m));
  }
  return values;
}

void require_equal_everywhere(const Int8Case& test, const std::vector<std::int64_t>& sums,
                              const std::vector<float>& sw) {
  for (const RequantMode mode : {RequantMode::fixed, RequantMode::floating, RequantMode::floating_qnnpack}) {
    const std::vector<double> expected = expected_values(test, sums, sw, mode);
    for (const Backend& backend : test_backends()) {
      for (const int threads : {1, 3}) {
        const Result<Outcome> outcome = run_case(test, backend, mode, threads);
        INFO(backend.name << ", mode " << static_cast<int>(mode) << ", " << threads << " threads");
        INFO((outcome ? outcome->kernel : outcome.status().message()));
        REQUIRE(outcome.ok());
        REQUIRE(outcome->values.size() == expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
          if (outcome->values[i] != expected[i]) {
            FAIL("element " << i << ": " << outcome->values[i] << " instead of " << expected[i]);
          }
        }
      }
    }
  }
}

std::vector<int> Random::codes(std::size_t n, int lo, int hi) {
  std::vector<int> values(n);
  for (int& value : values) {
    const int kind = integer(0, 15);
    value = kind == 0 ? lo : kind == 1 ? hi : integer(lo, hi);
  }
  return values;
}

Quant Random::weight_quant(int channels, int axis, bool offset) {
  Quant quant;
  quant.axis = chance(0.7) ? axis : -1;
  for (int c = 0; c < (quant.axis < 0 ? 1 : channels); ++c) {
    quant.scale.push_back(real(0.001F, 0.02F));
    quant.zero_point.push_back(offset ? integer(-128, 127) : 0);
  }
  return quant;
}

std::optional<TestOperand> random_bias(Random& random, const TestOperand& x, const std::vector<float>& sw) {
  const int kind = random.integer(0, 3);
  if (kind == 0) return std::nullopt;
  TestOperand bias;
  bias.constant = true;
  bias.shape = {static_cast<std::int64_t>(sw.size())};
  bias.dtype = kind == 1 ? DType::f32 : DType::s32;
  bias.quant.axis = 0;
  for (const float s : sw) {
    const float unit = x.scale() * s;
    if (kind == 1) {
      bias.reals.push_back(random.real(-20000, 20000) * unit);
    } else {
      bias.codes.push_back(random.integer(-20000, 20000));
      // Own scale within one ulp (the codes count), or another one (they are converted).
      const float near = random.chance(0.5) ? unit : std::nextafter(unit, 1.0F);
      bias.quant.scale.push_back(kind == 2 ? near : unit * random.real(0.5F, 3));
      bias.quant.zero_point.push_back(0);
    }
  }
  if (kind == 1) bias.quant = {};
  return bias;
}

void choose_output(Random& random, Int8Case& test, const std::vector<std::int64_t>& sums,
                   const std::vector<float>& sw) {
  double reach = 1;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double real =
        std::abs(static_cast<double>(sums[i])) * static_cast<double>(test.x.scale() * sw[i % sw.size()]);
    reach = std::max(reach, real);
  }
  test.y.dtype = random.integer(0, 5) == 0 ? DType::f32 : DType::u8;
  if (test.y.dtype == DType::u8) {
    test.y.quant = per_tensor(static_cast<float>(reach) / random.real(60, 400), random.integer(0, 255));
  }
}

graph::Clamp random_clamp(Random& random) {
  graph::Clamp clamp;
  if (random.chance(0.3)) clamp.lo = random.chance(0.7) ? 0.0F : random.real(-3, 0);
  if (random.chance(0.2)) clamp.hi = random.chance(0.5) ? 6.0F : random.real(0, 9);
  return clamp;
}

}  // namespace octet::test
