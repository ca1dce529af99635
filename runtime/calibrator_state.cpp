// SPDX-License-Identifier: Apache-2.0
// The observers' state as a file and as a part of a whole: calibration can stop and go on, and be spread over
// threads, machines and days.
//
//   "octet calibration 1\n" · fingerprint · samples · per watched value: extremes, observer · FNV-1a of all before
#include <fmt/format.h>

#include <fstream>

#include "runtime/calibrator.h"
#include "runtime/model_impl.h"

namespace octet {
namespace {

constexpr std::string_view kMagic = "octet calibration 1\n";
constexpr std::size_t kHashSize = 8;

std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash = 0xcbf29ce484222325U) {
  for (char byte : bytes) hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3U;
  return hash;
}

std::string low_bytes(std::uint64_t hash) {
  std::string bytes;
  for (std::size_t i = 0; i < kHashSize; ++i) bytes.push_back(static_cast<char>(hash >> (8 * i)));
  return bytes;
}

Status another(const std::filesystem::path& path) {
  return Status::error(fmt::format("state '{}': belongs to another model or configuration", path.string()));
}

}  // namespace

std::uint64_t Calibrator::Impl::fingerprint() const {
  const graph::Graph& graph = model.impl().graph;
  graph::StateWriter writer;
  for (const graph::Value& value : graph.values) {
    writer.text(value.name);
    writer.text(to_string(value.shape));
    if (value.is_constant()) {
      const auto size = static_cast<std::size_t>(value.shape.count()) * size_of(value.dtype);
      writer.number(fnv1a({reinterpret_cast<const char*>(value.data.get()), size}));
    }
  }
  for (const graph::Node& node : graph.nodes) {
    writer.number(static_cast<std::uint64_t>(node.op));
    for (graph::ValueId input : node.inputs) writer.integer(input);
  }
  for (const Watched& value : watched) {
    const ObserverSpec& spec = value.wanted.observer;
    writer.integer(value.wanted.value);
    writer.text(name_of(spec.kind));
    writer.real(spec.averaging_constant);
    writer.integer(spec.bins);
  }
  return fnv1a(writer.take());
}

Status Calibrator::merge(const Calibrator& other) {
  if (impl_->fingerprint() != other.impl_->fingerprint()) {
    return Status::error("calibrators of different models or configurations cannot be merged");
  }
  for (const Impl::Watched& value : impl_->watched) {
    if (Status status = graph::check_mergeable(value.wanted.observer.kind); !status.ok()) return status;
  }
  for (std::size_t i = 0; i < impl_->watched.size(); ++i) {
    Impl::Watched& value = impl_->watched[i];
    value.observer->merge(*other.impl_->watched[i].observer);
    value.extremes.merge(other.impl_->watched[i].extremes);
  }
  impl_->samples += other.impl_->samples;
  return {};
}

Status Calibrator::save_state(const std::filesystem::path& path) const {
  graph::StateWriter writer;
  writer.number(impl_->fingerprint());
  writer.integer(impl_->samples);
  for (const Impl::Watched& value : impl_->watched) {
    value.extremes.save(writer);
    value.observer->save(writer);
  }
  std::string bytes(kMagic);
  bytes += writer.take();
  bytes += low_bytes(fnv1a(bytes));
  // Beside it first: a state of yesterday survives a full disk.
  std::filesystem::path part = path;
  part += ".part";
  std::ofstream file(part, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code failed;
  if (file) std::filesystem::rename(part, path, failed);
  if (!file || failed) {
    std::error_code ignored;
    std::filesystem::remove(part, ignored);
    return Status::error(fmt::format("state '{}': cannot be written", path.string()));
  }
  return {};
}

Status Calibrator::load_state(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) return Status::error(fmt::format("state '{}': cannot be read", path.string()));
  const Status damaged = Status::error(fmt::format("state '{}': is no calibration state or is damaged", path.string()));
  std::string_view body = bytes;
  if (body.size() < kMagic.size() + kHashSize || !body.starts_with(kMagic)) return damaged;
  const std::string_view hash = body.substr(body.size() - kHashSize);
  body.remove_suffix(kHashSize);
  if (hash != low_bytes(fnv1a(body))) return damaged;
  graph::StateReader reader(body.substr(kMagic.size()));
  if (reader.number() != impl_->fingerprint()) return another(path);
  const std::int64_t samples = reader.integer();
  std::vector<std::unique_ptr<graph::Observer>> observers;
  std::vector<graph::Extremes> extremes(impl_->watched.size());
  for (std::size_t i = 0; i < impl_->watched.size(); ++i) {
    observers.push_back(graph::make_observer(impl_->watched[i].wanted.observer));
    if (!extremes[i].load(reader) || !observers.back()->load(reader)) return damaged;
  }
  if (!reader.complete() || samples < 0) return damaged;
  for (std::size_t i = 0; i < impl_->watched.size(); ++i) {
    impl_->watched[i].observer = std::move(observers[i]);
    impl_->watched[i].extremes = extremes[i];
  }
  impl_->samples = samples;
  return {};
}

}  // namespace octet
