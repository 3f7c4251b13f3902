/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a tagged process tries, and what may be said about it. */
#ifndef HOLDPOINT_VERDICT_H
#define HOLDPOINT_VERDICT_H

/* Operations. A rule and an access carry a mask of (1 << operation): an open for reading and writing is both, and
 * the strictest of the two verdicts counts. */
enum hp_operation {
  HP_OP_EXEC = 0,
  HP_OP_READ = 1,  /* open an existing object for reading */
  HP_OP_WRITE = 2, /* open an existing object for writing, or truncate it while opening */
  HP_OP_CREATE =
      3, /* a new name: a file, directory, device, FIFO, socket or symbolic link, and where a file is moved to */
  HP_OP_DELETE = 4,     /* a name goes: unlink, rmdir, and where a file is moved from */
  HP_OP_LINK = 5,       /* an object gets a second name */
  HP_OP_ATTRIBUTES = 6, /* owner, mode, access list, extended attributes */
  HP_OP_CONNECT = 7,    /* connect a stream, or give any other socket its peer: that is a send as well */
  HP_OP_SEND = 8,       /* send to an address of its own or to the peer of what is no stream; TCP fast open */
  HP_OP_COUNT = 9,
};

/* What a process calls, where the operations alone do not say it. Part of what is approved. */
enum hp_call {
  HP_CALL_NONE = 0, /* exec, open, connect, send */
  HP_CALL_MKDIR = 1,
  HP_CALL_MKNOD = 2,
  HP_CALL_SYMLINK = 3,
  HP_CALL_UNLINK = 4,
  HP_CALL_RMDIR = 5,
  HP_CALL_RENAME = 6,
  HP_CALL_EXCHANGE = 7,
  HP_CALL_LINK = 8,
  HP_CALL_TRUNCATE = 9,
  HP_CALL_CHMOD = 10,
  HP_CALL_CHOWN = 11,
  HP_CALL_XATTR = 12, /* set or remove an extended attribute, access lists included */
  HP_CALL_TIMES = 13, /* utimensat and its relatives */
  HP_CALL_FLAGS = 14, /* chattr: immutable, append-only, project and the like */
  HP_CALL_COUNT = 15,
};

/* Ordered by strictness: the larger wins where two apply. */
enum hp_verdict {
  HP_ALLOW = 0,
  HP_ASK = 1,
  HP_DENY = 2,
};

/* How an ask waits. AUTO suspends, except under a job-control shell that would see the stop (see bpf/README.md). */
enum hp_hold_mode {
  HP_HOLD_AUTO = 0,
  HP_HOLD_SUSPEND = 1,
  HP_HOLD_REFUSE = 2,
};

/* Why an access was denied without a rule of the policy saying so. Kept in hp_access.cause. */
enum hp_cause {
  HP_CAUSE_RULE = 0,          /* the rule in hp_access.rule */
  HP_CAUSE_DECISION = 1,      /* a verdict that the daemon stored for this hold */
  HP_CAUSE_ECHO = 2,          /* follow-up of a denial just given */
  HP_CAUSE_UNRESOLVED = 3,    /* path too long, too deep, or moving under the walk */
  HP_CAUSE_NO_POLICY = 4,     /* agent without a compiled policy */
  HP_CAUSE_NO_STORAGE = 5,    /* tag or workspace could not be read or made */
  HP_CAUSE_HOLDS_FULL = 6,    /* holds map full */
  HP_CAUSE_SESSION_HOLDS = 7, /* the session's share of holds is used up */
  HP_CAUSE_CANNOT_HOLD =
      8,                /* this hook or task cannot be suspended: io_uring, kernel thread, SIGSTOP refused */
  HP_CAUSE_REFUSED = 9, /* ask with hold mode refuse: EPERM now, request filed, retry after approval */
  HP_CAUSE_GUARD = 10,  /* built-in protection of the guard itself */
  HP_CAUSE_ARGV = 11,   /* argv could not be read or is longer than HP_ARGV_MAX */
  HP_CAUSE_SOCKET_PATH = 12, /* a unix socket resolved to another file than was evaluated */
  HP_CAUSE_TAMPERED = 13,    /* argv of the new program differs from what was approved: killed */
  HP_CAUSE_REHOLDS = 14,     /* HP_MAX_REHOLDS reached */
  HP_CAUSE_CLOSING = 15,     /* the guard is being unloaded: nobody would answer a hold */
  HP_CAUSE_LOCKDOWN = 16,    /* an operator has stopped the agent or the session */
  HP_CAUSE_DISARMED = 17,    /* no refusal: passed, since an operator has disarmed the rules for a time */
  HP_CAUSE_END = 18,
};

#endif
