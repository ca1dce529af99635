// SPDX-License-Identifier: Apache-2.0
// Every backend's GEMM micro-kernels against wide integers: all tails, extremes, unaligned pointers.
#include <algorithm>

#include "kernels/pack.h"
#include "kernels/requantize.h"
#include "tests/kernels/columns.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

using kernels::Backend;
using kernels::Finish;
using kernels::Gemm;
using kernels::kOverread;

struct Size {
  std::size_t m, taps, kc, n;
};

// Weights up to this size are safe in any sum, whatever a GEMM's 16-bit sums are.
int largest_weight(const Gemm& gemm) {
  if (gemm.saturates == kernels::kSaturatesU8) return 64;
  return gemm.saturates == kernels::kSaturatesS8 || gemm.packing == kernels::kPackComplement ? 127 : 128;
}

// The residual add with its scales, which the oracle wants.
struct Addition {
  oracle::Codes own, other, sum;
  bool other_first;
  kernels::AddParams params;

  Addition(std::mt19937& engine, const kernels::Requant& r) {
    const auto scale = [&engine] { return std::exp2(std::uniform_real_distribution<float>(-6, 0)(engine)); };
    const int lowest = r.min < 0 ? -128 : 0;
    own = {scale(), r.zero_point};
    other = {scale(), lowest + static_cast<int>(engine() % 256)};
    sum = {scale(), lowest + static_cast<int>(engine() % 256)};
    if (engine() % 3 == 0) own.scale = other.scale = sum.scale / 2;  // ties
    other_first = engine() % 2 == 0;
    params = kernels::add_params(own.scale, own.zero, other.scale, other.zero, sum.scale, sum.zero, {r.min, r.max}, 1,
                                 r.finish == Finish::fixed ? RequantMode::fixed : RequantMode::floating, 0, other_first)
                 .value();
  }
  int expected(int a, int b, Finish finish) const {
    const auto mode = finish == Finish::fixed ? oracle::Mode::fixed : oracle::Mode::floating;
    return other_first ? oracle::add(b, other, a, own, sum, params.min, params.max, mode)
                       : oracle::add(a, own, b, other, sum, params.min, params.max, mode);
  }
};

kernels::AlignedBytes pack(const Gemm& gemm, const std::vector<std::int8_t>& w, std::size_t taps, std::size_t kc,
                           std::size_t n) {  // w: (n, taps, kc)
  kernels::AlignedBytes packed = kernels::allocate_aligned(kernels::block_bytes(gemm, taps, kc, n) + kOverread);
  const kernels::WeightSource source{w.data(), taps * kc, kc, 1, 0};
  REQUIRE(kernels::can_pack(gemm, source, taps, kc, n, 255));
  kernels::pack_block(gemm, source, taps, kc, n, 255, packed.get());
  return packed;
}

