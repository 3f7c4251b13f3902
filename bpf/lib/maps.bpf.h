/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every map: key, value, who writes, and what happens when it is full. Values shared with the daemon are described in
 * include/holdpoint/hold.h; those below the line are the kernel side's own. */
#ifndef HOLDPOINT_MAPS_BPF_H
#define HOLDPOINT_MAPS_BPF_H

#include "holdpoint/abi.h"
#include "kernel.bpf.h"

/* Mapped into the daemon, which changes single words while the kernel side counts in others. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct hp_config);
} config SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, HP_COUNT_END);
  __type(key, __u32);
  __type(value, __u64);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct hp_tag);
} tags SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, HP_MAX_HOLDS);
  __type(key, __u64);
  __type(value, struct hp_hold);
} holds SEC(".maps");

/* Not preallocated: 16 KiB each, and only exec holds have one. Full or out of memory: the ask is a denial. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, HP_MAX_HOLDS);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct hp_argv);
} arguments SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, HP_MAX_HOLDS);
  __type(key, __u64);
  __type(value, struct hp_answer);
} verdicts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, HP_MAX_HOLDS);
  __type(key, struct hp_grant_key);
  __type(value, struct hp_grant);
} grants SEC(".maps");

/* Not preallocated: 1.5 KiB each. Full or out of memory: the daemon denies the exec, though it was approved. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, HP_MAX_HOLDS);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct hp_bound);
} bound SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, HP_MAX_SESSIONS);
  __type(key, __u64);
  __type(value, struct hp_session);
} sessions SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, HP_MAX_CGROUPS);
  __type(key, __u64);
  __type(value, struct hp_cgroup);
} cgroups SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, struct hp_file_id);
  __type(value, __u32);
} guarded SEC(".maps");

/* Preallocated: a stop must not fail for want of memory. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, HP_MAX_SESSIONS);
  __type(key, __u64);
  __type(value, __u32);
} locked_sessions SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, HP_BELL_RING);
} bells SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, HP_EVENT_RING);
} events SEC(".maps");

struct policy_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(key_size, sizeof(__u32)); /* sizes, since clang leaves the types of an inner map out of BTF */
  __uint(value_size, sizeof(struct hp_policy));
};

/* Replacing an inner map is the one swap that publishes a policy. An empty slot denies. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, HP_MAX_AGENTS + 1); /* the last slot holds the cgroup patterns */
  __type(key, __u32);
  __array(values, struct policy_map);
} policies SEC(".maps");

#define HP_CGROUP_POLICY HP_MAX_AGENTS

/* Agent name (as an xattr of a cgroup has it, padded with NUL) -> agent id. Written by the daemon at publish. */
struct agent_name {
  char text[HP_AGENT_NAME];
};
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, HP_MAX_AGENTS);
  __type(key, struct agent_name);
  __type(value, __u32);
} agent_names SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, HP_MAX_VARIABLES);
  __type(key, struct hp_variable);
  __type(value, __u32);
} variables SEC(".maps");

/* ---- the kernel side's own ---- */

/* One per tagged task that met a hook. It holds what the verdict is made from, so it belongs to the task and not to the
 * processor: under full preemption another task would overwrite it in mid-evaluation. */
/* A walk up the dentries. It lives here and not on the stack so that a verifier which checks loop bodies until nothing new
 * comes up (6.12) sees plain memory instead of numbers that change each time. */
struct walk {
  struct dentry* from_dentry; /* where it begins, */
  struct vfsmount* from_mount;
  struct dentry* name; /* and what comes behind that, or 0 */
  struct dentry* dentry;
  struct vfsmount* mount;
  struct mnt_namespace* namespace;
  __u32 position; /* first byte of the path in `build` */
  __u32 end;      /* and the byte behind its last */
  __u32 mounts;
  __u32 result;
  __u32 done;
  __u32 reserved;
};

/* A name that something has, gets or loses: what the object automaton says to its path. */
struct place {
  __u32 set;
  __u32 state; /* in which it ended */
};

/* A walk over mounts; here for the same reason. */
struct mounts {
  struct mount* top;
  struct mount* here;
  struct mount* peer;
  struct mnt_namespace* namespace;
  __u32 step; /* enum in mounts.bpf.h */
  __u32 within;
};

