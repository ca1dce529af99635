// SPDX-License-Identifier: Apache-2.0
#include "runtime/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace octet::runtime {
namespace {

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

Status cannot(const std::filesystem::path& path, const std::string& why) {
  return Status::error(fmt::format("cannot read '{}': {}", path.string(), why));
}

std::string last_error() { return std::generic_category().message(errno); }

}  // namespace

Result<MappedFile> map_file(const std::filesystem::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number < 0) return cannot(path, last_error());
  struct stat about = {};
  if (::fstat(file.number, &about) != 0) return cannot(path, last_error());
  if (!S_ISREG(about.st_mode)) return cannot(path, "it is not a file");
  if (about.st_size <= 0) return cannot(path, "it is empty");
  const auto size = static_cast<std::size_t>(about.st_size);
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (address == MAP_FAILED) return cannot(path, last_error());
  const auto unmap = [size](const std::byte* bytes) { ::munmap(const_cast<std::byte*>(bytes), size); };
  return MappedFile{std::shared_ptr<const std::byte[]>(static_cast<const std::byte*>(address), unmap), size};
}

}  // namespace octet::runtime
