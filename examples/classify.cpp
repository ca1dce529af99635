// SPDX-License-Identifier: Apache-2.0
// Classifies one image with an int8 model. Usage: classify examples/digits
#include <octet/octet.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <string>

namespace {

// An 8x8 drawing of a seven, dark = 1.
constexpr std::array<float, 64> kSeven = {0, 0, .5, 1, 1, 1, .7F, 0,  //
                                          0, 0, .8F, 1, .9F, 1, .8F, 0,  //
                                          0, 0, 0, 0, .4F, 1, .4F, 0,  //
                                          0, 0, .2F, .5F, .9F, .9F, .3F, 0,  //
                                          0, .1F, .9F, 1, 1, 1, .5F, 0,  //
                                          0, 0, .4F, 1, .7F, .1F, 0, 0,  //
                                          0, 0, .6F, 1, .1F, 0, 0, 0,  //
                                          0, 0, .9F, .6F, 0, 0, 0, 0};

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "examples/digits";
  const auto& image = kSeven;

  auto model = octet::Model::load(folder + "/digits_qat.onnx").value();
  auto session = octet::Session::create(model).value();
  std::ranges::copy(image, session.input<float>().begin());
  session.run();
  std::span scores = session.output<float>();

  std::cout << "digit " << std::ranges::max_element(scores) - scores.begin() << " on backend " << session.backend()
            << '\n';
}
