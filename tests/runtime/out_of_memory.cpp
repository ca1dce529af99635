// SPDX-License-Identifier: Apache-2.0
// Opening a model and creating a session while the n-th allocation fails, for every n: a Status or, where the
// standard library can do without, success; never an exception, a crash or a leak.
#include <octet/octet.h>

#include <functional>

#include "tests/runtime/allocations.h"
#include "tests/runtime/compiled_file.h"
#include "tests/support/data.h"
#include "tests/support/emulated.h"

using namespace octet;

namespace {

// attempt() returns the sentence of a failure, "" for success. Leaves once it is through without a failed allocation;
// how many had to fail first.
long fail_each(const std::function<std::string()>& attempt, bool may_leak) {
  REQUIRE(attempt().empty());  // what the library keeps for good is there now
  for (long n = 1;; ++n) {
    const long before = test::blocks_in_use();
    bool failed = false, refused = false, has_sentence = false;
    {
      test::fail_allocation(n);
      const std::string sentence = attempt();
      failed = test::has_failed();
      test::fail_allocation(0);
      refused = !sentence.empty();
      has_sentence = sentence.find("not enough memory") != std::string::npos;
    }
    const long leaked = test::blocks_in_use() - before;
    INFO("allocation " << n);
    if (!failed) return n - 1;
    if (refused && !has_sentence) FAIL("another error than the one that happened");
    if (leaked != 0 && !may_leak) FAIL(leaked << " blocks were not freed");
  }
}

}  // namespace

TEST_CASE("no allocation that fails while a compiled model is opened does harm") {
  if (test::allocations() < 0) {
    WARN("SKIPPED: a sanitizer owns the allocator in this build");
    return;
  }
  const test::CompiledFile file(Model::load(test::digits("digits_qat.onnx")).value());
  const std::filesystem::path path = file.path();
  const auto open = [&] { return Model::open(path).status().message(); };
  CHECK(fail_each(open, false) > 100);
}

TEST_CASE("no allocation that fails while a session is created does harm") {
  if (test::allocations() < 0 || test::skip_emulated("thousands of sessions")) return;
  const Model model = Model::load(test::digits("digits_qat.onnx")).value();
  for (const char* backend : {"", "scalar"}) {
    const auto create = [&] { return Session::create(model, {.backend = backend, .threads = 1}).status().message(); };
    CHECK(fail_each(create, false) > 100);
  }
}

// protobuf may leave blocks behind when one of its own allocations throws.
TEST_CASE("no allocation that fails while an ONNX file is read does harm") {
  if (test::allocations() < 0 || test::skip_emulated("thousands of files")) return;
  const std::filesystem::path path = test::digits("digits_qat.onnx");
  const auto load = [&] { return Model::load(path).status().message(); };
  CHECK(fail_each(load, true) > 100);
}
