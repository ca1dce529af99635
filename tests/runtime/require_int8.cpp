// SPDX-License-Identifier: Apache-2.0
// The gate that refuses a model which computes in float where it should not, the reasons it gives, and every int8
// file at hand passing it.
#include <octet/ledger.h>

#include <filesystem>

#include "tests/support/data.h"
#include "tests/support/mobilenet_v2.h"
#include "tests/support/run_model.h"

using namespace octet;
using tests::OnnxBuilder;

namespace {

// A convolution on codes, a Sqrt that has no int8 form, a matrix product whose weights are float.
OnnxBuilder mixed() {
  OnnxBuilder model;
  model.input("x", {1, 2, 2, 2}).output("y").output("n");
  model.fake_quant<std::uint8_t>("x", "x_q", 0.02F, 0);
  model.dequantized<std::int8_t>("w", {2, 2, 1, 1}, {10, 20, 30, 40}, {0.01F});
  model.node("Conv", {"x_q", "w"}, {"c"}).name("stem/conv");
  model.fake_quant<std::uint8_t>("c", "c_q", 0.02F, 0);
  model.node("Sqrt", {"c_q"}, {"r"}).name("stem/root");
  model.node("Flatten", {"r"}, {"f"}).name("flat");
  model.initializer("v", {8, 2}, std::vector<float>(16, 0.5F));
  model.node("MatMul", {"f", "v"}, {"y"}).name("head/product");
  model.node("Shape", {"f"}, {"n"});
  return model;
}

Session session_of(const OnnxBuilder& builder) {
  return Session::create(Model::parse(tests::as_bytes(builder.bytes())).value(), {.threads = 1}).value();
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

void check_products(const Model& model) {
  const auto session = Session::create(model, {.threads = 1}).value();
  int products = 0;
  for (const OpInfo& op : session.ops()) {
    if (op.op != "Conv2d" && op.op != "ConvTranspose2d" && op.op != "Dense" && op.op != "MatMul") continue;
    INFO(op.name << ": " << op.reason);
    CHECK(op.precision.starts_with("int8"));
    CHECK(reason_code(op).empty());
    CHECK(require_int8(session, op.name).ok());
    ++products;
  }
  CHECK(products > 0);
}

}  // namespace

TEST_CASE("a model that computes in float is refused with the list of what does, and why") {
  const Session session = session_of(mixed());
  const std::string message = require_int8(session).message();
  CHECK(contains(message, "not int8:"));
  CHECK(contains(message, "\n  stem/root (Unary): "));
  CHECK(contains(message, "\n  head/product (Dense): float-neighbour: "));
  CHECK_FALSE(contains(message, "stem/conv"));  // computes on codes
  CHECK_FALSE(contains(message, "border"));
  CHECK(require_int8(session, "*").message() == message);
}

TEST_CASE("a pattern says which operators must be int8") {
  const Session session = session_of(mixed());
  CHECK(require_int8(session, "stem/conv").ok());
  CHECK(require_int8(session, "nothing").ok());
  CHECK(require_int8(session, "*conv*").ok());
  const std::string one = require_int8(session, "head/?roduct").message();
  CHECK(contains(one, "1 operator matching 'head/?roduct' is not int8:\n  head/product"));
  CHECK_FALSE(contains(one, "stem/root"));
  CHECK_FALSE(require_int8(session, "stem*").ok());
  CHECK_FALSE(require_int8(session, "s*/*t").ok());
  CHECK(require_int8(session, "head/?product").ok());
}

TEST_CASE("every operator that is not int8 has one of the published reason codes") {
  const Session session = session_of(mixed());
  for (const OpInfo& op : session.ops()) {
    INFO(op.name << ": " << op.reason);
    const std::string code = reason_code(op);
    if (op.op == "Conv2d") CHECK(code.empty());
    if (op.op == "Quantize" || op.op == "Dequantize") CHECK(code == "border");
    if (op.op == "Dense") CHECK(code == "float-neighbour");
  }
  OnnxBuilder plain;
  plain.input("x", {2}).output("y");
  plain.node("Sqrt", {"x"}, {"y"}).name("root");
  CHECK(reason_code(session_of(plain).ops()[0]) == "not-quantized");
  OnnxBuilder integers;
  integers.input<std::int64_t>("a", {2}).input<std::int64_t>("b", {2}).output("y");
  integers.node("Add", {"a", "b"}, {"y"});
  CHECK(reason_code(session_of(integers).ops()[0]) == "integer");
  CHECK(require_int8(session_of(integers)).ok());
}

TEST_CASE("no convolution or matrix product of an int8 file runs in float") {
  check_products(Model::load(test::digits("digits_qat.onnx")).value());
  check_products(Model::parse(tests::as_bytes(tests::MobileNetV2().build())).value());
  if (test::skip_without(test::shared("."))) return;
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(test::shared("."))) {
    if (entry.path().extension() != ".onnx") continue;
    INFO(entry.path());
    const auto model = Model::load(entry.path());
    REQUIRE(model.ok());
    if (!model->is_quantized()) continue;
    check_products(*model);
    ++files;
  }
  CHECK(files >= 1);
}
