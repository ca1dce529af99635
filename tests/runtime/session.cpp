// SPDX-License-Identifier: Apache-2.0
// The promises of Session: the same bytes everywhere, no allocation in run, errors in sentences.
#include <octet/octet.h>

#include <cfenv>
#include <cstdlib>
#include <thread>

#include "tests/runtime/allocations.h"
#include "tests/support/accuracy.h"
#include "tests/support/host_float.h"
#include "tools/hash.h"

using namespace octet;

namespace {

Model qat() { return Model::load(test::digits("digits_qat.onnx")).value(); }

std::uint64_t hash_of_first_images(const Model& model, const SessionOptions& options) {
  static const auto images = test::load(test::digits("test_images.npy"));
  auto session = Session::create(model, options).value();
  const auto input = session.input_bytes(0);
  std::vector<std::byte> all;
  for (std::size_t i = 0; i < 8; ++i) {
    std::ranges::copy(std::span(images.bytes).subspan(i * input.size(), input.size()), input.begin());
    session.run();
    all.insert(all.end(), session.output_bytes(0).begin(), session.output_bytes(0).end());
  }
  return tools::fnv1a(all);
}

}  // namespace

TEST_CASE("one output on every backend and at every thread count") {
  const Model model = qat();
  for (RequantMode mode : {RequantMode::fixed, RequantMode::floating, RequantMode::floating_qnnpack}) {
    const auto reference = hash_of_first_images(model, {.backend = "scalar", .threads = 1, .requant = mode});
    for (const BackendInfo& backend : backends()) {
      if (!backend.usable) {
        WARN("SKIPPED: backend " << backend.name << " cannot run here: " << backend.reason);
        continue;
      }
      for (int threads : {1, 2, 3}) {
        INFO(backend.name << ", " << threads << " threads");
        CHECK(hash_of_first_images(model, {.backend = backend.name, .threads = threads, .requant = mode}) == reference);
      }
    }
  }
}

TEST_CASE("sessions that share one model run at the same time on many threads", "[concurrent]") {
  const Model model = qat();
  const auto reference = hash_of_first_images(model, {.threads = 1});
  std::vector<std::uint64_t> hashes(4);
  std::vector<std::thread> threads;
  for (std::uint64_t& hash : hashes) {
    threads.emplace_back([&] { hash = hash_of_first_images(model, {.threads = 1}); });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::uint64_t hash : hashes) CHECK(hash == reference);
}

TEST_CASE("a forced backend really runs") {
  for (const BackendInfo& backend : backends()) {
    if (!backend.usable) continue;
    const auto session = Session::create(qat(), {.backend = backend.name}).value();
    CHECK(session.backend() == backend.name);
    for (const OpInfo& op : session.ops()) {
      if (op.op == "Conv2d") CHECK(op.kernel.starts_with(backend.name));
    }
  }
}

TEST_CASE("the host's rounding mode and flushing of denormals change nothing and are given back") {
  const Model model = qat();
  const auto reference = hash_of_first_images(model, {});
  for (int mode : {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    const std::uint64_t before = test::float_control() | test::kFlushDenormals;
    test::set_float_control(before);
    const auto hash = hash_of_first_images(model, {.threads = 2});
    const std::uint64_t after = test::float_control();
    test::set_float_control(before & ~test::kFlushDenormals);
    CHECK(after == before);
    CHECK(std::fegetround() == mode);
    CHECK(hash == reference);
  }
  std::fesetround(FE_TONEAREST);
}

TEST_CASE("run allocates nothing") {
  if (test::allocations() < 0) {
    WARN("SKIPPED: a sanitizer owns operator new in this build");
    return;
  }
  for (int threads : {1, 2}) {
    auto session = Session::create(qat(), {.threads = threads}).value();
    session.run();
    const long before = test::allocations();
    for (int i = 0; i < 10; ++i) session.run();
    CHECK(test::allocations() == before);
  }
}

TEST_CASE("inputs keep their content between runs") {
  auto session = Session::create(qat()).value();
  std::ranges::fill(session.input<float>(), 0.5F);
  session.run();
  const std::vector<float> first(session.output<float>().begin(), session.output<float>().end());
  session.run();
  CHECK(std::ranges::equal(first, session.output<float>()));
  CHECK(session.input<std::uint8_t>().empty());  // wrong type: no view
  CHECK(session.input<float>(1).empty());        // no such input
}

TEST_CASE("session options that cannot be met are refused with a sentence") {
  const auto message = [](const SessionOptions& options) { return Session::create(qat(), options).status().message(); };
  CHECK(message({.backend = "avx1024"}).find("'avx1024' does not exist; usable here: ") != std::string::npos);
  CHECK(message({.threads = -1}).find("threads -1") != std::string::npos);
  CHECK(message({.input_shapes = {{"image", {1, 3, 8, 8}}}}).find("image") != std::string::npos);
  CHECK(message({.input_shapes = {{"picture", {1, 1, 8, 8}}}}).find("picture") != std::string::npos);
  setenv("OCTET_BACKEND", "abacus", 1);
  CHECK(message({}).find("OCTET_BACKEND 'abacus'") != std::string::npos);
  CHECK(Session::create(qat(), {.backend = "scalar"}).ok());  // the option wins
  setenv("OCTET_BACKEND", "scalar", 1);
  CHECK(Session::create(qat()).value().backend() == "scalar");
  unsetenv("OCTET_BACKEND");
}