struct workspace {
  struct walk walk;
  struct mounts mounts;
  __u64 hash[2];
  struct place places[2]; /* of a change: the name that is changed or taken away, and the one that is made */
  __u32 rule, rank, hold_mode, rule_flags; /* the strictest outcome of a change so far */
  __u32 state;                             /* in which the last automaton ended */
  __u32 guarded; /* of a change: one of its names is the guard's, whatever rules say */
  __u64 object; /* kernel address that a global function works on: it takes no such pointer as its argument */
  __u64
      socket; /* the unix socket for which this thread's call in progress was let pass, by the name in `event`; 0: none */
  __u64 message;         /* likewise, of the message that is sent; 0: none */
  struct hp_event event; /* laid out as the ring carries it */
  char build[HP_PATH_MAX +
             256]; /* the path grows from the end towards the front; 256 = longest component + slash */
};
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct workspace);
} workspaces SEC(".maps");

#define PIECE 256 /* bytes of user memory read at a time */

/* argv of the execve under way. One per task that executes something; 25 KiB. */
struct exec_workspace {
  __u32 stage; /* of one execve: 0 the named file, then its interpreters */
  __u32
      approved; /* a person or a grant released this execve: later stages are not asked again, argv is verified */
  __u64
      interpreter; /* inode that a file named as its interpreter, which has to be asked about and was not yet */
  __u32 failed;    /* argv or environment could not be read */
  __u32 cut;       /* both together are longer than HP_ARGV_MAX */
  __u32 first_length; /* bytes of argv[0] with its NUL */
  /* What was executed, for the question about the interpreter that it names. */
  __u64 script_device, script_inode, script_size, script_ctime_ns;
  __u32 script_length;
  /* State of the loops in argv.bpf.h; here for the verifier's sake, as struct walk. */
  __u32 pointer; /* bytes of one element of argv[]: 8, or 4 for a 32-bit caller */
  __u64 vector;  /* user address of argv[] */
  __u64 string;  /* where the current string goes on; 0: take the next */
  __u32 index;   /* of the next argument */
  __u32 done;
  __u32 offset; /* in wanted.bytes, of what is compared next */
  __u32 total;  /* where the comparing ends */
  __u32 skip;   /* strings still to pass over, or to compare */
  __u32 differs;
  __u32 comparing; /* of the current string of the environment: STRING_… in argv.bpf.h */
  struct hp_variable variable;
  char more[HP_VARIABLE_NAME]; /* what is behind a page's end; also room behind `variable` */
  char script[HP_PATH_MAX];
  struct hp_event released; /* what was approved, as it is told when the new program got something else */
  struct hp_argv wanted;
  char found[2 * PIECE]; /* also room for the last piece of `wanted` */
};
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct exec_workspace);
} exec_workspaces SEC(".maps");

/* What was decided for a socket: later calls on it to the same address are not asked again. */
struct socket_mark {
  __u64 digest[2]; /* of the access that was released */
  /* The first peer of a datagram socket that is not simply allowed: it is asked about at the first send, since resolver libraries
   * connect to every candidate without sending anything. It counts for all sends of the socket without an address, whatever was
   * connected to afterwards: that may have failed, or another thread may be in the middle of it. */
  __u8 address[16];
  __u32 port;
  __u32 claims;  /* who may write it: the first */
  __u32 pending; /* it is written */
  __u32 sends;   /* sends that looked for it */
  /* Of a unix datagram socket: the peer that it was let connect to. It means something as long as that is its peer: until then
   * nothing else gets this address. */
  __u64 released_peer;
};
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct socket_mark);
} socket_marks SEC(".maps");

/* How many of the places in `cgroups` are taken by those below a session's own, and how many such cgroups found none. */
struct cgroup_room {
  __u64 below;
  __u64 without;
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct cgroup_room);
} cgroup_rooms SEC(".maps");

/* The path of a cgroup being made. One is enough: the tracepoint runs under the kernel's cgroup_mutex. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct workspace);
} cgroup_workspace SEC(".maps");

static __always_inline void count(__u32 what) {
  __u64* value = bpf_map_lookup_elem(&counters, &what);
  if (value) *value += 1; /* per processor; a lost update under preemption costs one count, never a verdict */
}

static __always_inline struct hp_config* configuration(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&config, &zero);
}

static __always_inline void ring(__u32 kind, __u32 argument, __u64 id) {
  struct hp_bell bell = {.kind = kind, .argument = argument, .id = id};
  if (bpf_ringbuf_output(&bells, &bell, sizeof(bell), 0)) count(HP_COUNT_LOST_BELL);
}

#endif
