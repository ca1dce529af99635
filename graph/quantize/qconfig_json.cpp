// SPDX-License-Identifier: Apache-2.0
// A configuration as JSON and back; docs/quantizing.md shows it. Strict: whatever is not understood is an
// error that names its place, since a misspelt key would otherwise quantize a model in another way than meant.
#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "graph/quantize/qconfig.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(where.empty() ? what : where + ": " + what);
}

// What stands there, for a message: its beginning is enough.
std::string shown(const Json& json) {
  constexpr std::size_t kMost = 60;
  const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= kMost ? text : text.substr(0, kMost) + " ...";
}

template <class T>
struct Named {
  const char* name;
  T value;
};
constexpr Named<DType> kTypes[] = {{"u8", DType::u8}, {"s8", DType::s8}};
constexpr Named<Scheme> kSchemes[] = {{"affine", Scheme::affine}, {"symmetric", Scheme::symmetric}};
constexpr Named<ScaleRule> kScaleRules[] = {
    {"exact", ScaleRule::exact}, {"half", ScaleRule::half}, {"fused", ScaleRule::fused}};

template <class T, std::size_t N>
const char* name_in(const Named<T> (&list)[N], T value) {
  for (const Named<T>& one : list) {
    if (one.value == value) return one.name;
  }
  return "unknown";
}

std::string text_of(const Json& json, const std::string& where) {
  if (!json.is_string()) refuse(where, fmt::format("{}: must be a string", shown(json)));
  return json.get<std::string>();
}
bool flag_of(const Json& json, const std::string& where) {
  if (!json.is_boolean()) refuse(where, fmt::format("{}: must be true or false", shown(json)));
  return json.get<bool>();
}
double number_of(const Json& json, const std::string& where) {
  if (!json.is_number()) refuse(where, fmt::format("{}: must be a number", shown(json)));
  return json.get<double>();
}
int integer_of(const Json& json, const std::string& where) {
  constexpr double kMost = 1e6;  // nothing here comes near
  const double number = number_of(json, where);
  if (!json.is_number_integer() || number < -kMost || number > kMost) {
    refuse(where, fmt::format("{}: must be an integer of at most six digits", shown(json)));
  }
  return static_cast<int>(number);
}
template <class T, std::size_t N>
T one_of(const Named<T> (&list)[N], const Json& json, const std::string& where) {
  const std::string name = text_of(json, where);
  std::string known;
  for (const Named<T>& one : list) {
    if (name == one.name) return one.value;
    known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", one.name);
  }
  refuse(where, fmt::format("{}: must be one of {}", shown(json), known));
}

struct Key {
  const char* name;
  std::function<void(const Json& value, const std::string& where)> read;
};

void read_object(const Json& json, const std::string& where, std::initializer_list<Key> keys) {
  if (!json.is_object()) refuse(where, "must be an object");
  std::string known;
  for (const Key& key : keys) known += fmt::format("{}{}", known.empty() ? "" : ", ", key.name);
  for (const auto& [name, value] : json.items()) {
    const Key* found = nullptr;
    for (const Key& key : keys) found = name == key.name ? &key : found;
    if (found == nullptr) refuse(where, fmt::format("key {}: must be one of {}", shown(name), known));
    found->read(value, where.empty() ? name : where + "." + name);
  }
}

// "mse", or an object with settings; what it does not name stays as in `base`.
ObserverSpec read_observer(const Json& json, const std::string& where, ObserverSpec base) {
  const auto kind = [&](const Json& value, const std::string& at) {
    const Result<ObserverKind> found = find_observer(text_of(value, at));
    if (!found.ok()) refuse(at, found.status().message());
    base.kind = *found;
  };
  if (json.is_string()) {
    kind(json, where);
    return base;
  }
  using Text = const std::string&;
  read_object(json, where,
              {{"kind", kind},
               {"averaging_constant",
                [&](const Json& v, Text at) { base.averaging_constant = static_cast<float>(number_of(v, at)); }},
               {"bins", [&](const Json& v, Text at) { base.bins = integer_of(v, at); }},
               {"percentile", [&](const Json& v, Text at) { base.percentile = number_of(v, at); }}});
  return base;
}

// Codes of another type take all of its codes unless the file says which.
QuantSpec read_spec(const Json& json, const std::string& where, QuantSpec base) {
  if (json.is_object() && json.contains("dtype")) {
    const DType dtype = one_of(kTypes, json["dtype"], where + ".dtype");
    if (dtype != base.dtype) {
      base.dtype = dtype;
      base.quant_min = dtype == DType::s8 ? -128 : 0;
      base.quant_max = dtype == DType::s8 ? 127 : 255;
    }
  }
  using Text = const std::string&;
  read_object(json, where,
              {{"dtype", [](const Json&, Text) {}},
               {"scheme", [&](const Json& v, Text at) { base.scheme = one_of(kSchemes, v, at); }},
               {"quant_min", [&](const Json& v, Text at) { base.quant_min = integer_of(v, at); }},
               {"quant_max", [&](const Json& v, Text at) { base.quant_max = integer_of(v, at); }},
               {"per_channel", [&](const Json& v, Text at) { base.per_channel = flag_of(v, at); }},
               {"eps", [&](const Json& v, Text at) { base.eps = static_cast<float>(number_of(v, at)); }},
               {"scale_rule", [&](const Json& v, Text at) { base.rule = one_of(kScaleRules, v, at); }},
               {"reduce_range", [&](const Json& v, Text at) { base.reduce_range = flag_of(v, at); }}});
  return base;
}

