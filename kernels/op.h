// SPDX-License-Identifier: Apache-2.0
// An operator prepared for running: validated, its weights packed, its work cut into slices.
#pragma once

#include <octet/session.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "graph/attrs.h"
#include "kernels/microkernels.h"

namespace octet::kernels {

class WeightStore;

// One input or output as an operator sees it while it is prepared.
struct Operand {
  DType dtype = DType::f32;
  Shape shape;                           // fully known
  const Quant* quant = nullptr;          // nullptr: plain numbers
  std::int32_t relabelled = 0;           // what lower() has added to the model's codes
  const std::byte* constant = nullptr;   // the elements, if known now
  bool present = true;                   // false: an optional input that is absent
  int max_code = 255;                    // u8 codes: none above this occurs (reduced range, clamps)

  template <class T>
  std::span<const T> constant_as() const {
    return {reinterpret_cast<const T*>(constant), static_cast<std::size_t>(shape.count())};
  }
};

struct OpContext {
  std::string_view name;                 // the node's, for messages
  const graph::Attrs& attrs;
  std::span<const Operand> inputs, outputs;
  const Backend& backend;                // all slots filled
  RequantMode requant = RequantMode::fixed;
  int threads = 1;
  WeightStore* weights = nullptr;        // packed weights that others share; nullptr: none are

  bool has_input(std::size_t index) const { return index < inputs.size() && inputs[index].present; }
  // "node 'conv1': <rule>"
  Status error(std::string_view rule) const;
};

// Addresses of one run. A constant input points to its elements, an absent one is nullptr.
struct Io {
  std::span<const std::byte* const> inputs;
  std::span<std::byte* const> outputs;
  std::byte* scratch = nullptr;          // slices() * scratch_bytes(), 64-byte aligned
  template <class T>
  const T* input(std::size_t index) const { return reinterpret_cast<const T*>(inputs[index]); }
  template <class T>
  T* output(std::size_t index = 0) const { return reinterpret_cast<T*>(outputs[index]); }
};

// What the plan keeps per step. run() touches nothing but its slice of the outputs and scratch.
class Prepared {
 public:
  virtual ~Prepared() = default;
  // Called whenever the addresses change (never during a run); may allocate.
  virtual void bind(const Io&) {}
  virtual std::size_t table_bytes() const { return 0; }    // what bind() will allocate
  virtual std::size_t scratch_bytes() const { return 0; }  // per slice
  virtual int slices() const { return 1; }                 // at most OpContext::threads * 4
  virtual void run(const Io& io, int slice) const noexcept = 0;
  virtual std::string kernel() const = 0;                  // for the ledger: "avx2 gemm widened"
  virtual std::size_t weight_bytes() const { return 0; }
  virtual double macs() const { return 0; }
};

using PreparedOp = std::unique_ptr<Prepared>;
using PrepareFn = Result<PreparedOp> (*)(const OpContext&);

#define OCTET_OP(Name, stem, runs) Result<PreparedOp> prepare_##stem(const OpContext&);
#include "graph/ops.def"
#undef OCTET_OP

// Cuts `total` units of work of `cost` multiply-accumulates each into slices: 1 while waking a
// second thread would cost more than it saves, else at most `threads`.
int slices_for(std::int64_t total, double cost_each, int threads);
// The half-open range of units that slice `slice` of `slices` owns.
struct Range {
  std::int64_t first, last;
};
inline Range share_of(std::int64_t total, int slice, int slices) {
  return {total * slice / slices, total * (slice + 1) / slices};
}

}  // namespace octet::kernels
