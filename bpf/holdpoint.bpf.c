/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All programs as one object. Each area is a file of its own below hooks/; what they share is below lib/. */
#include "hooks/tagging.bpf.c"
#include "hooks/exec.bpf.c"
#include "hooks/file.bpf.c"
#include "hooks/change.bpf.c"
#include "hooks/attributes.bpf.c"
#include "hooks/socket.bpf.c"
#include "hooks/self.bpf.c"
#include "hooks/mount.bpf.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
