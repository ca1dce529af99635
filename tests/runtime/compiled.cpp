// SPDX-License-Identifier: Apache-2.0
// Compiled models: the same outputs and the same operators as the ONNX file, weights in place, and
// nothing in them trusted.
#include <octet/octet.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>

#include "octet_generated.h"
#include "runtime/compiled/container.h"
#include "runtime/model_impl.h"
#include "tests/runtime/compiled_file.h"
#include "tests/support/data.h"
#include "tests/support/emulated.h"
#include "tests/support/mobilenet_v2.h"
#include "tests/support/onnx_builder.h"

using namespace octet;
using Catch::Matchers::Contains;

namespace {

std::vector<std::byte> output_of(const Model& model, const std::string& backend) {
  Session session = Session::create(model, {.backend = backend, .threads = 1}).value();
  std::uint32_t state = 7;
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    for (std::byte& byte : session.input_bytes(i))
      byte = static_cast<std::byte>((state = state * 1664525U + 1013904223U) >> 26);
  }
  session.run();
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < session.outputs().size(); ++i) {
    bytes.insert(bytes.end(), session.output_bytes(i).begin(), session.output_bytes(i).end());
  }
  return bytes;
}

void check_same(const Model& onnx, const Model& compiled) {
  REQUIRE(compiled.inputs().size() == onnx.inputs().size());
  for (std::size_t i = 0; i < onnx.inputs().size(); ++i) {
    CHECK(compiled.inputs()[i].name == onnx.inputs()[i].name);
    CHECK(compiled.inputs()[i].shape == onnx.inputs()[i].shape);
    CHECK(compiled.inputs()[i].dtype == onnx.inputs()[i].dtype);
  }
  CHECK(compiled.is_quantized() == onnx.is_quantized());
  for (const BackendInfo& backend : backends()) {
    if (!backend.usable) {
      WARN("SKIPPED: " << backend.name << ": " << backend.reason);
      continue;
    }
    INFO(backend.name);
    CHECK(output_of(compiled, backend.name) == output_of(onnx, backend.name));
  }
  const Session a = Session::create(onnx, {.threads = 1}).value(),
                b = Session::create(compiled, {.threads = 1}).value();
  REQUIRE(a.ops().size() == b.ops().size());
  for (std::size_t i = 0; i < a.ops().size(); ++i) {
    INFO(a.ops()[i].name);
    CHECK(a.ops()[i].op == b.ops()[i].op);
    CHECK(a.ops()[i].precision == b.ops()[i].precision);
    CHECK(a.ops()[i].kernel == b.ops()[i].kernel);
  }
}

}  // namespace

TEST_CASE("a compiled quantized network gives the same bytes through the same kernels") {
  const Model onnx = Model::load(test::digits("digits_qat.onnx")).value();
  const test::CompiledFile file(onnx);
  check_same(onnx, Model::open(file.path()).value());
  check_same(onnx, Model::open(file.bytes()).value());
  check_same(onnx, Model::load(file.path()).value());
  check_same(onnx, Model::parse(file.bytes()).value());
}

TEST_CASE("a compiled network of MobileNetV2's shape gives the same bytes") {
  const std::string bytes = octet::tests::MobileNetV2().build();
  const Model onnx = Model::parse(octet::tests::as_bytes(bytes)).value();
  const test::CompiledFile file(onnx);
  const Model compiled = Model::open(file.path()).value();
  const std::string fast = best_backend().value();
  CHECK(output_of(compiled, fast) == output_of(onnx, fast));
}

TEST_CASE("a compiled float model keeps symbolic sizes and outputs") {
  const Model onnx = Model::load(test::digits("digits_fp32.onnx")).value();
  const test::CompiledFile file(onnx);
  const Model compiled = Model::open(file.path()).value();
  CHECK_FALSE(compiled.is_quantized());
  CHECK(compiled.inputs()[0].shape == onnx.inputs()[0].shape);
  // octet::runtime has no oneDNN; opened through the full library both take the same kernels.
  CHECK(output_of(Model::load(file.path()).value(), "") == output_of(onnx, ""));
}

TEST_CASE("weights stay where the file is") {
  const Model onnx = Model::load(test::digits("digits_qat.onnx")).value();
  const test::CompiledFile file(onnx);
  const Model compiled = Model::open(file.bytes()).value();
  const std::byte* const begin = file.bytes().data();
  std::size_t inside = 0, outside = 0;
  for (const graph::Value& value : compiled.impl().graph.values) {
    if (!value.is_constant()) continue;
    const auto size = static_cast<std::size_t>(value.shape.count()) * size_of(value.dtype);
    const bool in_place = value.data.get() >= begin && value.data.get() + size <= begin + file.bytes().size();
    (in_place ? inside : outside) += size;
  }
  CHECK(inside > 20 * outside);
}

TEST_CASE("the file may be gone once it is open, and the model once there is a session") {
  const Model onnx = Model::load(test::digits("digits_qat.onnx")).value();
  std::optional<Model> model;
  {
    const test::CompiledFile file(onnx);
    model = Model::open(file.path()).value();
  }
  Session session = Session::create(*model, {.threads = 1}).value();
  model.reset();
  session.run();
  Session fresh = Session::create(onnx, {.threads = 1}).value();
  fresh.run();
  CHECK(std::ranges::equal(session.output_bytes(0), fresh.output_bytes(0)));
}

