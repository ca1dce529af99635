// SPDX-License-Identifier: Apache-2.0
// Elementary functions made of IEEE additions, multiplications and divisions only, so that a table
// built from them holds the same bytes on every system. libm gives no such promise: its results
// differ between versions and vendors in the last bit, which is enough to flip a code.
//
// exp, tanh and erf are within 2 ulp of the true value (tests measure it), log and log1p likewise.
// The usual limits hold: exp(-inf) = 0, log(0) = -inf, log of a negative number and any NaN give NaN.
#pragma once

namespace octet::kernels::exact {

double exp(double x);
double log(double x);
double log1p(double x);  // for x >= 0
double tanh(double x);
double erf(double x);

}  // namespace octet::kernels::exact
