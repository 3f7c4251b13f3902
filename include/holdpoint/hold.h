/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps between kernel and daemon. Each has one writer. Pinned below <pin directory>/maps. */
#ifndef HOLDPOINT_HOLD_H
#define HOLDPOINT_HOLD_H

#include "access.h"

/* Map `holds`: hash, hold id -> hp_hold. Written by the kernel only; the truth about who is suspended. */
struct hp_hold {
  struct hp_access access;
  char path[HP_PATH_MAX];
};

/* Map `arguments`: hash, hold id -> hp_argv, for exec holds. Written by the kernel only.
 * Bytes are the arguments in order, each with its NUL, and then, in their order, the variables of the environment that the policy
 * names ("NAME=value", each with its NUL). */
struct hp_argv {
  __u32 length; /* of both */
  __u32 count;
  __u32 environment_length; /* of the variables */
  __u32 environment_count;
  char bytes[HP_ARGV_MAX];
};

/* Map `verdicts`: hash, hold id -> hp_answer. Written by the daemon only; consumed by the kernel with one delete. */
struct hp_answer {
  __u64 digest[2]; /* of the hold; another digest is no answer */
  __u64 not_after; /* CLOCK_BOOTTIME, nanoseconds */
  __u32 verdict;   /* HP_ALLOW or HP_DENY */
  __u32 reserved;
};

/* Map `grants`: hash, hp_grant_key -> hp_grant. Written by the daemon only. */
struct hp_grant_key {
  __u64 session;
  __u64 digest[2];
};
struct hp_grant {
  __u64 not_after; /* CLOCK_BOOTTIME, nanoseconds */
  __u64 uses;      /* how many more times; ~0 = as often as wanted. Counted down by the kernel. */
  __u64 bound;     /* key in map `bound` of what the program may read, or 0 */
};

/* Map `bound`: hash, hold id of an approved exec -> hp_bound: the files that were shown with it. Written by the daemon before
 * the release. The program and its children meet it at each open: a file of one of these names, or this inode, that is
 * another than it was is asked about. Removed by the kernel with the last process, by the daemon with the session. */
struct hp_bound_file {
  __u64 names[HP_BOUND_NAMES][2]; /* keyed hashes; {0, 0}: none */
  __u64 device;
  __u64 inode; /* 0: nothing had one of these names */
  __u64 size;
  __u64 ctime_ns;
  __u32 own; /* set by the kernel: the program opened it for writing, so its changes are the program's */
  __u32
      script; /* the executed file itself; the kernel puts the name that its interpreter gets into names[0] */
};
struct hp_bound {
  __u64 session;
  __u64 tasks; /* counted by the kernel; 1 at first, for the one that executes */
  __u32 count;
  __u32 reserved;
  struct hp_bound_file files[HP_BOUND_FILES];
};

/* What the hp_files iterator says of each descriptor of one process: the kernel's own numbers, which stat does not always
 * give (overlayfs, btrfs). */
struct hp_file_state {
  __u64 descriptor;
  __u64 device;
  __u64 inode;
  __u64 size;
  __u64 ctime_ns;
  __u64 writers; /* open for writing elsewhere, shared mappings included */
};

/* Map `sessions`: hash, session id -> hp_session. Created by the kernel (a cgroup appears) or the daemon (tag, run). */
struct hp_session {
  __u64 cgroup;  /* id of the session's top cgroup */
  __u64 started; /* CLOCK_BOOTTIME, nanoseconds */
  __u32 agent;
  __u32 owner_uid;  /* real uid of whoever made the cgroup or asked for the session */
  __u32 login_uid;  /* audit login uid of the same, ~0 = none */
  __u32 holds;      /* now; counted by the kernel */
  __u64 hold_count; /* ever */
  __u64 deny_count;
};

/* Map `cgroups`: hash, cgroup id -> hp_cgroup: every agent's cgroup, and those below it that found room. */
struct hp_cgroup {
  __u64 session;
  __u32 agent;
  __u32 below; /* 1: below its session's own; these share HP_MAX_CGROUPS_BELOW places */
};

/* Map `tags`: task storage. Written by the kernel only. */
struct hp_tag {
  __u64 session;
  __u64 hold_id;                             /* of the access that is suspended or was just released */
  __u64 echo_device, echo_inode, echo_until; /* last denial, see HP_DENIAL_ECHO_NS */
  __u64 reenter_digest[2],
      reenter_until; /* a released open of a FIFO comes back to the hook within the same call */
  __u64
      create_dentry; /* a path hook's note for its inode twin: the entry that is made, changed or taken away, */
  __u64 create_mount; /* and the mount it was reached through */
  __u64
      write_mount; /* the mount that this call last asked to write to: attributes are set without naming one */
  __u64 moot_hold;      /* an open that is held, */
  __u64 moot_digest[2]; /* and the question about its creation, which was moot in the same call */
  __u64
      created_dentry; /* entry whose creation is held: a file_open of it in the same call makes that hold moot */
  __u64
      exec_hold; /* released exec that is under way: for the record should its argv differ, and for `bound` */
  __u64 bound;   /* key in map `bound`, or 0 */
  /* What the running program was approved by, 0: it needed no approval, or was traced already and shown so. No process of another
   * approval, or of none, traces it. */
  __u64 approval;
  __u32 agent;
  __u32 executable_set; /* cached: rule set of the running executable */
  __u32 executable_generation;
  __u32 executable_exec_id;
  __u32 note_flags; /* of the rename that is noted */
  __u32 reserved;
  __u32 flags;
  __u32
      entering; /* moved in by somebody and nothing executed since: it may join its cgroup once more itself, as systemd's children do */
};

