// SPDX-License-Identifier: Apache-2.0
// Two networks with trained ImageNet weights and 200 photos, where they are present. One photo is 0.67 points.
#include "tests/support/imagenet.h"

#include <octet/tune.h>

#include "tests/support/accuracy.h"
#include "tests/support/batches.h"

using namespace octet;
using test::batches_of;
using test::calibrated;
using test::Photos;

namespace {

constexpr double kTwoPhotos = 1.4;

double top1(const Model& model, const Photos& photos) {
  SessionOptions options;
  options.threads = 1;  // runs beside other tests
  return test::top1(model, std::as_bytes(std::span(photos.evaluate)), photos.labels, 0, photos.labels.size(), options);
}

void check_tuned(const Model& fp32, const Photos& photos) {
  const auto score = [&](const Model& model) -> Result<double> { return top1(model, photos); };
  const TuneReport report = tune(fp32, batches_of(fp32, photos.calibrate), score).value();
  INFO(report.best.what << ": " << report.best.score << " of " << report.fp32_score);
  CHECK(report.reached);
  CHECK(report.best.score >= report.fp32_score);  // half a point is less than one photo
  CHECK(report.best.int8_share >= 0.9);
  CHECK(report.steps.front().score >= report.fp32_score - kTwoPhotos);  // the default preset is what is tried first
}

}  // namespace

TEST_CASE("imagenet: MobileNetV1 0.25 loses at most two photos by default, six points with one scale per weight", "[.imagenet]") {
  if (test::skip_without(test::shared("imagenet"))) return;
  const Photos photos = Photos::for_mobilenet_v1();
  const Model fp32 = Model::load(test::shared("imagenet/mbv1_025_128_fp32.onnx")).value();
  const Batches batches = batches_of(fp32, photos.calibrate);
  const double reference = top1(fp32, photos);
  CHECK(std::abs(reference - 51.3) < 0.1);
  CHECK(top1(convert_corrected(calibrated(fp32, batches), batches).value(), photos) >= reference - kTwoPhotos);

  QConfig config;
  config.weight.per_channel = false;
  const Model equal = equalize(fp32, batches).value();
  CHECK(top1(equal, photos) == reference);
  const Calibrator calibrator = calibrated(equal, batches, config);
  CHECK(top1(convert_corrected(calibrator, batches).value(), photos) >= reference - 6);
}

TEST_CASE("imagenet: tuning MobileNetV1 0.25 loses no photo", "[.imagenet]") {
  if (test::skip_without(test::shared("imagenet"))) return;
  check_tuned(Model::load(test::shared("imagenet/mbv1_025_128_fp32.onnx")).value(), Photos::for_mobilenet_v1());
}

TEST_CASE("imagenet: SqueezeNet 1.1 loses at most two photos by default, none when tuned", "[.imagenet]") {
  if (test::skip_without(test::shared("imagenet"))) return;
  check_tuned(Model::load(test::shared("imagenet/squeezenet11_fp32.onnx")).value(), Photos::for_squeezenet());
}
