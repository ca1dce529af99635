// SPDX-License-Identifier: Apache-2.0
// Damaged files: each an error of one sentence, no crash; run under ASan and UBSan as well.
#include <octet/octet.h>

#include <fstream>
#include <iterator>
#include <random>

#include "tests/support/data.h"

using namespace octet;

namespace {

std::vector<std::byte> bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> chars(std::istreambuf_iterator<char>(file), {});
  const auto bytes = std::as_bytes(std::span(chars));
  return {bytes.begin(), bytes.end()};
}

// Accepts or refuses; what is accepted must also survive create and run.
void try_everything(std::span<const std::byte> bytes) {
  const Result<Model> model = Model::parse(bytes);
  if (!model.ok()) {
    const std::string sentence = model.status().message();
    CHECK_FALSE(sentence.empty());
    CHECK(sentence.find('\n') == std::string::npos);
    return;
  }
  Result<Session> session = Session::create(*model, {.threads = 1});
  if (session.ok() && session->arena_bytes() < (std::size_t{64} << 20)) session->run();
}

}  // namespace

TEST_CASE("empty, missing and foreign files are refused") {
  CHECK(Model::load("no/such/file.onnx").status().message().find("no/such/file.onnx") != std::string::npos);
  CHECK_FALSE(Model::load(OCTET_SOURCE_DIR).ok());  // a folder
  CHECK_FALSE(Model::parse({}).ok());
  const std::string text = "this is not a model, it is a sentence";
  CHECK_FALSE(Model::parse(std::as_bytes(std::span(text))).ok());
  CHECK_FALSE(Model::load(test::digits("test_labels.npy")).ok());
}

TEST_CASE("a truncated file is refused at every length") {
  for (const char* file : {"digits_fp32.onnx", "digits_qat.onnx"}) {
    const auto bytes = bytes_of(test::digits(file));
    for (std::size_t n = 0; n < bytes.size(); n += 1 + bytes.size() / 97) try_everything(std::span(bytes).first(n));
  }
}

TEST_CASE("mutated files are accepted or refused, never fatal") {
  std::mt19937 random(11);
  for (const char* file : {"digits_fp32.onnx", "digits_qat.onnx"}) {
    const auto original = bytes_of(test::digits(file));
    for (int round = 0; round < 400; ++round) {
      auto bytes = original;
      for (unsigned i = 0; i < 1 + random() % 8; ++i) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
      try_everything(bytes);
    }
  }
}

TEST_CASE("calibration refuses what it cannot learn from") {
  const auto fp32 = Model::load(test::digits("digits_fp32.onnx")).value();
  auto calibrator = Calibrator::create(fp32).value();
  CHECK(calibrator.convert().status().message().find("observe") != std::string::npos);
  std::vector<float> image(64, 0.5F);
  const auto message = [&](const char* name, Shape shape) {
    const NamedTensor tensor{name, shape, image};
    return calibrator.observe({&tensor, 1}).message();
  };
  CHECK(message("picture", {1, 1, 8, 8}).find("picture") != std::string::npos);
  CHECK(message("image", {1, 1, 4, 4}).find("image") != std::string::npos);
  CHECK(message("image", {1, 64}).find("image") != std::string::npos);
  image[7] = std::numeric_limits<float>::quiet_NaN();
  CHECK(message("image", {1, 1, 8, 8}).find("NaN") != std::string::npos);
  CHECK(calibrator.convert().status().message().find("observe") != std::string::npos);  // still untouched
  CHECK_FALSE(Calibrator::create(Model::load(test::digits("digits_qat.onnx")).value()).ok());
}
