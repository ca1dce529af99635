// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/export.h>
#include <octet/session.h>
#include <octet/status.h>

#include <string>
#include <string_view>

namespace octet {

/// Why an operator does not compute on codes, in one word that programs can rely on; OpInfo::reason says it in a
/// sentence. Empty for int8 operators, also where their result is float.
///
/// | code | meaning |
/// |---|---|
/// | `not-quantized` | no operator of the model computes on codes |
/// | `border` | a conversion between floats and codes |
/// | `integer` | shapes, indices and truth values, which are exact without codes |
/// | `no-int8-form` | octet has no int8 form of this operator |
/// | `float-neighbour` | an operand, the weights or the result are not quantized in the file |
OCTET_API std::string reason_code(const OpInfo& op);

/// An error that lists, one per line, every operator whose name matches `pattern` and that computes in float;
/// borders and integer operators are none. In `pattern`, `*` stands for any characters and `?` for one.
OCTET_API Status require_int8(const Session& session, std::string_view pattern = "*");

}  // namespace octet
