// SPDX-License-Identifier: Apache-2.0
// How libFuzzer changes compiled models. Left to itself it inserts and erases bytes, after which no length in the
// header and no offset in the FlatBuffer is right: nothing would ever be read behind them. Here most changes stay in
// place.
#include <cstring>
#include <random>
#include <string>

#include "runtime/compiled/container.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using Bytes = std::basic_string<std::byte>;

// A field of 1, 2, 4 or 8 bytes where one may stand becomes a likely value, or a copy of another field.
void change_field(Bytes& bytes, std::mt19937& random) {
  const std::size_t width = std::size_t{1} << random() % 4;
  if (bytes.size() < width) return;
  const auto any_place = [&] { return random() % (bytes.size() / width) * width; };
  std::byte* const field = bytes.data() + any_place();
  std::uint64_t value = 0;
  std::memcpy(&value, field, width);
  switch (random() % 6) {
    case 0:
      value = random() % 9;
      break;
    case 1:
      value = ~std::uint64_t{0} >> random() % 64;
      break;
    case 2:
      value += random() % 17;
      break;
    case 3:
      value -= random() % 17;
      break;
    case 4:
      value ^= std::uint64_t{1} << random() % 64;
      break;
    default:
      std::memcpy(&value, bytes.data() + any_place(), width);
  }
  std::memcpy(field, &value, width);
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  std::mt19937 random(seed);
  const auto parts = octet::runtime::read_container(std::as_bytes(std::span(data, size)));
  if (!parts.ok() || random() % 64 == 0) return LLVMFuzzerMutate(data, size, most);
  Bytes description(parts->description.begin(), parts->description.end());
  Bytes elements(parts->data.begin(), parts->data.end());
  Bytes& part = random() % 4 != 0 ? description : elements;
  for (unsigned n = 1 + random() % 4; n > 0; --n) change_field(part, random);
  if (random() % 16 == 0) elements.resize(elements.size() / 64 / 2 * 64);
  const std::string file = octet::runtime::write_container(description, elements);
  if (file.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, file.data(), file.size());
  return file.size();
}
