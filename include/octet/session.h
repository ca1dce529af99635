// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/executor.h>
#include <octet/model.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// How an int32 accumulator becomes an 8-bit code; docs/arithmetic.md has the formulas.
enum class RequantMode : std::uint8_t {
  fixed,           ///< octet's own: 31-bit multiplier, 64-bit product, one rounding, ties up
  floating,        ///< "float": the formulas of ONNX Runtime on x86
  floating_qnnpack ///< "float-qnnpack": the formulas of PyTorch's qnnpack engine
};

struct SessionOptions {
  std::string backend = {};                    ///< empty: OCTET_BACKEND, else the best usable one
  int threads = 0;                             ///< 0: what affinity and the cgroup quota allow
  RequantMode requant = RequantMode::fixed;
  /// Full shapes for inputs with unknown sizes, by input name; what stays unknown becomes 1.
  std::map<std::string, Shape> input_shapes = {};
  /// create() refuses a model whose activations, scratch and tables of row addresses need more than this.
  std::size_t max_arena_bytes = std::size_t{4} << 30;

  /// Memory for activations and scratch, inputs and outputs among them: Session::arena_bytes_needed() bytes at a
  /// multiple of kArenaAlignment, which outlive the session. Empty: the session allocates.
  std::span<std::byte> arena{};
  /// Computes on the caller's threads; `threads` says into how many parts it is worth cutting.
  Executor executor{};
  /// Computes on threads that sessions share; `threads` is 0 or theirs. Not together with an executor.
  std::shared_ptr<ThreadPool> pool{};
  /// create() runs the model once on zeros and reads what a run might read: so the first run finds every page
  /// of arena, tables and weights in place. The system may still take pages back; only mlockall forbids it.
  bool prefault = false;
};

/// Arenas and models given in memory begin at a multiple of this.
inline constexpr std::size_t kArenaAlignment = 64;

/// What one operator became: a line of the precision ledger.
struct OpInfo {
  std::string name;                       ///< the node's name in the model
  std::string op;                         ///< "Conv2d", ...
  std::string precision;                  ///< "int8", "fp32" or "int8->fp32"; "copy" for code moves
  std::string kernel;                     ///< backend and kernel, "avx2 gemm widened"
  std::string reason;                     ///< why it is not int8; empty if it is
  std::vector<TensorInfo> inputs, outputs;
  std::vector<Quant> input_quant, output_quant;  ///< empty scale: not quantized
  double macs = 0;                        ///< multiply-accumulates of one run
};

/// A model prepared for one backend, one set of shapes and one thread pool. Everything that can
/// fail or allocate happens in create().
class OCTET_API Session {
 public:
  static Result<Session> create(const Model& model, const SessionOptions& options = {});
  /// What SessionOptions::arena must hold for this model and these options. Prepares the model to learn it, so
  /// it takes about as long as create() and fails where that would.
  static Result<std::size_t> arena_bytes_needed(const Model& model, const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  std::span<const TensorInfo> inputs() const noexcept;   ///< shapes are fully known here
  std::span<const TensorInfo> outputs() const noexcept;

  /// Where the input or output of this name stands; inputs().size() or outputs().size() if there is none, which the
  /// functions below answer with an empty span.
  std::size_t input_index(std::string_view name) const noexcept;
  std::size_t output_index(std::string_view name) const noexcept;

  /// The memory of an input or output in the model's declared layout (row-major, NCHW for images);
  /// stays valid as long as the session. `index` counts in the order of inputs()/outputs().
  std::span<std::byte> input_bytes(std::size_t index) noexcept;
  std::span<const std::byte> output_bytes(std::size_t index) const noexcept;

  /// Typed views; T must be the C++ type of the declared DType (float, uint8_t, int8_t, int32_t,
  /// int64_t), else the view is empty.
  template <class T>
  std::span<T> input(std::size_t index = 0) noexcept {
    if (index >= inputs().size() || !is_type<T>(inputs()[index].dtype)) return {};
    auto bytes = input_bytes(index);
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  std::span<const T> output(std::size_t index = 0) const noexcept {
    if (index >= outputs().size() || !is_type<T>(outputs()[index].dtype)) return {};
    auto bytes = output_bytes(index);
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  /// Runs once, reading the inputs and writing the outputs. A quantized model allocates nothing here and, with
  /// one thread, takes no lock and makes no system call; with more it does what its pool or executor does.
  void run() noexcept;
  /// The same, and adds the seconds that each operator took to `op_seconds` (ops().size() values).
  void run(std::span<double> op_seconds) noexcept;

  const std::string& backend() const noexcept;
  /// Which better backends were passed over because a kernel of theirs failed its self-test at start: worth a
  /// report. Empty almost always, and where the backend was named.
  const std::string& backend_note() const noexcept;
  int threads() const noexcept;
  RequantMode requant() const noexcept;
  /// One entry per operator, in execution order.
  std::span<const OpInfo> ops() const noexcept;
  std::size_t arena_bytes() const noexcept;    ///< activations and scratch
  std::size_t weight_bytes() const noexcept;   ///< packed weights and their constants

 private:
  template <class T>
  static constexpr bool is_type(DType type) noexcept {
    switch (type) {
      case DType::f32: return std::is_same_v<T, float>;
      case DType::u8: return std::is_same_v<T, std::uint8_t>;
      case DType::s8: return std::is_same_v<T, std::int8_t>;
      case DType::s32: return std::is_same_v<T, std::int32_t>;
      case DType::s64: return std::is_same_v<T, std::int64_t>;
      case DType::boolean: return std::is_same_v<T, bool>;
    }
    return false;
  }
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet
