// SPDX-License-Identifier: Apache-2.0
// Quantizes a float model inside an application. Usage: quantize examples/digits
#include <octet/octet.h>

#include <array>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "examples/digits";

  auto fp32 = octet::Model::load(folder + "/digits_fp32.onnx").value();
  auto calibrator = octet::Calibrator::create(fp32).value();
  for (int sample = 0; sample < 16; ++sample) {  // yours come from a camera, a file, a network ...
    std::array<float, 64> image{};
    for (int i = 0; i < 64; ++i) image[static_cast<std::size_t>(i)] = static_cast<float>((i * (sample + 3)) % 17) / 16;
    const octet::NamedTensor tensor{"image", {1, 1, 8, 8}, image};
    calibrator.observe({&tensor, 1}).value();
  }
  auto int8 = calibrator.convert().value();

  auto session = octet::Session::create(int8, {.backend = "scalar", .threads = 1}).value();
  session.run();
  for (const octet::OpInfo& op : session.ops()) std::cout << op.precision << ' ' << op.op << ' ' << op.name << '\n';
}