void check(std::mt19937& engine, const Backend& backend, const Gemm& gemm, Size size, Finish finish, bool with_add,
           bool with_corrections) {
  const bool with_zeros = with_corrections && engine() % 2 == 0;
  const bool is_signed = backend.activation == kernels::Activation::s8;
  const auto [m, taps, kc, n] = size;
  INFO(backend.name << " packing " << static_cast<int>(gemm.packing) << ": m " << m << ", taps " << taps << ", kc "
                    << kc << ", n " << n << ", finish " << static_cast<int>(finish) << ", add " << with_add
                    << ", zeros " << with_zeros);
  // Rows lie apart, each with its own misalignment and exactly kOverread readable bytes behind it.
  std::vector<std::vector<std::uint8_t>> storage;
  std::vector<const std::uint8_t*> rows;
  for (std::size_t i = 0; i < m * taps; ++i) {
    const std::size_t offset = engine() % 64;
    storage.push_back(random_bytes(engine, offset + kc + kOverread));
    if (i > 0 && engine() % 8 == 0) {
      rows.push_back(rows[engine() % i]);  // indirection may name a row twice
    } else {
      rows.push_back(storage.back().data() + offset);
    }
  }
  // Padding: of some taps a run of rows, which may fill whole tiles, has nothing but codes 0.
  const std::vector<std::uint8_t> padding(kc + kOverread);
  for (std::size_t t = 0; t < taps; ++t) {
    if (engine() % 3 != 0) continue;
    const std::size_t first = engine() % m, last = first + 1 + engine() % (m - first);
    for (std::size_t i = first; i < last; ++i) rows[i * taps + t] = padding.data();
  }
  const int limit = largest_weight(gemm);
  std::vector<std::int8_t> w(n * taps * kc);  // (n, taps, kc)
  for (std::int8_t& weight : w) {
    const int code = static_cast<int>(engine() % 257) - 128;
    weight = static_cast<std::int8_t>(
        std::clamp(engine() % 8 == 0 ? (code < 0 ? -limit : limit) : code, -limit, std::min(limit, 127)));
  }
  const kernels::AlignedBytes packed = pack(gemm, w, taps, kc, n);
  const Columns columns(engine, kernels::block_width(gemm, n), is_signed, finish);
  const std::size_t stride = n + engine() % 5, element = finish == Finish::accumulators ? 4 : 1;
  const std::size_t shift = element == 1 ? engine() % 7 : 4;
  std::vector<std::uint8_t> out(shift + m * stride * element + 64, 0xA5);
  std::vector<std::uint8_t> residual = random_bytes(engine, 1 + m * (n + 3) + kOverread);
  const Addition addition(engine, columns.requant());
  // Zero points of few columns, of most, or of all; exactly as many as a kernel may read.
  std::vector<std::int32_t> zeros(with_zeros ? kernels::block_width(gemm, n) : 0);
  const unsigned density = 1 + engine() % 20;
  for (std::int32_t& zero : zeros) {
    if (engine() % density == 0) zero = static_cast<std::int32_t>(engine() % 513) - 256;
  }
  std::vector<std::vector<std::int8_t>> extra_weights;
  std::vector<kernels::GemmExtra> extras;
  for (std::size_t e = with_corrections ? engine() % 4 : 0; e > 0; --e) {
    extra_weights.emplace_back(4 * kernels::block_width(gemm, n));
    for (std::size_t j = engine() % n; j < n; j += 1 + engine() % n) {
      extra_weights.back()[4 * j] = static_cast<std::int8_t>(engine() % 3 == 0 ? 128 : engine() % 256);
    }
    extras.push_back({engine() % taps, engine() % kc, extra_weights.back().data()});
  }
  gemm.run({.rows = rows.data(),
            .m = m,
            .taps = taps,
            .kc = kc,
            .n = n,
            .weights = packed.get(),
            .out = out.data() + shift,
            .out_stride = stride,
            .requant = &columns.requant(),
            .add = with_add ? &addition.params : nullptr,
            .residual = with_add ? residual.data() + 1 : nullptr,
            .residual_stride = n + 3,
            .zeros = padding.data(),
            .weight_zero = with_zeros ? zeros.data() : nullptr,
            .extras = extras.data(),
            .n_extras = extras.size()});
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      std::int64_t sum = 0;
      const int zero = with_zeros ? zeros[j] : 0;
      for (std::size_t t = 0; t < taps; ++t) {
        for (std::size_t p = 0; p < kc; ++p)
          sum += code_of(rows[i * taps + t][p], is_signed) * (w[(j * taps + t) * kc + p] - zero);
      }
      for (const kernels::GemmExtra& extra : extras) {
        sum += code_of(rows[i * taps + extra.tap][extra.k], is_signed) * extra.weights[4 * j];
      }
      std::int32_t expected = columns.finished(j, sum);
      if (with_add) expected = addition.expected(expected, code_of(residual[1 + i * (n + 3) + j], is_signed), finish);
      const std::int32_t result = read_result(out.data() + shift, i * stride + j, finish, is_signed);
      if (result != expected) FAIL("row " << i << ", column " << j << ": " << result << " instead of " << expected);
    }
  }
  // Only (m, n) is written: neither the gap between rows nor what lies around.
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool inside = i >= shift && (i - shift) / element / stride < m && (i - shift) / element % stride < n;
    if (!inside && out[i] != 0xA5) FAIL("byte " << i << " of the output's surroundings was written");
  }
}

