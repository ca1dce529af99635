// SPDX-License-Identifier: Apache-2.0
// Any bytes as an ONNX file. Corpus: corpus/onnx, and the node tests that ONNX publishes.
#include "tests/fuzz/try_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  octet::fuzz::try_model(octet::Model::parse(std::as_bytes(std::span(data, size)), {}, octet::fuzz::small_limits()),
                         true);
  return 0;
}
