// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/ledger.h>
#include <octet/model.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model;
  SessionFlags session;
  JsonFlag json;
};

// "u8[1,56,56,64] s=0.0235 z=0"; per-channel scales as their range.
std::string describe(const TensorInfo& info, const Quant& quant) {
  std::string text = fmt::format("{}{}", name_of(info.dtype), to_string(info.shape));
  if (quant.scale.empty()) return text;
  if (quant.per_tensor()) return text + fmt::format(" s={:.6g} z={}", quant.scale[0], quant.zero_point[0]);
  const auto [low, high] = std::minmax_element(quant.scale.begin(), quant.scale.end());
  return text + fmt::format(" s={:.3g}..{:.3g} per axis {}", *low, *high, quant.axis);
}

nlohmann::json tensor_json(const TensorInfo& info, const Quant& quant) {
  nlohmann::json tensor = {{"name", info.name}, {"dtype", name_of(info.dtype)}, {"shape", info.shape.dims()}};
  if (!quant.scale.empty()) {
    tensor["scale"] = quant.scale;
    tensor["zero_point"] = quant.zero_point;
    if (!quant.per_tensor()) tensor["axis"] = quant.axis;
  }
  return tensor;
}

nlohmann::json op_json(const OpInfo& op) {
  nlohmann::json json = {{"name", op.name},
                         {"op", op.op},
                         {"precision", op.precision},
                         {"kernel", op.kernel},
                         {"reason", op.reason},
                         {"reason_code", reason_code(op)},
                         {"macs", op.macs},
                         {"inputs", nlohmann::json::array()},
                         {"outputs", nlohmann::json::array()}};
  for (std::size_t i = 0; i < op.inputs.size(); ++i)
    json["inputs"].push_back(tensor_json(op.inputs[i], op.input_quant[i]));
  for (std::size_t i = 0; i < op.outputs.size(); ++i) {
    json["outputs"].push_back(tensor_json(op.outputs[i], op.output_quant[i]));
  }
  return json;
}

// A field of a record that a file holds, whatever it is.
std::string field(const nlohmann::json& record, const char* key) {
  const nlohmann::json value = record.value(key, nlohmann::json());
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// How the model was made, as its file tells: the calibration a line per tensor, everything else as it stands.
void print_notes(const Model& model) {
  for (const auto& [key, text] : model.notes()) {
    const nlohmann::json record = nlohmann::json::parse(text, nullptr, false);
    if (key != "calibration" || !record.is_object() || !record.contains("tensors")) {
      fmt::print("{}: {}\n", key, text);
      continue;
    }
    fmt::print("calibration: {} samples, config {}\n", field(record, "samples"), field(record, "config"));
    for (const nlohmann::json& tensor : record["tensors"]) {
      if (!tensor.is_object()) continue;
      fmt::print("  {}: {} saw {}, chose {}, clips a share of {}\n", field(tensor, "name"), field(tensor, "observer"),
                 field(tensor, "seen"), field(tensor, "chosen"), field(tensor, "clipped"));
    }
  }
}

Status inspect(const Flags& flags) {
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  Result<Session> session = Session::create(*model, flags.session.options());
  if (!session.ok()) return session.status();
  auto ops = nlohmann::json::array();
  double int8_macs = 0, all_macs = 0;
  fmt::print("{} on {}, {} operators\n", flags.model, engine_of(*model, *session), session->ops().size());
  if (!session->backend_note().empty()) fmt::print("{}\n", session->backend_note());
  for (const OpInfo& op : session->ops()) {
    fmt::print("{:11} {:13} {:28} {}", op.precision, op.op, op.kernel, op.name);
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
      fmt::print("{}{}", i == 0 ? "  " : ", ", describe(op.inputs[i], op.input_quant[i]));
    }
    fmt::print(" -> {}", describe(op.outputs[0], op.output_quant[0]));
    const std::string code = reason_code(op);
    fmt::print("{}\n", op.reason.empty() ? "" : "  | " + (code.empty() ? "" : code + ": ") + op.reason);
    if (op.precision.starts_with("int8")) int8_macs += op.macs;
    all_macs += op.macs;
    ops.push_back(op_json(op));
  }
  fmt::print("multiply-accumulates: {:.3f} M, {:.1f} % of them in int8; arena {:.1f} kB, packed weights {:.1f} kB\n",
             all_macs / 1e6, all_macs > 0 ? 100 * int8_macs / all_macs : 0.0,
             static_cast<double>(session->arena_bytes()) / 1e3, static_cast<double>(session->weight_bytes()) / 1e3);
  print_notes(*model);
  if (Status status = flags.session.check(*session); !status.ok()) return status;
  return flags.json.write({{"model", flags.model},
                           {"notes", model->notes()},
                           {"backend", engine_of(*model, *session)},
                           {"backend_note", session->backend_note()},
                           {"requant", flags.session.requant},
                           {"macs", all_macs},
                           {"int8_macs", int8_macs},
                           {"arena_bytes", session->arena_bytes()},
                           {"weight_bytes", session->weight_bytes()},
                           {"ops", ops}});
}

}  // namespace

void add_inspect(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("inspect", "what every operator becomes, and why it is not int8 where it is not");
  command->add_option("model", flags->model, "ONNX file, fp32 or quantized; symbolic sizes become 1")->required();
  flags->session.add_to(*command);
  flags->json.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return inspect(*flags); }; });
}

}  // namespace octet::tools
