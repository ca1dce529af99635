// SPDX-License-Identifier: Apache-2.0
#include <octet/observer.h>

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <thread>

#include "tests/quantize/golden.h"

using namespace octet;

namespace {

constexpr ObserverKind kKinds[] = {ObserverKind::min_max,
                                   ObserverKind::moving_average,
                                   ObserverKind::per_channel_min_max,
                                   ObserverKind::per_channel_moving_average,
                                   ObserverKind::histogram,
                                   ObserverKind::percentile,
                                   ObserverKind::entropy,
                                   ObserverKind::mse};
constexpr ObserverKind kMergeable[] = {ObserverKind::min_max, ObserverKind::per_channel_min_max,
                                       ObserverKind::percentile, ObserverKind::entropy, ObserverKind::mse};

TensorObserver make(ObserverKind kind) {
  ObserverSpec spec;
  spec.kind = kind;
  return TensorObserver::create(spec).value();
}

struct Batch {
  Shape shape;
  std::vector<float> values;
};

std::vector<Batch> tutorial_batches(const nlohmann::json& file) {
  std::vector<Batch> batches;
  for (const auto& tensor : file["inputs"]) {
    auto& batch = batches.emplace_back(Batch{{3, 4}, {}});
    for (const auto& row : tensor) {
      for (const auto& x : row) batch.values.push_back(x.get<float>());
    }
  }
  return batches;
}

std::vector<float> normal_values(std::size_t count, std::uint32_t seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(count);
  for (float& x : values) x = normal(random);
  return values;
}

TensorObserver observed(ObserverKind kind, const std::vector<Batch>& batches) {
  TensorObserver observer = make(kind);
  for (const Batch& batch : batches) observer.observe(batch.values, batch.shape).value();
  return observer;
}

QuantSpec spec_of(DType dtype, Scheme scheme, int min, int max) {
  QuantSpec spec{dtype, scheme, min, max, false};
  spec.rule = ScaleRule::half;
  return spec;
}

}  // namespace

TEST_CASE("every observer gives the tutorial's published parameters") {
  const auto file = test::golden("observers_tutorial.json");
  const auto batches = tutorial_batches(file);
  const QuantSpec u8 = spec_of(DType::u8, Scheme::affine, 0, 255);
  QuantSpec reduced = u8;
  reduced.reduce_range = true;
  const struct {
    const char* row;
    ObserverKind kind;
    QuantSpec spec;
  } cases[] = {
      {"minmax_quint8_affine", ObserverKind::min_max, u8},
      {"minmax_reduce_range_0_127", ObserverKind::min_max, reduced},
      {"minmax_qint8_affine", ObserverKind::min_max, spec_of(DType::s8, Scheme::affine, -128, 127)},
      {"minmax_qint8_symmetric", ObserverKind::min_max, spec_of(DType::s8, Scheme::symmetric, -128, 127)},
      {"minmax_qint8_sym_-127_127", ObserverKind::min_max, spec_of(DType::s8, Scheme::symmetric, -127, 127)},
      {"ma0.01_quint8_affine", ObserverKind::moving_average, u8},
      {"ma0.01_quint8_symmetric", ObserverKind::moving_average, spec_of(DType::u8, Scheme::symmetric, 0, 255)},
      {"perch0_minmax_affine", ObserverKind::per_channel_min_max, u8},
      {"perch0_minmax_qint8_symmetric", ObserverKind::per_channel_min_max,
       spec_of(DType::s8, Scheme::symmetric, -128, 127)},
      {"perch0_ma0.01_affine", ObserverKind::per_channel_moving_average, u8},
      {"hist_fixed_quint8_affine", ObserverKind::histogram, u8},
      {"hist_fixed_reduce_range", ObserverKind::histogram, reduced},
  };
  for (const auto& one : cases) {
    INFO(one.row);
    const auto& row = file["observers"][one.row];
    const Quant quant = observed(one.kind, batches).qparams(one.spec).value();
    CHECK(quant.scale == test::from_bits(row["scale_hex"].get<std::vector<std::string>>()));
    CHECK(quant.zero_point == row["zero_point"].get<std::vector<std::int32_t>>());
  }
}

