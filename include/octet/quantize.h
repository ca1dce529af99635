// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/model.h>
#include <octet/observer.h>
#include <octet/qparams.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace octet {

/// What differs from the defaults for some operators. An empty op_type or name matches every operator.
struct QConfigRule {
  std::string op_type;             ///< as `octet inspect` prints it ("Conv2d"), or a function of it ("add", "relu")
  std::string name;                ///< the node's name; '*' stands for any characters, '?' for one
  std::optional<bool> keep_float;  ///< true: computed in fp32
  std::optional<ObserverSpec> observer;  ///< of the operator's output
  std::optional<QuantSpec> activation;   ///< codes of its output; their type is the whole model's
  std::optional<QuantSpec> weight;
  std::optional<ObserverSpec> weight_observer;

  friend bool operator==(const QConfigRule&, const QConfigRule&) = default;
};

/// What to do with each operator's activations and weights: one default, and rules for some operators.
/// Where several rules match, each overrides what the ones before it have set.
struct QConfig {
  ObserverSpec observer{};  ///< of activations; a per-channel kind is refused
  QuantSpec activation{};
  QuantSpec weight{DType::s8, Scheme::symmetric, -127, 127, true};
  ObserverSpec weight_observer{};  ///< one range per scale, from that scale's weights
  std::vector<QConfigRule> rules{};

  /// Adds the rule that leaves operators of this name in fp32; '*' and '?' as in QConfigRule::name.
  void keep_float(std::string pattern) {
    QConfigRule rule;
    rule.name = std::move(pattern);
    rule.keep_float = true;
    rules.push_back(std::move(rule));
  }

  /// A named preset: "octet" (the default), or one that has PyTorch's choices for its engine of that name:
  /// "fbgemm", "x86", "qnnpack", "onednn". An unknown name is an error that lists the known ones.
  static Result<QConfig> preset(std::string_view name);
  /// The configuration that docs/quantizing.md describes as JSON. An unknown key, a wrong type and a value out
  /// of range are errors that say where they stand.
  static Result<QConfig> from_json(std::string_view text);
  /// from_json(to_json()) is this configuration again.
  std::string to_json() const;

  friend bool operator==(const QConfig&, const QConfig&) = default;
};

/// A view of one sample (or batch) for one input of a model.
struct NamedTensor {
  std::string_view name;  ///< may be empty for a model with one input
  Shape shape;
  std::span<const float> values;  ///< row-major, shape.count() of them
};

/// Where the parameters of one activation come from.
struct ObservedTensor {
  std::string name;  ///< of the value in the float model
  ObserverKind observer = ObserverKind::min_max;
  Range seen;                                     ///< every value ever observed; empty before observe()
  std::int64_t min_sample = -1, max_sample = -1;  ///< the first samples (by number) that held these ends
  Range chosen;                                   ///< what the codes will cover, before 0 is included
  double clipped_share = 0;                       ///< of the values seen, in [0, 1], to the resolution of a bin
  /// The share of the values in each of 64 equal parts of `seen`; empty where the observer counts nothing.
  std::vector<double> shares;
};

/// Dynamic quantization, which needs no samples: every convolution and matrix product with constant weights keeps
/// them as int8, and its input becomes u8 codes of the range that it has in that very run, for the whole tensor.
/// Everything else stays float. Of the configuration only weights and rules count; a rule's `keep_float` leaves an
/// operator as it is. Saved, the result is what ONNX Runtime's dynamic quantizer writes.
/// Refused: a model that is quantized already.
Result<Model> quantize_dynamic(const Model& fp32, const QConfig& config = {});

/// Post-training static quantization, streaming: observe() samples, then convert(). Only the state
/// of the observers is kept, never a sample.
class Calibrator {
 public:
  static Result<Calibrator> create(const Model& fp32, const QConfig& config = {});
  Calibrator(Calibrator&&) noexcept;
  Calibrator& operator=(Calibrator&&) noexcept;
  ~Calibrator();

  /// Runs the float model on one batch and shows every activation to its observer. NaN in the input
  /// or in an activation is an error that names the tensor; the observers then stay as they were.
  /// `first_sample` is the number by which provenance() will call the first sample of the batch;
  /// without it, samples are numbered as they come.
  Status observe(std::span<const NamedTensor> inputs, std::optional<std::int64_t> first_sample = {});
  /// How many samples were observed, merged and loaded ones included.
  std::int64_t samples() const noexcept;

  /// Afterwards as if this one had also observed what `other` has, in any order. Refused for another model or
  /// configuration, and where an observer depends on the order of samples.
  Status merge(const Calibrator& other);
  /// Writes the observers' state, and reads it back to go on where it was written. Refused: the state of
  /// another model or configuration, and a damaged file; the calibrator then stays as it was.
  Status save_state(const std::filesystem::path& path) const;
  Status load_state(const std::filesystem::path& path);

  /// One entry per observed activation, in the order of the model.
  std::vector<ObservedTensor> provenance() const;
  /// The quantized model. Refused, with the names of the tensors, if anything was never observed.
  Result<Model> convert() const;

  const QConfig& config() const noexcept;
  /// For octet itself: runtime/calibrator.h.
  struct Impl;
  const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit Calibrator(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet
