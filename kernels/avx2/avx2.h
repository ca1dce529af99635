// SPDX-License-Identifier: Apache-2.0
// 256-bit vectors without vpdpbusd: every x86 server since Haswell, AMD from Zen to Zen 3.
#pragma once

#include "kernels/microkernels.h"

namespace octet::kernels::OCTET_BACKEND_NS {

extern const Backend backend;

void gemm(const GemmArgs& args);
void gemm_widened(const GemmArgs& args);
void gemm_complement(const GemmArgs& args);
void gemm_quads(const GemmArgs& args);
void depthwise(const DepthwiseArgs& args);
void depthwise3x3(const Depthwise3x3Args& args);
void add(const AddParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n);
void mul(const MulParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n);
void lookup(const uint8_t* table, const uint8_t* in, uint8_t* out, size_t n);
void max_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, uint8_t* out);
void avg_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, const Requant& requant, uint8_t* out);
void quantize(const QuantizeParams& p, const float* in, uint8_t* out, size_t n);
void dequantize(float scale, int32_t zero_point, const uint8_t* in, float* out, size_t n);
void requantize_row(const Requant& requant, const int32_t* acc, uint8_t* out, size_t n);

}  // namespace octet::kernels::OCTET_BACKEND_NS
