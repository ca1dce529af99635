// SPDX-License-Identifier: Apache-2.0
#include "runtime/compiled/constants.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/op.h"

namespace octet::runtime {
namespace {

using Kind = graph::OnnxAttribute::Kind;

static_assert(int(compiled::ElementType_f32) == int(DType::f32) && int(compiled::ElementType_u8) == int(DType::u8) &&
              int(compiled::ElementType_s8) == int(DType::s8) && int(compiled::ElementType_s32) == int(DType::s32) &&
              int(compiled::ElementType_s64) == int(DType::s64) &&
              int(compiled::ElementType_boolean) == int(DType::boolean));

Status error_in(const compiled::Value& stored, const std::string& rule) {
  return Status::error(fmt::format("value '{}': {}", stored.name()->string_view(), rule));
}

// What FlatBuffers' verifier leaves open: it knows where a list lies, and that there is room for it.
template <class T>
bool is_aligned(const flatbuffers::Vector<T>* list) {
  return list == nullptr || list->size() == 0 || reinterpret_cast<std::uintptr_t>(list->Data()) % sizeof(T) == 0;
}
constexpr const char* kMisaligned = "a list of 64-bit numbers does not begin at a multiple of 8 bytes";

bool holds_truth_values(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b <= std::byte{1}; });
}

}  // namespace

void Constants::spend(std::size_t bytes) {
  overdrawn_ = overdrawn_ || bytes > budget_;
  budget_ -= std::min(bytes, budget_);
}

Status Constants::check_budget() const {
  if (!overdrawn_) return {};
  return Status::error("the description refers to the same bytes many times: it was not written by octet");
}

std::string Constants::text(const flatbuffers::String* stored) {
  if (stored == nullptr) return {};
  spend(stored->size());
  return overdrawn_ ? std::string() : stored->str();
}

Result<std::span<const std::byte>> Constants::place(const compiled::Blob& blob) {
  if (blob.offset() % kBlobAlignment != 0 || blob.offset() > data_.size() ||
      blob.size() > data_.size() - blob.offset()) {
    return Status::error(fmt::format("{} bytes at offset {} do not lie in the {} bytes of data", blob.size(),
                                     blob.offset(), data_.size()));
  }
  if (blob.size() > data_budget_) return Status::error("it shares its bytes with others: it was not written by octet");
  data_budget_ -= blob.size();
  return data_.subspan(blob.offset(), blob.size());
}

Result<graph::Value> Constants::read(const compiled::Value& stored, bool elements_too) {
  graph::Value value;
  value.name = text(stored.name());
  if (stored.type() > compiled::ElementType_MAX) {
    return error_in(stored, fmt::format("element type {} does not exist", int(stored.type())));
  }
  value.dtype = static_cast<DType>(stored.type());
  value.shape_known = stored.shape() != nullptr;
  if (!is_aligned(stored.shape())) return error_in(stored, kMisaligned);
  if (value.shape_known && stored.shape()->size() > Shape::kMaxRank) {
    return error_in(stored, fmt::format("rank {}: must be at most {}", stored.shape()->size(), Shape::kMaxRank));
  }
  const bool is_constant = stored.data() != nullptr;
  for (std::uint32_t i = 0; value.shape_known && i < stored.shape()->size(); ++i) {
    const std::int64_t size = stored.shape()->Get(i);
    // A constant may be empty, an input not; only an input may leave a size open.
    if (is_constant ? size < 0 : size < -1 || size == 0) {
      return error_in(stored, fmt::format("size {} at axis {} is not possible here", size, i));
    }
    value.shape.push_back(size);
  }
  if (!graph::has_sane_size(value.shape)) {
    return error_in(stored, fmt::format("shape {}: too many elements", to_string(value.shape)));
  }
  if (!is_constant) return value;

  if (!value.shape_known) return error_in(stored, "a constant without a shape");
  const compiled::Blob& blob = *stored.data();
  const std::uint64_t bytes = static_cast<std::uint64_t>(value.shape.count()) * size_of(value.dtype);
  if (blob.size() != bytes) {
    return error_in(stored,
                    fmt::format("{} bytes for shape {}: must be {}", blob.size(), to_string(value.shape), bytes));
  }
  const Result<std::span<const std::byte>> elements = place(blob);
  if (!elements) return error_in(stored, elements.status().message());
  if (elements_too && !is_intact(*elements, blob.checksum())) return error_in(stored, kDamaged);
  if (value.dtype == DType::boolean && !holds_truth_values(*elements))
    return error_in(stored, "a bool is neither 0 nor 1");
  value.data = std::shared_ptr<const std::byte[]>(file_, elements->data());
  return value;
}

Result<graph::OnnxAttribute> Constants::read(const compiled::Attribute& stored) {
  graph::OnnxAttribute attribute;
  switch (stored.kind()) {
    case compiled::AttributeKind_integer:
      attribute.kind = Kind::integer;
      attribute.integer = stored.integer();
      return attribute;
    case compiled::AttributeKind_real:
      attribute.kind = Kind::real;
      attribute.real = stored.real();
      return attribute;
    case compiled::AttributeKind_text:
      attribute.kind = Kind::text;
      attribute.text = text(stored.text());
      return attribute;
    case compiled::AttributeKind_integers:
      if (!is_aligned(stored.integers())) return Status::error(kMisaligned);
      attribute.kind = Kind::integers;
      attribute.integers = list(stored.integers());
      return attribute;
    case compiled::AttributeKind_reals:
      attribute.kind = Kind::reals;
      attribute.reals = list(stored.reals());
      return attribute;
    case compiled::AttributeKind_texts:
      attribute.kind = Kind::texts;
      for (std::uint32_t i = 0; stored.texts() != nullptr && i < stored.texts()->size() && !overdrawn_; ++i) {
        spend(sizeof(std::uint32_t));
        attribute.texts.push_back(text(stored.texts()->Get(i)));
      }
      return attribute;
    case compiled::AttributeKind_tensor: {
      attribute.kind = Kind::tensor;
      if (stored.tensor() == nullptr || stored.tensor()->data() == nullptr) break;
      Result<graph::Value> tensor = read(*stored.tensor());
      if (!tensor) return tensor.status();
      attribute.tensor = std::move(*tensor);
      return attribute;
    }
  }
  return Status::error(fmt::format("attribute '{}' is of no known kind, or empty", stored.name()->string_view()));
}

}  // namespace octet::runtime
