// SPDX-License-Identifier: Apache-2.0
// octet-c.h over the C++ classes. A null handle is an error where a status can say so, and otherwise
// the answer is 0 or nullptr: a C program's mistake must not become a crash inside a library.
#include <octet/backend.h>
#include <octet/session.h>

#include <algorithm>
#include <cstring>

#include "runtime/c_guard.h"
#include "runtime/c_options.h"

using octet::DType;
using octet::TensorInfo;
using octet::runtime::c_failure;
using octet::runtime::c_guard;

struct octet_session {
  octet::Session session;
};

static_assert(OCTET_MAX_RANK == octet::Shape::kMaxRank && OCTET_UNKNOWN == octet::Shape::kUnknown);
static_assert(OCTET_F32 == int(DType::f32) && OCTET_U8 == int(DType::u8) && OCTET_S8 == int(DType::s8) &&
              OCTET_S32 == int(DType::s32) && OCTET_S64 == int(DType::s64) && OCTET_BOOL == int(DType::boolean));

namespace {

constexpr std::size_t kMessageBytes = 1024;
thread_local char last_message[kMessageBytes] = "";

octet_status null_argument() { return c_failure(OCTET_INVALID_ARGUMENT, "an argument is a null pointer"); }

// Copies as much of `filled` as the caller's struct holds: programs compiled against an older, shorter
// one keep working.
template <class Info>
octet_status fill(Info filled, Info* out) {
  if (out == nullptr) return null_argument();
  const std::size_t size = out->size;
  if (size < sizeof(std::size_t))
    return c_failure(OCTET_INVALID_ARGUMENT, "an info's size is not set: use its INIT macro");
  filled.size = size;
  std::memcpy(out, &filled, std::min(size, sizeof(Info)));
  return OCTET_OK;
}

octet_status describe(std::span<const TensorInfo> infos, std::size_t index, octet_tensor_info* out) {
  if (index >= infos.size()) return c_failure(OCTET_INVALID_ARGUMENT, "there is no input or output with this index");
  const TensorInfo& info = infos[index];
  octet_tensor_info filled = OCTET_TENSOR_INFO_INIT;
  filled.name = info.name.c_str();
  filled.dtype = static_cast<octet_dtype>(info.dtype);
  filled.rank = info.shape.rank();
  std::copy(info.shape.begin(), info.shape.end(), filled.dims);
  if (info.shape.is_known()) filled.bytes = static_cast<std::size_t>(info.shape.count()) * size_of(info.dtype);
  return fill(filled, out);
}

const std::vector<octet::BackendInfo>& backend_infos() {
  static const std::vector<octet::BackendInfo> infos = octet::backends();
  return infos;
}

}  // namespace

octet_status octet::runtime::c_failure(octet_status status, const char* message) noexcept {
  const std::size_t length = std::min(std::strlen(message), kMessageBytes - 1);
  std::memcpy(last_message, message, length);
  last_message[length] = '\0';
  return status;
}