TEST_CASE("the tutorial's printed histogram parameters come from bounds cut to integers, which octet does not do") {
  const auto file = test::golden("observers_tutorial.json");
  const auto& printed = file["observers"]["hist_torch1.13_quint8_affine"];
  CHECK(test::from_bits(printed["scale_hex"][0].get<std::string>()) == 0.00996165723F);
  CHECK(printed["zero_point"][0] == 106);
  const auto batches = tutorial_batches(file);
  const Quant ours =
      observed(ObserverKind::histogram, batches).qparams(spec_of(DType::u8, Scheme::affine, 0, 255)).value();
  CHECK(ours.scale[0] == 0.0112434682F);
  CHECK(ours.zero_point[0] == 124);
  // Of the 24 values, that version counts those within [int(min), int(max)] = [-1, 1] of each batch.
  std::size_t counted = 0;
  for (const Batch& batch : batches) {
    counted += static_cast<std::size_t>(std::ranges::count_if(batch.values, [](float x) { return x >= -1 && x <= 1; }));
  }
  CHECK(counted == 9 + 7);
}

TEST_CASE("four threads, merged in each of 24 orders, leave one identical state") {
  for (ObserverKind kind : kMergeable) {
    INFO(name_of(kind));
    // Ranges differ by orders of magnitude, so that bins have to be joined; -0 and infinities take part.
    std::array<std::vector<Batch>, 4> parts;
    for (std::size_t part = 0; part < 4; ++part) {
      for (std::uint32_t b = 0; b < 3; ++b) {
        const float scale = std::ldexp(1.0F, static_cast<int>(part) * 3 - 4);
        Batch batch{{2, 50}, normal_values(100, static_cast<std::uint32_t>(part) * 10 + b, scale)};
        batch.values[0] = part == 1 ? -0.0F : 0.0F;
        batch.values[1] = std::numeric_limits<float>::infinity();
        parts[part].push_back(std::move(batch));
      }
    }
    std::vector<TensorObserver> observers;
    for (std::size_t part = 0; part < 4; ++part) observers.push_back(make(kind));
    std::vector<std::thread> threads;
    for (std::size_t part = 0; part < 4; ++part) {
      threads.emplace_back([&, part] {
        for (const Batch& batch : parts[part]) (void)observers[part].observe(batch.values, batch.shape);
      });
    }
    for (std::thread& thread : threads) thread.join();

    TensorObserver alone = make(kind);  // one observer, the parts from the last to the first
    for (std::size_t part = 4; part-- > 0;) {
      for (const Batch& batch : parts[part]) alone.observe(batch.values, batch.shape).value();
    }
    std::array<std::size_t, 4> order{0, 1, 2, 3};
    int orders = 0;
    do {
      TensorObserver merged = make(kind);
      for (std::size_t part : order) merged.merge(observers[part]).value();
      CHECK(merged.save() == alone.save());
      ++orders;
    } while (std::ranges::next_permutation(order).found);
    CHECK(orders == 24);
    CHECK(alone.ranges({}) == [&] {
      TensorObserver merged = make(kind);
      for (const TensorObserver& one : observers) merged.merge(one).value();
      return merged.ranges({});
    }());
  }
}

TEST_CASE("kinds that depend on order refuse to merge, and different settings too") {
  for (ObserverKind kind :
       {ObserverKind::moving_average, ObserverKind::per_channel_moving_average, ObserverKind::histogram}) {
    TensorObserver a = make(kind);
    CHECK(a.merge(make(kind)).message().find("order of batches") != std::string::npos);
  }
  TensorObserver a = make(ObserverKind::mse);
  CHECK_FALSE(a.merge(make(ObserverKind::entropy)).ok());
  ObserverSpec fine{ObserverKind::mse};
  fine.bins = 4096;
  CHECK_FALSE(a.merge(TensorObserver::create(fine).value()).ok());
}

