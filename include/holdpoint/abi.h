/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The whole contract between bpf/ and userspace/. Nothing else is shared. */
#ifndef HOLDPOINT_ABI_H
#define HOLDPOINT_ABI_H

#include "access.h"
#include "counter.h"
#include "hold.h"
#include "limits.h"
#include "policy_image.h"
#include "verdict.h"

#endif
