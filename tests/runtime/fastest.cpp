// SPDX-License-Identifier: Apache-2.0
#include <octet/octet.h>
#include <octet/tune.h>

#include <filesystem>
#include <map>

#include "runtime/model_impl.h"
#include "runtime/tune/plan_choice.h"
#include "tests/quantize/graphs.h"
#include "tests/support/batches.h"
#include "tests/support/catch.h"

using namespace octet;
using runtime::KeptFloat;
using runtime::OpTimes;
using test::GraphBuilder;

namespace {

// A chain whose runs take as long as its operators, and `border` for every change between int8 and fp32, the
// network's float input and output included.
class Chain {
 public:
  Chain(std::vector<OpTimes> ops, double border) : ops_(std::move(ops)), border_(border) {}

  double seconds(const KeptFloat& kept) const {
    double sum = 0;
    bool codes = false;
    for (const OpTimes& op : ops_) {
      const bool is_float = kept.contains(op.name);
      sum += (is_float ? op.fp32_seconds : op.int8_seconds) + (codes == is_float ? border_ : 0);
      codes = !is_float;
    }
    return sum + (codes ? border_ : 0);
  }
  runtime::PlanChoice choose() const {
    const auto clock = [this](const KeptFloat& a, const KeptFloat& b) -> Result<runtime::TwoTimes> {
      return runtime::TwoTimes{seconds(a), seconds(b)};
    };
    return runtime::choose_plan(ops_, clock).value();
  }

 private:
  std::vector<OpTimes> ops_;
  double border_;
};

}  // namespace

TEST_CASE("an operator stays in fp32 if what it gains is more than its borders cost") {
  const std::vector<OpTimes> ops{{"a", 10, 30}, {"b", 20, 12}, {"c", 10, 30}};
  CHECK(Chain(ops, 1).choose().kept == KeptFloat{"b"});
  CHECK(Chain(ops, 5).choose().kept.empty());
  CHECK(Chain({{"a", 10, 30}, {"b", 20, 19.9}, {"c", 10, 30}}, 0)
            .choose()
            .kept.empty());  // too little to be told from noise
}

TEST_CASE("neighbours share two borders, and one of them may pay alone") {
  const std::vector<OpTimes> together{{"a", 10, 30}, {"b", 10, 6}, {"c", 10, 6}, {"d", 10, 30}};
  CHECK(Chain(together, 3).choose().kept == KeptFloat{"b", "c"});
  // Two runs of neighbours, and only one of them pays.
  const std::vector<OpTimes> apart{{"a", 20, 5}, {"b", 10, 30}, {"c", 10, 9}, {"d", 10, 30}};
  CHECK(Chain(apart, 2).choose().kept == KeptFloat{"a"});
}

TEST_CASE("the whole in fp32 is chosen where no part pays") {
  const Chain chain({{"a", 10, 10.5}, {"b", 10, 10.5}}, 4);  // 28 in int8, 21 in fp32
  const runtime::PlanChoice choice = chain.choose();
  CHECK(choice.kept == KeptFloat{"a", "b"});
  CHECK(choice.all_int8.first == 28);
  CHECK(choice.all_fp32.first == 21);
  CHECK(choice.all_fp32.second == 21);
}

TEST_CASE("a plan that only seemed to pay is given up") {
  const std::vector<OpTimes> ops{{"a", 10, 30}, {"b", 20, 12}, {"c", 10, 30}};
  int calls = 0;
  // Whatever was tried looked faster by half; compared with the extremes it is slower.
  const auto clock = [&](const KeptFloat& a, const KeptFloat&) -> Result<runtime::TwoTimes> {
    ++calls;
    if (calls == 1) return runtime::TwoTimes{2, 1};
    return a.empty() ? runtime::TwoTimes{2, 2.5} : runtime::TwoTimes{6, 2};
  };
  CHECK(runtime::choose_plan(ops, clock).value().kept.empty());
  const auto broken = [](const KeptFloat&, const KeptFloat&) -> Result<runtime::TwoTimes> {
    return Status::error("no clock");
  };
  CHECK(runtime::choose_plan(ops, broken).status().message() == "no clock");
}

TEST_CASE("why an operator is in fp32 survives the file") {
  GraphBuilder builder;
  auto x = builder.conv("a", builder.input("x", {1, 3, 12, 12}), 3, 8, 3, 1, test::kRelu);
  x = builder.conv("b", x, 8, 8, 3, 8, test::kRelu);
  const Model fp32 = runtime::make_model(builder.finish({builder.conv("c", x, 8, 5, 1)}), nullptr);
  std::vector<float> samples(3 * 12 * 12 * 2);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<float>(i % 17) / 8 - 1;
  const Batches batches = test::batches_of(fp32, samples);
  const auto file = std::filesystem::temp_directory_path() / "octet_fastest_test.onnx";
  const auto reasons = [](const Model& model) {
    const Session session = Session::create(model).value();
    std::map<std::string, std::string> by_name;
    for (const OpInfo& op : session.ops()) by_name[op.name] = op.reason;
    return by_name;
  };

  QConfigRule rule;
  rule.name = "b";
  rule.keep_float = true;
  QConfig config;
  config.rules.push_back(rule);
  const Model kept = test::calibrated(fp32, batches, config).convert().value();
  REQUIRE(kept.save(file).ok());
  CHECK(reasons(Model::load(file).value())["b"] == "kept in fp32 by the configuration");

  FastestOptions options;
  options.machine = "a machine";
  const FastestReport report = convert_fastest(test::calibrated(fp32, batches), batches, options).value();
  CHECK(report.chosen_ms <= report.fp32_ms);
  REQUIRE(report.model.save(file).ok());
  auto after = reasons(Model::load(file).value());
  for (const std::string& name : report.kept_float) CHECK(after[name] == "faster in fp32 on a machine");
  std::filesystem::remove(file);
}
