// SPDX-License-Identifier: Apache-2.0
// Initializers: element types, raw bytes, typed fields, files beside the model.
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// A model that only returns one initializer.
OnnxBuilder holding(const onnx::TensorProto& tensor) {
  OnnxBuilder model;
  *model.graph().add_initializer() = tensor;
  model.output(tensor.name());
  return model;
}

template <class T>
std::vector<T> elements_of(const onnx::TensorProto& tensor) {
  const Graph graph = imported(holding(tensor));
  const auto elements = value_named(graph, tensor.name()).as<T>();
  return {elements.begin(), elements.end()};
}

onnx::TensorProto typed(int type, const Dims& dims) {
  onnx::TensorProto tensor;
  tensor.set_name("t");
  tensor.set_data_type(type);
  for (std::int64_t dim : dims) tensor.add_dims(dim);
  return tensor;
}

}  // namespace

TEST_CASE("raw and typed data give the same elements") {
  CHECK(elements_of<float>(onnx_tensor<float>("t", {3}, {1, -2.5F, 0})) == std::vector<float>{1, -2.5F, 0});
  CHECK(elements_of<float>(onnx_tensor<double>("t", {2}, {0.1, -3})) == std::vector<float>{0.1F, -3});
  CHECK(elements_of<std::int8_t>(onnx_tensor<std::int8_t>("t", {2}, {-128, 127})) ==
        std::vector<std::int8_t>{-128, 127});
  CHECK(elements_of<std::uint8_t>(onnx_tensor<bool>("t", {2}, {true, false})) == std::vector<std::uint8_t>{1, 0});

  auto reals = typed(onnx::TensorProto::FLOAT, {2});
  reals.add_float_data(1.5F);
  reals.add_float_data(-0.0F);
  CHECK(elements_of<float>(reals) == std::vector<float>{1.5F, 0});
  auto codes = typed(onnx::TensorProto::INT8, {2});
  codes.add_int32_data(-3);
  codes.add_int32_data(99);
  CHECK(elements_of<std::int8_t>(codes) == std::vector<std::int8_t>{-3, 99});
  auto wide = typed(onnx::TensorProto::INT64, {1});
  wide.add_int64_data(std::numeric_limits<std::int64_t>::min());
  CHECK(elements_of<std::int64_t>(wide) == std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min()});
  auto doubles = typed(onnx::TensorProto::DOUBLE, {1});
  doubles.add_double_data(0.25);
  CHECK(elements_of<float>(doubles) == std::vector<float>{0.25F});
}

TEST_CASE("half and bfloat become f32 exactly") {
  auto half = typed(onnx::TensorProto::FLOAT16, {8});
  for (int bits : {0x3C00, 0xC000, 0x0000, 0x8000, 0x0001, 0x03FF, 0x7BFF, 0xFC00}) half.add_int32_data(bits);
  const auto reals = elements_of<float>(half);
  CHECK(reals[0] == 1.0F);
  CHECK(reals[1] == -2.0F);
  CHECK((reals[2] == 0.0F && !std::signbit(reals[2])));
  CHECK((reals[3] == 0.0F && std::signbit(reals[3])));
  CHECK(reals[4] == 0x1p-24F);
  CHECK(reals[5] == 1023 * 0x1p-24F);
  CHECK(reals[6] == 65504.0F);
  CHECK(reals[7] == -std::numeric_limits<float>::infinity());
  auto not_a_number = typed(onnx::TensorProto::FLOAT16, {1});
  not_a_number.add_int32_data(0x7E01);
  CHECK(std::isnan(elements_of<float>(not_a_number)[0]));

  auto bfloat = typed(onnx::TensorProto::BFLOAT16, {2});
  bfloat.set_raw_data(std::string("\x80\x3F\x20\xC0", 4));
  CHECK(elements_of<float>(bfloat) == std::vector<float>{1.0F, -2.5F});
}

TEST_CASE("scalars and empty tensors") {
  CHECK(elements_of<float>(onnx_tensor<float>("t", {}, {7})) == std::vector<float>{7});
  CHECK(elements_of<float>(onnx_tensor<float>("t", {0}, {})).empty());
  CHECK(elements_of<float>(onnx_tensor<float>("t", {3, 0, 2}, {})).empty());
}

TEST_CASE("data that does not fit type and shape is refused") {
  CHECK_THAT(refusal(holding(onnx_tensor<float>("t", {3}, {1, 2}))),
             Contains("initializer 't' has 8 bytes of data: 3 float elements of shape [3] need 12"));
  auto half_a_float = onnx_tensor<float>("t", {1}, {1});
  half_a_float.mutable_raw_data()->resize(2);
  CHECK_THAT(refusal(holding(half_a_float)), Contains("has 2 bytes of data"));
  auto none = typed(onnx::TensorProto::FLOAT, {2});
  CHECK_THAT(refusal(holding(none)), Contains("has 0 bytes of data"));
  auto wrong_field = typed(onnx::TensorProto::FLOAT, {1});
  wrong_field.add_int32_data(1);
  CHECK_THAT(refusal(holding(wrong_field)), Contains("bytes of data"));

  CHECK_THAT(refusal(holding(typed(onnx::TensorProto::FLOAT, {-1}))), Contains("a size of -1"));
  CHECK_THAT(refusal(holding(typed(onnx::TensorProto::FLOAT, {1, 1, 1, 1, 1, 1, 1}))),
             Contains("initializer 't' has rank 7: must be at most 6"));
  const std::int64_t huge = std::int64_t{1} << 31;
  CHECK_THAT(refusal(holding(typed(onnx::TensorProto::FLOAT, {huge, huge, huge}))), Contains("too many elements"));
  const std::int64_t large = std::int64_t{1} << 30;  // four of them overflow int64 to 0
  CHECK_THAT(refusal(holding(typed(onnx::TensorProto::FLOAT, {large, large, large, large}))),
             Contains("too many elements"));
}

