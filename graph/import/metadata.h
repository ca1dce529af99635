// SPDX-License-Identifier: Apache-2.0
// What octet says of a model's making, in the metadata of an ONNX file under keys that begin with "octet.".
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace octet::graph {

// Without the prefix. Reads over everything else: weights are not parsed. What is broken ends the list.
std::map<std::string, std::string> read_metadata(std::span<const std::byte> onnx_file);

// To be appended to an ONNX file: protobuf messages behind each other are one message.
std::string metadata_message(const std::map<std::string, std::string>& notes);

}  // namespace octet::graph
