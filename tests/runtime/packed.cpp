// SPDX-License-Identifier: Apache-2.0
// Compiled models with packed weights: used where they lie, never believed, and never missed.
#include <octet/octet.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>

#include "kernels/pack.h"
#include "octet_generated.h"
#include "runtime/compiled/container.h"
#include "runtime/compiled/foreign_backends.h"
#include "tests/runtime/compiled_file.h"
#include "tests/support/codes_graph.h"
#include "tests/support/data.h"
#include "tests/support/emulated.h"
#include "tests/support/mobilenet_v2.h"
#include "tests/support/onnx_builder.h"

using namespace octet;
using Catch::Matchers::Contains;

namespace {

std::vector<std::string> usable_backends() {
  std::vector<std::string> names;
  for (const BackendInfo& backend : backends()) {
    if (backend.usable) names.push_back(backend.name);
  }
  return names;
}

std::vector<std::byte> output_of(Session& session) {
  std::uint32_t state = 9;
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    for (std::byte& byte : session.input_bytes(i))
      byte = static_cast<std::byte>((state = state * 1664525U + 1013904223U) >> 26);
  }
  session.run();
  return {session.output_bytes(0).begin(), session.output_bytes(0).end()};
}

// The same outputs from the same kernels.
void check_same(const Model& plain, const Model& packed, const std::string& backend) {
  INFO(backend);
  Session a = Session::create(plain, {.backend = backend, .threads = 1}).value();
  Session b = Session::create(packed, {.backend = backend, .threads = 1}).value();
  CHECK(output_of(a) == output_of(b));
  REQUIRE(a.ops().size() == b.ops().size());
  for (std::size_t i = 0; i < a.ops().size(); ++i) CHECK(a.ops()[i].kernel == b.ops()[i].kernel);
}

Model digits() { return Model::load(test::digits("digits_qat.onnx")).value(); }

// A compiled model whose description and data a test may change; summed up again by bytes().
class Tampered {
 public:
  explicit Tampered(std::span<const std::byte> file) {
    const runtime::Container parts = runtime::read_container(file).value();
    description.assign(parts.description.begin(), parts.description.end());
    data.assign(parts.data.begin(), parts.data.end());
  }
  const compiled::Model& model() const { return *compiled::GetModel(description.data()); }
  const flatbuffers::Vector<flatbuffers::Offset<compiled::PackedWeights>>& packed() const { return *model().packed(); }
  // Fields in place: the tables lie in `description`.
  template <class T>
  static T& writable(const T& field) {
    return const_cast<T&>(field);
  }
  void sum_up(const compiled::Blob& blob) {
    writable(blob) = compiled::Blob(blob.offset(), blob.size(),
                                    runtime::checksum_of(std::span(data).subspan(blob.offset(), blob.size())));
  }
  test::AlignedCopy file() const {
    const std::string bytes = runtime::write_container(description, data);
    return test::AlignedCopy(octet::tests::as_bytes(bytes));
  }

  std::vector<std::byte> description, data;
};

double anonymous_kb() {
  std::FILE* const file = std::fopen("/proc/self/smaps_rollup", "r");
  if (file == nullptr) return -1;
  char line[256];
  double kb = -1;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, "Anonymous:", 10) == 0) kb = std::atof(line + 10);
  }
  std::fclose(file);
  return kb;
}

// One dense layer, nearly all of it weights, too uniform for the fast kernel of AVX2.
Model dense(std::int64_t n, std::int64_t k) {
  test::CodesGraph codes;
  std::vector<std::int8_t> weights(static_cast<std::size_t>(n * k));
  std::mt19937 engine(41);
  for (std::int8_t& w : weights) w = static_cast<std::int8_t>(static_cast<int>(engine() % 255) - 127);
  const graph::ValueId x = codes.input("x", {1, k}, 0.5F, 3);
  const graph::ValueId w = codes.weights("w", {n, k}, weights, {0.01F});
  return codes.finish({codes.node("y", graph::Op::Dense, {x, w}, graph::DenseAttrs{}, 4.0F, 7)});
}

}  // namespace

TEST_CASE("packed weights give the same bytes through the same kernels on every backend") {
  const Model onnx = digits();
  const test::CompiledFile file(onnx, {.backends = usable_backends()});
  const Model packed = Model::open(file.path()).value();
  for (const std::string& backend : usable_backends()) check_same(onnx, packed, backend);
  const std::string bytes = octet::tests::MobileNetV2().build();
  const Model network = Model::parse(octet::tests::as_bytes(bytes)).value();
  const std::string fast = best_backend().value();
  const test::CompiledFile network_file(network, {.backends = {fast}});
  check_same(network, Model::open(network_file.path()).value(), fast);
}

TEST_CASE("a backend that the file was not packed for packs by itself") {
  const Model onnx = digits();
  for (const std::string& packed_for : usable_backends()) {
    const test::CompiledFile file(onnx, {.backends = {packed_for}});
    const Model packed = Model::open(file.path()).value();
    for (const std::string& backend : usable_backends()) check_same(onnx, packed, backend);
  }
}

