// SPDX-License-Identifier: Apache-2.0
#include "runtime/compiled/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "graph/import/onnx.h"
#include "graph/load_budget.h"
#include "graph/op.h"
#include "runtime/compiled/constants.h"
#include "runtime/compiled/container.h"

namespace octet::runtime {
namespace {

using graph::Graph;
using graph::kNone;
using graph::OnnxAttribute;
using graph::ValueId;

constexpr ValueId kUndefined = -2;

class Reader {
 public:
  Reader(const compiled::Model& model, Constants& constants, graph::LoadBudget& budget,
         std::shared_ptr<const std::byte[]> file)
      : model_(model),
        constants_(constants),
        budget_(budget),
        file_(std::move(file)),
        context_(graph_),
        ids_(model.values()->size(), kUndefined),
        has_packed_form_(ids_.size()) {}

  Result<CompiledModel> run() {
    if (model_.name() != nullptr) graph_.name = constants_.text(model_.name());
    if (model_.opset() < graph::kOldestOpset || model_.opset() > graph::kNewestOpset) {
      return Status::error(fmt::format("the model uses opset {}: supported are {} to {}", model_.opset(),
                                       graph::kOldestOpset, graph::kNewestOpset));
    }
    context_.opset = model_.opset();
    using Step = Status (Reader::*)();
    for (Step step : {&Reader::count, &Reader::find_packed, &Reader::read_constants, &Reader::read_packed,
                      &Reader::read_inputs, &Reader::read_nodes, &Reader::read_outputs, &Reader::read_notes}) {
      if (Status status = (this->*step)(); !status) return status;
      if (Status status = constants_.check_budget(); !status) return status;
    }
    made_.graph = std::move(graph_);
    return std::move(made_);
  }

 private:
  Status count();
  Status find_packed();
  Status read_constants();
  Status read_packed();
  Status read_notes();
  Status read_inputs();
  Status read_nodes();
  Status read_outputs();
  Status read_node(const compiled::Node& node);
  Status read_attributes(const compiled::Node& node);

  bool exists(std::int32_t index) const { return index >= 0 && static_cast<std::size_t>(index) < ids_.size(); }
  ValueId& id(std::int32_t index) { return ids_[static_cast<std::size_t>(index)]; }

