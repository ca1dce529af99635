// SPDX-License-Identifier: Apache-2.0
// The plain C++ backend: portable, and the specification that every other backend equals bit for
// bit. Each kernel is a template on what a code byte means: uint8_t, or int8_t behind the same
// pointers. A build for s8 activations is the same folder with the other Code in backend.cpp.
#pragma once

#include "kernels/microkernels.h"

namespace octet::kernels::OCTET_BACKEND_NS {

extern constinit const Backend backend;

// The packed layout that gemm reads.
enum : uint8_t { kGemmMr = 1, kGemmNr = 32, kGemmNu = 8, kGemmKr = 1 };
template <class Code>
void gemm(const GemmArgs& args);
template <class Code>
void depthwise(const DepthwiseArgs& args);

template <class Code>
void add(const AddParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n);
template <class Code>
void mul(const MulParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n);
void lookup(const uint8_t* table, const uint8_t* in, uint8_t* out, size_t n);
template <class Code>
void max_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, uint8_t* out);
template <class Code>
void avg_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, const Requant& requant, uint8_t* out);
void quantize(const QuantizeParams& p, const float* in, uint8_t* out, size_t n);
template <class Code>
void dequantize(float scale, int32_t zero_point, const uint8_t* in, float* out, size_t n);
void requantize_row(const Requant& requant, const int32_t* acc, uint8_t* out, size_t n);

}  // namespace octet::kernels::OCTET_BACKEND_NS