TEST_CASE("every layer with a packed form uses it, and the constant beside it is not read") {
  const Model onnx = digits();
  for (const std::string& backend : usable_backends()) {
    INFO(backend);
    const test::CompiledFile file(onnx, {.backends = {backend}});
    Tampered tampered(file.bytes());
    REQUIRE(tampered.packed().size() >= 3);
    for (const compiled::PackedWeights* packed : tampered.packed()) {
      const compiled::Blob& blob =
          *tampered.model().values()->Get(static_cast<std::uint32_t>(packed->constant()))->data();
      for (std::size_t i = 0; i < blob.size(); ++i) tampered.data[blob.offset() + i] ^= std::byte{0x55};
    }
    const test::AlignedCopy damaged = tampered.file();
    const Model model = Model::open(damaged.bytes()).value();
    check_same(onnx, model, backend);
    // Whoever does read them notices.
    CHECK_THAT(model.save("/dev/null").message(), Contains("its elements are damaged"));
    CHECK_THAT(model.compile("/dev/null").message(), Contains("its elements are damaged"));
    for (const std::string& other : usable_backends()) {
      const Result<Session> session = Session::create(model, {.backend = other, .threads = 1});
      if (!session.ok()) CHECK_THAT(session.status().message(), Contains("its elements are damaged"));
    }
  }
}

TEST_CASE("packed weights are not copied: memory grows by less than a tenth of the file") {
  if (test::skip_emulated("the memory of this process")) return;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  WARN("SKIPPED: memory grows by other things under a sanitizer");
#else
  const std::string backend = best_backend().value();
  const test::CompiledFile file(dense(4096, 2048), {.backends = {backend}});
  { Session once = Session::create(Model::open(file.path()).value(), {.backend = backend, .threads = 1}).value(); }
  const double before = anonymous_kb();
  const Model model = Model::open(file.path()).value();
  Session session = Session::create(model, {.backend = backend, .threads = 1}).value();
  session.run();
  const double grown = anonymous_kb() - before;
  CHECK(grown * 1024 < 0.1 * static_cast<double>(file.bytes().size()));
  CHECK(session.weight_bytes() > 0.4 * static_cast<double>(file.bytes().size()));
#endif
}

TEST_CASE("sessions of one model share what one of them has packed") {
  if (test::skip_emulated("the memory of this process")) return;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  WARN("SKIPPED: memory grows by other things under a sanitizer");
#else
  const Model model = dense(4096, 2048);
  const Session first = Session::create(model, {.threads = 1}).value();
  const double before = anonymous_kb();
  const Session second = Session::create(model, {.threads = 1}).value();
  CHECK((anonymous_kb() - before) * 1024 < 0.1 * static_cast<double>(second.weight_bytes()));
#endif
}

TEST_CASE("damaged packed weights are refused where they are needed, and only there") {
  const Model onnx = digits();
  const std::string backend = best_backend().value();
  const test::CompiledFile file(onnx, {.backends = {backend}});
  for (std::uint32_t layer = 0; layer < 3; ++layer) {
    Tampered tampered(file.bytes());
    tampered.data[tampered.packed().Get(layer)->data()->offset() + 5] ^= std::byte{1};
    const test::AlignedCopy damaged = tampered.file();
    const Model model = Model::open(damaged.bytes()).value();
    CHECK_THAT(Session::create(model, {.backend = backend, .threads = 1}).status().message(),
               Contains("its packed weights are damaged: the checksum differs"));
    if (backend != "scalar") check_same(onnx, model, "scalar");
  }
}

TEST_CASE("weights packed in a layout that this build does not have are passed over") {
  const Model onnx = digits();
  const std::string backend = best_backend().value();
  const test::CompiledFile file(onnx, {.backends = {backend}});
  Tampered tampered(file.bytes());
  for (const compiled::PackedWeights* packed : tampered.packed()) {
    Tampered::writable(*packed->layout()->data()) = 99;
  }
  const test::AlignedCopy foreign = tampered.file();
  check_same(onnx, Model::open(foreign.bytes()).value(), backend);
}

