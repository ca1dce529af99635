// SPDX-License-Identifier: Apache-2.0
// Images into inputs: layout, normalization and codes, against the definition.
#include <octet/image.h>
#include <octet/octet.h>

#include <cmath>
#include <random>

#include "tests/runtime/allocations.h"
#include "tests/support/data.h"
#include "tests/support/mobilenet_v2.h"
#include "tests/support/onnx_builder.h"

using namespace octet;

namespace {

// y = Relu(x) for an input of this shape.
Session identity(const std::vector<std::int64_t>& shape) {
  octet::tests::OnnxBuilder builder;
  builder.input<float>("x", shape);
  builder.node("Relu", {"x"}, {"y"});
  builder.output("y");
  const std::string bytes = builder.bytes();
  return Session::create(Model::parse(octet::tests::as_bytes(bytes)).value(), {.threads = 1}).value();
}

std::vector<std::uint8_t> noise(std::size_t count) {
  std::mt19937 random(3);
  std::vector<std::uint8_t> pixels(count);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
  return pixels;
}

}  // namespace

TEST_CASE("an image becomes normalised floats in the network's layout") {
  constexpr std::int64_t kHeight = 5, kWidth = 7;
  Session session = identity({1, 3, kHeight, kWidth});
  for (const bool reverse : {false, true}) {
    for (const std::size_t row_bytes : {std::size_t{0}, std::size_t{40}}) {
      ImageNormalization normalization = ImageNormalization::imagenet();
      normalization.reverse_channels = reverse;
      const std::size_t stride = row_bytes == 0 ? 3 * kWidth : row_bytes;
      const std::vector<std::uint8_t> pixels = noise(stride * kHeight);
      const ImageInput input = ImageInput::create(session, 0, normalization).value();
      input.write({pixels.data(), kHeight, kWidth, 3, row_bytes}, session).value();
      const std::span<const float> values = session.input<float>();
      std::size_t at = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t y = 0; y < kHeight; ++y) {
          for (std::size_t x = 0; x < kWidth; ++x) {
            const std::uint8_t pixel = pixels[y * stride + 3 * x + (reverse ? 2 - c : c)];
            const double exact = (pixel / 255.0 - static_cast<double>(normalization.mean[c])) /
                                 static_cast<double>(normalization.deviation[c]);
            CHECK(std::abs(static_cast<double>(values[at++]) - exact) < 1e-5);
          }
        }
      }
    }
  }
}

TEST_CASE("an image becomes the codes that the network's own input has") {
  const std::string bytes = octet::tests::MobileNetV2().build();
  const Model model = Model::parse(octet::tests::as_bytes(bytes)).value();
  for (const BackendInfo& backend : backends()) {
    if (!backend.usable) {
      WARN("SKIPPED: " << backend.name << ": " << backend.reason);
      continue;
    }
    INFO(backend.name);
    Session session = Session::create(model, {.backend = backend.name, .threads = 1}).value();
    const ImageInput input = ImageInput::create(session, 0, ImageNormalization::imagenet()).value();
    const std::vector<std::uint8_t> pixels = noise(std::size_t{224} * 224 * 3);
    const long before = test::allocations();
    const Status status = input.write({pixels.data(), 224, 224, 3, 0}, session);
    CHECK(test::allocations() == before);
    CHECK(status.ok());
    const std::span<const std::uint8_t> codes = session.input<std::uint8_t>();
    const ImageNormalization imagenet = ImageNormalization::imagenet();
    // Scale 0.02 and zero point 114 stand in the network.
    for (std::size_t i = 0; i < codes.size(); i += 997) {
      const std::size_t c = i / (224 * 224), pixel = i % (224 * 224) * 3 + c;
      const double real =
          (pixels[pixel] / 255.0 - static_cast<double>(imagenet.mean[c])) / static_cast<double>(imagenet.deviation[c]);
      const double exact = std::min(255.0, std::max(0.0, real / 0.02 + 114));
      CHECK(std::abs(codes[i] - exact) <= 0.501);
    }
  }
}

TEST_CASE("what is no image input, and images that do not fit, are refused with a sentence") {
  using Catch::Matchers::Contains;
  Session flat = identity({1, 12});
  CHECK_THAT(ImageInput::create(flat, 0).status().message(), Contains("[1,channels,height,width]"));
  CHECK_THAT(ImageInput::create(flat, 1).status().message(), Contains("the model has 1"));
  Session session = identity({1, 1, 4, 4});
  ImageNormalization bad;
  bad.deviation[0] = 0;
  CHECK_THAT(ImageInput::create(session, 0, bad).status().message(), Contains("deviation 0"));
  bad.deviation[0] = NAN;
  CHECK_FALSE(ImageInput::create(session, 0, bad).ok());
  const ImageInput input = ImageInput::create(session, 0).value();
  const std::vector<std::uint8_t> pixels(64);
  CHECK_THAT(input.write({pixels.data(), 4, 5, 1, 0}, session).message(), Contains("4 x 5"));
  CHECK_FALSE(input.write({pixels.data(), 4, 4, 3, 0}, session).ok());
  CHECK_FALSE(input.write({nullptr, 4, 4, 1, 0}, session).ok());
  CHECK_FALSE(input.write({pixels.data(), 4, 4, 1, 0}, flat).ok());
}
