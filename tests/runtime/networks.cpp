// SPDX-License-Identifier: Apache-2.0
// Whole networks give the committed output hash on every backend of every processor, at every thread
// count and under every float environment of the host. A hash is of the concatenated output bytes of
// the network's first samples. The command that prints those of a build: test_runtime "[hash]" -s
#include <octet/octet.h>

#include <cfenv>
#include <optional>

#include "tests/support/accuracy.h"
#include "tests/support/emulated.h"
#include "tests/support/host_float.h"
#include "tests/support/mobilenet_v2.h"
#include "tools/hash.h"

using namespace octet;

namespace {

std::vector<std::byte> to_bytes(std::span<const std::uint8_t> codes) {
  return {std::as_bytes(codes).begin(), std::as_bytes(codes).end()};
}

// Sample number `index` of a stack of samples.
std::vector<std::byte> sample_of(const tools::Array& stack, std::size_t index) {
  const std::size_t bytes = stack.bytes.size() / static_cast<std::size_t>(stack.shape[0]);
  const auto sample = std::span(stack.bytes).subspan(index * bytes, bytes);
  return {sample.begin(), sample.end()};
}

std::optional<Model> digits() { return Model::load(test::digits("digits_qat.onnx")).value(); }
std::vector<std::byte> digit(std::size_t index) {
  static const tools::Array images = test::load(test::digits("test_images.npy"));
  return sample_of(images, index);
}

// Keyword spotting: codes in, codes out.
std::optional<Model> keywords() {
  if (test::skip_without(test::shared("kws"))) return std::nullopt;
  return Model::load(test::shared("kws/kws_int8_qdq_intio.onnx")).value();
}
std::vector<std::byte> keyword(std::size_t index) {
  static const tools::Array codes = test::load(test::shared("kws/inputs_int8.npy"));
  return sample_of(codes, index);
}

std::optional<Model> mobilenet() {
  const std::string file = tests::MobileNetV2().build();
  return Model::parse(std::as_bytes(std::span(file))).value();
}
std::vector<std::byte> image(std::size_t index) {
  return to_bytes(tests::MobileNetV2::image(static_cast<std::uint32_t>(index + 1)));
}

struct Expected {
  RequantMode mode;
  const char* name;
  std::uint64_t hash;
};

struct Network {
  const char* name;
  std::optional<Model> (*load)();  // nothing where its data is absent
  std::vector<std::byte> (*sample)(std::size_t index);
  std::size_t samples;
  Expected expected[3];
};

constexpr Network kNetworks[] = {{"digits",
                                  digits,
                                  digit,
                                  100,
                                  {{RequantMode::fixed, "fixed", 0x753e0222f14067c4},
                                   {RequantMode::floating, "float", 0x753e0222f14067c4},
                                   {RequantMode::floating_qnnpack, "float-qnnpack", 0x753e0222f14067c4}}},
                                 {"keyword spotting",
                                  keywords,
                                  keyword,
                                  20,
                                  {{RequantMode::fixed, "fixed", 0x086423aec8721886},
                                   {RequantMode::floating, "float", 0x086423aec8721886},
                                   {RequantMode::floating_qnnpack, "float-qnnpack", 0x086423aec8721886}}},
                                 {"MobileNetV2-shaped",
                                  mobilenet,
                                  image,
                                  2,
                                  {{RequantMode::fixed, "fixed", 0x7ff80ff7df5eb260},
                                   {RequantMode::floating, "float", 0x2c09283f2288146b},
                                   {RequantMode::floating_qnnpack, "float-qnnpack", 0x595833f3aaf410eb}}}};

std::uint64_t hash(const Model& model, const Network& network, const SessionOptions& options) {
  auto session = Session::create(model, options).value();
  std::vector<std::byte> all;
  for (std::size_t i = 0; i < network.samples; ++i) {
    std::ranges::copy(network.sample(i), session.input_bytes(0).begin());
    session.run();
    const auto codes = session.output_bytes(0);
    all.insert(all.end(), codes.begin(), codes.end());
  }
  return tools::fnv1a(all);
}

void check(const Network& network, const std::string& backend, std::span<const int> thread_counts) {
  const std::optional<Model> model = network.load();
  if (!model) return;
  for (const Expected& expected : network.expected) {
    for (int threads : thread_counts) {
      const std::uint64_t got =
          hash(*model, network, {.backend = backend, .threads = threads, .requant = expected.mode});
      INFO(network.name << ", " << expected.name << " on " << backend << ", " << threads << " threads: 0x" << std::hex
                        << got);
      CHECK(got == expected.hash);
    }
  }
}

}  // namespace

TEST_CASE("three networks have the committed hashes on every backend", "[hash]") {
  for (const BackendInfo& backend : backends()) {
    if (!backend.usable) {
      WARN("SKIPPED: backend " << backend.name << " cannot run here: " << backend.reason);
      continue;
    }
    for (const Network& network : kNetworks) {
      std::vector<int> threads = {2};
      if (network.load == mobilenet && backend.name != "scalar" &&
          !test::skip_emulated("MobileNetV2 on 1 and 3 threads")) {
        threads = {1, 2, 3};
      }
      check(network, backend.name, threads);
    }
  }
}

TEST_CASE("a MobileNetV2-shaped network's outputs are alive: many different codes, few at the ends", "[hash]") {
  auto session = Session::create(*mobilenet()).value();
  std::ranges::copy(tests::MobileNetV2::image(1), session.input<std::uint8_t>().begin());
  session.run();
  std::vector<int> seen(256);
  for (std::uint8_t code : session.output<std::uint8_t>()) ++seen[code];
  CHECK(256 - std::ranges::count(seen, 0) >= 60);
  CHECK(seen[0] + seen[255] < 300);
}

TEST_CASE("the host's float environment does not reach a network", "[hash]") {
  const Network& network =
      test::skip_emulated("MobileNetV2 in every rounding mode: digits instead") ? kNetworks[0] : kNetworks[2];
  const Model model = *network.load();
  const std::uint64_t expected = hash(model, network, {});
  for (int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST}) {
    std::fesetround(mode);
    const std::uint64_t control = test::float_control();
    test::set_float_control(control | test::kFlushDenormals);
    const std::uint64_t got = hash(model, network, {.threads = 2});
    test::set_float_control(control);
    std::fesetround(FE_TONEAREST);
    CHECK(got == expected);
  }
}