TEST_CASE("packed forms that contradict their constant are refused") {
  const test::CompiledFile file(digits(), {.backends = {best_backend().value()}});
  const auto message = [&](auto change) {
    Tampered tampered(file.bytes());
    change(tampered);
    const test::AlignedCopy changed = tampered.file();
    return Model::open(changed.bytes()).status().message();
  };
  using Table = flatbuffers::Table;
  const auto set = [](Tampered& tampered, flatbuffers::voffset_t field, auto value) {
    auto* table = reinterpret_cast<Table*>(const_cast<compiled::PackedWeights*>(tampered.packed().Get(0)));
    REQUIRE(table->SetField<decltype(value)>(field, value, 0));
  };
  using P = compiled::PackedWeights;
  CHECK_THAT(message([&](Tampered& t) { set(t, P::VT_CONSTANT, std::int32_t{70000}); }), Contains("does not exist"));
  CHECK_THAT(message([&](Tampered& t) { set(t, P::VT_COLUMNS, std::uint32_t{7}); }), Contains("are not those of"));
  CHECK_THAT(message([&](Tampered& t) { set(t, P::VT_KC, std::uint32_t{0xFFFFFFFF}); }), Contains("are not those of"));
  CHECK_THAT(message([&](Tampered& t) {
               const compiled::Blob& blob = *t.packed().Get(0)->data();
               Tampered::writable(blob) = compiled::Blob(blob.offset(), std::uint64_t{1} << 40, 0);
             }),
             Contains("do not lie in"));
}

TEST_CASE("packed bytes that were changed and summed up again give wrong numbers or a sentence, nothing worse") {
  if (test::skip_emulated("sessions of mutated weights")) return;
  for (const std::string& backend : usable_backends()) {
    INFO(backend);
    const test::CompiledFile file(dense(40, 100), {.backends = {backend}});
    std::mt19937 engine(43);
    for (int round = 0; round < 300; ++round) {
      Tampered tampered(file.bytes());
      const compiled::Blob& blob = *tampered.packed().Get(0)->data();
      for (unsigned i = 0; i < 1 + engine() % 4; ++i) {
        // Half of them where corrected blocks keep their corrections.
        const std::size_t at = engine() % (engine() % 2 == 0 ? 160 : blob.size());
        tampered.data[blob.offset() + at] = static_cast<std::byte>(engine() % 3 == 0 ? 255 : engine());
      }
      tampered.sum_up(blob);
      const test::AlignedCopy changed = tampered.file();
      const Model model = Model::open(changed.bytes()).value();
      Result<Session> session = Session::create(model, {.backend = backend, .threads = 1});
      if (session.ok()) {
        session->run();
      } else {
        CHECK_THAT(session.status().message(), Contains("its packed weights from column"));
      }
    }
  }
}

TEST_CASE("descriptions with packed forms that were mutated and summed up again are never fatal") {
  if (test::skip_emulated("sessions of mutated descriptions")) return;
  const std::string backend = best_backend().value();
  const test::CompiledFile file(dense(40, 100), {.backends = {backend}});
  const Tampered original(file.bytes());
  std::mt19937 engine(44);
  for (int round = 0; round < 3000; ++round) {
    Tampered tampered = original;
    for (unsigned i = 0; i < 1 + engine() % 4; ++i) {
      tampered.description[engine() % tampered.description.size()] =
          static_cast<std::byte>(engine() % 3 == 0 ? 255 : engine());
    }
    const test::AlignedCopy changed = tampered.file();
    const Result<Model> model = Model::open(changed.bytes());
    if (!model.ok()) {
      CHECK_FALSE(model.status().message().empty());
      continue;
    }
    Result<Session> session =
        Session::create(*model, {.backend = backend, .threads = 1, .max_arena_bytes = std::size_t{16} << 20});
    if (session.ok()) session->run();
  }
}

TEST_CASE("packing for a backend that does not exist names those that do") {
  CHECK_THAT(
      digits().compile("/dev/null", {.backends = {"abacus"}}).message(),
      Contains("'abacus' does not exist: there are") && Contains("scalar") && Contains("avx2") && Contains("neon"));
}

TEST_CASE("what stands in for the backends of other processors packs as they do") {
  const kernels::Backend scalar = kernels::all_backends().back().backend;
  std::size_t known = 0;
  for (const kernels::BackendEntry& entry : kernels::all_backends()) {
    for (const runtime::ForeignBackend& foreign : runtime::kForeignBackends) {
      if (entry.backend.name != std::string_view(foreign.name)) continue;
      INFO(foreign.name);
      const kernels::Backend other = runtime::stand_in(foreign, scalar);
      CHECK(kernels::layout_of(other) == kernels::layout_of(entry.backend));
      CHECK(other.activation == entry.backend.activation);
      CHECK(other.gemm.mr == entry.backend.gemm.mr);
      ++known;
    }
  }
  CHECK(known == kernels::all_backends().size() - 1);  // and every backend has its line
}

TEST_CASE("a file packed for every processor runs on each") {
  const Model onnx = digits();
  std::vector<std::string> names;
  for (const runtime::ForeignBackend& foreign : runtime::kForeignBackends) names.push_back(foreign.name);
  const test::CompiledFile file(onnx, {.backends = names});
  const Model packed = Model::open(file.path()).value();
  for (const std::string& backend : usable_backends()) check_same(onnx, packed, backend);
  std::set<std::vector<std::uint8_t>> layouts;
  const Tampered parts(file.bytes());
  for (const compiled::PackedWeights* form : parts.packed())
    layouts.emplace(form->layout()->begin(), form->layout()->end());
  CHECK(layouts.size() == names.size() - 1);  // two share one
}
