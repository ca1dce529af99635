// SPDX-License-Identifier: Apache-2.0
/// Everything: include this one, or the header you need.
#pragma once

#include <octet/backend.h>
#include <octet/compare.h>
#include <octet/executor.h>
#include <octet/explain.h>
#include <octet/limits.h>
#include <octet/model.h>
#include <octet/observer.h>
#include <octet/qparams.h>
#include <octet/quantize.h>
#include <octet/session.h>
#include <octet/status.h>
#include <octet/tensor.h>
