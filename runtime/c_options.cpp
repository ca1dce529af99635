// SPDX-License-Identifier: Apache-2.0
#include "runtime/c_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/c_guard.h"

namespace octet::runtime {
namespace {

static_assert(OCTET_REQUANT_FIXED == int(RequantMode::fixed) && OCTET_REQUANT_FLOAT == int(RequantMode::floating) &&
              OCTET_REQUANT_FLOAT_QNNPACK == int(RequantMode::floating_qnnpack));

octet_status invalid(const std::string& message) { return c_failure(OCTET_INVALID_ARGUMENT, message.c_str()); }

// The caller's struct as this library knows it: fields that an older program lacks are 0. What a newer
// program has beyond them must be 0, or it asks for something that this library would silently not do.
octet_status adopt(const void* from, void* known, std::size_t known_size, const char* name) {
  std::size_t size = 0;
  std::memcpy(&size, from, sizeof size);
  if (size < sizeof size || size > 4096) {
    return invalid(fmt::format("{}.size is {}: set it to sizeof({})", name, size, name));
  }
  std::memcpy(known, from, std::min(size, known_size));
  const auto* bytes = static_cast<const unsigned char*>(from);
  for (std::size_t i = known_size; i < size; ++i) {
    if (bytes[i] != 0) {
      return invalid(
          fmt::format("{}: byte {} is set, but octet {} knows {} bytes of it", name, i, OCTET_VERSION, known_size));
    }
  }
  return OCTET_OK;
}

octet_status read_shape(const octet_input_shape& input, SessionOptions& out) {
  if (input.name == nullptr || input.dims == nullptr) return invalid("an octet_input_shape has a null pointer");
  if (input.rank < 0 || input.rank > OCTET_MAX_RANK) {
    return invalid(fmt::format("input '{}': rank {}: must be 0 to {}", input.name, input.rank, OCTET_MAX_RANK));
  }
  out.input_shapes[input.name] = Shape(std::span(input.dims, static_cast<std::size_t>(input.rank)));
  return OCTET_OK;
}

}  // namespace

octet_status read_limits(const octet_model_limits* limits, ModelLimits& out) {
  if (limits == nullptr) return OCTET_OK;
  octet_model_limits known = {};
  if (octet_status status = adopt(limits, &known, sizeof known, "octet_model_limits"); status != OCTET_OK)
    return status;
  if (known.max_depth < 0) return invalid(fmt::format("octet_model_limits.max_depth is {}", known.max_depth));
  const auto set = [](auto value, auto& limit) {
    if (value != 0) limit = value;
  };
  set(known.max_file_bytes, out.max_file_bytes);
  set(known.max_nodes, out.max_nodes);
  set(known.max_constant_bytes, out.max_constant_bytes);
  set(known.max_computed_bytes, out.max_computed_bytes);
  set(known.max_depth, out.max_depth);
  return OCTET_OK;
}

octet_status read_options(const octet_session_options* options, SessionOptions& out) {
  if (options == nullptr) return OCTET_OK;
  octet_session_options known = {};
  if (octet_status status = adopt(options, &known, sizeof known, "octet_session_options"); status != OCTET_OK)
    return status;
  static_assert(sizeof known.requant == sizeof(std::int32_t));
  std::int32_t requant = 0;  // copied, because an enumerator that does not exist may not be looked at
  std::memcpy(&requant, &known.requant, sizeof requant);
  if (requant < OCTET_REQUANT_FIXED || requant > OCTET_REQUANT_FLOAT_QNNPACK) {
    return invalid(fmt::format("octet_session_options.requant is {}: must be 0 to 2", requant));
  }
  if (known.backend != nullptr) out.backend = known.backend;
  out.threads = known.threads;
  out.requant = static_cast<RequantMode>(requant);
  if (known.max_arena_bytes != 0) out.max_arena_bytes = known.max_arena_bytes;
  out.arena = {static_cast<std::byte*>(known.arena), known.arena == nullptr ? 0 : known.arena_bytes};
  out.executor = {known.executor.parallel_for, known.executor.self};
  if (known.pool != nullptr) out.pool = known.pool->pool;
  out.prefault = known.prefault != 0;
  if (known.input_shape_count != 0 && known.input_shapes == nullptr) return invalid("input_shapes is a null pointer");
  for (std::size_t i = 0; i < known.input_shape_count; ++i) {
    if (octet_status status = read_shape(known.input_shapes[i], out); status != OCTET_OK) return status;
  }
  return OCTET_OK;
}

}  // namespace octet::runtime
