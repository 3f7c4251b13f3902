/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that connect and send. */
#define _GNU_SOURCE
#include <stddef.h>

#include "actor.h"

const struct actor_step actor_socket[] = {
    {0, 0},
};
