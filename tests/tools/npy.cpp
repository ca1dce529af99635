// SPDX-License-Identifier: Apache-2.0
#include "tools/npy.h"

#include <cstring>
#include <filesystem>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/data.h"

using namespace octet;

TEST_CASE("npy files come back as they were written") {
  const auto path = std::filesystem::temp_directory_path() / "octet_test_roundtrip.npy";
  std::mt19937 random(3);
  for (DType type : {DType::f32, DType::u8, DType::s8, DType::s32, DType::s64, DType::boolean}) {
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{2, 3, 4}, Shape{0, 7}, Shape{1, 2, 1, 3, 1, 2}}) {
      std::vector<std::byte> bytes(static_cast<std::size_t>(shape.count()) * size_of(type));
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
      REQUIRE(tools::write_npy(path, type, shape, bytes).ok());
      const auto array = tools::read_npy(path).value();
      CHECK(array.dtype == type);
      CHECK(array.shape == shape);
      CHECK(array.bytes == bytes);
    }
  }
  std::filesystem::remove(path);
}

TEST_CASE("damaged npy files are refused with a sentence") {
  const auto good = test::load(test::digits("test_labels.npy"));
  const auto path = std::filesystem::temp_directory_path() / "octet_test_damaged.npy";
  REQUIRE(tools::write_npy(path, good.dtype, good.shape, good.bytes).ok());
  CHECK(tools::read_npy("no/such.npy").status().message().find("no/such.npy") != std::string::npos);
  std::filesystem::remove(path);

  const auto refuse = [](std::string header, std::size_t payload) {
    std::string file = "\x93NUMPY";
    file += std::string("\1\0", 2);
    file += static_cast<char>(header.size());
    file += '\0';
    file += header + std::string(payload, '\0');
    return tools::parse_npy(std::as_bytes(std::span(file)), "x.npy").status().message();
  };
  CHECK(refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7).find("needs 8") != std::string::npos);
  CHECK(refuse("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8).find("Fortran") != std::string::npos);
  CHECK(refuse("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8).find("'<c8'") != std::string::npos);
  CHECK(refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,9999999999), }", 8).find("shape") != std::string::npos);
  CHECK(refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1), }", 4).find("shape") != std::string::npos);
  CHECK(refuse("{'descr': '<f4', 'shape': (-1,), }", 4).find("shape") != std::string::npos);
  CHECK(refuse("", 0).find("x.npy") != std::string::npos);
  for (std::size_t n = 0; n < 12; ++n) {
    const std::string start = std::string("\x93NUMPY\1\0\xFF\xFF....", 14).substr(0, n);
    CHECK_FALSE(tools::parse_npy(std::as_bytes(std::span(start)), "x.npy").ok());
  }
}
