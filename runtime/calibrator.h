// SPDX-License-Identifier: Apache-2.0
// What a Calibrator knows, for those who convert with ranges or weights of their own: graph::convert is
// a pure function of the float graph, these ranges and a configuration.
#pragma once

#include <octet/quantize.h>
#include <octet/session.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/quantize/convert.h"
#include "graph/quantize/extremes.h"
#include "graph/quantize/observer.h"

namespace octet {

struct Calibrator::Impl {
  // An observed value. Its elements stand in the caller's memory if it is an input, else in a session output.
  struct Watched {
    graph::Wanted wanted;  // the value, its observer and the codes it shall get
    std::unique_ptr<graph::Observer> observer;
    graph::Extremes extremes;
    std::optional<std::size_t> input, output;
  };

  Model model;  // as given
  QConfig config;
  std::vector<TensorInfo> inputs;
  std::vector<Watched> watched;
  Model tapped;                         // the same graph, its outputs the watched values
  std::optional<Session> session;       // for `shapes`; made anew when they change
  std::map<std::string, Shape> shapes;  // by input name
  std::int64_t samples = 0;             // seen so far

  // (values of model.impl().graph) what graph::convert takes; empty for values that are not observed.
  std::vector<Range> chosen_ranges() const;
  // Which model, inputs and observers: states of equal fingerprints merge and load.
  std::uint64_t fingerprint() const;

  // The samples in the order of the model's inputs.
  Result<std::vector<NamedTensor>> match(std::span<const NamedTensor> given) const;
  Status prepare(std::span<const NamedTensor> in_order);
  std::span<const float> elements(const Watched& value, std::span<const NamedTensor> in_order) const;
};

}  // namespace octet
