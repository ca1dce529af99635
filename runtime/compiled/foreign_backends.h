// SPDX-License-Identifier: Apache-2.0
// Backends of other processors, as far as packing asks for them: a file is often compiled on another machine than it
// runs on.
#pragma once

#include <array>
#include <string_view>

#include "kernels/backend.h"

namespace octet::runtime {

struct Tile {
  std::uint8_t mr = 0, nr = 0, nu = 0, kr = 0;  // mr 0: there is no such GEMM
  kernels::Packing packing = kernels::kPackCodes;
  std::uint8_t saturates = kernels::kSaturatesNot;
};

struct ForeignBackend {
  const char* name;
  kernels::Activation activation;
  Tile gemm, exact{}, complement{}, quads{};  // without `exact` the first is
};

// A test holds each line to the backend itself, in the builds that have it. `scalar` is in every build.
inline constexpr std::array<ForeignBackend, 7> kForeignBackends = {{
    {"avx512vnni", kernels::Activation::u8, {6, 64, 16, 4}},
    {"avx512vnni256", kernels::Activation::u8, {6, 16, 8, 4}},
    {"avxvnni", kernels::Activation::u8, {6, 16, 8, 4}},
    {"avx2",
     kernels::Activation::u8,
     {4, 16, 8, 4, kernels::kPackCodes, kernels::kSaturatesU8},
     {4, 16, 8, 2, kernels::kPackWords},
     {4, 16, 8, 4, kernels::kPackComplement},
     {4, 16, 8, 4, kernels::kPackQuads, kernels::kSaturatesU8}},
    {"i8mm", kernels::Activation::s8, {6, 16, 8, 8}},
    {"dotprod", kernels::Activation::s8, {8, 8, 8, 4}},
    {"neon", kernels::Activation::s8, {4, 8, 8, 16, kernels::kPackCodes, kernels::kSaturatesS8}, {4, 8, 8, 16}},
}};

// Something to prepare for, never to run: its kernels are those of `any`, a backend of this build.
inline kernels::Backend stand_in(const ForeignBackend& foreign, kernels::Backend any) {
  const auto with_tile = [run = any.gemm.run](const Tile& t) {
    return kernels::Gemm{t.mr == 0 ? nullptr : run, t.mr, t.nr, t.nu, t.kr, t.packing, t.saturates};
  };
  any.name = foreign.name;
  any.activation = foreign.activation;
  any.gemm = with_tile(foreign.gemm);
  any.gemm_exact = with_tile(foreign.exact.mr == 0 ? foreign.gemm : foreign.exact);
  any.gemm_complement = with_tile(foreign.complement);
  any.gemm_quads = with_tile(foreign.quads);
  return any;
}

}  // namespace octet::runtime
