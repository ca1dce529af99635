// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/export.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace octet {

/// Element types that a tensor can have at run time.
enum class DType : std::uint8_t { f32, u8, s8, s32, s64, boolean };

/// Bytes of one element.
constexpr std::size_t size_of(DType type) noexcept {
  switch (type) {
    case DType::f32:
    case DType::s32: return 4;
    case DType::s64: return 8;
    case DType::u8:
    case DType::s8:
    case DType::boolean: return 1;
  }
  return 0;
}

/// "f32", "u8", ...
OCTET_API const char* name_of(DType type) noexcept;

/// Dimensions, outermost first, at most kMaxRank of them. kUnknown (-1) stands for a size that is
/// bound when a session is created.
class Shape {
 public:
  static constexpr int kMaxRank = 6;
  static constexpr std::int64_t kUnknown = -1;

  constexpr Shape() = default;
  constexpr Shape(std::initializer_list<std::int64_t> dims) {
    for (std::int64_t dim : dims) push_back(dim);
  }
  /// The first kMaxRank entries of `dims`; callers check the rank of untrusted input first.
  constexpr explicit Shape(std::span<const std::int64_t> dims) {
    for (std::int64_t dim : dims) push_back(dim);
  }
  /// Appends; ignored beyond kMaxRank.
  constexpr void push_back(std::int64_t dim) {
    if (rank_ < kMaxRank) dims_[static_cast<std::size_t>(rank_++)] = dim;
  }

  constexpr int rank() const noexcept { return rank_; }
  constexpr std::int64_t operator[](int axis) const noexcept { return dims_[static_cast<std::size_t>(axis)]; }
  constexpr std::int64_t& operator[](int axis) noexcept { return dims_[static_cast<std::size_t>(axis)]; }
  constexpr const std::int64_t* begin() const noexcept { return dims_.data(); }
  constexpr const std::int64_t* end() const noexcept { return dims_.data() + rank_; }
  constexpr std::int64_t* begin() noexcept { return dims_.data(); }
  constexpr std::int64_t* end() noexcept { return dims_.data() + rank_; }
  constexpr std::span<const std::int64_t> dims() const noexcept { return {begin(), end()}; }

  constexpr bool is_known() const noexcept {
    return std::none_of(begin(), end(), [](std::int64_t dim) { return dim < 0; });
  }
  /// Product of the dimensions in [from, to); 1 for none. Only for known shapes.
  constexpr std::int64_t count(int from, int to) const noexcept {
    std::int64_t product = 1;
    for (int axis = from; axis < to; ++axis) product *= (*this)[axis];
    return product;
  }
  constexpr std::int64_t count() const noexcept { return count(0, rank_); }

  friend constexpr bool operator==(const Shape& a, const Shape& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

/// "[1,3,224,224]"; unknown sizes print as "?".
OCTET_API std::string to_string(const Shape& shape);

/// real = scale * (code - zero_point). One entry per tensor, or one per index of `axis`.
struct Quant {
  std::vector<float> scale;               // 1 or shape[axis] entries, finite and > 0
  std::vector<std::int32_t> zero_point;   // as many as scale
  int axis = -1;                          // -1: per tensor

  bool per_tensor() const noexcept { return axis < 0; }
  friend bool operator==(const Quant&, const Quant&) = default;
};

/// Name, type and declared shape of a model's input or output.
struct TensorInfo {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
};

}  // namespace octet
