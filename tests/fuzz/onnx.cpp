// SPDX-License-Identifier: Apache-2.0
// Any bytes as an ONNX file. Corpus: examples/digits.
#include "tests/fuzz/try_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  octet::fuzz::try_model(octet::Model::parse(std::as_bytes(std::span(data, size))));
  return 0;
}
