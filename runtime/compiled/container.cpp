// SPDX-License-Identifier: Apache-2.0
#include "runtime/compiled/container.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>

namespace octet::runtime {
namespace {

static_assert(std::endian::native == std::endian::little, "octet: compiled models are little-endian");

// A byte that no text has, and line ends that a text mode transfer would change.
constexpr std::array<unsigned char, 8> kMagic = {0x89, 'o', 'c', 't', 'e', 't', '\r', '\n'};

struct Header {
  std::array<unsigned char, 8> magic;
  std::uint32_t major, minor;
  std::uint64_t file_bytes;
  std::uint64_t description_bytes;  // the description follows the header
  std::uint64_t description_checksum;
  std::uint64_t data_offset;
  std::uint64_t reserved;
  std::uint64_t checksum;  // of what stands before
};
static_assert(sizeof(Header) == 64 && offsetof(Header, checksum) == 56);

std::span<const std::byte> checked_part(const Header& header) {
  return {reinterpret_cast<const std::byte*>(&header), offsetof(Header, checksum)};
}

std::uint64_t round_up(std::uint64_t n) { return (n + kBlobAlignment - 1) / kBlobAlignment * kBlobAlignment; }

}  // namespace

bool is_compiled_model(std::span<const std::byte> file) noexcept {
  return file.size() >= kMagic.size() && std::memcmp(file.data(), kMagic.data(), kMagic.size()) == 0;
}

Result<Container> read_container(std::span<const std::byte> file) {
  if (!is_compiled_model(file)) return Status::error("not a compiled model: it does not begin as one");
  if (file.size() < sizeof(Header)) {
    return Status::error(fmt::format("{} bytes: a compiled model has at least {}", file.size(), sizeof(Header)));
  }
  Header header;
  std::memcpy(&header, file.data(), sizeof header);
  if (!is_intact(checked_part(header), header.checksum))
    return Status::error("the header is damaged: its checksum differs");
  if (header.major != kFormatMajor) {
    return Status::error(
        fmt::format("format version {}.{}: this octet reads version {}", header.major, header.minor, kFormatMajor));
  }
  if (header.file_bytes != file.size()) {
    return Status::error(fmt::format("the file has {} bytes: its header says {}", file.size(), header.file_bytes));
  }
  const std::uint64_t room = file.size() - sizeof header;
  if (header.description_bytes > room || header.data_offset % kBlobAlignment != 0 ||
      header.data_offset < sizeof header + header.description_bytes || header.data_offset > file.size()) {
    return Status::error(fmt::format("a description of {} bytes and data from byte {} on do not fit into {} bytes",
                                     header.description_bytes, header.data_offset, file.size()));
  }
  const Container parts{file.subspan(sizeof header, header.description_bytes), file.subspan(header.data_offset)};
  if (!is_intact(parts.description, header.description_checksum)) {
    return Status::error("the description is damaged: its checksum differs");
  }
  return parts;
}

std::string write_container(std::span<const std::byte> description, std::span<const std::byte> data) {
  Header header = {};
  header.magic = kMagic;
  header.major = kFormatMajor;
  header.minor = kFormatMinor;
  header.description_bytes = description.size();
  header.description_checksum = checksum_of(description);
  header.data_offset = round_up(sizeof header + description.size());
  header.file_bytes = header.data_offset + data.size();
  header.checksum = checksum_of(checked_part(header));
  std::string file(header.file_bytes, '\0');
  std::memcpy(file.data(), &header, sizeof header);
  if (!description.empty()) std::memcpy(file.data() + sizeof header, description.data(), description.size());
  if (!data.empty()) std::memcpy(file.data() + header.data_offset, data.data(), data.size());
  return file;
}

}  // namespace octet::runtime
