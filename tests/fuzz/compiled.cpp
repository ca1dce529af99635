// SPDX-License-Identifier: Apache-2.0
// Any bytes as a compiled model; in this build checksums always agree. Corpus: what `octet compile`
// makes of examples/digits.
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
  octet::fuzz::try_model(octet::Model::open(std::span<const std::byte>(copy.get(), size)));
  return 0;
}
