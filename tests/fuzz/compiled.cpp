// SPDX-License-Identifier: Apache-2.0
// Any bytes as a compiled model; in a fuzzer's build checksums always agree. Corpus: what `octet compile` makes of
// corpus/onnx, with packed weights for every backend.
#include <cstring>
#include <memory>
#include <new>

#include "tests/fuzz/try_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::align_val_t kAlignment{64};
  const auto free = [](std::byte* memory) { ::operator delete[](memory, std::align_val_t{64}); };
  // A copy of exactly this size, so that the sanitizer sees a read behind its end.
  const std::unique_ptr<std::byte[], decltype(free)> copy(
      static_cast<std::byte*>(::operator new[](size == 0 ? 1 : size, kAlignment)), free);
  if (size != 0) std::memcpy(copy.get(), data, size);
  const std::span<const std::byte> bytes(copy.get(), size);
  octet::fuzz::try_model(octet::Model::open(bytes, octet::fuzz::small_limits()), false);
  return 0;
}
