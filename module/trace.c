// SPDX-License-Identifier: GPL-2.0-only
/* The code of the tracepoints. */
#include "zcpool.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
