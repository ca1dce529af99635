// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/test_backends.h"

#include <algorithm>

#include "kernels/backend.h"
#include "tests/support/catch.h"

#define OCTET_BACKEND_NS scalar
#include "kernels/scalar/scalar.h"

namespace octet::kernels {
#include "kernels/requantize.inl"

namespace {

// The contract of GemmArgs for any geometry, summing pairs of products as vpmaddubsw or vpmaddwd does.
template <class Weight, std::size_t kNu, std::size_t kKr, bool kSaturates>
void paired_gemm(const GemmArgs& args) {
  const std::size_t width = (args.n + kNu - 1) / kNu * kNu, groups = (args.kc + kKr - 1) / kKr;
  const auto* const w = static_cast<const Weight*>(args.weights);  // (taps, groups, width, kr)
  for (std::size_t i = 0; i < args.m; ++i) {
    for (std::size_t j = 0; j < args.n; ++j) {
      std::uint32_t sum = 0;
      if (args.weight_zero != nullptr) {
        for (std::size_t t = 0; t < args.taps; ++t) {
          for (std::size_t p = 0; p < args.kc; ++p) sum += args.rows[i * args.taps + t][p];
        }
        sum *= 0U - static_cast<std::uint32_t>(args.weight_zero[j]);
      }
      for (std::size_t e = 0; e < args.n_extras; ++e) {
        const GemmExtra& extra = args.extras[e];
        sum += static_cast<std::uint32_t>(args.rows[i * args.taps + extra.tap][extra.k] * extra.weights[4 * j]);
      }
      for (std::size_t t = 0; t < args.taps; ++t) {
        for (std::size_t p = 0; p < groups * kKr; p += 2) {
          const std::uint8_t* const a = args.rows[i * args.taps + t] + p;  // may read past kc: zero weights there
          const Weight* const b = w + ((t * groups + p / kKr) * width + j) * kKr + p % kKr;
          int pair = a[0] * b[0] + a[1] * b[1];
          if (kSaturates) pair = std::clamp(pair, -32768, 32767);
          sum += static_cast<std::uint32_t>(pair);
        }
      }
      const Requant& r = *args.requant;
      const std::size_t at = i * args.out_stride + j;
      if (r.finish == Finish::accumulators) {
        static_cast<std::int32_t*>(args.out)[at] =
            static_cast<std::int32_t>(sum + static_cast<std::uint32_t>(r.bias[j]));
        continue;
      }
      std::int32_t code = requantize(r, j, static_cast<std::int32_t>(sum));
      if (args.add != nullptr) code = add_codes(*args.add, code, args.residual[i * args.residual_stride + j]);
      static_cast<std::uint8_t*>(args.out)[at] = static_cast<std::uint8_t>(code);
    }
  }
}

Backend scalar_s8_backend() {
  Backend backend = scalar::backend;
  backend.name = "scalar-s8";
  backend.activation = Activation::s8;
  backend.gemm.run = scalar::gemm<std::int8_t>;
  backend.gemm_exact = backend.gemm;
  backend.depthwise = scalar::depthwise<std::int8_t>;
  backend.add = scalar::add<std::int8_t>;
  backend.mul = scalar::mul<std::int8_t>;
  backend.max_pool = scalar::max_pool<std::int8_t>;
  backend.avg_pool = scalar::avg_pool<std::int8_t>;
  backend.dequantize = scalar::dequantize<std::int8_t>;
  return backend;
}

}  // namespace
}  // namespace octet::kernels

namespace octet::test {

kernels::Backend saturating_backend() {
  kernels::Backend backend = kernels::scalar::backend;
  backend.name = "saturating";
  backend.gemm = {.run = kernels::paired_gemm<std::int8_t, 8, 4, true>,
                  .mr = 3,
                  .nr = 24,
                  .nu = 8,
                  .kr = 4,
                  .packing = kernels::kPackCodes,
                  .saturates = kernels::kSaturatesU8};
  backend.gemm_exact = {.run = kernels::paired_gemm<std::int16_t, 4, 2, false>,
                        .mr = 2,
                        .nr = 16,
                        .nu = 4,
                        .kr = 2,
                        .packing = kernels::kPackWords,
                        .saturates = 0};
  return backend;
}

std::vector<kernels::Backend> test_backends() {
  std::vector<kernels::Backend> backends;
  for (const kernels::BackendEntry& entry : kernels::all_backends()) {
    if (entry.reason.empty()) {
      backends.push_back(entry.backend);
    } else {
      WARN("SKIPPED: backend " << entry.backend.name << ": " << entry.reason);
    }
  }
  backends.push_back(kernels::scalar_s8_backend());
  backends.push_back(saturating_backend());
  return backends;
}

}  // namespace octet::test
