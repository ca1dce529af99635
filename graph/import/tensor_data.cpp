// SPDX-License-Identifier: Apache-2.0
#include "graph/import/tensor_data.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <bit>
#include <cstring>

#include "graph/load_budget.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

static_assert(std::endian::native == std::endian::little, "raw data of ONNX tensors is little-endian");

using Proto = onnx::TensorProto;

// IEEE 754 binary16; every value is exact in binary32.
float from_half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000U} << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1FU, fraction = bits & 0x3FFU;
  if (exponent == 0) {  // zero or denormal: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFFU : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

// The upper half of a binary32.
float from_bfloat(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

// How the elements of one ONNX type lie in a TensorProto and what they become.
struct Decoder {
  int type;
  const char* name;
  DType dtype;           // meaningless where decode is nullptr
  std::size_t raw_size;  // bytes of one element in raw data
  bool (*decode)(const Proto&, const std::string* raw, std::size_t count, std::byte* out);
};

// Copies elements of type Raw, or entries of a typed field, through `convert`. False if their number
// is not `count`.
template <class Raw, class Out, class Field, class Convert>
bool decode_as(const Field& field, const std::string* raw, std::size_t count, std::byte* out, Convert convert) {
  if (raw ? raw->size() != count * sizeof(Raw) : static_cast<std::size_t>(field.size()) != count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    Raw element;
    if (raw) {
      std::memcpy(&element, raw->data() + i * sizeof(Raw), sizeof(Raw));
    } else {
      element = static_cast<Raw>(field.Get(static_cast<int>(i)));
    }
    const Out result = convert(element);
    std::memcpy(out + i * sizeof(Out), &result, sizeof(Out));
  }
  return true;
}

template <class T>
T same(T element) {
  return element;
}

constexpr Decoder kDecoders[] = {
    {Proto::FLOAT, "float", DType::f32, 4,
     [](const Proto& t, const std::string* raw, std::size_t n, std::byte* out) {
       return decode_as<float, float>(t.float_data(), raw, n, out, same<float>);
     }},
    {Proto::DOUBLE, "double", DType::f32, 8,
     [](const Proto& t, const std::string* raw, std::size_t n, std::byte* out) {
       return decode_as<double, float>(t.double_data(), raw, n, out, [](double x) { return static_cast<float>(x); });
     }},
    {Proto::FLOAT16, "float16", DType::f32, 2,
     [](const Proto& t, const std::string* raw, std::size_t n, std::byte* out) {
       return decode_as<std::uint16_t, float>(t.int32_data(), raw, n, out, from_half);
     }},
    {Proto::BFLOAT16, "bfloat16", DType::f32, 2,
     [](const Proto& t, const std::string* raw, std::size_t n, std::byte* out) {
       return decode_as<std::uint16_t, float>(t.int32_data(), raw, n, out, from_bfloat);
     }},
    {Proto::INT8, "int8", DType::s8, 1,
     [](const Proto& t, const std::string* raw, std::size_t n, std::byte* out) {
       return decode_as<std::int8_t, std::int8_t>(t.int32_data(), raw, n, out, same<std::int8_t>);
     }},
    {Proto::UINT8, "uint8", DType::u8, 1,
     [](const Proto& t, const std::string* raw, std::size_t n, std::byte* out) {
       return decode_as<std::uint8_t, std::uint8_t>(t.int32_data(), raw, n, out, same<std::uint8_t>);
     }},
    {Proto::INT32, "int32", DType::s32, 4,
     [](const Proto& t, const std::string* raw, std::size_t n, std::byte* out) {
       return decode_as<std::int32_t, std::int32_t>(t.int32_data(), raw, n, out, same<std::int32_t>);
     }},
    {Proto::INT64, "int64", DType::s64, 8,
     [](const Proto& t, const std::string* raw, std::size_t n, std::byte* out) {
       return decode_as<std::int64_t, std::int64_t>(t.int64_data(), raw, n, out, same<std::int64_t>);
     }},
    {Proto::BOOL, "bool", DType::boolean, 1,
     [](const Proto& t, const std::string* raw, std::size_t n, std::byte* out) {
       return decode_as<std::uint8_t, std::uint8_t>(t.int32_data(), raw, n, out,
                                                    [](std::uint8_t x) { return std::uint8_t{x != 0}; });
     }},
    // Known by name only. Numbers above 16 are newer than some versions of the ONNX headers.
    {Proto::UINT16, "uint16", {}, 0, nullptr},
    {Proto::INT16, "int16", {}, 0, nullptr},
    {Proto::STRING, "string", {}, 0, nullptr},
    {Proto::UINT32, "uint32", {}, 0, nullptr},
    {Proto::UINT64, "uint64", {}, 0, nullptr},
    {Proto::COMPLEX64, "complex64", {}, 0, nullptr},
    {Proto::COMPLEX128, "complex128", {}, 0, nullptr},
    {17, "float8e4m3fn", {}, 0, nullptr},
    {18, "float8e4m3fnuz", {}, 0, nullptr},
    {19, "float8e5m2", {}, 0, nullptr},
    {20, "float8e5m2fnuz", {}, 0, nullptr},
    {21, "uint4", {}, 0, nullptr},
    {22, "int4", {}, 0, nullptr},
    {23, "float4e2m1", {}, 0, nullptr},
};

const Decoder* find_decoder(int type) {
  for (const Decoder& decoder : kDecoders) {
    if (decoder.type == type) return &decoder;
  }
  return nullptr;
}

Result<Shape> read_shape(const Proto& tensor, const std::string& what) {
  if (tensor.dims_size() > Shape::kMaxRank) {
    return Status::error(fmt::format("{} has rank {}: must be at most {}", what, tensor.dims_size(), Shape::kMaxRank));
  }
  Shape shape;
  for (std::int64_t dim : tensor.dims()) {
    if (dim < 0) return Status::error(fmt::format("{} has a size of {}: must not be negative", what, dim));
    shape.push_back(dim);
  }
  if (!has_sane_size(shape)) {
    return Status::error(fmt::format("{} has shape {}: too many elements", what, to_string(shape)));
  }
  return shape;
}

// Bytes that the elements take in the file, as far as one can tell before reading them.
std::size_t stored_bytes(const Proto& tensor, const Decoder& decoder) {
  if (tensor.has_raw_data()) return tensor.raw_data().size();
  const int entries =
      tensor.float_data_size() + tensor.double_data_size() + tensor.int32_data_size() + tensor.int64_data_size();
  return static_cast<std::size_t>(entries) * decoder.raw_size;
}

}  // namespace

std::string name_of_onnx_type(int type) {
  const Decoder* decoder = find_decoder(type);
  return decoder ? decoder->name : fmt::format("number {}", type);
}

std::optional<DType> same_dtype(int type) {
  const Decoder* decoder = find_decoder(type);
  if (!decoder || !decoder->decode || decoder->raw_size != size_of(decoder->dtype)) return std::nullopt;
  return decoder->dtype;
}

Result<Value> import_tensor(const Proto& tensor, const std::filesystem::path& directory, const std::string& what,
                            LoadBudget* budget) {
  const Decoder* decoder = find_decoder(tensor.data_type());
  if (!decoder || !decoder->decode) {
    return Status::error(fmt::format(
        "{} has type {}: supported are float, double, float16, bfloat16, int8, uint8, int32, int64 and bool", what,
        name_of_onnx_type(tensor.data_type())));
  }
  if (tensor.has_segment()) return Status::error(fmt::format("{} is stored in segments: not supported", what));
  const auto shape = read_shape(tensor, what);
  if (!shape) return shape.status();

  const auto count = static_cast<std::size_t>(shape->count());
  if (budget != nullptr) {
    if (Status status = budget->spend_constant(count * size_of(decoder->dtype), what); !status) return status;
  }
  std::string external;
  const std::string* raw = tensor.has_raw_data() ? &tensor.raw_data() : nullptr;
  if (tensor.data_location() == Proto::EXTERNAL) {
    auto bytes = read_external_data(tensor, directory, count * decoder->raw_size, what);
    if (!bytes) return bytes.status();
    external = std::move(*bytes);
    raw = &external;
  }
  const auto mismatch = [&](std::size_t found) {
    return Status::error(fmt::format("{} has {} bytes of data: {} {} elements of shape {} need {}", what, found, count,
                                     decoder->name, to_string(*shape), count * decoder->raw_size));
  };
  // Before memory is asked for: what is not stored is not worth an allocation.
  const std::size_t found = raw == &external ? external.size() : stored_bytes(tensor, *decoder);
  if (found != count * decoder->raw_size) return mismatch(found);
  std::shared_ptr<std::byte[]> data(new std::byte[count * size_of(decoder->dtype)]);
  if (!decoder->decode(tensor, raw, count, data.get())) return mismatch(0);

  Value value;
  value.name = tensor.name();
  value.dtype = decoder->dtype;
  value.shape = *shape;
  value.shape_known = true;
  value.data = std::move(data);
  return value;
}

}  // namespace octet::graph
