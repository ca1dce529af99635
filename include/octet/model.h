// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/limits.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace octet {

namespace runtime {
struct ModelImpl;
}

/// What a compiled model holds beside the network.
struct CompileOptions {
  /// Backends whose sessions shall use their packed weights in the file, where they lie, instead of packing
  /// anew: "avx512vnni". The file grows by about its weights for each layout; on other backends it runs
  /// as ever, with the same outputs. Any that octet has, for x86 and for ARM: it need not run here.
  std::vector<std::string> backends{};
  /// By input name, for models that cannot be prepared with 1 in place of every unknown size.
  std::map<std::string, Shape> input_shapes{};
};

/// A loaded, checked and simplified network: fp32 or quantized. Cheap to copy (shared, immutable).
class OCTET_API Model {
 public:
  /// Maps a compiled model (.octet), which octet::runtime can do alone. Nothing is copied: the file
  /// must stay as it is while the model lives. A bad file is an error of one sentence, never a crash.
  static Result<Model> open(const std::filesystem::path& path, const ModelLimits& limits = {});
  /// The same from memory, 64-byte aligned, which must outlive the model and its sessions.
  static Result<Model> open(std::span<const std::byte> bytes, const ModelLimits& limits = {});

  /// Reads an ONNX file (fp32 or QDQ; external data is looked up beside it), or a compiled one.
  /// Needs octet::octet, as do parse, save and compile.
  static Result<Model> load(const std::filesystem::path& path, const ModelLimits& limits = {});
  /// The same from memory; `directory` is where external data files are looked up.
  static Result<Model> parse(std::span<const std::byte> bytes, const std::filesystem::path& directory = {},
                             const ModelLimits& limits = {});
  /// Writes a standard ONNX file; a quantized model becomes QDQ form (opset 13).
  Status save(const std::filesystem::path& path) const;
  /// Writes a compiled model: the same outputs, opened without ONNX and without copying.
  Status compile(const std::filesystem::path& path, const CompileOptions& options = {}) const;

  std::vector<TensorInfo> inputs() const;
  std::vector<TensorInfo> outputs() const;
  /// How the model was made, as its file says: "calibration", "producer". Empty if it says nothing.
  const std::map<std::string, std::string>& notes() const noexcept;
  /// True if at least one operator computes on int8 codes.
  bool is_quantized() const;

  explicit Model(std::shared_ptr<const runtime::ModelImpl> impl) : impl_(std::move(impl)) {}
  const runtime::ModelImpl& impl() const noexcept { return *impl_; }

 private:
  std::shared_ptr<const runtime::ModelImpl> impl_;
};

}  // namespace octet