  const compiled::Model& model_;
  Constants& constants_;
  graph::LoadBudget& budget_;
  std::shared_ptr<const std::byte[]> file_;
  Graph graph_;
  CompiledModel made_;
  graph::ImportContext context_;
  std::vector<ValueId> ids_;           // (values of the file)
  std::vector<bool> has_packed_form_;  // (values of the file)
};

Status Reader::count() {
  return budget_.check_counts(model_.nodes()->size(), model_.inputs()->size(), model_.outputs()->size());
}

Status Reader::find_packed() {
  if (model_.packed() == nullptr) return {};
  for (const compiled::PackedWeights* packed : *model_.packed()) {
    if (!exists(packed->constant())) {
      return Status::error(fmt::format("packed weights of value {}, which does not exist", packed->constant()));
    }
    has_packed_form_[static_cast<std::size_t>(packed->constant())] = true;
  }
  return {};
}

Status Reader::read_packed() {
  if (model_.packed() == nullptr) return {};
  for (const compiled::PackedWeights* packed : *model_.packed()) {
    if (id(packed->constant()) == kUndefined) {
      return Status::error(fmt::format("packed weights of value {}, which is no constant", packed->constant()));
    }
    const graph::Value& value = graph_[id(packed->constant())];
    Result<StoredWeights> stored = StoredWeights::read(file_, *packed, value, constants_);
    if (!stored) return stored.status();
    made_.packed.emplace_back(value, std::move(*stored));
  }
  return {};
}

Status Reader::read_notes() {
  if (model_.notes() == nullptr) return {};
  for (const compiled::Note* note : *model_.notes()) {
    made_.notes.insert_or_assign(constants_.text(note->key()), constants_.text(note->text()));
  }
  return {};
}

Status Reader::read_constants() {
  for (std::uint32_t i = 0; i < ids_.size(); ++i) {
    const compiled::Value& stored = *model_.values()->Get(i);
    if (stored.data() == nullptr) continue;
    Result<graph::Value> value = constants_.read(stored, !has_packed_form_[i]);
    if (!value) return value.status();
    if (has_packed_form_[i]) made_.deferred.emplace_back(*value, stored.data()->checksum());
    ids_[i] = graph_.add_value(std::move(*value));
  }
  return {};
}

Status Reader::read_inputs() {
  for (std::int32_t index : *model_.inputs()) {
    if (!exists(index) || id(index) != kUndefined) {
      return Status::error(fmt::format("input {} is no value, a constant, or given twice", index));
    }
    Result<graph::Value> value = constants_.read(*model_.values()->Get(static_cast<std::uint32_t>(index)));
    if (!value) return value.status();
    id(index) = graph_.add_value(std::move(*value));
    graph_.inputs.push_back(id(index));
  }
  return {};
}

Status Reader::read_nodes() {
  for (const compiled::Node* node : *model_.nodes()) {
    if (Status status = read_node(*node); !status) return status;
    if (Status status = constants_.check_budget(); !status) return status;
  }
  return {};
}

Status Reader::read_attributes(const compiled::Node& node) {
  if (node.attributes() == nullptr) return {};
  for (const compiled::Attribute* stored : *node.attributes()) {
    Result<OnnxAttribute> attribute = constants_.read(*stored);
    if (!attribute) return context_.error(attribute.status().message());
    if (!context_.attributes.emplace(constants_.text(stored->name()), std::move(*attribute)).second) {
      return context_.error(fmt::format("attribute '{}' is given twice", stored->name()->string_view()));
    }
  }
  return {};
}

Status Reader::read_node(const compiled::Node& node) {
  context_.start(constants_.text(node.name()), constants_.text(node.op_type()), constants_.text(node.domain()));
  const graph::OnnxRule* rule = graph::find_stored_rule(context_.domain, context_.op_type);
  if (rule == nullptr) return context_.error("this operator is not supported");
  if (Status status = read_attributes(node); !status) return status;
  for (const std::int32_t index : constants_.list(node.inputs())) {
    // What no constant, input or node before this one defines: nodes stand in topological order.
    if (index != -1 && (!exists(index) || id(index) == kUndefined)) {
      return context_.error(fmt::format("reads value {}, which nothing before it makes", index));
    }
    context_.inputs.push_back(index == -1 ? kNone : id(index));
  }
  const std::vector<std::int32_t> outputs = constants_.list(node.outputs());
  if (outputs.empty()) return context_.error("has no outputs");
  for (const std::int32_t index : outputs) {
    if (index != -1 && (!exists(index) || id(index) != kUndefined)) {
      return context_.error(fmt::format("makes value {}, which does not exist or is made already", index));
    }
    context_.output_names.push_back(
        index == -1 ? std::string() : constants_.text(model_.values()->Get(static_cast<std::uint32_t>(index))->name()));
  }

  const std::size_t first = graph_.nodes.size(), first_value = graph_.values.size();
  const Status imported = rule->import(context_);
  if (!context_.misread()) return context_.misread();  // likely the cause of what the rule complains about
  if (!imported) return imported;
  if (Status status = budget_.spend_computed(context_, first_value); !status) return status;
  for (std::size_t i = first; i < graph_.nodes.size(); ++i) {
    if (Status status = graph::infer_node(graph_, graph_.nodes[i]); !status) return status;
  }
  for (std::size_t i = 0; i < outputs.size() && i < context_.outputs.size(); ++i) {
    if (outputs[i] == -1) continue;
    if (id(outputs[i]) != kUndefined) return context_.error("makes one value twice");
    id(outputs[i]) = context_.outputs[i];
  }
  return {};
}

Status Reader::read_outputs() {
  if (model_.outputs()->size() == 0) return Status::error("the model has no outputs");
  for (std::int32_t index : *model_.outputs()) {
    if (!exists(index) || id(index) < 0) return Status::error(fmt::format("output {} is made by no node", index));
    if (graph_.is_output(id(index))) return Status::error(fmt::format("output {} is declared twice", index));
    graph_.outputs.push_back(id(index));
  }
  return {};
}

}  // namespace

Result<CompiledModel> read_compiled(const std::shared_ptr<const std::byte[]>& file, std::size_t size,
                                    const ModelLimits& limits) {
  graph::LoadBudget budget(limits);
  if (Status status = budget.check_file(size); !status) return status;
  if (reinterpret_cast<std::uintptr_t>(file.get()) % kBlobAlignment != 0) {
    return Status::error(fmt::format("the memory of a compiled model must be {}-byte aligned", kBlobAlignment));
  }
  Result<Container> parts = read_container({file.get(), size});
  if (!parts) return parts.status();
  const auto* description = reinterpret_cast<const std::uint8_t*>(parts->description.data());
  // Tables may be shared, so their number bounds the time that verifying takes.
  const auto depth = static_cast<flatbuffers::uoffset_t>(std::max(limits.max_depth, 0));
  const auto tables =
      static_cast<flatbuffers::uoffset_t>(std::clamp<std::size_t>(limits.max_nodes, 1 << 16, 1 << 26) * 16);
  flatbuffers::Verifier verifier(description, parts->description.size(), depth, tables);
  if (!compiled::VerifyModelBuffer(verifier)) {
    return Status::error(
        fmt::format("the description is not a valid FlatBuffer, or nested deeper than the {} that "
                    "ModelLimits::max_depth allows",
                    limits.max_depth));
  }
  Constants constants(file, *parts);
  return Reader(*compiled::GetModel(description), constants, budget, file).run();
}

}  // namespace octet::runtime
