// SPDX-License-Identifier: Apache-2.0
// Whole networks give the committed output hash on every backend, at every thread count and under
// every float environment of the host. A hash is of the concatenated output codes of two images.
// To print the hashes of a build: test_runtime "[hash]" -s
#include <octet/octet.h>

#include <cfenv>

#include "tests/support/accuracy.h"
#include "tests/support/mobilenet_v2.h"
#include "tools/hash.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace octet;

namespace {

struct Expected {
  RequantMode mode;
  const char* name;
  std::uint64_t hash;
};
constexpr Expected kMobileNet[] = {{RequantMode::fixed, "fixed", 0x7ff80ff7df5eb260},
                                   {RequantMode::floating, "float", 0xa115649180a6704e},
                                   {RequantMode::floating_qnnpack, "float-qnnpack", 0x533f1b5cc254228d}};

const Model& mobilenet() {
  static const std::string file = tests::MobileNetV2().build();
  static const Model model = Model::parse(std::as_bytes(std::span(file))).value();
  return model;
}

std::uint64_t hash(const SessionOptions& options) {
  auto session = Session::create(mobilenet(), options).value();
  std::vector<std::byte> all;
  for (std::uint32_t seed : {1U, 2U}) {
    std::ranges::copy(tests::MobileNetV2::image(seed), session.input<std::uint8_t>().begin());
    session.run();
    const auto codes = session.output_bytes(0);
    all.insert(all.end(), codes.begin(), codes.end());
  }
  return tools::fnv1a(all);
}

}  // namespace

TEST_CASE("a MobileNetV2-shaped network has the committed hash on every backend", "[hash]") {
  for (const Expected& expected : kMobileNet) {
    for (const BackendInfo& backend : backends()) {
      if (!backend.usable) {
        WARN("SKIPPED: backend " << backend.name << " cannot run here: " << backend.reason);
        continue;
      }
      for (int threads : {1, 2, 3}) {
        if (backend.name == "scalar" && threads != 2) continue;  // seconds, for nothing new
        const std::uint64_t got = hash({.backend = backend.name, .threads = threads, .requant = expected.mode});
        INFO(expected.name << " on " << backend.name << ", " << threads << " threads: 0x" << std::hex << got);
        CHECK(got == expected.hash);
      }
    }
  }
}

TEST_CASE("its outputs are alive: many different codes, few at the ends", "[hash]") {
  auto session = Session::create(mobilenet()).value();
  std::ranges::copy(tests::MobileNetV2::image(1), session.input<std::uint8_t>().begin());
  session.run();
  std::vector<int> seen(256);
  for (std::uint8_t code : session.output<std::uint8_t>()) ++seen[code];
  CHECK(256 - std::ranges::count(seen, 0) >= 60);
  CHECK(seen[0] + seen[255] < 300);
}

TEST_CASE("the host's float environment does not reach a network", "[hash]") {
#if defined(__SSE2__)
  const std::uint64_t expected = hash({});
  for (int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST}) {
    std::fesetround(mode);
    const unsigned control = _mm_getcsr();
    _mm_setcsr(control | 0x8040);  // FTZ | DAZ
    const std::uint64_t got = hash({.threads = 2});
    _mm_setcsr(control);
    std::fesetround(FE_TONEAREST);
    CHECK(got == expected);
  }
#else
  WARN("SKIPPED: no FTZ and DAZ on this processor");
#endif
}
