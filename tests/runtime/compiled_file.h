// SPDX-License-Identifier: Apache-2.0
// A compiled model on disk and in aligned memory, for as long as a test needs it.
#pragma once

#include <octet/model.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <new>
#include <span>
#include <string>

namespace octet::test {

class AlignedCopy {
 public:
  explicit AlignedCopy(std::span<const std::byte> bytes)
      : memory_(static_cast<std::byte*>(::operator new[](bytes.size() + 1, kAlignment))), size_(bytes.size()) {
    std::memcpy(memory_.get(), bytes.data(), bytes.size());
  }
  std::span<std::byte> bytes() { return {memory_.get(), size_}; }
  std::span<const std::byte> bytes() const { return {memory_.get(), size_}; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete[](memory, kAlignment); }
  };
  std::unique_ptr<std::byte[], Free> memory_;
  std::size_t size_;
};

class CompiledFile {
 public:
  explicit CompiledFile(const Model& model, const CompileOptions& options = {})
      : path_((std::filesystem::temp_directory_path() / ("octet_test_" + std::to_string(::getpid()) + ".octet"))
                  .string()) {
    model.compile(path_, options).value();
    std::ifstream file(path_, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    copy_ = std::make_unique<AlignedCopy>(std::as_bytes(std::span(bytes)));
  }
  ~CompiledFile() { std::filesystem::remove(path_); }
  CompiledFile(const CompiledFile&) = delete;
  CompiledFile& operator=(const CompiledFile&) = delete;

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return static_cast<const AlignedCopy&>(*copy_).bytes(); }

 private:
  std::string path_;
  std::unique_ptr<AlignedCopy> copy_;
};

}  // namespace octet::test
