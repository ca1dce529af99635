// SPDX-License-Identifier: Apache-2.0
// Running one int8 operator without weights on every test backend, in every mode, with one thread and
// several, against codes that a test computed on its own.
#pragma once

#include <octet/session.h>

#include <functional>
#include <random>
#include <vector>

#include "kernels/op.h"
#include "tests/support/oracle.h"
#include "tests/support/prepared.h"

namespace octet::test {

// A quantized tensor in u8 codes; backends that compute on s8 get it relabelled.
struct CodeTensor {
  Shape shape;
  oracle::Codes params;
  std::vector<int> codes = {};
  bool constant = false;

  std::size_t size() const { return static_cast<std::size_t>(shape.count()); }
};

// Random parameters, and codes a quarter of which are 0 or 255.
CodeTensor random_codes(std::mt19937& random, const Shape& shape);
oracle::Codes random_params(std::mt19937& random);

// The expected output codes (u8) in a mode.
using Expected = std::function<std::vector<int>(oracle::Mode)>;

// Requires the expected bytes from every backend, mode and number of threads. Returns the most slices
// that the work was cut into, so that a test can require that it was cut at all.
int check_everywhere(kernels::PrepareFn prepare, const graph::Attrs& attrs, const std::vector<CodeTensor>& inputs,
                     const CodeTensor& output, const Expected& expected);

// The same on the scalar backend's codes for one input and a message that must be part of the error.
void check_refused(kernels::PrepareFn prepare, const graph::Attrs& attrs, const std::vector<Tensor>& inputs,
                   const std::vector<Tensor>& outputs, const std::string& part_of_message);

const kernels::Backend& scalar_backend();

// The codes of a tensor as the backend of signedness `type` holds them.
Tensor code_tensor(const CodeTensor& t, DType type);

}  // namespace octet::test