TEST_CASE("a state is resumed where it was saved, and grows no further with the samples") {
  for (ObserverKind kind : kKinds) {
    INFO(name_of(kind));
    TensorObserver whole = make(kind), first = make(kind);
    std::size_t after_ten = 0;
    for (std::uint32_t b = 0; b < 1000; ++b) {
      Batch batch{{4, 16}, normal_values(64, b)};
      whole.observe(batch.values, batch.shape).value();
      if (b < 10) first.observe(batch.values, batch.shape).value();
      if (b == 9) after_ten = whole.save().size();
    }
    TensorObserver resumed = make(kind);
    resumed.load(first.save()).value();
    CHECK(resumed.save() == first.save());
    for (std::uint32_t b = 10; b < 1000; ++b) {
      resumed.observe(normal_values(64, b), {4, 16}).value();
    }
    CHECK(resumed.save() == whole.save());
    CHECK(resumed.ranges({}) == whole.ranges({}));
    constexpr std::size_t kMostBins = 4096, kMostChannels = 4;
    CHECK(whole.save().size() <= std::max(after_ten, kMostBins * kMostChannels) * 3);
  }
}

TEST_CASE("a damaged state is refused and changes nothing") {
  for (ObserverKind kind : kKinds) {
    INFO(name_of(kind));
    TensorObserver observer = make(kind);
    observer.observe(normal_values(640, 1), {4, 160}).value();
    const std::string good = observer.save();
    for (std::size_t size = 0; size < good.size(); size += 1 + good.size() / 97) {
      CHECK_FALSE(observer.load(good.substr(0, size)).ok());
    }
    CHECK_FALSE(observer.load(good + "x").ok());
    std::mt19937 random(5);
    for (int i = 0; i < 300; ++i) {  // mutated at random: refused or a state, never a crash
      std::string bad = good;
      bad[random() % bad.size()] = static_cast<char>(random());
      TensorObserver other = make(kind);
      if (other.load(bad).ok()) (void)other.ranges({});
    }
    CHECK(observer.save() == good);
    for (ObserverKind another : kKinds) {
      if (another != kind) CHECK_FALSE(make(another).load(good).ok());
    }
  }
}

TEST_CASE("nothing seen, one value, only zeros, only infinities") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (ObserverKind kind : kKinds) {
    INFO(name_of(kind));
    CHECK(make(kind).qparams({}).status().message().find("observed") != std::string::npos);
    const auto range_of = [kind](const std::vector<float>& values) {
      TensorObserver observer = make(kind);
      observer.observe(values, {1, static_cast<std::int64_t>(values.size())}).value();
      return observer.ranges({}).at(0);
    };
    CHECK(range_of({3, 3, 3}) == Range{3, 3});
    CHECK(range_of({0, 0}) == Range{0, 0});
    CHECK(range_of({infinity, -infinity}).empty());
    CHECK_FALSE(range_of({-3e38F, 1, infinity, 3e38F}).empty());
    CHECK_FALSE(range_of({-1e-45F, 0, 1e-45F, 1e30F}).empty());
    TensorObserver observer = make(kind);
    CHECK(observer.observe(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}, {2})
              .message()
              .find("element 1") != std::string::npos);
    CHECK_FALSE(observer.observe(std::vector<float>{1, 2}, {3}).ok());
    observer.observe({}, {2, 0}).value();
  }
}

TEST_CASE("percentile covers the share asked for, from both ends or by distance from 0") {
  std::vector<float> values(10000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) - 1000;  // -1000..8999
  ObserverSpec spec{ObserverKind::percentile};
  spec.percentile = 98;
  TensorObserver observer = TensorObserver::create(spec).value();
  observer.observe(values, {10000}).value();
  const Range range = observer.ranges({}).at(0);  // 1% of 10000 from either end, to a bin of 4
  CHECK(range.min <= -900);
  CHECK(range.min > -900 - 5);
  CHECK(range.max >= 8899);
  CHECK(range.max < 8899 + 5);
  CHECK(observer.clipped_share(range) <= 0.02);
  CHECK(observer.clipped_share(range) > 0.018);
  QuantSpec symmetric{DType::s8, Scheme::symmetric, -127, 127, false};
  const Range around = observer.ranges(symmetric).at(0);
  CHECK(around.min == -1000);
  CHECK(around.max >= 8799);
  CHECK(around.max < 8799 + 5);
  spec.percentile = 100;
  TensorObserver all = TensorObserver::create(spec).value();
  all.observe(values, {10000}).value();
  CHECK(all.ranges({}).at(0) == Range{-1000, 8999});
}

