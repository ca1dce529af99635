// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace octet {

/// What a model file may ask for; beyond it Model::load, Model::parse and Model::open refuse it with a sentence. The
/// defaults are wide: they stop files that no network needs. Whoever opens files of strangers on a small machine
/// sets them lower. What a session may ask for is SessionOptions::max_arena_bytes.
struct ModelLimits {
  /// Of the file, or of the bytes in memory. An ONNX file has less than 2 GiB in any case.
  std::size_t max_file_bytes = std::size_t{16} << 30;
  /// Nodes of the file; likewise its inputs, and its outputs.
  std::size_t max_nodes = 100'000;
  /// Elements of all constants, those in files beside the model included, as octet keeps them: half precision
  /// becomes f32. Constants of a compiled model lie in the file, so max_file_bytes bounds them.
  std::size_t max_constant_bytes = std::size_t{16} << 30;
  /// Constants that no file holds and that nodes make of nothing but sizes: a triangle, a one-hot table, indices.
  std::size_t max_computed_bytes = std::size_t{1} << 30;
  /// How deep messages of an ONNX file, or tables of a compiled model, lie in each other. A network without
  /// control flow needs 7.
  int max_depth = 100;
};

}  // namespace octet
