// SPDX-License-Identifier: Apache-2.0
// Real files, where they are present.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
namespace fs = std::filesystem;

TEST_CASE("the keyword spotting files") {
  const fs::path folder = fs::path(OCTET_SHARED_DIR) / "data" / "kws";
  if (!fs::exists(folder)) {
    WARN("skipped: " << folder << " is absent");
    return;
  }
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".onnx") continue;
    INFO(entry.path().filename());
    std::ifstream stream(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
    const auto graph = import_onnx(as_bytes(bytes), folder);
    ++files;
    INFO(graph.status().message());
    REQUIRE(graph.ok());
    REQUIRE(graph->outputs.size() == 1);
    const Value& output = (*graph)[graph->outputs[0]];
    CHECK((output.shape_known && output.shape.rank() == 2 && output.shape[1] == 12));
    const std::string stem = entry.path().stem().string();
    const bool is_quantized = stem.find("qdq") != std::string::npos || stem.find("qop") != std::string::npos;
    CHECK(is_quantized == (ops_of(*graph).find("Dequantize") != std::string::npos));
  }
  CHECK(files == 8);
}
