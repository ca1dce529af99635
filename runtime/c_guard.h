// SPDX-License-Identifier: Apache-2.0
// What the C functions share: nothing leaves them but a status, and one sentence per thread.
#pragma once

#include <octet/executor.h>
#include <octet/model.h>
#include <octet/octet-c.h>

#include <exception>
#include <new>
#include <vector>

// The handles. Infos are kept here because C needs addresses that stay.
struct octet_model {
  octet::Model model;
  std::vector<octet::TensorInfo> inputs, outputs;
};

struct octet_thread_pool {
  std::shared_ptr<octet::ThreadPool> pool;
};

namespace octet::runtime {

// Keeps `message`, cut to a fixed size: remembering a failure must not be able to fail.
octet_status c_failure(octet_status status, const char* message) noexcept;

// `body` returns an octet_status; whatever it throws becomes one too.
template <class Body>
octet_status c_guard(Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return c_failure(OCTET_NO_MEMORY, "not enough memory");
  } catch (const std::exception& error) {
    return c_failure(OCTET_REFUSED, error.what());
  } catch (...) {
    return c_failure(OCTET_REFUSED, "an exception of a kind that octet never throws");
  }
}

// The end of every way to get a model.
inline octet_status c_give(Result<Model> model, octet_model** out) {
  if (!model.ok()) return c_failure(OCTET_REFUSED, model.status().message().c_str());
  *out = new octet_model{*model, model->inputs(), model->outputs()};
  return OCTET_OK;
}

}  // namespace octet::runtime
