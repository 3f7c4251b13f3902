/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One access as the kernel saw it: fixed part here, path and argv beside it. */
#ifndef HOLDPOINT_ACCESS_H
#define HOLDPOINT_ACCESS_H

#include <linux/types.h>

#include "limits.h"
#include "verdict.h"

enum hp_object_kind {
  HP_OBJECT_FILE = 0, /* path: as the mounts of the process's namespace show it, from the namespace's root */
  HP_OBJECT_INET = 1, /* address: IPv6, IPv4 as ::ffff:a.b.c.d; 0.0.0.0 and :: become loopback */
  HP_OBJECT_UNIX_PATH = 2,     /* path: absolute, relative ones joined to the working directory */
  HP_OBJECT_UNIX_ABSTRACT = 3, /* path: '@' and the name */
};

enum hp_access_flags {
  HP_ACCESS_UNLINKED = 1 << 0, /* the file has no name any more, or never had one (memfd, O_TMPFILE) */
  HP_ACCESS_ARGV_CUT =
      1
      << 1, /* argv longer than HP_ARGV_MAX, or no room for the script's path: cannot be verified, so not approved */
  HP_ACCESS_TRUNCATE = 1 << 2,     /* O_TRUNC */
  HP_ACCESS_REFUSED = 1 << 3,      /* answered EPERM at once, request filed */
  HP_ACCESS_SCRIPT_STAGE = 1 << 4, /* interpreter of a script, second or later stage of one execve */
  HP_ACCESS_FAST_OPEN = 1 << 5,    /* TCP fast open: connects inside send */
  HP_ACCESS_CHANGED =
      1 << 6, /* read of a file that an approved program was shown with, and that is another now */
  HP_ACCESS_TRACED = 1 << 7, /* exec: another process traces this one and can make another program of it */
};

/* What the kernel's digest covers, with path and argv. All of it is filled before hashing; no padding. */
struct hp_identity {
  __u64 session;
  __u32 agent;
  __u32 operations; /* mask of 1 << hp_operation */
  __u32 kind;       /* hp_object_kind */
  __u32 open_flags; /* O_* of the open file, access mode included */
  __u64 device;     /* s_dev of the object, or of the directory for create */
  __u64 inode;
  __u64 size; /* exec, HP_ACCESS_CHANGED: size and ctime, so that a rewritten file is another access */
  __u64 ctime_ns;
  __u64 cwd_device;
  __u64 cwd_inode;
  __u32 uid;
  __u32 gid;
  __u32 euid;
  __u32 egid;
  __u64 capabilities; /* effective */
  __u32 mount_ns;
  __u32 net_ns;
  __u8 address[16]; /* network order, IPv4 mapped */
  __u16 port;       /* host order */
  __u16 protocol;   /* IPPROTO_* */
  __u32 argc;
  __u32 call; /* hp_call */
  /* Where in `path` the second text begins: another path (rename, link), the attribute's name (xattr), what a symbolic link is to
   * contain (symlink), the script that was executed (HP_ACCESS_SCRIPT_STAGE). 0: there is none. */
  __u32 second;
  /* exec: 1 when it is traced. mkdir, mknod, chmod: mode. chown: uid << 32 | gid, all ones where one stays. rename: inode of what is replaced. times: the
   * second that is set, 0 for now. */
  __u64 detail;
  /* HP_ACCESS_SCRIPT_STAGE: the script that was executed, of which the object is the interpreter. Its path is the second text. */
  __u64 script_device;
  __u64 script_inode;
  __u64 script_size;
  __u64 script_ctime_ns;
};

struct hp_access {
  struct hp_identity identity;
  __u64 digest[2];  /* keyed hash of identity, path and argv; the daemon's verdict must repeat it */
  __u64 hold_id;    /* 0: not a hold */
  __u64 since;      /* CLOCK_BOOTTIME, nanoseconds */
  __u64 cgroup;     /* id of the task's cgroup */
  __u64 start_time; /* group leader's start, CLOCK_BOOTTIME, nanoseconds: with tgid it names one process */
  __u32 tid;
  __u32 tgid;
  __u32 parent; /* tgid of the real parent */
  __u32 policy_generation;
  __u16 rule; /* index into the policy image; meaningful for HP_CAUSE_RULE and holds */
  __u8 verdict;
  __u8 cause;
  __u32 flags;    /* hp_access_flags */
  __u32 attempts; /* times the held call met its hook; counted by the kernel */
  __u32 mode;     /* i_mode of the object */
  __u32 path_length;
  __u32 argv_length;        /* of the arguments */
  __u32 environment_length; /* of the variables behind them */
  char comm[16];
};

#endif
