// SPDX-License-Identifier: Apache-2.0
#include "graph/passes/editor.h"

#include <fmt/format.h>

#include <algorithm>

namespace octet::graph {

Editor::Editor(Graph& g)
    : graph(g),
      removed_(g.nodes.size(), false),
      producer_(g.values.size(), kNone),
      consumers_(g.values.size()),
      is_output_(g.values.size(), false) {
  for (NodeId id = 0; id < size(); ++id) connect(id);
  for (ValueId output : g.outputs) is_output_[static_cast<std::size_t>(output)] = true;
}

void Editor::connect(NodeId id) {
  for (ValueId input : node(id).inputs) {
    if (input != kNone) consumers_[static_cast<std::size_t>(input)].insert(id);
  }
  for (ValueId output : node(id).outputs) {
    if (output != kNone) producer_[static_cast<std::size_t>(output)] = id;
  }
}

NodeId Editor::producer(ValueId value, Op op) const {
  if (value == kNone) return kNone;
  const NodeId id = producer(value);
  return id != kNone && node(id).op == op ? id : kNone;
}

ValueId Editor::add_value(Value value) {
  producer_.push_back(kNone);
  consumers_.emplace_back();
  is_output_.push_back(false);
  return graph.add_value(std::move(value));
}

ValueId Editor::add_like(ValueId model, std::string_view suffix) {
  Value value = graph[model];
  value.name = fmt::format("{}/{}", value.name, suffix);
  value.data = nullptr;
  return add_value(std::move(value));
}

NodeId Editor::add(Node added) {
  graph.nodes.push_back(std::move(added));
  removed_.push_back(false);
  connect(size() - 1);
  return size() - 1;
}

namespace {
void erase_one(std::multiset<NodeId>& ids, NodeId id) {
  if (const auto found = ids.find(id); found != ids.end()) ids.erase(found);
}
}  // namespace

void Editor::remove(NodeId id) {
  if (!alive(id)) return;
  removed_[static_cast<std::size_t>(id)] = true;
  for (ValueId input : node(id).inputs) {
    if (input != kNone) erase_one(consumers_[static_cast<std::size_t>(input)], id);
  }
  for (ValueId output : node(id).outputs) {
    if (output != kNone && producer(output) == id) producer_[static_cast<std::size_t>(output)] = kNone;
  }
}

void Editor::set_input(NodeId id, std::size_t index, ValueId value) {
  auto& inputs = node(id).inputs;
  if (index >= inputs.size()) inputs.resize(index + 1, kNone);
  if (inputs[index] != kNone) erase_one(consumers_[static_cast<std::size_t>(inputs[index])], id);
  inputs[index] = value;
  if (value != kNone) consumers_[static_cast<std::size_t>(value)].insert(id);
}

void Editor::set_output(NodeId id, std::size_t index, ValueId value) {
  ValueId& output = node(id).outputs[index];
  if (output != kNone && producer(output) == id) producer_[static_cast<std::size_t>(output)] = kNone;
  output = value;
  producer_[static_cast<std::size_t>(value)] = id;
}

bool Editor::replace_uses(ValueId from, ValueId to) {
  if (is_output(from)) return false;
  auto& readers = consumers_[static_cast<std::size_t>(from)];
  for (NodeId id : readers) std::replace(node(id).inputs.begin(), node(id).inputs.end(), from, to);
  consumers_[static_cast<std::size_t>(to)].insert(readers.begin(), readers.end());
  readers.clear();
  return true;
}

ValueId Editor::merge(ValueId copy, ValueId original) {
  const NodeId copier = producer(copy), maker = producer(original);
  if (replace_uses(copy, original)) {
    remove(copier);
    return original;
  }
  if (maker == kNone || !replace_uses(original, copy)) return kNone;
  remove(copier);
  const auto& outputs = node(maker).outputs;
  set_output(maker, static_cast<std::size_t>(std::find(outputs.begin(), outputs.end(), original) - outputs.begin()),
             copy);
  return copy;
}

void Editor::remove_if_unused(ValueId value) {
  const NodeId id = producer(value);
  if (id == kNone) return;
  const auto& outputs = node(id).outputs;
  const bool wanted = std::any_of(outputs.begin(), outputs.end(), [&](ValueId output) {
    return output != kNone && (is_output(output) || !consumers(output).empty());
  });
  if (!wanted) remove(id);
}

Status Editor::finish() {
  enum class Mark : std::uint8_t { unseen, open, placed };
  std::vector<Mark> marks(graph.nodes.size(), Mark::unseen);
  std::vector<Node> sorted;
  struct Visit {
    NodeId id;
    std::size_t next;  // the input to look at next
  };
  std::vector<Visit> stack;  // not the call stack: a graph may be a chain of any length
  for (NodeId root = 0; root < size(); ++root) {
    if (!alive(root) || marks[static_cast<std::size_t>(root)] != Mark::unseen) continue;
    stack.push_back({root, 0});
    while (!stack.empty()) {
      const NodeId id = stack.back().id;
      Node& here = node(id);
      marks[static_cast<std::size_t>(id)] = Mark::open;
      if (stack.back().next == here.inputs.size()) {
        marks[static_cast<std::size_t>(id)] = Mark::placed;
        sorted.push_back(std::move(here));
        stack.pop_back();
        continue;
      }
      const ValueId input = here.inputs[stack.back().next++];
      const NodeId maker = input == kNone ? kNone : producer(input);
      if (maker == kNone || marks[static_cast<std::size_t>(maker)] == Mark::placed) continue;
      if (marks[static_cast<std::size_t>(maker)] == Mark::open)
        return Status::error(fmt::format("node '{}' is part of a cycle: it needs its own result", here.name));
      stack.push_back({maker, 0});
    }
  }
  graph.nodes = std::move(sorted);
  return {};
}

}  // namespace octet::graph