void check_finishes(std::mt19937& engine, const Backend& backend, const Gemm& gemm, Size size) {
  check(engine, backend, gemm, size, Finish::fixed, false, false);
  check(engine, backend, gemm, size, Finish::fixed, engine() % 2 == 0, true);
  check(engine, backend, gemm, size, Finish::fixed, true, false);
  check(engine, backend, gemm, size, Finish::floating, false, engine() % 2 == 0);
  check(engine, backend, gemm, size, Finish::floating, true, false);
  check(engine, backend, gemm, size, Finish::accumulators, false, engine() % 2 == 0);
}

template <class Body>
void for_each_gemm(Body body) {
  for (const Backend& backend : test_backends()) {
    std::vector<kernels::GemmFn> seen = {nullptr};
    for (const kernels::BlockKind kind : kernels::kBlockKinds) {
      const Gemm& gemm = gemm_of(backend, kind);
      if (std::ranges::find(seen, gemm.run) != seen.end()) continue;
      seen.push_back(gemm.run);
      body(backend, gemm);
    }
  }
}

}  // namespace

TEST_CASE("gemm: every row and column tail") {
  std::mt19937 engine(201);
  for_each_gemm([&](const Backend& backend, const Gemm& gemm) {
    for (std::size_t n = 1; n <= gemm.nr; ++n) {
      check_finishes(engine, backend, gemm, {1 + engine() % (2U * gemm.mr + 1), 1, 1 + engine() % 24, n});
    }
    for (std::size_t m = 1; m <= 2U * gemm.mr + 2; ++m) {
      check_finishes(engine, backend, gemm, {m, 1 + engine() % 3, 1 + engine() % 24, gemm.nr});
    }
  });
}

TEST_CASE("gemm: every depth tail") {
  std::mt19937 engine(202);
  for_each_gemm([&](const Backend& backend, const Gemm& gemm) {
    for (std::size_t kc = 1; kc <= 70; ++kc) {
      check_finishes(engine, backend, gemm, {1 + engine() % 7, 1 + engine() % 3, kc, 1 + engine() % gemm.nr});
    }
  });
}

TEST_CASE("gemm: random and large shapes") {
  std::mt19937 engine(203);
  for_each_gemm([&](const Backend& backend, const Gemm& gemm) {
    for (int i = 0; i < 20; ++i) {
      check_finishes(engine, backend, gemm,
                     {1 + engine() % 40, 1 + engine() % 9, 1 + engine() % 100, 1 + engine() % gemm.nr});
    }
    check_finishes(engine, backend, gemm, {5, 1, 2048, gemm.nr});
    check_finishes(engine, backend, gemm, {150, 1, 16, gemm.nr});
  });
}

// No rows: nothing is written. Sums of nothing: the bias.
TEST_CASE("gemm: empty operands") {
  for_each_gemm([&](const Backend& backend, const Gemm& gemm) {
    INFO(backend.name);
    const std::size_t m = 5U * gemm.mr, n = gemm.nr;
    std::mt19937 engine(207);
    const Columns columns(engine, kernels::block_width(gemm, n), backend.activation == kernels::Activation::s8,
                          Finish::accumulators);
    const std::vector<std::uint8_t> row(kOverread);
    const std::vector<const std::uint8_t*> rows(m, row.data());
    const kernels::AlignedBytes packed = pack(gemm, {}, 1, 0, n);
    std::vector<std::int32_t> out(m * n, 77);
    for (const std::size_t some : {std::size_t{0}, m}) {
      gemm.run({.rows = rows.data(),
                .m = some,
                .taps = 1,
                .kc = 0,
                .n = n,
                .weights = packed.get(),
                .out = out.data(),
                .out_stride = n,
                .requant = &columns.requant(),
                .add = nullptr,
                .residual = nullptr,
                .residual_stride = 0,
                .zeros = nullptr,
                .weight_zero = nullptr,
                .extras = nullptr,
                .n_extras = 0});
      for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == (some == 0 ? 77 : columns.finished(i % n, 0)));
    }
  });
}