TEST_CASE("types that octet lacks are refused by name") {
  CHECK_THAT(refusal(holding(onnx_tensor<std::uint16_t>("t", {1}, {1}))),
             Contains("initializer 't' has type uint16: supported are float, double, float16"));
  CHECK_THAT(refusal(holding(typed(onnx::TensorProto::STRING, {1}))), Contains("type string"));
  CHECK_THAT(refusal(holding(typed(17, {1}))), Contains("type float8e4m3fn"));
  CHECK_THAT(refusal(holding(typed(22, {1}))), Contains("type int4"));
  CHECK_THAT(refusal(holding(typed(0, {1}))), Contains("type number 0"));
  CHECK_THAT(refusal(holding(typed(12345, {1}))), Contains("type number 12345"));

  OnnxBuilder sparse;
  sparse.output("y");
  sparse.graph().add_sparse_initializer()->mutable_values()->set_name("s");
  CHECK_THAT(refusal(sparse), Contains("initializer 's' is sparse"));
  auto segmented = onnx_tensor<float>("t", {1}, {1});
  segmented.mutable_segment()->set_begin(0);
  CHECK_THAT(refusal(holding(segmented)), Contains("stored in segments"));
}

namespace {

// A folder that lives as long as the test.
struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("octet_external_data_{}", ::getpid());
  Folder() { fs::create_directories(path / "model" / "weights"); }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  void write(const char* name, std::size_t bytes) const {
    std::ofstream file(path / name, std::ios::binary);
    for (std::size_t i = 0; i < bytes; ++i) file.put(static_cast<char>(i));
  }
};

onnx::TensorProto external(const std::string& location, const std::string& offset = "",
                           const std::string& length = "") {
  auto tensor = typed(onnx::TensorProto::UINT8, {4});
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  const auto add = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  add("location", location);
  add("offset", offset);
  add("length", length);
  return tensor;
}

Result<Graph> import_beside(const Folder& folder, const onnx::TensorProto& tensor) {
  const std::string bytes = holding(tensor).bytes();
  return import_onnx(as_bytes(bytes), folder.path / "model");
}

}  // namespace

TEST_CASE("external data is read from the model's folder") {
  const Folder folder;
  folder.write("model/data.bin", 16);
  folder.write("model/weights/deep.bin", 4);
  const auto first = [&](const onnx::TensorProto& tensor) {
    auto graph = import_beside(folder, tensor);
    INFO(graph.status().message());
    REQUIRE(graph.ok());
    return int{value_named(*graph, "t").as<std::uint8_t>()[0]};
  };
  CHECK(first(external("data.bin")) == 0);
  CHECK(first(external("data.bin", "12")) == 12);
  CHECK(first(external("data.bin", "3", "4")) == 3);
  CHECK(first(external("./weights/deep.bin")) == 0);
}

TEST_CASE("external data that is missing, short or elsewhere is refused") {
  const Folder folder;
  folder.write("secret.bin", 16);
  folder.write("model/data.bin", 16);
  std::error_code failure;
  fs::create_symlink(folder.path / "secret.bin", folder.path / "model" / "link.bin", failure);
  const auto message = [&](const onnx::TensorProto& tensor) {
    return import_beside(folder, tensor).status().message();
  };
  CHECK_THAT(message(external("absent.bin")),
             Contains("initializer 't': external data file 'absent.bin': No such file"));
  CHECK_THAT(message(external("")), Contains("without a location"));
  CHECK_THAT(message(external("../secret.bin")), Contains("must lie in the model's folder"));
  CHECK_THAT(message(external("weights/../../secret.bin")), Contains("must lie in the model's folder"));
  CHECK_THAT(message(external((folder.path / "secret.bin").string())), Contains("must lie in the model's folder"));
  CHECK_THAT(message(external(std::string("data.bin\0x", 10))), Contains("must lie in the model's folder"));
  if (!failure) CHECK_THAT(message(external("link.bin")), Contains("must lie in the model's folder"));
  CHECK_THAT(message(external("weights")), Contains("is not a regular file"));
  CHECK_THAT(message(external("data.bin", "13")), Contains("is too short: 16 bytes, needed are 4 from offset 13"));
  CHECK_THAT(message(external("data.bin", "18446744073709551615")), Contains("too short"));
  CHECK_THAT(message(external("data.bin", "-1")), Contains("offset '-1': must be a number"));
  CHECK_THAT(message(external("data.bin", "0", "5")), Contains("external data of 5 bytes: its type and shape need 4"));
  CHECK_THAT(import_onnx(as_bytes(holding(external("data.bin")).bytes()), folder.path / "nowhere").status().message(),
             Contains("the folder"));
  auto enormous = external("data.bin");
  enormous.set_dims(0, std::int64_t{1} << 30);
  CHECK_THAT(message(enormous), Contains("too short"));
}
