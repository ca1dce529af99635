// SPDX-License-Identifier: Apache-2.0
// One of the node tests that ONNX publishes: a folder with a model of one operator, inputs, and the
// outputs that its authors computed in numpy.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace octet::conformance {

struct Outcome {
  enum class Kind : std::uint8_t {
    passed,
    refused,  // octet says that it does not do this, with a reason
    failed    // octet gave something else than expected, or the test's files are broken
  } kind = Kind::failed;
  std::string name;    // of the test's folder
  std::string op;      // "Conv", "com.microsoft.QGemm"; empty if the model has several nodes
  std::string type;    // of the first input: "f32", "u8" ...
  std::string detail;  // why it was refused, or what was wrong
};

// Runs the test in `folder`. Node tests pass everything as an input, also what octet, like the compilers
// of real models, wants to know at load: weights, scales, shapes. So trailing inputs become initializers
// one by one until octet accepts the model. Quantized operators run in the mode that rounds as ONNX does.
Outcome run_node_test(const std::filesystem::path& folder);

// All folders below `root` that hold a model.onnx, in the order of their names.
std::vector<std::filesystem::path> find_node_tests(const std::filesystem::path& root);

}  // namespace octet::conformance