extern "C" {

const char* octet_version(void) { return OCTET_VERSION; }
const char* octet_last_message(void) { return last_message; }

octet_status octet_model_open(const char* path, const octet_model_limits* limits, octet_model** model) {
  if (path == nullptr || model == nullptr) return null_argument();
  return c_guard([&] {
    octet::ModelLimits wanted;
    if (octet_status status = octet::runtime::read_limits(limits, wanted); status != OCTET_OK) return status;
    return octet::runtime::c_give(octet::Model::open(path, wanted), model);
  });
}

void octet_model_free(octet_model* model) { delete model; }

size_t octet_model_input_count(const octet_model* model) { return model == nullptr ? 0 : model->inputs.size(); }
size_t octet_model_output_count(const octet_model* model) { return model == nullptr ? 0 : model->outputs.size(); }
octet_status octet_model_input(const octet_model* model, size_t index, octet_tensor_info* info) {
  return model == nullptr ? null_argument() : describe(model->inputs, index, info);
}
octet_status octet_model_output(const octet_model* model, size_t index, octet_tensor_info* info) {
  return model == nullptr ? null_argument() : describe(model->outputs, index, info);
}
int32_t octet_model_is_quantized(const octet_model* model) {
  return model != nullptr && model->model.is_quantized() ? 1 : 0;
}

octet_status octet_session_create(const octet_model* model, const octet_session_options* options,
                                  octet_session** session) {
  if (model == nullptr || session == nullptr) return null_argument();
  return c_guard([&] {
    octet::SessionOptions wanted;
    if (octet_status status = octet::runtime::read_options(options, wanted); status != OCTET_OK) return status;
    octet::Result<octet::Session> made = octet::Session::create(model->model, wanted);
    if (!made.ok()) return c_failure(OCTET_REFUSED, made.status().message().c_str());
    *session = new octet_session{std::move(*made)};
    return OCTET_OK;
  });
}

octet_status octet_session_arena_bytes_needed(const octet_model* model, const octet_session_options* options,
                                              size_t* bytes) {
  if (model == nullptr || bytes == nullptr) return null_argument();
  return c_guard([&] {
    octet::SessionOptions wanted;
    if (octet_status status = octet::runtime::read_options(options, wanted); status != OCTET_OK) return status;
    const octet::Result<std::size_t> needed = octet::Session::arena_bytes_needed(model->model, wanted);
    if (!needed.ok()) return c_failure(OCTET_REFUSED, needed.status().message().c_str());
    *bytes = *needed;
    return OCTET_OK;
  });
}

void octet_session_free(octet_session* session) { delete session; }

octet_status octet_thread_pool_create(int32_t threads, octet_thread_pool** pool) {
  if (pool == nullptr) return null_argument();
  return c_guard([&] {
    octet::Result<std::shared_ptr<octet::ThreadPool>> made = octet::ThreadPool::create(threads);
    if (!made.ok()) return c_failure(OCTET_REFUSED, made.status().message().c_str());
    *pool = new octet_thread_pool{std::move(*made)};
    return OCTET_OK;
  });
}
void octet_thread_pool_free(octet_thread_pool* pool) { delete pool; }

size_t octet_session_input_count(const octet_session* session) {
  return session == nullptr ? 0 : session->session.inputs().size();
}
size_t octet_session_output_count(const octet_session* session) {
  return session == nullptr ? 0 : session->session.outputs().size();
}
octet_status octet_session_input(const octet_session* session, size_t index, octet_tensor_info* info) {
  return session == nullptr ? null_argument() : describe(session->session.inputs(), index, info);
}
octet_status octet_session_output(const octet_session* session, size_t index, octet_tensor_info* info) {
  return session == nullptr ? null_argument() : describe(session->session.outputs(), index, info);
}
size_t octet_session_input_index(const octet_session* session, const char* name) {
  if (session == nullptr || name == nullptr) return octet_session_input_count(session);
  return session->session.input_index(name);
}
size_t octet_session_output_index(const octet_session* session, const char* name) {
  if (session == nullptr || name == nullptr) return octet_session_output_count(session);
  return session->session.output_index(name);
}
void* octet_session_input_data(octet_session* session, size_t index) {
  return session == nullptr ? nullptr : session->session.input_bytes(index).data();
}
const void* octet_session_output_data(const octet_session* session, size_t index) {
  return session == nullptr ? nullptr : session->session.output_bytes(index).data();
}
void octet_session_run(octet_session* session) {
  if (session != nullptr) session->session.run();
}
const char* octet_session_backend(const octet_session* session) {
  return session == nullptr ? "" : session->session.backend().c_str();
}
int32_t octet_session_threads(const octet_session* session) {
  return session == nullptr ? 0 : session->session.threads();
}

size_t octet_backend_count(void) {
  size_t count = 0;
  c_guard([&] { return count = backend_infos().size(), OCTET_OK; });
  return count;
}
octet_status octet_backend_at(size_t index, octet_backend_info* info) {
  return c_guard([&] {
    if (index >= backend_infos().size())
      return c_failure(OCTET_INVALID_ARGUMENT, "there is no backend with this index");
    const octet::BackendInfo& backend = backend_infos()[index];
    return fill(octet_backend_info{sizeof(octet_backend_info), backend.name.c_str(), backend.description.c_str(),
                                   backend.reason.c_str(), backend.usable ? 1 : 0, backend.is_default ? 1 : 0},
                info);
  });
}

}  // extern "C"
