// SPDX-License-Identifier: Apache-2.0
#include "runtime/tune/sensitivity.h"

#include <algorithm>
#include <set>

#include "graph/quantize/convert.h"
#include "runtime/calibrator.h"
#include "runtime/tune/bias_correction.h"

namespace octet::runtime {
namespace {

// Enough to tell operators apart; each of them costs a run over these.
constexpr std::int64_t kMostBatches = 16;

Result<Session> session_for(const Model& model, const Batches& batches) {
  SessionOptions options;
  options.threads = 1;
  for (const NamedTensor& tensor : batches.get(0)) {
    const std::string name(tensor.name.empty() ? model.inputs()[0].name : std::string(tensor.name));
    options.input_shapes[name] = tensor.shape;
  }
  return Session::create(model, options);
}

bool is_int8(const OpInfo& op) { return op.precision.starts_with("int8"); }

// The first output for each of the first batches; only models with float inputs can be asked.
Result<std::vector<float>> outputs(const Model& model, const Batches& batches) {
  Result<Session> session = session_for(model, batches);
  if (!session.ok()) return session.status();
  std::vector<float> all;
  for (std::int64_t b = 0; b < std::min(batches.count, kMostBatches); ++b) {
    const std::vector<NamedTensor> batch = batches.get(b);
    for (std::size_t i = 0; i < session->inputs().size(); ++i) {
      const auto given = std::find_if(batch.begin(), batch.end(), [&](const NamedTensor& tensor) {
        return tensor.name.empty() || tensor.name == session->inputs()[i].name;
      });
      const std::span<float> input = session->input<float>(i);
      if (given == batch.end() || given->values.size() != input.size()) {
        return Status::error("input '" + session->inputs()[i].name + "': tuning needs float samples of its shape");
      }
      std::copy(given->values.begin(), given->values.end(), input.begin());
    }
    session->run();
    const std::span<const float> output = session->output<float>(0);
    all.insert(all.end(), output.begin(), output.end());
  }
  return all;
}

// Names of the nodes that make codes out of codes.
std::set<std::string> int8_nodes(const graph::Graph& int8) {
  std::set<std::string> names;
  for (const graph::Node& node : int8.nodes) {
    const bool converts = node.op == graph::Op::Quantize || node.op == graph::Op::Requantize;
    if (!converts && int8.output(node).is_quantized()) names.insert(node.name);
  }
  return names;
}

double squared_error(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

Result<double> int8_share(const Model& model, const Batches& batches) {
  Result<Session> session = session_for(model, batches);
  if (!session.ok()) return session.status();
  double all = 0, int8 = 0;
  for (const OpInfo& op : session->ops()) {
    all += op.macs;
    if (is_int8(op)) int8 += op.macs;
  }
  return all > 0 ? int8 / all : 1.0;
}

Result<std::vector<Suspect>> rank_operators(const Calibrator& calibrator, const Batches& batches) {
  const Calibrator::Impl& impl = calibrator.impl();
  std::vector<Range> ranges = impl.chosen_ranges();
  Result<graph::Graph> corrected = correct_biases(impl.model, ranges, impl.config, batches);
  if (!corrected.ok()) return corrected.status();
  ranges.resize(corrected->values.size());
  const kernels::PrepareFn float_prepare = impl.model.impl().float_prepare;
  const auto converted = [&](const graph::Graph& source, const QConfig& config) -> Result<Model> {
    Result<graph::Graph> int8 = graph::convert(source, ranges, config);
    if (!int8.ok()) return int8.status();
    return make_model(std::move(*int8), float_prepare);
  };
  const Result<std::vector<float>> wanted = outputs(impl.model, batches);
  if (!wanted.ok()) return wanted.status();
  const Result<Model> all_int8 = converted(*corrected, impl.config);
  if (!all_int8.ok()) return all_int8.status();
  const Result<std::vector<float>> present = outputs(*all_int8, batches);
  if (!present.ok()) return present.status();
  const double error = squared_error(*present, *wanted);

  const Result<double> share = int8_share(*all_int8, batches);
  if (!share.ok()) return share.status();
  const std::set<std::string> names = int8_nodes(all_int8->impl().graph);
  std::vector<Suspect> suspects;
  for (std::size_t n = 0; n < impl.model.impl().graph.nodes.size(); ++n) {
    const graph::Node& node = impl.model.impl().graph.nodes[n];
    if (node.name.empty() || !names.contains(node.name)) continue;
    QConfig config = impl.config;
    config.keep_float(node.name);
    graph::Graph without = *corrected;
    without.nodes[n] = node;  // in fp32 its bias needs no correction
    const Result<Model> model = converted(without, config);
    if (!model.ok()) continue;  // what it would take to keep this one alone was never observed
    const Result<std::vector<float>> output = outputs(*model, batches);
    if (!output.ok()) return output.status();
    // Not from the session's list of operators: what is fused there goes by one name.
    const Result<double> left = int8_share(*model, batches);
    if (!left.ok()) return left.status();
    suspects.push_back({node.name, *share - *left, error - squared_error(*output, *wanted)});
  }
  std::stable_sort(suspects.begin(), suspects.end(),
                   [](const Suspect& a, const Suspect& b) { return a.error > b.error; });
  return suspects;
}

}  // namespace octet::runtime
