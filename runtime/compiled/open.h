// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/model.h>

#include <cstddef>
#include <memory>

#include "kernels/op.h"

namespace octet::runtime {

// A compiled model as Model; `float_prepare` as in ModelImpl.
Result<Model> open_compiled(const std::shared_ptr<const std::byte[]>& file, std::size_t size,
                            kernels::PrepareFn float_prepare, const ModelLimits& limits);

}  // namespace octet::runtime