/* Map `bells`: ring buffer. A bell says only where to look; a lost bell is found by scanning. */
enum hp_bell_kind {
  HP_BELL_HOLD = 1,     /* id: hold that is new or stopped again */
  HP_BELL_CONSUMED = 2, /* id: hold whose verdict was used; argument: hp_verdict */
  HP_BELL_ENDED = 3,    /* id: hold that is over without a verdict; argument: hp_ending */
  HP_BELL_SIGNAL =
      4, /* a signal that is not ignored came while the session has holds; argument: signal; id: tgid that got
                           it, and << 32 the tgid that was running then, if of the same session */
  HP_BELL_SESSION = 5,     /* id: new session */
  HP_BELL_ATTACH = 6,      /* id: cgroup a process was moved into: tag its other threads */
  HP_BELL_CGROUP_GONE = 7, /* id: cgroup; argument: 1 when it was the top of a session */
};
enum hp_ending {
  HP_ENDED_EXIT = 1,    /* the task died */
  HP_ENDED_OTHER = 2,   /* the task went on to another access */
  HP_ENDED_MOOT = 3,    /* the call turned out not to need it (create of an existing file) */
  HP_ENDED_REFUSED = 4, /* it cannot be held again: too often already, no stop, or the guard is unloaded */
  HP_ENDED_DENIED = 5,  /* policy denies it now */
  HP_ENDED_LOCKED = 6,  /* a lockdown refuses it now */
};
struct hp_bell {
  __u32 kind;
  __u32 argument;
  __u64 id;
};

/* Map `events`: ring buffer of things to record: hp_event_head, hp_access, path. */
enum hp_event_kind {
  HP_EVENT_DENIED = 1,
  HP_EVENT_LOGGED = 2,   /* allowed by a rule that says `log` */
  HP_EVENT_TAMPERED = 3, /* killed before its first instruction */
  HP_EVENT_GUARD = 4,    /* tried to touch the guard */
  HP_EVENT_GRANTED = 5,  /* an ask answered by a live grant */
  HP_EVENT_DISARMED = 6, /* passed while disarmed; access.verdict is what the policy says */
  HP_EVENT_OBSERVED = 7, /* let pass by a rule that is only observed and would have asked or denied */
};
struct hp_event {
  __u32 kind;
  __u32 length; /* of the whole record, bytes */
  struct hp_access access;
  char path[HP_PATH_MAX]; /* cut to access.path_length in the ring */
};

/* Map `guarded`: hash, hp_file_id -> hp_guard: the daemon's sockets. No tagged process connects or sends there. */
struct hp_file_id {
  __u64 device;
  __u64 inode;
};

/* Map `variables`: hash, hp_variable -> 1: names of the environment that are captured; "BASH_FUNC_" and "GIT_CONFIG_" also stand for
 * every name that begins so. Written by the daemon at publish. */
struct hp_variable {
  char name[HP_VARIABLE_NAME]; /* padded with NUL */
};

/* Map `locked_sessions`: hash, session id -> 1: sessions that an operator has stopped one by one. Written by the daemon only. What is
 * in it stays when the session's cgroup goes: a process may have left that before. */

/* Map `config`: array of one, written by the daemon before programs attach. */
struct hp_config {
  __u64 hash_key[2];
  __u64 next_session;    /* counted up by the kernel; the daemon seeds it above every id ever stored */
  __u64 next_hold;       /* likewise */
  __u64 untag_session;   /* whose tags the hp_untag iterator takes away */
  __u32 daemon_tgid;     /* protected from tagged signals */
  __u32 armed;           /* epoch of the program set that judges; 0: none yet, hooks only tag */
  __u32 closing;         /* the guard is being unloaded: what is asked is refused, nothing new is held */
  __u32 locked_sessions; /* how many there are in the map of that name; 0 spares looking */
  __u64 locked_agents;   /* bit N: an operator has stopped agent N; all ones: everybody */
  __u64
      disarmed_until; /* CLOCK_BOOTTIME, nanoseconds: until then rules let pass what they deny or ask about. Compared by the
                            kernel side, so it ends without the daemon, too */
  __u64 host_mounts;   /* number of process 1's mount namespace, found by the hp_sweep iterator; 0: not yet */
  __u64 daemon_mounts; /* the daemon's, likewise: its unit gives it one of its own */
};

#endif
