// SPDX-License-Identifier: Apache-2.0
#include "graph/import/metadata.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <onnx/onnx_pb.h>

#include <limits>

namespace octet::graph {
namespace {

using google::protobuf::internal::WireFormatLite;

constexpr const char* kPrefix = "octet.";

}  // namespace

std::map<std::string, std::string> read_metadata(std::span<const std::byte> onnx_file) {
  std::map<std::string, std::string> notes;
  if (onnx_file.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return notes;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(onnx_file.data()),
                                                static_cast<int>(onnx_file.size()));
  const std::uint32_t wanted =
      WireFormatLite::MakeTag(onnx::ModelProto::kMetadataPropsFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  for (std::uint32_t tag = stream.ReadTag(); tag != 0; tag = stream.ReadTag()) {
    if (tag != wanted) {
      if (!WireFormatLite::SkipField(&stream, tag)) break;
      continue;
    }
    int size = 0;
    std::string bytes;
    onnx::StringStringEntryProto entry;
    if (!stream.ReadVarintSizeAsInt(&size) || !stream.ReadString(&bytes, size) || !entry.ParseFromString(bytes)) break;
    if (entry.key().rfind(kPrefix, 0) == 0) notes[entry.key().substr(std::string(kPrefix).size())] = entry.value();
  }
  return notes;
}

std::string metadata_message(const std::map<std::string, std::string>& notes) {
  onnx::ModelProto model;
  for (const auto& [key, text] : notes) {
    onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(kPrefix + key);
    entry.set_value(text);
  }
  return model.SerializeAsString();
}

}  // namespace octet::graph
