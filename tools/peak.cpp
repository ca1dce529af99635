// SPDX-License-Identifier: Apache-2.0
#include "tools/peak.h"

#include <algorithm>
#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace octet::tools {

#if defined(__x86_64__)
namespace {

constexpr int kChains = 12;  // independent accumulators: more than latency times ports
constexpr long kRounds = 200000;

// The fastest of several tries of `kRounds` rounds, `macs_per_round` each.
template <class Body>
double best(double macs_per_round, Body body) {
  double fastest = 1e9;
  for (int i = 0; i < 7; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    fastest = std::min(fastest, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return macs_per_round * static_cast<double>(kRounds) / fastest * 1e-9;
}

// Keeps a register's content opaque, so that no round can be optimised away.
#define OCTET_OPAQUE(x) __asm__ volatile("" : "+v"(x))

__attribute__((target("avx512f,avx512vnni"))) void vnni_512() {
  __m512i acc[kChains] = {}, a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-5);
  for (long i = 0; i < kRounds; ++i) {
    for (__m512i& chain : acc) {
      chain = _mm512_dpbusd_epi32(chain, a, b);
      OCTET_OPAQUE(chain);
    }
  }
}

__attribute__((target("avx512f,avx512vl,avx512vnni"))) void vnni_256() {
  __m256i acc[kChains] = {}, a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(-5);
  for (long i = 0; i < kRounds; ++i) {
    for (__m256i& chain : acc) {
      chain = _mm256_dpbusd_epi32(chain, a, b);
      OCTET_OPAQUE(chain);
    }
  }
}

__attribute__((target("avxvnni"))) void avxvnni_256() {
  __m256i acc[kChains] = {}, a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(-5);
  for (long i = 0; i < kRounds; ++i) {
    for (__m256i& chain : acc) {
      chain = _mm256_dpbusd_avx_epi32(chain, a, b);
      __asm__ volatile("" : "+x"(chain));
    }
  }
}

__attribute__((target("avx2"))) void maddubs_256() {
  __m256i acc[kChains] = {}, a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(-5), ones = _mm256_set1_epi16(1);
  for (long i = 0; i < kRounds; ++i) {
    for (__m256i& chain : acc) {
      __asm__ volatile("" : "+x"(a));  // or the products would be computed once, outside the loop
      const __m256i pairs = _mm256_maddubs_epi16(a, b);
      chain = _mm256_add_epi32(chain, _mm256_madd_epi16(pairs, ones));
      __asm__ volatile("" : "+x"(chain));
    }
  }
}

}  // namespace

double measured_peak(std::string_view backend) {
  if (backend == "avx512vnni") return best(64.0 * kChains, vnni_512);
  if (backend == "avx512vnni256") return best(32.0 * kChains, vnni_256);
  if (backend == "avxvnni") return best(32.0 * kChains, avxvnni_256);
  if (backend == "avx2") return best(32.0 * kChains, maddubs_256);
  return 0;
}

#else

double measured_peak(std::string_view) { return 0; }

#endif

}  // namespace octet::tools
