// SPDX-License-Identifier: Apache-2.0
#include "kernels/op.h"

#include <limits>

#include "tests/support/catch.h"

namespace octet::kernels {

TEST_CASE("slices_for wakes threads only where it pays", "[op]") {
  CHECK(slices_for(1000, 1, 8) == 1);  // 1e3 units of cost
  CHECK(slices_for(99'999, 1, 8) == 1);
  CHECK(slices_for(100'000, 1, 8) == 4);  // no slice below 25e3
  CHECK(slices_for(1'000'000, 1, 8) == 8);
  CHECK(slices_for(1'000'001, 1, 8) == 32);  // enough to balance
  CHECK(slices_for(100'000'000, 1, 1) == 1);
  CHECK(slices_for(1, 1e12, 8) == 1);  // nothing to cut
  CHECK(slices_for(3, 1e12, 8) == 3);
  CHECK(slices_for(0, 1, 8) == 1);
  CHECK(slices_for(8, std::numeric_limits<double>::quiet_NaN(), 8) == 1);
  CHECK(slices_for(std::int64_t{1} << 40, std::numeric_limits<double>::infinity(), 8) == 32);
}

TEST_CASE("share_of leaves nothing out and nothing twice", "[op]") {
  for (std::int64_t total : {0, 1, 7, 64, 1000}) {
    for (int slices : {1, 2, 3, 8, 33}) {
      std::int64_t next = 0;
      for (int slice = 0; slice < slices; ++slice) {
        const Range range = share_of(total, slice, slices);
        CHECK(range.first == next);
        CHECK(range.last >= range.first);
        next = range.last;
      }
      CHECK(next == total);
    }
  }
}

TEST_CASE("an operator's errors begin with its node's name", "[op]") {
  const graph::Attrs attrs;
  const Backend backend{};
  const OpContext context{"conv1", attrs, {}, {}, backend};
  CHECK(context.error("stride 0: must be at least 1").message() == "node 'conv1': stride 0: must be at least 1");
}

}  // namespace octet::kernels
