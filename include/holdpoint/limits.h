/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every bound that kernel and user space share, with its reason and what happens at the limit. */
#ifndef HOLDPOINT_LIMITS_H
#define HOLDPOINT_LIMITS_H

/* Version of everything below include/holdpoint. Programs and pinned maps of another version are never mixed. */
#define HP_ABI_VERSION 8

/* Agents that can be declared at once: index of the policy table. One more is refused by `policy check`. */
#define HP_MAX_AGENTS 64
#define HP_AGENT_NAME 32

/* Rules of one agent that the kernel decides, as bits of a set: four words keep the evaluation a handful of
 * instructions. One more is refused by the policy compiler, which names the rules. */
#define HP_MAX_RULES 256
#define HP_SET_WORDS (HP_MAX_RULES / 64)

/* Distinct rule sets that automaton states can lead to. Over it the compiler refuses and names the patterns. */
#define HP_MAX_SETS 4096
/* States and transitions of all automata of one agent: 64 KiB and 1 MiB of the image. Over it: as above. */
#define HP_MAX_STATES 32768
#define HP_MAX_TRANSITIONS (1U << 19)

/* PATH_MAX of Linux. A longer path (reached by relative names) is "unresolved", which denies. */
#define HP_PATH_MAX 4096
/* Components of a path: PATH_MAX bytes cannot hold more. A deeper walk is "unresolved". */
#define HP_MAX_COMPONENTS 2048
/* Mount points crossed on the way up; a container host nests fewer than ten. More is "unresolved". */
#define HP_MAX_MOUNTS 32

/* argv as the kernel compares it byte for byte. Longer argv is flagged "cut" and cannot be approved. */
#define HP_ARGV_MAX 16384
/* Count of arguments that the capture visits; bounded by HP_ARGV_MAX since each takes a byte. */
#define HP_ARGC_MAX 4096

/* Variables of the environment that change what a program does and are part of what is approved: as many names as a policy may
 * list, and their length with the NUL. More or longer: refused by the policy compiler. */
#define HP_MAX_VARIABLES 64
#define HP_VARIABLE_NAME 32
/* Variables that the capture visits; an environment with more is flagged "cut", as a long argv. */
#define HP_ENVC_MAX 4096

/* Holds of the whole host. The map is preallocated (18 MiB); when full, an ask is answered with a denial. */
#define HP_MAX_HOLDS 4096
/* Holds of one session, so that one agent cannot use up the host's. Over it an ask is a denial. */
#define HP_MAX_SESSION_HOLDS 512
/* Sessions known at once. When full, a process entering an agent's cgroup is tagged with session 0, to which everything is
 * denied. */
#define HP_MAX_SESSIONS 8192
/* Cgroups known at once. Those below a session's own, which an agent may make without end, get at most a quarter of the places:
 * one that finds none is recognised by the cgroups above it, at some cost to everybody. So there is always room for sessions,
 * those of number 0 among them, up to 12,288; more agents' cgroups at once are not recognised, and counted. */
#define HP_MAX_CGROUPS 16384
#define HP_MAX_CGROUPS_BELOW 4096
/* How far up a cgroup without a place looks. Deeper ones of that kind are denied everything. */
#define HP_MAX_CGROUP_DEPTH 64

/* How often a held call may meet its hook again without a verdict before it is refused: a SIGCONT flood at
 * 100 microseconds (tmux) takes minutes to reach this, and the daemon's freezer ends it in milliseconds. */
#define HP_MAX_REHOLDS 1000000

/* A released verdict that nobody consumes (a signal handler jumped away) dies after this. Nanoseconds. */
#define HP_VERDICT_LIFE_NS (10ULL * 1000 * 1000 * 1000)
/* A fresh denial also answers the same process's next access to the same object (bash looks at a file that it
 * could not execute). Nanoseconds. */
#define HP_DENIAL_ECHO_NS (2ULL * 1000 * 1000 * 1000)

/* Files whose content one approved exec is bound to: 16 arguments and the script itself. Those that are left out are shown as
 * "content not bound". Names by which each is known: as given, joined to the working directory, and its path. */
#define HP_BOUND_FILES 17
#define HP_BOUND_NAMES 3

/* Ring buffers, bytes. Full: a bell is replaced by the daemon's scan of the holds; an event is lost and counted. */
#define HP_BELL_RING (256 * 1024)
#define HP_EVENT_RING (4 * 1024 * 1024)

#endif