// The mean squared error of u8 codes for `range`, by the definition.
double squared_error(const std::vector<float>& values, Range range, const QuantSpec& spec) {
  const Quant quant = choose_qparams(range, spec).value();
  std::vector<std::uint8_t> codes(values.size());
  std::vector<float> back(values.size());
  quantize_tensor(values, {static_cast<std::int64_t>(values.size())}, quant, codes).value();
  dequantize_tensor(codes, {static_cast<std::int64_t>(values.size())}, quant, back).value();
  double error = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double difference = static_cast<double>(values[i]) - back[i];
    error += difference * difference;
  }
  return error / static_cast<double>(values.size());
}

TEST_CASE("mse finds a range nearly as good as the best of a fine grid, and never worse than min-max") {
  std::vector<float> values = normal_values(20000, 3);
  for (float& x : values) x = x * x * x;  // heavy tails on both sides
  for (bool positive : {false, true}) {
    if (positive) {
      for (float& x : values) x = std::max(x, 0.0F);
    }
    TensorObserver observer = make(ObserverKind::mse);
    observer.observe(values, {20000}).value();
    const QuantSpec u8;
    const Range chosen = observer.ranges(u8).at(0);
    const auto [min, max] = std::ranges::minmax(values);
    const double found = squared_error(values, chosen, u8);
    CHECK(found <= squared_error(values, {min, max}, u8));
    double best = found;
    for (int low = 1; low <= 40; ++low) {
      for (int high = 1; high <= 40; ++high) {
        best = std::min(
            best, squared_error(values, {min * static_cast<float>(low) / 40, max * static_cast<float>(high) / 40}, u8));
      }
    }
    CHECK(found <= best * 1.05);
  }
}

TEST_CASE("entropy clips a far outlier and hardly anything of even values") {
  std::vector<float> values = normal_values(100000, 9);
  values[17] = 60;
  TensorObserver observer = make(ObserverKind::entropy);
  observer.observe(values, {100000}).value();
  const Range clipped = observer.ranges({}).at(0);
  CHECK(clipped.max < 10);
  CHECK(clipped.max > 2.5F);
  CHECK(observer.clipped_share(clipped) < 0.01);
  std::vector<float> even(100000);
  for (std::size_t i = 0; i < even.size(); ++i) even[i] = static_cast<float>(i) / 100000;
  TensorObserver flat = make(ObserverKind::entropy);
  flat.observe(even, {100000}).value();
  CHECK(flat.ranges({}).at(0).max > 0.95F);
}

TEST_CASE("settings out of range and unknown names are refused") {
  const auto message = [](auto change) {
    ObserverSpec spec;
    change(spec);
    return TensorObserver::create(spec).status().message();
  };
  CHECK(message([](ObserverSpec&) {}).empty());
  CHECK(message([](ObserverSpec& s) { s.bins = 100; }) == "100 bins: must be 128 to 65536");
  CHECK(message([](ObserverSpec& s) { s.percentile = 50; }).find("percentile 50: must be above 50") == 0);
  CHECK(message([](ObserverSpec& s) { s.averaging_constant = 0; }).find("averaging constant 0: must be") == 0);
  CHECK(message([](ObserverSpec& s) { s.kind = static_cast<ObserverKind>(99); }).find("observer 99") == 0);
  for (ObserverKind kind : kKinds) CHECK(find_observer(name_of(kind)).value() == kind);
  CHECK(find_observer("histo").status().message().find("must be one of min_max, moving_average") != std::string::npos);
}

TEST_CASE("values far from 0 and close together take no more memory than others") {
  std::vector<float> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1e6F + static_cast<float>(i) / 16;
  for (ObserverKind kind : {ObserverKind::percentile, ObserverKind::entropy, ObserverKind::mse}) {
    INFO(name_of(kind));
    TensorObserver observer = make(kind);
    observer.observe(values, {1000}).value();
    CHECK(observer.save().size() < 3 * 4096);
    CHECK(observer.ranges({}).at(0).max == values.back());
    CHECK(observer.ranges({DType::s8, Scheme::symmetric, -127, 127, false}).at(0).max == values.back());
  }
}
