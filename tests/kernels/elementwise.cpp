// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/elementwise.h"

#include <cmath>

#include "kernels/codes.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::test {

oracle::Codes random_params(std::mt19937& random) {
  // One in four scales is a power of two: ties.
  const float scale = random() % 4 == 0 ? std::ldexp(1.0F, -static_cast<int>(random() % 6))
                                        : std::exp(std::uniform_real_distribution<float>(-5, 0)(random));
  return {scale, static_cast<int>(random() % 256)};
}

CodeTensor random_codes(std::mt19937& random, const Shape& shape) {
  CodeTensor t{shape, random_params(random)};
  for (std::size_t i = 0; i < t.size(); ++i) {
    const auto draw = random();
    t.codes.push_back(draw % 8 == 0 ? 0 : draw % 8 == 1 ? 255 : static_cast<int>(draw >> 8 & 0xFF));
  }
  return t;
}

Tensor code_tensor(const CodeTensor& t, DType type) {
  const int shift = type == DType::s8 ? 128 : 0;
  Tensor result{type, t.shape, {}, per_tensor(t.params.scale, t.params.zero - shift), t.constant};
  result.relabelled = -shift;
  for (const int code : t.codes) result.bytes.push_back(static_cast<std::byte>(code - shift));
  return result;
}

int check_everywhere(kernels::PrepareFn prepare, const graph::Attrs& attrs, const std::vector<CodeTensor>& inputs,
                     const CodeTensor& output, const Expected& expected) {
  const std::pair<RequantMode, oracle::Mode> modes[] = {
      {RequantMode::fixed, oracle::Mode::fixed},
      {RequantMode::floating, oracle::Mode::floating},
      {RequantMode::floating_qnnpack, oracle::Mode::floating_qnnpack}};
  static const std::vector<kernels::Backend> backends = test_backends();
  int most_slices = 0;
  for (const auto& [mode, oracle_mode] : modes) {
    const std::vector<int> codes = expected(oracle_mode);
    REQUIRE(codes.size() == output.size());
    for (const kernels::Backend& backend : backends) {
      const DType type = kernels::dtype_of(backend.activation);
      std::vector<Tensor> in;
      for (const CodeTensor& t : inputs) in.push_back(code_tensor(t, type));
      std::vector<std::byte> bytes;
      for (const int code : codes) bytes.push_back(static_cast<std::byte>(code - (type == DType::s8 ? 128 : 0)));
      for (const int threads : {1, 4}) {
        const Result<RunResult> result = run_op(prepare, attrs, in, {code_tensor({output.shape, output.params}, type)},
                                                {.backend = &backend, .requant = mode, .threads = threads});
        INFO(backend.name << ", mode " << static_cast<int>(mode) << ", " << threads
                          << " threads: " << result.status().message());
        REQUIRE(result.ok());
        most_slices = std::max(most_slices, result->slices);
        const std::vector<std::byte>& actual = result->outputs[0].bytes;
        const auto differs = std::mismatch(actual.begin(), actual.end(), bytes.begin());
        if (differs.first != actual.end()) {
          const auto at = differs.first - actual.begin();
          CAPTURE(at, static_cast<int>(*differs.first), static_cast<int>(*differs.second));
          FAIL("another code");
        }
      }
    }
  }
  return most_slices;
}

const kernels::Backend& scalar_backend() {
  static const kernels::Backend backend = [] {
    for (const kernels::Backend& candidate : test_backends()) {
      if (std::string_view(candidate.name) == "scalar") return candidate;
    }
    throw std::runtime_error("this build has no scalar backend");
  }();
  return backend;
}

void check_refused(kernels::PrepareFn prepare, const graph::Attrs& attrs, const std::vector<Tensor>& inputs,
                   const std::vector<Tensor>& outputs, const std::string& part_of_message) {
  const Result<RunResult> result =
      run_op(prepare, attrs, inputs, outputs, {.backend = &scalar_backend(), .name = "n1"});
  REQUIRE_FALSE(result.ok());
  CHECK_THAT(result.status().message(), Catch::Contains("node 'n1'") && Catch::Contains(part_of_message));
}

}  // namespace octet::test
