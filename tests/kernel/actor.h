/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent's program does, step by step, for kernel tests: `actor STEP [word...] + STEP [word...] + ...`.
 *
 * To add steps: a file actor_<topic>.c with a table `actor_<topic>` (ended by an empty entry), its name in actor.c's list
 * of tables and in CMakeLists.txt. */
#pragma once

struct actor_step {
  const char* name;
  /* words[0] is the step's name; words[count] is null. Returns 0 when the step was carried out, whatever it led to (that
   * is printed), and another number to end the program with it. */
  int (*run)(int count, char** words);
};

extern const struct actor_step actor_file[];
extern const struct actor_step actor_exec[];
extern const struct actor_step actor_socket[];
extern const struct actor_step actor_held[];
extern const struct actor_step actor_faults[];
extern const struct actor_step actor_rows[];
extern const struct actor_step actor_compat[];
extern const struct actor_step actor_trace[];
extern const struct actor_step actor_change[];

/* Prints "WHAT ok RESULT", or "WHAT ERRNO-NAME" (by errno) when the result is negative, as one line at once. Returns the
 * result. errno 513 and the like, which no program may see, are printed as numbers. */
long actor_say(const char* what, long result);

/* Waits until that thread of ours sleeps in a system call. */
void actor_wait_asleep(int tid);
