// SPDX-License-Identifier: Apache-2.0
// All that differs between oneDNN 2.x and 3.x: how a primitive is described. 2.x has an operation
// descriptor in between, a scale on every post-op, and dilated pooling under a name of its own.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

namespace octet::kernels::onednn {

template <class Primitive, class... Arguments>
typename Primitive::primitive_desc describe(const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
                                            const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine, arguments..., attributes);
#else
  return typename Primitive::primitive_desc(typename Primitive::desc(arguments...), attributes, engine);
#endif
}

inline void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm algorithm, float alpha, float beta) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(algorithm, alpha, beta);
#else
  ops.append_eltwise(1.0F, algorithm, alpha, beta);
#endif
}

#if DNNL_VERSION_MAJOR >= 3
using Pooling = dnnl::pooling_forward;
#else
using Pooling = dnnl::pooling_v2_forward;
#endif

}  // namespace octet::kernels::onednn
