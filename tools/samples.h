// SPDX-License-Identifier: Apache-2.0
// [NAME=]FILE.npy arguments joined with a model's inputs.
#pragma once

#include <octet/model.h>
#include <octet/session.h>
#include <octet/status.h>

#include <span>
#include <string>
#include <vector>

#include "tools/npy.h"

namespace octet::tools {

struct NamedArray {
  std::string name;  // of the model's input
  Array array;
};

// One array per input of the model, in its order. A name may be left out where the model has one
// input. Types must match; shapes are checked by whoever knows what the first axis means.
Result<std::vector<NamedArray>> read_inputs(std::span<const std::string> arguments, const Model& model);

// Files whose first axis counts samples, cut into the batches that the model takes.
class Samples {
 public:
  // The batch is the model's own first dimension, 1 where that is symbolic.
  static Result<Samples> create(std::vector<NamedArray> inputs, const Model& model);

  std::int64_t count() const { return count_; }  // samples
  std::int64_t batch() const { return batch_; }
  std::int64_t batches() const { return count_ / batch_; }
  const std::vector<NamedArray>& inputs() const { return inputs_; }
  // The full shape of input `i` for one batch, and its bytes.
  Shape shape(std::size_t i) const;
  std::span<const std::byte> bytes(std::size_t i, std::int64_t batch_index) const;
  // Shapes by input name, for SessionOptions.
  std::map<std::string, Shape> shapes() const;

 private:
  std::vector<NamedArray> inputs_;
  std::int64_t count_ = 0, batch_ = 1;
};

}  // namespace octet::tools