QConfigRule read_rule(const Json& json, const std::string& where, const QConfig& defaults) {
  QConfigRule rule;
  using Text = const std::string&;
  read_object(json, where,
              {{"op_type", [&](const Json& v, Text at) { rule.op_type = text_of(v, at); }},
               {"name", [&](const Json& v, Text at) { rule.name = text_of(v, at); }},
               {"keep_float", [&](const Json& v, Text at) { rule.keep_float = flag_of(v, at); }},
               {"observer", [&](const Json& v, Text at) { rule.observer = read_observer(v, at, defaults.observer); }},
               {"activation", [&](const Json& v, Text at) { rule.activation = read_spec(v, at, defaults.activation); }},
               {"weight", [&](const Json& v, Text at) { rule.weight = read_spec(v, at, defaults.weight); }},
               {"weight_observer", [&](const Json& v, Text at) {
                  rule.weight_observer = read_observer(v, at, defaults.weight_observer);
                }}});
  return rule;
}

// The JSON library keeps the last of two equal keys, silently, and prints nested values by recursion.
Json parse_strictly(std::string_view text) {
  constexpr int kDeepest = 16;
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest) refuse({}, fmt::format("nested more than {} deep", kDeepest));
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      refuse({}, fmt::format("key '{}' stands twice in one object", parsed.get<std::string>()));
    }
    return true;
  };
  return Json::parse(text.begin(), text.end(), check);
}

QConfig read_config(std::string_view text) {
  const Json json = parse_strictly(text);
  QConfig config;
  if (json.is_object() && json.contains("preset")) {
    config = QConfig::preset(text_of(json["preset"], "preset")).value();
  }
  using Text = const std::string&;
  Json rules = Json::array();
  read_object(json, {},
              {{"preset", [](const Json&, Text) {}},
               {"observer", [&](const Json& v, Text at) { config.observer = read_observer(v, at, config.observer); }},
               {"activation", [&](const Json& v, Text at) { config.activation = read_spec(v, at, config.activation); }},
               {"weight", [&](const Json& v, Text at) { config.weight = read_spec(v, at, config.weight); }},
               {"weight_observer",
                [&](const Json& v, Text at) { config.weight_observer = read_observer(v, at, config.weight_observer); }},
               {"rules", [&](const Json& v, Text at) {
                  if (!v.is_array()) refuse(at, "must be a list");
                  rules = v;
                }}});
  for (std::size_t i = 0; i < rules.size(); ++i) {  // last, as they build on the defaults
    config.rules.push_back(read_rule(rules[i], fmt::format("rules[{}]", i), config));
  }
  graph::check_config(config).value();
  return config;
}

// The shortest decimal that reads back as this float.
double shortest(float value) {
  const std::string text = fmt::format("{}", value);
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Json json_of(const ObserverSpec& spec) {
  return {{"kind", name_of(spec.kind)},
          {"averaging_constant", shortest(spec.averaging_constant)},
          {"bins", spec.bins},
          {"percentile", spec.percentile}};
}

Json json_of(const QuantSpec& spec) {
  return {{"dtype", name_in(kTypes, spec.dtype)},
          {"scheme", name_in(kSchemes, spec.scheme)},
          {"quant_min", spec.quant_min},
          {"quant_max", spec.quant_max},
          {"per_channel", spec.per_channel},
          {"eps", shortest(spec.eps)},
          {"scale_rule", name_in(kScaleRules, spec.rule)},
          {"reduce_range", spec.reduce_range}};
}

}  // namespace

Result<QConfig> QConfig::from_json(std::string_view text) {
  try {
    return read_config(text);
  } catch (const Error& error) {
    return Status::error(fmt::format("configuration: {}", error.what()));
  } catch (const Json::exception& error) {
    return Status::error(fmt::format("configuration: {}", error.what()));
  }
}

std::string QConfig::to_json() const {
  Json json = {{"observer", json_of(observer)},
               {"activation", json_of(activation)},
               {"weight", json_of(weight)},
               {"weight_observer", json_of(weight_observer)}};
  json["rules"] = Json::array();
  for (const QConfigRule& rule : rules) {
    Json one = Json::object();
    if (!rule.op_type.empty()) one["op_type"] = rule.op_type;
    if (!rule.name.empty()) one["name"] = rule.name;
    if (rule.keep_float) one["keep_float"] = *rule.keep_float;
    if (rule.observer) one["observer"] = json_of(*rule.observer);
    if (rule.activation) one["activation"] = json_of(*rule.activation);
    if (rule.weight) one["weight"] = json_of(*rule.weight);
    if (rule.weight_observer) one["weight_observer"] = json_of(*rule.weight_observer);
    json["rules"].push_back(std::move(one));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace octet