// All codes and weights at one extreme: the largest sums there are, which must wrap, not saturate.
TEST_CASE("gemm: extremes of codes and weights") {
  for_each_gemm([&](const Backend& backend, const Gemm& gemm) {
    const bool is_signed = backend.activation == kernels::Activation::s8;
    for (const std::uint8_t byte : {std::uint8_t{0}, std::uint8_t{127}, std::uint8_t{128}, std::uint8_t{255}}) {
      for (const int weight : {-128, -127, -64, 64, 127}) {
        if (std::abs(weight) > largest_weight(gemm)) continue;
        const std::size_t m = gemm.mr + 1U, kc = 70000, n = 2;
        const std::vector<std::uint8_t> row(kc + kOverread, byte);
        const std::vector<const std::uint8_t*> rows(m, row.data());
        const std::vector<std::int8_t> w(n * kc, static_cast<std::int8_t>(weight));
        const kernels::AlignedBytes packed = pack(gemm, w, 1, kc, n);
        std::mt19937 engine(204);
        const Columns columns(engine, kernels::block_width(gemm, n), is_signed, Finish::accumulators);
        std::vector<std::int32_t> out(m * n);
        const int zero = weight > 64 || weight < -64 ? 0 : -4 * weight;
        const std::vector<std::int32_t> zeros(kernels::block_width(gemm, n), zero);
        gemm.run({.rows = rows.data(),
                  .m = m,
                  .taps = 1,
                  .kc = kc,
                  .n = n,
                  .weights = packed.get(),
                  .out = out.data(),
                  .out_stride = n,
                  .requant = &columns.requant(),
                  .add = nullptr,
                  .residual = nullptr,
                  .residual_stride = 0,
                  .zeros = nullptr,
                  .weight_zero = zero == 0 ? nullptr : zeros.data(),
                  .extras = nullptr,
                  .n_extras = 0});
        INFO(backend.name << ": " << static_cast<int>(byte) << " * " << weight);
        const std::int64_t sum = static_cast<std::int64_t>(kc) * code_of(byte, is_signed) * (weight - zero);
        for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == columns.finished(i % n, sum));
      }
    }
  });
}

// One weight of -128 in every pair is safe where two are not: they belong to k and k + 8.
TEST_CASE("gemm: pairs of s8 weights with one of -128") {
  for_each_gemm([&](const Backend&, const Gemm& gemm) {
    if (gemm.saturates != kernels::kSaturatesS8) return;
    const std::size_t m = gemm.mr, kc = 67, n = gemm.nr;
    const std::vector<std::uint8_t> row(kc + kOverread, 0x80);
    const std::vector<const std::uint8_t*> rows(m, row.data());
    std::vector<std::int8_t> w(n * kc, -127);
    std::int64_t sum = 0;
    for (std::size_t j = 0; j < n; ++j) {
      sum = 0;
      for (std::size_t k = 0; k < kc; ++k) {
        if (k % 16 < 8) w[j * kc + k] = -128;
        sum += -128 * w[j * kc + k];
      }
    }
    const kernels::AlignedBytes packed = pack(gemm, w, 1, kc, n);
    std::mt19937 engine(205);
    const Columns columns(engine, kernels::block_width(gemm, n), true, Finish::accumulators);
    std::vector<std::int32_t> out(m * n);
    gemm.run({.rows = rows.data(),
              .m = m,
              .taps = 1,
              .kc = kc,
              .n = n,
              .weights = packed.get(),
              .out = out.data(),
              .out_stride = n,
              .requant = &columns.requant(),
              .add = nullptr,
              .residual = nullptr,
              .residual_stride = 0,
              .zeros = nullptr,
              .weight_zero = nullptr,
              .extras = nullptr,
              .n_extras = 0});
    for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == columns.finished(i % n, sum));
  });
}

}  // namespace octet::test
