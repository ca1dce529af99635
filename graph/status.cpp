// SPDX-License-Identifier: Apache-2.0
#include <octet/status.h>

namespace octet::detail {

void throw_error(const std::string& sentence) { throw Error(sentence); }

}  // namespace octet::detail
