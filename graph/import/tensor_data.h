// SPDX-License-Identifier: Apache-2.0
// TensorProto -> constant.
#pragma once

#include <octet/status.h>

#include <filesystem>
#include <optional>
#include <string>

#include "graph/graph.h"

namespace onnx {
class TensorProto;
}

namespace octet::graph {

class LoadBudget;

// "float16", "int4" ...: the name of a TensorProto::DataType.
std::string name_of_onnx_type(int type);
// The octet type with the same elements; nothing where there is none.
std::optional<DType> same_dtype(int type);

// float16, bfloat16 and double elements become f32. Elements come from raw bytes, typed fields, or a file in
// `directory`. `what` names the tensor in messages: "initializer 'w'". `budget`, if any, pays for it.
Result<Value> import_tensor(const onnx::TensorProto& tensor, const std::filesystem::path& directory,
                            const std::string& what, LoadBudget* budget = nullptr);

// The bytes of a tensor stored outside the model. The file must lie in `directory` or below and hold
// exactly what is asked for: `size` bytes at the stated offset.
Result<std::string> read_external_data(const onnx::TensorProto& tensor, const std::filesystem::path& directory,
                                       std::uint64_t size, const std::string& what);

}  // namespace octet::graph
