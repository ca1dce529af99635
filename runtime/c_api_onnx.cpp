// SPDX-License-Identifier: Apache-2.0
// The two functions of octet-c.h that read ONNX; part of octet::octet.
#include "runtime/c_guard.h"
#include "runtime/c_options.h"

using octet::runtime::c_failure;
using octet::runtime::c_give;
using octet::runtime::c_guard;

extern "C" {

octet_status octet_model_load(const char* path, const octet_model_limits* limits, octet_model** model) {
  if (path == nullptr || model == nullptr) return c_failure(OCTET_INVALID_ARGUMENT, "an argument is a null pointer");
  return c_guard([&] {
    octet::ModelLimits wanted;
    if (octet_status status = octet::runtime::read_limits(limits, wanted); status != OCTET_OK) return status;
    return c_give(octet::Model::load(path, wanted), model);
  });
}

octet_status octet_model_parse(const void* bytes, size_t byte_count, const char* directory,
                               const octet_model_limits* limits, octet_model** model) {
  if (bytes == nullptr || model == nullptr) return c_failure(OCTET_INVALID_ARGUMENT, "an argument is a null pointer");
  return c_guard([&] {
    octet::ModelLimits wanted;
    if (octet_status status = octet::runtime::read_limits(limits, wanted); status != OCTET_OK) return status;
    const std::span given(static_cast<const std::byte*>(bytes), byte_count);
    return c_give(octet::Model::parse(given, directory == nullptr ? "" : directory, wanted), model);
  });
}

}  // extern "C"
