// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/model.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// Which statistic of the observed values chooses scale and zero point.
enum class ObserverKind : std::uint8_t { min_max };

/// How codes relate to reals.
enum class Scheme : std::uint8_t { affine, symmetric };

/// The codes a tensor may use and how its scale is chosen.
struct QuantSpec {
  DType dtype = DType::u8;
  Scheme scheme = Scheme::affine;
  int quant_min = 0, quant_max = 255;  ///< inclusive
  bool per_channel = false;
  float eps = 1.1920929e-07F;          ///< no scale is smaller than this (2^-23)
};

/// What to do with each operator's activations and weights.
struct QConfig {
  ObserverKind observer = ObserverKind::min_max;
  QuantSpec activation{};
  QuantSpec weight{DType::s8, Scheme::symmetric, -127, 127, true};

  /// A named preset ("octet"); an unknown name is an error that lists the known ones.
  static Result<QConfig> preset(std::string_view name);
};

/// A view of one sample (or batch) for one input of a model.
struct NamedTensor {
  std::string_view name;             ///< may be empty for a model with one input
  Shape shape;
  std::span<const float> values;     ///< row-major, shape.count() of them
};

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
  Status observe(std::span<const NamedTensor> inputs);
  /// The quantized model. Refused, with the names of the tensors, if anything was never observed.
  Result<Model> convert() const;

 private:
  struct Impl;
  explicit Calibrator(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet
