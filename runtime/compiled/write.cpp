// SPDX-License-Identifier: Apache-2.0
#include "runtime/compiled/write.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "octet_generated.h"
#include "runtime/compiled/container.h"

namespace octet::runtime {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using graph::OnnxAttribute;
using Kind = OnnxAttribute::Kind;

class Writer {
 public:
  Writer(const graph::PlainModel& model, const std::map<std::string, std::string>& notes,
         std::span<const PackedForm> packed)
      : model_(model), notes_(notes), packed_(packed) {}

  Result<std::string> run() {
    place_constants();
    for (const graph::Value& value : model_.constants) store(value);
    for (const graph::Value& value : model_.inputs) inputs_.push_back(store(value));
    for (const graph::PlainNode& node : model_.nodes) {
      if (Status status = store(node); !status.ok()) return status;
    }
    std::vector<std::int32_t> outputs;
    for (const std::string& name : model_.outputs) outputs.push_back(index_of(name));
    std::vector<Offset<compiled::Note>> notes;
    for (const auto& [key, text] : notes_)
      notes.push_back(compiled::CreateNoteDirect(builder_, key.c_str(), text.c_str()));
    std::vector<Offset<compiled::PackedWeights>> packed;
    for (const PackedForm& form : packed_) packed.push_back(packed_table(form));
    builder_.Finish(compiled::CreateModelDirect(builder_, model_.opset, model_.name.c_str(), &values_, &inputs_,
                                                &outputs, &nodes_, &notes, packed.empty() ? nullptr : &packed),
                    compiled::ModelIdentifier());
    const std::span description(builder_.GetBufferPointer(), builder_.GetSize());
    return write_container(std::as_bytes(description), std::as_bytes(std::span(data_)));
  }

 private:
  // What has a packed form comes behind everything else: no page that is read at load holds any of it.
  void place_constants() {
    std::vector<bool> rarely_read(model_.constants.size());
    for (const PackedForm& form : packed_) rarely_read[static_cast<std::size_t>(form.constant)] = true;
    for (const bool now : {false, true}) {
      for (std::size_t i = 0; i < rarely_read.size(); ++i) {
        if (rarely_read[i] == now) placed_[model_.constants[i].data.get()] = append(bytes_of(model_.constants[i]));
      }
    }
  }

  static std::span<const std::byte> bytes_of(const graph::Value& value) {
    return {value.data.get(), static_cast<std::size_t>(value.shape.count()) * size_of(value.dtype)};
  }

  compiled::Blob append(std::span<const std::byte> bytes) {
    const compiled::Blob blob(data_.size(), bytes.size(), checksum_of(bytes));
    data_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    data_.resize((data_.size() + kBlobAlignment - 1) / kBlobAlignment * kBlobAlignment);
    return blob;
  }

  // Absent if all are 0.
  Offset<flatbuffers::Vector<std::int8_t>> zero_points(const std::vector<std::int32_t>& all) {
    if (std::ranges::all_of(all, [](std::int32_t z) { return z == 0; })) return 0;
    return builder_.CreateVector(std::vector<std::int8_t>(all.begin(), all.end()));
  }

  Offset<compiled::PackedWeights> packed_table(const PackedForm& form) {
    const kernels::LayerWeights& weights = *form.weights;
    const kernels::WeightDims& dims = weights.dims;
    std::vector<compiled::PackedBlock> blocks;
    for (const kernels::PackedBlock& block : weights.packed.blocks()) {
      blocks.emplace_back(static_cast<std::uint8_t>(block.kind), static_cast<std::uint8_t>(block.columns));
    }
    std::vector<compiled::Excess> excess;
    for (const kernels::Excess& e : weights.excess) {
      excess.emplace_back(static_cast<std::uint32_t>(e.column), static_cast<std::uint32_t>(e.tap),
                          static_cast<std::uint32_t>(e.k), e.weight);
    }
    const auto backend = builder_.CreateString(form.backend);
    const auto layout = builder_.CreateVector(form.key.layout.data(), form.key.layout.size());
    const auto before = zero_points(form.key.zero_point), left = zero_points(weights.zero_point);
    const auto excess_vector = excess.empty() ? 0 : builder_.CreateVectorOfStructs(excess);
    const auto sums_vector = builder_.CreateVector(weights.sums);
    const auto block_vector = builder_.CreateVectorOfStructs(blocks);
    const compiled::Blob blob = append(weights.packed.bytes());
    const auto u32 = [](std::size_t n) { return static_cast<std::uint32_t>(n); };
    return compiled::CreatePackedWeights(
        builder_, form.constant, backend, layout, static_cast<std::uint8_t>(form.key.order), u32(dims.groups),
        u32(dims.columns), u32(dims.taps), u32(dims.kc), form.key.max_code, before, left, excess_vector, sums_vector,
        weights.packed.counted().pairs, weights.packed.counted().unsafe, block_vector, &blob);
  }

  Offset<compiled::Value> value_table(const graph::Value& value) {
    const auto name = builder_.CreateString(value.name);
    Offset<flatbuffers::Vector<std::int64_t>> shape;
    if (value.shape_known)
      shape = builder_.CreateVector(value.shape.begin(), static_cast<std::size_t>(value.shape.rank()));
    compiled::Blob blob;
    if (value.is_constant()) {
      const auto placed = placed_.find(value.data.get());
      blob = placed != placed_.end() ? placed->second : append(bytes_of(value));
    }
    return compiled::CreateValue(builder_, name, static_cast<compiled::ElementType>(value.dtype), shape,
                                 value.is_constant() ? &blob : nullptr);
  }

  std::int32_t store(const graph::Value& value) {
    values_.push_back(value_table(value));
    return indices_[value.name] = static_cast<std::int32_t>(values_.size()) - 1;
  }

  // What a node makes is a value with a name and nothing else: the reader infers the rest.
  std::int32_t index_of(const std::string& name) {
    if (name.empty()) return -1;
    if (const auto it = indices_.find(name); it != indices_.end()) return it->second;
    graph::Value made;
    made.name = name;
    return store(made);
  }

  Status store(const graph::PlainNode& node) {
    std::vector<std::int32_t> inputs, outputs;
    for (const std::string& name : node.inputs) inputs.push_back(index_of(name));
    for (const std::string& name : node.outputs) outputs.push_back(index_of(name));
    std::vector<Offset<compiled::Attribute>> attributes;
    for (const auto& [name, attribute] : node.attributes) {
      if (attribute.kind == Kind::other) {
        return Status::error(fmt::format("node '{}': attribute '{}' has no form in a compiled model", node.name, name));
      }
      attributes.push_back(attribute_table(name, attribute));
    }
    nodes_.push_back(compiled::CreateNodeDirect(builder_, node.name.c_str(), node.op_type.c_str(),
                                                node.domain.empty() ? nullptr : node.domain.c_str(), &inputs, &outputs,
                                                &attributes));
    return {};
  }

  Offset<compiled::Attribute> attribute_table(const std::string& name, const OnnxAttribute& attribute) {
    std::vector<Offset<flatbuffers::String>> texts;
    for (const std::string& text : attribute.texts) texts.push_back(builder_.CreateString(text));
    Offset<compiled::Value> tensor;
    if (attribute.kind == Kind::tensor) tensor = value_table(attribute.tensor);
    // The kinds stand in the same order in both enumerations.
    static_assert(int(compiled::AttributeKind_tensor) == int(Kind::tensor) &&
                  int(compiled::AttributeKind_integer) == int(Kind::integer));
    return compiled::CreateAttributeDirect(
        builder_, name.c_str(), static_cast<compiled::AttributeKind>(attribute.kind), attribute.integer, attribute.real,
        attribute.text.empty() ? nullptr : attribute.text.c_str(),
        attribute.integers.empty() ? nullptr : &attribute.integers,
        attribute.reals.empty() ? nullptr : &attribute.reals, texts.empty() ? nullptr : &texts, tensor);
  }

  const graph::PlainModel& model_;
  const std::map<std::string, std::string>& notes_;
  std::span<const PackedForm> packed_;
  FlatBufferBuilder builder_;
  std::string data_;
  std::unordered_map<const std::byte*, compiled::Blob> placed_;  // the model's constants
  std::unordered_map<std::string, std::int32_t> indices_;
  std::vector<Offset<compiled::Value>> values_;
  std::vector<Offset<compiled::Node>> nodes_;
  std::vector<std::int32_t> inputs_;
};

}  // namespace

Result<std::string> write_compiled(const graph::PlainModel& model, const std::map<std::string, std::string>& notes,
                                   std::span<const PackedForm> packed) {
  return Writer(model, notes, packed).run();
}

}  // namespace octet::runtime