TEST_CASE("what is no compiled model is refused with its reason") {
  CHECK_THAT(Model::open("no/such.octet").status().message(), Contains("no/such.octet"));
  CHECK_THAT(Model::open(OCTET_SOURCE_DIR).status().message(), Contains("not a file"));
  CHECK_THAT(Model::open(test::digits("digits_qat.onnx")).status().message(), Contains("does not begin as one"));
  CHECK_FALSE(Model::open(std::span<const std::byte>()).ok());
  const test::CompiledFile file(Model::load(test::digits("digits_qat.onnx")).value());
  CHECK_THAT(Model::open(file.bytes().subspan(8)).status().message(), Contains("64-byte aligned"));

  test::AlignedCopy other_version(file.bytes());
  other_version.bytes()[8] = std::byte{9};
  CHECK_THAT(Model::open(other_version.bytes()).status().message(), Contains("header is damaged"));
}

TEST_CASE("a truncated compiled model is refused at every length") {
  const test::CompiledFile file(Model::load(test::digits("digits_qat.onnx")).value());
  const test::AlignedCopy copy(file.bytes());
  for (std::size_t n = 0; n < file.bytes().size(); n += n < 200 ? 1 : 97) {
    CHECK_FALSE(Model::open(copy.bytes().first(n)).ok());
  }
}

TEST_CASE("every changed byte is noticed") {
  const test::CompiledFile file(Model::load(test::digits("digits_qat.onnx")).value());
  test::AlignedCopy copy(file.bytes());
  std::mt19937 random(21);
  // Between the blobs lies padding, which nobody reads.
  std::size_t accepted = 0;
  for (int round = 0; round < 600; ++round) {
    const std::size_t at = round < 64 ? static_cast<std::size_t>(round) : random() % copy.bytes().size();
    const std::byte before = copy.bytes()[at];
    copy.bytes()[at] ^= static_cast<std::byte>(1 + random() % 255);
    const bool ok = Model::open(copy.bytes()).ok();
    CHECK_FALSE((ok && before != std::byte{0}));
    accepted += ok;
    copy.bytes()[at] = before;
  }
  CHECK(accepted < 200);
}

TEST_CASE("descriptions that were mutated and summed up again are accepted or refused, never fatal") {
  if (test::skip_emulated("sessions of 3,000 mutated descriptions")) return;
  for (const char* name : {"digits_qat.onnx", "digits_fp32.onnx"}) {
    const test::CompiledFile file(Model::load(test::digits(name)).value());
    const runtime::Container parts = runtime::read_container(file.bytes()).value();
    std::mt19937 random(5);
    for (int round = 0; round < 500; ++round) {
      std::vector<std::byte> description(parts.description.begin(), parts.description.end());
      for (unsigned i = 0; i < 1 + random() % 4; ++i) {
        description[random() % description.size()] = static_cast<std::byte>(random() % 3 == 0 ? 255 : random());
      }
      const std::string bytes = runtime::write_container(description, parts.data);
      const test::AlignedCopy copy(octet::tests::as_bytes(bytes));
      const Result<Model> model = Model::open(copy.bytes());
      if (!model.ok()) {
        CHECK_FALSE(model.status().message().empty());
        continue;
      }
      Result<Session> session = Session::create(*model, {.threads = 1, .max_arena_bytes = std::size_t{16} << 20});
      if (session.ok()) session->run();
    }
  }
}

TEST_CASE("a shape that does not begin at a multiple of its numbers' size is refused") {
  const test::CompiledFile file(Model::load(test::digits("digits_qat.onnx")).value());
  const runtime::Container parts = runtime::read_container(file.bytes()).value();
  std::vector<std::byte> description(parts.description.begin(), parts.description.end());
  const compiled::Model& model = *compiled::GetModel(description.data());
  // Four bytes further on, a shape's first number is read as its length: of a small one there is room for it.
  const auto begins_small = [](const compiled::Value* v) {
    return v->shape() != nullptr && v->shape()->size() > 0 && v->shape()->Get(0) > 0 && v->shape()->Get(0) < 99;
  };
  const auto found = std::find_if(model.values()->begin(), model.values()->end(), begins_small);
  REQUIRE(found != model.values()->end());
  const auto* const value = reinterpret_cast<const flatbuffers::Table*>(*found);
  auto* const shape = const_cast<std::uint8_t*>(value->GetAddressOf(compiled::Value::VT_SHAPE));
  flatbuffers::uoffset_t offset;
  std::memcpy(&offset, shape, sizeof(offset));
  offset += 4;
  std::memcpy(shape, &offset, sizeof(offset));
  const std::string bytes = runtime::write_container(description, parts.data);
  const test::AlignedCopy copy(octet::tests::as_bytes(bytes));
  CHECK_THAT(Model::open(copy.bytes()).status().message(), Contains("does not begin at a multiple of 8 bytes"));
}
