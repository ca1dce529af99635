// SPDX-License-Identifier: Apache-2.0
// A built model through load, passes, plan and kernels, and what comes out.
#pragma once

#include <octet/octet.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/onnx_builder.h"

namespace octet::tests {

class Run {
 public:
  explicit Run(const OnnxBuilder& builder, const SessionOptions& options = {.threads = 1})
      : Run(builder.bytes(), options) {}
  Run(const std::string& bytes, const SessionOptions& options)
      : session_(Session::create(Model::parse(as_bytes(bytes)).value(), options).value()) {}

  template <class T>
  Run& set(const std::string& name, const std::vector<T>& elements) {
    const auto input = session_.input<T>(index_of(session_.inputs(), name));
    INFO("input " << name);
    REQUIRE(input.size() == elements.size());
    std::copy(elements.begin(), elements.end(), input.begin());
    return *this;
  }
  template <class T>
  std::vector<T> get(const std::string& name) {
    session_.run();
    const auto output = session_.output<T>(index_of(session_.outputs(), name));
    return {output.begin(), output.end()};
  }
  // "Conv2d int8, Softmax fp32": what the ledger says of every operator, but for those at the borders
  // that give codes the signedness which this machine's backend wants.
  std::string ledger() const {
    std::string text;
    for (const OpInfo& op : session_.ops()) {
      if (!is_relabelling(op)) text += (text.empty() ? "" : ", ") + op.op + " " + op.precision;
    }
    return text;
  }

 private:
  static bool is_relabelling(const OpInfo& op) {
    return op.op == "Requantize" && op.inputs[0].dtype != op.outputs[0].dtype &&
           op.input_quant[0].scale == op.output_quant[0].scale;
  }
  static std::size_t index_of(std::span<const TensorInfo> infos, const std::string& name) {
    const auto found = std::find_if(infos.begin(), infos.end(), [&](const auto& info) { return info.name == name; });
    INFO("no tensor " << name);
    REQUIRE(found != infos.end());
    return static_cast<std::size_t>(found - infos.begin());
  }
  Session session_;
};

}  // namespace octet::tests
