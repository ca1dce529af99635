// SPDX-License-Identifier: Apache-2.0
// The untrusted leaves of a description: strings, lists, tensors.
#pragma once

#include <octet/status.h>

#include <memory>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/import/onnx_node.h"
#include "octet_generated.h"
#include "runtime/compiled/container.h"

namespace octet::runtime {

class Constants {
 public:
  Constants(std::shared_ptr<const std::byte[]> file, const Container& parts)
      : file_(std::move(file)), data_(parts.data), budget_(parts.description.size()), data_budget_(data_.size()) {}

  // A constant, whose elements stay in the file, or an input. Checks type, shape, place and checksum;
  // `elements_too` is false where nobody may ever read the elements, which are verified before they are then.
  Result<graph::Value> read(const compiled::Value& stored, bool elements_too = true);
  Result<graph::OnnxAttribute> read(const compiled::Attribute& stored);
  // The bytes of a blob, which are to count towards the limit below. Its checksum is not looked at.
  Result<std::span<const std::byte>> place(const compiled::Blob& blob);
  std::string text(const flatbuffers::String* stored);  // "" for nullptr
  template <class T>
  std::vector<T> list(const flatbuffers::Vector<T>* stored) {
    if (stored == nullptr) return {};
    spend(stored->size() * sizeof(T));
    return overdrawn_ ? std::vector<T>() : std::vector<T>(stored->begin(), stored->end());
  }

  // In a FlatBuffer a thousand fields may share one string or list, and tensors may share their bytes:
  // a small file could ask for any amount of memory and time. octet's writer never shares, so what is
  // copied is at most the description itself, and what is summed up at most the data section.
  Status check_budget() const;

 private:
  void spend(std::size_t bytes);

  std::shared_ptr<const std::byte[]> file_;
  std::span<const std::byte> data_;
  std::size_t budget_, data_budget_;
  bool overdrawn_ = false;
};

}  // namespace octet::runtime
