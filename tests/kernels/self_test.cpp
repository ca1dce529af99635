// SPDX-License-Identifier: Apache-2.0
// The self-test passes for every usable backend in 2 ms, and names the kernel that is wrong.
#include "kernels/self_test.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "kernels/backend.h"
#include "tests/support/emulated.h"

using namespace octet::kernels;

namespace {

const Backend& scalar() { return all_backends().back().backend; }

// Wrong in one code of many: the kind of mistake that a smoke test misses.
void late_add(const AddParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out,
              size_t n) {
  scalar().add(p, a, a_step, b, b_step, out, n);
  if (n > 100) out[100] ^= 1;
}

void narrow_gemm(const GemmArgs& args) {
  scalar().gemm.run(args);
  if (args.requant->finish == Finish::fixed) static_cast<uint8_t*>(args.out)[args.n - 1] ^= 1;
}

void stale_lookup(const uint8_t* table, const uint8_t* in, uint8_t* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = in[i] == 255 ? table[254] : table[in[i]];
}

}  // namespace

TEST_CASE("a wrong kernel is found and named") {
  Backend broken = scalar();
  broken.add = late_add;
  REQUIRE(failing_kernel(broken) != nullptr);
  CHECK(std::string(failing_kernel(broken)) == "add");

  broken = scalar();
  broken.gemm.run = narrow_gemm;
  REQUIRE(failing_kernel(broken) != nullptr);
  CHECK(std::string(failing_kernel(broken)) == "gemm");

  broken = scalar();
  broken.lookup = stale_lookup;
  REQUIRE(failing_kernel(broken) != nullptr);
  CHECK(std::string(failing_kernel(broken)) == "lookup");
}

TEST_CASE("backends that are passed over for a wrong kernel are named, others are not") {
  const BackendEntry fine{scalar(), {}, false}, lacking{scalar(), "this CPU lacks it", false};
  BackendEntry wrong{scalar(), "its self-test failed: kernel add differs", true};
  wrong.backend.name = "fast";
  CHECK(demotion_note({}).empty());
  CHECK(demotion_note(std::vector{lacking, fine}).empty());
  CHECK(demotion_note(std::vector{lacking, wrong, fine}) ==
        "backend fast was passed over: its self-test failed: kernel add differs");
  CHECK(choose_backend({})->note.empty());
}

TEST_CASE("the self-test of each usable backend takes at most 2 ms") {
  if (octet::test::skip_emulated("the time of the self-test")) return;
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  for (const BackendEntry& entry : all_backends()) {
    if (!entry.reason.empty()) {
      WARN("SKIPPED: backend " << entry.backend.name << " cannot run here: " << entry.reason);
      continue;
    }
    double best_ms = 1e9;  // of several: other programs run on this machine too
    for (int i = 0; i < 20; ++i) {
      const auto start = std::chrono::steady_clock::now();
      CHECK(failing_kernel(entry.backend) == nullptr);
      const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
      best_ms = std::min(best_ms, time.count());
    }
    INFO(entry.backend.name << ": " << best_ms << " ms");
    CHECK(best_ms <= 2.0);
  }
#else
  WARN("SKIPPED: times mean nothing without optimisation or under a sanitizer");
#endif
}
