// SPDX-License-Identifier: Apache-2.0
// The two ways of computing float operators.
#pragma once

#include "kernels/op.h"

namespace octet::kernels {

// octet's own ordered kernels, the same bits everywhere: the float ops of a model with at least one
// int8 op, and whatever oneDNN does not do. Same stems as kernels/ops.
namespace fp32 {
#define OCTET_OP(Name, stem, runs) Result<PreparedOp> prepare_##stem(const OpContext&);
#include "graph/ops.def"
#undef OCTET_OP
}  // namespace fp32

// oneDNN, for all-float models and calibration. A null PreparedOp means: not one of its ops, use
// fp32. Not part of octet::runtime; models loaded by octet::octet carry a pointer to it.
namespace onednn {
Result<PreparedOp> prepare(const OpContext&);
}

}  // namespace octet::kernels
